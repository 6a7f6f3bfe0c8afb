"""Frames in memory become tables; other things are told how."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from PIL import Image

from explorer._errors import ArgumentError, SourceError
from explorer.sources.frames import from_polars
from explorer.table.image_column import image


def test_frames_lazy_frames_and_dicts_give_the_same():
    columns = {"a": [1, 2], "b": ["x", None]}
    for given in (
        pl.DataFrame(columns),
        pl.LazyFrame(columns),
        columns,
        {"a": pl.Series([1, 2]), "b": ["x", None]},
    ):
        assert from_polars(given).to_polars().equals(pl.DataFrame(columns))


def test_the_frame_is_left_as_it_is():
    frame = pl.DataFrame({"a": [1, 2]})
    from_polars(frame).filter(pl.col("a") > 1)
    assert frame.columns == ["a"]


def test_base_dir_is_where_paths_begin(tmp_path):
    Image.new("RGB", (3, 2)).save(tmp_path / "a.png")
    table = from_polars({"path": ["a.png"]}, base_dir=tmp_path).with_columns(img=image("path"))
    assert table["img"][0]().size == (3, 2)
    with pytest.raises(SourceError, match="does not exist"):
        from_polars({"path": ["a.png"]}, base_dir=tmp_path / "missing")


def test_other_things_are_refused_with_what_they_were():
    with pytest.raises(ArgumentError, match="not list"):
        from_polars([1, 2])
    with pytest.raises(ArgumentError, match="not Series"):
        from_polars(pl.Series([1]))
    with pytest.raises(ArgumentError, match=r"not numpy\.ndarray") as caught:
        from_polars(np.zeros((2, 2)))
    assert caught.value.hint == "Convert it first: ex.from_polars(pl.from_numpy(…))"
    with pytest.raises(ArgumentError, match="do not make a frame"):
        from_polars({"a": [1, 2], "b": [1, 2, 3]})
