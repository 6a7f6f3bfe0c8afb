from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import explorer as ex
from explorer.compute.call import call, stack, to_series
from explorer.compute.results import Failure


def spec(function, returns=pl.Int64, **options):
    return ex.defer(function, "x", returns=returns, **options)


def test_a_failing_row_is_isolated_from_its_batch():
    calls = []

    def function(x):
        calls.append(len(x))
        if 5 in x:
            raise ValueError("five")
        return x

    outcome = call(spec(function, batched=True), [list(range(8))])
    assert outcome.good == [0, 1, 2, 3, 4, 6, 7]
    assert outcome.failures[5].message == "five"
    assert calls == [8, 4, 4, 2, 1, 1, 2]


def test_a_row_whose_input_failed_is_not_passed_on():
    seen = []
    broken = Failure("ImageError", "truncated", "image")
    outcome = call(spec(lambda x: seen.append(x) or x), [[1, broken, 3]])
    assert seen == [1, 3]
    assert outcome.failures == {1: broken}
    assert outcome.skipped == 1


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x[:3], "returned 3 rows"),
        (lambda x: 1.5, "returned a single float"),
        (lambda x: np.float32(1), "returned a single float32"),
    ],
)
def test_a_batched_function_with_another_number_of_rows_is_refused_at_once(function, message):
    with pytest.raises(ex.OutputError, match=message):
        call(spec(function, batched=True), [[1, 2, 3, 4]])


def test_a_function_of_several_columns_returns_a_dict_with_all_of_them():
    several = spec(lambda x: {"a": 1}, returns={"a": pl.Int64, "b": pl.Int64})
    with pytest.raises(ex.OutputError, match="without 'b'"):
        call(several, [[1]])
    with pytest.raises(ex.OutputError, match="declared to return the columns 'a', 'b'"):
        call(spec(lambda x: 3, returns={"a": pl.Int64, "b": pl.Int64}), [[1]])


def test_on_error_raise_lets_the_error_through():
    with pytest.raises(ZeroDivisionError):
        call(spec(lambda x: 1 // x, on_error="raise"), [[0]])


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        (np.array([[1, 2], [3, 4]], dtype=np.float32), pl.List(pl.Float32), [[1, 2], [3, 4]]),
        (np.array([[1, 2], [3, 4]], dtype=np.float32), pl.Array(pl.Float32, 2), [[1, 2], [3, 4]]),
        ([np.float32(1.5), np.float32(2)], pl.Unknown, [1.5, 2.0]),
        ([1, None], pl.Float32, [1.0, None]),
        (["a", "b"], pl.String, ["a", "b"]),
        ([0, 0.5], pl.Float64, [0.0, 0.5]),
        ([[0, 0, 1.5], None, [1, 2, 3]], pl.List(pl.Float32), [[0, 0, 1.5], None, [1, 2, 3]]),
        ([np.ones(2), None], pl.List(pl.Float32), [[1, 1], None]),
    ],
)
def test_what_a_function_returns_becomes_a_series_of_the_declared_dtype(values, dtype, expected):
    assert to_series("x", values, dtype, function="f").to_list() == expected


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (np.zeros((2, 12), dtype=np.float32), pl.Array(pl.Float32, 10)),
        (["a", "b"], pl.Int64),
        ([0.7, 1.7], pl.Int64),
        (np.array([0.7, 1.7]), pl.Int64),
        ([1, "s"], pl.Unknown),
        ([[1.0], [2.0]], pl.Float32),
    ],
)
def test_values_of_another_type_or_width_are_refused_with_what_was_declared(values, dtype):
    with pytest.raises(ex.OutputError, match=r"does not fit the declared|no one dtype"):
        to_series("probs", values, dtype, function="net")


def test_values_stack_where_their_shapes_agree():
    assert stack([np.zeros((2, 3))] * 4).shape == (4, 2, 3)
    assert isinstance(stack([np.zeros(2), np.zeros(3)]), list)
    assert isinstance(stack([None, 1]), list)
    assert isinstance(stack(["a"]), list)
