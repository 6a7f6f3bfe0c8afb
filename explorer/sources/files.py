"""Tables of rows in files: CSV, Parquet, NDJSON, read by Polars."""

from __future__ import annotations

import inspect
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from explorer._errors import ArgumentError, SourceError
from explorer.sources.diagnosis import csv_header, explained
from explorer.sources.paths import existing
from explorer.table.image_column import existing_folder
from explorer.table.table import ImageTable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_OURS = {"source", "glob", "_expand_paths"}
"""What is not taken from the caller: the path is one file, whatever characters its name holds."""


def read_csv(
    path: str | os.PathLike[str],
    *,
    separator: str = ",",
    base_dir: str | Path | None = None,
    **polars_keywords: Any,
) -> ImageTable:
    r"""Read a table from a CSV file, plain or compressed (gzip, zlib, Zstandard).

    Parameters
    ----------
    path
        ``~`` and ``$VAR`` are expanded.
    separator
        One character; ``"\t"`` for TSV.
    base_dir
        Folder that image paths in the table are relative to; the folder of the file when not given.
    **polars_keywords
        As `polars.read_csv` takes them, for instance ``columns``, ``n_rows``, ``schema_overrides``.

    Returns
    -------
    ImageTable

    Raises
    ------
    SourceError
        When the file does not exist, is empty, has no rows, or cannot be read.
    ArgumentError
        When a keyword is unknown.

    Examples
    --------
    >>> import explorer as ex, pathlib, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "photos.csv")
    >>> _ = path.write_text("file,label\na.jpg,cat\nb.jpg,dog\n")
    >>> ex.read_csv(path).columns
    ['file', 'label']
    >>> folder.cleanup()
    """
    where = "ex.read_csv()"
    file, keywords = _checked(path, where, pl.read_csv, polars_keywords, {"separator", "base_dir"})
    keywords["separator"] = separator
    frame = _read(lambda: pl.read_csv(file, glob=False, **keywords), where, file, keywords)
    _refuse_renamed(frame.columns, file, keywords)
    return _table(frame, file, base_dir, keywords, empty="has a header but no rows")


def read_parquet(
    path: str | os.PathLike[str],
    *,
    base_dir: str | Path | None = None,
    columns: Sequence[str] | None = None,
    **polars_keywords: Any,
) -> ImageTable:
    """Read a table from a Parquet file.

    Parameters
    ----------
    path
        ``~`` and ``$VAR`` are expanded.
    base_dir
        Folder that image paths in the table are relative to; the folder of the file when not given.
    columns
        Names of the columns to read; the others are not touched.
    **polars_keywords
        As `polars.read_parquet` takes them.

    Returns
    -------
    ImageTable

    Raises
    ------
    SourceError
        When the file does not exist, is empty, has no rows, or cannot be read.
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
    file, keywords = _checked(path, where, pl.read_parquet, polars_keywords, {"base_dir", "columns"})
    keywords["columns"] = None if columns is None else list(columns)
    frame = _read(lambda: pl.read_parquet(file, glob=False, **keywords), where, file, keywords)
    return _table(frame, file, base_dir, keywords, empty="has columns but no rows")


def read_ndjson(
    path: str | os.PathLike[str], *, base_dir: str | Path | None = None, **polars_keywords: Any
) -> ImageTable:
    r"""Read a table from a file with one JSON object a line, plain or compressed.

    Parameters
    ----------
    path
        ``~`` and ``$VAR`` are expanded.
    base_dir
        Folder that image paths in the table are relative to; the folder of the file when not given.
    **polars_keywords
        As `polars.read_ndjson` takes them. Unlike there, all lines are looked at to find the columns and
        their dtypes unless `infer_schema_length` is given: fields that come late are not lost.

    Returns
    -------
    ImageTable

    Raises
    ------
    SourceError
        When the file does not exist, has no rows, or a line of it is not a JSON object (which one).
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
    where = "ex.read_ndjson()"
    file, keywords = _checked(path, where, pl.read_ndjson, polars_keywords, {"base_dir"})
    keywords.setdefault("infer_schema_length", None)

    def read() -> pl.DataFrame:
        if not re.search(r"[*?\[]", str(file)):
            return pl.read_ndjson(file, **keywords)
        # There is no way to tell this reader that a name is no pattern.
        with file.open("rb") as handle:
            return pl.read_ndjson(handle, **keywords)

    frame = _read(read, where, file, keywords)
    return _table(frame, file, base_dir, keywords, empty="has no rows")


def _checked(
    path: str | os.PathLike[str],
    where: str,
    reader: Callable[..., pl.DataFrame],
    keywords: dict[str, Any],
    own: set[str],
) -> tuple[Path, dict[str, Any]]:
    """Refuse unknown keywords and files that are not there."""
    known = (set(inspect.signature(reader).parameters) | own) - _OURS
    for name in keywords:
        if name not in known:
            raise ArgumentError.unknown_keyword(where, name, known)
    file = existing(
        path, where=where, wanted=Path.is_file, else_hint='For a folder of images: ex.read_folder("{path}")'
    )
    if file.stat().st_size == 0:
        raise SourceError(f"{file} is empty (0 bytes).")
    return file, dict(keywords)


def _read(read: Callable[[], pl.DataFrame], where: str, file: Path, keywords: dict[str, Any]) -> pl.DataFrame:
    try:
        return read()
    except Exception as error:
        raise explained(error, where, file, keywords) from error


def _table(
    frame: pl.DataFrame, file: Path, base_dir: str | Path | None, keywords: dict[str, Any], *, empty: str
) -> ImageTable:
    if frame.height == 0 and keywords.get("n_rows") != 0:
        raise SourceError(f"{file} {empty}.")
    folder = Path(os.path.realpath(file.parent)) if base_dir is None else existing_folder(base_dir)
    return ImageTable.from_frame(frame, base_dir=folder, title=file.name)


def _refuse_renamed(columns: list[str], file: Path, keywords: dict[str, Any]) -> None:
    """Refuse a header that names two columns alike: Polars would rename the later ones in silence."""
    renamed = [name for name in columns if re.search(r"_duplicated_\d+$", name)]
    if not renamed or not keywords.get("has_header", True) or "new_columns" in keywords:
        return
    header = csv_header(file, keywords)
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise SourceError(
            f"{file} has two columns named {twice!r}.",
            hint="Rename one in its first line, or give all names with new_columns=[…].",
        )
