"""A contact sheet shows images, errors and captions, each in its square."""

from __future__ import annotations

import pytest
from PIL import Image

from explorer._errors import ArgumentError, ImageError
from explorer.images.contact_sheet import contact_sheet


def test_images_stand_row_by_row():
    colors = ["red", "lime", "blue"]
    sheet = contact_sheet([Image.new("RGB", (40, 40), color) for color in colors], columns=2, px=40)
    assert sheet.size == (2 * 48 + 8, 2 * 48 + 8)
    assert sheet.getpixel((28, 28)) == (255, 0, 0)
    assert sheet.getpixel((76, 28)) == (0, 255, 0)
    assert sheet.getpixel((28, 76)) == (0, 0, 255)
    assert sheet.getpixel((76, 76)) == (255, 255, 255)


def test_an_error_has_a_tile_with_its_reason():
    error = ImageError("truncated JPEG (image file is truncated) " * 20)
    drawn = contact_sheet([error], px=96)
    assert drawn.size == contact_sheet([Image.new("L", (9, 9))], px=96).size
    assert len(drawn.getcolors(100_000)) > 5


def test_captions_that_do_not_fit_are_cut():
    image = Image.new("L", (40, 40))
    plain, short, long = (
        contact_sheet([image], px=40, captions=captions)
        for captions in ([], ["3"], ["a caption\nof several lines " * 1000])
    )
    assert plain.height < short.height == long.height
    assert plain.width == short.width == long.width


def test_any_number_of_images_and_any_mode():
    assert contact_sheet([]).mode == "RGB"
    modes = ["1", "L", "P", "RGBA", "CMYK", "F", "I;16"]
    assert contact_sheet([Image.new(mode, (300, 20)) for mode in modes], columns=3, px=24).mode == "RGB"
    with pytest.raises(ArgumentError, match="columns=0"):
        contact_sheet([], columns=0)
