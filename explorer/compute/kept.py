"""Between what functions take and return and the series that are kept of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from explorer._errors import OutputError
from explorer.compute.call import Outcome, settle, to_series
from explorer.compute.deferred import Image
from explorer.compute.results import Failure, fits_a_frame, widened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from explorer.compute.deferred import Dtype
    from explorer.compute.graph import Node


def as_series(node: Node, outcome: Outcome) -> tuple[Outcome, dict[str, pl.Series]]:
    """Turn the outputs that fit a frame into series; a wrong value costs a per-row function its own row."""
    try:
        return outcome, {
            name: _one_series(node, name, values, dtype)
            for name, values in outcome.columns.items()
            if fits_a_frame(dtype := _settled(node, name, values))
        }
    except OutputError as error:
        if node.spec.batched or node.spec.on_error == "raise":
            raise
        wrong = {i: why for i in range(len(outcome.good)) if (why := _wrong_row(node, outcome, i))}
        if not wrong or len(wrong) == len(outcome.good):
            raise error from None
    kept = [i for i in range(len(outcome.good)) if i not in wrong]
    columns: dict[str, Sequence[Any]] = {
        name: [values[i] for i in kept] for name, values in outcome.columns.items()
    }
    failures = outcome.failures | {outcome.good[i]: why for i, why in wrong.items()}
    return as_series(node, Outcome([outcome.good[i] for i in kept], columns, failures, outcome.skipped))


def _wrong_row(node: Node, outcome: Outcome, row: int) -> Failure | None:
    try:
        for name, values in outcome.columns.items():
            if fits_a_frame(dtype := _settled(node, name, values)):
                _one_series(node, name, [values[row]], dtype)
    except OutputError as error:
        return Failure.of(error, node.spec.name)
    return None


def _settled(node: Node, name: str, values: Sequence[Any]) -> Dtype:
    """Return the dtype of an output; an undeclared one is judged by its first values and may widen."""
    declared, seen = node.spec.returns[name], node.results.dtypes[name]
    if declared != pl.Unknown or not fits_a_frame(seen):
        return seen
    dtype = settle(pl.Unknown, values)
    if not fits_a_frame(dtype) and seen != pl.Unknown:
        # They would take the place of what is known, and nobody would have been told.
        first = next(value for value in values if value is not None)
        raise OutputError(
            f"{node.spec.name} returned {type(first).__name__} values after {seen} ones.",
            hint="Return one type, and declare it with returns=; "
            f"returns={'ex' if dtype == Image else 'pl'}.{dtype} holds what no frame does.",
        )
    if not fits_a_frame(dtype):
        node.results.settle(name, dtype)
    return dtype


def _one_series(node: Node, name: str, values: Sequence[Any], dtype: Dtype) -> pl.Series:
    series = to_series(name, values, dtype, function=node.spec.name)
    try:
        widened(node.results.dtypes[name], series.dtype)
    except pl.exceptions.PolarsError as error:
        raise OutputError(
            f"{node.spec.name} returned {series.dtype} values after {node.results.dtypes[name]} ones.",
            hint="Return one type, and declare it with returns=.",
        ) from error
    return series


def plain_values(series: pl.Series) -> list[Any]:
    """Return Python values; vectors and arrays of numbers as arrays, as functions calculate with them."""
    inner = getattr(series.dtype, "inner", None)
    while isinstance(series.dtype, pl.Array) and isinstance(inner, pl.Array):
        inner = inner.inner
    if inner is None or not inner.is_numeric():
        return series.to_list()
    if series.len() and not series.null_count() and (width := _one_width(series)):
        if isinstance(series.dtype, pl.Array):
            array = series.to_numpy()
            # Nulls among whole numbers would have made numbers with fractions of all of them.
            if array.ndim >= 2 and inner.is_float() == (array.dtype.kind == "f"):
                return list(array)
        elif not (flat := series.explode()).null_count():
            return list(flat.to_numpy().reshape(len(series), width))
    return [None if value is None else value.to_numpy() for value in series]


def _one_width(series: pl.Series) -> int:
    """Return how many numbers each vector has, 0 where that differs."""
    if isinstance(series.dtype, pl.Array):
        return series.dtype.size
    lengths = series.list.len()
    least: int = lengths.min()  # type: ignore[assignment]
    return least if least == lengths.max() else 0
