"""A folder of images as a table."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from explorer._errors import ArgumentError, ExplorerWarning, SourceError
from explorer._progress import default_sink
from explorer.sources.paths import existing, natural
from explorer.table.image_column import image
from explorer.table.table import ImageTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from explorer._progress import Sink

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

_WHERE = "ex.read_folder()"


def read_folder(
    path: str | os.PathLike[str],
    *,
    recursive: bool = True,
    label: Literal["parent"] | None = "parent",
    **unknown: Any,
) -> ImageTable:
    """List the images of a folder; none of them is opened.

    Hidden files and folders are left out in silence. Files whose names do not end like those of images are
    left out, and a line like that of a progress bar says how many. An `ExplorerWarning` names what may
    hold images and was not looked into. Rows come in natural order (``img2`` before ``img10``),
    folder by folder, the same on every machine.

    Parameters
    ----------
    path
        ``~`` and ``$VAR`` are expanded.
    recursive
        Whether to go down into sub-folders. Links to folders are not followed; the warning names those that
        lead elsewhere.
    label
        ``"parent"`` adds a column ``label`` with the name of the sub-folder that each image lies in (null for
        those in `path` itself), when there is any; None adds none.
    **unknown
        Refused, with the nearest keyword that exists.

    Returns
    -------
    ImageTable
        Columns ``path`` (String, relative to the folder, with ``/``), ``label`` (String, see above) and
        ``image`` (deferred).

    Raises
    ------
    SourceError
        When the folder does not exist or holds no image.
    ArgumentError
        For an unknown keyword or another `label`.

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
    for name in unknown:
        raise ArgumentError.unknown_keyword(_WHERE, name, ["recursive", "label"])
    return table_of(path, recursive=recursive, label=label, sink=None)


def table_of(
    path: str | os.PathLike[str], *, recursive: bool, label: Literal["parent"] | None, sink: Sink | None
) -> ImageTable:
    """Make the table; `sink` is where it is said what lies beside the images."""
    if label not in ("parent", None):
        raise ArgumentError.not_one_of(f"{_WHERE}: label", label, ["parent", "None"])
    folder = existing(
        path,
        where=_WHERE,
        wanted=Path.is_dir,
        else_hint="For a table in a file: ex.read_csv(), ex.read_parquet(), ex.read_ndjson(), …",
    )
    folder = Path(os.path.realpath(folder))
    found = _images_below(folder, recursive=recursive)
    if not found.images:
        raise _no_image(folder, found, recursive=recursive)
    _warn_of_what_may_be_missed(folder, found)
    if found.others:
        count = "1 image" if len(found.images) == 1 else f"{len(found.images):,} images"
        left_out = f"{_counted(found.others)} not named like images left out"
        line = f"{folder.name}: {count}; {left_out}"
        (default_sink() if sink is None else sink).finish(line)
    paths = sorted(found.images, key=natural)
    columns = {"path": pl.Series(paths, dtype=pl.String)}
    if label == "parent" and any("/" in name for name in paths):
        parents = [name.split("/")[-2] if "/" in name else None for name in paths]
        columns["label"] = pl.Series(parents, dtype=pl.String)
    table = ImageTable.from_frame(pl.DataFrame(columns), base_dir=folder, title=folder.name)
    return table.with_columns(image=image("path", base_dir=folder))


@dataclass
class _Found:
    """What lies in a folder: relative paths of images, in no order, and what is left out."""

    images: list[str] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    not_text: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)


def _images_below(folder: Path, *, recursive: bool) -> _Found:
    """List a folder without opening or even asking about single files."""
    found = _Found()
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        try:
            with os.scandir(folder / inside) as entries:
                below = _sort_out(entries, inside, found)
        except OSError as error:
            if not inside:
                raise SourceError(f"{folder} cannot be read ({error.strerror}).") from error
            found.closed.append(inside.rstrip("/"))
            continue
        if recursive:
            waiting += below
            continue
        found.links.clear()
    found.links = [link for link in found.links if not _leads_inside(folder, link)]
    return found


def _sort_out(entries: Iterator[os.DirEntry[str]], inside: str, found: _Found) -> list[str]:
    """Put each entry of a folder where it belongs, and return the folders in it."""
    below = []
    for entry in entries:
        name = entry.name
        if name.startswith("."):
            continue
        relative = inside + name
        # None of these asks the disk again, but for links.
        if entry.is_dir(follow_symlinks=False):
            below.append(relative + "/")
        elif name.lower().endswith(SUFFIXES) and (entry.is_file(follow_symlinks=False) or _is_link(entry)):
            named = found.images if relative.isascii() or _is_text(relative) else found.not_text
            named.append(relative)
        elif entry.is_symlink() and entry.is_dir():
            found.links.append(relative)
        else:
            found.others[os.path.splitext(name)[1].lower()] += 1  # noqa: PTH122 - a Path each is slow
    return below


def _is_link(entry: os.DirEntry[str]) -> bool:
    """Return whether it is a link to anything but a folder; a broken one is an error in its own cell."""
    return entry.is_symlink() and not entry.is_dir()


def _leads_inside(folder: Path, link: str) -> bool:
    """Return whether a link leads to what is listed anyway, or back up to it."""
    target = Path(os.path.realpath(folder / link))
    return target.is_relative_to(folder) or folder.is_relative_to(target)


def _warn_of_what_may_be_missed(folder: Path, found: _Found) -> None:
    said = []
    if found.not_text:
        some = ascii(os.fsencode(found.not_text[0]))
        said.append(
            f"{_files(len(found.not_text))} whose names are not text (UTF-8), as {some}, were left out"
        )
    if found.closed:
        said.append(f"sub-folders that cannot be opened were left out: {_some(found.closed)}")
    if found.links:
        said.append(f"links to folders elsewhere were not followed: {_some(found.links)}")
    if said:
        warnings.warn(f"{folder}: {'; '.join(said)}.", ExplorerWarning, stacklevel=4)


def _counted(others: Counter[str]) -> str:
    """Return how many files there are, and of which kinds.

    Examples
    --------
    >>> _counted(Counter({".txt": 2, "": 1}))
    '3 files (2 .txt, 1 without ending)'
    """
    kinds = [f"{count:,} {suffix or 'without ending'}" for suffix, count in others.most_common(5)]
    return f"{_files(others.total())} ({', '.join(kinds)}{', …' if len(others) > 5 else ''})"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"


def _some(names: list[str]) -> str:
    return ", ".join(map(repr, sorted(names)[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _is_text(name: str) -> bool:
    """Return whether a column of text can hold a name; undecodable bytes of one become lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _no_image(folder: Path, found: _Found, *, recursive: bool) -> SourceError:
    hint = None if recursive else "Sub-folders were not searched; leave out recursive=False to do so."
    if found.closed:
        hint = f"Sub-folders that cannot be opened: {_some(found.closed)}."
    elif found.links:
        hint = f"Links to folders elsewhere were not followed: {_some(found.links)}."
    if not found.others:
        return SourceError(f"{folder} holds no files.", hint=hint)
    return SourceError(
        f"{folder} holds {_counted(found.others)}, none named like an image (.jpg, …).", hint=hint
    )
