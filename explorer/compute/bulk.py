"""Deferred columns over many rows: in order, with progress, interruptible without loss."""

from __future__ import annotations

import inspect
import warnings
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from explorer._errors import ExplorerWarning
from explorer._progress import Progress
from explorer.compute.deferred import SINGLE
from explorer.compute.graph import stored_columns, upstream
from explorer.compute.pipeline import PROBE, Pipeline

if TYPE_CHECKING:
    from collections.abc import Iterable

    from explorer._progress import Sink
    from explorer.compute.counters import Counters
    from explorer.compute.engines.local import LocalEngine
    from explorer.compute.graph import Node
    from explorer.compute.rows import Rows


def chunk_size(nodes: Iterable[Node]) -> int:
    """Return how many rows to take at a time: the smallest batch that any of the functions wants."""
    return min((node.spec.batch_size for node in nodes), default=1024)


def missing(node: Node, rows: Rows) -> int:
    """Count the rows that this function was not called for yet; copies of a row count once."""
    ids = rows.ids
    return len(np.unique(node.results.shared(ids[~node.results.known(ids)])))


def compute(
    nodes: list[Node],
    rows: Rows,
    engine: LocalEngine,
    counters: Counters,
    *,
    label: str | None = None,
    kept: bool = True,
    sink: Sink | None = None,
) -> None:
    """Compute these functions for all rows that are not known yet.

    A progress bar appears when it takes long. A function that no dtype was declared for gets a few
    rows first, and what they say is announced. Batched functions get batches of their own size.
    `KeyboardInterrupt` passes through; every row computed until then is kept, but for batches in hand.
    Rows that fail are kept as error values and announced in one `ExplorerWarning` at the end.

    Parameters
    ----------
    label
        What is being done, for the progress bar; the functions' names when not given.
    kept
        Whether anybody can ask again for what was done before an interruption.
    sink
        Where progress is drawn; where the person looks when not given.
    """
    todo = [node for node in nodes if missing(node, rows)]
    if not todo:
        return
    known = np.logical_and.reduce([node.results.known(rows.ids) for node in todo])
    positions = np.flatnonzero(~known)
    part = rows.take(positions, stored_columns(todo))
    pipeline = Pipeline(todo, part, engine, counters, positions=positions)
    title = label or ", ".join(node.spec.name for node in todo)
    untold = _untold(todo)
    try:
        with (
            Progress(title, total=len(part), sink=sink, kept=kept) as progress,
            closing(pipeline.run()) as steps,
        ):
            for done in steps:
                _tell(untold, progress)
                for node in todo:
                    node.announce(last=False)
                progress.advance(done)
    finally:
        for node in todo:
            node.announce(last=True)
    warn_of_failures(todo, part)


def _untold(todo: Iterable[Node]) -> dict[Node, list[str]]:
    """Return the outputs whose dtype only their values will tell, by their functions."""
    found = {
        node: [name for name, dtype in node.results.dtypes.items() if dtype == pl.Unknown]
        for node in upstream(todo)
        if node.spec.kind != "expression"
    }
    return {node: names for node, names in found.items() if names}


def _tell(untold: dict[Node, list[str]], progress: Progress) -> None:
    """Say which dtypes the first rows of the functions had, once they have told."""
    for node, names in [*untold.items()]:
        told = {name: node.results.dtypes[name] for name in names if node.results.dtypes[name] != pl.Unknown}
        if not told:
            continue
        untold[node] = [name for name in names if name not in told]
        first = node.spec.batch_size if node.spec.batched else PROBE
        which = "no returns= given" if node.spec.returns.keys() == {SINGLE} else "no dtypes given"
        said = ", ".join(f"{name} {dtype}".strip() for name, dtype in told.items())
        progress.say(f"{node.spec.name}: {which}; its first rows (at most {first:,}) say {said}")


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
