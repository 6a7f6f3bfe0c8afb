"""What was really computed, counted where it happens."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock


@dataclass(slots=True, eq=False)
class Counters:
    """How much was computed so far. Numbers only grow.

    Attributes
    ----------
    images_decoded : int
        Different images whose pixels were decoded, at whatever size.
    rows_inferred : int
        Different rows for which a deferred function was called, summed over the functions.
    decode_calls : int
        Decodings, repeated ones included (pixels are dropped when memory is short).
    failed : int
        Rows that ended as an error value.
    cache_hits : int
        Images and thumbnails served without decoding.
    bytes_read : int
        Bytes of encoded images read.

    Examples
    --------
    >>> total = Counters()
    >>> view = Counters(parent=total)
    >>> view.add(images_decoded=2)
    >>> total
    2 images decoded, 0 rows inferred, 0 failed, 0 cache hits, 0 bytes read
    """

    images_decoded: int = 0
    rows_inferred: int = 0
    decode_calls: int = 0
    failed: int = 0
    cache_hits: int = 0
    bytes_read: int = 0
    parent: Counters | None = None
    _lock: Lock = field(default_factory=Lock)

    def add(
        self,
        *,
        images_decoded: int = 0,
        rows_inferred: int = 0,
        decode_calls: int = 0,
        failed: int = 0,
        cache_hits: int = 0,
        bytes_read: int = 0,
    ) -> None:
        """Count something, here and in the parent. Safe from any thread."""
        with self._lock:
            self.images_decoded += images_decoded
            self.rows_inferred += rows_inferred
            self.decode_calls += decode_calls
            self.failed += failed
            self.cache_hits += cache_hits
            self.bytes_read += bytes_read
        if self.parent is not None:
            self.parent.add(
                images_decoded=images_decoded,
                rows_inferred=rows_inferred,
                decode_calls=decode_calls,
                failed=failed,
                cache_hits=cache_hits,
                bytes_read=bytes_read,
            )

    def __repr__(self) -> str:
        return (
            f"{self.images_decoded:,} images decoded, {self.rows_inferred:,} rows inferred, "
            f"{self.failed:,} failed, {self.cache_hits:,} cache hits, {self.bytes_read:,} bytes read"
        )
