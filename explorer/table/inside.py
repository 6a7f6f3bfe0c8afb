"""What the rooms above may see of a table's insides; everything else of it is the table's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from explorer.compute.rows import Rows

if TYPE_CHECKING:
    from explorer.compute.engines.local import LocalEngine
    from explorer.compute.graph import Ref
    from explorer.table.base import TableBase


def rows(table: TableBase) -> Rows:
    """Return the rows with their ids and stored columns; filters that waited are evaluated."""
    resolved = table._rows()
    return Rows(resolved._frame, resolved._binding.names)


def ref(table: TableBase, column: str) -> Ref:
    """Return what a name means, or raise `ColumnNotFoundError`."""
    return table._binding[column]


def engine(table: TableBase) -> LocalEngine:
    """Return what computes its deferred columns."""
    return table._origin.engine


def title(table: TableBase) -> str:
    """Return what the table is called."""
    return table._origin.title or ""


def of_one_family(table: TableBase, other: TableBase) -> bool:
    """Whether two tables were made from one another, so that their row ids mean the same rows."""
    return table._origin is other._origin
