"""Images that a server has."""

from __future__ import annotations

import io
import os
import signal
from contextlib import closing
from threading import Barrier, Event

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


@pytest.mark.parametrize(
    "looked_at",
    [
        lambda t: t["img"](),
        lambda t: t.compute("img"),
        lambda t: t._repr_html_(),
        lambda t: t["img"].contact_sheet(),
        lambda t: t.with_columns(ex.image_header("img")).to_polars("width"),
        lambda t: list(t.iter_batches("img", batch_size=4)),
        lambda t: t.with_columns(side=t["img"].defer(lambda img: img.width, returns=int)).to_polars("side"),
    ],
    ids=["column", "compute", "cell of a notebook", "contact sheet", "headers", "batches", "function"],
)
def test_servers_are_waited_for_at_the_same_time(server, looked_at):
    together = Barrier(4)

    def reply(_):
        # Whoever asks one after the other never gets here with all four.
        together.wait(10)
        return Reply(body=png(1))

    server.replies.update({f"/{name}.png": reply for name in range(4)})
    t = ex.from_polars({"url": [server.url(f"/{name}.png") for name in range(4)]})
    t = t.with_columns(img=ex.image("url", web=PLAIN))
    looked_at(t)
    assert sorted(asked.path for asked in server.asked) == [f"/{name}.png" for name in range(4)]
    assert t.errors().height == 0


@pytest.fixture
def interruptible():
    """Python hears of an interruption also where it was started in the background, with none to hear."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    "looked_at",
    [
        lambda t, folder: t.compute("img"),
        lambda t, folder: t._repr_html_(),
        lambda t, folder: t.write(folder, images="pack"),
    ],
    ids=["compute", "cell of a notebook", "packing"],
)
def test_a_server_that_does_not_answer_is_not_waited_for_after_an_interruption(server, looked_at, tmp_path):
    interrupted = Event()
    waited_for = []

    def interrupt(_):
        os.kill(os.getpid(), signal.SIGINT)
        waited_for.append(not interrupted.wait(30))
        return Reply(503)

    server.replies["/never.png"] = interrupt
    t = ex.from_polars({"url": [server.url("/1.png"), server.url("/never.png")]})
    t = t.with_columns(img=ex.image("url", web=ex.Web(cache=False, retries=0, timeout_s=60)))
    with pytest.raises(KeyboardInterrupt):
        looked_at(t, tmp_path / "table")
    assert waited_for == []
    interrupted.set()
    assert not (tmp_path / "table").exists()


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
