"""What every table is made of: a frame, a binding of names, and what the family shares."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import polars as pl

from explorer.compute import bulk
from explorer.compute.counters import Counters
from explorer.compute.deferred import Image
from explorer.compute.engines.local import default_engine
from explorer.compute.graph import Output, rekeyed
from explorer.compute.rows import ROW_ID, Rows
from explorer.table import lazy
from explorer.table.binding import Binding, dtype_of
from explorer.table.expressions import refuse_images

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from explorer.compute.engines.local import LocalEngine
    from explorer.compute.graph import Ref


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """What all tables made from one another share."""

    engine: LocalEngine
    counters: Counters = field(default_factory=Counters)
    base_dir: Path | None = None
    title: str | None = None


class TableBase:
    """The state of a table, and the few moves of which all verbs are made."""

    def __init__(self, frame: pl.DataFrame, binding: Binding, origin: Origin) -> None:
        self._frame = frame
        self._binding = binding
        self._origin = origin
        self._resolved: Self | None = None

    @classmethod
    def from_frame(
        cls, frame: pl.DataFrame, *, base_dir: Path | None = None, title: str | None = None
    ) -> Self:
        """Make a table of a frame, whose rows get their ids now."""
        if ROW_ID in frame.columns:
            frame = frame.drop(ROW_ID)
        origin = Origin(default_engine(), base_dir=base_dir, title=title)
        return cls(_numbered(frame), Binding.of_stored(frame.columns), origin)

    @property
    def columns(self) -> list[str]:
        """Names of the columns, stored and deferred."""
        return list(self._binding.refs)

    @property
    def schema(self) -> pl.Schema:
        """Dtypes of the columns; reading it computes nothing.

        `explorer.Image` stands for images, `polars.Unknown` for an undeclared dtype before the first
        values.
        """
        return pl.Schema(
            {
                name: dtype_of(ref, self._frame, self._binding.names)
                for name, ref in self._binding.refs.items()
            }
        )

    @property
    def height(self) -> int:
        """Number of rows. Evaluates filters on deferred columns that have waited."""
        return self._rows()._frame.height

    def __len__(self) -> int:
        return self.height

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self._binding.refs)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    @property
    def counters(self) -> Counters:
        """What was computed so far by this table and all that share its data."""
        return self._origin.counters

    @property
    def deferred(self) -> list[str]:
        """Names of the deferred columns."""
        return list(self._binding.deferred)

    def errors(self) -> pl.DataFrame:
        """List the rows whose computation failed, as far as it was tried.

        Returns
        -------
        polars.DataFrame
            Columns ``row`` (UInt32, position in this table), ``column``, ``type``, ``message``.
        """
        ids = self._rows()._frame[ROW_ID].to_numpy()
        place = {int(row): position for position, row in enumerate(ids.tolist())}
        listed = [
            (place[row], name, failure.type, failure.message)
            for name, output in self._binding.deferred.items()
            if output.node.spec.on_error == "keep"
            for row, failure in output.node.results.failures(ids).items()
        ]
        schema = {"row": pl.UInt32, "column": pl.String, "type": pl.String, "message": pl.String}
        return pl.DataFrame(listed, schema=schema, orient="row").sort("row", maintain_order=True)

    def _with(self, frame: pl.DataFrame, binding: Binding | None = None) -> Self:
        return type(self)(frame, binding or self._binding, self._origin)

    def _rows(self) -> Self:
        """Return this table with its waiting filters evaluated."""
        if not self._binding.pending:
            return self
        if self._resolved is None:
            self._resolved = self._take_passing(limit=None)
        return self._resolved

    def _take_passing(self, limit: int | None) -> Self:
        positions = lazy.passing(
            self._binding.pending,
            Rows(self._frame, self._binding.names),
            self._origin.engine,
            self.counters,
            limit=limit,
        )
        return self._with(self._frame[positions], replace(self._binding, pending=()))

    def _rebound(self, refs: Mapping[str, Ref]) -> Self:
        binding, holds = self._binding.with_refs(refs)
        frame = self._frame.select(ROW_ID, *(pl.col(old).alias(new) for new, old in holds.items()))
        return self._with(frame, binding)

    def _check(self, expr: pl.Expr) -> list[str]:
        """Return the deferred columns that an expression names, having checked all names."""
        # A selection of picked rows names the hidden column of row ids.
        names = [name for name in expr.meta.root_names() if name != ROW_ID]
        self._binding.check(names)
        refuse_images(names, self.schema)
        return [name for name in names if isinstance(self._binding.refs[name], Output)]

    def _filled(self, names: Iterable[str]) -> pl.DataFrame:
        """Return the stored frame with these deferred columns computed into it."""
        outputs = {name: self._binding.deferred[name] for name in dict.fromkeys(names)}
        rows = Rows(self._frame, self._binding.names)
        nodes = {output.node.uid: output.node for output in outputs.values()}
        bulk.compute(list(nodes.values()), rows, self._origin.engine, self.counters)
        filled = [
            output.node.results.series(output.name, rows.ids).alias(name)
            for name, output in outputs.items()
            if output.fits_a_frame
        ]
        return self._frame.with_columns(filled)

    def _visible(self, names: Iterable[str] | None = None) -> pl.DataFrame:
        """Return a plain frame of the columns whose values fit one, computed where deferred."""
        wanted = [*names] if names is not None else self._frame_columns()
        frame = self._filled(name for name in wanted if name in self._binding.deferred)
        # The first values of a column may have told that no frame can hold them.
        if names is None:
            wanted = self._frame_columns()
        refuse_images(wanted, self.schema)
        return frame.select(wanted)

    def _frame_columns(self) -> list[str]:
        return [name for name, dtype in self.schema.items() if dtype not in (Image, pl.Object)]

    def _needs(self, exprs: Iterable[Any]) -> list[str]:
        """Return the deferred columns that names and expressions of a verb refer to."""
        needed: list[str] = []
        for given in exprs:
            expr = pl.col(given) if isinstance(given, str) else given
            needed += self._check(expr) if isinstance(expr, pl.Expr) else []
        return needed

    def _renumbered_if_repeated(self) -> Self:
        return self if self._frame[ROW_ID].is_unique().all() else self._renumbered()

    def _renumbered(self) -> Self:
        """Give the rows new ids, and keep what is known of them."""
        old = self._frame[ROW_ID].fill_null(0xFFFFFFFF).to_numpy().astype(np.int64)
        made = rekeyed(self._binding.nodes, np.where(old == 0xFFFFFFFF, -1, old))

        def moved(output: Output) -> Output:
            return Output(made[output.node.uid], output.name)

        refs = {n: moved(ref) if isinstance(ref, Output) else ref for n, ref in self._binding.refs.items()}
        pending = tuple(moved(output) for output in self._binding.pending)
        frame = _numbered(self._frame.drop(ROW_ID))
        return self._with(frame, replace(self._binding, refs=refs, pending=pending))


def _numbered(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).alias(ROW_ID))
