"""Images of one size, in proportion unless told otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from PIL import Image, ImageColor, ImageOps

from explorer._errors import ArgumentError
from explorer.images.modes import has_alpha, is_wide, to_mode

if TYPE_CHECKING:
    from collections.abc import Sequence

Resize: TypeAlias = Literal["fit", "crop", "pad", "stretch"]
Fill: TypeAlias = "str | Sequence[int]"

RESIZES: tuple[str, ...] = get_args(Resize)

# The smallest decode of a JPEG, in sizes of the result, that is still filtered down from.
_DRAFT_GAP = 2.0
# In these modes a value between two others is a colour between two others.
_SMOOTH = ("L", "LA", "RGB", "RGBA", "CMYK", "I", "F")


@dataclass(frozen=True, slots=True)
class Resizing:
    """A size to bring images to, and the way to get there.

    Parameters
    ----------
    width, height
        Of the box, in pixels.
    how
        ``"fit"``: as large as fits into the box, in proportion, so that one side may be shorter.
        ``"crop"``: as small as covers the box, in proportion, the middle of it cut out. ``"pad"``: as
        ``"fit"``, in the middle of a box of the colour `fill`. ``"stretch"``: exactly the box,
        distorted. Small images are enlarged by all of them.
    fill
        Red, green, blue and alpha of the padding, each 0 to 255.

    Examples
    --------
    >>> photo = Image.new("RGB", (400, 300))
    >>> [Resizing(100, 100, how).applied(photo, "RGB", photo.size).size for how in RESIZES]
    [(100, 75), (100, 100), (100, 100), (100, 100)]
    """

    width: int
    height: int
    how: Resize = "fit"
    fill: tuple[int, int, int, int] = (0, 0, 0, 255)

    @property
    def box(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height

    def enough(self, full: tuple[int, int]) -> tuple[int, int]:
        """Return the smallest size that a larger image may be decoded at without visible loss.

        Examples
        --------
        >>> Resizing(100, 100).enough((4000, 3000))
        (200, 150)
        """
        width, height = self.box
        if self.how == "crop":
            width, height = _covering(full, self.box)
        elif self.how != "stretch":
            width, height = inside(full, self.box)
        return round(width * _DRAFT_GAP), round(height * _DRAFT_GAP)

    def applied(self, image: Image.Image, mode: str | None, full: tuple[int, int]) -> Image.Image:
        """Return a loaded, upright image in this size and in a mode.

        Parameters
        ----------
        image
            Decoded in full, or at least as large as `enough`.
        mode
            As `to_mode` takes it. With None, palettes become colours and black-and-white grey,
            because nothing lies between their values.
        full
            Its size before it was decoded, which the proportions are taken from.
        """
        image = to_mode(image, mode if mode in _SMOOTH else _smooth(image))
        if self.how == "crop":
            made = ImageOps.fit(image, self.box, Image.Resampling.BICUBIC)
        else:
            size = self.box if self.how == "stretch" else inside(full, self.box)
            made = image if image.size == size else image.resize(size, Image.Resampling.BICUBIC)
            if self.how == "pad":
                made = ImageOps.pad(made, self.box, Image.Resampling.BICUBIC, color=self._colour(made.mode))
        return to_mode(made, mode)

    def _colour(self, mode: str) -> tuple[int, ...]:
        pixel = to_mode(Image.new("RGBA", (1, 1), self.fill), mode).getpixel((0, 0))
        return pixel if isinstance(pixel, tuple) else (pixel,)  # type: ignore[return-value]


def inside(size: tuple[int, int], box: tuple[int, int]) -> tuple[int, int]:
    """Return the largest size in the proportions of `size` that fits into the box, never zero.

    Examples
    --------
    >>> inside((400, 300), (100, 100)), inside((8, 16), (32, 32)), inside((10_000, 1), (100, 100))
    ((100, 75), (16, 32), (100, 1))
    """
    scale = min(box[0] / size[0], box[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _covering(size: tuple[int, int], box: tuple[int, int]) -> tuple[int, int]:
    scale = max(box[0] / size[0], box[1] / size[1])
    return round(size[0] * scale), round(size[1] * scale)


def _smooth(image: Image.Image) -> str:
    if image.mode in _SMOOTH and "transparency" not in image.info:
        return image.mode
    if is_wide(image):
        return "I"
    if has_alpha(image):
        return "RGBA"
    return "L" if image.mode == "1" else "RGB"


def resizing(where: str, size: object, how: object = "fit", fill: object = None) -> Resizing | None:
    """Check what a person asked for; None when no size is given.

    Parameters
    ----------
    where
        The function that was called, for messages.
    size
        (width, height), or one number for both, in pixels.
    how
        One of `RESIZES`.
    fill
        Colour of the padding: a name, ``"#rrggbb"``, or three or four numbers of 0 to 255. None is black.

    Raises
    ------
    ArgumentError
        When one of them is not that, or needs another that is missing.

    Examples
    --------
    >>> resizing("ex.image()", 224, "pad", "white")
    Resizing(width=224, height=224, how='pad', fill=(255, 255, 255, 255))
    """
    if how not in RESIZES:
        raise ArgumentError.not_one_of(f"resize of {where}", how, RESIZES)
    if size is None:
        if how != "fit" or fill is not None:
            given = f"resize={how!r}" if how != "fit" else f"fill={fill!r}"
            raise ArgumentError(
                f"{given} of {where} says how to bring images to a size, and there is no size=.",
                hint=f"For instance: size=(224, 224), {given}",
            )
        return None
    if fill is not None and how != "pad":
        raise ArgumentError(
            f"fill={fill!r} of {where} is the colour of padding, and resize={how!r} pads nothing.",
            hint='To pad: resize="pad"',
        )
    width, height = _box(where, size)
    return Resizing(width, height, how, (0, 0, 0, 255) if fill is None else _fill(where, fill))  # type: ignore[arg-type]


def _box(where: str, size: object) -> tuple[int, int]:
    given = (size, size) if type(size) is int else size
    if isinstance(given, (tuple, list)) and len(given) == 2 and all(type(side) is int for side in given):
        if min(given) >= 1:
            return given[0], given[1]
        raise ArgumentError(f"size={size!r} of {where}: both sides are at least 1 pixel.")
    raise ArgumentError(
        f"size={size!r} of {where} is not a width and a height in whole pixels.",
        hint="For instance: size=(224, 224), or size=224 for a square.",
    )


def _fill(where: str, fill: object) -> tuple[int, int, int, int]:
    try:
        given: Any = ImageColor.getrgb(fill) if isinstance(fill, str) else fill
        red, green, blue, alpha = (*given, 255) if len(given) == 3 else given
    except (ValueError, TypeError) as error:
        raise _no_colour(where, fill) from error
    if not all(type(part) is int and 0 <= part <= 255 for part in (red, green, blue, alpha)):
        raise _no_colour(where, fill)
    return red, green, blue, alpha


def _no_colour(where: str, fill: object) -> ArgumentError:
    return ArgumentError(
        f"fill={fill!r} of {where} is not a colour.",
        hint='For instance: fill="white", fill="#202020" or fill=(32, 32, 32).',
    )
