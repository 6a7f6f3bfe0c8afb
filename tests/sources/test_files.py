"""CSV, Parquet and NDJSON become tables, or errors that say what is wrong and where."""

from __future__ import annotations

import gzip
import os

import polars as pl
import pytest
from PIL import Image

from explorer._errors import ArgumentError, ColumnNotFoundError, SourceError
from explorer.sources.files import read_csv, read_ndjson, read_parquet
from explorer.table.image_column import image

ROWS = "path,label\na.png,cat\nb.png,dog\n"


# What is read


def test_the_three_formats_give_the_same_table(put, tmp_path):
    frame = pl.DataFrame({"path": ["a.png", "b.png"], "label": ["cat", "dog"]})
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_ndjson(tmp_path / "t.ndjson")
    for table in (
        read_csv(put("t.csv", ROWS)),
        read_csv(put("t.tsv", ROWS.replace(",", "\t")), separator="\t"),
        read_csv(put("t.csv.gz", gzip.compress(ROWS.encode()))),
        read_parquet(tmp_path / "t.parquet"),
        read_ndjson(tmp_path / "t.ndjson"),
        read_ndjson(put("t.ndjson.gz", gzip.compress((tmp_path / "t.ndjson").read_bytes()))),
    ):
        assert table.to_polars().equals(frame)


def test_polars_keywords_pass_through(put, tmp_path):
    path = put("t.csv", ROWS)
    assert read_csv(path, n_rows=1, columns=["label"]).to_polars().rows() == [("cat",)]
    assert read_csv(path, n_rows=0).height == 0
    pl.DataFrame({"a": [1], "b": [2]}).write_parquet(tmp_path / "t.parquet")
    assert read_parquet(tmp_path / "t.parquet", columns=["b"]).columns == ["b"]


def test_a_name_is_never_taken_for_a_pattern(put, tmp_path):
    put("set1.csv", "a\n1\n")
    assert read_csv(put("set[1].csv", "a\n7\n")).to_polars().item() == 7
    put("set1.ndjson", '{"a": 1}\n')
    assert read_ndjson(put("set[1].ndjson", '{"a": 7}\n')).to_polars().item() == 7
    pl.DataFrame({"a": [7]}).write_parquet(tmp_path / "set*.parquet")
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "set1.parquet")
    assert read_parquet(tmp_path / "set*.parquet").to_polars().item() == 7


def test_home_and_variables_are_expanded(put, tmp_path, monkeypatch):
    put("t.csv", ROWS)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PHOTOS", str(tmp_path))
    assert read_csv("~/t.csv").height == 2
    assert read_csv("$PHOTOS/t.csv", base_dir="${PHOTOS}").height == 2
    put("$PHOTOS.csv", "a\n1\n")
    assert read_csv(tmp_path / "$PHOTOS.csv").height == 1


def test_image_paths_are_relative_to_the_file_or_to_base_dir(put, tmp_path):
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (3, 2)).save(tmp_path / "a.png")
    Image.new("RGB", (5, 4)).save(tmp_path / "photos" / "a.png")
    path = put("t.csv", ROWS)
    beside = read_csv(path).with_columns(img=image("path"))
    below = read_csv(path, base_dir=tmp_path / "photos").with_columns(img=image("path"))
    assert beside["img"][0]().size == (3, 2)
    assert below["img"][0]().size == (5, 4)


def test_a_late_field_of_ndjson_is_not_lost(put):
    table = read_ndjson(put("t.ndjson", '{"a": 1}\n' * 300 + '{"a": 1, "b": 2.5}\n'))
    assert table.columns == ["a", "b"]
    assert table.to_polars("b")["b"].drop_nulls().to_list() == [2.5]


# What is refused


@pytest.mark.parametrize("read", [read_csv, read_parquet, read_ndjson])
def test_paths_that_lead_nowhere(read, put, tmp_path, refusal):
    put("photos.data", ROWS)
    assert "Did you mean 'photos.data'" in refusal(read, tmp_path / "fotos.data")
    assert f"there is no 'missing' in {tmp_path}" in refusal(read, tmp_path / "missing" / "deep" / "t.csv")
    assert "is a folder, not a file" in refusal(read, tmp_path)
    assert f'ex.read_folder("{tmp_path}")' in refusal(read, tmp_path)
    assert "is empty (0 bytes)" in refusal(read, put("nothing", ""))
    assert "fetches http and https, not s3" in refusal(read, "s3://bucket/t.csv")
    assert "not bytes" in refusal(read, b"t.csv", kind=ArgumentError)
    assert "empty" in refusal(read, "", kind=ArgumentError)
    assert "$NO_SUCH_VARIABLE is not set" in refusal(read, "$NO_SUCH_VARIABLE/t.csv")
    assert "does not exist" in refusal(read, "x" * 5000)


@pytest.mark.parametrize(
    ("read", "given", "near"),
    [
        (read_csv, "seperator", "separator"),
        (read_parquet, "colums", "columns"),
        (read_ndjson, "ignore_error", "ignore_errors"),
        (read_csv, "basedir", "base_dir"),
    ],
)
def test_an_unknown_keyword_names_the_nearest(read, given, near, tmp_path, refusal):
    said = refusal(read, tmp_path / "t", kind=ArgumentError, **{given: 1})
    assert f"has no keyword '{given}'" in said
    assert f"'{near}'" in said


