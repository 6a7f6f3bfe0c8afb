"""What `ex.model()` refuses before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from explorer._errors import ArgumentError
from explorer._optional import require
from explorer.models import layers as hooks
from explorer.models.outputs import NAMES
from explorer.models.presets import Preset, is_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

EXAMPLE_LAYERS = 'Write layers={"activation": "fc1"}: name of the new column to name of the layer.'


def resolve_net(net: Any) -> Callable[..., Any] | Preset:
    """Return the net itself, or the preset that builds it.

    Raises
    ------
    ArgumentError
        When `net` can be neither called nor built.

    Examples
    --------
    >>> resolve_net(len)
    <built-in function len>
    """
    if isinstance(net, type):
        raise ArgumentError(
            f"The net is the class {net.__name__}, not an instance of it.", hint=f"Write {net.__name__}()."
        )
    if is_weights(net):
        return Preset(net)
    if not callable(net):
        raise ArgumentError(
            f"The net is of type {type(net).__name__}, which cannot be called.",
            hint="Give a torch.nn.Module, a torchvision weights enum, or a function from a batch to scores.",
        )
    called: Callable[..., Any] = net
    return called


def resolve_inputs(inputs: Sequence[Any]) -> tuple[str, ...]:
    """Return the names of the input columns.

    Raises
    ------
    ArgumentError
        When there are none, or when one is not a name.

    Examples
    --------
    >>> resolve_inputs(["image"])
    ('image',)
    """
    if not inputs:
        raise ArgumentError(
            "ex.model() was given no column to work on.",
            hint='Name it after the net: ex.model(net, "image").',
        )
    for given in inputs:
        if not isinstance(given, str):
            raise ArgumentError(
                f"ex.model() takes names of columns after the net, not a {type(given).__name__}.",
                hint="Everything else is a keyword, for instance transform=... or labels=[...].",
            )
    return tuple(inputs)


def resolve_labels(labels: Any) -> pl.Series | None:
    """Return the labels as a series whose dtype is the dtype of the predictions.

    Raises
    ------
    ArgumentError
        For labels that are empty, doubled, null, of several types or without an order.

    Examples
    --------
    >>> resolve_labels(["cat", "dog"]).dtype
    String
    """
    if labels is None:
        return None
    if isinstance(labels, (str, bytes, Mapping, set, frozenset)):
        raise ArgumentError(
            f"labels is a {type(labels).__name__}; a sequence in the order of the net's outputs is expected.",
            hint="Write labels=[...], for a dictionary from number to name labels=list(names.values()).",
        )
    try:
        series = labels if isinstance(labels, pl.Series) else pl.Series("label", list(labels))
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise ArgumentError(f"labels do not fit into one Polars column: {error}") from error
    if series.dtype == pl.Object:
        raise ArgumentError("labels hold Python objects, which do not fit into a Polars column.")
    if series.is_empty():
        raise ArgumentError("labels is empty.", hint="Leave labels out to have the numbers of the classes.")
    if series.null_count():
        raise ArgumentError("labels hold a null; each class needs a name.")
    doubled = series.filter(series.is_duplicated()).unique(maintain_order=True).to_list()
    if doubled:
        raise ArgumentError(
            f"labels name some classes twice: {', '.join(map(repr, doubled[:5]))}.",
            hint="Number them, or leave labels out to have the numbers of the classes.",
        )
    return series


def resolve_layers(layers: Any, net: Callable[..., Any] | Preset) -> dict[str, str]:
    """Return name of the output to name of the layer, all of which the net has.

    Raises
    ------
    ArgumentError
        For names that cannot be columns, and for layers that the net does not have.

    Examples
    --------
    >>> resolve_layers(None, len)
    {}
    """
    if layers is None:
        return {}
    if not isinstance(layers, Mapping):
        raise ArgumentError(
            f"layers is a {type(layers).__name__}; a dictionary is expected.", hint=EXAMPLE_LAYERS
        )
    for name, layer in layers.items():
        if not (isinstance(name, str) and name and isinstance(layer, str)):
            raise ArgumentError(
                f"layers has {name!r}: {layer!r}; two names are expected.", hint=EXAMPLE_LAYERS
            )
        if name in NAMES:
            raise ArgumentError(
                f"layers has {name!r}, a column that ex.model() gives already.",
                hint=f"Call it otherwise, for instance {layer.replace('.', '_') + '_activation'!r}.",
            )
    named = dict(layers)
    nn = require("torch.nn", extra="torch", needed_for="ex.model()")
    inside = net.skeleton() if named and isinstance(net, Preset) else net
    if isinstance(inside, nn.Module):
        hooks.check(inside, named)
    elif named and not isinstance(net, Preset):
        raise ArgumentError(
            f"layers can be read from a torch.nn.Module only, and the net is a {type(net).__name__}.",
            hint="Give the module itself to ex.model().",
        )
    return named


def resolve_batch_size(batch_size: Any) -> int:
    """Return the number of rows in a batch.

    Raises
    ------
    ArgumentError
        For anything but a whole number of at least 1.

    Examples
    --------
    >>> resolve_batch_size(32)
    32
    """
    if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size < 1:
        raise ArgumentError(f"batch_size is {batch_size!r}; a whole number of at least 1 is expected.")
    return batch_size
