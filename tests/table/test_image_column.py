"""Columns of images from paths, URLs, bytes, structs and pixel values, and of their headers."""

from __future__ import annotations

import io
import pickle
import threading

import numpy as np
import PIL.Image
import polars as pl
import pytest

import explorer as ex
from tests.digits_like import png
from tests.image_tables import STRUCT, Net, animation, encoded, images, reason

# Pixel values

DTYPES = {
    "list of integers": (pl.List(pl.Int64), 1),
    "list of bytes": (pl.List(pl.UInt8), 1),
    "list of fractions": (pl.List(pl.Float32), 255),
    "array": (pl.Array(pl.UInt8, 6), 1),
    "rows": (pl.Array(pl.UInt8, (2, 3)), 1),
    "nested lists": (pl.List(pl.List(pl.Int16)), 1),
    "nested fractions": (pl.Array(pl.Float64, (2, 3)), 255),
}


@pytest.mark.parametrize("name", DTYPES)
def test_pixel_values_of_any_dtype_become_images(name):
    dtype, scale = DTYPES[name]
    flat = np.arange(6) / scale if scale > 1 else np.arange(6)
    nested = name not in ("list of integers", "list of bytes", "list of fractions", "array")
    value = (flat.reshape(2, 3) if nested else flat).tolist()
    for shape in ((2, 3), None) if nested else ((2, 3),):
        t = images([value, None], dtype=dtype, shape=shape, mode="L")
        assert np.asarray(t["img"][0]()).tolist() == [[0, 1, 2], [3, 4, 5]]
        assert "null" in reason(t, 1)


def test_raw_bytes_are_pixels_when_a_shape_is_named_and_encoded_images_else():
    t = images([bytes(range(12)), b"short", png(3)], shape=(2, 2, 3))
    assert np.asarray(t["img"][0]()).tolist() == np.arange(12).reshape(2, 2, 3).tolist()
    assert "5 pixel values were given, but shape (2, 2, 3) needs 12" in reason(t, 1)
    assert "an encoded image (PNG)" in reason(t, 2)


def test_a_bad_row_of_pixels_costs_itself_alone():
    rows = [[0] * 784, [0] * 783, [0] * 783 + [None], [256] * 784, [0] * 900]
    t = images(rows, shape=(28, 28), mode="L")
    with pytest.warns(ex.ExplorerWarning, match="4 of 5 rows failed"):
        t.compute("img")
    assert t.errors().select("row", "message").rows() == [
        (1, "783 pixel values were given, but shape (28, 28) needs 784"),
        (2, "1 of the 784 pixel values is null or NaN"),
        (3, t.errors()["message"][2]),
        (4, "900 pixel values were given, but shape (28, 28) needs 784"),
    ]
    assert "whole numbers from 256 to 256" in t.errors()["message"][2]
    assert "shape=(30, 30) would fit" in reason(t, 4)
    assert t["img"][0]().size == (28, 28)


def test_pixel_values_are_images_like_all_others():
    values = np.arange(5 * 64, dtype=np.uint8).reshape(5, 64).tolist()
    t = images(values, shape=(8, 8), mode="L")
    assert t.schema["img"] == ex.Image
    assert t.counters.images_decoded == 0
    assert t["img"][:3]().tolist() == np.arange(192).reshape(3, 8, 8).tolist()
    assert (t.counters.images_decoded, t.counters.bytes_read) == (3, 0)
    assert "data:image/png" in t._repr_html_()
    assert t["img"].contact_sheet(px=16, columns=5).size == (5 * 24 + 8, 32)
    (batch,) = t.iter_batches(["img"], batch_size=5)
    assert batch["img"].shape == (5, 8, 8)


