"""From any of Pillow's modes to the one that was asked for, looking as it should."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from explorer._errors import ArgumentError

MODES = ("1", "L", "LA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "F")

_WIDE = ("I", "F")
_ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")


def check_mode(mode: str | None) -> None:
    """Refuse a mode that images are not converted to.

    Examples
    --------
    >>> try:
    ...     check_mode("rgb")
    ... except ArgumentError as error:
    ...     print(error.hint)
    Did you mean 'RGB' or 'RGBA'?
    """
    if mode is not None and mode not in MODES:
        raise ArgumentError.not_one_of("mode", mode, MODES)


def is_wide(image: Image.Image) -> bool:
    """Return whether grey values may lie outside 0..255."""
    return image.mode in _WIDE or image.mode.startswith("I;16")


def has_alpha(image: Image.Image) -> bool:
    """Return whether the image has transparency of any kind.

    Examples
    --------
    >>> has_alpha(Image.new("RGBA", (2, 2))), has_alpha(Image.new("RGB", (2, 2)))
    (True, False)
    """
    return image.mode in _ALPHA or ("transparency" in image.info and not is_wide(image))


def to_mode(image: Image.Image, mode: str | None) -> Image.Image:
    """Convert a loaded image; the same object comes back when there is nothing to do.

    Parameters
    ----------
    image
        In any mode.
    mode
        One of `MODES`, or None to leave the image as it is.

    Examples
    --------
    >>> clear = Image.new("RGBA", (1, 1), (255, 0, 0, 0))
    >>> to_mode(clear, "RGB").getpixel((0, 0))
    (255, 255, 255)
    """
    if mode is None or (image.mode == mode and not has_alpha(image)):
        return image
    if is_wide(image):
        if mode in _WIDE:
            return image.convert(mode)
        image = scaled_grey(image)
    elif has_alpha(image):
        # RGBA is the one mode that every kind of transparency (key colour, palette, channel) converts to.
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        if mode not in _ALPHA:
            white = Image.new("RGBA", image.size, (255, 255, 255, 255))
            image = Image.alpha_composite(white, image).convert("RGB")
    elif image.mode not in ("L", "RGB", "RGBA", "1"):
        image = image.convert("RGB")
    return image if image.mode == mode else image.convert(mode)


def scaled_grey(image: Image.Image) -> Image.Image:
    """Spread the grey values of a wide image over 0..255; a plain conversion clips all above 255 to white."""
    return Image.fromarray(spread_out(np.array(image, dtype=np.float32)))


def spread_out(values: np.ndarray[Any, np.dtype[Any]]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Spread values over 0..255, the darkest of them black and the brightest white.

    Where all are one single value, it keeps its place in the range of 16 bits. NaN becomes black.

    Examples
    --------
    >>> spread_out(np.array([-1.0, 0.0, 1.0])).tolist(), spread_out(np.array([65535])).tolist()
    ([0, 128, 255], [255])
    """
    levels = values.astype(np.float32)
    finite = levels[np.isfinite(levels)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if high > low:
        levels -= low
        levels *= 255.0 / (high - low)
    else:
        levels /= 257.0
    np.nan_to_num(levels, copy=False, nan=0.0, posinf=255.0, neginf=0.0)
    seen: np.ndarray[Any, np.dtype[np.uint8]] = np.clip(levels + 0.5, 0, 255).astype(np.uint8)
    return seen
