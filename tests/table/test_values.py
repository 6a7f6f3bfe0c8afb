"""Values out of a table: map, update, reductions, explain, and what other libraries take."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

import explorer as ex
from tests.digits_like import Recorder, png, table

# map


def test_map_calls_the_function_for_every_row_now_and_keeps_nothing():
    calls = []

    def double(number) -> int:
        calls.append(number)
        return 2 * number

    t = table(20)
    series = t.map(double)
    assert series.equals(pl.Series("double", range(0, 40, 2)), check_names=True)
    assert calls == list(range(20))
    assert t.columns == ["image", "label", "number"]
    t.map(double)
    assert len(calls) == 40


def test_map_takes_the_rows_that_a_filter_left_in_batches_as_asked():
    shades = Recorder()
    t = table(50).filter(pl.col("number") >= 10)
    assert t.map(shades, "image", batched=True, batch_size=16).to_list() == list(range(10, 50))
    assert shades.batches == [16, 16, 8]
    assert t["image"].map(lambda image: image.size[0], returns=int).to_list() == [8] * 40


def test_map_gives_a_frame_when_columns_are_named_and_images_when_they_are_returned():
    t = table(3)
    frame = t.map(
        lambda number: {"a": number, "number": -number}, "number", returns={"a": int, "number": int}
    )
    assert frame.rows() == [(0, 0), (1, -1), (2, -2)]
    calls = []
    assert t.map(lambda image: calls.append(0) or image.resize((4, 2)), "image").shape == (3, 2, 4)
    assert len(calls) == 3


def test_map_of_rows_that_fail_has_nulls_and_says_so():
    with pytest.warns(ex.ExplorerWarning, match="1 of 3 rows failed"):
        assert table(3).map(lambda number: 1 // number, returns=int).to_list() == [None, 1, 0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batchsize": 3}, "batch_size"),
        ({"workers": 0}, "no whole number"),
        ({"returns": {"a": ex.Image}}, "returns a frame"),
    ],
)
def test_map_refuses_what_cannot_be_meant(options, words):
    with pytest.raises(ex.ArgumentError, match=words):
        table(2).map(lambda number: number, **options)


def test_map_of_no_rows_is_an_empty_series():
    assert table(2).head(0).map(lambda number: number, returns=int).len() == 0


# update

CASES = [
    (pl.DataFrame({"b": [9, None]}), {}),
    (pl.DataFrame({"b": [9.5, None, 1, 2], "new": [1, 2, 3, 4]}), {}),
    (pl.DataFrame({"b": [9, None]}), {"include_nulls": True}),
    (pl.DataFrame({"b": [9, 7, 8], "k": ["y", "y", "q"]}), {"on": "k"}),
    (pl.DataFrame({"b": [9, 7], "k": ["y", "q"]}), {"on": "k", "how": "inner"}),
    (pl.DataFrame({"b": [9, None], "k": ["y", "q"]}), {"on": "k", "how": "full"}),
    (pl.DataFrame({"b": [9, 8], "key": ["z", "q"]}), {"left_on": "k", "right_on": "key"}),
]


@pytest.mark.parametrize(("other", "options"), CASES)
def test_update_is_that_of_polars(other, options):
    frame = pl.DataFrame({"a": [1, 2, 3], "b": [1, 2, 3], "k": ["x", "y", "z"]})
    updated = ex.from_polars(frame).update(other, **options).to_polars()
    assert updated.equals(frame.update(other, **options))


def test_update_leaves_what_was_computed_and_what_it_was_computed_from():
    calls = []
    t = table(4).with_columns(double=ex.defer(lambda number: calls.append(number) or 2 * number, returns=int))
    t.head(2).compute("double")
    new = t.update(ex.from_polars({"number": [100, None, 300, None]}))
    assert new.columns == t.columns
    assert new.to_polars("number", "double").rows() == [(100, 0), (1, 2), (300, 4), (3, 6)]
    assert calls == [0, 1, 2, 3]
    assert new["image"]().shape == (4, 8, 8)


def test_update_of_a_deferred_column_computes_it_when_it_is_looked_at():
    calls = []
    t = table(3).with_columns(pred=ex.defer(lambda number: calls.append(number) or number, returns=int))
    new = t.update(pl.DataFrame({"number": [1], "pred": [50]}), on="number")
    assert calls == []
    assert new.to_polars("pred")["pred"].to_list() == [0, 50, 2]


@pytest.mark.parametrize(
    ("other", "options", "words"),
    [
        ({"b": [1]}, {}, "takes an ImageTable"),
        (pl.DataFrame({"z": [1]}), {}, "no column of this table"),
        (pl.DataFrame({"number": [1]}), {"how": "outer"}, "'full'"),
        (pl.DataFrame({"number": [1]}), {"on": "label"}, "column of on="),
        (pl.DataFrame({"number": [1], "label": [1]}), {"on": "lable"}, "Did you mean 'label'"),
        (pl.DataFrame({"number": [1]}), {"left_on": "label"}, "left_on= and right_on= together"),
    ],
)
def test_update_refuses_what_cannot_be_meant(other, options, words):
    with pytest.raises(ex.ArgumentError, match=words):
        table(2).update(other, **options)


# Reductions and groups


def test_a_column_tells_what_its_series_tells_and_is_computed_for_it():
    t = table(10).with_columns(half=ex.defer(lambda number: number / 2, returns=float))
    column, series = t["half"], pl.Series([i / 2 for i in range(10)])
    for name in ("mean", "median", "sum", "min", "max", "std", "var", "n_unique", "null_count", "count"):
        assert getattr(column, name)() == getattr(series, name)(), name
    assert column.quantile(0.5) == series.quantile(0.5)
    assert column[:4].max() == 1.5
    assert t["label"].value_counts(sort=True, normalize=True).columns == ["label", "proportion"]
    with pytest.raises(ex.ArgumentError, match="Images are not values"):
        t["image"].mean()
    with pytest.raises(AttributeError, match=r"t\['half'\]\(\) is a Series with .rolling_mean"):
        column.rolling_mean  # noqa: B018, the access is what is tested
    with pytest.raises(AttributeError, match="Did you mean 'mean' or"):
        column.meean  # noqa: B018, the access is what is tested


def test_questions_about_each_row_are_expressions_and_compute_nothing():
    t = table(10).with_columns(half=ex.defer(lambda number: number // 2, returns=int))
    found = t.filter(t["half"].is_in([1, 2]), t["number"].is_between(3, 4), t["half"].is_not_null())
    assert t.counters.rows_inferred == 0
    assert found.to_polars("number")["number"].to_list() == [3, 4]
    assert t.counters.rows_inferred == 2


def test_groups_are_summed_up_as_polars_does():
    t = table(20).with_columns(half=ex.defer(lambda number: number / 2, returns=float), name=pl.lit("x"))
    for how in ("mean", "median", "sum", "min", "max"):
        groups = getattr(t.group_by("label", maintain_order=True), how)()
        plain = t.to_polars("label", "number", "half").group_by("label", maintain_order=True)
        assert groups.equals(getattr(plain, how)()), how
    assert t.group_by("label").count().height == 10


# explain


def explained(t, *names):
    rows = t.counters.rows_inferred, t.counters.decode_calls
    text = t.explain(*names)
    assert (t.counters.rows_inferred, t.counters.decode_calls) == rows
    assert repr(text) == text
    return text.splitlines()


def test_explain_tells_what_would_be_computed_and_computes_nothing():
    shades = Recorder()
    t = table(100, broken=(3,)).with_columns(
        shade=ex.defer(shades, "image", batched=True, batch_size=16, returns=pl.Int64),
        right=ex.defer(lambda shade, label: shade == label, returns=bool, workers=4),
    )
    assert explained(t, "right") == [
        "100 rows; to compute: 100 calls of image, 7 calls of Recorder, 100 calls of <lambda>",
        "right: Boolean, <lambda> for each row in 4 threads · 0 known, 100 to compute",
        "├─ shade: Int64, Recorder for batches of 16 · 0 known, 100 to compute",
        "│  └─ image: Image, image for each row in 2 threads · 0 known, 100 to compute, 0 held (0 bytes)",
        "│     └─ image: Binary, stored, no longer a column of the table",
        "└─ label: Int64, stored",
    ]
    with pytest.warns(ex.ExplorerWarning):
        t.head(4).compute("right")
    told = explained(t, "shade")
    assert told[1] == "shade: Int64, Recorder for batches of 16 · 3 known, 1 failed, 96 to compute"
    assert "3 known, 1 failed, 96 to compute, 3 held" in told[2]


def test_explain_tells_the_filters_that_wait_in_their_order():
    t = table(10).with_columns(
        a=ex.defer(lambda number: number, returns=int, name="f"),
        b=ex.defer(lambda a: -a, returns=int, name="g"),
    )
    told = explained(t.filter(pl.col("a") > 3, pl.col("b") < -5, pl.col("label") < 8), "b")
    assert told == [
        "8 rows before 2 filters that wait; to compute: at most 8 calls of f, 8 calls of g",
        'filter 1 of 2: [(col("a")) > (dyn int: 3)] · waits · 0 rows looked at',
        "└─ a: Int64, f for each row · 0 known, 8 to compute",
        "   └─ number: Int64, stored",
        'filter 2 of 2: [(col("b")) < (dyn int: -5)] · waits, sees what filter 1 left · 0 rows looked at',
        "└─ b: Int64, g for each row · 0 known, 8 to compute",
        "   └─ a: told above",
        "b: told above",
    ]


def test_explain_of_what_is_computed_or_copied_counts_each_row_once():
    t = table(3).with_columns(a=ex.defer(lambda number: number, returns=int, name="f"))
    assert explained(t.gather([0, 0, 1]))[0] == "3 rows; to compute: 2 calls of image, 2 calls of f"
    t.compute()
    assert explained(t, "a")[0] == "3 rows; to compute: nothing"


def test_explain_of_a_tall_pile_stays_short():
    t = table(3).with_columns(a=ex.defer(lambda number: number, returns=int))
    for _ in range(400):
        t = t.with_columns(a=pl.col("a") + 1)
    assert len(explained(t, "a")) < 20
    with pytest.raises(ex.ArgumentError, match="'label' is stored; there is nothing to compute"):
        t.explain("label")
    with pytest.raises(ex.ColumnNotFoundError):
        t.explain("lable")


# Other libraries


def test_whoever_takes_arrow_takes_a_table_and_a_column():
    t = table(3).with_columns(half=ex.defer(lambda number: number / 2, returns=float))
    assert pl.DataFrame(t).columns == ["label", "number", "half"]
    assert pl.Series(t["half"]).to_list() == [0.0, 0.5, 1.0]
    pa = pytest.importorskip("pyarrow")
    assert pa.table(t).column("half").to_pylist() == [0.0, 0.5, 1.0]
    assert np.asarray(t["half"]).tolist() == [0.0, 0.5, 1.0]


def test_plotly_takes_a_table_and_computes_the_columns_that_it_draws():
    px = pytest.importorskip("plotly.express")
    pytest.importorskip("pyarrow")
    t = table(10).with_columns(
        half=ex.defer(lambda number: number / 2, returns=float),
        never=ex.defer(lambda number: 1 / 0, "number", returns=float),
    )
    assert len(px.histogram(t, x="label").data[0].x) == 10
    assert t.counters.rows_inferred == 0
    assert list(px.scatter(t, x="number", y="half").data[0].y) == [i / 2 for i in range(10)]


def test_seaborn_takes_a_table():
    pytest.importorskip("seaborn")
    data = pytest.importorskip("seaborn._core.data")
    assert list(data.handle_data_source(table(3).select("label", "number"))["number"]) == [0, 1, 2]


def test_tensors_of_numbers_vectors_and_images():
    t = table(4).with_columns(v=pl.Series([[1.0, 2.0]] * 4), name=pl.lit("x"))
    tensors = t.to_torch()
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == {
        "image": (4, 1, 8, 8),
        "label": (4,),
        "number": (4,),
        "v": (4, 2),
    }
    assert tensors["image"].dtype == torch.uint8
    assert tensors["image"][3, 0, 0, 0] == 3
    assert t["number"].to_torch().tolist() == [0, 1, 2, 3]
    assert t.to_torch(["v"])["v"].dtype == torch.float64


def test_deferred_tensors_are_stacked():
    t = table(3).with_columns(
        x=ex.defer(lambda number: torch.full((2, 2), number), returns=pl.Object),
        colour=ex.defer(lambda image: image.convert("RGB"), returns=ex.Image),
    )
    assert t.to_torch("x")[2].tolist() == [[2, 2], [2, 2]]
    assert t.to_torch("colour").shape == (3, 3, 8, 8)


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("a", ["x", "y"], "holds String values"),
        ("a", [1, None], "1 of 2 rows of 'a' have no value"),
        ("a", [[1], [1, 2]], "several lengths, for instance 1 and 2"),
    ],
)
def test_what_is_no_tensor_says_why(column, values, words):
    with pytest.raises(ex.ArgumentError, match=words):
        ex.from_polars({column: values}).to_torch(column)


def test_images_of_several_sizes_are_no_tensor():
    t = ex.from_polars({"image": [png(1), png(2, side=4)]}).with_columns(image=ex.image("image"))
    with pytest.raises(ex.ArgumentError, match=r"several shapes, for instance \(3, 4, 4\) and \(3, 8, 8\)"):
        t.to_torch("image")


@pytest.mark.parametrize("function", [np.mean, np.std, np.var, np.min, np.max, np.sum, np.median, np.sqrt])
def test_functions_of_numpy_take_a_column(function):
    t = ex.from_polars({"n": [1, 2, 5]}).with_columns(d=ex.defer(lambda n: n / 2, returns=float))
    assert np.array_equal(function(t["d"]), function(np.array([0.5, 1.0, 2.5])))


@pytest.mark.parametrize(
    "calculate",
    [
        lambda n: 12 / n,
        lambda n: 13 // n,
        lambda n: n // 2,
        lambda n: 13 % n,
        lambda n: n**2,
        lambda n: 2.0**n,
        lambda n: abs(-n),
        lambda n: True & (n > 1),
        lambda n: False | (n > 1),
        lambda n: (n > 1) ^ (n > 2),
        lambda n: n ^ 3,
        lambda n: 3 ^ n,
    ],
)
def test_columns_calculate_as_expressions_from_both_sides(calculate):
    t = ex.from_polars({"n": [1, 2, 5]}).with_columns(d=ex.defer(lambda n: n, returns=int))
    expected = pl.DataFrame({"n": [1, 2, 5]}).select(x=calculate(pl.col("n")))
    assert t.with_columns(x=calculate(t["d"])).to_polars("x").equals(expected)
    assert t.counters.rows_inferred == 3
