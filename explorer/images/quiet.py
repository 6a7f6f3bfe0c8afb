"""Keep Pillow's warnings about single files inside the thread that decodes them."""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator


class _State(threading.local):
    depth: int = 0
    bombs_are_errors: bool = False


_here = _State()
_lock = threading.Lock()


class _WhileDecoding:
    """Matches a warning's text only in a thread that is decoding right now.

    `warnings.catch_warnings` replaces the filters of the whole process and puts old ones back, so two
    threads that use it leave the wrong filters behind. A filter that looks at its thread can stay where it
    is: it never applies to anybody else. To those who copy filters into other processes, as joblib's users
    do, it shows a pattern without a match.
    """

    pattern = "(?!)"

    def match(self, _text: str) -> bool:
        return _here.depth > 0


class _WhileBombsAreErrors(_WhileDecoding):
    def match(self, _text: str) -> bool:
        return _here.depth > 0 and _here.bombs_are_errors


_FILTERS = (
    ("error", _WhileBombsAreErrors(), Image.DecompressionBombWarning, None, 0),
    ("ignore", _WhileDecoding(), Warning, None, 0),
)


@contextmanager
def pillow_is_quiet() -> Iterator[_State]:
    """Ignore this thread's warnings in the block; with `bombs_are_errors` set, raise those of bombs."""
    _prepare()
    before = _here.depth, _here.bombs_are_errors
    _here.depth, _here.bombs_are_errors = before[0] + 1, False
    try:
        yield _here
    finally:
        _here.depth, _here.bombs_are_errors = before


_ready = False


def _prepare() -> None:
    """Load Pillow's plugins once, and see that the filters stand in front of all others."""
    global _ready  # noqa: PLW0603  (once per process, under the lock)
    filters: list[object] = warnings.filters  # type: ignore[assignment]
    if _ready and tuple(filters[:2]) == _FILTERS:
        return
    with _lock:
        if not _ready:
            # Image.open() loads the rarer plugins when the common ones fail; a second thread that comes
            # while the first one does so takes a good file for an unknown one.
            Image.init()
            _ready = True
        for item in reversed(_FILTERS):
            if item in filters:
                filters.remove(item)
            filters.insert(0, item)
