"""From bytes to pixels: every failure is an `ImageError` with a short reason, and never anything else."""

from __future__ import annotations

import io
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from PIL import Image, ImageFile, UnidentifiedImageError

from explorer._errors import ArgumentError, ImageError, ImageLimitError
from explorer.images.limits import DEFAULT_LIMITS
from explorer.images.modes import check_mode, to_mode
from explorer.images.quiet import pillow_is_quiet
from explorer.images.sniffing import sniff

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from explorer.images.limits import Limits

__all__ = ["Header", "decode", "header", "read_bytes", "sniff"]

T = TypeVar("T")

_HEAD = 1024
_ATTEMPTS = 20

# Orientation 1 is as stored; these are what EXIF's 2 to 8 ask for.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)
_ORIENTATION = 0x0112

# Nothing that Pillow would make pixels of, or (EPS) only by starting another program.
_NOT_PIXELS = {
    "empty": "empty file",
    "a Git LFS pointer": "a Git LFS pointer, not the image itself: run git lfs pull",
    "SVG": "an SVG drawing, not a raster image",
}

# What later steps may need; EXIF in particular would turn an upright image a second time.
_KEPT_INFO = ("transparency", "icc_profile")


@dataclass(frozen=True, slots=True)
class Header:
    """What an image says of itself before it is decoded.

    Parameters
    ----------
    format
        Pillow's name of the format, for instance ``"JPEG"``.
    width, height
        In pixels, as the image is shown (after its EXIF orientation).
    """

    format: str
    width: int
    height: int


