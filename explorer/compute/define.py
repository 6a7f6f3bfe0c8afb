"""`ex.defer`: the way a person defines a deferred column."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl

from explorer._errors import ArgumentError, DeferredError
from explorer.compute.deferred import SINGLE, Deferred

if TYPE_CHECKING:
    from collections.abc import Callable

    from explorer.compute.deferred import Dtype, OnError

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
    returns: Dtype | type | Mapping[str, Dtype | type] | None = None,
    batched: bool = False,
    batch_size: int = 64,
    workers: int = 1,
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
        returns as many rows. An instance with a method ``open()`` has it called once, before the
        first row: the place to load a model.
    *inputs
        The columns that it reads. When none is given, the function's parameter names.
    returns
        Dtype of the column, or a mapping from column names to dtypes. When not given, it is taken
        from the function's annotation, else from the first values computed. `explorer.Image` is the
        dtype of PIL images, `polars.Object` that of tensors and other values that no frame holds.
    batched, batch_size
        Whether the function works on batches, and on at most how many rows.
    workers
        Threads that call a per-row function at the same time.
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
        For an unknown keyword, a batch size below one, or names of inputs that are not text.
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
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise ArgumentError(
            f"{label} is a coroutine or a generator; its answer would be one, and not a value.",
            hint="Give a function that returns the value.",
        )
    if on_error not in ("keep", "null", "raise"):
        raise ArgumentError.not_one_of("on_error", on_error, ["keep", "null", "raise"])
    return Deferred(
        function=function,
        inputs=inputs or _parameter_names(function, label),
        returns=_returns(function, returns, label),
        batched=batched,
        batch_size=batch_size,
        workers=workers,
        on_error=on_error,
        version=version,
        name=label,
    )


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


def _returns(
    function: Callable[..., Any], returns: Dtype | type | Mapping[str, Dtype | type] | None, label: str
) -> Mapping[str, Dtype]:
    if isinstance(returns, Mapping):
        if not returns or not all(returns):
            raise ArgumentError(
                f"returns={returns!r} of {label} does not name its columns.",
                hint='For instance: returns={"pred": pl.Int64, "confidence": pl.Float32}.',
            )
        return {column: _dtype(dtype, label) for column, dtype in returns.items()}
    if returns is None:
        annotation = getattr(function, "__annotations__", {}).get("return")
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
