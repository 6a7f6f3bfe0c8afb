"""A name for what a net has learned, which changes whenever its answers would."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from explorer._errors import ArgumentError
from explorer._optional import require

if TYPE_CHECKING:
    from torch import nn


def fingerprint(module: nn.Module) -> str:
    """Return a hash over the names, dtypes, shapes and bytes of the state dict.

    It is the same on every device and in every memory format, and says nothing of the code of
    `forward`: two nets of different classes with the same weights have the same fingerprint.

    Raises
    ------
    ArgumentError
        When the state dict holds something without plain bytes (weights on the meta device, objects).

    Examples
    --------
    >>> import torch
    >>> net = torch.nn.Linear(2, 2)
    >>> before = fingerprint(net)
    >>> with torch.no_grad():
    ...     _ = net.weight.add_(1)
    >>> before == fingerprint(net)
    False
    """
    digest = blake2b(digest_size=16)
    for name, value in module.state_dict().items():
        kind, shape, data = _plain(name, value)
        # Lengths first, so that no two different states spell the same bytes.
        for part in (name.encode(), kind.encode(), repr(shape).encode(), data):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
    return digest.hexdigest()


def _plain(name: str, value: Any) -> tuple[str, tuple[int, ...], bytes | memoryview]:
    torch = require("torch", extra="torch", needed_for="a net's fingerprint")
    if isinstance(value, torch.Tensor):
        try:
            flat = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        except (RuntimeError, NotImplementedError, TypeError) as error:
            raise ArgumentError(
                f"The weights {name!r} have no bytes to take a fingerprint of: {error}"
            ) from error
        return str(value.dtype), tuple(value.shape), memoryview(flat)
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return type(value).__name__, (), repr(value).encode()
    raise ArgumentError(
        f"The state {name!r} is of type {type(value).__name__}, which has no fingerprint.",
        hint="Say with version=... when the answers of this net change.",
    )


def weights_version(module: nn.Module) -> tuple[int, ...]:
    """Return a value that changes when the weights of a net are changed in place, at no cost.

    It is made of the counters that torch keeps for each parameter; it says nothing about which weights
    they are, and cannot be compared between processes.

    Examples
    --------
    >>> import torch
    >>> net = torch.nn.Linear(2, 1)
    >>> before = weights_version(net)
    >>> torch.nn.init.zeros_(net.weight).sum().item(), weights_version(net) == before
    (0.0, False)
    """
    # The weights of a net that was built in inference mode cannot be changed, and have no counters.
    return tuple(weights._version for weights in module.parameters() if not weights.is_inference())  # noqa: SLF001
