"""Skip lists: rows that are left out, for a reason, and listed."""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import polars as pl

from explorer._errors import ArgumentError, ExplorerWarning, ImageError, SourceError
from explorer._progress import Progress
from explorer.compute.deferred import Image
from explorer.compute.graph import Output, stored_columns
from explorer.compute.results import Failure
from explorer.compute.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from explorer.table.base import TableBase
    from explorer.table.row_verbs import RowVerbs

    Table = TypeVar("Table", bound=RowVerbs)
    Mask = np.ndarray[Any, np.dtype[np.bool_]]

HASH_OF_LENGTH = {32: "md5", 40: "sha1", 64: "sha256"}
"""Hexadecimal digits of a sum to its algorithm: what md5sum, sha1sum and sha256sum print."""

_DIGITS = re.compile(r"[0-9a-f]+")
_READ_TOGETHER = 64


def skip(table: Table, by: Any, column: str | None, reason: str | None) -> Table:
    """Leave rows out, and remember them with the reason; see `ImageTable.skip`."""
    table = table._rows()
    reasons: str | Sequence[str]
    if isinstance(by, pl.DataFrame):
        gone, reasons = _failed(table, by)
        reasons = reason or reasons
    elif isinstance(by, pl.Expr):
        gone = ~np.isin(table._frame.ids, table.remove(by)._rows()._frame.ids)
        reasons = reason or str(by)
    else:
        entries, source = _entries(by)
        gone = _matching(table, entries, _column(table, column))
        reasons = reason or source
    left_out = _listed(table, np.flatnonzero(gone), reasons)
    kept = table._with(table._frame.gather(np.flatnonzero(~gone).astype(np.uint32)))
    kept._skipped = (*table._skipped, left_out)
    return kept


