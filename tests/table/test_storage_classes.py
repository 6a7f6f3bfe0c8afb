"""Classes and processes of deferred columns, written to a folder and read back."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

import explorer as ex


class Scaled:
    def __init__(self, by=1, *, names=()):
        self.by = by
        self.names = names

    def __call__(self, number) -> int:
        return self.by * number


class Reader:
    def __init__(self, path):
        self.path = path

    def __call__(self, number) -> int:
        return number


class Silent:
    pass


def written(tmp_path, **options):
    t = ex.from_polars({"number": [1, 2, 3]})
    t = t.with_columns(scaled=ex.defer(options.pop("function", Scaled), "number", returns=int, **options))
    t.head(1).compute()
    t.write(tmp_path / "t")
    return tmp_path / "t"


def values(t):
    return t.to_polars("scaled")["scaled"].to_list()


def edited(folder, **changes):
    path = folder / "table.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["functions"][0] |= changes
    path.write_text(json.dumps(content), encoding="utf-8")


def test_a_class_comes_back_with_what_it_is_made_with(tmp_path):
    folder = written(tmp_path, init={"by": 10, "names": ["a"]}, workers=3)
    again = ex.read(folder)
    spec = again._binding.deferred["scaled"].node.spec
    assert (spec.function, dict(spec.init), spec.workers) == (Scaled, {"by": 10, "names": ["a"]}, 3)
    assert values(again) == [10, 20, 30]
    assert again.counters.rows_inferred == 2
    again.write(tmp_path / "again")
    assert values(ex.read(tmp_path / "again")) == [10, 20, 30]


def test_processes_come_back(tmp_path):
    folder = written(tmp_path, init={"by": 10}, processes=True, workers=2)
    again = ex.read(folder)
    assert "in 2 processes" in again.explain()
    assert values(again) == [10, 20, 30]


def test_a_class_that_is_given_is_made_with_what_the_table_tells(tmp_path):
    class Local(Scaled):
        pass

    folder = written(tmp_path, function=Local, init={"by": 10})
    with pytest.warns(ex.ExplorerWarning, match="test_storage_classes.py:"):
        assert ex.read(folder).deferred == []
    assert values(ex.read(folder, functions={"scaled": Local})) == [10, 20, 30]
    assert values(ex.read(folder, functions={"scaled": lambda number: 7 * number})) == [10, 14, 21]
    with pytest.raises(ex.ArgumentError, match=r"Reader\(path\)"):
        ex.read(folder, functions={"scaled": Reader})


@pytest.mark.parametrize("init", [{"by": 1, "names": ("a",)}, {"names": Path()}, {"names": {1: 2}}])
def test_a_class_made_with_what_no_file_keeps_stays_as_what_it_computed(tmp_path, init):
    folder = written(tmp_path, init=init)
    with pytest.warns(ex.ExplorerWarning, match="init=, holds values that no file keeps"):
        again = ex.read(folder)
    assert values(again) == [1, None, None]
    spec = ex.defer(Scaled, "number", init=init, returns=int)
    assert values(ex.read(folder, functions={"scaled": spec})) == [1, 2, 3]


def test_a_table_of_before_classes_were_kept_is_read(tmp_path):
    folder = written(tmp_path, init={"by": 10})
    path = folder / "table.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    for key in ("processes", "class", "init"):
        del content["functions"][0][key]
    path.write_text(json.dumps(content | {"functions": content["functions"]}), encoding="utf-8")
    with pytest.warns(ex.ExplorerWarning, match="has no function Scaled"):
        assert ex.read(folder).deferred == []


@pytest.mark.parametrize("name", ["Silent", "values", "Path", "nothing"])
def test_a_name_of_something_else_than_a_class_that_can_be_called_attaches_nothing(tmp_path, name):
    folder = written(tmp_path, init={"by": 10})
    edited(folder, function=f"{__name__}:{name}")
    with pytest.warns(ex.ExplorerWarning, match=f"has no class {name}"):
        assert ex.read(folder).deferred == []


def test_what_a_class_is_made_with_is_checked(tmp_path):
    folder = written(tmp_path, init={"by": 10})
    edited(folder, init=[1])
    with pytest.raises(ex.SourceError, match="expected are keywords"):
        ex.read(folder)


def test_a_class_that_takes_other_keywords_by_now_says_so_when_a_row_is_wanted(tmp_path):
    folder = written(tmp_path, init={"by": 10})
    edited(folder, init={"bi": 10})
    again = ex.read(folder)
    with pytest.raises(ex.WorkerError, match=r"Scaled could not be made.*'bi'"):
        again.filter(pl.col("number") > 1).compute("scaled")
