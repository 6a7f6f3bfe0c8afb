"""A folder becomes a table of its images, in an order that people expect."""

from __future__ import annotations

import os
import sys

import pytest
from PIL import Image

from explorer._errors import ArgumentError, ExplorerWarning, SourceError
from explorer.sources.folder import _Found, _sort_out, read_folder, table_of


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


class Said(list):
    """A sink that keeps its lines."""

    finish = list.append


def listed(folder):
    said = Said()
    return table_of(folder, recursive=True, label="parent", sink=said), said


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


def test_what_is_hidden_is_left_out_in_silence(fill):
    folder = fill("a.png", ".hidden.png", ".git/b.png", ".git/c.txt", "x/._c.png", ".notes")
    assert paths(read_folder(folder)) == ["a.png"]


def test_other_files_are_left_out_and_counted(fill):
    folder = fill("a.png", "notes.txt", "x/more.TXT", "table.csv", "LICENSE")
    table, said = listed(folder)
    assert paths(table) == ["a.png"]
    (line,) = said
    assert line.startswith(f"{folder.name}: 1 image; 4 files (2 .txt, 1 ")
    assert line.endswith(" not named like images left out")
    assert paths(read_folder(folder)) == ["a.png"]


def test_nothing_is_said_of_a_folder_of_images_and_hidden_files(fill):
    assert listed(fill("a.png", ".DS_Store", ".git/b.png"))[1] == []


def test_endings_count_in_any_case(fill):
    folder = fill("a.JPG", "b.Jpeg", "c.PNG")
    (folder / "d.png").mkdir()
    assert paths(read_folder(folder)) == ["a.JPG", "b.Jpeg", "c.PNG"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_that_is_named_like_an_image_is_none(fill):
    folder = fill("a.png")
    os.mkfifo(folder / "b.png")
    table, said = listed(folder)
    assert paths(table) == ["a.png"]
    assert said == [f"{folder.name}: 1 image; 1 file (1 .png) not named like images left out"]


def test_the_same_order_whatever_the_file_system_says(fill):
    names = ["A1.png", "a1.png", "a01.png", "a 1.png", "é.png", "a/1.png", "a-b/1.png"]
    folder = fill(*names)
    assert paths(read_folder(folder)) == [
        "a/1.png",
        "A1.png",
        "a01.png",
        "a1.png",
        "a 1.png",
        "a-b/1.png",
        "é.png",
    ]
    assert paths(read_folder(folder)) == paths(read_folder(str(folder) + "/."))


def test_folders_without_images_say_what_they_hold(fill, tmp_path):
    with pytest.raises(SourceError, match="holds no files"):
        read_folder(tmp_path)
    fill("a.txt", "x/b.txt")
    with pytest.raises(SourceError, match=r"holds 2 files \(2 .txt\), none named like an image"):
        read_folder(tmp_path)
    (tmp_path / "a.txt").unlink()
    (tmp_path / "x/b.txt").unlink()
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


def test_a_link_to_a_folder_elsewhere_is_said(fill, tmp_path):
    fill("elsewhere/cat/a.png", "here/dog/b.png")
    (tmp_path / "here" / "cat").symlink_to(tmp_path / "elsewhere" / "cat")
    with pytest.warns(ExplorerWarning, match="links to folders elsewhere were not followed: 'cat'"):
        assert paths(read_folder(tmp_path / "here")) == ["dog/b.png"]


def test_links_to_files_are_listed_and_a_broken_one_is_an_error_in_its_cell(fill, tmp_path):
    fill("here/a.png", "here/b.png")
    (tmp_path / "here" / "c.png").symlink_to(tmp_path / "here" / "a.png")
    (tmp_path / "here" / "d.png").symlink_to(tmp_path / "gone.png")
    table = read_folder(tmp_path / "here")
    assert paths(table) == ["a.png", "b.png", "c.png", "d.png"]
    assert table["image"][2]().size == (4, 3)
    with pytest.warns(ExplorerWarning, match=r"1 of 3 rows failed.*d\.png"):
        table.compute("image")


def test_no_file_is_asked_about(tmp_path):
    class Entry:
        """What listing a folder gives, without the means to look at the file itself."""

        def __init__(self, name: str, *, folder: bool = False) -> None:
            self.name = name
            self.folder = folder

        def is_dir(self, *, follow_symlinks: bool) -> bool:
            return self.folder

        def is_file(self, *, follow_symlinks: bool) -> bool:
            return not self.folder

    found = _Found()
    below = _sort_out(iter([Entry("a.png"), Entry("x", folder=True)]), "in/", found)
    assert (found.images, below) == (["in/a.png"], ["in/x/"])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_not_text_are_left_out_aloud(fill, tmp_path):
    fill("a.png")
    with open(os.fsencode(tmp_path) + b"/\xff.png", "wb"):  # noqa: PTH123  (a name that Path cannot hold)
        pass
    with pytest.warns(ExplorerWarning, match=r"1 file whose names are not text \(UTF-8\), as b'\\xff.png'"):
        assert paths(read_folder(tmp_path)) == ["a.png"]


def test_a_misspelt_keyword_is_told(fill):
    with pytest.raises(ArgumentError, match=r"ex\.read_folder\(\) has no keyword 'recursiv'") as caught:
        read_folder(fill("a.png"), recursiv=False)
    assert caught.value.hint == "Did you mean 'recursive'?"
