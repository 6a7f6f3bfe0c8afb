"""The folder around image files that an object in memory names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def folder_around(files: Iterable[str]) -> Path | None:
    """Return the folder that all of these files lie in, links followed, so that no other is opened up.

    A link is looked for once a folder: files of one folder are links to one place, or none is. URLs are
    passed over. None is returned when a path is relative, or when there is none.

    Examples
    --------
    >>> folder_around(["/nowhere/train/cat/1.jpg", "/nowhere/train/dog/7.jpg"]).as_posix()
    '/nowhere/train'
    >>> folder_around(["cat/1.jpg"])
    """
    first_of: dict[str, str] = {}
    for file in files:
        if "://" in file:
            continue
        first_of.setdefault(os.path.dirname(file), file)  # noqa: PTH120 - a Path for each of a million files
    if not first_of or not all(map(os.path.isabs, first_of.values())):
        return None
    real = [os.path.realpath(folder) for folder in first_of]
    real += [str(Path(os.path.realpath(file)).parent) for file in first_of.values()]
    try:
        return Path(os.path.commonpath(real))
    except ValueError:  # several drives
        return None