@pytest.mark.parametrize("at_once", [False, True])
def test_arrays_tensors_and_images_that_a_function_makes_are_images(at_once):
    torch = pytest.importorskip("torch")
    made = {
        0: np.full((4, 6), 9, np.uint8),
        1: torch.full((3, 4, 6), 0.5),
        2: PIL.Image.new("CMYK", (6, 4)),
        3: [[9] * 6] * 4,
        4: np.zeros(7),
    }
    t = ex.from_polars({"n": range(5)})
    made_of_n = ex.defer(lambda n: made[n], "n", returns=pl.Object)
    if at_once:
        t = t.with_columns(made=made_of_n, img=ex.image("made"))
    else:
        t = t.with_columns(made=made_of_n).with_columns(img=ex.image("made"))
    shown = [t["img"][row]() for row in range(4)]
    assert [(image.mode, image.size) for image in shown] == [("RGB", (6, 4))] * 4
    assert [image.getpixel((0, 0))[0] for image in shown] == [9, 128, 255, 9]
    assert "7 pixel values in a row, without a shape" in reason(t, 4)


def test_a_function_of_unknown_dtype_may_return_encoded_images():
    t = ex.from_polars({"n": [4]}).with_columns(data=ex.defer(png, "n")).with_columns(img=ex.image("data"))
    assert t["img"][0]().getpixel((0, 0)) == (4, 4, 4)


def test_an_image_column_is_brought_to_a_size_by_another():
    t = images([png(7, side=40)]).with_columns(small=ex.image("img", size=10, mode="L"))
    assert t["small"][0]().size == (10, 10)
    assert t["small"][0]().getpixel((3, 3)) == 7


# Structs, as Hugging Face has them


def test_structs_of_bytes_and_path_take_the_bytes_first(tmp_path):
    (tmp_path / "b.png").write_bytes(png(2))
    values = [
        {"bytes": png(1), "path": "nowhere.png"},
        {"bytes": None, "path": "b.png"},
        {"bytes": png(3), "path": None},
        {"bytes": None, "path": None},
        None,
        {"bytes": None, "path": "../out.png"},
    ]
    t = images(values, dtype=STRUCT, base_dir=tmp_path, mode="L")
    assert [t["img"][row]().getpixel((0, 0)) for row in range(3)] == [1, 2, 3]
    assert "both bytes and path are null" in reason(t, 3)
    assert "the value is null" in reason(t, 4)
    assert "lies outside of base_dir" in reason(t, 5)


def test_structs_of_one_field_and_of_others():
    assert images([{"bytes": png(5)}])["img"][0]().size == (8, 8)
    assert "file not found" in reason(images([{"path": "a.png"}]))
    assert "a struct of url, alt is no image; one of bytes and path is" in reason(
        images([{"url": "x", "alt": "y"}])
    )


# URLs


def test_urls_are_not_read_unless_asked_for():
    t = images(["https://example.org/a.png", "HTTP://example.org/a.png"])
    for row in (0, 1):
        assert "URLs are read only when that is asked for" in reason(t, row)
        assert 'ex.image("…", web=True)' in reason(t, row)


def test_urls_are_read_with_what_is_given_and_paths_as_ever(tmp_path):
    (tmp_path / "b.png").write_bytes(png(6))
    net = Net(a=png(5), page=b"<!doctype html><title>Moved</title>")
    names = [
        "https://x.org/a.png",
        "b.png",
        "http://x.org/gone.png",
        "http://x.org/late.png",
        "http://x.org/page",
    ]
    t = images([*names, "s3://bucket/a.png"], base_dir=tmp_path, web=net, mode="L")
    assert net.asked == []
    assert [t["img"][row]().getpixel((0, 0)) for row in (0, 1)] == [5, 6]
    assert net.asked == ["https://x.org/a.png"]
    assert reason(t, 2).endswith("404 Not Found: http://x.org/gone.png\nLook at it in a browser.")
    assert "cannot be fetched (timed out after 10 s): http://x.org/late.png" in reason(t, 3)
    assert "an HTML page, not an image" in reason(t, 4)
    assert "s3:// is not read, only http:// and https:// are" in reason(t, 5)
    assert set(t.errors()["type"]) == {"ImageError"}


