"""What would be computed of a table, told without computing anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from explorer._errors import ArgumentError
from explorer.compute.graph import Output, needed_rows, upstream
from explorer.compute.rows import Rows
from explorer.table.display import kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from explorer.compute.graph import Node, Ref
    from explorer.table.base import TableBase

DEEPEST = 12
"""How many functions that stand on one another are told one by one."""


class Explanation(str):
    """A text that shows itself as it is, in a terminal and in a notebook.

    Examples
    --------
    >>> Explanation("10 rows; to compute: nothing")
    10 rows; to compute: nothing
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def explain(table: TableBase, names: Sequence[str]) -> Explanation:
    """Tell which functions would be called for how many rows; see `ImageTable.explain`.

    Raises
    ------
    ColumnNotFoundError
        For a name that the table does not have.
    """
    table._binding.check(names)
    for name in names:
        if name not in table._binding.deferred:
            raise ArgumentError(
                f"{name!r} is stored; there is nothing to compute.",
                hint=f"Deferred are: {', '.join(map(repr, table._binding.deferred)) or 'no columns'}.",
            )
    if table._resolved is not None:
        table = table._resolved
    return Explanation("\n".join(_Told(table, names or list(table._binding.deferred)).lines()))


class _Told:
    def __init__(self, table: TableBase, names: Sequence[str]) -> None:
        self._table = table
        self._binding = table._binding
        self._names = names
        self._rows = Rows(table._frame, table._binding.names)
        self._ids = self._rows.ids
        wanted = [self._binding.deferred[name].node for name in names]
        self._needed = needed_rows([*wanted, *(p.node for p in self._binding.pending)], self._ids)
        self._called = {(ref.node.uid, ref.name): name for name, ref in self._binding.deferred.items()}
        self._columns = {
            ref.column: name for name, ref in self._binding.refs.items() if not isinstance(ref, Output)
        }
        self._seen: set[int] = set()

    def lines(self) -> list[str]:
        pending = self._binding.pending
        lines = [self._summary()]
        for number, predicate in enumerate(pending, 1):
            which = f"filter {number} of {len(pending)}: " if len(pending) > 1 else "filter: "
            waits = "waits" if number == 1 else f"waits, sees what filter {number - 1} left"
            known = int(predicate.node.results.known(self._ids).sum())
            lines.append(f"{which}{predicate.node.spec.name} · {waits} · {known:,} rows looked at")
            lines += self._below(predicate.node)
        for name in self._names:
            ref = self._binding.deferred[name]
            told = ref.node.uid in self._seen
            lines.append(f"{name}: {'told above' if told else self._words(ref)}")
            lines += self._below(ref.node)
        return lines

    def _summary(self) -> str:
        rows = len(self._ids)
        head = f"{rows:,} rows"
        waiting = len(self._binding.pending)
        if waiting:
            head += f" before {_several(waiting, 'filter')} that wait{'s' if waiting == 1 else ''}"
        roots = [
            *(self._binding.deferred[n].node for n in self._names),
            *(p.node for p in self._binding.pending),
        ]
        work = [
            f"{calls:,} calls of {node.spec.name}"
            for node in upstream(roots)
            if node.spec.kind != "expression" and (calls := self._calls(node))
        ]
        most = "at most " if self._binding.pending else ""
        return f"{head}; to compute: {most + ', '.join(work) if work else 'nothing'}"

    def _missing(self, node: Node) -> int:
        shared = node.results.shared(self._ids[self._needed[node.uid]])
        return len(np.unique(shared))

    def _calls(self, node: Node) -> int:
        missing, spec = self._missing(node), node.spec
        return -(-missing // spec.batch_size) if spec.batched else missing

    def _words(self, ref: Output) -> str:
        node = ref.node
        spec = node.spec
        dtype = "dtype not known yet" if ref.dtype == pl.Unknown else kind(ref.dtype)
        if spec.kind == "expression":
            how = spec.name
        elif spec.batched:
            how = f"{spec.name} for batches of {spec.batch_size:,}"
        else:
            how = f"{spec.name} for each row"
        if spec.processes or spec.workers > 1:
            how += f" in {_several(spec.workers, 'process' if spec.processes else 'thread')}"
        known = node.results.known(self._ids)
        failed = len(node.results.failures(self._ids))
        counts = [f"{int(known.sum()) - failed:,} known"]
        counts += [f"{failed:,} failed"] if failed else []
        counts.append(f"{self._missing(node):,} to compute")
        if not ref.fits_a_frame:
            held, weight = self._table._origin.engine.held(ref)
            counts.append(f"{held:,} held ({_size(weight)})")
        return f"{dtype}, {how} · {', '.join(counts)}"

    def _below(self, node: Node) -> list[str]:
        """Return the tree of what a function reads, without recursion, as piles may be tall."""
        if node.uid in self._seen:
            return []
        self._seen.add(node.uid)
        lines: list[str] = []
        todo: list[tuple[Ref, str, bool, str]] = self._branches(node, "")
        while todo:
            ref, hidden, last, indent = todo.pop()
            stem = f"{indent}{'└─' if last else '├─'} "
            if not isinstance(ref, Output):
                lines.append(f"{stem}{self._stored(ref.column, hidden)}")
                continue
            name = self._called.get((ref.node.uid, ref.name), hidden)
            if ref.node.uid in self._seen:
                lines.append(f"{stem}{name}: told above")
                continue
            lines.append(f"{stem}{name}: {self._words(ref)}")
            self._seen.add(ref.node.uid)
            deeper = indent + ("   " if last else "│  ")
            if len(deeper) > 3 * DEEPEST:
                more = len(list(upstream([ref.node]))) - 1
                lines += [f"{deeper}└─ … and {_several(more, 'function')} below"] if more else []
                continue
            todo += self._branches(ref.node, deeper)
        return lines

    @staticmethod
    def _branches(node: Node, indent: str) -> list[tuple[Ref, str, bool, str]]:
        """Return what a function reads, the last first, each with the name that it has there."""
        inputs = list(zip(node.inputs, node.spec.inputs, strict=True))
        return [(ref, name, place == len(inputs) - 1, indent) for place, (ref, name) in enumerate(inputs)][
            ::-1
        ]

    def _stored(self, column: int, hidden: str) -> str:
        dtype = kind(self._rows.frame.schema[self._rows.names[column]])
        gone = "" if column in self._columns else ", no longer a column of the table"
        return f"{self._columns.get(column, hidden)}: {dtype}, stored{gone}"


def _several(count: int, what: str) -> str:
    ending = "" if count == 1 else "es" if what.endswith("s") else "s"
    return f"{count:,} {what}{ending}"


def _size(weight: int) -> str:
    """Return bytes as people read them."""
    for unit in ("bytes", "KiB", "MiB"):
        if weight < 1024:
            return f"{weight:,.0f} {unit}"
        weight //= 1024
    return f"{weight:,} GiB"
