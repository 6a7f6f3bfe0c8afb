"""What an image says of itself is read from its header, and nothing else of it is."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from explorer._errors import ImageError
from explorer.images.decode import decode
from explorer.images.header import Header, file_header, header


class Watched(io.BytesIO):
    """A file that knows how many of its bytes were read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.taken = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data

    def readline(self, size: int | None = -1) -> bytes:
        data = super().readline(size)
        self.taken += len(data)
        return data


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "TIFF", "PPM", "JPEG2000"])
def test_no_more_of_a_file_is_read_than_its_header(encoded, form):
    image = Image.effect_noise((1000, 700), 80).convert("RGB")
    data = encoded(image, form)
    file = Watched(data)
    assert header(file) == Header(form, 1000, 700, "RGB", 1)
    assert len(data) > 200_000
    assert file.taken < 6_000


def test_a_beginning_of_a_file_is_enough(jpeg):
    assert header(jpeg[:1024]) == Header("JPEG", 640, 480, "RGB", 1)
    with pytest.raises(ImageError, match="truncated JPEG"):
        decode(jpeg[:1024])


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF", "MPO", "AVIF"])
def test_frames_are_counted(encoded, form):
    frames = [Image.new("RGB", (16, 12), color) for color in ("red", "lime", "blue")]
    data = encoded(frames[0], form, save_all=True, append_images=frames[1:])
    seen = header(data)
    assert (seen.format, seen.width, seen.height, seen.frames) == (form, 16, 12, 3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_the_mode_is_that_of_the_file(encoded, mode):
    assert header(encoded(Image.new(mode, (4, 3)), "PNG")).mode == mode


def test_a_sideways_photo_has_the_size_in_which_it_is_seen(encoded):
    exif = Image.Exif()
    exif[0x0112] = 6
    seen = header(encoded(Image.new("RGB", (40, 20)), "JPEG", exif=exif))
    assert (seen.width, seen.height) == (20, 40)


def test_a_file_has_the_header_of_its_bytes(tmp_path, jpeg):
    (tmp_path / "a.jpg").write_bytes(jpeg)
    assert file_header(tmp_path / "a.jpg") == header(jpeg)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("page.jpg", b"<!doctype html><title>404</title>", "an HTML page, not an image"),
        ("empty.jpg", b"", "empty file"),
        ("missing.jpg", None, "file not found"),
        ("cut.png", b"\x89PNG\r\n\x1a\n", "broken PNG"),
    ],
)
def test_a_file_without_a_header_says_why(tmp_path, name, data, reason):
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(ImageError, match=reason):
        file_header(tmp_path / name)


def test_the_frames_of_the_collection_are_those_of_its_index(data_dir):
    counts = {
        "rotating-squares.gif": 30,
        "animated-loop-3.webp": 10,
        "multipage.tiff": 3,
        "frozenpond.mpo": 2,
    }
    seen = {name: file_header(data_dir / "odd-images" / name).frames for name in counts}
    assert seen == counts


def test_a_damaged_file_whose_frames_cannot_be_counted_has_a_size(data_dir):
    seen = file_header(data_dir / "odd-images" / "crash-2020-10-test.tif")
    assert (seen.width, seen.height, seen.frames) == (20, 1536, None)
