"""Polars expressions as Python text, to copy from a view and paste into a cell."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable

_BINARY: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
}
_METHODS = ("is_null", "is_not_null", "is_nan", "is_not_nan", "not_", "abs")


def python_of(expr: pl.Expr) -> str | None:
    """Write an expression as Python, or return None when it holds something not known here.

    Polars tells the parts of an expression but not its operation, so each operation that it may be is
    built again from the parts and compared.

    Examples
    --------
    >>> import polars as pl
    >>> python_of((pl.col("pred") != pl.col("label")) & (pl.col("confidence") > 0.9))
    "(pl.col('pred') != pl.col('label')) & (pl.col('confidence') > 0.9)"
    >>> python_of(pl.col("label").is_in([3, 5]))
    "pl.col('label').is_in([3, 5])"
    """
    try:
        return _write(expr)[0]
    except (LookupError, pl.exceptions.PolarsError):
        return None


def _write(expr: pl.Expr) -> tuple[str, bool]:
    """Return the text, and whether it holds together without brackets."""
    meta = expr.meta
    if meta.is_column():
        return f"pl.col({meta.output_name()!r})", True
    if meta.is_literal():
        return repr(_literal(expr)), True
    operands = meta.pop()[::-1]
    if len(operands) == 1:
        for name in _METHODS:
            if getattr(operands[0], name)().meta.eq(expr):
                return f"{_operand(operands[0])}.{name}()", True
    if len(operands) == 2:
        left, right = operands
        for operand in operands:
            # Building a comparison with null, only to see whether it is the one, would warn.
            if operand.meta.is_literal():
                _literal(operand)
        for sign, operation in _BINARY.items():
            if operation(left, right).meta.eq(expr):
                return f"{_operand(left)} {sign} {_operand(right)}", False
        if left.is_in(right).meta.eq(expr):
            return f"{_operand(left)}.is_in({_write(right)[0]})", True
    if len(operands) == 3:
        middle, low, high = operands
        if middle.is_between(low, high).meta.eq(expr):
            return f"{_operand(middle)}.is_between({_operand(low)}, {_operand(high)})", True
    raise LookupError(str(expr))


def _literal(expr: pl.Expr) -> Any:
    values = pl.select(expr).to_series().to_list()
    if len(values) != 1 or not isinstance(values[0], (bool, int, float, str, list)):
        raise LookupError(str(expr))
    if isinstance(values[0], float) and not math.isfinite(values[0]):
        raise LookupError(str(expr))
    return values[0]


def _operand(expr: pl.Expr) -> str:
    text, whole = _write(expr)
    return text if whole else f"({text})"