def test_thumbnails_of_urls_are_images_or_their_errors():
    t = images(["https://x.org/a.png", "https://x.org/gone.png"], web=Net(a=png(5)))
    html = t._repr_html_()
    assert "data:image/png" in html
    assert "404 Not Found" in html


def test_as_many_urls_are_read_at_once_as_the_reader_allows():
    class Together(Net):
        concurrency = 4

        def __init__(self, **pages: bytes) -> None:
            super().__init__(**pages)
            self.meeting = threading.Barrier(4)

        def read(self, url: str) -> bytes:
            self.meeting.wait(30)
            return super().read(url)

    t = images(
        [f"https://x.org/{name}.png" for name in "abcd"], web=Together(a=png(1), b=png(2), c=png(3), d=png(4))
    )
    assert t["img"]()[:, 0, 0, 0].tolist() == [1, 2, 3, 4]
    assert ex.image("at", web=Net()).workers == 16
    assert ex.image("at").workers == 2


# Frames and sizes


def test_thumbnails_show_the_frame_that_the_column_shows():
    for frame, channel in ((0, 0), (1, 1), (-1, 2)):
        t = images([animation(), png(0)], frame=frame)
        tile = t._origin.engine.thumbnail(t._binding["img"], first_row(t), 8, t.counters)
        assert np.argmax(PIL.Image.open(io.BytesIO(tile.data)).convert("RGB").getpixel((4, 4))) == channel
        assert np.argmax(t["img"][0]().getpixel((4, 4))) == channel
    assert "there is no frame 1: the PNG has 1 frame" in reason(images([png(0)], frame=1))


def first_row(t):
    from explorer.table.inside import rows

    return rows(t.head(1))


@pytest.mark.parametrize("keep_pixels", [False, True])
@pytest.mark.parametrize("source", ["encoded", "pixels"])
def test_thumbnails_show_the_crop_that_the_column_shows(source, keep_pixels):
    image = PIL.Image.new("RGB", (90, 30), "red")
    image.paste((0, 0, 255), (30, 0, 60, 30))
    values = [encoded(image)] if source == "encoded" else [np.asarray(image).tolist()]
    t = images(values, size=30, resize="crop")
    tile = t._origin.engine.thumbnail(
        t._binding["img"], first_row(t), 16, t.counters, keep_pixels=keep_pixels
    )
    assert (tile.width, tile.height, tile.source_width, tile.source_height) == (16, 16, 30, 30)
    shown = np.asarray(PIL.Image.open(io.BytesIO(tile.data)).convert("RGB"))
    assert (shown == (0, 0, 255)).all()
    assert t.counters.images_decoded == 1


def test_thumbnails_keep_transparency_whether_the_pixels_were_decoded_before_or_not():
    clear = encoded(PIL.Image.new("RGBA", (8, 8), (255, 0, 0, 0)))
    for decoded_before in (False, True):
        t = images([clear], mode=None)
        if decoded_before:
            t["img"][0]()
        tile = t._origin.engine.thumbnail(t._binding["img"], first_row(t), 8, t.counters)
        assert PIL.Image.open(io.BytesIO(tile.data)).mode == "RGBA"


class Plain:
    """A loader of somebody else's, which only reads and decodes."""

    mode = "L"
    limits = ex.Limits()

    def read(self, value: bytes) -> bytes:
        return value

    def decode(self, data: bytes) -> PIL.Image.Image:
        return PIL.Image.open(io.BytesIO(data))


def test_thumbnails_are_made_for_loaders_that_only_read():
    t = ex.from_polars({"at": [png(9)]})
    t = t.with_columns(img=ex.image("at").with_options(function=Plain()))
    tile = t._origin.engine.thumbnail(t._binding["img"], first_row(t), 8, t.counters)
    assert PIL.Image.open(io.BytesIO(tile.data)).getpixel((0, 0)) == 9


