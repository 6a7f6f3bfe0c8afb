"""What is asked, how often, and where it may lead, with a network that does what the test says."""

from __future__ import annotations

import email.utils
import socket
from dataclasses import dataclass, field

import pytest

from explorer._errors import FetchError
from explorer.remote.cache import DiskCache
from explorer.remote.client import Web
from explorer.remote.transport import BrokenError, OutOfTimeError, UntrustedError

ADDRESSES = {
    "public.example": ["93.184.215.14"],
    "two.example": ["93.184.215.14", "93.184.215.15"],
    "home.example": ["192.168.1.7"],
    "nas.example": ["192.168.1.8"],
    "mixed.example": ["192.168.1.7", "93.184.215.14"],
    "cloud.example": ["169.254.169.254"],
}
URL = "https://public.example/cat.png"


@dataclass
class Said:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"pixels"
    reason: str = "Reason"
    step: int = 1_000_000
    closed: bool = False

    def read(self, most):
        piece, self.body = self.body[: self.step], self.body[self.step :]
        return piece

    def close(self):
        self.closed = True


class Network:
    """Answers from a script; remembers who was asked at which address."""

    def __init__(self, *script):
        self.script = list(script)
        self.asked = []
        self.headers = []

    def open(self, place, address, headers, *, connect_s, timeout_s, whole):
        self.asked.append((place.url, address))
        self.headers.append(headers)
        said = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if callable(said):
            said = said()
        if isinstance(said, Exception):
            raise said
        return said

    def close(self):
        pass


def resolve(host, port):
    if host[0].isdigit() or ":" in host:
        return [host]
    if host not in ADDRESSES:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return ADDRESSES[host]


@pytest.fixture
def over(fetch):
    """Make a fetcher over a script."""

    def make(*script, **given):
        network = Network(*script)
        return fetch(**{"transport": network, "resolve": resolve, **given}), network

    return make


def test_a_body_is_returned_and_the_answer_closed(over):
    said = Said(body=b"abc" * 10, step=7)
    fetcher, network = over(said)
    assert fetcher.read(URL) == b"abc" * 10
    assert said.closed
    assert network.asked == [(URL, "93.184.215.14")]


@pytest.mark.parametrize("trouble", [Said(503), Said(500), Said(429), Said(408), BrokenError("reset")])
def test_passing_trouble_is_tried_again_and_waited_for(over, waits, trouble):
    fetcher, network = over(trouble, trouble, Said())
    assert fetcher.read(URL) == b"pixels"
    assert waits.seconds == [0.5, 1.0]
    assert len(network.asked) == 3


@pytest.mark.parametrize("status", [204, 206, 304, 400, 401, 403, 404, 410, 501])
def test_a_refusal_is_final(over, waits, status):
    fetcher, _ = over(Said(status, reason="Sorry"))
    with pytest.raises(FetchError, match=f"could not be fetched: {status} Sorry\\.") as caught:
        fetcher.read(URL)
    assert (caught.value.status, caught.value.tries, caught.value.url) == (status, 1, URL)
    assert waits.seconds == []


def test_after_the_last_try_it_says_how_often(over, waits):
    fetcher, network = over(Said(503, reason="Service Unavailable"))
    with pytest.raises(FetchError) as caught:
        fetcher.read(URL)
    assert caught.value.message == f"{URL} could not be fetched: 503 Service Unavailable (tried 4 times)."
    assert len(network.asked) == caught.value.tries == 4
    assert waits.seconds == [0.5, 1.0, 2.0]


def test_waits_are_uneven_and_bounded(over, waits):
    fetcher, _ = over(Said(503), web=Web(cache=False, retries=9), jitter=lambda: 0.0)
    with pytest.raises(FetchError):
        fetcher.read(URL)
    assert waits.seconds[:3] == [0.25, 0.5, 1.0]
    assert max(waits.seconds) == 15.0


def test_a_server_that_says_when_is_obeyed(over, waits):
    later = email.utils.formatdate(1_000_020, usegmt=True)
    script = [Said(429, {"Retry-After": "7"}), Said(503, {"Retry-After": later}), Said()]
    fetcher, _ = over(*script, now=lambda: 1_000_000.0)
    assert fetcher.read(URL) == b"pixels"
    assert waits.seconds == [7.0, 20.0]


def test_a_server_that_wants_an_hour_is_not_waited_for(over, waits):
    fetcher, _ = over(Said(429, {"Retry-After": "3600"}, reason="Too Many"))
    with pytest.raises(
        FetchError, match=r"429 Too Many, and the server asks to come back in 3,600 s\."
    ) as caught:
        fetcher.read(URL)
    assert "concurrency=4" in caught.value.hint
    assert waits.seconds == []


