"""Some rows of a table, as the engine sees them: their ids and their stored columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.compute.frame import ROW_ID, Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import polars as pl

__all__ = ["ROW_ID", "Rows"]

READ_AHEAD = 4_096
"""Rows whose stored columns are read together where a table is gone through in small batches."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a frame, by position.

    Parameters
    ----------
    frame
        Stored columns and the hidden column of row ids.
    names
        Column id to the name under which the frame holds it now.
    """

    frame: Frame
    names: Mapping[int, str]

    @property
    def ids(self) -> np.ndarray[Any, np.dtype[np.uint32]]:
        """Row ids, shape (n,)."""
        return self.frame.ids

    def __len__(self) -> int:
        return self.frame.height

    def stored(self, column: int) -> pl.Series:
        """Return the values of a stored column."""
        return self.frame.get_column(self.names[column])

    def aggregate(self, column: int, *measures: Callable[[pl.Expr], pl.Expr]) -> tuple[Any, ...]:
        """Return one value of a stored column per measure, for instance `polars.Expr.min`."""
        return self.frame.aggregate(self.names[column], *measures)

    def take(self, positions: Sequence[int] | np.ndarray[Any, Any], columns: set[int]) -> Rows:
        """Return some of the rows, with only these stored columns, in memory."""
        names = {column: self.names[column] for column in columns}
        wanted = [ROW_ID, *dict.fromkeys(names.values())]
        return Rows(Frame(self.frame.take(np.asarray(positions, dtype=np.uint32), wanted)), names)

    def slice(self, start: int, length: int) -> Rows:
        """Return `length` rows from position `start`, without copying what is in memory."""
        return Rows(self.frame.slice(start, length), self.names)

    def chunks(self, size: int, columns: set[int]) -> Iterator[Rows]:
        """Yield the rows in order, at most `size` at a time, with only these stored columns.

        They are read in larger pieces than they are given, as a read of a file costs as much for few rows
        as for many.
        """
        ahead = max(READ_AHEAD // size, 1) * size
        for first in range(0, len(self), ahead):
            last = min(first + ahead, len(self))
            piece = self.take(np.arange(first, last, dtype=np.uint32), columns)
            for start in range(0, last - first, size):
                yield piece.slice(start, size)
