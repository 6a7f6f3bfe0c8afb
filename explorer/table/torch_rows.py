"""Rows of a table as a torch data set: plain arrays that every worker of a DataLoader can have."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import torch
from torch.utils.data import Dataset

from explorer._errors import ComputeError, ImageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import PIL.Image

    Flags = np.ndarray[Any, np.dtype[np.bool_]]
    Offsets = np.ndarray[Any, np.dtype[np.int64]]

# Nothing here touches Polars once it is made: its threads do not survive a fork, and a worker that
# waited for them would wait for ever.


@dataclass(frozen=True, slots=True)
class Ragged:
    """Texts, bytes or vectors end to end in one array, which workers share and pickle at once.

    Parameters
    ----------
    kind
        ``"text"``, ``"bytes"`` or ``"vector"``.
    data
        The elements of all values, shape (n,).
    offsets
        Where each value begins, and the last one ends; shape (rows + 1,).
    present
        Shape (rows,); False where the value is null.
    shape
        Of each vector that is an array of several dimensions; else None.
    """

    kind: str
    data: np.ndarray[Any, Any]
    offsets: Offsets
    present: Flags
    shape: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return len(self.present)

    def __getitem__(self, row: int) -> str | bytes | torch.Tensor | None:
        if not self.present[row]:
            return None
        part = self.data[self.offsets[row] : self.offsets[row + 1]]
        if self.kind == "vector":
            vector = torch.from_numpy(part.copy())
            return vector if self.shape is None else vector.reshape(self.shape)
        return part.tobytes().decode() if self.kind == "text" else part.tobytes()


@dataclass(frozen=True, slots=True)
class Scalars:
    """Numbers or booleans; `present` as in `Ragged`."""

    data: np.ndarray[Any, Any]
    present: Flags

    def __len__(self) -> int:
        return len(self.present)

    def __getitem__(self, row: int) -> float | int | bool | None:
        return self.data[row].item() if self.present[row] else None


@dataclass(frozen=True, slots=True)
class Images:
    """Paths, encoded bytes, pixel values or positions, of which images are made one by one."""

    source: Values
    load: Callable[[Any], PIL.Image.Image]
    convert: Callable[[PIL.Image.Image], Any]

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, row: int) -> Any:
        return self.convert(self.load(self.source[row]))


Values = Ragged | Scalars | list[Any]


class TorchRows(Dataset[Any]):
    """A map-style data set of rows; images are decoded where a row is asked for.

    Parameters
    ----------
    columns
        Column name to its values.
    transforms
        Column name to a function of each of its values.
    single
        Whether a row is the value of the one column, not a dict.

    Examples
    --------
    >>> rows = TorchRows({"label": packed(pl.Series([3, 1]))}, {}, single=False)
    >>> len(rows), rows[1]
    (2, {'label': 1})
    """

    def __init__(
        self,
        columns: Mapping[str, Values | Images],
        transforms: Mapping[str, Callable[[Any], Any]],
        *,
        single: bool,
    ) -> None:
        self._columns = dict(columns)
        self._transforms = dict(transforms)
        self._single = single
        self._height = len(next(iter(self._columns.values())))

    def __len__(self) -> int:
        return self._height

    def __getitem__(self, row: int) -> Any:
        if not -self._height <= row < self._height:
            raise IndexError(f"there is no row {row}; there are {self._height:,} rows")
        place = int(row) % self._height
        values = {name: self._value(name, place) for name in self._columns}
        return next(iter(values.values())) if self._single else values

    def _value(self, name: str, row: int) -> Any:
        try:
            value = self._columns[name][row]
        except ImageError as error:
            raise ComputeError(
                f"{name}[{row}] has no value: {error.message}",
                hint=f"t.compute({name!r}) tries all rows, and t.skip(t.errors()) then leaves out those.",
            ) from error
        transform = self._transforms.get(name)
        return value if transform is None else transform(value)


def packed(series: pl.Series) -> Values:
    """Bring a column into arrays; what has no simple one stays a list of Python values.

    Examples
    --------
    >>> column = packed(pl.Series(["a", None, "bcd"]))
    >>> [column[row] for row in range(len(column))]
    ['a', None, 'bcd']
    """
    dtype = series.dtype
    present = series.is_not_null().to_numpy()
    if dtype.is_integer() or dtype.is_float() or dtype == pl.Boolean:
        return Scalars(series.fill_null(value=False if dtype == pl.Boolean else 0).to_numpy(), present)
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        texts = [text.encode() for text in series.cast(pl.String).fill_null("").to_list()]
        return _end_to_end("text", texts, present)
    if dtype == pl.Binary:
        return _end_to_end("bytes", series.fill_null(b"").to_list(), present)
    inner = getattr(dtype, "inner", None)
    if isinstance(dtype, pl.Array) and isinstance(inner, pl.Array):
        return _blocks(series, dtype.shape, present)
    if inner is not None and (inner.is_integer() or inner.is_float()):
        vectors = series.arr.to_list() if isinstance(dtype, pl.Array) else series
        lengths = vectors.list.len().fill_null(0).to_numpy()
        data = vectors.drop_nulls().filter(lengths[present] > 0).explode()
        if not data.null_count():
            return Ragged("vector", data.to_numpy(), _offsets(lengths), present)
    return series.to_list()


def _blocks(series: pl.Series, shape: tuple[int, ...], present: Flags) -> Values:
    flat = series.drop_nulls().reshape((-1,))
    if flat.null_count() or not flat.dtype.is_numeric():
        return series.to_list()
    return Ragged("vector", flat.to_numpy(), _offsets(present * prod(shape)), present, shape)


def _end_to_end(kind: str, values: list[bytes], present: Flags) -> Ragged:
    lengths = np.fromiter(map(len, values), dtype=np.int64, count=len(values))
    return Ragged(kind, np.frombuffer(b"".join(values), dtype=np.uint8), _offsets(lengths), present)


def _offsets(lengths: np.ndarray[Any, Any]) -> Offsets:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def as_tensor(image: PIL.Image.Image) -> torch.Tensor:
    """Return the pixels of an image, shape (channels, height, width), dtype uint8 for most modes.

    Examples
    --------
    >>> import PIL.Image
    >>> as_tensor(PIL.Image.new("RGB", (3, 2))).shape
    torch.Size([3, 2, 3])
    """
    pixels = np.array(image)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()


def unchanged(image: PIL.Image.Image) -> PIL.Image.Image:
    """Return the image itself, for a transform of the person's to take."""
    return image
