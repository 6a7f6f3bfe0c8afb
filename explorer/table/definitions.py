"""How a deferred column is defined, as JSON and back. Reading a definition runs nothing."""

from __future__ import annotations

import inspect
import json
import os
import sys
import sysconfig
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any, get_args

import polars as pl

from explorer._errors import ArgumentError
from explorer.compute.deferred import Deferred, Kind, OnError
from explorer.compute.define import defer
from explorer.table.expressions import Expression
from explorer.table.image_definitions import NotKept, described_loader, restored_loader
from explorer.table.image_sources import HeaderReader, Loader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of a table's images; `moved` when a person says that it is another than it was."""

    folder: Path | None
    moved: bool = False


class Detached(Exception):  # noqa: N818 - it is a reason, told in a warning
    """Why a function was not found again; raised and caught in this room."""


def described(spec: Deferred) -> dict[str, Any]:
    """Return what is kept of a deferred function: its options, and what it can be found by.

    Examples
    --------
    >>> import math, polars as pl
    >>> described(Deferred(math.sqrt, ("x",), {"": pl.Float64}, name="root"))["function"]
    'math:sqrt'
    >>> print(described(Deferred(lambda x: x, ("x",), {"": pl.Float64}))["function"])
    None
    """
    image = expression = None
    if isinstance(spec.function, Loader | HeaderReader):
        image = described_loader(spec.function)
    elif isinstance(spec.function, Expression):
        expression = _expression_as_json(spec.function.expr)
    return {
        "name": spec.name,
        "kind": spec.kind,
        "function": importable_name(spec.function),
        "source": source_location(spec.function),
        "image": image,
        "expression": expression,
        "inputs": list(spec.inputs),
        "batched": spec.batched,
        "stacked": spec.stacked,
        "batch_size": spec.batch_size,
        "workers": spec.workers,
        "processes": spec.processes,
        "class": spec.init is not None,
        "init": _init_as_json(spec.init),
        "on_error": spec.on_error,
        "version": spec.version,
    }


def restored(kept: Mapping[str, Any], returns: Iterable[str], given: object, home: Home) -> Deferred:
    """Return the deferred function that was described, with what was given in place of its function.

    Parameters
    ----------
    kept
        What `described` returned.
    returns
        Names of its outputs. Their dtypes are unknown, unless a `Deferred` is given.
    given
        A function, a `Deferred`, an expression, or None to look for the function by its name.
    home
        Where the images are.

    Raises
    ------
    Detached
        When the function is not found, with the reason.
    ArgumentError
        When what was given cannot stand for the function.
    """
    spec = Deferred(
        function=_nothing,
        inputs=tuple(kept["inputs"]),
        returns=dict.fromkeys(returns, pl.Unknown),
        batched=bool(kept["batched"]),
        stacked=bool(kept["stacked"]),
        batch_size=int(kept["batch_size"]),
        workers=int(kept["workers"]),
        # The first tables were written without these three.
        processes=bool(kept.get("processes", False)),
        init=_init_of_json(kept.get("init"), str(kept["name"])) if kept.get("class") else None,
        kind=kept["kind"],
        on_error=kept["on_error"],
        version=str(kept["version"]),
        name=str(kept["name"]),
    )
    well_formed = spec.kind in get_args(Kind) and spec.on_error in get_args(OnError)
    if not well_formed or min(spec.batch_size, spec.workers) < 1 or not all(map(_is_text, spec.inputs)):
        raise ValueError(f"the function {spec.name!r} has options that are none")
    if given is not None:
        return _with_given(spec, given, home)
    if spec.init is None and kept.get("class"):
        raise Detached("what it is made with, init=, holds values that no file keeps")
    if kept["image"] is not None:
        try:
            return replace(spec, function=restored_loader(kept["image"], home.folder, moved=home.moved))
        except NotKept as error:
            raise Detached(str(error)) from error
    if spec.kind == "expression":
        return replace(spec, function=Expression(_expression_of_json(kept["expression"], spec)))
    if spec.kind in ("image", "header"):
        raise Detached("it reads images in a way of its own")
    return replace(spec, function=_found(kept["function"], is_class=spec.init is not None))


