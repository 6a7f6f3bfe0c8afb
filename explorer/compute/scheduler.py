"""Runs what is wanted, nearest first, and forgets what is wanted no longer."""

from __future__ import annotations

import traceback
from collections import deque
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Protocol

from explorer.compute.plan import plan

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from explorer.compute.plan import Job, Wish

FLUSH_EVERY_S = 0.03
FLUSH_BYTES = 2**20


class Executor(Protocol):
    """Where jobs run."""

    def submit(self, lane: str, work: Callable[[], None]) -> None:
        """Run `work` some time, in the threads of `lane`."""

    def close(self) -> None:
        """Start nothing more."""


class Threads:
    """Threads for each lane, started when there is work and gone when there is none.

    They are daemons, so that a view that nobody closed holds nothing up.
    """

    def __init__(self, slots: Mapping[str, int]) -> None:
        self._slots = slots
        self._queues: dict[str, deque[Callable[[], None]]] = {lane: deque() for lane in slots}
        self._busy = dict.fromkeys(slots, 0)
        self._lock = Lock()

    def submit(self, lane: str, work: Callable[[], None]) -> None:
        """Run `work` in a thread of the lane."""
        with self._lock:
            self._queues[lane].append(work)
            if self._busy[lane] == self._slots[lane]:
                return
            self._busy[lane] += 1
        Thread(target=self._run, args=(lane,), name=f"explorer-{lane}", daemon=True).start()

    def _run(self, lane: str) -> None:
        while True:
            with self._lock:
                if not self._queues[lane]:
                    self._busy[lane] -= 1
                    return
                work = self._queues[lane].popleft()
            try:
                work()
            except Exception:  # noqa: BLE001 - one job's fault is no reason for the lane to stand still
                traceback.print_exc()

    def close(self) -> None:
        """Let the running jobs end, and start no other."""
        with self._lock:
            for queue in self._queues.values():
                queue.clear()


class Scheduler:
    """Declare the wanted set; results come to `on_results` in batches.

    The wanted set replaces the one before: a wish that is in it no longer and has not started never
    starts. (A batch that waits for its thread runs whole while any of it is wanted.) Results are handed
    over from worker threads: the first at once, then at most every 30 ms or 1 MiB, and when a lane has
    nothing more to start.

    Parameters
    ----------
    run
        Computes one job and returns, for each of its keys, (result, size in bytes). It runs in a
        worker thread. An exception becomes the result of every key of the job.
    on_results
        Takes a list of (key, result), from a worker thread, never two calls at a time.
    executor, slots
        Where jobs run, and how many at a time in each lane.
    batch
        Lane to the most keys in one job.
    clock
        Seconds that only grow.

    Notes
    -----
    One lock guards the sets; neither `run` nor `on_results` is called while it is held.
    """

    def __init__(
        self,
        *,
        run: Callable[[Job], Sequence[tuple[Any, int]]],
        on_results: Callable[[list[tuple[Hashable, Any]]], None],
        executor: Executor,
        slots: Mapping[str, int],
        batch: Mapping[str, int],
        clock: Callable[[], float],
    ) -> None:
        self._run = run
        self._on_results = on_results
        self._executor = executor
        self._slots = slots
        self._batch = batch
        self._clock = clock
        self._lock = Lock()
        self._delivery = Lock()
        self._wanted: dict[Hashable, Wish] = {}
        self._known: set[Hashable] = set()
        self._running: set[Hashable] = set()
        self._busy = dict.fromkeys(slots, 0)
        self._outbox: list[tuple[Hashable, Any]] = []
        self._outbox_bytes = 0
        self._flushed = float("-inf")
        self._closed = False

    @property
    def progress(self) -> tuple[int, int]:
        """How many wishes are not answered yet, and how many there are."""
        with self._lock:
            return sum(key not in self._known for key in self._wanted), len(self._wanted)

    def want(self, wishes: Iterable[Wish], *, known: Iterable[Hashable] = ()) -> None:
        """Replace the wanted set; `known` are keys that the caller already has."""
        with self._lock:
            self._wanted = {wish.key: wish for wish in wishes}
            self._known = set(known)
        self._pump()

    def close(self) -> None:
        """Start nothing more and hand nothing over."""
        with self._lock:
            self._closed = True
            self._wanted = {}
        self._executor.close()

    def _pump(self) -> None:
        with self._lock:
            if self._closed:
                return
            free = {lane: slots - self._busy[lane] for lane, slots in self._slots.items()}
            jobs = plan(
                self._wanted.values(), known=self._known, running=self._running, free=free, batch=self._batch
            )
            for job in jobs:
                self._busy[job.lane] += 1
                self._running.update(job.keys)
        for job in jobs:
            self._executor.submit(job.lane, lambda job=job: self._work(job))  # type: ignore[misc]

    def _work(self, job: Job) -> None:
        with self._lock:
            # A job runs whole, unless all of it has scrolled away while it waited for its thread.
            stale = not any(key in self._wanted for key in job.keys)
        results: Sequence[tuple[Any, int]] = ()
        try:
            if not stale:
                results = self._run(job)
        except Exception as error:  # noqa: BLE001 - whatever went wrong is what the view shows
            results = [(error, 0)] * len(job.keys)
        finally:
            with self._lock:
                self._busy[job.lane] -= 1
                self._running.difference_update(job.keys)
                for key, (result, size) in zip(job.keys, results, strict=False):
                    self._known.add(key)
                    if key in self._wanted:
                        self._outbox.append((key, result))
                        self._outbox_bytes += size
            self._pump()
            self._flush(job.lane)

    def _flush(self, lane: str) -> None:
        with self._delivery:
            with self._lock:
                now = self._clock()
                due = now - self._flushed >= FLUSH_EVERY_S or self._outbox_bytes >= FLUSH_BYTES
                if self._closed or not self._outbox or not (due or self._busy[lane] < self._slots[lane]):
                    return
                self._flushed = now
                batch, self._outbox, self._outbox_bytes = self._outbox, [], 0
            self._on_results(batch)
