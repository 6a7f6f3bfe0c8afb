"""The options of image columns come back from disk, and those that cannot be meant are refused."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

import explorer as ex
from explorer.table.image_sources import ImageLoader, PixelLoader
from explorer.table.restoring import read
from explorer.table.storage import write
from tests.digits_like import png
from tests.image_tables import STRUCT, Net, animation, images

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
