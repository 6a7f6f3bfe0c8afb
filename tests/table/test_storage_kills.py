"""Real processes that are killed, that write at the same time, and disks that are full or read-only."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap

import polars as pl
import pytest

import explorer as ex
from explorer.table.restoring import read
from explorer.table.storage import write
from tests.digits_like import png, table

WRITER = """
    import os, signal, sys
    import polars as pl
    import explorer as ex
    from explorer.table.image_column import ImageLoader
    from explorer.table.storage import write

    def die(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    def die_before(source, target):
        die()

    def die_after(source, target):
        os.replace(source, target)
        die()

    class Dying(ImageLoader):
        def read(self, value):
            if value == "70.png":
                die()
            return bytes(1000)

    folder, point = sys.argv[1:]
    t = ex.from_polars({"path": [f"{i}.png" for i in range(100)], "number": range(100)})
    t = t.with_columns(image=ex.image("path").with_options(function=Dying(None, "RGB", ex.Limits())))
    if point == "packing":
        write(t, folder, images="pack", pack_bytes=5000, overwrite=True)
    elif point == "before":
        write(t, folder, part_bytes=100, overwrite=True, replace=die_before)
    else:
        write(t, folder, part_bytes=100, overwrite=True, replace=die_after)
"""


def run(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)], check=False, capture_output=True
    )


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("point", ["packing", "before", "after"])
def test_a_writer_that_is_killed_leaves_the_old_table_or_the_new_one(tmp_path, point):
    write(table(2), tmp_path / "t")
    killed = run(WRITER, tmp_path / "t", point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(names_in(tmp_path / "t")) == 3
    height = read(tmp_path / "t").height
    assert height == (100 if point == "after" else 2)
    # The next one that writes there deletes what was left.
    write(table(3), tmp_path / "t", overwrite=True)
    assert read(tmp_path / "t").height == 3
    assert len(names_in(tmp_path / "t")) == 2


@pytest.mark.parametrize("point", ["packing", "before"])
def test_what_a_killed_first_writer_leaves_is_no_table_and_in_nobodys_way(tmp_path, point):
    killed = run(WRITER, tmp_path / "t", point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with pytest.raises(ex.SourceError, match=r"has no table\.json, as writing one was cut short") as caught:
        read(tmp_path / "t")
    assert caught.value.hint == f'Write it again: t.write("{tmp_path / "t"}")'
    write(table(3), tmp_path / "t")
    assert read(tmp_path / "t").height == 3
    assert len(names_in(tmp_path / "t")) == 2


REPEATED = """
    import sys
    import explorer as ex
    folder, mark, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    t = ex.from_polars({"a": [mark] * 1000, "b": [mark] * 1000, "c": [mark] * 1000})
    for _ in range(times):
        t.write(folder, overwrite=True)
"""


def test_processes_that_write_at_once_leave_one_whole_table_and_readers_always_find_one(tmp_path):
    write(ex.from_polars({"a": [0], "b": [0], "c": [0]}), tmp_path / "t")
    command = [sys.executable, "-c", textwrap.dedent(REPEATED), str(tmp_path / "t")]
    writers = [subprocess.Popen([*command, str(mark), "30"]) for mark in (1, 2)]
    seen = set()
    try:
        while any(writer.poll() is None for writer in writers):
            frame = read(tmp_path / "t").to_polars()
            marks = {mark for name in ("a", "b", "c") for mark in frame[name].unique()}
            assert len(marks) == 1
            assert frame.height == (1 if marks == {0} else 1000)
            seen |= marks
    finally:
        ended = [writer.wait() for writer in writers]
    assert ended == [0, 0]
    assert seen & {1, 2}
    write(table(3), tmp_path / "t", overwrite=True)
    assert len(names_in(tmp_path / "t")) == 2


def test_of_two_that_make_a_new_table_the_second_is_told(tmp_path):
    def overtaken(source, target):
        raise AssertionError("nothing is replaced")

    class Slow(type(ex.image("path").function)):
        def read(self, value):
            if not (tmp_path / "t" / "table.json").exists():
                write(table(2), tmp_path / "t")
            return png(1)

    t = ex.from_polars({"path": ["a.png"]})
    t = t.with_columns(image=ex.image("path").with_options(function=Slow(None, "RGB", ex.Limits())))
    with pytest.raises(ex.SourceError, match="holds a table already"):
        write(t, tmp_path / "t", images="pack", replace=overtaken)
    assert read(tmp_path / "t").height == 2
    assert len(names_in(tmp_path / "t")) == 2


def test_data_that_somebody_reads_from_stay_until_nobody_does(tmp_path):
    (tmp_path / "a.png").write_bytes(png(9))
    t = ex.from_polars({"path": ["a.png"]}, base_dir=tmp_path).with_columns(image=ex.image("path"))
    t.write(tmp_path / "t", images="pack")
    (tmp_path / "a.png").unlink()
    reader = read(tmp_path / "t")
    table(2).write(tmp_path / "t", overwrite=True)
    assert reader["image"][0]().getpixel((0, 0)) == (9, 9, 9)
    assert len(names_in(tmp_path / "t")) == 3
    del reader
    table(2).write(tmp_path / "t", overwrite=True)
    assert len(names_in(tmp_path / "t")) == 2


def test_a_table_is_written_onto_the_folder_that_it_was_read_from(tmp_path):
    t = table(6).with_columns(twice=ex.defer(twice, "number", returns=int))
    t.head(3).compute("twice")
    write(t, tmp_path / "t", part_bytes=20)
    again = read(tmp_path / "t")
    again.filter(pl.col("number") % 2 == 1).write(tmp_path / "t", overwrite=True)
    assert read(tmp_path / "t").to_polars("number", "twice").rows() == [(1, 2), (3, 6), (5, 10)]
    assert again.to_polars("number")["number"].to_list() == [0, 1, 2, 3, 4, 5]


def twice(number):
    return 2 * number


def test_a_link_to_a_folder_stays_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "t").symlink_to(tmp_path / "disk")
    table(2).write(tmp_path / "t")
    table(3).write(tmp_path / "t", overwrite=True)
    assert (tmp_path / "t").is_symlink()
    assert read(tmp_path / "t").height == read(tmp_path / "disk").height == 3


def test_hidden_files_of_file_managers_are_in_nobodys_way(tmp_path):
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / ".DS_Store").touch()
    table(2).write(tmp_path / "t")
    table(3).write(tmp_path / "t", overwrite=True)
    assert read(tmp_path / "t").height == 3
    assert (tmp_path / "t" / ".DS_Store").exists()


def test_a_description_of_something_else_is_not_replaced(tmp_path):
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "table.json").write_text('{"mine": 1}')
    with pytest.raises(ex.SourceError, match="that is not of a table"):
        table(2).write(tmp_path / "t", overwrite=True)
    assert json.loads((tmp_path / "t" / "table.json").read_text()) == {"mine": 1}


def test_a_damaged_table_can_be_replaced_and_is_left_alone_until_then(tmp_path):
    table(2).write(tmp_path / "t")
    (tmp_path / "t" / "table.json").write_text('{"format": "expl')
    before = names_in(tmp_path / "t")
    with pytest.raises(ex.SourceError, match="cannot be written"):
        write(table(3), tmp_path / "t", overwrite=True, replace=refuse)
    assert names_in(tmp_path / "t") == before
    table(3).write(tmp_path / "t", overwrite=True)
    assert read(tmp_path / "t").height == 3
    assert len(names_in(tmp_path / "t")) == 2


def refuse(source, target):
    raise OSError(30, "Read-only file system")


def test_the_first_version_is_replaced_whole(tmp_path):
    table(2).write(tmp_path / "t")
    content = json.loads((tmp_path / "t" / "table.json").read_text())
    shutil.copytree(tmp_path / "t" / content["data"], tmp_path / "t", dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "t" / content["data"])
    content = {k: v for k, v in content.items() if k not in ("data", "files", "folders")} | {"version": 1}
    (tmp_path / "t" / "table.json").write_text(json.dumps(content))
    again = read(tmp_path / "t")
    assert again["image"][1]().getpixel((0, 0)) == 1
    again.write(tmp_path / "t", overwrite=True)
    assert read(tmp_path / "t")["image"][1]().getpixel((0, 0)) == 1
    assert len([name for name in names_in(tmp_path / "t") if not name.startswith(".")]) == 2


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=False, capture_output=True
    )
    if not made or made.returncode:
        pytest.skip("a file system is mounted only by root, where mounting is allowed")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("images", ["reference", "pack"])
def test_a_full_disk_is_named_and_keeps_the_table_that_was_there(tmp_path, small_disk, images):
    for number in range(10):
        (tmp_path / f"{number}.png").write_bytes(os.urandom(300_000))
    large = ex.from_polars({"path": [f"{number}.png" for number in range(10)]}, base_dir=tmp_path)
    large = large.with_columns(image=ex.image("path"))
    if images == "reference":
        large = large.with_columns(noise=pl.Series([os.urandom(300_000) for _ in range(10)]))
    with pytest.raises(ex.SourceError, match="No space left on device") as caught:
        large.write(small_disk / "t", images=images)
    assert caught.value.hint == "Nothing was written."
    assert names_in(small_disk) == []
    table(2).write(small_disk / "t")
    inside = names_in(small_disk / "t")
    with pytest.raises(ex.SourceError, match="No space left on device") as caught:
        large.write(small_disk / "t", images=images, overwrite=True)
    assert caught.value.hint == "The table that was there is unchanged."
    assert names_in(small_disk / "t") == inside
    assert read(small_disk / "t")["image"][1]().getpixel((0, 0)) == 1


def test_a_read_only_disk_is_named_and_its_tables_are_read(small_disk):
    table(2).write(small_disk / "t")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(ex.SourceError, match="Read-only file system") as caught:
        table(3).write(small_disk / "t", overwrite=True)
    assert caught.value.hint == "The table that was there is unchanged."
    with pytest.raises(ex.SourceError, match="Read-only file system"):
        table(3).write(small_disk / "new")
    assert read(small_disk / "t").height == 2
