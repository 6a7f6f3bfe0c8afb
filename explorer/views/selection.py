"""One selection, many clauses: each owned by its source, none filtering its own view."""

from __future__ import annotations

from functools import reduce
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from explorer.table import inside
from explorer.views.clauses import Category, PickedRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from explorer.table.table import ImageTable
    from explorer.views.clauses import Clause, Mask, Values


class Selection:
    """The rows that all clauses agree on.

    A clause belongs to its source: ``"scatter"``, ``"histogram:label"``, ``"grid"`` or
    ``"python"``. A source has one clause; setting another replaces it.

    Examples
    --------
    >>> import explorer as ex, polars as pl
    >>> view = ex.samples.digits().explore()
    >>> view.select(pl.col("label") == 3)
    >>> view.selection.table.height
    183
    >>> view.selection
    Selection(183 of 1,797 rows: python)
    """

    def __init__(self, table: Callable[[], ImageTable], values: Values, changed: Callable[[], None]) -> None:
        self._table = table
        self._values = values
        self._changed = changed
        self._clauses: dict[str, tuple[Clause, Mask]] = {}
        self._lock = RLock()

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._clauses))

    def __len__(self) -> int:
        """Count the selected rows."""
        return int(self.mask().sum())

    def __bool__(self) -> bool:
        """Whether anything restricts the selection."""
        return bool(self._clauses)

    @property
    def clauses(self) -> Mapping[str, Clause]:
        """The clauses, by source."""
        with self._lock:
            return {source: clause for source, (clause, _) in self._clauses.items()}

    def put(self, source: str, clause: Clause | None) -> None:
        """Replace the clause of a source, or take it away with None."""
        if isinstance(clause, (Category, PickedRows)):
            table = self._table()
            clause = clause.fitting(table.schema, table.height)
        mask = None if clause is None else clause.mask(self._values)
        with self._lock:
            if clause is None or mask is None:
                self._clauses.pop(source, None)
            else:
                self._clauses[source] = (clause, mask)
        self._changed()

    def refresh(self, changed: set[str] | None = None) -> bool:
        """Evaluate clauses again that read a changed column, or all; tell whether any row changed."""
        with self._lock:
            fresh = {
                source: (c, c.mask(self._values) if changed is None or c.columns & changed else bits)
                for source, (c, bits) in self._clauses.items()
            }
            same = all(np.array_equal(mask, self._clauses[source][1]) for source, (_, mask) in fresh.items())
            self._clauses = fresh
            return not same

    def forget(self, columns: set[str]) -> None:
        """Take away the clauses that read one of these columns, without saying so."""
        with self._lock:
            for source, (clause, _) in list(self._clauses.items()):
                if clause.columns & columns:
                    del self._clauses[source]

    def clear(self) -> None:
        """Take all clauses away: every row is selected."""
        with self._lock:
            self._clauses.clear()
        self._changed()

    def mask(self, *, without: str | None = None) -> Mask:
        """Tell which rows are selected, by all clauses but the one of `without`.

        Returns
        -------
        numpy.ndarray
            Bool, one value per row of the view's table.
        """
        with self._lock:
            masks = [mask for source, (_, mask) in self._clauses.items() if source != without]
        everything = np.ones(len(self._values.known("")), dtype=bool)
        return reduce(np.logical_and, masks, everything)

    @property
    def rows(self) -> pl.Series:
        """Positions of the selected rows in the view's table, UInt32, ascending."""
        return pl.Series("row", np.flatnonzero(self.mask()).astype(np.uint32))

    @property
    def table(self) -> ImageTable:
        """The selected rows as a table."""
        table = self._table()
        return table.gather(self.rows) if self._clauses else table

    @property
    def expr(self) -> pl.Expr:
        """The selection as a Polars expression: ``t.filter(view.selection.expr)``.

        On a deferred column it computes what the view has not looked at yet.
        """
        table = self._table()
        ids = pl.Series(inside.rows(table).ids)
        parts = [clause.expr(ids, table.schema) for clause in self.clauses.values()]
        return reduce(lambda left, right: left & right, parts) if parts else pl.lit(value=True)

    @property
    def code(self) -> str | None:
        """The selection as Python text to paste into a cell.

        None when everything is selected, or when an expression of the person's cannot be written.
        """
        parts = [clause.code for clause in self.clauses.values()]
        if len(parts) == 1:
            return parts[0]
        written = [part if part.endswith(")") and " " not in part else f"({part})" for part in parts if part]
        return " & ".join(written) if written and len(written) == len(parts) else None

    def __repr__(self) -> str:
        total = len(self._values.known(""))
        by = ", ".join(self._clauses) or "no clauses"
        return f"Selection({len(self):,} of {total:,} rows: {by})"

    def state(self) -> list[dict[str, Any]]:
        """Return the clauses as the page reads them."""
        return [{"source": s, "clause": clause.message()} for s, clause in self.clauses.items()]
