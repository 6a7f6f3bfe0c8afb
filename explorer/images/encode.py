"""From pixels to bytes that a browser shows."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from explorer.images.decode import detached
from explorer.images.modes import has_alpha, is_wide, to_mode

if TYPE_CHECKING:
    from PIL import Image

SMALL = 64
"""Up to this many pixels a side an image is kept without loss: single pixels are looked at."""

_OF_PNG = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
_OF_TIFF = ("I", "F", "CMYK", "LAB")


def encode(image: Image.Image, *, quality: int = 85) -> tuple[bytes, str]:
    """Encode an image as PNG or as JPEG, whichever suits it.

    Parameters
    ----------
    image
        In any mode; modes that browsers do not show are converted.
    quality
        Of a JPEG, 1 to 95.

    Returns
    -------
    tuple of bytes and str
        The data and its media type: PNG for small images, transparency and palettes, JPEG otherwise.

    Examples
    --------
    >>> from PIL import Image
    >>> encode(Image.new("L", (8, 8)))[1], encode(Image.new("RGB", (640, 480)))[1]
    ('image/png', 'image/jpeg')
    """
    shown = displayable(image)
    buffer = io.BytesIO()
    if max(shown.size) <= SMALL or has_alpha(shown) or shown.mode in ("P", "1"):
        shown.save(buffer, "PNG", compress_level=4)
        return buffer.getvalue(), "image/png"
    shown.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue(), "image/jpeg"


def lossless(image: Image.Image) -> bytes:
    """Encode an image so that decoding gives its pixels again: as PNG, or as TIFF in modes that PNG has not.

    Examples
    --------
    >>> import io
    >>> from PIL import Image
    >>> [Image.open(io.BytesIO(lossless(Image.new(mode, (2, 2))))).format for mode in ("RGB", "CMYK")]
    ['PNG', 'TIFF']
    """
    if image.mode not in (*_OF_PNG, *_OF_TIFF):
        image = displayable(image)
    # What else came with the file, its orientation above all, would be applied once more.
    pixels = detached(image.copy())
    buffer = io.BytesIO()
    if pixels.mode in _OF_PNG:
        pixels.save(buffer, "PNG", compress_level=4)
    else:
        pixels.save(buffer, "TIFF", compression="tiff_adobe_deflate")
    return buffer.getvalue()


def displayable(image: Image.Image) -> Image.Image:
    """Convert to a mode that both PNG and browsers know, changing no pixel where that is possible."""
    if image.mode in ("1", "L", "LA", "RGB", "RGBA", "P"):
        return image
    if is_wide(image):
        return to_mode(image, "L")
    return to_mode(image, "RGBA" if has_alpha(image) else "RGB")
