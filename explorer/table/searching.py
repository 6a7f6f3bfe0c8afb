"""Which rows pass predicates that have to be computed, looking at as few rows as that takes."""

from __future__ import annotations

from math import lcm
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import polars as pl

from explorer._errors import ArgumentError
from explorer._progress import Progress
from explorer.compute import bulk
from explorer.compute.graph import stored_columns, upstream
from explorer.compute.rows import READ_AHEAD

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from explorer.compute.counters import Counters
    from explorer.compute.engines.local import LocalEngine
    from explorer.compute.graph import Node, Output
    from explorer.compute.rows import Rows

    Places: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

FEW_ROWS = 16
"""How many rows at a time a search takes that may stop early, where rows are computed one by one."""

MOST_ROWS = 4_096
"""How many rows at a time a predicate takes at most, so that functions of several batch sizes agree."""

ALL_ROWS = 2**62
"""As many as there are: where nothing is called, looking costs nothing."""


class Stage:
    """A predicate, and how many rows it is to be given at a time.

    Parameters
    ----------
    functions
        What is to be called for it, and was not called for all rows yet.

    Examples
    --------
    >>> from explorer.compute.deferred import Deferred
    >>> from explorer.compute.graph import Node
    >>> Stage([Node(Deferred(abs, (), {}, batched=True, batch_size=32, workers=4), [])]).sizes(100)
    (128, 100)
    """

    def __init__(self, functions: Sequence[Node]) -> None:
        specs = [node.spec for node in functions]
        batched = [spec for spec in specs if spec.batched]
        self._batch = max((spec.batch_size for spec in batched), default=0)
        self._workers = max((spec.workers for spec in batched or specs), default=1)
        each = [max(spec.batch_size, 4 * spec.workers) for spec in specs if not spec.batched]
        together = lcm(*(spec.batch_size * spec.workers for spec in batched))
        most = max((spec.batch_size * spec.workers for spec in batched), default=0)
        whole = together if together <= MOST_ROWS else most
        self._whole = (whole if batched else max(each)) if specs else ALL_ROWS

    def sizes(self, left: int | None) -> tuple[int, int]:
        """Return how many rows it takes at most, and for how many it is worth while to begin.

        Parameters
        ----------
        left
            How many rows are still to be found; None to find all.
        """
        if left is None:
            return self._whole, self._whole
        if not self._batch:
            most = max(FEW_ROWS, self._workers) if self._whole < ALL_ROWS else ALL_ROWS
            return most, min(most, left)
        # So many must be looked at anyway, and batches that are worked on at the same time are whole.
        batches = min(-(-left // self._batch), self._workers)
        return batches * self._batch, min(batches * self._batch, left)


def search(
    stages: Sequence[Stage],
    height: int,
    passes: Callable[[int, Places], Places],
    *,
    limit: int | None,
    looked_at: Callable[[int], object],
) -> Places:
    """Return the first places that pass all stages, each of which sees what those before it left.

    A stage waits for a whole batch, but not for more rows than are still to be found: the stages before
    it may have done enough.

    Parameters
    ----------
    height
        Places are 0 to `height` - 1.
    passes
        Called with the number of a stage and places; returns those that pass.
    limit
        How many to find; None for all.
    looked_at
        Told how many places the first stage has taken.

    Examples
    --------
    >>> calls = []
    >>> def even(stage, places):
    ...     calls.append(len(places))
    ...     return places[places % 2 == 0]
    >>> search([Stage([])], 6, even, limit=2, looked_at=print).tolist(), calls
    6
    ([0, 2], [6])
    """
    waiting = [np.arange(height), *(np.empty(0, dtype=np.int64) for _ in stages)]
    last = len(stages)
    while limit is None or len(waiting[last]) < limit:
        left = None if limit is None else limit - len(waiting[last])
        chosen = _next(stages, [len(places) for places in waiting[:last]], left)
        if chosen is None:
            break
        number, most = chosen
        places, waiting[number] = waiting[number][:most], waiting[number][most:]
        if number == 0:
            looked_at(len(places))
        waiting[number + 1] = np.concatenate([waiting[number + 1], passes(number, places)])
    return waiting[last][:limit]


def _next(stages: Sequence[Stage], waiting: Sequence[int], left: int | None) -> tuple[int, int] | None:
    """Return the stage to go on with and how many rows it takes at most; None when no rows wait.

    It is the last that has enough. If none has, it is the first that has any, so that those after it
    get more, but none whose rows are not needed yet: those that wait after it may be the ones sought.
    """
    chosen = None
    for number in reversed(range(len(stages))):
        if left is not None and left <= 0:
            break
        most, least = stages[number].sizes(left)
        if waiting[number]:
            chosen = number, most
            if waiting[number] >= least:
                break
        if left is not None:
            left -= waiting[number]
    return chosen


def passing(
    predicates: Sequence[Output],
    rows: Rows,
    engine: LocalEngine,
    counters: Counters,
    *,
    limit: int | None,
) -> Places:
    """Return the positions of the rows that pass every predicate, the first `limit` of them.

    Each predicate sees only the rows that the ones before it left. Batched functions get batches of
    their size as far as that makes nobody compute more rows than must be, rounded up to a batch. The
    search ends when enough are found.

    Returns
    -------
    numpy.ndarray
        Positions, ascending, shape (n,).
    """
    if limit == 0:
        return np.empty(0, dtype=np.int64)
    functions = _called(predicates)
    unknown = {node.uid for node in functions if bulk.missing(node, rows)}
    stages = [Stage([n for n in _called([p]) if n.uid in unknown]) for p in predicates]
    first = stages[0].sizes(None)[0]
    first = READ_AHEAD if first == ALL_ROWS else first
    size = max(READ_AHEAD // first, 1) * first if unknown else max(len(rows), 1)
    label = ", ".join(node.spec.name for node in functions) or "filter"
    needed = stored_columns(predicate.node for predicate in predicates)
    found: list[Places] = []
    start = count = seen = 0
    was = counters.rows_inferred
    progress = Progress(label, total=len(rows), done_word="looked at", always=limit is not None)

    def looked_at(more: int) -> None:
        nonlocal seen
        seen += more
        progress.advance(more)

    try:
        with progress:
            for part in rows.chunks(size, needed):

                def passes(number: int, places: Places, part: Rows = part) -> Places:
                    mask = _mask(predicates[number], part.take(places, needed), engine, counters)
                    passed: Places = places[mask]
                    return passed

                left = None if limit is None else limit - count
                found.append(start + search(stages, len(part), passes, limit=left, looked_at=looked_at))
                count += len(found[-1])
                start += len(part)
                if count == limit:
                    break
            if limit is not None:
                fresh = counters.rows_inferred - was
                progress.note = f"{fresh:,} inferred; found {count:,} of {limit:,}"
    finally:
        for node in functions:
            node.announce(last=True)
    bulk.warn_of_failures(functions, rows.slice(0, seen))
    return np.concatenate(found) if found else np.empty(0, dtype=np.int64)


def _called(predicates: Sequence[Output]) -> list[Node]:
    """Return the functions behind predicates; expressions are not called."""
    return [
        node
        for node in upstream(predicate.node for predicate in predicates)
        # What gives an image alone is called by the function that reads it.
        if node.spec.kind != "expression" and (node.spec.kind != "image" or node.spec.several)
    ]


def _mask(
    predicate: Output, rows: Rows, engine: LocalEngine, counters: Counters
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    answer = engine.series(predicate, rows, counters)
    if answer.dtype not in (pl.Boolean, pl.Null):
        raise ArgumentError(
            f"filter() takes what is true or false; {predicate.node.spec.name} is {answer.dtype}."
        )
    return answer.cast(pl.Boolean).fill_null(value=False).to_numpy()
