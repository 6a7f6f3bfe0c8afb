"""Deferred columns over many rows: in order, with progress, interruptible without loss."""

from __future__ import annotations

import inspect
import warnings
from typing import TYPE_CHECKING

import numpy as np

from explorer._errors import ExplorerWarning
from explorer._progress import Progress
from explorer.compute.graph import stored_columns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from explorer.compute.counters import Counters
    from explorer.compute.engines.local import LocalEngine
    from explorer.compute.graph import Node
    from explorer.compute.rows import Rows


def chunk_size(nodes: Iterable[Node]) -> int:
    """Return how many rows to take at a time: the smallest batch that any of the functions wants."""
    return min((node.spec.batch_size for node in nodes), default=1024)


def missing(node: Node, rows: Rows) -> int:
    """Count the rows that this function was not called for yet."""
    return int((~node.results.known(np.unique(rows.ids))).sum())


def compute(
    nodes: list[Node], rows: Rows, engine: LocalEngine, counters: Counters, *, label: str | None = None
) -> None:
    """Compute these functions for all rows that are not known yet.

    A progress bar appears when it takes long. `KeyboardInterrupt` passes through; every row computed until
    then is kept, but for the batch in hand of a batched function and for rows that threads finished out
    of order. Rows that fail are kept as error values and
    announced in one `ExplorerWarning` at the end.
    """
    todo = [node for node in nodes if missing(node, rows)]
    if not todo:
        return
    known = np.logical_and.reduce([node.results.known(rows.ids) for node in todo])
    part = rows.take(np.flatnonzero(~known), stored_columns(todo))
    size = chunk_size(todo)
    title = label or ", ".join(node.spec.name for node in todo)
    try:
        with Progress(title, total=len(part)) as progress:
            for start in range(0, len(part), size):
                chunk = part.slice(start, size)
                for node in todo:
                    engine.ensure(node, chunk, counters)
                    node.announce(last=False)
                progress.advance(len(chunk))
    finally:
        for node in todo:
            node.announce(last=True)
    warn_of_failures(todo, part)


def warn_of_failures(nodes: Iterable[Node], rows: Rows) -> None:
    """Say how many of these rows failed, and why the first did; nothing that was said before."""
    for node in nodes:
        if node.spec.on_error != "keep":
            continue
        failures = node.results.failures(rows.ids)
        if not failures.keys() <= node.announced:
            node.announced |= failures.keys()
            first = next(iter(failures.values()))
            warnings.warn(
                f"{node.spec.name}: {len(failures):,} of {len(rows):,} rows failed; the first: {first}\n"
                "They are null in frames; .errors() lists them.",
                ExplorerWarning,
                stacklevel=_level_of_the_caller(),
            )


def _level_of_the_caller() -> int:
    """Return the stack level of the code that called the package, for warnings to point at."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "explorer":
        frame, level = frame.f_back, level + 1
    return level
