"""The columns of a view as far as they are computed; asking for them computes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from explorer._errors import ArgumentError
from explorer.compute.deferred import Image
from explorer.compute.graph import Node, Output
from explorer.table import inside
from explorer.views.facets import FEW_INTEGERS, MOST_CATEGORIES, bins, categories, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from explorer.compute.deferred import Dtype
    from explorer.compute.results import Failure
    from explorer.table.table import ImageTable
    from explorer.views.facets import ColumnKind, Facet, Mask

LARGEST_INTEGER = 2**53
"""The page's numbers are doubles, which hold all integers up to this one."""


class ViewColumns:
    """What the views of one table draw.

    Parameters
    ----------
    table
        Its rows, in its order, are the rows of the view, numbered from 0.
    """

    def __init__(self, table: ImageTable) -> None:
        self.table = table
        self.rows = inside.rows(table)
        self.ids = self.rows.ids
        self.height = len(self.rows)
        self._kinds: dict[str, ColumnKind] = {}
        self._known: dict[int, tuple[int, Mask]] = {}
        self._members: Mask | None = None

    def of(self, table: ImageTable) -> ViewColumns:
        """Return the same rows, in the same order, as another table of the family holds them.

        Raises
        ------
        ArgumentError
            When the table was not made from the one that is shown, or lacks some of its rows.
        """
        if not inside.of_one_family(table, self.table):
            raise ArgumentError(
                "This table was not made from the one that the view shows.",
                hint="Open another view: t.explore(…).",
            )
        ids = inside.rows(table).ids
        largest = max((int(some.max()) for some in (ids, self.ids) if len(some)), default=0)
        place = np.full(largest + 1, -1, dtype=np.int64)
        place[ids] = np.arange(len(ids))
        wanted = place[self.ids]
        if (wanted < 0).any():
            raise ArgumentError(
                f"{int((wanted < 0).sum()):,} of the {len(wanted):,} rows of the view are not in this table.",
                hint="Give a table that holds all of them; rows it has besides are left out.",
            )
        return ViewColumns(table.gather(wanted))

    def output(self, column: str) -> Output | None:
        """Return what computes the column; None when it is stored."""
        ref = inside.ref(self.table, column)
        return ref if isinstance(ref, Output) else None

    def series(self, column: str, rows: np.ndarray[Any, Any] | None = None) -> pl.Series:
        """Return the values, null where not computed."""
        ref = inside.ref(self.table, column)
        if isinstance(ref, Output):
            if not ref.fits_a_frame:
                return pl.Series(column, [None] * (self.height if rows is None else len(rows)))
            return ref.node.results.series(ref.name, self.ids if rows is None else self.ids[rows])
        held = self.rows if rows is None else self.rows.take(rows, {ref.column})
        return held.stored(ref.column)

    def known(self, column: str, rows: np.ndarray[Any, Any] | None = None) -> Mask:
        """Tell which rows are computed; all, for the empty name and stored columns."""
        output = self.output(column) if column else None
        if output is None:
            return np.ones(self.height if rows is None else len(rows), dtype=bool)
        node = output.node
        if rows is not None:
            return node.results.known(self.ids[rows])
        # Asked for each column of a function, again and again: kept until there are other results.
        version = node.results.version
        kept = self._known.get(node.uid)
        if kept is None or kept[0] != version:
            known = node.results.known(self.ids)
            known.setflags(write=False)
            kept = self._known[node.uid] = (version, known)
        return kept[1]

    def counted(self, column: str) -> tuple[int, int]:
        """Count the rows that are computed, and those of them that ended as an error value."""
        output = self.output(column)
        if output is None:
            return self.height, 0
        given = output.node.results.given()
        if given is None:
            return int(self.known(column).sum()), int(self.failed(column).sum())
        ids, failed = given
        inside = self._shown(ids)
        return int(inside.sum()), int((inside & failed).sum())

    def _shown(self, ids: np.ndarray[Any, Any]) -> Mask:
        """Tell which row ids are among those of the view."""
        if self._members is None:
            self._members = np.zeros(int(self.ids.max()) + 1 if self.height else 0, dtype=bool)
            self._members[self.ids] = True
        inside = ids < len(self._members)
        inside[inside] = self._members[ids[inside]]
        return inside

    def failed(self, column: str, rows: np.ndarray[Any, Any] | None = None) -> Mask:
        """Tell which rows ended as an error value."""
        output = self.output(column)
        ids = self.ids if rows is None else self.ids[rows]
        if output is None:
            return np.zeros(len(ids), dtype=bool)
        failures = output.node.results.failures(ids)
        return np.isin(ids, np.fromiter(failures, dtype=np.int64)) if failures else np.zeros(len(ids), bool)

    def failures(self, column: str, rows: np.ndarray[Any, Any]) -> dict[int, Failure]:
        """Return the reasons of the failed ones among these rows, by row."""
        output = self.output(column)
        if output is None:
            return {}
        number = dict(zip(self.ids[rows].tolist(), rows.tolist(), strict=True))
        return {number[i]: why for i, why in output.node.results.failures(self.ids[rows]).items()}

    def names_of(self, node: Node) -> list[str]:
        """Return the columns that a function computes, as far as a frame holds them."""
        return [name for name, o in self.deferred.items() if o.node is node and o.fits_a_frame]

    def dtype(self, column: str) -> Any:
        """Return the dtype of a column."""
        return self.table.schema[column]

    def labels(self, column: str) -> list[Any] | None:
        """Return the categories that a model declared for its predictions, if any."""
        output = self.output(column)
        declared = getattr(output.node.spec.function, "labels", None) if output is not None else None
        return (
            list(declared) if declared is not None and output is not None and output.name == "pred" else None
        )

    def kind(self, column: str) -> ColumnKind:
        """Say how a column is drawn.

        Integers are drawn as categories when they have few values; a deferred column keeps what it
        was judged by its first values.
        """
        if column in self._kinds:
            return self._kinds[column]
        output = self.output(column)
        dtype = self.dtype(column)
        if output is not None:
            if self.labels(column) is not None:
                return "category"
            known = self.known(column)
            seen = self.series(column).n_unique() if known.any() and output.fits_a_frame else 0
            kind = self._as_the_page_can(column, kind_of(dtype, seen, image=dtype == Image))
            if known.any():
                self._kinds[column] = kind
            return kind
        countable = dtype in (pl.String, pl.Categorical, pl.Enum) or dtype.is_integer()
        distinct = self._distinct(column, dtype) if countable else None
        self._kinds[column] = self._as_the_page_can(column, kind_of(dtype, distinct))
        return self._kinds[column]

    def _distinct(self, column: str, dtype: Dtype) -> int:
        """Count the values of a stored column, or as many as tell that it has too many for categories."""
        most = FEW_INTEGERS if dtype.is_integer() else MOST_CATEGORIES
        start = self.series(column, np.arange(min(2 * most, self.height))).n_unique()
        return start if start > most else self._measured(column, pl.Expr.n_unique)[0]

    def _measured(self, column: str, *measures: Callable[[pl.Expr], pl.Expr]) -> tuple[Any, ...]:
        ref = inside.ref(self.table, column)
        if isinstance(ref, Output):
            return (
                self.series(column)
                .to_frame("")
                .select(m(pl.col("")).alias(str(i)) for i, m in enumerate(measures))
                .row(0)
            )
        return self.rows.aggregate(ref.column, *measures)

    def _as_the_page_can(self, column: str, kind: ColumnKind) -> ColumnKind:
        """Take integers that no number of the page holds exactly for text: ids, most often."""
        dtype = self.dtype(column)
        if not dtype.is_integer() or dtype in (pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32):
            return kind
        smallest, largest = self._measured(column, pl.Expr.min, pl.Expr.max)
        extremes = [value for value in (smallest, largest) if value is not None]
        return "text" if any(abs(value) > LARGEST_INTEGER for value in extremes) else kind

    def facet(self, column: str) -> Facet:
        """Make the facet of a column from what is known now."""
        if self.kind(column) == "number":
            return bins(self.series(column))
        return categories(self.series(column), self.known(column) & ~self.failed(column), self.labels(column))

    def coordinates(self, column: str, rows: np.ndarray[Any, Any] | None = None) -> np.ndarray[Any, Any]:
        """Return the values as float32, NaN where null or not computed."""
        return self.series(column, rows).cast(pl.Float32).to_numpy().copy()

    def nodes_of(self, columns: list[str]) -> list[Node]:
        """Return the functions behind the deferred columns among these, images left out."""
        outputs = [self.output(column) for column in columns]
        nodes = {o.node.uid: o.node for o in outputs if o is not None and o.dtype != Image}
        return list(nodes.values())

    @property
    def deferred(self) -> dict[str, Output]:
        """Name to output of the deferred columns."""
        refs = {name: inside.ref(self.table, name) for name in self.table.columns}
        return {name: ref for name, ref in refs.items() if isinstance(ref, Output)}


class CurrentValues:
    """The columns that a view has now, also after others took their place."""

    def __init__(self, columns: Callable[[], ViewColumns]) -> None:
        self._columns = columns

    def series(self, column: str) -> pl.Series:
        """Return the values, null where not computed."""
        return self._columns().series(column)

    def known(self, column: str) -> Mask:
        """Tell which rows are computed; all for the empty name."""
        return self._columns().known(column)

    def failed(self, column: str) -> Mask:
        """Tell which rows ended as an error value."""
        return self._columns().failed(column)
