"""Functions as people write them: values of changing types, failures, threads, interruptions."""

from __future__ import annotations

import threading

import numpy as np
import PIL.Image
import polars as pl
import pytest

import explorer as ex
from tests.digits_like import table


def numbers(n, function, **options):
    return ex.from_polars({"a": range(n)}).with_columns(x=ex.defer(function, "a", **options))


def test_an_undeclared_column_widens_when_later_values_need_it():
    t = numbers(70, lambda a: None if a < 3 else 0 if a < 66 else a / 100)
    assert t.to_polars("x")["x"].to_list()[-2:] == [0.68, 0.69]
    assert t.schema["x"] == pl.Float64


def test_a_batch_of_nothing_tells_no_dtype():
    t = numbers(70, lambda a: None if a < 64 else "late")
    assert t.to_polars("x")["x"].to_list() == [None] * 64 + ["late"] * 6


def test_values_of_types_that_do_not_go_together_name_the_function():
    def mixed(a):
        return 1 if a < 72 else "text"

    t = numbers(100, mixed)
    with pytest.raises(ex.OutputError, match="mixed returned String values after Int64 ones") as caught:
        t.to_polars("x")
    assert "in rows 72 to 99; what was computed before is kept" in caught.value.message
    assert t.counters.rows_inferred == 72


def test_one_value_of_the_wrong_type_costs_its_own_row():
    t = numbers(10, lambda a: "bad" if a == 4 else a / 2, returns=float)
    with pytest.warns(ex.ExplorerWarning, match="1 of 10 rows failed"):
        values = t.to_polars("x")["x"].to_list()
    assert values[4] is None
    assert values[9] == 4.5
    assert t.errors()["row"].to_list() == [4]


def test_no_number_is_cut_silently():
    with pytest.raises(ex.OutputError, match="does not fit the declared Int64"):
        numbers(4, lambda a: a + 0.7, returns=int).to_polars("x")


