"""Tables that earlier versions wrote, as files kept here, are read by this one value by value."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import explorer as ex
from tests.table.fixtures.make import FRAME, SHADES

KEPT = Path(__file__).with_name("fixtures") / "version_2"


def doubled(number):
    if number == 3:
        raise AssertionError("it has failed before, and is not called again")
    return 2 * number


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(KEPT, tmp_path / "table")


def test_stored_columns_of_the_second_version_are_read(folder):
    assert_frame_equal(ex.read(folder, columns=FRAME.columns).to_polars(), FRAME)


def test_packed_images_of_the_second_version_are_read(folder):
    t = ex.read(folder, columns=["image", "path"])
    assert t.errors().select("row", "column", "type").rows() == [(2, "image", "ImageError")]
    for row, shade in SHADES.items():
        image = t["image"][row]()
        assert (image.mode, image.size, image.getextrema()) == ("L", (8, 8), (shade, shade))


def test_what_was_computed_in_the_second_version_is_read_and_the_rest_is_computed(folder):
    t = ex.read(folder, functions={"twice": doubled})
    assert t.columns == [*FRAME.columns, "image", "twice"]
    assert t.schema["twice"] == pl.Int64
    failed = t.errors().filter(column="twice")
    assert failed.rows() == [(2, "twice", "ValueError", "three is not doubled")]
    assert t.head(4).to_polars("twice")["twice"].to_list() == [2, 4, None, 8]
    assert t.counters.rows_inferred == 1


def test_without_its_function_what_was_computed_is_a_stored_column(folder):
    with pytest.warns(ex.ExplorerWarning) as caught:
        t = ex.read(folder, columns=["twice"])
    said = str(caught[0].message)
    assert "it was defined in /srv/project/train.py:2" in said
    assert f'ex.read("{folder}", functions={{"twice": …}})' in said
    assert t.deferred == []
    assert t.to_polars()["twice"].to_list() == [2, 4, None, None, None]


def test_a_table_of_the_next_version_is_refused_and_says_what_to_install(folder):
    path = folder / "table.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | {"version": 3, "explorer": "0.9.0"}), encoding="utf-8")
    with pytest.raises(ex.SourceError, match=r"version 3 of the format, by explorer 0\.9\.0") as caught:
        ex.read(folder)
    assert "reads up to version 2" in str(caught.value)
    assert "pip install -U explorer" in str(caught.value)


def test_keys_that_are_not_known_yet_are_tolerated(folder):
    path = folder / "table.json"
    content = json.loads(path.read_text(encoding="utf-8")) | {"license": "CC0"}
    path.write_text(json.dumps(content), encoding="utf-8")
    assert ex.read(folder, columns=["text"]).height == 5


def test_this_version_writes_what_it_reads(folder, tmp_path):
    t = ex.read(folder, functions={"twice": doubled})
    t.write(tmp_path / "again")
    again = ex.read(tmp_path / "again", functions={"twice": doubled})
    assert_frame_equal(again.to_polars(*FRAME.columns), FRAME)
    assert again.errors().equals(t.errors())
    assert again["image"][3]().getextrema() == (30, 30)
