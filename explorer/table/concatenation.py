"""Tables one below the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from explorer._errors import ArgumentError
from explorer.compute.frame import ROW_ID, Frame, numbered
from explorer.compute.graph import Node, Output, Stored
from explorer.compute.results import Results
from explorer.table.base import TableBase
from explorer.table.binding import Binding
from explorer.table.expressions import Expression
from explorer.table.image_sources import HeaderReader, ImageLoader, PixelLoader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from explorer.compute.deferred import Deferred
    from explorer.compute.graph import Ref
    from explorer.table.table import ImageTable

_HOW = ("vertical", "diagonal")


def concat(
    tables: Iterable[ImageTable], *, how: Literal["vertical", "diagonal"] = "vertical", **unknown: Any
) -> ImageTable:
    """Put tables one below the other, as `polars.concat` does with frames.

    A column that is deferred in all of them, by one definition, stays deferred; what was computed of it
    is not computed again. Filters that have waited are evaluated.

    Parameters
    ----------
    tables
        The tables, from top to bottom.
    how
        ``"vertical"``: all have the same columns, in any order; the first says which.
        ``"diagonal"``: a column that a table does not have is null in its rows.
    **unknown
        Refused, with the nearest keyword that exists.

    Returns
    -------
    ImageTable
        Its rows are new ones: what is computed of them is shared with the tables only where all of
        them come from one. Relative paths of columns that are added later are those of the first table.

    Raises
    ------
    ArgumentError
        When columns do not fit together: a name is missing, dtypes differ, or a column is stored in one
        table and deferred in another, or deferred by different functions.

    Examples
    --------
    >>> import explorer as ex
    >>> t = ex.samples.digits()
    >>> threes, eights = (t.filter(label=digit) for digit in (3, 8))
    >>> both = ex.concat([threes, eights])
    >>> both.height == threes.height + eights.height, both["image"]
    (True, Column(image, Image, 357 rows))
    """
    for name in unknown:
        raise ArgumentError.unknown_keyword("ex.concat()", name, ["how"])
    if how not in _HOW:
        raise ArgumentError.not_one_of("how", how, _HOW)
    # Whatever a person gives: some of it is told to be wrong.
    one: Any = tables
    given: list[Any] = [one] if isinstance(one, TableBase) or not isinstance(one, Iterable) else [*one]
    if not given:
        raise ArgumentError("ex.concat() was given no tables.")
    for place, table in enumerate(given):
        if not isinstance(table, TableBase):
            frame = ": ex.from_polars(df)" if isinstance(table, (pl.DataFrame, pl.LazyFrame)) else ""
            raise ArgumentError(
                f"ex.concat() was given {type(table).__name__} at place {place}, not an ImageTable.",
                hint=f"It takes a list of tables{frame}.",
            )
    resolved = [table._rows() for table in given]
    return resolved[0] if len(resolved) == 1 else _Concatenation(resolved).table(how)


class _Concatenation:
    def __init__(self, tables: Sequence[ImageTable]) -> None:
        self._tables = tables
        self._ids = [table._frame.ids for table in tables]
        self._made: dict[tuple[int, ...], Node] = {}
        self._stored: dict[tuple[Stored | None, ...], Stored] = {}
        self._columns: dict[int, pl.Series] = {}
        self._name = ""

    def table(self, how: str) -> ImageTable:
        names = list(dict.fromkeys(name for table in self._tables for name in table.columns))
        if how == "vertical":
            self._check_names(names)
        refs: dict[str, Ref] = {}
        for self._name in names:
            found = [table._binding.refs.get(self._name) for table in self._tables]
            if all(ref is None or isinstance(ref, Stored) for ref in found):
                refs[self._name] = self._column([ref for ref in found if not isinstance(ref, Output)])
                continue
            self._refuse_mixture(found)
            node = self._node(_nodes(found))
            refs[self._name] = Output(node, next(ref.name for ref in found if isinstance(ref, Output)))
        held = {column: f"__explorer_read_{column}__" for column in self._columns}
        frame = pl.DataFrame({held[column]: series for column, series in self._columns.items()})
        if not frame.width:
            frame = pl.DataFrame({"": np.zeros(sum(map(len, self._ids)))})
        numbers = numbered(frame).select(ROW_ID, *held.values())
        first = self._tables[0]
        made = type(first)(Frame(numbers), Binding(refs, held), replace(first._origin))
        made._skipped = tuple(part for table in self._tables for part in table._skipped)
        return made._rebound(refs)

    def _check_names(self, names: Sequence[str]) -> None:
        for place, table in enumerate(self._tables):
            missing = [name for name in names if name not in table]
            if missing:
                first = next(i for i, other in enumerate(self._tables) if missing[0] in other)
                raise ArgumentError(
                    f"ex.concat(): table {place} has no column {missing[0]!r}, and table {first} has one.",
                    hint='For null there: how="diagonal". To leave it out: t.drop(…).',
                )

    def _refuse_mixture(self, found: Sequence[Ref | None]) -> None:
        stored = next((place for place, ref in enumerate(found) if isinstance(ref, Stored)), None)
        if stored is not None:
            deferred = next(place for place, ref in enumerate(found) if isinstance(ref, Output))
            raise ArgumentError(
                f"ex.concat(): {self._name!r} is stored in table {stored} and deferred in table {deferred}.",
                hint=self._how_to_store(),
            )

    def _how_to_store(self) -> str:
        return (
            "Define it for all: ex.concat([…]).with_columns(…). "
            f"Or store what it gives: t.with_columns(t[{self._name!r}].series())."
        )

    # Stored columns

    def _column(self, refs: Sequence[Stored | None]) -> Stored:
        """Return the new column of the values that these have."""
        key = tuple(refs)
        if key not in self._stored:
            (made,) = Binding.of_stored([""]).refs.values()
            assert isinstance(made, Stored)  # noqa: S101 - of_stored binds nothing else
            self._stored[key] = made
            self._columns[made.column] = self._values(refs)
        return self._stored[key]

    def _values(self, refs: Sequence[Stored | None]) -> pl.Series:
        parts = [
            None if ref is None else table._frame.get_column(table._binding.names[ref.column])
            for ref, table in zip(refs, self._tables, strict=True)
        ]
        dtypes = {part.dtype: place for place, part in enumerate(parts) if part is not None}
        typed = [dtype for dtype in dtypes if dtype != pl.Null] or [pl.Null()]
        if len(typed) > 1:
            first, other = typed[:2]
            raise ArgumentError(
                f"ex.concat(): {self._name!r} is {first} in table {dtypes[first]} "
                f"and {other} in table {dtypes[other]}.",
                hint=f"Make them one: t.with_columns(pl.col({self._name!r}).cast(pl.{first})).",
            )
        return pl.concat(
            pl.Series("", [None], dtype=typed[0]).new_from_index(0, len(ids))
            if part is None or part.dtype != typed[0]
            else part.alias("")
            for part, ids in zip(parts, self._ids, strict=True)
        )

    # Deferred columns

    def _node(self, wanted: Sequence[Node | None]) -> Node:
        """Return the one function that stands for those of the tables, None where a table has none."""
        # Not by recursion: a column may have hundreds of expressions below it.
        path = [wanted]
        while path:
            nodes = path[-1]
            below = [
                inputs
                for inputs in self._inputs(nodes)
                if any(isinstance(ref, Output) for ref in inputs) and _key(_nodes(inputs)) not in self._made
            ]
            if not below:
                path.pop()
                if _key(nodes) not in self._made:
                    self._made[_key(nodes)] = self._new(nodes)
            path += [_nodes(inputs) for inputs in below]
        return self._made[_key(wanted)]

    def _inputs(self, nodes: Sequence[Node | None]) -> list[list[Ref | None]]:
        there = [node for node in nodes if node is not None]
        first = there[0]
        for node in there[1:]:
            self._check_same(first.spec, node.spec)
        inputs: list[list[Ref | None]] = [
            [None if node is None else node.inputs[place] for node in nodes]
            for place in range(len(first.inputs))
        ]
        for refs in inputs:
            if any(isinstance(ref, Output) for ref in refs):
                self._refuse_mixture(refs)
        return inputs

    def _new(self, nodes: Sequence[Node | None]) -> Node:
        first = next(node for node in nodes if node is not None)
        inputs: list[Ref] = []
        for refs in self._inputs(nodes):
            if any(isinstance(ref, Output) for ref in refs):
                name = next(ref.name for ref in refs if isinstance(ref, Output))
                inputs.append(Output(self._made[_key(_nodes(refs))], name))
            else:
                inputs.append(self._column([ref if isinstance(ref, Stored) else None for ref in refs]))
        parts = [
            (None if node is None else node.results, ids) for node, ids in zip(nodes, self._ids, strict=True)
        ]
        try:
            results = Results.of_parts(first.spec.returns, parts)
        except pl.exceptions.PolarsError as error:
            raise ArgumentError(
                f"ex.concat(): {first.spec.name} gave values of several types: {error}.",
                hint=self._how_to_store(),
            ) from error
        return Node(first.spec, inputs, results=results, entrance=first.entrance)

    def _check_same(self, one: Deferred, other: Deferred) -> None:
        if one is other:
            return
        folders = [getattr(_files(spec.function), "base_dir", None) for spec in (one, other)]
        if folders[0] != folders[1] and _is_one(one, other, in_any_folder=True):
            raise ArgumentError(
                f"ex.concat(): the paths of {self._name!r} are relative to {folders[0]} in one table "
                f"and to {folders[1]} in another.",
                hint="Read both with one base_dir=…, the folder that holds all images.",
            )
        if not _is_one(one, other):
            raise ArgumentError(
                f"ex.concat(): {self._name!r} is not computed in all tables by the same: {one.name} in one, "
                f"{other.name if other.name != one.name else 'another of that name'} in another.",
                hint=self._how_to_store(),
            )


def _key(nodes: Sequence[Node | None]) -> tuple[int, ...]:
    return tuple(-1 if node is None else node.uid for node in nodes)


def _nodes(refs: Sequence[Ref | None]) -> list[Node | None]:
    return [ref.node if isinstance(ref, Output) else None for ref in refs]


def _files(function: object) -> object:
    return function.encoded if isinstance(function, PixelLoader) else function


def _is_one(one: Deferred, other: Deferred, *, in_any_folder: bool = False) -> bool:
    """Whether two definitions give the same answers; how many rows at a time is no part of that."""
    kept = ("batched", "stacked", "kind", "on_error", "version", "init")
    if any(getattr(one, name) != getattr(other, name) for name in kept):
        return False
    functions = [one.function, other.function]
    if dict(one.returns) != dict(other.returns) or type(functions[0]) is not type(functions[1]):
        return False
    if isinstance(functions[0], Expression):
        return functions[0].expr.meta.eq(functions[1].expr)  # type: ignore[attr-defined]
    if in_any_folder:
        functions = [_anywhere(function) for function in functions]
    if isinstance(functions[0], (ImageLoader, PixelLoader, HeaderReader)):
        return bool(functions[0] == functions[1])
    return functions[0] is functions[1]


def _anywhere(function: Any) -> Any:
    if isinstance(function, PixelLoader):
        return replace(function, encoded=_anywhere(function.encoded))
    if isinstance(function, (ImageLoader, HeaderReader)):
        return replace(function, base_dir=None)
    return function
