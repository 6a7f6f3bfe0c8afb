"""Every file of the collection of difficult images gives an image or an ImageError, and nothing else."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from explorer._errors import ImageError
from explorer.images.contact_sheet import contact_sheet
from explorer.images.decode import decode, read_bytes
from explorer.images.header import header
from explorer.images.thumbnail import thumbnail


def collection() -> list:
    index = Path(os.environ.get("EXPLORER_DATA", "")) / "odd-images" / "INDEX.csv"
    if "EXPLORER_DATA" not in os.environ or not index.is_file():
        skip = pytest.mark.skip(reason="EXPLORER_DATA names no folder that holds odd-images/INDEX.csv")
        return [pytest.param(Path(), False, marks=skip, id="no-collection")]
    with index.open(encoding="utf-8", newline="") as file:
        return [
            pytest.param(index.parent / row["file"], row["expected"] == "decodes", id=row["file"])
            for row in csv.DictReader(file)
        ]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("path", "decodes"), collection())
def test_an_image_or_an_image_error(path, decodes):
    if not decodes:
        with pytest.raises(ImageError) as caught:
            decode(read_bytes(path))
        assert 0 < len(str(caught.value)) < 200 + len(str(path))
        assert contact_sheet([caught.value]).size
        return
    data = read_bytes(path)
    image = decode(data)
    assert image.mode == "RGB"
    seen = header(data)
    assert (seen.width, seen.height) == image.size
    for mode in ("RGB", "L", "RGBA", None):
        small = thumbnail(data, 48, mode=mode)
        assert (small.source_width, small.source_height) == image.size
        assert max(small.width, small.height) == min(48, max(image.size))
    again = decode(data)
    assert again.tobytes() == image.tobytes()


def test_a_wide_grey_file_is_not_white(data_dir):
    for name in ("16bit.cropped.tif", "hopper_16bit.pgm"):
        darkest, brightest = decode(read_bytes(data_dir / "odd-images" / name), mode="L").getextrema()
        assert (darkest, brightest) == (0, 255)
