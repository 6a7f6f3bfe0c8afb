"""What the kernel sends, made of arrays and results: pure functions to (content, buffers)."""

from __future__ import annotations

import base64
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import polars as pl

from explorer.compute.results import Failure
from explorer.views.protocol import CHUNK_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from explorer.images.thumbnail import Thumbnail

Sent: TypeAlias = "tuple[dict[str, Any], list[bytes]]"

LONGEST_TEXT = 2_000
LONGEST_LIST = 2_048
_WIRE = {"uint8": "u1", "uint16": "u2", "float32": "f4"}


def rows(epoch: int, start: int, ids: np.ndarray[Any, Any]) -> Sent:
    """Say which rows are at the positions from `start`."""
    return {"kind": "rows", "epoch": epoch, "start": start}, [ids.astype("<u4").tobytes()]


def tiles(epoch: int, px: int, results: Sequence[tuple[int, Thumbnail | Failure]]) -> Sent:
    """Pack thumbnails, and the reasons why there is none, into one message."""
    listed: list[dict[str, Any]] = []
    packed = bytearray()
    for row, tile in results:
        if isinstance(tile, Failure):
            listed.append({"row": row, "ok": False, "error": reason(tile)})
            continue
        place = {"offset": len(packed), "size": len(tile.data), "w": tile.width, "h": tile.height}
        listed.append({"row": row, "ok": True, "media": tile.media, **place})
        packed += tile.data
    return {"kind": "tiles", "epoch": epoch, "px": px, "tiles": listed}, [bytes(packed)]


def reason(failure: Failure) -> str:
    """Say why there is no value, in as few words as a tile has room for."""
    # What is wrong with an image is said in whole words; other errors need their type.
    return failure.message if failure.type == "ImageError" else f"{failure.type}: {failure.message}"


def cells(
    epoch: int,
    column: str,
    numbers: Sequence[int],
    series: pl.Series,
    failures: Mapping[int, Failure],
) -> Sent:
    """Send values of a column for some rows."""
    return {
        "kind": "cells",
        "epoch": epoch,
        "column": column,
        "rows": list(numbers),
        "values": [plain(value) for value in series.to_list()],
        "errors": {str(row): reason(failure) for row, failure in failures.items()},
    }, []


def columns(
    name: str,
    role: str,
    values: np.ndarray[Any, Any],
    *,
    version: int,
    of: int,
    known: int,
    meta: Mapping[str, Any],
    rows: np.ndarray[Any, Any] | None = None,
) -> Iterator[Sent]:
    """Send a column of codes or coordinates, in chunks; or only those of some rows."""
    content = {
        "kind": "columns",
        "name": name,
        "role": role,
        "version": version,
        "dtype": _WIRE[values.dtype.name],
        "of": of,
        "known": known,
        "meta": dict(meta),
        "sparse": rows is not None,
    }
    if rows is not None:
        yield {**content, "offset": 0}, [rows.astype("<u4").tobytes(), _little(values)]
        return
    step = CHUNK_BYTES // values.dtype.itemsize
    for offset in range(0, max(len(values), 1), step):
        yield {**content, "offset": offset}, [_little(values[offset : offset + step])]


def mask(source: str, version: int, bits: np.ndarray[Any, np.dtype[np.bool_]]) -> Sent:
    """Send which rows a clause selects that only the kernel can evaluate."""
    packed = np.packbits(bits, bitorder="little").tobytes()
    return {"kind": "mask", "source": source, "version": version, "of": len(bits)}, [packed]


def notice(level: str, where: str, message: str, hint: str | None = None) -> Sent:
    """Say something that answers no request."""
    return {"kind": "notice", "level": level, "where": where, "message": message, "hint": hint}, []


def sorted_in_part(column: str, known: int, of: int) -> Sent:
    """Say that an order is not what it will be once the column is computed."""
    message = f"Sorted by {column!r} as far as it is computed: {known:,} of {of:,} rows. Others come last."
    return notice("info", "sort", message, f"Compute it: t.compute({column!r}), then sort again.")


def reply(rid: int, content: Mapping[str, Any] | None = None, buffers: Sequence[bytes] = ()) -> Sent:
    """Answer a request."""
    return {"kind": "reply", "rid": rid, "ok": True, **(content or {})}, list(buffers)


def refusal(rid: int, where: str, message: str, hint: str | None = None) -> Sent:
    """Answer a request that failed."""
    error = {"where": where, "message": message, "hint": hint}
    return {"kind": "reply", "rid": rid, "ok": False, "error": error}, []


def as_text(content: Mapping[str, Any], buffers: Sequence[bytes]) -> dict[str, Any]:
    """Put buffers into the content, for a host that drops them."""
    return {**content, "b64": [base64.b64encode(buffer).decode() for buffer in buffers]}


def _little(values: np.ndarray[Any, Any]) -> bytes:
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


def plain(value: Any) -> Any:
    """Make a value fit for JSON: text, number, boolean, null, or a list of those.

    Examples
    --------
    >>> plain(float("nan")), plain([1.5, None]), plain(2**60)
    ('NaN', [1.5, None], '1152921504606846976')
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= 2**53 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value).replace("nan", "NaN")
    if isinstance(value, str):
        text = value if len(value) <= LONGEST_TEXT else value[:LONGEST_TEXT] + "…"
        return text.encode("utf-8", "replace").decode()
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    if isinstance(value, (pl.Series, np.ndarray)):
        value = value.tolist() if isinstance(value, np.ndarray) else value.to_list()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value[:LONGEST_LIST]]
    if isinstance(value, (date, datetime, time, timedelta, Decimal)):
        return str(value)
    return plain(str(value))
