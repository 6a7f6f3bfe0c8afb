"""Which name means which column: stored in the frame, or deferred."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

from explorer._errors import ArgumentError, ColumnNotFoundError, DeferredError
from explorer.compute.deferred import SINGLE, Deferred
from explorer.compute.graph import Node, Output, Stored, definition_order, stored_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from explorer.compute.deferred import Dtype
    from explorer.compute.graph import Ref

_column_ids = count()


def kept_name(column: int) -> str:
    """Return the hidden name of a stored column that is gone but that a deferred one still reads."""
    return f"__explorer_kept_{column}__"


@dataclass(frozen=True, slots=True)
class Binding:
    """The columns of a table.

    Parameters
    ----------
    refs
        Visible name to what it means, in the order of the table.
    names
        Id of a stored column to the name under which the frame holds it: the visible one, or a
        hidden one where a deferred column needs what the person dropped or replaced.
    pending
        Boolean outputs that a row must pass and that were not evaluated yet.
    """

    refs: Mapping[str, Ref]
    names: Mapping[int, str]
    pending: tuple[Output, ...] = ()

    @classmethod
    def of_stored(cls, columns: Iterable[str]) -> Binding:
        """Bind columns that are all stored under their own names."""
        refs = {name: Stored(next(_column_ids)) for name in columns}
        return cls(refs, {ref.column: name for name, ref in refs.items()})

    @property
    def stored(self) -> list[str]:
        """Names of the stored columns."""
        return [name for name, ref in self.refs.items() if isinstance(ref, Stored)]

    @property
    def deferred(self) -> dict[str, Output]:
        """Name to output of the deferred columns."""
        return {name: ref for name, ref in self.refs.items() if isinstance(ref, Output)}

    @property
    def nodes(self) -> list[Node]:
        """All functions that are alive: behind visible columns and behind pending filters."""
        outputs = [*self.deferred.values(), *self.pending]
        return list({output.node.uid: output.node for output in outputs}.values())

    def __getitem__(self, name: str) -> Ref:
        if not isinstance(name, str):
            raise ArgumentError(f"A column is named by text, not by {type(name).__name__} {name!r}.")
        try:
            return self.refs[name]
        except KeyError:
            raise ColumnNotFoundError.named(name, self.refs) from None

    def check(self, names: Iterable[str]) -> None:
        """Raise `ColumnNotFoundError` for the first name that the table does not have."""
        for name in names:
            self[name]

    def with_refs(self, refs: Mapping[str, Ref]) -> tuple[Binding, dict[str, str]]:
        """Replace the visible columns.

        Returns
        -------
        Binding
        dict of str to str
            What the frame must hold: its new column name to its old one.
        """
        after = replace(self, refs=refs)
        visible = {ref.column: name for name, ref in refs.items() if isinstance(ref, Stored)}
        needed = {column: kept_name(column) for column in stored_columns(after.nodes)}
        names = needed | visible
        return replace(after, names=names), {new: self.names[column] for column, new in names.items()}

    def with_stored(self, added: Iterable[str]) -> tuple[dict[str, Ref], dict[int, str]]:
        """Return refs with new stored columns, each at the end or in the place of its namesake.

        The frame is to hold them under hidden names, in the same order, until `with_refs` gives them
        theirs: something may still read the old values of those names.
        """
        fresh = {name: Stored(next(_column_ids)) for name in added}
        hidden = {ref.column: f"__explorer_new_{ref.column}__" for ref in fresh.values()}
        return {**self.refs, **fresh}, hidden

    def bind(self, definitions: Mapping[str, Deferred], groups: Iterable[Deferred]) -> dict[str, Ref]:
        """Bind deferred columns to the columns that they read.

        An input is looked up among the columns that the table has, and then among the other columns
        of the same definition.

        Parameters
        ----------
        definitions
            New column to the function of which it is the only output.
        groups
            Functions with several outputs, whose names are the new columns.

        Returns
        -------
        dict of str to Ref
            New columns, in the order in which they were given.

        Raises
        ------
        ArgumentError, CycleError, ColumnNotFoundError
        """
        specs: dict[str, Deferred] = {}
        columns: dict[str, tuple[str, str]] = {}
        for name, spec in definitions.items():
            if spec.several:
                raise DeferredError(
                    f"{spec.name} returns columns with names of their own, so it cannot be {name!r}.",
                    hint=f"Give it by position: with_columns(ex.defer(…)) adds {', '.join(spec.returns)}.",
                )
            specs[name] = spec
            columns[name] = (name, next(iter(spec.returns)))
        for index, spec in enumerate(groups):
            if spec.returns.keys() == {SINGLE}:
                raise DeferredError(
                    f"The column that {spec.name} computes has no name.",
                    hint=f"Give it one: with_columns(my_column=ex.defer({spec.name}, …)).",
                )
            owner = f"{spec.name}#{index}"
            specs[owner] = spec
            for output in spec.returns:
                if output in columns:
                    raise ArgumentError(
                        f"Two columns of one name: {output!r} is defined twice.",
                        hint="Choose another name for one of them.",
                    )
                columns[output] = (owner, output)
        for spec in specs.values():
            for name in spec.inputs:
                if name not in self.refs and name not in columns:
                    raise ColumnNotFoundError.named(name, self.refs)
        siblings = {
            owner: [columns[name][0] for name in spec.inputs if name not in self.refs]
            for owner, spec in specs.items()
        }
        nodes: dict[str, Node] = {}
        for owner in definition_order(siblings):
            inputs = [
                self.refs[name] if name in self.refs else Output(nodes[columns[name][0]], columns[name][1])
                for name in specs[owner].inputs
            ]
            nodes[owner] = _node(specs[owner], inputs)
        return {name: Output(nodes[owner], output) for name, (owner, output) in columns.items()}


def _node(spec: Deferred, inputs: list[Ref]) -> Node:
    """Bind a function; a reader of headers goes behind the column of images that it was given."""
    if spec.kind == "header" and isinstance(inputs[0], Output) and inputs[0].node.spec.kind == "image":
        images = inputs[0].node
        reader = spec.function.behind(images.spec.function)  # type: ignore[attr-defined]  # its kind has it
        if reader is not None and len(images.inputs) == 1:
            return Node(spec.with_options(function=reader, workers=images.spec.workers), images.inputs)
    return Node(spec, inputs)


def dtype_of(ref: Ref, schema: Mapping[str, Dtype], names: Mapping[int, str]) -> Dtype:
    """Return the dtype of a column, `polars.Unknown` where it is not known yet."""
    if isinstance(ref, Stored):
        return schema[names[ref.column]]
    return ref.dtype
