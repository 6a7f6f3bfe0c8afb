"""The nearest rows, checked against measuring every distance in double precision."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer._errors import ArgumentError
from explorer.analysis import neighbours
from explorer.analysis.neighbours import nearest

METRICS = ["cosine", "euclidean"]


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def brute(matrix, query, k, metric):
    rows, to = np.asarray(matrix, np.float64), np.asarray(query, np.float64)
    if metric == "euclidean":
        apart = np.linalg.norm(rows - to, axis=1)
    else:
        lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(to)
        apart = 1 - np.divide(rows @ to, lengths, out=np.zeros(len(rows)), where=lengths > 0)
    order = np.lexsort((np.arange(len(rows)), apart.astype(np.float32)))[:k]
    return order, apart[order]


@pytest.mark.parametrize("metric", METRICS)
def test_it_finds_what_measuring_everything_finds(metric):
    matrix, queries = normal(2000, 16), normal(7, 16, seed=1)
    found, distances = nearest(matrix, queries, 20, metric)
    assert found.shape == distances.shape == (7, 20)
    assert (found.dtype, distances.dtype) == (np.uint32, np.float32)
    for at, query in enumerate(queries):
        order, apart = brute(matrix, query, 20, metric)
        np.testing.assert_array_equal(found[at], order)
        np.testing.assert_allclose(distances[at], apart, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_blocks_are_joined(metric):
    # Wide rows make a block of five of them.
    width = neighbours.BLOCK_BYTES // (4 * 5)
    matrix = np.zeros((12, width), np.float32)
    matrix[:, :3] = normal(12, 3)
    found, _ = nearest(matrix, matrix[[3, 11]], 4, metric)
    for at, row in enumerate((3, 11)):
        np.testing.assert_array_equal(found[at], brute(matrix[:, :3], matrix[row, :3], 4, metric)[0])


def test_one_vector_gives_one_row():
    found, distances = nearest(normal(10, 4), normal(4), 3)
    assert found.shape == distances.shape == (3,)


@pytest.mark.parametrize("metric", METRICS)
def test_a_row_is_nearest_to_itself_at_distance_zero(metric):
    matrix = normal(50, 8)
    found, distances = nearest(matrix, matrix, 1, metric)
    np.testing.assert_array_equal(found[:, 0], np.arange(50))
    np.testing.assert_allclose(distances, 0, atol=1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_equals_come_in_the_order_of_their_numbers(metric):
    matrix = np.tile(normal(3, 4), (40, 1))
    found, _ = nearest(matrix, matrix[1], 5, metric)
    assert found.tolist() == [1, 4, 7, 10, 13]


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(*[st.integers(-3, 3)] * 2), min_size=1, max_size=40),
    query=st.tuples(*[st.integers(-3, 3)] * 2),
    k=st.integers(1, 12),
    metric=st.sampled_from(METRICS),
)
def test_distances_are_the_smallest_whatever_ties_there_are(rows, query, k, metric):
    found, distances = nearest(rows, query, k, metric)
    _, apart = brute(rows, query, k, metric)
    np.testing.assert_allclose(distances, apart, atol=1e-6)
    assert len(set(found.tolist())) == len(found) == min(k, len(rows))


def test_small_differences_far_from_zero_are_kept():
    matrix = (normal(500, 8).astype(np.float64) * 0.01 + 1000).astype(np.float32)
    found, distances = nearest(matrix, matrix[17], 10, "euclidean")
    order, apart = brute(matrix, matrix[17], 10, "euclidean")
    np.testing.assert_array_equal(found, order)
    np.testing.assert_allclose(distances, apart, rtol=1e-5)


def test_zeros_are_at_cosine_distance_one():
    found, distances = nearest([[0.0, 0.0], [-1.0, 0.0], [1.0, 1e-3]], [1.0, 0.0], 3)
    assert found.tolist() == [2, 0, 1]
    np.testing.assert_allclose(distances, [0, 1, 2], atol=1e-5)


def test_more_than_there_are_gives_all():
    assert len(nearest(normal(3, 2), normal(2), 10)[0]) == 3


def test_bytes_and_doubles_are_taken():
    assert nearest(np.eye(3, dtype=np.uint8), np.array([0.0, 1.0, 0.0]), 1)[0].tolist() == [1]


@pytest.mark.parametrize(
    ("matrix", "query", "k", "metric", "words"),
    [
        (np.eye(3), np.ones(2), 1, "cosine", r"shape \(3, 3\) and vectors of 2"),
        (np.ones(3), np.ones(3), 1, "cosine", r"shape \(3,\)"),
        (np.zeros((0, 3)), np.ones(3), 1, "cosine", r"shape \(0, 3\)"),
        (np.eye(3), np.ones(3), 0, "cosine", "k is 0"),
        (np.eye(3), np.ones(3), 1, "cosin", "Did you mean 'cosine'"),
        (np.eye(3), [1, np.nan, 0], 1, "cosine", "NaN or infinity"),
        (np.diag([1, np.nan, 1]), np.ones(3), 1, "cosine", "NaN, infinity or huge"),
        (np.diag([1, np.inf, 1]), np.ones(3), 1, "euclidean", "NaN, infinity or huge"),
    ],
)
def test_what_cannot_be_measured_is_refused(matrix, query, k, metric, words):
    with pytest.raises(ArgumentError, match=words):
        nearest(matrix, query, k, metric)
