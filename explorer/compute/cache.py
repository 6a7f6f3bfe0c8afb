"""A bounded cache: a mapping whose weight in bytes never exceeds its limit."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

V = TypeVar("V")


class ByteCache(Generic[V]):
    """Keep the most recently used values, as many as fit into `max_bytes`.

    Every method is safe to call from any thread; no method calls out while it holds the lock,
    but for `weigh` and `belongs`, which must be quick.

    Parameters
    ----------
    max_bytes
        The limit. A value heavier than all of it is not kept.
    weigh
        The weight of a value in bytes.

    Attributes
    ----------
    bytes, hits, misses, evictions : int

    Examples
    --------
    >>> cache = ByteCache(10, weigh=len)
    >>> cache.put("a", b"12345"); cache.put("b", b"12345"); cache.put("c", b"1")
    >>> cache.get("a") is None, cache.get("c"), cache.bytes, cache.evictions
    (True, b'1', 6, 1)
    """

    def __init__(self, max_bytes: int, *, weigh: Callable[[V], int]) -> None:
        self.max_bytes = max_bytes
        self.bytes = self.hits = self.misses = self.evictions = 0
        self._weigh = weigh
        self._items: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> V | None:
        """Return the value, now the most recently used, or None."""
        with self._lock:
            item = self._items.get(key)
            if item is None:
                self.misses += 1
                return None
            self.hits += 1
            self._items.move_to_end(key)
            return item[0]

    def put(self, key: Hashable, value: V) -> None:
        """Keep `value`, and let go of what was used longest ago until all fits."""
        self.put_all([(key, value)])

    def put_all(self, items: Iterable[tuple[Hashable, V]]) -> None:
        """Keep several values, one after the other, as `put` does.

        Examples
        --------
        >>> cache = ByteCache(10, weigh=len)
        >>> cache.put_all([("a", b"123456"), ("b", b"123456")])
        >>> len(cache), cache.bytes, cache.evictions
        (1, 6, 1)
        """
        weighed = [(key, value, self._weigh(value)) for key, value in items]
        with self._lock:
            for key, value, weight in weighed:
                old = self._items.pop(key, None)
                if old is not None:
                    self.bytes -= old[1]
                if weight > self.max_bytes:
                    continue
                self._items[key] = (value, weight)
                self.bytes += weight
                while self.bytes > self.max_bytes:
                    _, (_, gone) = self._items.popitem(last=False)
                    self.bytes -= gone
                    self.evictions += 1

    def share(self, belongs: Callable[[Any], bool]) -> tuple[int, int]:
        """Return how many of the values have keys that belong to something, and their weight."""
        with self._lock:
            weights = [weight for key, (_, weight) in self._items.items() if belongs(key)]
        return len(weights), sum(weights)

    def __contains__(self, key: Hashable) -> bool:
        with self._lock:
            return key in self._items

    def __len__(self) -> int:
        return len(self._items)

    def clear(self) -> None:
        """Let go of everything; the counters stay."""
        with self._lock:
            self._items.clear()
            self.bytes = 0
