"""Calling a deferred function on some rows: batches, isolation of failing rows, checked outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import polars as pl

from explorer._errors import OutputError, WorkerError
from explorer.compute.deferred import Image
from explorer.compute.results import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from explorer.compute.deferred import Deferred, Dtype


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answers for some rows: values of the rows in `good`, failures of the others by place.

    `skipped` counts the failures for which the function was not called, because an input had failed.
    """

    good: list[int]
    columns: dict[str, Sequence[Any]]
    failures: dict[int, Failure]
    skipped: int = 0


MapCalls: TypeAlias = "Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]"


def call(
    spec: Deferred,
    inputs: Sequence[Sequence[Any]],
    *,
    function: Callable[..., Any] | None = None,
    map_calls: MapCalls = map,
    keep_done: Callable[[Outcome], object] | None = None,
) -> Outcome:
    """Call the function of `spec` on rows given as one sequence per input.

    A row with a failed input fails for the same reason and is not passed on. A batched function gets
    batches of its size, the last of which may be short. When a batch raises, it is split until the
    failing rows are alone.

    Parameters
    ----------
    function
        What is called in place of the function itself. An image loader may have a method `together`,
        which takes the values of several rows and returns as many images, or None to be called row by row.
    map_calls
        Calls for each row or batch, perhaps several at the same time.
    keep_done
        Is given what was done when it ends in the middle.

    Raises
    ------
    OutputError
        When the function returns another number of rows, other names, or something that is not what
        was declared: that is wrong for every row.
    WorkerError
        When there is nothing that could be called.

    Examples
    --------
    >>> from explorer.compute.deferred import Deferred
    >>> spec = Deferred(lambda x: 12 // x, ("x",), {"": pl.Int64}, name="twelfth")
    >>> outcome = call(spec, [[3, 0, 4]])
    >>> outcome.columns[""], str(outcome.failures[1])
    ([4, 3], 'twelfth: ZeroDivisionError: integer division or modulo by zero')
    """
    rows = list(zip(*inputs, strict=True))
    failures: dict[int, Failure] = {}
    if any(Failure in set(map(type, column)) for column in inputs):
        for place, row in enumerate(rows):
            bad = next((value for value in row if isinstance(value, Failure)), None)
            if bad is not None:
                failures[place] = bad
    places = [place for place in range(len(rows)) if place not in failures]
    together = getattr(function or spec.function, "together", None) if spec.kind == "image" else None
    if together is not None and len(places) > 1 and len(inputs) == 1 and not spec.several:
        # What makes images of pixel values is much faster for many; None: one of them is not as it should be.
        values = together([rows[place][0] for place in places])
        if values is not None:
            return Outcome(places, {next(iter(spec.returns)): values}, failures, len(failures))
    calls = (_Batches if spec.batched else _Each)(spec, function or spec.function, rows, failures)
    try:
        for _ in map_calls(calls, calls.parts(places)):
            pass
    except BaseException:
        # Interrupted, or one row ends it all: what is done is kept.
        if keep_done is not None:
            keep_done(calls.outcome())
        raise
    return calls.outcome()


class _Each:
    """Calls a function for a row, which may be done in several threads, and gathers the answers."""

    def __init__(
        self,
        spec: Deferred,
        function: Callable[..., Any],
        rows: Sequence[tuple[Any, ...]],
        failures: dict[int, Failure],
    ) -> None:
        self.spec = spec
        self.function = function
        self.rows = rows
        self.failures = failures
        self.skipped = len(failures)
        self.done: dict[int, Any] = {}

    def parts(self, places: list[int]) -> Iterable[Any]:
        return places

    def __call__(self, place: Any) -> None:
        try:
            self.done[place] = self.function(*self.rows[place])
        except (OutputError, WorkerError):
            raise
        except Exception as error:
            if self.spec.on_error == "raise":
                raise
            self.failures[place] = Failure.of(error, self.spec.name)

    def outcome(self) -> Outcome:
        # A copy, as a thread that was left behind by an interruption may still add to it.
        done = dict(self.done)
        good = sorted(done)
        values = [done[place] for place in good]
        failures = dict(self.failures)
        if not self.spec.several:
            return Outcome(good, {next(iter(self.spec.returns)): values}, failures, self.skipped)
        for value in values:
            _check_names(self.spec, value)
        columns: dict[str, Sequence[Any]] = {
            name: [value[name] for value in values] for name in self.spec.returns
        }
        return Outcome(good, columns, failures, self.skipped)


