"""Weights that bring their net, their transform and their labels; nothing here downloads."""

from functools import partial
from pathlib import Path

import polars as pl
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.models import SqueezeNet1_0_Weights
from torchvision.models._api import Weights, WeightsEnum, register_model
from torchvision.transforms._presets import ImageClassification

from explorer._errors import ArgumentError, ComputeError
from explorer.models.inference import model
from explorer.models.presets import Preset, is_weights

MOST_RED = Image.new("RGB", (40, 30), (250, 10, 10))
MOST_BLUE = Image.new("RGB", (30, 40), (10, 10, 250))


class Colours_Weights(WeightsEnum):  # noqa: N801 - torchvision's way of naming them
    """Weights that say which channel is brightest; the address is set by the test."""

    LOCAL = Weights(
        url="file:///nowhere/colours.pth",
        transforms=partial(ImageClassification, crop_size=16, resize_size=16),
        meta={"categories": ["red", "green", "blue"]},
    )
    NAMELESS = Weights(url="", transforms=partial(ImageClassification, crop_size=16), meta={})


built: list[str] = []


class Colours(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(3, 3)

    def forward(self, x):
        return self.head(self.pool(x).flatten(1))


@register_model(name="explorer_test_colours")
def colours(*, weights: Colours_Weights | None = None, progress: bool = True) -> Colours:
    net = Colours()
    if weights is not None:
        built.append(weights.name)
        net.load_state_dict(weights.get_state_dict(progress=False))
    return net


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    net = Colours()
    net.load_state_dict({"head.weight": torch.eye(3), "head.bias": torch.zeros(3)})
    path = tmp_path / "colours.pth"
    torch.save(net.state_dict(), path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(Colours_Weights.LOCAL.value, "url", path.as_uri())
    built.clear()
    return Colours_Weights.LOCAL


def test_the_net_is_built_when_the_first_row_is_wanted_and_once(stored):
    deferred = model(stored, "img", layers={"channels": "pool"})
    assert built == []
    deferred.function.open()
    deferred.function.open()
    answer = deferred.function([MOST_RED, MOST_BLUE])
    assert built == ["LOCAL"]
    assert answer["pred"] == ["red", "blue"]
    assert answer["channels"].shape == (2, 3)


def test_labels_and_transform_come_along_and_can_be_replaced(stored):
    deferred = model(stored, "img")
    assert deferred.returns["pred"] == pl.String
    assert deferred.returns["probs"] == pl.Array(pl.Float32, 3)
    assert deferred.name == "explorer_test_colours"
    own = model(
        stored, "img", labels=[7, 8, 9], transform=lambda image: torch.tensor([0.0, 1, 0]).reshape(3, 1, 1)
    )
    assert own.function([MOST_RED])["pred"] == [8]


def test_weights_without_categories_give_numbers():
    assert model(Colours_Weights.NAMELESS, "img").returns["pred"] == pl.Int64


def test_layers_are_checked_before_anything_is_loaded(stored):
    with pytest.raises(ArgumentError, match=r"no layer 'haed'(.|\n)*Did you mean 'head'"):
        model(stored, "img", layers={"a": "haed"})
    assert built == []


def test_weights_that_cannot_be_loaded_say_where_from():
    with pytest.raises(ComputeError, match=r"nowhere/colours\.pth") as caught:
        model(Colours_Weights.LOCAL, "img").function.open()
    assert "load_state_dict" in caught.value.hint


def test_the_layers_of_torchvision_nets_are_known_without_their_weights():
    with pytest.raises(
        ArgumentError, match=r"SqueezeNet has no layer 'feature'(.|\n)*Did you mean 'features'"
    ):
        model(SqueezeNet1_0_Weights.DEFAULT, "img", layers={"a": "feature"})
    deferred = model(SqueezeNet1_0_Weights.IMAGENET1K_V1, "img", layers={"a": "features"})
    assert deferred.returns["probs"] == pl.Array(pl.Float32, 1000)


def test_what_names_weights_is_told_from_nets():
    assert is_weights(SqueezeNet1_0_Weights.DEFAULT)
    assert not is_weights(Colours())
    assert not is_weights(SqueezeNet1_0_Weights)
    assert Preset(SqueezeNet1_0_Weights.DEFAULT).name == "squeezenet1_0"


def test_weights_of_no_known_net_are_refused():
    class Orphan_Weights(WeightsEnum):  # noqa: N801
        DEFAULT = Weights(url="", transforms=lambda: None, meta={})

    with pytest.raises(ArgumentError, match="no model that torchvision can build"):
        model(Orphan_Weights.DEFAULT, "img")
