"""Keep what libtiff says of damaged files out of the standard error stream."""

from __future__ import annotations

import ctypes
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from PIL import _imaging

if TYPE_CHECKING:
    from collections.abc import Iterator

_SETTERS = ("TIFFSetErrorHandler", "TIFFSetWarningHandler")


class _Quiet:
    """How many threads decode a TIFF now, and what took libtiff's words before the first of them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._before: list[int | None] = []

    def enter(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._before = [setter(None) for setter in _setters()]
            self._inside += 1

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                for setter, handler in zip(_setters(), self._before, strict=True):
                    setter(handler)


_quiet = _Quiet()


@contextmanager
def libtiff_is_quiet() -> Iterator[None]:
    """Let libtiff print nothing in the block; Pillow raises an error for what cannot be decoded.

    It prints from C, past Python's streams and warnings, a line for each odd tag. Its handlers are the
    process's, and are as they were when the last thread has left. Where Pillow is built so that they cannot
    be reached, nothing is changed.
    """
    _quiet.enter()
    try:
        yield
    finally:
        _quiet.leave()


@cache
def _setters() -> tuple[Any, ...]:
    # Of the library that Pillow's own module is linked with, which need not be the system's.
    return setters_in(_imaging.__file__)


def setters_in(library: str) -> tuple[Any, ...]:
    """Return libtiff's functions that set a handler and return the one before; none where there are none."""
    try:
        loaded = ctypes.CDLL(library)
        found = [getattr(loaded, name) for name in _SETTERS]
    except (AttributeError, OSError):
        return ()
    for setter in found:
        setter.argtypes, setter.restype = [ctypes.c_void_p], ctypes.c_void_p
    return tuple(found)
