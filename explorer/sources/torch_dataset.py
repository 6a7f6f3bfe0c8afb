"""Map-style torch data sets, indexed when somebody looks."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from explorer._errors import ArgumentError
from explorer._progress import default_sink
from explorer.compute.deferred import Image
from explorer.compute.define import defer
from explorer.sources.around import folder_around
from explorer.sources.frames import named as library_and_class
from explorer.sources.frames import taken_by
from explorer.sources.labels import class_names
from explorer.sources.torch_items import DEFAULT_NAMES, Items, dtype_of, named_all
from explorer.sources.torch_known import Known, known_of
from explorer.table.image_column import DECODE_TOGETHER, image
from explorer.table.table import ImageTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from explorer._progress import Sink
    from explorer.compute.deferred import Dtype

_WHERE = "ex.from_torch()"


def from_torch(
    dataset: Any,
    *,
    names: Sequence[str] | None = None,
    returns: Mapping[str, Dtype | type] | None = None,
    workers: int = 1,
    **unknown: Any,
) -> ImageTable:
    """Make a table of a map-style torch data set; an item is made when its row is looked at.

    One item gives all of its columns, and is made once. A row whose item raises is an error value.

    Parameters
    ----------
    dataset
        Anything with ``len(dataset)`` and ``dataset[i]``: a `torch.utils.data.Dataset`, one of
        torchvision, a list of items.
    names
        Names of the parts of items that are tuples, ``("image", "label")`` when not given. Dicts and
        named tuples name their own; an item that is no tuple is the first part.
    returns
        Column to dtype, as for `explorer.defer`. When not given, item 0 is looked at, once, which is
        announced; when given, none is, and parts that it leaves out are no columns. ``explorer.Image``
        shows a tensor as an image, `polars.Object` keeps it as it is.
    workers
        Threads that index the data set at the same time. Few data sets allow more than one.

    Returns
    -------
    ImageTable
        Deferred columns for the parts of the items. What the data set lists is stored instead, and no item
        is made for it: ``targets`` of torchvision with the names of its ``classes`` as ``label_name``
        (Enum), one-dimensional tensors of a `TensorDataset`, also through `Subset` and `ConcatDataset`.
        An `ImageFolder` without transforms is read by its files, as `explorer.read_folder` does it, with a
        column ``path``.

    Raises
    ------
    ArgumentError
        For something that has no length or no items, or when item 0 cannot be made.

    Notes
    -----
    Images are as the data set gives them, transforms applied; a random transform is seen as it fell the
    first time. PIL images are columns of images, and so are tensors and arrays that look like some: two
    dimensions, or three with 1, 3 or 4 channels, of uint8, or of floats within 0..1. Others, normalised
    ones for instance, stay tensors (`polars.Object`); ``returns={"image": ex.Image, …}`` spreads each from
    its darkest to its brightest value.

    Examples
    --------
    >>> import explorer as ex, torch
    >>> from torch.utils.data import TensorDataset
    >>> rows = TensorDataset(torch.rand(100, 3, 32, 32), torch.arange(100) % 10)
    >>> t = ex.from_torch(rows)
    >>> t.columns, t["image"][7]().size
    (['image', 'label'], (32, 32))
    >>> t.counters.images_decoded
    1
    """
    for name in unknown:
        raise ArgumentError.unknown_keyword(_WHERE, name, ["names", "returns", "workers"])
    return table_of(dataset, names=names, returns=returns, workers=workers, sink=None)


def table_of(
    dataset: Any,
    *,
    names: Sequence[str] | None,
    returns: Mapping[str, Dtype | type] | None,
    workers: int,
    sink: Sink | None,
) -> ImageTable:
    """Make the table; `sink` is where the look at item 0 is announced."""
    height = _length(dataset)
    if type(workers) is not int or workers < 1:
        raise ArgumentError(f"workers={workers!r} of {_WHERE} is no whole number from 1.")
    called = _names(names, returns)
    known = known_of(dataset)
    _check_parts(known, called)
    title = type(dataset).__name__
    if known.files is not None and returns is None:
        return _of_files(known, known.files, called, title)
    stored = _stored(known, called)
    items = Items(dataset, called, workers=workers)
    declared = None if returns is None else dict(returns)
    columns = declared or _columns(items, known, called, height, sink, title)
    order: list[pl.Series] = []
    deferred: dict[str, Any] = {}
    for name, dtype in columns.items():
        if name in stored and (dtype is None or dtype in (int, float) or _is_number(dtype)):
            order.append(stored[name] if dtype is None else stored[name].cast(dtype))
            if known.classes and name == called[1] and f"{name}_name" not in columns:
                order.append(class_names(stored[name], known.classes, name=f"{name}_name"))
        else:
            # The first of them holds the positions that all of them are made from.
            order.append(pl.int_range(height, dtype=pl.UInt32, eager=True).alias(name))
            deferred[name] = dtype
    table = ImageTable.from_frame(pl.DataFrame(order), title=title)
    if not deferred:
        return table
    spec = defer(items, next(iter(deferred)), returns=deferred, workers=workers, name=title)
    items.returns = spec.returns
    kind = "image" if Image in spec.returns.values() else "function"
    return table.with_columns(spec.with_options(kind=kind, batch_size=DECODE_TOGETHER))


def _is_number(dtype: Any) -> bool:
    return (
        isinstance(dtype, (pl.DataType, type)) and hasattr(dtype, "is_numeric") and bool(dtype.is_numeric())
    )


def _columns(
    items: Items, known: Known, names: Sequence[str], height: int, sink: Sink | None, title: str
) -> dict[str, Dtype | None]:
    """Return the columns and their dtypes, None for what is stored; looks at item 0 where it must."""
    listed = {names[part]: None for part in known.columns}
    if known.parts is not None:
        in_order = names[: known.parts]
        if known.images:
            return {name: listed.get(name, Image) for name in in_order}
        if len(listed) == known.parts:
            return dict(listed)
    if height == 0:
        return {name: None if name in listed else pl.Unknown for name in names[: known.parts]}
    try:
        parts = items.probe(0)
    # Whatever the person's own code raises.
    except Exception as error:
        kinds = ", ".join(f'"{name}": {kind}' for name, kind in zip(names, ("ex.Image", "int"), strict=False))
        raise ArgumentError(
            f"{_WHERE} looks at item 0 of {title} to know its columns, and cannot: "
            f"{type(error).__name__}: {str(error).partition(chr(10))[0]}",
            hint=getattr(error, "hint", None) or f"Say what its items are: returns={{{kinds}}}",
        ) from error
    found = {name: None if name in listed else dtype_of(value) for name, value in parts.items()}
    said = ", ".join(f"{name}: {dtype}" for name, dtype in found.items() if dtype is not None)
    kept = [name for name, dtype in found.items() if dtype == pl.Object and hasattr(parts[name], "shape")]
    how = f'; to see {kept[0]}: returns={{"{kept[0]}": ex.Image, …}}' if kept else ""
    (sink or default_sink()).finish(f"{title}: looked at item 0 of {height:,}: {said}{how}")
    return found


def _of_files(known: Known, files: Sequence[str], names: Sequence[str], title: str) -> ImageTable:
    """Make the table of a data set of image files; the files are read, and no item is made."""
    files = [os.path.abspath(file) for file in files]  # noqa: PTH100 - a Path for each of a million files
    folder = folder_around(files)
    prefix = os.path.join(folder, "") if folder else ""  # noqa: PTH118 - with its last separator
    paths = [file.removeprefix(prefix).replace(os.sep, "/") for file in files]
    column = pl.Series("path", paths, dtype=pl.String)
    labels = _stored(known, names)[names[1]]
    columns = [column.alias(names[0]), labels]
    if known.classes:
        columns.append(class_names(labels, known.classes, name=f"{names[1]}_name"))
    if "path" not in names:
        columns.append(column)
    table = ImageTable.from_frame(pl.DataFrame(columns), base_dir=folder, title=title)
    return table.with_columns(**{names[0]: image(names[0])})


def _stored(known: Known, names: Sequence[str]) -> dict[str, pl.Series]:
    return {names[part]: pl.Series(names[part], values) for part, values in known.columns.items()}


def _names(names: Any, returns: Any) -> tuple[str, ...]:
    if returns is not None and (not isinstance(returns, Mapping) or not returns):
        raise ArgumentError(
            f"returns={returns!r} of {_WHERE} does not name its columns.",
            hint='For instance: returns={"image": ex.Image, "label": int}',
        )
    if names is None:
        # Whoever declares other columns names the parts of the items by that.
        return DEFAULT_NAMES if returns is None or set(returns) <= set(DEFAULT_NAMES) else tuple(returns)
    if isinstance(names, str) or not all(isinstance(name, str) for name in names) or not names:
        given = f'names=("{names}",)' if isinstance(names, str) else 'names=("image", "label")'
        raise ArgumentError(
            f"names={names!r} of {_WHERE} is no sequence of names.", hint=f"{_WHERE[:-1]}…, {given})"
        )
    repeated = next((name for name in names if list(names).count(name) > 1), None)
    if repeated is not None:
        raise ArgumentError(f"Two columns of one name: names= has {repeated!r} twice.")
    for name in returns or ():
        if name not in names:
            raise ArgumentError.not_one_of("A column of returns=", name, names)
    return tuple(names)


def _check_parts(known: Known, names: tuple[str, ...]) -> None:
    if known.parts is None or known.parts == len(names):
        return
    if known.parts > len(names) or names != DEFAULT_NAMES:
        raise ArgumentError(
            f"The items have {known.parts} parts; there are {len(names)} names: {', '.join(names)}.",
            hint=f"Name them all: {named_all(names, known.parts)}",
        )


def _length(dataset: Any) -> int:
    """Return the number of rows, or say what is no map-style data set, and what to do."""
    takes = f"{_WHERE} takes a map-style data set, with len(dataset) and dataset[i]"
    data: Any = sys.modules.get("torch.utils.data")
    if data is not None and isinstance(dataset, data.DataLoader):
        raise ArgumentError(
            f"{takes}, not a DataLoader.", hint=f"Give its data set: {_WHERE[:-1]}loader.dataset)"
        )
    if isinstance(dataset, type):
        raise ArgumentError(
            f"{takes}; {dataset.__name__} is a class.", hint=f"Make one: {dataset.__name__}(…)"
        )
    frame_like = isinstance(dataset, (str, bytes, Mapping)) or hasattr(dataset, "columns")
    if frame_like and not hasattr(dataset, "features"):
        raise ArgumentError(f"{takes}, not {library_and_class(dataset)}.", hint=taken_by(dataset))
    iterable = data is not None and isinstance(dataset, data.IterableDataset)
    if iterable or not hasattr(dataset, "__getitem__"):
        hint = "Keep what you want to see: rows = list(itertools.islice(dataset, 1000))"
        raise ArgumentError(
            f"{takes}; {type(dataset).__name__} has no items to go to.",
            hint=hint if iterable or hasattr(dataset, "__iter__") else taken_by(dataset),
        )
    try:
        return len(dataset)
    except (TypeError, NotImplementedError) as error:
        raise ArgumentError(
            f"{takes}; {type(dataset).__name__} has no length.", hint="Give it a __len__."
        ) from error
