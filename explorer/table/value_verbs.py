"""The verbs that give values: computed now, or told of without computing anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import polars as pl

from explorer._errors import ArgumentError
from explorer.compute import bulk
from explorer.compute.deferred import Image
from explorer.compute.define import defer
from explorer.compute.pipeline import PROBE
from explorer.compute.rows import Rows
from explorer.table.column_verbs import ColumnVerbs
from explorer.table.expressions import flat
from explorer.table.row_verbs import RowVerbs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch

    from explorer.compute.deferred import Deferred, OnError
    from explorer.compute.define import Returns
    from explorer.table.conversions import Exchange
    from explorer.table.explain import Explanation

_UPDATED = "__explorer_updated_"
_HOW = ("left", "inner", "full")


class ValueVerbs(ColumnVerbs, RowVerbs):
    """map, update, explain, to_torch, and what other libraries take."""

    def map(
        self,
        function: Callable[..., Any],
        *inputs: str,
        returns: Returns = None,
        batched: bool = False,
        batch_size: int = 64,
        workers: int = 1,
        processes: bool = False,
        init: Mapping[str, Any] | None = None,
        on_error: OnError = "keep",
        name: str | None = None,
        **unknown: Any,
    ) -> Any:
        """Call a function for every row now, and return what it returns.

        As `with_columns` with `explorer.defer` and then `compute`, but nothing is added to the table and
        nothing is kept: what an interruption cuts off is lost. Where that would be a pity, add the column.

        Parameters
        ----------
        function, *inputs, returns, batched, batch_size, workers, processes, init, on_error
            As for `explorer.defer`.
        name
            Name of the Series; the function's own when not given.
        **unknown
            Refused, with the nearest keyword that exists.

        Returns
        -------
        polars.Series
            One value a row, null where the row failed, which is said in a warning. A
            `polars.DataFrame` when `returns` names columns. Values that no frame holds, images and
            tensors, come as calling a `Column` gives them: stacked where their shapes agree.

        Raises
        ------
        ArgumentError, DeferredError
            As `explorer.defer` does.
        OutputError
            When the function returns something else than it declares.

        Examples
        --------
        >>> import explorer as ex
        >>> t = ex.samples.digits().head(3)
        >>> t.map(lambda image: image.getextrema()[1], "image", returns=int, name="lightest").to_list()
        [239, 255, 255]
        """
        if unknown:
            known = ["returns", "batched", "batch_size", "workers", "processes", "init", "on_error", "name"]
            raise ArgumentError.unknown_keyword("map()", next(iter(unknown)), known)
        spec = defer(
            function,
            *inputs,
            returns=returns,
            batched=batched,
            batch_size=batch_size,
            workers=workers,
            processes=processes,
            init=init,
            on_error=on_error,
            name=name,
        )
        if spec.several:
            held = next((n for n, dtype in spec.returns.items() if dtype in (Image, pl.Object)), None)
            if held is not None:
                raise ArgumentError(
                    f"map() returns a frame, and {held!r} is to hold {spec.returns[held]} values.",
                    hint=f"Add the columns: t.with_columns(ex.defer({spec.name}, …)).",
                )
            added = self._rows().with_columns(spec)
            added._computed_now(spec, next(iter(spec.returns)))
            return added._visible(spec.returns)
        called = name or ("map" if spec.name == "<lambda>" else spec.name)
        added = self._rows().with_columns(**{called: spec})
        return added._computed_now(spec, called)

    def _computed_now(self, spec: Deferred, name: str) -> Any:
        """Compute the functions behind a column for all rows, and return its values."""
        output = self._binding.deferred[name]
        rows = Rows(self._frame, self._binding.names)
        engine, counters = self._origin.engine, self.counters
        if output.dtype == pl.Unknown:
            # A few rows tell whether a frame can hold the others.
            few = rows.slice(0, spec.batch_size if spec.batched else PROBE)
            bulk.compute([output.node], few, engine, counters, kept=False)
        if not output.fits_a_frame:
            from explorer.table.column import Column

            return Column(self, name)()  # type: ignore[arg-type]  # this is an ImageTable
        bulk.compute([output.node], rows, engine, counters, kept=False)
        return output.node.results.series(output.name, rows.ids).alias(name)

    def update(
        self,
        other: Self | pl.DataFrame,
        on: str | Sequence[str] | None = None,
        how: Literal["left", "inner", "full"] = "left",
        *,
        left_on: str | Sequence[str] | None = None,
        right_on: str | Sequence[str] | None = None,
        include_nulls: bool = False,
    ) -> Self:
        """Replace values by those of another table, where that has any; as `polars.DataFrame.update`.

        Columns that only the other table has are left out. What is computed of this table stays: a
        deferred column that reads a column which is replaced goes on reading the old values, as after
        `with_columns`. A deferred column that the other table has too becomes the other's values where
        there are any, and its own, computed when they are looked at, where not.

        Parameters
        ----------
        other
            Where the new values are. Its deferred columns are computed, its images left out.
        on
            Columns by which rows are matched; their positions when not given.
        how
            ``"left"`` keeps the rows, ``"inner"`` those that match, ``"full"`` adds the other's rows.
        left_on, right_on
            As `on`, where the names differ.
        include_nulls
            Whether a null of the other table replaces a value.

        Raises
        ------
        ArgumentError
            When no column is there in both.

        Examples
        --------
        >>> import explorer as ex, polars as pl
        >>> t = ex.from_polars({"path": ["a.jpg", "b.jpg"], "label": ["cat", "dog"]})
        >>> t.update(pl.DataFrame({"path": ["b.jpg"], "label": ["fox"]}), on="path").to_polars().rows()
        [('a.jpg', 'cat'), ('b.jpg', 'fox')]
        """
        if how not in _HOW:
            raise ArgumentError.not_one_of("how", how, _HOW)
        if not isinstance(other, (ValueVerbs, pl.DataFrame)):
            raise ArgumentError(
                f"update() was given {type(other).__name__}.",
                hint="It takes an ImageTable or a polars.DataFrame.",
            )
        if (left_on is None) != (right_on is None) or (on is not None and left_on is not None):
            raise ArgumentError("update() takes on=, or left_on= and right_on= together, or neither.")
        frame = other if isinstance(other, pl.DataFrame) else other.to_polars()
        table, index = self._rows(), f"{_UPDATED}row__"
        if on is None and left_on is None:
            on, table, frame = index, table.with_row_index(index), frame.with_row_index(index)
        keys = [str(key) for key in flat([right_on if on is None else on])]
        common = [name for name in frame.columns if name in self._binding.refs and name not in keys]
        if not common:
            given = ", ".join(repr(name) for name in frame.columns if name != index) or "none"
            raise ArgumentError(
                f"update() was given no column of this table: {given}.",
                hint=f"The table has: {', '.join(map(repr, self.columns))}.",
            )
        there = f"{_UPDATED}there__"
        missing = next((key for key in keys if key not in frame.columns), None)
        if missing is not None:
            raise ArgumentError.not_one_of("A column of on=", missing, frame.columns)
        new = frame.select(
            *keys,
            *(pl.col(name).alias(f"{_UPDATED}{name}") for name in common),
            pl.lit(value=True).alias(there),
        )
        options: dict[str, Any] = {"on": on} if on is not None else {"left_on": left_on, "right_on": right_on}
        order = "left" if how != "full" else "left_right"
        joined = table.join(new, how=how, maintain_order=order, coalesce=True, **options)
        replaced = {name: pl.col(f"{_UPDATED}{name}") for name in common}
        values = {
            name: pl.when(pl.col(there).is_not_null() if include_nulls else value.is_not_null())
            .then(value)
            .otherwise(pl.col(name))
            for name, value in replaced.items()
        }
        updated: Self = joined.with_columns(**values).select(*self.columns)
        return updated

    def explain(self, *names: str) -> Explanation:
        """Tell what would be computed, for how many rows, and what is known already; compute nothing.

        Parameters
        ----------
        *names
            Which deferred columns; all of them when none is given.

        Returns
        -------
        str
            A tree: filters that wait, in the order in which they are evaluated, and below each column
            the functions and columns that it reads.

        Examples
        --------
        >>> import explorer as ex
        >>> t = ex.samples.digits().with_columns(even=ex.defer(lambda label: label % 2 == 0, returns=bool))
        >>> t.explain("even")
        1,797 rows; to compute: 1,797 calls of <lambda>
        even: Boolean, <lambda> for each row · 0 known, 1,797 to compute
        └─ label: Int64, stored
        """
        from explorer.table.explain import explain

        return explain(self, flat(names))

    def to_torch(self, columns: str | Sequence[str] | None = None) -> dict[str, torch.Tensor] | torch.Tensor:
        """Return columns as torch tensors with one entry a row; deferred ones are computed.

        Parameters
        ----------
        columns
            One name for one tensor, several for a dict. When not given, all columns of numbers, of
            vectors of one length, and of images.

        Returns
        -------
        dict of str to torch.Tensor, or torch.Tensor
            Numbers and booleans of shape (n,), vectors (n, length), images uint8 (n, channels, height,
            width).

        Raises
        ------
        ArgumentError
            For a column whose values are no numbers, have several shapes, or are missing in some rows.
        MissingExtraError
            When torch is not installed.

        Examples
        --------
        >>> import explorer as ex
        >>> tensors = ex.samples.digits().head(10).to_torch(["image", "label"])
        >>> tensors["image"].shape, tensors["label"].dtype
        (torch.Size([10, 1, 8, 8]), torch.int64)
        """
        from explorer.table.conversions import to_torch

        return to_torch(self, columns)  # type: ignore[arg-type]  # this is an ImageTable

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Give the columns that fit a frame to any library that takes Arrow; deferred ones are computed."""
        return self.to_polars().__arrow_c_stream__(requested_schema)

    def __dataframe__(self, nan_as_null: bool = False, allow_copy: bool = True) -> Exchange:
        """Give columns, each when it is asked for, to libraries that plot any data frame."""
        from explorer.table.conversions import Exchange

        return Exchange(self, nan_as_null=nan_as_null, allow_copy=allow_copy)

    def to_polars(self, *names: str) -> pl.DataFrame:
        """Return a plain Polars frame; deferred columns are computed, columns of images left out.

        Parameters
        ----------
        *names
            Which columns; all that fit a frame when none is given.
        """
        from explorer.table.expressions import refuse_images

        wanted = flat(names)
        self._binding.check(wanted)
        refuse_images(wanted, self.schema)
        return self._rows()._visible(wanted or None)
