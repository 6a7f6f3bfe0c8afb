"""The verbs that change which rows a table has, and their order."""

from __future__ import annotations

from dataclasses import replace
from operator import index
from typing import TYPE_CHECKING, Any, Self

import polars as pl

from explorer._errors import ArgumentError
from explorer.compute.graph import Output
from explorer.compute.rows import ROW_ID
from explorer.table import lazy
from explorer.table.base import TableBase
from explorer.table.expressions import (
    as_deferred,
    as_predicates,
    flat,
    is_separable,
    positions,
    through_polars,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    import numpy as np
    from polars._typing import IntoExpr


_KEEP = ("first", "last", "any", "none")


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
        if not parts:
            return self
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
        frame = table._evaluable(exprs)
        mask = through_polars(lambda: frame.select(pl.all_horizontal(exprs)).to_series())
        return table._with(table._frame.filter(mask))

    def _filter_one(self, predicate: Any) -> Self:
        if not self._needs([predicate]):
            return self._with(through_polars(lambda: self._frame.filter(predicate)))
        spec = through_polars(lambda: as_deferred(predicate, self.schema))
        (dtype,) = spec.returns.values()
        if dtype not in (pl.Boolean, pl.Unknown):
            raise ArgumentError(
                f"filter() takes what is true or false; {predicate} is {dtype}.",
                hint=f"Compare it: {spec.inputs[0]} == …",
            )
        bound = self._binding.bind({"__explorer_passes__": spec}, [])
        passes = [ref for ref in bound.values() if isinstance(ref, Output)]
        binding = replace(self._binding, pending=(*self._binding.pending, *passes))
        return self._with(self._frame, binding)._rebound(self._binding.refs)

    def remove(self, *predicates: Any, **constraints: Any) -> Self:
        """Leave out the rows for which every predicate is true; null does not remove."""
        if not predicates and not constraints:
            return self
        parts = [
            pl.lit(part) if isinstance(part, pl.Series) else part
            for part in as_predicates(predicates, constraints)
        ]
        return self.filter(~pl.all_horizontal(parts).fill_null(value=False))

    def skip(self, by: Any, *, column: str | None = None, reason: str | None = None) -> Self:
        """Leave rows out for good, and list them under `skipped`.

        Tables made from this one leave them out too.

        Parameters
        ----------
        by
            A list of paths or hashes of the encoded images (MD5, SHA-1 or SHA-256 in hexadecimal digits, told
            by their length), a text file with one of them a line (``#`` begins a comment), an expression
            that is true for the rows to skip, or the frame of the rows that failed,
            ``t.skip(t.errors())``. For hashes each file is read once, and not decoded.
        column
            Where paths and hashes are looked up; the column of images when there is one.
        reason
            What `skipped` says about these rows; for failed rows why each has failed, when not given.

        Raises
        ------
        ArgumentError, SourceError, ColumnNotFoundError

        Warns
        -----
        ExplorerWarning
            When entries match no row, with the first of them.

        Examples
        --------
        >>> import explorer as ex, polars as pl
        >>> t = ex.from_polars({"path": ["a.jpg", "b.jpg", "c.jpg"], "label": ["cat", "dog", None]})
        >>> t = t.skip(["b.jpg"], column="path", reason="blurred").skip(pl.col("label").is_null())
        >>> t.to_polars("path")["path"].to_list(), t.skipped["path"].to_list()
        (['a.jpg'], ['b.jpg', 'c.jpg'])
        """
        from explorer.table.skipping import skip

        return skip(self, by, column, reason)

    @property
    def skipped(self) -> pl.DataFrame:
        """The rows that `skip` left out: their stored columns, and the ``reason`` (String)."""
        from explorer.table.skipping import listed

        return listed(self._skipped)

    def sort(
        self,
        by: IntoExpr | Iterable[IntoExpr],
        *more_by: IntoExpr,
        descending: bool | Sequence[bool] = False,
        nulls_last: bool | Sequence[bool] = False,
        maintain_order: bool = True,
    ) -> Self:
        """Sort the rows. A deferred column is computed for all of them first."""
        table = self._rows()
        given = [pl.col(key) if isinstance(key, str) else key for key in flat([by, *more_by])]
        options: dict[str, Any] = {
            "descending": descending,
            "nulls_last": nulls_last,
            "maintain_order": maintain_order,
        }
        if not table._needs(given) and all(is_separable(key) for key in given):
            # Rows that agree in all keys keep their order, or two reads of a plan could differ.
            steady = options | {"maintain_order": True}
            planned = through_polars(lambda: table._frame.sort(given, **steady))
            if planned is not None:
                return table._with(planned)
        frame = table._evaluable(given)
        # Numbered, as two keys may be made of one column.
        named = [key if key.meta.has_multiple_outputs() else key.alias(f"{i}") for i, key in enumerate(given)]
        keys = through_polars(lambda: frame.select(named))
        order = through_polars(
            lambda: keys.select(pl.int_range(pl.len()).sort_by(keys.columns, **options)).to_series()
        )
        return table._with(table._frame[order])

    def head(self, n: int = 5) -> Self:
        """Return the first `n` rows, or all but the last ``-n``; a waiting filter stops when it has them."""
        n = _whole("head()", n)
        return self.slice(0, n) if n >= 0 else self.slice(0, max(self.height + n, 0))

    limit = head

    def tail(self, n: int = 5) -> Self:
        """Return the last `n` rows."""
        n = _whole("tail()", n)
        table = self._rows()
        return table.slice(max(table.height - n, 0) if n >= 0 else -n)

    def slice(self, offset: int, length: int | None = None) -> Self:
        """Return `length` rows from position `offset`."""
        offset = _whole("slice()", offset)
        length = None if length is None else _whole("slice()", length)
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
        places = pl.int_range(table.height, dtype=pl.UInt32, eager=True)
        chosen = through_polars(lambda: places.sample(n, fraction=fraction, **options))
        return table._with(table._frame.gather(chosen))._renumbered_if_repeated()

    def gather(self, indices: Sequence[int] | pl.Series | np.ndarray[Any, Any]) -> Self:
        """Return the rows at these positions, in this order; a position may come again."""
        table = self._rows()
        places = positions(indices, table.height, "gather()")
        return table._with(table._frame.gather(places))._renumbered_if_repeated()

    def unique(
        self,
        subset: str | Collection[str] | None = None,
        *,
        keep: Any = "any",
        maintain_order: bool = True,
    ) -> Self:
        """Keep one row of each that agree in the columns of `subset` (all that fit a frame by default)."""
        if keep not in _KEEP:
            raise ArgumentError.not_one_of("keep", keep, _KEEP)
        table = self._rows()
        given = table._frame_columns() if subset is None else flat([subset])
        names = list(dict.fromkeys(name for item in given for name in table._named(item)))
        frame = table._filled([*names, ROW_ID])
        kept = frame.unique(names, keep=keep, maintain_order=maintain_order)[ROW_ID]
        return table.filter(table._frame[ROW_ID].is_in(kept.implode()))

    def join(self, other: Self | pl.DataFrame, on: Any = None, **options: Any) -> Self:
        """Join with another table or frame. Deferred columns of both stay deferred, results kept.

        Parameters
        ----------
        other
            The right side. Its deferred columns come along, with `suffix` where the name is taken.
        on, **options
            As for `polars.DataFrame.join`.
        """
        if not isinstance(other, (TableBase, pl.DataFrame)):
            raise ArgumentError(
                f"join() was given {type(other).__name__}.",
                hint="It takes an ImageTable or a polars.DataFrame.",
            )
        return lazy.join(self._rows(), other, on, options)


def _whole(where: str, given: Any) -> int:
    """Return a number of rows as an int."""
    try:
        return index(given)
    except TypeError:
        raise ArgumentError(f"{where} takes a whole number of rows, not {given!r}.") from None