class _Batches(_Each):
    """Calls a function for a batch; `done` holds the columns of each batch under its places."""

    def parts(self, places: list[int]) -> Iterable[Any]:
        size = self.spec.batch_size
        return [places[start : start + size] for start in range(0, len(places), size)]

    def __call__(self, places: Any) -> None:
        spec = self.spec
        columns = [list(column) for column in zip(*(self.rows[place] for place in places), strict=True)]
        try:
            answer = self.function(*(stack(column) for column in columns) if spec.stacked else columns)
        except (OutputError, WorkerError):
            raise
        except Exception as error:
            if spec.on_error == "raise":
                raise
            if len(places) == 1:
                self.failures[places[0]] = Failure.of(error, spec.name)
                return
            del columns
            middle = len(places) // 2
            self(places[:middle])
            self(places[middle:])
            return
        if spec.several:
            _check_names(spec, answer)
            named = {name: to_plain(answer[name]) for name in spec.returns}
        else:
            named = {next(iter(spec.returns)): to_plain(answer)}
        for name, values in named.items():
            _check_length(spec, name, values, len(places))
        self.done[places[0]] = (places, named)

    def outcome(self) -> Outcome:
        pieces = [piece for _, piece in sorted(dict(self.done).items(), key=lambda item: item[0])]
        columns: dict[str, Sequence[Any]] = {}
        for name in self.spec.returns:
            parts = [named[name] for _, named in pieces]
            columns[name] = parts[0] if len(parts) == 1 else [value for part in parts for value in part]
        good = [place for places, _ in pieces for place in places]
        return Outcome(good, columns, dict(self.failures), self.skipped)


def _check_names(spec: Deferred, answer: object) -> None:
    if not isinstance(answer, dict):
        raise OutputError(
            f"{spec.name} returned {type(answer).__name__}, but it is declared to return "
            f"the columns {', '.join(map(repr, spec.returns))}.",
            hint="Return a dict from column name to values.",
        )
    missing = [name for name in spec.returns if name not in answer]
    if missing:
        raise OutputError(
            f"{spec.name} returned {', '.join(map(repr, answer)) or 'nothing'}, "
            f"without {', '.join(map(repr, missing))}.",
            hint="Return every column of returns=, or leave it out there.",
        )


def _check_length(spec: Deferred, name: str, values: Sequence[Any], expected: int) -> None:
    length = len(values) if hasattr(values, "__len__") and getattr(values, "ndim", None) != 0 else None
    if length == expected:
        return
    of = f" for {name!r}" if name else ""
    got = f"{length} rows" if length is not None else f"a single {type(values).__name__}"
    raise OutputError(
        f"{spec.name} returned {got}{of}, but was given a batch of {expected}.",
        hint="A batched function returns as many rows as it is given. For one row at a time: batched=False.",
    )


def to_plain(values: Any) -> Any:
    """Bring a tensor to the CPU as an array; leave everything else as it is."""
    if hasattr(values, "detach") and hasattr(values, "cpu"):
        values = values.detach().cpu()
        is_half = str(values.dtype) in {"torch.bfloat16", "torch.float16"}
        return (values.float() if is_half else values).numpy()
    return values


