from __future__ import annotations

import pytest

from explorer._progress import Progress
from tests.steppable import Clock


class Screen:
    def __init__(self):
        self.drawn = []
        self.last = None

    def draw(self, text, share):
        self.drawn.append((text, share))

    def finish(self, text):
        self.last = text


@pytest.fixture
def screen():
    return Screen()


@pytest.fixture
def clock():
    return Clock()


def test_short_work_shows_nothing(screen, clock):
    with Progress("pred", total=10, sink=screen, clock=clock) as progress:
        progress.advance(10)
    assert screen.drawn == []
    assert screen.last is None


def test_long_work_shows_a_bar_with_its_rate_and_leaves_one_line(screen, clock):
    with Progress("pred", total=100, sink=screen, clock=clock) as progress:
        clock.now = 1.0
        progress.advance(25)
    ((text, share),) = screen.drawn
    assert text == "pred: 25 of 100 rows computed · 25 rows/s · 3 s left"
    assert share == 0.25
    assert screen.last == "pred: 25 of 100 rows computed"


def test_it_redraws_at_most_ten_times_a_second(screen, clock):
    with Progress("pred", total=1000, sink=screen, clock=clock) as progress:
        for step in range(1000):
            clock.now = 1 + step / 1000
            progress.advance(1)
    assert len(screen.drawn) <= 11


def test_an_interruption_says_that_nothing_is_lost(screen, clock):
    def interrupted():
        with Progress("pred", total=9, sink=screen, clock=clock) as progress:
            progress.advance(4)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert screen.last == "pred: 4 of 9 rows computed, interrupted; what was done is kept"


def test_work_that_always_reports_says_how_it_ended(screen, clock):
    with Progress("pred", total=9, done_word="looked at", always=True, sink=screen, clock=clock) as progress:
        progress.advance(4)
        progress.note = "found 2"
    assert screen.last == "pred: 4 of 9 rows looked at, found 2"


def test_bytes_are_shown_as_megabytes_and_what_an_earlier_run_did_is_not_part_of_the_rate(screen, clock):
    with Progress(
        "set.tgz", total=98_700_000, done_word="downloaded", unit="bytes", sink=screen, clock=clock
    ) as progress:
        progress.begin_at(10_000_000)
        clock.now = 1.0
        progress.advance(2_300_000)
    ((text, share),) = screen.drawn
    assert text == "set.tgz: 12.3 of 98.7 MB downloaded · 2.3 MB/s · 38 s left"
    assert share == pytest.approx(12.3 / 98.7)


def test_a_total_that_nobody_knows_is_left_out(screen, clock):
    with Progress("x", total=0, done_word="downloaded", unit="bytes", always=True, sink=screen) as progress:
        progress.advance(1_500_000)
    assert screen.last == "x: 1.5 MB downloaded"


def test_other_things_than_rows_are_counted_by_their_name(screen, clock):
    with Progress("x", total=1200, done_word="unpacked", unit="files", always=True, sink=screen) as progress:
        progress.advance(1000)
    assert screen.last == "x: 1,000 of 1,200 files unpacked"
