"""A whole number per row id, for as many ids as were ever given one."""

from __future__ import annotations

from typing import Any

import numpy as np

Ids = np.ndarray[Any, np.dtype[np.int64]]

_BITS = 12
_PAGE = 1 << _BITS


class Places:
    """Numbers by row id, in pages: a few rows of a large table take little memory.

    Parameters
    ----------
    nothing
        The number of an id that was given none.

    Examples
    --------
    >>> places = Places(nothing=-1)
    >>> places.put(np.array([9_000_000, 3]), np.array([0, 1]))
    >>> places.of(np.array([3, 4, 9_000_000])).tolist(), places.nbytes < 100_000
    ([1, -1, 0], True)
    """

    def __init__(self, *, nothing: int) -> None:
        # Page 0 stands for all those that nobody wrote to; so does the last entry of the table.
        self._pages = np.full((1, _PAGE), nothing, dtype=np.int32)
        self._table = np.zeros(1, dtype=np.int32)
        self._used = 1
        self._nothing = nothing

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return int(self._pages.nbytes + self._table.nbytes)

    def of(self, ids: Ids) -> np.ndarray[Any, np.dtype[np.int32]]:
        """Return the numbers of these ids, shape (n,)."""
        if self._used == 1:
            return np.full(len(ids), self._nothing, dtype=np.int32)
        page = self._table[np.minimum(ids >> _BITS, self._table.size - 1)]
        found: np.ndarray[Any, np.dtype[np.int32]] = self._pages[page, ids & (_PAGE - 1)]
        return found

    def given(self) -> tuple[Ids, np.ndarray[Any, np.dtype[np.int32]]]:
        """Return all ids that have a number, ascending, and their numbers."""
        pages = np.flatnonzero(self._table)
        numbers = self._pages[self._table[pages]].ravel()
        ids = (pages[:, None] * _PAGE + np.arange(_PAGE)).ravel()
        there = numbers != self._nothing
        return ids[there], numbers[there]

    def put(self, ids: Ids, numbers: Any) -> None:
        """Give these ids numbers, one each or the same to all."""
        if not len(ids):
            return
        wanted = np.unique(ids >> _BITS)
        self._reach(int(wanted[-1]) + 1)
        fresh = wanted[self._table[wanted] == 0]
        if self._used + len(fresh) > len(self._pages):
            more = np.full((max(self._used, len(fresh)), _PAGE), self._nothing, dtype=np.int32)
            self._pages = np.concatenate([self._pages, more])
        self._table[fresh] = np.arange(self._used, self._used + len(fresh), dtype=np.int32)
        self._used += len(fresh)
        self._pages[self._table[ids >> _BITS], ids & (_PAGE - 1)] = numbers

    def _reach(self, pages: int) -> None:
        if pages >= self._table.size:
            grown = np.zeros(max(pages, 2 * self._table.size) + 1, dtype=np.int32)
            grown[: self._table.size - 1] = self._table[:-1]
            self._table = grown
