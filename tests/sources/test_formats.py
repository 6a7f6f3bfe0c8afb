"""Each format is read plain and packed; what can wait is not read."""

from __future__ import annotations

import gzip
import subprocess
import sys

import polars as pl
import pytest

from explorer._errors import ArgumentError, ColumnNotFoundError
from explorer.sources.files import read_csv, read_ipc, read_json, read_ndjson, read_parquet

FRAME = pl.DataFrame({"path": ["a.png", "b.png"], "label": [1, 2]})


def write_stream(frame, path):
    frame.write_ipc_stream(path)


FORMATS = {
    "csv": (read_csv, pl.DataFrame.write_csv),
    "parquet": (read_parquet, pl.DataFrame.write_parquet),
    "ndjson": (read_ndjson, pl.DataFrame.write_ndjson),
    "json": (read_json, pl.DataFrame.write_json),
    "arrow": (read_ipc, pl.DataFrame.write_ipc),
    "arrows": (read_ipc, write_stream),
}


@pytest.mark.parametrize("name", FORMATS)
def test_plain_and_packed_are_the_same_table(name, tmp_path):
    read, write = FORMATS[name]
    path = tmp_path / f"t.{name}"
    write(FRAME, path)
    assert read(path).to_polars().equals(FRAME)
    packed = tmp_path / f"t.{name}.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read(packed).to_polars().equals(FRAME)
    misnamed = tmp_path / f"u.{name}"
    misnamed.write_bytes(packed.read_bytes())
    assert read(misnamed).to_polars().equals(FRAME)


@pytest.mark.parametrize("name", FORMATS)
def test_zstandard_too(name, tmp_path):
    arrow = pytest.importorskip("pyarrow")
    read, write = FORMATS[name]
    path = tmp_path / f"t.{name}"
    write(FRAME, path)
    packed = tmp_path / f"t.{name}.zst"
    packed.write_bytes(arrow.compress(path.read_bytes(), codec="zstd", asbytes=True))
    assert read(packed).to_polars().equals(FRAME)


def test_text_in_zstandard_needs_no_other_library(put, zstd):
    code = (
        "import sys; sys.modules['pyarrow'] = None; sys.modules['compression'] = None\n"
        "import explorer as ex\n"
        "print(ex.read_csv(sys.argv[1]).height, ex.read_ndjson(sys.argv[2]).height)\n"
        "try: ex.read_parquet(sys.argv[1])\n"
        "except ex.MissingExtraError as error: print(error.hint)\n"
    )
    csv, ndjson = put("t.csv.zst", zstd("a\n1\n2\n")), put("t.ndjson.zst", zstd('{"a": 1}\n'))
    run = [sys.executable, "-W", "error", "-c", code, csv, ndjson]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["2 1", 'Install it with: pip install "explorer[arrow]"'], done.stderr


# Arrow IPC and Parquet


def test_columns_by_name_and_by_place(tmp_path, refusal):
    FRAME.write_ipc(tmp_path / "t.arrow")
    FRAME.write_parquet(tmp_path / "t.parquet")
    for read, path in ((read_ipc, tmp_path / "t.arrow"), (read_parquet, tmp_path / "t.parquet")):
        assert read(path, columns=["label"]).columns == ["label"]
        assert read(path, columns=[1, 0]).columns == ["label", "path"]
        assert read(path, columns=["label"], include_file_paths="from").columns == ["label", "from"]
        assert "Did you mean 'label'" in refusal(read, path, columns=["lable"], kind=ColumnNotFoundError)
        assert "there are 2 columns" in refusal(read, path, columns=[2], kind=ArgumentError)
        assert "columns=['label']" in refusal(read, path, columns="label", kind=ArgumentError)
        assert read(path, n_rows=0).height == 0
        for wrong in (-1, "2", 1.0, True):
            assert "n_rows is a number" in refusal(read, path, n_rows=wrong, kind=ArgumentError)


def test_streams_and_files_go_together(tmp_path):
    FRAME.write_ipc(tmp_path / "1.arrow")
    FRAME.write_ipc_stream(tmp_path / "2.arrow")
    table = read_ipc(tmp_path / "*.arrow", row_index_name="row", columns=["label"])
    assert table.to_polars().rows() == [(0, 1), (1, 2), (2, 1), (3, 2)]


def test_hive_folders_give_columns_when_asked(tmp_path):
    for split in ("train", "val"):
        (tmp_path / f"split={split}").mkdir()
        FRAME.write_parquet(tmp_path / f"split={split}" / "part.parquet")
    table = read_parquet(tmp_path / "*" / "part.parquet", hive_partitioning=True)
    assert table.to_polars("split")["split"].to_list() == ["train", "train", "val", "val"]


# JSON documents


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('[{"a": 1, "b": "x"}, {"a": 2}]', [(1, "x"), (2, None)]),
        ('{"a": [1, 2], "b": ["x", "y"]}', [(1, "x"), (2, "y")]),
        ('\ufeff [{"a": 1}]', [(1,)]),
        ('{"a": 1, "b": [1, 2]}', [(1, [1, 2])]),
        ('{"a": [], "b": 1}', [([], 1)]),
    ],
)
def test_documents(put, text, rows):
    assert read_json(put("t.json", text)).to_polars().rows() == rows


def test_a_late_field_of_json_is_not_lost(put):
    text = "[" + '{"a": 1}, ' * 300 + '{"a": 1, "b": 2.5}]'
    assert read_json(put("t.json", text)).columns == ["a", "b"]


def test_documents_that_are_no_table(put, refusal):
    coco = put("coco.json", '{"info": {}, "images": [{"id": 1}, {"id": 2}], "annotations": [{"x": 1}]}')
    said = refusal(read_json, coco)
    assert "one object of several parts ('info', 'images', 'annotations')" in said
    hint = said.partition("ex.from_polars(")[2][:-1]
    assert eval(hint, {"pl": pl}).rows() == [(1,), (2,)]  # noqa: S307 - what it tells people to type works
    pandas = put("p.json", '{"a": {"0": 1, "1": 2}, "b": {"0": 1, "1": 2}}')
    assert '.to_json(path, orient="records")' in refusal(read_json, pandas)
    assert "has no rows" in refusal(read_json, put("e.json", "[]"))
    assert "item 1 of the array is a number" in refusal(read_json, put("i.json", '[{"a": 1}, 5]'))
    assert "holds a text" in refusal(read_json, put("s.json", '"a"'))
