from __future__ import annotations

import errno
import json

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


def change(folder, **changes):
    (folder / "table.json").write_text(json.dumps(description(folder) | changes), encoding="utf-8")


def data_of(folder):
    return folder / description(folder)["data"]


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


def test_a_table_of_a_newer_version_is_refused_and_left_alone(tmp_path):
    write(table(2), tmp_path / "t")
    change(tmp_path / "t", version=3, explorer="9.0")
    with pytest.raises(ex.SourceError, match=r"version 3 of the format, by explorer 9\.0") as caught:
        read(tmp_path / "t")
    assert "reads up to version 2" in caught.value.message
    assert "pip install -U explorer" in caught.value.hint
    with pytest.raises(ex.SourceError, match="holds a table already"):
        write(table(3), tmp_path / "t")


def test_what_a_description_says_beyond_what_is_known_is_left_alone(tmp_path):
    write(table(2), tmp_path / "t")
    content = description(tmp_path / "t")
    columns = [column | {"unit": "cm"} for column in content["columns"]]
    functions = [function | {"colour": "red"} for function in content["functions"]]
    change(tmp_path / "t", note="made by hand", columns=columns, functions=functions)
    assert read(tmp_path / "t")["image"][1]().getpixel((0, 0)) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": 5}, "'columns' is 5, expected is a list"),
        ({"columns": ["label"]}, r"columns\[0\] is 'label'"),
        ({"columns": [{"nam": "a", "file": "columns/label.parquet"}]}, r"columns\[0\] has no 'name'"),
        ({"columns": [{"name": "a", "file": ["x"]}]}, r"'file' of the column 'a' is \['x'\]"),
        ({"columns": 2 * [{"name": "a", "file": "columns/label.parquet"}]}, r"columns\[1\] is a second 'a'"),
        ({"columns": [{"name": "a"}]}, "the column 'a' has neither a 'file' nor a 'function'"),
        ({"columns": [{"name": "a", "function": 99, "output": ""}]}, "function 99, but there are 1"),
        ({"columns": [{"name": "a", "function": 0, "output": "b"}]}, "has no output 'b'"),
        ({"columns": [{"name": "__explorer_row__", "file": "columns/label.parquet"}]}, "no column may have"),
        ({"columns": [{"name": "a", "file": "../../etc/passwd"}]}, "passwd"),
        ({"columns": [{"name": "a", "file": "/etc/passwd"}]}, "passwd"),
        ({"columns": [{"name": "a", "file": "columns/gone.parquet"}]}, "gone.parquet"),
        ({"rows": "many"}, "'rows' is 'many', expected is a whole number"),
        ({"rows": -1}, "'rows' is -1"),
        ({"rows": 2.5}, r"'rows' is 2\.5"),
        ({"functions": []}, "function 0, but there are 0"),
        ({"functions": [{"name": "image"}]}, r"functions\[0\] has no 'kind'"),
        ({"version": "1"}, "its version is '1'"),
        ({"version": True}, "its version is True"),
        ({"version": 0}, "its version is 0"),
        ({"data": "../other"}, r"'data' is '\.\./other'"),
        ({"data": None}, "'data' is None"),
        ({"files": []}, r"'files' is \[\]"),
        ({"files": {"columns/label.parquet": {"rows": 2}}}, "has no 'bytes'"),
        ({"folders": {"/photos": 5}}, "'folders' says 5"),
        ({"base_dir": 5}, "'base_dir' is 5, expected is a text or null"),
    ],
)
def test_a_description_changed_wrongly_by_hand_says_where(tmp_path, changes, message):
    write(table(2), tmp_path / "t")
    change(tmp_path / "t", **changes)
    with pytest.raises(ex.SourceError, match=message) as caught:
        read(tmp_path / "t")
    assert f"{tmp_path / 't' / 'table.json'} is damaged" in caught.value.message


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (lambda text: "", "not JSON"),
        (lambda text: text[: len(text) // 2], r"only the beginning of it: .*line \d+ column"),
        (lambda text: "rows: 2", "not JSON"),
        (lambda text: "\ufeff", "not JSON"),
        (lambda text: "[]", "is not the description of a table"),
        (lambda text: '{"format": "other"}', "is not the description of a table"),
    ],
)
def test_a_description_that_is_cut_off_or_none_is_an_error_of_ours(tmp_path, keep, message):
    write(table(2), tmp_path / "t")
    path = tmp_path / "t" / "table.json"
    path.write_text(keep(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ex.SourceError, match=message) as caught:
        read(tmp_path / "t")
    if "JSON" in message:
        kept = caught.value.hint.split('"')[1]
        assert pl.read_parquet(kept).height == 2


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
    path = data_of(tmp_path / "t") / file
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    sizes = rf"{len(whole) // 2:,} of {len(whole):,} bytes are there \(50 rows are expected\)"
    with pytest.raises(ex.SourceError, match=rf"{path.name} is truncated: {sizes}") as caught:
        read(tmp_path / "t")
    assert "columns=[…]" in caught.value.hint
    path.write_bytes(b"\0" * len(whole))
    with pytest.raises(ex.SourceError, match=rf"{path.name} is truncated or damaged \({len(whole):,} bytes"):
        read(tmp_path / "t")
    pl.read_parquet(whole).head(3).write_parquet(path)
    with pytest.raises(ex.SourceError, match=rf"{path.name} has 3 rows, but the table has 50"):
        read(tmp_path / "t")
    path.unlink()
    with pytest.raises(ex.SourceError, match=rf"{path.name} is missing"):
        read(tmp_path / "t")
    assert read(tmp_path / "t", columns=["number"]).height == 50


def test_one_part_of_a_column_that_is_missing_or_of_another_length_is_named(tmp_path):
    write(ex.from_polars({"number": range(1000)}), tmp_path / "t", part_bytes=3000)
    path = data_of(tmp_path / "t") / "columns" / "number" / "0001.parquet"
    pl.read_parquet(path).head(3).write_parquet(path)
    with pytest.raises(ex.SourceError, match=r"0001\.parquet has 3 rows, but the table has 334 of them"):
        read(tmp_path / "t")
    path.unlink()
    with pytest.raises(ex.SourceError, match=r"number/0001\.parquet is missing"):
        read(tmp_path / "t")
    content = description(tmp_path / "t")
    files = {file: entry for file, entry in content["files"].items() if "0001" not in file}
    change(tmp_path / "t", files=files)
    with pytest.raises(ex.SourceError, match="has 666 rows, but the table has 1,000"):
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


@pytest.mark.parametrize("error", [OSError(errno.EROFS, "Read-only file system"), KeyboardInterrupt()])
def test_a_last_step_that_fails_leaves_the_table_that_was_there(tmp_path, error):
    def replace(source, target):
        raise error

    write(table(2), tmp_path / "t")
    inside = sorted(path.name for path in (tmp_path / "t").iterdir())
    with pytest.raises((ex.SourceError, KeyboardInterrupt)) as caught:
        write(table(3), tmp_path / "t", overwrite=True, replace=replace)
    assert "The table that was there is unchanged" in str(caught.value) or caught.value is error
    assert read(tmp_path / "t").height == 2
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == inside


def test_an_interrupt_right_after_the_last_step_leaves_the_new_table(tmp_path):
    def replace(source, target):
        source.replace(target)
        raise KeyboardInterrupt

    write(table(2), tmp_path / "t")
    with pytest.raises(KeyboardInterrupt):
        write(table(3), tmp_path / "t", overwrite=True, replace=replace)
    assert read(tmp_path / "t").height == 3
    write(table(4), tmp_path / "t", overwrite=True)
    assert len([*(tmp_path / "t").iterdir()]) == 2


def test_a_new_table_that_fails_leaves_nothing(tmp_path):
    def replace(source, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ex.SourceError, match="No space left") as caught:
        write(table(3), tmp_path / "t", replace=replace)
    assert caught.value.hint == "Nothing was written."
    assert not list(tmp_path.iterdir())


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
