"""Columns of images from paths, URLs, bytes, structs and pixel values, and of their headers."""

from __future__ import annotations

import io
import json
import pickle
import threading

import numpy as np
import PIL.Image
import polars as pl
import pytest

import explorer as ex
from explorer.table.image_sources import ImageLoader, PixelLoader
from explorer.table.restoring import read
from explorer.table.storage import write
from tests.digits_like import png


class Net:
    """Answers for URLs without a network, and remembers what it was asked."""

    def __init__(self, **pages: bytes) -> None:
        self.pages = pages
        self.asked: list[str] = []

    def read(self, url: str) -> bytes:
        self.asked.append(url)
        name = url.rpartition("/")[2].partition(".")[0]
        if name == "late":
            raise TimeoutError("timed out after 10 s")
        if name not in self.pages:
            raise ex.FetchError(f"404 Not Found: {url}", hint="Look at it in a browser.")
        return self.pages[name]


def encoded(image: PIL.Image.Image, form: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def images(values, *, dtype=None, base_dir=None, **options) -> ex.ImageTable:
    frame = pl.DataFrame({"at": pl.Series(values, dtype=dtype, strict=False)})
    return ex.from_polars(frame, base_dir=base_dir).with_columns(img=ex.image("at", **options))


def reason(table: ex.ImageTable, row: int = 0, column: str = "img") -> str:
    with pytest.raises(ex.ComputeError) as caught:
        table[column][row]()
    return str(caught.value)


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


@pytest.mark.parametrize("returns", [pl.Object, None])
def test_arrays_tensors_and_images_that_a_function_makes_are_images(returns):
    torch = pytest.importorskip("torch")
    made = {
        0: np.full((4, 6), 9, np.uint8),
        1: torch.full((3, 4, 6), 0.5),
        2: PIL.Image.new("CMYK", (6, 4)),
        3: [[9] * 6] * 4,
        4: np.zeros(7),
    }
    t = ex.from_polars({"n": range(5)})
    t = t.with_columns(made=ex.defer(lambda n: made[n], "n", returns=pl.Object))
    if returns is None:
        t = ex.from_polars({"n": range(5)}).with_columns(
            made=ex.defer(lambda n: made[n], "n", returns=pl.Object), img=ex.image("made")
        )
    else:
        t = t.with_columns(img=ex.image("made"))
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

STRUCT = pl.Struct({"bytes": pl.Binary, "path": pl.String})


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


def animation() -> bytes:
    frames = [PIL.Image.new("RGB", (8, 8), color) for color in ("red", "lime", "blue")]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])


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


# Written and read again


