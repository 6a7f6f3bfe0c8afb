"""Encoding picks what suits the image and what browsers show."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from explorer.images.encode import encode


def test_small_images_keep_every_pixel(photo):
    small = photo.resize((64, 48))
    data, media = encode(small)
    assert media == "image/png"
    assert Image.open(io.BytesIO(data)).tobytes() == small.tobytes()


def test_large_images_are_jpeg_of_the_asked_quality(photo):
    data, media = encode(photo, quality=90)
    assert media == "image/jpeg"
    assert len(encode(photo, quality=30)[0]) < len(data)


@pytest.mark.parametrize(
    ("mode", "media"),
    [
        ("RGBA", "image/png"),
        ("LA", "image/png"),
        ("P", "image/png"),
        ("1", "image/png"),
        ("L", "image/jpeg"),
        ("CMYK", "image/jpeg"),
        ("F", "image/jpeg"),
        ("I;16", "image/jpeg"),
        ("YCbCr", "image/jpeg"),
    ],
)
def test_every_mode_is_encoded(mode, media):
    data, given = encode(Image.new(mode, (100, 80)))
    assert given == media
    assert Image.open(io.BytesIO(data)).size == (100, 80)
