"""Threads, processes and instances that call a function: how many there are, and how they end."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import explorer as ex
from explorer.compute.engines import workers
from tests.compute import in_processes


def numbers(n, function, *inputs, **options):
    folder = options.pop("folder", None)
    frame = pl.DataFrame({"a": range(n)}).with_columns(folder=pl.lit(folder))
    return ex.from_polars(frame).with_columns(x=ex.defer(function, *(inputs or ("a",)), **options))


def values(t):
    return t.to_polars("x")["x"].to_list()


def gone(pid):
    """Whether a process has ended, waiting for it at most a while."""
    for _ in range(500):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.01)
    return False


def test_as_many_rows_as_workers_are_computed_at_the_same_time():
    meeting = threading.Barrier(4, timeout=30)
    t = numbers(8, lambda a: meeting.wait() * 0 + a, returns=int, workers=4)
    assert values(t) == list(range(8))


def test_as_many_batches_as_workers_are_computed_at_the_same_time():
    meeting, sizes = threading.Barrier(3, timeout=30), []

    def batch(a):
        meeting.wait()
        sizes.append(len(a))
        return a

    assert values(numbers(30, batch, returns=int, batched=True, batch_size=10, workers=3)) == list(range(30))
    assert sizes == [10, 10, 10]


def test_as_many_processes_as_workers_compute_at_the_same_time(tmp_path):
    t = numbers(3, in_processes.meets, "a", "folder", folder=str(tmp_path), processes=True, workers=3)
    pids = values(t)
    assert len({*pids, os.getpid()}) == 4


def test_one_process_computes_all_rows_and_stays_for_the_next_ones():
    t = numbers(20, in_processes.pid, processes=True)
    first = t.head(5).to_polars("x")["x"].unique().to_list()
    assert t.to_polars("x")["x"].unique().to_list() == first
    assert first != [os.getpid()]


def test_batches_travel_to_processes_and_back():
    t = numbers(10, in_processes.doubles, returns=int, batched=True, batch_size=4, processes=True, workers=2)
    assert values(t) == list(range(0, 20, 2))


def test_what_is_defined_on_the_spot_travels_too():
    offset = 100
    assert values(numbers(3, lambda a: a + offset, returns=int, processes=True)) == [100, 101, 102]


@pytest.mark.parametrize(
    "options",
    [{"function": in_processes.dies_at_three}, {"function": in_processes.dies_in_a_batch, "batched": True}],
)
def test_a_process_that_dies_costs_the_row_that_it_was_at(options):
    t = numbers(6, **options, returns=int, processes=True, workers=2)
    with pytest.warns(ex.ExplorerWarning, match="the process that computed it ended, with exit code 7"):
        assert values(t) == [0, 1, 2, None, 4, 5]
    assert t.errors()["row"].to_list() == [3]


def test_a_function_that_exits_costs_the_row_that_it_was_at():
    t = numbers(4, lambda a: sys.exit("no more") if a == 2 else a, returns=int, processes=True)
    with pytest.warns(ex.ExplorerWarning, match="SystemExit: no more"):
        assert values(t) == [0, 1, None, 3]


def test_a_function_that_ends_every_process_ends_the_computation():
    t = numbers(100, lambda a: os.kill(os.getpid(), signal.SIGKILL), returns=int, processes=True)
    ended = f"{workers.MOST_DEATHS} processes of <lambda> ended one after the other, the last killed by"
    with pytest.raises(ex.WorkerError, match=f"{ended} SIGKILL"):
        t.compute()


def test_what_a_process_prints_is_shown_and_holds_nothing_up(capfd):
    assert values(numbers(1, in_processes.prints_much, processes=True)) == [0]
    assert capfd.readouterr().out.count("x" * 2**20) == 10


def test_an_error_of_a_process_is_the_error_of_its_row():
    t = numbers(4, in_processes.raises_at_two, processes=True)
    with pytest.warns(ex.ExplorerWarning, match="1 of 4 rows failed"):
        t.compute()
    assert t.errors().select("type", "message").row(0) == (
        "ZeroDivisionError",
        "integer division or modulo by zero",
    )
    with pytest.raises(ZeroDivisionError) as caught:
        numbers(4, in_processes.raises_at_two, processes=True, on_error="raise").compute()
    assert "in a worker process" in caught.value.__notes__[0]


def test_a_class_is_made_once_when_the_first_row_is_wanted(tmp_path):
    t = numbers(50, in_processes.Counted, init={"folder": str(tmp_path)})
    assert t.schema["x"] == pl.Int64
    assert not list(tmp_path.iterdir())
    t.head(3).compute()
    t.compute()
    assert len(list(tmp_path.iterdir())) == 1
    assert values(t)[:2] == [1, 2]


def test_a_class_is_made_once_in_each_thread_that_works_and_never_entered_twice():
    meeting, made = threading.Barrier(3, timeout=30), []

    class Alone:
        def __init__(self):
            made.append(self)
            self.inside = threading.Lock()

        def __call__(self, a):
            with self.inside:
                meeting.wait()
            return a

    assert values(numbers(9, Alone, returns=int, workers=3)) == list(range(9))
    assert len(made) == 3


def test_a_class_is_made_once_in_each_process(tmp_path):
    t = numbers(20, in_processes.Counted, init={"folder": str(tmp_path)}, processes=True)
    assert values(t) == list(range(1, 21))
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("processes", [False, True])
def test_a_class_that_cannot_be_made_ends_the_computation_once_and_is_tried_again(tmp_path, processes):
    t = numbers(5, in_processes.Fails, init={"folder": str(tmp_path)}, processes=processes)
    with pytest.raises(ex.WorkerError, match="Fails could not be made: FileNotFoundError: no weights there"):
        t.compute()
    assert t.errors().height == 0
    (tmp_path / "weights").touch()
    assert values(t) == list(range(5))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ex.defer(in_processes.Counted, "a"), "missing a required argument: 'folder'"),
        (lambda: ex.defer(in_processes.Counted, "a", init={"foldr": "."}), "Counted"),
        (lambda: ex.defer(in_processes.Counted, "a", init=["."]), "no dict of keywords"),
        (lambda: ex.defer(in_processes.double, "a", init={}), "double is a function"),
        (lambda: ex.defer(float, "a", init={}), "a class without one"),
        (lambda: ex.defer(in_processes.double, "a", processes=4), "neither True nor False"),
    ],
)
def test_what_cannot_be_meant_of_workers_is_refused_when_it_is_written(call, words):
    with pytest.raises(ex.ArgumentError, match=words):
        call()


def test_the_inputs_and_the_dtype_of_a_class_are_those_of_its_call(tmp_path):
    spec = ex.defer(in_processes.Counted, init={"folder": str(tmp_path)})
    assert (spec.inputs, spec.returns) == (("a",), {"": pl.Int64})


def test_a_type_that_is_called_for_a_value_is_a_function():
    assert values(numbers(2, float, returns=float)) == [0.0, 1.0]


def test_what_cannot_travel_says_so():
    lock = threading.Lock()
    with pytest.raises(ex.WorkerError, match="cannot be given to another process"):
        numbers(2, lambda a: lock, returns=int, processes=True).compute()


def test_processes_end_with_the_function_that_they_have():
    t = numbers(2, in_processes.pid, processes=True)
    (pid,) = set(values(t))
    del t
    gc.collect()
    assert gone(pid)


INTERRUPTED = """
import sys, threading, signal, os, time, pathlib
import explorer as ex
from tests.compute.in_processes import waits_for_ever
# Also where this was started in the background, with none to hear of interruptions.
signal.signal(signal.SIGINT, signal.default_int_handler)
folder = sys.argv[1]
t = ex.from_polars({"a": [0, 1, 2], "folder": [folder] * 3})
t = t.with_columns(x=ex.defer(waits_for_ever, processes=True))

