"""What a Polars Series tells of its values, asked of a column: ``t["avg_blue"].mean()``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from explorer.table.operators import Operators

if TYPE_CHECKING:
    from collections.abc import Callable


_OF_NUMPY = ("axis", "dtype", "out", "keepdims")


def _asked(name: str) -> Callable[..., Any]:
    """Return a method that computes the column and asks its Series."""

    def method(self: Reductions, *args: Any, **options: Any) -> Any:
        # NumPy's functions ask with these: np.mean(t["avg_blue"]).
        asked = {key: value for key, value in options.items() if key not in _OF_NUMPY or value is not None}
        return getattr(self.series(), name)(*args, **asked)

    method.__name__ = name
    method.__qualname__ = f"Reductions.{name}"
    method.__doc__ = f"Compute the column where it is deferred, and return what `polars.Series.{name}` does."
    return method


def _meant(name: str) -> Callable[..., pl.Expr]:
    """Return a method that gives an expression of the column, as comparing it does."""

    def method(self: Reductions, *args: Any, **options: Any) -> pl.Expr:
        expr: pl.Expr = getattr(pl.col(self.name), name)(*args, **options)
        return expr

    method.__name__ = name
    method.__qualname__ = f"Reductions.{name}"
    method.__doc__ = f"Return the expression ``pl.col(name).{name}(…)``, for `filter`; nothing is computed."
    return method


class Reductions(Operators):
    """Numbers that sum up a column, computed now; and questions about each row, as expressions.

    Examples
    --------
    >>> import explorer as ex
    >>> t = ex.samples.digits()
    >>> t["label"].max(), round(t["label"].mean(), 2), t["label"].n_unique()
    (9, 4.49, 10)
    >>> t["split"].value_counts(sort=True).rows()
    [('test', 899), ('train', 898)]
    >>> t.filter(t["label"].is_in([3, 5])).height
    365
    """

    def series(self) -> pl.Series:
        """Return the column as a Polars Series."""
        raise NotImplementedError

    mean = _asked("mean")
    median = _asked("median")
    sum = _asked("sum")
    min = _asked("min")
    max = _asked("max")
    std = _asked("std")
    var = _asked("var")
    quantile = _asked("quantile")
    mode = _asked("mode")
    any = _asked("any")
    all = _asked("all")
    count = _asked("count")
    null_count = _asked("null_count")
    n_unique = _asked("n_unique")
    unique = _asked("unique")
    value_counts = _asked("value_counts")
    to_list = _asked("to_list")
    to_numpy = _asked("to_numpy")

    is_in = _meant("is_in")
    is_between = _meant("is_between")
    is_null = _meant("is_null")
    is_not_null = _meant("is_not_null")