def test_a_timeout_is_final_and_says_what_to_type(over):
    fetcher, network = over(OutOfTimeError())
    with pytest.raises(FetchError, match="timed out after 10 s") as caught:
        fetcher.read(URL)
    assert caught.value.hint == "Allow more time: ex.Web(timeout_s=30)."
    assert len(network.asked) == 1


def test_the_time_is_for_the_whole_body(over, clock):
    class Slow(Said):
        def read(self, most):
            clock.now += 3
            return super().read(most)

    said = Slow(body=b"x" * 100, step=1)
    fetcher, _ = over(said)
    with pytest.raises(FetchError, match="timed out after 10 s"):
        fetcher.read(URL)
    assert said.closed
    assert clock.now <= 13


def test_the_time_is_for_all_redirects_together(over, clock):
    def redirect():
        clock.now += 4
        return Said(302, {"Location": URL})

    fetcher, network = over(redirect)
    with pytest.raises(FetchError, match="timed out"):
        fetcher.read(URL)
    assert len(network.asked) == 3


def test_too_large_a_body_is_refused_by_what_the_server_says(over):
    said = Said(headers={"Content-Length": str(200 * 2**20)})
    fetcher, _ = over(said)
    with pytest.raises(FetchError, match=r"larger than 64 MiB \(200.0 MiB\)") as caught:
        fetcher.read(URL)
    assert "max_bytes" in caught.value.hint
    assert said.body == b"pixels"
    assert said.closed


def test_too_large_a_body_is_refused_while_it_comes(over):
    said = Said(body=b"x" * 10_000, step=100)
    fetcher, _ = over(said, web=Web(cache=False, max_bytes=1024))
    with pytest.raises(FetchError, match="larger than"):
        fetcher.read(URL)
    assert len(said.body) > 8_000


def test_an_unknown_host_is_said_at_once_and_a_resting_name_server_tried_again(over, waits):
    fetcher, network = over(Said())
    with pytest.raises(FetchError, match=r"the host 'exmaple\.com' is unknown"):
        fetcher.read("https://exmaple.com/cat.png")
    assert waits.seconds == []

    def resting(host, port):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    fetcher, network = over(Said(), resolve=resting)
    with pytest.raises(FetchError, match="tried 4 times"):
        fetcher.read(URL)
    assert network.asked == []


def test_a_host_is_looked_up_once_a_minute(over, clock):
    looked_up = []

    def counting(host, port):
        looked_up.append(host)
        return resolve(host, port)

    fetcher, _ = over(Said, resolve=counting)
    for seconds in (0, 30, 59, 61):
        clock.now = seconds
        fetcher.read(URL)
    assert len(looked_up) == 2


def test_the_next_address_is_tried_when_one_does_not_answer(over, waits):
    fetcher, network = over(BrokenError("Connection refused"), Said())
    assert fetcher.read("https://two.example/") == b"pixels"
    assert [address for _, address in network.asked] == ["93.184.215.14", "93.184.215.15"]
    assert waits.seconds == []


def test_a_certificate_that_proves_nothing_is_final(over):
    fetcher, network = over(UntrustedError("self-signed certificate"))
    with pytest.raises(
        FetchError, match=r"certificate of public.example cannot be trusted \(self-signed"
    ) as caught:
        fetcher.read(URL)
    assert "SSL_CERT_FILE" in caught.value.hint
    assert len(network.asked) == 1


# Redirects


def test_redirects_are_followed_relative_and_absolute(over):
    script = [
        Said(301, {"Location": "/b/dög.png"}),
        Said(307, {"Location": "http://two.example/c.png"}),
        Said(),
    ]
    fetcher, network = over(*script)
    assert fetcher.read(URL) == b"pixels"
    asked = [url for url, _ in network.asked]
    assert asked == [URL, "https://public.example/b/d%C3%B6g.png", "http://two.example/c.png"]


def test_a_redirect_in_raw_utf8_is_understood(over):
    raw = "/dög.png".encode().decode("latin-1")
    fetcher, network = over(Said(302, {"Location": raw}), Said())
    fetcher.read(URL)
    assert network.asked[-1][0] == "https://public.example/d%C3%B6g.png"


def test_a_circle_of_redirects_ends(over):
    fetcher, network = over(lambda: Said(302, {"Location": URL}))
    with pytest.raises(FetchError, match="redirected more than 5 times"):
        fetcher.read(URL)
    assert len(network.asked) == 6


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://public.example/x", "http://[::1", "gopher://x"]
)
def test_a_redirect_to_anything_but_http_is_refused(over, target):
    fetcher, network = over(Said(302, {"Location": target}))
    with pytest.raises(FetchError, match="which is no http:// or https:// URL"):
        fetcher.read(URL)
    assert len(network.asked) == 1


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:8888/api",
        "http://192.168.1.7/",
        "http://home.example/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://cloud.example/",
        "//home.example/x",
    ],
)
def test_a_public_server_never_leads_into_a_private_network(over, target):
    fetcher, network = over(Said(302, {"Location": target}), Said(body=b"secret"))
    with pytest.raises(FetchError, match="a public server may not lead there"):
        fetcher.read(URL)
    assert network.asked == [(URL, "93.184.215.14")]


