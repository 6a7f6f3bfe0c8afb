"""One HTTP request to one address, by urllib3, with all that goes wrong told in three words of our own."""

from __future__ import annotations

import io
import ssl
import time
from collections import OrderedDict
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol, cast

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    HTTPError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.exceptions import TimeoutError as Urllib3TimeoutError
from urllib3.util import Timeout, make_headers, parse_url

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Mapping

    from urllib3 import BaseHTTPResponse

    from explorer.remote.addresses import Place

_POOLS = 64


class OutOfTimeError(Exception):
    """The other side did not do its part in time."""


class BrokenError(Exception):
    """A connection that was refused or ended in the middle; another one may do better."""


class UntrustedError(Exception):
    """A certificate that does not prove that the host is who it says."""


class Answer(Protocol):
    """What a server says to a request; its body is read piece by piece."""

    status: int
    reason: str
    headers: Mapping[str, str]

    def read(self, most: int) -> bytes:
        """Return the next bytes of the body, as many as there are and at most `most`; none at its end."""

    def close(self) -> None:
        """Give the connection back; it is used again when the body was read to its end."""


class Transport(Protocol):
    """What asks servers."""

    def open(
        self,
        place: Place,
        address: str | None,
        headers: Mapping[str, str],
        *,
        connect_s: float,
        timeout_s: float,
        whole: bool,
    ) -> Answer:
        """Send a GET request and return the answer, its body unread.

        Parameters
        ----------
        place
            What to ask for.
        address
            The address to connect to, whatever the host's name leads to by now. None where a proxy connects.
        headers
            To be sent besides ``Host``.
        connect_s
            Seconds until there is a connection.
        timeout_s
            Seconds for the rest: all of it when `whole`, else between two pieces.
        whole
            Whether `timeout_s` is for the whole body, and an encoded body (gzip) is decoded.

        Raises
        ------
        OutOfTimeError, BrokenError, UntrustedError
        """

    def close(self) -> None:
        """Let go of all connections."""


class Urllib3Transport:
    """Asks with urllib3, and keeps connections open for the next request to the same address.

    Parameters
    ----------
    kept
        How many idle connections to one address are kept.
    proxy
        The URL of the proxy for a place, or None for a direct connection.
    """

    def __init__(self, *, kept: int, proxy: Callable[[Place], str | None]) -> None:
        self._kept = kept
        self._proxy = proxy
        self._pools: OrderedDict[tuple[object, ...], _Opens] = OrderedDict()
        self._lock = Lock()
        self._context: ssl.SSLContext | None = None

    def open(
        self,
        place: Place,
        address: str | None,
        headers: Mapping[str, str],
        *,
        connect_s: float,
        timeout_s: float,
        whole: bool,
    ) -> Answer:
        """Send a GET request, see `Transport.open`."""
        opens = self._opens(place, address, whole=whole)
        url = place.url if address is None else place.target
        timeout = Timeout(connect=connect_s, read=timeout_s, total=timeout_s if whole else None)
        with _in_three_words():
            response = opens.urlopen(
                "GET",
                url,
                headers={"Host": place.header, **headers},
                retries=False,
                redirect=False,
                timeout=timeout,
                preload_content=False,
                decode_content=whole,
                **({} if address is None else {"assert_same_host": False}),
            )
        return _Urllib3Answer(response)

    def close(self) -> None:
        """Let go of all connections."""
        with self._lock:
            gone = list(self._pools.values())
            self._pools.clear()
        for pool in gone:
            pool.clear() if isinstance(pool, urllib3.PoolManager) else pool.close()

    def _opens(self, place: Place, address: str | None, *, whole: bool) -> _Opens:
        """Return the pool of connections for an address, or the proxy's."""
        proxy = self._proxy(place) if address is None else None
        key = (proxy, whole) if address is None else (place.scheme, place.host, place.port, address, whole)
        with self._lock:
            if key not in self._pools:
                self._pools[key] = self._made(place, address, proxy, whole=whole)
                # Closing one would break what another thread does with it; without a name it closes itself.
                while len(self._pools) > _POOLS:
                    self._pools.popitem(last=False)
            self._pools.move_to_end(key)
            return self._pools[key]

    def _made(self, place: Place, address: str | None, proxy: str | None, *, whole: bool) -> _Opens:
        http = _TimedHTTPPool if whole else HTTPConnectionPool
        https = _TimedHTTPSPool if whole else HTTPSConnectionPool
        if self._context is None:
            # One for all: loading the system's certificates takes longer than a request.
            self._context = ssl.create_default_context()
        if address is not None:
            if place.scheme == "http":
                return cast("_Opens", http(address, place.port, maxsize=self._kept))
            pool = https(
                address,
                place.port,
                maxsize=self._kept,
                ssl_context=self._context,
                server_hostname=place.host,
            )
            return cast("_Opens", pool)
        if proxy is None:
            raise ValueError(f"neither an address nor a proxy for {place.host}")
        auth = parse_url(proxy).auth
        sent = make_headers(proxy_basic_auth=auth) if auth else None
        manager = urllib3.ProxyManager(
            proxy, maxsize=self._kept, proxy_headers=sent, ssl_context=self._context
        )
        manager.pool_classes_by_scheme = {"http": http, "https": https}
        return cast("_Opens", manager)


