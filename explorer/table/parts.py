"""Columns in Parquet files: one file each, or several parts where a column is large."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import polars as pl

from explorer._errors import SourceError
from explorer.table.generations import sync

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future
    from types import TracebackType

PART_BYTES = 64 * 2**20
"""How large a part of a column is at most in memory, before it is compressed."""

SUFFIX = ".parquet"


def part_heights(height: int, total_bytes: int, part_bytes: int) -> list[int]:
    """Return how many rows go into each part of a column, all about the same.

    Examples
    --------
    >>> part_heights(10, total_bytes=300, part_bytes=100)
    [4, 4, 2]
    >>> part_heights(0, total_bytes=0, part_bytes=100)
    [0]
    """
    parts = max(1, -(-total_bytes // part_bytes))
    each = max(1, -(-height // parts))
    return [min(each, height - start) for start in range(0, height, each)] or [0]


class FilesOut:
    """Writes columns below a folder, and notes what `FilesIn` is to find there.

    While one file is written, those before it reach the disk; all have when the ``with`` block ends.

    Parameters
    ----------
    folder
        Where to.
    part_bytes
        How large a part of a column is at most, in memory.

    Attributes
    ----------
    written : dict of str to dict
        File to its ``rows`` and ``bytes``.
    """

    def __init__(self, folder: Path, *, part_bytes: int = PART_BYTES) -> None:
        self._folder = folder
        self._part_bytes = part_bytes
        self._syncing: list[Future[None]] = []
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="explorer-sync")
        self.written: dict[str, dict[str, int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=kind is not None)
        if kind is None:
            for synced in self._syncing:
                synced.result()

    def write(self, stem: str, frame: pl.DataFrame) -> str:
        """Write columns into ``stem.parquet``, or where they are large into ``stem/0000.parquet``, ….

        Returns
        -------
        str
            What `FilesIn.frame` takes.
        """
        heights = part_heights(frame.height, int(frame.estimated_size()), self._part_bytes)
        if len(heights) == 1:
            self.write_file(f"{stem}{SUFFIX}", frame)
            return f"{stem}{SUFFIX}"
        start = 0
        for number, height in enumerate(heights):
            self.write_file(part_of(stem, number), frame.slice(start, height))
            start += height
        return stem

    def write_file(self, file: str, frame: pl.DataFrame, **options: Any) -> Path:
        """Write one file, and return where it is."""
        path = self._folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            frame.write_parquet(path, **options)
        except pl.exceptions.PolarsError as error:
            raise pl.exceptions.ComputeError(
                f"the column {', '.join(map(repr, frame.columns))}: {error}"
            ) from error
        self._syncing.append(self._pool.submit(sync, path))
        self.written[file] = {"rows": frame.height, "bytes": path.stat().st_size}
        return path


def part_of(stem: str, number: int) -> str:
    """Return the name of one part of a column.

    Examples
    --------
    >>> part_of("columns/vector", 3)
    'columns/vector/0003.parquet'
    """
    return f"{stem}/{number:04}{SUFFIX}"


class FilesIn:
    """Reads what `FilesOut` wrote, each file at most once and only when something needs it.

    Parameters
    ----------
    table
        The folder of the table, as messages name it.
    folder
        The folder below which the files lie.
    rows
        Rows of the table.
    written
        What `FilesOut` noted; None for a table of the first version, which did not.
    """

    def __init__(
        self, table: Path, folder: Path, rows: int, written: Mapping[str, Mapping[str, int]] | None
    ) -> None:
        self._table = table
        self._folder = folder
        self._rows = rows
        self._written = written
        self._frames: dict[str, pl.DataFrame] = {}

    def frame(self, file: str) -> pl.DataFrame:
        """Return the columns of a file, or of all its parts.

        Raises
        ------
        SourceError
            When a part is missing, truncated, damaged, or of another length.
        """
        if file not in self._frames:
            parts = self._parts(file)
            expected = [self._written[part]["rows"] if self._written else self._rows for part in parts]
            if sum(expected) != self._rows:
                raise SourceError(
                    f"{self._folder / file} has {sum(expected):,} rows, but the table has {self._rows:,}.",
                    hint="The description of the table was changed.",
                )
            frames = [self._read(part, rows) for part, rows in zip(parts, expected, strict=True)]
            self._frames[file] = frames[0] if len(frames) == 1 else pl.concat(frames, rechunk=False)
        return self._frames[file]

    def check(self, file: str) -> Path:
        """Make sure, without reading them, that the parts of a column are whole; return their folder."""
        for part in self._parts(file):
            path = self._path(part)
            if not path.is_file() or path.stat().st_size != self._bytes(part):
                raise self._damaged(part, "its size is another")
        return self._path(file)

    def _parts(self, file: str) -> list[str]:
        self._path(file)
        if self._written is None or file in self._written:
            return [file]
        parts = [part for part in self._written if part.startswith(f"{file}/")]
        if not parts and file.endswith(SUFFIX):
            raise ValueError(f"{file!r} is not among its files")
        return parts

    def _path(self, file: str) -> Path:
        parts = Path(file).parts
        if not 2 <= len(parts) <= 3 or ".." in parts or "\\" in file or Path(file).is_absolute():
            raise ValueError(f"{file!r} is not a file of the table")
        return self._folder / file

    def _bytes(self, part: str) -> int | None:
        return self._written[part]["bytes"] if self._written else None

    def _read(self, part: str, rows: int) -> pl.DataFrame:
        path = self._path(part)
        try:
            frame = pl.read_parquet(path, glob=False)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise self._damaged(part, str(error).partition("\n")[0]) from error
        if frame.height != rows or frame.width < 1:
            raise SourceError(
                f"{path} has {frame.height:,} rows, but the table has {rows:,}"
                f"{' of them there' if rows != self._rows else ''}.",
                hint="The file belongs to another table, or was changed.",
            )
        return frame

    def _damaged(self, part: str, reason: str) -> SourceError:
        path, expected = self._path(part), self._bytes(part)
        hint = "Other columns can still be read: ex.read(…, columns=[…])"
        if not path.exists():
            return SourceError(f"The table {self._table} is not whole: {path} is missing.", hint=hint)
        size = path.stat().st_size if path.is_file() else 0
        rows = self._written[part]["rows"] if self._written else self._rows
        if expected is not None and size < expected:
            return SourceError(
                f"The table {self._table} is not whole: {path} is truncated: "
                f"{size:,} of {expected:,} bytes are there ({rows:,} rows are expected).",
                hint=hint,
            )
        return SourceError(
            f"The table {self._table} is not whole: {path} is truncated or damaged "
            f"({size:,} bytes, {rows:,} rows are expected): {reason}",
            hint=hint,
        )
