"""A table as pandas, Arrow and torch have it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from explorer._errors import ArgumentError
from explorer._optional import require
from explorer.compute.graph import Output
from explorer.compute.rows import Rows
from explorer.table.column import Column
from explorer.table.expressions import flat
from explorer.table.image_column import Loader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import polars as pl

    from explorer.compute.graph import Ref
    from explorer.table.table import ImageTable
    from explorer.table.torch_rows import TorchRows


def to_pandas(table: ImageTable, *names: str, **options: Any) -> Any:
    """Return a `pandas.DataFrame`; deferred columns are computed, columns of images left out.

    Parameters
    ----------
    table
        The table.
    *names
        Which columns; all that fit a frame when none is given.
    **options
        As `polars.DataFrame.to_pandas` takes them.

    Raises
    ------
    MissingExtraError
        When pandas or pyarrow is not installed.

    Examples
    --------
    >>> import explorer as ex
    >>> to_pandas(ex.samples.digits(), "label").shape
    (1797, 1)
    """
    for module in ("pandas", "pyarrow"):
        require(module, extra="pandas", needed_for="to_pandas()")
    return table.to_polars(*names).to_pandas(**options)


def to_arrow(table: ImageTable, *names: str) -> Any:
    """Return a `pyarrow.Table`; deferred columns are computed, columns of images left out.

    Parameters
    ----------
    table
        The table.
    *names
        Which columns; all that fit a frame when none is given.

    Raises
    ------
    MissingExtraError
        When pyarrow is not installed.

    Examples
    --------
    >>> import explorer as ex
    >>> to_arrow(ex.samples.digits(), "label").num_rows
    1797
    """
    require("pyarrow", extra="arrow", needed_for="to_arrow()")
    return table.to_polars(*names).to_arrow()


def to_torch_dataset(
    source: Column | ImageTable,
    columns: str | Sequence[str] | None = None,
    *,
    transform: Callable[[Any], Any] | Mapping[str, Callable[[Any], Any]] | None = None,
) -> TorchRows:
    """Return a map-style torch data set of the rows, in their order, for a `DataLoader`.

    Images are read and decoded when their row is asked for, in the worker that asks. Workers may be
    forked or spawned; a spawned one needs a `transform` that can be pickled, so no lambda. What
    workers decode is not among the table's counters.

    Parameters
    ----------
    source
        A column, whose values are the rows, or a table, whose rows are dicts.
    columns
        Which columns of a table; all when not given.
    transform
        For a column the function of each value; for a table column name to function. It gets
        images as PIL images. Without one, an image becomes a tensor of its pixels, shape (channels,
        height, width), mostly uint8.

    Returns
    -------
    torch.utils.data.Dataset
        Numbers are Python numbers, vectors tensors, text is text.

    Raises
    ------
    ArgumentError
        For deferred columns that are not computed yet, or hold what no frame can, but for
        ``ex.image``: a function or a model does not travel to workers.
    MissingExtraError
        When torch is not installed.

    Examples
    --------
    >>> import explorer as ex
    >>> rows = to_torch_dataset(ex.samples.digits(), ["image", "label"])
    >>> rows[3]["image"].shape, rows[3]["label"]
    (torch.Size([1, 8, 8]), 3)
    """
    require("torch", extra="torch", needed_for="to_torch_dataset()")
    from explorer.table.torch_rows import Images, TorchRows, as_tensor, packed, unchanged

    single = isinstance(source, Column)
    if isinstance(source, Column):
        if columns is not None:
            raise ArgumentError(
                f"to_torch_dataset() of the column {source.name!r} takes no columns=.",
                hint="For several columns start from the table: t.to_torch_dataset([…]).",
            )
        table, names = source._table, [source.name]
    else:
        table, names = source, source.columns if columns is None else list(dict.fromkeys(flat([columns])))
    table._binding.check(names)
    if not names:
        raise ArgumentError("to_torch_dataset() was given no columns.")
    transforms = _transforms(transform, names, single=single)
    table = table._rows()
    rows = Rows(table._frame, table._binding.names)
    values: dict[str, Any] = {}
    for name in names:
        ref = table._binding[name]
        loader = ref.node.spec.function if isinstance(ref, Output) else None
        if isinstance(ref, Output) and isinstance(loader, Loader):
            convert = unchanged if name in transforms else as_tensor
            values[name] = Images(packed(_known(ref.node.inputs[0], rows, name)), loader, convert)
        else:
            values[name] = packed(_known(ref, rows, name))
    return TorchRows(values, transforms, single=single)


def _transforms(given: Any, names: Sequence[str], *, single: bool) -> dict[str, Callable[[Any], Any]]:
    if given is None:
        return {}
    if single and callable(given):
        return {names[0]: given}
    functions = dict(given) if not single and hasattr(given, "items") else None
    if functions is None or not all(map(callable, functions.values())):
        wanted = "a function" if single else "a dict of column name to function"
        raise ArgumentError(f"transform={given!r} of to_torch_dataset() is not {wanted}.")
    for name in functions:
        if name not in names:
            raise ArgumentError.not_one_of("A column of transform=", name, names)
    return functions


def _known(ref: Ref, rows: Rows, name: str) -> pl.Series:
    """Return the values of a column that is stored, or computed in full; nothing is computed now."""
    if not isinstance(ref, Output):
        return _holding_values(rows.stored(ref.column), name)
    if not ref.fits_a_frame:
        raise ArgumentError(
            f"{name!r} is computed by {ref.node.spec.name}, and its {ref.dtype} values fit no frame; "
            "workers cannot have it.",
            hint="Give them what it is computed from, and the function as transform=.",
        )
    known = ref.node.results.known(rows.ids)
    if not known.all():
        raise ArgumentError(
            f"{name!r} needs {ref.node.spec.name}, which was computed for {int(known.sum()):,} of "
            f"{len(rows):,} rows; workers cannot compute it.",
            hint=f"Compute it first: t.compute({name!r})",
        )
    failures = ref.node.results.failures(rows.ids)
    if failures and ref.node.spec.on_error == "keep":
        first = next(iter(failures.values()))
        raise ArgumentError(
            f"{len(failures):,} of {len(rows):,} rows of {name!r} have no value; the first: {first}",
            hint=f"Leave them out: t.filter(pl.col({name!r}).is_not_null())",
        )
    return ref.node.results.series(ref.name, rows.ids)


def _holding_values(series: pl.Series, name: str) -> pl.Series:
    if series.dtype.is_object():
        raise ArgumentError(f"{name!r} holds Python objects, which may not travel to workers.")
    return series
