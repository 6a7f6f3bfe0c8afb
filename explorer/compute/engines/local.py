"""The engine of this process: threads, and caches bounded in bytes."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from explorer._errors import ImageError
from explorer.compute.cache import ByteCache
from explorer.compute.call import Outcome, call, settle, to_series
from explorer.compute.deferred import Image
from explorer.compute.graph import Output, Stored, stored_columns
from explorer.compute.results import Failure, fits_a_frame
from explorer.images.thumbnail import Thumbnail, thumbnail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from explorer.compute.counters import Counters
    from explorer.compute.deferred import Deferred
    from explorer.compute.graph import Node, Ref
    from explorer.compute.rows import Rows

MIB = 2**20


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
    threads
        Threads for decoding and for per-row functions with `workers` above one; as many as cores
        when not given.
    """

    def __init__(
        self,
        *,
        pixel_bytes: int = 256 * MIB,
        object_bytes: int = 256 * MIB,
        thumbnail_bytes: int = 128 * MIB,
        threads: int | None = None,
    ) -> None:
        self.pixels: ByteCache[Any] = ByteCache(pixel_bytes, weigh=_weight)
        self.objects: ByteCache[Any] = ByteCache(object_bytes, weigh=_weight)
        self.thumbnails: ByteCache[Thumbnail] = ByteCache(
            thumbnail_bytes, weigh=lambda tile: len(tile.data) + 256
        )
        self.threads = threads or os.cpu_count() or 2
        self._pool: ThreadPoolExecutor | None = None

    def _map_rows(self, workers: int) -> Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]:
        if workers == 1:
            return map
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="explorer-rows")
        return self._pool.map

    def values(self, ref: Ref, rows: Rows, counters: Counters) -> Sequence[Any]:
        """Return the values of a column for these rows; a `Failure` where a row has failed."""
        if isinstance(ref, Stored):
            return rows.stored(ref.column).to_list()
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
            # A long list of floats is handed on as an array: functions calculate with it.
            nested = isinstance(series.dtype, (pl.List, pl.Array))
            plain = [None if v is None else np.asarray(v) for v in series] if nested else series.to_list()
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
        with node.lock if node.spec.batched else _Free():
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
            if node.spec.batched and not node.opened:
                getattr(node.spec.function, "open", lambda: None)()
                node.opened = True
            if node.spec.kind == "expression":
                self._express(node, part, counters)
                return {}
            inputs = [self.values(ref, part, counters) for ref in node.inputs]
            outcome = call(_counted(node, counters), inputs, map_rows=self._map_rows(node.spec.workers))
            return self._keep(node, part.ids, outcome, counters)

    def series(self, ref: Ref, rows: Rows, counters: Counters) -> pl.Series:
        """Return the values of a column that fits a frame; null where a row has failed."""
        if isinstance(ref, Stored):
            return rows.stored(ref.column)
        self.ensure(ref.node, rows, counters)
        return ref.node.results.series(ref.name, rows.ids)

    def _express(self, node: Node, rows: Rows, counters: Counters) -> None:
        """Evaluate a Polars expression on whole columns; a row fails where one of its inputs did."""
        inputs = [
            self.series(ref, rows, counters).alias(name)
            for ref, name in zip(node.inputs, node.spec.inputs, strict=True)
        ]
        failures: dict[int, Failure] = {}
        for ref in node.inputs:
            if isinstance(ref, Output):
                failures |= ref.node.results.failures(rows.ids)
        answer: pl.Series = node.spec.function(pl.DataFrame(inputs))
        good = ~np.isin(rows.ids, list(failures))
        (name,) = node.spec.returns
        node.results.store(rows.ids[good], {name: answer.filter(pl.Series(good))}, failures)

    def _keep(
        self, node: Node, ids: np.ndarray[Any, Any], outcome: Outcome, counters: Counters
    ) -> dict[str, dict[int, Any]]:
        good = ids[np.asarray(outcome.good, dtype=np.int64)]
        series: dict[str, pl.Series] = {}
        objects: dict[str, dict[int, Any]] = {}
        for name, values in outcome.columns.items():
            dtype = settle(node.results.dtypes[name], values)
            if fits_a_frame(dtype):
                series[name] = to_series(name, values, dtype, function=node.spec.name)
                continue
            node.results.settle(name, dtype)
            objects[name] = dict(zip(good.tolist(), values, strict=True))
            store = self._store_of(Output(node, name))
            for row, value in objects[name].items():
                store.put((node.uid, row, name), value)
        failures = {int(ids[place]): failure for place, failure in outcome.failures.items()}
        fresh, failed = node.results.store(good, series, failures)
        if node.spec.kind == "image":
            counters.add(
                images_decoded=fresh - failed, decode_calls=len(ids) - outcome.skipped, failed=failed
            )
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
        try:
            if image is not None:
                tile = thumbnail(image, px)
            else:
                data = loader.read(*(self.values(ref, rows, counters)[0] for ref in node.inputs))
                tile = thumbnail(data, px, mode=loader.mode, limits=loader.limits)
                fresh, _ = node.results.store(rows.ids, {}, {})
                counters.add(images_decoded=fresh, decode_calls=1, bytes_read=len(data))
        except ImageError as error:
            failure = Failure.of(error, node.spec.name)
            _, failed = node.results.store(rows.ids[:0], {}, {row: failure})
            counters.add(failed=failed)
            return failure
        self.thumbnails.put(key, tile)
        return tile


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


class _Free:
    """A lock that is always free: per-row functions run in as many threads as there are."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


@cache
def default_engine() -> LocalEngine:
    """Return the engine that all tables of this process share, so that its limits are the process's."""
    return LocalEngine()
