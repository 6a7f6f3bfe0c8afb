"""Polars expressions that name deferred columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from explorer._errors import ArgumentError
from explorer.compute.deferred import SINGLE, Deferred, Image
from explorer.table.operators import Operators

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from explorer.compute.deferred import Dtype

T = TypeVar("T")

IMAGES_DO_NOT_CALCULATE = "Images are not values of a frame, so expressions cannot calculate with them."


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """A row-separable Polars expression as the function of a deferred column."""

    expr: pl.Expr

    def __call__(self, frame: pl.DataFrame) -> pl.Series:
        """Evaluate it on the columns that it names."""
        series = frame.select(self.expr).to_series()
        return series if len(series) == frame.height else pl.repeat(series[0], frame.height, eager=True)


def as_deferred(expr: pl.Expr, schema: Mapping[str, Dtype]) -> Deferred:
    """Turn an expression into a deferred column; its rows are computed when looked at."""
    roots = tuple(dict.fromkeys(expr.meta.root_names()))
    return Deferred(
        function=Expression(expr),
        inputs=roots,
        returns={SINGLE: _dtype(expr, {name: schema[name] for name in roots})},
        batched=True,
        batch_size=4096,
        kind="expression",
        name=_shortened(expr),
    )


def _shortened(expr: pl.Expr, most: int = 60) -> str:
    text = str(expr)
    return text if len(text) <= most else text[: most - 1] + "…"


def _dtype(expr: pl.Expr, schema: Mapping[str, Dtype]) -> Dtype:
    if any(dtype == pl.Unknown for dtype in schema.values()):
        return pl.Unknown
    return pl.LazyFrame(schema=schema).select(expr).collect_schema().dtypes()[0]


def conjuncts(expr: pl.Expr) -> Iterator[pl.Expr]:
    """Split ``a & b & c`` into its parts, so that the cheap ones can be evaluated first.

    Examples
    --------
    >>> import polars as pl
    >>> [str(part) for part in conjuncts((pl.col("a") > 1) & pl.col("b"))]
    ['[(col("a")) > (dyn int: 1)]', 'col("b")']
    """
    parts = expr.meta.pop()
    if len(parts) == 2 and (parts[1] & parts[0]).meta.eq(expr):
        yield from conjuncts(parts[1])
        yield from conjuncts(parts[0])
    else:
        yield expr


def as_predicates(predicates: Iterable[Any], constraints: Mapping[str, Any]) -> list[pl.Expr | pl.Series]:
    """Bring everything that `filter` takes into expressions, or masks of one value per row."""
    given: list[pl.Expr | pl.Series] = []
    for predicate in map(as_expr, predicates):
        if isinstance(predicate, pl.Expr):
            given += conjuncts(predicate)
        elif isinstance(predicate, bool):
            given.append(pl.lit(predicate))
        elif isinstance(predicate, str):
            raise ArgumentError(
                f"filter() was given the text {predicate!r}; it takes expressions.",
                hint=f"For a boolean column write pl.col({predicate!r}).",
            )
        elif hasattr(predicate, "__len__") and hasattr(predicate, "__getitem__"):
            if len(predicate) and all(isinstance(part, pl.Expr) for part in predicate):
                given += as_predicates(predicate, {})
                continue
            mask = pl.Series(predicate)
            if mask.dtype not in (pl.Boolean, pl.Null):
                raise ArgumentError(
                    f"filter() was given {mask.dtype} values, not true and false.",
                    hint="For rows by their positions: t.gather([…]).",
                )
            given.append(mask.cast(pl.Boolean))
        else:
            raise ArgumentError(
                f"filter() was given {type(predicate).__name__} {predicate!r}.",
                hint='It takes Polars expressions: t.filter(pl.col("label") == 3).',
            )
    given += [pl.col(name) == value for name, value in constraints.items()]
    return given


def refuse_images(names: Iterable[str], schema: Mapping[str, Dtype]) -> None:
    """Raise where an expression names a column whose values are not in the frame."""
    for name in names:
        if schema[name] in (Image, pl.Object):
            raise ArgumentError(
                f"The expression names {name!r}, a column of {schema[name]}. {IMAGES_DO_NOT_CALCULATE}",
                hint=f"Compute something from it first: t.with_columns(x=ex.defer(fn, {name!r})).",
            )


def is_separable(given: Any) -> bool:
    """Whether an expression gives each row its own value, whatever the other rows are.

    Examples
    --------
    >>> import polars as pl
    >>> is_separable(pl.col("a") > 1), is_separable(pl.col("a") - pl.col("a").mean())
    (True, False)
    """
    if not isinstance(given, pl.Expr):
        return not isinstance(given, pl.Series)
    todo = [given]
    while todo:
        expr = todo.pop()
        meta = expr.meta
        try:
            # Polars judges the whole expression without looking into it, so each part is asked.
            if meta.is_literal():
                if not meta.is_scalar():
                    return False
            elif meta.has_multiple_outputs() or not (meta.is_length_preserving() and meta.is_row_separable()):
                return False
        except pl.exceptions.PolarsError:
            # It cannot tell without a schema, for instance of a Python function in the expression.
            return False
        todo += meta.pop()
    return True


def aggregates(expr: pl.Expr, schema: Mapping[str, Dtype]) -> bool:
    """Whether an expression gives another number of rows than the table has."""
    try:
        return not (expr.meta.is_length_preserving() or expr.meta.is_literal() or _selects_columns(expr))
    except pl.exceptions.PolarsError:
        # Polars cannot tell of selectors: two rows of nothing show what becomes of rows.
        fitting = {
            name: dtype for name, dtype in schema.items() if dtype not in (Image, pl.Object, pl.Unknown)
        }
        empty = pl.DataFrame({name: pl.Series([None, None], dtype=dtype) for name, dtype in fitting.items()})
        return through_polars(lambda: empty.select(expr)).height != empty.height


def _selects_columns(expr: pl.Expr) -> bool:
    return expr.meta.is_column_selection(allow_aliasing=True)


def as_expr(item: Any) -> Any:
    """Let a column of a table stand where an expression does."""
    return pl.col(item.name) if isinstance(item, Operators) else item


def flat(given: Iterable[Any]) -> list[Any]:
    """Flatten the arguments of a verb: ``"a", "b"`` and ``["a", "b"]`` mean the same."""
    items: list[Any] = []
    for item in map(as_expr, given):
        is_one = isinstance(item, (str, pl.Expr, pl.Series, Deferred)) or not hasattr(item, "__iter__")
        items += [item] if is_one else list(item)
    return items


def named_as(item: Any, name: str) -> Any:
    """Give an argument the name under which it was passed."""
    item = as_expr(item)
    if callable(item) and not isinstance(item, pl.Expr):
        raise ArgumentError(
            f"{name}={getattr(item, '__name__', item)!r} is a function.",
            hint=f'Defer it: with_columns({name}=ex.defer(fn, "image")).',
        )
    if isinstance(item, (pl.Expr, pl.Series)):
        return item.alias(name)
    if isinstance(item, str):
        return pl.col(item).alias(name)
    if hasattr(item, "__array__"):
        return pl.Series(name, item)
    return pl.lit(item).alias(name)


def through_polars(verb: Callable[[], T]) -> T:
    """Run a Polars call, and raise what it raises as an error of ours."""
    try:
        return verb()
    except pl.exceptions.PolarsError as error:
        first, *more = str(error).splitlines()
        raise ArgumentError(f"Polars says: {first}", hint="\n".join(more).strip() or None) from error


def selectors_in(expr: pl.Expr) -> list[pl.Expr]:
    """Return the parts of an expression that stand for columns without naming them: ``cs.numeric()``."""
    found: list[pl.Expr] = []
    todo = [expr]
    while todo:
        part = todo.pop()
        parts = part.meta.pop()
        todo += parts
        if not parts and part.meta.is_column_selection() and not part.meta.is_column():
            found.append(part)
    return found


def chosen_by(selector: pl.Expr, schema: Mapping[str, Dtype]) -> list[str]:
    """Return the columns of a frame that a selector stands for; images are in no frame."""
    fitting = {
        name: pl.Null if dtype == pl.Unknown else dtype
        for name, dtype in schema.items()
        if dtype not in (Image, pl.Object)
    }
    return through_polars(lambda: pl.LazyFrame(schema=fitting).select(selector).collect_schema().names())


def positions(rows: Any, height: int, what: str) -> pl.Series:
    """Bring a slice, positions or a mask of true and false into positions, counted from the start.

    Raises
    ------
    ArgumentError
        For anything else, a mask of another length, or a position that is not there.
    """
    hint = "It takes a position, a slice, a list of positions, or a mask of true and false."
    if isinstance(rows, slice):
        return pl.Series(range(height)[rows], dtype=pl.Int64)
    if isinstance(rows, (str, bytes, float)) or not hasattr(rows, "__len__"):
        raise ArgumentError(f"{what} was given {rows!r}.", hint=hint)
    given = pl.Series(rows)
    if given.dtype == pl.Boolean:
        if len(given) != height:
            raise ArgumentError(f"{what}: the mask has {len(given):,} values for {height:,} rows.")
        return given.fill_null(value=False).arg_true().cast(pl.Int64)
    if given.null_count() or (len(given) and not given.dtype.is_integer()):
        some = ", some of them null" if given.null_count() else ""
        raise ArgumentError(f"{what} was given {given.dtype} values{some}.", hint=hint)
    places = given.cast(pl.Int64)
    outside = places.filter((places >= height) | (places < -height))
    if len(outside):
        raise ArgumentError(f"{what}: there is no row {outside[0]}; there are {height:,} rows.")
    return places % max(height, 1)
