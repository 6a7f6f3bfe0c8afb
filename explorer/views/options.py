"""The options of a view, checked against its table."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from explorer._errors import ArgumentError
from explorer.compute.deferred import Image
from explorer.table import inside

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from explorer.views.columns import ViewColumns

TILE_PX = (32, 256)
HEIGHT_PX = (240, 4000)
MOST_CAPTIONS = 2
"""How many captions a view chooses by itself: as many as can be read under a small tile."""
DRAWABLE = ("number", "category", "boolean")


@dataclass(frozen=True, slots=True)
class Options:
    """What a view draws. None means: chosen by the view."""

    image: str | None = None
    color: str | None = None
    histograms: Sequence[str] | None = None
    captions: Sequence[str] | None = None
    x: str | None = None
    y: str | None = None
    size: int = 96
    height: int = 640

    @classmethod
    def of(cls, where: str, given: dict[str, Any]) -> Options:
        """Make options of keywords; refuse unknown ones with the nearest known."""
        known = [field.name for field in fields(cls)]
        for name in given:
            if name not in known:
                raise ArgumentError.unknown_keyword(where, name, known)
        for name in ("histograms", "captions"):
            if isinstance(given.get(name), str):
                given = {**given, name: [given[name]]}
        for name in ("size", "height"):
            if name in given and (isinstance(given[name], bool) or not isinstance(given[name], int)):
                raise ArgumentError(f"{where}: {name}={given[name]!r} is no whole number of pixels.")
        for name in ("histograms", "captions"):
            if given.get(name) is not None and not isinstance(given[name], (list, tuple)):
                raise ArgumentError(
                    f"{where}: {name}={given[name]!r} is no list of columns.", hint=f'{name}=["label"]'
                )
        return cls(**given)

    def changed(self, changes: Mapping[str, Any]) -> Options:
        """Return these options with some replaced."""
        return replace(self, **changes)

    def without_missing(self, columns: ViewColumns) -> Options:
        """Return these options without the columns that a table does not have any more."""
        there = columns.table.columns
        axes = self.x in there and self.y in there
        return replace(
            self,
            image=self.image if self.image in there else None,
            color=self.color if self.color in there else None,
            histograms=[name for name in self.histograms or () if name in there],
            captions=[name for name in self.captions or () if name in there],
            x=self.x if axes else None,
            y=self.y if axes else None,
        )

    def settled(self, columns: ViewColumns) -> Options:
        """Check the names, and choose what was not given.

        Raises
        ------
        ColumnNotFoundError
            For a name that the table does not have.
        ArgumentError
            For a column that cannot be drawn so, or only one of two axes.
        """
        table = columns.table
        for name in (
            self.image,
            self.color,
            self.x,
            self.y,
            *(self.histograms or ()),
            *(self.captions or ()),
        ):
            if name is not None:
                inside.ref(table, name)
        images = [name for name, dtype in table.schema.items() if dtype == Image]
        if self.image is not None and self.image not in images:
            raise ArgumentError(
                f"image={self.image!r} holds {table.schema[self.image]} values, not images.",
                hint=f'Add one: t.with_columns(img=ex.image({self.image!r})).explore(image="img").',
            )
        if (self.x is None) != (self.y is None):
            raise ArgumentError(
                f"The scatter was given x={self.x!r} and y={self.y!r}; it needs both.",
                hint='For instance: explore(x="umap_0", y="umap_1").',
            )
        for name in (self.x, self.y):
            if name is not None and not columns.dtype(name).is_numeric():
                raise ArgumentError(f"The axis {name!r} holds {columns.dtype(name)} values, not numbers.")
        for name in (self.color, *(self.histograms or ())):
            if name is not None and columns.kind(name) not in DRAWABLE:
                if columns.dtype(name) == pl.Unknown:
                    raise ArgumentError(
                        f"The dtype of {name!r} is not known before its first values.",
                        hint="Declare it: ex.defer(fn, …, returns=pl.Int64).",
                    )
                raise ArgumentError(
                    f"{name!r} holds {columns.dtype(name)} values; no histogram or colour can show them.",
                    hint="It takes numbers, true and false, or at most 5,000 different texts.",
                )
        if not TILE_PX[0] <= self.size <= TILE_PX[1]:
            raise ArgumentError(f"size={self.size} pixels; it lies between {TILE_PX[0]} and {TILE_PX[1]}.")
        if not HEIGHT_PX[0] <= self.height <= HEIGHT_PX[1]:
            raise ArgumentError(
                f"height={self.height} pixels; it lies between {HEIGHT_PX[0]} and {HEIGHT_PX[1]}."
            )
        histograms = self.histograms if self.histograms is not None else [self.color] if self.color else []
        captions = self.captions
        if captions is None:
            drawn = [name for name in dict.fromkeys([self.color, *histograms]) if name is not None]
            captions = drawn[:MOST_CAPTIONS]
        return Options(
            image=self.image or next(iter(images), None),
            color=self.color,
            histograms=list(dict.fromkeys(histograms)),
            captions=list(dict.fromkeys(captions)),
            x=self.x,
            y=self.y,
            size=self.size,
            height=self.height,
        )
