"""Why a file could not be read, with the line where that can be told."""

from __future__ import annotations

import csv
import gzip
import json
import re
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from explorer._errors import ArgumentError, ColumnNotFoundError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from explorer._errors import ExplorerError

_LINES_SEARCHED = 5_000_000
_MOVES_LINES = {
    "skip_rows",
    "skip_lines",
    "comment_prefix",
    "eol_char",
    "has_header",
    "skip_rows_after_header",
}


def explained(error: Exception, where: str, file: Path, keywords: dict[str, Any]) -> ExplorerError:
    """Turn an error of Polars into one that says what is wrong with the file or with the call.

    Parameters
    ----------
    error
        What Polars raised.
    where
        The call, for messages.
    file
        What it was reading.
    keywords
        What it was told.
    """
    text = str(error)
    if isinstance(error, pl.exceptions.ColumnNotFoundError):
        named = re.search(r'unable to find column "(.*?)"; valid columns: (\[.*?\])', text)
        if named:
            return ColumnNotFoundError.named(named[1], json.loads(named[2]))
    if "unexpected end of file" in text:
        return SourceError(f"{file} is cut off: its compressed data ends in the middle.")
    if isinstance(error, (TypeError, ValueError)) and not isinstance(error, UnicodeError):
        return ArgumentError(f"{where}: {_short(text)}")
    if where == "ex.read_csv()":
        return _csv(text, file, keywords)
    if where == "ex.read_ndjson()":
        return _ndjson(text, file)
    return SourceError(f"{file} cannot be read: {_short(text)}")


def csv_header(file: Path, keywords: dict[str, Any]) -> list[str]:
    """Return the names in the first line of a CSV file as they are written there."""
    kept = ("separator", "quote_char", "comment_prefix", "skip_rows", "skip_lines", "encoding", "eol_char")
    options = {name: keywords[name] for name in kept if name in keywords}
    first = pl.read_csv(file, has_header=False, infer_schema=False, n_rows=1, glob=False, **options)
    return [name or "" for name in first.row(0)]


def _csv(text: str, file: Path, keywords: dict[str, Any]) -> SourceError:
    if "more fields than defined" in text:
        line = _find(_ragged_line, file, keywords)
        return SourceError(
            f"{file} {_at(line)}has more fields than the header.",
            hint="Check the separator and the quotes there, or pass truncate_ragged_lines=True.",
        )
    if "invalid utf-8" in text:
        line = _find(_line_that_is_not_utf8, file, keywords)
        return SourceError(
            f"{file} {_at(line)}is not UTF-8 text.",
            hint='Pass its encoding, for instance encoding="latin1" or encoding="cp1252".',
        )
    parsed = re.match(
        r"could not parse `(.*?)` as dtype `(\w+)` at column '(.*?)' \(column number (\d+)", text, re.DOTALL
    )
    if parsed and "not properly escaped" not in text:
        value, dtype, column, number = parsed.groups()
        place = int(number) - 1
        line = _find(lambda handle, told: _line_with(handle, told, place, value), file, keywords)
        return SourceError(
            f"{file} {_at(line)}holds {value!r} in column {column!r}, which the first rows say is {dtype}.",
            hint=f'Pass infer_schema_length=None, or schema_overrides={{"{column}": pl.String}}.',
        )
    if "not properly escaped" in text:
        return SourceError(
            f"{file} cannot be read: a quote is opened and not closed ({_short(text)}).",
            hint="Pass quote_char=None when quotes mean nothing in this file.",
        )
    return SourceError(f"{file} cannot be read: {_short(text)}")


def _ndjson(text: str, file: Path) -> SourceError:
    number = 0
    try:
        with _opened(file) as handle:
            for number, line in enumerate(islice(handle, _LINES_SEARCHED), start=1):
                if not line.strip():
                    continue
                value = json.loads(line)
                if not isinstance(value, dict):
                    kind = "a JSON array" if isinstance(value, list) else "JSON, but not an object"
                    return SourceError(
                        f"{file}, line {number}: {kind}; one object a line is expected.",
                        hint=f'Try: ex.from_polars(pl.read_json("{file}"))',
                    )
    except ValueError as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "the text is not UTF-8"
        return SourceError(
            f"{file}, line {number}: not JSON ({reason}).", hint="Pass ignore_errors=True to get nulls."
        )
    except (OSError, EOFError):
        pass
    if "empty" in text or "could not infer" in text:
        return SourceError(f"{file} has no rows.")
    return SourceError(f"{file} cannot be read: {_short(text)}")


def _find(
    search: Callable[[BinaryIO, dict[str, Any]], int | None], file: Path, keywords: dict[str, Any]
) -> int | None:
    """Return the number of the line that a search finds, where lines mean what they usually do."""
    if _MOVES_LINES & set(keywords):
        return None
    try:
        with _opened(file) as handle:
            return search(handle, keywords)
    except (OSError, EOFError, ValueError, csv.Error):
        return None


def _ragged_line(handle: BinaryIO, keywords: dict[str, Any]) -> int | None:
    rows = _rows(handle, keywords)
    width = len(next(rows)[1])
    return next((line for line, row in rows if len(row) > width), None)


def _line_with(handle: BinaryIO, keywords: dict[str, Any], column: int, value: str) -> int | None:
    rows = _rows(handle, keywords)
    next(rows)
    return next((line for line, row in rows if len(row) > column and row[column] == value), None)


def _line_that_is_not_utf8(handle: BinaryIO, _keywords: dict[str, Any]) -> int | None:
    for number, line in enumerate(islice(handle, _LINES_SEARCHED), start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            return number
    return None


def _rows(handle: BinaryIO, keywords: dict[str, Any]) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a CSV file and the line on which each begins."""
    quote = keywords.get("quote_char", '"')
    text = (line.decode("utf-8", "replace") for line in handle)
    separator = keywords.get("separator", ",")
    if quote:
        reader = csv.reader(text, delimiter=separator, quotechar=quote)
    else:
        reader = csv.reader(text, delimiter=separator, quoting=csv.QUOTE_NONE)
    line = 1
    for row in islice(reader, _LINES_SEARCHED):
        if row:
            yield line, row
        line = reader.line_num + 1


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    with file.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if not zipped:
            yield raw
            return
        with gzip.open(raw) as handle:
            yield cast("BinaryIO", handle)


def _at(line: int | None) -> str:
    return "" if line is None else f"(line {line}) "


def _short(text: str) -> str:
    """Return what comes before the advice that Polars adds for its own options."""
    first = text.strip().partition("\n\n")[0].replace("\n", " ")
    return first if len(first) <= 300 else first[:300] + "…"
