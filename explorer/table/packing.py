"""Images inside a table: their encoded bytes in Parquet, read again one by one where they lie."""

from __future__ import annotations

import mmap
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from explorer._errors import ImageError, SourceError
from explorer._progress import Progress
from explorer.compute.bulk import warn_of_failures
from explorer.compute.graph import Stored, stored_columns
from explorer.compute.results import Failure
from explorer.table.image_column import ImageLoader
from explorer.table.parts import part_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from explorer.compute.counters import Counters
    from explorer.compute.engines.local import LocalEngine
    from explorer.compute.graph import Node
    from explorer.compute.rows import Rows
    from explorer.table.generations import Hold
    from explorer.table.parts import FilesOut

PACK_BYTES = 64 * 2**20
"""How many bytes of images one part holds, and so about how many are in memory at once."""

_GROUP_BYTES = 4 * 2**20
_READ_TOGETHER = 32
_PLACE = re.compile(r"(\d{1,9}):(\d{1,18})\+(\d{1,18})")


@dataclass(frozen=True, slots=True)
class Pack:
    """Where packed images lie.

    Parameters
    ----------
    folder
        Holds the parts, ``0000.parquet``, ….
    hold
        Keeps them from being deleted while they may be read.
    """

    folder: Path
    hold: Hold | None = field(default=None, compare=False, repr=False)

    def read(self, place: str) -> bytes:
        """Return the bytes at a place, ``part:offset+length``."""
        found = _PLACE.fullmatch(place)
        if found is None:
            raise ImageError(f"{place!r} is not the place of a packed image")
        part, offset, length = map(int, found.groups())
        path = self.folder / Path(part_of("", part)).name
        try:
            with path.open("rb", buffering=0) as file:
                file.seek(offset)
                data = file.read(length)
        except FileNotFoundError as error:
            raise ImageError(
                f"the table with the packed images was replaced, moved or deleted: {path} is missing",
                hint="Read it again: ex.read(…)",
            ) from error
        except OSError as error:
            raise ImageError(f"cannot be read ({error.strerror}): {path}") from error
        if len(data) != length:
            raise ImageError(f"truncated: {path} ends before byte {offset + length:,}")
        return data


@dataclass(frozen=True, slots=True)
class PackedLoader(ImageLoader):
    """Decodes images that were packed with the options of another loader.

    It is called with their places, and touches no library that would not survive a fork: workers of a
    torch `DataLoader` use it.
    """

    pack: Pack | None = None

    @classmethod
    def like(cls, loader: ImageLoader, pack: Pack) -> PackedLoader:
        """Return a loader with the options of this one, whose images are in `pack`."""
        options: dict[str, Any] = {of.name: getattr(loader, of.name) for of in fields(loader) if of.init}
        return cls(**{**options, "pack": pack})

    def read(self, value: object) -> bytes:
        """Return the encoded bytes of one image."""
        if value is None or self.pack is None:
            raise ImageError("nothing was packed for this row")
        return self.pack.read(str(value))


@dataclass(frozen=True, slots=True)
class Packed:
    """Images that were packed.

    Parameters
    ----------
    stem
        The folder of the parts, for `FilesIn.check`.
    places
        Where each row's image lies, null where it could not be read; dtype String.
    """

    stem: str
    places: pl.Series


def groups_to_pack(nodes: Iterable[Node], rows: Rows, *, all_of_them: bool) -> list[list[Node]]:
    """Return the image columns whose bytes go into the table; those of one group have the same bytes.

    Images that are packed already stay so, and those that are in memory can be nowhere else; columns that
    hold encoded bytes need no packing.
    """
    groups: dict[tuple[Any, ...], list[Node]] = {}
    for node in nodes:
        loader = node.spec.function
        must_be = isinstance(loader, PackedLoader) or hasattr(loader, "encoded")
        if unpacking(loader) is None or not (must_be or all_of_them):
            continue
        if not must_be and _holds_bytes(node, rows):
            continue
        # What else a loader does, it does with the bytes.
        source: list[Any] = [id(loader)]
        if isinstance(loader, ImageLoader):
            source = [getattr(loader, name, None) for name in ("base_dir", "limits", "web", "pack")]
        groups.setdefault((node.inputs, *map(repr, source)), []).append(node)
    return list(groups.values())


def unpacking(loader: Any) -> ImageLoader | None:
    """Return what decodes the images of a loader once they are packed; None for what is not packed.

    A loader of another room has a method `packed_with` for this, and `encoded` where it has no `read`.
    """
    if isinstance(loader, ImageLoader):
        return loader
    of_its_own: ImageLoader | None = loader.packed_with() if hasattr(loader, "packed_with") else None
    return of_its_own


def _holds_bytes(node: Node, rows: Rows) -> bool:
    (ref,) = node.inputs
    if not isinstance(ref, Stored):
        return False
    series = rows.stored(ref.column)
    if isinstance(series.dtype, pl.Struct) and "bytes" in [of.name for of in series.dtype.fields]:
        series = series.struct.field("bytes")
        return series.dtype == pl.Binary and not series.null_count()
    return series.dtype == pl.Binary


