"""Data sets to try things on, ready as tables: ``ex.samples``."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import polars as pl

from explorer._errors import ArgumentError
from explorer.table.image_column import image
from explorer.table.table import ImageTable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["digits", "get"]


def digits() -> ImageTable:
    """Return 1,797 handwritten digits of 8x8 grey pixels. They come with the package: no download.

    Returns
    -------
    ImageTable
        Columns ``image`` (deferred, mode ``"L"``), ``label`` (Int64, 0 to 9) and ``split`` (String: 898 rows
        ``"train"``, 899 ``"test"``, both with as many of each digit, give or take one).

    Notes
    -----
    The test part of "Optical Recognition of Handwritten Digits" by E. Alpaydin and C. Kaynak (UCI Machine
    Learning Repository, 1998, https://archive.ics.uci.edu/dataset/80, CC BY 4.0), as scikit-learn's
    ``load_digits`` gives it; its 17 levels of ink are scaled to 0..255.

    Examples
    --------
    >>> import explorer as ex
    >>> t = ex.samples.digits()
    >>> t.columns, t.height
    (['image', 'label', 'split'], 1797)
    >>> t["image"][0]().size
    (8, 8)
    """
    frame = pl.read_parquet(files("explorer.sources").joinpath("_digits.parquet").read_bytes())
    table = ImageTable.from_frame(frame, title="digits")
    return table.with_columns(image=image("image", mode="L"))


_SETS: dict[str, Callable[[], ImageTable]] = {"digits": digits}


def get(name: str) -> ImageTable:
    """Return a data set by its name.

    Parameters
    ----------
    name
        ``"digits"``.

    Raises
    ------
    ArgumentError
        When there is none of that name.

    Examples
    --------
    >>> import explorer as ex
    >>> ex.samples.get("digits").height
    1797
    """
    if name not in _SETS:
        raise ArgumentError.not_one_of("ex.samples.get(): name", name, _SETS)
    return _SETS[name]()