def listed(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return all rows that were left out, one after the other."""
    found = [part for part in parts if part.height]
    if not found:
        return pl.DataFrame(schema={"reason": pl.String})
    return pl.concat(found, how="diagonal_relaxed")


def _failed(table: TableBase, errors: pl.DataFrame) -> tuple[Mask, list[str]]:
    """Return which rows a list of errors is about, and what each of them failed for first."""
    if not {"row", "message"} <= set(errors.columns) or not errors.schema["row"].is_integer():
        raise ArgumentError(
            f"skip() was given a frame of {', '.join(map(repr, errors.columns)) or 'no columns'}.",
            hint="It takes the frame of failed rows: t.skip(t.errors()); for other rows an expression.",
        )
    first = errors.unique("row", keep="first", maintain_order=True).sort("row")
    gone = np.zeros(table._frame.height, dtype=bool)
    if first.height and not 0 <= first["row"][0] <= first["row"][-1] < len(gone):
        raise ArgumentError(
            f"skip() was given errors of row {first['row'][-1]:,}; there are {len(gone):,} rows.",
            hint="Its rows are those of the table that was asked: t.skip(t.errors()).",
        )
    gone[first["row"].to_numpy()] = True
    return gone, first["message"].to_list()


def _listed(table: TableBase, places: np.ndarray[Any, Any], reasons: str | Sequence[str]) -> pl.DataFrame:
    names = [name for name in table._binding.stored if table.schema[name] != pl.Object]
    rows = table._with(table._frame.gather(places.astype(np.uint32)))._visible(names)
    free = "reason" if "reason" not in names else "reason_skipped"
    if isinstance(reasons, str):
        return rows.with_columns(pl.lit(reasons).alias(free))
    return rows.with_columns(pl.Series(free, reasons, dtype=pl.String))


def _entries(by: Any) -> tuple[list[str], str]:
    """Return the entries of a list or of a file of them, and what to call where they come from."""
    if isinstance(by, (str, os.PathLike)):
        path = Path(os.path.expandvars(Path(by).expanduser()))
        if not path.is_file():
            raise SourceError(
                f"skip() was given {os.fspath(by)!r}, and there is no such file of paths or hashes.",
                hint=f"For one path give a list: t.skip([{os.fspath(by)!r}]).",
            )
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        return [line for line in lines if line and not line.startswith("#")], f"listed in {path.name}"
    if isinstance(by, (bytes, bool)) or not hasattr(by, "__iter__"):
        raise ArgumentError(
            f"skip() was given {type(by).__name__} {by!r}.",
            hint="It takes paths or hashes, a text file of them, an expression, or t.errors(): "
            "t.skip(pl.col(…) < 32).",
        )
    entries = list(by)
    odd = next((entry for entry in entries if not isinstance(entry, (str, PurePath))), None)
    if odd is not None:
        raise ArgumentError(
            f"skip() was given a list with {type(odd).__name__} {odd!r}; its entries are paths or hashes.",
            hint='For other values write an expression: t.skip(pl.col("uid").is_in([…])).',
        )
    return [os.fspath(entry) for entry in entries], "in the skip list"


def _column(table: TableBase, column: str | None) -> str:
    if column is not None:
        table._binding.check([column])
        return column
    images = [name for name, dtype in table.schema.items() if dtype == Image]
    if len(images) != 1:
        found = ", ".join(images) or "none"
        raise ArgumentError(
            f"skip() looks paths and hashes up in the column of images; there is not one of them: {found}.",
            hint='Name the column: t.skip([…], column="path").',
        )
    return images[0]


def _matching(table: TableBase, entries: list[str], column: str) -> Mask:
    rows = Rows(table._frame, table._binding.names)
    sums = {entry.lower() for entry in entries if _algorithm(entry)}
    paths = [entry for entry in entries if entry.lower() not in sums]
    gone = np.zeros(len(rows), dtype=bool)
    unseen = set(entries)
    ref = table._binding[column]
    is_image = isinstance(ref, Output) and hasattr(ref.node.spec.function, "read")
    if paths:
        read_from = ref.node.inputs[0] if isinstance(ref, Output) and is_image else ref
        if isinstance(read_from, Output):
            values = table._filled([column]).get_column(column)
        else:
            values = rows.stored(read_from.column)
        if values.dtype not in (pl.String, pl.Categorical, pl.Enum):
            raise ArgumentError(
                f"skip() was given {paths[0]!r} to look up in {column!r}, which holds {values.dtype} values.",
                hint="Name a column of paths: column=…, or give hashes.",
            )
        base = table._origin.base_dir
        known = {_plain(text, base): text for text in values.unique().drop_nulls().to_list()}
        found = {entry: known[_plain(entry, base)] for entry in paths if _plain(entry, base) in known}
        unseen -= found.keys()
        gone |= values.is_in(list(found.values())).fill_null(value=False).to_numpy()
    if sums:
        if not is_image or not isinstance(ref, Output):
            raise ArgumentError(
                f"skip() was given hashes, and {column!r} is no column of image files.",
                hint='Name one: t.skip([…], column="img").',
            )
        for place, digests in enumerate(_digests(table, ref, rows, {_algorithm(each) for each in sums})):
            hit = sums & digests
            gone[place] |= bool(hit)
            unseen -= {entry for entry in unseen if entry.lower() in hit}
    if unseen:
        first = ", ".join(repr(entry) for entry in sorted(unseen)[:3])
        warnings.warn(
            f"{len(unseen):,} of {len(entries):,} entries of the skip list match no row: {first}"
            f"{', …' if len(unseen) > 3 else ''}",
            ExplorerWarning,
            stacklevel=4,
        )
    return gone


def _algorithm(entry: str) -> str | None:
    return HASH_OF_LENGTH.get(len(entry)) if _DIGITS.fullmatch(entry.lower()) else None


def _plain(text: str, base: Path | None) -> str:
    """Bring ``./a.jpg``, ``a.jpg`` and its absolute path to one spelling."""
    path, folder = PurePath(os.path.normpath(text)), base or Path.cwd()
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _digests(
    table: TableBase, ref: Output, rows: Rows, algorithms: Iterable[str | None]
) -> Iterable[set[str]]:
    """Yield the sums of each row's encoded image; none for those that cannot be read."""
    loader: Any = ref.node.spec.function
    wanted = [name for name in algorithms if name]
    needed = stored_columns([ref.node])
    with Progress("reading files", total=len(rows)) as progress:
        for part in rows.chunks(_READ_TOGETHER, needed):
            inputs = [table._origin.engine.values(each, part, table.counters) for each in ref.node.inputs]
            for values in zip(*inputs, strict=True):
                yield _sums(loader, values, wanted)
            progress.advance(len(part))


def _sums(loader: Any, values: tuple[Any, ...], algorithms: Iterable[str]) -> set[str]:
    if any(isinstance(value, Failure) for value in values):
        return set()
    try:
        data = loader.read(*values)
    except ImageError:
        return set()
    return {hashlib.new(name, data, usedforsecurity=False).hexdigest() for name in algorithms}
