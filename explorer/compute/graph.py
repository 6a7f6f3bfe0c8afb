"""Deferred functions bound to columns: a graph without cycles."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakMethod

import numpy as np

from explorer._errors import CycleError
from explorer.compute.results import Results, fits_a_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from explorer.compute.deferred import Deferred, Dtype

_uids = count(1)


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored column, by the id that it keeps through renames."""

    column: int


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a deferred function."""

    node: Node
    name: str

    @property
    def dtype(self) -> Dtype:
        """Its dtype; `polars.Unknown` before the first values of an undeclared one."""
        return self.node.results.dtypes[self.name]

    @property
    def fits_a_frame(self) -> bool:
        """Whether its values are kept in Polars."""
        return fits_a_frame(self.dtype)


Ref: TypeAlias = "Stored | Output"


class Entrance:
    """The way into a function, which is often a model that must not be entered twice.

    Attributes
    ----------
    lock : threading.Lock
    runner : callable or None
        What is called for the function, once the first row was wanted: itself, an instance of its
        class, or what calls it in other processes.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        self.runner: Any = None


class Node:
    """A deferred function bound to the columns that it reads, with all that is known of its answers.

    Parameters
    ----------
    spec
        The function and its options.
    inputs
        One reference for each of the function's inputs.
    results
        What is known already; nothing when not given.
    entrance
        The way into the function, shared by all nodes of one definition.

    Attributes
    ----------
    depth : int
        How many functions stand on one another up to this one.
    stored : frozenset of int
        The stored columns that it reads, directly or through others.
    """

    def __init__(
        self,
        spec: Deferred,
        inputs: Sequence[Ref],
        *,
        results: Results | None = None,
        entrance: Entrance | None = None,
    ) -> None:
        self.uid = next(_uids)
        self.spec = spec
        self.inputs = tuple(inputs)
        before = [ref.node for ref in self.inputs if isinstance(ref, Output)]
        self.depth: int = 1 + max((node.depth for node in before), default=0)
        own = {ref.column for ref in self.inputs if isinstance(ref, Stored)}
        self.stored: frozenset[int] = frozenset(own).union(*(node.stored for node in before))
        self.results = results if results is not None else Results(spec.returns)
        self.announced: set[int] = set()
        self.entrance = entrance if entrance is not None else Entrance()
        self._watchers: list[WeakMethod[Callable[[bool, object], None]]] = []

    def watch(self, watcher: Callable[[bool, object], None]) -> None:
        """Have a method called when others may have computed rows, as long as its object lives."""
        new = WeakMethod(watcher)
        self._watchers = [known for known in self._watchers if known() is not None and known != new]
        self._watchers.append(new)

    def announce(self, *, last: bool, by: object = None) -> None:
        """Tell the watchers that rows may be known; `last` of a series of such news, `by` whom.

        It is called while no lock of the engine is held, so that a watcher may take its own.
        """
        for known in self._watchers:
            watcher = known()
            if watcher is not None:
                watcher(last, by)

    def __repr__(self) -> str:
        return f"Node({self.spec.name}, uid={self.uid})"


def upstream(nodes: Iterable[Node]) -> Iterator[Node]:
    """Yield the nodes and all that they need, each once, inputs first.

    Examples
    --------
    >>> import polars as pl
    >>> from explorer.compute.deferred import Deferred
    >>> first = Node(Deferred(abs, ("x",), {"": pl.Int64}, name="first"), [Stored(0)])
    >>> second = Node(Deferred(abs, ("y",), {"": pl.Int64}, name="second"), [Output(first, "")])
    >>> [node.spec.name for node in upstream([second])]
    ['first', 'second']
    """
    # Not by recursion: a column may have hundreds of expressions below it.
    seen: set[int] = set()
    for wanted in nodes:
        path = [(wanted, iter(wanted.inputs))] if wanted.uid not in seen else []
        seen.add(wanted.uid)
        while path:
            node, inputs = path[-1]
            for ref in inputs:
                if isinstance(ref, Output) and ref.node.uid not in seen:
                    seen.add(ref.node.uid)
                    path.append((ref.node, iter(ref.node.inputs)))
                    break
            else:
                path.pop()
                yield node


def needed_rows(
    wanted: Iterable[Node], ids: np.ndarray[Any, Any]
) -> dict[int, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Tell which rows each function is to be called for, so that those that are wanted become known.

    Parameters
    ----------
    wanted
        What is wanted for every row.
    ids
        The rows.

    Returns
    -------
    dict of int to numpy.ndarray
        For the functions and all that they need, inputs first: uid to a mask of shape ``ids.shape``.
    """
    nodes = list(wanted)
    everything = list(upstream(nodes))
    needed = {node.uid: np.zeros(len(ids), dtype=bool) for node in everything}
    for node in nodes:
        needed[node.uid] |= True
    for node in reversed(everything):
        needed[node.uid] &= ~node.results.known(ids)
        for ref in node.inputs:
            if isinstance(ref, Output):
                needed[ref.node.uid] |= needed[node.uid]
    return needed


def stored_columns(nodes: Iterable[Node]) -> set[int]:
    """Return the ids of the stored columns that these nodes read, directly or through others."""
    return set().union(*(node.stored for node in nodes))


def definition_order(wanted: Mapping[str, Sequence[str]]) -> list[str]:
    """Order new columns so that each comes after those of the same definition that it reads.

    Parameters
    ----------
    wanted
        New column to the new columns that it reads.

    Raises
    ------
    CycleError
        When columns need each other; the message shows the round trip.

    Examples
    --------
    >>> definition_order({"pred": ["input"], "input": []})
    ['input', 'pred']
    """
    ordered: list[str] = []
    path: list[str] = []

    def visit(name: str) -> None:
        if name in ordered:
            return
        if name in path:
            round_trip = " → ".join([*path[path.index(name) :], name])
            raise CycleError(
                f"These deferred columns need each other: {round_trip}.",
                hint="Give one of them an input that is stored, or define it in an earlier with_columns().",
            )
        path.append(name)
        for needed in wanted[name]:
            visit(needed)
        path.pop()
        ordered.append(name)

    for name in wanted:
        visit(name)
    return ordered


def rekeyed(
    nodes: Iterable[Node],
    old: np.ndarray[tuple[int], np.dtype[np.int64]],
    column: Callable[[int], int] = lambda same: same,
) -> dict[int, Node]:
    """Copy nodes to rows with new ids (row i was row ``old[i]``), keeping what is known.

    Returns
    -------
    dict of int to Node
        Old node's uid to the new node.
    """
    made: dict[int, Node] = {}
    for node in upstream(nodes):
        inputs: list[Ref] = [
            Output(made[ref.node.uid], ref.name) if isinstance(ref, Output) else Stored(column(ref.column))
            for ref in node.inputs
        ]
        made[node.uid] = Node(node.spec, inputs, results=node.results.rekeyed(old), entrance=node.entrance)
    return made
