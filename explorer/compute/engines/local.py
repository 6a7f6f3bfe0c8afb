"""The engine of this process: threads, and caches bounded in bytes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from threading import Lock, current_thread, get_ident
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from explorer._errors import ComputeError, ImageError, OutputError
from explorer.compute.cache import ByteCache
from explorer.compute.call import Outcome, call, settle, to_series
from explorer.compute.deferred import Image
from explorer.compute.graph import Output, Stored, stored_columns
from explorer.compute.results import Failure, fits_a_frame, widened
from explorer.images.thumbnail import Thumbnail, thumbnail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from explorer.compute.counters import Counters
    from explorer.compute.deferred import Deferred, Dtype
    from explorer.compute.graph import Node, Ref
    from explorer.compute.rows import Rows

MIB = 2**20
ROW_THREADS = "explorer-rows"


def _weight(value: Any) -> int:
    """Bytes that a value holds, near enough: pixels of an image, elements of an array or tensor."""
    if hasattr(value, "getbands"):
        return int(value.width * value.height * len(value.getbands()) + 256)
    return int(getattr(value, "nbytes", 1024)) + 128


class LocalEngine:
    """Evaluates deferred functions for given rows, each row once.

    Parameters
    ----------
    pixel_bytes, object_bytes, thumbnail_bytes
        Limits of the caches of decoded images, of other Python values, and of encoded thumbnails.
    """

    def __init__(
        self,
        *,
        pixel_bytes: int = 256 * MIB,
        object_bytes: int = 256 * MIB,
        thumbnail_bytes: int = 128 * MIB,
    ) -> None:
        self.pixels: ByteCache[Any] = ByteCache(pixel_bytes, weigh=_weight)
        self.objects: ByteCache[Any] = ByteCache(object_bytes, weigh=_weight)
        self.thumbnails: ByteCache[Thumbnail] = ByteCache(
            thumbnail_bytes, weigh=lambda tile: len(tile.data) + 256
        )
        self._pools: dict[int, ThreadPoolExecutor] = {}
        self._lock = Lock()

    def _map_rows(self, workers: int) -> Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]:
        # A thread of a pool that waited for its own pool would wait for ever.
        if workers == 1 or current_thread().name.startswith(ROW_THREADS):
            return map
        with self._lock:
            if workers not in self._pools:
                self._pools[workers] = ThreadPoolExecutor(workers, thread_name_prefix=ROW_THREADS)
            return self._pools[workers].map

    def values(self, ref: Ref, rows: Rows, counters: Counters) -> Sequence[Any]:
        """Return the values of a column for these rows; a `Failure` where a row has failed."""
        if isinstance(ref, Stored):
            return _plain_values(rows.stored(ref.column))
        node, ids = ref.node, rows.ids
        kept: dict[int, Any] = {}
        if ref.dtype == pl.Unknown:
            # Only the values tell whether a frame can hold them.
            kept = self.ensure(node, rows, counters).get(ref.name, {})
        if not ref.fits_a_frame:
            store = self._store_of(ref)
            kept |= {int(i): v for i in ids if (v := store.get((node.uid, int(i), ref.name))) is not None}
            counters.add(cache_hits=len(kept) if ref.dtype == Image else 0)
        computed = self.ensure(
            node, rows, counters, again=None if ref.fits_a_frame else (ref.name, set(kept))
        )
        failures = node.results.failures(ids)
        if ref.fits_a_frame:
            series = node.results.series(ref.name, ids)
            plain = _plain_values(series)
            return [failures.get(int(i), v) for i, v in zip(ids, plain, strict=True)]
        found = kept | computed.get(ref.name, {})
        return [failures[int(i)] if int(i) in failures else found[int(i)] for i in ids]

    def _store_of(self, ref: Output) -> ByteCache[Any]:
        return self.pixels if ref.dtype == Image else self.objects

    def ensure(
        self,
        node: Node,
        rows: Rows,
        counters: Counters,
        *,
        again: tuple[str, set[int]] | None = None,
    ) -> dict[str, dict[int, Any]]:
        """Compute the rows that are not known yet, in one call of the function where it is batched.

        Parameters
        ----------
        again
            An output that is not kept in the frame, and the rows that still hold it: other rows are
            computed again even if they were computed before.

        Returns
        -------
        dict
            Values that are not kept in the frame, by output and row id, for rows computed now.
        """
        with _entered(node):
            ids = rows.ids
            missing = ~node.results.known(ids)
            if again is not None:
                failed = node.results.failures(ids)
                missing |= np.array(
                    [int(i) not in again[1] and int(i) not in failed for i in ids], dtype=bool
                )
            if not missing.any():
                return {}
            places = np.unique(ids[missing], return_index=True)[1]
            todo = np.flatnonzero(missing)[np.sort(places)]
            part = rows.take(todo, stored_columns([node]))
            if not node.entrance.opened:
                getattr(node.spec.function, "open", lambda: None)()
                node.entrance.opened = True
            if node.spec.kind == "expression":
                self._express(node, part, counters)
                return {}
            inputs = [self.values(ref, part, counters) for ref in node.inputs]
            outcome = call(
                _counted(node, counters),
                inputs,
                map_rows=self._map_rows(node.spec.workers),
                keep_done=lambda done: self._keep(node, part.ids, done, counters),
            )
            return self._keep(node, part.ids, outcome, counters)

    def series(self, ref: Ref, rows: Rows, counters: Counters) -> pl.Series:
        """Return the values of a column that fits a frame; null where a row has failed."""
        if isinstance(ref, Stored):
            return rows.stored(ref.column)
        self.ensure(ref.node, rows, counters)
        return ref.node.results.series(ref.name, rows.ids)

    def _express(self, node: Node, rows: Rows, counters: Counters) -> None:
        """Evaluate a Polars expression on whole columns; a row that failed is null in it, as in a frame."""
        inputs = [
            self.series(ref, rows, counters).alias(name)
            for ref, name in zip(node.inputs, node.spec.inputs, strict=True)
        ]
        try:
            answer: pl.Series = node.spec.function(pl.DataFrame(inputs))
        except pl.exceptions.PolarsError as error:
            raise ComputeError(f"{node.spec.name}: Polars says: {error}") from error
        (name,) = node.spec.returns
        node.results.store(rows.ids, {name: answer}, {})

    def _keep(
        self, node: Node, ids: np.ndarray[Any, Any], outcome: Outcome, counters: Counters
    ) -> dict[str, dict[int, Any]]:
        outcome, series = _as_series(node, outcome)
        good = ids[np.asarray(outcome.good, dtype=np.int64)]
        objects: dict[str, dict[int, Any]] = {}
        for name, values in outcome.columns.items():
            if name in series:
                continue
            objects[name] = dict(zip(good.tolist(), values, strict=True))
            store = self._store_of(Output(node, name))
            for row, value in objects[name].items():
                store.put((node.uid, row, name), value)
        failures = {int(ids[place]): failure for place, failure in outcome.failures.items()}
        new = ~node.results.known(good)
        if series and not new.all():
            # Only the objects of these rows were gone.
            good = good[new]
            series = {name: values.filter(pl.Series(new)) for name, values in series.items()}
        fresh, failed = node.results.store(good, series, failures)
        if node.spec.kind == "image":
            counters.add(
                images_decoded=fresh - failed, decode_calls=len(ids) - outcome.skipped, failed=failed
            )
        elif node.spec.kind == "header":
            counters.add(failed=failed)
        else:
            counters.add(rows_inferred=max(fresh - outcome.skipped, 0), failed=failed)
        return objects

    def thumbnail(
        self, ref: Output, rows: Rows, px: int, counters: Counters, *, keep_pixels: bool = False
    ) -> Thumbnail | Failure:
        """Return one row's image at `px` pixels, decoded no larger than needed.

        Parameters
        ----------
        rows
            Exactly one row.
        keep_pixels
            Decode in full and keep the pixels, because a function is going to want them.
        """
        node, row = ref.node, int(rows.ids[0])
        failure = node.results.failure(row)
        if failure is not None:
            return failure
        key = (node.uid, row, px)
        tile = self.thumbnails.get(key)
        if tile is not None:
            counters.add(cache_hits=1)
            return tile
        image = self.pixels.get((node.uid, row, ref.name))
        loader: Any = node.spec.function
        reads = hasattr(loader, "read")
        if image is None and (keep_pixels or not reads):
            image = self.values(ref, rows, counters)[0]
            if isinstance(image, Failure):
                return image
            if image is None:
                return Failure("ImageError", f"{node.spec.name} returned no image", node.spec.name)
        try:
            if image is not None:
                tile = thumbnail(image, px, mode=getattr(loader, "mode", "RGB"))
            else:
                data = loader.read(*(self.values(ref, rows, counters)[0] for ref in node.inputs))
                tile = _small(loader, data, px)
                fresh, _ = node.results.store(rows.ids, {}, {})
                counters.add(images_decoded=fresh, decode_calls=1, bytes_read=len(data))
        except ImageError as error:
            failure = Failure.of(error, node.spec.name)
            _, failed = node.results.store(rows.ids[:0], {}, {row: failure})
            counters.add(failed=failed)
            return failure
        self.thumbnails.put(key, tile)
        return tile


def _plain_values(series: pl.Series) -> list[Any]:
    """Return Python values; vectors and arrays of numbers as arrays, as functions calculate with them."""
    inner = getattr(series.dtype, "inner", None)
    while isinstance(series.dtype, pl.Array) and isinstance(inner, pl.Array):
        inner = inner.inner
    if inner is not None and inner.is_numeric():
        return [None if value is None else value.to_numpy() for value in series]
    return series.to_list()


def _counted(node: Node, counters: Counters) -> Deferred:
    """Return the node's function, counting the bytes where it is one that reads encoded images."""
    loader: Any = node.spec.function
    if not hasattr(loader, "read"):
        return node.spec

    def read_and_decode(*values: Any) -> Any:
        data = loader.read(*values)
        counters.add(bytes_read=len(data))
        return loader.decode(data)

    return node.spec.with_options(function=read_and_decode)


