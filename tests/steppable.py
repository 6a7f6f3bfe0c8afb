"""Threads and time that a test steps by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Steps:
    """An executor that runs a job when the test says so."""

    def __init__(self, slots: Mapping[str, int]) -> None:
        self.slots = slots
        self.queue: list[tuple[str, Callable[[], None]]] = []

    def submit(self, lane: str, work: Callable[[], None]) -> None:
        self.queue.append((lane, work))

    def close(self) -> None:
        self.queue.clear()

    def run_one(self, place: int = 0) -> None:
        _, work = self.queue.pop(place % len(self.queue))
        work()

    def run_all(self, choose: Callable[[int], int] = lambda length: 0) -> None:
        while self.queue:
            self.run_one(choose(len(self.queue)))
