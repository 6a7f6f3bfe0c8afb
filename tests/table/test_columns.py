from __future__ import annotations

import numpy as np
import PIL.Image
import polars as pl
import pytest

import explorer as ex
from tests.digits_like import png, table


def test_a_cell_says_whether_it_was_read():
    t = table(3)
    cell = t["image"][1]
    assert repr(cell) == "Cell(image[1], Image, not read)"
    assert isinstance(cell(), PIL.Image.Image)
    assert repr(cell) == "Cell(image[1], Image, known)"


@pytest.mark.parametrize(
    "rows", [slice(2, 5), [2, 3, 4], np.array([2, 3, 4]), pl.Series([2, 3, 4]), [False] * 2 + [True] * 3]
)
def test_rows_are_chosen_by_slice_list_series_or_mask(rows):
    t = table(5)
    assert t["number"][rows]().to_list() == [2, 3, 4]
    assert t["image"][rows]()[:, 0, 0].tolist() == [2, 3, 4]


def test_negative_positions_count_from_the_end():
    t = table(5)
    assert t["number"][-1]() == 4
    assert t["number"][-2:]().to_list() == [3, 4]


def test_images_of_several_sizes_come_as_a_list():
    t = ex.from_polars({"data": [png(1, 8), png(2, 16)]}).with_columns(image=ex.image("data"))
    batch = t["image"]()
    assert [image.size for image in batch] == [(8, 8), (16, 16)]


def test_a_batched_function_gets_one_stacked_batch_per_input():
    given = []

    def function(images, numbers):
        given.append((images.shape, numbers.shape))
        return numbers

    t = table(6).with_columns(
        x=ex.defer(function, "image", "number", batched=True, batch_size=4, returns=int)
    )
    assert t.to_polars("x")["x"].to_list() == list(range(6))
    assert given == [((4, 8, 8), (4,)), ((2, 8, 8), (2,))]


def test_a_column_defers_a_function_of_itself():
    t = table(3)
    t = t.with_columns(width=t["image"].defer(lambda image: image.width, returns=int))
    assert t["width"]().to_list() == [8, 8, 8]


def test_values_that_fit_no_frame_are_kept_as_objects_and_computed_once():
    calls = []
    t = table(4).with_columns(
        tensor=ex.defer(lambda image: calls.append(1) or np.zeros((3, 8, 8)), "image"),
        total=ex.defer(lambda tensor: float(tensor.sum()), returns=float),
    )
    assert t["tensor"]().shape == (4, 3, 8, 8)
    assert t.to_polars("total")["total"].to_list() == [0.0] * 4
    assert t.schema["tensor"] == pl.Object
    assert len(calls) == 4


def test_an_undeclared_dtype_becomes_known_with_the_first_values():
    t = table(2).with_columns(x=ex.defer(lambda number: number / 2))
    assert t.schema["x"] == pl.Unknown
    assert t.to_polars("x")["x"].to_list() == [0.0, 0.5]
    assert t.schema["x"] == pl.Float64


def test_paths_are_read_below_the_folder_of_the_table_and_nowhere_else(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.png").write_bytes(png(3))
    (tmp_path / "secret.png").write_bytes(png(9))
    (tmp_path / "set" / "t.csv").write_text("path\na.png\n../secret.png\n")
    t = ex.read_csv(tmp_path / "set" / "t.csv").with_columns(image=ex.image("path", mode="L"))
    assert t["image"][0]().getpixel((0, 0)) == 3
    with pytest.raises(ex.ComputeError, match="lies outside of base_dir"):
        t["image"][1]()


def test_a_link_that_leads_out_of_the_folder_is_not_followed(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "secret.png").write_bytes(png(9))
    (tmp_path / "set" / "link.png").symlink_to(tmp_path / "secret.png")
    t = ex.from_polars({"path": ["link.png"]}).with_columns(image=ex.image("path", base_dir=tmp_path / "set"))
    with pytest.raises(ex.ComputeError, match="lies outside of base_dir"):
        t["image"][0]()


def test_a_base_dir_that_does_not_exist_is_refused_when_it_is_written(tmp_path):
    (tmp_path / "images").mkdir()
    with pytest.raises(ex.SourceError, match="there is no 'imagse' in") as caught:
        ex.image("path", base_dir=tmp_path / "imagse")
    assert caught.value.hint == "Did you mean 'images'?"
