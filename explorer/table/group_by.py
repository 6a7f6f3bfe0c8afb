"""Groups of rows, aggregated into plain frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from explorer.table.expressions import flat, named_as, through_polars

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

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

    def len(self, name: str = "len") -> pl.DataFrame:
        """Count the rows of each group."""
        import polars as pl

        return self.agg(pl.len().alias(name))
