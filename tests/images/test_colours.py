"""Profiles are followed where the colours would be wrong without them, and else left alone."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from explorer.images.colours import in_srgb
from explorer.images.decode import decode, read_bytes
from explorer.images.thumbnail import thumbnail

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def test_a_profile_of_a_screen_changes_no_number(photo):
    image = photo.copy()
    image.info["icc_profile"] = SRGB
    assert in_srgb(image, "RGB") is image


@pytest.mark.parametrize("profile", [b"rubbish", SRGB, SRGB[:200]])
@pytest.mark.parametrize("mode", ["RGB", "CMYK", "L"])
def test_a_damaged_profile_or_one_for_other_channels_says_nothing(encoded, mode, profile):
    image = Image.new(mode, (8, 8))
    data = encoded(image, "JPEG", icc_profile=profile)
    plain = encoded(image, "JPEG")
    assert decode(data).tobytes() == decode(plain).tobytes()


def test_a_file_whose_colours_are_a_table_looks_as_it_should(data_dir):
    data = read_bytes(data_dir / "odd-images" / "sample-xyb.jpg")
    red, green, blue = np.asarray(decode(data)).reshape(-1, 3).mean(axis=0)
    assert red > green > blue
    small = np.asarray(Image.open(io.BytesIO(thumbnail(data, 96).data))).reshape(-1, 3).mean(axis=0)
    assert np.abs(small - (red, green, blue)).max() < 4
    assert "icc_profile" not in decode(data).info
