"""Tables of rows in files: CSV, Parquet, NDJSON, JSON, Arrow IPC, read by Polars."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl

from explorer.sources import parsing
from explorer.sources.reading import parsed, requested, scanned

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from pathlib import Path

    from explorer.sources.opening import Fetcher, Source
    from explorer.table.table import ImageTable

    Given = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

_TAB_SUFFIXES = {".tsv", ".tab"}


def read_csv(
    path: Given,
    *,
    separator: str | None = None,
    base_dir: str | Path | None = None,
    include_file_paths: str | None = None,
    web: Fetcher | None = None,
    **polars_keywords: Any,
) -> ImageTable:
    r"""Read a table from CSV files, plain or compressed (gzip, Zstandard, zlib).

    Text says nowhere what is in it, so the files are parsed whole, now.

    Parameters
    ----------
    path
        A path (``~`` and ``$VAR`` are expanded), a pattern (``"shards/*.csv"``, ``"**/*.csv"``), an http or
        https URL, or a list of them. A name that exists is a name, whatever characters it holds. The files
        of a pattern come in natural order (``part2`` before ``part10``).
    separator
        One character. When not given: a tab for files named ``.tsv`` or ``.tab`` (also ``.tsv.gz``), else
        a comma.
    base_dir
        Folder that image paths in the table are relative to. When not given: the folder of the file, the
        common folder of several, and the working directory for a URL. Image paths are not resolved
        against a URL.
    include_file_paths
        Name of a column to add, with the path or URL that each row came from.
    web
        What fetches URLs; when not given, an `explorer.Web` that waits 120 s, takes up to 1 GiB and keeps
        nothing on disk.
    **polars_keywords
        As `polars.read_csv` takes them, for instance ``columns``, ``n_rows``, ``schema_overrides``,
        ``encoding``. Of several files ``n_rows`` counts the rows together.

    Returns
    -------
    ImageTable

    Raises
    ------
    SourceError
        When a file does not exist, is empty, cannot be read, is no CSV, or has other columns than
        the first; or when there are no rows.
    FetchError
        When a URL cannot be fetched.
    ArgumentError
        When a keyword is unknown.

    Examples
    --------
    >>> import explorer as ex, pathlib, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> for split, row in (("train", "a.jpg,cat"), ("val", "b.jpg,dog")):
    ...     _ = pathlib.Path(folder.name, f"{split}.csv").write_text(f"file,label\n{row}\n")
    >>> ex.read_csv(f"{folder.name}/train.csv").columns
    ['file', 'label']
    >>> t = ex.read_csv(f"{folder.name}/*.csv", include_file_paths="list")
    >>> [pathlib.Path(path).name for path in t.to_polars()["list"]]
    ['train.csv', 'val.csv']
    >>> folder.cleanup()
    """
    request = requested(
        path,
        "ex.read_csv()",
        pl.read_csv,
        polars_keywords,
        base_dir=base_dir,
        include_file_paths=include_file_paths,
        web=web,
    )

    def parse(source: Source, keywords: dict[str, Any]) -> pl.DataFrame:
        named = "\t" if source.suffix in _TAB_SUFFIXES else ","
        return parsing.csv(source, {**keywords, "separator": named if separator is None else separator})

    return request.table(parsed(request, parse), empty="has a header but no rows")


def read_parquet(
    path: Given,
    *,
    base_dir: str | Path | None = None,
    columns: Sequence[str] | Sequence[int] | None = None,
    include_file_paths: str | None = None,
    web: Fetcher | None = None,
    **polars_keywords: Any,
) -> ImageTable:
    """Open a table in Parquet files.

    Of each file only the footer is read now; values are read when they are wanted.

    Parameters
    ----------
    path
        A path, a pattern, a URL, or a list of them, as `read_csv` takes it. What is compressed as a whole
        (``.parquet.gz``) or comes from a URL is held in memory.
    base_dir
        Folder that image paths in the table are relative to; see `read_csv`.
    columns
        Names (or places) of the columns to read; the others are not touched.
    include_file_paths
        Name of a column to add, with the path or URL that each row came from.
    web
        What fetches URLs; see `read_csv`.
    **polars_keywords
        As `polars.scan_parquet` takes them.

    Returns
    -------
    ImageTable

    Raises
    ------
    SourceError
        When a file does not exist, is empty, cannot be read, is no Parquet, or has other columns or dtypes
        than the first; or when there are no rows.
    FetchError
        When a URL cannot be fetched.
    ArgumentError
        When a keyword is unknown.

    Examples
    --------
    >>> import explorer as ex, pathlib, polars as pl, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "photos.parquet")
    >>> pl.DataFrame({"file": ["a.jpg"], "label": ["cat"]}).write_parquet(path)
    >>> ex.read_parquet(path, columns=["label"]).columns
    ['label']
    >>> folder.cleanup()
    """
    where = "ex.read_parquet()"
    request = requested(
        path,
        where,
        pl.scan_parquet,
        polars_keywords,
        base_dir=base_dir,
        include_file_paths=include_file_paths,
        web=web,
        own=frozenset({"columns"}),
    ).unpacked()
    scan = partial(pl.scan_parquet, glob=False)
    frame = scanned(request, scan, columns)
    return request.table(frame, empty="has columns but no rows", scan=scan)


def read_ipc(
    path: Given,
    *,
    base_dir: str | Path | None = None,
    columns: Sequence[str] | Sequence[int] | None = None,
    include_file_paths: str | None = None,
    web: Fetcher | None = None,
    **polars_keywords: Any,
) -> ImageTable:
    """Open a table in Arrow IPC files (``.arrow``, ``.ipc``, Feather of version 2).

    Of the file form only the footer is read now; values are read when they are wanted. The stream form has
    no footer and is read whole.

    Parameters
    ----------
    path
        A path, a pattern, a URL, or a list of them, as `read_csv` takes it. What is compressed as a whole
        (``.arrow.zst``) or comes from a URL is held in memory.
    base_dir
        Folder that image paths in the table are relative to; see `read_csv`.
    columns
        Names (or places) of the columns to read; the others are not touched.
    include_file_paths
        Name of a column to add, with the path or URL that each row came from.
    web
        What fetches URLs; see `read_csv`.
    **polars_keywords
        As `polars.scan_ipc` takes them; also ``missing_columns="insert"`` and ``extra_columns="ignore"``,
        as `polars.scan_parquet` does.

    Returns
    -------
    ImageTable

    Raises
    ------
    SourceError
        When a file does not exist, is empty, cannot be read, is no Arrow IPC, or has other columns or
        dtypes than the first; or when there are no rows.
    FetchError
        When a URL cannot be fetched.
    ArgumentError
        When a keyword is unknown.

    Examples
    --------
    >>> import explorer as ex, pathlib, polars as pl, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "photos.arrow")
    >>> pl.DataFrame({"file": ["a.jpg"], "label": ["cat"]}).write_ipc(path)
    >>> ex.read_ipc(path).columns
    ['file', 'label']
    >>> folder.cleanup()
    """
    where = "ex.read_ipc()"
    request = requested(
        path,
        where,
        pl.scan_ipc,
        polars_keywords,
        base_dir=base_dir,
        include_file_paths=include_file_paths,
        web=web,
        own=frozenset({"columns", "missing_columns", "extra_columns"}),
    ).unpacked()
    scan = parsing.IpcScan()
    frame = scanned(request, scan, columns, together=not any(map(parsing.is_stream, request.sources)))
    return request.table(frame, empty="has columns but no rows", scan=scan)


def read_ndjson(
    path: Given,
    *,
    base_dir: str | Path | None = None,
    include_file_paths: str | None = None,
    web: Fetcher | None = None,
    **polars_keywords: Any,
) -> ImageTable:
    r"""Read a table from files with one JSON object a line, plain or compressed (gzip, Zstandard, zlib).

    Text says nowhere what is in it, so the files are parsed whole, now. A field that an object, or a whole
    file, leaves out is null.

    Parameters
    ----------
    path
        A path, a pattern, a URL, or a list of them, as `read_csv` takes it.
    base_dir
        Folder that image paths in the table are relative to; see `read_csv`.
    include_file_paths
        Name of a column to add, with the path or URL that each row came from.
    web
        What fetches URLs; see `read_csv`.
    **polars_keywords
        As `polars.read_ndjson` takes them. Unlike there, all lines are looked at to find the columns and
        their dtypes unless `infer_schema_length` is given: fields that come late are not lost.

    Returns
    -------
    ImageTable

    Raises
    ------
    SourceError
        When a file does not exist, or a line of it is not a JSON object (which one); or when there are
        no rows.
    FetchError
        When a URL cannot be fetched.
    ArgumentError
        When a keyword is unknown.

    Examples
    --------
    >>> import explorer as ex, pathlib, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "digits.ndjson")
    >>> _ = path.write_text('{"label": 7}\n{"label": 2}\n')
    >>> ex.read_ndjson(path).height
    2
    >>> folder.cleanup()
    """
    request = requested(
        path,
        "ex.read_ndjson()",
        pl.read_ndjson,
        {"infer_schema_length": None, **polars_keywords},
        base_dir=base_dir,
        include_file_paths=include_file_paths,
        web=web,
    )
    return request.table(parsed(request, parsing.ndjson, union=True), empty="has no rows")


def read_json(
    path: Given,
    *,
    base_dir: str | Path | None = None,
    include_file_paths: str | None = None,
    web: Fetcher | None = None,
    **polars_keywords: Any,
) -> ImageTable:
    r"""Read a table from JSON documents, plain or compressed (gzip, Zstandard, zlib).

    A document is an array of objects, one a row; or an object of arrays of the same length, one a
    column; or one object, which is one row. It is parsed whole, now. A field that an object, or a whole
    file, leaves out is null.

    Parameters
    ----------
    path
        A path, a pattern, a URL, or a list of them, as `read_csv` takes it.
    base_dir
        Folder that image paths in the table are relative to; see `read_csv`.
    include_file_paths
        Name of a column to add, with the path or URL that each row came from.
    web
        What fetches URLs; see `read_csv`.
    **polars_keywords
        As `polars.read_json` takes them. Unlike there, all objects are looked at to find the columns and
        their dtypes unless `infer_schema_length` is given.

    Returns
    -------
    ImageTable

    Raises
    ------
    SourceError
        When a file does not exist, is not JSON (where), or is no table; or when there are no rows.
    FetchError
        When a URL cannot be fetched.
    ArgumentError
        When a keyword is unknown.

    Examples
    --------
    >>> import explorer as ex, pathlib, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "photos.json")
    >>> _ = path.write_text('[{"file": "a.jpg", "label": "cat"}, {"file": "b.jpg"}]')
    >>> ex.read_json(path).to_polars()["label"].to_list()
    ['cat', None]
    >>> folder.cleanup()
    """
    request = requested(
        path,
        "ex.read_json()",
        pl.read_json,
        {"infer_schema_length": None, **polars_keywords},
        base_dir=base_dir,
        include_file_paths=include_file_paths,
        web=web,
    )
    return request.table(parsed(request, parsing.json_document, union=True), empty="has no rows")
