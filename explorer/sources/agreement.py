"""Whether several files have the same columns, and which dtypes hold the values of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from explorer._errors import SourceError

if TYPE_CHECKING:
    from explorer.sources.opening import Source


def refuse_other_columns(
    schemas: list[tuple[Source, pl.Schema]], *, missing: str | None, extra: str | None
) -> None:
    """Say which file has other columns than the first one."""
    first, expected = schemas[0]
    for source, schema in schemas[1:]:
        lost = [name for name in expected if name not in schema] if missing != "insert" else []
        more = [name for name in schema if name not in expected] if extra != "ignore" else []
        if not lost and not more:
            continue
        said = [f"lacks {', '.join(map(repr, lost[:8]))}"] if lost else []
        said += [f"has {', '.join(map(repr, more[:8]))} besides"] if more else []
        options = ['missing_columns="insert" for nulls'] if lost else []
        options += ['extra_columns="ignore" to leave them out'] if more else []
        raise SourceError(
            f"{source.name} has other columns than {first.name}: it {' and '.join(said)}.",
            hint=f"Pass {' and '.join(options)}, or read the files apart.",
        )


def refuse_other_dtypes(schemas: list[tuple[Source, pl.Schema]]) -> None:
    """Say which file has a column of another dtype than the first one."""
    first, expected = schemas[0]
    for source, schema in schemas[1:]:
        for name, dtype in schema.items():
            if name in expected and expected[name] != dtype:
                raise SourceError(
                    f"Column {name!r} is {dtype} in {source.name} and {expected[name]} in {first.name}.",
                    hint="Pass cast_options=pl.ScanCastOptions(…) where one fits the other, "
                    "or read the files apart.",
                )


def common_dtypes(schemas: list[tuple[Source, pl.Schema]]) -> dict[str, pl.DataType]:
    """Return a dtype for each column that all files fit in, or say which do not go together."""
    common: dict[str, pl.DataType] = {}
    seen: dict[str, Source] = {}
    for source, schema in schemas:
        for name, dtype in schema.items():
            before = common.setdefault(name, dtype)
            if before == dtype:
                seen.setdefault(name, source)
                continue
            together = _supertype(before, dtype)
            if together is None:
                raise SourceError(
                    f"Column {name!r} is {dtype} in {source.name} and {before} in {seen[name].name}.",
                    hint=f'Pass schema_overrides={{"{name}": …}}, or read the files apart.',
                )
            common[name] = together
    return common


def _supertype(one: pl.DataType, other: pl.DataType) -> pl.DataType | None:
    if one.is_nested() != other.is_nested() and pl.Null not in {one, other}:
        return None  # Polars would wrap numbers into structs
    try:
        both = [pl.DataFrame(schema={"a": dtype}) for dtype in (one, other)]
        return pl.concat(both, how="vertical_relaxed").schema["a"]
    except pl.exceptions.PolarsError:
        return None
