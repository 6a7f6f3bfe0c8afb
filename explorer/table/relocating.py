"""Where the images of a table that was read are now: table and images may have moved, together or apart."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from explorer.table.definitions import Home

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The folders of images that a table names.

    Parameters
    ----------
    table
        The folder of the table.
    beside
        Folder to its path as seen from the table, when it was written.
    moved
        Where a person says that the images are; None when nothing was said.
    """

    table: Path
    beside: Mapping[str, str]
    moved: Path | None

    def home(self, base_dir: str | None) -> Home:
        """Return the folder of the table's images."""
        found = None if base_dir is None else self._now(base_dir)
        return Home(self.moved or found, moved=self.moved is not None)

    def at_home(self, kept: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the definition of a function with the folder of its images as it is now."""
        image = kept.get("image")
        if not isinstance(image, dict) or not isinstance(image.get("base_dir"), str):
            return kept
        return {**kept, "image": {**image, "base_dir": str(self._now(image["base_dir"]))}}

    def _now(self, folder: str) -> Path:
        """Return the folder, or if it is gone the one that lies as it did as seen from the table."""
        beside = self.beside.get(folder)
        if beside is not None and not Path(folder).is_dir():
            path = Path(os.path.realpath(self.table / beside))
            if path.is_dir():
                return path
        return Path(folder)


def holds_paths(values: pl.Series) -> bool:
    """Whether images are read from files that a column names, judged by its first value.

    Examples
    --------
    >>> holds_paths(pl.Series(["a.jpg"])), holds_paths(pl.Series([b"GIF89a"]))
    (True, False)
    """
    if isinstance(values.dtype, pl.Struct) and "path" in [of.name for of in values.dtype.fields]:
        values = values.struct.field("path")
    return values.dtype == pl.String and any("://" not in value for value in values.drop_nulls().head(1))
