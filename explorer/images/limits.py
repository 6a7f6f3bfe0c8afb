"""How much one image may ask for before it is refused."""

from __future__ import annotations

from dataclasses import dataclass, fields

from explorer._errors import ArgumentError


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest image that is still read.

    A small file can declare gigapixels: both numbers are checked before a single pixel is decoded.

    Parameters
    ----------
    max_pixels
        Width times height, as the header declares them.
    max_bytes
        Size of the encoded file.

    Examples
    --------
    >>> Limits(max_pixels=1_000_000)
    Limits(max_pixels=1000000, max_bytes=268435456)
    """

    max_pixels: int = 100_000_000
    max_bytes: int = 256 * 2**20

    def __post_init__(self) -> None:
        """Refuse a limit that nothing could pass."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int) or value < 1:
                raise ArgumentError(f"Limits({field.name}={value!r}): a whole number from 1 up is expected.")


DEFAULT_LIMITS = Limits()
