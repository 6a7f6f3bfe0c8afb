"""What was read from URLs, kept on disk."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import time
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from explorer._errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CACHE_BYTES = 2 * 2**30
_ABANDONED_AFTER_S = 3600.0
_UNFINISHED = ".unfinished"


def cache_folder() -> Path:
    """Return the folder for what can be fetched again; it need not exist.

    ``$EXPLORER_CACHE``, else ``explorer`` in the user's cache folder: ``$XDG_CACHE_HOME`` or ``~/.cache``, on
    macOS ``~/Library/Caches``, on Windows ``%LOCALAPPDATA%``.

    Raises
    ------
    SourceError
        When this user has no home folder.
    """
    named = os.environ.get("EXPLORER_CACHE")
    try:
        if named:
            return Path(os.path.expandvars(named)).expanduser().absolute()
        return _user_caches() / "explorer"
    except RuntimeError as error:
        raise SourceError(
            "There is no folder to keep downloads in: this user has no home folder.",
            hint="Name one in the environment variable EXPLORER_CACHE.",
        ) from error


def _user_caches() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    named = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME", "")
    if Path(named).is_absolute():
        return Path(named)
    return Path.home() / ("AppData/Local" if sys.platform == "win32" else ".cache")


class DiskCache:
    """Bodies by URL in a folder, as many as fit into `max_bytes`; what was used longest ago goes first.

    Any number of threads and processes may use one folder: files appear whole or not at all, and one that
    another process removed is a miss. A disk that is full or read-only keeps nothing and says nothing.
    Each process counts what it writes and looks at the folder again after an eighth of the limit, so several
    of them can go above it by that much each, for a while.

    Parameters
    ----------
    folder
        Made when the first body is kept.
    max_bytes
        The limit for all bodies together.
    now
        The time in seconds since 1970, for the marks of last use.

    Attributes
    ----------
    hits, misses, evictions : int

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> cache = DiskCache(Path(folder.name, "urls"), max_bytes=100)
    >>> cache.put("https://example.com/a", b"12345")
    >>> cache.get("https://example.com/a"), cache.get("https://example.com/b")
    (b'12345', None)
    >>> folder.cleanup()
    """

    def __init__(
        self, folder: Path, *, max_bytes: int = CACHE_BYTES, now: Callable[[], float] = time.time
    ) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self.hits = self.misses = self.evictions = 0
        self._now = now
        self._lock = Lock()
        self._room: int | None = None

    def get(self, url: str) -> bytes | None:
        """Return what was kept of a URL, now the most recently used, or None."""
        path = self._path(url)
        try:
            body = path.read_bytes()
        except OSError:
            body = b""
        with self._lock:
            self.hits += bool(body)
            self.misses += not body
        if not body:
            return None
        now = self._now()
        # A cache that cannot be written can still be read.
        with contextlib.suppress(OSError):
            os.utime(path, (now, now))
        return body

    def put(self, url: str, body: bytes) -> None:
        """Keep a body, and let go of others when the folder grows above its limit."""
        if not body or len(body) > self.max_bytes:
            return
        try:
            self._write(self._path(url), body)
            self._make_room(len(body))
        except OSError:
            return

    def _path(self, url: str) -> Path:
        name = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / name[:2] / name

    def _write(self, path: Path, body: bytes) -> None:
        # What a person looked at is nobody else's business.
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.parent.mkdir(exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=_UNFINISHED)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(body)
            now = self._now()
            os.utime(name, (now, now))
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise

    def _make_room(self, written: int) -> None:
        """Look at the folder when this process wrote as much as was left, or an eighth of all."""
        with self._lock:
            if self._room is not None and self._room > written:
                self._room -= written
                return
            files = sorted(self._files(), key=lambda found: found[1])
            total = sum(size for _, _, size in files)
            # Below the limit, so that the next body does not search again.
            most = self.max_bytes if total <= self.max_bytes else self.max_bytes * 9 // 10
            for path, _, size in files:
                if total <= most:
                    break
                with contextlib.suppress(OSError):
                    path.unlink()
                    self.evictions += 1
                total -= size
            self._room = min(self.max_bytes // 8, self.max_bytes - total)

    def _files(self) -> Iterator[tuple[Path, float, int]]:
        """Yield path, last use and size of what is kept; remove what a killed process left half written."""
        for inside in self.folder.iterdir():
            if len(inside.name) != 2 or not inside.is_dir():
                continue
            with contextlib.suppress(OSError), os.scandir(inside) as found:
                for entry in found:
                    with contextlib.suppress(OSError):
                        known = entry.stat(follow_symlinks=False)
                        if not entry.name.endswith(_UNFINISHED):
                            yield Path(entry.path), known.st_mtime, known.st_size
                        elif self._now() - known.st_mtime > _ABANDONED_AFTER_S:
                            Path(entry.path).unlink()
