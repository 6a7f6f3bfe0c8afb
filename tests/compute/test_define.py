from __future__ import annotations

import polars as pl
import pytest

import explorer as ex


def never(*_):
    raise AssertionError("defining a column must not call its function")


def test_defining_calls_the_function_zero_times():
    t = ex.from_polars({"a": [1, 2]}).with_columns(b=ex.defer(never, "a", returns=int))
    assert t.columns == ["a", "b"]
    assert t.schema["b"] == pl.Int64


def test_inputs_are_the_parameter_names_when_none_are_given():
    assert ex.defer(lambda width, height: width * height).inputs == ("width", "height")


def test_the_dtype_is_taken_from_the_annotation():
    def area(width, height) -> float: ...

    assert ex.defer(area).returns == {"": pl.Float64}


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ex.defer(never, "a", batchd=True), ex.ArgumentError, "batched"),
        (lambda: ex.defer("a", never), ex.ArgumentError, "function comes first"),
        (lambda: ex.defer(never, 3), ex.ArgumentError, "names of columns"),
        (lambda: ex.defer(never, "a", batch_size=0), ex.ArgumentError, "no whole number from 1"),
        (lambda: ex.defer(never, "a", on_error="ignore"), ex.ArgumentError, "'keep'"),
        (lambda: ex.defer(never, "a", returns="float"), None, None),
        (lambda: ex.defer(never, "a", returns="flaot"), ex.ArgumentError, "not a dtype"),
        (lambda: ex.defer(never, "a", returns={}), ex.ArgumentError, "does not name"),
        (lambda: ex.defer(lambda *x: x), ex.DeferredError, "Name them"),
    ],
)
def test_what_cannot_be_meant_is_refused_when_it_is_written(call, error, words):
    if error is None:
        call()
        return
    with pytest.raises(error, match=words):
        call()
