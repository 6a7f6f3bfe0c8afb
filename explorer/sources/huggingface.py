"""Data sets of Hugging Face's `datasets`, their images undecoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from explorer._errors import ArgumentError, ImageError
from explorer._optional import require
from explorer.sources.around import folder_around
from explorer.sources.frames import named, taken_by
from explorer.sources.labels import class_names
from explorer.table.image_column import image
from explorer.table.table import ImageTable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import PIL.Image

    from explorer.compute.deferred import Deferred
    from explorer.images.limits import Limits
    from explorer.images.thumbnail import Thumbnail
    from explorer.table.image_column import ImageLoader

IN_FRAME_BYTES = 64 * 2**20
"""Encoded images of more than this stay in the file that the data set maps into memory."""

_WHERE = "ex.from_huggingface()"


def from_huggingface(
    dataset: Any, *, split: str | None = None, mode: str | None = "RGB", **unknown: Any
) -> ImageTable:
    """Make a table of a data set of Hugging Face's `datasets`; no image is decoded.

    The columns are those of the data set, as they are stored: a format or a transform that was set on it
    is not applied. Rows chosen or reordered by ``select``, ``filter``, ``sort`` and ``shuffle`` are
    respected.

    Parameters
    ----------
    dataset
        A `datasets.Dataset`, or a `datasets.DatasetDict`, whose splits come one after another with a
        column ``split`` (Enum).
    split
        The one split of a `DatasetDict` to take.
    mode
        Pillow mode of the images, as for `explorer.image`, where the data set says none.

    Returns
    -------
    ImageTable
        Each ``Image`` feature is a deferred column of images under its own name. Each ``ClassLabel`` stays
        a column of integers, and ``<name>_name`` (Enum) holds the names of the classes, null where the
        label is −1 or null.

    Raises
    ------
    ArgumentError
        For something else, a split that is not there, or splits of different columns.
    MissingExtraError
        When `datasets` is not installed.

    Notes
    -----
    Encoded images in memory, and up to 64 MiB of them in mapped files, are shared with the frame. Larger
    sets stay in their files: the table holds positions, and an image is read when somebody looks at it.

    Lists of images, and images inside structs, stay what they are stored as: ``{bytes, path}`` structs. For
    the first image of each list:
    ``t.with_columns(frame=pl.col("frames").list.first()).with_columns(img=ex.image("frame"))``.

    Examples
    --------
    >>> import explorer as ex, datasets
    >>> from PIL import Image
    >>> features = {"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])}
    >>> pets = datasets.Dataset.from_dict(
    ...     {"image": [Image.new("RGB", (4, 4))] * 3, "label": [0, 1, 1]},
    ...     features=datasets.Features(features),
    ... )
    >>> t = ex.from_huggingface(pets)
    >>> t.columns
    ['image', 'label', 'label_name']
    >>> t.to_polars("label_name")["label_name"].to_list(), t.counters.images_decoded
    (['cat', 'dog', 'dog'], 0)
    """
    for name in unknown:
        raise ArgumentError.unknown_keyword(_WHERE, name, ["split", "mode"])
    require("datasets", extra="huggingface", needed_for=_WHERE)
    return table_of(dataset, split=split, mode=mode, in_frame_bytes=IN_FRAME_BYTES)


def table_of(dataset: Any, *, split: str | None, mode: str | None, in_frame_bytes: int) -> ImageTable:
    """Make the table; mapped images of more than `in_frame_bytes` stay in their files."""
    datasets = require("datasets", extra="huggingface", needed_for=_WHERE)
    rows, splits = _one_dataset(dataset, split)
    pictures = {
        name: _pictures(rows, name, in_frame_bytes)
        for name, feature in rows.features.items()
        if isinstance(feature, datasets.Image)
    }
    stored = _stored(rows, pictures)
    columns: list[pl.Series] = []
    for name, feature in rows.features.items():
        # What stays in its file is known by its position, also among chosen and shuffled rows.
        column = stored.get(name, pl.int_range(len(rows), dtype=pl.UInt32, eager=True))
        columns.append(column.alias(name))
        if isinstance(feature, datasets.ClassLabel) and f"{name}_name" not in rows.features:
            columns.append(class_names(column, feature.names, name=f"{name}_name"))
    if splits is not None:
        places = np.repeat(np.arange(len(splits)), list(splits.values()))
        columns.append(class_names(pl.Series(places), list(splits), name="split"))
    table = ImageTable.from_frame(pl.DataFrame(columns), title=rows.info.dataset_name or type(rows).__name__)
    images: dict[str, Deferred] = {}
    for name, (source, folder) in pictures.items():
        spec = image(name, mode=rows.features[name].mode or mode)
        loader: ImageLoader = spec.function.within(folder)  # type: ignore[attr-defined]
        function = loader if source is not None else MappedImages(_undecoded(rows, name), name, loader)
        images[name] = spec.with_options(function=function)
    return table.with_columns(**images)


def _one_dataset(dataset: Any, split: str | None) -> tuple[Any, Mapping[str, int] | None]:
    """Return one data set of all that was asked for, and the heights of its splits where it has several."""
    datasets = require("datasets", extra="huggingface", needed_for=_WHERE)
    if isinstance(dataset, datasets.Dataset):
        if split is not None and split != str(dataset.split):
            which = f"the split {str(dataset.split)!r}" if dataset.split else "one data set"
            raise ArgumentError(
                f"split={split!r} of {_WHERE}: this Dataset is {which}, and has no others.",
                hint="Leave out split=.",
            )
        return dataset, None
    if not isinstance(dataset, datasets.DatasetDict):
        raise _not_rows(dataset, datasets)
    if not dataset:
        raise ArgumentError(f"{_WHERE} was given a DatasetDict without splits.")
    if split is not None:
        if split not in dataset:
            raise ArgumentError.not_one_of("split", split, dataset)
        return dataset[split], None
    first = next(iter(dataset))
    if any("split" in part.column_names for part in dataset.values()):
        raise ArgumentError(
            "The data set has a column 'split' of its own, where the names of its splits should stand.",
            hint=f'Take one split, {_WHERE[:-1]}…, split="{first}"), or rename_column("split", …) first.',
        )
    try:
        whole = datasets.concatenate_datasets(list(dataset.values()))
    except (ValueError, TypeError) as error:
        listed = "; ".join(f"{name} has {', '.join(part.column_names)}" for name, part in dataset.items())
        raise ArgumentError(
            f"The splits make no one table: {listed}.", hint=f'Take one: {_WHERE[:-1]}…, split="{first}")'
        ) from error
    return whole, {name: len(part) for name, part in dataset.items()}


def _not_rows(given: Any, datasets: Any) -> ArgumentError:
    taken = f"{_WHERE} takes a datasets.Dataset or DatasetDict"
    if isinstance(given, (datasets.IterableDataset, datasets.IterableDatasetDict)):
        one = "ds" if isinstance(given, datasets.IterableDataset) else f'ds["{next(iter(given), "train")}"]'
        return ArgumentError(
            f"{taken}; an {type(given).__name__} is read once, from its beginning, and has no rows to go to.",
            hint=f"Keep what you want to see: rows = datasets.Dataset.from_list(list({one}.take(1000)))",
        )
    if isinstance(given, str):
        return ArgumentError(
            f"{taken}, not a name.", hint=f"Load it first: {_WHERE[:-1]}datasets.load_dataset({given!r}))"
        )
    return ArgumentError(f"{taken}, not {named(given)}.", hint=taken_by(given))


def _pictures(rows: Any, name: str, in_frame_bytes: int) -> tuple[Any, Path | None]:
    """Return what the frame holds of an image feature (None: it stays in its file) and its paths' folder.

    Looks at which rows have bytes, and at paths, but at no byte of an image.
    """
    compute = require("pyarrow.compute", extra="huggingface", needed_for=_WHERE)
    column = rows.data.table.column(name)
    data, paths = compute.struct_field(column, "bytes"), compute.struct_field(column, "path")
    files = paths.filter(compute.is_null(data)).drop_null() if data.null_count else []
    folder = folder_around(str(path) for path in files)
    if data.null_count == len(data):
        return paths, folder
    # A view of bytes holds their first four, so that even one of a mapped file reads all of its pages.
    if rows.cache_files and data.nbytes > in_frame_bytes:
        return None, folder
    return (column if len(files) else data), folder


def _stored(rows: Any, pictures: Mapping[str, tuple[Any, Path | None]]) -> dict[str, pl.Series]:
    """Return the columns that the frame holds, in the order that rows were chosen and shuffled to."""
    table = rows.data.table
    sources = {name: pictures[name][0] if name in pictures else table.column(name) for name in rows.features}
    kept = {name: source for name, source in sources.items() if source is not None}
    frame = pl.DataFrame([_series(source).alias(name) for name, source in kept.items()])
    indices = getattr(rows, "_indices", None)
    if indices is not None and kept:
        frame = frame[_series(indices.table.column(0))]
    return {series.name: series for series in frame}


def _series(chunks: Any) -> pl.Series:
    arrow = require("pyarrow", extra="huggingface", needed_for=_WHERE)
    if isinstance(chunks.type, arrow.ExtensionType):
        # Arrays of fixed shape are lists with a name that only datasets knows.
        plain = [chunk.storage for chunk in chunks.chunks]
        chunks = arrow.chunked_array(plain, type=chunks.type.storage_type)
    series = pl.from_arrow(chunks, rechunk=False)
    assert isinstance(series, pl.Series)  # noqa: S101 - a chunked array is one column
    return series


def _undecoded(rows: Any, name: str) -> Any:
    datasets = require("datasets", extra="huggingface", needed_for=_WHERE)
    return rows.with_format(None).select_columns([name]).cast_column(name, datasets.Image(decode=False))


@dataclass(frozen=True, slots=True)
class MappedImages:
    """Images that stay in the files of a data set, by their position in it.

    Parameters
    ----------
    rows
        A `datasets.Dataset` of one undecoded image feature.
    column
        Its name.
    loader
        Decodes, and reads what is kept as a path.
    """

    rows: Any
    column: str
    loader: ImageLoader

    @property
    def mode(self) -> str | None:
        """Pillow mode of the images."""
        return self.loader.mode

    @property
    def limits(self) -> Limits:
        """The largest image that is read."""
        return self.loader.limits

    def read(self, position: object) -> bytes:
        """Return the encoded bytes of one image."""
        if not isinstance(position, int):
            raise ImageError("no image: the row has none")
        kept = self.rows[position][self.column] or {}
        data = kept.get("bytes")
        return data if isinstance(data, bytes) else self.loader.read(kept.get("path"))

    def decode(self, data: bytes) -> PIL.Image.Image:
        """Return the pixels of encoded bytes."""
        return self.loader.decode(data)

    def packed_with(self) -> ImageLoader:
        """Return what decodes the bytes of these images, once they are packed."""
        return self.loader

    def thumbnail(self, data: bytes, px: int) -> Thumbnail:
        """Return a small picture of encoded bytes."""
        return self.loader.thumbnail(data, px)

    def __call__(self, position: object) -> PIL.Image.Image:
        """Read and decode."""
        return self.decode(self.read(position))
