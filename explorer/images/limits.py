"""How much one image may ask for before it is refused."""

from __future__ import annotations

from dataclasses import dataclass, fields

from explorer._errors import ArgumentError, ImageLimitError


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


def check_bytes(size: int, limits: Limits) -> None:
    """Refuse an encoded image of more bytes than allowed."""
    if size > limits.max_bytes:
        raise ImageLimitError(
            f"{size / 2**20:,.1f} MiB, over the limit of {limits.max_bytes / 2**20:,.1f} MiB (max_bytes)"
        )


def check_pixels(width: int, height: int, limits: Limits) -> None:
    """Refuse an image of more pixels than allowed."""
    if width * height > limits.max_pixels:
        raise too_many(f"{width} x {height} pixels", width * height, limits)


def too_many(what: str, pixels: int | None, limits: Limits) -> ImageLimitError:
    """Return the error for an image of so many pixels, None where that is not known."""
    return ImageLimitError(
        f"{what}, over the limit of {limits.max_pixels / 1e6:,.6g} megapixels (max_pixels)",
        hint=None if pixels is None else f'Allow it: ex.image("…", limits=ex.Limits(max_pixels={pixels:_}))',
    )