def _nothing(*_: object) -> None:
    """Stand where the function is going to be."""


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _with_given(spec: Deferred, given: object, home: Home) -> Deferred:
    if isinstance(given, Deferred):
        if len(given.inputs) != len(spec.inputs) or not set(spec.returns) <= set(given.returns):
            raise ArgumentError(
                f"functions= was given a deferred column that does not stand for {spec.name}: "
                f"it reads {len(given.inputs)} columns and returns {_listed(given.returns)}; "
                f"expected are {len(spec.inputs)} and {_listed(spec.returns)}."
            )
        loader = given.function
        function = loader.within(home.folder) if isinstance(loader, Loader | HeaderReader) else loader
        returns = {name: given.returns[name] for name in spec.returns}
        return replace(given, function=function, inputs=spec.inputs, returns=returns)
    if isinstance(given, pl.Expr) and spec.kind == "expression":
        _check_roots(given, spec)
        return replace(spec, function=Expression(given))
    if callable(given) and spec.kind not in ("expression", "image", "header"):
        return replace(spec, function=given, init=_init_of(given, spec))
    wanted = "an expression" if spec.kind == "expression" else "a function"
    raise ArgumentError(
        f"functions= was given {type(given).__name__} {given!r} for {spec.name}, which is {wanted}.",
        hint="A deferred column such as ex.model(net, …) can be given as well.",
    )


def _init_of(given: object, spec: Deferred) -> Mapping[str, Any] | None:
    """Return what instances of a class are made with that is given in place of the one that was kept."""
    return defer(given, *spec.inputs, init=spec.init).init if inspect.isclass(given) else None


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(name or "one column" for name in names)


