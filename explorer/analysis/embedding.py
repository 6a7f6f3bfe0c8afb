"""Maps: many numbers a row made into two, so that likeness becomes distance on the screen."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any, TypeAlias
from warnings import catch_warnings, filterwarnings, warn

import numpy as np

from explorer._errors import ArgumentError, ExplorerWarning
from explorer._optional import require

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Matrix: TypeAlias = "NDArray[np.float32]"

FEWEST = 4
"""Rows that a map needs at least: with fewer there is no neighbourhood to keep."""

_ANSWERED = {
    "random_state": "Write seed=... instead.",
    "output_dens": "Only the coordinates are kept: leave it out.",
    "transform_mode": "Only the coordinates are kept: leave it out.",
}
_GIVEN = frozenset({"n_components", "n_neighbors", "min_dist", "metric", "seed"})


def umap(
    matrix: ArrayLike,
    *,
    n_components: int = 2,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    metric: str = "euclidean",
    seed: int | None = 0,
    **keywords: Any,
) -> Matrix:
    """Place the rows of a matrix on a map by UMAP, neighbours beside neighbours.

    Parameters
    ----------
    matrix
        Shape (n, d), finite numbers, one row an item.
    n_components
        Coordinates a row.
    n_neighbors
        How many neighbours of each row count. With as few rows as that, it is made smaller, with
        a warning.
    min_dist
        How near to each other points may lie on the map.
    metric
        How distance is measured between rows.
    seed
        The same seed gives the same map, on one thread; None uses all of them.
    **keywords
        Anything else that `umap.UMAP` takes.

    Returns
    -------
    numpy.ndarray
        float32, shape (n, `n_components`).

    Raises
    ------
    ArgumentError
        For a matrix that cannot be mapped, and for keywords that UMAP does not know.

    Examples
    --------
    >>> try:
    ...     umap([[0.0, 1.0], [2.0, 3.0]])
    ... except ArgumentError as error:
    ...     print(error)
    umap was given 2 rows; it needs at least 4.
    """
    rows = as_matrix(matrix, "umap")
    reducer = _umap()
    known = set(signature(reducer).parameters)
    for given in keywords:
        if given in _ANSWERED:
            raise ArgumentError(f"umap takes no {given!r} here.", hint=_ANSWERED[given])
        if given not in known:
            raise ArgumentError.unknown_keyword("umap", given, (known | _GIVEN) - set(_ANSWERED))
    if len(rows) < FEWEST:
        raise ArgumentError(f"umap was given {len(rows)} rows; it needs at least {FEWEST}.")
    if n_neighbors >= len(rows):
        warn(
            f"umap was given {len(rows)} rows: n_neighbors is {len(rows) - 1} instead of {n_neighbors}.",
            ExplorerWarning,
            stacklevel=2,
        )
        n_neighbors = len(rows) - 1
    if seed is not None:
        # With a seed umap runs on one thread, and warns of that unless told that it is meant.
        keywords.setdefault("n_jobs", 1)
    if len(rows) <= n_components + 2:
        # The spectral start needs more rows than that.
        keywords.setdefault("init", "random")
    try:
        placed = reducer(
            n_components=n_components,
            n_neighbors=n_neighbors,
            min_dist=min_dist,
            metric=metric,
            random_state=seed,
            **keywords,
        ).fit_transform(rows)
    except ValueError as error:
        raise ArgumentError(f"umap refused these settings: {error}") from error
    return np.ascontiguousarray(placed, dtype=np.float32)


def pca(matrix: ArrayLike, n_components: int = 2) -> Matrix:
    """Place the rows of a matrix along the directions in which they differ most.

    The largest weight of each direction is made positive, so that the same matrix gives the same
    map everywhere.

    Parameters
    ----------
    matrix
        Shape (n, d), finite numbers, one row an item.
    n_components
        Coordinates a row, at most the smaller of n and d.

    Returns
    -------
    numpy.ndarray
        float32, shape (n, `n_components`).

    Raises
    ------
    ArgumentError
        For a matrix that has fewer rows or columns than `n_components`, or that is not finite.

    Examples
    --------
    >>> pca([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]], 1).round().tolist()
    [[-5.0], [0.0], [5.0]]
    """
    rows = as_matrix(matrix, "pca")
    fewest = min(rows.shape)
    if not 1 <= n_components <= fewest:
        raise ArgumentError(
            f"n_components is {n_components}; a matrix of shape {rows.shape} has 1 to {fewest} directions."
        )
    centred = rows - rows.mean(0, dtype=np.float64).astype(np.float32)
    # A tall matrix has the directions of its small triangular factor, without the loss that squaring has.
    small = np.linalg.qr(centred, mode="r") if len(rows) > rows.shape[1] else centred
    directions = np.linalg.svd(small, full_matrices=False).Vh[:n_components]
    largest = np.abs(directions).argmax(1)
    signs = np.where(directions[np.arange(n_components), largest] < 0, np.float32(-1), np.float32(1))
    placed: Matrix = centred @ (directions * signs[:, None]).T
    return np.ascontiguousarray(placed, dtype=np.float32)


def _umap() -> Any:
    with catch_warnings():
        # It tells at import that its parametric variant, which is not used here, would need more.
        filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        return require("umap", extra="umap", needed_for="umap").UMAP


def as_matrix(matrix: ArrayLike, name: str) -> Matrix:
    """Return `matrix` as float32 of shape (n, d), or say why it is none.

    Raises
    ------
    ArgumentError
        For another number of dimensions, no rows or columns, text, or numbers that are not finite.

    Examples
    --------
    >>> as_matrix([[1, 2]], "umap").dtype
    dtype('float32')
    """
    try:
        rows = np.asarray(matrix, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"{name} needs a matrix of numbers: {error}", hint="Every row needs a vector of one length."
        ) from error
    if rows.ndim != 2 or not rows.size:
        raise ArgumentError(f"{name} was given an array of shape {rows.shape}; (rows, numbers) is expected.")
    finite = np.isfinite(rows).all(1)
    if not finite.all():
        raise ArgumentError(
            f"{name} was given {len(rows) - int(finite.sum())} of {len(rows)} rows with NaN or infinity, "
            f"the first at {int(finite.argmin())}.",
            hint="Leave these rows out first.",
        )
    return rows
