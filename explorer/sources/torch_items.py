"""The items of a map-style data set: each made once, for all of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from explorer._errors import ComputeError, did_you_mean
from explorer.compute.call import to_plain
from explorer.compute.deferred import Image
from explorer.sources.pixels import as_image, looks_like_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from explorer.compute.deferred import Dtype

DEFAULT_NAMES = ("image", "label")
"""Names of the parts of an item that nobody named."""

RECENT = 8
"""Items that are kept, so that threads which want one at the same time share it."""

_OF_KIND: Mapping[str, Dtype] = {"b": pl.Boolean, "i": pl.Int64, "u": pl.Int64, "f": pl.Float64}
_OF_TYPE: Sequence[tuple[type, Dtype]] = (
    (bool, pl.Boolean),
    (int, pl.Int64),
    (float, pl.Float64),
    (str, pl.String),
    (bytes, pl.Binary),
)


class Items:
    """A data set as a function of the position, whose answer is a dict of columns.

    Parameters
    ----------
    dataset
        Has ``dataset[i]``.
    names
        Names of the parts of items that are tuples; dicts and named tuples name their own.
    workers
        Threads that index the data set at the same time. Most data sets hold an open file or the state
        of a random generator, so that one is what is safe.
    """

    def __init__(self, dataset: Any, names: Sequence[str], *, workers: int = 1) -> None:
        self.returns: Mapping[str, Dtype] = {}
        self._dataset = dataset
        self._names = tuple(names)
        self._slots = BoundedSemaphore(workers)
        self._lock = Lock()
        self._recent: dict[int, Future[Any]] = {}
        self._looked_at: set[int] = set()

    def probe(self, position: int) -> dict[str, Any]:
        """Return the named parts of one item, and keep it until somebody asks for it."""
        item = self._item(position)
        self._looked_at.add(position)
        return named(item, self._names, position)

    def __call__(self, position: int) -> dict[str, Any]:
        """Return the values of one row, by column."""
        item = self._item(position)
        self._looked_at.discard(position)
        parts = named(item, self._names, position)
        missing = [name for name in self.returns if name not in parts]
        if missing:
            raise ComputeError(
                f"item {position} has no {missing[0]!r}; it has {', '.join(map(repr, parts)) or 'nothing'}"
            )
        return {name: as_value(parts[name], dtype) for name, dtype in self.returns.items()}

    def _item(self, position: int) -> Any:
        with self._lock:
            future = self._recent.get(position)
            first = future is None
            if future is None:
                future = self._recent[position] = Future()
        if first:
            try:
                with self._slots:
                    future.set_result(self._dataset[position])
            except BaseException as error:
                with self._lock:
                    del self._recent[position]
                future.set_exception(error)
                raise
            self._forget()
        return future.result()

    def _forget(self) -> None:
        with self._lock:
            for position in list(self._recent):
                if len(self._recent) <= RECENT:
                    return
                if self._recent[position].done() and position not in self._looked_at:
                    del self._recent[position]


def named(item: Any, names: Sequence[str], position: int) -> dict[str, Any]:
    """Return the parts of an item by name.

    Raises
    ------
    ComputeError
        When a tuple has another number of parts than there are names.

    Examples
    --------
    >>> named(("pixels", 3), ("image", "label"), 0)
    {'image': 'pixels', 'label': 3}
    >>> named({"x": 1}, ("image", "label"), 0), named("pixels", ("image", "label"), 0)
    ({'x': 1}, {'image': 'pixels'})
    """
    unnamed = tuple(names) == DEFAULT_NAMES
    if hasattr(item, "_asdict") and unnamed:
        item = item._asdict()
    if isinstance(item, Mapping):
        parts = {str(key): value for key, value in item.items()}
        missing = [] if unnamed else [name for name in names if name not in parts]
        if missing:
            listed = ", ".join(map(repr, parts)) or "nothing"
            raise ComputeError(
                f"item {position} has no {missing[0]!r}; it has {listed}",
                hint=did_you_mean(missing[0], parts),
            )
        return parts if unnamed else {name: parts[name] for name in names}
    if not isinstance(item, (tuple, list)):
        return {names[0]: item}
    # Where nobody named the parts, a label may be left out, as in a test set.
    if not item or len(item) > len(names) or (len(item) < len(names) and not unnamed):
        raise ComputeError(
            f"item {position} has {len(item)} parts; there are {len(names)} names: {', '.join(names)}",
            hint=f"Name them all: {named_all(names, len(item))}",
        )
    return dict(zip(names, item, strict=False))


def named_all(names: Sequence[str], parts: int) -> str:
    """Return how to name as many parts.

    Examples
    --------
    >>> named_all(("image", "label"), 3)
    'names=("image", "label", "…")'
    """
    listed = [f'"{name}"' for name in [*names, *["…"] * parts][:parts]]
    return f"names=({', '.join(listed)}{',' if parts == 1 else ''})"


def dtype_of(value: Any) -> Dtype:
    """Return the dtype of a column whose values are like this one.

    Examples
    --------
    >>> dtype_of(3), dtype_of(np.zeros(4, np.float32)), dtype_of({"boxes": []})
    (Int64, List(Float32), Object)
    """
    if looks_like_image(value):
        return Image
    value = to_plain(value)
    if isinstance(value, (np.ndarray, np.generic)):
        if value.ndim == 0:
            return _OF_KIND.get(value.dtype.kind, pl.Unknown)
        return (
            pl.List(pl.Series(value).dtype) if value.ndim == 1 and value.dtype.kind in _OF_KIND else pl.Object
        )
    for python, dtype in (
        (bool, pl.Boolean),
        (int, pl.Int64),
        (float, pl.Float64),
        (str, pl.String),
        (bytes, pl.Binary),
    ):
        if isinstance(value, python):
            return dtype
    return pl.Unknown if value is None else pl.Object


def as_value(value: Any, dtype: Dtype) -> Any:
    """Return a part of an item as its column holds it."""
    if dtype == Image:
        return as_image(value)
    if dtype == pl.Object:
        return value
    plain = to_plain(value)
    return plain.item() if isinstance(plain, np.ndarray) and plain.ndim == 0 else plain
