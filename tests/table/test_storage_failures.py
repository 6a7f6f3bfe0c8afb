from __future__ import annotations

import errno
import json
import subprocess
import sys
import textwrap

import polars as pl
import pytest

import explorer as ex
from explorer.table.restoring import read
from explorer.table.storage import write
from tests.digits_like import table


def doubled(number):
    return 2 * number


def description(folder):
    return json.loads((folder / "table.json").read_text(encoding="utf-8"))


# What goes wrong on the way in


def test_a_missing_folder_names_its_nearest_neighbour(tmp_path):
    (tmp_path / "digits").mkdir()
    with pytest.raises(ex.SourceError, match="does not exist") as caught:
        read(tmp_path / "digit")
    assert caught.value.hint == "Did you mean 'digits'?"


def test_a_folder_of_something_else_is_not_a_table(tmp_path):
    with pytest.raises(ex.SourceError, match="not the folder of a table"):
        read(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ex.SourceError, match="is a file"):
        read(tmp_path / "file")
    with pytest.raises(ex.ArgumentError, match="takes the path"):
        read(5)


def test_a_table_of_a_newer_version_is_refused(tmp_path):
    write(table(2), tmp_path / "t")
    content = description(tmp_path / "t") | {"version": 2, "explorer": "9.0"}
    (tmp_path / "t" / "table.json").write_text(json.dumps(content))
    with pytest.raises(ex.SourceError, match=r"version 2 of the format, by explorer 9\.0") as caught:
        read(tmp_path / "t")
    assert "--upgrade" in caught.value.hint


@pytest.mark.parametrize(
    "change",
    [
        {"columns": 5},
        {"rows": "many"},
        {"functions": []},
        {"version": "1"},
        {"version": True},
        {"columns": [{"name": "a", "file": "../../etc/passwd"}]},
        {"columns": [{"name": "a", "file": "/etc/passwd"}]},
        {"columns": [{"name": "a"}]},
        {"columns": [{"name": "a", "function": 99, "output": ""}]},
        {"columns": [{"name": "__explorer_row__", "file": "columns/label.parquet"}]},
    ],
)
def test_a_damaged_description_is_an_error_of_ours(tmp_path, change):
    write(table(2), tmp_path / "t")
    content = description(tmp_path / "t") | change
    (tmp_path / "t" / "table.json").write_text(json.dumps(content))
    with pytest.raises(ex.SourceError, match="damaged"):
        read(tmp_path / "t")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "other"}', "\ufeff"])
def test_a_description_that_is_none_is_an_error_of_ours(tmp_path, text):
    write(table(2), tmp_path / "t")
    (tmp_path / "t" / "table.json").write_text(text, encoding="utf-8")
    with pytest.raises(ex.SourceError, match=r"table\.json is"):
        read(tmp_path / "t")


def test_functions_that_need_each_other_are_refused(tmp_path):
    write(ex.from_polars({"number": [1]}).with_columns(y=ex.defer(doubled)), tmp_path / "t")
    content = description(tmp_path / "t")
    content["functions"][0]["reads"] = [{"function": 0, "output": ""}]
    (tmp_path / "t" / "table.json").write_text(json.dumps(content))
    with pytest.raises(ex.SourceError, match="need each other"):
        read(tmp_path / "t")


@pytest.mark.parametrize(
    "file", ["columns/label.parquet", "computed/twice.parquet", "computed/twice.rows.parquet"]
)
def test_a_missing_truncated_or_foreign_file_is_named(tmp_path, file):
    t = table(50).with_columns(twice=ex.defer(doubled, "number", returns=int)).drop("image")
    t.compute()
    write(t, tmp_path / "t")
    path = tmp_path / "t" / file
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ex.SourceError, match=rf"{path.name} is truncated or damaged"):
        read(tmp_path / "t")
    pl.read_parquet(whole).head(3).write_parquet(path)
    with pytest.raises(ex.SourceError, match=rf"{path.name} has 3 rows, but the table has 50"):
        read(tmp_path / "t")
    path.unlink()
    with pytest.raises(ex.SourceError, match=rf"{path.name} is missing"):
        read(tmp_path / "t")


