from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from explorer.compute.cache import ByteCache


def test_the_least_recently_used_goes_first():
    cache = ByteCache(3, weigh=len)
    for key in "abc":
        cache.put(key, b"1")
    cache.get("a")
    cache.put("d", b"1")
    assert [key in cache for key in "abcd"] == [True, False, True, True]
    assert cache.evictions == 1


def test_a_value_larger_than_the_cache_is_not_kept_and_evicts_nothing():
    cache = ByteCache(3, weigh=len)
    cache.put("a", b"12")
    cache.put("b", b"1234")
    assert "a" in cache
    assert "b" not in cache


def test_hits_and_misses_are_counted():
    cache = ByteCache(3, weigh=len)
    cache.put("a", b"1")
    cache.get("a")
    cache.get("b")
    assert (cache.hits, cache.misses) == (1, 1)


@given(st.lists(st.tuples(st.integers(0, 5), st.binary(max_size=8))))
def test_the_weight_is_the_sum_of_what_is_kept_and_never_over_the_limit(puts):
    cache = ByteCache(16, weigh=len)
    for key, value in puts:
        cache.put(key, value)
        assert cache.bytes <= 16
        assert cache.bytes == sum(len(cache.get(k)) for k in range(6) if k in cache)


@given(st.lists(st.tuples(st.integers(0, 5), st.binary(max_size=8))))
def test_several_values_are_put_as_one_after_the_other(puts):
    together, one_by_one = ByteCache(16, weigh=len), ByteCache(16, weigh=len)
    together.put_all(puts)
    for key, value in puts:
        one_by_one.put(key, value)
    assert (together.bytes, together.evictions) == (one_by_one.bytes, one_by_one.evictions)
    assert [together.get(key) for key in range(6)] == [one_by_one.get(key) for key in range(6)]
