"""Class labels and their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence


def class_names(labels: pl.Series, classes: Sequence[str], *, name: str) -> pl.Series:
    """Return the name of each label, null where there is none (−1 means so in many data sets).

    Parameters
    ----------
    labels
        Integers; `i` is the class ``classes[i]``.
    classes
        Names of the classes. They become a `polars.Enum`, which sorts as they stand; names that come
        twice become text.
    name
        Name of the new column.

    Examples
    --------
    >>> class_names(pl.Series([1, 0, -1]), ["dog", "cat"], name="label_name").to_list()
    ['cat', 'dog', None]
    """
    names = [str(each) for each in classes]
    dtype = pl.Enum(names) if len(set(names)) == len(names) else pl.String
    return (
        labels.cast(pl.Int64)
        .replace_strict(range(len(names)), names, default=None, return_dtype=dtype)
        .alias(name)
    )
