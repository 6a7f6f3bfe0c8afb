"""Rows on their way through functions, each of which gets batches of its own size."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from explorer._errors import OutputError
from explorer.compute.graph import Output, Stored, needed_rows, upstream

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence
    from concurrent.futures import Future

    from explorer.compute.counters import Counters
    from explorer.compute.engines.local import LocalEngine
    from explorer.compute.graph import Node
    from explorer.compute.rows import Rows

PROBE = 8
"""Rows after which a per-row function that no dtype was declared for has told one."""


class Station:
    """A function, and how far it has come: the rows before `at` in its own sequence are done.

    Parameters
    ----------
    node
        The function.
    places
        Positions of the rows that it is needed for and that are not known, ascending.
    """

    def __init__(self, node: Node, places: np.ndarray[Any, Any]) -> None:
        self.node = node
        self.places = places
        self.at = 0
        self.readers: list[Station] = []
        # What was computed and is not read yet: last position of a batch, and its values by output.
        self.held: list[tuple[int, dict[str, dict[int, Any]]]] = []

    @property
    def size(self) -> int:
        """How many rows it takes at a time."""
        spec = self.node.spec
        if spec.kind == "expression":
            return min(node.spec.batch_size for node in upstream([self.node]))
        if spec.batched:
            return spec.batch_size * spec.workers
        if spec.kind != "image" and self.at == 0 and pl.Unknown in self.node.results.dtypes.values():
            return PROBE
        return max(spec.batch_size, 4 * spec.workers)

    @property
    def next(self) -> int | float:
        """Position of the first row that it is still to do."""
        return int(self.places[self.at]) if self.at < len(self.places) else float("inf")

    def stop(self, end: int) -> int:
        """Return how far it has to go, in whole batches, so that no row before `end` is left."""
        needed = int(np.searchsorted(self.places, end)) - self.at
        if needed <= 0:
            return self.at
        return min(self.at + -(-needed // self.size) * self.size, len(self.places))


class Pipeline:
    """Computes functions for rows, front to back, holding no more than a few batches of values.

    Each batched function gets batches of its size, whatever the sizes of those before and after it;
    what a frame cannot hold is kept until everybody has read it. While a batched function works,
    the images of the next batch are decoded.

    Parameters
    ----------
    todo
        The functions that are wanted.
    rows
        For which rows.
    positions
        Where these rows are in the table, for messages.
    """

    def __init__(
        self,
        todo: Sequence[Node],
        rows: Rows,
        engine: LocalEngine,
        counters: Counters,
        *,
        positions: np.ndarray[Any, Any],
    ) -> None:
        self._todo = todo
        self._rows = rows
        self._positions = positions
        self._engine = engine
        self._counters = counters
        self._nodes = list(upstream(todo))
        self._held: dict[tuple[int, str], dict[int, Any]] = {}
        self._stations = self._placed()
        heavy = any(s.node.spec.batched and s.node.spec.kind != "expression" for s in self._stations.values())
        self._images = [s for s in self._stations.values() if heavy and _only_decodes(s.node)]
        self._ahead: Future[list[tuple[Station, int, dict[str, dict[int, Any]]]]] | None = None
        self._thread = ThreadPoolExecutor(1, "explorer-ahead") if self._images else None

    def _placed(self) -> dict[int, Station]:
        ids = self._rows.ids
        needed = needed_rows(self._todo, ids)
        readers = dict.fromkeys(needed, 0)
        for node in self._nodes:
            for uid in {ref.node.uid for ref in node.inputs if isinstance(ref, Output)}:
                readers[uid] += 1
        wanted = {node.uid for node in self._todo}
        stations = {}
        for node in self._nodes:
            shared = readers[node.uid] > 1 and node.spec.kind != "expression"
            stands = node.spec.kind == "image" or (node.spec.batched and node.spec.kind != "expression")
            if node.uid in wanted or shared or stands:
                places = np.flatnonzero(needed[node.uid])
                first = np.unique(node.results.shared(ids[places]), return_index=True)[1]
                stations[node.uid] = Station(node, places[np.sort(first)])
        for station in stations.values():
            for before in _read_by(station.node, stations):
                before.readers.append(station)
        return stations

    def run(self) -> Generator[int, None, None]:
        """Compute everything; yield, now and then, how many more rows are done."""
        total, done = len(self._rows), 0
        try:
            while done < total:
                wanted = [self._stations[node.uid] for node in self._todo]
                end = min(done + min(station.size for station in wanted), total)
                self._advance(end)
                yield end - done
                done = end
        finally:
            if self._thread is not None:
                self._thread.shutdown(wait=False, cancel_futures=True)

    def _advance(self, end: int) -> None:
        """Bring every wanted function past the position `end`, and those before it as far as that needs."""
        self._take_what_was_decoded()
        ends = {node.uid: 0 for node in self._nodes} | {node.uid: end for node in self._todo}
        stops = {}
        for node in reversed(self._nodes):
            station = self._stations.get(node.uid)
            reach = ends[node.uid]
            if station is not None:
                stops[node.uid] = stop = station.stop(reach)
                reach = int(station.places[stop - 1]) + 1 if stop > station.at else 0
            for ref in node.inputs:
                if isinstance(ref, Output):
                    ends[ref.node.uid] = max(ends[ref.node.uid], reach)
        before = {station.node.uid: station.at for station in self._images}
        for uid, station in self._stations.items():
            if station not in self._images:
                self._decode_ahead(before)
                before = {}
            while station.at < stops[uid]:
                stop = min(station.at + station.size, stops[uid])
                places = station.places[station.at : stop]
                made = self._compute(station, places, self._held)
                station.at = stop
                self._keep(station, int(places[-1]), made)
                self._let_go()

    def _compute(
        self, station: Station, places: np.ndarray[Any, Any], held: Any
    ) -> dict[str, dict[int, Any]]:
        if places[-1] - places[0] == len(places) - 1:
            part = self._rows.slice(int(places[0]), len(places))
        else:
            part = self._rows.take(places, set(station.node.stored))
        try:
            return self._engine.ensure(station.node, part, self._counters, held=held)
        except OutputError as error:
            first, last = (int(self._positions[place]) for place in (places[0], places[-1]))
            raise OutputError(
                f"{error.message} That was in rows {first:,} to {last:,}; what was computed before is kept.",
                hint=error.hint,
            ) from error

    def _keep(self, station: Station, last: int, made: dict[str, dict[int, Any]]) -> None:
        if not station.readers or not made:
            return
        station.held.append((last, made))
        for name, values in made.items():
            self._held.setdefault((station.node.results.uid, name), {}).update(values)

    def _let_go(self) -> None:
        """Let go of the values that nobody is going to read any more."""
        for station in self._stations.values():
            while station.held and all(reader.next > station.held[0][0] for reader in station.readers):
                _, made = station.held.pop(0)
                for name, values in made.items():
                    held = self._held[station.node.results.uid, name]
                    for row in values:
                        held.pop(row, None)

    def _decode_ahead(self, before: dict[int, int]) -> None:
        """Begin with the images of the next batches, as many as were needed for these."""
        if self._thread is None or self._ahead is not None or not before:
            return
        work = []
        for station in self._images:
            more = station.at - before[station.node.uid]
            stop = min(station.at + more, len(station.places))
            if more and stop > station.at:
                work.append((station, stop, station.places[station.at : stop]))
        if work:
            self._ahead = self._thread.submit(
                lambda: [
                    (station, stop, self._compute(station, places, None)) for station, stop, places in work
                ]
            )

    def _take_what_was_decoded(self) -> None:
        if self._ahead is None:
            return
        for station, stop, made in self._ahead.result():
            self._keep(station, int(station.places[stop - 1]), made)
            station.at = stop
        self._ahead = None


def _only_decodes(node: Node) -> bool:
    """Whether a function is one of ours that reads and decodes what is stored, calling nobody else's."""
    return node.spec.kind == "image" and all(isinstance(ref, Stored) for ref in node.inputs)


def _read_by(node: Node, stations: dict[int, Station]) -> Iterable[Station]:
    """Return the stations whose values a station reads, itself or through functions that are none."""
    found: dict[int, Station] = {}
    todo, seen = [node], {node.uid}
    while todo:
        for ref in todo.pop().inputs:
            if isinstance(ref, Output) and ref.node.uid not in seen:
                seen.add(ref.node.uid)
                if ref.node.uid in stations:
                    found[ref.node.uid] = stations[ref.node.uid]
                else:
                    todo.append(ref.node)
    return found.values()
