"""The clauses of a selection: what one view, or the person, says about which rows are meant."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import polars as pl

from explorer._errors import ProtocolError
from explorer.compute.rows import ROW_ID
from explorer.views.code import python_of
from explorer.views.polygon import in_polygon

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_CORNERS = 256

Mask: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"


class Values(Protocol):
    """The columns of a view, as far as they are computed."""

    def series(self, column: str) -> pl.Series:
        """Return the values, null where not computed."""

    def known(self, column: str) -> Mask:
        """Tell which rows are computed."""

    def failed(self, column: str) -> Mask:
        """Tell which rows ended as an error value."""


@dataclass(frozen=True, slots=True)
class Category:
    """Rows whose value is one of these; None among them means null."""

    column: str
    values: tuple[Any, ...]

    def fitting(self, dtypes: Mapping[str, Any], height: int) -> Category:
        """Leave out values that are of another type than the column, and so in none of its rows."""
        del height
        dtype = dtypes.get(self.column, pl.String)
        fitting = [v for v in self.values if v is None or _can_hold(dtype, v)]
        # JSON does not tell 1 from 1.0.
        as_float = [float(v) if v is not None and dtype.is_float() else v for v in fitting]
        return Category(self.column, tuple(as_float))

    @property
    def columns(self) -> set[str]:
        """The columns that it reads."""
        return {self.column}

    @property
    def _plain(self) -> list[Any]:
        return [value for value in self.values if value is not None]

    @property
    def code(self) -> str:
        """The clause as Python text."""
        parts = [f"pl.col({self.column!r}).is_in({self._plain!r})"] if self._plain else []
        parts += [f"pl.col({self.column!r}).is_null()"] if None in self.values else []
        return f"({' | '.join(parts)})" if len(parts) > 1 else "".join(parts) or "pl.lit(False)"

    def expr(self, ids: pl.Series, dtypes: Mapping[str, Any]) -> pl.Expr:
        """Return the clause as an expression over the table's columns."""
        del ids
        column = pl.col(self.column)
        if dtypes.get(self.column) in (pl.Categorical, pl.Enum):
            column = column.cast(pl.String)
        inside = column.is_in(self._plain).fill_null(value=False) if self._plain else pl.lit(value=False)
        return inside | column.is_null() if None in self.values else inside

    def mask(self, values: Values) -> Mask:
        """Evaluate it on what is known."""
        series = values.series(self.column)
        if series.dtype in (pl.Categorical, pl.Enum):
            series = series.cast(pl.String)
        inside = np.zeros(len(series), dtype=bool)
        if self._plain:
            inside = series.is_in(self._plain).fill_null(value=False).to_numpy().copy()
        if None in self.values:
            computed = values.known(self.column) & ~values.failed(self.column)
            inside |= series.is_null().to_numpy() & computed
        return inside

    def message(self) -> dict[str, Any]:
        """Return the clause as the page reads it."""
        return {"type": "category", "column": self.column, "values": list(self.values)}


def _can_hold(dtype: Any, value: Any) -> bool:
    if isinstance(value, bool):
        return bool(dtype == pl.Boolean)
    if isinstance(value, (int, float)):
        return bool(dtype.is_numeric())
    return dtype in (pl.String, pl.Categorical, pl.Enum)


@dataclass(frozen=True, slots=True)
class Interval:
    """Rows whose number lies from `lo` up to `hi`; `hi` itself only when closed on both sides."""

    column: str
    lo: float
    hi: float
    closed: str

    @property
    def columns(self) -> set[str]:
        """The columns that it reads."""
        return {self.column}

    @property
    def code(self) -> str:
        """The clause as Python text."""
        return (
            f"pl.col({self.column!r}).cast(pl.Float64)"
            f".is_between({self.lo!r}, {self.hi!r}, closed={self.closed!r})"
        )

    def expr(self, ids: pl.Series, dtypes: Mapping[str, Any]) -> pl.Expr:
        """Return the clause as an expression over the table's columns."""
        del ids, dtypes
        # As doubles, as the page compares: Polars would round the ends to the float32 of a column.
        number = pl.col(self.column).cast(pl.Float64)
        inside = number.is_between(self.lo, self.hi, closed=self.closed)  # type: ignore[arg-type]
        return inside.fill_null(value=False)

    def mask(self, values: Values) -> Mask:
        """Evaluate it on what is known."""
        numbers = values.series(self.column).cast(pl.Float64).to_numpy()
        with np.errstate(invalid="ignore"):
            below = numbers <= self.hi if self.closed == "both" else numbers < self.hi
            return np.asarray((numbers >= self.lo) & below)

    def message(self) -> dict[str, Any]:
        """Return the clause as the page reads it."""
        return {
            "type": "interval",
            "column": self.column,
            "lo": self.lo,
            "hi": self.hi,
            "closed": self.closed,
        }


