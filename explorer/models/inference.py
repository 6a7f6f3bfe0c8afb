"""A net as a deferred column: predictions of the rows that somebody looks at."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from inspect import Parameter, signature
from threading import RLock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import polars as pl

from explorer._errors import ArgumentError, ComputeError, ExplorerError, OutputError
from explorer._optional import require
from explorer.compute.deferred import Deferred
from explorer.models import arguments, devices, layers, outputs, tensors
from explorer.models.fingerprint import weights_version
from explorer.models.presets import Preset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    import torch
    from torch import Tensor, nn

    from explorer.compute.deferred import Dtype
    from explorer.models.presets import Weights


def model(
    net: nn.Module | Callable[..., Any] | Weights,
    *inputs: str,
    transform: Callable[[Any], Tensor] | None = None,
    labels: Sequence[Any] | pl.Series | None = None,
    layers: Mapping[str, str] | None = None,
    batch_size: int = 32,
    device: str | torch.device = "auto",
    name: str | None = None,
    version: str = "",
    **unknown: object,
) -> Deferred:
    """Define what a net says of each row, computed for the rows that somebody looks at.

    The columns are ``pred`` (the likeliest class), ``confidence`` (its probability), ``probs``
    (all of them) and one vector for each of `layers`. Nothing is called before a row is wanted.

    Parameters
    ----------
    net
        A `torch.nn.Module` that takes one batch per input and returns class scores (logits) of
        shape (N, C), or an object that has them as ``.logits``. Probabilities are their softmax.
        Or a member of a torchvision weights enum, which brings its transform and its labels, and is
        built and loaded when the first row is wanted. Or any function from batches to such scores,
        which is called as it is.
    inputs
        Names of the columns that the net takes, in its order.
    transform
        Called with each value, a PIL image for a column of images; returns its tensor. All tensors
        of a batch need one shape. By default images become float32 (C, H, W) in 0 to 1.
    labels
        The names of the classes, in the order of the net's outputs. By default ``pred`` is a number.
    layers
        Name of a new column to the name of a layer (of ``net.named_modules()``) whose output it
        holds, averaged over space.
    batch_size
        Most rows in one forward pass. Halved by itself where a device runs out of memory.
    device
        ``"auto"`` (CUDA, then MPS, then the CPU), or a device. The net is moved there.
    name
        How the net is called in messages; by default the name of its class.
    version
        Change it to say that the net's answers changed.
    **unknown
        Refused, with the nearest keyword that exists.

    Returns
    -------
    Deferred
        For `ImageTable.with_columns`.

    Raises
    ------
    ArgumentError
        For a call that cannot be meant as written, before anything is computed.

    Notes
    -----
    The net runs in evaluation mode and gets each module's own mode back after every batch, so it can
    be trained further in the next cell. Rows that are computed by then keep the answers of the old
    weights, and no further rows are inferred with the new ones: that is refused with the advice to
    define the column again. Do not train it at the same moment at which an open view asks for rows.

    Examples
    --------
    >>> import torch
    >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 2))
    >>> deferred = model(net, "image", labels=["cat", "dog"], layers={"activation": "1"})
    >>> list(deferred.returns)
    ['pred', 'confidence', 'probs', 'activation']
    """
    for given in unknown:
        raise ArgumentError.unknown_keyword("ex.model()", given, _keywords())
    resolved = arguments.resolve_net(net)
    columns = arguments.resolve_inputs(inputs)
    wanted = arguments.resolve_layers(layers, resolved)
    size = arguments.resolve_batch_size(batch_size)
    if transform is not None and not callable(transform):
        raise ArgumentError(f"transform is of type {type(transform).__name__}, which cannot be called.")
    if device != "auto":
        devices.choose(device)
    if isinstance(resolved, Preset):
        transform = resolved.transform if transform is None else transform
        labels = resolved.labels if labels is None else labels
    known = arguments.resolve_labels(labels)
    called = name or _name(resolved)
    return Deferred(
        function=Inference(
            resolved, transform=transform, labels=known, layers=wanted, batch_size=size, device=device
        ),
        inputs=columns,
        returns=_returns(known, wanted),
        batched=True,
        stacked=False,
        batch_size=size,
        kind="model",
        version=version,
        name=called,
    )


class Inference:
    """The function of a model column: batches of values in, predictions and layers out.

    Parameters
    ----------
    net
        A module, a function from batches to class scores, or a preset that builds a module.
    transform
        From one value to its tensor; None for `explorer.models.tensors.to_tensor`.
    labels
        The names of the classes, or None for their numbers.
    layers
        Name of the output to name of the layer.
    batch_size
        Most rows in one forward pass.
    device
        ``"auto"`` or a device.

    Examples
    --------
    >>> import torch
    >>> from PIL import Image
    >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 2))
    >>> infer = Inference(net, labels=pl.Series(["cat", "dog"]))
    >>> infer.open()
    >>> infer([Image.new("RGB", (8, 8))] * 3)["probs"].shape
    (3, 2)
    """

    def __init__(
        self,
        net: Callable[..., Any] | Preset,
        *,
        transform: Callable[[Any], Tensor] | None = None,
        labels: pl.Series | None = None,
        layers: Mapping[str, str] | None = None,
        batch_size: int = 32,
        device: str | torch.device = "auto",
    ) -> None:
        self.transform = transform
        self.labels = labels
        self.layers = dict(layers or {})
        self._source = net
        self._net: Callable[..., Any] | None = None
        self._asked = device
        self._device: torch.device | None = None
        self._fits = batch_size
        self._weights: tuple[int, ...] | None = None
        # Convolutions on the CPU are half as fast again with the channels last. Only the batch is laid
        # out so: weights belong to the person, whose own code may count on how they lie in memory.
        self._channels_last = True

    def open(self) -> None:
        """Build the net if it is a preset, and move it to its device; once."""
        if self._net is not None:
            return
        net = self._source.build() if isinstance(self._source, Preset) else self._source
        module = _module(net)
        if module is not None:
            self._device = devices.choose(self._asked, module)
            layers.check(module, self.layers)
            module.to(self._device)
            if module is not self._source:
                module.eval()
        else:
            # A function knows itself where it computes: batches go elsewhere only when asked to.
            self._device = devices.choose("cpu" if self._asked == "auto" else self._asked)
        self._net = net

    def __call__(self, *inputs: Sequence[Any]) -> dict[str, Any]:
        """Infer one batch.

        Parameters
        ----------
        inputs
            For each input column its values.

        Returns
        -------
        dict
            Name of the output to an array or a list with one entry a row.
        """
        torch = require("torch", extra="torch", needed_for="ex.model()")
        self.open()
        batches = [tensors.stack(values, self.transform or tensors.to_tensor) for values in inputs]
        module = _module(self._net)
        if module is not None:
            # It may have been moved since; outside of inference mode, which would taint its weights.
            module.to(self._device)
            self._check_weights(module)
        with _alone(module), torch.inference_mode(), _hooked(module, self.layers) as captured:
            parts, self._fits = devices.by_parts(
                lambda start, stop: self._forward([batch[start:stop] for batch in batches], captured),
                len(batches[0]),
                at_most=self._fits,
                release=self._release,
            )
        joined = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        return outputs.predictions(joined.pop("probs"), self.labels) | joined

    def _check_weights(self, module: nn.Module) -> None:
        """Refuse to mix the answers of two nets: those before and after a change of the weights."""
        now = weights_version(module)
        if self._weights is None:
            self._weights = now
        elif now != self._weights:
            raise OutputError(
                f"The weights of {type(module).__name__} changed after its first rows were inferred. Those "
                "rows keep their answers; no others are computed, as they would be another net's.",
                hint="Define the column again to have all rows inferred anew: t.with_columns(ex.model(…)).",
            )

    def _forward(self, batches: list[Tensor], captured: dict[str, Tensor]) -> dict[str, np.ndarray[Any, Any]]:
        rows = len(batches[0])
        captured.clear()
        output = self._run(batches)
        classes = None if self.labels is None else len(self.labels)
        scores = outputs.logits(output, rows=rows, classes=classes)
        result = {"probs": scores.float().softmax(1).cpu().numpy()}
        for name, layer in self.layers.items():
            vectors = captured.get(name)
            if vectors is None:
                raise OutputError(
                    f"Layer {layer!r} did not run in the net's forward pass.",
                    hint="Name a layer that forward() calls.",
                )
            if len(vectors) != rows:
                raise OutputError(
                    f"Layer {layer!r} gave {len(vectors)} rows for a batch of {rows}.",
                    hint="Name a layer whose output has the batch as its first dimension.",
                )
            result[name] = vectors.cpu().numpy()
        return result

    def _run(self, batches: list[Tensor]) -> Any:
        assert self._net is not None  # noqa: S101 - __call__ opens before it forwards
        placed = self._place(batches)
        try:
            try:
                return self._net(*placed)
            except RuntimeError as error:
                # A net that flattens with view() wants the plain layout; from now on it gets it.
                if not (self._channels_last and "view size is not compatible" in str(error)):
                    raise
            self._channels_last = False
            return self._net(*self._place(batches))
        except ExplorerError:
            raise
        except Exception as error:
            if devices.is_out_of_memory(error):
                raise
            raise ComputeError(
                f"The net failed on {_shapes(placed)}: {type(error).__name__}: {error}",
                hint=_remedy(_module(self._net), placed),
            ) from error

    def _place(self, batches: list[Tensor]) -> list[Tensor]:
        torch = require("torch", extra="torch", needed_for="ex.model()")
        dtype = _float_dtype(_module(self._net))
        placed = []
        for batch in batches:
            there = batch.to(self._device, dtype if batch.is_floating_point() else None)
            if there.ndim == 4 and self._channels_last:
                there = there.contiguous(memory_format=torch.channels_last)
            placed.append(there)
        return placed

    def _release(self) -> None:
        torch = require("torch", extra="torch", needed_for="ex.model()")
        if self._device is not None and self._device.type == "cuda":
            torch.cuda.empty_cache()


def _keywords() -> list[str]:
    return [p.name for p in signature(model).parameters.values() if p.kind is Parameter.KEYWORD_ONLY]


def _name(net: Callable[..., Any] | Preset) -> str:
    if isinstance(net, Preset):
        return net.name
    return str(getattr(net, "__name__", type(net).__name__))


def _returns(labels: pl.Series | None, wanted: Mapping[str, str]) -> dict[str, Dtype]:
    vector = pl.List(pl.Float32)
    return {
        "pred": pl.Int64 if labels is None else labels.dtype,
        "confidence": pl.Float32,
        "probs": vector if labels is None else pl.Array(pl.Float32, len(labels)),
        **dict.fromkeys(wanted, vector),
    }


def _module(net: object) -> nn.Module | None:
    nn = require("torch.nn", extra="torch", needed_for="ex.model()")
    return net if isinstance(net, nn.Module) else None


def _hooked(module: nn.Module | None, wanted: Mapping[str, str]) -> AbstractContextManager[dict[str, Tensor]]:
    return nullcontext({}) if module is None else layers.capturing(module, wanted)


def _float_dtype(module: nn.Module | None) -> torch.dtype | None:
    if module is None:
        return None
    dtypes = {weights.dtype for weights in module.parameters() if weights.is_floating_point()}
    return dtypes.pop() if len(dtypes) == 1 else None


_locks: WeakKeyDictionary[nn.Module, RLock] = WeakKeyDictionary()
_guard = RLock()


@contextmanager
def _alone(module: nn.Module | None) -> Iterator[None]:
    """Hold the net in evaluation mode, by one thread at a time; then give back the modes it had."""
    if module is None:
        yield
        return
    with _guard:
        lock = _locks.setdefault(module, RLock())
    with lock:
        training = [inner for inner in module.modules() if inner.training]
        module.eval()
        try:
            yield
        finally:
            for inner in training:
                inner.training = True


def _shapes(batches: list[Tensor]) -> str:
    return "a batch of " + " and ".join(
        f"shape {tuple(batch.shape)} ({str(batch.dtype).removeprefix('torch.')})" for batch in batches
    )


def _remedy(module: nn.Module | None, batches: list[Tensor]) -> str:
    if _float_dtype(module) is not None and not all(batch.is_floating_point() for batch in batches):
        return "End transform with torchvision.transforms.v2.ToDtype(torch.float32, scale=True)."
    zeros = ", ".join(f"torch.zeros{tuple(batch.shape)}" for batch in batches)
    return f"Try it by hand: net({zeros})."