def kept(folder):
    return json.loads((folder / "table.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "options",
    [
        {"frame": -1},
        {"size": 12, "resize": "crop", "mode": "L"},
        {"size": (9, 5), "resize": "pad", "fill": (1, 2, 3)},
        {"size": (9, 5), "resize": "stretch", "mode": None},
        {"limits": ex.Limits(max_bytes=10**6)},
    ],
)
def test_options_of_images_come_back(tmp_path, options):
    t = images([animation(), png(200, side=30)], **options)
    write(t, tmp_path / "t")
    again = read(tmp_path / "t")
    assert again._binding["img"].node.spec.function == t._binding["img"].node.spec.function
    for row in (0, 1):
        assert again["img"][row]().tobytes() == t["img"][row]().tobytes()


@pytest.mark.parametrize("shape", [(2, 3), None])
def test_columns_of_pixel_values_come_back(tmp_path, shape):
    dtype = pl.List(pl.UInt8) if shape else pl.Array(pl.UInt8, (2, 3))
    value = np.arange(6).reshape(shape or (2, 3))
    t = images([value.ravel().tolist() if shape else value.tolist()], dtype=dtype, shape=shape, size=(6, 4))
    write(t, tmp_path / "t")
    again = read(tmp_path / "t")
    assert isinstance(again._binding["img"].node.spec.function, PixelLoader)
    assert again["img"]().tolist() == t["img"]().tolist()


def test_structs_and_headers_come_back(tmp_path):
    (tmp_path / "b.png").write_bytes(png(2, side=5))
    t = images([{"bytes": None, "path": "b.png"}], dtype=STRUCT, base_dir=tmp_path)
    t = t.with_columns(ex.image_header("at"))
    write(t, tmp_path / "t")
    again = read(tmp_path / "t")
    assert again["img"]().shape == (1, 5, 5, 3)
    assert again.to_polars("width", "format").rows() == [(5, "PNG")]
    assert again.counters.rows_inferred == 0


def test_an_object_that_fetches_is_given_again(tmp_path):
    t = images(["https://x.org/a.png"], web=Net(a=png(5)))
    write(t, tmp_path / "t")
    assert kept(tmp_path / "t")["functions"][0]["image"]["web"] == "own"
    with pytest.warns(ex.ExplorerWarning, match="it fetches URLs with an object of its own"):
        read(tmp_path / "t")
    again = read(tmp_path / "t", functions={"img": ex.image("at", web=Net(a=png(5)))})
    assert again["img"]().shape == (1, 8, 8, 3)


def test_a_description_of_an_earlier_version_means_what_it_meant(tmp_path):
    t = images([png(3)], mode="L")
    write(t, tmp_path / "t")
    content = kept(tmp_path / "t")
    for name in ("pixels", "shape", "frame", "size", "resize", "fill", "web"):
        del content["functions"][0]["image"][name]
    (tmp_path / "t" / "table.json").write_text(json.dumps(content), encoding="utf-8")
    loader = read(tmp_path / "t")._binding["img"].node.spec.function
    assert loader == t._binding["img"].node.spec.function
    assert isinstance(loader, ImageLoader)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("frame", "last"),
        ("size", "large"),
        ("resize", "zoom"),
        ("shape", [0]),
        ("fill", 5),
        ("web", {"timeout_s": {"a": 1}}),
        ("web", 7),
        ("mode", 3),
    ],
)
def test_a_damaged_description_is_said(tmp_path, name, value):
    t = images([[1, 2, 3, 4]], shape=(2, 2), size=3, resize="pad")
    write(t, tmp_path / "t")
    content = kept(tmp_path / "t")
    content["functions"][0]["image"][name] = value
    (tmp_path / "t" / "table.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ex.SourceError, match=r"table\.json"):
        read(tmp_path / "t")


# What people mistype


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"size": (0, 5)}, "size=(0, 5) of ex.image(): both sides are at least 1 pixel.", None),
        ({"size": "224"}, "size='224' of ex.image() is not a width and a height", "size=224"),
        ({"shape": "28x28"}, "shape='28x28' of ex.image() is not (height, width)", "shape=(28, 28)"),
        ({"size": 9, "resize": "zoom"}, "resize of ex.image() is 'zoom'", None),
        ({"resize": "crop"}, "there is no size=", "size=(224, 224), resize='crop'"),
        ({"frame": "last"}, "frame='last' of ex.image() is not a whole number.", "frame=-1"),
        ({"frame": True}, "frame=True of ex.image() is not a whole number.", "frame=-1"),
        ({"web": "https://x.org"}, "web='https://x.org' of ex.image() cannot fetch URLs", "web=True"),
        ({"web": Net}, "cannot fetch URLs: it has no read(url)", "web=ex.Web(…)"),
        ({"shape": (2, 2), "base_dir": "/"}, "shape=(2, 2) of ex.image() is for pixel values", "base_dir="),
        ({"shape": (2, 2), "frame": 1}, "frame=1 for files", "shape= or frame="),
        ({"shape": (2, 2), "web": Net()}, "is for pixel values, and web=", "shape= or web="),
        ({"resise": "crop"}, "ex.image() has no keyword 'resise'.", "Did you mean 'resize' or 'size'?"),
        ({"colour": 1}, "ex.image() has no keyword 'colour'.", "It takes: base_dir, fill, frame, limits"),
        ({"mode": "RBG"}, "mode is 'RBG'", "Did you mean"),
        ({"limits": 5}, "limits=5 is not ex.Limits.", "ex.Limits(max_pixels=…)"),
        ({"size": 9, "fill": "white"}, "pads nothing", 'resize="pad"'),
    ],
)
def test_options_that_cannot_be_meant_are_refused_at_once(options, message, hint):
    with pytest.raises(ex.ArgumentError) as caught:
        ex.image("at", **options)
    assert message in caught.value.message
    assert (hint or "") in (caught.value.hint or "")


def test_a_header_takes_a_name_and_its_own_keywords():
    with pytest.raises(ex.ArgumentError, match="takes the name of a column") as caught:
        ex.image_header(["at"])
    assert caught.value.hint == 'For instance: ex.image_header("path").'
    with pytest.raises(ex.ArgumentError, match=r"ex\.image_header\(\) has no keyword 'size'"):
        ex.image_header("at", size=5)
