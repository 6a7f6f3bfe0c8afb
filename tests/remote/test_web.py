"""`ex.Web`, and reading from a real server."""

from __future__ import annotations

import gzip
import os
import pickle
import subprocess
import sys
import time
from dataclasses import asdict, replace
from threading import Barrier, Lock

import pytest

import explorer as ex
from explorer.images.decode import decode
from explorer.remote.client import Web, fetcher_of
from tests.loopback import Loopback, Reply

QUICK = {"cache": False, "retries": 1, "backoff_s": 0.0}
IMPATIENT = {"timeout_s": 0.4}


@pytest.fixture
def real(fetch):
    """Make a fetcher with a real clock."""
    return lambda **options: fetch(web=Web(**{**QUICK, **options}), clock=time.monotonic)


def drip(handler, *, chunked=False):
    """Send a byte every now and then, for ever."""
    if chunked:
        handler.wfile.write(b"ffff\r\n")
    while True:
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.02)


def test_options_are_checked_when_they_are_given():
    for options, said in [
        ({"timeout_s": 0}, "timeout_s=0"),
        ({"timeout_s": float("nan")}, "timeout_s=nan"),
        ({"timeout_s": "10"}, "timeout_s='10'"),
        ({"backoff_s": -1}, "backoff_s=-1"),
        ({"retries": -1}, "retries=-1"),
        ({"retries": 2.0}, "retries=2.0"),
        ({"max_bytes": True}, "max_bytes=True"),
        ({"concurrency": 0}, "concurrency=0"),
        ({"cache": "yes"}, "cache='yes'"),
    ]:
        with pytest.raises(ex.ArgumentError) as caught:
            Web(**options)
        assert said in caught.value.message
    with pytest.raises(ex.ArgumentError, match="Did you mean 'timeout_s'"):
        Web(timeout=3)


def test_equal_options_are_equal_and_share_their_connections():
    web = Web(timeout_s=3)
    copy = pickle.loads(pickle.dumps(web))  # noqa: S301  (our own)
    assert copy == web == Web(timeout_s=3.0)
    assert hash(copy) == hash(web)
    assert replace(web, timeout_s=4, retries=0) == Web(timeout_s=4, retries=0)
    assert Web(**asdict(web)) == web
    assert fetcher_of(copy) is fetcher_of(web)
    assert fetcher_of(web) is not fetcher_of(Web(timeout_s=4))
    with pytest.raises(AttributeError):
        web.timeout_s = 5


def test_a_body_is_read(server, real):
    server.replies["/cat.png?size=1"] = Reply(body=b"\x00" * 100_000)
    assert real().read(server.url("/cat.png?size=1")) == b"\x00" * 100_000
    assert server.asked[0].headers["Host"] == f"127.0.0.1:{server.port}"


def test_a_connection_is_used_again(server, real):
    server.replies["/a"] = Reply(body=b"a")
    fetcher = real()
    for _ in range(5):
        fetcher.read(server.url("/a"))
    assert len({asked.port for asked in server.asked}) == 1


def test_the_public_way_keeps_what_was_read_in_the_named_folder(server, tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path))
    server.replies["/a"] = Reply(body=b"a")
    web = ex.Web(timeout_s=5.125)
    try:
        assert web.read(server.url("/a")) == web.read(server.url("/a")) == b"a"
    finally:
        fetcher_of(web).close()
    assert len(server.asked) == 1
    assert [path.read_bytes() for path in tmp_path.glob("urls/*/*")] == [b"a"]


def test_redirects_between_servers_of_this_machine(server, real):
    other = Loopback()
    other.replies["/there"] = Reply(body=b"found")
    server.replies["/here"] = Reply(302, b"", {"Location": other.url("/there")})
    try:
        assert real().read(server.url("/here")) == b"found"
    finally:
        other.close()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_server_that_drips_is_not_waited_for(server, real, chunked):
    headers = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": "1000000"}
    server.replies["/drip"] = Reply(200, lambda handler: drip(handler, chunked=chunked), headers)
    began = time.monotonic()
    with pytest.raises(ex.FetchError, match=r"timed out after 0\.4 s"):
        real(**IMPATIENT).read(server.url("/drip"))
    assert time.monotonic() - began < 2


def test_a_server_that_drips_its_headers_is_not_waited_for(server, real):
    server.replies["/head"] = Reply(200, drip, end_headers=False)
    with pytest.raises(ex.FetchError, match="timed out"):
        real(**IMPATIENT).read(server.url("/head"))


