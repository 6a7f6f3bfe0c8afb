"""A table in a folder: Parquet files for each column, and a JSON file that says what they are.

The folder holds::

    table.json                    what there is, for people and for `read`
    data-…/columns/*.parquet      stored columns, one in each file
    data-…/computed/*.parquet     what is known of deferred columns, and of which rows it is known
    data-…/images/*/*.parquet     the encoded bytes of images, where they are packed

A column that is large lies in several parts, in a folder of its name.
"""

from __future__ import annotations

import os
import re
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import polars as pl

from explorer._errors import ArgumentError, ExplorerWarning, SourceError
from explorer.compute.deferred import Image
from explorer.compute.graph import Output, Stored
from explorer.compute.rows import Rows
from explorer.table.definitions import described
from explorer.table.generations import FORMAT, TABLE, VERSION, Draft, checked_target
from explorer.table.image_column import ImageLoader, Loader
from explorer.table.packing import PACK_BYTES, Packer, groups_to_pack, unpacking
from explorer.table.parts import PART_BYTES, FilesOut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from explorer.compute.deferred import Dtype
    from explorer.compute.graph import Node, Ref
    from explorer.table.base import TableBase
    from explorer.table.packing import Packed

Images = Literal["reference", "pack"]

_FOLDERS = ("columns", "computed", "images")
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(1, 10))}
_LONGEST_NAME = 60
_WORDS: dict[str, Dtype] = {"Unknown": pl.Unknown, "Image": Image, "Object": pl.Object}


