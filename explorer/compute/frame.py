"""The stored columns of a table: held in memory, or read from where they are when somebody asks."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import polars as pl
import polars.selectors as cs

from explorer.compute.cache import ByteCache
from explorer.compute.scans import changed, framed, is_steady, renamed_to, rows_by_id, run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Places = np.ndarray[Any, Any]

ROW_ID = "__explorer_row__"
"""The hidden column that carries the row ids (UInt32) through every Polars operation."""

FOUND_BY = "__explorer_found_by__"
"""Where rows got other ids since: those under which their columns are found. Never seen outside."""

PAGE = 64
"""Rows that are read together where a few are asked for: neighbours are asked for next."""

PAGES_BYTES = 64 * 2**20
"""What one frame remembers of such pages."""

SMALL = 1_024
"""Rows of a slice that are few enough to read all their columns at once."""

LARGE_SHARE = 8
"""From one row of so many on, whole columns are read and kept."""


class Frame:
    """Rows with their ids and stored columns, immutable; a column is read when it is first asked for.

    A frame that holds everything wraps a `polars.DataFrame`. One that does not has a plan, a
    `polars.LazyFrame` with the hidden column of row ids. Verbs extend the plan as long as they can, and
    Polars optimises the whole when values are wanted: it reads no more columns and rows than it must.
    What was read is kept. A few rows of a column are read by their ids from the plan's origin, in pages.

    Parameters
    ----------
    held
        The columns that are in memory.
    plan
        What gives the others; its rows are those of the frame, in their order, or (`composable` false)
        rows among which the frame's are found by their ids.
    composable
        Whether verbs may extend the plan.
    small
        Whether the rows are so few that all columns are read at once.
    origin
        The plan as it was when the rows got their ids, where a few rows are found fast.
    names
        Visible name to its name in the origin, for columns that nothing changed since.
    explain
        Turns what Polars raises while it reads into an error that tells the person more; a
        `ComputeError` with what it said when not given.

    Examples
    --------
    >>> frame = Frame.scanned(pl.LazyFrame({"label": [3, 1, 4], "size": [8, 8, 9]}))
    >>> small = frame.filter(pl.col("label") > 1)
    >>> small.read, small.get_column("size").to_list(), small.read
    ([], [8, 9], ['size'])
    """

    def __init__(
        self,
        held: pl.DataFrame,
        plan: pl.LazyFrame | None = None,
        *,
        composable: bool = True,
        origin: pl.LazyFrame | None = None,
        names: Mapping[str, str] | None = None,
        explain: Callable[[BaseException], Exception] | None = None,
        small: bool = False,
    ) -> None:
        known = held.schema if plan is None else {**plan.collect_schema(), **held.schema}
        self.schema = pl.Schema({name: dtype for name, dtype in known.items() if name != FOUND_BY})
        complete = set(self.schema) <= set(held.columns)
        self._held = renamed_to(held, {name: name for name in self.schema}) if complete else held
        self._plan = None if complete else plan
        self._composable = composable
        self._origin = origin
        self._names = names or {}
        self._explain = explain
        self._small = small
        self._height = held.height if complete or held.width else None
        self._pages: ByteCache[pl.Series] = ByteCache(
            PAGES_BYTES, weigh=lambda page: int(page.estimated_size())
        )
        self._lock = RLock()

    @classmethod
    def scanned(
        cls, plan: pl.LazyFrame, *, explain: Callable[[BaseException], Exception] | None = None
    ) -> Frame:
        """Give the rows of a plan their ids, and read nothing of it.

        Columns are read one by one, so the rows must come in the same order each time. A plan that does
        not promise it, with a join or a group in it, is collected now.
        """
        if not is_steady(plan):
            return cls(numbered(run(plan, explain)))
        plan = plan.with_row_index(ROW_ID)
        names = {name: name for name in plan.collect_schema()}
        return cls(pl.DataFrame(), plan, origin=plan, names=names, explain=explain)

    @property
    def is_held(self) -> bool:
        """Whether everything is in memory."""
        return self._plan is None

    @property
    def is_planned(self) -> bool:
        """Whether the rows are those of a plan, where each has an id of its own."""
        return self._plan is not None and self._composable

    @property
    def read(self) -> list[str]:
        """Names of the columns that are in memory."""
        return [name for name in self._held.columns if name not in (ROW_ID, FOUND_BY)]

    @property
    def columns(self) -> list[str]:
        """Names of all columns, that of the row ids among them."""
        return list(self.schema)

    @property
    def height(self) -> int:
        """Number of rows; counting them reads as little as Polars can."""
        with self._lock:
            if self._height is None and self._small:
                self.collect()
            if self._height is None:
                self._height = self._run(self._planned().select(pl.len())).item()
            return self._height

    @property
    def ids(self) -> Places:
        """Row ids, shape (height,), uint32."""
        return self.get_column(ROW_ID).to_numpy()

    def get_column(self, name: str) -> pl.Series:
        """Return a whole column, read now if it was not."""
        if self._plan is None:
            return self._held.get_column(name)
        return self.select([name]).get_column(name)

    @overload
    def __getitem__(self, chosen: str) -> pl.Series: ...
    @overload
    def __getitem__(self, chosen: Any) -> Frame: ...
    def __getitem__(self, chosen: Any) -> pl.Series | Frame:
        return self.get_column(chosen) if isinstance(chosen, str) else self.gather(chosen)

    def select(self, names: Sequence[str]) -> pl.DataFrame:
        """Return whole columns, those that are missing read together."""
        with self._lock:
            missing = [name for name in dict.fromkeys(names) if name not in self._held.columns]
            if missing:
                self._hold(self._whole(missing))
            # By Series, as pl.col() would take a name such as "*" for a pattern.
            return framed(self._held.get_column(name) for name in names)

    def collect(self) -> pl.DataFrame:
        """Return all columns."""
        return self.select(self.columns)

    def take(self, places: Places, names: Sequence[str]) -> pl.DataFrame:
        """Return some columns of some rows, by position, and read little more than that.

        Parameters
        ----------
        places
            Positions, shape (n,), from 0 up.
        names
            Which columns, whether or not they were read.
        """
        wanted = np.asarray(places, dtype=np.uint32)
        with self._lock:
            missing = [name for name in dict.fromkeys(names) if name not in self._held.columns]
            if not missing:
                return _at(framed(self._held.get_column(name) for name in names), wanted)
            if any(name not in self._names for name in missing) or LARGE_SHARE * len(wanted) >= self.height:
                return _at(self.select(names), wanted)
            pages = self._paged(wanted, missing)
            here = [self._held.get_column(name) for name in names if name not in pages]
            held = _at(framed(here), wanted).get_columns() if here else []
            found = {series.name: series for series in held} | pages
            return framed(found[name] for name in names)

    def aggregate(self, name: str, *measures: Callable[[pl.Expr], pl.Expr]) -> tuple[Any, ...]:
        """Return one value of a column per measure, without keeping the column in memory.

        Examples
        --------
        >>> frame = Frame.scanned(pl.LazyFrame({"label": [3, 1, 4]}))
        >>> frame.aggregate("label", pl.Expr.min, pl.Expr.max), frame.read
        ((1, 4), [])
        """
        exprs = [measure(cs.by_name(name).as_expr()).alias(str(i)) for i, measure in enumerate(measures)]
        with self._lock:
            if self.is_planned and not self._small and name not in self._held.columns:
                return self._run(self._planned().select(exprs)).row(0)
        return self.select([name]).select(exprs).row(0)

    # Verbs

    def filter(self, keep: pl.Expr | pl.Series) -> Frame:
        """Keep the rows for which a mask or a row-separable expression is true."""
        if isinstance(keep, pl.Expr) and self._composes(keep):
            return self._extended(self._planned().filter(keep))
        mask = keep if isinstance(keep, pl.Series) else self.evaluate(keep)
        if self._plan is None:
            return Frame(self._held.filter(mask))
        return self.gather(mask.fill_null(value=False).arg_true())

    def sort(self, by: Sequence[pl.Expr], **options: Any) -> Frame | None:
        """Sort by expressions as part of the plan; None when there is none that could be extended."""
        if not all(self._composes(key) for key in by):
            return None
        return self._extended(self._planned().sort(by, **options))

    def with_exprs(self, exprs: Mapping[str, pl.Expr]) -> Frame | None:
        """Add columns by row-separable expressions as part of the plan; None when it cannot be extended."""
        if not all(self._composes(expr) for expr in exprs.values()):
            return None
        names = {visible: old for visible, old in self._names.items() if visible not in exprs}
        added = [expr.alias(name) for name, expr in exprs.items()]
        return self._extended(self._planned().with_columns(added), names)

    def with_series(self, added: Mapping[str, pl.Series]) -> Frame:
        """Add columns that are in memory."""
        series = [values.alias(name) for name, values in added.items()]
        if self._plan is None:
            return Frame(self._held.with_columns(series))
        held = self.select([*self._held.columns, *({ROW_ID} - set(self._held.columns))]).with_columns(series)
        names = {visible: old for visible, old in self._names.items() if visible not in added}
        return self._found_by_id(held, names)

    def slice(self, offset: int, length: int | None = None) -> Frame:
        """Return `length` rows from position `offset`."""
        if self._plan is None:
            return Frame(self._held.slice(offset, length))
        if self._composable and offset >= 0 and not self._held.width:
            small = length is not None and length <= SMALL
            return self._extended(self._planned().slice(offset, length), small=small)
        self.get_column(ROW_ID)
        with self._lock:
            return self._found_by_id(self._held.slice(offset, length), self._names)

    def gather(self, places: Any) -> Frame:
        """Return the rows at these positions, in this order."""
        if self._plan is None:
            return Frame(self._held[places])
        self.get_column(ROW_ID)
        with self._lock:
            return self._found_by_id(self._held[places], self._names)

    def renumbered(self) -> Frame:
        """Give the rows new ids, from 0 up; what was not read is found as before."""
        if self._plan is None:
            return Frame(numbered(self._held))
        self.get_column(ROW_ID)
        with self._lock:
            held = self._held.with_columns(self._found_by().alias(FOUND_BY))
            return self._found_by_id(numbered(held), self._names)

    def renamed(self, holds: Mapping[str, str]) -> Frame:
        """Keep some columns under other names: new name to old one; the row ids stay."""
        holds = {ROW_ID: ROW_ID, **holds}
        if self._plan is None:
            return Frame(renamed_to(self._held, holds))
        if list(holds) == self.columns and all(new == old for new, old in holds.items()):
            return self
        place = {name: i for i, name in enumerate(self._plan.collect_schema())}
        with self._lock:
            kept = {**holds, FOUND_BY: FOUND_BY}
            held = renamed_to(
                self._held, {new: old for new, old in kept.items() if old in self._held.columns}
            )
        # By place, as pl.col() would take a name such as "*" for a pattern.
        chosen = [pl.nth(place[old]).alias(new) for new, old in holds.items() if old in place]
        return Frame(
            held,
            self._plan.select(chosen),
            composable=self._composable,
            origin=self._origin,
            names={new: self._names[old] for new, old in holds.items() if old in self._names},
            explain=self._explain,
            small=self._small,
        )

    def evaluate(self, expr: pl.Expr) -> pl.Series:
        """Return a mask, or another row-separable expression of the columns, as a whole column."""
        roots = expr.meta.root_names() or [ROW_ID]
        frame = self.select(list(dict.fromkeys(roots)))
        series = frame.select(expr).to_series()
        return series if len(series) == frame.height else series.new_from_index(0, frame.height)

    # Reading

    def _planned(self) -> pl.LazyFrame:
        assert self._plan is not None  # noqa: S101 - a frame that holds everything is never asked
        return self._plan

    def _composes(self, expr: pl.Expr) -> bool:
        if not self.is_planned:
            return False
        # What is in memory already is not read again.
        return not expr.meta.root_names() or not set(expr.meta.root_names()) <= set(self._held.columns)

    def _extended(
        self, plan: pl.LazyFrame, names: Mapping[str, str] | None = None, *, small: bool = False
    ) -> Frame:
        return Frame(
            pl.DataFrame(),
            plan,
            origin=self._origin,
            names=self._names if names is None else names,
            explain=self._explain,
            small=small or self._small,
        )

    def _found_by_id(self, held: pl.DataFrame, names: Mapping[str, str]) -> Frame:
        return Frame(
            held,
            self._plan,
            composable=False,
            origin=self._origin,
            names=names,
            explain=self._explain,
        )

    def _hold(self, more: pl.DataFrame) -> None:
        if self._height not in (None, more.height):
            raise changed(f"it had {self._height:,} rows, and has {more.height:,}", self._explain)
        held = self._held.hstack(more.get_columns()) if self._held.width else more
        self._height = held.height
        if set(self.schema) <= set(held.columns):
            held, self._plan, self._origin = (
                renamed_to(held, {name: name for name in self.schema}),
                None,
                None,
            )
        self._held = held

    def _whole(self, names: Sequence[str]) -> pl.DataFrame:
        plan = self._planned()
        if ROW_ID not in self._held.columns:
            # The frame's rows are the plan's.
            chosen = self.columns if self._small else list(dict.fromkeys([*names, ROW_ID]))
            return self._run(plan.select(cs.by_name(*chosen)))
        fast = self._origin is not None and all(name in self._names for name in names)
        source = self._origin if fast and self._origin is not None else plan
        old = {name: self._names[name] if fast else name for name in names}
        found = self._by_ids(source, list(old.values()), self._found_by())
        return renamed_to(found, old)

    def _found_by(self) -> pl.Series:
        return self._held.get_column(FOUND_BY if FOUND_BY in self._held.columns else ROW_ID)

    def _paged(self, places: Places, names: Sequence[str]) -> dict[str, pl.Series]:
        """Return columns that were not read, for a few rows."""
        numbers = np.unique(places // PAGE).tolist()
        self.get_column(ROW_ID)
        ids = self._found_by()
        keys = [(page, name) for page in numbers for name in names]
        pages = {key: page for key in keys if (page := self._pages.get(key)) is not None}
        lacking = [page for page in numbers if any((page, name) not in pages for name in names)]
        if lacking:
            parts = [ids.slice(page * PAGE, PAGE) for page in lacking]
            origin = self._origin if self._origin is not None else self._planned()
            found = self._by_ids(origin, [self._names[name] for name in names], pl.concat(parts))
            start = 0
            for page, part in zip(lacking, parts, strict=True):
                for name in names:
                    column = found.get_column(self._names[name]).slice(start, len(part)).alias(name)
                    pages[page, name] = column
                    self._pages.put((page, name), column)
                start += len(part)
        inside = (np.searchsorted(numbers, places // PAGE) * PAGE + places % PAGE).astype(np.uint32)
        together = {name: pl.concat([pages[page, name] for page in numbers]) for name in names}
        return {name: column[inside] for name, column in together.items()}

    def _by_ids(self, source: pl.LazyFrame, names: Sequence[str], ids: pl.Series) -> pl.DataFrame:
        return rows_by_id(source, ROW_ID, names, ids, explain=self._explain)

    def _run(self, plan: pl.LazyFrame) -> pl.DataFrame:
        return run(plan, self._explain)


def numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """Give the rows of a frame ids from 0 up."""
    return frame.with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).alias(ROW_ID))


def _at(frame: pl.DataFrame, places: Places) -> pl.DataFrame:
    """Return the rows at these positions, shared with the frame where they lie together."""
    if len(places) and (np.diff(places.astype(np.int64)) == 1).all():
        return frame.slice(int(places[0]), len(places))
    found: pl.DataFrame = frame[places]
    return found
