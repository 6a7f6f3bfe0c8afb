from __future__ import annotations

import json
import math
import os
import pickle
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import explorer as ex
from explorer.table.restoring import read
from explorer.table.storage import write
from tests.digits_like import png, table

CALLS: list[object] = []


def doubled(number):
    CALLS.append(number)
    if number == 3:
        raise ValueError("three is not doubled")
    return 2 * number


def described(number):
    CALLS.append(number)
    return {"half": number / 2, "odd": bool(number % 2)}


def plus_one(twice):
    return twice + 1


def shades(images):
    return np.asarray(images)[:, 0, 0].astype(np.int64)


@pytest.fixture(autouse=True)
def calls():
    CALLS.clear()
    return CALLS


def description(folder):
    return json.loads((folder / "table.json").read_text(encoding="utf-8"))


def data_of(folder):
    return folder / description(folder)["data"]


def test_stored_columns_of_all_dtypes_come_back_as_they_were(tmp_path):
    frame = pl.DataFrame(
        {
            "int": [1, None],
            "text": ["a", ""],
            "bytes": [b"\x00", None],
            "vector": pl.Series([[1.0, 2.0], [3.0, 4.0]], dtype=pl.Array(pl.Float32, 2)),
            "list": [[1], []],
            "struct": [{"a": 1}, {"a": None}],
            "category": pl.Series(["x", "y"], dtype=pl.Categorical),
            "enum": pl.Series(["x", "y"], dtype=pl.Enum(["y", "x"])),
            "day": pl.Series([None, None], dtype=pl.Date),
            "nothing": [None, None],
        }
    )
    write(ex.from_polars(frame, base_dir=tmp_path), tmp_path / "t")
    again = read(tmp_path / "t")
    assert_frame_equal(again.to_polars(), frame)
    assert again._origin.base_dir == tmp_path.resolve()
    assert pl.read_parquet(data_of(tmp_path / "t") / "columns" / "text.parquet").columns == ["text"]
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


@pytest.mark.parametrize("frame", [pl.DataFrame(), pl.DataFrame({"a": []}, schema={"a": pl.Int8})])
def test_tables_without_rows_or_columns_come_back(tmp_path, frame):
    write(ex.from_polars(frame), tmp_path / "t")
    assert_frame_equal(read(tmp_path / "t").to_polars(), frame)


def test_the_description_can_be_read_by_people(tmp_path):
    write(table(3).with_columns(twice=ex.defer(doubled, "number", returns=int)), tmp_path / "t")
    content = description(tmp_path / "t")
    assert (content["format"], content["version"], content["rows"]) == ("explorer table", 2, 3)
    assert content["explorer"] == ex.__version__
    assert [column["name"] for column in content["columns"]] == ["image", "label", "number", "twice"]
    assert content["functions"][1]["function"] == f"{__name__}:doubled"
    assert content["functions"][1]["reads"] == [{"file": "columns/number.parquet"}]


def test_what_was_computed_is_not_computed_again_and_the_rest_can_be(tmp_path):
    t = table(6).with_columns(twice=ex.defer(doubled, "number", returns=int))
    t.head(2).compute("twice")
    write(t, tmp_path / "t")
    assert CALLS == [0, 1]
    again = read(tmp_path / "t")
    assert again.deferred == ["image", "twice"]
    with pytest.warns(ex.ExplorerWarning, match="three is not doubled"):
        assert again.to_polars("twice")["twice"].to_list() == [0, 2, 4, None, 8, 10]
    assert CALLS == [0, 1, 2, 3, 4, 5]


def test_failed_rows_come_back_with_their_reasons_and_are_not_tried_again(tmp_path):
    t = table(5).with_columns(twice=ex.defer(doubled, "number", returns=int))
    with pytest.warns(ex.ExplorerWarning):
        t.compute("twice")
    write(t, tmp_path / "t")
    again = read(tmp_path / "t")
    assert again.errors().rows() == [(3, "twice", "ValueError", "three is not doubled")]
    assert again.to_polars("twice")["twice"].to_list() == [0, 2, 4, None, 8]
    assert len(CALLS) == 5


def test_a_function_with_several_columns_and_a_chain_come_back(tmp_path):
    t = table(4).with_columns(
        ex.defer(described, "number", returns={"half": pl.Float64, "odd": pl.Boolean}),
        shade=ex.defer(shades, "image", batched=True, batch_size=3, returns=pl.Int64),
        right=ex.defer(plus_one, "half"),
    )
    t = t.with_columns(both=pl.col("odd") & (pl.col("shade") > 0))
    t.compute("half")
    write(t, tmp_path / "t")
    again = read(tmp_path / "t")
    assert again.columns == t.columns
    assert again.schema["both"] == pl.Boolean
    assert again.schema["right"] == pl.Unknown
    names = ("half", "odd", "shade", "right", "both")
    assert_frame_equal(again.to_polars(*names), t.to_polars(*names))
    assert again._binding.deferred["shade"].node.spec.batch_size == 3
    assert len(CALLS) == 4
    assert again._binding.deferred["half"].node is again._binding.deferred["odd"].node


