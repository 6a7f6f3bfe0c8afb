"""Reading a folder that `write` has written. Nothing of what it holds is executed."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from explorer._errors import ArgumentError, ColumnNotFoundError, ExplorerWarning, SourceError, did_you_mean
from explorer.compute.deferred import Image
from explorer.compute.engines.local import default_engine
from explorer.compute.frame import Frame
from explorer.compute.graph import Node, Output, Stored
from explorer.compute.results import Failure, Results
from explorer.compute.rows import ROW_ID
from explorer.table.base import Origin
from explorer.table.binding import Binding
from explorer.table.definitions import Detached, restored
from explorer.table.description import load
from explorer.table.generations import TABLE, Hold, path_of
from explorer.table.image_sources import HeaderReader, ImageLoader, existing_folder, fetching_with
from explorer.table.packing import Pack, PackedLoader
from explorer.table.parts import FilesIn
from explorer.table.relocating import Whereabouts, holds_paths
from explorer.table.table import ImageTable

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from explorer.compute.deferred import Deferred, Dtype
    from explorer.compute.graph import Ref
    from explorer.table.image_sources import Reader

_OF_NO_FRAME: dict[str, Dtype] = {"Image": Image, "Object": pl.Object}
_ATTEMPTS = 20


def read(
    folder: str | os.PathLike[str],
    columns: str | Sequence[str] | None = None,
    *,
    functions: Mapping[str, Any] | None = None,
    base_dir: str | Path | None = None,
    web: Reader | bool | None = None,
    **unknown: Any,
) -> ImageTable:
    """Read a table that was written into a folder.

    Columns of images come back as they were. So do other deferred columns whose functions are given,
    or are the person's own and imported already; what was computed of them is not computed again.
    The rest comes back as stored columns of what was computed, null elsewhere, and a warning says
    which. No module is imported, nothing is unpickled, no function is called.

    Parameters
    ----------
    folder
        The folder of the table.
    columns
        Which columns, in this order. Only their files are read, and those of what they are made of.
    functions
        Column (or function) name to the function that computes it, a deferred column like
        ``ex.model(net, …)``, or an expression. A class is made an instance of with the `init` that the
        table tells.
    base_dir
        Where the images are now. When not given: where they were when the table was written, or, if that
        folder is gone, where they were as seen from the table. Packed images need none.
    web
        True to fetch images that are URLs, as the table says; an `explorer.Web` to say otherwise how. They
        are not fetched when it is not given: a table may come from anybody.
    **unknown
        Refused, with the nearest keyword that exists.

    Returns
    -------
    ImageTable

    Raises
    ------
    SourceError
        When the folder is not there or holds no table, when the table is of a newer version, or when
        a file of it is missing or damaged (which one).
    ColumnNotFoundError
        When one of `columns` is not in the table.
    ArgumentError
        When `functions` names something that the table does not have.

    Examples
    --------
    >>> import explorer as ex, pathlib, tempfile
    >>> from explorer.table.storage import write
    >>> def twice(n):
    ...     return 2 * n
    >>> folder = tempfile.TemporaryDirectory()
    >>> t = ex.from_polars({"n": [1, 2, 3]}).with_columns(twice=ex.defer(twice, returns=int))
    >>> write(t, pathlib.Path(folder.name, "numbers"))
    >>> again = read(pathlib.Path(folder.name, "numbers"), functions={"twice": twice})
    >>> again.to_polars().rows()
    [(1, 2), (2, 4), (3, 6)]
    >>> folder.cleanup()
    """
    for name in unknown:
        raise ArgumentError.unknown_keyword("ex.read()", name, ["columns", "functions", "base_dir", "web"])
    path = path_of(folder, "ex.read()")
    wanted = _names(columns)
    moved = None if base_dir is None else existing_folder(base_dir)
    fetching = fetching_with("ex.read()", web)
    content, hold = _held(path)
    try:
        reader = _Reader(path, content, dict(functions or {}), moved, hold)
        reader.web = True if web is True else fetching
        return reader.table(wanted)
    except (
        KeyError,
        TypeError,
        ValueError,
        IndexError,
        AttributeError,
        StopIteration,
        RecursionError,
    ) as error:
        if isinstance(error, (ArgumentError, SourceError)):
            raise
        raise SourceError(f"{path / TABLE} is damaged: {error!r}") from error


def _names(columns: object) -> list[str] | None:
    if columns is None or isinstance(columns, str):
        return None if columns is None else [columns]
    names: list[Any] = [*columns] if isinstance(columns, Iterable) else [columns]
    for name in names:
        if not isinstance(name, str):
            raise ArgumentError(
                f"columns= of ex.read() takes names of columns, not {type(name).__name__} {name!r}.",
                hint='For instance: columns=["image", "label"]',
            )
    return names


def _held(path: Path) -> tuple[dict[str, Any], Hold | None]:
    """Return the description of a table whose files nobody is going to delete meanwhile."""
    for _ in range(_ATTEMPTS):
        content = load(path)
        if content["version"] == 1:
            return content, None
        hold = Hold(path / content["data"])
        # It may have been replaced before it was held.
        if load(path).get("data") == content["data"]:
            return content, hold
        hold.close()
    raise SourceError(f"{path} is replaced all the time.", hint="Read it when nobody writes it.")


@dataclass
class _Function:
    """A function of the table: what is kept of it, and what becomes of it."""

    number: int
    kept: dict[str, Any]
    columns: list[str]
    needed: dict[str, None] = field(default_factory=dict)
    spec: Deferred | None = None
    reason: str = ""
    node: Node | None = None

    def output(self, name: str) -> dict[str, Any]:
        for output in self.kept["returns"]:
            if output["output"] == name:
                return dict(output)
        raise ValueError(f"the function {self.kept['name']!r} has no output {name!r}")


class _Reader:
    """Reads one table, each file at most once and only when something needs it."""

    def __init__(
        self,
        folder: Path,
        content: dict[str, Any],
        given: dict[str, Any],
        moved: Path | None,
        hold: Hold | None,
    ) -> None:
        self.web: Reader | bool | None = None
        self._folder = folder
        self._content = content
        self._hold = hold
        self._rows = int(content["rows"])
        self._where = Whereabouts(folder, content.get("folders", {}), moved)
        self._home = self._where.home(content["base_dir"])
        data = folder / content.get("data", "")
        self._files = FilesIn(folder, data, self._rows, content.get("files"))
        self._series: dict[int, pl.Series] = {}
        self._ids: dict[str, int] = {}
        self._columns: dict[str, dict[str, Any]] = {column["name"]: column for column in content["columns"]}
        self._functions = [
            _Function(
                number,
                kept,
                [name for name, column in self._columns.items() if column.get("function") == number],
            )
            for number, kept in enumerate(content["functions"])
        ]
        self._given = given
        self._check_given()

    def table(self, names: list[str] | None) -> ImageTable:
        wanted = list(self._columns) if names is None else names
        for place, name in enumerate(wanted):
            if name not in self._columns:
                raise ColumnNotFoundError.named(name, self._columns)
            if name in wanted[:place]:
                raise ArgumentError(f"Two columns of one name: columns= has {name!r} twice.")
        self._attach(wanted)
        for name in wanted:
            self._need(self._columns[name])
        for function in self._functions:
            if function.spec is not None and function.needed:
                self._make_node(function, function.spec)
        refs = {name: self._ref(self._columns[name]) for name in wanted}
        origin = Origin(
            default_engine(), base_dir=self._home.folder, title=self._content["title"] or self._folder.name
        )
        names_of = {column: f"__explorer_read_{column}__" for column in self._series}
        frame = pl.DataFrame(
            [
                pl.int_range(self._rows, dtype=pl.UInt32, eager=True).alias(ROW_ID),
                *(series.alias(names_of[column]) for column, series in self._series.items()),
            ]
        )
        table = ImageTable(Frame(frame), Binding(refs, names_of), origin)._rebound(refs)
        self._warn()
        self._warn_of_folders()
        return table

    # Which functions come back

    def _check_given(self) -> None:
        known = [
            name
            for function in self._functions
            for name in (*function.columns, function.kept["name"], function.kept.get("function"))
            if name
        ]
        for name in self._given:
            if name not in known:
                raise ArgumentError(
                    f"functions= names {name!r}; the table has no such deferred column.",
                    hint=did_you_mean(str(name), known),
                )

    def _attach(self, wanted: Iterable[str]) -> None:
        """Find the functions of these columns, and of what they read; inputs come first in the list."""
        reached: set[int] = set()
        todo = [self._columns[name] for name in wanted]
        while todo:
            number = todo.pop().get("function")
            if number is not None and number not in reached:
                reached.add(number)
                todo += self._functions[number].kept["reads"]
        for number in sorted(reached):
            function = self._functions[number]
            kept = function.kept
            names = (*function.columns, kept["name"], kept["function"])
            given = next((self._given[name] for name in names if name in self._given), None)
            outputs = [output["output"] for output in kept["returns"]]
            try:
                spec = restored(self._where.at_home(kept), outputs, given, self._home)
                for read_from in kept["reads"]:
                    self._check_readable(function, read_from)
            except Detached as error:
                source = kept.get("source")
                function.reason = f"{error}{f'; it was defined in {source}' if source else ''}"
            else:
                kept_spec = spec if given is not None else self._fetching(spec)
                function.spec = self._unpacking(kept_spec, kept.get("packed"))

    # Images

    def _fetching(self, spec: Deferred) -> Deferred:
        """Leave URLs alone unless the person asked for them, and fetch them as was asked."""
        loader = spec.function
        if self.web is True or not isinstance(loader, (ImageLoader, HeaderReader)) or loader.web is None:
            return spec
        return replace(spec, function=replace(loader, web=self.web or None))

    def _unpacking(self, spec: Deferred, packed: str | None) -> Deferred:
        if not packed or not isinstance(spec.function, ImageLoader):
            return spec
        pack = Pack(self._files.check(packed), self._hold)
        return replace(spec, function=PackedLoader.like(spec.function, pack))

    def _warn_of_folders(self) -> None:
        for function in self._functions:
            loader = function.node and function.node.spec.function
            if not isinstance(loader, ImageLoader) or isinstance(loader, PackedLoader):
                continue
            if loader.base_dir is None or loader.base_dir.is_dir() or not self._reads_paths(function):
                continue
            warnings.warn(
                f"The images of {', '.join(function.columns) or function.kept['name']} were in "
                f"{loader.base_dir}, which is not there.\n"
                f'To say where they are now: ex.read("{self._folder}", base_dir="…")',
                ExplorerWarning,
                stacklevel=4,
            )

    def _reads_paths(self, function: _Function) -> bool:
        (read_from,) = function.kept["reads"]
        return "file" not in read_from or holds_paths(self._values(read_from["file"]))

    def _check_readable(self, function: _Function, read_from: dict[str, Any]) -> None:
        """Refuse to call a function on the nulls of an input that does not come back whole."""
        if "file" in read_from:
            return
        if not 0 <= read_from["function"] < function.number:
            raise ValueError("functions that need each other")
        source = self._functions[read_from["function"]]
        if source.spec is None and not self._is_complete(source, read_from["output"]):
            raise Detached(f"it reads what {source.kept['name']} computes, which did not come back whole")

    def _is_complete(self, function: _Function, output: str) -> bool:
        if function.output(output)["file"] is None:
            return False
        good, _ = self._state(function)
        return bool(good.all())

    def _declared(self, output: dict[str, Any], otherwise: Dtype) -> Dtype:
        if not output["declared"]:
            return otherwise
        return self._values(output["file"]).dtype if output["file"] else _OF_NO_FRAME[output["dtype"]]

    def _warn(self) -> None:
        lost = [function for function in self._functions if function.needed and function.spec is None]
        if not lost:
            return
        said = "; ".join(
            f"{', '.join(f.columns) or f.kept['name']} ({f.kept['name']}: {f.reason})" for f in lost
        )
        how = ", ".join(f'"{(f.columns or [f.kept["name"]])[0]}": …' for f in lost)
        warnings.warn(
            f"Read as what was computed of them, with null elsewhere: {said}.\n"
            f'To attach: ex.read("{self._folder}", functions={{{how}}})',
            ExplorerWarning,
            stacklevel=4,
        )

    # Which files are read

    def _need(self, column: dict[str, Any]) -> None:
        if "file" in column:
            return
        function = self._functions[column["function"]]
        function.needed[function.output(column["output"])["output"]] = None
        if function.spec is not None:
            for read_from in function.kept["reads"]:
                self._need(read_from)

    def _ref(self, column: dict[str, Any]) -> Ref:
        if "file" in column:
            return self._stored(column["file"])
        function = self._functions[column["function"]]
        if function.node is not None:
            return Output(function.node, column["output"])
        file = function.output(column["output"])["file"]
        return self._stored(file, None if file else f"nothing of {function.number}, {column['output']}")

    def _stored(self, file: str | None, nothing: str | None = None) -> Stored:
        """Return the column of a file; no file was written for values that fit none."""
        key = file or str(nothing)
        if key not in self._ids:
            (ref,) = Binding.of_stored([key]).refs.values()
            assert isinstance(ref, Stored)  # noqa: S101 - of_stored binds nothing else
            self._ids[key] = ref.column
            self._series[ref.column] = (
                self._values(file) if file else pl.Series([None]).new_from_index(0, self._rows)
            )
        return Stored(self._ids[key])

    def _make_node(self, function: _Function, spec: Deferred) -> None:
        outputs = {name: function.output(name) for name in spec.returns if name in function.needed}
        declared = {name: self._declared(output, spec.returns[name]) for name, output in outputs.items()}
        inputs = [self._ref(read_from) for read_from in function.kept["reads"]]
        spec = spec.with_options(returns=declared)
        results = Results(declared)
        for name, output in outputs.items():
            if output["file"] is None and declared[name] == pl.Unknown:
                results.settle(name, _OF_NO_FRAME[output["dtype"]])
        # Answers of another version are not this function's.
        if function.kept["state"] and spec.version == function.kept["version"]:
            good, failures = self._state(function)
            values = {
                name: self._values(file).filter(good)
                for name, output in outputs.items()
                if (file := output["file"])
            }
            known = np.flatnonzero(good.to_numpy()).astype(np.uint32)
            results.store(known if values else known[:0], values, failures)
        function.node = Node(spec, inputs, results=results)

    def _state(self, function: _Function) -> tuple[pl.Series, dict[int, Failure]]:
        frame = self._files.frame(function.kept["state"])
        failed = frame.with_row_index("row").filter(pl.col("known") & pl.col("type").is_not_null())
        failures = {
            row["row"]: Failure(row["type"], row["message"] or "", row["function"] or "", row.get("hint"))
            for row in failed.iter_rows(named=True)
        }
        return frame["known"] & frame["type"].is_null(), failures

    def _values(self, file: str) -> pl.Series:
        return self._files.frame(file).to_series()
