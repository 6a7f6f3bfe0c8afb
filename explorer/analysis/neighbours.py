"""The rows nearest to a vector, found by comparing with all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from explorer._errors import ArgumentError
from explorer.analysis.embedding import as_matrix

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Metric: TypeAlias = Literal["cosine", "euclidean"]
Indices: TypeAlias = "NDArray[np.uint32]"
Distances: TypeAlias = "NDArray[np.float32]"

BLOCK_BYTES = 32 * 2**20
"""Most memory for one block of rows, and for the scores of one block."""

SPARE = 8
"""Candidates beyond k that are measured again, as the products of float32 round."""


def nearest(
    matrix: ArrayLike, query: ArrayLike, k: int, metric: Metric = "cosine"
) -> tuple[Indices, Distances]:
    """Return the k rows of `matrix` that are nearest to each query, nearest first.

    Equal distances are ordered by the number of the row. Under ``"cosine"`` a vector of zeros is at
    distance 1 from everything.

    Parameters
    ----------
    matrix
        Shape (n, d), finite numbers.
    query
        One vector of shape (d,), or several of shape (m, d).
    k
        How many; where there are fewer rows, all of them.
    metric
        ``"cosine"`` (1 - cos, 0 to 2) or ``"euclidean"``.

    Returns
    -------
    numpy.ndarray
        uint32, numbers of rows, shape (k,) for one vector and (m, k) for several.
    numpy.ndarray
        float32, their distances, of the same shape.

    Raises
    ------
    ArgumentError
        For shapes that do not fit, an unknown metric, or numbers that are not finite.

    Examples
    --------
    >>> found, distances = nearest([[0, 1], [1, 0], [-1, 0]], [2, 0], k=2)
    >>> found.tolist(), distances.tolist()
    ([1, 0], [0.0, 1.0])
    """
    if metric not in {"cosine", "euclidean"}:
        raise ArgumentError.not_one_of("metric", metric, ["cosine", "euclidean"])
    if k < 1:
        raise ArgumentError(f"k is {k}; at least 1 is expected.")
    rows = np.asarray(matrix)
    single = np.ndim(query) == 1
    queries = as_matrix(np.atleast_2d(np.asarray(query)), "nearest")
    if rows.ndim != 2 or not rows.size or rows.shape[1] != queries.shape[1]:
        raise ArgumentError(
            f"nearest was given a matrix of shape {rows.shape} and vectors of {queries.shape[1]} numbers; "
            f"(rows, {queries.shape[1]}) is expected."
        )
    wanted = min(k, len(rows))
    per_block = max(1, BLOCK_BYTES // (4 * rows.shape[1]))
    at_once = max(1, BLOCK_BYTES // (4 * min(per_block, len(rows))))
    found = np.empty((len(queries), wanted), np.uint32)
    distances = np.empty((len(queries), wanted), np.float32)
    for start in range(0, len(queries), at_once):
        some = queries[start : start + at_once]
        best = _scan(rows, some, min(wanted + SPARE, len(rows)), per_block, metric)
        for at, (vector, candidates) in enumerate(zip(some, best, strict=True), start):
            exact = _measure(rows[candidates], vector, metric)
            order = np.lexsort((candidates, exact))[:wanted]
            found[at], distances[at] = candidates[order], exact[order]
    return (found[0], distances[0]) if single else (found, distances)


def _scan(
    rows: NDArray[Any], queries: Distances, keep: int, per_block: int, metric: Metric
) -> list[NDArray[np.int64]]:
    """Return for each query the `keep` rows with the smallest scores, in no order."""
    # Seen from the middle of the queries the numbers are small where it matters, and lose least.
    origin = queries.mean(0, dtype=np.float64).astype(np.float32) if metric == "euclidean" else None
    candidates = [np.empty(0, np.int64) for _ in queries]
    scores = [np.empty(0, np.float32) for _ in queries]
    for start in range(0, len(rows), per_block):
        block = rows[start : start + per_block].astype(np.float32, copy=False)
        block_scores = _scores(block, queries, origin)
        if not np.isfinite(block_scores).all():
            raise ArgumentError(
                f"nearest was given a matrix with NaN, infinity or huge numbers in rows {start} to "
                f"{start + len(block) - 1}.",
                hint="Leave these rows out first.",
            )
        for at, new in enumerate(block_scores):
            # Rows come in order, so that a later row of the same score never displaces an earlier one.
            full = len(scores[at]) == keep
            fresh = np.flatnonzero(new < scores[at].max()) if full else np.arange(len(new))
            together = np.concatenate([scores[at], new[fresh]])
            numbers = np.concatenate([candidates[at], fresh + start])
            if len(together) > keep:
                limit = np.partition(together, keep - 1)[keep - 1]
                below = np.flatnonzero(together < limit)
                level = np.flatnonzero(together == limit)[: keep - len(below)]
                chosen = np.concatenate([below, level])
                # In the order of their numbers, for the next block's equals.
                chosen.sort()
                together, numbers = together[chosen], numbers[chosen]
            scores[at], candidates[at] = together, numbers
    return candidates


def _scores(block: Distances, queries: Distances, origin: Distances | None) -> Distances:
    """Return numbers that order the rows of a block for each query, as the distances do."""
    with np.errstate(over="ignore", invalid="ignore"):  # the caller looks for what is not finite
        if origin is not None:
            seen = block - origin
            apart: Distances = np.einsum("ij,ij->i", seen, seen) - 2 * ((queries - origin) @ seen.T)
            return apart
        lengths = np.sqrt(np.einsum("ij,ij->i", block, block))
        lengths[lengths == 0] = 1
        turned: Distances = -(queries @ block.T) / lengths
        return turned


def _measure(rows: NDArray[Any], vector: Distances, metric: Metric) -> Distances:
    exact, to = rows.astype(np.float64), vector.astype(np.float64)
    if metric == "euclidean":
        apart = np.linalg.norm(exact - to, axis=1)
    else:
        lengths = np.linalg.norm(exact, axis=1) * np.linalg.norm(to)
        lengths[lengths == 0] = np.inf
        apart = 1 - np.clip(exact @ to / lengths, -1, 1)
    return np.asarray(apart, dtype=np.float32)
