"""What is wrong with a file is said, and where in it, and what to type instead."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from functools import partial
from hashlib import sha256

import polars as pl
import pytest

from explorer._errors import ArgumentError
from explorer.sources.diagnosis import Explainer
from explorer.sources.files import read_csv, read_ipc, read_json, read_ndjson, read_parquet
from explorer.sources.opening import opened
from explorer.sources.reading import requested, scanned

READERS = [read_csv, read_parquet, read_ndjson, read_json, read_ipc]
ROWS = "path,label\na.png,cat\nb.png,dog\n"


@pytest.fixture(scope="module")
def long_csv() -> str:
    return "a,b\n" + "".join(f"{row * 2654435761 % 2**32},{row}\n" for row in range(20_000))


# Compressed files


def test_gzip_that_is_cut_off_says_how_much_is_left(put, long_csv, refusal):
    packed = gzip.compress(long_csv.encode())
    cut = packed[: len(packed) // 2]
    lines = zlib.decompressobj(31).decompress(cut).count(b"\n")
    said = refusal(read_csv, put("t.csv.gz", cut))
    assert f"is cut off after {len(cut):,} bytes: its gzip data ends in the middle" in said
    assert f"; {lines:,} whole lines can be unpacked" in said


def test_zstandard_that_is_cut_off(put, zstd, long_csv, refusal):
    packed = zstd(long_csv)
    cut = put("t.csv.zst", packed[: len(packed) // 2])
    assert f"cut off after {len(packed) // 2:,} bytes: its Zstandard data ends" in refusal(read_csv, cut)
    lines = zstd('{"a": 1}\n' * 9)
    assert "its Zstandard data ends" in refusal(read_ndjson, put("t.ndjson.zst", lines[:-3]))


def test_gzip_that_is_damaged(put, long_csv, refusal):
    packed = gzip.compress(long_csv.encode())
    for place in (5_000, len(packed) - 6):
        damaged = (
            packed[:place] + bytes(255 - byte for byte in packed[place : place + 4]) + packed[place + 4 :]
        )
        assert "is damaged: its gzip data cannot be unpacked" in refusal(read_csv, put("t.csv.gz", damaged))
    for rest in (b"rest", b"\0" * 8):
        assert "other bytes after the end" in refusal(read_csv, put("t.csv.gz", packed + rest))


def test_gzip_around_parquet_and_arrow_that_is_cut_off(put, tmp_path, refusal):
    pl.DataFrame({"a": [1, 2]}).write_parquet(tmp_path / "t.parquet")
    packed = gzip.compress((tmp_path / "t.parquet").read_bytes())
    assert "its gzip data ends in the middle" in refusal(read_parquet, put("t.parquet.gz", packed[:-30]))
    assert "its gzip data ends in the middle" in refusal(read_ipc, put("t.arrow.gz", packed[:-30]))


def test_a_file_named_gz_that_is_not_packed_is_read(put):
    assert read_csv(put("t.csv.gz", ROWS)).height == 2


# Other kinds of files


@pytest.mark.parametrize("read", READERS)
def test_pages_pointers_and_archives(read, put, tmp_path, refusal):
    assert "is an HTML page, not" in refusal(read, put("t.x", "<!DOCTYPE html>\n<html><body>Sign in"))
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:1f\nsize 120\n"
    assert "git lfs pull" in refusal(read, put("t.x", pointer))
    for inside, hint in (("xl/workbook.xml", "pl.read_excel"), ("t.csv", "Unpack it first")):
        with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
            archive.writestr(inside, "x")
        assert hint in refusal(read, tmp_path / "t.zip")
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
    assert f'ex.from_polars(pl.read_excel("{tmp_path}/t.xls"))' in refusal(read, put("t.xls", old))
    assert "is a picture (PNG)" in refusal(read, put("t.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0" * 9))


@pytest.mark.parametrize("read", READERS)
def test_the_reader_for_each_kind_is_named(read, put, tmp_path, refusal):
    frame = pl.DataFrame({"a": [1, 2]})
    frame.write_parquet(tmp_path / "t.1")
    frame.write_ipc(tmp_path / "t.2")
    frame.write_ipc_stream(tmp_path / "t.3")
    put("t.4", '{"a": 1}\n{"a": 2}\n')
    put("t.5", '[\n{"a": 1},\n {"a": 2}]\n')
    put("t.6", ROWS)
    right = [read_parquet, read_ipc, read_ipc, read_ndjson, read_json, read_csv]
    for number, reader in enumerate(right, start=1):
        path = tmp_path / f"t.{number}"
        if reader is not read:
            assert f'ex.{reader.__name__}("{path}")' in refusal(read, path)


def test_feather_of_version_1(put, refusal):
    assert "pyarrow.feather.read_table" in refusal(read_ipc, put("t.feather", b"FEA1" + b"\0" * 40))


@pytest.mark.parametrize("header", ["PAR1,b", "BZh,b", "ARROW1,b", "GIF89a,b", "{a},b", "[a],b", "<a>,b"])
def test_a_header_with_the_letters_of_another_kind_is_a_header(put, header):
    assert read_csv(put("t.csv", f"{header}\n1,2\n")).columns == header.split(",")


# CSV


def test_text_that_is_not_utf8_says_what_it_may_be(put, refusal):
    path = put("t.csv", "a,b\nx,1\n“é”,2\n".encode("cp1252"))
    said = refusal(read_csv, path)
    assert "(line 3) is not UTF-8 text" in said
    assert "As cp1252 that line is '“é”,2'." in said
    assert read_csv(path, encoding="cp1252").to_polars().rows()[1] == ("“é”", 2)
    packed = put("t.csv.gz", gzip.compress(path.read_bytes()))
    assert read_csv(packed, encoding="cp1252").to_polars().rows()[1] == ("“é”", 2)
    assert "line 3: not ascii text" in refusal(read_csv, path, encoding="ascii")
    assert "Did you mean 'cp1252'" in refusal(read_csv, path, encoding="cp1525", kind=ArgumentError)


@pytest.mark.parametrize(
    ("written", "meant"), [("utf-16", "utf-16"), ("utf-16-le", "utf-16-le"), ("utf-16-be", "utf-16-be")]
)
def test_utf16_with_and_without_its_mark(put, written, meant, refusal):
    path = put("t.csv", ROWS.encode(written))
    assert f'Pass encoding="{meant}".' in refusal(read_csv, path)
    assert read_csv(path, encoding=meant).columns == ["path", "label"]


def test_a_row_with_too_many_fields_is_counted(put, refusal):
    assert "(line 3) has more fields than the header: 4, not 2" in refusal(
        read_csv, put("t.csv", "a,b\n1,2\n1,2,3,4\n")
    )


def test_lines_that_end_in_carriage_returns_alone(put, refusal):
    path = put("t.csv", "a,b\r1,2\r")
    assert r'Pass eol_char="\r".' in refusal(read_csv, path)
    assert read_csv(path, eol_char="\r").to_polars().rows() == [(1, 2)]


# JSON


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '{"a": 1}\n\noops, {"a": 2}\n',
            """line 3: not JSON (Expecting value); it begins with 'oops, {"a": 2}'""",
        ),
        ('{"a": 1}\n{"a": 2, "b":', "line 2: the file is cut off in the middle of this line"),
        ('{"a": 1}\n{"a": "\xff"}\n', "line 2: not JSON (the text is not UTF-8)"),
        ('[\n{"a": 1}\n]\n', "line 1: '[' opens a document of several lines"),
    ],
)
def test_a_line_that_is_not_json_is_shown(put, zstd, text, said, refusal):
    data = text.encode("latin1")
    assert said in refusal(read_ndjson, put("t.ndjson", data))
    assert said in refusal(read_ndjson, put("t.ndjson.gz", gzip.compress(data)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"a": 1},\n{"a": 2, b: 3}]', "line 2, column 10: not JSON"),
        ('[{"a": 1},\n{"a": 2, "b":', "is cut off: its JSON ends in the middle, in line 2"),
        ('[{"a": 1},\n{"a": "x', "is cut off: its JSON ends in the middle, in line 2"),
        ('{"a": 1}\n{"a": 2}\n', "line 2, column 1: a second value begins here"),
        ("a,b\n1,2\n", "line 1, column 1: not JSON (Expecting value); there stands 'a,b'"),
        (b'[{"a": "\xff"}]', "is not UTF-8 text"),
    ],
)
def test_a_broken_document_says_where(put, text, said, refusal):
    assert said in refusal(read_json, put("t.json", text))
    data = text if isinstance(text, bytes) else text.encode()
    assert said in refusal(read_json, put("t.json.gz", gzip.compress(data)))


# Parquet and Arrow


def test_formats_with_their_index_at_the_end_that_are_cut_off(put, tmp_path, refusal):
    frame = pl.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_ipc(tmp_path / "t.arrow")
    frame.write_ipc_stream(tmp_path / "t.arrows")
    for name, read in (("t.parquet", read_parquet), ("t.arrow", read_ipc)):
        whole = (tmp_path / name).read_bytes()
        said = refusal(read, put(f"cut.{name}", whole[:-9]))
        assert f"is cut off after {len(whole) - 9:,} bytes: its end, which says what is in it" in said
    stream = (tmp_path / "t.arrows").read_bytes()
    assert "cut off" in refusal(read_ipc, put("cut.arrows", stream[: len(stream) // 2]))


@pytest.fixture
def damaged(tmp_path):
    """A Parquet file whose footer is whole and whose column b is not."""
    path = tmp_path / "part2.parquet"
    frame = pl.DataFrame({"a": range(5_000), "b": [sha256(b"%d" % n).hexdigest() for n in range(5_000)]})
    for name in ("part1.parquet", "part2.parquet"):
        frame.write_parquet(tmp_path / name, compression="gzip")
    data = bytearray(path.read_bytes())
    data[-60_000:-50_000] = bytes(10_000)
    path.write_bytes(data)
    return path


def explainer(pattern) -> Explainer:
    sources = opened(pattern, where="ex.read_parquet()", reader="read_parquet")
    return Explainer("ex.read_parquet()", sources, lambda source: pl.scan_parquet(source.place, glob=False))


def failure(frame) -> Exception:
    with pytest.raises((pl.exceptions.PolarsError, OSError)) as caught:
        frame.collect()
    return caught.value


def test_damage_found_late_names_the_file_and_the_column(damaged):
    explain = explainer(damaged.parent / "*.parquet")
    said = str(explain(failure(pl.scan_parquet(damaged.parent / "*.parquet"))))
    assert f"{damaged} is damaged in column 'b'" in said
    assert 'columns=["a", …]' in said
    assert read_parquet(damaged, columns=["a"]).to_polars("a")["a"].sum() == sum(range(5_000))


def test_opening_reads_no_values(damaged):
    scan = partial(pl.scan_parquet, glob=False)
    request = requested(
        damaged.parent / "*.parquet",
        "ex.read_parquet()",
        pl.scan_parquet,
        {},
        base_dir=None,
        include_file_paths="from",
        web=None,
    )
    frame = scanned(request, scan, None)
    assert frame.collect_schema().names() == ["a", "b", "from"]
    assert frame.select(pl.len()).collect().item() == 10_000
    assert frame.select("a").tail(1).collect().item() == 4_999
    assert "parquet" in str(failure(frame))


def test_a_file_that_went_away_or_changed_is_said(damaged):
    explain = explainer(damaged)
    frame = pl.scan_parquet(damaged)
    frame.collect_schema()
    damaged.rename(damaged.with_suffix(".old"))
    error = failure(frame)
    assert "was there when the table was made, and is gone" in str(explain(error))
    pl.DataFrame({"c": [1]}).write_parquet(damaged)
    assert "has changed since the table was made" in str(explain(error))


def test_errors_that_are_not_about_the_files_are_left_alone(tmp_path):
    pl.DataFrame({"a": ["x"]}).write_parquet(tmp_path / "t.parquet")
    explain = explainer(tmp_path / "t.parquet")
    wrong = pl.scan_parquet(tmp_path / "t.parquet").select(pl.col("a").cast(pl.Int64))
    assert "Polars says: conversion from `str` to `i64` failed" in str(explain(failure(wrong)))
    assert "Polars says: no luck" in str(explain(pl.exceptions.ComputeError("no luck")))
    assert "Polars says: no luck" in str(explain(pl.exceptions.DuplicateError("no luck")))


def test_a_panic_is_damage_like_any_other(tmp_path):
    pl.DataFrame({"a": ["x"]}).write_parquet(tmp_path / "t.parquet")
    sources = opened(tmp_path / "t.parquet", where="ex.read_parquet()", reader="read_parquet")

    def panics(source):
        raise pl.exceptions.PanicException("index out of range")

    explain = Explainer("ex.read_parquet()", sources, panics)
    said = str(explain(pl.exceptions.PanicException("index out of range")))
    assert "t.parquet is damaged or cut off: index out of range" in said
