"""Maps by UMAP and by principal components."""

from __future__ import annotations

import numpy as np
import pytest

from explorer._errors import ArgumentError, ExplorerWarning
from explorer.analysis.embedding import pca, umap


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


# ------------------------------------------------------------------------------ umap


@pytest.mark.slow
def test_umap_places_rows_and_keeps_groups_apart():
    matrix = np.concatenate([normal(40, 8), normal(40, 8) + 50])
    placed = umap(matrix)
    assert placed.shape == (80, 2)
    assert placed.dtype == np.float32
    first, second = placed[:40], placed[40:]
    spread = max(first.std(0).max(), second.std(0).max())
    assert np.linalg.norm(first.mean(0) - second.mean(0)) > 3 * spread


@pytest.mark.slow
def test_umap_with_a_seed_is_repeatable_and_quiet():
    matrix = normal(60, 6)
    np.testing.assert_array_equal(umap(matrix, seed=3), umap(matrix, seed=3))
    assert not np.array_equal(umap(matrix, seed=3), umap(matrix, seed=4))


@pytest.mark.slow
def test_umap_passes_keywords_on():
    assert umap(normal(30, 6), n_components=3, metric="cosine", n_epochs=10, seed=None).shape == (30, 3)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [4, 5, 15])
def test_umap_of_a_few_rows_takes_fewer_neighbours_and_says_so(rows):
    with pytest.warns(ExplorerWarning, match=f"n_neighbors is {rows - 1} instead of 15"):
        placed = umap(normal(rows, 6))
    assert placed.shape == (rows, 2)
    assert np.isfinite(placed).all()


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"min_distance": 0.3}, r"umap has no keyword 'min_distance'(.|\n)*Did you mean 'min_dist'"),
        ({"n_neighbours": 3}, "Did you mean 'n_neighbors'"),
        ({"random_state": 3}, r"no 'random_state'(.|\n)*seed="),
        ({"output_dens": True}, "no 'output_dens'"),
        ({"metric": "euclidian"}, "umap refused these settings"),
        ({"n_components": 0}, "umap refused these settings"),
    ],
)
def test_umap_refuses_what_it_does_not_know(keywords, words):
    with pytest.raises(ArgumentError, match=words):
        umap(normal(20, 3), **keywords)


@pytest.mark.parametrize("method", [umap, pca])
@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (np.zeros((3, 0)), r"shape \(3, 0\)"),
        (np.zeros((0, 3)), r"shape \(0, 3\)"),
        (np.zeros(3), r"shape \(3,\)"),
        ([[1.0, 2.0], [3.0]], "a vector of one length"),
        ([["a", "b"]], "a matrix of numbers"),
        (
            [[1.0, 2.0], [np.nan, 1.0], [np.inf, 1.0], [0.0, 0.0], [1.0, 1.0]],
            "2 of 5 rows(.|\n)*the first at 1",
        ),
    ],
)
def test_maps_refuse_what_is_no_matrix(method, matrix, words):
    with pytest.raises(ArgumentError, match=words):
        method(matrix)


def test_umap_of_three_rows_is_refused():
    with pytest.raises(ArgumentError, match="3 rows; it needs at least 4"):
        umap(normal(3, 5))


# ------------------------------------------------------------------------------ pca


@pytest.mark.parametrize("shape", [(50, 6), (6, 50), (20, 20), (2, 2), (500, 3)])
def test_pca_agrees_with_the_eigenvectors_of_the_covariance(shape):
    matrix = normal(*shape) * np.arange(1, shape[1] + 1, dtype=np.float32) + 7
    count = min(2, *shape)
    placed = pca(matrix, count)
    centred = matrix.astype(np.float64) - matrix.mean(0, dtype=np.float64)
    values = np.linalg.eigvalsh(centred.T @ centred)[::-1][:count]
    np.testing.assert_allclose(
        (placed.astype(np.float64) ** 2).sum(0), values, rtol=1e-3, atol=1e-3 * values[0]
    )
    assert placed.dtype == np.float32
    assert placed.shape == (shape[0], count)


def test_pca_keeps_all_distances_when_all_directions_are_kept():
    matrix = normal(30, 4)
    placed = pca(matrix, 4)
    apart = np.linalg.norm(matrix[:, None] - matrix[None], axis=2)
    np.testing.assert_allclose(np.linalg.norm(placed[:, None] - placed[None], axis=2), apart, atol=1e-4)


def test_pca_has_one_sign():
    matrix = normal(40, 5)
    np.testing.assert_allclose(pca(matrix[::-1])[::-1], pca(matrix), atol=1e-4)


def test_pca_of_rows_that_are_all_the_same_is_zero():
    np.testing.assert_allclose(pca(np.full((5, 3), 0.1)), 0, atol=1e-6)


def test_pca_does_not_lose_small_differences_far_from_zero():
    matrix = normal(200, 3).astype(np.float64) + 1000
    np.testing.assert_allclose(pca(matrix, 3).std(0), pca(matrix - 1000, 3).std(0), rtol=1e-2)


def test_pca_leaves_its_input_alone():
    matrix = normal(10, 3)
    before = matrix.copy()
    pca(matrix)
    np.testing.assert_array_equal(matrix, before)


@pytest.mark.parametrize("count", [0, 4, -1])
def test_pca_refuses_more_directions_than_there_are(count):
    with pytest.raises(ArgumentError, match="1 to 3 directions"):
        pca(normal(10, 3), count)


def test_pca_agrees_with_scikit_learn_but_for_the_sign():
    decomposition = pytest.importorskip("sklearn.decomposition")
    matrix = normal(100, 10)
    other = decomposition.PCA(3, svd_solver="full").fit_transform(matrix)
    np.testing.assert_allclose(np.abs(pca(matrix, 3)), np.abs(other), atol=1e-3)