def test_a_function_given_for_no_column_is_refused(tmp_path):
    write(table(2).with_columns(pred=ex.defer(doubled, "number")), tmp_path / "t")
    with pytest.raises(ex.ArgumentError, match="Did you mean 'pred'"):
        read(tmp_path / "t", functions={"perd": doubled})
    with pytest.raises(ex.ArgumentError, match="which is a function"):
        read(tmp_path / "t", functions={"pred": 5})
    with pytest.raises(ex.ArgumentError, match="does not stand for"):
        read(tmp_path / "t", functions={"pred": ex.defer(max, "number", "label")})


# What goes wrong on the way out


def test_a_table_that_is_there_is_replaced_only_when_asked(tmp_path):
    write(table(2), tmp_path / "t")
    with pytest.raises(ex.SourceError, match="holds a table already") as caught:
        write(table(3), tmp_path / "t")
    assert "overwrite=True" in caught.value.hint
    assert read(tmp_path / "t").height == 2
    write(table(3), tmp_path / "t", overwrite=True)
    assert read(tmp_path / "t").height == 3
    again = read(tmp_path / "t").filter(pl.col("number") > 0)
    write(again, tmp_path / "t", overwrite=True)
    assert read(tmp_path / "t").height == 2
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


def test_nothing_but_a_table_is_ever_replaced(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    write(table(2), photos)
    (photos / "a.jpg").touch()
    with pytest.raises(ex.SourceError, match=r"it holds 'a\.jpg'"):
        write(table(3), photos, overwrite=True)
    (tmp_path / "file").touch()
    with pytest.raises(ex.SourceError, match="is a file"):
        write(table(3), tmp_path / "file", overwrite=True)
    with pytest.raises(ex.SourceError, match="does not exist"):
        write(table(3), tmp_path / "no" / "t")
    assert (photos / "a.jpg").exists()


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("error", [OSError(errno.EROFS, "Read-only file system"), KeyboardInterrupt()])
def test_a_step_that_fails_leaves_the_table_that_was_there(tmp_path, step, error):
    steps = []

    def replace(source, target):
        steps.append(source)
        if len(steps) == step:
            raise error
        source.replace(target)

    write(table(2), tmp_path / "t")
    with pytest.raises((ex.SourceError, KeyboardInterrupt)) as caught:
        write(table(3), tmp_path / "t", overwrite=True, replace=replace)
    assert "Read-only file system" in str(caught.value) or caught.value is error
    assert read(tmp_path / "t").height == 2
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


def test_a_new_table_that_fails_leaves_nothing(tmp_path):
    def replace(source, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ex.SourceError, match="No space left") as caught:
        write(table(3), tmp_path / "t", replace=replace)
    assert caught.value.hint == "Nothing was written."
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("step", [1, 2])
def test_a_process_that_is_killed_loses_no_table(tmp_path, step):
    write(table(2), tmp_path / "t")
    code = f"""
        import os, polars as pl
        import explorer as ex
        from explorer.table.storage import write
        steps = []
        def replace(source, target):
            steps.append(source)
            if len(steps) == {step}:
                os._exit(9)
            os.replace(source, target)
        write(ex.from_polars({{"a": [1]}}), {str(tmp_path / "t")!r}, overwrite=True, replace=replace)
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False).returncode == 9
    if step == 1:
        assert read(tmp_path / "t").height == 2
        return
    with pytest.raises(ex.SourceError, match="cut short") as caught:
        read(tmp_path / "t")
    assert read(caught.value.hint.split('"')[1]).height == 2


def test_a_place_that_cannot_be_written_says_so_and_leaves_nothing_behind(tmp_path):
    def refuse(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    with pytest.raises(ex.SourceError, match="Read-only file system"):
        write(table(2), tmp_path / "t", replace=refuse)
    assert not list(tmp_path.iterdir())


def test_values_that_no_file_holds_are_refused_before_anything_is_written(tmp_path):
    t = ex.from_polars({"o": pl.Series([object()], dtype=pl.Object)})
    with pytest.raises(ex.ArgumentError, match="'o' holds Python objects"):
        write(t, tmp_path / "t")
    t = t.with_columns(size=ex.defer(lambda o: 1, returns=int)).drop("o")
    with pytest.raises(ex.ArgumentError, match="that a deferred one reads holds Python objects"):
        write(t, tmp_path / "t")
    t = ex.from_polars({"s": pl.Series([{}], dtype=pl.Struct({}))})
    with pytest.raises(ex.SourceError, match="the column 's'"):
        write(t, tmp_path / "t")
    assert not list(tmp_path.iterdir())
