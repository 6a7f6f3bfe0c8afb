"""Images that other libraries hold as Python objects: PIL images, arrays, tensors."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.Image
from PIL import ImageFile

from explorer._errors import ImageError
from explorer.compute.call import to_plain
from explorer.compute.deferred import SINGLE, Deferred, Image
from explorer.images.decode import detached

if TYPE_CHECKING:
    from collections.abc import Sequence

CHANNELS = (1, 3, 4)

SMALLEST = 8
"""Shortest side, in pixels, of what is taken for an image unasked: a matrix of boxes is none."""


def as_image(value: Any) -> PIL.Image.Image:
    """Return an image for what stands for one.

    Numbers are seen as they are meant: uint8 as it is, other integers within 0..255 and floats within
    0..1 as those ranges, true and false as white and black. Whatever lies outside is spread from its own
    darkest to its own brightest value.

    Parameters
    ----------
    value
        A PIL image; an array or a tensor of shape (height, width), (channels, height, width) or
        (height, width, channels), with 1, 3 or 4 channels. Where both can be meant, a tensor has its
        channels first and an array last.

    Raises
    ------
    ImageError
        When it is something else, or a file that it was opened from is broken.

    Examples
    --------
    >>> as_image(np.zeros((2, 3, 3), dtype=np.uint8)).size
    (3, 2)
    >>> as_image(np.array([[0.0, 1.0]])).getpixel((1, 0))
    255
    """
    if isinstance(value, PIL.Image.Image):
        return _loaded(value)
    array = to_plain(value)
    if not isinstance(array, np.ndarray):
        raise ImageError(f"{type(value).__name__} is neither a PIL image nor an array or a tensor")
    laid_out = _channels_last(array, first=array is not value)
    if laid_out is None:
        raise ImageError(f"{type(value).__name__} of shape {tuple(array.shape)} is not an image")
    return PIL.Image.fromarray(_visible(laid_out))


def looks_like_image(value: Any) -> bool:
    """Tell whether a value is meant to be seen, as far as that can be told without being asked for it.

    Examples
    --------
    >>> looks_like_image(np.zeros((3, 32, 32), dtype=np.uint8)), looks_like_image(np.zeros((10, 4)))
    (True, False)
    """
    if isinstance(value, PIL.Image.Image):
        return True
    array = to_plain(value)
    if not isinstance(array, np.ndarray):
        return False
    laid_out = _channels_last(array, first=array is not value)
    if laid_out is None or min(laid_out.shape[:2]) < SMALLEST:
        return False
    if laid_out.dtype in (np.uint8, np.bool_):
        return True
    return laid_out.dtype.kind == "f" and _within(laid_out, 1.0)


def _loaded(image: PIL.Image.Image) -> PIL.Image.Image:
    if not isinstance(image, ImageFile.ImageFile):
        return image
    # An image that was opened, and not loaded, would hold its file for as long as it is kept.
    try:
        image.load()
        return detached(image)
    except Exception as error:
        raise ImageError(f"cannot be decoded ({str(error) or type(error).__name__})") from error


def _channels_last(array: np.ndarray[Any, Any], *, first: bool) -> np.ndarray[Any, Any] | None:
    """Return the array as (height, width) or (height, width, channels), None when it is no image."""
    if array.size == 0 or array.dtype.kind not in "buif":
        return None
    if array.ndim == 2:
        return array
    if array.ndim != 3:
        return None
    places = [place for place in (0, 2) if array.shape[place] in CHANNELS]
    if not places:
        return None
    at = places[0] if first else places[-1]
    moved = np.moveaxis(array, at, 2)
    return moved[:, :, 0] if moved.shape[2] == 1 else moved


def _within(array: np.ndarray[Any, Any], top: float) -> bool:
    return bool(array.min() >= 0 and array.max() <= top)


def _visible(array: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return the values as 0..255."""
    if array.dtype == np.bool_:
        return np.where(array, 255, 0).astype(np.uint8)
    if array.dtype.kind in "ui" and _within(array, 255):
        return np.ascontiguousarray(array, dtype=np.uint8)
    values = array.astype(np.float32)
    if array.dtype.kind == "f" and _within(array, 1.0):
        values *= 255.0
    else:
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        values = (values - low) * (255.0 / (high - low) if high > low else 0.0)
        np.nan_to_num(values, copy=False, nan=0.0, posinf=255.0, neginf=0.0)
    seen: np.ndarray[Any, np.dtype[np.uint8]] = np.clip(values + 0.5, 0, 255).astype(np.uint8)
    return seen


class Held:
    """Images that are in memory already, by their position. Nothing is copied."""

    def __init__(self, values: Sequence[Any]) -> None:
        self._values = values
        # The first look at an opened file loads it, which two threads must not do at once.
        self._lock = Lock()

    def __call__(self, position: int) -> PIL.Image.Image:
        """Return one of them."""
        value = self._values[position]
        if value is None:
            raise ImageError("no image: the value is null")
        with self._lock:
            return as_image(value)


def held_images(column: str, values: Sequence[Any]) -> Deferred:
    """Define a column of images that are in memory; `column` holds their positions."""
    return Deferred(Held(values), (column,), {SINGLE: Image}, batch_size=32, kind="image", name="image")
