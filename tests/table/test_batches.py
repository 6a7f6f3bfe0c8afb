from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import explorer as ex
from explorer.table.batches import iter_batches
from tests.digits_like import Recorder, png, table


def test_batches_come_in_order_and_exactly_as_asked():
    batches = list(iter_batches(table(10), ["image", "number"], batch_size=4))
    assert [batch["image"].shape for batch in batches] == [(4, 8, 8), (4, 8, 8), (2, 8, 8)]
    assert [batch["number"].to_list() for batch in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert batches[1]["image"][:, 0, 0].tolist() == [4, 5, 6, 7]
    assert batches[1]["number"].name == "number"


def test_nothing_is_computed_before_its_batch_is_asked_for():
    t = table(100)
    batches = iter_batches(t, "image", batch_size=10)
    assert t.counters.images_decoded == 0
    next(batches)
    assert t.counters.images_decoded == 10
    next(batches)
    assert t.counters.images_decoded == 20


def test_a_waiting_filter_is_evaluated_for_as_many_rows_as_the_batches_need():
    t = table(1000).with_columns(twice=ex.defer(lambda number: 2 * number, returns=int))
    t = t.filter(pl.col("twice") % 4 == 0)
    batches = iter_batches(t, "twice", batch_size=8)
    assert next(batches)["twice"].to_list() == list(range(0, 32, 4))
    assert t.counters.rows_inferred == 16
    rest = [value for batch in batches for value in batch["twice"]]
    assert rest == list(range(32, 2000, 4))
    again = [value for batch in iter_batches(t, "twice", batch_size=7) for value in batch["twice"]]
    assert again == list(range(0, 2000, 4))
    assert t.counters.rows_inferred == 1000


def test_a_batched_function_gets_no_more_rows_than_it_was_defined_for():
    recorder = Recorder()
    spec = ex.defer(recorder, "image", batched=True, batch_size=4, returns=int)
    t = table(10).with_columns(shade=spec)
    t = t.with_columns(more=ex.defer(lambda shade: shade + 1, returns=int))
    got = [batch["more"].to_list() for batch in iter_batches(t, ["more"], batch_size=6)]
    assert got == [[1, 2, 3, 4, 5, 6], [7, 8, 9, 10]]
    assert recorder.batches == [4, 2, 4]


def test_columns_of_one_function_share_its_call_and_other_kinds_of_values_stack_where_they_can():
    calls = []
    spec = ex.defer(
        lambda number: calls.append(number) or {"a": number / 2, "b": np.full((2, 2), number)},
        "number",
        returns={"a": pl.Unknown, "b": pl.Unknown},
    )
    t = table(3).with_columns(spec, sized=ex.defer(lambda number: np.zeros((number + 1, 2)), "number"))
    first, second = iter_batches(t, ["a", "b", "sized"], batch_size=2)
    assert first["a"].to_list() == [0.0, 0.5]
    assert first["b"].shape == (2, 2, 2)
    assert [value.shape for value in first["sized"]] == [(1, 2), (2, 2)]
    assert second["b"].tolist() == [[[2, 2], [2, 2]]]
    assert calls == [0, 1, 2]


def test_images_of_several_sizes_come_as_a_list():
    t = ex.from_polars({"data": [png(1, 8), png(2, 16)]}).with_columns(image=ex.image("data"))
    (batch,) = iter_batches(t)
    assert [image.size for image in batch["image"]] == [(8, 8), (16, 16)]
    assert batch["data"].dtype == pl.Binary


def test_a_failed_row_ends_it_by_its_position_or_is_left_out_of_all_columns():
    t = table(7, broken=(4,)).with_columns(inverse=ex.defer(lambda number: 1 / (number - 5), returns=float))
    batches = iter_batches(t, ["number", "image", "inverse"], batch_size=3)
    next(batches)
    with pytest.raises(ex.ComputeError, match=r"Row 4 has no value for 'image': image: ImageError"):
        next(batches)
    got = list(iter_batches(t, ["number", "image", "inverse"], batch_size=3, on_error="skip"))
    assert [batch["number"].to_list() for batch in got] == [[0, 1, 2], [3], [6]]
    assert got[1]["image"].shape == (1, 8, 8)
    assert [len(batch["inverse"]) for batch in got] == [3, 1, 1]


def test_a_batch_of_failed_rows_only_is_left_out():
    got = list(iter_batches(table(4, broken=(0, 1)), "image", batch_size=2, on_error="skip"))
    assert [batch["image"].shape for batch in got] == [(2, 8, 8)]


def test_columns_that_make_nulls_of_failures_have_nulls():
    t = table(3).with_columns(inverse=ex.defer(lambda number: 1 // number, returns=int, on_error="null"))
    (batch,) = iter_batches(t, "inverse")
    assert batch["inverse"].to_list() == [None, 1, 0]


def test_sorted_and_repeated_rows_and_tables_without_rows():
    t = table(5)
    (batch,) = iter_batches(t.gather([3, 3, 0]), ["image", "number"])
    assert batch["image"][:, 0, 0].tolist() == batch["number"].to_list() == [3, 3, 0]
    assert list(iter_batches(t.head(0))) == []


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        (["lable"], {}, ex.ColumnNotFoundError, "Did you mean 'label'"),
        (["label"], {"batch_size": 0}, ex.ArgumentError, "batch_size=0"),
        (["label"], {"batch_size": 2.5}, ex.ArgumentError, "batch_size=2.5"),
        (["label"], {"on_error": "skipp"}, ex.ArgumentError, "Did you mean 'skip'"),
        ([5], {}, ex.ArgumentError, "named by text"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_the_first_batch(arguments, options, error, words):
    with pytest.raises(error, match=words):
        iter_batches(table(3), arguments, **options)
