"""What is known of a deferred function's answers, by row."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from explorer.compute.deferred import Image

if TYPE_CHECKING:
    from collections.abc import Mapping

    from explorer.compute.deferred import Dtype

UNKNOWN = -1
FAILED = -2


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

    def append(self, columns: Mapping[str, pl.Series], height: int) -> None:
        for name, series in columns.items():
            self.dtypes[name] = widened(self.dtypes[name], series.dtype)
            self._parts[name].append(series)
        self.height += height

    def gather(self, name: str, places: np.ndarray[Any, np.dtype[np.int32]]) -> pl.Series:
        parts = self._parts[name]
        if not parts or not (places >= 0).any():
            dtype = self.dtypes[name]
            return pl.Series(name, [None] * len(places), dtype=pl.Null if dtype == pl.Unknown else dtype)
        if len(parts) > 1:
            frames = [part.to_frame(name) for part in parts]
            parts[:] = [pl.concat(frames, how="vertical_relaxed", rechunk=True).to_series()]
        nullable = pl.Series(np.where(places < 0, 0, places).astype(np.uint32))
        gathered = parts[0].gather(nullable).alias(name)
        if (places < 0).any():
            frame = pl.DataFrame({"value": gathered, "known": places >= 0})
            gathered = frame.select(pl.when("known").then("value").alias(name)).to_series()
        return gathered


class Results:
    """Answers by row id: which rows are known, their values, and which failed.

    Row ids are small integers that a table gives its rows for good, so filtered and sorted tables
    share one of these. Safe from any thread: each method holds the lock for its whole length.

    Parameters
    ----------
    dtypes
        Output name to dtype. Values of `Image` and `polars.Object` outputs are kept elsewhere;
        here only that they were computed.
    """

    def __init__(self, dtypes: Mapping[str, Dtype]) -> None:
        self._values = _Values(dtypes)
        self._place = np.full(0, UNKNOWN, dtype=np.int32)
        self._failures: dict[int, Failure] = {}
        self._lock = Lock()
        self.version = 0

    @property
    def dtypes(self) -> Mapping[str, Dtype]:
        """Output name to dtype; an unknown one becomes known with the first values."""
        return self._values.dtypes

    def _places(self, ids: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.int32]]:
        if not self._place.size:
            return np.full(len(ids), UNKNOWN, dtype=np.int32)
        inside = np.minimum(ids, self._place.size - 1)
        return np.where(ids < self._place.size, self._place[inside], UNKNOWN).astype(np.int32)

    def known(self, ids: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Tell for each row id whether it was computed, to a value or to a failure."""
        with self._lock:
            return np.asarray(self._places(ids) != UNKNOWN)

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
        with self._lock:
            top = max(int(ids.max()) if len(ids) else -1, max(failures, default=-1))
            if top >= self._place.size:
                grown = np.full(max(top + 1, 2 * self._place.size), UNKNOWN, dtype=np.int32)
                grown[: self._place.size] = self._place
                self._place = grown
            bad = np.fromiter(failures, dtype=np.int64, count=len(failures))
            fresh = int((self._place[ids] == UNKNOWN).sum())
            failed = int((self._place[bad] == UNKNOWN).sum())
            self.version += 1
            self._place[ids] = np.arange(self._values.height, self._values.height + len(ids), dtype=np.int32)
            self._values.append(columns, len(ids))
            self._place[bad] = FAILED
            self._failures.update(failures)
            for row in ids.tolist() if self._failures else ():
                self._failures.pop(row, None)
            return fresh + failed, failed

    def forget_failures(self, ids: np.ndarray[Any, Any]) -> None:
        """Take the failed ones among these rows for not computed, so that they are tried again."""
        with self._lock:
            self.version += 1
            for row in ids[self._places(ids) == FAILED].tolist():
                self._place[row] = UNKNOWN
                del self._failures[row]

    def settle(self, output: str, dtype: Dtype) -> None:
        """Fix the dtype of an output that was not declared."""
        with self._lock:
            self._values.dtypes[output] = dtype

    def series(self, output: str, ids: np.ndarray[Any, Any]) -> pl.Series:
        """Return the values of an output for these rows; null where failed or not computed."""
        with self._lock:
            return self._values.gather(output, self._places(ids))

    def failure(self, row: int) -> Failure | None:
        """Return what went wrong with a row, if anything did."""
        with self._lock:
            return self._failures.get(row)

    def failures(self, ids: np.ndarray[Any, Any]) -> dict[int, Failure]:
        """Return the failures among these rows, by row id, in the order of `ids`."""
        with self._lock:
            failed = ids[self._places(ids) == FAILED]
            return {int(row): self._failures[int(row)] for row in failed}

    def rekeyed(self, old: np.ndarray[Any, np.dtype[np.int64]]) -> Results:
        """Return the same knowledge for rows with new ids: row i was row ``old[i]`` (-1: none)."""
        other = Results({})
        with self._lock:
            other._values = self._values if self._values.height else _Values(self._values.dtypes)
            places = self._places(np.maximum(old, 0))
            other._place = np.where(old < 0, UNKNOWN, places).astype(np.int32)
            other._failures = {
                int(i): self._failures[int(old[i])] for i in np.flatnonzero(other._place == FAILED)
            }
            other._lock = self._lock
        return other
