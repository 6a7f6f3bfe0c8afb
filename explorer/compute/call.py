"""Calling a deferred function on some rows: batches, isolation of failing rows, checked outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from explorer._errors import OutputError
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


def call(
    spec: Deferred,
    inputs: Sequence[Sequence[Any]],
    *,
    map_rows: Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]] = map,
    keep_done: Callable[[Outcome], object] | None = None,
) -> Outcome:
    """Call the function of `spec` on rows given as one sequence per input.

    A row with a failed input fails for the same reason and is not passed on. When a batch raises,
    it is split until the failing rows are alone.

    Parameters
    ----------
    map_rows
        Calls a per-row function for each row, perhaps in threads.
    keep_done
        Is given what a per-row function has done when it is interrupted in the middle.

    Raises
    ------
    OutputError
        When the function returns another number of rows, other names, or something that is not what
        was declared: that is wrong for every row.

    Examples
    --------
    >>> from explorer.compute.deferred import Deferred
    >>> spec = Deferred(lambda x: 12 // x, ("x",), {"": pl.Int64}, name="twelfth")
    >>> outcome = call(spec, [[3, 0, 4]])
    >>> outcome.columns[""], str(outcome.failures[1])
    ([4, 3], 'twelfth: ZeroDivisionError: integer division or modulo by zero')
    """
    failures: dict[int, Failure] = {}
    rows = list(zip(*inputs, strict=True))
    for place, row in enumerate(rows):
        bad = next((value for value in row if isinstance(value, Failure)), None)
        if bad is not None:
            failures[place] = bad
    skipped = len(failures)
    places = [place for place in range(len(rows)) if place not in failures]
    pieces: list[tuple[list[int], dict[str, Sequence[Any]]]] = []
    if spec.batched:
        _batches(spec, rows, places, pieces, failures)
    else:
        _each(spec, rows, places, pieces, failures, map_rows, keep_done)
    good = [place for piece, _ in pieces for place in piece]
    columns: dict[str, Sequence[Any]] = {}
    for name in spec.returns:
        parts = [columns_of[name] for _, columns_of in pieces]
        columns[name] = parts[0] if len(parts) == 1 else [value for part in parts for value in part]
    return Outcome(good, columns, failures, skipped)


def _each(
    spec: Deferred,
    rows: Sequence[tuple[Any, ...]],
    places: list[int],
    pieces: list[tuple[list[int], dict[str, Sequence[Any]]]],
    failures: dict[int, Failure],
    map_rows: Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]],
    keep_done: Callable[[Outcome], object] | None,
) -> None:
    def one(place: int) -> Any:
        try:
            return spec.function(*rows[place])
        except OutputError:
            raise
        except Exception as error:
            if spec.on_error == "raise":
                raise
            return Failure.of(error, spec.name)

    values: list[Any] = []
    good: list[int] = []
    try:
        for place, value in zip(places, map_rows(one, places), strict=True):
            if isinstance(value, Failure):
                failures[place] = value
            else:
                good.append(place)
                values.append(value)
    except BaseException:
        # Interrupted, or one row ends it all: what is done is kept.
        if keep_done is not None:
            keep_done(Outcome(*_unpacked(spec, good, values), failures))
        raise
    pieces.append(_unpacked(spec, good, values))


def _unpacked(
    spec: Deferred, good: list[int], values: list[Any]
) -> tuple[list[int], dict[str, Sequence[Any]]]:
    if not spec.several:
        return good, {next(iter(spec.returns)): values}
    for value in values:
        _check_names(spec, value)
    return good, {name: [value[name] for value in values] for name in spec.returns}


def _batches(
    spec: Deferred,
    rows: Sequence[tuple[Any, ...]],
    places: list[int],
    pieces: list[tuple[list[int], dict[str, Sequence[Any]]]],
    failures: dict[int, Failure],
) -> None:
    if not places:
        return
    columns = [list(column) for column in zip(*(rows[place] for place in places), strict=True)]
    try:
        answer = spec.function(*(stack(column) for column in columns) if spec.stacked else columns)
    except OutputError:
        raise
    except Exception as error:
        if spec.on_error == "raise":
            raise
        if len(places) == 1:
            failures[places[0]] = Failure.of(error, spec.name)
            return
        middle = len(places) // 2
        _batches(spec, rows, places[:middle], pieces, failures)
        _batches(spec, rows, places[middle:], pieces, failures)
        return
    if spec.several:
        _check_names(spec, answer)
        named = {name: to_plain(answer[name]) for name in spec.returns}
    else:
        named = {next(iter(spec.returns)): to_plain(answer)}
    for name, values in named.items():
        _check_length(spec, name, values, len(places))
    pieces.append((places, named))


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
