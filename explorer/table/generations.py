"""The folder of a table, in which a new table takes the place of the old one in a single step.

The data of a table lies in a folder of its own, and one file says which it is::

    table.json              what there is, for people and for `read`
    data-3f9a2c41d0b7/      the files that it names

A table is written into a new data folder, then ``table.json`` is replaced, then the old data are
deleted. A process that is killed at any point leaves the old table or the new one; what else it leaves
is deleted by the next one that writes there. Data that somebody reads from are never deleted.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from explorer._errors import ArgumentError, SourceError, did_you_mean

try:
    import fcntl

    HAS_LOCKS = True
except ImportError:  # on Windows, where files that are open cannot be deleted anyway
    HAS_LOCKS = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

TABLE = "table.json"
FORMAT = "explorer table"
VERSION = 2
FIRST_VERSION_FOLDERS = ("columns", "computed")

_LOCK = ".lock"
_DATA = re.compile(r"data-[0-9a-f]{12}")
_ATTEMPTS = 20


def path_of(given: str | os.PathLike[str], where: str) -> Path:
    """Return the real path of what a person typed, ``~`` and ``$VAR`` expanded."""
    if not isinstance(given, (str, os.PathLike)):
        raise ArgumentError(f"{where} takes the path of a folder, not {type(given).__name__} {given!r}.")
    if not os.fspath(given):
        raise ArgumentError(f"{where} was given an empty path.")
    return Path(os.path.realpath(os.path.expandvars(Path(given).expanduser())))


def nearest(path: Path) -> str | None:
    """Return a sentence with the names beside a path that resemble it."""
    with suppress(OSError):
        return did_you_mean(path.name, [beside.name for beside in path.parent.iterdir()])
    return None


def is_data_folder(name: object) -> bool:
    """Whether this is the name of a data folder.

    Examples
    --------
    >>> is_data_folder("data-0123456789ab"), is_data_folder("../data-0123456789ab")
    (True, False)
    """
    return isinstance(name, str) and _DATA.fullmatch(name) is not None


def data_folders(target: Path) -> list[Path]:
    """Return the data folders that lie in the folder of a table, the present one and left-overs."""
    return sorted(path for path in target.iterdir() if is_data_folder(path.name))


def checked_target(given: str | os.PathLike[str], *, overwrite: bool) -> Path:
    """Return the path of the folder that a table may be written into.

    Raises
    ------
    SourceError
        When it is a file, holds something else than a table, or a table that is not to be replaced.
    """
    target = path_of(given, "write()")
    if not target.parent.is_dir():
        raise SourceError(
            f"{target} cannot be written: the folder {target.parent} does not exist.",
            hint=nearest(target.parent),
        )
    if not target.exists():
        return target
    if not target.is_dir():
        raise SourceError(f"{target} is a file.", hint="A table is written into a folder of its own.")
    # Hidden files are those of file managers and version control; they harm nothing, and nothing harms them.
    inside = sorted(path.name for path in target.iterdir() if not path.name.startswith("."))
    allowed = (TABLE, *FIRST_VERSION_FOLDERS) if TABLE in inside else ()
    foreign = next((name for name in inside if name not in allowed and not is_data_folder(name)), None)
    if foreign is not None:
        raise SourceError(
            f"{target} is there already, and not only a table: it holds {foreign!r}.",
            hint="Choose a folder that does not exist. This one is replaced in no case.",
        )
    if TABLE not in inside:
        return target
    if not overwrite:
        raise _taken(target)
    with suppress(OSError, ValueError, RecursionError):
        content = json.loads((target / TABLE).read_text(encoding="utf-8"))
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise SourceError(
                f"{target} holds a {TABLE} that is not of a table.",
                hint="Choose a folder that does not exist. This one is replaced in no case.",
            )
    return target


def _taken(target: Path) -> SourceError:
    return SourceError(f"{target} holds a table already.", hint="To replace it: overwrite=True")


def _current(target: Path) -> str | None:
    """Return the name of the data folder that the table in this folder has."""
    try:
        content = json.loads((target / TABLE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    name = content.get("data") if isinstance(content, dict) else None
    return name if is_data_folder(name) else None


class Hold:
    """Keeps data from being deleted while somebody reads from them, or writes them.

    It ends with `close`, with the object, or with the process, however that ends. Where locks are not to
    be had (the file system has none, the folder cannot be opened) it keeps nothing, and says so in `kept`.

    Examples
    --------
    >>> import pathlib
    >>> Hold(pathlib.Path("nowhere")).kept
    False
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor: int | None = None
        with suppress(OSError):
            self._descriptor = _locked(folder, alone=False)

    @property
    def kept(self) -> bool:
        """Whether the data are kept."""
        return self._descriptor is not None

    def close(self) -> None:
        """Let go of the data."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __del__(self) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[Hold], tuple[Path]]:
        return Hold, (self._folder,)


def _locked(folder: Path, *, alone: bool) -> int | None:
    """Return a descriptor that holds a lock, None where others hold theirs.

    Raises
    ------
    OSError
        Where there is no such folder, or no lock to be had.
    """
    if not HAS_LOCKS:
        raise OSError("no locks")
    # Where the file is missing, somebody is about to make it, or somebody was killed while deleting.
    how = os.O_RDWR | os.O_CREAT if alone else os.O_RDONLY
    descriptor = os.open(folder / _LOCK, how, 0o644)
    try:
        # Only who cleans up has it alone, and not for long: readers wait for that.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def clean(target: Path, *, previous: str | None = None) -> None:
    """Delete the data folders that the table does not name, that nobody reads and that nobody writes.

    Parameters
    ----------
    target
        The folder of the table.
    previous
        The data folder that was the table's. Where there are no locks, no other is deleted.
    """
    try:
        current = _current(target)
        folders = data_folders(target)
    except (OSError, ValueError, RecursionError):
        return
    for folder in folders:
        if folder.name != current:
            _delete_unused(target, folder, known=folder.name == previous)
    if current is not None:
        for name in FIRST_VERSION_FOLDERS:
            shutil.rmtree(target / name, ignore_errors=True)


def _delete_unused(target: Path, folder: Path, *, known: bool) -> None:
    """Delete data that are not the table's, unless somebody reads or writes them.

    Where there are no locks, only those are deleted of which it is `known` that nobody writes them.
    """
    descriptor = None
    try:
        descriptor = _locked(folder, alone=True)
        if descriptor is None:
            return
    except OSError:
        if not known:
            return
    try:
        # Who wrote them has ended: they may have become the table's by now, but cannot later.
        current = None
        with suppress(FileNotFoundError):
            current = _current(target)
        if folder.name != current:
            shutil.rmtree(folder, ignore_errors=True)
    except (OSError, ValueError, RecursionError):
        # Nobody knows what a damaged description names.
        return
    finally:
        if descriptor is not None:
            os.close(descriptor)


class Draft:
    """A new data folder, deleted on leaving the ``with`` block unless it was committed.

    Parameters
    ----------
    target
        The folder of the table, made when it is not there.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._made = not target.exists()
        self._tried = False
        self.folder, self._hold = self._new_folder()

    def _new_folder(self) -> tuple[Path, Hold]:
        for _ in range(_ATTEMPTS):
            self._target.mkdir(exist_ok=True)
            folder = self._target / f"data-{uuid.uuid4().hex[:12]}"
            # Until the lock is held, another process may take the folder for a left-over and delete it.
            with suppress(FileNotFoundError, FileExistsError):
                folder.mkdir()
                (folder / _LOCK).touch(exist_ok=False)
                hold = Hold(folder)
                if (folder / _LOCK).exists() and folder.exists():
                    return folder, hold
        raise SourceError(f"{self._target} cannot be written: something deletes what is written there.")

    def __enter__(self) -> Self:
        with suppress(OSError, ValueError, RecursionError):
            clean(self._target)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hold.close()
        # Whether it was committed is asked of the disk: an interrupt may have come right after that.
        if not self._tried or (self.folder / TABLE).exists():
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            _delete_unused(self._target, self.folder, known=True)
        if self._made:
            with suppress(OSError):
                self._target.rmdir()

    def commit(
        self,
        content: dict[str, Any],
        *,
        overwrite: bool,
        replace: Callable[[Path, Path], object] = os.replace,
    ) -> None:
        """Make these data the table's: all of it, or in case of an error nothing.

        Parameters
        ----------
        content
            What ``table.json`` says.
        overwrite
            Whether a table that is there is replaced.
        replace
            Renames a file, replacing the one that has the name.
        """
        draft, final = self.folder / TABLE, self._target / TABLE
        draft.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        for path in (draft, *(path for path in self.folder.rglob("*") if path.is_dir()), self.folder):
            sync(path)
        if final.exists() and not overwrite:
            raise _taken(self._target)
        previous = None
        with suppress(OSError, ValueError, RecursionError):
            previous = _current(self._target)
        self._tried = True
        replace(draft, final)
        sync(self._target)
        sync(self._target.parent)
        clean(self._target, previous=previous)


def sync(path: Path) -> None:
    """Have what was written reach the disk; folders cannot be asked for it everywhere."""
    if path.is_dir():
        with suppress(OSError):
            _sync_descriptor(os.open(path, os.O_RDONLY))
    else:
        _sync_descriptor(os.open(path, os.O_RDWR))


def _sync_descriptor(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
