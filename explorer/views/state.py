"""The state that the page sees, as plain values: pure functions of what the session knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from explorer.table import inside
from explorer.views.protocol import PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from explorer.compute.counters import Counters
    from explorer.views.columns import ViewColumns
    from explorer.views.options import Options


def schema(columns: ViewColumns, options: Options) -> dict[str, Any]:
    """Describe the table and what is drawn of it."""
    deferred = columns.deferred
    return {
        "protocol": PROTOCOL,
        "title": inside.title(columns.table),
        "rows": columns.height,
        "image": options.image,
        "columns": [
            {
                "name": name,
                "dtype": str(dtype),
                "kind": columns.kind(name),
                "deferred": name in deferred,
            }
            for name, dtype in columns.table.schema.items()
        ],
        "captions": list(options.captions or ()),
        "color": options.color,
        "histograms": list(options.histograms or ()),
        "axes": {"x": options.x, "y": options.y} if options.x else None,
        "layout": {"tile": options.size, "height": options.height},
    }


def counts(columns: ViewColumns, image: str | None, counters: Counters) -> dict[str, Any]:
    """Say how much of the view's rows is computed, by this view or before it."""
    deferred = columns.deferred
    counted = {name: columns.counted(name) for name in deferred}
    known = {name: computed for name, (computed, _) in counted.items()}
    inferred = [
        known[name]
        for name, output in deferred.items()
        if output.node.spec.kind not in ("image", "header", "expression")
    ]
    return {
        "rows": columns.height,
        "decoded": counted[image][0] - counted[image][1] if image in counted else 0,
        "inferred": max(inferred) if inferred else None,
        "failed": counters.failed,
        "hits": counters.cache_hits,
        "bytes": counters.bytes_read,
        "known": known,
    }


def status(pending: int, wanted: int) -> dict[str, Any]:
    """Say what is under way in the kernel."""
    jobs = [{"id": "screen", "label": "on screen", "done": wanted - pending, "total": wanted}]
    return {"busy": pending > 0, "message": None, "jobs": jobs if pending else []}


def ordered(
    columns: ViewColumns, rows: np.ndarray[Any, Any], sort: Sequence[dict[str, Any]]
) -> np.ndarray[Any, Any]:
    """Sort rows by columns as far as they are computed; the others come last, in their old order.

    Parameters
    ----------
    rows
        Row numbers, uint32, ascending.
    sort
        Keys ``{"column", "descending"}``, the first the most important.
    """
    if not sort or not len(rows):
        return rows
    frame = pl.DataFrame([columns.series(key["column"], rows).alias(str(i)) for i, key in enumerate(sort)])
    order = frame.select(
        pl.int_range(pl.len(), dtype=pl.UInt32).sort_by(
            frame.columns,
            descending=[key["descending"] for key in sort],
            nulls_last=True,
            maintain_order=True,
        )
    )
    return np.asarray(rows[order.to_series().to_numpy()])
