"""From the values of a row to the batch that a net takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as PILImage

from explorer._errors import ComputeError, OutputError
from explorer._optional import require

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor


def to_tensor(value: Any) -> Tensor:
    """Make a value into a float32 tensor: the transform of `ex.model()` when none is given.

    A PIL image becomes (C, H, W) in 0 to 1, with one channel when it is grey, three for colour,
    four with alpha. Numbers, sequences and arrays keep their shape and their scale.

    Raises
    ------
    ComputeError
        For a value that is no image and holds no numbers.

    Examples
    --------
    >>> from PIL import Image
    >>> to_tensor(Image.new("L", (2, 1), 255))
    tensor([[[1., 1.]]])
    """
    torch = require("torch", extra="torch", needed_for="ex.model()")
    if isinstance(value, PILImage.Image):
        tensor: Tensor = torch.from_numpy(_pixels(value))
        return tensor
    try:
        # Without a dtype here: told to make floats, NumPy turns a null into NaN. A copy, as Polars'
        # and Pillow's arrays are read-only, which torch warns of.
        tensor = value if isinstance(value, torch.Tensor) else torch.from_numpy(np.array(value))
    except (TypeError, ValueError) as error:
        raise ComputeError(
            f"ex.model() cannot make a tensor of a value of type {type(value).__name__}.",
            hint="Give transform=..., a function from one value to a tensor.",
        ) from error
    return tensor.to(torch.float32)


def _pixels(image: PILImage.Image) -> np.ndarray[Any, np.dtype[np.float32]]:
    if image.mode in {"F", "I"}:
        raise ComputeError(
            f"An image of mode {image.mode!r} does not say which value is white.",
            hint="Give transform=..., which knows the range of these images.",
        )
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.float32)[None] / np.float32(65535)
    if image.mode not in {"L", "RGB", "RGBA"}:
        image = image.convert("L" if image.mode in {"1", "LA", "La"} else "RGB")
    pixels = np.asarray(image).astype(np.float32) / np.float32(255)
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def stack(values: Sequence[Any], transform: Callable[[Any], Any]) -> Tensor:
    """Transform each value and stack the tensors into one batch.

    Raises
    ------
    OutputError
        When the transform gives something other than tensors, or tensors of several shapes.

    Examples
    --------
    >>> from PIL import Image
    >>> tuple(stack([Image.new("RGB", (4, 2))] * 3, to_tensor).shape)
    (3, 3, 2, 4)
    """
    torch = require("torch", extra="torch", needed_for="ex.model()")
    tensors = [transform(value) for value in values]
    for tensor in tensors:
        if not isinstance(tensor, torch.Tensor):
            raise OutputError(
                f"transform returned {_kind(tensor)}; a torch.Tensor of one image is expected.",
                hint="End transform with torchvision.transforms.ToTensor().",
            )
    shapes = list(dict.fromkeys(tuple(tensor.shape) for tensor in tensors))
    if len(shapes) > 1:
        raise OutputError(
            f"The tensors of one batch have {len(shapes)} shapes, for instance {shapes[0]} and {shapes[1]}; "
            "a batch needs one.",
            hint=_even_out(shapes),
        )
    batch: Tensor = torch.stack(tensors)
    return batch


def _even_out(shapes: list[tuple[int, ...]]) -> str:
    sizes = {shape[-2:] for shape in shapes}
    if len(sizes) == 1 and all(len(shape) == 3 for shape in shapes):
        return 'The channels differ: load the images with ex.image(..., mode="RGB").'
    return "Add Resize and CenterCrop to transform, so that every image has one size."


def _kind(value: object) -> str:
    return "a PIL image" if isinstance(value, PILImage.Image) else f"a value of type {type(value).__name__}"
