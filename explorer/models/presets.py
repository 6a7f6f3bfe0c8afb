"""Nets that come with their transform and their labels: torchvision's weights."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from explorer._errors import ArgumentError, ComputeError
from explorer._optional import require

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import nn


@runtime_checkable
class Weights(Protocol):
    """What we ask of a member of a torchvision weights enum."""

    @property
    def meta(self) -> Mapping[str, Any]:
        """What is known of the weights, ``"categories"`` among it."""

    @property
    def transforms(self) -> Callable[[], Callable[[Any], Any]]:
        """The maker of the transform from an image to a tensor."""

    @property
    def url(self) -> str:
        """Where the weights are downloaded from."""


class Preset:
    """A net that is named by its weights, and built when the first row is wanted.

    Parameters
    ----------
    weights
        A member of a torchvision weights enum.

    Examples
    --------
    >>> from torchvision.models import SqueezeNet1_0_Weights
    >>> preset = Preset(SqueezeNet1_0_Weights.DEFAULT)
    >>> preset.name, preset.labels[217]
    ('squeezenet1_0', 'English springer')
    """

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.name = _builder_name(weights)

    @property
    def labels(self) -> list[str] | None:
        """The names of the classes, when the weights know them."""
        categories = self.weights.meta.get("categories")
        return list(categories) if categories else None

    @property
    def transform(self) -> Callable[[Any], Any]:
        """What makes a PIL image into the tensor that these weights were trained on."""
        return self.weights.transforms()

    def build(self) -> nn.Module:
        """Build the net and load its weights, from torch's cache or by downloading them.

        Raises
        ------
        ComputeError
            When the weights cannot be had.
        """
        models = require("torchvision.models", extra="torch", needed_for="ex.model()")
        try:
            net: nn.Module = models.get_model(self.name, weights=self.weights)
        except (OSError, RuntimeError) as error:
            raise ComputeError(
                f"The weights of {self.name} could not be loaded from {self.weights.url}: {error}",
                hint="Without a network: build the net, net.load_state_dict(torch.load(path, "
                "weights_only=True)), and give the net to ex.model().",
            ) from error
        return net

    def skeleton(self) -> nn.Module | None:
        """Build the net without memory for its weights, to know its layers; None where it cannot be."""
        torch = require("torch", extra="torch", needed_for="ex.model()")
        models = require("torchvision.models", extra="torch", needed_for="ex.model()")
        try:
            with torch.device("meta"):
                net: nn.Module = models.get_model(self.name, weights=None, **_quiet(self.name))
        except NotImplementedError:
            return None
        return net


def is_weights(net: object) -> bool:
    """Tell whether `net` names weights instead of being a net.

    Examples
    --------
    >>> is_weights(len)
    False
    """
    return isinstance(net, Weights) and not callable(net)


def _builder_name(weights: Weights) -> str:
    models = require("torchvision.models", extra="torch", needed_for="ex.model()")
    for name in models.list_models():
        # Models that others registered may not say which weights they take.
        with suppress(ValueError):
            if models.get_model_weights(name) is type(weights):
                return str(name)
    raise ArgumentError(
        f"{weights!r} belongs to no model that torchvision can build.",
        hint="Build the net yourself and give it to ex.model().",
    )


def _quiet(name: str) -> dict[str, Any]:
    # These two warn about their slow initialisation unless told which one to use.
    return {"init_weights": False} if name in {"googlenet", "inception_v3"} else {}