def read_bytes(path: Path, *, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """Read an encoded image.

    Parameters
    ----------
    path
        A regular file.
    limits
        Files above `max_bytes` are refused before they are read.

    Raises
    ------
    ImageError
        When the file is missing, a folder, empty, not readable or too large.

    Examples
    --------
    >>> from pathlib import Path
    >>> try:
    ...     read_bytes(Path("nowhere.png"))
    ... except ImageError as error:
    ...     print(error)
    file not found: nowhere.png
    """
    try:
        found = path.stat()
        # A pipe or a device would block for ever, or never end.
        if stat.S_ISDIR(found.st_mode):
            raise ImageError(f"a folder, not a file: {path}")
        if not stat.S_ISREG(found.st_mode):
            raise ImageError(f"not a regular file: {path}")
        if found.st_size == 0:
            raise ImageError("empty file")
        _check_bytes(found.st_size, limits)
        with path.open("rb") as file:
            data = file.read(limits.max_bytes + 1)
    except FileNotFoundError as error:
        raise ImageError(f"file not found: {path}") from error
    except PermissionError as error:
        raise ImageError(f"no permission to read {path}") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ImageError(f"cannot be read ({reason}): {path}") from error
    _check_bytes(len(data), limits)
    if not data:
        raise ImageError("empty file")
    return data


def decode(data: bytes, *, mode: str | None = "RGB", limits: Limits = DEFAULT_LIMITS) -> Image.Image:
    """Decode an image completely, the way a person expects to see it.

    The first frame is taken, the EXIF orientation applied, 16-bit and floating-point grey scaled from its
    own darkest and brightest value, and transparency laid on white when `mode` has no alpha.

    Parameters
    ----------
    data
        The encoded image.
    mode
        A Pillow mode such as ``"RGB"``, ``"L"`` or ``"RGBA"``. None keeps the mode of the file, and ``"I"``
        and ``"F"`` keep the values of 16-bit and floating-point grey as they are.
    limits
        Checked from the header, before decoding.

    Returns
    -------
    PIL.Image.Image
        Fully loaded; holds no file.

    Raises
    ------
    ImageError
        Whatever is wrong with the bytes; the original error is its cause.

    Examples
    --------
    >>> from explorer.images.encode import encode
    >>> data, media = encode(Image.new("L", (8, 6), 255))
    >>> decode(data).mode, decode(data).size
    ('RGB', (8, 6))
    >>> try:
    ...     decode(b"<html>404</html>")
    ... except ImageError as error:
    ...     print(error)
    an HTML page, not an image
    """
    check_mode(mode)

    def pixels(image: Image.Image) -> Image.Image:
        image.load()
        return detached(to_mode(upright(image), mode))

    return with_opened(data, limits, pixels)


def header(data: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Header:
    """Read the format and the size of an image without decoding it.

    Parameters
    ----------
    data
        The encoded image; its beginning is enough for most formats.
    limits
        An image above them raises here too.

    Raises
    ------
    ImageError
        When no header can be read.

    Examples
    --------
    >>> from explorer.images.encode import encode
    >>> header(encode(Image.new("RGB", (8, 6)))[0])
    Header(format='PNG', width=8, height=6)
    """

    def read(image: Image.Image) -> Header:
        width, height = shown_size(image)
        return Header(format=image.format or "unknown", width=width, height=height)

    return with_opened(data, limits, read)


def with_opened(data: bytes, limits: Limits, use: Callable[[Image.Image], T]) -> T:
    """Open `data` with Pillow and return what `use` makes of it; all that goes wrong is an `ImageError`.

    `use` may be called again when another thread put a filter in front of ours that makes errors of
    warnings: such an error says nothing about the image.
    """
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise ImageError(f"encoded bytes are expected, not {type(data).__name__}")
    _check_bytes(len(data), limits)
    kind = sniff(bytes(data[:_HEAD]))
    if reason := _not_pixels(kind):
        raise ImageError(reason)
    for attempt in range(_ATTEMPTS):
        try:
            with pillow_is_quiet() as quiet, Image.open(io.BytesIO(data)) as image:
                _check_pixels(*image.size, limits)
                # The size is known to be allowed now, so a bomb warning is about another, hidden image.
                quiet.bombs_are_errors = True
                return use(image)
        except (ImageError, ArgumentError):
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise _bomb(error, limits) from error
        except Exception as error:
            if isinstance(error, Warning) and attempt < _ATTEMPTS - 1:
                continue
            raise ImageError(_reason(error, kind)) from error
    raise AssertionError("the last attempt returns or raises")


def upright(image: Image.Image) -> Image.Image:
    """Turn a loaded image the way its EXIF orientation says; a damaged EXIF block says nothing."""
    turn = _TURNS.get(_orientation(image, decoded=True))
    return image if turn is None else image.transpose(turn)


def detached(image: Image.Image) -> Image.Image:
    """Return the pixels alone: no file, no encoded bytes, no EXIF."""
    if isinstance(image, ImageFile.ImageFile):
        image = image.copy()
    image.info = {key: image.info[key] for key in _KEPT_INFO if key in image.info}
    return image


def shown_size(image: Image.Image) -> tuple[int, int]:
    """Return width and height of an image that was opened, and not loaded, as it will be shown."""
    width, height = image.size
    # Pillow's TIFF reader turns images by itself and declares the turned size from the beginning.
    if image.format != "TIFF" and _orientation(image, decoded=False) in _SIDEWAYS:
        return height, width
    return width, height


def _orientation(image: Image.Image, *, decoded: bool) -> int:
    try:
        # PNG's own getexif() decodes the whole image to look for late chunks.
        exif = image.getexif() if decoded else Image.Image.getexif(image)
        return int(exif.get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001  (any error in EXIF means the same: there is no orientation)
        return 1


def _check_bytes(size: int, limits: Limits) -> None:
    if size > limits.max_bytes:
        raise ImageLimitError(
            f"{size / 2**20:,.1f} MiB, over the limit of {limits.max_bytes / 2**20:,.1f} MiB (max_bytes)"
        )


def _check_pixels(width: int, height: int, limits: Limits) -> None:
    if width * height > limits.max_pixels:
        raise ImageLimitError(f"{width} x {height} pixels, {_over(limits)}")


def _bomb(error: Exception, limits: Limits) -> ImageLimitError:
    """Word Pillow's own limit, which is reached before ours for the largest images."""
    declared = re.search(r"\d+", str(error))
    pixels = f"{int(declared[0]) / 1e6:,.6g} megapixels" if declared else "too many pixels"
    if declared and int(declared[0]) <= limits.max_pixels:
        return ImageLimitError(f"{pixels}, over the limit that Pillow has (PIL.Image.MAX_IMAGE_PIXELS)")
    return ImageLimitError(f"{pixels}, {_over(limits)}")


def _over(limits: Limits) -> str:
    return f"over the limit of {limits.max_pixels / 1e6:,.6g} megapixels (max_pixels)"


def _not_pixels(kind: str) -> str | None:
    """Return the reason for what is certainly not an image; text may still be an unusual one."""
    if kind in _NOT_PIXELS:
        return _NOT_PIXELS[kind]
    return f"{kind}, not an image" if kind.startswith(("a ", "an ")) else None


def _reason(error: Exception, kind: str) -> str:
    known = kind.isupper()
    if isinstance(error, UnidentifiedImageError):
        if not known:
            return "not an image in a known format" if kind == "unknown" else f"{kind}, not an image"
        if kind not in Image.OPEN:
            return f"{kind}, which Pillow cannot read"
        return f"broken {kind} (its header cannot be read)"
    if isinstance(error, MemoryError):
        return "not enough memory to decode it"
    detail = re.sub(r"\s*\(-?\d+ bytes not processed\)", "", str(error).partition("\n")[0]).strip(" .")
    detail = detail[:120] or type(error).__name__
    state = "truncated" if "truncated" in detail.casefold() else "broken"
    return f"{state} {kind if known else 'image'} ({detail})"
