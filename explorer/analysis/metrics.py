"""How often a prediction is right, as numbers and as Polars frames.

Rows where either side is null (not known, or failed) are never counted as right or wrong; the
frames say how many there are.
"""

from __future__ import annotations

import polars as pl

from explorer._errors import ArgumentError


def accuracy(pred: pl.Series, label: pl.Series) -> float:
    """Return the share of rows whose prediction is the label, NaN when no row has both.

    Raises
    ------
    ArgumentError
        When the two cannot be compared.

    Examples
    --------
    >>> accuracy(pl.Series(["a", "b", None]), pl.Series(["a", "a", "a"]))
    0.5
    """
    right = _pairs(label, pred)["right"].mean()
    return right if isinstance(right, float) else float("nan")


def accuracy_by(label: pl.Series, pred: pl.Series) -> pl.DataFrame:
    """Return for each label how many of its rows are predicted rightly.

    Returns
    -------
    polars.DataFrame
        Sorted by ``label``; ``count`` rows where both are known, ``correct`` of them, their
        ``accuracy`` (null without rows), and ``nulls``, the rows left out.

    Raises
    ------
    ArgumentError
        When the two cannot be compared.

    Examples
    --------
    >>> accuracy_by(pl.Series(["a", "a", "b"]), pl.Series(["a", "b", None])).rows()
    [('a', 2, 1, 0.5, 0), ('b', 0, 0, None, 1)]
    """
    right = pl.col("right")
    return (
        _pairs(label, pred)
        .group_by("label")
        .agg(
            right.count().alias("count"),
            right.sum().cast(pl.get_index_type()).alias("correct"),
            right.mean().alias("accuracy"),
            right.null_count().alias("nulls"),
        )
        .sort("label", nulls_last=True)
    )


def confusion(label: pl.Series, pred: pl.Series) -> pl.DataFrame:
    """Return how often each label got each prediction.

    Returns
    -------
    polars.DataFrame
        ``label``, ``pred``, ``count``; one row for each pair that occurs, sorted, pairs with a null
        among them.

    Raises
    ------
    ArgumentError
        When the two cannot be compared.

    Examples
    --------
    >>> confusion(pl.Series(["a", "a", "b"]), pl.Series(["a", "b", "b"])).rows()
    [('a', 'a', 1), ('a', 'b', 1), ('b', 'b', 1)]
    """
    return (
        _pairs(label, pred)
        .group_by("label", "pred")
        .agg(pl.len().alias("count"))
        .sort("label", "pred", nulls_last=True)
    )


def _pairs(label: pl.Series, pred: pl.Series) -> pl.DataFrame:
    if len(label) != len(pred):
        raise ArgumentError(f"label has {len(label)} rows and pred has {len(pred)}; as many are expected.")
    try:
        return pl.DataFrame([label.alias("label"), pred.alias("pred")]).with_columns(
            right=pl.col("label") == pl.col("pred")
        )
    except pl.exceptions.PolarsError as error:
        raise ArgumentError(
            f"label is {label.dtype} and pred is {pred.dtype}, which cannot be compared.",
            hint="Give ex.model(labels=...) the values that the label column holds.",
        ) from error
