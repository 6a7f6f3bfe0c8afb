"""The clauses of a selection: what one view, or the person, says about which rows are meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import polars as pl

from explorer._errors import ProtocolError
from explorer.compute.rows import ROW_ID
from explorer.views.polygon import in_polygon

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_CORNERS = 4096

Mask: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"


class Values(Protocol):
    """The columns of a view, as far as they are computed."""

    def series(self, column: str) -> pl.Series:
        """Return the values, null where not computed."""

    def known(self, column: str) -> Mask:
        """Tell which rows are computed."""


@dataclass(frozen=True, slots=True)
class Category:
    """Rows whose value is one of these; None among them means null."""

    column: str
    values: tuple[Any, ...]

    @property
    def code(self) -> str:
        """The clause as Python text."""
        plain = [value for value in self.values if value is not None]
        parts = [f"pl.col({self.column!r}).is_in({plain!r})"] if plain else []
        parts += [f"pl.col({self.column!r}).is_null()"] if None in self.values else []
        return " | ".join(parts) if len(parts) == 1 else f"({' | '.join(parts)})"

    def expr(self, ids: pl.Series, dtypes: Mapping[str, Any]) -> pl.Expr:
        """Return the clause as an expression over the table's columns."""
        del ids
        plain = [value for value in self.values if value is not None]
        column = pl.col(self.column)
        if dtypes.get(self.column) in (pl.Categorical, pl.Enum):
            column = column.cast(pl.String)
        inside = column.is_in(plain).fill_null(value=False) if plain else pl.lit(value=False)
        return inside | column.is_null() if None in self.values else inside

    def mask(self, values: Values) -> Mask:
        """Evaluate it on what is known."""
        series = values.series(self.column)
        if series.dtype in (pl.Categorical, pl.Enum):
            series = series.cast(pl.String)
        plain = [value for value in self.values if value is not None]
        inside = _is_in(series, plain)
        if None in self.values:
            inside |= series.is_null().to_numpy() & values.known(self.column)
        return inside

    def message(self) -> dict[str, Any]:
        """Return the clause as the page reads it."""
        return {"type": "category", "column": self.column, "values": list(self.values)}


def _is_in(series: pl.Series, values: list[Any]) -> Mask:
    try:
        return series.is_in(values).fill_null(value=False).to_numpy().copy()
    except pl.exceptions.PolarsError:
        # Values of another type than the column's are in none of its rows.
        return np.zeros(len(series), dtype=bool)


@dataclass(frozen=True, slots=True)
class Interval:
    """Rows whose number lies from `lo` up to `hi`; `hi` itself only when closed on both sides."""

    column: str
    lo: float
    hi: float
    closed: str

    @property
    def code(self) -> str:
        """The clause as Python text."""
        return f"pl.col({self.column!r}).is_between({self.lo!r}, {self.hi!r}, closed={self.closed!r})"

    def expr(self, ids: pl.Series, dtypes: Mapping[str, Any]) -> pl.Expr:
        """Return the clause as an expression over the table's columns."""
        del ids, dtypes
        inside = pl.col(self.column).is_between(self.lo, self.hi, closed=self.closed)  # type: ignore[arg-type]
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
    def code(self) -> str:
        """The clause as Python text."""
        return f"ex.in_polygon({self.x!r}, {self.y!r}, {[*self.points]!r})"

    def expr(self, ids: pl.Series, dtypes: Mapping[str, Any]) -> pl.Expr:
        """Return the clause as an expression over the table's columns."""
        del ids, dtypes
        return in_polygon(self.x, self.y, self.points) if len(self.points) > 2 else pl.lit(value=False)

    def mask(self, values: Values) -> Mask:
        """Evaluate it on what is known."""
        series = [values.series(name).alias(alias) for name, alias in ((self.x, "x"), (self.y, "y"))]
        if len(self.points) < 3:
            return np.zeros(len(series[0]), dtype=bool)
        return pl.DataFrame(series).select(in_polygon("x", "y", self.points)).to_series().to_numpy().copy()

    def message(self) -> dict[str, Any]:
        """Return the clause as the page reads it."""
        return {"type": "polygon", "x": self.x, "y": self.y, "points": [list(p) for p in self.points]}


@dataclass(frozen=True, slots=True)
class PickedRows:
    """Rows picked one by one, by their number in the view's table."""

    rows: tuple[int, ...]

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
        inside[[row for row in self.rows if row < len(inside)]] = True
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
    def code(self) -> str:
        """The clause as Polars prints it."""
        return str(self.given)

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
        return {"type": "mask", "version": self.version, "code": self.code}


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
    try:
        match message:
            case {"type": "category", "column": str(column), "values": list(values)}:
                if any(isinstance(value, (list, dict)) for value in values):
                    raise ProtocolError("The values of a category clause are plain values.")
                return Category(column, tuple(values))
            case {
                "type": "interval",
                "column": str(column),
                "lo": lo,
                "hi": hi,
                "closed": "left" | "both" as c,
            }:
                return Interval(column, _number(lo), _number(hi), c)
            case {"type": "polygon", "x": str(x), "y": str(y), "points": list(points)}:
                if len(points) > MOST_CORNERS:
                    raise ProtocolError(f"A lasso of {len(points):,} corners; at most {MOST_CORNERS:,}.")
                return Polygon(x, y, tuple((_number(px), _number(py)) for px, py in points))
            case {"type": "rows", "rows": list(rows)}:
                return PickedRows(tuple(_row(row) for row in rows))
            case {"type": kind}:
                raise ProtocolError(f"A clause of type {kind!r} cannot be read.")
    except (TypeError, ValueError) as error:
        raise ProtocolError(f"A clause of type {message.get('type')!r} is malformed: {error}") from error
    raise ProtocolError("A clause without a type.")


def _number(given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise TypeError(f"{given!r} is not a number")
    return float(given)


def _row(given: object) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise TypeError(f"{given!r} is not a row")
    return given
