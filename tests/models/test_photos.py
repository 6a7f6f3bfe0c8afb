"""A real net on real photos."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image
from torchvision.models import SqueezeNet1_0_Weights, squeezenet1_0

from explorer.models.inference import model

DATA = os.environ.get("EXPLORER_DATA", "")
pytestmark = pytest.mark.skipif(not DATA, reason="EXPLORER_DATA does not name a folder of real data")
COUNT = 80
TRANSFORM = SqueezeNet1_0_Weights.DEFAULT.transforms(crop_size=224, resize_size=224)


@pytest.fixture(scope="module")
def photos() -> pl.DataFrame:
    rows = pl.read_csv(Path(DATA) / "imagenette" / "imagenette.csv")
    return rows.gather_every(rows.height // COUNT).head(COUNT)


@pytest.fixture(scope="module")
def images(photos) -> list[Image.Image]:
    opened = []
    for path in photos["img_path"]:
        with Image.open(Path(DATA) / "imagenette" / path) as image:
            opened.append(image.convert("RGB"))
    return opened


@pytest.fixture(scope="module")
def net():
    loaded = squeezenet1_0()
    path = Path(DATA) / "weights" / "squeezenet1_0-deepcompression.pth"
    loaded.load_state_dict(torch.load(path, weights_only=True))
    return loaded


@pytest.fixture(scope="module")
def answer(net, images):
    deferred = model(net, "img", transform=TRANSFORM, layers={"features": "features"})
    deferred.function.open()
    return deferred.function(images)


def test_squeezenet_names_most_photos_rightly(photos, answer):
    assert photos.height == COUNT
    right = (np.asarray(answer["pred"]) == photos["label_idx"].to_numpy()).mean()
    assert right > 0.5, f"top-1 is {right:.3f}"


def test_among_the_ten_classes_it_is_nearly_always_right(photos, answer):
    classes = np.array(sorted(photos["label_idx"].unique()))
    chosen = classes[answer["probs"][:, classes].argmax(1)]
    right = (chosen == photos["label_idx"].to_numpy()).mean()
    assert right > 0.85, f"{right:.3f} of the photos"


def test_it_says_what_the_bare_net_says(net, images, answer):
    with torch.inference_mode():
        bare = net.eval()(torch.stack([TRANSFORM(image) for image in images[:8]])).softmax(1)
    np.testing.assert_allclose(answer["probs"][:8], bare.numpy(), atol=1e-5)


def test_its_features_are_pooled_to_one_vector_a_photo(answer):
    assert answer["features"].shape == (COUNT, 512)
    assert answer["features"].dtype == np.float32
    assert np.isfinite(answer["features"]).all()


def test_probabilities_sum_to_one(answer):
    assert answer["probs"].shape == (COUNT, 1000)
    np.testing.assert_allclose(answer["probs"].sum(1), 1, atol=1e-5)
