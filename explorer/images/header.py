"""What an image says of itself: its size and format, without decoding a pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from explorer.images.decode import opened, shown_size, with_opened
from explorer.images.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

    from explorer.images.limits import Limits


@dataclass(frozen=True, slots=True)
class Header:
    """What an image says of itself before it is decoded.

    Parameters
    ----------
    format
        Pillow's name of the format, for instance ``"JPEG"``; None for an image that is in no format.
    width, height
        In pixels, as the image is shown (after its EXIF orientation).
    mode
        Pillow's name for the kind of pixels in the file, for instance ``"RGB"``, ``"L"`` or ``"CMYK"``.
    frames
        How many frames or pages there are; None when the file is too damaged to count them.
    """

    format: str | None
    width: int
    height: int
    mode: str
    frames: int | None


def header(source: bytes | BinaryIO, *, limits: Limits = DEFAULT_LIMITS) -> Header:
    """Read what an image says of itself, without decoding it.

    Parameters
    ----------
    source
        The encoded image, of which the beginning is enough for most formats, or a file of it, of which
        no more is read than needed. The frames of a GIF or a WebP are counted to the end of the file.
    limits
        An image above them raises here too.

    Raises
    ------
    ImageError
        When no header can be read.

    Examples
    --------
    >>> from PIL import Image
    >>> from explorer.images.encode import encode
    >>> header(encode(Image.new("RGB", (8, 6)))[0])
    Header(format='PNG', width=8, height=6, mode='RGB', frames=1)
    """

    def read(image: Image.Image) -> Header:
        width, height = shown_size(image)
        mode = image.mode
        return Header(image.format or "unknown", width, height, mode, _frames(image))

    return with_opened(source, limits, read)


def of_image(image: Image.Image) -> Header:
    """Return what can be said of an image that is in memory, as it is shown.

    Examples
    --------
    >>> from PIL import Image
    >>> of_image(Image.new("L", (8, 6)))
    Header(format=None, width=8, height=6, mode='L', frames=1)
    """
    return Header(None, *image.size, image.mode, 1)


def file_header(path: Path, *, limits: Limits = DEFAULT_LIMITS) -> Header:
    """Read what the image in a file says of itself, however large the file is.

    Raises
    ------
    ImageError
        When the file is missing, a folder, empty or not readable, or has no header of an image.
    """
    with opened(path) as (file, _):
        return header(file, limits=limits)


def _frames(image: Image.Image) -> int | None:
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # noqa: BLE001  (damaged files raise errors of many kinds while frames are counted)
        return None
