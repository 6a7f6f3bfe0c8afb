"""From numbers to an image: arrays, lists and raw bytes of pixel values."""

from __future__ import annotations

import re
from math import isqrt, prod
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from explorer._errors import ArgumentError, ImageError
from explorer.images.limits import DEFAULT_LIMITS, check_pixels
from explorer.images.modes import check_mode, spread_out, to_mode
from explorer.images.sniffing import sniff

if TYPE_CHECKING:
    from collections.abc import Sequence

    from explorer.images.limits import Limits

    Values = np.ndarray[Any, np.dtype[Any]]

_CHANNELS = (1, 2, 3, 4)
_FIRST = (1, 3, 4)
_OF_CHANNELS = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_KEEP_VALUES = {"I": np.int32, "F": np.float32}
_EXPECTED = "pixel values are whole numbers from 0 to 255 or fractions from 0 to 1"
_TO_FRACTIONS = (
    "Make them fractions first: (values - black) / (white - black), with the same two numbers for all rows."
)


def from_values(
    values: object,
    shape: tuple[int, ...] | None = None,
    *,
    mode: str | None = "RGB",
    limits: Limits = DEFAULT_LIMITS,
    channels_first: bool = False,
    spread: bool = False,
) -> Image.Image:
    """Make an image of pixel values.

    Whole numbers are levels from 0 to 255, fractions are levels from 0 to 1, and booleans are black and
    white. Such values are never scaled by what they happen to be, so that equal ones look equal in all rows.
    What holds others, or NaN, is refused, unless it is to be spread.

    Parameters
    ----------
    values
        An array, a (nested) list, or raw bytes with one byte for each value.
    shape
        (height, width), (height, width, channels) or (channels, height, width) of flat values; see
        `layout`. None takes the array's own.
    mode
        A Pillow mode, or None for the one that the channels mean: grey, grey and alpha, RGB, RGBA.
        ``"I"`` and ``"F"`` keep the values of one channel as they are, whatever they are.
    limits
        Of these, `max_pixels` is checked.
    channels_first
        Whether the first of three numbers is the channels where both could be; see `layout`.
    spread
        Spread values of which some are no levels from their own darkest, black, to their own brightest,
        white, as files of 16-bit and floating-point grey are; NaN becomes black.

    Raises
    ------
    ImageError
        When the values are too few, too many, ragged, null, or no levels.

    Examples
    --------
    >>> from_values([0, 128, 255, 0, 128, 255], (2, 3), mode="L").size
    (3, 2)
    >>> try:
    ...     from_values([0.5] * 783, (28, 28))
    ... except ImageError as error:
    ...     print(error)
    783 pixel values were given, but shape (28, 28) needs 784
    >>> np.asarray(from_values(np.array([[-1.0, 0.0, 1.0]]), mode="L", spread=True)).tolist()
    [[0, 128, 255]]
    """
    check_mode(mode)
    array = _shaped(_array(values, shape, may_be_nan=spread), shape)
    height, width, channels = layout(array.shape, channels_first=channels_first)
    check_pixels(width, height, limits)
    if array.ndim == 3 and array.shape != (height, width, channels):
        array = array.transpose(1, 2, 0)
    if channels == 1:
        array = array.reshape(height, width)
        if mode in _KEEP_VALUES:
            return Image.fromarray(array.astype(_KEEP_VALUES[mode]))
    return to_mode(Image.fromarray(np.ascontiguousarray(_levels(array, spread=spread))), mode)


