"""Paths as people type them, and what to say when they lead nowhere."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from explorer._errors import ArgumentError, SourceError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

_DIGITS = re.compile(r"([0-9]+)")
_MAGIC = re.compile(r"[*?\[]")
_VARIABLE = re.compile(r"\$\{?(\w+)")


def expanded(given: object, *, where: str) -> Path:
    """Return a path with ``~`` and ``$VAR`` replaced; one that exists as it stands is left alone.

    Parameters
    ----------
    given
        What the person typed.
    where
        The call, for messages.

    Raises
    ------
    ArgumentError
        When it is not a path at all, or an empty one.
    SourceError
        When it is a URL.

    Examples
    --------
    >>> expanded("photos/list.csv", where="ex.read_csv()").name
    'list.csv'
    """
    if not isinstance(given, (str, os.PathLike)):
        raise ArgumentError(f"{where} takes a path, not {type(given).__name__}.")
    text = os.fspath(given)
    if not text:
        raise ArgumentError(f"{where} was given an empty path.")
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", text):
        raise SourceError(
            f"{text} is a URL; {where} reads from disk.",
            hint="Download it first, or read a table that lists URLs: ex.read_csv(), ex.read_parquet(), …",
        )
    path = Path(text)
    return path if _exists(path) else Path(os.path.expandvars(os.path.expanduser(text)))  # noqa: PTH111


def existing(given: object, *, where: str, wanted: Callable[[Path], bool], else_hint: str) -> Path:
    """Return an expanded path that is of the wanted kind, or say what is there instead.

    Parameters
    ----------
    given
        What the person typed.
    where
        The call, for messages.
    wanted
        `Path.is_file` or `Path.is_dir`.
    else_hint
        What to type when something else is there.
    """
    path = expanded(given, where=where)
    if not _exists(path):
        raise nothing_at(path)
    if not wanted(path):
        kind = "not a folder" if path.is_file() else "neither a file nor a folder"
        if path.is_dir():
            kind = "a folder, not a file"
        raise SourceError(f"{path} is {kind}.", hint=else_hint or None)
    return path


def nothing_at(path: Path) -> SourceError:
    """Say which part of a path does not exist, and what there is of a similar name."""
    unset = [name for name in _VARIABLE.findall(str(path)) if name not in os.environ]
    if unset:
        return SourceError(f"{str(path)!r} does not exist: the variable ${unset[0]} is not set.")
    absolute = path.absolute()
    parent = next(folder for folder in absolute.parents if os.path.isdir(folder))  # noqa: PTH112 - Path raises
    missing = absolute.relative_to(parent).parts[0]
    inside = names_in(parent)
    if inside is None or not os.access(parent, os.X_OK):
        return SourceError(f"{path} cannot be reached: the folder {parent} may not be opened.")
    near = did_you_mean(missing, inside)
    if parent == absolute.parent:
        return SourceError(f"{path} does not exist.", hint=near)
    return SourceError(f"{path} does not exist: there is no {missing!r} in {parent}.", hint=near)


def names_in(folder: Path) -> list[str] | None:
    """Return the names of what is not hidden in a folder, in natural order; None when it may not be read."""
    try:
        return sorted((path.name for path in folder.iterdir() if not path.name.startswith(".")), key=natural)
    except OSError:
        return None


def literal_root(path: Path) -> tuple[Path, str]:
    """Split a path into what is there as it stands, and a pattern below; ``""`` when it is none.

    A name that exists is a name, whatever characters it holds.

    Examples
    --------
    >>> literal_root(Path("/shards/*.csv"))
    (PosixPath('/shards'), '*.csv')
    >>> literal_root(Path("photos/list.csv"))
    (PosixPath('photos/list.csv'), '')
    """
    if not _MAGIC.search(str(path)) or _exists(path):
        return path, ""
    root = Path(path.anchor)
    parts = path.relative_to(root).parts if path.anchor else path.parts
    for place, part in enumerate(parts):
        if _MAGIC.search(part) and not _exists(root / part):
            return root, "/".join(parts[place:])
        root /= part
    return path, ""


def matching(root: Path, pattern: str, *, given: Path) -> list[Path]:
    """Return the files below a folder that match a pattern, in natural order.

    ``*``, ``?`` and ``[…]`` match inside one name, ``**`` any number of folders. What is hidden matches only
    a pattern that begins with a dot too; links to folders are not followed by ``**``.

    Parameters
    ----------
    root
        A folder.
    pattern
        What `literal_root` left of the path.
    given
        The whole path, for messages.

    Raises
    ------
    ArgumentError
        When it is no pattern.
    SourceError
        When no file matches: which folder was looked in, and what is there.
    """
    if not os.path.isdir(root):  # noqa: PTH112 - Path raises where it may not look
        raise nothing_at(root) if not _exists(root) else SourceError(f"{root} is a file, not a folder.")
    parts = pattern.split("/")
    wrong = next((part for part in parts if "**" in part and part != "**"), None)
    if wrong:
        raise ArgumentError(
            f"{str(given)!r}: ** stands for folders, and stands alone between two slashes.",
            hint=f"Try: {str(given).replace(wrong, '**/' + wrong.replace('**', '*'), 1)!r}",
        )
    hidden = any(part.startswith(".") for part in parts)
    found = [
        path
        for path in root.glob(pattern)
        if hidden or not any(part.startswith(".") for part in path.relative_to(root).parts)
    ]
    files = [path for path in found if path.is_file()]
    if files:
        return sorted(files, key=lambda path: natural(path.as_posix()))
    if found:
        folders = "1 folder" if len(found) == 1 else f"{len(found)} folders"
        raise SourceError(f"{str(given)!r} matches {folders} and no file.", hint=f"Try: {str(given / '*')!r}")
    raise _nothing_matches(root, parts, given)


def _nothing_matches(root: Path, parts: list[str], given: Path) -> SourceError:
    """Name the first part of a pattern that nothing matches, and what is there instead."""
    folder, part = root, parts[-1]
    for place, piece in enumerate(parts[:-1]):
        if piece == "**":
            break
        inside = next((path for path in root.glob("/".join(parts[: place + 1])) if path.is_dir()), None)
        if inside is None:
            part = piece
            break
        folder = inside
    names = names_in(folder)
    if names is None:
        return SourceError(f"Nothing matches {str(given)!r}: the folder {folder} may not be opened.")
    near = did_you_mean(_MAGIC.sub("", part), names)
    held = ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    if "{" in part:
        near = "Braces are not expanded; give a list of patterns."
    return SourceError(
        f"Nothing matches {str(given)!r}: there is no {part!r} in {folder.absolute()}, "
        f"which holds {held or 'nothing'}.",
        hint=near,
    )


def natural(path: str) -> tuple[tuple[str | int, ...], ...]:
    """Return a sort key by which ``img2`` comes before ``img10``, folder by folder.

    Examples
    --------
    >>> sorted(["b/1.png", "a/img10.png", "a/img2.png"], key=natural)
    ['a/img2.png', 'a/img10.png', 'b/1.png']
    """
    *folders, name = path.casefold().split("/")
    # What differs in case or leading zeros only is told apart by the path as it is.
    return (*map(_folder_key, folders), _pieces(name), (path,))


def _pieces(name: str) -> tuple[str | int, ...]:
    # Split on digits in a group: text and number alternate, so a number never meets a text.
    return tuple(int(piece) if place % 2 else piece for place, piece in enumerate(_DIGITS.split(name)))


_folder_key = lru_cache(maxsize=4096)(_pieces)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
