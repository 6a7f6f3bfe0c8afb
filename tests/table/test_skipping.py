"""Skip lists: rows that are left out, and listed with the reason."""

from __future__ import annotations

import hashlib
import re

import PIL.Image
import polars as pl
import pytest

import explorer as ex


@pytest.fixture
def t(tmp_path):
    for i in range(6):
        PIL.Image.new("RGB", (8 + i, 8), (40 * i, 0, 0)).save(tmp_path / f"{i}.png")
    (tmp_path / "5.png").write_bytes(b"<html>gone</html>")
    table = ex.from_polars({"path": [f"{i}.png" for i in range(6)], "n": range(6)}, base_dir=tmp_path)
    return table.with_columns(img=ex.image("path"))


def left(table):
    return table.to_polars("n")["n"].to_list()


def test_paths_are_left_out_however_they_are_spelt(t, tmp_path):
    kept = t.skip(["0.png", "./2.png", tmp_path / "4.png"])
    assert left(kept) == [1, 3, 5]
    assert kept.skipped.rows() == [(f"{i}.png", i, "in the skip list") for i in (0, 2, 4)]
    assert t.counters.images_decoded == 0
    assert left(t) == [0, 1, 2, 3, 4, 5]
    assert t.skipped.height == 0


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
def test_hashes_of_the_files_are_told_by_their_length(t, tmp_path, algorithm):
    digest = hashlib.new(algorithm, (tmp_path / "3.png").read_bytes()).hexdigest()
    kept = t.skip([digest.upper()], reason="a duplicate")
    assert left(kept) == [0, 1, 2, 4, 5]
    assert kept.skipped["reason"].to_list() == ["a duplicate"]
    assert t.counters.images_decoded == 0


def test_a_broken_file_has_a_hash_like_any_other(t, tmp_path):
    digest = hashlib.sha256((tmp_path / "5.png").read_bytes()).hexdigest()
    (tmp_path / "4.png").unlink()
    assert left(t.skip([digest])) == [0, 1, 2, 3, 4]


def test_a_file_of_entries_may_have_comments(t, tmp_path):
    (tmp_path / "skip.txt").write_text("# blurred\n1.png\n\n  2.png  \n", encoding="utf-8")
    kept = t.skip(tmp_path / "skip.txt")
    assert left(kept) == [0, 3, 4, 5]
    assert set(kept.skipped["reason"]) == {"listed in skip.txt"}


def test_a_predicate_may_name_deferred_columns(t):
    t = t.with_columns(width=ex.defer(lambda img: img.width, returns=int))
    with pytest.warns(ex.ExplorerWarning, match="1 of 6 rows failed"):
        kept = t.skip(pl.col("width") < 10, reason="too small")
    assert left(kept) == [2, 3, 4, 5]
    assert kept.skipped["n"].to_list() == [0, 1]
    assert t.counters.images_decoded == 5


def test_skipped_rows_stay_out_of_what_is_made_later_and_stay_listed(t):
    kept = t.skip(["1.png"]).filter(pl.col("n") < 4).skip(pl.col("n") == 3).sort("n", descending=True)
    assert left(kept) == [2, 0]
    assert kept.drop("path").skipped["n"].to_list() == [1, 3]
    assert "2 rows skipped" in kept._repr_html_()


def test_a_lazy_frame_skips_too(t, tmp_path):
    t.to_polars().write_parquet(tmp_path / "rows.parquet")
    lazy = ex.from_polars(pl.scan_parquet(tmp_path / "rows.parquet"), base_dir=tmp_path)
    kept = lazy.skip(["0.png"], column="path").with_columns(img=ex.image("path"))
    assert left(kept) == [1, 2, 3, 4, 5]
    assert kept["img"][0]().width == 9


def test_entries_that_match_no_row_are_said(t):
    with pytest.warns(ex.ExplorerWarning, match=r"2 of 3 entries .* match no row: '8.png', 'x'"):
        kept = t.skip(["0.png", "8.png", "x"])
    assert left(kept) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("by", "column", "error", "words"),
    [
        ("3.png", None, ex.SourceError, r"t.skip\(\['3.png'\]\)"),
        (7, None, ex.ArgumentError, "an expression"),
        ([7, 8], None, ex.ArgumentError, "is_in"),
        (["a.png"], "n", ex.ArgumentError, "holds Int64 values"),
        (["a.png"], "pth", ex.ColumnNotFoundError, "path"),
        (["d41d8cd98f00b204e9800998ecf8427e"], "path", ex.ArgumentError, "no column of image files"),
    ],
)
def test_what_cannot_be_meant_says_what_to_type(t, by, column, error, words):
    with pytest.raises(error) as caught:
        t.skip(by, column=column)
    assert re.search(words, f"{caught.value.message} {caught.value.hint}")


def test_without_one_column_of_images_the_column_is_to_be_named(t):
    with pytest.raises(ex.ArgumentError, match="not one of them: none"):
        t.drop("img").skip(["0.png"])


def test_rows_that_have_failed_are_skipped_each_for_its_own_reason(t, tmp_path):
    (tmp_path / "2.png").unlink()
    t = t.with_columns(share=ex.defer(lambda n: 1 // n, "n", returns=int))
    with pytest.warns(ex.ExplorerWarning):
        t = t.filter(pl.col("n") != 1).compute("img", "share")
    kept = t.skip(t.errors())
    assert left(kept) == [3, 4]
    assert kept.errors().height == 0
    said = dict(zip(kept.skipped["n"], kept.skipped["reason"], strict=True))
    assert said[0] == "integer division or modulo by zero"
    assert said[2].startswith("file not found")
    assert said[5] == "an HTML page, not an image"
    assert t.skip(t.errors(), reason="broken").skipped["reason"].to_list() == ["broken"] * 3
    assert left(t.skip(t.errors().clear())) == left(t)


def test_frames_that_list_no_errors_of_this_table_are_refused(t):
    with pytest.raises(ex.ArgumentError, match="a frame of 'n'") as caught:
        t.skip(pl.DataFrame({"n": [1]}))
    assert "t.skip(t.errors())" in caught.value.hint
    with pytest.raises(ex.ArgumentError, match="errors of row 9; there are 6 rows"):
        t.skip(pl.DataFrame({"row": [9], "message": ["gone"]}))
