"""How often predictions are right, with the unknown left out and counted."""

from __future__ import annotations

import math

import polars as pl
import pytest

from explorer._errors import ArgumentError
from explorer.analysis.metrics import accuracy, accuracy_by, confusion

LABEL = pl.Series("label", ["a", "a", "a", "b", "b", None, "c"])
PRED = pl.Series("pred", ["a", "b", None, "b", "b", "a", None])


def test_accuracy_leaves_nulls_out():
    assert accuracy(PRED, LABEL) == 0.75
    assert accuracy(PRED, PRED) == 1.0


def test_accuracy_of_nothing_is_nan():
    assert math.isnan(accuracy(pl.Series([None], dtype=pl.String), pl.Series(["a"])))
    assert math.isnan(accuracy(pl.Series([], dtype=pl.String), pl.Series([], dtype=pl.String)))


def test_accuracy_by_label_counts_what_it_leaves_out():
    frame = accuracy_by(LABEL, PRED)
    assert frame.columns == ["label", "count", "correct", "accuracy", "nulls"]
    assert frame.rows() == [
        ("a", 2, 1, 0.5, 1),
        ("b", 2, 2, 1.0, 0),
        ("c", 0, 0, None, 1),
        (None, 0, 0, None, 1),
    ]
    assert frame["count"].sum() + frame["nulls"].sum() == len(LABEL)
    assert frame["count"].dtype == frame["correct"].dtype == frame["nulls"].dtype == pl.UInt32


def test_confusion_counts_every_pair_that_occurs():
    frame = confusion(LABEL, PRED)
    assert frame.columns == ["label", "pred", "count"]
    assert frame["count"].sum() == len(LABEL)
    assert frame.rows() == [
        ("a", "a", 1),
        ("a", "b", 1),
        ("a", None, 1),
        ("b", "b", 2),
        ("c", None, 1),
        (None, "a", 1),
    ]


def test_whole_numbers_and_names_of_series_do_not_matter():
    frame = confusion(pl.Series("x", [1, 2, 2], dtype=pl.UInt8), pl.Series("x", [1, 2, 1], dtype=pl.Int64))
    assert frame["count"].to_list() == [1, 1, 1]


def test_enumerations_compare_with_text():
    label = pl.Series(["cat", "dog"], dtype=pl.Enum(["cat", "dog"]))
    assert accuracy(pl.Series(["cat", "cat"]), label) == 0.5


@pytest.mark.parametrize("measure", [accuracy, accuracy_by, confusion])
def test_numbers_against_text_are_refused_with_a_hint(measure):
    with pytest.raises(ArgumentError, match=r"cannot be compared(.|\n)*labels=") as caught:
        measure(pl.Series(["1", "2"]), pl.Series([1, 2]))
    assert isinstance(caught.value.__cause__, pl.exceptions.PolarsError)


@pytest.mark.parametrize("measure", [accuracy, accuracy_by, confusion])
def test_different_lengths_are_refused(measure):
    with pytest.raises(ArgumentError, match="as many are expected"):
        measure(pl.Series(["a"]), pl.Series(["a", "b"]))