def from_batch(
    values: Sequence[object],
    shape: tuple[int, ...] | None = None,
    *,
    mode: str | None = "RGB",
    limits: Limits = DEFAULT_LIMITS,
) -> list[Image.Image] | None:
    """Make the images that `from_values` makes of each, with one look at all values.

    Parameters
    ----------
    values
        Pixel values of one image each.
    shape, mode, limits
        As for `from_values`.

    Returns
    -------
    list of PIL.Image.Image or None
        None where the values are no arrays of one shape and dtype, or where any of them is wrong: only
        `from_values` tells which, and why.

    Examples
    --------
    >>> images = from_batch([np.zeros(6, np.uint8), np.ones(6, np.uint8)], (2, 3), mode="L")
    >>> [image.getpixel((0, 0)) for image in images]
    [0, 1]
    >>> from_batch([np.array([0, 255]), np.array([0, 256])], (1, 2)) is None
    True
    """
    check_mode(mode)
    if mode in _KEEP_VALUES or set(map(type, values)) != {np.ndarray}:
        return None
    kinds: set[Any] = {(value.shape, value.dtype) for value in values}  # type: ignore[attr-defined]
    if len(kinds) > 1 or values[0].dtype.kind not in "buif":  # type: ignore[attr-defined]
        return None
    try:
        one = _shaped(_array(values[0], shape, may_be_nan=False), shape).shape
        height, width, channels = layout(one)
        check_pixels(width, height, limits)
        together = _array(values, shape, may_be_nan=False).reshape(len(values), *one)
        levels = _levels(together, spread=False)
    except ImageError:
        return None
    if one != (height, width, channels) and len(one) == 3:
        levels = levels.transpose(0, 2, 3, 1)
    own = _OF_CHANNELS[channels]
    return [
        to_mode(Image.frombuffer(own, (width, height), pixels, "raw", own, 0, 1), mode)
        for pixels in np.ascontiguousarray(levels).reshape(len(values), -1)
    ]


def layout(shape: tuple[int, ...], *, channels_first: bool = False) -> tuple[int, int, int]:
    """Return height, width and channels of an array of pixels.

    With three numbers the last is the channels if it is one to four, else the first if it is 1, 3 or 4.
    So (32, 32, 3) and (3, 32, 32) are both what they seem. Where both could be, the last is it, or the
    first with `channels_first`, as tensors have it.

    Raises
    ------
    ImageError
        When it is the shape of no image.

    Examples
    --------
    >>> layout((28, 28)), layout((32, 32, 3)), layout((3, 32, 32)), layout((3, 8, 4))
    ((28, 28, 1), (32, 32, 3), (32, 32, 3), (3, 8, 4))
    >>> layout((3, 8, 4), channels_first=True)
    (8, 4, 3)
    """
    if len(shape) == 2 and min(shape) >= 1:
        return shape[0], shape[1], 1
    if len(shape) == 3 and min(shape) >= 1:
        if channels_first and shape[0] in _FIRST:
            return shape[1], shape[2], shape[0]
        if shape[2] in _CHANNELS:
            return shape[0], shape[1], shape[2]
        if shape[0] in _FIRST:
            return shape[1], shape[2], shape[0]
    raise ImageError(
        f"an array of shape {shape} is no image: (height, width) or (height, width, channels) is"
    )


def check_shape(where: str, shape: object) -> tuple[int, ...]:
    """Check the shape that a person named.

    Raises
    ------
    ArgumentError
        When it is the shape of no image, with the one that was probably meant.

    Examples
    --------
    >>> try:
    ...     check_shape("ex.image()", "28x28")
    ... except ArgumentError as error:
    ...     print(error.hint)
    For instance: shape=(28, 28)
    """
    if isinstance(shape, (tuple, list)) and all(type(side) is int for side in shape):
        try:
            layout(tuple(shape))
        except ImageError:
            pass
        else:
            return tuple(shape)
    raise ArgumentError(
        f"shape={shape!r} of {where} is not (height, width) or (height, width, channels) in whole numbers.",
        hint=f"For instance: shape={_meant(shape) or (28, 28)}",
    )


def _meant(shape: object) -> tuple[int, ...] | None:
    """Return the shape that a person may have meant by text, one number, or the length of a list."""
    numbers = [int(number) for number in re.findall(r"\d{1,6}", str(shape))]
    if len(numbers) == 1:
        return _square(numbers[0]) if isinstance(shape, (tuple, list)) else (numbers[0], numbers[0])
    usable = len(numbers) in (2, 3) and min(numbers) >= 1 and (len(numbers) == 2 or numbers[2] in _CHANNELS)
    return tuple(numbers) if usable else None


