from __future__ import annotations

import pytest

from explorer._errors import FetchError
from explorer.remote.addresses import network_of, place_of, proxy_of, shown


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("8.8.8.8", "public"),
        ("2606:4700::1111", "public"),
        ("127.0.0.1", "private"),
        ("127.9.9.9", "private"),
        ("::1", "private"),
        ("10.0.0.1", "private"),
        ("172.16.3.4", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "private"),
        ("fd00::1", "private"),
        ("fec0::1", "private"),
        ("::ffff:10.0.0.1", "private"),
        ("64:ff9b::10.0.0.1", "private"),
        ("64:ff9b::8.8.8.8", "public"),
        ("2002:7f00:0001::", "private"),
        ("169.254.169.254", "refused"),
        ("::ffff:169.254.169.254", "refused"),
        ("fe80::1%eth0", "refused"),
        ("0.0.0.0", "refused"),  # noqa: S104  (nothing is bound)
        ("0.1.2.3", "refused"),
        ("::", "refused"),
        ("224.0.0.1", "refused"),
        ("ff02::1", "refused"),
        ("255.255.255.255", "refused"),
        ("240.0.0.1", "refused"),
    ],
)
def test_every_address_belongs_to_a_kind_of_network(address, network):
    assert network_of(address) == network


def test_a_url_is_taken_apart():
    place = place_of("https://Example.COM:8443/a%20b/ü.png?q=1#part")
    assert (place.scheme, place.host, place.port) == ("https", "example.com", 8443)
    assert place.target == "/a%20b/%C3%BC.png?q=1"
    assert place.header == "example.com:8443"
    assert place_of("http://[::1]/x").header == "[::1]"
    assert place_of("http://example.com").target == "/"


def test_a_password_is_sent_and_never_shown():
    place = place_of("https://me:secret@example.com/a.png")
    assert place.authorization == "Basic bWU6c2VjcmV0"
    assert "secret" not in repr(place.url) + place.shown
    assert shown("https://me:secret@exa mple.com") == "https://exa mple.com"


@pytest.mark.parametrize(
    "url", ["", "cat.png", "file:///etc/passwd", "ftp://a/b", "http://", "http://[::1", "http://a:b/"]
)
def test_what_is_no_url_of_a_host_is_refused(url):
    with pytest.raises(FetchError, match="cannot be fetched"):
        place_of(url)


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("htp://example.com/a.png", "Did you mean 'http' or 'https'?"),
        ("example.com/a.png", "Perhaps https://example.com/a.png"),
        ("https:/example.com/a.png", "Perhaps https://example.com/a.png"),
        ("a.png", None),
        ("photos/a.png", None),
        ("s3://bucket/a.png", None),
    ],
)
def test_what_was_perhaps_meant_is_said(url, hint):
    with pytest.raises(FetchError) as caught:
        place_of(url)
    assert caught.value.hint == hint


def test_blanks_around_a_url_mean_nothing():
    assert place_of(" http://example.com/a.png\n").url == "http://example.com/a.png"


def test_the_proxy_of_the_environment_is_used_but_never_for_this_machine(monkeypatch):
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "no_proxy",
        "NO_PROXY",
        "https_proxy",
        "all_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "proxy.example:3128")
    monkeypatch.setenv("no_proxy", "inside.example")
    assert proxy_of(place_of("http://example.com/")) == "http://proxy.example:3128"
    assert proxy_of(place_of("https://example.com/")) is None
    assert proxy_of(place_of("http://inside.example/")) is None
    assert proxy_of(place_of("http://localhost/")) is None
    assert proxy_of(place_of("http://192.168.0.1/")) is None