class Packer:
    """Reads the images of some rows, each once, and writes their bytes into parts of bounded size.

    Parameters
    ----------
    files
        Where they are written.
    pack_bytes
        How many bytes a part holds, but for its last image.
    """

    def __init__(self, files: FilesOut, *, pack_bytes: int = PACK_BYTES) -> None:
        self._files = files
        self._pack_bytes = pack_bytes

    def pack(
        self, stem: str, nodes: Sequence[Node], rows: Rows, engine: LocalEngine, counters: Counters
    ) -> Packed:
        """Pack the images of these columns, whose bytes are the same.

        A row whose image cannot be read is known to have failed from now on, with the reason.

        Raises
        ------
        SourceError
            When images that were packed before can no longer be read.
        KeyboardInterrupt
            When it is interrupted; what was written is then of no use.
        """
        node = nodes[0]
        part = rows.take(np.arange(len(rows)), stored_columns([node]))
        packing = _Part(self._files, stem, self._pack_bytes)
        fresh: dict[int, Failure] = {}
        interrupt: KeyboardInterrupt | None = None
        calls = engine.map_calls(node.spec.workers)
        with Progress(f"packing {Path(stem).name}", total=len(part), done_word="packed") as progress:
            try:
                for start in range(0, len(part), _READ_TOGETHER):
                    chunk = part.slice(start, _READ_TOGETHER)
                    inputs = [engine.values(ref, chunk, counters) for ref in node.inputs]
                    answers = calls(_Reading(node), zip(*inputs, strict=True))
                    for row, answer in zip(chunk.ids.tolist(), answers, strict=True):
                        if isinstance(answer, Failure):
                            fresh[row] = answer
                        else:
                            counters.add(bytes_read=len(answer))
                        packing.add(None if isinstance(answer, Failure) else answer)
                    progress.advance(len(chunk))
                packing.flush()
            except KeyboardInterrupt as error:
                progress.note = "interrupted; nothing was written"
                interrupt = error
        if interrupt is not None:
            raise interrupt
        for each in nodes:
            known = each.results.failures(part.ids)
            new = {row: failure for row, failure in fresh.items() if row not in known}
            _, failed = each.results.store(part.ids[:0], {}, new)
            counters.add(failed=failed)
            if new:
                warn_of_failures([each], part)
        return Packed(stem, pl.Series("place", packing.places, dtype=pl.String))


class _Reading:
    """Reads the bytes of one row; called by several threads."""

    def __init__(self, node: Node) -> None:
        self._name = node.spec.name
        loader: Any = node.spec.function
        self._loader = loader
        self._bytes_of = getattr(loader, "encoded", None) or loader.read

    def __call__(self, row: tuple[Any, ...]) -> bytes | Failure:
        bad = next((value for value in row if isinstance(value, Failure)), None)
        if bad is not None:
            return bad
        try:
            return bytes(self._bytes_of(*row))
        except Exception as error:
            if isinstance(self._loader, PackedLoader) and row[0] is not None:
                # The only copy may be there: a table without it must not take its place.
                raise SourceError(f"Images that were packed cannot be read: {error}") from error
            return Failure.of(error, self._name)


class _Part:
    """Collects images until they are a part, and notes where in its file each of them lies."""

    def __init__(self, files: FilesOut, stem: str, part_bytes: int) -> None:
        self._files = files
        self._stem = stem
        self._part_bytes = part_bytes
        self._waiting: list[bytes | None] = []
        self._size = 0
        self._number = 0
        self.places: list[str | None] = []

    def add(self, data: bytes | None) -> None:
        self._waiting.append(data)
        self._size += len(data or b"")
        if self._size >= self._part_bytes:
            self.flush()

    def flush(self) -> None:
        """Write what waits as one part."""
        if not self._waiting:
            return
        frame = pl.Series(Path(self._stem).name, self._waiting, dtype=pl.Binary).to_frame()
        # Not compressed, so that each image lies in the file as it is; images are compressed themselves.
        # In small groups, as Polars holds a whole one several times.
        rows = max(1, len(self._waiting) * _GROUP_BYTES // max(self._size, 1))
        path = self._files.write_file(
            part_of(self._stem, self._number),
            frame,
            compression="uncompressed",
            statistics=False,
            row_group_size=rows,
        )
        self.places += [
            None if offset is None else f"{self._number}:{offset}+{len(data or b'')}"
            for offset, data in zip(_offsets(path, self._waiting), self._waiting, strict=True)
        ]
        self._waiting, self._size, self._number = [], 0, self._number + 1


def _offsets(path: Path, values: Sequence[bytes | None]) -> list[int | None]:
    """Find where in a file values lie that were written into it in this order; equal ones may be one."""
    offsets: list[int | None] = []
    seen: dict[bytes, int] = {}
    place = 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for value in values:
            if value is None:
                offsets.append(None)
                continue
            found = seen[value] if value in seen else content.find(value, place)
            if found < 0:
                found = content.find(value)
            if found < 0:
                raise OSError(f"Parquet keeps images in another way than is known: {path.name}")
            seen[value] = found
            place = max(place, found + len(value))
            offsets.append(found)
    return offsets
