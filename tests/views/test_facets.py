from __future__ import annotations

import itertools
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from explorer.views.drawn import DrawnColumns
from explorer.views.facets import bins, categories, kind_of

numbers = st.lists(st.floats(allow_nan=True, allow_infinity=True) | st.none(), min_size=1)


@given(numbers)
@example([-1e308, 1e308])
@example([1e20, 1e20])
@example([5e-324, -5e-324])
@example([0.0, 1e-13])
@example([0.1, 0.2, 0.30000000000000004])
def test_bins_ascend_and_hold_every_finite_number(values):
    series = pl.Series(values, dtype=pl.Float64)
    facet = bins(series)
    assert all(low < high for low, high in itertools.pairwise(facet.edges))
    known = np.ones(len(values), dtype=bool)
    codes = facet.codes(series, known, ~known)
    for value, code in zip(values, codes.tolist(), strict=True):
        if value is None or not math.isfinite(value):
            assert code == 253
        else:
            last = code == len(facet.edges) - 2
            assert facet.edges[code] <= value
            assert value <= facet.edges[code + 1] if last else value < facet.edges[code + 1]


@given(st.lists(st.integers(-(2**53), 2**53), min_size=1))
def test_bins_of_integers_hold_every_integer(values):
    series = pl.Series(values)
    known = np.ones(len(values), dtype=bool)
    assert set(bins(series).codes(series, known, ~known)) <= set(range(len(bins(series).edges) - 1))


def test_edges_are_round_numbers():
    assert bins(pl.Series([0, 3, 299])).edges[:3] == (0.0, 10.0, 20.0)
    assert bins(pl.Series([-1.25, 2.0])).edges[:3] == (-1.4, -1.2, -1.0)
    assert bins(pl.Series([0.11, 0.93])).edges == tuple(i / 20 for i in range(21))


def test_codes_tell_null_error_and_not_computed_apart():
    series = pl.Series(["b", None, "a", None, None])
    known = np.array([True, True, True, True, False])
    failed = np.array([False, False, False, True, False])
    facet = categories(series, known & ~failed)
    assert facet.labels == ("a", "b", None)
    assert facet.codes(series, known, failed).tolist() == [1, 2, 0, 254, 255]


def test_many_categories_take_two_bytes():
    series = pl.Series([f"{i:04}" for i in range(300)])
    known = np.ones(300, dtype=bool)
    codes = categories(series, known).codes(series, known, ~known)
    assert codes.dtype == np.uint16
    assert codes.tolist() == list(range(300))


@pytest.mark.parametrize(
    ("dtype", "distinct", "kind"),
    [
        (pl.Int64, 10, "category"),
        (pl.Int64, 1000, "number"),
        (pl.Float32, None, "number"),
        (pl.String, 10, "category"),
        (pl.String, 10**6, "text"),
        (pl.Categorical, 70_000, "text"),
        (pl.Boolean, None, "boolean"),
        (pl.List(pl.Float32), None, "vector"),
        (pl.Date, None, "other"),
        (pl.Struct({"a": pl.Int64}), None, "other"),
    ],
)
def test_a_column_is_drawn_by_its_dtype_and_how_many_values_it_has(dtype, distinct, kind):
    assert kind_of(dtype, distinct) == kind


class Growing:
    """Columns of which another thread computes one more row each time that somebody asks."""

    def __init__(self, height):
        self.height = height
        self.count = 0

    def known(self, name, rows=None):
        self.count = min(self.count + 1, self.height)
        known = np.arange(self.height) < self.count
        return known if rows is None else known[rows]

    def failed(self, name, rows=None):
        return np.zeros(self.height if rows is None else len(rows), dtype=bool)

    def series(self, name, rows=None):
        values = pl.Series(range(self.height)) % 3
        return values if rows is None else values.gather(rows)

    def facet(self, name):
        return categories(self.series(name), self.known(name))


def test_no_row_is_lost_that_becomes_known_while_others_are_sent():
    columns = Growing(30)
    drawn = DrawnColumns(columns)
    page = np.full(30, 255, dtype=np.uint8)

    def receive(messages):
        for content, buffers in messages:
            if content["sparse"]:
                page[np.frombuffer(buffers[0], "<u4")] = np.frombuffer(buffers[1], np.uint8)
            else:
                page[:] = np.frombuffer(buffers[0], np.uint8)

    receive(drawn.all("x", "facet"))
    for _ in range(40):
        receive(drawn.news("x"))
    assert page.tolist() == [i % 3 for i in range(30)]
