from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from explorer.compute.results import Failure, Results

BAD = Failure("ValueError", "no", "f")


def ids(*values):
    return np.array(values, dtype=np.uint32)


def test_rows_are_known_once_they_are_stored_and_null_before():
    results = Results({"x": pl.Int64})
    results.store(ids(3, 1), {"x": pl.Series([30, 10])}, {7: BAD})
    assert results.known(ids(0, 1, 3, 7, 900)).tolist() == [False, True, True, True, False]
    assert results.series("x", ids(3, 0, 1, 7)).to_list() == [30, None, 10, None]
    assert results.failures(ids(1, 7)) == {7: BAD}


def test_storing_says_how_many_rows_are_new_and_how_many_of_them_failed():
    results = Results({"x": pl.Int64})
    assert results.store(ids(0, 1), {"x": pl.Series([1, 2])}, {2: BAD}) == (3, 1)
    assert results.store(ids(1), {"x": pl.Series([2])}, {}) == (0, 0)


def test_an_undeclared_dtype_is_that_of_the_first_values():
    results = Results({"x": pl.Unknown})
    results.store(ids(0), {"x": pl.Series([1.5])}, {})
    assert results.dtypes["x"] == pl.Float64


def test_rows_with_new_ids_keep_what_is_known():
    results = Results({"x": pl.Int64})
    results.store(ids(0, 2), {"x": pl.Series([10, 30])}, {1: BAD})
    moved = results.rekeyed(np.array([2, 2, 1, -1, 5]))
    assert moved.series("x", ids(0, 1, 2, 3, 4)).to_list() == [30, 30, None, None, None]
    assert moved.known(ids(0, 1, 2, 3, 4)).tolist() == [True, True, True, False, False]
    assert moved.failures(ids(2)) == {2: BAD}


def test_what_a_copy_for_new_ids_learns_the_original_knows_and_the_other_way_round():
    results = Results({"x": pl.Int64})
    moved = results.rekeyed(np.array([1, 1, 0]))
    results.store(ids(0), {"x": pl.Series([10])}, {})
    moved.store(ids(1), {"x": pl.Series([20])}, {})
    assert results.series("x", ids(0, 1)).to_list() == [10, 20]
    assert moved.series("x", ids(0, 1, 2)).to_list() == [20, 20, 10]
    assert moved.shared(ids(0, 1, 2)).tolist() == [1, 1, 0]


def test_rows_that_were_in_no_table_before_have_answers_of_their_own():
    results = Results({"x": pl.Int64})
    moved = results.rekeyed(np.array([-1, 0, -1]))
    moved.store(ids(0, 1), {"x": pl.Series([1, 2])}, {2: BAD})
    again = moved.rekeyed(np.array([2, 0, -1]))
    assert again.failures(ids(0, 1, 2)) == {0: BAD}
    assert again.series("x", ids(0, 1, 2)).to_list() == [None, 1, None]
    again.forget_failures(ids(0))
    assert not moved.known(ids(2)).any()
    assert results.series("x", ids(0)).to_list() == [2]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(), st.booleans()), max_size=30))
def test_it_remembers_the_last_word_on_each_row(events):
    results, truth = Results({"x": pl.Int64}), {}
    for row, value, fails in events:
        value = value % 2**31  # noqa: PLW2901
        if fails:
            results.store(ids(), {"x": pl.Series([], dtype=pl.Int64)}, {row: BAD})
        else:
            results.store(ids(row), {"x": pl.Series([value])}, {})
        truth[row] = None if fails else value
    rows = np.arange(45, dtype=np.uint32)
    assert results.known(rows).tolist() == [row in truth for row in range(45)]
    assert results.series("x", rows).to_list() == [truth.get(row) for row in range(45)]
    assert set(results.failures(rows)) == {row for row, value in truth.items() if value is None}
