"""Patterns, lists and URLs lead to the files that were meant, in an order that people expect."""

from __future__ import annotations

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

from explorer._errors import ArgumentError, ExplorerWarning, FetchError
from explorer.sources.files import read_csv, read_ipc, read_json, read_ndjson, read_parquet
from explorer.table.image_column import image

ROWS = "path,label\na.png,cat\nb.png,dog\n"
READERS = [read_csv, read_parquet, read_ndjson, read_json, read_ipc]


class Web:
    """Answers URLs from a dict, and remembers which were asked."""

    def __init__(self, answers: dict[str, bytes]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def read(self, url: str) -> bytes:
        self.asked.append(url)
        if url not in self.answers:
            raise FetchError(f"{url}: 404 Not Found.")
        return self.answers[url]


def numbers(table, name="a") -> list:
    return table.to_polars(name)[name].to_list()


@pytest.fixture
def shards(tmp_path):
    """Four numbered shards in each format."""
    for number in (10, 9, 2, 1):
        frame = pl.DataFrame({"a": [number]})
        frame.write_csv(tmp_path / f"part{number}.csv")
        frame.write_parquet(tmp_path / f"part{number}.parquet")
        frame.write_ndjson(tmp_path / f"part{number}.ndjson")
        frame.write_json(tmp_path / f"part{number}.json")
        frame.write_ipc(tmp_path / f"part{number}.arrow")
    return tmp_path


SUFFIXED = list(zip(READERS, [".csv", ".parquet", ".ndjson", ".json", ".arrow"], strict=True))


# Patterns and lists


@pytest.mark.parametrize(("read", "suffix"), SUFFIXED)
def test_files_of_a_pattern_come_in_natural_order(read, suffix, shards):
    table = read(shards / f"part*{suffix}")
    assert numbers(table) == [1, 2, 9, 10]
    assert numbers(read(f"{shards}/part?{suffix}")) == [1, 2, 9]
    assert numbers(read(f"{shards}/part[12]{suffix}")) == [1, 2]


@pytest.mark.parametrize(("read", "suffix"), SUFFIXED)
def test_a_list_keeps_its_order(read, suffix, shards):
    chosen = [shards / f"part10{suffix}", f"{shards}/part?{suffix}"]
    assert numbers(read(chosen)) == [10, 1, 2, 9]


@pytest.mark.parametrize(("read", "suffix"), SUFFIXED)
def test_each_row_may_say_which_file_it_came_from(read, suffix, shards):
    table = read(shards / f"part*{suffix}", include_file_paths="from")
    assert table.columns == ["a", "from"]
    named = [Path(path).name for path in numbers(table, "from")]
    assert named == [f"part{number}{suffix}" for number in (1, 2, 9, 10)]
    with pytest.raises(ArgumentError, match="a column of that name"):
        read(shards / f"part*{suffix}", include_file_paths="a")


def test_two_stars_go_down_and_hidden_files_stay_hidden(put, tmp_path):
    for name in ("t.csv", "x/t.csv", "x/y/t.csv", ".hidden.csv", ".git/t.csv"):
        put(name, f"a\n{len(name)}\n")
    (tmp_path / "x" / "loop").symlink_to(tmp_path)
    assert numbers(read_csv(f"{tmp_path}/**/*.csv")) == [5, 7, 9]
    assert numbers(read_csv(f"{tmp_path}/.*.csv")) == [11]


def test_a_name_that_exists_is_no_pattern_in_a_folder_above_either(put, tmp_path):
    put("set[1]/t1.csv", "a\n7\n")
    put("set1/t1.csv", "a\n1\n")
    assert numbers(read_csv(tmp_path / "set[1]" / "t1.csv")) == [7]
    assert numbers(read_csv(tmp_path / "set[1]" / "t*.csv")) == [7]
    assert numbers(read_csv([put("x[1].csv", "a\n3\n"), put("x1.csv", "a\n4\n")])) == [3, 4]
    assert numbers(read_ndjson([put("x*.json", '{"a": 3}\n'), put("x1.json", '{"a": 4}\n')])) == [3, 4]


def test_image_paths_are_relative_to_the_common_folder(put, tmp_path):
    for name in ("train/a.png", "val/a.png"):
        put(name, b"")
        Image.new("RGB", (len(name), 2)).save(tmp_path / name)
    put("train/list.csv", "path\ntrain/a.png\n")
    put("val/list.csv", "path\nval/a.png\n")
    table = read_csv(tmp_path / "*" / "list.csv").with_columns(img=image("path"))
    assert [table["img"][row]().width for row in (0, 1)] == [11, 9]
    alone = read_csv(tmp_path / "t*" / "list.csv", base_dir=tmp_path).with_columns(img=image("path"))
    assert alone["img"][0]().width == 11


def test_rows_are_counted_over_all_files(shards):
    for read, suffix in SUFFIXED:
        if read is read_json:
            continue
        table = read(shards / f"part*{suffix}", n_rows=3, row_index_name="row", row_index_offset=5)
        assert table.to_polars().rows() == [(5, 1), (6, 2), (7, 9)]


def test_a_file_of_text_behind_the_last_row_is_not_parsed(put):
    files = [put("1.csv", "a\n1\n2\n"), put("2.csv", 'a\n"never closed\n')]
    assert numbers(read_csv(files, n_rows=2)) == [1, 2]


@pytest.mark.parametrize("read", [read_csv, read_ipc])
def test_what_nothing_matches(read, put, tmp_path, refusal):
    put("shards/part1.data", ROWS)
    said = refusal(read, tmp_path / "shards" / "prat*.data")
    assert f"there is no 'prat*.data' in {tmp_path}/shards, which holds 'part1.data'" in said
    assert "Did you mean 'part1.data'?" in said
    assert "Did you mean 'shards'" in refusal(read, tmp_path / "shrads" / "*.data")
    assert "there is no 'tr?in'" in refusal(read, tmp_path / "s*" / "tr?in" / "*.data")
    assert "matches 1 folder and no file" in refusal(read, tmp_path / "s*s")
    assert "give a list of patterns" in refusal(read, tmp_path / "shards" / "{a,b}*.data")
    assert "is a file, not a folder" in refusal(read, tmp_path / "shards" / "part1.data" / "*")
    assert "/**/*.data'" in refusal(read, tmp_path / "**.data", kind=ArgumentError)
    assert "empty list" in refusal(read, [], kind=ArgumentError)
    assert "not int" in refusal(read, [tmp_path / "shards" / "part1.data", 7], kind=ArgumentError)
    assert "is empty (0 bytes)" in refusal(read, [put("nothing", ""), put("more", ROWS)])


def test_a_folder_says_what_to_type_instead(put, tmp_path, refusal):
    put("sets/train/part-1.parquet", b"PAR1")
    said = refusal(read_parquet, tmp_path / "sets")
    assert f'ex.read_parquet("{tmp_path}/sets/*/*.parquet")' in said
    assert f'ex.read_parquet("{tmp_path}/sets/train/*.parquet")' in refusal(read_csv, tmp_path / "sets/train")
    put("{odd}/t.csv", ROWS)
    assert f'ex.read_csv("{tmp_path}/{{odd}}/*.csv")' in refusal(read_csv, tmp_path / "{odd}")
    assert "is neither a file nor a folder" in refusal(read_csv, "/dev/null")
    put("lists/a.csv.gz", b"")
    assert f'ex.read_csv("{tmp_path}/lists/*.csv.gz")' in refusal(read_csv, tmp_path / "lists")


def test_what_may_not_be_opened(put, tmp_path, refusal, as_nobody):
    closed = tmp_path / "closed"
    for path in (put("t.csv", ROWS), put("closed/t.csv", ROWS), closed):
        path.chmod(0)
    with as_nobody():
        assert "cannot be opened: Permission denied" in refusal(read_csv, tmp_path / "t.csv")
        assert f"the folder {closed} may not be opened" in refusal(read_csv, closed / "t.csv")
        assert f"the folder {closed} may not be opened" in refusal(read_csv, closed / "*.csv")
    closed.chmod(0o700)


# Columns that differ


@pytest.mark.parametrize(
    ("read", "suffix"), [pair for pair in SUFFIXED if pair[0] in {read_parquet, read_ipc}]
)
def test_files_with_other_columns_are_named(read, suffix, shards, refusal):
    write = pl.DataFrame.write_parquet if read is read_parquet else pl.DataFrame.write_ipc
    write(pl.DataFrame({"b": [1]}), shards / f"part2{suffix}")
    said = refusal(read, shards / f"part*{suffix}")
    assert f"part2{suffix} has other columns than {shards}/part1{suffix}" in said
    assert "it lacks 'a' and has 'b' besides" in said
    assert 'missing_columns="insert"' in said
    table = read(shards / f"part*{suffix}", missing_columns="insert", extra_columns="ignore")
    assert numbers(table) == [1, None, 9, 10]
    write(pl.DataFrame({"a": ["two"]}), shards / f"part2{suffix}")
    said = refusal(read, shards / f"part*{suffix}")
    assert "Column 'a' is String in" in said
    assert "and Int64 in" in said


def test_csv_files_may_differ_in_order_and_in_what_their_values_look_like(put, tmp_path, refusal):
    put("1.csv", "a,b\n1,007\n")
    put("2.csv", "b,a\nx,2.5\n")
    assert read_csv(tmp_path / "*.csv").to_polars().rows() == [(1.0, "007"), (2.5, "x")]
    put("3.csv", "a,c\n3,c\n")
    said = refusal(read_csv, tmp_path / "*.csv")
    assert "3.csv has other columns than" in said
    assert "it lacks 'b' and has 'c' besides" in said
    table = read_csv(tmp_path / "*.csv", missing_columns="insert", extra_columns="ignore")
    assert numbers(table, "b") == ["007", "x", None]
    other = [tmp_path / "1.csv", put("4.csv", "z\n1\n2\n")]
    table = read_csv(other, missing_columns="insert", extra_columns="ignore")
    assert numbers(table) == [1, None, None]
    assert "not one of 'raise', 'insert'" in refusal(
        read_csv, tmp_path / "*.csv", missing_columns="ins", kind=ArgumentError
    )


def test_json_files_may_leave_fields_out(put, tmp_path, refusal):
    put("1.ndjson", '{"a": 1}\n')
    put("2.ndjson", '{"b": "x", "a": 2.5}\n')
    assert read_ndjson(tmp_path / "*.ndjson").to_polars().rows() == [(1.0, None), (2.5, "x")]
    put("3.ndjson", '{"a": [1]}\n')
    assert "Column 'a' is List(Int64) in" in refusal(read_ndjson, tmp_path / "*.ndjson")


# URLs


def test_a_url_is_fetched_once_and_named_by_its_path(put, tmp_path):
    url = "https://example.org/sets/t.tsv.gz?token=x"
    web = Web({url: gzip.compress(ROWS.replace(",", "\t").encode())})
    table = read_csv(url, web=web, include_file_paths="url")
    assert table.to_polars().rows() == [("a.png", "cat", url), ("b.png", "dog", url)]
    assert web.asked == [url]


def test_every_reader_takes_urls_and_paths_together(shards):
    for read, suffix in SUFFIXED:
        url = f"https://example.org/far{suffix}"
        web = Web({url: (shards / f"part9{suffix}").read_bytes()})
        table = read([url, shards / f"part1{suffix}"], web=web, include_file_paths="from")
        assert numbers(table) == [9, 1]
        assert numbers(table, "from") == [url, str(shards / f"part1{suffix}")]


def test_image_paths_of_a_table_from_a_url_are_relative_to_the_working_directory(tmp_path, monkeypatch):
    Image.new("RGB", (5, 4)).save(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)
    web = Web({"http://example.org/t.csv": b"path\na.png\n"})
    table = read_csv("http://example.org/t.csv", web=web).with_columns(img=image("path"))
    assert table["img"][0]().size == (5, 4)


def test_urls_that_bring_no_table(refusal):
    page = b"<!doctype html><html><title>Sign in</title>"
    blob = "https://github.com/a/b/blob/main/t.parquet"
    web = Web({"https://example.org/t.csv": page, blob: page, "https://example.org/nothing": b""})
    assert "is an HTML page, not CSV" in refusal(read_csv, "https://example.org/t.csv", web=web)
    assert "https://github.com/a/b/raw/main/t.parquet" in refusal(read_parquet, blob, web=web)
    assert "is empty" in refusal(read_csv, "https://example.org/nothing", web=web)
    assert "404" in refusal(read_csv, "https://example.org/t.tsv", web=web, kind=FetchError)
    assert 'pl.scan_parquet("s3://b/t.parquet")' in refusal(read_parquet, "s3://b/t.parquet", web=web)
    assert 'ex.read_csv("/data/t.csv")' in refusal(read_csv, "file:///data/t.csv", web=web)


class Answer(BaseHTTPRequestHandler):
    """One CSV file, packed."""

    def do_GET(self) -> None:
        body = gzip.compress(ROWS.encode())
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args) -> None:
        """Say nothing."""


def test_a_server_is_asked_when_nothing_else_is_given():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        assert read_csv(f"http://127.0.0.1:{server.server_port}/t.csv.gz").height == 2
    finally:
        server.shutdown()
        server.server_close()


# Separators


@pytest.mark.parametrize("name", ["t.tsv", "t.TAB", "t.tsv.gz"])
def test_a_tab_separates_in_files_named_so(put, name):
    text = ROWS.replace(",", "\t").encode()
    path = put(name, gzip.compress(text) if name.endswith("gz") else text)
    assert read_csv(path).columns == ["path", "label"]
    with pytest.warns(ExplorerWarning, match=r"is '\\t' its separator\? Then pass separator=") as said:
        assert len(read_csv(path, separator=",").columns) == 1
    assert said[0].filename == __file__
