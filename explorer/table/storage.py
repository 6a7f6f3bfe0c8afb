"""A table in a folder: a Parquet file for each column, and a JSON file that says what they are.

The folder holds::

    table.json            what there is, for people and for `read`
    columns/*.parquet     stored columns, one in each file
    computed/*.parquet    what is known of deferred columns, and of which rows it is known

It is written beside the place where it belongs and then renamed, so that a process that is killed
leaves the table that was there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from explorer._errors import ArgumentError, SourceError, did_you_mean
from explorer.compute.deferred import Image
from explorer.compute.graph import Output, Stored, stored_columns, upstream
from explorer.compute.rows import Rows
from explorer.table.definitions import described

if TYPE_CHECKING:
    from collections.abc import Callable

    from explorer.compute.deferred import Dtype
    from explorer.compute.graph import Node, Ref
    from explorer.table.base import TableBase

TABLE = "table.json"
FORMAT = "explorer table"
VERSION = 1
FOLDERS = ("columns", "computed")

_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(1, 10))}
_LONGEST_NAME = 60
_WORDS: dict[str, Dtype] = {"Unknown": pl.Unknown, "Image": Image, "Object": pl.Object}


def write(
    table: TableBase,
    folder: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    replace: Callable[[Path, Path], object] = os.replace,
) -> None:
    """Write a table into a folder, whole or not at all.

    Stored columns are written, and of deferred ones what was computed so far and how they are
    defined; nothing is computed, but for filters that have waited. Images stay what they are in the
    table, paths or bytes.

    Parameters
    ----------
    table
        What to write.
    folder
        Where to: a name in a folder that exists.
    overwrite
        Whether a table that is there is replaced, once the new one is complete. Folders that hold
        anything else are left alone.
    replace
        Renames a folder.

    Raises
    ------
    SourceError
        When the place is taken, does not exist, or cannot be written. What was there is still there.
    ArgumentError
        When a stored column holds Python objects.

    Examples
    --------
    >>> import explorer as ex, pathlib, tempfile
    >>> from explorer.table.restoring import read
    >>> folder = tempfile.TemporaryDirectory()
    >>> t = ex.from_polars({"label": [3, 1]}).with_columns(twice=ex.defer(lambda label: 2 * label))
    >>> write(t, pathlib.Path(folder.name, "digits"))
    >>> read(pathlib.Path(folder.name, "digits"), columns=["label"]).to_polars("label").rows()
    [(3,), (1,)]
    >>> folder.cleanup()
    """
    target = _target(folder, overwrite=overwrite)
    table = table._rows()
    for name, dtype in table._frame.schema.items():
        if dtype == pl.Object:
            which = f"The column {name!r}" if name in table else "A column that a deferred one reads"
            raise ArgumentError(
                f"{which} holds Python objects, which no file of a table can hold.",
                hint="Leave it out: t.drop(…).write(…)",
            )
    draft = _sibling(target, "writing")
    try:
        try:
            draft.mkdir()
            _Writer(draft, table).write()
            _swap(draft, target, replace)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except (OSError, pl.exceptions.PolarsError) as error:
        # Polars raises OSError with all of its words in one text.
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        old = left_over(target)
        kept = f"What was there is in {old}." if old else "Nothing was written."
        kept = "The table that was there is unchanged." if target.exists() else kept
        raise SourceError(f"{target} cannot be written: {reason}", hint=kept) from error


def _target(given: str | os.PathLike[str], *, overwrite: bool) -> Path:
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
    inside = sorted(path.name for path in target.iterdir())
    foreign = next((name for name in inside if name not in (TABLE, *FOLDERS)), None)
    if inside and (foreign or TABLE not in inside):
        what = f"it holds {foreign!r}" if foreign else f"it holds no {TABLE}"
        raise SourceError(
            f"{target} is there already, and not only a table: {what}.",
            hint="Choose a folder that does not exist. This one is replaced in no case.",
        )
    if inside and not overwrite:
        raise SourceError(f"{target} holds a table already.", hint="To replace it: overwrite=True")
    return target


def path_of(given: str | os.PathLike[str], where: str) -> Path:
    """Return the real path of what a person typed, ``~`` and ``$VAR`` expanded."""
    if not isinstance(given, (str, os.PathLike)):
        raise ArgumentError(f"{where} takes the path of a folder, not {type(given).__name__} {given!r}.")
    if not os.fspath(given):
        raise ArgumentError(f"{where} was given an empty path.")
    return Path(os.path.realpath(os.path.expandvars(Path(given).expanduser())))


def _sibling(target: Path, what: str) -> Path:
    return target.with_name(f".{target.name[:100]}.{uuid.uuid4().hex[:12]}.{what}")


def left_over(target: Path) -> Path | None:
    """Return the old table of an overwriting that was killed between its two renames."""
    with suppress(OSError):
        prefix, old = f".{target.name[:100]}.", [*target.parent.iterdir()]
        old = [path for path in old if path.name.startswith(prefix) and path.suffix == ".old"]
        return max(old, key=lambda path: path.stat().st_mtime, default=None)
    return None


def nearest(path: Path) -> str | None:
    """Return a sentence with the names beside a path that resemble it."""
    with suppress(OSError):
        return did_you_mean(path.name, [beside.name for beside in path.parent.iterdir()])
    return None


def _swap(draft: Path, target: Path, replace: Callable[[Path, Path], object]) -> None:
    """Put the finished draft in its place. What was there is deleted only after that."""
    if not target.exists():
        replace(draft, target)
        _sync(target.parent)
        return
    old = _sibling(target, "old")
    replace(target, old)
    try:
        replace(draft, target)
    except BaseException:
        if not target.exists():
            old.rename(target)
        raise
    _sync(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _sync(path: Path) -> None:
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


class _Writer:
    """Writes one table into an empty folder."""

    def __init__(self, folder: Path, table: TableBase) -> None:
        self._folder = folder
        self._table = table
        self._binding = table._binding
        self._rows = Rows(table._frame, table._binding.names)
        self._taken: set[str] = set()
        self._stored: dict[int, str] = {}
        self._numbers: dict[int, int] = {}

    def write(self) -> None:
        for name in FOLDERS:
            (self._folder / name).mkdir()
        stored = [self._keep_stored(name, ref) for name, ref in self._binding.refs.items()]
        nodes = list(upstream(self._binding.nodes))
        hidden = sorted(stored_columns(nodes) - set(self._stored))
        kept = [self._keep_series("kept", self._rows.stored(column), column) for column in hidden]
        functions = [self._keep_function(number, node) for number, node in enumerate(nodes)]
        columns = [
            {"name": name, **self._described(ref)} if record is None else record
            for record, (name, ref) in zip(stored, self._binding.refs.items(), strict=True)
        ]
        origin = self._table._origin
        content = {
            "format": FORMAT,
            "version": VERSION,
            "explorer": _version(),
            "rows": self._table.height,
            "title": origin.title,
            "base_dir": None if origin.base_dir is None else str(origin.base_dir),
            "columns": columns,
            "kept": kept,
            "functions": functions,
        }
        path = self._folder / TABLE
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        _sync(path)
        for name in (*FOLDERS, "."):
            _sync(self._folder / name)

    def _keep_stored(self, name: str, ref: Ref) -> dict[str, Any] | None:
        if isinstance(ref, Output):
            return None
        return {"name": name, **self._keep_series(name, self._rows.stored(ref.column), ref.column)}

    def _keep_series(self, name: str, series: pl.Series, column: int) -> dict[str, Any]:
        file = self._write(FOLDERS[0], name, series.alias(name).to_frame())
        self._stored[column] = file
        return {"dtype": str(series.dtype), "file": file}

    def _described(self, ref: Ref) -> dict[str, Any]:
        if isinstance(ref, Stored):
            return {"file": self._stored[ref.column]}
        return {"function": self._numbers[ref.node.uid], "output": ref.name, "dtype": _word(ref.dtype)}

    def _keep_function(self, number: int, node: Node) -> dict[str, Any]:
        self._numbers[node.uid] = number
        # Known first: what is computed while this is written has then a value, and counts as unknown.
        known = node.results.known(self._rows.ids)
        failures = node.results.failures(self._rows.ids)
        called = {ref.name: name for name, ref in self._binding.deferred.items() if ref.node is node}
        outputs = []
        for output in node.spec.returns:
            ref = Output(node, output)
            name = called.get(output) or output or node.spec.name
            file = None
            if ref.fits_a_frame:
                values = node.results.series(output, self._rows.ids).alias(name)
                file = self._write(FOLDERS[1], name, values.to_frame())
            declared = not _is_vague(node.spec.returns[output])
            outputs.append({"output": output, "dtype": _word(ref.dtype), "declared": declared, "file": file})
        state = None
        if any(output["file"] for output in outputs):
            label = next(iter(called.values()), node.spec.name)
            failed = [failures.get(int(row)) for row in self._rows.ids] if failures else []
            words = {
                field: pl.Series([getattr(failure, field, None) for failure in failed], dtype=pl.String)
                if failed
                else pl.Series([None], dtype=pl.String).new_from_index(0, len(known))
                for field in ("type", "message", "function")
            }
            state = self._write(FOLDERS[1], f"{label}.rows", pl.DataFrame({"known": known, **words}))
        inputs = [self._described(ref) for ref in node.inputs]
        return {**described(node.spec), "reads": inputs, "returns": outputs, "state": state}

    def _write(self, folder: str, name: str, frame: pl.DataFrame) -> str:
        file = f"{folder}/{self._free(name)}.parquet"
        try:
            frame.write_parquet(self._folder / file)
        except pl.exceptions.PolarsError as error:
            raise pl.exceptions.ComputeError(f"the column {name!r}: {error}") from error
        _sync(self._folder / file)
        return file

    def _free(self, name: str) -> str:
        """Return a name that every file system takes and that no other file has."""
        safe = re.sub(r"[^a-z0-9_.-]+", "-", name.casefold()).strip(".-")[:_LONGEST_NAME].rstrip(".-")
        safe = f"_{safe}" if safe.partition(".")[0] in _RESERVED else safe or "column"
        free, again = safe, 2
        while free in self._taken:
            free, again = f"{safe}-{again}", again + 1
        self._taken.add(free)
        return free


def _version() -> str:
    try:
        return version("explorer")
    except PackageNotFoundError:
        return "unknown"


def _is_vague(dtype: Dtype) -> bool:
    """Whether a declared dtype says too little for a file of no values to hold it."""
    if dtype == pl.Unknown:
        return True
    return isinstance(dtype, type) and (
        dtype.is_nested() or dtype in (pl.Datetime, pl.Duration, pl.Decimal, pl.Enum)
    )


def _word(dtype: Dtype) -> str:
    """Return a dtype as people write it."""
    return next((name for name, word in _WORDS.items() if dtype == word), str(dtype))
