"""Where in a file of text something is wrong: the line, the column, what stands there."""

from __future__ import annotations

import csv
import json
import re
import zlib
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from explorer._errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from explorer.sources.opening import Source

    Keywords = dict[str, Any]

Found = TypeVar("Found")

_LINES_SEARCHED = 5_000_000
_JSON_BYTES_SEARCHED = 1 << 29
_MOVES_LINES = {
    "skip_rows",
    "skip_lines",
    "comment_prefix",
    "eol_char",
    "has_header",
    "skip_rows_after_header",
}
_UNREADABLE = (OSError, EOFError, ValueError, ImportError, zlib.error, csv.Error, StopIteration)


def csv_trouble(text: str, source: Source, keywords: Keywords) -> SourceError:
    """Say what Polars stumbled over in a CSV file.

    Parameters
    ----------
    text
        What Polars said.
    source
        The file.
    keywords
        What Polars was told.
    """
    if "more fields than defined" in text:
        line, fields, width = _find(_ragged_line, source, keywords) or (None, 0, 0)
        counted = f": {fields}, not {width}" if line else ""
        return SourceError(
            f"{source.name} {_at(line)}has more fields than the header{counted}.",
            hint="Check the separator and the quotes there, or pass truncate_ragged_lines=True.",
        )
    if "invalid utf-8" in text:
        return _not_utf8(source, keywords)
    parsed = re.match(
        r"could not parse `(.*?)` as dtype `(\w+)` at column '(.*?)' \(column number (\d+)", text, re.DOTALL
    )
    if parsed and "not properly escaped" not in text:
        value, dtype, column, number = parsed.groups()
        place = int(number) - 1
        line = _find(lambda handle, told: _line_with(handle, told, place, value), source, keywords)
        return SourceError(
            f"{source.name} {_at(line)}holds {value!r} in column {column!r}, "
            f"which the first rows say is {dtype}.",
            hint=f'Pass infer_schema_length=None, or schema_overrides={{"{column}": pl.String}}.',
        )
    if "not properly escaped" in text:
        return SourceError(
            f"{source.name} cannot be read: a quote is opened and not closed ({short(text)}).",
            hint="Pass quote_char=None when quotes mean nothing in this file.",
        )
    return SourceError(f"{source.name} cannot be read: {short(text)}")


def ndjson_trouble(text: str, source: Source) -> SourceError:
    """Say which line of a file is not a JSON object."""
    number, line = 0, b""
    try:
        with source.open() as handle:
            for number, line in enumerate(islice(handle, _LINES_SEARCHED), start=1):
                if not line.strip():
                    continue
                value = json.loads(line)
                if not isinstance(value, dict):
                    kind = "a JSON array" if isinstance(value, list) else "JSON, but not an object"
                    return SourceError(
                        f"{source.name}, line {number}: {kind}; one object a line is expected.",
                        hint=f'Try: ex.read_json("{source.name}")' if number == 1 else None,
                    )
    except ValueError as error:
        return _not_json(source, number, line, error)
    except _UNREADABLE:
        pass
    if "empty" in text or "could not infer" in text:
        return SourceError(f"{source.name} has no rows.")
    return SourceError(f"{source.name} cannot be read: {short(text)}")


def json_trouble(text: str, source: Source) -> SourceError:
    """Say where a JSON document is broken, or what it is instead of a table."""
    try:
        with source.open() as handle:
            data = handle.read(_JSON_BYTES_SEARCHED)
    except _UNREADABLE:
        return SourceError(f"{source.name} cannot be read: {short(text)}")
    try:
        value = json.loads(data)
    except UnicodeDecodeError:
        return SourceError(f"{source.name} is not UTF-8 text.")
    except json.JSONDecodeError as error:
        return _broken(source, error)
    if isinstance(value, list):
        wrong = next((place for place, item in enumerate(value) if not isinstance(item, dict)), None)
        if wrong is not None:
            return SourceError(
                f"{source.name}: item {wrong} of the array is {_named(value[wrong])}; objects are expected."
            )
        if not value:
            return SourceError(f"{source.name} has no rows.")
    elif not isinstance(value, dict):
        return SourceError(f"{source.name} holds {_named(value)}; an array of objects is expected.")
    return SourceError(f"{source.name} cannot be read: {short(text)}")


def short(text: str) -> str:
    """Return what comes before the advice that Polars adds for its own options."""
    first = text.strip().partition("\n\n")[0].replace("\n", " ")
    return first if len(first) <= 300 else first[:300] + "…"


