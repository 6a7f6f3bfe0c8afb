"""From what a net returns to predictions, or to a sentence on what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from explorer._errors import OutputError
from explorer._optional import require

if TYPE_CHECKING:
    import polars as pl
    from torch import Tensor

NAMES = ("pred", "confidence", "probs")
"""The columns that every model gives, in their order."""


def logits(output: Any, *, rows: int, classes: int | None) -> Tensor:
    """Return the class scores in `output`, of shape (`rows`, C), or say why there are none.

    Parameters
    ----------
    output
        What the net returned: a tensor, or an object with a tensor named ``logits``.
    rows
        How many rows the batch had.
    classes
        How many labels there are, or None when any number will do.

    Raises
    ------
    OutputError
        With what was given, what was expected and what to try.

    Examples
    --------
    >>> import torch
    >>> tuple(logits(torch.zeros(2, 10), rows=2, classes=10).shape)
    (2, 10)
    """
    torch = require("torch", extra="torch", needed_for="ex.model()")
    scores = output if isinstance(output, torch.Tensor) else getattr(output, "logits", None)
    expected = f"({rows}, {'number of classes' if classes is None else classes})"
    if not isinstance(scores, torch.Tensor):
        raise OutputError(
            f"The net returned {_described(output)}; a tensor of shape {expected} is expected, "
            "or an object with such a tensor as .logits.",
            hint="Wrap the net in an nn.Module whose forward returns the class scores alone.",
        )
    shape = tuple(scores.shape)
    hint = _wrong(shape, rows, classes)
    if hint is not None:
        raise OutputError(f"The net returned a tensor of shape {shape}; {expected} is expected.", hint=hint)
    if not scores.is_floating_point():
        raise OutputError(
            f"The net returned {scores.dtype}; scores of the classes in floating point are expected.",
            hint="Return the scores that the classes were chosen by, before argmax.",
        )
    return cast("Tensor", scores)


def _wrong(shape: tuple[int, ...], rows: int, classes: int | None) -> str | None:
    if len(shape) == 4:
        return (
            "These are maps, not classes. Pool and flatten at the end: nn.Sequential(net, "
            "nn.AdaptiveAvgPool2d(1), nn.Flatten())."
        )
    if len(shape) != 2:
        return "Return one row of scores for each image, and keep the batch dimension (no squeeze())."
    if shape[0] != rows:
        return f"Return one row of scores for each of the {rows} images of the batch."
    if shape[1] == 1:
        return "One score has nothing to compete with: for two classes return torch.cat([0 * z, z], 1)."
    if not shape[1]:
        return "Return at least two scores a row."
    if classes is not None and shape[1] != classes:
        return f"Give labels with {shape[1]} names, in the order of the net's outputs, or leave labels out."
    return None


def predictions(probs: np.ndarray[Any, np.dtype[np.float32]], labels: pl.Series | None) -> dict[str, Any]:
    """Return pred, confidence and probs; a row whose scores are not finite has no prediction.

    Examples
    --------
    >>> answer = predictions(np.array([[0.25, 0.75]], dtype=np.float32), None)
    >>> answer["pred"].tolist(), answer["confidence"].tolist()
    ([1], [0.75])
    """
    best = probs.argmax(1)
    confidence = np.take_along_axis(probs, best[:, None], 1)[:, 0]
    sure = np.isfinite(probs).all(1)
    if labels is None and sure.all():
        pred: Any = best.astype(np.int64)
    else:
        names = range(probs.shape[1]) if labels is None else labels.to_list()
        pred = [names[at] if known else None for at, known in zip(best.tolist(), sure, strict=True)]
    return dict(zip(NAMES, (pred, confidence, probs), strict=True))


def _described(output: Any) -> str:
    kind = type(output).__name__
    if isinstance(output, dict):
        return f"a {kind} with {', '.join(map(repr, output)) or 'nothing in it'}"
    if isinstance(output, (tuple, list)):
        return f"a {kind} of {len(output)} ({', '.join(type(item).__name__ for item in output[:4])})"
    return f"a value of type {kind}"
