"""What other libraries hold as images is seen as it is meant."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from explorer._errors import ImageError
from explorer.sources.pixels import Held, as_image, looks_like_image

torch = pytest.importorskip("torch")


@pytest.mark.parametrize(
    ("given", "mode", "size"),
    [
        (np.zeros((2, 5), np.uint8), "L", (5, 2)),
        (np.zeros((2, 5, 3), np.uint8), "RGB", (5, 2)),
        (np.zeros((2, 5, 4), np.uint8), "RGBA", (5, 2)),
        (np.zeros((2, 5, 1), np.uint8), "L", (5, 2)),
        (np.zeros((3, 2, 5), np.uint8), "RGB", (5, 2)),
        (torch.zeros(3, 2, 5), "RGB", (5, 2)),
        (torch.zeros(1, 2, 5), "L", (5, 2)),
        (torch.zeros(2, 5, 3), "RGB", (5, 2)),
        (torch.zeros(2, 5, dtype=torch.bfloat16), "L", (5, 2)),
        (torch.zeros(3, 2, 5, requires_grad=True), "RGB", (5, 2)),
    ],
)
def test_shapes_say_where_the_channels_are(given, mode, size):
    seen = as_image(given)
    assert (seen.mode, seen.size) == (mode, size)


def test_where_both_can_be_meant_tensors_have_channels_first_and_arrays_last():
    values = np.zeros((3, 7, 4), np.uint8)
    assert as_image(values).size == (7, 3)
    assert as_image(torch.from_numpy(values)).size == (4, 7)


@pytest.mark.parametrize(
    ("values", "seen"),
    [
        (np.array([[0, 7, 255]], np.uint8), [0, 7, 255]),
        (np.array([[0, 7, 255]], np.int64), [0, 7, 255]),
        (np.array([[0, 0.5, 1]], np.float32), [0, 128, 255]),
        (np.array([[False, True]]), [0, 255]),
        (np.array([[-1, 0, 1]], np.float64), [0, 128, 255]),
        (np.array([[0, 30000, 60000]], np.uint16), [0, 128, 255]),
        (np.array([[np.nan, 1, 3]], np.float32), [0, 0, 255]),
        (np.array([[5.0, 5.0]], np.float32), [0, 0]),
    ],
)
def test_values_are_seen_in_the_range_that_they_are_meant_in(values, seen):
    assert np.asarray(as_image(values)).ravel().tolist() == seen


@pytest.mark.parametrize(
    "given",
    [None, "a.jpg", [[1, 2]], np.zeros(4), np.zeros((2, 3, 4, 3)), np.zeros((2, 9, 9)), np.zeros((0, 3)),
     np.array([["a", "b"]])],
)  # fmt: skip
def test_what_is_no_image_says_what_it_is(given):
    with pytest.raises(ImageError):
        as_image(given)


def test_an_opened_file_is_loaded_and_let_go(tmp_path):
    Image.new("RGB", (3, 2), "red").save(tmp_path / "a.png")
    opened = Image.open(tmp_path / "a.png")
    seen = as_image(opened)
    assert type(seen) is Image.Image
    assert seen.getpixel((0, 0)) == (255, 0, 0)
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[:-30])
    with Image.open(tmp_path / "cut.png") as cut, pytest.raises(ImageError, match="cannot be decoded"):
        as_image(cut)


def test_an_image_in_memory_is_not_copied():
    image = Image.new("RGB", (3, 2))
    assert as_image(image) is image
    assert Held([image])(0) is image


@pytest.mark.parametrize(
    ("given", "is_one"),
    [
        (Image.new("L", (1, 1)), True),
        (torch.rand(3, 32, 32), True),
        (torch.randn(3, 32, 32) * 3, False),
        (torch.zeros(8, 8, dtype=torch.uint8), True),
        (torch.zeros(8, 8, dtype=torch.int64), False),
        (np.zeros((10, 4)), False),
        (torch.zeros(512), False),
        ("text", False),
        (None, False),
    ],
)
def test_only_what_is_certainly_an_image_is_taken_for_one(given, is_one):
    assert looks_like_image(given) is is_one