def _array(values: object, shape: tuple[int, ...] | None, *, may_be_nan: bool) -> Values:
    """Bring whatever holds numbers into an array of them."""
    if values is None:
        raise ImageError("no pixel values: the value is null")
    if isinstance(values, (bytes, bytearray, memoryview)):
        return _raw(bytes(values), shape)
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ImageError(_ragged(values)) from error
    except (TypeError, RuntimeError, OverflowError) as error:
        raise ImageError(f"{type(values).__name__} holds no pixel values ({error})") from error
    if array.dtype == object:
        nulls = sum(value is None for value in array.ravel())
        raise ImageError(
            _nulls(nulls, array.size) if nulls else f"pixel values are numbers, not {_kind_in(array)}"
        )
    if array.dtype.kind not in "buif":
        what = repr(values) if isinstance(values, str) else f"{array.dtype} values"
        raise ImageError(f"pixel values are numbers, not {what[:80]}")
    if array.dtype.kind == "f" and array.size and not may_be_nan:
        missing = int(np.count_nonzero(np.isnan(array)))
        if missing:
            raise ImageError(_nulls(missing, array.size))
    return array


def _raw(data: bytes, shape: tuple[int, ...] | None) -> Values:
    if shape is None:
        raise ImageError("bytes of raw pixels have no shape", hint="Name it: shape=(height, width)")
    if len(data) != prod(shape) and (kind := sniff(data[:1024])).isupper() and kind in Image.OPEN:
        raise ImageError(
            f"an encoded image ({kind}), but shape {shape} asks for {prod(shape):,} bytes of raw pixels",
            hint="Leave shape= out: encoded images have a shape of their own.",
        )
    return np.frombuffer(data, dtype=np.uint8)


def _shaped(array: Values, shape: tuple[int, ...] | None) -> Values:
    if shape is None:
        if array.ndim == 1:
            fitting = _square(array.size)
            raise ImageError(
                f"{array.size:,} pixel values in a row, without a shape",
                hint=f"Name it: shape={fitting}" if fitting else "Name it: shape=(height, width)",
            )
        return array
    if array.shape == shape:
        return array
    # Two shapes of as many values are two different pictures; only a flat list has no shape of its own.
    if sum(side != 1 for side in array.shape) > 1 and array.size:
        own = tuple(side for side in array.shape if side != 1)
        if own != tuple(side for side in shape if side != 1):
            raise ImageError(f"pixel values of shape {array.shape} were given, but shape={shape} is named")
    if array.size != prod(shape):
        fitting = _square(array.size)
        raise ImageError(
            f"{array.size:,} pixel values were given, but shape {shape} needs {prod(shape):,}",
            hint=f"shape={fitting} would fit" if fitting else None,
        )
    return array.reshape(shape)


def _square(count: int) -> tuple[int, ...] | None:
    """Return the shape of a square image of so many values, if there is one."""
    for channels in _FIRST:
        side = isqrt(count // channels)
        if side > 1 and side * side * channels == count:
            return (side, side) if channels == 1 else (side, side, channels)
    return None


def _levels(array: Values, *, spread: bool) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return levels from 0 to 255, or say why these values are none."""
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    low, high = array.min(), array.max()
    most = 1 if array.dtype.kind == "f" else 255
    if spread and not (low >= 0 and high <= most):
        return spread_out(array)
    if array.dtype.kind in "ui":
        if low < 0 or high > 255:
            raise ImageError(f"whole numbers from {low} to {high}: {_EXPECTED}", hint=_TO_FRACTIONS)
        return array.astype(np.uint8)
    if low < 0 or high > 1:
        whole = low >= 0 and high <= 255
        raise ImageError(
            f"fractions from {low:g} to {high:g}: {_EXPECTED}",
            hint="Divide them by 255, or make them whole numbers." if whole else _TO_FRACTIONS,
        )
    levels: np.ndarray[Any, np.dtype[np.uint8]] = (array * 255 + 0.5).astype(np.uint8)
    return levels


def _nulls(count: int, size: int) -> str:
    return f"{count:,} of the {size:,} pixel values {'is' if count == 1 else 'are'} null or NaN"


def _kind_in(array: Values) -> str:
    return str(next((type(value).__name__ for value in array.ravel() if value is not None), "nothing"))


def _ragged(values: Any) -> str:
    try:
        lengths = {len(row) for row in values}
    except TypeError:
        return "ragged pixel values: some rows are lists and others numbers"
    if len(lengths) > 1:
        return f"ragged pixel values: rows of {min(lengths):,} to {max(lengths):,} values"
    return "ragged pixel values: not every pixel has as many channels"
