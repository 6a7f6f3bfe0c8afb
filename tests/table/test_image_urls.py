"""Images that a server has."""

from __future__ import annotations

import io
from contextlib import closing

import PIL.Image
import pytest

import explorer as ex
from tests.loopback import Loopback, Reply

PLAIN = ex.Web(cache=False, retries=0, timeout_s=5)


def png(level):
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (6, 4), (level, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def server():
    with closing(Loopback()) as loopback:
        for i in range(4):
            loopback.replies[f"/{i}.png"] = Reply(body=png(40 * i))
        yield loopback


@pytest.fixture
def t(server):
    urls = [server.url(f"/{name}") for name in ("0.png", "1.png", "gone.png", "3.png")]
    return ex.from_polars({"url": urls})


def test_nothing_is_asked_before_a_row_is_looked_at(t, server):
    t = t.with_columns(img=ex.image("url", web=PLAIN))
    assert server.asked == []
    assert t["img"][3]().getpixel((0, 0)) == (120, 0, 0)
    assert [asked.path for asked in server.asked] == ["/3.png"]
    assert t.counters.images_decoded == 1


def test_a_url_is_not_asked_unless_that_is_wished(t, server):
    with pytest.warns(ex.ExplorerWarning, match="URLs are read only when that is asked for"):
        t.with_columns(img=ex.image("url")).compute("img")
    assert server.asked == []


def test_a_page_and_a_missing_file_are_errors_of_their_rows_that_name_the_url(t, server):
    server.replies["/1.png"] = Reply(body=b"<!doctype html><title>Sign in</title>")
    t = t.with_columns(img=ex.image("url", web=PLAIN))
    with pytest.warns(ex.ExplorerWarning, match="2 of 4 rows failed"):
        t.compute("img")
    page, gone = t.errors().sort("row")["message"]
    assert "HTML page, not an image" in page
    assert "1.png" in page
    assert "404" in gone
    assert t["img"][0]().size == (6, 4)


def test_what_was_fetched_is_kept_for_the_next_table(t, server, tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path))
    web = ex.Web(retries=0, timeout_s=5)
    for _ in range(2):
        assert t.with_columns(img=ex.image("url", web=web))["img"][0]().size == (6, 4)
    assert len(server.asked) == 1


def test_headers_come_from_the_server_without_decoding(t):
    sizes = t.head(2).with_columns(ex.image_header("url", web=PLAIN))
    assert sizes.to_polars("width", "height", "format").rows() == [(6, 4, "PNG")] * 2
    assert sizes.counters.images_decoded == 0


def test_the_column_comes_back_from_disk_and_fetches_again(t, tmp_path):
    t.head(1).with_columns(img=ex.image("url", web=PLAIN)).write(tmp_path / "t")
    assert ex.read(tmp_path / "t", web=True)["img"][0]().size == (6, 4)


def test_a_table_from_disk_asks_no_server_unless_that_is_wished(t, server, tmp_path):
    t = t.with_columns(ex.image_header("url", web=PLAIN), img=ex.image("url", web=PLAIN))
    t.write(tmp_path / "t")
    again = ex.read(tmp_path / "t")
    with pytest.raises(ex.ComputeError, match="only when that is asked for") as caught:
        again["img"][0]()
    assert "ex.read(…, web=True)" in caught.value.hint
    with pytest.raises(ex.ComputeError, match="only when that is asked for"):
        again["width"][0]()
    assert server.asked == []
    given = ex.read(tmp_path / "t", web=ex.Web(cache=False, retries=1))
    assert given["img"][0]().size == (6, 4)
