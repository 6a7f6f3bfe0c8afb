"""Images that other libraries hold as Python objects: PIL images, arrays, tensors."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.Image
from PIL import ImageFile

from explorer._errors import ImageError
from explorer.compute.call import to_plain
from explorer.compute.deferred import SINGLE, Deferred, Image
from explorer.images.decode import detached
from explorer.images.encode import lossless
from explorer.images.limits import Limits
from explorer.images.pixels import from_values, layout
from explorer.table.image_column import ImageLoader

if TYPE_CHECKING:
    from collections.abc import Sequence

CHANNELS = (1, 3, 4)

SMALLEST = 8
"""Shortest side, in pixels, of what is taken for an image unasked: a matrix of boxes is none."""

# The first look at an opened file loads it, which two threads must not do at once.
_first_look = Lock()

_IN_MEMORY = Limits(max_pixels=2**62)
"""What is in memory already is shown however large it is."""


def as_image(value: Any) -> PIL.Image.Image:
    """Return an image for what stands for one.

    Values that are no levels are spread, as nobody can be asked what they mean; for all else the rules are
    those of `explorer.images.pixels.from_values`.

    Parameters
    ----------
    value
        A PIL image; an array or a tensor of shape (height, width), (channels, height, width) or
        (height, width, channels). Where both can be meant, a tensor has its channels first and an array
        last.

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
    is_tensor = array is not value
    return from_values(array, mode=None, limits=_IN_MEMORY, channels_first=is_tensor, spread=True)


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
    try:
        height, width, channels = layout(array.shape, channels_first=array is not value)
    except ImageError:
        return False
    if channels not in CHANNELS or min(height, width) < SMALLEST:
        return False
    if array.dtype in (np.uint8, np.bool_):
        return True
    return array.dtype.kind == "f" and bool(array.min() >= 0 and array.max() <= 1)


def _loaded(image: PIL.Image.Image) -> PIL.Image.Image:
    if not isinstance(image, ImageFile.ImageFile):
        return image
    # An image that was opened, and not loaded, would hold its file for as long as it is kept.
    try:
        image.load()
        return detached(image)
    except Exception as error:
        raise ImageError(f"cannot be decoded ({str(error) or type(error).__name__})") from error


@dataclass(frozen=True, slots=True)
class Held:
    """Images that are in memory already, by their position. Nothing is copied.

    Parameters
    ----------
    values
        PIL images, arrays or tensors, None where there is none.
    """

    values: Sequence[Any]

    def __call__(self, position: int) -> PIL.Image.Image:
        """Return one of them."""
        value = self.values[position]
        if value is None:
            raise ImageError("no image: the value is null")
        with _first_look:
            return as_image(value)

    def packed_with(self) -> ImageLoader:
        """Return what decodes the bytes of these images, once they are packed."""
        return ImageLoader(base_dir=None, mode=None, limits=_IN_MEMORY)

    def encoded(self, position: int) -> bytes:
        """Return one of them in a file format that keeps every pixel."""
        return lossless(self(position))


def held_images(column: str, values: Sequence[Any]) -> Deferred:
    """Define a column of images that are in memory; `column` holds their positions."""
    return Deferred(Held(values), (column,), {SINGLE: Image}, batch_size=32, kind="image", name="image")
