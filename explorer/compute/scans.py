"""Reading from plans: whether they give the same rows each time, and the values of some of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import polars.selectors as cs

from explorer._errors import ComputeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_STEADY = re.compile(
    r"(Parquet|Ipc|Csv|NDJSON) SCAN|DF \[|PROJECT|ESTIMATED ROWS|FILTER|FROM$|SELECT|WITH_COLUMNS:|"
    r"SLICE\[|\[|ROW INDEX|simple π|UNION\[maintain_order: true\]|PLAN \d+:|END UNION"
)
"""How the lines of a plan begin whose rows come in the same order whenever it is run."""

_UNSTEADY = re.compile(r"\.(shuffle|sample_n|sample_frac|unique|mode|map\w*|apply|python_udf)\(|PYTHON")


def is_steady(plan: pl.LazyFrame) -> bool:
    """Whether a plan gives the same rows in the same order each time, as its text tells.

    Examples
    --------
    >>> plan = pl.LazyFrame({"label": [3, 1, 4]})
    >>> is_steady(plan.filter(pl.col("label") > 1)), is_steady(plan.unique())
    (True, False)
    """
    text = plan.explain(optimized=False)
    lines = [line.strip() for line in text.splitlines()]
    return all(_STEADY.match(line) for line in lines if line) and not _UNSTEADY.search(text)


def run(plan: pl.LazyFrame, explain: Callable[[BaseException], Exception] | None) -> pl.DataFrame:
    """Return the rows of a plan, or raise what `explain` makes of the error; a `ComputeError` without it."""
    try:
        frame: pl.DataFrame = plan.collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        if explain is not None:
            raise explain(error) from error
        first, *more = str(error).splitlines()
        hint = "\n".join(more).strip() or None
        if isinstance(error, (OSError, pl.exceptions.PanicException)):
            hint = "Has a file that the table reads changed since it was made? Make the table anew."
        raise ComputeError(f"Polars says: {first}", hint=hint) from error
    return frame


def rows_by_id(
    source: pl.LazyFrame,
    ids_in: str,
    names: Sequence[str],
    ids: pl.Series,
    *,
    explain: Callable[[BaseException], Exception] | None = None,
) -> pl.DataFrame:
    """Return columns of the rows with these ids, in their order.

    Parameters
    ----------
    source
        Rows, each with an id of its own.
    ids_in
        The column that holds the ids.
    names
        Which other columns.
    ids
        Which rows (UInt32); an id may come again.
    explain
        As for `run`.

    Raises
    ------
    ComputeError
        When a row is not there any more.

    Examples
    --------
    >>> plan = pl.LazyFrame({"label": [3, 1, 4]}).with_row_index("id")
    >>> rows_by_id(plan, "id", ["label"], pl.Series([2, 0, 2], dtype=pl.UInt32))["label"].to_list()
    [4, 3, 4]
    """
    low, high = (int(ids.min() or 0), int(ids.max() or 0)) if len(ids) else (0, 0)  # type: ignore[arg-type]
    near = high - low < 4 * len(ids)
    which = pl.col(ids_in).is_between(low, high) if near else pl.col(ids_in).is_in(ids.unique().implode())
    found = run(source.filter(which).select(cs.by_name(*dict.fromkeys([ids_in, *names]))), explain)
    if found.height == len(ids) and (found.get_column(ids_in) == ids).all():
        return found
    nowhere = found.height
    place = np.full(high - low + 1, nowhere, dtype=np.uint32)
    place[found.get_column(ids_in).to_numpy() - low] = np.arange(found.height, dtype=np.uint32)
    places = place[ids.to_numpy() - low]
    if (places == nowhere).any():
        raise changed(f"{int((places == nowhere).sum()):,} of {len(ids):,} rows are gone", explain)
    ordered: pl.DataFrame = found[places]
    return ordered


def changed(what: str, explain: Callable[[BaseException], Exception] | None) -> Exception:
    """Return the error that says that a file is another than it was when its rows got their ids."""
    error = ComputeError(
        f"What the table reads from has changed since it was made: {what}.", hint="Make the table anew."
    )
    return error if explain is None else explain(error)


def framed(columns: Iterable[pl.Series]) -> pl.DataFrame:
    """Make a frame of columns, one of which may have the empty name.

    Examples
    --------
    >>> framed([pl.Series("", [1]), pl.Series("a", [2])]).columns
    ['', 'a']
    """
    # Not of a list: Polars would give the one without a name the name of its place.
    return pl.DataFrame({series.name: series for series in columns})


def renamed_to(frame: pl.DataFrame, holds: Mapping[str, str]) -> pl.DataFrame:
    """Return some columns of a frame under other names: new name to old one.

    Examples
    --------
    >>> renamed_to(pl.DataFrame({"a": [1], "b": [2]}), {"c": "b"}).columns
    ['c']
    """
    return pl.DataFrame({new: frame.get_column(old) for new, old in holds.items()})
