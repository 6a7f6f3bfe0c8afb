"""Where a net runs, and what to do when its memory is full."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from explorer._errors import ArgumentError, ComputeError
from explorer._optional import require

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import nn

T = TypeVar("T")

KINDS = ("auto", "cpu", "cuda", "mps")


def choose(device: str | torch.device = "auto", net: nn.Module | None = None) -> torch.device:
    """Return the device to run on; ``"auto"`` means the fastest one there is.

    Parameters
    ----------
    device
        ``"auto"``, or anything that `torch.device` understands.
    net
        With ``"auto"``, a net that already lies on an accelerator stays there.

    Raises
    ------
    ArgumentError
        For a device that is not known, or that this machine does not have.

    Examples
    --------
    >>> choose("cpu")
    device(type='cpu')
    """
    torch = require("torch", extra="torch", needed_for="ex.model()")
    if device == "auto":
        at = next(net.parameters(), None) if net is not None else None
        if at is not None and at.device.type not in {"cpu", "meta"}:
            return at.device
        kind = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        device = kind
    try:
        chosen = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ArgumentError.not_one_of("device", device, KINDS) from error
    return _present(chosen)


def _present(device: torch.device) -> torch.device:
    torch = require("torch", extra="torch", needed_for="ex.model()")
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        missing = (device.index or 0) >= count
    else:
        missing = device.type == "mps" and not torch.backends.mps.is_available()
    if missing:
        raise ArgumentError(
            f"device is '{device}', which this machine does not have.",
            hint='Leave device out ("auto" takes the fastest there is), or say device="cpu".',
        )
    return device


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether `error` says that a device, or the machine, has no memory left.

    Examples
    --------
    >>> is_out_of_memory(RuntimeError("MPS backend out of memory"))
    True
    >>> is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    False
    """
    torch = require("torch", extra="torch", needed_for="ex.model()")
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    # MPS and the allocator of the CPU raise plain errors.
    words = str(error).lower()
    return isinstance(error, RuntimeError) and any(
        sign in words for sign in ("out of memory", "not enough memory", "can't allocate memory")
    )


def by_parts(
    forward: Callable[[int, int], T],
    rows: int,
    *,
    at_most: int,
    release: Callable[[], None] = lambda: None,
) -> tuple[list[T], int]:
    """Run `forward` over ``range(rows)`` in parts, halving the part whenever the memory is full.

    Parameters
    ----------
    forward
        Called with ``(start, stop)``.
    rows
        How many rows there are.
    at_most
        Most rows in one part.
    release
        Called after each failure, before the next try.

    Returns
    -------
    list
        What `forward` returned, part by part, in order.
    int
        The size that fitted: what to begin with next time.

    Raises
    ------
    ComputeError
        When one row alone does not fit.

    Examples
    --------
    >>> def forward(start, stop):
    ...     if stop - start > 3:
    ...         raise MemoryError
    ...     return list(range(start, stop))
    >>> by_parts(forward, 5, at_most=8)
    ([[0, 1], [2, 3], [4]], 2)
    """
    parts: list[T] = []
    start, size = 0, at_most
    while start < rows:
        tried = min(size, rows - start)
        full: str | None = None
        try:
            parts.append(forward(start, start + tried))
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if tried == 1:
                raise ComputeError(
                    f"One row alone does not fit into the memory of the device ({error}).",
                    hint='Make the images smaller in transform, or run on another device: device="cpu".',
                ) from error
            full = str(error)
        if full is None:
            start += tried
            continue
        # Outside of the handler, where the traceback no longer holds the tensors that filled the memory.
        size = tried // 2
        release()
    return parts, size