def write(
    table: TableBase,
    folder: str | os.PathLike[str],
    *,
    images: Images = "reference",
    overwrite: bool = False,
    part_bytes: int = PART_BYTES,
    pack_bytes: int = PACK_BYTES,
    replace: Callable[[Path, Path], object] = os.replace,
) -> None:
    """Write a table into a folder, whole or not at all.

    Stored columns are written, and of deferred ones what was computed so far and how they are
    defined; nothing is computed, but for filters that have waited and, where images are packed, for
    their paths.

    Parameters
    ----------
    table
        What to write.
    folder
        Where to: a name in a folder that exists.
    images
        ``"reference"``: images stay what they are in the table, paths or bytes; those that are in memory
        alone are packed. ``"pack"``: the encoded bytes of every image go into the folder.
    overwrite
        Whether a table that is there is replaced, once the new one is complete. Folders that hold
        anything else are left alone.
    part_bytes, pack_bytes
        How large one file of a column, and one of packed images, may become in memory.
    replace
        Renames the file that makes the new table the one that is there.

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
    if images not in get_args(Images):
        raise ArgumentError.not_one_of("images= of write()", images, get_args(Images))
    target = checked_target(folder, overwrite=overwrite)
    table = table._rows()
    for name, dtype in table._frame.schema.items():
        if dtype == pl.Object:
            which = f"The column {name!r}" if name in table else "A column that a deferred one reads"
            raise ArgumentError(
                f"{which} holds Python objects, which no file of a table can hold.",
                hint="Leave it out: t.drop(…).write(…)",
            )
    try:
        with Draft(target) as draft:
            with FilesOut(draft.folder, part_bytes=part_bytes) as files:
                packer = Packer(files, pack_bytes=pack_bytes)
                content = _Writer(files, table, target).write(packer, all_images=images == "pack")
            content["data"] = draft.folder.name
            draft.commit(content, overwrite=overwrite, replace=replace)
    except (OSError, pl.exceptions.PolarsError) as error:
        # Polars raises OSError with all of its words in one text.
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        is_there = (target / TABLE).exists()
        kept = "The table that was there is unchanged." if is_there else "Nothing was written."
        raise SourceError(f"{target} cannot be written: {reason}", hint=kept) from error


class _Writer:
    """Writes the files of one table, one column at a time, and says what they are."""

    def __init__(self, files: FilesOut, table: TableBase, target: Path) -> None:
        self._files = files
        self._table = table
        self._target = target
        self._binding = table._binding
        self._rows = Rows(table._frame, table._binding.names)
        self._taken: set[str] = set()
        self._stored: dict[int, str] = {}
        self._numbers: dict[int, int] = {}
        self._packed: dict[int, tuple[Packed, str]] = {}

    def write(self, packer: Packer, *, all_images: bool) -> dict[str, Any]:
        """Write all files, and return what ``table.json`` is to say of them."""
        self._pack(packer, all_images=all_images)
        stored = [self._keep_stored(name, ref) for name, ref in self._binding.refs.items()]
        nodes = self._functions()
        needed = {ref.column for node in nodes for ref in self._reads(node) if isinstance(ref, Stored)}
        kept = [
            self._keep_series("kept", self._rows.stored(column), column)
            for column in sorted(needed - set(self._stored))
        ]
        functions = [self._keep_function(number, node) for number, node in enumerate(nodes)]
        columns = [
            {"name": name, **self._described(ref)} if record is None else record
            for record, (name, ref) in zip(stored, self._binding.refs.items(), strict=True)
        ]
        origin = self._table._origin
        return {
            "format": FORMAT,
            "version": VERSION,
            "explorer": _version(),
            "rows": self._table.height,
            "title": origin.title,
            "base_dir": None if origin.base_dir is None else str(origin.base_dir),
            "folders": self._folders(nodes),
            "data": "",
            "columns": columns,
            "functions": functions,
            "kept": kept,
            "files": self._files.written,
        }

    # Images

    def _pack(self, packer: Packer, *, all_images: bool) -> None:
        called = {ref.node.uid: name for name, ref in self._binding.deferred.items()}
        for group in groups_to_pack(self._functions(), self._rows, all_of_them=all_images):
            name = next((called[node.uid] for node in group if node.uid in called), group[0].spec.name)
            stem = f"{_FOLDERS[2]}/{self._free(name)}"
            engine, counters = self._table._origin.engine, self._table.counters
            packed = packer.pack(stem, group, self._rows, engine, counters)
            places = self._write(_FOLDERS[2], f"{name}.places", packed.places.to_frame())
            self._packed |= {node.uid: (packed, places) for node in group}
        self._warn_of_lost(called)

    def _warn_of_lost(self, called: Mapping[int, str]) -> None:
        """Say which images the table will not have: only a program knows where they are."""
        lost = [
            node
            for node in self._functions()
            if node.spec.kind == "image"
            and node.uid not in self._packed
            and not isinstance(node.spec.function, Loader)
        ]
        if not lost:
            return
        names = ", ".join(repr(called.get(node.uid, node.spec.name)) for node in lost)
        can_be = all(unpacking(node.spec.function) is not None for node in lost)
        way = 't.write(…, images="pack")' if can_be else "write them to files first, and read those"
        warnings.warn(
            f"The images of {names} lie in a data set that a written table does not lead to; "
            f"they are not kept.\nTo keep them: {way}",
            ExplorerWarning,
            stacklevel=6,
        )

    def _folders(self, nodes: Iterable[Node]) -> dict[str, str]:
        """Return the folders of images, and where they are as seen from the table: both may move together."""
        loaders = [node.spec.function for node in nodes if node.uid not in self._packed]
        folders = [loader.base_dir for loader in loaders if isinstance(loader, ImageLoader)]
        beside: dict[str, str] = {}
        for folder in dict.fromkeys([self._table._origin.base_dir, *folders]):
            if folder is not None and os.path.splitdrive(folder)[0] == os.path.splitdrive(self._target)[0]:
                beside[str(folder)] = Path(os.path.relpath(folder, self._target)).as_posix()
        return beside

    # Columns

    def _functions(self) -> list[Node]:
        """Return the functions that the table needs, inputs first; those of packed images need none."""
        found: dict[int, Node] = {}

        def visit(node: Node) -> None:
            if node.uid not in found:
                for ref in self._reads(node):
                    if isinstance(ref, Output):
                        visit(ref.node)
                found[node.uid] = node

        for node in self._binding.nodes:
            visit(node)
        return list(found.values())

    def _reads(self, node: Node) -> tuple[Ref, ...]:
        return () if node.uid in self._packed else node.inputs

    def _keep_stored(self, name: str, ref: Ref) -> dict[str, Any] | None:
        if isinstance(ref, Output):
            return None
        return {"name": name, **self._keep_series(name, self._rows.stored(ref.column), ref.column)}

    def _keep_series(self, name: str, series: pl.Series, column: int) -> dict[str, Any]:
        file = self._write(_FOLDERS[0], name, series.alias(name).to_frame())
        self._stored[column] = file
        return {"dtype": str(series.dtype), "file": file}

    def _described(self, ref: Ref) -> dict[str, Any]:
        if isinstance(ref, Stored):
            return {"file": self._stored[ref.column]}
        return {"function": self._numbers[ref.node.uid], "output": ref.name, "dtype": _word(ref.dtype)}

    def _keep_function(self, number: int, node: Node) -> dict[str, Any]:
        self._numbers[node.uid] = number
        # Known first: what is computed while this is written has then a value, and counts as unknown.
        known = pl.Series("known", node.results.known(self._rows.ids))
        failures = self._failures(node)
        good = known & failures["type"].is_null()
        called = {ref.name: name for name, ref in self._binding.deferred.items() if ref.node is node}
        outputs = []
        for output in node.spec.returns:
            ref = Output(node, output)
            name = called.get(output) or output or node.spec.name
            file = None
            if ref.fits_a_frame:
                values = node.results.series(output, self._rows.ids).alias(name)
                file = self._write(_FOLDERS[1], name, values.to_frame())
            declared = not _is_vague(node.spec.returns[output])
            outputs.append({"output": output, "dtype": _word(ref.dtype), "declared": declared, "file": file})
        packed, places = self._packed.get(node.uid, (None, None))
        has_values = any(output["file"] for output in outputs)
        state = None
        if has_values or (packed and not good.all()):
            label = next(iter(called.values()), node.spec.name)
            # Of images only failures are kept, and their bytes: they are still to be decoded.
            kept = known if has_values else known & ~good
            state = self._write(_FOLDERS[1], f"{label}.rows", failures.insert_column(0, kept))
        packed_with = unpacking(node.spec.function) if packed else None
        return {
            **described(node.spec.with_options(function=packed_with) if packed_with else node.spec),
            "computed": int(good.sum()),
            "failed": int((known & ~good).sum()),
            "reads": [{"file": places}] if packed else [self._described(ref) for ref in node.inputs],
            "packed": packed and packed.stem,
            "returns": outputs,
            "state": state,
        }

    def _failures(self, node: Node) -> pl.DataFrame:
        """Return why rows failed, null where they did not."""
        failures = node.results.failures(self._rows.ids)
        if not failures:
            empty = pl.Series([None], dtype=pl.String).new_from_index(0, len(self._rows))
            return pl.DataFrame([empty.alias(name) for name in _OF_A_FAILURE])
        failed = [failures.get(row) for row in self._rows.ids.tolist()]
        return pl.DataFrame(
            [
                pl.Series(name, [getattr(failure, name, None) for failure in failed], dtype=pl.String)
                for name in _OF_A_FAILURE
            ]
        )

    def _write(self, folder: str, name: str, frame: pl.DataFrame) -> str:
        return self._files.write(f"{folder}/{self._free(name)}", frame)

    def _free(self, name: str) -> str:
        """Return a name that every file system takes and that no other file has."""
        safe = re.sub(r"[^a-z0-9_.-]+", "-", name.casefold()).strip(".-")[:_LONGEST_NAME].rstrip(".-")
        # No folder of parts may be called like the file of another column.
        safe = safe.replace(".parquet", "-parquet")
        safe = f"_{safe}" if safe.partition(".")[0] in _RESERVED else safe or "column"
        free, again = safe, 2
        while free in self._taken:
            free, again = f"{safe}-{again}", again + 1
        self._taken.add(free)
        return free


_OF_A_FAILURE = ("type", "message", "function", "hint")


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
