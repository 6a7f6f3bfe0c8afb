"""A folder of images as a table."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Literal

import polars as pl

from explorer._errors import ArgumentError, ExplorerWarning, SourceError
from explorer.sources.paths import existing, natural
from explorer.table.image_column import image
from explorer.table.table import ImageTable

SUFFIXES = (
    *(".avif", ".bmp", ".dib", ".gif", ".heic", ".heif", ".icns", ".ico", ".j2k", ".jfif", ".jp2", ".jpe"),
    *(
        ".jpeg",
        ".jpg",
        ".jxl",
        ".mpo",
        ".pbm",
        ".pcx",
        ".pgm",
        ".png",
        ".pnm",
        ".ppm",
        ".psd",
        ".qoi",
        ".tga",
    ),
    *(".tif", ".tiff", ".webp"),
)
"""What names of images end with; a file that turns out to be none is an error in its own cell."""


def read_folder(
    path: str | os.PathLike[str], *, recursive: bool = True, label: Literal["parent"] | None = "parent"
) -> ImageTable:
    """List the images of a folder; none of them is opened.

    Hidden files and folders, and files whose names do not end like those of images, are left out. Rows come
    in natural order (``img2`` before ``img10``), folder by folder, the same on every machine.

    Parameters
    ----------
    path
        ``~`` and ``$VAR`` are expanded.
    recursive
        Whether to go down into sub-folders. Links to folders are not followed.
    label
        ``"parent"`` adds a column ``label`` with the name of the sub-folder that each image lies in (null for
        those in `path` itself), when there is any; None adds none.

    Returns
    -------
    ImageTable
        Columns ``path`` (String, relative to the folder, with ``/``), ``label`` (String, see above) and
        ``image`` (deferred).

    Raises
    ------
    SourceError
        When the folder does not exist or holds no image.

    Examples
    --------
    >>> import explorer as ex, pathlib, tempfile
    >>> from PIL import Image
    >>> folder = tempfile.TemporaryDirectory()
    >>> for name in ("cat/img10.png", "cat/img2.png", "dog/img1.png"):
    ...     pathlib.Path(folder.name, name).parent.mkdir(exist_ok=True)
    ...     Image.new("RGB", (4, 4)).save(pathlib.Path(folder.name, name))
    >>> t = ex.read_folder(folder.name)
    >>> t.columns
    ['path', 'label', 'image']
    >>> t.to_polars("path")["path"].to_list()
    ['cat/img2.png', 'cat/img10.png', 'dog/img1.png']
    >>> folder.cleanup()
    """
    where = "ex.read_folder()"
    if label not in ("parent", None):
        raise ArgumentError.not_one_of(f"{where}: label", label, ["parent", "None"])
    folder = existing(
        path,
        where=where,
        wanted=Path.is_dir,
        else_hint="For a table in a file: ex.read_csv(), ex.read_parquet() or ex.read_ndjson().",
    )
    folder = Path(os.path.realpath(folder))
    found, others = _images_below(folder, recursive=recursive)
    if not found:
        raise _no_image(folder, others, recursive=recursive)
    found.sort(key=natural)
    columns = {"path": pl.Series(found, dtype=pl.String)}
    if label == "parent" and any("/" in name for name in found):
        parents = [name.split("/")[-2] if "/" in name else None for name in found]
        columns["label"] = pl.Series(parents, dtype=pl.String)
    table = ImageTable.from_frame(pl.DataFrame(columns), base_dir=folder, title=folder.name)
    return table.with_columns(image=image("path", base_dir=folder))


def _images_below(folder: Path, *, recursive: bool) -> tuple[list[str], int]:
    """Return relative paths of images, in no order, and how many other files were seen."""
    found: list[str] = []
    others = unspeakable = 0
    closed: list[str] = []

    def remember(error: OSError) -> None:
        if error.filename == str(folder):
            raise SourceError(f"{folder} cannot be read ({error.strerror}).") from error
        closed.append(os.path.relpath(error.filename, folder))

    for here, folders, names in os.walk(folder, onerror=remember):
        folders[:] = [name for name in folders if recursive and not name.startswith(".")]
        inside = os.path.relpath(here, folder).replace(os.sep, "/")
        for name in names:
            if name.startswith("."):
                continue
            if not name.lower().endswith(SUFFIXES):
                others += 1
                continue
            relative = name if inside == "." else f"{inside}/{name}"
            if relative.isprintable() or _is_text(relative):
                found.append(relative)
            else:
                unspeakable += 1
    if closed:
        warnings.warn(
            f"{folder} has sub-folders that cannot be opened: {', '.join(map(repr, closed[:5]))}.",
            ExplorerWarning,
            stacklevel=3,
        )
    if unspeakable:
        warnings.warn(
            f"{folder} has {unspeakable} files whose names are not text (UTF-8); they were left out.",
            ExplorerWarning,
            stacklevel=3,
        )
    return found, others


def _is_text(name: str) -> bool:
    """Return whether a column of text can hold a name; undecodable bytes of one become lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _no_image(folder: Path, others: int, *, recursive: bool) -> SourceError:
    hint = None if recursive else "Sub-folders were not searched; leave out recursive=False to do so."
    if others == 0:
        return SourceError(f"{folder} holds no files.", hint=hint)
    files = "1 file" if others == 1 else f"{others} files"
    return SourceError(f"{folder} holds {files}, none named like an image (.jpg, …).", hint=hint)
