"""Where a URL leads: its host, the addresses behind it, and whether these may be asked."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import urllib.request
from dataclasses import dataclass
from typing import Literal

from urllib3.exceptions import LocationParseError
from urllib3.util import make_headers, parse_url

from explorer._errors import FetchError, did_you_mean

Network = Literal["public", "private", "refused"]

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_THIS_NETWORK = ipaddress.IPv4Network("0.0.0.0/8")
_PORTS = {"http": 80, "https": 443}
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Place:
    """A URL taken apart.

    Parameters
    ----------
    url
        The whole of it, without its fragment and without name and password.
    scheme
        ``"http"`` or ``"https"``.
    host
        A name, or an address without brackets.
    port
        Never left out.
    target
        Path and query.
    authorization
        The header that name and password of the URL make, when it has them.
    """

    url: str
    scheme: str
    host: str
    port: int
    target: str
    authorization: str | None

    @property
    def header(self) -> str:
        """The host as the ``Host`` header names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """The URL for messages, shortened in the middle when it is very long."""
        return shown(self.url)


def place_of(url: str) -> Place:
    """Take a URL apart.

    Parameters
    ----------
    url
        Blanks around it mean nothing.

    Raises
    ------
    FetchError
        When it is no URL of a host that is asked by HTTP.

    Examples
    --------
    >>> place = place_of("HTTP://me:secret@Example.com/a b.png?x=1#top")
    >>> place.url, place.port, place.target
    ('http://example.com/a%20b.png?x=1', 80, '/a%20b.png?x=1')
    """
    url = url.strip()
    scheme = url.partition("://")[0] if "://" in url else ""
    if scheme.lower() not in _PORTS:
        said = f"{scheme}:// is not fetched" if scheme else "it is no URL"
        raise FetchError(
            f"{shown(url)} cannot be fetched: {said}; http:// and https:// are.",
            url=shown(url),
            hint=did_you_mean(scheme, _PORTS) or _with_scheme(url),
        )
    try:
        parts = parse_url(url)
    except LocationParseError as error:
        raise _no_url(url) from error
    host = (parts.host or "").removeprefix("[").removesuffix("]")
    if not host:
        raise _no_url(url)
    scheme = scheme.lower()
    basic = make_headers(basic_auth=parts.auth)["authorization"] if parts.auth else None
    clean = parts._replace(auth=None, fragment=None)
    port = _PORTS[scheme] if parts.port is None else parts.port
    return Place(clean.url, scheme, host, port, parts.request_uri, basic)


def _with_scheme(url: str) -> str | None:
    """Return what was perhaps meant by a URL that begins with its host."""
    rest = re.sub(r"^https?:/*", "", url)
    return f"Perhaps https://{rest}" if re.match(r"[\w-]+(\.[\w-]+)+/\S+$", rest) else None


def _no_url(url: str) -> FetchError:
    said = shown(url)
    return FetchError(f"{said} cannot be fetched: its host cannot be told.", url=said)


def shown(url: str) -> str:
    """Return a URL for messages: no password, and not too long.

    Examples
    --------
    >>> shown("https://me:secret@example.com/a.png")
    'https://example.com/a.png'
    """
    url = re.sub(r"(?<=://)[^/?#]*@", "", url)
    half = _SHOWN // 2
    return url if len(url) <= _SHOWN else f"{url[:half]}…{url[-half:]}"


def resolved(host: str, port: int) -> list[str]:
    """Ask the system for the addresses of a host, in the order in which to try them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(where[0]) for *_, where in found))


def network_of(address: str) -> Network:
    """Say what kind of network an address belongs to.

    An IPv4 address that is wrapped into an IPv6 one is judged by what it is inside.

    Returns
    -------
    Network
        ``"public"``; ``"private"`` (this machine, a home or a company); or ``"refused"``: link-local (where
        clouds keep their credentials), multicast and reserved addresses, which never hold images.

    Examples
    --------
    >>> [network_of(address) for address in ("1.1.1.1", "192.168.1.7", "::ffff:127.0.0.1", "169.254.169.254")]
    ['public', 'private', 'private', 'refused']
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inside = _wrapped(ip)
        if inside is not None:
            return network_of(str(inside))
        if ip.is_site_local:
            return "private"
    if ip.is_loopback:
        return "private"
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip.is_reserved:
        return "refused"
    if isinstance(ip, ipaddress.IPv4Address) and ip in _THIS_NETWORK:
        return "refused"
    return "public" if ip.is_global else "private"


def _wrapped(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address to which packets for this one are handed on, when there is one."""
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


def proxy_of(place: Place) -> str | None:
    """Return the proxy that the environment names for a place; this machine is never asked through one."""
    proxy = urllib.request.getproxies().get(place.scheme)
    if not proxy or place.host == "localhost" or urllib.request.proxy_bypass(place.header):
        return None
    with contextlib.suppress(ValueError):
        if network_of(place.host) != "public":
            return None
    return proxy if "://" in proxy else f"http://{proxy}"
