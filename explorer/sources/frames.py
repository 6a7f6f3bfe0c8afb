"""Frames that are in memory already: Polars, pandas, Arrow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.Image
import polars as pl

from explorer._errors import ArgumentError
from explorer._optional import require
from explorer.sources.pixels import held_images
from explorer.table.image_column import existing_folder
from explorer.table.table import ImageTable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_MADE_BY = {
    "datasets": "ex.from_huggingface(…)",
    "pandas": "ex.from_pandas(…)",
    "pyarrow": "ex.from_arrow(…)",
    "torch": "ex.from_torch(…)",
    "torchvision": "ex.from_torch(…)",
}


def from_polars(
    frame: pl.DataFrame | pl.LazyFrame | Mapping[str, Any],
    *,
    base_dir: str | Path | None = None,
    **unknown: Any,
) -> ImageTable:
    """Make a table of a Polars frame; the data is shared, not copied.

    Parameters
    ----------
    frame
        A `polars.DataFrame`, a `polars.LazyFrame`, or a dict of columns. PIL images (in an Object
        column or a list), and arrays of two or three dimensions in a list, become a column of images.
    base_dir
        Folder that image paths in the table are relative to; the working directory when not given.
    **unknown
        Refused, with the nearest keyword that exists.

    Returns
    -------
    ImageTable

    Raises
    ------
    ArgumentError
        When `frame` is something else, or its columns differ in length.
    SourceError
        When `base_dir` does not exist.

    Examples
    --------
    >>> import explorer as ex, polars as pl
    >>> ex.from_polars(pl.DataFrame({"file": ["a.jpg", "b.jpg"], "label": [1, 0]})).height
    2
    >>> ex.from_polars({"file": ["a.jpg"]}).columns
    ['file']
    """
    _refuse(unknown, from_polars)
    if isinstance(frame, pl.LazyFrame):
        return ImageTable.from_frame(frame, base_dir=_folder(base_dir))
    if isinstance(frame, pl.DataFrame):
        objects = {series.name: series.to_list() for series in frame if series.dtype == pl.Object}
        held = {name: values for name, values in objects.items() if _holds_images(values)}
        positions = pl.int_range(frame.height, dtype=pl.UInt32, eager=True)
        return _table(frame.with_columns(positions.alias(name) for name in held), held, base_dir)
    if not isinstance(frame, Mapping):
        raise _not_polars(frame)
    held = {name: values for name, values in frame.items() if _holds_images(values)}
    plain = {name: range(len(held[name])) if name in held else frame[name] for name in frame}
    try:
        made = pl.DataFrame(plain)
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ArgumentError(f"ex.from_polars(): these columns do not make a frame ({reason}).") from error
    return _table(made, held, base_dir)


def from_pandas(
    frame: Any, *, include_index: bool = False, base_dir: str | Path | None = None, **unknown: Any
) -> ImageTable:
    """Make a table of a pandas data frame.

    Parameters
    ----------
    frame
        A `pandas.DataFrame`. Nullable and categorical columns and text come as what they are in
        Polars. An object column of PIL images, or of arrays of two or three dimensions, becomes a
        column of images: nothing of it is copied or encoded.
    include_index
        Whether the index becomes a column too. As in Polars, it is left out when not asked for.
    base_dir
        Folder that image paths in the table are relative to; the working directory when not given.
    **unknown
        Refused, with the nearest keyword that exists.

    Returns
    -------
    ImageTable

    Raises
    ------
    ArgumentError
        When `frame` is something else; when two columns have one name; when an object column holds
        values of several types.
    MissingExtraError
        When pandas or pyarrow is not installed.

    Examples
    --------
    >>> import explorer as ex, pandas as pd
    >>> frame = pd.DataFrame({"file": ["a.jpg", "b.jpg"]}, index=pd.Index([7, 9], name="key"))
    >>> ex.from_pandas(frame).columns
    ['file']
    >>> ex.from_pandas(frame, include_index=True).columns
    ['key', 'file']
    """
    _refuse(unknown, from_pandas)
    pd = require("pandas", extra="pandas", needed_for="ex.from_pandas()")
    require("pyarrow", extra="pandas", needed_for="ex.from_pandas()")
    if isinstance(frame, pd.Series):
        raise ArgumentError(
            "ex.from_pandas() takes a data frame, not a pandas Series.",
            hint="A table of one column: ex.from_pandas(series.to_frame())",
        )
    if not isinstance(frame, pd.DataFrame):
        raise ArgumentError(
            f"ex.from_pandas() takes a pandas data frame, not {named(frame)}.", hint=taken_by(frame)
        )
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise ArgumentError(
            f"Two columns of one name: the data frame has {twice[0]!r} twice.",
            hint="Rename one: frame.columns = […]",
        )
    held: dict[str, Sequence[Any]] = {}
    plain = frame.copy(deep=False)
    for name in frame.columns:
        if frame[name].dtype.kind == "O" and _is_picture(next(iter(frame[name].dropna()), None)):
            held[str(name)] = frame[name].to_list()
            plain[name] = np.arange(len(frame))
    try:
        made = pl.from_pandas(plain, include_index=include_index)
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise _unreadable(plain, error) from error
    return _table(made, held, base_dir)


def from_arrow(data: Any, *, base_dir: str | Path | None = None, **unknown: Any) -> ImageTable:
    """Make a table of anything that speaks Arrow; the data is shared where its layout allows.

    Parameters
    ----------
    data
        An object with the Arrow PyCapsule interface (``__arrow_c_stream__`` or ``__arrow_c_array__``)
        whose rows have named columns: a `pyarrow.Table`, a record batch, a `RecordBatchReader`, a
        DuckDB relation, a pandas or Polars data frame, and others. A stream is read to its end, once.
    base_dir
        Folder that image paths in the table are relative to; the working directory when not given.
    **unknown
        Refused, with the nearest keyword that exists.

    Returns
    -------
    ImageTable

    Raises
    ------
    ArgumentError
        When `data` does not speak Arrow, holds one unnamed column, or is a stream that cannot be read
        (any more).

    Examples
    --------
    >>> import explorer as ex, pyarrow as pa
    >>> t = ex.from_arrow(pa.table({"file": ["a.jpg", "b.jpg"], "label": [1, 0]}))
    >>> t.columns, t.height
    (['file', 'label'], 2)
    """
    _refuse(unknown, from_arrow)
    if not hasattr(data, "__arrow_c_stream__") and not hasattr(data, "__arrow_c_array__"):
        hint = taken_by(data)
        if hasattr(data, "to_reader") or hasattr(data, "scanner"):
            hint = "Read it first: ex.from_arrow(data.to_table())"
        raise ArgumentError(
            f"ex.from_arrow() takes what has the Arrow PyCapsule interface, not {named(data)}.", hint=hint
        )
    try:
        made = pl.DataFrame(data) if isinstance(data, pl.DataFrame) else pl.Series(data)
    # What goes wrong in a stream is said by the library that it comes from, in its own errors.
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise ArgumentError(
            f"ex.from_arrow() cannot read this {named(data)} ({reason}).",
            hint="A stream can be read once; make it anew. Columns need names that differ.",
        ) from error
    if isinstance(made, pl.Series):
        if not isinstance(made.dtype, pl.Struct):
            raise ArgumentError(
                f"ex.from_arrow() takes named columns; this {named(data)} is one column of {made.dtype}.",
                hint='Name it: ex.from_polars({"column": pl.Series(data)})',
            )
        made = made.struct.unnest()
    return _table(made, {}, base_dir)


def _refuse(unknown: Mapping[str, Any], function: Any) -> None:
    for name in unknown:
        raise ArgumentError.unknown_keyword(f"ex.{function.__name__}()", name, function.__kwdefaults__)


def _table(frame: pl.DataFrame, held: Mapping[str, Sequence[Any]], base_dir: str | Path | None) -> ImageTable:
    """Make a table; `held` are images by column, where the frame has their positions."""
    table = ImageTable.from_frame(frame, base_dir=_folder(base_dir))
    return table.with_columns(**{name: held_images(name, values) for name, values in held.items()})


def _folder(base_dir: str | Path | None) -> Path | None:
    return None if base_dir is None else existing_folder(base_dir)


def _holds_images(values: object) -> bool:
    return isinstance(values, (list, tuple)) and _is_picture(next((v for v in values if v is not None), None))


def _is_picture(value: object) -> bool:
    return isinstance(value, PIL.Image.Image) or (isinstance(value, np.ndarray) and value.ndim in (2, 3))


def _unreadable(frame: Any, error: Exception) -> ArgumentError:
    """Name the column of a data frame that Polars does not take."""
    for name in frame.columns:
        try:
            pl.from_pandas(frame[[name]])
        except (pl.exceptions.PolarsError, TypeError, ValueError) as of_column:
            types = sorted({type(value).__name__ for value in frame[name].dropna()})
            return ArgumentError(
                f"ex.from_pandas(): the column {name!r} holds values that make no column "
                f"({', '.join(types[:5])}): {str(of_column).partition(chr(10))[0]}",
                hint=f"Make them one type, frame[{name!r}].astype(str), or leave them out: "
                f"frame.drop(columns={name!r})",
            )
    return ArgumentError(f"ex.from_pandas(): {str(error).partition(chr(10))[0]}")


def _not_polars(given: object) -> ArgumentError:
    return ArgumentError(
        f"ex.from_polars() takes a Polars DataFrame, a LazyFrame or a dict of columns, not {named(given)}.",
        hint=taken_by(given),
    )


def named(given: object) -> str:
    """Return the class of an object, with its library where that is one of those that make tables."""
    library = type(given).__module__.partition(".")[0]
    known = library in _MADE_BY or library == "numpy"
    return f"{library}.{type(given).__name__}" if known else type(given).__name__


def taken_by(given: object) -> str | None:
    """Return the call that takes such an object."""
    library = type(given).__module__.partition(".")[0]
    if library in _MADE_BY:
        return f"For this there is {_MADE_BY[library]}."
    if library == "numpy":
        return "Name its columns: ex.from_polars(pl.from_numpy(…))"
    if isinstance(given, (pl.DataFrame, pl.LazyFrame, Mapping)):
        return "For this there is ex.from_polars(…)."
    if isinstance(given, pl.Series):
        return "A table of one column: ex.from_polars(series.to_frame())"
    if isinstance(given, (list, tuple)) and given and all(isinstance(row, Mapping) for row in given):
        return "For rows: ex.from_polars(pl.from_dicts(…))"
    if hasattr(given, "__arrow_c_stream__") or hasattr(given, "__arrow_c_array__"):
        return "For this there is ex.from_arrow(…)."
    return None
