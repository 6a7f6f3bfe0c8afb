"""Several files become one table: which keywords are known, which columns agree, what comes of them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from explorer._errors import ArgumentError, ColumnNotFoundError, SourceError
from explorer.sources.agreement import common_dtypes, refuse_other_columns, refuse_other_dtypes
from explorer.sources.diagnosis import BREAKS, Explainer, explained
from explorer.sources.opening import Sources, opened
from explorer.table.image_column import existing_folder
from explorer.table.table import ImageTable

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from explorer.sources.opening import Fetcher, Source

    Keywords = dict[str, Any]
    Given = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)

Read = TypeVar("Read")

_OURS = {
    "source",
    "glob",
    "hidden_file_prefix",
    "infer_schema_files",
    "storage_options",
    "credential_provider",
}
"""What is not taken from the caller: the files are found, fetched and compared here."""

_OVER_ALL = {"n_rows", "row_index_name", "row_index_offset", "missing_columns", "extra_columns"}
_COMMON = {"path", "base_dir", "web", "include_file_paths"}


@dataclass(frozen=True)
class Request:
    """One call of a reader, checked: what to read, and what Polars is told.

    Attributes
    ----------
    where
        The call, for messages.
    sources
        The files.
    keywords
        For Polars.
    """

    where: str
    sources: Sources
    keywords: Keywords
    base_dir: Path | None
    include_file_paths: str | None

    def unpacked(self) -> Request:
        """Return the same request with compressed files unpacked in memory."""
        files = tuple(
            _explaining(source.unpacked, self.where, source, self.keywords) for source in self.sources
        )
        return replace(self, sources=replace(self.sources, files=files))

    def table(
        self,
        frame: pl.DataFrame | pl.LazyFrame,
        *,
        empty: str,
        scan: Callable[..., pl.LazyFrame] | None = None,
    ) -> ImageTable:
        """Make the table, and refuse one without rows that nobody asked for.

        Parameters
        ----------
        frame
            The rows; a lazy frame is handed on unread.
        empty
            What to say of a file without rows.
        scan
            What makes a lazy frame of one file, to explain errors that come when its rows are wanted.
        """
        folder = self.sources.folder if self.base_dir is None else self.base_dir
        explain = None
        if scan is not None:
            explain = Explainer(self.where, self.sources, partial(_scan_one, scan, _for_scan(self.keywords)))
        try:
            if self.keywords.get("n_rows") != 0 and not frame.lazy().select(pl.len()).collect().item():
                raise self._without_rows(empty)
            return ImageTable.from_frame(frame, base_dir=folder, title=self.sources.title, explain=explain)
        except BREAKS as error:
            if explain is None:
                raise
            raise explain(error) from error

    def _without_rows(self, empty: str) -> SourceError:
        if len(self.sources) == 1:
            return SourceError(f"{self.sources.files[0].name} {empty}.")
        return SourceError(
            f"All {len(self.sources)} files, {self.sources.title}, {empty.replace('has', 'have', 1)}."
        )


def requested(
    given: object,
    where: str,
    polars: Callable[..., object],
    keywords: Keywords,
    *,
    base_dir: str | Path | None,
    include_file_paths: str | None,
    web: Fetcher | None,
    own: frozenset[str] = frozenset(),
) -> Request:
    """Refuse unknown keywords, then find the files.

    Parameters
    ----------
    given
        A path, a pattern, a URL, or a list of them.
    where
        The call, for messages.
    polars
        The function of Polars whose keywords pass through.
    keywords
        What is to pass through.
    base_dir, include_file_paths, web
        As the readers take them.
    own
        Other keywords of the reader.
    """
    known = (set(inspect.signature(polars).parameters) | own | _COMMON) - _OURS
    known = {name for name in known if not name.startswith("_")}
    for name in keywords:
        if name not in known:
            raise ArgumentError.unknown_keyword(where, name, known)
    for name, meant in (("missing_columns", ["raise", "insert"]), ("extra_columns", ["raise", "ignore"])):
        if keywords.get(name) not in {None, *meant}:
            raise ArgumentError.not_one_of(f"{where}: {name}", keywords[name], meant)
    rows = keywords.get("n_rows")
    if rows is not None and (not isinstance(rows, int) or isinstance(rows, bool) or rows < 0):
        raise ArgumentError(f"{where}: n_rows is a number of rows, not {rows!r}.")
    folder = None if base_dir is None else existing_folder(base_dir)
    sources = opened(given, where=where, reader=where[3:-2], web=web)
    return Request(where, sources, dict(keywords), folder, include_file_paths)


def parsed(
    request: Request, parse: Callable[[Source, Keywords], pl.DataFrame], *, union: bool = False
) -> pl.DataFrame:
    """Parse files of text one after another and put their rows together.

    Parameters
    ----------
    request
        What to read. Files after the row that ``n_rows`` names last are not opened.
    parse
        Makes a frame of one file.
    union
        Whether a column may be missing from a file: JSON writes no header.
    """
    keywords = dict(request.keywords)
    missing, extra = (keywords.pop(name, None) for name in ("missing_columns", "extra_columns"))
    index, offset = keywords.pop("row_index_name", None), keywords.pop("row_index_offset", 0)
    left = keywords.get("n_rows")
    parts: list[tuple[Source, pl.DataFrame]] = []
    for source in request.sources:
        frame = _explaining(partial(parse, source, keywords), request.where, source, keywords)
        parts.append((source, frame))
        if left is not None:
            left -= frame.height
            if left <= 0:
                break
            keywords["n_rows"] = left
    schemas = [(source, frame.schema) for source, frame in parts]
    refuse_other_columns(schemas, missing="insert" if union else missing, extra="ignore" if union else extra)
    dtypes = common_dtypes(schemas)
    frames = [_recast(part, parse, keywords, dtypes, request.where) for part in parts]
    if not union:
        first = {name: dtypes[name] for name in parts[0][1].columns}
        frames = [_with_columns_of(frame, frame.schema, first) for frame in frames]
    name = request.include_file_paths
    if any(name in frame.columns for frame in frames):
        raise _taken(name)
    frames = [_with_path(frame, source, name) for frame, (source, _) in zip(frames, parts, strict=True)]
    together = pl.concat(frames, how="diagonal_relaxed") if len(frames) > 1 else frames[0]
    return together if index is None else together.with_row_index(index, offset)


def scanned(
    request: Request,
    scan: Callable[..., pl.LazyFrame],
    columns: Sequence[str] | Sequence[int] | None,
    *,
    together: bool = True,
) -> pl.LazyFrame:
    """Make one lazy frame of files that say at their end what is in them; only that is read.

    Parameters
    ----------
    request
        What to read.
    scan
        ``scan(place, **keywords)``: `polars.scan_parquet` or something like it.
    columns
        Names or places of the columns to keep; all when None.
    together
        Whether `scan` takes a list of paths too.
    """
    keywords = _for_scan(request.keywords)
    missing, extra = (request.keywords.get(name) for name in ("missing_columns", "extra_columns"))
    schemas = []
    for source in request.sources:
        read = partial(_schema, scan, keywords, source)
        schema = _explaining(read, request.where, source, keywords)
        schemas.append((source, schema))
    refuse_other_columns(schemas, missing=missing, extra=extra)
    if not {"cast_options", "schema"} & set(keywords):
        refuse_other_dtypes(schemas)
    first = schemas[0][1].names()
    name = request.include_file_paths
    if name in first:
        raise _taken(name)
    together = together and not any(isinstance(source.place, bytes) for source in request.sources)
    if together and missing is None and extra is None:
        frame = scan([source.place for source in request.sources], include_file_paths=name, **keywords)
    else:
        scans = [
            _with_path(
                _with_columns_of(_scan_one(scan, keywords, source), schema, schemas[0][1]), source, name
            )
            for source, schema in schemas
        ]
        frame = scans[0] if len(scans) == 1 else pl.concat(scans, how="vertical_relaxed")
    if columns is not None:
        frame = frame.select(*_chosen(columns, first), *([name] if name else []))
    rows = request.keywords.get("n_rows")
    frame = frame if rows is None else frame.head(rows)
    index = request.keywords.get("row_index_name")
    return (
        frame if index is None else frame.with_row_index(index, request.keywords.get("row_index_offset", 0))
    )


def _scan_one(scan: Callable[..., pl.LazyFrame], keywords: Keywords, source: Source) -> pl.LazyFrame:
    return scan(source.place, **keywords)


def _schema(scan: Callable[..., pl.LazyFrame], keywords: Keywords, source: Source) -> pl.Schema:
    return _scan_one(scan, keywords, source).collect_schema()


def _for_scan(keywords: Keywords) -> Keywords:
    """Return the keywords for one file of several: what counts rows over all of them is done afterwards."""
    return {name: value for name, value in keywords.items() if name not in _OVER_ALL}


def _explaining(read: Callable[[], Read], where: str, source: Source, keywords: Keywords) -> Read:
    try:
        return read()
    except (Exception, pl.exceptions.PanicException) as error:
        better = explained(error, where, source, keywords)
        if better is error:
            raise
        raise better from error


def _with_columns_of(frame: Frame, schema: pl.Schema, first: Mapping[str, pl.DataType]) -> Frame:
    """Return the columns that the first file has, with nulls for those that this one lacks."""
    if list(schema) == list(first):
        return frame
    lacking = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in first.items() if name not in schema]
    return frame.with_columns(lacking).select(list(first))


def _with_path(frame: Frame, source: Source, name: str | None) -> Frame:
    return frame if name is None else frame.with_columns(pl.lit(source.name, dtype=pl.String).alias(name))


def _taken(name: str | None) -> ArgumentError:
    return ArgumentError(
        f"include_file_paths={name!r}: the files have a column of that name.", hint="Choose another."
    )


def _chosen(columns: Sequence[str] | Sequence[int], names: list[str]) -> list[str]:
    if isinstance(columns, str):
        raise ArgumentError("columns takes a list of names.", hint=f"Try: columns=[{columns!r}]")
    chosen = []
    for one in columns:
        if isinstance(one, int):
            if not -len(names) <= one < len(names):
                raise ArgumentError(f"columns={list(columns)!r}: there are {len(names)} columns.")
            chosen.append(names[one])
        elif one in names:
            chosen.append(one)
        else:
            raise ColumnNotFoundError.named(one, names)
    return chosen


def _recast(
    part: tuple[Source, pl.DataFrame],
    parse: Callable[[Source, Keywords], pl.DataFrame],
    keywords: Keywords,
    dtypes: dict[str, pl.DataType],
    where: str,
) -> pl.DataFrame:
    """Parse a file again as text where other files have text: ``007`` is no number then."""
    source, frame = part
    as_text = {
        name: dtypes[name]
        for name, dtype in frame.schema.items()
        if dtypes[name] == pl.String and dtype not in {pl.String, pl.Null}
    }
    given = keywords.get("schema_overrides")
    if as_text and "schema" not in keywords and (given is None or isinstance(given, dict)):
        again = {**keywords, "schema_overrides": {**(given or {}), **as_text}, "n_rows": frame.height}
        if "n_rows" not in keywords:
            again.pop("n_rows")
        return _explaining(partial(parse, source, again), where, source, again)
    return frame
