"""Paths as people type them, and what to say when they lead nowhere."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from explorer._errors import ArgumentError, SourceError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

_DIGITS = re.compile(r"([0-9]+)")
_VARIABLE = re.compile(r"\$\{?(\w+)")


def expanded(given: str | os.PathLike[str], *, where: str) -> Path:
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
            hint="Download it first; Polars reads tables from URLs, and ex.from_polars() takes its frames.",
        )
    path = Path(text)
    return path if _exists(path) else Path(os.path.expandvars(os.path.expanduser(text)))  # noqa: PTH111


def existing(
    given: str | os.PathLike[str], *, where: str, wanted: Callable[[Path], bool], else_hint: str
) -> Path:
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
        What to type when something else is there; ``{path}`` stands for the path.
    """
    path = expanded(given, where=where)
    if not _exists(path):
        raise nothing_at(path, given)
    if not wanted(path):
        kind = "a folder, not a file" if path.is_dir() else "not a folder"
        raise SourceError(f"{path} is {kind}.", hint=else_hint.format(path=path))
    return path


def nothing_at(path: Path, given: str | os.PathLike[str]) -> SourceError:
    """Say which part of a path does not exist, and what there is of a similar name."""
    unset = [name for name in _VARIABLE.findall(str(path)) if name not in os.environ]
    if unset:
        return SourceError(f"{os.fspath(given)!r} does not exist: the variable ${unset[0]} is not set.")
    absolute = path.absolute()
    parent = next(folder for folder in absolute.parents if folder.is_dir())
    missing = absolute.relative_to(parent).parts[0]
    try:
        near = did_you_mean(missing, [inside.name for inside in parent.iterdir()])
    except OSError:
        near = None
    if parent == absolute.parent:
        return SourceError(f"{path} does not exist.", hint=near)
    return SourceError(f"{path} does not exist: there is no {missing!r} in {parent}.", hint=near)


def natural(path: str) -> tuple[tuple[str | int, ...], ...]:
    """Return a sort key by which ``img2`` comes before ``img10``, folder by folder.

    Examples
    --------
    >>> sorted(["b/1.png", "a/img10.png", "a/img2.png"], key=natural)
    ['a/img2.png', 'a/img10.png', 'b/1.png']
    """
    # Split on digits in a group: text and number alternate, so a number never meets a text.
    return tuple(
        tuple(int(piece) if place % 2 else piece for place, piece in enumerate(_DIGITS.split(part)))
        for part in (*path.casefold().split("/"), path)
    )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
