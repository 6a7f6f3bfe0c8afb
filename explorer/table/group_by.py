"""Groups of rows, aggregated into plain frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from explorer.table.expressions import flat, named_as, through_polars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from explorer.table.base import TableBase


class GroupBy:
    """The groups of an `ImageTable`; aggregating computes the deferred columns that are named.

    Examples
    --------
    >>> import explorer as ex, polars as pl
    >>> t = ex.samples.digits()
    >>> t.group_by("split", maintain_order=True).agg(pl.col("label").mean().round(1)).columns
    ['split', 'label']
    """

    def __init__(self, table: TableBase, keys: Sequence[Any], *, maintain_order: bool) -> None:
        self._table = table
        self._keys = keys
        self._maintain_order = maintain_order

    def agg(self, *aggs: Any, **named: Any) -> pl.DataFrame:
        """Aggregate each group.

        Returns
        -------
        polars.DataFrame
            One row per group: the keys, then one column per aggregation.
        """
        given = [*flat(aggs), *(named_as(item, name) for name, item in named.items())]
        frame = self._table._evaluable([*self._keys, *given])
        return through_polars(
            lambda: frame.group_by(self._keys, maintain_order=self._maintain_order).agg(given)
        )

    def count(self, name: str = "len") -> pl.DataFrame:
        """Count the rows of each group; the older name of `len`."""
        return self.len(name)

    def mean(self) -> pl.DataFrame:
        """Return the mean of every other column of numbers in each group; deferred ones are computed."""
        return self._of_numbers("mean")

    def median(self) -> pl.DataFrame:
        """Return the median of every other column of numbers in each group."""
        return self._of_numbers("median")

    def sum(self) -> pl.DataFrame:
        """Return the sum of every other column of numbers in each group."""
        return self._of_numbers("sum")

    def min(self) -> pl.DataFrame:
        """Return the smallest value of every other column of numbers in each group."""
        return self._of_numbers("min")

    def max(self) -> pl.DataFrame:
        """Return the largest value of every other column of numbers in each group."""
        return self._of_numbers("max")

    def _of_numbers(self, how: str) -> pl.DataFrame:
        keys = {name for key in self._keys for name in self._table._named(key)}
        numbers = [
            pl.col(name)
            for name, dtype in self._table.schema.items()
            if dtype.is_numeric() and name not in keys
        ]
        return self.agg(getattr(column, how)() for column in numbers)

    def len(self, name: str = "len") -> pl.DataFrame:
        """Count the rows of each group."""
        return self.agg(pl.len().alias(name))
