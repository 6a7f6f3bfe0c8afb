"""Whole-table operations that look only at as many rows as they must."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import polars as pl

from explorer._errors import ArgumentError, ColumnNotFoundError
from explorer.compute.frame import Frame
from explorer.compute.graph import Output, Stored, rekeyed, stored_columns
from explorer.compute.rows import ROW_ID
from explorer.compute.scans import framed
from explorer.table.binding import Binding
from explorer.table.expressions import flat, through_polars

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from explorer.compute.graph import Node
    from explorer.table.base import TableBase
    from explorer.table.table import ImageTable

    Table = TypeVar("Table", bound=TableBase)


_JOINS = ("inner", "left", "right", "full", "semi", "anti", "cross")
_OF_THE_LEFT = ("inner", "left", "semi", "anti", "cross")
_PLACE = "__explorer_place__"
_JOIN_OPTIONS = (
    "how",
    "left_on",
    "right_on",
    "suffix",
    "validate",
    "nulls_equal",
    "coalesce",
    "maintain_order",
)


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
    _check_options(options)
    left = _stored_keys(left, [on, options.get("left_on")])
    if isinstance(right, pl.DataFrame):
        return _join_frame(left, right, on, options)
    other = _stored_keys(right._rows(), [on, options.get("right_on")])
    if options.get("how") in ("semi", "anti"):
        return _join_frame(left, other._frame.select(other._binding.stored), on, options)
    tag = f"__explorer_right_{uuid.uuid4().hex}__"
    nodes = other._binding.nodes
    kept = {column: f"{tag}{column}" for column in stored_columns(nodes)}
    carried = other._frame.collect().select(
        *other._binding.stored,
        pl.col(ROW_ID).alias(tag),
        *(pl.col(other._binding.names[column]).alias(name) for column, name in kept.items()),
    )
    joined = _join_frame(left, carried, on, options)
    old = joined._frame[tag].cast(pl.Int64).fill_null(-1).to_numpy()
    joined = joined._renumbered()
    fresh = {
        column: ref.column
        for column, name in kept.items()
        if isinstance(ref := joined._binding[name], Stored)
    }
    made: dict[int, Node] = rekeyed(nodes, old, lambda column: fresh[column])
    for node in made.values():
        # Where the right table has no row, there is nothing to call its functions with.
        node.results.answer_null(np.flatnonzero(old < 0))
    refs = {name: ref for name, ref in joined._binding.refs.items() if not name.startswith(tag)}
    for name, output in other._binding.deferred.items():
        free = name if name not in refs else f"{name}{options.get('suffix', '_right')}"
        if free in refs:
            raise ArgumentError(f"Two columns of one name: both tables have {free!r}.", hint="Give suffix=….")
        refs[free] = Output(made[output.node.uid], output.name)
    return joined._rebound(refs)


def _check_options(options: Mapping[str, Any]) -> None:
    for name in options:
        if name not in _JOIN_OPTIONS:
            raise ArgumentError.unknown_keyword("join()", name, ["on", *_JOIN_OPTIONS])
    how = options.get("how", "inner")
    if how not in _JOINS:
        raise ArgumentError.not_one_of("how", how, _JOINS)


def _join_frame(left: Table, right: pl.DataFrame, on: Any, options: Mapping[str, Any]) -> Table:
    suffix = options.get("suffix", "_right")
    clashing = {name: f"{name}{suffix}" for name in right.columns if name in left._binding.deferred}
    rows = _keys_of(left, on, options)
    for name in _names(on if options.get("right_on") is None else options["right_on"]):
        if name not in right.columns:
            raise ColumnNotFoundError.named(name, right.columns)
    try:
        frame = through_polars(lambda: rows.join(right.rename(clashing), on=on, **options))
    except ArgumentError:
        raise
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"join(): {error}") from error
    added = [name for name in frame.columns if name not in left._frame.columns and name != _PLACE]
    fresh = Binding.of_stored(added)
    known = {**left._binding.refs, **fresh.refs}
    # The rows of a right join are the right's, and so its keys stand among its columns.
    keys = _names(on) if options.get("how") == "right" else []
    tail = [name for name in frame.columns if name in fresh.refs or name in keys]
    head = [name for name in left.columns if name in frame.columns or name in left.deferred]
    refs = {name: known[name] for name in [*(name for name in head if name not in tail), *tail]}
    binding = replace(left._binding, refs=refs, names={**left._binding.names, **fresh.names})
    if _PLACE not in frame.columns:
        return left._with(Frame(frame), binding)._renumbered_if_repeated()
    chosen = left._frame.gather(frame[_PLACE])
    chosen = chosen.with_series({name: frame[name] for name in added}) if added else chosen
    return left._with(chosen, binding)._renumbered_if_repeated()


def _keys_of(left: Table, on: Any, options: Mapping[str, Any]) -> pl.DataFrame:
    """Return the rows of the left table as a join needs them.

    Where they are not in memory, and each row of the answer is to be one of them, that is the keys and
    the position; columns of nulls, which take no memory, stand for the others.
    """
    frame = left._frame
    if frame.is_held or options.get("how", "inner") not in _OF_THE_LEFT:
        return frame.collect()
    given = flat([on if options.get("left_on") is None else options["left_on"]])
    keys = {name for key in given for name in ([key] if isinstance(key, str) else key.meta.root_names())}
    read = frame.select([name for name in frame.columns if name in keys or name == ROW_ID])
    nothing = pl.Series([None]).new_from_index(0, read.height)
    columns = [read[name] if name in read.columns else nothing.alias(name) for name in frame.columns]
    return framed([*columns, pl.int_range(read.height, dtype=pl.UInt32, eager=True).alias(_PLACE)])


def _names(given: Any) -> list[str]:
    """Return the columns by which rows are joined, as far as they are given by name."""
    return [key for key in flat([given]) if isinstance(key, str)]


def _stored_keys(table: Table, keys: Sequence[Any]) -> Table:
    """Compute the deferred columns that rows are joined by, and store them."""
    deferred = list(dict.fromkeys(table._needs(flat(keys))))
    if not deferred:
        return table
    frame = table._filled(deferred)
    staged, refs = table._with_values([frame[name] for name in deferred])
    return staged._rebound(refs)
