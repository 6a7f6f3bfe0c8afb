"""The controller of a view, without a browser: messages in, messages and state out."""

from __future__ import annotations

import math
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from explorer._errors import ArgumentError, ColumnNotFoundError, ExplorerError, ProtocolError
from explorer.compute.counters import Counters
from explorer.compute.results import Failure
from explorer.table import inside
from explorer.views import outgoing, protocol, state
from explorer.views.clauses import Expression
from explorer.views.columns import CurrentValues, ViewColumns
from explorer.views.drawn import DrawnColumns
from explorer.views.screen import DETAIL, Screen
from explorer.views.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from explorer.compute.scheduler import Executor
    from explorer.table.table import ImageTable
    from explorer.views.options import Options
    from explorer.views.outgoing import Sent

HEAR_EVERY_S = 0.25
"""How often a view looks at what others compute while they are at it."""
IMAGES_FIRST_S = 0.3
"""How long a new page gets nothing but its images: columns of many rows would hold them up."""
FIRST_ROWS = 512
"""Row ids that are pushed unasked, so that the first page needs one round trip less."""


class Session:
    """One open view of a table.

    It may be called from any thread; one lock guards its state. Nothing is decoded or inferred while
    a message is handled: a handler declares what is wanted, and workers send it when it is ready.

    Parameters
    ----------
    table, options
        What is shown.
    emit
        Sends a custom message: (content, buffers).
    publish
        Sets a state: (name, value) with the names of the traits.
    make_executor
        Makes the executor of the worker lanes from the number of slots in each.
    clock
        Seconds that only grow.
    cores
        How many threads may decode.
    """

    def __init__(
        self,
        table: ImageTable,
        options: Options,
        *,
        emit: Callable[[dict[str, Any], list[bytes]], None],
        publish: Callable[[str, Any], None],
        make_executor: Callable[[Mapping[str, int]], Executor],
        clock: Callable[[], float],
        cores: int,
    ) -> None:
        self._lock = RLock()
        self._emit_raw = emit
        self._publish = publish
        self._make_executor = make_executor
        self._clock = clock
        self._cores = cores
        self.counters = Counters(parent=table.counters)
        self._columns = ViewColumns(table)
        self.options = options.settled(self._columns)
        self.selection = Selection(
            lambda: self._columns.table, CurrentValues(lambda: self._columns), self._selection_changed
        )
        self._sort: list[dict[str, Any]] = []
        self._epoch = 0
        self._order: np.ndarray[Any, Any] = np.empty(0, dtype=np.uint32)
        self._seq = 0
        self._masks = 0
        self._schema: dict[str, Any] = {}
        self._columns_due: float | None = None
        self._buffers_pass = True
        self._pages: set[int] = set()
        self._open: dict[int, tuple[int, int]] = {}
        self._drawn = DrawnColumns(self._columns)
        self._screen = self._make_screen()
        self._watch()
        self._publish_schema()
        self._selection_changed()

    def _watch(self) -> None:
        self._told = -math.inf
        for node in self._columns.nodes_of(list(self._columns.deferred)):
            node.watch(self._hear)

    def _hear(self, last: bool, by: object) -> None:
        """Show what others computed of the columns that are drawn: other views, and the person's code."""
        if by is self._screen or not self._pages or (not last and self._clock() - self._told < HEAR_EVERY_S):
            return
        with self._lock:
            self._told = self._clock()
            self._catch_up()
            self._screen.want()

    def _make_screen(self) -> Screen:
        return Screen(
            self._columns,
            self.options,
            self.counters,
            emit=self._emit,
            on_results=self._catch_up,
            lock=self._lock,
            make_executor=self._make_executor,
            clock=self._clock,
            cores=self._cores,
        )

    # What the person's code calls

    @property
    def table(self) -> ImageTable:
        """The table that is shown, in the order of the rows' numbers."""
        return self._columns.table

    def select(self, expr: object) -> None:
        """Set the clause of ``"python"``; deferred columns that it names are computed for all rows."""
        if expr is None:
            self.selection.put("python", None)
            return
        if not isinstance(expr, pl.Expr):
            hint = 'It takes an expression: view.select(pl.col("label") == 3).'
            raise ArgumentError(f"select() was given {type(expr).__name__}.", hint=hint)
        clause = self._evaluated(expr, self.table)
        with self._lock:
            self.selection.put("python", clause)
            self._catch_up()

    def _evaluated(self, expr: pl.Expr, table: ImageTable) -> Expression | None:
        """Evaluate an expression for all rows and send which they are; None when a column is gone."""
        try:
            bits = np.isin(self._columns.ids, inside.rows(table.filter(expr)).ids)
        except ColumnNotFoundError:
            if table is self.table:
                raise
            return None
        with self._lock:
            self._masks += 1
            self._emit(outgoing.mask("python", self._masks, bits))
            return Expression(expr, bits, self._masks)

    def update(self, table: ImageTable | None, changes: Mapping[str, Any]) -> None:
        """Show other columns, or the same rows as another table of the same origin holds them."""
        # Outside of the lock: filters that wait are evaluated now.
        columns = self._columns.of(table) if table is not None else self._columns
        python = self.selection.clauses.get("python")
        if isinstance(python, Expression) and table is not None:
            python = self._evaluated(python.given, columns.table)
        with self._lock:
            options = self.options.without_missing(columns).changed(changes).settled(columns)
            self._screen.close()
            before, self._columns, self.options = self._screen, columns, options
            self._drawn = DrawnColumns(columns)
            self._screen = self._make_screen()
            self._screen.take_over(before)
            gone = set(before.columns.table.columns) - set(columns.table.columns)
            self._sort = [key for key in self._sort if key["column"] not in gone]
            self.selection.forget(gone)
            if table is not None and "python" in self.selection.clauses:
                self.selection.put("python", python)
            for rid, (row, px) in self._open.items():
                self._screen.executor.submit(DETAIL, partial(self._detail, rid, row, px))
            self._watch()
            self._publish_schema()
            self._send_drawn()
            self.selection.refresh()
            self._selection_changed()
            self._screen.want()
            self._publish_counts()

    def close(self) -> None:
        """Start nothing more."""
        self._screen.close()

    # Messages

    def handle(self, content: object, buffers: Sequence[Any] = ()) -> None:
        """Handle a message of the page. What is wrong with it is answered, never raised."""
        given: Mapping[str, Any] = content if isinstance(content, dict) else {}
        with self._lock:
            try:
                self._dispatch(protocol.parse(content), buffers)
            except ExplorerError as error:
                self._refuse(given, error.message, error.hint)
            except Exception as error:  # noqa: BLE001 - every message is answered, also by what is our fault
                self._refuse(given, f"{type(error).__name__}: {error}", None)

    def _refuse(self, given: Mapping[str, Any], message: str, hint: str | None) -> None:
        rid, seq = given.get("rid"), given.get("seq")
        if isinstance(rid, int):
            self._emit(outgoing.refusal(rid, "ask", message, hint))
            return
        self._emit(outgoing.notice("error", "view", message, hint))
        if given.get("kind") == "select" and isinstance(seq, int):
            # The page takes its clause for under way until it hears of it.
            self._seq = max(self._seq, seq)
            self._publish_selection()

    def _dispatch(self, message: protocol.Message, buffers: Sequence[Any]) -> None:
        match message:
            case protocol.Hello():
                self._hello(message, proved=bool(buffers) and len(memoryview(buffers[0])) == 4)
            case protocol.Bye(page=page):
                self._pages.discard(page)
                if not self._pages:
                    self._screen.leave()
            case protocol.Viewport():
                if message.epoch == self._epoch:
                    self._screen.look(message)
                self._catch_up()
            case protocol.Select(seq=seq, source=source, clause=clause):
                self._seq = max(self._seq, seq)
                self.selection.put(source, clause)
            case protocol.Ask(rid=rid, op="detail", args=args):
                row = self._row(args.get("row"))
                px = min(max(protocol.whole(args.get("px"), "detail.px"), 8), protocol.MOST_PX)
                self._open[rid] = (row, px)
                self._screen.executor.submit(DETAIL, partial(self._detail, rid, row, px))
            case protocol.Ask(rid=rid, op="rows", args=args):
                self._emit(outgoing.reply(rid, *self._rows_between(args)))
            case protocol.Ask(rid=rid, op=op, args=args):
                getattr(self, f"_ask_{op}")(args)
                self._emit(outgoing.reply(rid))
            case protocol.Cancel(rid=rid):
                self._open.pop(rid, None)

    def _hello(self, hello: protocol.Hello, *, proved: bool) -> None:
        self._pages.add(hello.page)
        self._buffers_pass = hello.buffers and proved
        if hello.protocol != protocol.PROTOCOL:
            message = f"The page speaks protocol {hello.protocol}, the kernel {protocol.PROTOCOL}."
            hint = "Restart the kernel and reload the page, so that both are of the same version."
            self._emit(outgoing.notice("error", "view", message, hint))
        self._screen.forget()
        self._emit(outgoing.rows(self._epoch, 0, self._order[:FIRST_ROWS]))
        for clause in self.selection.clauses.values():
            if isinstance(clause, Expression):
                self._emit(outgoing.mask("python", clause.version, clause.bits))
        self._columns_due = self._clock() + IMAGES_FIRST_S
        self._publish_counts()

    def _send_drawn(self) -> None:
        """Send the columns that histograms, scatter and colours draw; one that cannot be is a notice."""
        o = self.options
        wanted = [(name, "facet") for name in o.histograms or ()]
        wanted += [(o.color, self._drawn.wants(o.color))] if o.color else []
        wanted += [(name, "point") for name in (o.x, o.y) if name is not None]
        for name, role in dict.fromkeys(wanted):
            try:
                self._emit_all(self._drawn.all(name, role))
            except Exception as error:  # noqa: BLE001 - the other columns are drawn all the same
                message = f"{name!r} cannot be drawn: {type(error).__name__}: {error}"
                self._emit(outgoing.notice("warning", "view", message))

    # Requests

    def _row(self, given: object) -> int:
        if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given < self._columns.height:
            raise ProtocolError(f"There is no row {given!r}; the view has {self._columns.height:,} rows.")
        return given

    def _rows_between(self, args: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        start, stop = (protocol.whole(args.get(end), f"rows.{end}") for end in ("start", "stop"))
        if args.get("epoch") != self._epoch:
            raise ProtocolError("The order of the rows has changed since.", hint="Pick them again.")
        if not 0 <= stop - start <= protocol.MOST_ROWS:
            raise ProtocolError(
                f"{stop - start:,} rows are too many to pick one by one; the most is {protocol.MOST_ROWS:,}.",
                hint="Select them by a bar, a brush or a lasso, or from Python: view.select(…).",
            )
        content, buffers = outgoing.rows(self._epoch, start, self._order[start:stop])
        return {"epoch": content["epoch"], "start": content["start"]}, buffers

    def _ask_sort(self, args: Mapping[str, Any]) -> None:
        by = args.get("by")
        if not isinstance(by, list) or not all(isinstance(key, dict) and "column" in key for key in by):
            raise ProtocolError("sort takes by: a list of {column, descending}.")
        for key in by:
            if self._columns.kind(key["column"]) in ("image", "vector", "other"):
                raise ArgumentError(f"Rows cannot be sorted by {key['column']!r}.")
        self._sort = [{"column": key["column"], "descending": bool(key.get("descending"))} for key in by]
        self._reorder()
        for key in self._sort:
            known, _ = self._columns.counted(key["column"])
            if known < self._columns.height:
                self._emit(outgoing.sorted_in_part(key["column"], known, self._columns.height))

    def _ask_axes(self, args: Mapping[str, Any]) -> None:
        self.update(None, {"x": args.get("x"), "y": args.get("y")})

    def _ask_facet(self, args: Mapping[str, Any]) -> None:
        name = str(args.get("column"))
        kind = self._columns.kind(name)
        if kind not in ("number", "category", "boolean"):
            raise ArgumentError(f"{name!r} holds {self._columns.dtype(name)} values, which cannot be drawn.")
        self._emit_all(self._drawn.all(name, "facet"))
        if kind == "number":
            self._emit_all(self._drawn.all(name, "point"))

    def _ask_clear(self, args: Mapping[str, Any]) -> None:
        del args
        self.selection.clear()

    def _detail(self, rid: int, row: int, px: int) -> None:
        try:
            values, tile = self._screen.work.detail(row, px)
        except Exception as error:  # noqa: BLE001 - the one who asked is waiting for an answer
            with self._lock:
                if self._open.pop(rid, None) is not None:
                    self._emit(outgoing.refusal(rid, "detail", f"{type(error).__name__}: {error}"))
            return
        with self._lock:
            if self._open.pop(rid, None) is None:
                return
            if isinstance(tile, Failure):
                self._emit(outgoing.reply(rid, {"values": values, "image_error": outgoing.reason(tile)}))
            elif tile is None:
                self._emit(outgoing.reply(rid, {"values": values}))
            else:
                size = {"w": tile.width, "h": tile.height, "media": tile.media}
                source = {"source_w": tile.source_width, "source_h": tile.source_height}
                self._emit(outgoing.reply(rid, {"values": values, **size, **source}, [tile.data]))
            self._catch_up()

    # Results

    def _catch_up(self) -> None:
        """Send what is known of the drawn columns and was not sent, whoever computed it."""
        due = self._columns_due
        if due is not None and (self._screen.complete or self._clock() >= due):
            self._columns_due = None
            self._send_drawn()
        news = {name: list(self._drawn.news(name)) for name in self._columns.deferred}
        changed = {name for name, messages in news.items() if messages}
        for messages in news.values():
            self._emit_all(messages)
        if changed and self.selection and self.selection.refresh(changed):
            self._selection_changed()
        if changed:
            self._publish_schema()
        self._publish_counts()

    # State

    def _selection_changed(self) -> None:
        """Reorder the grid, then say what is selected: the page waits for the rows of an order it knows."""
        with self._lock:
            self._reorder()
            self._publish_selection()

    def _publish_selection(self) -> None:
        selection = self.selection
        self._publish(
            "_selection",
            {
                "seq": self._seq,
                "clauses": selection.state(),
                "rows": len(selection),
                "code": selection.code,
            },
        )

    def _reorder(self) -> None:
        """Recompute which rows the grid shows, and in which order; a new epoch when that changed."""
        with self._lock:
            shown = np.flatnonzero(self.selection.mask(without="grid")).astype(np.uint32)
            order = state.ordered(self._columns, shown, self._sort)
            if self._epoch and np.array_equal(order, self._order):
                self._publish_epoch()
                return
            self._order = order
            self._epoch += 1
            self._screen.reorder(order)
            self._publish_epoch()
            self._emit(outgoing.rows(self._epoch, 0, order[:FIRST_ROWS]))

    def _publish_epoch(self) -> None:
        self._publish("_epoch", {"epoch": self._epoch, "rows": len(self._order), "sort": self._sort})

    def _publish_schema(self) -> None:
        """Describe the table, once more when values told what an undeclared or integer column is."""
        schema = state.schema(self._columns, self.options)
        if schema != self._schema:
            self._schema = schema
            self._publish("_schema", schema)

    def _publish_counts(self) -> None:
        self._publish("_counts", state.counts(self._columns, self.options.image, self.counters))
        self._publish("_status", state.status(*self._screen.progress))

    def _emit(self, sent: Sent) -> None:
        content, buffers = sent
        if not self._buffers_pass and buffers:
            content, buffers = outgoing.as_text(content, buffers), []
        self._emit_raw(content, buffers)

    def _emit_all(self, messages: Any) -> None:
        for sent in messages:
            self._emit(sent)
