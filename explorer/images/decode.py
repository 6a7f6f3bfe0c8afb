"""From bytes to pixels: every failure is an `ImageError` with a short reason, and never anything else."""

from __future__ import annotations

import io
import re
import stat
from contextlib import contextmanager, nullcontext, suppress
from math import inf
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from PIL import Image, ImageFile, UnidentifiedImageError

from explorer._errors import ArgumentError, ImageError, ImageLimitError
from explorer.images.colours import in_srgb
from explorer.images.libtiff import libtiff_is_quiet
from explorer.images.limits import DEFAULT_LIMITS, check_bytes, check_pixels, too_many
from explorer.images.modes import check_mode, to_mode
from explorer.images.quiet import pillow_is_quiet
from explorer.images.sniffing import sniff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from explorer.images.limits import Limits
    from explorer.images.resize import Resizing

__all__ = ["decode", "read_bytes", "sniff"]

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
    with opened(path) as (file, size):
        check_bytes(size, limits)
        data = file.read(limits.max_bytes + 1)
    check_bytes(len(data), limits)
    if not data:
        raise ImageError("empty file")
    return data


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """Open a regular file that is not empty, and tell its bytes; all that goes wrong is an `ImageError`."""
    try:
        found = path.stat()
        # A pipe or a device would block for ever, or never end.
        if stat.S_ISDIR(found.st_mode):
            raise ImageError(f"a folder, not a file: {path}")
        if not stat.S_ISREG(found.st_mode):
            raise ImageError(f"not a regular file: {path}")
        if found.st_size == 0:
            raise ImageError("empty file")
        with path.open("rb") as file:
            yield file, found.st_size
    except FileNotFoundError as error:
        raise ImageError(f"file not found: {path}") from error
    except PermissionError as error:
        raise ImageError(f"no permission to read {path}") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ImageError(f"cannot be read ({reason}): {path}") from error


def decode(
    data: bytes,
    *,
    mode: str | None = "RGB",
    limits: Limits = DEFAULT_LIMITS,
    frame: int = 0,
    resizing: Resizing | None = None,
) -> Image.Image:
    """Decode an image completely, the way a person expects to see it.

    The EXIF orientation is applied, 16-bit and floating-point grey scaled from its own darkest and
    brightest value, and transparency laid on white when `mode` has no alpha.

    Parameters
    ----------
    data
        The encoded image.
    mode
        A Pillow mode such as ``"RGB"``, ``"L"`` or ``"RGBA"``. None keeps the mode of the file, and ``"I"``
        and ``"F"`` keep the values of 16-bit and floating-point grey as they are.
    limits
        Checked from the header, before decoding.
    frame
        Which one of an animation or of several pages, from 0; negative ones count from the end.
    resizing
        The size to bring it to; a large JPEG is then decoded at a fraction of its own.

    Returns
    -------
    PIL.Image.Image
        Fully loaded; holds no file.

    Raises
    ------
    ImageError
        Whatever is wrong with the bytes; the original error is its cause. Also when there is no such frame.

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
        go_to_frame(image, frame)
        if resizing is None:
            image.load()
            return detached(to_mode(in_srgb(upright(image), mode), mode))
        full = shown_size(image)
        draft(image, resizing.enough(full))
        image.load()
        return detached(resizing.applied(in_srgb(upright(image), mode), mode, full))

    return with_opened(data, limits, pixels)


def with_opened(source: bytes | BinaryIO, limits: Limits, use: Callable[[Image.Image], T]) -> T:
    """Open an image with Pillow and return what `use` makes of it; all that goes wrong is an `ImageError`.

    `use` may be called again when another thread put a filter in front of ours that makes errors of
    warnings: such an error says nothing about the image.

    Parameters
    ----------
    source
        The encoded bytes, or a file of them, of which no more is read than `use` needs.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        check_bytes(len(source), limits)
        file: BinaryIO = io.BytesIO(source)
    elif hasattr(source, "read"):
        file = source
    else:
        raise ImageError(f"encoded bytes are expected, not {type(source).__name__}")
    kind = sniff(file.read(_HEAD))
    if reason := _not_pixels(kind):
        raise ImageError(reason)
    for attempt in range(_ATTEMPTS):
        file.seek(0)
        image: Image.Image | None = None
        try:
            quiet_c = libtiff_is_quiet() if kind in ("TIFF", "unknown") else nullcontext()
            with quiet_c, pillow_is_quiet() as quiet, _open(file, kind, limits) as image:
                check_pixels(*image.size, limits)
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
            raise ImageError(_reason(error, kind, _how_far(image, file))) from error
    raise AssertionError("the last attempt returns or raises")


