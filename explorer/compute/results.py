"""What is known of a deferred function's answers, by row."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from explorer.compute.deferred import Image
from explorer.compute.places import Ids, Places

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from explorer.compute.deferred import Dtype

UNKNOWN = -1
FAILED = -2


_FRESH = 2**32
_uids = count(1)


@dataclass(frozen=True, slots=True)
class Failure:
    """The value of a row whose computation raised.

    Parameters
    ----------
    type
        Name of the exception's class.
    message
        What it said, in one or a few lines.
    function
        Name of the function that raised.
    hint
        The next thing to type, when the exception said one.

    Examples
    --------
    >>> print(Failure("ValueError", "empty crop", "avg_blue"))
    avg_blue: ValueError: empty crop
    """

    type: str
    message: str
    function: str
    hint: str | None = None

    @classmethod
    def of(cls, error: BaseException, function: str) -> Failure:
        """Keep what a person needs of an exception, and none of its references."""
        message = getattr(error, "message", None) or str(error)
        return cls(type(error).__name__, message, function, getattr(error, "hint", None))

    def __str__(self) -> str:
        return f"{self.function}: {self.type}: {self.message}"


def fits_a_frame(dtype: Dtype) -> bool:
    """Whether values of this dtype are kept in Polars; images and objects are not."""
    return dtype not in (Image, pl.Object)


def widened(dtype: Dtype, more: Dtype) -> Dtype:
    """Return the dtype that holds values of both; nulls alone tell nothing.

    Raises
    ------
    polars.exceptions.PolarsError
        When no dtype holds both.

    Examples
    --------
    >>> import polars as pl
    >>> widened(pl.Unknown, pl.Int64), widened(pl.Int64, pl.Float64), widened(pl.Unknown, pl.Null)
    (Int64, Float64, Unknown)
    """
    if more in (dtype, pl.Null):
        return dtype
    if dtype == pl.Unknown:
        return more
    inner = [getattr(each, "inner", each) for each in (dtype, more)]
    if not all(each.is_numeric() for each in inner):
        raise pl.exceptions.SchemaError(f"no dtype holds both {dtype} and {more}")
    frames = [pl.DataFrame(schema={"": each}) for each in (dtype, more)]
    return pl.concat(frames, how="vertical_relaxed").schema[""]


class _Values:
    """Append-only columns of answers; a row knows its place in them."""

    def __init__(self, dtypes: Mapping[str, Dtype]) -> None:
        self.dtypes = dict(dtypes)
        self.height = 0
        self._parts: dict[str, list[pl.Series]] = {name: [] for name in dtypes}
        self._starts: dict[str, list[int]] = {name: [] for name in dtypes}

    def append(self, columns: Mapping[str, pl.Series], height: int) -> None:
        for name, series in columns.items():
            self.dtypes[name] = widened(self.dtypes[name], series.dtype)
            if height:
                self._parts[name].append(series)
                self._starts[name].append(self.height)
        self.height += height

    def gather(self, name: str, places: np.ndarray[Any, np.dtype[np.int32]]) -> pl.Series:
        known = places >= 0
        if not self._parts[name] or not known.any():
            dtype = self.dtypes[name]
            return pl.Series(name, [None] * len(places), dtype=pl.Null if dtype == pl.Unknown else dtype)
        if known.all():
            return self._of_known(name, places)
        gathered = self._of_known(name, np.where(known, places, places[known][0]))
        frame = pl.DataFrame({"value": gathered, "known": known})
        return frame.select(pl.when("known").then("value").alias(name)).to_series()

    def _of_known(self, name: str, places: np.ndarray[Any, np.dtype[np.int32]]) -> pl.Series:
        parts, starts = self._parts[name], self._starts[name]
        first = bisect_right(starts, int(places.min())) - 1
        last = bisect_right(starts, int(places.max()))
        span, start = parts[first:last], starts[first]
        values = span[0]
        if len(span) > 1:
            frames = [part.to_frame(name) for part in span]
            values = pl.concat(frames, how="vertical_relaxed", rechunk=True).to_series()
            # What is read as a whole is kept as one; a chain that reads batch after batch must not copy
            # all that came before for each of them.
            if len(span) > len(parts) // 2:
                parts[first:last], starts[first:last] = [values], [start]
        if values.dtype != self.dtypes[name]:
            values = values.cast(self.dtypes[name])
        inside = places - start
        if (np.diff(inside) == 1).all():
            return values.slice(int(inside[0]), len(inside)).alias(name)
        return values.gather(pl.Series(inside.astype(np.uint32))).alias(name)


class _Core:
    """What is known of a function's answers, shared by all row ids that stand for the same rows.

    Rows are known here by the ids that the function's first table gave them. Rows that were never in it
    get ids from `_FRESH` upward.
    """

    def __init__(self, dtypes: Mapping[str, Dtype]) -> None:
        self.uid = next(_uids)
        self.values = _Values(dtypes)
        self.failures: dict[int, Failure] = {}
        self.lock = Lock()
        self.version = 0
        self.place = Places(nothing=UNKNOWN)
        self._fresh = 0

    def fresh(self, count: int) -> Ids:
        """Return ids of rows that were never in the first table."""
        with self.lock:
            start = _FRESH + self._fresh
            self._fresh += count
            return np.arange(start, start + count, dtype=np.int64)


class Results:
    """Answers by row id: which rows are known, their values, and which failed.

    Row ids are small integers that a table gives its rows for good, so filtered and sorted tables
    share one of these. A table whose rows got new ids has one that shows the same answers under its
    ids: what one of them learns, both know. Safe from any thread: each method holds the lock for its
    whole length.

    Parameters
    ----------
    dtypes
        Output name to dtype. Values of `Image` and `polars.Object` outputs are kept elsewhere;
        here only that they were computed.

    Attributes
    ----------
    uid : int
        The same number for all that share their answers.
    """

    def __init__(self, dtypes: Mapping[str, Dtype]) -> None:
        self._core = _Core(dtypes)
        self._first: Ids | None = None

    @property
    def uid(self) -> int:
        """The same number for all that share their answers."""
        return self._core.uid

    @property
    def version(self) -> int:
        """A number that grows with every change of what is known."""
        return self._core.version

    @property
    def dtypes(self) -> Mapping[str, Dtype]:
        """Output name to dtype; an unknown one becomes known with the first values."""
        return self._core.values.dtypes

    def shared(self, ids: np.ndarray[Any, Any]) -> Ids:
        """Return for each row id the number under which its answer is kept, equal for copies of a row."""
        wide = np.asarray(ids).astype(np.int64)
        return wide if self._first is None else self._first[wide]

    def known(self, ids: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Tell for each row id whether it was computed, to a value or to a failure."""
        with self._core.lock:
            return np.asarray(self._core.place.of(self.shared(ids)) != UNKNOWN)

    def given(self) -> tuple[Ids, np.ndarray[Any, np.dtype[np.bool_]]] | None:
        """Return the ids of all rows that are known, and which of them failed.

        It takes as long as there are known rows, however many there are besides. None where rows have
        other ids than those under which the answers are kept.
        """
        if self._first is not None:
            return None
        with self._core.lock:
            ids, places = self._core.place.given()
        return ids, places == FAILED

    def store(
        self,
        ids: np.ndarray[Any, Any],
        columns: Mapping[str, pl.Series],
        failures: Mapping[int, Failure],
    ) -> tuple[int, int]:
        """Keep the values of the rows `ids`, and the failures of other rows by their id.

        Returns
        -------
        tuple of int
            How many rows were not known before, and how many of them failed.
        """
        core = self._core
        good = self.shared(ids)
        bad = self.shared(np.fromiter(failures, dtype=np.int64, count=len(failures)))
        with core.lock:
            fresh = int((core.place.of(good) == UNKNOWN).sum())
            failed = int((core.place.of(bad) == UNKNOWN).sum())
            core.version += 1
            height = core.values.height
            core.values.append(columns, len(good))
            core.place.put(good, np.arange(height, height + len(good), dtype=np.int32))
            core.place.put(bad, FAILED)
            core.failures.update(zip(bad.tolist(), failures.values(), strict=True))
            for row in good.tolist() if core.failures else ():
                core.failures.pop(row, None)
            return fresh + failed, failed

    def forget_failures(self, ids: np.ndarray[Any, Any]) -> None:
        """Take the failed ones among these rows for not computed, so that they are tried again."""
        core, rows = self._core, np.unique(self.shared(ids))
        with core.lock:
            core.version += 1
            failed = rows[core.place.of(rows) == FAILED]
            core.place.put(failed, UNKNOWN)
            for row in failed.tolist():
                del core.failures[row]

    def settle(self, output: str, dtype: Dtype) -> None:
        """Fix the dtype of an output that was not declared."""
        with self._core.lock:
            self._core.values.dtypes[output] = dtype

    def series(self, output: str, ids: np.ndarray[Any, Any]) -> pl.Series:
        """Return the values of an output for these rows; null where failed or not computed."""
        with self._core.lock:
            return self._core.values.gather(output, self._core.place.of(self.shared(ids)))

    def failure(self, row: int) -> Failure | None:
        """Return what went wrong with a row, if anything did."""
        return self.failures(np.array([row])).get(row)

    def failures(self, ids: np.ndarray[Any, Any]) -> dict[int, Failure]:
        """Return the failures among these rows, by row id, in the order of `ids`."""
        core = self._core
        if not core.failures:
            return {}
        kept = self.shared(ids)
        with core.lock:
            return {
                int(ids[i]): core.failures[int(kept[i])]
                for i in np.flatnonzero(core.place.of(kept) == FAILED)
            }

    @classmethod
    def of_parts(
        cls, dtypes: Mapping[str, Dtype], parts: Sequence[tuple[Results | None, np.ndarray[Any, Any]]]
    ) -> Results:
        """Return the answers for rows that are put one after another, with ids from 0 up.

        Parameters
        ----------
        dtypes
            As for `Results`.
        parts
            For each table its answers and the ids of its rows there. Rows without answers are known to
            be null, where a frame holds all outputs.

        Raises
        ------
        polars.exceptions.PolarsError
            When no dtype holds the values of all.
        """
        made = cls(dtypes)
        there = [(results, ids) for results, ids in parts if results is not None]
        if len(there) == len(parts) and len({results.uid for results, _ in there}) == 1:
            made = there[0][0].rekeyed(np.empty(0, dtype=np.int64))
            shared = [results.shared(ids) for results, ids in there]
            made._first = np.concatenate(shared)  # noqa: SLF001 - it is one of this class
            return made
        start = 0
        for results, ids in parts:
            new = np.arange(start, start + len(ids), dtype=np.uint32)
            start += len(ids)
            if results is None:
                made.answer_null(new)
            else:
                made._copy(results, np.asarray(ids), new)  # noqa: SLF001 - it is one of this class
        return made

    def answer_null(self, ids: np.ndarray[Any, Any]) -> None:
        """Take these rows for computed, and null; nothing is done where a frame does not hold all outputs."""
        if all(map(fits_a_frame, self.dtypes.values())):
            nulls = pl.Series([None], dtype=pl.Null).new_from_index(0, len(ids))
            self.store(ids, dict.fromkeys(self.dtypes, nulls), {})

    def _copy(self, other: Results, ids: np.ndarray[Any, Any], new: np.ndarray[Any, Any]) -> None:
        """Take over what another knows of rows, which have new ids here."""
        for name, dtype in other.dtypes.items():
            if not fits_a_frame(dtype):
                self.settle(name, dtype)
        place = dict(zip(ids.tolist(), new.tolist(), strict=True))
        failures = {place[row]: failure for row, failure in other.failures(ids).items()}
        good = other.known(ids) & ~np.isin(new, list(failures))
        names = [name for name, dtype in other.dtypes.items() if fits_a_frame(dtype)]
        values = {name: other.series(name, ids[good]) for name in names}
        # What no frame holds is not here: it is computed again when it is wanted.
        self.store(new[good] if names else new[:0], values, failures)

    def rekeyed(self, old: np.ndarray[Any, np.dtype[np.int64]]) -> Results:
        """Return the same answers for rows with new ids: row i was row ``old[i]`` (-1: none).

        Copies of one row share one answer, also one that is computed later.
        """
        other = Results({})
        other._core = self._core
        first = self.shared(np.maximum(old, 0))
        without = old < 0
        if without.any():
            first = first.copy()
            first[without] = self._core.fresh(int(without.sum()))
        other._first = first
        return other
