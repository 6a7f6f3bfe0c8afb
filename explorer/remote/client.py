"""`ex.Web`: how URLs are read."""

from __future__ import annotations

import inspect
import math
import os
from dataclasses import dataclass, fields
from threading import Lock
from typing import TYPE_CHECKING

from explorer._errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from explorer._errors import FetchError
    from explorer.remote.fetcher import Fetcher

_fetchers: dict[Web, Fetcher] = {}
_lock = Lock()


@dataclass(frozen=True, slots=True, init=False)
class Web:
    """How URLs are read: how long to wait, how often to try, how much to take.

    Two of them with the same options are equal and share their connections. What was read is kept on disk
    in ``$EXPLORER_CACHE`` (else the user's cache folder), up to 2 GiB; what was used longest ago goes first.

    Parameters
    ----------
    timeout_s
        Seconds for one try, from looking up the host to the last byte, redirects included.
    retries
        How often to try again after a broken connection, 429 (too many requests) or 5xx (the server's
        own trouble). Nothing else is tried again: not 404, not a timeout.
    backoff_s
        Seconds before the first of these; doubled each time, and made uneven so that many rows do not come
        back at once. A server that says when to come back is obeyed, up to 30 s.
    max_bytes
        The largest body that is read.
    concurrency
        How many URLs are read at once.
    cache
        Whether bodies are kept on disk and taken from there, without asking whether they have changed.
    private_hosts
        Whether a URL may name a host of this machine or of a private network. However this is set, a public
        server cannot redirect there, and link-local addresses are never asked.

    Raises
    ------
    ArgumentError
        When an option is unknown or has no meaning.

    Examples
    --------
    >>> import explorer as ex
    >>> web = ex.Web(timeout_s=3, retries=0)
    >>> web.max_bytes
    67108864
    >>> try:
    ...     web.read("ftp://example.com/cat.png")
    ... except ex.FetchError as error:
    ...     print(error)
    ftp://example.com/cat.png cannot be fetched: ftp:// is not fetched; http:// and https:// are.
    Did you mean 'http'?
    """

    timeout_s: float
    retries: int
    backoff_s: float
    max_bytes: int
    concurrency: int
    cache: bool
    private_hosts: bool

    def __init__(
        self,
        *,
        timeout_s: float = 10.0,
        retries: int = 3,
        backoff_s: float = 0.5,
        max_bytes: int = 64 * 2**20,
        concurrency: int = 16,
        cache: bool = True,
        private_hosts: bool = True,
        **unknown: object,
    ) -> None:
        for name in unknown:
            raise ArgumentError.unknown_keyword("ex.Web()", name, [field.name for field in fields(Web)])
        _check_seconds("timeout_s", timeout_s, above_zero=True)
        _check_seconds("backoff_s", backoff_s, above_zero=False)
        _check_count("retries", retries, least=0)
        _check_count("max_bytes", max_bytes, least=1)
        _check_count("concurrency", concurrency, least=1)
        _check_bool("cache", cache)
        _check_bool("private_hosts", private_hosts)
        given = (float(timeout_s), retries, float(backoff_s), max_bytes, concurrency, cache, private_hosts)
        for field, value in zip(fields(Web), given, strict=True):
            object.__setattr__(self, field.name, value)

    def read(self, url: str) -> bytes:
        """Return the body behind a URL.

        Safe to call from any thread; waits while `concurrency` others are being read.

        Parameters
        ----------
        url
            ``http://`` or ``https://``.

        Raises
        ------
        FetchError
            When there is no such host, no answer in time, a refusal, or more than `max_bytes`.
        ArgumentError
            When it is not text.
        """
        return fetcher_of(self).read(url)

    def read_all(self, urls: Sequence[str]) -> list[bytes | FetchError]:
        """Return the bodies behind some URLs, read `concurrency` at a time; errors are values.

        Parameters
        ----------
        urls
            One that occurs twice is read once.

        Returns
        -------
        list of bytes or FetchError
            In the order of `urls`.
        """
        return fetcher_of(self).read_all(urls)


def fetcher_of(web: Web) -> Fetcher:
    """Return what reads URLs in this way, with its connections; one for equal options."""
    # urllib3 is not loaded before somebody reads a URL.
    from explorer.remote.fetcher import Fetcher

    with _lock:
        if web not in _fetchers:
            _fetchers[web] = Fetcher(web)
        return _fetchers[web]


def _forget_connections() -> None:
    """Begin anew in a forked process: a connection or a lock that two processes share serves neither."""
    global _lock  # noqa: PLW0603  (the lock itself may have been held at the fork)
    _lock = Lock()
    _fetchers.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_connections)


def _check_seconds(name: str, value: object, *, above_zero: bool) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if number and math.isfinite(value) and (value > 0 if above_zero else value >= 0):  # type: ignore[arg-type, operator]
        return
    raise ArgumentError(
        f"ex.Web({name}={value!r}): a number of seconds {'above' if above_zero else 'from'} 0 is expected.",
        hint=_default(name),
    )


def _check_count(name: str, value: object, *, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ArgumentError(
            f"ex.Web({name}={value!r}): a whole number from {least} up is expected.",
            hint=_default(name),
        )


def _default(name: str) -> str:
    default = inspect.signature(Web).parameters[name].default
    return f"ex.Web({name}={default}) is the default."


def _check_bool(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise ArgumentError(f"ex.Web({name}={value!r}): True or False is expected.")
