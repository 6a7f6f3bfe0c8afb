"""A folder becomes a table of its images, in an order that people expect."""

from __future__ import annotations

import os
import sys

import pytest
from PIL import Image

from explorer._errors import ArgumentError, ExplorerWarning, SourceError
from explorer.sources.folder import read_folder


@pytest.fixture
def fill(tmp_path):
    """Make small images of these names, and empty files of names that are no images."""

    def make(*names: str):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix.lower() in (".png", ".jpg"):
                Image.new("RGB", (4, 3)).save(path)
            else:
                path.touch()
        return tmp_path

    return make


def paths(table) -> list[str]:
    return table.to_polars("path")["path"].to_list()


def test_images_come_in_natural_order_with_labels(fill):
    folder = fill("dog/img10.png", "dog/img2.png", "Cat/1.JPG", "dog/IMG3.png", "dog/deep/a.png", "0.png")
    table = read_folder(folder)
    assert table.columns == ["path", "label", "image"]
    assert paths(table) == [
        "0.png",
        "Cat/1.JPG",
        "dog/deep/a.png",
        "dog/img2.png",
        "dog/IMG3.png",
        "dog/img10.png",
    ]
    assert table.to_polars("label")["label"].to_list() == [None, "Cat", "deep", "dog", "dog", "dog"]


def test_nothing_is_opened_before_somebody_looks(fill):
    folder = fill("a.png", "b.png")
    (folder / "b.png").write_bytes(b"rubbish")
    table = read_folder(folder)
    assert table.counters.images_decoded == 0
    assert table["image"][0]().size == (4, 3)
    assert table.height == 2


def test_labels_only_where_there_are_folders_and_when_wanted(fill):
    assert read_folder(fill("a.png")).columns == ["path", "image"]
    folder = fill("x/a.png")
    assert read_folder(folder, label=None).columns == ["path", "image"]
    assert paths(read_folder(folder, recursive=False)) == ["a.png"]
    with pytest.raises(ArgumentError, match="label"):
        read_folder(folder, label="folder")


def test_hidden_and_other_files_are_left_out(fill):
    folder = fill("a.png", ".hidden.png", ".git/b.png", "notes.txt", "table.csv", "x/._c.png")
    assert paths(read_folder(folder)) == ["a.png"]


def test_the_same_order_whatever_the_file_system_says(fill):
    names = ["A1.png", "a1.png", "a01.png", "a 1.png", "é.png", "a/1.png", "a-b/1.png"]
    folder = fill(*names)
    assert sorted(paths(read_folder(folder))) == sorted(names)
    assert paths(read_folder(folder)) == paths(read_folder(str(folder) + "/."))


def test_folders_without_images_say_what_they_hold(fill, tmp_path):
    with pytest.raises(SourceError, match="holds no files"):
        read_folder(tmp_path)
    with pytest.raises(SourceError, match="holds 2 files, none named like an image"):
        read_folder(fill("a.txt", "x/b.csv"))
    fill("x/a.png")
    with pytest.raises(SourceError, match="leave out recursive=False"):
        read_folder(tmp_path, recursive=False)


def test_paths_that_are_no_folder(fill, tmp_path):
    fill("photos/a.png")
    with pytest.raises(SourceError, match="Did you mean 'photos'"):
        read_folder(tmp_path / "fotos")
    with pytest.raises(SourceError, match="is not a folder"):
        read_folder(tmp_path / "photos" / "a.png")


def test_a_link_to_the_folder_is_followed_and_a_loop_is_not(fill, tmp_path):
    fill("real/cat/a.png")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "cat" / "loop").symlink_to(tmp_path / "real")
    table = read_folder(tmp_path / "link")
    assert paths(table) == ["cat/a.png"]
    assert table["image"][0]().size == (4, 3)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_not_text_are_left_out_aloud(fill, tmp_path):
    fill("a.png")
    with open(os.fsencode(tmp_path) + b"/\xff.png", "wb"):  # noqa: PTH123  (a name that Path cannot hold)
        pass
    with pytest.warns(ExplorerWarning, match="1 files whose names are not text"):
        assert paths(read_folder(tmp_path)) == ["a.png"]
