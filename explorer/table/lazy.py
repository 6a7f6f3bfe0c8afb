"""Whole-table operations that look only at as many rows as they must."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import polars as pl

from explorer._errors import ArgumentError
from explorer._progress import Progress
from explorer.compute import bulk
from explorer.compute.graph import Output, rekeyed, stored_columns, upstream
from explorer.compute.rows import ROW_ID, Rows
from explorer.table.binding import Binding
from explorer.table.expressions import through_polars

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from explorer.compute.counters import Counters
    from explorer.compute.engines.local import LocalEngine
    from explorer.compute.graph import Node
    from explorer.table.base import TableBase
    from explorer.table.table import ImageTable

    Table = TypeVar("Table", bound=TableBase)


def passing(
    predicates: Sequence[Output],
    rows: Rows,
    engine: LocalEngine,
    counters: Counters,
    *,
    limit: int | None,
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the positions of the rows that pass every predicate, the first `limit` of them.

    Rows are taken batch by batch, and each predicate sees only those that the ones before it left.
    The search ends when enough are found.

    Returns
    -------
    numpy.ndarray
        Positions, ascending, shape (n,).
    """
    if limit == 0:
        return np.empty(0, dtype=np.int64)
    functions = [
        n for n in upstream(p.node for p in predicates) if n.spec.kind not in ("expression", "image")
    ]
    size = bulk.chunk_size(functions) if functions else 4096
    found: list[np.ndarray[Any, np.dtype[np.int64]]] = []
    count = 0
    label = ", ".join(node.spec.name for node in functions) or "filter"
    needed = stored_columns(p.node for p in predicates)
    was = counters.rows_inferred
    progress = Progress(label, total=len(rows), done_word="inferred", always=limit is not None)
    with progress:
        for start in range(0, len(rows), size):
            places = np.arange(start, min(start + size, len(rows)))
            for predicate in predicates:
                part = rows.take(places, needed)
                passed = engine.series(predicate, part, counters).fill_null(value=False).to_numpy()
                places = places[passed]
            found.append(places)
            count += len(places)
            progress.advance(min(size, len(rows) - start))
            if limit is not None and count >= limit:
                break
        else:
            start = len(rows)
        if limit is not None:
            fresh = counters.rows_inferred - was
            progress.note = f"{fresh:,} of them now; found {min(count, limit):,} of the {limit:,} wanted"
    seen = rows.slice(0, min(start + size, len(rows)))
    bulk.warn_of_failures([node for node in functions if node.spec.kind != "expression"], seen)
    return np.concatenate(found)[:limit] if found else np.empty(0, dtype=np.int64)


def matrix(table: ImageTable, column: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the vectors of a column as one matrix.

    Returns
    -------
    matrix : numpy.ndarray
        Shape (rows with a vector, length), float32.
    present : numpy.ndarray
        Shape (height,), bool: which rows have one.

    Raises
    ------
    ArgumentError
        When the column holds something else, or vectors of several lengths.
    """
    series = table.to_polars(column)[column]
    if not isinstance(series.dtype, (pl.List, pl.Array)) or not series.dtype.inner.is_numeric():
        raise ArgumentError(
            f"{column!r} holds {series.dtype} values; a map needs a column of vectors.",
            hint='For instance a layer of a model: ex.model(net, "image", layers={"activation": "fc1"}).',
        )
    present = series.is_not_null().to_numpy()
    vectors = series.drop_nulls()
    as_list = vectors.arr.to_list() if isinstance(vectors.dtype, pl.Array) else vectors
    lengths = as_list.list.len().unique().to_list()
    if len(lengths) != 1:
        raise ArgumentError(
            f"The vectors of {column!r} have several lengths: {sorted(lengths)[:5]}."
            if lengths
            else f"No row has a value for {column!r}."
        )
    flat = as_list.explode().to_numpy().astype(np.float32)
    return flat.reshape(len(vectors), lengths[0]), present


def join(left: Table, right: TableBase | pl.DataFrame, on: Any, options: Mapping[str, Any]) -> Table:
    """Join two tables; rows get new ids where one came more than once, and keep their results."""
    if isinstance(right, pl.DataFrame):
        frame = through_polars(lambda: left._frame.join(right, on=on, **options))
        added = [name for name in frame.columns if name not in left._frame.columns]
        names = [name for name in left._binding.refs if name in frame.columns or name in left.deferred]
        fresh = Binding.of_stored(added)
        refs = {**{name: left._binding.refs[name] for name in names}, **fresh.refs}
        binding = replace(left._binding, refs=refs, names={**left._binding.names, **fresh.names})
        return left._with(frame, binding)._renumbered_if_repeated()
    other = right._rows()
    tag = f"__explorer_right_{uuid.uuid4().hex}__"
    nodes = other._binding.nodes
    needed = stored_columns(nodes)
    kept = {column: f"{tag}{column}" for column in needed}
    carried = other._frame.select(
        *other._binding.stored,
        pl.col(ROW_ID).alias(tag),
        *(pl.col(other._binding.names[column]).alias(name) for column, name in kept.items()),
    )
    joined = join(left, carried, on, options)
    old = joined._frame[tag].cast(pl.Int64).fill_null(-1).to_numpy()
    joined = joined._renumbered()
    fresh_ids = {column: joined._binding.refs[name].column for column, name in kept.items()}  # type: ignore[union-attr]
    made: dict[int, Node] = rekeyed(nodes, old, lambda column: fresh_ids[column])
    refs = {name: ref for name, ref in joined._binding.refs.items() if not name.startswith(tag)}
    for name, output in other._binding.deferred.items():
        if name not in refs:
            refs[name] = Output(made[output.node.uid], output.name)
    return joined._rebound(refs)
