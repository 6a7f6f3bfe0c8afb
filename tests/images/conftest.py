"""Images made on the spot."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def photo() -> Image.Image:
    """A smooth RGB image of 640x480: red grows to the right, green downwards, and one corner is blue."""
    y, x = np.mgrid[0:480, 0:640]
    pixels = np.zeros((480, 640, 3), np.uint8)
    pixels[..., 0] = x * 255 // 639
    pixels[..., 1] = y * 255 // 479
    pixels[:240, :320, 2] = 255
    return Image.fromarray(pixels)


@pytest.fixture(scope="session")
def encoded():
    """Encode an image with Pillow: ``encoded(image, "PNG", **options)``."""

    def encode(image: Image.Image, form: str, **options) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, form, **options)
        return buffer.getvalue()

    return encode


@pytest.fixture(scope="session")
def jpeg(photo, encoded) -> bytes:
    return encoded(photo, "JPEG", quality=92)