class _Opens(Protocol):
    """What a pool and a pool of pools have in common."""

    def urlopen(self, method: str, url: str, **options: Any) -> BaseHTTPResponse: ...

    def close(self) -> None: ...


class _Urllib3Answer:
    """What urllib3 makes of an answer."""

    def __init__(self, response: BaseHTTPResponse) -> None:
        self._response = cast("urllib3.HTTPResponse", response)
        self.status = response.status
        self.reason = response.reason or ""
        self.headers: Mapping[str, str] = response.headers

    def read(self, most: int) -> bytes:
        # Not read(): it waits until it has all that it was asked for.
        with _in_three_words():
            return self._response.read1(most)

    def close(self) -> None:
        if not self._response.isclosed():
            self._response.close()
        self._response.release_conn()


@contextmanager
def _in_three_words() -> Iterator[None]:
    """Raise what urllib3 raises as one of the three errors of this module."""
    try:
        yield
    except ProxyError as error:
        raise BrokenError(f"the proxy: {_reason(error.original_error)}") from error
    except NewConnectionError as error:
        raise BrokenError(_reason(error)) from error
    except (ReadTimeoutError, Urllib3TimeoutError, TimeoutError) as error:
        raise OutOfTimeError from error
    except SSLError as error:
        inner = error.args[0] if error.args else error
        if isinstance(inner, ssl.SSLCertVerificationError):
            raise UntrustedError(inner.verify_message) from error
        raise BrokenError(_reason(error)) from error
    except (HTTPError, OSError, ValueError) as error:
        raise BrokenError(_reason(error)) from error


def _reason(error: BaseException) -> str:
    """Return the innermost reason that reads well."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, OSError) and found.strerror:
            return found.strerror
        inner = next((part for part in found.args if isinstance(part, BaseException)), None)
        found = found.__cause__ or inner
    return str(error) or type(error).__name__


class _TimedSocket:
    """A socket whose timeout is for everything that is read from then on, not for each piece of it.

    A server that sends a byte a second keeps every timeout between two pieces, and holds a thread for ever.
    """

    def __init__(self, inside: socket.socket) -> None:
        self._inside = inside
        self._until = float("inf")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inside, name)

    def settimeout(self, seconds: float | None) -> None:
        self._inside.settimeout(seconds)
        self._until = float("inf") if seconds is None else time.monotonic() + seconds

    def makefile(self, *_: object, **__: object) -> io.BufferedReader:
        # HTTP only ever asks for one to read from.
        raw = self._inside.makefile("rb", buffering=0)
        return io.BufferedReader(_TimedReader(raw, self))

    def wait(self) -> None:
        """Give the next piece what is left of the time."""
        if self._until == float("inf"):
            return
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._inside.settimeout(left)


class _TimedReader(io.RawIOBase):
    def __init__(self, raw: socket.SocketIO, sock: _TimedSocket) -> None:
        super().__init__()
        self._raw = raw
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.wait()
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedHTTP(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock = cast("socket.socket", _TimedSocket(self.sock))


class _TimedHTTPS(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock = cast("socket.socket", _TimedSocket(self.sock))


class _TimedHTTPPool(HTTPConnectionPool):
    ConnectionCls = _TimedHTTP


class _TimedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _TimedHTTPS
