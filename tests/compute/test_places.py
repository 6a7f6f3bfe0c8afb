"""Numbers by row id, in pages."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from explorer.compute.places import Places

ids = st.lists(st.one_of(st.integers(0, 20_000), st.integers(0, 2**33)), max_size=8)


@given(st.lists(ids, max_size=6), ids)
def test_they_are_what_a_dict_would_hold(written, asked):
    places, expected = Places(nothing=-1), {}
    for number, some in enumerate(written):
        places.put(np.array(some, dtype=np.int64), number)
        expected |= dict.fromkeys(some, number)
    every = [*asked, *(one for some in written for one in some)]
    assert places.of(np.array(every, dtype=np.int64)).tolist() == [expected.get(one, -1) for one in every]


def test_fifty_rows_of_ten_million_take_little_memory():
    places = Places(nothing=-1)
    places.put(np.random.default_rng(0).integers(0, 10_000_000, 50), np.arange(50))
    assert places.nbytes < 2**21


def test_all_rows_take_four_bytes_each_and_a_little():
    places = Places(nothing=-1)
    for start in range(0, 1_000_000, 1_000):
        places.put(np.arange(start, start + 1_000), 7)
    assert places.nbytes < 4 * 2.2 * 1_000_000


@given(st.lists(ids, max_size=4))
def test_the_ids_that_have_a_number_are_told_in_order(written):
    places, expected = Places(nothing=-1), {}
    for number, some in enumerate(written):
        places.put(np.array(some, dtype=np.int64), number)
        expected |= dict.fromkeys(some, number)
    given_ids, numbers = places.given()
    assert dict(zip(given_ids.tolist(), numbers.tolist(), strict=True)) == expected
    assert given_ids.tolist() == sorted(expected)
