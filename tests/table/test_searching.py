"""Filters on deferred columns: in which batches, and for how many rows, their functions are called."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import explorer as ex
from explorer.compute.deferred import Deferred
from explorer.compute.graph import Node
from explorer.table.searching import Stage, search


def batched(function, size, *, workers=1):
    calls = []

    def called(n):
        calls.append(len(n))
        return [function(int(value)) for value in n]

    return calls, ex.defer(called, "n", returns=int, batched=True, batch_size=size, workers=workers)


@pytest.fixture
def t():
    return ex.from_polars({"n": list(range(1_000))})


def test_each_predicate_gets_batches_of_its_own_size(t):
    odd, odd_spec = batched(lambda n: n % 2, 32)
    third, third_spec = batched(lambda n: n % 3, 50)
    t = t.with_columns(odd=odd_spec, third=third_spec)
    found = t.filter(pl.col("odd") == 1, pl.col("third") == 0)
    assert found.to_polars("n")["n"].to_list() == list(range(3, 1_000, 6))
    assert odd == [32] * 31 + [8]
    assert third == [50] * 10


def test_a_search_takes_whole_batches_beside_a_function_for_each_row(t):
    calls, spec = batched(lambda n: n % 10, 64)
    t = t.with_columns(digit=spec, half=ex.defer(lambda n: n // 2, returns=int))
    assert t.filter(pl.col("digit") != pl.col("half")).head(3).to_polars("n")["n"].to_list() == [1, 2, 3]
    assert calls == [64]


def test_a_later_predicate_is_not_called_for_more_rows_than_are_sought(t):
    first, first_spec = batched(lambda n: n % 2, 8)
    second, second_spec = batched(lambda n: n, 32)
    t = t.with_columns(a=first_spec, b=second_spec)
    found = t.filter(pl.col("a") == 1, pl.col("b") > 0).head(10)
    assert found.to_polars("n")["n"].to_list() == list(range(1, 20, 2))
    assert first == [8, 8, 8]
    assert second == [12]


def test_workers_get_a_batch_each_where_so_many_rows_must_be_looked_at(t):
    calls, spec = batched(lambda n: n, 8, workers=4)
    found = t.with_columns(a=spec).filter(pl.col("a") >= 0)
    assert found.head(20).height == 20
    assert sorted(calls) == [8, 8, 8]
    assert found.head(40).height == 40
    assert sum(calls) == 40


def test_what_is_known_is_looked_at_in_one_go(t):
    calls, spec = batched(lambda n: n % 7, 8)
    t = t.with_columns(a=spec).compute()
    calls.clear()
    assert t.filter(pl.col("a") == 6).head(2).to_polars("n")["n"].to_list() == [6, 13]
    assert calls == []


def _stage(size, workers):
    return Stage(
        [Node(Deferred(abs, (), {"": pl.Int64}, batched=True, batch_size=size, workers=workers), [])]
    )


@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(0, 120),
    limit=st.none() | st.integers(1, 20),
    batches=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 3)), min_size=1, max_size=3),
)
def test_a_search_finds_the_first_rows_and_looks_at_no_more_than_it_must(seed, height, limit, batches):
    random = np.random.default_rng(seed)
    masks = [random.random(height) < random.random() for _ in batches]
    calls = [[] for _ in batches]

    def passes(number, places):
        calls[number] += places.tolist()
        return places[masks[number][places]]

    stages = [_stage(size, workers) for size, workers in batches]
    found = search(stages, height, passes, limit=limit, looked_at=lambda _: None)
    passing = np.flatnonzero(np.logical_and.reduce(masks))
    assert found.tolist() == passing[:limit].tolist()
    end = height if limit is None or len(passing) < limit else int(passing[limit - 1]) + 1
    assert len(calls[0]) <= -(-end // batches[0][0]) * batches[0][0]
    left = np.ones(height, bool)
    for (size, _), mask, places in zip(batches, masks, calls, strict=True):
        assert places == sorted(set(places))
        assert left[places].all()
        needed = int(left[:end].sum())
        assert needed <= len(places) < needed + size
        left &= mask
