"""Whole files: interrupted, resumed, checked."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import subprocess
import sys
import time
from threading import Event

import pytest

from explorer._errors import ArgumentError, FetchError, SourceError
from explorer.remote.client import Web
from explorer.remote.download import download
from tests.loopback import Reply, ranged

BODY = random.Random(7).randbytes(1_000_000)  # noqa: S311  (any bytes will do)
SHA256 = "sha256:" + hashlib.sha256(BODY).hexdigest()
MD5 = "md5:" + hashlib.md5(BODY, usedforsecurity=False).hexdigest()


class Screen:
    """A sink that remembers, and may interrupt."""

    def __init__(self):
        self.lines = []

    def draw(self, text, share):
        self.lines.append(text)

    def finish(self, text):
        self.lines.append(text)


@pytest.fixture
def load(fetch, server, tmp_path):
    """Download /set.tgz, with no retries unless told otherwise."""

    def run(*, retries=0, sink=None, **given):
        fetcher = fetch(web=Web(cache=False, retries=retries), clock=time.monotonic)
        target = tmp_path / "sets" / "set.tgz"
        return download(server.url("/set.tgz"), target, fetcher=fetcher, sink=sink, **given)

    return run


@pytest.fixture
def beside(tmp_path):
    """What lies in the folder of the download."""
    return lambda: sorted(path.name for path in (tmp_path / "sets").iterdir())


@pytest.mark.parametrize("given", [{}, {"checksum": SHA256}, {"checksum": MD5}, {"size": len(BODY)}])
def test_a_file_is_downloaded_whole(load, server, beside, given):
    server.replies["/set.tgz"] = ranged(BODY)
    screen = Screen()
    target = load(sink=screen, **given)
    assert target.read_bytes() == BODY
    assert beside() == ["set.tgz"]
    assert screen.lines[-1] == "set.tgz: 1.0 of 1.0 MB downloaded"


def test_a_file_that_is_there_needs_no_network(load, server, tmp_path):
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "set.tgz").write_bytes(b"mine")
    assert load(checksum=SHA256).read_bytes() == b"mine"
    assert server.asked == []


@pytest.mark.parametrize("given", [{}, {"checksum": SHA256}])
def test_what_was_interrupted_goes_on_where_it_ended(load, server, beside, given):
    server.replies["/set.tgz"] = ranged(BODY, cut=300_000)
    with pytest.raises(FetchError, match="the connection broke") as caught:
        load(**given)
    assert caught.value.hint == "The first 0.3 MB are kept: call again to go on."
    assert beside() == ["set.tgz.part", "set.tgz.part.json"]
    server.replies["/set.tgz"] = ranged(BODY)
    screen = Screen()
    assert load(sink=screen, **given).read_bytes() == BODY
    assert server.asked[-1].headers["Range"] == "bytes=300000-"
    assert server.asked[-1].headers["If-Range"] == '"one"'
    assert beside() == ["set.tgz"]


def test_a_line_that_breaks_again_and_again_is_no_reason_to_stop_while_bytes_come(load, server, waits):
    server.replies["/set.tgz"] = ranged(BODY, cut=100_000)
    assert load(retries=1, checksum=SHA256).read_bytes() == BODY
    assert len(server.asked) == 10
    assert len(waits.seconds) == 9


def test_a_file_that_changed_meanwhile_is_not_glued(load, server):
    other = BODY[::-1]
    server.replies["/set.tgz"] = ranged(BODY, cut=300_000)
    with pytest.raises(FetchError):
        load()
    server.replies["/set.tgz"] = ranged(other, tag='"two"')
    assert load().read_bytes() == other


def test_a_file_of_another_length_is_not_glued_though_the_server_has_no_marks(load, server):
    def unmarked(body, cut=None):
        replied = ranged(body, cut=cut)

        def reply(asked):
            asked.headers.pop("If-Range", None)
            said = replied(asked)
            said.headers.pop("ETag", None)
            return said

        return reply

    longer = BODY + b"more"
    server.replies["/set.tgz"] = unmarked(BODY, cut=300_000)
    checksum = "sha256:" + hashlib.sha256(longer).hexdigest()
    with pytest.raises(FetchError):
        load(checksum=checksum)
    server.replies["/set.tgz"] = unmarked(longer)
    assert load(checksum=checksum, retries=1).read_bytes() == longer


def test_a_part_that_nobody_can_check_is_not_gone_on_with(load, server, tmp_path):
    part = tmp_path / "sets" / "set.tgz.part"
    part.parent.mkdir()
    part.write_bytes(b"something else")
    server.replies["/set.tgz"] = ranged(BODY)
    assert load().read_bytes() == BODY
    assert "Range" not in server.asked[0].headers


def test_a_server_that_knows_no_parts_sends_it_all_again(load, server):
    headers = {"ETag": '"one"', "Content-Length": str(len(BODY))}
    server.replies["/set.tgz"] = [Reply(200, BODY[:5000], headers), Reply(200, BODY, headers)]
    with pytest.raises(FetchError):
        load()
    assert load(checksum=SHA256).read_bytes() == BODY
    assert "Range" in server.asked[-1].headers


def test_a_part_that_was_whole_already_only_gets_its_name(load, server, tmp_path):
    server.replies["/set.tgz"] = ranged(BODY, cut=10)
    with pytest.raises(FetchError):
        load(checksum=SHA256)
    (tmp_path / "sets" / "set.tgz.part").write_bytes(BODY)
    server.replies["/set.tgz"] = ranged(BODY)
    assert load(checksum=SHA256).read_bytes() == BODY


def test_a_wrong_checksum_deletes_the_file_and_says_both(load, server, beside):
    server.replies["/set.tgz"] = ranged(b"another file")
    found = hashlib.sha256(b"another file").hexdigest()
    with pytest.raises(FetchError) as caught:
        load(checksum=SHA256)
    assert found in caught.value.message
    assert SHA256.removeprefix("sha256:") in caught.value.message
    assert beside() == []


def test_a_file_is_kept_as_it_is_though_the_server_calls_its_compression_an_encoding(load, server):
    packed = gzip.compress(b"rows")
    server.replies["/set.tgz"] = Reply(body=packed, headers={"Content-Encoding": "gzip"})
    assert load().read_bytes() == packed


def test_a_wrong_size_is_said_before_anything_is_taken(load, server, beside):
    server.replies["/set.tgz"] = ranged(BODY)
    with pytest.raises(FetchError, match="it has 1,000,000 bytes, and 999 were expected"):
        load(size=999)
    assert beside() == []


def test_a_missing_file_leaves_nothing_behind(load, server, beside):
    with pytest.raises(FetchError, match="404 Not Found"):
        load()
    assert beside() == []


def test_an_interruption_keeps_what_came(load, fetch, server, tmp_path):
    class Interrupted:
        """An answer in the middle of which a person stops the cell."""

        status, reason, headers = 200, "OK", {"Content-Length": str(len(BODY)), "ETag": '"one"'}

        def __init__(self):
            self._pieces = [BODY[:200_000], BODY[200_000:300_000]]

        def open(self, *args, **given):
            return self

        def read(self, most):
            if not self._pieces:
                raise KeyboardInterrupt
            return self._pieces.pop(0)

        def close(self):
            pass

    fetcher = fetch(transport=Interrupted())
    screen = Screen()
    target = tmp_path / "sets" / "set.tgz"
    with pytest.raises(KeyboardInterrupt):
        download(server.url("/set.tgz"), target, fetcher=fetcher, sink=screen)
    assert screen.lines == ["set.tgz: 0.3 of 1.0 MB downloaded, interrupted; what was done is kept"]
    assert target.with_name("set.tgz.part").read_bytes() == BODY[:300_000]
    server.replies["/set.tgz"] = ranged(BODY)
    assert load().read_bytes() == BODY
    assert server.asked[-1].headers["Range"] == "bytes=300000-"


def test_a_killed_download_is_gone_on_with(server, load, tmp_path):
    killed = Event()

    def stuck(handler):
        handler.wfile.write(BODY[:400_000])
        handler.wfile.flush()
        killed.wait(60)

    headers = {"Content-Length": str(len(BODY)), "ETag": '"one"'}
    server.replies["/set.tgz"] = Reply(200, stuck, headers)
    target = tmp_path / "sets" / "set.tgz"
    code = "import sys; from explorer.remote.download import download; download(*sys.argv[1:])"
    process = subprocess.Popen([sys.executable, "-c", code, server.url("/set.tgz"), str(target)])
    part = target.with_name("set.tgz.part")
    until = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size >= 400_000) and time.monotonic() < until:
        time.sleep(0.02)
    # While it lives, nobody else writes there.
    with pytest.raises(SourceError, match="is being downloaded by another process"):
        load()
    process.kill()
    process.wait()
    killed.set()
    server.replies["/set.tgz"] = ranged(BODY)
    assert load(checksum=SHA256).read_bytes() == BODY
    assert server.asked[-1].headers["Range"] == "bytes=400000-"


@pytest.mark.skipif(sys.platform == "win32", reason="file sizes cannot be limited there")
def test_a_full_disk_is_said_and_what_came_is_kept(server, tmp_path):
    server.replies["/set.tgz"] = ranged(BODY)
    code = (
        "import resource, signal, sys; from explorer.remote.download import download;"
        "from explorer import SourceError;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000));\n"
        "try:\n    download(*sys.argv[1:])\nexcept SourceError as error:\n    print(error)"
    )
    target = tmp_path / "set.tgz"
    command = [sys.executable, "-W", "error", "-c", code, server.url("/set.tgz"), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "set.tgz.part cannot be written: File too large." in done.stdout
    assert "EXPLORER_CACHE" in done.stdout
    assert done.stderr == ""
    assert target.with_name("set.tgz.part").read_bytes() == BODY[:500_000]


def test_a_folder_that_cannot_be_made_is_said(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="cannot be written"):
        download(server.url("/set.tgz"), tmp_path / "file" / "set.tgz")


def test_a_note_that_is_damaged_means_to_begin_again(load, server, tmp_path):
    server.replies["/set.tgz"] = ranged(BODY, cut=300_000)
    with pytest.raises(FetchError):
        load()
    note = tmp_path / "sets" / "set.tgz.part.json"
    assert json.loads(note.read_text())["ETag"] == '"one"'
    note.write_text("[1, 2")
    server.replies["/set.tgz"] = ranged(BODY)
    assert load().read_bytes() == BODY
    assert "Range" not in server.asked[-1].headers


@pytest.mark.parametrize(
    ("checksum", "said"),
    [
        ("sha265:" + "0" * 64, "Did you mean 'sha256'"),
        ("sha256:abc", "64 hexadecimal digits"),
        ("abc", "not one of"),
    ],
)
def test_a_checksum_that_is_none_is_refused(load, checksum, said):
    with pytest.raises(ArgumentError, match=said):
        load(checksum=checksum)