def test_images_of_one_size_come_as_one_array():
    t = images([png(1, side=3), png(2, side=50)], size=(6, 4), resize="pad", fill="white", mode="L")
    batch = t["img"]()
    assert batch.shape == (2, 4, 6)
    assert batch[:, 2, [0, 3]].tolist() == [[255, 1], [255, 2]]


# Headers


def test_headers_are_columns_and_nothing_is_decoded_for_them(tmp_path):
    (tmp_path / "a.jpg").write_bytes(encoded(PIL.Image.new("CMYK", (40, 20)), "JPEG"))
    (tmp_path / "b.gif").write_bytes(animation())
    (tmp_path / "c.png").write_bytes(b"<html>")
    t = ex.from_polars({"path": ["a.jpg", "b.gif", "c.png", "d.png", None]}, base_dir=tmp_path)
    t = t.with_columns(ex.image_header("path"))
    assert t.counters.failed == 0
    with pytest.warns(ex.ExplorerWarning):
        frame = t.to_polars()
    assert frame.schema == {
        "path": pl.String,
        "width": pl.Int32,
        "height": pl.Int32,
        "format": pl.String,
        "mode": pl.String,
        "frames": pl.Int32,
    }
    assert frame.rows()[:2] == [("a.jpg", 40, 20, "JPEG", "CMYK", 1), ("b.gif", 8, 8, "GIF", "P", 3)]
    assert frame["width"][2:].to_list() == [None, None, None]
    assert "an HTML page, not an image" in t.errors()["message"][0]
    counters = t.counters
    assert (counters.images_decoded, counters.decode_calls, counters.rows_inferred) == (0, 0, 0)
    assert counters.failed == 3
    assert "inferred" not in repr(t)


def test_headers_filter_before_anything_is_decoded():
    data = [encoded(PIL.Image.new("L", (side, 8))) for side in (8, 300, 20)]
    t = ex.from_polars({"at": data}).with_columns(ex.image_header("at"), img=ex.image("at"))
    wide = t.filter(pl.col("width") > 100)
    assert wide["width"]().to_list() == [300]
    assert t.counters.images_decoded == 0
    assert wide["img"][0]().width == 300
    assert t.counters.images_decoded == 1


def test_an_image_too_large_to_decode_has_a_header():
    data = encoded(PIL.Image.new("1", (12_000, 9_000)))
    t = ex.from_polars({"at": [data]}).with_columns(ex.image_header("at"), img=ex.image("at"))
    assert t["width"]().to_list() == [12_000]
    assert "over the limit of 100 megapixels" in reason(t)


def test_an_image_beyond_pillows_own_limit_has_a_header_too(data_dir):
    paths = ["giant-image.jpg", "65536-uint32-limit.png"]
    t = ex.from_polars({"path": paths}, base_dir=data_dir / "odd-images").with_columns(
        ex.image_header("path"), img=ex.image("path")
    )
    assert t.to_polars("width", "height", "format").rows() == [
        (20_000, 14_000, "JPEG"),
        (65_536, 65_536, "PNG"),
    ]
    assert "280 megapixels, over the limit of 100 megapixels" in reason(t)


def test_the_header_of_a_column_of_images_is_that_of_the_files_behind_it(tmp_path):
    PIL.Image.new("L", (40, 20)).save(tmp_path / "a.png")
    t = ex.from_polars({"image": ["a.png", "b.png"]}, base_dir=tmp_path)
    t = t.with_columns(image=ex.image("image", size=8), label=pl.lit(3))
    t = t.with_columns(ex.image_header("image"))
    with pytest.warns(ex.ExplorerWarning, match="file not found"):
        assert t.to_polars("width", "format", "mode").rows() == [(40, "PNG", "L"), (None, None, None)]
    assert t.counters.images_decoded == 0
    at_once = ex.from_polars({"path": ["a.png"]}, base_dir=tmp_path)
    at_once = at_once.with_columns(ex.image_header("img"), img=ex.image("path"))
    assert at_once["width"]().to_list() == [40]


