"""What every table is made of: a frame, a binding of names, and what the family shares."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import polars as pl

from explorer._errors import ArgumentError, did_you_mean
from explorer.compute import bulk
from explorer.compute.counters import Counters
from explorer.compute.deferred import Image
from explorer.compute.engines.local import default_engine
from explorer.compute.frame import Frame, numbered
from explorer.compute.graph import Output, rekeyed
from explorer.compute.rows import ROW_ID, Rows
from explorer.compute.scans import framed
from explorer.table.binding import Binding, dtype_of
from explorer.table.expressions import chosen_by, refuse_images, selectors_in
from explorer.table.searching import passing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
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

    def __init__(self, frame: Frame, binding: Binding | None = None, origin: Origin | None = None) -> None:
        if binding is None or origin is None:
            raise ArgumentError(
                "An ImageTable is not made by calling its class.",
                hint="ex.from_polars(df), ex.read_csv(path), ex.read_folder(path), ….",
            )
        self._frame = frame
        self._binding = binding
        self._origin = origin
        self._resolved: Self | None = None
        self._skipped: tuple[pl.DataFrame, ...] = ()

    @classmethod
    def from_frame(
        cls,
        frame: pl.DataFrame | pl.LazyFrame,
        *,
        base_dir: Path | None = None,
        title: str | None = None,
        explain: Callable[[BaseException], Exception] | None = None,
    ) -> Self:
        """Make a table of a frame, whose rows get their ids now.

        Parameters
        ----------
        frame
            A lazy one stays lazy: its columns are read when something needs them.
        base_dir
            Folder that image paths in the table are relative to.
        title
            What the table is called.
        explain
            Turns what Polars raises, when it reads a lazy frame later, into an error that tells more.
        """
        # Of another frame: once Polars knows the schema of a scan, it numbers the rows in a second step.
        schema = frame.head(0).collect_schema()
        if ROW_ID in schema:
            raise ArgumentError(
                f"{ROW_ID!r} is the name of the hidden column of row ids.", hint="Rename yours."
            )
        origin = Origin(default_engine(), base_dir=base_dir, title=title)
        rows = (
            Frame(numbered(frame))
            if isinstance(frame, pl.DataFrame)
            else Frame.scanned(frame, explain=explain)
        )
        return cls(rows, Binding.of_stored(schema), origin)

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
                name: dtype_of(ref, self._frame.schema, self._binding.names)
                for name, ref in self._binding.refs.items()
            }
        )

    @property
    def height(self) -> int:
        """Number of rows. Evaluates filters on deferred columns that have waited."""
        return self._rows()._frame.height

    def __len__(self) -> int:
        return self.height

    if not TYPE_CHECKING:  # or every misspelt attribute would be one for the type checker

        def __getattr__(self, name: str) -> Any:
            # A binding is not there yet while an instance is being made.
            binding = self.__dict__.get("_binding")
            if binding is not None and name in binding.refs:
                raise AttributeError(f"A column is reached by its name in brackets: t[{name!r}].")
            hint = did_you_mean(name, [known for known in dir(type(self)) if not known.startswith("_")])
            raise AttributeError(f"An ImageTable has no {name!r}.{f' {hint}' if hint else ''}")

    def __contains__(self, name: object) -> bool:
        return name in self._binding.refs

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        # Immutable, and what it computed is to be shared.
        return self

    def __reduce__(self) -> str:
        raise ArgumentError(
            "An ImageTable cannot be pickled: its deferred columns hold functions, models and caches.",
            hint="Pickle what was computed of it: t.to_polars().",
        )

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
        ids = self._rows()._frame.ids
        failures = {
            name: output.node.results.failures(ids)
            for name, output in self._binding.deferred.items()
            if output.node.spec.on_error == "keep"
        }
        place = {int(row): i for i, row in enumerate(ids.tolist())} if any(failures.values()) else {}
        listed = [
            (place[row], name, failure.type, failure.message)
            for name, failed in failures.items()
            for row, failure in failed.items()
        ]
        schema = {"row": pl.UInt32, "column": pl.String, "type": pl.String, "message": pl.String}
        return pl.DataFrame(listed, schema=schema, orient="row").sort("row", maintain_order=True)

    def _with(self, frame: Frame, binding: Binding | None = None) -> Self:
        made = type(self)(frame, binding or self._binding, self._origin)
        made._skipped = self._skipped
        return made

    def _rows(self) -> Self:
        """Return this table with its waiting filters evaluated."""
        if not self._binding.pending:
            return self
        if self._resolved is None:
            self._resolved = self._take_passing(limit=None)
        return self._resolved

    def _take_passing(self, limit: int | None) -> Self:
        positions = passing(
            self._binding.pending,
            Rows(self._frame, self._binding.names),
            self._origin.engine,
            self.counters,
            limit=limit,
        )
        return self._with(self._frame[positions], replace(self._binding, pending=()))

    def _rebound(self, refs: Mapping[str, Ref]) -> Self:
        binding, holds = self._binding.with_refs(refs)
        return self._with(self._frame.renamed(holds), binding)

    def _with_values(self, added: Sequence[pl.Series]) -> tuple[Self, Mapping[str, Ref]]:
        """Put new columns into the frame, and return what the names then stand for."""
        refs, hidden = self._binding.with_stored(series.name for series in added)
        frame = self._frame.with_series(dict(zip(hidden.values(), added, strict=True)))
        return self._with(frame, replace(self._binding, names={**self._binding.names, **hidden})), refs

    def _with_planned(self, exprs: Mapping[str, pl.Expr]) -> tuple[Self, Mapping[str, Ref]] | None:
        """Put row-separable expressions of stored columns into the plan of a lazy frame, if it is one."""
        refs, hidden = self._binding.with_stored(exprs)
        frame = self._frame.with_exprs(dict(zip(hidden.values(), exprs.values(), strict=True)))
        if frame is None:
            return None
        return self._with(frame, replace(self._binding, names={**self._binding.names, **hidden})), refs

    def _named(self, given: Any) -> list[str]:
        """Return the columns that an argument of a verb names, selectors resolved, having checked them."""
        if isinstance(given, str):
            names = [given]
        elif isinstance(given, pl.Expr):
            chosen = [chosen_by(selector, self.schema) for selector in selectors_in(given)]
            # A selection of picked rows names the hidden column of row ids.
            roots = [name for name in given.meta.root_names() if name != ROW_ID]
            names = [*roots, *(name for part in chosen for name in part)]
        else:
            return []
        self._binding.check(names)
        refuse_images(names, self.schema)
        return list(dict.fromkeys(names))

    def _evaluable(self, exprs: Sequence[Any]) -> pl.DataFrame:
        """Return the frame on which expressions are evaluated: what they name, computed, nothing hidden."""
        named = {name for given in exprs for name in self._named(given)}
        parts = [given for given in exprs if isinstance(given, pl.Expr)]
        shown = [name for name in self.columns if name in named]
        if not shown or any(ROW_ID in part.meta.root_names() for part in parts):
            shown.append(ROW_ID)
        frame = self._filled(shown)
        if any(selectors_in(part) for part in parts):
            # A selector may count columns: it is to find all of them, and those it does not name empty.
            dtypes = {name: self.schema[name] for name in self._frame_columns()}
            empty = {
                name: pl.Series(name, [None], dtype=dtype).new_from_index(0, frame.height)
                for name, dtype in dtypes.items()
                if name not in frame.columns and dtype != pl.Unknown
            }
            order = [name for name in dtypes if name in frame.columns or name in empty]
            order += [name for name in frame.columns if name not in order]
            frame = framed(empty[n] if n in empty else frame.get_column(n) for n in order)
        return frame

    def _filled(self, names: Iterable[str]) -> pl.DataFrame:
        """Return some columns as a plain frame, the deferred ones computed; what fits no frame is left out.

        The hidden column of row ids may be named too.
        """
        wanted = list(dict.fromkeys(names))
        deferred = self._binding.deferred
        outputs = {name: deferred[name] for name in wanted if name in deferred}
        rows = Rows(self._frame, self._binding.names)
        nodes = {output.node.uid: output.node for output in outputs.values()}
        bulk.compute(list(nodes.values()), rows, self._origin.engine, self.counters)
        filled = {
            name: output.node.results.series(output.name, rows.ids).alias(name)
            for name, output in outputs.items()
            if output.fits_a_frame
        }
        stored = self._frame.select([name for name in wanted if name not in outputs])
        found = filled | {series.name: series for series in stored.get_columns()}
        return framed(found[name] for name in wanted if name in found)

    def _visible(self, names: Iterable[str] | None = None) -> pl.DataFrame:
        """Return a plain frame of the columns whose values fit one, computed where deferred."""
        wanted = [*names] if names is not None else self._frame_columns()
        frame = self._filled(wanted)
        # The first values of a column may have told that no frame can hold them.
        if names is None:
            wanted = self._frame_columns()
        refuse_images(wanted, self.schema)
        return framed(frame.get_column(name) for name in wanted)

    def _frame_columns(self) -> list[str]:
        return [name for name, dtype in self.schema.items() if dtype not in (Image, pl.Object)]

    def _needs(self, exprs: Iterable[Any]) -> list[str]:
        """Return the deferred columns that names and expressions of a verb refer to."""
        return [name for given in exprs for name in self._named(given) if name in self._binding.deferred]

    def _renumbered_if_repeated(self) -> Self:
        if self._frame.is_planned:
            return self
        ids = self._frame[ROW_ID]
        return self if ids.is_unique().all() and not ids.null_count() else self._renumbered()

    def _renumbered(self) -> Self:
        """Give the rows new ids, and keep what is known of them."""
        old = self._frame[ROW_ID].fill_null(0xFFFFFFFF).to_numpy().astype(np.int64)
        made = rekeyed(self._binding.nodes, np.where(old == 0xFFFFFFFF, -1, old))

        def moved(output: Output) -> Output:
            return Output(made[output.node.uid], output.name)

        refs = {n: moved(ref) if isinstance(ref, Output) else ref for n, ref in self._binding.refs.items()}
        pending = tuple(moved(output) for output in self._binding.pending)
        renumbered = self._with(self._frame.renumbered(), replace(self._binding, refs=refs, pending=pending))
        # A row id means another row now: for those who ask, it is a table of another family.
        renumbered._origin = replace(self._origin)
        return renumbered
