from __future__ import annotations

import threading

import pytest

from explorer.compute.plan import Tier, Wish
from explorer.compute.scheduler import Scheduler, Threads
from tests.steppable import Clock, Steps


class Bench:
    """A scheduler whose threads and time are stepped by the test."""

    def __init__(self, slots=1, run=None):
        self.steps = Steps({})
        self.clock = Clock()
        self.ran = []
        self.delivered = []
        self.scheduler = Scheduler(
            run=run or self.run,
            on_results=self.delivered.append,
            executor=self.steps,
            slots={"decode": slots, "infer": 1},
            batch={"infer": 4},
            clock=self.clock,
        )

    def run(self, job):
        self.ran += job.keys
        return [(f"result of {key}", 10) for key in job.keys]

    def want(self, *keys, lane="decode"):
        self.scheduler.want([Wish(key, lane, Tier.VISIBLE, i) for i, key in enumerate(keys)])

    @property
    def received(self):
        return [key for batch in self.delivered for key, _ in batch]


def test_everything_that_is_wanted_is_delivered_once():
    bench = Bench(slots=2)
    bench.want("a", "b", "c")
    bench.steps.run_all()
    assert sorted(bench.received) == ["a", "b", "c"]
    assert bench.scheduler.progress == (0, 3)


def test_a_wish_that_is_withdrawn_before_its_turn_never_starts():
    bench = Bench()
    bench.want("a", "b", "c")
    bench.want("d")
    bench.steps.run_all()
    assert "b" not in bench.ran
    assert "c" not in bench.ran
    assert bench.received == ["d"]


def test_a_job_that_waited_for_its_thread_until_nobody_wanted_it_is_not_run():
    bench = Bench()
    bench.want("a")
    bench.want()
    bench.steps.run_all()
    assert bench.ran == []


def test_a_result_that_nobody_wants_any_more_is_not_delivered():
    bench = Bench(run=lambda job: (bench.want("b"), [("late", 1) for _ in job.keys])[1])
    bench.want("a")
    bench.steps.run_one()
    assert "a" not in bench.received


def test_the_first_result_goes_out_at_once_and_the_next_ones_together():
    bench = Bench(slots=1)
    bench.want(*"abcdef")
    bench.steps.run_one()
    assert bench.received == ["a"]
    bench.steps.run_one()
    bench.steps.run_one()
    assert bench.received == ["a"]
    bench.clock.now += 0.031
    bench.steps.run_one()
    assert bench.delivered[1] == [(k, f"result of {k}") for k in "bcd"]


def test_what_is_done_does_not_wait_for_what_is_slow():
    bench = Bench(slots=2)
    bench.want("slow", "quick", "last")
    bench.steps.run_one(1)
    bench.steps.run_one(1)
    assert bench.received == ["quick", "last"]


def test_a_job_that_fails_beyond_its_results_leaves_the_lane_working(capsys):
    threads = Threads({"decode": 1})
    done = threading.Event()
    threads.submit("decode", lambda: 1 // 0)
    threads.submit("decode", done.set)
    assert done.wait(10)
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_closed_threads_start_nothing_that_waited():
    threads, held, ran = Threads({"decode": 1}), threading.Event(), []
    started = threading.Event()
    threads.submit("decode", lambda: (started.set(), held.wait(10)))
    started.wait(10)
    threads.submit("decode", lambda: ran.append(1))
    threads.close()
    held.set()
    threads.submit("decode", started.clear)
    for _ in range(1000):
        if not started.is_set():
            break
        threading.Event().wait(0.01)
    assert ran == []


def test_a_lane_that_runs_dry_delivers_what_is_left():
    bench = Bench()
    bench.want("a", "b")
    bench.steps.run_all()
    assert bench.received == ["a", "b"]


def test_batches_take_as_many_as_are_ready():
    bench = Bench()
    bench.want(*range(6), lane="infer")
    bench.steps.run_one()
    assert bench.ran == [0, 1, 2, 3]


def test_an_exception_becomes_the_result_of_its_keys_and_the_others_go_on():
    def run(job):
        if "bad" in job.keys:
            raise ValueError("boom")
        return [("fine", 1) for _ in job.keys]

    bench = Bench(run=run)
    bench.want("bad", "good")
    bench.steps.run_all()
    results = dict(result for batch in bench.delivered for result in batch)
    assert isinstance(results["bad"], ValueError)
    assert results["good"] == "fine"


def test_after_closing_nothing_starts_and_nothing_is_delivered():
    bench = Bench()
    bench.want("a")
    bench.scheduler.close()
    bench.steps.run_all()
    assert bench.ran == []
    assert bench.delivered == []


@pytest.mark.parametrize("known", [["a"], ["a", "b"]])
def test_what_the_caller_already_has_is_not_computed(known):
    bench = Bench()
    bench.scheduler.want([Wish(k, "decode", Tier.VISIBLE, 0) for k in "abc"], known=known)
    bench.steps.run_all()
    assert sorted(bench.ran) == sorted(set("abc") - set(known))