def _small(loader: Any, data: bytes, px: int) -> Thumbnail:
    """Return a small picture of encoded bytes as the loader shows them."""
    if hasattr(loader, "thumbnail"):
        return loader.thumbnail(data, px)  # type: ignore[no-any-return]
    return thumbnail(data, px, mode=loader.mode, limits=loader.limits)


@contextmanager
def _entered(node: Node) -> Iterator[None]:
    """Let one thread at a time into a function, so that no row is computed twice; images go in parallel."""
    if node.spec.kind == "image":
        yield
        return
    entrance = node.entrance
    if entrance.entered_by == get_ident():
        raise ComputeError(f"{node.spec.name} reads the column that it computes itself.")
    with entrance.lock:
        entrance.entered_by = get_ident()
        try:
            yield
        finally:
            entrance.entered_by = None


def _as_series(node: Node, outcome: Outcome) -> tuple[Outcome, dict[str, pl.Series]]:
    """Turn the outputs that fit a frame into series; a wrong value costs a per-row function its own row."""
    try:
        return outcome, {
            name: _one_series(node, name, values, dtype)
            for name, values in outcome.columns.items()
            if fits_a_frame(dtype := _settled(node, name, values))
        }
    except OutputError as error:
        if node.spec.batched or node.spec.on_error == "raise":
            raise
        wrong = {i: why for i in range(len(outcome.good)) if (why := _wrong_row(node, outcome, i))}
        if not wrong or len(wrong) == len(outcome.good):
            raise error from None
    kept = [i for i in range(len(outcome.good)) if i not in wrong]
    columns: dict[str, Sequence[Any]] = {
        name: [values[i] for i in kept] for name, values in outcome.columns.items()
    }
    failures = outcome.failures | {outcome.good[i]: why for i, why in wrong.items()}
    return _as_series(node, Outcome([outcome.good[i] for i in kept], columns, failures, outcome.skipped))


