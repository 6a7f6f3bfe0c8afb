from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

import explorer as ex
from explorer.table.conversions import to_arrow, to_pandas, to_torch_dataset
from tests.digits_like import png, table


def test_pandas_and_arrow_get_what_fits_a_frame():
    t = table(3).with_columns(twice=ex.defer(lambda number: 2 * number, returns=int))
    frame = to_pandas(t)
    assert list(frame.columns) == ["label", "number", "twice"]
    assert frame["twice"].tolist() == [0, 2, 4]
    assert to_arrow(t, "twice").to_pydict() == {"twice": [0, 2, 4]}
    with pytest.raises(ex.ArgumentError, match="Images are not values"):
        to_arrow(t, "image")


@pytest.mark.filterwarnings("ignore:.*fork.*")
@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_a_loader_with_workers_gets_the_rows_in_order_and_decodes_in_the_workers(tmp_path, start):
    for i in range(10):
        (tmp_path / f"{i}.png").write_bytes(png(i))
    frame = pl.DataFrame({"path": [f"{i}.png" for i in range(10)], "label": range(10)})
    t = ex.from_polars(frame, base_dir=tmp_path).with_columns(image=ex.image("path", mode="L"))
    rows = to_torch_dataset(t, ["image", "label", "path"], transform={"image": mean})
    loader = DataLoader(rows, batch_size=4, num_workers=2, multiprocessing_context=start)
    batches = list(loader)
    assert [batch["label"].tolist() for batch in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [batch["image"].tolist() for batch in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert batches[2]["path"] == ["8.png", "9.png"]
    assert t.counters.images_decoded == 0


def mean(image):
    assert image.mode == "L"
    return float(np.asarray(image).mean())


def test_a_column_of_images_is_a_data_set_of_tensors_of_the_rows_chosen():
    rows = to_torch_dataset(table(10)["image"][[7, 2]])
    assert isinstance(rows, Dataset)
    assert len(rows) == 2
    assert rows[0].shape == (1, 8, 8)
    assert rows[0].dtype == torch.uint8
    assert [int(rows[row][0, 0, 0]) for row in (0, 1, -1)] == [7, 2, 2]
    assert next(iter(DataLoader(rows, batch_size=2))).shape == (2, 1, 8, 8)
    with pytest.raises(IndexError, match="no row 2"):
        rows[2]
    assert to_torch_dataset(table(3)["image"], transform=mean)[2] == 2.0


def test_images_are_decoded_only_when_their_row_is_asked_for():
    rows = to_torch_dataset(table(5, broken=(3,)), ["image"])
    assert rows[2]["image"].shape == (1, 8, 8)
    with pytest.raises(ex.ComputeError, match=r"image\[3\] has no value: "):
        rows[3]


COLUMNS = {
    "int": pl.Series([1, None, 3], dtype=pl.Int8),
    "float": pl.Series([0.5, None, float("inf")]),
    "bool": pl.Series([True, None, False]),
    "text": pl.Series(["ä", None, ""]),
    "category": pl.Series(["x", None, "y"], dtype=pl.Categorical),
    "bytes": pl.Series([b"\x00", None, b""]),
    "list": pl.Series([[1.5, 2.5], None, []], dtype=pl.List(pl.Float32)),
    "array": pl.Series([[1, 2], None, [3, 4]], dtype=pl.Array(pl.Int64, 2)),
    "holes": pl.Series([[1, None], None, [3]], dtype=pl.List(pl.Int64)),
    "day": pl.Series([date(2020, 1, 1), None, date(2021, 1, 1)]),
    "nested": pl.Series([[[1]], None, []], dtype=pl.List(pl.List(pl.Int64))),
    "nothing": pl.Series([None, None, None]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_values_come_as_they_are_and_vectors_as_tensors(name):
    rows = to_torch_dataset(ex.from_polars({name: COLUMNS[name]}))
    got = [rows[i][name] for i in range(3)]
    plain = [value.tolist() if isinstance(value, torch.Tensor) else value for value in got]
    assert plain == COLUMNS[name].to_list()
    assert isinstance(got[0], torch.Tensor) == (name in ("list", "array"))
    empty = to_torch_dataset(ex.from_polars({name: COLUMNS[name].clear()}))
    assert len(empty) == 0


def test_vectors_stack_in_a_loader():
    t = ex.from_polars({"v": pl.Series(np.arange(6, dtype=np.float32).reshape(3, 2)), "n": [1, 2, 3]})
    (batch,) = DataLoader(to_torch_dataset(t), batch_size=3)
    assert batch["v"].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert batch["v"].dtype == torch.float32


def test_deferred_columns_go_along_once_they_are_computed():
    t = table(4).with_columns(twice=ex.defer(lambda number: 2 * number, returns=int))
    t.head(1).compute("twice")
    with pytest.raises(ex.ArgumentError, match="computed for 1 of 4 rows") as caught:
        to_torch_dataset(t, ["image", "twice"])
    assert caught.value.hint == "Compute it first: t.compute('twice')"
    rows = to_torch_dataset(t.compute("twice"), ["image", "twice"])
    assert [rows[i]["twice"] for i in range(4)] == [0, 2, 4, 6]


def test_what_workers_cannot_have_is_refused():
    t = table(3).with_columns(
        tensor=ex.defer(lambda number: np.zeros((2, 2)), "number", returns=pl.Object),
        inverse=ex.defer(lambda number: 1 / number, returns=float),
    )
    with pytest.raises(ex.ArgumentError, match="fit no frame"):
        to_torch_dataset(t["tensor"])
    with pytest.warns(ex.ExplorerWarning):
        t.compute("inverse")
    with pytest.raises(ex.ArgumentError, match="1 of 3 rows of 'inverse' have no value"):
        to_torch_dataset(t, ["inverse"])
    with pytest.raises(ex.ColumnNotFoundError):
        to_torch_dataset(t, ["lable"])
    with pytest.raises(ex.ArgumentError, match="takes no columns"):
        to_torch_dataset(t["image"], ["label"])
    with pytest.raises(ex.ArgumentError, match="no columns"):
        to_torch_dataset(t, [])
    with pytest.raises(ex.ArgumentError, match="a dict of column name to function"):
        to_torch_dataset(t, ["image"], transform=mean)
    with pytest.raises(ex.ArgumentError, match="is not a function"):
        to_torch_dataset(t["image"], transform=5)
    with pytest.raises(ex.ArgumentError, match="Did you mean 'image'"):
        to_torch_dataset(t, ["image"], transform={"imge": mean})
    with pytest.raises(ex.ArgumentError, match="Python objects"):
        to_torch_dataset(ex.from_polars({"o": pl.Series([object()], dtype=pl.Object)}))
