from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from explorer._errors import SourceError
from explorer.remote.cache import DiskCache, cache_folder
from tests.steppable import Clock

URL = "https://example.com/{}.png"


def kept(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_what_was_put_is_found_again_by_another_process(tmp_path):
    DiskCache(tmp_path).put(URL, b"pixels")
    code = (
        "import sys; from pathlib import Path; from explorer.remote.cache import DiskCache;"
        "print(DiskCache(Path(sys.argv[1])).get(sys.argv[2]).decode())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path, URL], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "pixels"


def test_nothing_is_written_before_something_is_kept(tmp_path):
    cache = DiskCache(tmp_path / "urls")
    assert cache.get(URL) is None
    assert not list(tmp_path.iterdir())


def test_what_was_used_longest_ago_goes_first(tmp_path):
    clock = Clock()
    cache = DiskCache(tmp_path, max_bytes=1000, now=clock)
    for number in range(9):
        clock.now += 1
        cache.put(URL.format(number), bytes([number]) * 100)
    clock.now += 1
    assert cache.get(URL.format(0)) is not None
    for number in range(9, 12):
        clock.now += 1
        cache.put(URL.format(number), bytes([number]) * 100)
    there = [number for number in range(12) if cache.get(URL.format(number)) is not None]
    assert 0 in there
    assert 1 not in there
    assert there[-3:] == [9, 10, 11]
    assert cache.evictions == 12 - len(there)


def test_the_folder_stays_within_its_limit(tmp_path):
    cache = DiskCache(tmp_path, max_bytes=10_000)
    for number in range(200):
        cache.put(URL.format(number), b"x" * 333)
        assert kept(tmp_path) <= 10_000
    cache.put(URL, b"x" * 10_001)
    assert cache.get(URL) is None


def test_two_processes_share_the_limit_but_for_an_eighth(tmp_path):
    one, other = (DiskCache(tmp_path, max_bytes=8_000) for _ in range(2))
    for number in range(200):
        (one, other)[number % 2].put(URL.format(number), b"x" * 100)
    assert kept(tmp_path) <= 8_000 + 2 * 1_000


def test_many_threads_read_whole_bodies_or_none(tmp_path):
    cache = DiskCache(tmp_path, max_bytes=20_000)

    def work(number):
        url = URL.format(number % 30)
        cache.put(url, bytes([number % 30]) * 1000)
        found = cache.get(URL.format((number * 7) % 30))
        return found is None or (len(found) == 1000 and found == bytes([(number * 7) % 30]) * 1000)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(400)))


def test_what_a_killed_process_left_is_removed_after_an_hour(tmp_path):
    clock = Clock()
    clock.now = 10_000.0
    DiskCache(tmp_path, now=clock).put(URL, b"x")
    (inside,) = tmp_path.iterdir()
    for name, age in (("old.unfinished", 4000), ("new.unfinished", 10)):
        (inside / name).write_bytes(b"half")
        os.utime(inside / name, (clock.now - age,) * 2)
    DiskCache(tmp_path, now=clock).put(URL, b"y")
    assert not (inside / "old.unfinished").exists()
    assert (inside / "new.unfinished").exists()


def test_a_folder_that_cannot_be_written_keeps_nothing_and_says_nothing(tmp_path):
    (tmp_path / "urls").write_text("a file where the folder should be")
    cache = DiskCache(tmp_path / "urls")
    cache.put(URL, b"pixels")
    assert cache.get(URL) is None


@pytest.mark.skipif(sys.platform == "win32", reason="file sizes cannot be limited there")
def test_a_full_disk_keeps_nothing_and_says_nothing(tmp_path):
    # A process that may write 4 KiB and no more: its disk is full after that.
    code = (
        "import resource, signal, sys; from pathlib import Path;"
        "from explorer.remote.cache import DiskCache;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096));"
        "cache = DiskCache(Path(sys.argv[1]));"
        "cache.put('big', b'x' * 5000); cache.put('small', b'x');"
        "print(cache.get('big'), cache.get('small'))"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None b'x'"
    assert kept(tmp_path) == 1


def test_the_folder_is_the_one_that_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("WHERE", str(tmp_path))
    monkeypatch.setenv("EXPLORER_CACHE", "$WHERE/mine")
    assert cache_folder() == tmp_path / "mine"


@pytest.mark.skipif(sys.platform in {"darwin", "win32"}, reason="other systems have other places")
def test_without_a_name_it_is_in_the_cache_folder_of_the_user(monkeypatch, tmp_path):
    monkeypatch.delenv("EXPLORER_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "explorer"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "explorer"


def test_without_a_home_it_says_what_to_name(monkeypatch):
    monkeypatch.setenv("EXPLORER_CACHE", "~nobody_of_that_name/cache")
    with pytest.raises(SourceError, match="EXPLORER_CACHE"):
        cache_folder()