def _open(file: BinaryIO, kind: str, limits: Limits) -> Image.Image:
    """Open an image of as many pixels as our limits allow, of which Pillow's own may be fewer."""
    try:
        return Image.open(file)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        if kind not in Image.OPEN or (_declared(error) or inf) > limits.max_pixels:
            raise
    file.seek(0)
    image = Image.OPEN[kind][0](file, "")
    # Pillow's readers of formats return a file's image, whatever they are declared to.
    assert isinstance(image, Image.Image)  # noqa: S101
    return image


def _declared(error: Exception) -> int | None:
    """Return the pixels that an error of Pillow's own limit speaks of."""
    declared = re.search(r"\d+", str(error))
    return None if declared is None else int(declared[0])


def go_to_frame(image: Image.Image, frame: int) -> None:
    """Turn an opened image to one of its frames; a negative number counts from the end."""
    if frame == 0:
        return
    frames = int(getattr(image, "n_frames", 1))
    if not -frames <= frame < frames:
        only = "1 frame" if frames == 1 else f"{frames:,} frames, 0 to {frames - 1:,}"
        raise ImageError(f"there is no frame {frame:,}: the {image.format} has {only}")
    image.seek(frame % frames)


def draft(image: Image.Image, size: tuple[int, int]) -> None:
    """Have a JPEG that is not loaded yet decoded at a fraction no smaller than `size`, which is as shown."""
    if image.format in ("JPEG", "MPO"):
        sideways = _orientation(image, decoded=False) in _SIDEWAYS
        image.draft(None, size[::-1] if sideways else size)


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


def _bomb(error: Exception, limits: Limits) -> ImageLimitError:
    """Word Pillow's own limit, which is reached before ours for the largest images."""
    declared = _declared(error)
    if declared is not None and declared <= limits.max_pixels:
        return ImageLimitError(
            f"{declared / 1e6:,.6g} megapixels, over the limit that Pillow has (PIL.Image.MAX_IMAGE_PIXELS)"
        )
    what = "too many pixels" if declared is None else f"{declared / 1e6:,.6g} megapixels"
    return too_many(what, declared, limits)


def _not_pixels(kind: str) -> str | None:
    """Return the reason for what is certainly not an image; text may still be an unusual one."""
    if kind in _NOT_PIXELS:
        return _NOT_PIXELS[kind]
    return f"{kind}, not an image" if kind.startswith(("a ", "an ")) else None


def _reason(error: Exception, kind: str, how_far: str) -> str:
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
    name = kind if known else "image"
    if "truncated" in detail.casefold():
        return f"truncated {name} ({how_far or detail})"
    return f"broken {name} ({detail})"


def _how_far(image: Image.Image | None, file: BinaryIO) -> str:
    """Say how much there is of an image whose decoding has failed."""
    with suppress(Exception):
        ends = f"it ends after {file.seek(0, io.SEEK_END):,} bytes"
        # What was not reached is zero in all channels. A progressive JPEG is decoded whole or not at all.
        decoded = getattr(image, "_im", None)
        box = None if decoded is None else decoded.getbbox()
        if image is None or box is None:
            return ends
        # Some formats begin with the last row.
        rows = box[3] if box[3] < image.height else image.height - box[1]
        return f"{ends}, with {rows:,} of {image.height:,} rows"
    return ""
