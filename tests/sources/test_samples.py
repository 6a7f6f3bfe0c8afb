"""The embedded data sets."""

from __future__ import annotations

import polars as pl
import pytest

from explorer._errors import ArgumentError
from explorer.sources import samples


def test_digits_have_images_labels_and_two_even_halves():
    table = samples.digits()
    assert table.columns == ["image", "label", "split"]
    assert table.height == 1797
    frame = table.to_polars("label", "split")
    assert frame.schema == {"label": pl.Int64, "split": pl.String}
    assert dict(frame.group_by("split").len().rows()) == {"train": 898, "test": 899}
    side = pl.when(pl.col("split") == "train").then(1).otherwise(-1)
    assert frame.group_by("label").agg(more=side.sum().abs())["more"].max() <= 1
    assert sorted(frame["label"].unique()) == list(range(10))


def test_a_digit_is_decoded_when_looked_at():
    table = samples.digits()
    assert table.counters.images_decoded == 0
    digit = table["image"][0]()
    assert (digit.mode, digit.size) == ("L", (8, 8))
    assert digit.getextrema() == (0, 239)
    assert table["image"][:3]().shape[:3] == (3, 8, 8)


def test_sets_are_known_by_name():
    assert samples.get("digits").height == 1797
    with pytest.raises(ArgumentError, match="Did you mean 'digits'"):
        samples.get("digit")