def _not_json(source: Source, number: int, line: bytes, error: ValueError) -> SourceError:
    shown = _shown(line)
    if isinstance(error, json.JSONDecodeError):
        reason = error.msg
        if number == 1 and line.strip() in {b"{", b"["}:
            return SourceError(
                f"{source.name}, line 1: {shown} opens a document of several lines; "
                "one object a line is expected.",
                hint=f'Try: ex.read_json("{source.name}")',
            )
        if not line.endswith(b"\n") and error.pos >= len(error.doc.rstrip()):
            return SourceError(
                f"{source.name}, line {number}: the file is cut off in the middle of this line, "
                f"which begins with {shown}.",
                hint="Copy or download it again, or pass ignore_errors=True to get nulls.",
            )
    else:
        reason = "the text is not UTF-8"
    is_first = number == 1 and not line.lstrip().startswith((b"{", b"["))
    return SourceError(
        f"{source.name}, line {number}: not JSON ({reason}); it begins with {shown}.",
        hint=_if_csv(source) if is_first else "Pass ignore_errors=True to get nulls.",
    )


def _broken(source: Source, error: json.JSONDecodeError) -> SourceError:
    place = f"{source.name}, line {error.lineno}, column {error.colno}"
    if error.msg == "Extra data" and isinstance(_first_value(error.doc), dict):
        return SourceError(
            f"{place}: a second value begins here; the file holds one object a line.",
            hint=f'Try: ex.read_ndjson("{source.name}")',
        )
    if error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated string"):
        return SourceError(
            f"{source.name} is cut off: its JSON ends in the middle, in line {error.lineno}.",
            hint="Copy or download it again.",
        )
    shown = _shown(error.doc[error.pos : error.pos + 80].partition("\n")[0].encode())
    hint = _if_csv(source) if error.pos == 0 else None
    return SourceError(f"{place}: not JSON ({error.msg}); there stands {shown}.", hint=hint)


def _if_csv(source: Source) -> str:
    return f'If it is CSV: ex.read_csv("{source.name}")'


def _first_value(text: str) -> object:
    try:
        return json.JSONDecoder().raw_decode(text.lstrip())[0]
    except ValueError:
        return None


def _named(value: object) -> str:
    names = {list: "an array", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _shown(line: bytes) -> str:
    text = line.decode("utf-8", "replace").strip()
    return repr(text if len(text) <= 40 else text[:40] + "…")


def _not_utf8(source: Source, keywords: Keywords) -> SourceError:
    line = _find(_line_that_is_not_utf8, source, keywords)
    read_as = ""
    if line is not None:
        with source.open() as handle:
            there = next(islice(handle, line - 1, None))
        # Every byte is a letter in latin1; cp1252 leaves five out, and is what most such files are in.
        read_as = f" As cp1252 that line is {_shown(there.decode('cp1252', 'replace').encode())}."
    return SourceError(
        f"{source.name} {_at(line)}is not UTF-8 text.",
        hint=f'Pass its encoding, for instance encoding="latin1" or encoding="cp1252".{read_as}',
    )


def _find(
    search: Callable[[BinaryIO, Keywords], Found | None], source: Source, keywords: Keywords
) -> Found | None:
    """Return what a search finds, the number of a line, where lines mean what they usually do."""
    if _MOVES_LINES & set(keywords):
        return None
    try:
        with source.open() as handle:
            return search(handle, keywords)
    except _UNREADABLE:
        return None


def _ragged_line(handle: BinaryIO, keywords: Keywords) -> tuple[int, int, int] | None:
    """Return a line, how many fields it has, and how many the header has."""
    rows = _rows(handle, keywords)
    width = len(next(rows)[1])
    return next(((line, len(row), width) for line, row in rows if len(row) > width), None)


def _line_with(handle: BinaryIO, keywords: Keywords, column: int, value: str) -> int | None:
    rows = _rows(handle, keywords)
    next(rows)
    return next((line for line, row in rows if len(row) > column and row[column] == value), None)


def _line_that_is_not_utf8(handle: BinaryIO, _keywords: Keywords) -> int | None:
    for number, line in enumerate(islice(handle, _LINES_SEARCHED), start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            return number
    return None


def _rows(handle: BinaryIO, keywords: Keywords) -> Iterator[tuple[int, list[str]]]:
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


def _at(line: int | None) -> str:
    return "" if line is None else f"(line {line}) "
