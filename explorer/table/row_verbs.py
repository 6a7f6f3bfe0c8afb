"""The verbs that change which rows a table has, and their order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import polars as pl

from explorer._errors import ArgumentError
from explorer.compute.graph import Output
from explorer.compute.rows import ROW_ID
from explorer.table import lazy
from explorer.table.base import TableBase
from explorer.table.expressions import as_deferred, as_predicates, flat, is_separable, through_polars

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from polars._typing import IntoExpr


class RowVerbs(TableBase):
    """filter, remove, sort, head, tail, slice, sample, gather, unique, join."""

    def filter(self, *predicates: Any, **constraints: Any) -> Self:
        """Keep the rows for which every predicate is true.

        Predicates on stored columns are evaluated at once. Those that name deferred columns wait
        until rows are needed, and then see only the rows that the others left.

        Examples
        --------
        >>> import explorer as ex, polars as pl
        >>> t = ex.samples.digits()
        >>> t = t.with_columns(double=ex.defer(lambda label: 2 * label, returns=pl.Int64))
        >>> found = t.filter(pl.col("double") == 6, pl.col("split") == "test").head(2)
        >>> found.to_polars("label")["label"].to_list()
        [3, 3]
        """
        parts = as_predicates(predicates, constraints)
        if not all(is_separable(part) for part in parts):
            return self._filter_whole(parts)
        table = self
        for part in sorted(parts, key=lambda part: bool(self._needs([part]))):
            table = table._filter_one(part)
        return table

    def _filter_whole(self, parts: Sequence[pl.Expr | pl.Series]) -> Self:
        """Filter by masks and expressions that look at all rows: together, on the rows as they are."""
        table = self._rows()
        for part in parts:
            if isinstance(part, pl.Series) and len(part) != table.height:
                raise ArgumentError(
                    f"The mask has {len(part):,} values, but the table {table.height:,} rows."
                )
        exprs = [pl.lit(part) if isinstance(part, pl.Series) else part for part in parts]
        frame = table._filled(table._needs(exprs))
        mask = through_polars(lambda: frame.select(pl.all_horizontal(exprs)).to_series())
        return table._with(table._frame.filter(mask))

    def _filter_one(self, predicate: Any) -> Self:
        if not self._needs([predicate]):
            return self._with(through_polars(lambda: self._frame.filter(predicate)))
        spec = as_deferred(predicate, self.schema)
        bound = self._binding.bind({"__explorer_passes__": spec}, [])
        passes = [ref for ref in bound.values() if isinstance(ref, Output)]
        binding = replace(self._binding, pending=(*self._binding.pending, *passes))
        return self._with(self._frame, binding)._rebound(self._binding.refs)

    def remove(self, *predicates: Any, **constraints: Any) -> Self:
        """Leave out the rows for which every predicate is true; null does not remove."""
        parts = [
            pl.lit(part) if isinstance(part, pl.Series) else part
            for part in as_predicates(predicates, constraints)
        ]
        return self.filter(~pl.all_horizontal(parts).fill_null(value=False))

    def sort(
        self,
        by: IntoExpr | Iterable[IntoExpr],
        *more_by: IntoExpr,
        descending: bool | Sequence[bool] = False,
        nulls_last: bool | Sequence[bool] = True,
        maintain_order: bool = True,
    ) -> Self:
        """Sort the rows. A deferred column is computed for all of them first."""
        table = self._rows()
        keys = [pl.col(key) if isinstance(key, str) else key for key in [*flat([by]), *more_by]]
        frame = table._filled(table._needs(keys))
        options: dict[str, Any] = {
            "descending": descending,
            "nulls_last": nulls_last,
            "maintain_order": maintain_order,
        }
        order = through_polars(
            lambda: frame.select(pl.int_range(pl.len()).sort_by(keys, **options)).to_series()
        )
        return table._with(table._frame[order])

    def head(self, n: int = 5) -> Self:
        """Return the first `n` rows; a waiting filter stops when it found them."""
        return self.slice(0, n)

    limit = head

    def tail(self, n: int = 5) -> Self:
        """Return the last `n` rows."""
        table = self._rows()
        return table._with(table._frame.tail(n))

    def slice(self, offset: int, length: int | None = None) -> Self:
        """Return `length` rows from position `offset`."""
        if self._resolved is None and self._binding.pending and length is not None and offset >= 0 <= length:
            found = self._take_passing(limit=offset + length)
            return found._with(found._frame.slice(offset, length))
        table = self._rows()
        return table._with(table._frame.slice(offset, length))

    def sample(
        self,
        n: int | None = None,
        *,
        fraction: float | None = None,
        with_replacement: bool = False,
        shuffle: bool = False,
        seed: int | None = None,
    ) -> Self:
        """Return random rows."""
        table = self._rows()
        options: dict[str, Any] = {"with_replacement": with_replacement, "shuffle": shuffle, "seed": seed}
        frame = through_polars(lambda: table._frame.sample(n, fraction=fraction, **options))
        return table._with(frame)._renumbered_if_repeated()

    def gather(self, indices: Sequence[int] | pl.Series | np.ndarray[Any, Any]) -> Self:
        """Return the rows at these positions, in this order; a position may come again."""
        table = self._rows()
        places = np.asarray(indices, dtype=np.int64)
        outside = places[(places >= table.height) | (places < -table.height)]
        if outside.size:
            raise ArgumentError(f"There is no row {outside[0]}; the table has {table.height:,} rows.")
        return table._with(table._frame[places % max(table.height, 1)])._renumbered_if_repeated()

    def unique(
        self,
        subset: str | Collection[str] | None = None,
        *,
        keep: Any = "any",
        maintain_order: bool = True,
    ) -> Self:
        """Keep one row of each that agree in the columns of `subset` (all stored ones by default)."""
        table = self._rows()
        names = [subset] if isinstance(subset, str) else list(subset or table._binding.stored)
        frame = table._filled(table._needs(names))
        kept = frame.unique(names, keep=keep, maintain_order=maintain_order)[ROW_ID]
        return table.filter(table._frame[ROW_ID].is_in(kept.implode()))

    def join(self, other: Self | pl.DataFrame, on: Any = None, **options: Any) -> Self:
        """Join with another table or frame. Deferred columns of both stay deferred, results kept.

        Parameters
        ----------
        other
            The right side. Its deferred columns come along unless a column of that name is there.
        on, **options
            As for `polars.DataFrame.join`.
        """
        return lazy.join(self._rows(), other, on, options)
