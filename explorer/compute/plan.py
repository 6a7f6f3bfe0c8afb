"""What to compute next: a pure function from what is wanted to what is started."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Mapping


class Tier(IntEnum):
    """How much a wish matters."""

    VISIBLE = 0
    AHEAD = 1
    IDLE = 2


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing that a view wants computed.

    Parameters
    ----------
    key
        What it is; equal wishes have equal keys.
    lane
        Where it runs: jobs of one lane share its slots.
    tier, distance
        How much it matters: first by tier, then by rows from the middle of what is visible.
    needs
        Keys that must be known before it can start.
    """

    key: Hashable
    lane: str
    tier: Tier
    distance: float
    needs: tuple[Hashable, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """Wishes of one lane that run together, the most urgent first."""

    lane: str
    keys: tuple[Hashable, ...]


def plan(
    wanted: Iterable[Wish],
    *,
    known: Collection[Hashable],
    running: Collection[Hashable],
    free: Mapping[str, int],
    batch: Mapping[str, int],
) -> list[Job]:
    """Choose the jobs to start now.

    Parameters
    ----------
    wanted
        Everything that is wanted at this moment. What is not among it never starts.
    known, running
        Keys that are computed, and keys that are being computed.
    free
        Lane to the number of jobs that it can take now.
    batch
        Lane to the most wishes in one of its jobs; one where not given.

    Returns
    -------
    list of Job
        At most ``free[lane]`` for each lane. A batch takes whatever is ready and is never delayed
        to be full.

    Examples
    --------
    >>> wishes = [Wish("far", "decode", Tier.AHEAD, 9), Wish("near", "decode", Tier.VISIBLE, 0)]
    >>> plan(wishes, known=(), running=(), free={"decode": 1}, batch={})
    [Job(lane='decode', keys=('near',))]
    """
    ready: dict[str, list[Wish]] = {}
    for wish in wanted:
        if wish.key in known or wish.key in running or not free.get(wish.lane):
            continue
        if all(need in known for need in wish.needs):
            ready.setdefault(wish.lane, []).append(wish)
    jobs: list[Job] = []
    for lane, wishes in ready.items():
        wishes.sort(key=lambda wish: (wish.tier, wish.distance))
        size = batch.get(lane, 1)
        starts = range(0, min(len(wishes), size * free[lane]), size)
        jobs += [Job(lane, tuple(wish.key for wish in wishes[at : at + size])) for at in starts]
    return jobs
