"""Frames that are in memory already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from explorer._errors import ArgumentError
from explorer.table.image_column import existing_folder
from explorer.table.table import ImageTable

if TYPE_CHECKING:
    from pathlib import Path

_CONVERTED_BY = {"pandas": "pl.from_pandas(…)", "pyarrow": "pl.from_arrow(…)", "numpy": "pl.from_numpy(…)"}


def from_polars(
    frame: pl.DataFrame | pl.LazyFrame | Mapping[str, Any], *, base_dir: str | Path | None = None
) -> ImageTable:
    """Make a table of a Polars frame; the data is shared, not copied.

    Parameters
    ----------
    frame
        A `polars.DataFrame`, a `polars.LazyFrame` (collected now), or a dict of columns.
    base_dir
        Folder that image paths in the table are relative to; the working directory when not given.

    Returns
    -------
    ImageTable

    Raises
    ------
    ArgumentError
        When `frame` is something else, or its columns differ in length.

    Examples
    --------
    >>> import explorer as ex, polars as pl
    >>> ex.from_polars(pl.DataFrame({"file": ["a.jpg", "b.jpg"], "label": [1, 0]})).height
    2
    >>> ex.from_polars({"file": ["a.jpg"]}).columns
    ['file']
    """
    folder = None if base_dir is None else existing_folder(base_dir)
    return ImageTable.from_frame(_collected(frame), base_dir=folder)


def _collected(frame: object) -> pl.DataFrame | pl.LazyFrame:
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame
    if isinstance(frame, Mapping):
        try:
            return pl.DataFrame(dict(frame))
        except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise ArgumentError(f"ex.from_polars(): these columns do not make a frame ({reason}).") from error
    library = type(frame).__module__.partition(".")[0]
    how = _CONVERTED_BY.get(library)
    given = f"{library}.{type(frame).__name__}" if how else type(frame).__name__
    raise ArgumentError(
        f"ex.from_polars() takes a Polars DataFrame, a LazyFrame or a dict of columns, not {given}.",
        hint=f"Convert it first: ex.from_polars({how})" if how else None,
    )