def stack(values: Sequence[Any]) -> Any:
    """Stack values into one array (or tensor) where their shapes agree, else leave the list.

    Examples
    --------
    >>> stack([1, 2]).shape, stack([np.zeros((2, 3)), np.zeros((2, 3))]).shape
    ((2,), (2, 2, 3))
    >>> stack(["a", "b"]), stack([np.zeros(2), np.zeros(3)])
    (['a', 'b'], [array([0., 0.]), array([0., 0., 0.])])
    """
    if not values:
        return np.empty(0)
    first = values[0]
    if isinstance(first, (str, bytes, type(None))) or any(value is None for value in values):
        return list(values)
    if hasattr(first, "detach") and len({tuple(getattr(value, "shape", ())) for value in values}) == 1:
        import torch

        return torch.stack(list(values))
    if hasattr(first, "getbands"):
        if len({(image.size, image.mode) for image in values}) > 1:
            return list(values)
        return np.stack([np.asarray(image) for image in values])
    if set(map(type, values)) == {np.ndarray}:
        shapes = {value.shape for value in values}
    else:
        shapes = {np.shape(value) for value in values} if not isinstance(first, dict) else {(), (1,)}
    return np.asarray(values) if len(shapes) == 1 else list(values)


def settle(dtype: Dtype, values: Sequence[Any]) -> Dtype:
    """Decide about an undeclared dtype by the first values: images and tensors stay out of the frame."""
    first = next((value for value in values if value is not None), None) if dtype == pl.Unknown else None
    if first is None:
        return dtype
    if hasattr(first, "getbands"):
        return Image
    if hasattr(first, "detach") or getattr(first, "ndim", 0) > 1:
        return pl.Object
    plain = isinstance(first, (np.generic, np.ndarray, str, bytes, bool, int, float, list))
    return dtype if plain or pl.Series([first]).dtype != pl.Object else pl.Object


def to_series(name: str, values: Any, dtype: Dtype, *, function: str) -> pl.Series:
    """Make a Polars series of the declared dtype out of what a function returned.

    An undeclared dtype is taken from the values; see `settle` for those that no frame should hold.

    Raises
    ------
    OutputError
        When the values are not of the declared dtype, or would lose by becoming so.
    """
    if dtype in (Image, pl.Object):
        return pl.Series(name, [None] * len(values), dtype=pl.Null)
    try:
        return _converted(name, _regular(values), dtype)
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
        shape = f" of shape {values.shape}" if isinstance(values, np.ndarray) else ""
        example = "" if len(values) == 0 or shape else f", for instance {values[0]!r}"
        which = f" for {name!r}" if name else ""
        raise OutputError(
            f"{function} returned {type(values).__name__}{shape}{example}{which}, "
            + (
                "of types that no one dtype holds."
                if dtype == pl.Unknown
                else f"which does not fit the declared {dtype}."
            ),
            hint=f"Change what it returns, or declare another dtype with returns=. ({error})",
        ) from error


def _regular(values: Any) -> Any:
    """Bring arrays and NumPy numbers among the values into what Polars reads fastest."""
    if isinstance(values, (np.ndarray, pl.Series)):
        return values
    values = [to_plain(value) for value in values]
    if values and all(isinstance(value, np.ndarray) for value in values):
        return np.stack(values) if len({value.shape for value in values}) == 1 else values
    if any(isinstance(value, (np.generic, np.ndarray)) for value in values):
        return [value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value for value in values]
    return values


def _converted(name: str, values: Any, dtype: Dtype) -> pl.Series:
    if dtype == pl.Unknown:
        mixed = not isinstance(values, (np.ndarray, pl.Series)) and {type(value) for value in values} >= {
            int,
            float,
        }
        return pl.Series(name, values, dtype=pl.Float64 if mixed else None, strict=True)
    if isinstance(values, (np.ndarray, pl.Series)):
        series = pl.Series(name, values)
        width = getattr(series.dtype, "size", None)
        if isinstance(dtype, pl.Array) and width is not None and width != dtype.size:
            raise ValueError(f"a vector of {width} values is none of {dtype.size}")
        if series.dtype.is_float() and dtype.is_integer() and not (series == series.round()).all():
            raise ValueError("numbers with a fraction are no integers")
        return series if series.dtype == dtype else series.cast(dtype)
    return pl.Series(name, values, dtype=dtype, strict=True)
