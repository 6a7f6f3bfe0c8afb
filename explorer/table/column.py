"""A column and a cell of an image table: nothing is read until they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np
import polars as pl

from explorer._errors import ArgumentError, ComputeError, did_you_mean
from explorer.compute.call import stack
from explorer.compute.deferred import Image
from explorer.compute.define import defer
from explorer.compute.graph import Output, stored_columns
from explorer.compute.results import Failure
from explorer.compute.rows import Rows
from explorer.images.contact_sheet import check_sheet, contact_sheet
from explorer.images.decode import decode
from explorer.table.expressions import positions
from explorer.table.reductions import Reductions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import PIL.Image
    import torch

    from explorer.compute.deferred import Deferred, Dtype
    from explorer.table.table import ImageTable
    from explorer.table.torch_rows import TorchRows


class Cell:
    """One value of a table, not read before it is called.

    Examples
    --------
    >>> import explorer as ex
    >>> cell = ex.samples.digits()["image"][0]
    >>> cell
    Cell(image[0], Image, not read)
    >>> cell().size
    (8, 8)
    """

    def __init__(self, column: Column, row: int) -> None:
        self._column = column
        self.row = row

    def __call__(self) -> Any:
        """Read or compute the value: a PIL image for an image, a Python value else.

        Raises
        ------
        ComputeError
            When the row's computation failed; the message says why.
        """
        (value,) = self._column._values()
        if isinstance(value, Failure):
            raise ComputeError(
                f"{self._column.name}[{self.row}] has no value: {value}",
                hint=value.hint or "t.errors() lists the rows that failed.",
            )
        return value

    def __repr__(self) -> str:
        state = "known" if self._column._known() else "not read"
        return f"Cell({self._column.name}[{self.row}], {self._column.dtype}, {state})"


class Column(Reductions):
    """One column of a table, or some of its rows, not read before it is called.

    An integer gives a `Cell`; a slice, a list of positions or a boolean mask gives a `Column`.
    Comparing it or calculating with it gives a Polars expression: ``t.filter(t["label"] == 3)``.

    Examples
    --------
    >>> import explorer as ex
    >>> images = ex.samples.digits()["image"]
    >>> images
    Column(image, Image, 1,797 rows)
    >>> images[1:4]().shape
    (3, 8, 8)
    """

    def __init__(self, table: ImageTable, name: str) -> None:
        self._table = table
        self.name = name

    @property
    def dtype(self) -> Dtype:
        """Its dtype."""
        return self._table.schema[self.name]

    def __len__(self) -> int:
        return self._table.height

    @overload
    def __getitem__(self, rows: int) -> Cell: ...
    @overload
    def __getitem__(self, rows: slice | Sequence[int] | Sequence[bool] | pl.Series) -> Column: ...
    def __getitem__(self, rows: Any) -> Cell | Column:
        if isinstance(rows, (int, np.integer)) and not isinstance(rows, bool) and rows >= 0:
            # Not by the height, which a filter that waits would have to evaluate all rows for.
            one = self._table.slice(int(rows), 1)
            if one.height:
                return Cell(Column(one, self.name), int(rows))
        height = self._table.height
        if isinstance(rows, (int, np.integer)) and not isinstance(rows, bool):
            if not -height <= rows < height:
                raise ArgumentError(f"{self.name}[{rows}]: the column has {height:,} rows.")
            row = int(rows) % height
            return Cell(Column(self._table.slice(row, 1), self.name), row)
        return Column(self._table.gather(positions(rows, height, f"{self.name}[…]")), self.name)

    if not TYPE_CHECKING:  # or every misspelt attribute would be one for the type checker

        def __getattr__(self, name: str) -> Any:
            if hasattr(pl.Series, name) and not name.startswith("_"):
                raise AttributeError(
                    f"A Column has no {name!r}: it is lazy. t[{self.name!r}]() is a Series with .{name}, "
                    f"and pl.col({self.name!r}) an expression with it."
                )
            near = did_you_mean(name, dir(type(self))) if not name.startswith("_") else None
            raise AttributeError(f"A Column has no {name!r}.{f' {near}' if near else ''}")

    def __contains__(self, value: object) -> bool:
        raise ArgumentError(
            f"{value!r} in a Column would compute it.", hint=f"Say so: {value!r} in t[{self.name!r}]()."
        )

    def __iter__(self) -> Iterator[Cell]:
        return (self[row] for row in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        values = self()
        array = values.to_numpy() if isinstance(values, pl.Series) else np.asarray(values)
        return np.array(array, dtype=dtype, copy=True) if copy or dtype is not None else array

    def _ref_rows(self) -> tuple[Any, Rows]:
        table = self._table._rows()
        ref = table._binding[self.name]
        return ref, Rows(table._frame, table._binding.names)

    def _known(self) -> bool:
        ref, rows = self._ref_rows()
        return not isinstance(ref, Output) or bool(ref.node.results.known(rows.ids).all())

    def _values(self) -> list[Any]:
        """Return plain Python values, a `Failure` for each row that failed."""
        ref, rows = self._ref_rows()
        engine, counters = self._table._origin.engine, self._table.counters
        if not isinstance(ref, Output):
            return list(engine.values(ref, rows, counters))
        part = rows.take(np.arange(len(rows)), stored_columns([ref.node]))
        size = ref.node.spec.batch_size
        values: list[Any] = []
        for start in range(0, len(part), size):
            values += engine.values(ref, part.slice(start, size), counters)
        return values

    def series(self) -> pl.Series:
        """Return the column as a Polars Series, computed where it is deferred.

        Raises
        ------
        ArgumentError
            For images and other values that no frame holds.
        """
        return self._table.to_polars(self.name)[self.name]

    def __call__(self) -> Any:
        """Read or compute all of its values.

        Returns
        -------
        polars.Series, numpy.ndarray or list
            A Series for a dtype that fits a frame. Images of one size and mode, and tensors of one
            shape, come stacked, shape (rows, …); others as a list.

        Raises
        ------
        ComputeError
            When an image or object of these rows failed, with the first reason.
        """
        ref, _ = self._ref_rows()
        if not isinstance(ref, Output) or (ref.fits_a_frame and ref.dtype != pl.Unknown):
            return self.series()
        values = self._values()
        if ref.fits_a_frame:
            return self.series()
        failed = [(place, value) for place, value in enumerate(values) if isinstance(value, Failure)]
        if failed:
            place, failure = failed[0]
            raise ComputeError(
                f"{len(failed):,} of {len(values):,} rows of {self.name!r} have no value; "
                f"the first is row {place}: {failure}",
                hint=failure.hint or "t.errors() lists them, and t.skip(t.errors()) leaves them out.",
            )
        return stack(values)

    def defer(self, function: Callable[..., Any], **options: Any) -> Deferred:
        """Define a deferred column that is a function of this one; see `explorer.defer`.

        Examples
        --------
        >>> import explorer as ex
        >>> t = ex.samples.digits()
        >>> t = t.with_columns(width=t["image"].defer(lambda image: image.width, returns=int))
        >>> t["width"][0]()
        8
        """
        return defer(function, self.name, **options)

    def map(self, function: Callable[..., Any], **options: Any) -> Any:
        """Call a function for each value now; see `ImageTable.map`.

        Examples
        --------
        >>> import explorer as ex
        >>> ex.samples.digits()["label"][:4].map(lambda label: label**2, returns=int).to_list()
        [0, 1, 4, 9]
        """
        return self._table.map(function, self.name, **options)

    def to_torch(self) -> torch.Tensor:
        """Return the column as one tensor; see `ImageTable.to_torch`."""
        tensor: torch.Tensor = self._table.to_torch(self.name)  # type: ignore[assignment]  # of one name
        return tensor

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Give the column to any library that takes Arrow; a deferred one is computed."""
        return self.series().__arrow_c_stream__(requested_schema)

    def to_torch_dataset(self, *, transform: Callable[[Any], Any] | None = None) -> TorchRows:
        """Return a map-style torch data set of this column; see `ImageTable.to_torch_dataset`."""
        from explorer.table.conversions import to_torch_dataset

        return to_torch_dataset(self, transform=transform)

    def contact_sheet(
        self, *, columns: int = 8, px: int = 96, captions: str | pl.Expr | None = None, **unknown: Any
    ) -> PIL.Image.Image:
        """Lay the images of the column out in one picture; a broken one stands as its reason.

        Parameters
        ----------
        columns
            Images side by side.
        px
            Longest side of each, in pixels.
        captions
            A column whose values are written under the images, or an expression:
            ``pl.format("{} as {}", "label", "pred")``.
        **unknown
            Refused, with the nearest keyword that exists.

        Raises
        ------
        ArgumentError
            When the column holds no images, or for an option that cannot be meant.

        Examples
        --------
        >>> import explorer as ex
        >>> ex.samples.digits()["image"][:16].contact_sheet(captions="label").mode
        'RGB'
        """
        if self.dtype != Image:
            raise ArgumentError(f"{self.name!r} holds {self.dtype} values, not images.")
        for name in unknown:
            raise ArgumentError.unknown_keyword("contact_sheet()", name, ["columns", "px", "captions"])
        check_sheet(columns, px)
        words = self._words(captions)
        return contact_sheet(list(self._small(px)), columns=columns, px=px, captions=words)

    def _words(self, captions: str | pl.Expr | None) -> list[str]:
        if captions is None:
            return []
        if isinstance(captions, str):
            return [str(value) for value in self._table.to_polars(captions)[captions]]
        table = self._table.with_columns(captions.alias("__explorer_caption__"))
        return [str(value) for value in table.to_polars("__explorer_caption__").to_series()]

    def _small(self, px: int) -> Iterator[PIL.Image.Image | ComputeError]:
        """Yield the images, each decoded no larger than needed, or the reason why there is none."""
        ref, rows = self._ref_rows()
        node, engine, counters = ref.node, self._table._origin.engine, self._table.counters
        part = rows.take(np.arange(len(rows)), stored_columns([node]))
        is_read = node.spec.kind == "image"

        def small(row: int) -> PIL.Image.Image | ComputeError:
            tile = engine.thumbnail(ref, part.slice(row, 1), px, counters)
            return ComputeError(tile.message) if isinstance(tile, Failure) else decode(tile.data, mode=None)

        calls = engine.map_calls(node.spec.workers if is_read else 1)
        together = max(node.spec.batch_size, node.spec.workers)
        for start in range(0, len(part), together):
            if not is_read:
                # A function gets whole batches, whose images are then at hand.
                engine.values(ref, part.slice(start, together), counters)
            yield from calls(small, range(start, min(start + together, len(part))))

    def __repr__(self) -> str:
        return f"Column({self.name}, {self.dtype}, {len(self):,} rows)"

    def _repr_html_(self) -> str:
        from explorer.table.display import html

        return html(self._table.select(self.name))
