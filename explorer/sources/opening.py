"""What a reader was given, opened: one file, a pattern, a list, or a URL; plain or compressed."""

from __future__ import annotations

import gzip
import io
import os
import re
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import urlsplit

from explorer._errors import ArgumentError, SourceError
from explorer._optional import require
from explorer.remote.client import Web
from explorer.sources.paths import existing, expanded, literal_root, matching

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    Given = str | os.PathLike[str]

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_PACKED_SUFFIXES = (".gz", ".zst", ".zstd")
_NAMES_LOOKED_AT = 10_000
_SUFFIXES = {
    "read_csv": (".csv", ".tsv", ".tab"),
    "read_parquet": (".parquet", ".pq"),
    "read_ndjson": (".ndjson", ".jsonl"),
    "read_json": (".json",),
    "read_ipc": (".arrow", ".feather", ".ipc"),
}
"""What files are named that a reader reads."""

_HEAD_BYTES = 4096
_CHUNK_BYTES = 1 << 20


class Fetcher(Protocol):
    """What gets the bytes behind a URL; an `explorer.Web` is one."""

    def read(self, url: str, /) -> bytes:
        """Return the body of the answer, or raise a `SourceError`."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file of rows, on disk or held in memory.

    Attributes
    ----------
    name
        What messages call it: the path as it was typed, or the URL.
    place
        Where Polars reads it: a path, or the bytes that were fetched or unpacked.
    stamp
        Size in bytes and time of change (ns) when the file was found; None for bytes.
    """

    name: str
    place: Path | bytes
    stamp: tuple[int, int] | None = field(default=None, compare=False)

    @classmethod
    def on_disk(cls, path: Path) -> Source:
        """Name a file that exists."""
        # Polars would take a leading ~ for the home folder, of a name that exists as it stands too.
        return cls(str(path), path.absolute() if str(path).startswith("~") else path, _stamp(path))

    @property
    def on_url(self) -> bool:
        """Whether it was fetched."""
        return is_url(self.name)

    @property
    def suffix(self) -> str:
        """What its name ends with, in lower case, without that of a compression: ``.csv``."""
        name = urlsplit(self.name).path if self.on_url else self.name
        return os.path.splitext(_unpacked_name(name))[1]  # noqa: PTH122 - a URL is no path

    @property
    def size(self) -> int:
        """Bytes, as they are stored."""
        return len(self.place) if isinstance(self.place, bytes) else self.place.stat().st_size

    @property
    def changed(self) -> bool:
        """Whether another file lies there by now."""
        return isinstance(self.place, Path) and _stamp(self.place) != self.stamp

    def stored(self) -> BinaryIO:
        """Open it as it is stored, compressed or not."""
        return io.BytesIO(self.place) if isinstance(self.place, bytes) else self.place.open("rb")

    @property
    def packing(self) -> str | None:
        """``"gzip"`` or ``"Zstandard"``, told from its first bytes; None when neither."""
        with self.stored() as handle:
            first = handle.read(4)
        return "gzip" if first.startswith(_GZIP) else "Zstandard" if first == _ZSTD else None

    def open(self) -> BinaryIO:
        """Open what is inside: what is compressed is unpacked on the way."""
        packing = self.packing
        if packing == "gzip":
            place = io.BytesIO(self.place) if isinstance(self.place, bytes) else self.place
            return cast("BinaryIO", gzip.open(place))
        return _unpacking_zstd(self.place) if packing else self.stored()

    def head(self) -> bytes:
        """Return the first bytes of what is inside, as far as they can be had."""
        with suppress(OSError, EOFError, zlib.error, ImportError), self.open() as handle:
            return handle.read(_HEAD_BYTES)
        return b""

    def unpacked(self) -> Source:
        """Return itself, or what is inside held in memory: for formats that are read from their end."""
        if self.packing is None:
            return self
        with self.open() as handle:
            return Source(self.name, handle.read())


@dataclass(frozen=True, slots=True)
class Sources:
    """All files of one table.

    Attributes
    ----------
    files
        At least one, in the order of the rows.
    folder
        Where all of those on disk lie, resolved; None when none does.
    title
        A short name for the table.
    """

    files: tuple[Source, ...]
    folder: Path | None
    title: str

    def __iter__(self) -> Iterator[Source]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)


def is_url(text: str) -> bool:
    """Return whether a name says how it is reached.

    Examples
    --------
    >>> is_url("https://example.org/t.csv"), is_url("t.csv")
    (True, False)
    """
    return re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", text) is not None


