"""Bytes become the picture a person expects, or an ImageError that says why not."""

from __future__ import annotations

import io
import os
import re
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer._errors import ArgumentError, ImageError, ImageLimitError
from explorer.images.decode import decode, read_bytes, sniff
from explorer.images.header import header
from explorer.images.limits import Limits
from explorer.images.resize import Resizing

LEFT_HALF_RED = Image.new("RGB", (40, 20), "white")
LEFT_HALF_RED.paste((255, 0, 0), (0, 0, 20, 20))


def png_that_declares(width: int, height: int) -> bytes:
    """A PNG with a header and hardly any data."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    body = chunk(b"IHDR", size + b"\x08\x02\x00\x00\x00") + chunk(b"IDAT", zlib.compress(b"\0"))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


# What a picture looks like


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "AVIF"])
def test_common_formats_become_rgb(photo, encoded, form):
    image = decode(encoded(photo, form))
    assert (image.mode, image.size) == ("RGB", photo.size)
    assert np.abs(np.asarray(image).astype(int) - np.asarray(photo)).mean() < 12


def test_the_result_holds_neither_file_nor_exif(photo, encoded):
    exif = Image.Exif()
    exif[0x0112] = 3
    image = decode(encoded(photo, "JPEG", exif=exif))
    assert type(image) is Image.Image
    assert "exif" not in image.info
    assert dict(image.getexif()) == {}


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(encoded, form, orientation):
    upright = LEFT_HALF_RED.resize((64, 32), Image.Resampling.NEAREST)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored, form, exif=exif)
    image = decode(data)
    assert image.size == upright.size
    assert np.abs(np.asarray(image).astype(int) - np.asarray(upright)).mean() < 12
    seen = header(data)
    assert (seen.format, seen.width, seen.height) == (form, *upright.size)


def test_damaged_exif_is_ignored(photo, encoded):
    data = encoded(photo, "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff garbage")
    assert decode(data).size == photo.size


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_laid_on_white(encoded, mode):
    clear = Image.new(mode, (4, 4), (0,) * len(mode))
    assert decode(encoded(clear, "PNG")).getpixel((0, 0)) == (255, 255, 255)
    assert decode(encoded(clear, "PNG"), mode="L").getpixel((0, 0)) == 255
    assert decode(encoded(clear, "PNG"), mode="RGBA").getpixel((0, 0))[3] == 0


def test_half_transparent_black_is_grey(encoded):
    half = Image.new("RGBA", (4, 4), (0, 0, 0, 128))
    assert decode(encoded(half, "PNG")).getpixel((0, 0)) == (127, 127, 127)


def test_palette_transparency_is_laid_on_white(encoded):
    image = Image.new("P", (4, 4), 0)
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 1), 1)
    one_entry = decode(encoded(image, "PNG", transparency=0))
    each_entry = decode(encoded(image, "PNG", transparency=bytes([0, 255])))
    for shown in (one_entry, each_entry):
        assert shown.getpixel((0, 0)) == (255, 255, 255)
        assert shown.getpixel((1, 1)) == (40, 50, 60)


def test_a_key_colour_is_transparent(encoded):
    image = Image.new("RGB", (4, 4), (1, 2, 3))
    image.putpixel((1, 1), (9, 9, 9))
    shown = decode(encoded(image, "PNG", transparency=(1, 2, 3)))
    assert shown.getpixel((0, 0)) == (255, 255, 255)
    assert shown.getpixel((1, 1)) == (9, 9, 9)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_and_not_clipped(encoded, form):
    values = np.linspace(300, 700, 64, dtype=np.uint16).reshape(8, 8)
    shown = np.asarray(decode(encoded(Image.fromarray(values), form), mode="L"))
    assert shown.min() == 0
    assert shown.max() == 255
    assert (np.diff(shown.ravel().astype(int)) >= 0).all()
    kept = np.asarray(decode(encoded(Image.fromarray(values), form), mode="I"))
    assert (kept == values).all()


def test_one_single_wide_value_keeps_its_place(encoded):
    for value, grey in ((0, 0), (32896, 128), (65535, 255)):
        flat = Image.fromarray(np.full((4, 4), value, np.uint16))
        assert decode(encoded(flat, "PNG"), mode="L").getpixel((0, 0)) == grey


def test_nan_becomes_black(encoded):
    values = np.array([[0.0, 1.0], [np.nan, np.inf]], np.float32)
    shown = np.asarray(decode(encoded(Image.fromarray(values), "TIFF"), mode="L"))
    assert shown.tolist() == [[0, 255], [0, 255]]


def test_cmyk_becomes_rgb(encoded):
    cyan = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    red, green, blue = decode(encoded(cyan, "JPEG")).getpixel((8, 8))
    assert red < 20
    assert min(green, blue) > 235


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF", "MPO", "AVIF"])
def test_the_frame_asked_for_is_taken(encoded, form):
    frames = [Image.new("RGB", (16, 16), color) for color in ("red", "lime", "blue")]
    data = encoded(frames[0], form, save_all=True, append_images=frames[1:])
    for frame, brightest in ((0, 0), (1, 1), (2, 2), (-1, 2), (-3, 0)):
        assert np.argmax(decode(data, frame=frame).getpixel((8, 8))) == brightest
    for frame in (3, -4):
        with pytest.raises(ImageError) as caught:
            decode(data, frame=frame)
        assert str(caught.value) == f"there is no frame {frame}: the {form} has 3 frames, 0 to 2"


def test_what_has_no_frames_has_one(jpeg):
    assert decode(jpeg, frame=-1).tobytes() == decode(jpeg).tobytes()
    with pytest.raises(ImageError, match=r"there is no frame 1: the JPEG has 1 frame$"):
        decode(jpeg, frame=1)


def test_a_later_frame_is_what_is_seen_and_not_what_changed(encoded):
    first = Image.new("RGB", (20, 20), "red")
    second = first.copy()
    second.paste("blue", (0, 0, 5, 5))
    data = encoded(first, "GIF", save_all=True, append_images=[second])
    shown = decode(data, frame=1)
    assert (shown.getpixel((2, 2)), shown.getpixel((15, 15))) == ((0, 0, 255), (255, 0, 0))


def test_every_frame_comes_in_the_size_asked_for(encoded):
    frames = [Image.new("RGB", (16, 8), color) for color in ("red", "lime")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    made = decode(data, frame=1, resizing=Resizing(6, 6, "pad"))
    assert made.size == (6, 6)
    assert made.getpixel((3, 3)) == (0, 255, 0)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "F"])
@pytest.mark.parametrize("stored", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_can_be_asked_of_every_file(encoded, stored, mode):
    image = Image.new(stored, (5, 4))
    assert decode(encoded(image, "PNG"), mode=mode).mode == mode
    assert decode(encoded(image, "PNG"), mode=None).mode in (stored, "I")


def test_a_mode_that_is_none_names_the_nearest(jpeg):
    with pytest.raises(ArgumentError, match="Did you mean 'RGB'"):
        decode(jpeg, mode="rgb")


# What is refused


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"<!doctype html>\n<html><body>404", "an HTML page, not an image"),
        (b"\n  <HTML lang=en>", "an HTML page, not an image"),
        (b'<?xml version="1.0"?><svg xmlns="x">', "an SVG drawing, not a raster image"),
        (b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>', "an XML document, not an image"),
        (b'{"error": "not found"}', "JSON text, not an image"),
        (b"Not found", "text, not an image"),
        (b"%PDF-1.7 ...", "a PDF document, not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "an EPS drawing, not an image"),
        (b"PK\x03\x04 ...", "a ZIP archive, not an image"),
        (b"\x1f\x8b\x08\x00 ...", "a gzip archive, not an image"),
        (b"\x28\xb5\x2f\xfd ...", "a Zstandard archive, not an image"),
        (b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41", "an MP4 video, not an image"),
        (b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  ", "a QuickTime video, not an image"),
        (b"\x1aE\xdf\xa3 ...", "a Matroska video, not an image"),
        (b"RIFF\x10\x00\x00\x00AVI LIST", "an AVI video, not an image"),
        (b"\x93NUMPY\x01\x00", "a NumPy array, not an image"),
        (b"PAR1 ...", "a Parquet file, not an image"),
        (b"path,label\na.jpg,3\n", "text, not an image"),
        (b"[1, 2]", "JSON text, not an image"),
        (b" \n\t ", "blank text, not an image"),
        ("página no encontrada".encode(), "text, not an image"),
        (bytes(range(256)), "not an image in a known format"),
        (b"\x89PNG\r\n\x1a\nrubbish", "broken PNG (its header cannot be read)"),
        (b"\x00\x00\x00\x18ftypheic....mif1heic", "HEIF, which Pillow cannot read"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            "a Git LFS pointer, not the image itself: run git lfs pull",
        ),
    ],
)
def test_what_is_no_image_says_what_it_is(data, reason):
    for read in (decode, header):
        with pytest.raises(ImageError) as caught:
            read(data)
        assert str(caught.value) == reason


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"])
def test_a_truncated_file_names_its_format_and_its_cause(photo, encoded, form):
    data = encoded(photo, form)
    with pytest.raises(ImageError, match=form) as caught:
        decode(data[: len(data) // 2])
    assert caught.value.__cause__ is not None
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 160


@pytest.mark.parametrize(("form", "options"), [("JPEG", {"quality": 92}), ("PNG", {}), ("BMP", {})])
def test_a_truncated_file_says_how_far_it_goes(photo, encoded, form, options):
    data = encoded(photo, form, **options)
    with pytest.raises(ImageError, match=form) as caught:
        decode(data[: len(data) // 2])
    found = re.search(r"it ends after ([\d,]+) bytes, with (\d+) of 480 rows", str(caught.value))
    assert int(found[1].replace(",", "")) == len(data) // 2
    assert 100 < int(found[2]) < 380


def test_a_progressive_file_that_is_truncated_says_where_it_ends(photo, encoded):
    data = encoded(photo, "JPEG", progressive=True)
    with pytest.raises(ImageError, match=r"^truncated JPEG \(it ends after 3,000 bytes"):
        decode(data[:3000])


def test_what_is_not_bytes_is_an_image_error():
    for given in (None, "photo.jpg", 7):
        with pytest.raises(ImageError, match=type(given).__name__):
            decode(given)


@pytest.mark.parametrize("cut", range(0, 600, 7))
def test_any_cut_of_any_file_is_an_image_or_an_image_error(encoded, cut):
    image = Image.new("P", (20, 20))
    for form in ("PNG", "GIF", "TIFF", "BMP", "ICO"):
        with suppress(ImageError):
            decode(encoded(image, form)[:cut])


def test_too_many_pixels_are_refused_from_the_header():
    with pytest.raises(ImageLimitError, match="20000 x 6000 pixels, over the limit of 100 megapixels"):
        decode(png_that_declares(20_000, 6_000))
    with pytest.raises(ImageLimitError, match="900 megapixels, over the limit of 100 megapixels"):
        header(png_that_declares(30_000, 30_000))


def test_own_limits_decide_above_pillows(monkeypatch, jpeg):
    assert header(png_that_declares(30_000, 30_000), limits=Limits(max_pixels=10**10)).width == 30_000
    with pytest.raises(ImageLimitError) as caught:
        header(png_that_declares(30_000, 30_000))
    assert caught.value.hint == 'Allow it: ex.image("…", limits=ex.Limits(max_pixels=900_000_000))'
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert decode(jpeg).size == (640, 480)
    with pytest.raises(ImageLimitError, match=r"0\.3072 megapixels, over the limit of 0\.3 megapixels"):
        decode(jpeg, limits=Limits(max_pixels=300_000))


def test_own_limits_decide_below_pillows(jpeg):
    with pytest.raises(ImageLimitError, match=r"640 x 480 pixels, over the limit of 0\.3 megapixels"):
        decode(jpeg, limits=Limits(max_pixels=300_000))
    assert decode(jpeg, limits=Limits(max_pixels=640 * 480)).size == (640, 480)
    assert header(png_that_declares(10_000, 9_990)).width == 10_000


def test_a_limit_below_one_is_refused():
    with pytest.raises(ArgumentError, match="max_pixels=0"):
        Limits(max_pixels=0)


# Files


def test_reading_says_what_is_wrong_with_a_path(tmp_path):
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "large.jpg").write_bytes(bytes(3 * 2**20))
    os.mkfifo(tmp_path / "pipe.jpg")
    reasons = {
        "missing.jpg": "file not found",
        "folder.jpg": "a folder, not a file",
        "empty.jpg": "empty file",
        "large.jpg": "3.0 MiB, over the limit of 1.0 MiB",
        "pipe.jpg": "not a regular file",
        "a\0b": "cannot be read",
        "x" * 5000: "cannot be read",
        "empty.jpg/x.jpg": "cannot be read",
    }
    for name, reason in reasons.items():
        with pytest.raises(ImageError, match=reason):
            read_bytes(tmp_path / name, limits=Limits(max_bytes=2**20))


def test_reading_returns_the_bytes(tmp_path, jpeg):
    path = Path(tmp_path / "a photo #1.jpg")
    path.write_bytes(jpeg)
    assert read_bytes(path) == jpeg


# Threads and warnings


def test_sniffing_does_not_believe_names():
    assert sniff(b"RIFF\x10\x00\x00\x00WEBPVP8 ") == "WEBP"
    assert sniff(b"P6\n2 2\n255\n") == "PPM"
    assert sniff(b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1miaf") == "AVIF"
    assert sniff(b"") == "empty"


def file_that_makes_pillow_warn() -> bytes:
    """A TIFF with a tag that points behind its end."""
    buffer = io.BytesIO()
    Image.new("L", (4, 4)).save(buffer, "TIFF", tiffinfo={270: "x" * 64})
    data = bytearray(buffer.getvalue())
    entry = data.index(b"\x0e\x01\x02\x00")
    data[entry + 4 : entry + 8] = (10**6).to_bytes(4, "little")
    return bytes(data)


def test_warnings_of_a_file_do_not_escape_and_those_of_others_do():
    data = file_that_makes_pillow_warn()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(data).size == (4, 4)
        with pytest.raises(UserWarning), Image.open(io.BytesIO(data)) as image:
            image.getexif()


def test_threads_decode_alike_while_another_one_plays_with_the_warning_filters(jpeg):
    warned = file_that_makes_pillow_warn()
    expected = np.asarray(decode(jpeg))
    ends = threading.Event()
    seen = set()

    def others_work() -> None:
        while not ends.is_set():
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                try:
                    warnings.warn("mine", UserWarning, stacklevel=1)
                except UserWarning:
                    seen.add("raised")
                else:
                    seen.add("lost")

    def both(_number: int) -> bool:
        return decode(warned).size == (4, 4) and bool((np.asarray(decode(jpeg)) == expected).all())

    other = threading.Thread(target=others_work)
    other.start()
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(both, range(80)))
    ends.set()
    other.join()
    assert seen == {"raised"}
