from __future__ import annotations

import polars as pl
import pytest

import explorer as ex
from tests.digits_like import Recorder, table


def test_a_corrupt_image_in_the_middle_of_a_batch_costs_only_its_own_row():
    recorder = Recorder()
    t = table(10, broken=(4,)).with_columns(
        shade=ex.defer(recorder, "image", batched=True, batch_size=10, returns=pl.Int64)
    )
    with pytest.warns(ex.ExplorerWarning, match="1 of 10 rows failed"):
        shades = t.to_polars("shade")["shade"].to_list()
    assert shades == [0, 1, 2, 3, None, 5, 6, 7, 8, 9]
    assert recorder.batches == [9]
    assert t.errors().rows()[0][:3] == (4, "image", "ImageError")
    assert t.counters.rows_inferred == 9


def test_a_row_whose_function_raises_is_listed_with_the_reason():
    t = ex.from_polars({"n": [1, 0, 2]}).with_columns(inverse=ex.defer(lambda n: 1 / n, returns=float))
    with pytest.warns(ex.ExplorerWarning, match="ZeroDivisionError"):
        t.compute()
    assert t.errors().rows() == [(1, "inverse", "ZeroDivisionError", "division by zero")]
    assert t.sort("n").errors()["row"].to_list() == [0]
    assert t.filter(pl.col("n") > 0).errors().height == 0


def test_on_error_null_makes_a_null_and_says_nothing():
    t = ex.from_polars({"n": [1, 0]}).with_columns(
        i=ex.defer(lambda n: 1 / n, returns=float, on_error="null")
    )
    assert t.to_polars("i")["i"].to_list() == [1.0, None]
    assert t.errors().height == 0


def test_on_error_raise_ends_the_computation_with_the_error_itself():
    t = ex.from_polars({"n": [1, 0]}).with_columns(
        i=ex.defer(lambda n: 1 / n, returns=float, on_error="raise")
    )
    with pytest.raises(ZeroDivisionError):
        t.compute()


def test_a_cell_that_failed_says_why_when_it_is_called():
    with pytest.raises(ex.ComputeError, match=r"image\[1\] has no value: image: ImageError"):
        table(3, broken=(1,))["image"][1]()


def test_a_batch_with_a_failed_row_says_how_many_and_which():
    with pytest.raises(ex.ComputeError, match="1 of 3 rows"):
        table(3, broken=(1,))["image"]()


def test_a_table_with_broken_images_is_shown_with_the_reasons_in_their_places():
    markup = table(5, broken=(2,))._repr_html_()
    assert markup.count("data:image/png") == 4
    assert "not an image" in markup


def test_markup_in_the_data_is_shown_as_text():
    t = ex.from_polars({"<b>n</b>": ["<script>alert(1)</script>"]})
    assert "<script>" not in t._repr_html_()
    assert "&lt;script&gt;" in t._repr_html_()


def test_a_function_of_the_wrong_shape_stops_at_once_and_loses_nothing():
    t = table(10).with_columns(
        n=ex.defer(lambda image: image.size[0], "image", returns=int),
        bad=ex.defer(lambda x: x[:1], "label", batched=True, returns=int),
    )
    t.compute("n")
    with pytest.raises(ex.OutputError, match="returned 1 rows, but was given a batch of 10"):
        t.compute("bad")
    assert t.to_polars("n")["n"].to_list() == [8] * 10