@dataclass(frozen=True, slots=True)
class Polygon:
    """Rows whose point lies inside a lasso."""

    x: str
    y: str
    points: tuple[tuple[float, float], ...]

    @property
    def columns(self) -> set[str]:
        """The columns that it reads."""
        return {self.x, self.y}

    @property
    def code(self) -> str:
        """The clause as Python text."""
        return f"ex.in_polygon({self.x!r}, {self.y!r}, {[*self.points]!r})"

    def expr(self, ids: pl.Series, dtypes: Mapping[str, Any]) -> pl.Expr:
        """Return the clause as an expression over the table's columns."""
        del ids, dtypes
        return in_polygon(self.x, self.y, self.points)

    def mask(self, values: Values) -> Mask:
        """Evaluate it on what is known."""
        series = [values.series(name).alias(alias) for name, alias in ((self.x, "x"), (self.y, "y"))]
        return pl.DataFrame(series).select(in_polygon("x", "y", self.points)).to_series().to_numpy().copy()

    def message(self) -> dict[str, Any]:
        """Return the clause as the page reads it."""
        return {"type": "polygon", "x": self.x, "y": self.y, "points": [list(p) for p in self.points]}


@dataclass(frozen=True, slots=True)
class PickedRows:
    """Rows picked one by one, by their number in the view's table."""

    rows: tuple[int, ...]

    @property
    def columns(self) -> set[str]:
        """The columns that it reads."""
        return set()

    def fitting(self, dtypes: Mapping[str, Any], height: int) -> PickedRows:
        """Leave out rows beyond the end."""
        del dtypes
        return PickedRows(tuple(row for row in self.rows if row < height))

    @property
    def code(self) -> str:
        """The clause as Python text."""
        return f"pl.row_index().is_in({[*self.rows]!r})"

    def expr(self, ids: pl.Series, dtypes: Mapping[str, Any]) -> pl.Expr:
        """Return the clause as an expression: by row id, so that it holds in sorted tables too."""
        del dtypes
        return pl.col(ROW_ID).is_in(ids.gather(list(self.rows)).implode())

    def mask(self, values: Values) -> Mask:
        """Evaluate it."""
        inside = np.zeros(len(values.known("")), dtype=bool)
        inside[list(self.rows)] = True
        return inside

    def message(self) -> dict[str, Any]:
        """Return the clause as the page reads it."""
        return {"type": "rows", "rows": list(self.rows)}


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """Rows for which an expression of the person's is true, evaluated when it was given."""

    given: pl.Expr
    bits: Mask
    version: int

    @property
    def columns(self) -> set[str]:
        """The columns that it reads again by itself: none, it was evaluated when it was given."""
        return set()

    @property
    def code(self) -> str | None:
        """The clause as Python text; None where it holds what cannot be written."""
        return python_of(self.given)

    def expr(self, ids: pl.Series, dtypes: Mapping[str, Any]) -> pl.Expr:
        """Return the expression itself."""
        del ids, dtypes
        return self.given

    def mask(self, values: Values) -> Mask:
        """Return what it was when it was given."""
        del values
        return self.bits

    def message(self) -> dict[str, Any]:
        """Return what the page shows of it; the rows follow in a message of their own."""
        return {"type": "mask", "version": self.version, "code": self.code or str(self.given)}


Clause: TypeAlias = Category | Interval | Polygon | PickedRows | Expression


def parse(message: object) -> Clause:
    """Read a clause that the page sent.

    Raises
    ------
    ProtocolError
        When it is not a clause that a page may send.
    """
    if not isinstance(message, dict):
        raise ProtocolError(f"A clause is an object, not {type(message).__name__}.")
    kind = message.get("type")
    match message:
        case {"type": "category", "column": str(column)}:
            values = _list(message, "values")
            if any(isinstance(value, (list, dict)) for value in values):
                raise ProtocolError("The values of a category clause are plain values, not lists.")
            return Category(column, tuple(values))
        case {"type": "interval", "column": str(column)}:
            closed = message.get("closed")
            if closed not in ("left", "both"):
                raise ProtocolError(
                    f"An interval is closed on the 'left' or on 'both' sides, not {closed!r}."
                )
            return Interval(
                column, _number(message.get("lo"), "lo"), _number(message.get("hi"), "hi"), closed
            )
        case {"type": "polygon", "x": str(x), "y": str(y)}:
            points = _list(message, "points")
            if len(points) > MOST_CORNERS:
                raise ProtocolError(f"A lasso has {len(points):,} points; at most {MOST_CORNERS:,} are read.")
            if not all(isinstance(point, list) and len(point) == 2 for point in points):
                raise ProtocolError("The points of a lasso are pairs of numbers.")
            return Polygon(x, y, tuple((_number(px, "points"), _number(py, "points")) for px, py in points))
        case {"type": "rows"}:
            rows = _list(message, "rows")
            if not all(isinstance(row, int) and not isinstance(row, bool) and row >= 0 for row in rows):
                raise ProtocolError("The rows of a clause are row numbers.")
            if any(after <= before for before, after in pairwise(rows)):
                raise ProtocolError("The rows of a clause ascend.")
            return PickedRows(tuple(rows))
    raise ProtocolError(f"A clause of the type {kind!r} cannot be read.")


def _list(message: Mapping[str, Any], name: str) -> list[Any]:
    values = message.get(name)
    if not isinstance(values, list):
        raise ProtocolError(f"The {name} of a clause are a list, not {values!r}.")
    return values


def _number(given: object, where: str) -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise ProtocolError(f"{where} of a clause: {given!r} is not a number.")
    return float(given)