@pytest.mark.parametrize(
    "table",
    [
        lambda: ex.from_polars({"image": [PIL.Image.new("L", (5, 4))]}),
        lambda: ex.from_polars({"image": [np.zeros((4, 5), np.uint8)]}),
        lambda: ex.from_polars({"at": [list(range(20))]}).with_columns(
            image=ex.image("at", shape=(4, 5), mode="L")
        ),
        lambda: ex.from_polars({"at": [1]}).with_columns(
            image=ex.defer(lambda at: np.zeros((4, 5), np.uint8), returns=ex.Image)
        ),
    ],
)  # fmt: skip
def test_the_header_of_images_without_a_file_is_their_own_size(table):
    t = table().with_columns(ex.image_header("image"))
    assert t.to_polars("width", "height", "format", "mode", "frames").rows() == [(5, 4, None, "L", 1)]


def test_headers_of_structs_and_urls():
    t = ex.from_polars({"at": [{"bytes": png(1, side=5), "path": None}]}).with_columns(ex.image_header("at"))
    assert t["height"]().to_list() == [5]
    net = Net(a=png(1, side=6))
    t = ex.from_polars({"at": ["https://x.org/a.png"]}).with_columns(ex.image_header("at", web=net))
    assert t["width"]().to_list() == [6]
    assert "pixel values" in reason(
        ex.from_polars({"at": [[1, 2]]}).with_columns(ex.image_header("at")), 0, "width"
    )


# The folder of paths


def test_an_unset_variable_in_base_dir_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PHOTO_FOLDER", str(tmp_path))
    assert ex.image("at", base_dir="$PHOTO_FOLDER").function.base_dir == tmp_path.resolve()
    for given, hint in (
        ("$PHOTO_FODLER/x", "Did you mean 'PHOTO_FOLDER'?"),
        ("${QQXX_ZZ}/x", 'Set it: os.environ["QQXX_ZZ"] = "…"'),
    ):
        with pytest.raises(ex.SourceError, match="which is not set") as caught:
            ex.image("at", base_dir=given)
        assert caught.value.hint == hint


def test_the_home_of_nobody_is_an_error_of_ours():
    with pytest.raises(ex.SourceError, match="home folder of a user who has none here"):
        ex.image("at", base_dir="~no-such-user-here/photos")


def test_a_folder_with_a_dollar_in_its_name_is_found(tmp_path):
    (tmp_path / "$price").mkdir()
    assert ex.image("at", base_dir=tmp_path / "$price").function.base_dir.name == "$price"


# Processes


@pytest.mark.parametrize(
    "options",
    [
        {"frame": -1, "size": (4, 6), "resize": "pad", "fill": "red"},
        {"shape": (2, 2), "mode": "L"},
        {"limits": ex.Limits(max_pixels=10)},
    ],
)
def test_loaders_travel_to_other_processes(options):
    loader = ex.image("at", **options).function
    assert pickle.loads(pickle.dumps(loader)) == loader  # noqa: S301  (made one line before)


@pytest.mark.parametrize(
    "dtype", [pl.List(pl.UInt8), pl.Array(pl.UInt8, 4), pl.Array(pl.UInt8, (2, 2)), STRUCT]
)
def test_workers_of_a_data_loader_make_the_same_images(dtype):
    torch = pytest.importorskip("torch")
    if dtype == STRUCT:
        values, options = [{"bytes": png(n), "path": None} for n in range(6)], {}
    else:
        values = np.arange(24, dtype=np.uint8)
        values = (
            values.reshape(6, 2, 2).tolist()
            if dtype == pl.Array(pl.UInt8, (2, 2))
            else values.reshape(6, 4).tolist()
        )
        options = {"shape": (2, 2)}
    t = images(values, dtype=dtype, mode="L", size=4, **options)
    loaded = torch.utils.data.DataLoader(
        t["img"].to_torch_dataset(), batch_size=6, num_workers=1, multiprocessing_context="spawn"
    )
    (batch,) = loaded
    assert batch.shape == (6, 1, 4, 4)
    assert (batch[:, 0].numpy() == t["img"]()).all()


