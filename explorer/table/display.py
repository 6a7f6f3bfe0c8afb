"""What a table looks like in a cell: a static picture that a saved notebook keeps."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from explorer.compute.deferred import Image
from explorer.compute.graph import Output, stored_columns
from explorer.compute.results import Failure
from explorer.compute.rows import Rows

if TYPE_CHECKING:
    from explorer.compute.deferred import Dtype
    from explorer.compute.graph import Ref
    from explorer.table.table import ImageTable

ROWS_SHOWN = 8
THUMBNAIL_PX = 72
LONGEST_TEXT = 60
LONGEST_TITLE = 1_000

# No red is readable on white and on black: the text has the theme's colour, and a mark is red.
_WRONG = "color:inherit;border-left:3px solid #d32f2f;padding-left:6px"
_QUIET = "color:inherit;opacity:.65;font-weight:400"
_CELL = "padding:4px 12px 4px 0;text-align:left;vertical-align:middle;border:0"


def summary(table: ImageTable) -> str:
    """Say in one line how many rows there are and how much of them was computed."""
    table = _as_known(table)
    height = "rows not counted yet" if table._binding.pending else f"{table.height:,} rows"
    counted = table.counters
    parts = [f"{height} × {table.width} columns"]
    if any(dtype == Image for dtype in table.schema.values()):
        parts.append(f"{counted.images_decoded:,} images decoded")
    if any(output.node.spec.kind not in ("image", "header") for output in table._binding.deferred.values()):
        parts.append(f"{counted.rows_inferred:,} rows inferred")
    skipped = sum(part.height for part in table._skipped)
    return " · ".join([*parts, *([f"{skipped:,} rows skipped"] if skipped else [])])


def _as_known(table: ImageTable) -> ImageTable:
    """Return the table with its filters evaluated, if they were."""
    return table if table._resolved is None else table._resolved


def kind(dtype: Dtype) -> str:
    """Return the name of a dtype, cut where its fields or categories make it long.

    Examples
    --------
    >>> kind(pl.List(pl.Int64)), len(kind(pl.Enum(str(i) for i in range(1_000))))
    ('List(Int64)', 60)
    """
    return _cut(str(dtype))


def state(table: ImageTable, ref: Ref) -> str:
    """Say how far a column is computed: ``"stored"``, or ``"deferred, 8 of 899 computed"``."""
    if not isinstance(ref, Output):
        return "stored"
    ids = table._frame.ids if ref.node.results.version else np.empty(0, dtype=np.uint32)
    known = int(ref.node.results.known(ids).sum())
    failed = len(ref.node.results.failures(ids))
    word = "decoded" if ref.dtype == Image else "computed"
    done = f"deferred, {known - failed:,} of {table._frame.height:,} {word}"
    return f"{done}, {failed:,} failed" if failed else done


def text(table: ImageTable) -> str:
    """Return the table as text: a line per column. Computes nothing."""
    table = _as_known(table)
    names = {name: _one_line(name) for name in table.columns}
    width = max(map(len, names.values()), default=0)
    kinds = {name: kind(dtype) for name, dtype in table.schema.items()}
    dtype_width = max(map(len, kinds.values()), default=0)
    lines = [
        f"  {names[name]:<{width}}  {kinds[name]:<{dtype_width}}  {state(table, ref)}"
        for name, ref in table._binding.refs.items()
    ]
    height = "" if table._binding.pending else f"{table.height:,} rows × "
    return "\n".join([f"ImageTable: {height}{table.width} columns", *lines])


def glimpse(table: ImageTable, items: int) -> str:
    """Return a line per column with its first values; deferred ones are not computed.

    A filter that waits is evaluated until there are enough rows.
    """
    table = _as_known(table)
    shown = table.head(items) if table._binding.pending else table.slice(0, items)
    rows = Rows(shown._frame, shown._binding.names)
    lines = ["Rows: not counted yet" if table._binding.pending else f"Rows: {table.height:,}"]
    lines.append(f"Columns: {table.width}")
    for name, ref in shown._binding.refs.items():
        if isinstance(ref, Output):
            lines.append(f"$ {_one_line(name)} <{kind(ref.dtype)}> {state(table, ref)}")
        else:
            series = rows.stored(ref.column)
            values = ", ".join(_one_line(_short(value)) for value in series.to_list())
            lines.append(f"$ {_one_line(name)} <{kind(series.dtype)}> {values}")
    return "\n".join(lines)


def html(table: ImageTable) -> str:
    """Return the first rows as HTML, with thumbnails; values that are not known are not computed."""
    table = _as_known(table)
    shown = table.head(ROWS_SHOWN) if table._binding.pending else table.slice(0, ROWS_SHOWN)
    columns = {name: _cells(shown, ref) for name, ref in shown._binding.refs.items()}
    head = "".join(
        _head(name, dtype, state(table, table._binding[name])) for name, dtype in shown.schema.items()
    )
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{columns[name][row]}</td>' for name in columns) + "</tr>"
        for row in range(shown._frame.height)
    )
    more = "" if table._binding.pending or table.height <= ROWS_SHOWN else f"first {ROWS_SHOWN} of "
    return (
        '<div style="font:13px system-ui,sans-serif;overflow-x:auto">'
        f'<table style="border-collapse:collapse;border:0"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
        f'<div style="{_QUIET};padding-top:4px">{escape(more + summary(table))}</div></div>'
    )


def _head(name: str, dtype: Dtype, how_far: str) -> str:
    whole = escape(str(dtype)[:LONGEST_TITLE])
    return (
        f'<th style="{_CELL}">{escape(name)}'
        f'<br><span style="{_QUIET}" title="{whole}">{escape(kind(dtype))}</span>'
        f'<br><span style="{_QUIET};font-size:11px">{escape(how_far)}</span></th>'
    )


def _cells(table: ImageTable, ref: Ref) -> list[str]:
    rows = Rows(table._frame, table._binding.names)
    if not isinstance(ref, Output):
        return [f"<code>{escape(_short(value))}</code>" for value in rows.stored(ref.column).to_list()]
    if ref.dtype == Image:
        return _thumbnails(table, ref, rows)
    known = ref.node.results.known(rows.ids)
    failures = ref.node.results.failures(rows.ids)
    values: list[Any] = [None] * len(rows)
    if ref.fits_a_frame:
        values = ref.node.results.series(ref.name, rows.ids).to_list()
    cells = []
    for row, row_id in enumerate(rows.ids.tolist()):
        if row_id in failures:
            cells.append(_failure(failures[row_id]))
        elif not known[row]:
            cells.append(f'<span style="{_QUIET}">…</span>')
        else:
            cells.append(f"<code>{escape(_short(values[row]))}</code>" if ref.fits_a_frame else "computed")
    return cells


def _thumbnails(table: ImageTable, ref: Output, rows: Rows) -> list[str]:
    spec = ref.node.spec
    # Servers that do not answer are waited for all at once.
    calls = table._origin.engine.map_calls(spec.workers if spec.kind == "image" else 1)
    return list(calls(lambda row: _thumbnail(table, ref, rows, row), range(len(rows))))


def _thumbnail(table: ImageTable, ref: Output, rows: Rows, row: int) -> str:
    one = rows.take([row], stored_columns([ref.node]))
    tile = table._origin.engine.thumbnail(ref, one, 2 * THUMBNAIL_PX, table.counters)
    if isinstance(tile, Failure):
        return _failure(tile)
    scale = min(THUMBNAIL_PX / tile.width, THUMBNAIL_PX / tile.height)
    crisp = ";image-rendering:pixelated" if scale > 2 else ""
    data = base64.b64encode(tile.data).decode()
    return (
        f'<img alt="row {row}" src="data:{tile.media};base64,{data}" '
        f'width="{tile.width * scale:.0f}" height="{tile.height * scale:.0f}" '
        f'style="display:block;margin:0;max-width:none{crisp}">'
    )


def _failure(failure: Failure) -> str:
    message = f"{failure.type}: {failure.message}"
    return f'<span title="{escape(str(failure))}" style="{_WRONG}">{escape(_cut(message))}</span>'


def _short(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    if isinstance(value, (list, pl.Series)):
        values = list(value)
        start = ", ".join(_short(item) for item in values[:4])
        return (
            f"[{start}{', …' if len(values) > 4 else ''}] ({len(values)})"
            if len(values) > 4
            else f"[{start}]"
        )
    return _cut(str(value))


def _one_line(given: str) -> str:
    return given if given.isprintable() else repr(given)


def _cut(given: str) -> str:
    return given if len(given) <= LONGEST_TEXT else given[: LONGEST_TEXT - 1] + "…"
