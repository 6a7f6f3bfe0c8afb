"""Some rows of a table, as the engine sees them: their ids and their stored columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

ROW_ID = "__explorer_row__"
"""The hidden column that carries the row ids (UInt32) through every Polars operation."""


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

    frame: pl.DataFrame
    names: Mapping[int, str]

    @property
    def ids(self) -> np.ndarray[Any, np.dtype[np.uint32]]:
        """Row ids, shape (n,)."""
        return self.frame[ROW_ID].to_numpy()

    def __len__(self) -> int:
        return self.frame.height

    def stored(self, column: int) -> pl.Series:
        """Return the values of a stored column."""
        return self.frame[self.names[column]]

    def take(self, positions: Sequence[int] | np.ndarray[Any, Any], columns: set[int]) -> Rows:
        """Return some of the rows, with only these stored columns."""
        names = {column: self.names[column] for column in columns}
        frame = self.frame.select(ROW_ID, *dict.fromkeys(names.values()))
        return Rows(frame[np.asarray(positions, dtype=np.uint32)], names)

    def slice(self, start: int, length: int) -> Rows:
        """Return `length` rows from position `start`, without copying."""
        return Rows(self.frame.slice(start, length), self.names)