def test_images_come_back_attached_with_their_folder_and_mode(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(png(7))
    limits = ex.Limits(max_pixels=100)
    image = ex.image("path", base_dir=tmp_path / "photos", mode="L", limits=limits)
    t = ex.from_polars({"path": ["a.png", "gone.png"]}).with_columns(image=image)
    write(t, tmp_path / "t")
    again = read(tmp_path / "t")
    assert again["image"][0]().getpixel((0, 0)) == 7
    assert again._binding.deferred["image"].node.spec.function.limits == limits
    (tmp_path / "photos").rename(tmp_path / "elsewhere")
    moved = read(tmp_path / "t", base_dir=tmp_path / "elsewhere")
    assert moved["image"][0]().getpixel((0, 0)) == 7


def test_a_joined_table_with_renamed_dropped_and_filtered_inputs_comes_back(tmp_path):
    left = table(6).with_columns(twice=ex.defer(plus_one, "number", returns=int))
    right = ex.from_polars({"label": [1, 3, 5], "number": [10, 30, 50]})
    right = right.with_columns(more=ex.defer(plus_one, "number", returns=int))
    left.head(2).compute("twice")
    t = left.join(right, on="label").rename({"number": "n"}).drop("number_right", "label")
    t = t.filter(pl.col("twice") > 2)
    write(t, tmp_path / "t")
    again = read(tmp_path / "t")
    assert again.columns == ["image", "n", "twice", "more"]
    assert again.to_polars("n", "twice", "more").rows() == [(3, 4, 31), (5, 6, 51)]
    assert [image.getpixel((0, 0)) for image in (cell() for cell in again["image"])] == [3, 5]
    write(again, tmp_path / "t2")
    assert_frame_equal(read(tmp_path / "t2").to_polars(), again.to_polars())


def test_a_function_that_cannot_be_found_leaves_what_it_computed_and_says_how_to_attach(tmp_path):
    t = table(4).with_columns(pred=ex.defer(lambda number: CALLS.append(number) or 5 * number, returns=int))
    t.head(2).compute("pred")
    write(t, tmp_path / "t")
    with pytest.warns(ex.ExplorerWarning, match=r'ex\.read\(".*", functions=\{"pred": …\}\)') as caught:
        again = read(tmp_path / "t")
    assert caught[0].filename == __file__
    assert again.deferred == ["image"]
    assert again.to_polars("pred")["pred"].to_list() == [0, 5, None, None]
    attached = read(tmp_path / "t", functions={"pred": lambda number: 5 * number})
    assert attached.to_polars("pred")["pred"].to_list() == [0, 5, 10, 15]
    assert CALLS == [0, 1]


def test_a_deferred_column_can_be_given_for_a_model_and_answers_of_another_version_are_not_its(tmp_path):
    def definition(version):
        spec = ex.defer(lambda number: {"pred": 5 * number}, "number", returns={"pred": int}, version=version)
        return table(3).with_columns(spec), spec

    t, spec = definition("1")
    t.compute("pred")
    write(t, tmp_path / "t")
    same = read(tmp_path / "t", functions={"pred": spec})
    assert same.counters.rows_inferred == 0
    assert same.to_polars("pred")["pred"].to_list() == [0, 5, 10]
    assert same.counters.rows_inferred == 0
    other = read(tmp_path / "t", functions={"pred": definition("2")[1]})
    assert other.to_polars("pred")["pred"].to_list() == [0, 5, 10]
    assert other.counters.rows_inferred == 3


def test_a_function_whose_input_did_not_come_back_whole_is_not_called_on_nulls(tmp_path):
    t = ex.from_polars({"number": [1, 2]})
    t = t.with_columns(twice=ex.defer(lambda number: 2 * number, returns=int))
    t = t.with_columns(more=ex.defer(plus_one, "twice", returns=int), same=pl.col("twice") * 1)
    t.head(1).compute("more")
    write(t, tmp_path / "part")
    with pytest.warns(ex.ExplorerWarning, match="did not come back whole"):
        again = read(tmp_path / "part")
    assert again.to_polars("twice", "more").rows() == [(2, 3), (None, None)]
    t.compute("twice")
    write(t, tmp_path / "whole")
    with pytest.warns(ex.ExplorerWarning, match=r'functions=\{"twice": …\}'):
        again = read(tmp_path / "whole")
    assert again.deferred == ["more", "same"]
    assert again.to_polars("twice", "more", "same").rows() == [(2, 3, 2), (4, 5, 4)]


def test_values_that_no_file_holds_are_computed_again_where_the_function_is_found(tmp_path):
    t = table(2).with_columns(tensor=ex.defer(as_tensor, "number"), total=ex.defer(total, "tensor"))
    t.compute("total")
    write(t, tmp_path / "t")
    again = read(tmp_path / "t")
    assert again.to_polars("total")["total"].to_list() == [0.0, 4.0]
    assert CALLS == [0, 1]
    assert again["tensor"]().shape == (2, 2, 2)
    assert CALLS == [0, 1, 0, 1]


def as_tensor(number):
    CALLS.append(number)
    return np.full((2, 2), float(number))


def total(tensor):
    return float(tensor.sum())


@pytest.mark.parametrize("function", [os.system, math.sqrt, subprocess.getoutput, pickle.loads, np.load])
def test_functions_of_libraries_are_not_attached_by_a_name_in_a_file(tmp_path, function):
    t = ex.from_polars({"x": ["a"]}).with_columns(y=ex.defer(function, "x", returns=int))
    write(t, tmp_path / "t")
    with pytest.warns(ex.ExplorerWarning, match="y"):
        assert read(tmp_path / "t").deferred == []


@pytest.mark.parametrize("name", ["no_such_module:f", f"{__name__}:os.system", f"{__name__}:nothing", "::"])
def test_a_name_that_leads_elsewhere_imports_and_attaches_nothing(tmp_path, name):
    write(ex.from_polars({"number": [1]}).with_columns(y=ex.defer(doubled)), tmp_path / "t")
    content = description(tmp_path / "t")
    content["functions"][0]["function"] = name
    (tmp_path / "t" / "table.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.warns(ex.ExplorerWarning, match="To attach"):
        assert read(tmp_path / "t").deferred == []
    assert "no_such_module" not in sys.modules


def test_an_expression_with_a_pickled_function_is_never_loaded(tmp_path):
    t = table(2).with_columns(twice=ex.defer(doubled, "number", returns=int))
    write(t.with_columns(same=pl.col("twice") * 1), tmp_path / "t")
    content = description(tmp_path / "t")
    hostile = pl.col("twice").map_batches(lambda s: CALLS.append("called") or s, return_dtype=pl.Int64)
    content["functions"][2]["expression"] = json.loads(hostile.meta.serialize(format="json"))
    (tmp_path / "t" / "table.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.warns(ex.ExplorerWarning, match="expression that is not kept"):
        assert read(tmp_path / "t").deferred == ["image", "twice"]
    again = read(tmp_path / "t", functions={"same": pl.col("twice") * 1})
    assert again.to_polars("same")["same"].to_list() == [0, 2]
    assert "called" not in CALLS


HOSTILE = [
    "../x",
    "a/b",
    "A/B",
    "con",
    "CON",
    "🦆",
    "🐈",
    "x" * 300,
    "X" * 300,
    "label",
    "LABEL",
    "*",
    "^a$",
    " ",
]


def test_columns_of_hostile_names_stay_in_the_folder_and_come_back(tmp_path):
    frame = pl.DataFrame({name: [i, i + 1] for i, name in enumerate(HOSTILE)})
    t = ex.from_polars(frame).with_columns(**{"../d\n": ex.defer(plus_one, "../x", returns=int)})
    write(t, tmp_path / "t")
    again = read(tmp_path / "t")
    assert again.columns == t.columns
    assert_frame_equal(again.to_polars(), t.to_polars())
    files = [path.name for path in (tmp_path / "t").rglob("*.parquet")]
    assert len({name.casefold() for name in files}) == len(HOSTILE) + 2
    assert max(map(len, files)) < 90
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


def test_only_the_files_of_the_columns_asked_for_are_read(tmp_path):
    t = table(3).with_columns(twice=ex.defer(plus_one, "number", returns=int))
    write(t, tmp_path / "t")
    for file in ("columns/kept.parquet", "columns/label.parquet"):
        (data_of(tmp_path / "t") / file).unlink()
    again = read(tmp_path / "t", columns=["twice", "number"])
    assert again.to_polars().rows() == [(1, 0), (2, 1), (3, 2)]
    assert read(tmp_path / "t", columns=["twice"]).to_polars().rows() == [(1,), (2,), (3,)]
    with pytest.raises(ex.ColumnNotFoundError, match="Did you mean 'twice'"):
        read(tmp_path / "t", columns=["twise"])
    with pytest.raises(ex.ArgumentError, match="twice"):
        read(tmp_path / "t", columns=["number", "number"])
    with pytest.raises(ex.SourceError, match=r"label\.parquet is missing"):
        read(tmp_path / "t", columns=["label"])


VERSION_1 = """{
  "format": "explorer table", "version": 1, "explorer": "0.1.0", "rows": 3, "title": null, "base_dir": null,
  "columns": [
    {"name": "n", "file": "columns/n.parquet"},
    {"name": "twice", "function": 0, "output": "", "dtype": "Int64"}
  ],
  "kept": [{"dtype": "Int64", "file": "columns/kept.parquet"}],
  "functions": [{
    "name": "doubled", "kind": "function", "function": null, "image": null, "expression": null,
    "inputs": ["number"], "batched": false, "stacked": true, "batch_size": 64, "workers": 1,
    "on_error": "keep", "version": "", "reads": [{"file": "columns/kept.parquet"}],
    "returns": [{"output": "", "dtype": "Int64", "declared": true, "file": "computed/twice.parquet"}],
    "state": "computed/twice.rows.parquet"
  }]
}"""


def test_a_folder_as_the_first_version_wrote_it_is_read(tmp_path):
    for name in ("columns", "computed"):
        (tmp_path / name).mkdir()
    pl.DataFrame({"n": [1, 2, 3]}).write_parquet(tmp_path / "columns" / "n.parquet")
    pl.DataFrame({"kept": [1, 2, 5]}).write_parquet(tmp_path / "columns" / "kept.parquet")
    pl.DataFrame({"twice": [2, None, None]}).write_parquet(tmp_path / "computed" / "twice.parquet")
    state = {"known": [True, True, False], "type": [None, "ValueError", None]}
    state |= {"message": [None, "no", None], "function": [None, "doubled", None]}
    pl.DataFrame(state).write_parquet(tmp_path / "computed" / "twice.rows.parquet")
    (tmp_path / "table.json").write_text(VERSION_1)
    t = read(tmp_path, functions={"twice": doubled})
    assert t.errors().rows() == [(1, "twice", "ValueError", "no")]
    assert t.to_polars()["twice"].to_list() == [2, None, 10]
    assert CALLS == [5]


def test_large_columns_lie_in_several_files_and_come_back_whole(tmp_path):
    t = table(100).with_columns(
        vector=pl.Series(np.arange(800, dtype=np.float32).reshape(100, 8)),
        twice=ex.defer(plus_one, "number", returns=int),
    )
    t.head(70).compute("twice")
    write(t, tmp_path / "t", part_bytes=500)
    files = description(tmp_path / "t")["files"]
    assert files["columns/vector/0000.parquet"]["rows"] == 15
    assert files["columns/vector/0006.parquet"]["rows"] == 10
    assert {file: (data_of(tmp_path / "t") / file).stat().st_size for file in files} == {
        file: entry["bytes"] for file, entry in files.items()
    }
    again = read(tmp_path / "t")
    assert_frame_equal(again.to_polars(), t.to_polars())
    assert again.counters.rows_inferred == 30
    whole = pl.read_parquet(data_of(tmp_path / "t") / "columns" / "vector" / "*.parquet")
    assert_frame_equal(whole, t.to_polars("vector"))


def test_a_column_may_be_called_like_the_file_of_another(tmp_path):
    frame = pl.DataFrame({"a": [1], "a.parquet": ["long" * 100], "a/0000": [2]})
    write(ex.from_polars(frame), tmp_path / "t", part_bytes=50)
    assert_frame_equal(read(tmp_path / "t").to_polars(), frame)


def test_the_description_says_how_far_columns_are_computed_and_where_functions_are(tmp_path):
    t = table(6).with_columns(twice=ex.defer(doubled, "number", returns=int))
    with pytest.warns(ex.ExplorerWarning):
        t.head(4).compute("twice")
    write(t, tmp_path / "t")
    function = description(tmp_path / "t")["functions"][1]
    assert (function["computed"], function["failed"]) == (3, 1)
    line = doubled.__code__.co_firstlineno
    assert function["source"] == f"{__file__}:{line}"


def test_one_column_may_be_named_without_a_list(tmp_path):
    write(table(2), tmp_path / "t")
    assert read(tmp_path / "t", columns="number").columns == ["number"]
    with pytest.raises(ex.ColumnNotFoundError, match="Did you mean 'number'"):
        read(tmp_path / "t", columns="nmuber")
    with pytest.raises(ex.ArgumentError, match="columns="):
        read(tmp_path / "t", columns=5)