def test_a_body_that_breaks_off_is_tried_again_and_never_taken_for_whole(server, real):
    half = Reply(body=b"half", headers={"Content-Length": "8"})
    server.replies["/a"] = [half, Reply(body=b"complete")]
    assert real().read(server.url("/a")) == b"complete"
    server.replies["/b"] = half
    with pytest.raises(ex.FetchError, match=r"the connection broke .*tried 2 times"):
        real().read(server.url("/b"))


def test_a_body_that_was_compressed_on_the_way_is_unpacked_within_the_limit(server, real):
    small, bomb = gzip.compress(b"pixels"), gzip.compress(b"\x00" * 10_000_000)
    server.replies["/a"] = Reply(body=small, headers={"Content-Encoding": "gzip"})
    server.replies["/bomb"] = Reply(body=bomb, headers={"Content-Encoding": "gzip"})
    assert real().read(server.url("/a")) == b"pixels"
    assert server.asked[0].headers["Accept-Encoding"] == "identity"
    with pytest.raises(ex.FetchError, match="larger than"):
        real(max_bytes=1_000_000).read(server.url("/bomb"))


def test_nobody_listens(real):
    with pytest.raises(ex.FetchError, match=r"no connection to 127\.0\.0\.1, port 1 \(Connection refused\)"):
        real().read("http://127.0.0.1:1/cat.png")


def test_a_server_without_a_certificate_to_trust_is_not_asked(server, real):
    with pytest.raises(ex.FetchError, match="could not be fetched"):
        real().read(server.url("/a").replace("http", "https"))
    assert server.asked == []


def test_a_proxy_gets_the_whole_url(server, fetch):
    server.replies["http://photos.invalid/cat.png"] = Reply(body=b"through the proxy")
    fetcher = fetch(web=Web(**QUICK), clock=time.monotonic, proxy=lambda place: server.url(""))
    assert fetcher.read("http://photos.invalid/cat.png") == b"through the proxy"
    assert server.asked[0].headers["Host"] == "photos.invalid"


def test_a_page_that_is_read_as_an_image_says_what_it_is(server, real):
    page = b"<!DOCTYPE html><title>Please log in</title>"
    server.replies["/cat.png"] = Reply(body=page, headers={"Content-Type": "text/html"})
    with pytest.raises(ex.ImageError, match="an HTML page, not an image"):
        decode(real().read(server.url("/cat.png")))


def test_many_are_read_at_once_and_no_more_than_allowed(server, real):
    together, lock, most = [0], Lock(), [0]
    barrier = Barrier(4, timeout=5)

    def reply(asked):
        with lock:
            together[0] += 1
            most[0] = max(most[0], together[0])
        barrier.wait()
        with lock:
            together[0] -= 1
        return Reply(body=asked.path.encode())

    urls = [server.url(f"/{number}") for number in range(8)]
    for number in range(8):
        server.replies[f"/{number}"] = reply
    bodies = real(concurrency=4).read_all([*urls, urls[0]])
    assert bodies == [f"/{number}".encode() for number in [*range(8), 0]]
    assert most[0] == 4
    assert len(server.asked) == 8


def test_errors_of_some_are_values_and_cost_the_others_nothing(server, real):
    server.replies["/a"] = Reply(body=b"a")
    found = real().read_all([server.url("/a"), server.url("/missing"), "nonsense", server.url("/a")])
    assert found[0] == found[3] == b"a"
    assert found[1].status == 404
    assert isinstance(found[2], ex.FetchError)
    assert real().read_all([]) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_makes_connections_of_its_own(server):
    server.replies["/a"] = Reply(body=b"a")
    code = (
        "import os, sys; from explorer.remote.client import Web; web = Web(cache=False)\n"
        "assert web.read(sys.argv[1]) == b'a'\n"
        "child = os.fork()\n"
        "assert web.read(sys.argv[1]) == b'a'\n"
        "assert child == 0 or os.waitpid(child, 0)[1] == 0\n"
    )
    subprocess.run([sys.executable, "-c", code, server.url("/a")], check=True)
    assert len(server.asked) == 3
    assert len({asked.port for asked in server.asked}) == 2


def test_what_is_no_text_is_refused(real):
    with pytest.raises(ex.ArgumentError, match="takes a URL"):
        real().read(None)


def test_an_error_survives_being_pickled(server, real):
    with pytest.raises(ex.FetchError) as caught:
        real().read(server.url("/missing"))
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301  (our own)
    assert (str(copy), copy.status, copy.tries, copy.url) == (
        str(caught.value),
        404,
        1,
        server.url("/missing"),
    )
