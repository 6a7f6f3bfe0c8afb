"""``table.json``: what a table in a folder says of itself, read and checked before anything else is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from explorer._errors import SourceError
from explorer.compute.rows import ROW_ID
from explorer.table.generations import FORMAT, TABLE, VERSION, data_folders, is_data_folder, nearest

if TYPE_CHECKING:
    from pathlib import Path

_TEXT_OR_NULL = (str, type(None))

# What an entry must hold: the types, and how a person calls them.
_TABLE: dict[str, tuple[Any, str]] = {
    "rows": (int, "a whole number from 0 up"),
    "title": (_TEXT_OR_NULL, "a text or null"),
    "base_dir": (_TEXT_OR_NULL, "a text or null"),
    "columns": (list, "a list"),
    "kept": (list, "a list"),
    "functions": (list, "a list"),
}
_STORED: dict[str, tuple[Any, str]] = {"file": (str, "the name of a file")}
_DEFERRED: dict[str, tuple[Any, str]] = {
    "function": (int, "the number of a function"),
    "output": (str, "the name of an output"),
}
_FUNCTION: dict[str, tuple[Any, str]] = {
    "name": (str, "a text"),
    "kind": (str, "a text"),
    "inputs": (list, "a list"),
    "reads": (list, "a list"),
    "returns": (list, "a list"),
    "state": (_TEXT_OR_NULL, "the name of a file or null"),
}
_RETURNS: dict[str, tuple[Any, str]] = {
    "output": (str, "a text"),
    "dtype": (str, "a text"),
    "declared": (bool, "true or false"),
    "file": (_TEXT_OR_NULL, "the name of a file or null"),
}
_FILE: dict[str, tuple[Any, str]] = {
    "rows": (int, "a whole number from 0 up"),
    "bytes": (int, "a whole number from 0 up"),
}


def load(path: Path) -> dict[str, Any]:
    """Read and check the description of the table in a folder.

    What it says beyond what is known here is left alone.

    Raises
    ------
    SourceError
        When there is none, when it is damaged (where), or when it is of a newer version.
    """
    content = _content(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise SourceError(
            f"{path / TABLE} is not the description of a table.",
            hint=f'One begins with {{"format": "{FORMAT}", …}} and is written by t.write(…).',
        )
    version = content.get("version")
    if type(version) is not int or version < 1:
        _refuse(path, f"its version is {version!r}, expected is a whole number from 1 up")
    if version > VERSION:
        raise SourceError(
            f"{path} was written in version {version} of the format, by explorer {content.get('explorer')}; "
            f"this one reads up to version {VERSION}.",
            hint="Install a newer one: pip install -U explorer",
        )
    _check(path, content, _TABLE, "")
    _check_entries(path, content)
    if version > 1:
        _check_files(path, content)
    return content


def _content(path: Path) -> Any:
    if not path.is_dir():
        if path.exists():
            raise SourceError(f"{path} is a file; a table is a folder with a {TABLE}.")
        raise SourceError(f"{path} does not exist.", hint=nearest(path))
    try:
        return json.loads((path / TABLE).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        cut_short = bool(data_folders(path))
        raise SourceError(
            f"{path} is not the folder of a table: it has no {TABLE}"
            f"{', as writing one was cut short' if cut_short else ''}.",
            hint=f'Write it again: t.write("{path}")'
            if cut_short
            else f'For a folder of images: ex.read_folder("{path}")',
        ) from error
    except (ValueError, RecursionError) as error:
        _refuse(path, f"it is not JSON, or only the beginning of it: {error}", error)
    except OSError as error:
        raise SourceError(f"{path / TABLE} cannot be read: {error.strerror}") from error


def _refuse(path: Path, reason: str, error: BaseException | None = None) -> NoReturn:
    first = next((file for folder in data_folders(path) for file in sorted(folder.rglob("*.parquet"))), None)
    hint = f'Its columns are Parquet files and can be read without it: pl.read_parquet("{first}")'
    raise SourceError(f"{path / TABLE} is damaged: {reason}.", hint=hint if first else None) from error


def _check(path: Path, entry: Any, wanted: dict[str, tuple[Any, str]], where: str) -> None:
    place = where or "it"
    if not isinstance(entry, dict):
        _refuse(path, f"{place} is {_short(entry)}, expected is {{…}}")
    for key, (kinds, words) in wanted.items():
        if key not in entry:
            _refuse(path, f"{place} has no {key!r}, expected is {words}")
        value = entry[key]
        is_number = kinds is int
        fits = type(value) is int and value >= 0 if is_number else isinstance(value, kinds)
        if not fits:
            _refuse(path, f"{key!r}{f' of {where}' if where else ''} is {_short(value)}, expected is {words}")


def _check_entries(path: Path, content: dict[str, Any]) -> None:
    names: set[str] = set()
    for number, column in enumerate(content["columns"]):
        _check(path, column, {"name": (str, "a text")}, f"columns[{number}]")
        name = column["name"]
        if name in names or name == ROW_ID:
            _refuse(path, f"columns[{number}] is a second {name!r}, or a name that no column may have")
        names.add(name)
        _check_ref(path, content, column, f"the column {name!r}")
    for number, kept in enumerate(content["kept"]):
        _check(path, kept, _STORED, f"kept[{number}]")
    for number, function in enumerate(content["functions"]):
        where = f"functions[{number}]"
        _check(path, function, _FUNCTION, where)
        for place, ref in enumerate(function["reads"]):
            _check_ref(path, content, ref, f"{where} reads[{place}]")
        for place, output in enumerate(function["returns"]):
            _check(path, output, _RETURNS, f"{where} returns[{place}]")


def _check_ref(path: Path, content: dict[str, Any], ref: Any, where: str) -> None:
    if isinstance(ref, dict) and "file" in ref:
        _check(path, ref, _STORED, where)
        return
    if isinstance(ref, dict) and "function" not in ref:
        _refuse(path, f"{where} has neither a 'file' nor a 'function'")
    _check(path, ref, _DEFERRED, where)
    functions = content["functions"]
    if ref["function"] >= len(functions):
        _refuse(path, f"{where} is of the function {ref['function']}, but there are {len(functions)}")


def _check_files(path: Path, content: dict[str, Any]) -> None:
    if not is_data_folder(content.get("data")):
        _refuse(path, f"'data' is {_short(content.get('data'))}, expected is the name of its data folder")
    for key in ("files", "folders"):
        if not isinstance(content.get(key), dict):
            _refuse(path, f"{key!r} is {_short(content.get(key))}, expected is {{…}}")
    for file, entry in content["files"].items():
        _check(path, entry, _FILE, f"the file {file!r}")
    for folder, beside in content["folders"].items():
        if not isinstance(beside, str):
            _refuse(path, f"'folders' says {_short(beside)} of {folder!r}, expected is a path")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
