"""`ex.defer`: the way a person defines a deferred column."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from explorer._errors import ArgumentError, DeferredError
from explorer.compute.deferred import SINGLE, Deferred

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from explorer.compute.deferred import Dtype, OnError

Returns: TypeAlias = "Dtype | type | Mapping[str, Dtype | type] | Sequence[str] | None"

_DTYPE_OF: Mapping[object, Dtype] = MappingProxyType(
    {
        t: dtype
        for python, dtype in (
            (int, pl.Int64),
            (float, pl.Float64),
            (str, pl.String),
            (bool, pl.Boolean),
            (bytes, pl.Binary),
        )
        for t in (python, python.__name__)
    }
)


def defer(
    function: Callable[..., Any],
    *inputs: str,
    returns: Returns = None,
    batched: bool = False,
    batch_size: int = 64,
    workers: int = 1,
    processes: bool = False,
    init: Mapping[str, Any] | None = None,
    on_error: OnError = "keep",
    version: str = "",
    name: str | None = None,
    **unknown: Any,
) -> Deferred:
    """Define a column whose values are computed when somebody looks at them.

    Defining calls the function zero times. Give the result to `ImageTable.with_columns`: by name
    when the function returns one column, by position when `returns` names several.

    Parameters
    ----------
    function
        Takes one value per input and returns one value, or a dict when `returns` names columns.
        With `batched`, it takes one batch per input (an array where shapes agree, else a list) and
        returns as many rows. A class with a method ``__call__`` is made an instance of by each worker,
        once, when the first row is wanted: its ``__init__`` is the place to load a model. An instance
        with a method ``open()`` has that called once, before the first row.
    *inputs
        The columns that it reads. When none is given, the parameter names of the function, or of the
        class's ``__call__``.
    returns
        Dtype of the column; for several columns a mapping from names to dtypes, or only the names. A
        dtype that is not given is that of the function's annotation, else of the first values computed.
        `explorer.Image` is the dtype of PIL images, `polars.Object` that of tensors and other values
        that no frame holds.
    batched, batch_size
        Whether the function works on batches, and on how many rows; the last batch may be short.
    workers
        How many calls run at the same time: of rows, or of batches.
    processes
        Run the workers as processes, for functions that hold Python's lock or might end the process.
        They are started when the first row is wanted, and stay for the next ones. Values travel there
        and back by pickle. What is defined in the notebook travels by cloudpickle:
        ``pip install "explorer[processes]"``. A process that dies costs the row that it was at.
    init
        The keywords with which each worker makes its instance of a class.
    on_error
        ``"keep"`` makes a failing row an error value and goes on, ``"null"`` does so without listing
        it, ``"raise"`` ends the computation.
    version
        Change it to say that the function's answers changed.
    name
        What messages call it; the function's own name when not given.

    Returns
    -------
    Deferred

    Raises
    ------
    ArgumentError
        For an unknown keyword, a batch size below one, names of inputs that are not text, or an `init`
        that the class does not take.
    DeferredError
        When the inputs are not given and cannot be told from the function's parameters.

    Examples
    --------
    >>> import explorer as ex
    >>> t = ex.samples.digits()
    >>> t = t.with_columns(even=ex.defer(lambda label: label % 2 == 0, returns=bool))
    >>> t.head(3).to_polars("label", "even")["even"].to_list()
    [True, False, True]
    >>> t.counters.rows_inferred
    3

    A class is made once, with what it is given here:

    >>> class Shade:
    ...     def __init__(self, darkest):
    ...         self.darkest = darkest
    ...     def __call__(self, label) -> float:
    ...         return label / self.darkest
    >>> t = t.with_columns(shade=ex.defer(Shade, init={"darkest": 10}))
    >>> t["shade"][3]()
    0.3
    """
    if unknown:
        known = [p for p in inspect.signature(defer).parameters if p not in {"function", "inputs", "unknown"}]
        raise ArgumentError.unknown_keyword("ex.defer()", next(iter(unknown)), known)
    if not callable(function):
        raise ArgumentError(
            f"ex.defer() was given {type(function).__name__} {function!r} as its function.",
            hint='The function comes first, then the columns: ex.defer(fn, "image").',
        )
    label = str(name or getattr(function, "__name__", type(function).__name__))
    for given in inputs:
        if not isinstance(given, str):
            raise ArgumentError(
                f"ex.defer({label}) was given {given!r} as an input; inputs are names of columns.",
                hint=f'Write it as text: ex.defer({label}, "image").',
            )
    for option, value in (("batch_size", batch_size), ("workers", workers)):
        if type(value) is not int or value < 1:
            raise ArgumentError(f"{option}={value!r} of ex.defer({label}) is no whole number from 1.")
    flags: dict[str, object] = {"batched": batched, "processes": processes}
    for option, flag in flags.items():
        if not isinstance(flag, bool):
            of_number = f"For their number: processes=True, workers={flag!r}."
            hint = of_number if option == "processes" and isinstance(flag, int) else None
            raise ArgumentError(
                f"{option}={flag!r} of ex.defer({label}) is neither True nor False.", hint=hint
            )
    called, init = _what_is_called(function, init, label)
    if inspect.iscoroutinefunction(called) or inspect.isgeneratorfunction(called):
        raise ArgumentError(
            f"{label} is a coroutine or a generator; its answer would be one, and not a value.",
            hint="Give a function that returns the value.",
        )
    if on_error not in ("keep", "null", "raise"):
        raise ArgumentError.not_one_of("on_error", on_error, ["keep", "null", "raise"])
    return Deferred(
        function=function,
        inputs=inputs or _parameter_names(called, label),
        returns=_returns(called, returns, label),
        batched=batched,
        batch_size=batch_size,
        workers=workers,
        processes=processes,
        init=init,
        on_error=on_error,
        version=version,
        name=label,
    )


def _what_is_called(
    function: Callable[..., Any], init: object, label: str
) -> tuple[Callable[..., Any], Mapping[str, Any] | None]:
    """Return what tells of inputs and of types, and what instances are made with; None for a function."""
    if init is not None and not (isinstance(init, Mapping) and all(isinstance(key, str) for key in init)):
        raise ArgumentError(
            f"init={init!r} of ex.defer({label}) is no dict of keywords.",
            hint=f'For instance: init={{"weights": path}} calls {label}(weights=path).',
        )
    if not inspect.isclass(function) or not any("__call__" in vars(base) for base in function.__mro__):
        if init is not None:
            raise ArgumentError(
                f"init= is for a class with a method __call__, and {label} is "
                + ("a class without one." if inspect.isclass(function) else "a function."),
                hint=f"Add the method to {label}, or leave init= out.",
            )
        return function, None
    keywords = dict(init or {})
    try:
        inspect.signature(function).bind(**keywords)
    except TypeError as error:
        raise ArgumentError(
            f"{label} cannot be made with init={keywords!r}: {error}.",
            hint=f"It takes {label}{inspect.signature(function)}.",
        ) from error
    except ValueError:
        # It does not say what it takes, as classes written in C may not.
        pass
    # A method tells of `self` too; that of an instance that is never made does not.
    method = function.__call__
    return partial(method, None), MappingProxyType(keywords)


def _parameter_names(function: Callable[..., Any], label: str) -> tuple[str, ...]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        parameters = ()  # type: ignore[assignment]
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = tuple(p.name for p in parameters if p.kind in positional and p.default is p.empty)
    if not names:
        raise DeferredError(
            f"The columns that {label} reads cannot be told from its parameters.",
            hint=f'Name them: ex.defer({label}, "image").',
        )
    return names


def _returns(function: Callable[..., Any], returns: Returns, label: str) -> Mapping[str, Dtype]:
    if isinstance(returns, Mapping):
        if not returns or not all(returns):
            raise ArgumentError(
                f"returns={returns!r} of {label} does not name its columns.",
                hint='For instance: returns={"pred": pl.Int64, "confidence": pl.Float32}.',
            )
        return {column: _dtype(dtype, label) for column, dtype in returns.items()}
    if isinstance(returns, (list, tuple)):
        if not returns or not all(isinstance(column, str) and column for column in returns):
            raise ArgumentError(
                f"returns={returns!r} of {label} does not name its columns.",
                hint='For instance: returns=["pred", "confidence"].',
            )
        return dict.fromkeys(returns, pl.Unknown)
    if returns is None:
        method = function.func if isinstance(function, partial) else function
        method = method if inspect.isroutine(method) else type(method).__call__
        annotation = getattr(method, "__annotations__", {}).get("return")
        return {SINGLE: _DTYPE_OF.get(annotation, pl.Unknown)}
    return {SINGLE: _dtype(returns, label)}


def _dtype(given: object, label: str) -> Dtype:
    if isinstance(given, pl.DataType) or (isinstance(given, type) and issubclass(given, pl.DataType)):
        return given
    if given in _DTYPE_OF:
        return _DTYPE_OF[given]
    raise ArgumentError(
        f"returns={given!r} of {label} is not a dtype.",
        hint="Give a Polars dtype such as pl.Float32 or pl.Array(pl.Float32, 512), or ex.Image.",
    )
