"""Images of one size: in proportion, in the right place, and not blurred by being decoded small."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

from explorer._errors import ArgumentError
from explorer.images.decode import decode
from explorer.images.resize import RESIZES, Resizing, inside, resizing


@pytest.fixture(scope="module")
def target() -> Image.Image:
    """A white disc of 100 pixels across in the middle of a black 400x200 image with red ends."""
    y, x = np.mgrid[0:200, 0:400]
    pixels = np.zeros((200, 400, 3), np.uint8)
    pixels[(x - 199.5) ** 2 + (y - 99.5) ** 2 < 50**2] = 255
    pixels[:, :20] = pixels[:, -20:] = (255, 0, 0)
    return Image.fromarray(pixels)


def disc(image: Image.Image) -> tuple[int, int]:
    """Width and height of what is white."""
    white = np.asarray(image.convert("RGB"))[..., 1] > 127
    return int(white.any(axis=0).sum()), int(white.any(axis=1).sum())


def resized(image, *args, mode="RGB"):
    return resizing("here", *args).applied(image, mode, image.size)


def test_fit_pad_and_crop_keep_a_disc_round_and_stretch_does_not(target):
    fit, crop, pad, stretch = (resized(target, (100, 100), how) for how in ("fit", "crop", "pad", "stretch"))
    assert (fit.size, crop.size, pad.size, stretch.size) == ((100, 50), (100, 100), (100, 100), (100, 100))
    across = [disc(image) for image in (fit, crop, pad, stretch)]
    assert np.abs(np.array(across) - [(25, 25), (50, 50), (25, 25), (25, 50)]).max() <= 1


def test_crop_keeps_the_middle_and_pad_everything(target):
    crop, pad = (np.asarray(resized(target, 100, how)) for how in ("crop", "pad"))
    assert not ((crop[..., 0] > 200) & (crop[..., 1] < 50)).any()
    assert (pad[50, [1, -2], 0] > 200).all()
    assert (pad[:24] == 0).all()
    assert (pad[-24:] == 0).all()


@pytest.mark.parametrize(
    ("fill", "mode", "corner"),
    [
        ("white", "RGB", (255, 255, 255)),
        ("#102030", "RGB", (16, 32, 48)),
        ((1, 2, 3), "RGB", (1, 2, 3)),
        ([1, 2, 3], "RGB", (1, 2, 3)),
        ((1, 2, 3, 0), "RGBA", (1, 2, 3, 0)),
        ((1, 2, 3, 0), "RGB", (255, 255, 255)),
        ("white", "L", 255),
        ("white", "1", 255),
        ("red", "CMYK", (0, 255, 255, 0)),
        ("white", "F", 255.0),
        (None, "L", 0),
    ],
)
def test_the_padding_has_its_colour_in_every_mode(target, fill, mode, corner):
    assert resized(target, 64, "pad", fill, mode=mode).getpixel((0, 0)) == corner


@pytest.mark.parametrize("how", RESIZES)
@pytest.mark.parametrize("size", [(1, 1), (10_000, 1), (1, 10_000), (7, 5), (200, 301)])
def test_every_image_comes_to_the_size(how, size):
    made = resized(Image.new("RGB", size), (30, 20), how)
    if how == "fit":
        assert made.width == 30 or made.height == 20
        assert made.width <= 30
        assert made.height <= 20
    else:
        assert made.size == (30, 20)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "F", None])
@pytest.mark.parametrize(
    "stored", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F"]
)
def test_every_mode_can_be_brought_to_a_size(stored, mode):
    made = resized(Image.new(stored, (9, 6)), (3, 3), "pad", mode=mode)
    assert made.size == (3, 3)
    if mode is not None:
        assert made.mode == mode


def test_palettes_and_black_and_white_become_what_lies_between():
    stripes = Image.fromarray(np.tile(np.array([0, 255], np.uint8), (8, 4))).convert("1")
    assert resized(stripes, 4, "stretch", mode=None).mode == "L"
    assert 90 < np.asarray(resized(stripes, 4, "stretch", mode="L")).mean() < 165
    palette = stripes.convert("P")
    assert resized(palette, 4, "stretch", mode=None).mode == "RGB"


def test_clear_pixels_lend_no_colour_to_their_neighbours():
    image = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 4, 8))
    made = np.asarray(resized(image, 2, "stretch", mode="RGBA"))
    assert (made[made[..., 3] > 0][:, 0] < 20).all()


def test_sixteen_bits_are_spread_before_they_are_averaged():
    values = np.linspace(300, 700, 64, dtype=np.uint16).reshape(8, 8)
    made = np.asarray(resized(Image.fromarray(values), 4, "stretch", mode="L"))
    assert made.min() < 40
    assert made.max() > 215


@pytest.mark.parametrize("how", RESIZES)
@pytest.mark.parametrize("size", [(128, 128), (224, 224), (100, 40)])
def test_a_jpeg_decoded_small_looks_like_one_decoded_in_full(photo, encoded, how, size):
    noise = np.random.default_rng(7).normal(0, 12, (240, 320, 1))
    rough = Image.fromarray(
        np.clip(np.asarray(photo) + np.kron(noise, np.ones((2, 2, 1))), 0, 255).astype(np.uint8)
    ).resize((1280, 960))
    data = encoded(rough, "JPEG", quality=92)
    to = resizing("here", size, how)
    small = decode(data, resizing=to)
    whole = decode(data)
    reference = to.applied(whole, "RGB", whole.size)
    assert small.size == reference.size
    error = np.asarray(small).astype(float) - np.asarray(reference)
    assert 10 * np.log10(255**2 / (error**2).mean()) > 36


class Watched(Resizing):
    """Notes the sizes in which images come to it."""

    seen: ClassVar[list] = []

    def applied(self, image, mode, full):
        self.seen.append((image.size, full))
        return super().applied(image, mode, full)


def test_a_large_jpeg_is_not_decoded_in_full(encoded):
    data = encoded(Image.new("RGB", (1600, 800)), "JPEG")
    for how in ("fit", "crop"):
        decode(data, resizing=Watched(200, 200, how))
    assert Watched.seen == [((400, 200), (1600, 800)), ((800, 400), (1600, 800))]


def test_a_turned_jpeg_is_decoded_small_the_right_way_round(encoded):
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = Image.new("RGB", (1600, 400), "red")
    stored.paste("blue", (800, 0, 1600, 400))
    made = decode(encoded(stored, "JPEG", exif=exif), resizing=resizing("here", (100, 400), "fit"))
    assert made.size == (100, 400)
    assert made.getpixel((50, 20))[0] > 200
    assert made.getpixel((50, 380))[2] > 200


def test_inside_is_never_empty():
    assert inside((10_000, 1), (10, 10)) == (10, 1)


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (((0, 5),), "size=(0, 5) of here: both sides are at least 1 pixel.", None),
        ((-1,), "size=-1 of here: both sides are at least 1 pixel.", None),
        (("224x224",), "size='224x224' of here is not a width and a height", "size=(224, 224)"),
        (((224.0, 224.0),), "size=(224.0, 224.0) of here is not", "size=224 for a square"),
        (((1, 2, 3),), "size=(1, 2, 3) of here is not", "size=(224, 224)"),
        ((True,), "size=True of here is not", "size=(224, 224)"),
        ((64, "zoom"), "resize of here is 'zoom', which is not one of 'fit', 'crop', 'pad', 'stretch'", None),
        ((64, "pads"), "resize of here is 'pads'", "Did you mean 'pad'?"),
        ((64, None), "resize of here is None", None),
        (
            (None, "crop"),
            "resize='crop' of here says how to bring images to a size",
            "size=(224, 224), resize='crop'",
        ),
        ((None, "fit", "red"), "fill='red' of here says how", "size=(224, 224), fill='red'"),
        ((64, "fit", "red"), "fill='red' of here is the colour of padding", 'resize="pad"'),
        ((64, "pad", "redd"), "fill='redd' of here is not a colour.", "#202020"),
        ((64, "pad", 7), "fill=7 of here is not a colour.", "#202020"),
        ((64, "pad", (1, 2)), "fill=(1, 2) of here is not a colour.", "#202020"),
        ((64, "pad", (1, 2, 300)), "fill=(1, 2, 300) of here is not a colour.", "#202020"),
        ((64, "pad", (0.1, 0.2, 0.3)), "is not a colour.", "#202020"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(args, message, hint):
    with pytest.raises(ArgumentError) as caught:
        resizing("here", *args)
    assert message in caught.value.message
    if hint is None:
        assert caught.value.hint is None
    else:
        assert hint in caught.value.hint


def test_without_a_size_there_is_nothing_to_do():
    assert resizing("here", None) is None