def opened(given: object, *, where: str, reader: str, web: Fetcher | None = None) -> Sources:
    """Find, or fetch, the files that a reader was given.

    Parameters
    ----------
    given
        A path, a pattern, a URL, or a list of them.
    where
        The call, for messages.
    reader
        Its name, for hints.
    web
        What fetches URLs; explorer's own when not given.

    Raises
    ------
    ArgumentError
        When it is none of these, or an empty list.
    SourceError
        When nothing is there, or a file is empty.
    """
    if isinstance(given, (list, tuple)):
        if not given:
            raise ArgumentError(f"{where} was given an empty list of paths.")
        parts = [opened(one, where=where, reader=reader, web=web) for one in given]
        files = tuple(file for part in parts for file in part)
        rest = f" and {len(given) - 1} more" if len(given) > 1 else ""
        return Sources(files, _common([part.folder for part in parts]), parts[0].title + rest)
    text = os.fspath(given) if isinstance(given, (str, os.PathLike)) else None
    if isinstance(text, str) and is_url(text):
        source = _fetched(text, where=where, reader=reader, web=web)
        return Sources((source,), None, urlsplit(text).path.rsplit("/", 1)[-1] or text)
    path = expanded(given, where=where)
    root, pattern = literal_root(path)
    if pattern:
        found = matching(root, pattern, given=path)
        files = tuple(_filled(Source.on_disk(file)) for file in found)
        return Sources(files, _common([file.parent for file in found]), pattern)
    hint = ""
    if os.path.isdir(path):  # noqa: PTH112 - Path raises where it may not look
        hint = _instead_of_folder(path, reader)
    path = existing(path, where=where, wanted=Path.is_file, else_hint=hint)
    return Sources((_filled(Source.on_disk(path)),), Path(os.path.realpath(path.parent)), path.name)


def _filled(source: Source) -> Source:
    """Refuse a file that cannot be opened or holds nothing."""
    try:
        empty = not source.stored().read(1) if isinstance(source.place, bytes) else _is_empty(source.place)
    except OSError as error:
        raise SourceError(f"{source.name} cannot be opened: {error.strerror or error}.") from error
    if empty:
        raise SourceError(f"{source.name} is empty (0 bytes).")
    return source


def _is_empty(path: Path) -> bool:
    with path.open("rb") as handle:
        return not handle.read(1)


def _fetched(url: str, *, where: str, reader: str, web: Fetcher | None) -> Source:
    scheme = url.partition("://")[0].lower()
    if scheme not in {"http", "https"}:
        scan = "pl." + reader.replace("read_", "scan_") if reader != "read_json" else "pl.read_json"
        hint = f'Polars reads some of those: ex.from_polars({scan}("{url}"))'
        if scheme == "file":
            hint = f'Give the path alone: ex.{reader}("{urlsplit(url).path}")'
        raise SourceError(f"{url}: {where} fetches http and https, not {scheme}.", hint=hint)
    return _filled(Source(url, (_own_web() if web is None else web).read(url)))


def _own_web() -> Fetcher:
    """Fetch with patience, and always anew: a table is larger than an image, and there is one of it."""
    return Web(timeout_s=120, max_bytes=1 << 30, cache=False)


def _instead_of_folder(folder: Path, reader: str) -> str:
    """Say how to read what lies in a folder: what is named as was asked for, or another kind."""
    for name in (reader, *(other for other in _SUFFIXES if other != reader)):
        found = _first_named(folder, _SUFFIXES[name])
        if found is not None:
            return (
                f'For all files like {found.name} in it: ex.{name}("{folder}/{_pattern_of(found, folder)}")'
            )
    return f'For a folder of images: ex.read_folder("{folder}")'


def _first_named(folder: Path, suffixes: tuple[str, ...]) -> Path | None:
    with suppress(OSError):
        for pattern in ("*", "*/*", "**/*"):
            for path in sorted(islice(folder.glob(pattern), _NAMES_LOOKED_AT)):
                if _unpacked_name(path.name).endswith(suffixes):
                    return path
    return None


def _pattern_of(found: Path, folder: Path) -> str:
    below = ("", "*/", "**/")[min(len(found.relative_to(folder).parts) - 1, 2)]
    packed = found.name.lower() != _unpacked_name(found.name)
    return f"{below}*{''.join(found.suffixes[-2 if packed else -1 :])}"


def _unpacked_name(name: str) -> str:
    name = name.lower()
    return name.removesuffix(next((packed for packed in _PACKED_SUFFIXES if name.endswith(packed)), ""))


def _common(folders: list[Path | None]) -> Path | None:
    on_disk = [os.path.realpath(folder) for folder in folders if folder is not None]
    if not on_disk:
        return None
    with suppress(ValueError):  # two drives of Windows
        return Path(os.path.commonpath(on_disk))
    return Path(on_disk[0])


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _unpacking_zstd(place: Path | bytes) -> BinaryIO:
    """Unpack Zstandard where something here can: Python from 3.14 on, else pyarrow."""
    with suppress(ImportError):
        standard = import_module("compression.zstd")
        return cast("BinaryIO", standard.ZstdFile(io.BytesIO(place) if isinstance(place, bytes) else place))
    arrow = require("pyarrow", extra="arrow", needed_for="Unpacking Zstandard (.zst)")
    file = arrow.BufferReader(place) if isinstance(place, bytes) else arrow.OSFile(str(place))
    return io.BufferedReader(arrow.CompressedInputStream(file, "zstd"), _CHUNK_BYTES)
