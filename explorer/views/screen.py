"""What is on screen: which rows, what was sent of them, and the workers that compute the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from explorer._errors import ExplorerError
from explorer.compute.graph import Node
from explorer.compute.plan import Tier
from explorer.compute.results import Failure
from explorer.compute.scheduler import Scheduler
from explorer.views import outgoing
from explorer.views.work import DECODE, Work, lane_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from explorer.compute.counters import Counters
    from explorer.compute.scheduler import Executor
    from explorer.views.columns import ViewColumns
    from explorer.views.options import Options
    from explorer.views.outgoing import Sent
    from explorer.views.protocol import Viewport

DETAIL = "detail"

DECODE_THREADS = 2
"""An image column with more workers than these fetches its images, as many at a time."""


class Screen:
    """The rows that one page shows of a table, and what it was sent of them.

    Its methods are called with the session's lock held, but for `_on_results`, which takes it.

    Parameters
    ----------
    columns, options, counters
        The table, what is drawn of it, and where the work for it is counted.
    emit
        Sends a message to the page.
    on_results
        Called, with the lock held, when results were sent and more may be known than the page has.
    lock
        The session's.
    make_executor, clock, cores
        As for the session.
    """

    def __init__(
        self,
        columns: ViewColumns,
        options: Options,
        counters: Counters,
        *,
        emit: Callable[[Sent], None],
        on_results: Callable[[], None],
        lock: Any,
        make_executor: Callable[[Mapping[str, int]], Executor],
        clock: Callable[[], float],
        cores: int,
    ) -> None:
        self.columns = columns
        self._options = options
        self._emit = emit
        self._after_results = on_results
        self._lock = lock
        self._viewport: Viewport | None = None
        self._order: np.ndarray[Any, Any] = np.empty(0, dtype=np.uint32)
        self._sent_tiles: set[tuple[int, int]] = set()
        self._sent_cells: set[tuple[str, int]] = set()
        self._refused: set[int] = set()
        self.work = Work(columns, options.image, counters)
        self._nodes = self._shown_nodes()
        self._every = every = columns.nodes_of(list(columns.deferred))
        lanes = {lane_of(node): 1 for node in every}
        # A model wants the cores more than the decoder does; images that come from far wait without any.
        fetched = self.work.image.node.spec.workers if self.work.image is not None else 1
        decode = fetched if fetched > DECODE_THREADS else max(1, cores - bool(lanes))
        slots = {DECODE: decode, DETAIL: 1, **lanes}
        self.executor = make_executor(slots)
        self._scheduler = Scheduler(
            run=lambda job: self.work.run(job, every),
            on_results=self._on_results,
            executor=self.executor,
            slots=slots,
            # A row of a per-row function is shown when it is done, not when its batch is.
            batch={lane_of(node): node.spec.batch_size if node.spec.batched else 1 for node in every},
            clock=clock,
        )

    @property
    def progress(self) -> tuple[int, int]:
        """How much of what is wanted is not there yet, and how much is wanted."""
        return self._scheduler.progress

    @property
    def complete(self) -> bool:
        """Whether the page was sent every tile that is on screen."""
        viewport = self._viewport
        if viewport is None or self.work.image is None:
            return viewport is not None
        visible = self._order[viewport.start : viewport.stop].tolist()
        return all((row, viewport.px) in self._sent_tiles for row in visible)

    def close(self) -> None:
        """Start nothing more, send nothing more."""
        self._scheduler.close()

    def take_over(self, before: Screen) -> None:
        """Go on where another screen was: the same rows in the same order."""
        self._order, self._viewport = before._order, before._viewport
        if self._options.image == before._options.image:
            self._sent_tiles = before._sent_tiles
        self._nodes = self._shown_nodes()

    def forget(self) -> None:
        """Take it that the page has nothing: it is new, or it was reloaded."""
        self._sent_tiles.clear()
        self._sent_cells.clear()

    def leave(self) -> None:
        """Nobody looks any more: start nothing of what was wanted."""
        self._viewport = None
        self._scheduler.want([])

    def reorder(self, order: np.ndarray[Any, Any]) -> None:
        """Show the rows in another order; the page says next what of it is on screen."""
        self._order = order
        self._viewport = None

    def look(self, viewport: Viewport) -> None:
        """Declare what is on screen now."""
        if self._viewport is None or self._viewport.columns != viewport.columns:
            self._viewport = viewport
            self._nodes = self._shown_nodes()
        self._viewport = viewport
        self._sent_tiles = {(row, px) for row, px in self._sent_tiles if px == viewport.px}
        self._sent_tiles -= {(row, viewport.px) for row in viewport.missing}
        self._sent_cells -= {(name, row) for row in viewport.missing for name in viewport.columns}
        low, high = min(viewport.start, viewport.ahead[0]), max(viewport.stop, viewport.ahead[1])
        self._emit(outgoing.rows(viewport.epoch, low, self._order[low:high]))
        self.want()

    def want(self) -> None:
        """Send at once what is known of the rows on screen, and have the rest computed."""
        viewport = self._viewport
        if viewport is None:
            return
        visible = self._order[viewport.start : viewport.stop]
        ahead = self._order[viewport.ahead[0] : viewport.ahead[1]]
        ahead = ahead[~np.isin(ahead, visible)]
        rows = np.concatenate([visible, ahead])
        for name in self._captions:
            self.send_cells(name, rows[self.columns.known(name, rows) | self._is_refused(name)])
        sent = ((row, viewport.px) for row in rows.tolist())
        known: list[Hashable] = [("tile", *tile) for tile in sent if tile in self._sent_tiles]
        known += self.work.known(self._nodes, rows)
        self._scheduler.want(
            self.work.wishes(
                self._nodes,
                viewport.px,
                [(Tier.VISIBLE, visible), (Tier.AHEAD, ahead)],
                centre=len(visible) / 2,
            ),
            known=known,
        )

    def send_cells(self, name: str, rows: np.ndarray[Any, Any]) -> None:
        """Send what is known of a column for these rows, if it is a caption and was not sent."""
        fresh = [row for row in rows.tolist() if (name, row) not in self._sent_cells]
        if self._viewport is None or name not in self._captions or not fresh:
            return
        self._sent_cells.update((name, row) for row in fresh)
        places = np.array(fresh, dtype=np.uint32)
        failures = self.columns.failures(name, places)
        if self._is_refused(name):
            missing = places[~self.columns.known(name, places)].tolist()
            failures |= dict.fromkeys(missing, Failure("OutputError", "the function is wrong", name))
        series = self.columns.series(name, places)
        self._emit(outgoing.cells(self._viewport.epoch, name, fresh, series, failures))

    def _is_refused(self, name: str) -> bool:
        output = self.columns.output(name)
        return output is not None and output.node.uid in self._refused

    @property
    def _captions(self) -> list[str]:
        shown = self._viewport.columns if self._viewport is not None else ()
        return [name for name in shown if name in self.columns.table.columns]

    def _shown_nodes(self) -> list[Node]:
        """Return the functions whose answers are drawn somewhere."""
        o = self._options
        drawn = [o.color, *(o.histograms or ()), *(o.captions or ()), o.x, o.y, *self._captions]
        nodes = self.columns.nodes_of([name for name in dict.fromkeys(drawn) if name is not None])
        return [node for node in nodes if node.uid not in self._refused]

    def _on_results(self, results: list[tuple[Any, Any]]) -> None:
        with self._lock:
            viewport = self._viewport
            tiles: list[tuple[int, Any]] = []
            learned: dict[Node, list[int]] = {}
            for key, result in results:
                if isinstance(result, Exception) and key[0] == "node":
                    self._refuse(key[1], result)
                elif isinstance(result, Node):
                    learned.setdefault(result, []).append(key[2])
                elif viewport is not None and key[2] == viewport.px:
                    failed = isinstance(result, Exception)
                    tiles.append((key[1], Failure.of(result, "image") if failed else result))
                    self._sent_tiles.add((key[1], viewport.px))
            if tiles and viewport is not None:
                self._emit(outgoing.tiles(viewport.epoch, viewport.px, tiles))
            for node, rows in learned.items():
                for name in self.columns.names_of(node):
                    self.send_cells(name, np.array(sorted(rows), dtype=np.uint32))
            self._after_results()
        # Outside of the lock, as other views of these functions take theirs.
        for node in learned:
            node.announce(last=self._scheduler.progress[0] == 0, by=self)

    def _refuse(self, uid: int, error: Exception) -> None:
        """Say once that a function is wrong as a whole, and ask it for no more rows."""
        if uid in self._refused:
            return
        self._refused.add(uid)
        node = next(node for node in self._every if node.uid == uid)
        self._nodes = self._shown_nodes()
        hint = error.hint if isinstance(error, ExplorerError) else None
        message = error.message if isinstance(error, ExplorerError) else f"{type(error).__name__}: {error}"
        self._emit(outgoing.notice("error", node.spec.name, message, hint))
        self.want()
