"""A table as pandas, Arrow and torch have it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import PIL.Image
import polars as pl

from explorer._errors import ArgumentError
from explorer._optional import require
from explorer.compute.deferred import Image
from explorer.compute.graph import Output
from explorer.compute.rows import Rows
from explorer.table.column import Column
from explorer.table.expressions import flat

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch

    from explorer.compute.deferred import Dtype
    from explorer.compute.graph import Ref
    from explorer.table.base import TableBase
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


class Exchange:
    """A table as the data frame interchange protocol has it; a column is computed when it is asked for.

    Parameters
    ----------
    table
        The table.
    nan_as_null, allow_copy
        As the protocol has them.

    Examples
    --------
    >>> import explorer as ex
    >>> exchange = Exchange(ex.samples.digits())
    >>> list(exchange.column_names()), exchange.num_rows()
    (['label', 'split'], 1797)
    """

    version = 0

    def __init__(self, table: TableBase, *, nan_as_null: bool = False, allow_copy: bool = True) -> None:
        self._table = table
        self._options = (nan_as_null, allow_copy)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        # Whatever else the protocol has is about all of the columns.
        return getattr(self.select_columns_by_name(self.column_names()), name)

    def __dataframe__(self, nan_as_null: bool = False, allow_copy: bool = True) -> Exchange:
        """Return the same with other options."""
        return Exchange(self._table, nan_as_null=nan_as_null, allow_copy=allow_copy)

    def column_names(self) -> list[str]:
        """Return the names of the columns that fit a frame."""
        return self._table._frame_columns()

    def num_columns(self) -> int:
        """Return how many there are."""
        return len(self.column_names())

    def num_rows(self) -> int:
        """Return the number of rows."""
        return self._table.height

    def num_chunks(self) -> int:
        """Return in how many pieces the rows are."""
        return 1

    def select_columns_by_name(self, names: Sequence[str]) -> Any:
        """Return some of the columns, computed where they are deferred."""
        require("pyarrow", extra="arrow", needed_for="the data frame interchange protocol")
        return self._table._rows()._visible(list(names)).to_arrow().__dataframe__(*self._options)

    def get_column_by_name(self, name: str) -> Any:
        """Return one column, computed where it is deferred."""
        return self.select_columns_by_name([name]).get_column_by_name(name)


def to_torch(
    table: ImageTable, columns: str | Sequence[str] | None = None
) -> dict[str, torch.Tensor] | torch.Tensor:
    """Return columns as tensors; see `ImageTable.to_torch`."""
    require("torch", extra="torch", needed_for="to_torch()")
    table = table._rows()
    table._binding.check(flat([columns]) if columns is not None else [])
    if isinstance(columns, str):
        return _tensor(table, columns)
    if columns is None:
        return {name: _tensor(table, name) for name, dtype in table.schema.items() if _may_be_tensor(dtype)}
    return {name: _tensor(table, name) for name in flat([columns])}


def _may_be_tensor(dtype: Dtype) -> bool:
    inner = getattr(dtype, "inner", dtype)
    return dtype in (Image, pl.Boolean) or bool(inner.is_numeric())


def _tensor(table: ImageTable, name: str) -> torch.Tensor:
    import torch

    from explorer.table.torch_rows import as_tensor

    values = Column(table, name)()
    if isinstance(values, pl.Series):
        return _tensor_of(values, name)
    tensors = [
        value if isinstance(value, torch.Tensor) else as_tensor(value)
        for value in _images(values, table, name)
    ]
    shapes = {tuple(tensor.shape) for tensor in tensors}
    if len(shapes) > 1:
        one, other, *_ = sorted(shapes)
        raise ArgumentError(
            f"The values of {name!r} have several shapes, for instance {one} and {other}; "
            "one tensor has one.",
            hint=f"Make them one size first: t.with_columns(small=ex.defer(fn, {name!r})).",
        )
    return torch.stack(tensors) if tensors else torch.empty(0)


def _images(values: Any, table: ImageTable, name: str) -> list[Any]:
    """Return one value a row: images that were stacked, as images again."""
    if table.schema[name] != Image or isinstance(values, list):
        return list(values)
    return [PIL.Image.fromarray(pixels) for pixels in values]


def _tensor_of(series: pl.Series, name: str) -> torch.Tensor:
    import torch

    if not _may_be_tensor(series.dtype):
        raise ArgumentError(
            f"{name!r} holds {series.dtype} values, of which torch makes no tensor.",
            hint=f"Number them first: t.with_columns(code=pl.col({name!r}).rank('dense') - 1)",
        )
    if series.null_count():
        raise ArgumentError(
            f"{series.null_count():,} of {len(series):,} rows of {name!r} have no value; "
            "a tensor has one for each.",
            hint=f"Leave them out: t.filter(pl.col({name!r}).is_not_null())",
        )
    if isinstance(series.dtype, pl.List):
        lengths = series.list.len().unique().sort().to_list()
        if len(lengths) > 1:
            raise ArgumentError(
                f"The vectors of {name!r} have several lengths, for instance {lengths[0]} and {lengths[1]}; "
                "one tensor has one."
            )
        series = series.cast(pl.Array(series.dtype.inner, lengths[0] if lengths else 0))
    # A copy, as a tensor may be written to and a frame may not.
    return torch.from_numpy(series.to_numpy().copy())


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
        For deferred columns that are not computed yet, or hold what no frame can, but for images
        from paths, bytes, data sets and memory: a function or a model does not travel to workers.
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
        if isinstance(ref, Output) and ref.node.spec.kind == "image" and not ref.node.spec.several:
            loader = ref.node.spec.function
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
            hint="Use the data set that the table was made of, and torch.utils.data.Subset for some rows."
            if ref.node.spec.kind == "image"
            else "Give them what it is computed from, and the function as transform=.",
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
