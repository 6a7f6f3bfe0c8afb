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