@pytest.mark.parametrize("first", ["picture", "cell"])
def test_an_image_whose_path_has_failed_fails_for_the_reason_of_the_path(first):
    def path_of(number):
        raise LookupError(f"no photo has the number {number}")

    t = ex.from_polars({"number": [7]}).with_columns(path=ex.defer(path_of, "number", returns=str))
    t = t.with_columns(img=ex.image("path"))
    if first == "picture":
        assert "no photo has the number 7" in t._repr_html_()
    assert "path_of: LookupError: no photo has the number 7" in reason(t)
    assert t.errors()["message"].to_list() == ["no photo has the number 7"] * 2
    assert t.counters.failed == 2


@pytest.mark.parametrize(
    ("value", "said", "hint"),
    [
        ("", "no path: the text is empty", None),
        ("a\0.jpg", r"no path: 'a\\x00.jpg'", None),
        ("A" * 100_000, "text of 100,000 characters is no path; it begins with 'AAAA", "base64"),
        (
            "data:image/png;base64,iVBORw0K",
            "a data: URL, of which images are not read: data:image/png",
            "base64",
        ),
        ("file:///tmp/a.jpg", "file:// is not read", "base_dir"),
    ],
)
def test_texts_that_are_no_paths_say_what_they_are_in_a_line(value, said, hint):
    with pytest.raises(ex.ComputeError, match=said) as caught:
        images([value])["img"][0]()
    assert len(str(caught.value)) < 300
    assert hint is None or hint in caught.value.hint


def test_a_contact_sheet_holds_small_pictures_and_not_all_pixels():
    photo = encoded(PIL.Image.new("RGB", (640, 480), "red"), "JPEG")
    t = images([photo] * 3 + [b"<html>"])
    sheet = t["img"].contact_sheet(columns=2, px=40)
    assert sheet.getpixel((8 + 20, 8 + 20))[0] > 240
    assert t._origin.engine.held(t._binding["img"]) == (0, 0)
    assert (t.counters.images_decoded, t.counters.failed) == (3, 1)
    t["img"].contact_sheet(columns=2, px=40)
    assert t.counters.decode_calls == 3


def test_a_contact_sheet_of_a_function_calls_it_batch_by_batch():
    sizes = []

    def dots(numbers):
        sizes.append(len(numbers))
        return [PIL.Image.new("L", (8, 8), int(number)) for number in numbers]

    t = ex.from_polars({"n": range(10)})
    t = t.with_columns(img=ex.defer(dots, "n", returns=ex.Image, batched=True, batch_size=4))
    sheet = t["img"].contact_sheet(px=8)
    assert sheet.getpixel((8 + 2, 8 + 2)) == (0, 0, 0)
    assert sizes == [4, 4, 2]


def test_a_contact_sheet_checks_what_it_is_given_before_it_reads_an_image():
    t = images([png(1)])
    for options, said in (
        ({"px": 0}, "px=0"),
        ({"columns": "8"}, "columns='8'"),
        ({"column": 3}, "no keyword 'column'"),
        ({"captions": "name"}, "no column 'name'"),
    ):
        with pytest.raises(ex.ExplorerError, match=said):
            t["img"].contact_sheet(**options)
    assert t.counters.decode_calls == 0


def test_captions_may_be_an_expression():
    t = images([png(1), png(2)]).with_columns(n=pl.Series([7, 8]))
    plain = t["img"].contact_sheet(px=64)
    assert t["img"].contact_sheet(px=64, captions=pl.format("{} of 9", "n")).height > plain.height
    with pytest.raises(ex.ColumnNotFoundError, match="no column 'm'"):
        t["img"].contact_sheet(captions=pl.format("{}", "m"))