def _init_as_json(init: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the keywords of a class as they stand in a file, None where one of them cannot."""
    try:
        kept = json.loads(json.dumps(dict(init or {}), allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        return None
    # A tuple would come back as a list, and a number as a key as text.
    return kept if init is not None and kept == dict(init) else None


def _init_of_json(kept: object, name: str) -> Mapping[str, Any] | None:
    if kept is None:
        return None
    if not isinstance(kept, dict):
        raise ValueError(f"what the class {name!r} is made with is {kept!r}, expected are keywords")  # noqa: TRY004 - it is the file that is wrong
    return kept


# Functions


def importable_name(function: object) -> str | None:
    """Return ``module:qualname`` when that leads back to this very function, else None."""
    if not isinstance(function, (FunctionType, BuiltinFunctionType, type)):
        return None
    name = f"{function.__module__}:{function.__qualname__}"
    return name if _looked_up(name) is function else None


def source_location(function: object) -> str | None:
    """Return the file and the line where a function, or the class of a callable, was defined.

    Examples
    --------
    >>> source_location(json.dumps).rpartition("/")[2].partition(":")[0], source_location(len)
    ('__init__.py', None)
    """
    if not isinstance(function, FunctionType):
        function = _own_call(function if isinstance(function, type) else type(function))
    if not isinstance(function, FunctionType) or (function.__module__ or "").partition(".")[0] == "explorer":
        return None
    return f"{function.__code__.co_filename}:{function.__code__.co_firstlineno}"


def _own_call(of: type) -> object:
    """Return the method by which the instances of a class are called, None when they are not."""
    return next((vars(base)["__call__"] for base in of.__mro__ if "__call__" in vars(base)), None)


def _looked_up(name: str) -> object:
    """Follow a name through what is loaded already; nothing is imported and no code runs."""
    module, _, path = name.partition(":")
    found: object = sys.modules.get(module)
    for part in path.split("."):
        # Not getattr: a module or a class may run code for it.
        found = getattr(found, "__dict__", {}).get(part)
        found = found.__func__ if isinstance(found, staticmethod) else found
    return found


def _found(name: str | None, *, is_class: bool) -> Callable[..., Any]:
    if name is None:
        raise Detached("it has no name by which it could be found")
    module, _, path = name.partition(":")
    if module not in sys.modules:
        raise Detached(f"{module} is not imported here")
    # A table from somewhere else could name any function that deletes or runs what a path column
    # says. Only the person's own code is taken without being asked for.
    if not _is_own(module):
        raise Detached(f"{module} is a library, and its functions are attached only when they are given")
    function = _looked_up(name)
    if is_class and isinstance(function, type) and _own_call(function) is not None:
        found: Callable[..., Any] = function
    elif not is_class and isinstance(function, FunctionType):
        found = function
    else:
        raise Detached(f"{module} has no {'class' if is_class else 'function'} {path}")
    if importable_name(found) != name:
        raise Detached(f"{module} has no {'class' if is_class else 'function'} {path}")
    return found


def _is_own(module: str) -> bool:
    if module == "__main__":
        return True
    top = module.partition(".")[0]
    file = getattr(sys.modules[module], "__file__", None)
    if file is None or top == "explorer" or top in sys.stdlib_module_names:
        return False
    path = Path(os.path.realpath(file))
    library = [os.path.realpath(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")]
    installed = {"site-packages", "dist-packages"} & set(path.parts)
    return not installed and not any(path.is_relative_to(folder) for folder in library)


# Expressions

_LITERALS = {"Dyn", "Scalar"}
_FUNCTIONS = {"ArrayExpr", "Boolean", "ListExpr", "Round", "StringExpr", "TemporalExpr"}


def _expression_as_json(expr: pl.Expr) -> Any:
    try:
        kept = json.loads(expr.meta.serialize(format="json"))
    except (pl.exceptions.PolarsError, ValueError):
        return None
    return kept if _is_plain(kept) else None


def _expression_of_json(kept: object, spec: Deferred) -> pl.Expr:
    # Polars keeps Python functions in expressions as pickles, and plugins as paths of libraries:
    # only what is known to be neither reaches its reader.
    if kept is None or not _is_plain(kept):
        raise Detached("it is an expression that is not kept")
    try:
        expr = pl.Expr.deserialize(StringIO(json.dumps(kept)), format="json")
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise Detached("this version of Polars reads its expression in another way") from error
    _check_roots(expr, spec)
    return expr


def _check_roots(expr: pl.Expr, spec: Deferred) -> None:
    if set(expr.meta.root_names()) != set(spec.inputs):
        raise ArgumentError(
            f"The expression of {spec.name} reads {', '.join(expr.meta.root_names())}; "
            f"expected is one of {', '.join(spec.inputs)}."
        )


def _is_plain(node: object) -> bool:
    """Whether an expression in JSON is made of columns, literals, operators and named functions only."""
    if not isinstance(node, dict) or len(node) != 1:
        return False
    ((kind, body),) = node.items()
    if kind == "Column":
        return isinstance(body, str)
    if not isinstance(body, dict):
        return False
    if kind == "Literal":
        return len(body) == 1 and set(body) <= _LITERALS and all(map(_is_value, body.values()))
    if kind == "BinaryExpr":
        sides = [body.get("left"), body.get("right")]
        return set(body) == {"left", "op", "right"} and all(map(_is_plain, sides)) and _is_value(body["op"])
    if kind == "Ternary":
        return set(body) == {"predicate", "truthy", "falsy"} and all(map(_is_plain, body.values()))
    if kind == "Cast":
        of = [body.get("dtype"), body.get("options")]
        return (
            set(body) == {"expr", "dtype", "options"} and _is_plain(body["expr"]) and all(map(_is_value, of))
        )
    if kind == "Function":
        function, inputs = body.get("function"), body.get("input")
        named = isinstance(function, dict) and len(function) == 1 and set(function) <= _FUNCTIONS
        return named and isinstance(inputs, list) and all(map(_is_plain, inputs)) and _is_value(function)
    return False


def _is_value(given: object, depth: int = 4) -> bool:
    """Whether this is a plain value, perhaps with its type; bytes stand as lists, and are none."""
    if isinstance(given, dict):
        return depth > 0 and all(_is_value(value, depth - 1) for value in given.values())
    return given is None or isinstance(given, (str, int, float))
