"""Columns as small codes: categories and bins, for histograms and colours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from explorer.compute.deferred import Dtype

MOST_BINS = 30
FEW_INTEGERS = 25
MOST_CATEGORIES = 5_000

Codes: TypeAlias = "np.ndarray[Any, np.dtype[np.uint8 | np.uint16]]"
Mask: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"
ColumnKind: TypeAlias = Literal["number", "category", "boolean", "text", "vector", "image", "other"]


@dataclass(frozen=True, slots=True)
class Facet:
    """How the values of a column become codes.

    Parameters
    ----------
    labels
        The categories, or None for bins; None among them stands for null.
    edges
        Edges of the bins, ascending, one more than there are bins.
    integer
        Whether the bins hold integers.
    """

    labels: tuple[Any, ...] | None = None
    edges: tuple[float, ...] = ()
    integer: bool = False

    @property
    def wide(self) -> bool:
        """Whether codes take two bytes."""
        return self.labels is not None and len(self.labels) > 250

    @property
    def meta(self) -> dict[str, Any]:
        """Return what the page needs to read the codes."""
        if self.labels is not None:
            return {"type": "category", "labels": list(self.labels), "other": False}
        return {"type": "bins", "edges": list(self.edges), "integer": self.integer, "date": False}

    def codes(self, series: pl.Series, known: Mask, failed: Mask) -> Codes:
        """Return the code of each row, uint8 or uint16.

        The largest code means "not computed", the next "error", and for bins the next "no number".
        """
        dtype = np.uint16 if self.wide else np.uint8
        top = int(np.iinfo(dtype).max)
        if self.labels is None:
            numbers = series.cast(pl.Float64).to_numpy()
            places = np.searchsorted(np.asarray(self.edges), numbers, side="right") - 1
            places[numbers == self.edges[-1]] = len(self.edges) - 2
            outside = ~np.isfinite(numbers) | (places < 0) | (places > len(self.edges) - 2)
            codes = np.where(outside, top - 2, places).astype(dtype)
        else:
            codes = _category_codes(series, self.labels, top).astype(dtype)
        codes[failed] = top - 1
        codes[~known] = top
        return np.asarray(codes)


def _category_codes(series: pl.Series, labels: Sequence[Any], top: int) -> np.ndarray[Any, Any]:
    plain = _plain(series)
    present = [label for label in labels if label is not None]
    null_code = list(labels).index(None) if None in labels else top
    if not present:
        return np.full(len(series), null_code)
    code_of = {label: labels.index(label) for label in present}
    coded = plain.replace_strict(
        pl.Series(list(code_of), dtype=plain.dtype),
        pl.Series(list(code_of.values()), dtype=pl.UInt16),
        default=null_code,
        return_dtype=pl.UInt16,
    )
    # Polars maps null by the default too, so it needs no line of its own.
    return coded.fill_null(null_code).to_numpy().copy()


def _plain(series: pl.Series) -> pl.Series:
    return series.cast(pl.String) if series.dtype in (pl.Categorical, pl.Enum) else series


def kind_of(dtype: Dtype, distinct: int | None = None, *, image: bool = False) -> ColumnKind:
    """Say how a column is drawn, from its dtype and, for integers, how many values it has."""
    if image:
        return "image"
    if dtype == pl.Boolean:
        return "boolean"
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "category" if distinct is None or distinct <= MOST_CATEGORIES else "text"
    if dtype.is_integer():
        return "category" if distinct is not None and distinct <= FEW_INTEGERS else "number"
    if dtype.is_numeric():
        return "number"
    return "vector" if dtype in (pl.List, pl.Array) else "other"


def categories(series: pl.Series, known: Mask, labels: Sequence[Any] | None = None) -> Facet:
    """Make a facet of categories: the declared labels first, then what else occurs, sorted."""
    plain = _plain(series)
    declared = list(dict.fromkeys(labels)) if labels is not None else []
    seen = set(declared)
    found = [value for value in plain.drop_nulls().unique().sort().to_list() if value not in seen]
    has_null = bool((plain.is_null().to_numpy() & known).any())
    return Facet(labels=(*declared, *found, *([None] if has_null else [])))


def bins(series: pl.Series) -> Facet:
    """Make a facet of at most 30 bins with round edges; numbers within 0 to 1 get twenty from 0 to 1.

    Examples
    --------
    >>> import polars as pl
    >>> bins(pl.Series([0, 100, 199])).edges[:3]
    (0.0, 10.0, 20.0)
    >>> len(bins(pl.Series([0.25, 0.99])).edges)
    21
    """
    integer = series.dtype.is_integer()
    numbers = series.cast(pl.Float64).drop_nulls()
    numbers = numbers.filter(numbers.is_finite())
    low, high = (float(numbers.min()), float(numbers.max())) if len(numbers) else (0.0, 1.0)  # type: ignore[arg-type]
    if not integer and low >= 0.0 and high <= 1.0 and (high - low > 0.2 or not len(numbers)):
        return Facet(edges=tuple(i / 20 for i in range(21)))
    # Divided before they are subtracted, as the difference of two floats may be too large for one.
    smallest = high / MOST_BINS - low / MOST_BINS
    if not smallest > math.ulp(max(abs(low), abs(high))):
        width = max(1.0, 4 * math.ulp(max(abs(low), abs(high))))
        return Facet(
            edges=(low, low + width) if integer else (low - width / 2, low + width / 2), integer=integer
        )
    step = _round_step(smallest)
    step = max(1.0, step) if integer else step
    first, last = math.floor(low / step), math.ceil(high / step)
    if integer and last * step == high:
        last += 1
    # To twelve digits of the step, so that 0.1 + 0.2 is 0.3 in an axis.
    digits = 12 - math.floor(math.log10(step))
    inner = [round(place * step, digits) for place in range(first + 1, last)]
    # The outer edges hold the extremes, whatever rounding did to them.
    ends = [op(round(place * step, digits), end) for op, place, end in ((min, first, low), (max, last, high))]
    edges = (ends[0], *inner, ends[1])
    if not all(math.isfinite(edge) for edge in edges):
        return Facet(edges=(low, high), integer=integer)
    return Facet(edges=edges, integer=integer)


def _round_step(smallest: float) -> float:
    power = 10.0 ** math.floor(math.log10(smallest))
    return next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= smallest * 0.999999)


def covers(facet: Facet, series: pl.Series, known: Mask) -> bool:
    """Whether new values fit the facet as it is: no new label, no number outside of its bins."""
    if facet.labels is not None:
        values = _plain(series).unique()
        has_null = bool((series.is_null().to_numpy() & known).any())
        return set(values.drop_nulls().to_list()) <= set(facet.labels) and (
            not has_null or None in facet.labels
        )
    numbers = series.cast(pl.Float64).drop_nulls()
    numbers = numbers.filter(numbers.is_finite())
    return not len(numbers) or (
        float(numbers.min()) >= facet.edges[0] and float(numbers.max()) <= facet.edges[-1]  # type: ignore[arg-type]
    )
