"""Comparison and arithmetic on a column give Polars expressions: ``t.filter(t["label"] == 3)``."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable


class Operators:
    """What has a name that an expression can refer to."""

    name: str

    def _with(self, operation: Callable[[Any, Any], Any], other: object) -> pl.Expr:
        expr: pl.Expr = operation(
            pl.col(self.name), pl.col(other.name) if isinstance(other, Operators) else other
        )
        return expr

    # An expression where Python expects a bool, as in Polars.
    def __eq__(self, other: object) -> pl.Expr:  # type: ignore[override]
        return self._with(operator.eq, other)

    def __ne__(self, other: object) -> pl.Expr:  # type: ignore[override]
        return self._with(operator.ne, other)

    def __lt__(self, other: object) -> pl.Expr:
        return self._with(operator.lt, other)

    def __le__(self, other: object) -> pl.Expr:
        return self._with(operator.le, other)

    def __gt__(self, other: object) -> pl.Expr:
        return self._with(operator.gt, other)

    def __ge__(self, other: object) -> pl.Expr:
        return self._with(operator.ge, other)

    def __add__(self, other: object) -> pl.Expr:
        return self._with(operator.add, other)

    def __sub__(self, other: object) -> pl.Expr:
        return self._with(operator.sub, other)

    def __mul__(self, other: object) -> pl.Expr:
        return self._with(operator.mul, other)

    def __truediv__(self, other: object) -> pl.Expr:
        return self._with(operator.truediv, other)

    def __and__(self, other: object) -> pl.Expr:
        return self._with(operator.and_, other)

    def __or__(self, other: object) -> pl.Expr:
        return self._with(operator.or_, other)

    def __floordiv__(self, other: object) -> pl.Expr:
        return self._with(operator.floordiv, other)

    def __pow__(self, other: object) -> pl.Expr:
        return self._with(operator.pow, other)

    def __xor__(self, other: object) -> pl.Expr:
        return self._with(operator.xor, other)

    def __mod__(self, other: object) -> pl.Expr:
        return self._with(operator.mod, other)

    def __radd__(self, other: object) -> pl.Expr:
        return pl.lit(other) + pl.col(self.name)

    def __rsub__(self, other: object) -> pl.Expr:
        return pl.lit(other) - pl.col(self.name)

    def __rmul__(self, other: object) -> pl.Expr:
        return pl.lit(other) * pl.col(self.name)

    def __rtruediv__(self, other: object) -> pl.Expr:
        return pl.lit(other) / pl.col(self.name)

    def __rfloordiv__(self, other: object) -> pl.Expr:
        return pl.lit(other) // pl.col(self.name)

    def __rmod__(self, other: object) -> pl.Expr:
        return pl.lit(other) % pl.col(self.name)

    def __rpow__(self, other: object) -> pl.Expr:
        expr: pl.Expr = pl.lit(other) ** pl.col(self.name)
        return expr

    def __rand__(self, other: object) -> pl.Expr:
        return pl.lit(other) & pl.col(self.name)

    def __ror__(self, other: object) -> pl.Expr:
        return pl.lit(other) | pl.col(self.name)

    def __rxor__(self, other: object) -> pl.Expr:
        return pl.lit(other) ^ pl.col(self.name)

    def __abs__(self) -> pl.Expr:
        return abs(pl.col(self.name))

    def __neg__(self) -> pl.Expr:
        return -pl.col(self.name)

    def __invert__(self) -> pl.Expr:
        return ~pl.col(self.name)

    __hash__ = object.__hash__