def _wrong_row(node: Node, outcome: Outcome, row: int) -> Failure | None:
    try:
        for name, values in outcome.columns.items():
            if fits_a_frame(dtype := _settled(node, name, values)):
                _one_series(node, name, [values[row]], dtype)
    except OutputError as error:
        return Failure.of(error, node.spec.name)
    return None


def _settled(node: Node, name: str, values: Sequence[Any]) -> Dtype:
    """Return the dtype of an output; an undeclared one is judged by its first values and may widen."""
    declared, seen = node.spec.returns[name], node.results.dtypes[name]
    if declared != pl.Unknown or not fits_a_frame(seen):
        return seen
    dtype = settle(pl.Unknown, values)
    if not fits_a_frame(dtype):
        node.results.settle(name, dtype)
    return dtype


def _one_series(node: Node, name: str, values: Sequence[Any], dtype: Dtype) -> pl.Series:
    series = to_series(name, values, dtype, function=node.spec.name)
    try:
        widened(node.results.dtypes[name], series.dtype)
    except pl.exceptions.PolarsError as error:
        raise OutputError(
            f"{node.spec.name} returned {series.dtype} values after {node.results.dtypes[name]} ones.",
            hint="Return one type, and declare it with returns=.",
        ) from error
    return series


@cache
def default_engine() -> LocalEngine:
    """Return the engine that all tables of this process share, so that its limits are the process's."""
    return LocalEngine()
