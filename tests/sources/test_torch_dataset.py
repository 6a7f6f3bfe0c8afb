"""Torch data sets become tables whose items are made when somebody looks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from threading import Barrier, Lock
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from PIL import Image

import explorer as ex
from explorer._errors import ArgumentError, ExplorerWarning
from explorer.compute.deferred import Image as ImageDtype
from explorer.sources.torch_dataset import from_torch
from explorer.sources.torch_items import Items
from tests.sources.torch_looking import looked_at

torch = pytest.importorskip("torch")
from torch.utils.data import ConcatDataset, DataLoader, Dataset, IterableDataset, Subset, TensorDataset  # noqa: E402

BOTH = {"image": ImageDtype, "label": int}


class Pets(Dataset):
    """Row i has an image of i + 1 pixels and the label i modulo 3; it counts what is asked of it."""

    def __init__(self, rows=10, *, make=None, broken=()):
        self.rows, self.broken, self.asked = rows, broken, []
        self.make = make or (lambda row: (Image.new("RGB", (row + 1, 2)), row % 3))

    def __len__(self):
        return self.rows

    def __getitem__(self, row):
        self.asked.append(row)
        if row in self.broken:
            raise OSError(f"row {row} is damaged")
        return self.make(row)


class Pet(NamedTuple):
    picture: Any
    kind: int


# Laziness


def test_item_0_is_looked_at_once_and_that_is_said():
    pets = Pets()
    table, lines = looked_at(pets)
    assert lines == ["Pets: looked at item 0 of 10: image: Image, label: Int64"]
    assert pets.asked == [0]
    assert table["image"][0]().width == 1
    assert table.to_polars("label")["label"][0] == 0
    assert pets.asked == list(range(10))


def test_with_declared_columns_no_item_is_looked_at():
    pets = Pets()
    table, lines = looked_at(pets, returns=BOTH)
    assert (pets.asked, lines) == ([], [])
    assert dict(table.schema) == {"image": ImageDtype, "label": pl.Int64}


def test_one_item_gives_all_columns_of_its_row():
    pets = Pets()
    table = from_torch(pets, returns=BOTH)
    assert table["image"][7]().width == 8
    assert table["label"][7]() == 1
    assert table.slice(7, 1)._repr_html_().count("data:image/") == 1
    assert pets.asked == [7]
    assert table.counters.images_decoded == 1
    assert table.counters.rows_inferred == 0


def test_verbs_over_stored_columns_make_no_item():
    pets = Pets(5)
    table = from_torch(pets, returns=BOTH).with_columns(id=pl.Series(range(5)))
    table = table.filter(pl.col("id") > 1).sort("id", descending=True)
    assert pets.asked == []
    assert table.head(1)["image"][0]().width == 5
    assert pets.asked == [4]


def test_a_filter_on_what_items_say_stops_when_enough_are_found():
    pets = Pets(1000)
    table = from_torch(pets, returns=BOTH)
    assert table.filter(pl.col("label") == 2).head(3).to_polars("label")["label"].to_list() == [2, 2, 2]
    assert len(pets.asked) == 16


# What items may be


@pytest.mark.parametrize(
    ("item", "schema"),
    [
        ({"image": Image.new("L", (2, 2)), "name": "Rex"}, {"image": ImageDtype, "name": pl.String}),
        (Pet(Image.new("L", (2, 2)), 3), {"picture": ImageDtype, "kind": pl.Int64}),
        (Image.new("L", (2, 2)), {"image": ImageDtype}),
        ((Image.new("L", (2, 2)),), {"image": ImageDtype}),
        ([torch.rand(3, 9, 9), torch.tensor(2.5)], {"image": ImageDtype, "label": pl.Float64}),
        ((torch.randn(3, 9, 9) * 9, True), {"image": pl.Object, "label": pl.Boolean}),
        ((np.zeros((9, 9), np.uint8), np.int32(4)), {"image": ImageDtype, "label": pl.Int64}),
        ((torch.rand(512), torch.tensor([1, 2])), {"image": pl.List(pl.Float32), "label": pl.List(pl.Int64)}),
        ((Image.new("L", (2, 2)), {"boxes": []}), {"image": ImageDtype, "label": pl.Object}),
        ((Image.new("L", (2, 2)), None), {"image": ImageDtype, "label": pl.Unknown}),
    ],
)  # fmt: skip
def test_columns_are_the_parts_of_an_item(item, schema):
    table, _ = looked_at(Pets(3, make=lambda _: item))
    assert dict(table.schema) == schema
    assert table.height == 3
    for name, dtype in schema.items():
        value = table[name][1]()
        assert isinstance(value, Image.Image) == (dtype == ImageDtype)


def test_tuples_take_the_names_that_they_are_given_and_dicts_the_ones_that_are_chosen():
    three, _ = looked_at(Pets(2, make=lambda row: (row, "a", 0.5)), names=["n", "text", "weight"])
    assert three.to_polars().rows() == [(0, "a", 0.5), (1, "a", 0.5)]
    some, _ = looked_at(Pets(2, make=lambda row: {"a": row, "b": 1, "c": 2}), names=["c", "a"])
    assert some.to_polars().rows() == [(2, 0), (2, 1)]
    declared, _ = looked_at(Pets(2, make=lambda row: {"a": row, "b": 1}), returns={"a": pl.Int8})
    assert declared.to_polars().to_dict(as_series=False) == {"a": [0, 1]}


def test_a_tensor_is_shown_or_kept_as_it_is_asked_for():
    normalised = Pets(2, make=lambda _: (torch.tensor([[-2.0, 2.0]]), 1))
    kept, lines = looked_at(normalised)
    assert 'to see image: returns={"image": ex.Image, …}' in lines[0]
    assert torch.equal(kept["image"][0](), torch.tensor([[-2.0, 2.0]]))
    shown = from_torch(normalised, returns={"image": ex.Image})
    assert np.asarray(shown["image"][0]()).tolist() == [[0, 255]]
    pixels = from_torch(Pets(2, make=lambda _: torch.ones(3, 9, 9)), returns={"image": pl.Object})
    assert pixels["image"][:].__call__().shape == (2, 3, 9, 9)
    assert pixels.counters.images_decoded == 0


def test_an_image_that_was_opened_is_read_and_let_go(tmp_path):
    Image.new("RGB", (4, 3)).save(tmp_path / "a.png")
    table = from_torch(Pets(1, make=lambda _: (Image.open(tmp_path / "a.png"), 0)), returns=BOTH)
    assert type(table["image"][0]()) is Image.Image


def test_a_list_of_items_is_a_data_set():
    table = from_torch([(Image.new("L", (3, 3)), "a")])
    assert table["image"][0]().size == (3, 3)


# Errors are values


def test_a_row_that_raises_costs_itself():
    table = from_torch(Pets(broken=[7]), returns=BOTH)
    with pytest.warns(
        ExplorerWarning, match="1 of 10 rows failed; the first: Pets: OSError: row 7 is damaged"
    ):
        labels = table.to_polars("label")["label"].to_list()
    assert labels == [0, 1, 2, 0, 1, 2, 0, None, 2, 0]
    assert set(table.errors()["column"]) == {"image", "label"}


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ((Image.new("L", (2, 2)),), "item 3 has no 'label'"),
        ((Image.new("L", (2, 2)), 1, 2), "item 3 has 3 parts"),
        ((None, 1), "NoneType is neither a PIL image"),
        ({"image": Image.new("L", (2, 2))}, "item 3 has no 'label'; it has 'image'"),
        ((Image.new("L", (2, 2)), "cat"), "'cat'"),
    ],
)
def test_an_item_unlike_the_others_costs_its_own_row(item, reason):
    pets = Pets(5, make=lambda row: item if row == 3 else (Image.new("L", (2, 2)), row))
    table = from_torch(pets, returns=BOTH)
    with pytest.warns(ExplorerWarning, match="1 of 5 rows failed"):
        table.compute()
    assert table.errors()["row"].unique().to_list() == [3]
    assert reason in table.errors()["message"][0]


def test_a_length_that_promises_too_much_costs_the_rows_that_are_not_there():
    class Short(Pets):
        def __getitem__(self, row):
            return [(Image.new("L", (1, 1)), 5)][row]

    with pytest.warns(ExplorerWarning, match="2 of 3 rows failed; the first: Short: IndexError"):
        assert from_torch(Short(3)).to_polars("label")["label"].to_list() == [5, None, None]


# Threads


def test_one_thread_at_a_time_indexes_and_each_item_is_made_once():
    inside, overlaps, made = Lock(), [], []

    class Careful(Pets):
        def __getitem__(self, row):
            if not inside.acquire(blocking=False):
                overlaps.append(row)
                return None
            try:
                made.append(row)
                return (Image.new("L", (2, 2)), row)
            finally:
                inside.release()

    items = Items(Careful(), ("image", "label"))
    items.returns = {"image": ImageDtype, "label": pl.Int64}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(items, [row for row in range(50) for _ in range(4)]))
    assert [answer["label"] for answer in answers[::4]] == list(range(50))
    assert overlaps == []
    assert set(made) == set(range(50))


def test_threads_that_want_one_item_share_it():
    entered, go = Barrier(2, timeout=30), Barrier(2, timeout=30)
    made = []

    class Slow(Pets):
        def __getitem__(self, row):
            made.append(row)
            entered.wait()
            go.wait()
            return (Image.new("L", (2, 2)), row)

    items = Items(Slow(), ("image", "label"))
    items.returns = {"image": ImageDtype}
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(items, 5)
        entered.wait()
        second = pool.submit(items, 5)
        go.wait()
        assert first.result()["image"] is second.result()["image"]
    assert made == [5]


def test_more_workers_are_as_many_threads():
    together = Barrier(2, timeout=30)
    table = from_torch(
        Pets(4, make=lambda row: (together.wait() >= 0 and Image.new("L", (2, 2)), row)),
        returns=BOTH,
        workers=2,
    )
    assert table.to_polars("label")["label"].to_list() == [0, 1, 2, 3]


# What a data set lists is stored


def test_tensors_of_one_dimension_are_stored():
    rows = TensorDataset(torch.rand(6, 1, 9, 9), torch.arange(6), torch.rand(6))
    table, lines = looked_at(rows, names=["image", "label", "weight"])
    assert lines == ["TensorDataset: looked at item 0 of 6: image: Image"]
    assert table.deferred == ["image"]
    assert table.columns == ["image", "label", "weight"]
    assert table.to_polars("label")["label"].to_list() == list(range(6))
    assert table.schema["weight"] == pl.Float32


def test_numbers_alone_need_no_item():
    table, lines = looked_at(TensorDataset(torch.arange(3), torch.rand(3)), names=["a", "b"])
    assert (table.deferred, lines) == ([], [])
    one, _ = looked_at(TensorDataset(torch.arange(3)), names=["a"])
    assert one.to_polars()["a"].to_list() == [0, 1, 2]


def test_parts_of_data_sets_and_several_in_a_row():
    rows = TensorDataset(torch.arange(6).view(6, 1, 1, 1).expand(6, 3, 9, 9).to(torch.uint8), torch.arange(6))
    both = ConcatDataset([Subset(rows, [5, 0]), Subset(rows, torch.tensor([3]))])
    table, lines = looked_at(both)
    assert table.to_polars("label")["label"].to_list() == [5, 0, 3]
    assert [cell().getpixel((0, 0))[0] for cell in table["image"]] == [5, 0, 3]
    assert lines[0].startswith("ConcatDataset: looked at item 0 of 3")
    mixed, _ = looked_at(ConcatDataset([rows, Pets(2)]))
    assert mixed.deferred == ["image", "label"]


def test_a_class_that_makes_its_own_items_is_not_taken_at_its_word():
    class Shifted(TensorDataset):
        def __getitem__(self, row):
            image, label = super().__getitem__(row)
            return image, label + 100

    table = from_torch(Shifted(torch.rand(2, 3, 9, 9), torch.arange(2)))
    assert table.to_polars("label")["label"].to_list() == [100, 101]


def test_no_rows_need_no_item():
    table = from_torch(TensorDataset(torch.zeros(0, 3, 9, 9), torch.zeros(0, dtype=torch.int64)))
    assert (table.height, table.columns) == (0, ["image", "label"])
    assert from_torch([]).height == 0


# Bad input


def test_what_is_no_map_style_data_set_says_what_to_do():
    class Stream(IterableDataset):
        def __iter__(self):
            return iter([(Image.new("L", (2, 2)), 1)])

    with pytest.raises(ArgumentError, match="no items to go to") as caught:
        from_torch(Stream())
    assert "itertools.islice(dataset, 1000)" in caught.value.hint
    assert from_torch(list(islice(Stream(), 1000))).height == 1
    with pytest.raises(ArgumentError, match="not a DataLoader") as caught:
        from_torch(DataLoader(Pets()))
    assert "loader.dataset" in caught.value.hint
    with pytest.raises(ArgumentError, match="Pets is a class"):
        from_torch(Pets)
    with pytest.raises(ArgumentError, match="not DataFrame") as caught:
        from_torch(pl.DataFrame({"a": [1]}))
    assert "ex.from_polars" in caught.value.hint
    with pytest.raises(ArgumentError, match="int has no items"):
        from_torch(3)

    class Endless(Dataset):
        def __getitem__(self, row):
            return row

    with pytest.raises(ArgumentError, match="no length"):
        from_torch(Endless())


def test_options_that_cannot_be_meant():
    with pytest.raises(ArgumentError, match="no sequence of names") as caught:
        from_torch(Pets(), names="image")
    assert caught.value.hint == 'ex.from_torch(…, names=("image",))'
    with pytest.raises(ArgumentError, match="'a' twice"):
        from_torch(Pets(), names=["a", "a"])
    with pytest.raises(ArgumentError, match="'lable'") as caught:
        from_torch(Pets(), names=["image", "label"], returns={"lable": int})
    assert caught.value.hint == "Did you mean 'label'?"
    with pytest.raises(ArgumentError, match="does not name its columns"):
        from_torch(Pets(), returns=int)
    with pytest.raises(ArgumentError, match="not a dtype"):
        from_torch(Pets(), returns={"image": "picture"})
    with pytest.raises(ArgumentError, match="workers=0"):
        from_torch(Pets(), workers=0)
    with pytest.raises(ArgumentError, match="no keyword 'name'") as caught:
        from_torch(Pets(), name=["a"])
    assert "names" in caught.value.hint
    with pytest.raises(ArgumentError, match="3 parts; there are 2 names") as caught:
        from_torch(TensorDataset(*[torch.zeros(2)] * 3))
    assert caught.value.hint == 'Name them all: names=("image", "label", "…")'
    with pytest.raises(ArgumentError, match="item 0 has 3 parts") as caught:
        from_torch(Pets(make=lambda _: (1, 2, 3)))
    assert caught.value.hint == 'Name them all: names=("image", "label", "…")'


def test_an_item_0_that_cannot_be_made_says_how_to_go_on():
    pets = Pets(3, broken=[0])
    with pytest.raises(ArgumentError, match="OSError: row 0 is damaged") as caught:
        from_torch(pets)
    assert caught.value.hint == 'Say what its items are: returns={"image": ex.Image, "label": int}'
    assert from_torch(pets, returns={"image": ex.Image, "label": int})["label"][1]() == 1


def test_torch_rows_of_a_torch_data_set_are_that_data_set():
    t, _ = looked_at(torch.utils.data.TensorDataset(torch.rand(3, 1, 8, 8)))
    with pytest.raises(ArgumentError) as caught:
        t["image"].to_torch_dataset()
    assert "torch.utils.data.Subset" in caught.value.hint
