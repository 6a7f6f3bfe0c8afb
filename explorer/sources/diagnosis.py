"""Why a file could not be read, with the place where that can be told."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from explorer._errors import ArgumentError, ColumnNotFoundError, ComputeError, ExplorerError, SourceError
from explorer.sources.kinds import wrong_kind
from explorer.sources.lines import csv_trouble, json_trouble, ndjson_trouble, short

if TYPE_CHECKING:
    from collections.abc import Callable

    from explorer.sources.opening import Source, Sources

_UNPACK_BYTES = 1 << 16
_BY_LINES = {"ex.read_csv()", "ex.read_ndjson()"}
_CUT = re.compile(r"unexpected end of file|incomplete frame|[Tt]runcated|end-of-stream")
BREAKS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
"""What reading broken bytes ends in. A panic is no `Exception`, and here it is one like the others."""

_MAY_BE_THE_FILE = (
    pl.exceptions.ComputeError,
    pl.exceptions.OutOfBoundsError,
    pl.exceptions.PanicException,
    OSError,
)


@dataclass(frozen=True, slots=True)
class Explainer:
    """Explains errors that come long after a file was opened: when its rows are wanted.

    Called with what Polars raised, it returns an error that says what is wrong with which file, and in which
    columns; or, when the files are as they were, one that repeats what Polars says.

    Attributes
    ----------
    where
        The call that opened the files, for messages.
    sources
        The files.
    scan
        Makes a frame of one file, unread.
    """

    where: str
    sources: Sources
    scan: Callable[[Source], pl.LazyFrame]

    def __call__(self, error: BaseException) -> ExplorerError:
        """Return what to raise instead."""
        moved = next((source for source in self.sources if source.changed), None)
        if moved is not None:
            return _moved(moved)
        if isinstance(error, _MAY_BE_THE_FILE):
            for source in self.sources:
                try:
                    self._read_through(source)
                except BREAKS as found:
                    return self._damaged(found, source)
        first, *more = str(error).splitlines() or [type(error).__name__]
        return ComputeError(f"Polars says: {first}", hint="\n".join(more).strip() or None)

    def _damaged(self, error: BaseException, source: Source) -> ExplorerError:
        """Name the columns whose values cannot be read; the others can."""
        bad = []
        try:
            names = self.scan(source).collect_schema().names()
            for name in names:
                try:
                    self._read_through(source, name)
                except BREAKS:
                    bad.append(name)
        except BREAKS:
            return explained(error, self.where, source, {})
        if not bad or len(bad) == len(names):
            return explained(error, self.where, source, {})
        columns = f"column {bad[0]!r}" if len(bad) == 1 else f"columns {', '.join(map(repr, bad[:8]))}"
        good = next(name for name in names if name not in bad)
        return SourceError(
            f"{source.name} is damaged in {columns}: {short(str(error))}",
            hint=f'Copy or download it again, or read the other columns: columns=["{good}", …]',
        )

    def _read_through(self, source: Source, *names: str) -> None:
        """Decode every value of some columns, all when none is named, and keep none."""
        scan = self.scan(source)
        for _ in (scan.select(names) if names else scan).collect_batches():
            pass


def explained(error: BaseException, where: str, source: Source, keywords: dict[str, Any]) -> ExplorerError:
    """Turn an error of Polars into one that says what is wrong with the file or with the call.

    Parameters
    ----------
    error
        What was raised.
    where
        The call, for messages.
    source
        The file that was being read.
    keywords
        What Polars was told.
    """
    text = str(error)
    if isinstance(error, ExplorerError):
        return error
    if isinstance(error, pl.exceptions.ColumnNotFoundError):
        named = re.search(r'unable to find column "(.*?)"; valid columns: (\[.*?\])', text)
        if named:
            return ColumnNotFoundError.named(named[1], json.loads(named[2]))
    if isinstance(error, (FileNotFoundError, PermissionError)):
        return SourceError(f"{source.name} cannot be opened: {error.strerror or short(text)}.")
    if isinstance(error, (TypeError, ValueError)) and not isinstance(error, UnicodeError):
        return ArgumentError(f"{where}: {short(text)}")
    # Damaged data may well unpack to something, over which the parser stumbles first.
    return (
        _packing_trouble(source, text, where)
        or wrong_kind(source, where)
        or _of_format(text, where, source, keywords)
    )


def _of_format(text: str, where: str, source: Source, keywords: dict[str, Any]) -> SourceError:
    if where == "ex.read_csv()":
        return csv_trouble(text, source, keywords)
    if where == "ex.read_ndjson()":
        return ndjson_trouble(text, source)
    if where == "ex.read_json()":
        return json_trouble(text, source)
    if re.search(r"must end with PAR1|InvalidFooter|at least 12 bytes|fill whole buffer", text):
        return SourceError(
            f"{source.name} is cut off after {source.size:,} bytes: its end, which says what is in it, "
            "is missing.",
            hint="Copy or download it again.",
        )
    return SourceError(
        f"{source.name} is damaged or cut off: {short(text)}", hint="Copy or download it again."
    )


def _moved(source: Source) -> SourceError:
    try:
        source.size  # noqa: B018 - whether it can be asked for is the question
    except OSError:
        return SourceError(
            f"{source.name} was there when the table was made, and is gone.",
            hint="Put it back, or read the table anew.",
        )
    return SourceError(f"{source.name} has changed since the table was made.", hint="Read the table anew.")


def _packing_trouble(source: Source, text: str, where: str) -> SourceError | None:
    """Unpack a compressed file as far as it goes, to tell one that is cut off from one that is damaged."""
    packing = source.packing
    if packing is None:
        return None
    size = lines = 0
    try:
        with source.open() as handle:
            # read1, because what came before the break is kept by it and lost by read.
            while chunk := getattr(handle, "read1", handle.read)(_UNPACK_BYTES):
                size += len(chunk)
                lines += chunk.count(b"\n")
    except (gzip.BadGzipFile, zlib.error, OSError, EOFError) as error:
        reason = short(str(error))
        cut = isinstance(error, EOFError) or _CUT.search(str(error)) is not None
        if "Not a gzipped file" in str(error):
            return _appended(source)
    except ImportError:  # nothing here unpacks it but Polars
        if not re.search(r"zstd|frame|corrupt", text, re.IGNORECASE):
            return None
        reason, cut = short(text), _CUT.search(text) is not None
    else:
        return _appended(source) if _CUT.search(text) and packing == "gzip" else None
    kept = f"{lines:,} whole lines" if where in _BY_LINES else f"{size:,} bytes"
    could = f"; {kept} can be unpacked" if size else ""
    if cut:
        message = (
            f"{source.name} is cut off after {source.size:,} bytes: its {packing} data ends in the middle"
        )
    else:
        message = f"{source.name} is damaged: its {packing} data cannot be unpacked ({reason})"
    return SourceError(f"{message}{could}.", hint="Copy or download it again.")


def _appended(source: Source) -> SourceError:
    return SourceError(
        f"{source.name} has other bytes after the end of its gzip data.",
        hint=f"Unpack it and pack it anew: gzip -dc '{source.name}' | gzip > new.gz",
    )
