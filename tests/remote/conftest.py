"""Servers and fetchers of the tests of this room."""

from __future__ import annotations

import pytest

from explorer.remote.client import Web
from explorer.remote.fetcher import Fetcher
from tests.loopback import Loopback
from tests.steppable import Clock


class Waits:
    """Remembers how long somebody would have slept."""

    def __init__(self, clock):
        self.seconds = []
        self._clock = clock

    def __call__(self, seconds):
        self.seconds.append(seconds)
        self._clock.now += seconds


@pytest.fixture
def server():
    loopback = Loopback()
    yield loopback
    loopback.close()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def waits(clock):
    return Waits(clock)


@pytest.fixture
def fetch(clock, waits):
    """Make fetchers that never really wait."""
    made = []

    def make(*, web=None, **given):
        options = {
            "proxy": lambda place: None,
            "clock": clock,
            "sleep": waits,
            "jitter": lambda: 1.0,
            **given,
        }
        made.append(Fetcher(web or Web(cache=False), **options))
        return made[-1]

    yield make
    for fetcher in made:
        fetcher.close()