def interrupt():
    while not os.path.exists(folder + "/pid") or not pathlib.Path(folder, "pid").read_text():
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIG)

threading.Thread(target=interrupt, daemon=True).start()
try:
    t.compute()
except KeyboardInterrupt:
    print(t.counters.rows_inferred, flush=True)
"""


@pytest.mark.parametrize("how", ["SIGINT", "SIGKILL"])
def test_processes_in_the_middle_of_a_row_end_with_an_interruption_and_with_their_kernel(tmp_path, how):
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED.replace("SIG)", f"{how})"), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert gone(int((tmp_path / "pid").read_text()))
    if how == "SIGINT":
        assert done.stdout.strip() == "1", done.stderr
        assert done.returncode == 0


def test_an_interruption_keeps_what_other_threads_have_done_out_of_order():
    busy, over = threading.Barrier(3, timeout=30), threading.Event()

    def slow(a):
        if a in (0, 3, 4):
            # The threads that begin with 3 and 4 are done with 1 and 2.
            busy.wait()
        if a == 0:
            raise KeyboardInterrupt
        if a > 2:
            over.wait(30)
        return a

    t = numbers(5, slow, returns=int, workers=3)
    with pytest.raises(KeyboardInterrupt):
        t.compute()
    over.set()
    assert t.counters.rows_inferred == 2


@pytest.mark.parametrize("workers", [1, 4])
def test_a_function_that_reads_its_own_column_is_told_so_whatever_the_workers(workers):
    box = []
    t = numbers(8, lambda a: box[0]["x"][0](), returns=int, workers=workers)
    box.append(t)
    with pytest.warns(ex.ExplorerWarning, match="reads the column that it computes itself"):
        t.compute()


def test_arrays_go_to_processes_whole():
    t = ex.from_polars({"v": np.arange(6.0).reshape(3, 2)})
    t = t.with_columns(x=ex.defer(np.sum, "v", returns=float, processes=True))
    assert values(t) == [1.0, 5.0, 9.0]
