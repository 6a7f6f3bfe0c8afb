"""The engine of this process: threads, and caches bounded in bytes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from threading import Lock, current_thread
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import polars as pl

from explorer._errors import ComputeError, ImageError
from explorer.compute.cache import ByteCache
from explorer.compute.call import Outcome, call
from explorer.compute.deferred import Image
from explorer.compute.engines.workers import AWAKE_S, runner
from explorer.compute.graph import Output, Stored, needed_rows, upstream
from explorer.compute.kept import as_series, plain_values
from explorer.compute.results import Failure, fits_a_frame
from explorer.compute.scans import framed
from explorer.images.thumbnail import Thumbnail, thumbnail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from explorer.compute.call import MapCalls
    from explorer.compute.counters import Counters
    from explorer.compute.graph import Node, Ref
    from explorer.compute.rows import Rows

    Held: TypeAlias = Mapping[tuple[int, str], Mapping[int, Any]]

MIB = 2**20
ROW_THREADS = "explorer-rows"
DEEP = 40
"""How many functions may stand on one another before they are computed step by step, not by recursion."""

_inside: ContextVar[frozenset[int]] = ContextVar("inside", default=frozenset())
"""The functions on whose behalf a thread works now."""


def _weight(value: Any) -> int:
    """Bytes that a value holds, near enough: pixels of an image, elements of an array or tensor."""
    if type(value) is np.ndarray:
        return value.nbytes + 128
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

    def map_calls(self, workers: int) -> MapCalls:
        """Return what calls a function for each item, in as many threads as asked, in order.

        The calling thread can be interrupted. Calls that have begun then come to their end in threads that
        nobody waits for, and that nobody else is kept waiting by.
        """
        # A thread of a pool that waited for its own pool would wait for ever.
        if workers == 1 or current_thread().name.startswith(ROW_THREADS):
            return map
        with self._lock:
            if workers not in self._pools:
                self._pools[workers] = ThreadPoolExecutor(workers, thread_name_prefix=ROW_THREADS)
            pool = self._pools[workers]
        inside = _inside.get()

        def mapped(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterable[Any]:
            def on_our_behalf(item: Any) -> Any:
                token = _inside.set(inside)
                try:
                    return function(item)
                finally:
                    _inside.reset(token)

            futures = [pool.submit(on_our_behalf, item) for item in items]
            try:
                for future in futures:
                    # Awake now and then, as the signal of an interruption may come to another thread.
                    while not wait([future], timeout=AWAKE_S).done:
                        pass
                    yield future.result()
            except KeyboardInterrupt:
                with self._lock:
                    self._pools.pop(workers, None)
                raise
            finally:
                for future in futures:
                    future.cancel()

        return mapped

    def values(self, ref: Ref, rows: Rows, counters: Counters, *, held: Held | None = None) -> Sequence[Any]:
        """Return the values of a column for these rows; a `Failure` where a row has failed.

        Parameters
        ----------
        held
            Values that no frame holds and that somebody holds for these rows.
        """
        self._ensure_below(ref, rows, counters)
        return self._values(ref, rows, counters, held=held)

    def _values(self, ref: Ref, rows: Rows, counters: Counters, *, held: Held | None = None) -> Sequence[Any]:
        if isinstance(ref, Stored):
            return plain_values(rows.stored(ref.column))
        node, ids = ref.node, rows.ids
        kept: dict[int, Any] = {}
        if ref.dtype == pl.Unknown:
            # Only the values tell whether a frame can hold them.
            kept = self._ensure(node, rows, counters, held=held).get(ref.name, {})
        shared = node.results.shared(ids).tolist()
        if not ref.fits_a_frame:
            there = held.get((node.results.uid, ref.name), {}) if held is not None else {}
            kept |= {i: there[i] for i in shared if i in there}
            store = self._store_of(ref)
            for i in [i for i in shared if i not in kept]:
                if (value := store.get((node.results.uid, i, ref.name))) is not None:
                    kept[i] = value
            counters.add(cache_hits=len(kept) - len(there.keys() & kept) if ref.dtype == Image else 0)
        again = None if ref.fits_a_frame else (ref.name, set(kept))
        computed = self._ensure(node, rows, counters, again=again, held=held)
        failures = node.results.failures(ids)
        if ref.fits_a_frame:
            plain = plain_values(node.results.series(ref.name, ids))
            return (
                [failures.get(i, v) for i, v in zip(ids.tolist(), plain, strict=True)] if failures else plain
            )
        found = kept | computed.get(ref.name, {})
        if not failures:
            return [found[i] for i in shared]
        return [
            failures[row] if row in failures else found[i]
            for row, i in zip(ids.tolist(), shared, strict=True)
        ]

    def _store_of(self, ref: Output) -> ByteCache[Any]:
        return self.pixels if ref.dtype == Image else self.objects

    def held(self, ref: Output) -> tuple[int, int]:
        """Return how many values of a column that no frame holds are in memory, and their bytes."""
        mine = (ref.node.results.uid, ref.name)
        return self._store_of(ref).share(lambda key: (key[0], key[2]) == mine)

    def ensure(
        self,
        node: Node,
        rows: Rows,
        counters: Counters,
        *,
        held: Held | None = None,
    ) -> dict[str, dict[int, Any]]:
        """Compute the rows that are not known yet, and what they need.

        Parameters
        ----------
        held
            As for `values`.

        Returns
        -------
        dict
            Values that are not kept in the frame, by output and shared row id, for rows computed now.
        """
        self._ensure_below(Output(node, ""), rows, counters)
        return self._ensure(node, rows, counters, held=held)

    def _ensure(
        self,
        node: Node,
        rows: Rows,
        counters: Counters,
        *,
        again: tuple[str, set[int]] | None = None,
        held: Held | None = None,
    ) -> dict[str, dict[int, Any]]:
        # `again` is an output that is not kept in the frame, and the rows that still hold it: other rows
        # are computed again even if they were computed before.
        with _entered(node):
            part = self._missing(node, rows, again)
            if part is None:
                return {}
            function = self._runner(node)
            if node.spec.kind == "expression":
                self._express(node, part, counters)
                return {}
            inputs = [self._values(ref, part, counters, held=held) for ref in node.inputs]
            try:
                outcome = call(
                    node.spec,
                    inputs,
                    function=_counting(function, counters),
                    map_calls=self.map_calls(node.spec.workers),
                    keep_done=lambda done: self._keep(node, part.ids, done, counters),
                )
            except BaseException as error:
                if not isinstance(error, Exception):
                    getattr(function, "stop", lambda: None)()
                raise
            return self._keep(node, part.ids, outcome, counters)

    @staticmethod
    def _missing(node: Node, rows: Rows, again: tuple[str, set[int]] | None) -> Rows | None:
        """Return the rows that are to be computed, one of each that are copies; None when there are none."""
        ids = rows.ids
        missing = ~node.results.known(ids)
        shared = node.results.shared(ids)
        if again is not None:
            failed = node.results.failures(ids)
            missing |= np.array(
                [
                    i not in again[1] and row not in failed
                    for row, i in zip(ids, shared.tolist(), strict=True)
                ],
                dtype=bool,
            )
        if not missing.any():
            return None
        todo = np.flatnonzero(missing)
        places = np.unique(shared[todo], return_index=True)[1]
        if len(places) == len(rows):
            return rows
        return rows.take(todo[np.sort(places)], set(node.stored))

    @staticmethod
    def _runner(node: Node) -> Callable[..., Any]:
        if node.entrance.runner is None:
            node.entrance.runner = runner(node.spec)
        made: Callable[..., Any] = node.entrance.runner
        return made

    def _ensure_below(self, ref: Ref, rows: Rows, counters: Counters) -> None:
        """Compute a tall pile of functions from below, so that recursion goes a few of them deep."""
        if isinstance(ref, Stored) or ref.node.depth <= DEEP:
            return
        needed = needed_rows([ref.node], rows.ids)
        for node in upstream(below.node for below in ref.node.inputs if isinstance(below, Output)):
            if node.depth % DEEP == 0 and all(map(fits_a_frame, node.results.dtypes.values())):
                part = rows.take(np.flatnonzero(needed[node.uid]), set(node.stored))
                self._ensure(node, part, counters)

    def series(self, ref: Ref, rows: Rows, counters: Counters) -> pl.Series:
        """Return the values of a column that fits a frame; null where a row has failed."""
        self._ensure_below(ref, rows, counters)
        return self._series(ref, rows, counters)

    def _series(self, ref: Ref, rows: Rows, counters: Counters) -> pl.Series:
        if isinstance(ref, Stored):
            return rows.stored(ref.column)
        self._ensure(ref.node, rows, counters)
        return ref.node.results.series(ref.name, rows.ids)

    def _express(self, node: Node, rows: Rows, counters: Counters) -> None:
        """Evaluate a Polars expression on whole columns; a row that failed is null in it, as in a frame."""
        inputs = [
            self._series(ref, rows, counters).alias(name)
            for ref, name in zip(node.inputs, node.spec.inputs, strict=True)
        ]
        try:
            answer: pl.Series = node.spec.function(framed(inputs))
        except pl.exceptions.PolarsError as error:
            raise ComputeError(f"{node.spec.name}: Polars says: {error}") from error
        (name,) = node.spec.returns
        node.results.store(rows.ids, {name: answer}, {})

    def _keep(
        self, node: Node, ids: np.ndarray[Any, Any], outcome: Outcome, counters: Counters
    ) -> dict[str, dict[int, Any]]:
        outcome, series = as_series(node, outcome)
        good = ids[np.asarray(outcome.good, dtype=np.int64)]
        objects: dict[str, dict[int, Any]] = {}
        for name, values in outcome.columns.items():
            if name in series:
                continue
            objects[name] = dict(zip(node.results.shared(good).tolist(), values, strict=True))
            uid = node.results.uid
            self._store_of(Output(node, name)).put_all(
                ((uid, row, name), value) for row, value in objects[name].items()
            )
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
        uid, shared = node.results.uid, int(node.results.shared(rows.ids)[0])
        key = (uid, shared, px)
        tile = self.thumbnails.get(key)
        if tile is not None:
            counters.add(cache_hits=1)
            return tile
        image = self.pixels.get((uid, shared, ref.name))
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
                inputs = [self.values(ref, rows, counters)[0] for ref in node.inputs]
                bad = next((value for value in inputs if isinstance(value, Failure)), None)
                if bad is not None:
                    return self._failed(node, row, bad, counters)
                data = loader.read(*inputs)
                tile = _small(loader, data, px)
                fresh, _ = node.results.store(rows.ids, {}, {})
                counters.add(images_decoded=fresh, decode_calls=1, bytes_read=len(data))
        except ImageError as error:
            return self._failed(node, row, Failure.of(error, node.spec.name), counters)
        self.thumbnails.put(key, tile)
        return tile

    @staticmethod
    def _failed(node: Node, row: int, failure: Failure, counters: Counters) -> Failure:
        _, failed = node.results.store(np.empty(0, dtype=np.uint32), {}, {row: failure})
        counters.add(failed=failed)
        return failure


def _counting(function: Any, counters: Counters) -> Callable[..., Any]:
    """Return a function, counting the bytes where it is one that reads encoded images."""
    if not hasattr(function, "read"):
        plain: Callable[..., Any] = function
        return plain

    def read_and_decode(*values: Any) -> Any:
        data = function.read(*values)
        counters.add(bytes_read=len(data))
        return function.decode(data)

    return read_and_decode


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
    inside = _inside.get()
    if id(entrance) in inside:
        raise ComputeError(f"{node.spec.name} reads the column that it computes itself.")
    with entrance.lock:
        token = _inside.set(inside | {id(entrance)})
        try:
            yield
        finally:
            _inside.reset(token)


@cache
def default_engine() -> LocalEngine:
    """Return the engine that all tables of this process share, so that its limits are the process's."""
    return LocalEngine()
