"""Thumbnails are small, in proportion, upright, never enlarged, and cheap for JPEGs."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest
from PIL import Image

from explorer._errors import ArgumentError, ImageError, ImageLimitError
from explorer.images.decode import decode
from explorer.images.limits import Limits
from explorer.images.thumbnail import fit, thumbnail


def opened(made) -> Image.Image:
    return Image.open(io.BytesIO(made.data))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("px", [1, 17, 64, 128, 300])
def test_the_longest_side_fits(photo, encoded, form, px):
    made = thumbnail(encoded(photo, form), px)
    assert (made.width, made.height) == fit((640, 480), px) == opened(made).size
    assert (made.source_width, made.source_height) == (640, 480)


def test_a_scaled_decode_looks_like_a_whole_one(photo, jpeg):
    small = np.asarray(opened(thumbnail(jpeg, 96)).convert("RGB")).astype(int)
    whole = np.asarray(photo.resize((96, 72), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(small - whole).mean() < 3


def test_images_are_never_enlarged():
    digit = Image.new("L", (8, 8), 90)
    made = thumbnail(digit, 128, mode="L")
    assert (made.width, made.height, made.media) == (8, 8, "image/png")
    assert opened(made).mode == "L"
    assert opened(made).getpixel((3, 3)) == 90


def test_large_ones_are_jpeg_and_transparent_ones_png(photo):
    assert thumbnail(photo, 128).media == "image/jpeg"
    clear = photo.convert("RGBA")
    clear.putalpha(40)
    assert thumbnail(clear, 128).media == "image/jpeg"
    kept = thumbnail(clear, 128, mode=None)
    assert kept.media == "image/png"
    assert opened(kept).getpixel((5, 5))[3] == 40


def test_orientation_counts_before_the_size(photo, encoded):
    exif = Image.Exif()
    exif[0x0112] = 6
    made = thumbnail(encoded(photo, "JPEG", exif=exif), 100)
    assert (made.width, made.height) == (75, 100)
    assert (made.source_width, made.source_height) == (480, 640)


def test_an_extreme_shape_keeps_at_least_one_pixel():
    made = thumbnail(Image.new("RGB", (4000, 2)), 64)
    assert (made.width, made.height) == (64, 1)
    assert thumbnail(Image.new("RGB", (2, 4000)), 64).width == 1


@pytest.mark.parametrize("stored", ["1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "I", "F", "I;16", "HSV"])
@pytest.mark.parametrize("mode", [None, "L", "RGB", "RGBA", "F", "1", "CMYK"])
def test_every_mode_gives_something_that_a_browser_shows(stored, mode):
    made = thumbnail(Image.new(stored, (200, 100)), 100, mode=mode)
    assert opened(made).mode in ("L", "RGB", "RGBA")
    assert opened(made).size == (100, 50)


def test_the_given_image_is_left_as_it_is(photo):
    before = photo.copy()
    thumbnail(photo, 32)
    assert photo.size == before.size
    assert photo.tobytes() == before.tobytes()


def test_transparent_edges_do_not_bleed(encoded):
    image = Image.new("RGBA", (256, 256), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, 128, 256))
    pixels = np.asarray(opened(thumbnail(encoded(image, "PNG"), 32)).convert("RGB")).astype(int)
    assert pixels[..., 0].min() > 250, "black from the clear half would darken the red channel"


def test_bad_bytes_and_bad_sizes(jpeg):
    with pytest.raises(ImageError, match="truncated JPEG"):
        thumbnail(jpeg[:2000], 64)
    with pytest.raises(ImageLimitError):
        thumbnail(jpeg, 64, limits=Limits(max_pixels=1000))
    with pytest.raises(ArgumentError, match="px=0"):
        thumbnail(jpeg, 0)


def test_a_large_jpeg_is_not_decoded_whole(photo, encoded):
    large = encoded(photo.resize((3200, 2400)), "JPEG", quality=85)

    def seconds(work) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        return min(times)

    assert seconds(lambda: thumbnail(large, 128)) < 0.6 * seconds(lambda: decode(large))
