"""A table batch by batch, computed as the batches are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import polars as pl

from explorer._errors import ArgumentError, ComputeError
from explorer.compute import bulk
from explorer.compute.call import stack
from explorer.compute.frame import Frame
from explorer.compute.graph import Output, stored_columns, upstream
from explorer.compute.rows import Rows
from explorer.table.expressions import flat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from explorer.compute.graph import Ref
    from explorer.compute.results import Failure
    from explorer.table.base import TableBase

OnFailedRow: TypeAlias = Literal["raise", "skip"]


def iter_batches(
    table: TableBase,
    columns: str | Sequence[str] | None = None,
    *,
    batch_size: int = 64,
    on_error: OnFailedRow = "raise",
) -> Iterator[dict[str, Any]]:
    """Go through the rows in order, batch by batch.

    A batch is computed when it is asked for, and none before. Filters that have waited are evaluated
    on the way, for as many rows as the batch needs.

    Parameters
    ----------
    table
        The rows.
    columns
        Which columns; all when not given.
    batch_size
        Rows in a batch; the last one may be short.
    on_error
        ``"raise"`` ends at the first row that has no value; ``"skip"`` leaves such rows out, which
        makes their batch shorter. Columns defined with ``on_error="null"`` have nulls instead.

    Returns
    -------
    iterator of dict
        Column name to its batch: a `polars.Series` for a dtype that fits a frame. Images of one size
        and mode, and tensors of one shape, come stacked, shape (rows, …); others as a list.

    Raises
    ------
    ColumnNotFoundError, ArgumentError
        Before the first batch, for columns that are not there and sizes below one.
    ComputeError
        With the position of the row that has no value, and the reason.

    Examples
    --------
    >>> import explorer as ex
    >>> t = ex.samples.digits()
    >>> for batch in iter_batches(t.head(100), ["image", "label"], batch_size=64):
    ...     print(batch["image"].shape, batch["label"].dtype)
    (64, 8, 8) Int64
    (36, 8, 8) Int64
    """
    names = table.columns if columns is None else list(dict.fromkeys(flat([columns])))
    table._binding.check(names)
    if type(batch_size) is not int or batch_size < 1:
        raise ArgumentError(f"batch_size={batch_size!r} of iter_batches() is no whole number from 1.")
    if on_error not in ("raise", "skip"):
        raise ArgumentError.not_one_of("on_error", on_error, ["raise", "skip"])
    return _batches(table, names, batch_size, on_error)


def _batches(
    table: TableBase, names: Sequence[str], batch_size: int, on_error: OnFailedRow
) -> Iterator[dict[str, Any]]:
    start = 0
    for rows in _parts(table, names, batch_size):
        columns = {name: _column(table, table._binding[name], rows) for name in names}
        failed = {name: failures for name, (_, failures) in columns.items() if failures}
        if failed and on_error == "raise":
            raise _first(failed, start)
        bad = {place for failures in failed.values() for place in failures}
        good = [place for place in range(len(rows)) if place not in bad]
        start += len(rows)
        if good:
            yield {name: _batch(name, values, good) for name, (values, _) in columns.items()}


def _parts(table: TableBase, names: Sequence[str], size: int) -> Iterator[Rows]:
    """Yield the rows by as many as a batch has, with the stored columns that are needed."""
    refs = [table._binding[name] for name in names]
    needed = {ref.column for ref in refs if not isinstance(ref, Output)}
    needed |= stored_columns(ref.node for ref in refs if isinstance(ref, Output))
    if not table._binding.pending or table._resolved is not None:
        table = table._rows()
        yield from Rows(table._frame, table._binding.names).chunks(size, needed)
        return
    rows = Rows(table._frame, table._binding.names)
    passed: pl.DataFrame | None = None
    for part in rows.chunks(size, needed | stored_columns(ref.node for ref in table._binding.pending)):
        found = table._with(part.frame)._rows()._frame.collect()
        passed = found if passed is None else pl.concat([passed, found])
        if passed.height >= size:
            yield Rows(Frame(passed.head(size)), part.names)
            passed = passed.slice(size)
    if passed is not None and passed.height:
        yield Rows(Frame(passed), part.names)


def _column(table: TableBase, ref: Ref, rows: Rows) -> tuple[Any, dict[int, Failure]]:
    """Return the values of a column, and the failures by their place in the batch."""
    engine, counters = table._origin.engine, table.counters
    if not isinstance(ref, Output):
        series = rows.stored(ref.column)
        return (series.to_list() if series.dtype == pl.Object else series), {}
    node = ref.node
    # A batched function gets no more rows at once than it was defined for.
    batched = [each for each in upstream([node]) if each.spec.batched and each.spec.kind != "expression"]
    size = min(bulk.chunk_size(batched), len(rows))
    values: list[Any] = []
    for start in range(0, len(rows), size):
        part = rows.slice(start, size)
        if ref.fits_a_frame and ref.dtype != pl.Unknown:
            engine.ensure(node, part, counters)
        else:
            values += engine.values(ref, part, counters)
    node.announce(last=True)
    failures = node.results.failures(rows.ids)
    if ref.fits_a_frame and node.spec.on_error == "null":
        failures = {}
    place = {int(row): i for i, row in enumerate(rows.ids.tolist())} if failures else {}
    answers = node.results.series(ref.name, rows.ids) if ref.fits_a_frame else values
    return answers, {place[row]: failure for row, failure in failures.items()}


def _first(failed: dict[str, dict[int, Failure]], start: int) -> ComputeError:
    place, name = min((min(failures), name) for name, failures in failed.items())
    return ComputeError(
        f"Row {start + place} has no value for {name!r}: {failed[name][place]}",
        hint='To leave such rows out: iter_batches(…, on_error="skip"); t.errors() lists them.',
    )


def _batch(name: str, values: Any, good: list[int]) -> Any:
    if isinstance(values, pl.Series):
        return (values if len(good) == len(values) else values.gather(good)).alias(name)
    return stack([values[place] for place in good])
