"""Reading a URL: find its host, check where it is, ask, follow, try again, keep what came."""

from __future__ import annotations

import contextlib
import random
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import BoundedSemaphore
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from explorer._errors import ArgumentError, FetchError, SourceError
from explorer.remote.addresses import network_of, place_of, proxy_of, resolved
from explorer.remote.cache import DiskCache, cache_folder
from explorer.remote.transport import BrokenError, OutOfTimeError, UntrustedError, Urllib3Transport
from explorer.remote.trouble import MAX_WAIT_S, Trouble, give_up, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from explorer.remote.addresses import Place
    from explorer.remote.client import Web
    from explorer.remote.transport import Answer, Transport

MAX_REDIRECTS = 5
_PIECE = 256 * 2**10
_NAMES_KEPT_S = 60.0
_REDIRECTS = {301, 302, 303, 307, 308}


@dataclass(frozen=True, slots=True)
class Followed:
    """An answer that is no redirect, and the place that gave it."""

    answer: Answer
    place: Place


class Fetcher:
    """Reads URLs as a `Web` says.

    Every method is safe to call from any thread.

    Parameters
    ----------
    web
        The options.
    transport
        What asks servers.
    resolve
        From a host and a port to addresses; raises `OSError` for a host that is not known.
    proxy
        The URL of the proxy for a place, or None.
    clock, now, sleep, jitter
        Seconds that only grow, seconds since 1970, waiting, and a number from 0 to 1.
    cache
        Where bodies are kept; None looks for the folder that is named at that time.
    """

    def __init__(
        self,
        web: Web,
        *,
        transport: Transport | None = None,
        resolve: Callable[[str, int], list[str]] = resolved,
        proxy: Callable[[Place], str | None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        cache: DiskCache | None = None,
    ) -> None:
        self.web = web
        self._proxy = proxy or proxy_of
        self._transport = transport or Urllib3Transport(kept=web.concurrency, proxy=self._proxy)
        self._resolve = resolve
        self._clock, self._now, self._sleep, self._jitter = clock, now, sleep, jitter
        self._cache = cache
        self._caches: dict[object, DiskCache] = {}
        self._names: dict[tuple[str, int], tuple[list[str], float]] = {}
        self._slots = BoundedSemaphore(web.concurrency)

    def close(self) -> None:
        """Let go of all connections."""
        self._transport.close()

    def read(self, url: str) -> bytes:
        """Return the body behind a URL, see `Web.read`."""
        if not isinstance(url, str):
            raise ArgumentError(f"Web.read() was given {type(url).__name__} {url!r}; it takes a URL (text).")
        place = place_of(url)
        cache = self._disk() if self.web.cache and place.authorization is None else None
        kept = cache.get(place.url) if cache else None
        if kept is not None and len(kept) <= self.web.max_bytes:
            return kept
        body, keep = self.tried(place, lambda: self._once(place))
        if cache and keep:
            cache.put(place.url, body)
        return body

    def read_all(self, urls: Sequence[str]) -> list[bytes | FetchError]:
        """Return the bodies behind URLs in their order, see `Web.read_all`."""
        once = list(dict.fromkeys(urls))
        if not once:
            return []
        pool = ThreadPoolExecutor(min(self.web.concurrency, len(once)), thread_name_prefix="explorer-web")
        try:
            found = dict(zip(once, pool.map(self._value, once), strict=True))
        finally:
            # When a person interrupts: what has not begun never begins, and what has is not waited for.
            pool.shutdown(wait=False, cancel_futures=True)
        return [found[url] for url in urls]

    def _value(self, url: str) -> bytes | FetchError:
        try:
            return self.read(url)
        except FetchError as error:
            return error

    def tried(self, place: Place, once: Callable[[], tuple[bytes, bool]]) -> tuple[bytes, bool]:
        """Call `once` until it succeeds, as often as the options say, and wait in between."""
        tries = 0
        while True:
            tries += 1
            try:
                with self._slots:
                    return once()
            except Trouble as trouble:
                wait_s = self.pause(trouble, tries)
                if wait_s is None:
                    give_up(place, trouble, tries)
            self._sleep(wait_s)

    def pause(self, trouble: Trouble, tries: int) -> float | None:
        """Return the seconds to wait before trying again, or None when that is of no use."""
        if not trouble.again or tries > self.web.retries:
            return None
        if trouble.wait_s is not None:
            return trouble.wait_s if trouble.wait_s <= MAX_WAIT_S else None
        doubled = self.web.backoff_s * 2 ** min(tries - 1, 16)
        return float(min(doubled, MAX_WAIT_S) * (0.5 + self._jitter() / 2))

    def wait(self, seconds: float) -> None:
        """Wait between two tries."""
        self._sleep(seconds)

    def _once(self, place: Place) -> tuple[bytes, bool]:
        """Return the body, and whether it may be kept."""
        until = self.deadline()
        try:
            followed = self.follow(place, {"Accept-Encoding": "identity"}, until)
            with contextlib.closing(followed.answer) as answer:
                self.check(answer)
                body = self._body(answer, until)
        except OutOfTimeError as error:
            raise self.too_late() from error
        except BrokenError as error:
            raise Trouble(f"the connection broke ({error})", again=True) from error
        return body, _may_be_kept(answer.headers)

    def deadline(self) -> float:
        """Return when a try that begins now has to end, on the clock of this object."""
        return self._clock() + self.web.timeout_s

    def too_late(self) -> Trouble:
        """Say that the time was not enough."""
        seconds = self.web.timeout_s
        return Trouble(
            f"timed out after {seconds:g} s", hint=f"Allow more time: ex.Web(timeout_s={seconds * 3:g})."
        )

    def follow(
        self, place: Place, headers: Mapping[str, str], until: float, *, whole: bool = True
    ) -> Followed:
        """Ask, and go where the answers send us; never from a public host into a private network."""
        been_public = False
        first = place
        for _ in range(MAX_REDIRECTS + 1):
            addresses = self._addresses(place, been_public=been_public, first=first)
            been_public = been_public or not _private(addresses)
            sent = {"User-Agent": "explorer", "Accept": "*/*", **headers}
            if place.authorization is not None:
                sent["Authorization"] = place.authorization
            answer = self._asked(place, addresses, sent, until, whole=whole)
            target = answer.headers.get("Location") if answer.status in _REDIRECTS else None
            if target is None:
                return Followed(answer, place)
            answer.close()
            place = self._next(place, target)
        raise Trouble(f"redirected more than {MAX_REDIRECTS} times, last to {place.shown}")

    def check(self, answer: Answer, *, part: bool = False) -> None:
        """Refuse an answer that is not what was asked for: the whole, or else a `part` of it."""
        refused = refusal(answer, self._now(), part=part)
        if refused is not None:
            raise refused

    def _body(self, answer: Answer, until: float) -> bytes:
        most = self.web.max_bytes
        declared = answer.headers.get("Content-Length", "")
        if declared.isdecimal() and int(declared) > most:
            raise _too_large(most, f" ({int(declared) / 2**20:,.1f} MiB)")
        pieces: list[bytes] = []
        size = 0
        while piece := answer.read(_PIECE):
            size += len(piece)
            if size > most:
                raise _too_large(most)
            if self._clock() > until:
                raise OutOfTimeError
            pieces.append(piece)
        return b"".join(pieces)

    def _asked(
        self,
        place: Place,
        addresses: list[str] | None,
        headers: Mapping[str, str],
        until: float,
        *,
        whole: bool,
    ) -> Answer:
        """Ask at the first address that can be connected to."""
        left: list[str | None] = [None] if addresses is None else [*addresses]
        while True:
            address = left.pop(0)
            seconds = until - self._clock()
            if seconds <= 0:
                raise OutOfTimeError
            try:
                return self._transport.open(
                    place,
                    address,
                    headers,
                    connect_s=seconds / (len(left) + 1),
                    timeout_s=seconds if whole else self.web.timeout_s,
                    whole=whole,
                )
            except UntrustedError as error:
                raise Trouble(
                    f"the certificate of {place.host} cannot be trusted ({error})",
                    hint="Behind a proxy of your own, name its certificate in SSL_CERT_FILE.",
                ) from error
            except BrokenError as error:
                if left:
                    continue
                where = f"no connection to {place.host}, port {place.port} ({error})"
                raise Trouble(where, again=True) from error
            except OutOfTimeError:
                if not left:
                    raise

    def _addresses(self, place: Place, *, been_public: bool, first: Place) -> list[str] | None:
        """Return the addresses to connect to, or None when a proxy connects; refuse what may not be asked.

        What is checked is what is connected to: a name that leads elsewhere a moment later changes nothing.
        """
        proxied = self._proxy(place) is not None
        try:
            found = self._named(place)
        except OSError as error:
            if proxied:
                return None
            later = getattr(socket, "EAI_AGAIN", None)
            raise Trouble(
                f"the host {place.host!r} is unknown",
                again=isinstance(error, socket.gaierror) and error.errno == later,
                hint="Check how it is spelled, and that this machine is online.",
            ) from error
        networks = {address: network_of(address) for address in found}
        public = [address for address in found if networks[address] == "public"]
        if public:
            return None if proxied else public
        private = [address for address in found if networks[address] == "private"]
        if been_public:
            raise Trouble(
                f"{first.host} redirects to {place.shown}, which is on a private network; "
                "a public server may not lead there"
            )
        if not private:
            raise Trouble(f"link-local, multicast and reserved addresses are never asked ({found[0]})")
        if not self.web.private_hosts:
            raise Trouble(
                f"{place.host} is on a private network ({private[0]})",
                hint="Allow it: ex.Web(private_hosts=True).",
            )
        return private

    def _named(self, place: Place) -> list[str]:
        """Return the addresses of a host; they are remembered for a minute."""
        key = (place.host, place.port)
        found, until = self._names.get(key, ([], 0.0))
        if not found or self._clock() >= until:
            try:
                found = self._resolve(*key)
            except UnicodeError as error:
                raise OSError(str(error)) from error
            if not found:
                raise OSError("no addresses")
            if len(self._names) > 1000:
                self._names.clear()
            self._names[key] = (found, self._clock() + _NAMES_KEPT_S)
        return found

    def _next(self, place: Place, target: str) -> Place:
        """Return where a redirect leads."""
        with contextlib.suppress(UnicodeError):
            # Header lines are read as Latin-1; what servers send beyond ASCII is UTF-8.
            target = target.encode("latin-1").decode("utf-8")
        try:
            following = place_of(urljoin(place.url, target))
        except (FetchError, ValueError) as error:
            raise Trouble(f"redirected to {target[:200]!r}, which is no http:// or https:// URL") from error
        # What was meant for one host is not told to another, nor in the open.
        same = (following.scheme, following.host, following.port) == (place.scheme, place.host, place.port)
        if same and following.authorization is None and place.authorization is not None:
            return replace(following, authorization=place.authorization)
        return following

    def _disk(self) -> DiskCache | None:
        if self._cache is not None:
            return self._cache
        try:
            folder = cache_folder() / "urls"
        except SourceError:
            return None
        return self._caches.setdefault(folder, DiskCache(folder))


def _private(addresses: list[str] | None) -> bool:
    return addresses is not None and network_of(addresses[0]) == "private"


def _too_large(most: int, declared: str = "") -> Trouble:
    return Trouble(
        f"larger than {most / 2**20:,.4g} MiB{declared}", hint="Allow more: ex.Web(max_bytes=…), in bytes."
    )


def _may_be_kept(headers: Mapping[str, str]) -> bool:
    """Whether a body may be kept: not when the server forbids it, nor a page, which is no image or table."""
    if "no-store" in headers.get("Cache-Control", "").lower():
        return False
    return not headers.get("Content-Type", "").lower().startswith("text/html")
