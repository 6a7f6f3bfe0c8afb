"""What a net's inner layers say: forward hooks that are always taken away again."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from explorer._errors import ArgumentError, OutputError, did_you_mean
from explorer._optional import require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch import Tensor, nn


def check(net: nn.Module, layers: Mapping[str, str]) -> None:
    """Refuse names of layers that `net` does not have.

    Raises
    ------
    ArgumentError
        With the nearest names of ``net.named_modules()``.

    Examples
    --------
    >>> from torch import nn
    >>> check(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), {"activation": "1"})
    """
    known = [name for name, _ in net.named_modules() if name]
    for layer in layers.values():
        if layer not in known:
            shown = ", ".join(map(repr, known[:20])) + (", …" if len(known) > 20 else "")
            raise ArgumentError(
                f"{type(net).__name__} has no layer {layer!r}. It has: {shown or 'no layers inside'}.",
                hint=did_you_mean(layer, known) or "All names: [name for name, _ in net.named_modules()]",
            )


@contextmanager
def capturing(net: nn.Module, layers: Mapping[str, str]) -> Iterator[dict[str, Tensor]]:
    """Hold what the named layers give while the block runs, as one float32 vector a row.

    Outputs of shape (N, C, H, W) are averaged over space to (N, C); all others are flattened to
    (N, D). A layer that runs several times in one forward pass keeps its last output; of a layer
    that returns a tuple the first tensor is taken.

    Parameters
    ----------
    net
        The net whose forward pass runs inside the block.
    layers
        Name of the output to name of the layer.

    Yields
    ------
    dict
        Filled by each forward pass: name of the output to a tensor of shape (N, D).

    Examples
    --------
    >>> import torch
    >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 1), torch.nn.Flatten())
    >>> with capturing(net, {"activation": "0"}) as captured:
    ...     _ = net(torch.zeros(2, 3, 4, 4))
    >>> tuple(captured["activation"].shape)
    (2, 5)
    """
    captured: dict[str, Tensor] = {}
    handles: list[Any] = []
    try:
        for name, layer in layers.items():
            handles.append(net.get_submodule(layer).register_forward_hook(_keep(captured, name, layer)))
        yield captured
    finally:
        for handle in handles:
            handle.remove()


def _keep(captured: dict[str, Tensor], name: str, layer: str) -> Callable[[nn.Module, Any, Any], None]:
    def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
        captured[name] = _vectors(output, layer)

    return hook


def _vectors(output: Any, layer: str) -> Tensor:
    torch = require("torch", extra="torch", needed_for="ex.model(layers=...)")
    first = output[0] if isinstance(output, (tuple, list)) and output else output
    if not isinstance(first, torch.Tensor) or not first.ndim:
        given = f"of type {type(output).__name__}" if first is output else "a sequence without a tensor first"
        raise OutputError(
            f"The output of layer {layer!r} is {given}, which does not make one vector a row.",
            hint="Name a layer inside it, one that gives a tensor of shape (N, ...).",
        )
    # A copy, and at once: the next layer may write into this tensor (ReLU(inplace=True) does).
    vectors: Tensor = first.detach().to(torch.float32, copy=True)
    return vectors.mean((2, 3)) if vectors.ndim == 4 else vectors.reshape(len(vectors), -1)
