"""Points inside a polygon, as a Polars expression."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence


def in_polygon(x: str, y: str, points: Sequence[tuple[float, float]]) -> pl.Expr:
    """Return an expression that is true for rows whose point lies inside a polygon.

    A lasso in the scatter gives this expression. It calculates with the coordinates as float32
    read as doubles, by the even-odd rule, step by step as the page does, so that both agree on every
    point.

    Parameters
    ----------
    x, y
        Numeric columns.
    points
        Corners; the last is joined to the first. Fewer than three enclose nothing.

    Returns
    -------
    polars.Expr
        Boolean, never null: a row without coordinates is outside.

    References
    ----------
    Shimrat: Algorithm 112, position of point relative to polygon (1962).

    Examples
    --------
    >>> import explorer as ex, polars as pl
    >>> t = pl.DataFrame({"x": [0.5, 2.0], "y": [0.5, 0.5]})
    >>> t.filter(ex.in_polygon("x", "y", [(0, 0), (1, 0), (1, 1), (0, 1)])).height
    1
    """
    corners = [(float(px), float(py)) for px, py in points]
    across, up = (pl.col(name).cast(pl.Float32).cast(pl.Float64) for name in (x, y))
    crossings = [
        ((y1 > up) != (y2 > up)) & (across < (x2 - x1) * (up - y1) / (y2 - y1) + x1)
        for (x1, y1), (x2, y2) in zip(corners, [*corners[1:], *corners[:1]], strict=True)
        if y1 != y2
    ]
    inside = reduce(lambda odd, crossing: odd ^ crossing, crossings, pl.lit(value=False))
    return (inside & across.is_finite() & up.is_finite()).fill_null(value=False)
