"""The verbs that change which columns a table has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, SupportsIndex

import polars as pl

from explorer._errors import ArgumentError
from explorer.compute.deferred import Deferred, Image
from explorer.table.base import TableBase
from explorer.table.expressions import (
    Expression,
    aggregates,
    as_deferred,
    chosen_by,
    flat,
    is_separable,
    named_as,
    through_polars,
)
from explorer.table.image_column import HeaderReader, Loader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from polars._typing import ColumnNameOrSelector, IntoExpr

    from explorer.compute.graph import Ref


class ColumnVerbs(TableBase):
    """select, with_columns, drop, rename, with_row_index."""

    def with_columns(self, *exprs: IntoExpr | Deferred | Iterable[Any], **named: Any) -> Self:
        """Add columns, or replace those of the same names.

        Parameters
        ----------
        *exprs
            Expressions, Series, and deferred columns that name several outputs.
        **named
            New column to an expression, a value, a Series, or a deferred column with one output.

        Raises
        ------
        ArgumentError
            When two columns get one name.
        ColumnNotFoundError
            When an expression or a deferred column reads one that is not there.
        CycleError
            When deferred columns need each other.

        Examples
        --------
        >>> import explorer as ex, polars as pl
        >>> t = ex.samples.digits().with_columns(odd=pl.col("label") % 2)
        >>> t.columns
        ['image', 'label', 'split', 'odd']
        """
        given = flat(exprs)
        groups = [self._at_home(item) for item in given if isinstance(item, Deferred)]
        definitions = {
            name: self._at_home(item) for name, item in named.items() if isinstance(item, Deferred)
        }
        eager: list[Any] = []
        for expr in [
            *(item for item in given if not isinstance(item, Deferred)),
            *(named_as(item, name) for name, item in named.items() if not isinstance(item, Deferred)),
        ]:
            if isinstance(expr, pl.Expr) and is_separable(expr) and self._needs([expr]):
                name = expr.meta.output_name()
                if name in definitions:
                    raise ArgumentError(f"Two columns of one name: {name!r} is defined twice.")
                definitions[name] = as_deferred(expr.meta.undo_aliases(), self.schema)
            else:
                eager.append(expr)
        refs = self._binding.bind(definitions, groups)
        for name, spec in definitions.items():
            # What is merely another name of a deferred column shares its answers.
            if isinstance(spec.function, Expression) and spec.function.expr.meta.is_column():
                refs[name] = self._binding.refs[spec.inputs[0]]
        table, stored = self._with_stored(eager, taken=refs) if eager else (self, self._binding.refs)
        new = {**stored, **refs}
        order = [*self._binding.refs, *(name for item in given for name in _outputs(item)), *named]
        return table._rebound({name: new[name] for name in dict.fromkeys([*order, *new]) if name in new})

    def _at_home(self, spec: Deferred) -> Deferred:
        """Tell a loader of images the folder of this table and the dtype of the column that it reads."""
        if not isinstance(spec.function, Loader | HeaderReader):
            return spec
        dtype = self.schema.get(spec.inputs[0])
        return spec.with_options(function=spec.function.within(self._origin.base_dir, dtype))

    def _with_stored(self, exprs: Sequence[Any], taken: Mapping[str, Ref]) -> tuple[Self, Mapping[str, Ref]]:
        """Evaluate expressions into hidden columns, and return what the names then stand for."""
        separable = all(isinstance(expr, pl.Expr) and is_separable(expr) for expr in exprs)
        if separable and not self._needs(exprs):
            names = [expr.meta.output_name() for expr in exprs]
            if len(set(names)) == len(names) and not set(names) & set(taken):
                planned = through_polars(lambda: self._with_planned(dict(zip(names, exprs, strict=True))))
                if planned is not None:
                    return planned
        table = self if separable else self._rows()
        frame = table._evaluable(exprs)
        added = through_polars(lambda: frame.select(exprs))
        if added.height != frame.height:
            added = through_polars(lambda: frame.with_columns(exprs).select(added.columns))
        for name in added.columns:
            if name in taken:
                raise ArgumentError(f"Two columns of one name: {name!r} is defined twice.")
        return table._with_values(added.get_columns())

    def select(self, *exprs: IntoExpr | Iterable[Any], **named: Any) -> Any:
        """Choose columns, in this order; expressions make new ones.

        Returns
        -------
        Self
            Or a `polars.DataFrame` when an expression aggregates.
        """
        given = [
            *flat(exprs),
            *(item if isinstance(item, Deferred) else named_as(item, name) for name, item in named.items()),
        ]
        if any(isinstance(expr, pl.Expr) and aggregates(expr, self.schema) for expr in given):
            frame = self._rows()._evaluable(given)
            return through_polars(lambda: frame.select(given))
        names: list[str] = []
        new: list[Any] = []
        for item in given:
            found = self._names_of(item)
            if found is None:
                new.append(item)
                found = self._made_by(item)
            names += found
        repeated = next((name for name in names if names.count(name) > 1), None)
        if repeated is not None:
            raise ArgumentError(
                f"Two columns of one name: select() was given {repeated!r} twice.",
                hint=f'Rename one: pl.col({repeated!r}).alias("another").',
            )
        table = self.with_columns(*new) if new else self
        return table._rebound({name: table._binding[name] for name in names})

    def _made_by(self, item: Any) -> list[str]:
        """Return the names of the columns that an expression makes."""
        if isinstance(item, pl.Series):
            return [item.name]
        if not isinstance(item, pl.Expr):
            raise ArgumentError(
                f"select() was given {type(item).__name__} {item!r}.",
                hint="It takes names, expressions and selectors.",
            )
        self._named(item)
        return chosen_by(item, self.schema)

    def _names_of(self, item: Any) -> list[str] | None:
        """Return the columns that a name, a selector or a plain column expression stands for."""
        if isinstance(item, str):
            self._binding[item]
            return [item]
        if isinstance(item, Deferred):
            raise ArgumentError(
                f"select() chooses columns; the deferred column {item.name} is not one yet.",
                hint="Add it first: t.with_columns(name=ex.defer(…)).select(…).",
            )
        if isinstance(item, pl.Expr) and item.meta.is_column_selection():
            if item.meta.is_column():
                self._binding.check(item.meta.root_names())
            schema = {
                name: pl.Null if dtype in (Image, pl.Unknown) else dtype
                for name, dtype in self.schema.items()
            }
            return through_polars(lambda: pl.LazyFrame(schema=schema).select(item).collect_schema().names())
        return None

    def drop(self, *columns: ColumnNameOrSelector | Iterable[str], strict: bool = True) -> Self:
        """Leave columns out. Deferred columns that read a dropped one go on working."""
        gone: set[str] = set()
        for item in flat(columns):
            if isinstance(item, str) and not strict and item not in self._binding.refs:
                continue
            gone.update(self._names_of(item) or [])
        return self._rebound({name: ref for name, ref in self._binding.refs.items() if name not in gone})

    def rename(self, mapping: Mapping[str, str] | Callable[[str], str], *, strict: bool = True) -> Self:
        """Give columns other names: a mapping from old to new, or a function."""
        new = {name: mapping(name) for name in self.columns} if callable(mapping) else dict(mapping)
        if strict:
            self._binding.check(new)
        names = [new.get(name, name) for name in self.columns]
        repeated = next((name for name in names if names.count(name) > 1), None)
        if repeated is not None:
            raise ArgumentError(f"Two columns of one name: after rename() there would be two {repeated!r}.")
        return self._rebound(dict(zip(names, self._binding.refs.values(), strict=True)))

    def with_row_index(self, name: str = "index", offset: int = 0) -> Self:
        """Add a first column that counts the rows."""
        if name in self:
            raise ArgumentError(
                f"Two columns of one name: the table has a {name!r} already.",
                hint='Give another: with_row_index("row").',
            )
        if not isinstance(offset, SupportsIndex):
            raise ArgumentError(f"with_row_index() begins to count at a whole number, not at {offset!r}.")
        table = self._rows().with_columns(
            pl.int_range(offset, pl.len() + offset, dtype=pl.UInt32).alias(name)
        )
        return table._rebound({name: table._binding[name], **table._binding.refs})


def _outputs(item: Any) -> Iterable[str]:
    """Return the columns that an argument given by position names, as far as they can be told."""
    if isinstance(item, Deferred):
        return item.returns
    if isinstance(item, pl.Expr) and not item.meta.has_multiple_outputs():
        return [item.meta.output_name(raise_if_undetermined=False) or ""]
    return [item.name] if isinstance(item, pl.Series) else []
