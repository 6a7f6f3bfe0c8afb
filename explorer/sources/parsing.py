"""One file of text, or of an Arrow stream, becomes a frame: everything is parsed at once."""

from __future__ import annotations

import encodings.aliases
import glob
import json
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from explorer._errors import ArgumentError, ExplorerWarning, SourceError, did_you_mean
from explorer.sources.kinds import wrong_kind

if TYPE_CHECKING:
    from explorer.sources.opening import Source

    Keywords = dict[str, Any]

_CONTINUATION = b"\xff\xff\xff\xff"
"""What each message of an Arrow stream begins with; the file form begins with its name."""

_AS_POLARS = {"utf8", "utf8-lossy"}


def csv(source: Source, keywords: Keywords) -> pl.DataFrame:
    """Parse CSV, and refuse what Polars would take for a table and is none."""
    other = wrong_kind(source, "ex.read_csv()") if keywords.get("encoding", "utf8") in _AS_POLARS else None
    if other:
        raise other
    frame = _polars_csv(source, keywords)
    _refuse_renamed(frame.columns, source, keywords)
    _look_at_separator(frame.columns, source, keywords)
    return frame


def csv_header(source: Source, keywords: Keywords) -> list[str]:
    """Return the names in the first line of a CSV file as they are written there."""
    kept = ("separator", "quote_char", "comment_prefix", "skip_rows", "skip_lines", "encoding", "eol_char")
    options = {name: keywords[name] for name in kept if name in keywords}
    first = _polars_csv(source, {**options, "has_header": False, "infer_schema": False, "n_rows": 1})
    return [name or "" for name in first.row(0)]


def ndjson(source: Source, keywords: Keywords) -> pl.DataFrame:
    """Parse one JSON object a line."""
    # This reader takes every name for a pattern, so characters that mean something there are quoted.
    place = glob.escape(str(source.place)) if isinstance(source.place, Path) else source.place
    return pl.read_ndjson(place, **keywords)


def json_document(source: Source, keywords: Keywords) -> pl.DataFrame:
    """Parse an array of objects, an object of columns, or one object."""
    frame = pl.read_json(source.place, **keywords)
    if frame.height != 1 or not source.head().lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return frame
    dtypes = frame.dtypes
    lengths = {
        len(value)
        for value, dtype in zip(frame.row(0), dtypes, strict=True)
        if isinstance(dtype, pl.List) and value
    }
    of_objects = next((name for name, dtype in frame.schema.items() if dtype == pl.List(pl.Struct)), None)
    if of_objects is not None and (len(dtypes) > 1):
        inside = f'pl.read_json("{source.name}").select("{of_objects}").explode("{of_objects}")'
        raise SourceError(
            f"{source.name} is one object of several parts ({', '.join(map(repr, frame.columns[:8]))}), "
            "not an array of objects.",
            hint=f'For the part {of_objects!r}: ex.from_polars({inside}.unnest("{of_objects}"))',
        )
    if all(isinstance(dtype, pl.List) for dtype in dtypes) and len(lengths) == 1:
        return frame.explode(frame.columns)
    if len({str(dtype) for dtype in dtypes}) == 1 and isinstance(dtypes[0], pl.Struct):
        raise SourceError(
            f"{source.name} is an object of objects, not an array of objects.",
            hint='If pandas wrote it: write it again with .to_json(path, orient="records").',
        )
    return frame


class IpcScan:
    """Scans Arrow IPC of both forms; a stream is read once, when it is first scanned."""

    def __init__(self) -> None:
        self._streams: dict[Path | bytes, pl.LazyFrame] = {}

    def __call__(self, place: Path | bytes | list[Path | bytes], **keywords: Any) -> pl.LazyFrame:
        """Return a lazy frame of one place, or of several files."""
        if isinstance(place, list) or not _is_stream(place):
            return pl.scan_ipc(cast("Any", place), glob=False, **keywords)
        if place not in self._streams:
            self._streams[place] = pl.read_ipc_stream(place).lazy()
        return self._streams[place]


def is_stream(source: Source) -> bool:
    """Return whether a source is the stream form of Arrow IPC."""
    return _is_stream(source.place)


def _is_stream(place: Path | bytes) -> bool:
    if isinstance(place, bytes):
        return place.startswith(_CONTINUATION)
    with place.open("rb") as handle:
        return handle.read(4) == _CONTINUATION


def _polars_csv(source: Source, keywords: Keywords) -> pl.DataFrame:
    encoding = keywords.get("encoding", "utf8")
    if encoding in _AS_POLARS:
        return pl.read_csv(source.place, glob=False, **keywords)
    # Polars decodes before it unpacks, so what is packed would be read as letters.
    with source.open() as handle:
        data = handle.read()
    try:
        text = data.decode(encoding)
    except LookupError as error:
        raise ArgumentError(
            f"ex.read_csv(): encoding={encoding!r} is not known.",
            hint=did_you_mean(str(encoding), [*encodings.aliases.aliases, "utf-8", "cp1252"]),
        ) from error
    except UnicodeError as error:
        line = "" if not isinstance(error, UnicodeDecodeError) else f", line {_line(data, error.start)}"
        raise SourceError(f"{source.name}{line}: not {encoding} text ({error}).") from error
    return pl.read_csv(text.removeprefix("\ufeff").encode(), **{**keywords, "encoding": "utf8"})


def _line(data: bytes, place: int) -> int:
    return data.count(b"\n", 0, place) + 1


def _refuse_renamed(columns: list[str], source: Source, keywords: Keywords) -> None:
    """Refuse a header that names two columns alike: Polars would rename the later ones in silence."""
    renamed = [name for name in columns if re.search(r"_duplicated_\d+$", name)]
    if not renamed or not keywords.get("has_header", True) or "new_columns" in keywords:
        return
    header = csv_header(source, keywords)
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise SourceError(
            f"{source.name} has two columns named {twice!r}.",
            hint="Rename one in its first line, or give all names with new_columns=[…].",
        )


def _look_at_separator(columns: list[str], source: Source, keywords: Keywords) -> None:
    """Say so when the header was hardly meant as it was read."""
    if any("\r" in name for name in columns) and "eol_char" not in keywords:
        raise SourceError(
            f"{source.name} ends its lines with a carriage return alone.",
            hint=r'Pass eol_char="\r".',
        )
    if len(columns) != 1 or not keywords.get("has_header", True):
        return
    (name,) = columns
    given = keywords.get("separator", ",")
    other = next((mark for mark in ("\t", ";", "|", ",") if mark != given and mark in name), None)
    if other is not None:
        warnings.warn(
            f"{source.name} has one column, named {name!r}: is {other!r} its separator? "
            f"Then pass separator={json.dumps(other)}.",
            ExplorerWarning,
            stacklevel=7,  # the line that called ex.read_csv(); a test holds it to that
        )