def test_a_missing_base_dir_names_the_part_that_is_missing(put, tmp_path, refusal):
    (tmp_path / "photos").mkdir()
    said = refusal(read_csv, put("t.csv", ROWS), base_dir=tmp_path / "fotos" / "all")
    assert f"there is no 'fotos' in {tmp_path}" in said
    assert "Did you mean 'photos'" in said


def test_files_without_rows(put, tmp_path, refusal):
    assert "has a header but no rows" in refusal(read_csv, put("t.csv", "a,b\n"))
    pl.DataFrame({"a": []}).write_parquet(tmp_path / "t.parquet")
    assert "has columns but no rows" in refusal(read_parquet, tmp_path / "t.parquet")
    assert "has no rows" in refusal(read_ndjson, put("t.ndjson", "\n\n"))


@pytest.mark.parametrize("packed", [False, True])
def test_csv_errors_name_the_line(put, packed, refusal):
    def written(text: str | bytes):
        data = text if isinstance(text, bytes) else text.encode()
        return put("t.csv", gzip.compress(data) if packed else data)

    ragged = refusal(read_csv, written('a,b\n1,"two\nlines"\n3,4\n5,6,7\n8,9\n'))
    assert "(line 5) has more fields than the header" in ragged
    assert "truncate_ragged_lines=True" in ragged
    typed = refusal(read_csv, written("a,b\n" + "1,2\n" * 200 + "many,2\n"))
    assert "(line 202) holds 'many' in column 'a', which the first rows say is i64" in typed
    assert "infer_schema_length=None" in typed
    latin = refusal(read_csv, written("a,b\nx,1\né,2\n".encode("latin1")))
    assert "(line 3) is not UTF-8 text" in latin
    assert "quote" in refusal(read_csv, written('a,b\n1,"2\n3,4\n'))


def test_the_cause_is_kept(put):
    with pytest.raises(SourceError) as caught:
        read_csv(put("t.csv", "a\n1,2\n"))
    assert isinstance(caught.value.__cause__, pl.exceptions.PolarsError)


def test_two_columns_of_one_name_are_refused(put, refusal):
    path = put("t.csv", "a,b,a\n1,2,3\n")
    assert "two columns named 'a'" in refusal(read_csv, path)
    assert read_csv(path, new_columns=["x", "y", "z"]).columns == ["x", "y", "z"]
    assert read_csv(put("u.csv", "a,a_duplicated_0\n1,2\n")).columns == ["a", "a_duplicated_0"]


def test_a_column_that_is_not_there_names_the_nearest(put, tmp_path, refusal):
    path = put("t.csv", ROWS)
    pl.read_csv(path).write_parquet(tmp_path / "t.parquet")
    for read, file in ((read_csv, path), (read_parquet, tmp_path / "t.parquet")):
        assert "Did you mean 'label'" in refusal(read, file, columns=["lable"], kind=ColumnNotFoundError)


def test_a_wrong_value_of_a_keyword_is_an_argument_error(put, refusal):
    assert "separator" in refusal(read_csv, put("t.csv", ROWS), separator=";;", kind=ArgumentError)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1}\n\n{"a": 2\n{"a": 3}\n', "line 3: not JSON (Expecting ',' delimiter)"),
        ("hello\n", "line 1: not JSON"),
        ('[{"a": 1}, {"a": 2}]\n', "line 1: a JSON array; one object a line is expected"),
        ('{"a": 1}\n7\n', "line 2: JSON, but not an object"),
    ],
)
def test_ndjson_errors_name_the_line(put, text, said, refusal):
    assert said in refusal(read_ndjson, put("t.ndjson", text))
    assert said in refusal(read_ndjson, put("t.ndjson.gz", gzip.compress(text.encode())))


def test_a_file_that_is_cut_off(put, tmp_path, refusal):
    packed = gzip.compress(os.urandom(3000).hex().encode())
    assert "is cut off" in refusal(read_csv, put("t.csv.gz", packed[:-20]))
    assert "is cut off" in refusal(read_ndjson, put("t.ndjson.gz", packed[:-20]))
    pl.DataFrame({"a": [1, 2]}).write_parquet(tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    assert f"cut off after {len(whole) - 9} bytes" in refusal(read_parquet, put("c.parquet", whole[:-9]))


# Real data


def test_imagenette_is_read_with_its_photos(data_dir):
    table = read_csv(data_dir / "imagenette" / "imagenette.csv").with_columns(img=image("img_path"))
    assert table.height == 4000
    assert table.counters.images_decoded == 0
    assert table["img"][0]().mode == "RGB"


def test_ten_thousand_digits_are_read(data_dir):
    (path,) = (data_dir / "mnist").glob("*.json.gz")
    table = read_ndjson(path)
    assert table.height == 10_000
    assert table.schema["image"] == pl.List(pl.Int64)
