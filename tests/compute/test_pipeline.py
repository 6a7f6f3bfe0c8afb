"""Many rows through several functions: batches as asked, values held no longer than needed, dtypes told."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import polars as pl
import pytest

import explorer as ex
from explorer.compute import bulk
from explorer.compute.counters import Counters
from explorer.compute.engines.local import LocalEngine
from explorer.table import inside
from tests.digits_like import table


class Sizes(list):
    """A batched function that passes on what it gets, and notes how much that was."""

    def __init__(self, then=lambda values: values):
        self.then = then

    def __call__(self, *values):
        self.append(len(values[0]))
        return self.then(values[0])


class Lines(list):
    """Where progress is drawn, for a test to read."""

    def draw(self, text, share):
        pass

    def finish(self, text):
        self.append(text)


@pytest.mark.parametrize(("first", "second"), [(64, 10), (10, 64), (7, 7), (100, 3)])
def test_each_function_of_a_chain_gets_batches_of_its_own_size(first, second):
    a, b = Sizes(), Sizes()
    t = ex.from_polars({"n": range(200)}).with_columns(
        a=ex.defer(a, "n", batched=True, batch_size=first, returns=int),
        b=ex.defer(b, "a", batched=True, batch_size=second, returns=int),
    )
    assert t.to_polars("b")["b"].to_list() == list(range(200))
    for sizes, size in ((a, first), (b, second)):
        assert sizes == [size] * (200 // size) + ([200 % size] if 200 % size else [])


def test_rows_that_are_known_leave_no_gaps_in_batches():
    a = Sizes()
    t = ex.from_polars({"n": range(100)}).with_columns(
        a=ex.defer(a, "n", batched=True, batch_size=20, returns=int)
    )
    t.filter(pl.col("n") % 5 == 0).compute()
    t.compute()
    assert a == [20, 20, 20, 20, 20]


def test_objects_of_other_batches_are_made_once_even_if_no_cache_holds_them():
    a, b = Sizes(lambda n: [np.full(1000, each) for each in n]), Sizes(lambda v: np.asarray(v)[:, 0])
    t = ex.from_polars({"n": range(100)}).with_columns(
        a=ex.defer(a, "n", batched=True, batch_size=30, returns=pl.Object),
        b=ex.defer(b, "a", batched=True, batch_size=8, returns=int),
    )
    compute(t, "b", LocalEngine(object_bytes=0))
    assert sum(a) == sum(b) == 100
    assert set(b[:-1]) == {8}


def compute(t, name, engine, **options):
    node = inside.ref(t, name).node
    bulk.compute([node], inside.rows(t), engine, Counters(), **options)


class Tensor:
    """What stands for something large, and can be watched."""

    def __init__(self, n):
        self.n = n
        self.nbytes = 10**9


def test_no_more_than_a_few_batches_of_large_values_are_alive():
    alive, most = weakref.WeakSet(), []

    def make(n):
        tensor = Tensor(n)
        alive.add(tensor)
        return tensor

    def read(tensors):
        most.append(len(alive))
        return [tensor.n for tensor in tensors]

    t = ex.from_polars({"n": range(1000)}).with_columns(
        big=ex.defer(make, "n", returns=pl.Object),
        again=ex.defer(list, "big", batched=True, batch_size=16, returns=pl.Object),
        out=ex.defer(read, "again", batched=True, batch_size=25, returns=int),
    )
    compute(t, "out", LocalEngine())
    gc.collect()
    assert t.to_polars("out")["out"].to_list() == list(range(1000))
    assert len(most) == 40
    assert max(most) <= 3 * (16 + 25)
    assert len(alive) == 0


def test_images_of_the_next_batch_are_decoded_while_a_batch_is_computed():
    t = table(40)
    started, pause = [], threading.Event()

    def waits(images):
        # The decoding thread needs no help from this one.
        for _ in range(1000):
            decoded = t.counters.decode_calls
            if decoded >= min(len(started) * 8 + 16, 40):
                break
            pause.wait(0.01)
        started.append(decoded)
        return np.asarray(images)[:, 0, 0].astype(int)

    t = t.with_columns(shade=ex.defer(waits, "image", batched=True, batch_size=8, returns=int))
    assert t.to_polars("shade")["shade"].to_list() == list(range(40))
    assert started[0] >= 16
    assert t.counters.decode_calls == 40


def test_a_function_without_a_dtype_has_it_told_by_a_few_rows_which_are_not_computed_again():
    calls, lines = [], Lines()
    t = ex.from_polars({"n": range(100)}).with_columns(half=ex.defer(lambda n: calls.append(n) or n / 2))
    compute(t, "half", LocalEngine(), sink=lines)
    assert lines == ["<lambda>: no returns= given; its first rows (at most 8) say Float64"]
    assert calls == list(range(100))


def test_what_is_declared_or_annotated_is_not_announced():
    def half(n) -> float:
        return n / 2

    lines = Lines()
    t = ex.from_polars({"n": range(100)}).with_columns(half=ex.defer(half))
    compute(t, "half", LocalEngine(), sink=lines)
    assert lines == []


def test_the_probe_of_a_batched_function_is_a_whole_batch():
    a, lines = Sizes(), Lines()
    t = ex.from_polars({"n": range(50)}).with_columns(a=ex.defer(a, "n", batched=True, batch_size=20))
    compute(t, "a", LocalEngine(), sink=lines)
    assert a == [20, 20, 10]
    assert lines == ["Sizes: no returns= given; its first rows (at most 20) say Int64"]


def test_several_columns_without_dtypes_are_told_in_one_line():
    def measured(n):
        return {"half": n / 2, "name": [str(each) for each in n]}

    lines = Lines()
    t = ex.from_polars({"n": range(50)})
    t = t.with_columns(ex.defer(measured, batched=True, batch_size=20, returns=["half", "name"]))
    compute(t, "half", LocalEngine(), sink=lines)
    assert lines == ["measured: no dtypes given; its first rows (at most 20) say half Float64, name String"]


@pytest.mark.parametrize(
    ("second", "expected"), [(lambda n: n / 2, pl.Float64), (lambda n: n * 10**10, pl.Int64)]
)
def test_a_batched_function_may_widen_what_it_returns(second, expected):
    def function(n):
        return n if n[0] == 0 else second(n)

    t = ex.from_polars({"n": range(30)}).with_columns(x=ex.defer(function, "n", batched=True, batch_size=10))
    assert t.compute().schema["x"] == expected


def test_a_batched_function_that_returns_another_type_names_both_and_the_rows_and_keeps_what_was_done():
    t = ex.from_polars({"n": range(30)}).with_columns(
        x=ex.defer(lambda n: n if n[0] == 0 else ["a"] * len(n), "n", batched=True, batch_size=10, name="f")
    )
    with pytest.raises(ex.OutputError, match="f returned String values after Int64 ones") as caught:
        t.compute()
    assert "rows 10 to 19; what was computed before is kept" in caught.value.message
    assert t.counters.rows_inferred == 10


def test_rows_that_come_twice_are_computed_once_before_and_after():
    calls = []
    t = ex.from_polars({"n": range(4)}).with_columns(x=ex.defer(lambda n: calls.append(n) or n, returns=int))
    twice = t.gather([2, 2, 0, 2])
    assert twice.to_polars("x")["x"].to_list() == [2, 2, 0, 2]
    assert calls == [2, 0]
    assert t.to_polars("x")["x"].to_list() == [0, 1, 2, 3]
    assert sorted(calls) == [0, 1, 2, 3]
    t.join(pl.DataFrame({"n": [1, 1, 3]}), on="n").to_polars("x")
    assert len(calls) == 4


def test_images_that_come_twice_are_decoded_once():
    t = table(4)
    assert t.gather([1, 1, 1])["image"]().shape == (3, 8, 8)
    assert t.counters.decode_calls == 1


def test_an_error_of_a_row_that_comes_twice_is_listed_for_both():
    t = (
        ex.from_polars({"n": [0, 1]})
        .with_columns(x=ex.defer(lambda n: 1 // n, returns=int))
        .gather([0, 1, 0])
    )
    with pytest.warns(ex.ExplorerWarning, match="2 of 3 rows failed"):
        t.compute()
    assert t.errors()["row"].to_list() == [0, 2]


def test_hundreds_of_expressions_may_stand_on_one_another():
    t = ex.from_polars({"n": [1, 2]}).with_columns(x=ex.defer(lambda n: n, returns=int))
    for _ in range(500):
        t = t.with_columns(x=pl.col("x") + 1)
    assert t["x"][1]() == 502
    assert t.filter(pl.col("x") > 501).to_polars("x")["x"].to_list() == [502]
    assert t.to_polars("x")["x"].to_list() == [501, 502]
    assert t.counters.rows_inferred == 2


def test_a_tall_pile_computes_only_the_rows_that_are_wanted():
    calls = []
    t = ex.from_polars({"n": range(100)}).with_columns(
        x=ex.defer(lambda n: calls.append(n) or n, returns=int)
    )
    for _ in range(100):
        t = t.with_columns(x=pl.col("x") + 1)
    assert t["x"][7]() == 107
    assert calls == [7]