def test_not_even_when_the_way_began_at_home(over):
    script = [
        Said(302, {"Location": URL}),
        Said(302, {"Location": "http://home.example/"}),
        Said(body=b"secret"),
    ]
    fetcher, network = over(*script)
    with pytest.raises(FetchError, match="a public server may not lead there"):
        fetcher.read("http://home.example/")
    assert len(network.asked) == 2


def test_a_server_at_home_may_be_named_and_may_lead_to_another(over):
    fetcher, network = over(Said(302, {"Location": "http://nas.example/x"}), Said())
    assert fetcher.read("http://home.example/") == b"pixels"
    assert [address for _, address in network.asked] == ["192.168.1.7", "192.168.1.8"]


def test_servers_at_home_can_be_forbidden(over):
    fetcher, network = over(Said(), web=Web(cache=False, private_hosts=False))
    with pytest.raises(FetchError, match=r"home.example is on a private network \(192.168.1.7\)") as caught:
        fetcher.read("http://home.example/")
    assert caught.value.hint == "Allow it: ex.Web(private_hosts=True)."
    assert network.asked == []


def test_where_clouds_keep_their_credentials_is_never_asked(over):
    for url in ("http://169.254.169.254/latest", "http://cloud.example/", "http://[fe80::1]/"):
        fetcher, network = over(Said(), resolve=lambda host, port: ADDRESSES.get(host, [host]))
        with pytest.raises(FetchError, match=r"link-local, .* addresses are never asked \("):
            fetcher.read(url)
        assert network.asked == []


def test_a_name_with_public_and_private_addresses_is_asked_at_the_public_one(over):
    fetcher, network = over(Said())
    fetcher.read("http://mixed.example/")
    assert network.asked == [("http://mixed.example/", "93.184.215.14")]


def test_what_is_connected_to_is_what_was_checked(over):
    """A name server that changes its answer after the check gains nothing."""
    answers = iter([["93.184.215.14"], ["127.0.0.1"]])
    fetcher, network = over(Said(), resolve=lambda host, port: next(answers))
    fetcher.read("http://rebinding.example/")
    assert network.asked == [("http://rebinding.example/", "93.184.215.14")]


def test_a_password_goes_to_its_own_host_only(over):
    script = [
        Said(302, {"Location": "/same"}),
        Said(302, {"Location": "https://two.example/other"}),
        Said(),
    ]
    fetcher, network = over(*script)
    fetcher.read("https://me:secret@public.example/")
    assert ["Authorization" in headers for headers in network.headers] == [True, True, False]


def test_a_proxy_is_asked_instead_of_the_host(over):
    fetcher, network = over(Said, proxy=lambda place: "http://proxy:1")
    fetcher.read(URL)
    fetcher.read("http://known.only.to.the.proxy/")
    assert [address for _, address in network.asked] == [None, None]


# What is kept


def test_a_url_that_was_read_is_not_asked_for_again(over, tmp_path):
    fetcher, network = over(Said, web=Web(), cache=DiskCache(tmp_path))
    assert fetcher.read(URL) == fetcher.read(URL + "#part") == b"pixels"
    assert len(network.asked) == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (URL, Said(headers={"Cache-Control": "private, no-store"})),
        (URL, Said(headers={"Content-Type": "text/html; charset=utf-8"}, body=b"<html>log in</html>")),
        ("https://me:secret@public.example/", Said()),
    ],
)
def test_some_bodies_are_not_kept(over, tmp_path, url, said):
    fetcher, _ = over(said, web=Web(), cache=DiskCache(tmp_path))
    fetcher.read(url)
    assert not list(tmp_path.iterdir())


def test_a_failure_is_not_kept(over, tmp_path):
    fetcher, _ = over(Said(404), Said(), web=Web(), cache=DiskCache(tmp_path))
    with pytest.raises(FetchError):
        fetcher.read(URL)
    assert fetcher.read(URL) == b"pixels"


def test_what_is_kept_is_subject_to_the_limit_too(over, tmp_path):
    DiskCache(tmp_path).put(URL, b"x" * 5000)
    fetcher, _ = over(Said(), web=Web(max_bytes=1000), cache=DiskCache(tmp_path))
    assert fetcher.read(URL) == b"pixels"