def test_a_row_that_failed_is_null_in_expressions_as_in_frames():
    t = numbers(3, lambda a: 1 // (a - 1), returns=int)
    with pytest.warns(ex.ExplorerWarning):
        t.compute()
    assert t.filter(pl.col("x").is_null()).to_polars("a")["a"].to_list() == [1]
    assert t.with_columns(y=pl.col("x").fill_null(7)).to_polars("y")["y"].to_list() == [-1, 7, 1]


def test_a_failure_is_announced_once_and_can_be_tried_again():
    down = [True]

    def fetch(a):
        if down[0] and a == 1:
            raise ConnectionError("unreachable")
        return a

    t = numbers(3, fetch, returns=int)
    with pytest.warns(ex.ExplorerWarning) as caught:
        t.compute()
    assert caught[0].filename == __file__
    t.to_polars("x")
    down[0] = False
    assert t.compute("x", retry=True).to_polars("x")["x"].to_list() == [0, 1, 2]
    assert t.errors().height == 0


def test_several_threads_that_want_the_same_rows_compute_each_once():
    calls = []
    t = numbers(60, lambda a: calls.append(a) or a, returns=int)
    threads = [threading.Thread(target=lambda: t.filter(pl.col("x") > 1).height) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(calls) == list(range(60))
    assert t.counters.rows_inferred == 60


def test_interrupting_a_slow_function_keeps_every_row_that_it_has_done():
    calls = []

    def slow(a):
        if len(calls) == 10:
            calls.append(None)
            raise KeyboardInterrupt
        calls.append(a)
        return a

    t = numbers(30, slow, returns=int)
    with pytest.raises(KeyboardInterrupt):
        t.compute("x")
    assert t.counters.rows_inferred == 10
    t.compute("x")
    assert [a for a in calls if a is not None] == list(range(30))


def test_a_function_in_threads_may_look_at_other_images():
    reference = table(4)
    t = numbers(16, lambda a: reference["image"][a % 4]().size[0], returns=int, workers=4)
    assert t.to_polars("x")["x"].to_list() == [8] * 16


def test_a_function_that_reads_its_own_column_is_told_so():
    box = []
    t = numbers(3, lambda a: box[0]["x"][0](), returns=int, batched=False)
    box.append(t)
    with pytest.warns(ex.ExplorerWarning, match="reads the column that it computes itself"):
        t.compute()


def test_vectors_reach_functions_as_arrays_whether_stored_or_deferred():
    t = ex.from_polars({"v": [[1.0, 2.0], [3.0, 4.0]]})
    t = t.with_columns(w=ex.defer(lambda v: v * 2, returns=pl.List(pl.Float64)))
    t = t.with_columns(s=ex.defer(lambda v, w: float((v + w).sum()), returns=float))
    assert t.to_polars("s")["s"].to_list() == [9.0, 21.0]


def test_a_filter_on_a_column_that_is_known_takes_one_step():
    calls = []

    def batch(a):
        calls.append(len(a))
        return a

    t = numbers(1000, batch, returns=int, batched=True, batch_size=10)
    t.compute()
    expression = t.with_columns(y=pl.col("x") + 1)
    assert expression.filter(pl.col("y") > 500).height == 500
    assert len(calls) == 100


def test_a_function_that_returns_no_image_is_a_tile_with_its_reason():
    t = ex.from_polars({"a": [1]}).with_columns(x=ex.defer(lambda a: None, returns=ex.Image))
    assert "returned no image" in t._repr_html_()


@pytest.mark.parametrize(
    "function",
    [pytest.param(lambda a: (yield a), id="generator")],
)
def test_functions_whose_answers_are_no_values_are_refused(function):
    with pytest.raises(ex.ArgumentError, match="coroutine or a generator"):
        ex.defer(function, "a")


def test_parameters_with_defaults_are_no_columns():
    assert ex.defer(lambda a, power=2: a**power).inputs == ("a",)


def test_arrays_of_several_lengths_and_none_fit_a_list():
    t = numbers(4, lambda a: None if a == 2 else np.ones(a), returns=pl.List(pl.Float32))
    assert t.to_polars("x")["x"].list.len().to_list() == [0, 1, None, 3]


def test_failures_of_other_rows_are_announced_too():
    t = numbers(200, lambda a: 1 // (a % 50), returns=int)
    for start in (0, 100):
        with pytest.warns(ex.ExplorerWarning, match="2 of 100 rows failed"):
            t.slice(start, 100).compute("x")


class Opened:
    def __init__(self):
        self.opened = 0

    def open(self):
        self.opened += 1

    def __call__(self, a):
        return a


@pytest.mark.parametrize("batched", [True, False])
def test_open_is_called_once_also_for_repeated_rows(batched):
    function = Opened()
    t = numbers(4, function, returns=int, batched=batched)
    t.gather([0, 0, 1]).to_polars("x")
    t.to_polars("x")
    assert function.opened == 1


def test_objects_that_were_let_go_are_made_again_without_growing_what_is_kept():
    def both(a):
        return {"n": a, "big": np.zeros(8)}

    t = ex.from_polars({"a": range(5)})
    t = t.with_columns(ex.defer(both, "a", returns={"n": pl.Int64, "big": pl.Object}))
    t.compute()
    engine = t._origin.engine
    for _ in range(3):
        engine.objects.clear()
        assert t["big"]().shape == (5, 8)
    node = t._binding.deferred["n"].node
    assert node.results._core.values.height == 5


def test_a_cell_after_a_filter_that_waits_computes_one_batch():
    t = numbers(400, lambda a: a, returns=int)
    assert t.filter(pl.col("x") % 2 == 1)["a"][0]() == 1
    assert t.counters.rows_inferred <= 64


@pytest.mark.parametrize(
    ("other", "hint"),
    [(lambda: PIL.Image.new("L", (2, 2)), "ex.Image"), (lambda: np.zeros((2, 2)), "pl.Object")],
)
def test_values_that_no_frame_holds_do_not_take_the_place_of_those_that_it_holds(other, hint):
    def changes(n):
        return [int(value) if value < 4 else other() for value in n]

    t = ex.from_polars({"n": list(range(8))})
    t = t.with_columns(d=ex.defer(changes, "n", batched=True, batch_size=4))
    with pytest.raises(ex.OutputError, match=r"values after Int64 ones\. That was in rows 4 to 7") as caught:
        t.compute()
    assert f"returns={hint}" in str(caught.value)
    assert t.head(4).to_polars("d")["d"].to_list() == [0, 1, 2, 3]


@pytest.mark.parametrize("rows", [1, 5])
def test_a_function_that_writes_into_its_batch_changes_nothing_that_is_kept(rows):
    def doubled(batch):
        return batch * 2

    def spoilt(batch):
        answer = batch.sum(axis=tuple(range(1, batch.ndim)))
        batch[:] = 0
        return answer

    stored = np.arange(1, 4 * rows + 1, dtype=np.uint8).reshape(rows, 2, 2)
    t = ex.from_polars(pl.DataFrame({"pixels": stored})).with_columns(
        image=ex.image("pixels", mode="L"),
        doubled=ex.defer(doubled, "pixels", batched=True, batch_size=2, returns=pl.Object),
    )
    t = t.with_columns(
        **{
            name: ex.defer(spoilt, source, batched=True, batch_size=2, returns=int)
            for name, source in {"a": "pixels", "b": "image", "c": "doubled"}.items()
        }
    )
    sums = stored.sum(axis=(1, 2))
    assert t.to_polars("a", "b", "c").rows() == [(s, s, 2 * s) for s in sums.tolist()]
    assert t["pixels"]().to_numpy().tolist() == stored.tolist()
    assert t["image"]().tolist() == stored.tolist()
    assert t["doubled"]().tolist() == (stored * 2).tolist()
    assert (t.counters.images_decoded, t.counters.rows_inferred) == (rows, 4 * rows)


def test_pixel_images_made_together_are_counted_and_a_bad_row_costs_itself():
    pixels = [[7] * 4, [300] * 4, None, [1] * 3, [9] * 4]
    t = ex.from_polars({"pixels": pixels}).with_columns(image=ex.image("pixels", shape=(2, 2), mode="L"))
    t = t.with_columns(
        shade=ex.defer(lambda images: images.max(axis=(1, 2)), "image", batched=True, returns=int)
    )
    with pytest.warns(ex.ExplorerWarning, match="3 of 5 rows failed"):
        assert t.to_polars("shade")["shade"].to_list() == [7, None, None, None, 9]
    reasons = t.errors().filter(pl.col("column") == "image")["message"].to_list()
    assert [reason.split(":")[0] for reason in reasons] == [
        "whole numbers from 300 to 300",
        "no pixel values",
        "3 pixel values were given, but shape (2, 2) needs 4",
    ]
    good = t.gather([0, 4])
    assert good["image"]().tolist() == [[[7, 7], [7, 7]], [[9, 9], [9, 9]]]
    assert t.counters.images_decoded == 2


def test_several_columns_may_be_named_without_their_dtypes():
    def measured(image):
        return {"ink": image.sum(axis=(1, 2)), "row": image[:, 0].astype(np.float32)}

    t = ex.samples.digits().head(10)
    t = t.with_columns(ex.defer(measured, "image", batched=True, batch_size=4, returns=["ink", "row"]))
    assert t.schema["ink"] == pl.Unknown
    assert t.counters.rows_inferred == 0
    assert t.to_polars("ink", "row").schema == {"ink": pl.UInt64, "row": pl.Array(pl.Float32, 8)}
    assert t.counters.rows_inferred == 10


@pytest.mark.parametrize("returns", [[], ["ink", ""], ("ink", 3)])
def test_columns_without_a_name_are_refused(returns):
    with pytest.raises(ex.ArgumentError, match="does not name its columns") as caught:
        ex.defer(len, "image", returns=returns)
    assert 'returns=["pred", "confidence"]' in caught.value.hint
