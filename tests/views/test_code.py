from __future__ import annotations

import polars as pl
import pytest

from explorer.views.code import python_of

A, B = pl.col("a b"), pl.col("it's")


@pytest.mark.parametrize(
    "expr",
    [
        A == 1,
        A != B,
        (A > 1) & (B <= 2.5) | (A == "x"),
        (A + 1) * 2 - B / 3 > -1,
        A.is_in([1, 2, 3]),
        A.is_in(["x", "it's", '"']),
        ~(A > 1),
        A.is_null() | B.is_not_null(),
        A.is_between(1, 2),
        (A == True) ^ (B == False),  # noqa: E712 - this is how people compare columns
        A // 2 % 3 == 0,
    ],
)
def test_the_text_is_the_same_expression_when_it_is_run(expr):
    text = python_of(expr)
    assert text is not None
    assert eval(text, {"pl": pl}).meta.eq(expr)  # noqa: S307 - our own text


@pytest.mark.parametrize(
    "expr",
    [A.rank() > 3, A.map_elements(abs), pl.len() > 3, A.is_between(1, 2, closed="left"), pl.lit(None) == A],
)
@pytest.mark.filterwarnings("ignore:Comparisons with None")
def test_what_cannot_be_written_is_not(expr):
    assert python_of(expr) is None
