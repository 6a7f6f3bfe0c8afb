"""Chains of verbs over lazy and eager tables, with deferred columns between, give what Polars gives."""

from __future__ import annotations

import datetime as dt
import random

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import explorer as ex

CHAINS = 60
"""How many chains are tried for each source."""


def rows_of(random, height):
    def maybe(value):
        return None if random.random() < 0.15 else value

    def column(make, dtype):
        return pl.Series([maybe(make()) for _ in range(height)], dtype=dtype)

    def whole():
        return random.randint(0, 3)

    def day():
        return dt.date(2020, 1, random.randint(1, 28))

    return pl.DataFrame(
        {
            "i": column(lambda: random.randint(-5, 5), pl.Int64),
            "u": pl.Series([random.randint(0, 9) for _ in range(height)], dtype=pl.UInt8),
            "f": column(lambda: random.choice([0.5, -1.0, float("nan"), float("inf")]), pl.Float64),
            "s": column(lambda: random.choice(["a", "b", "", "ü"]), pl.String),
            "c": column(lambda: random.choice("xyz"), pl.Categorical),
            "e": column(lambda: random.choice("pq"), pl.Enum(["p", "q"])),
            "l": column(lambda: [whole() for _ in range(whole())], pl.List(pl.Int64)),
            "a": column(lambda: [float(whole())] * 2, pl.Array(pl.Float32, 2)),
            "t": column(lambda: {"x": whole(), "y": "k"}, pl.Struct({"x": pl.Int64, "y": pl.String})),
            "d": column(day, pl.Date),
            "b": column(lambda: bytes([random.randint(0, 255)]), pl.Binary),
            "m": column(whole, pl.Int64).cast(pl.Decimal(10, 2)),
            "": column(whole, pl.Int16),
        }
    )


SOURCES = {
    "frame": lambda frame, _: frame,
    "lazy frame": lambda frame, _: frame.lazy(),
    "parquet": lambda frame, path: frame.write_parquet(path, row_group_size=16) or pl.scan_parquet(path),
    "ipc": lambda frame, path: frame.write_ipc(path) or pl.scan_ipc(path),
}

TWICE = ex.defer(lambda i: None if i is None else 2 * i, "i", returns=int)
HALF = ex.defer(lambda u: [int(value) / 2 for value in u], "u", returns=float, batched=True, batch_size=7)
OTHER = pl.DataFrame({"u": pl.Series([1, 2, 3, 3], dtype=pl.UInt8), "z": ["one", "two", "three", "drei"]})


def chained(random, t, frame):
    """Apply a random verb to a table and to a frame."""
    here = frame.columns
    height = frame.height
    number, name = random.randint(-3, 40), random.choice(here)
    verb = random.randrange(15)
    if verb == 0:
        return t.filter(pl.col("u") > number % 10), frame.filter(pl.col("u") > number % 10)
    if verb == 1:
        return t.head(number), frame.head(number)
    if verb == 2:
        length = random.choice([None, 0, 3, 40])
        return t.slice(number - 10, length), frame.slice(number - 10, length)
    if verb == 3 and height:
        places = [random.randrange(height) for _ in range(random.randint(1, 2 * height))]
        return t.gather(places), frame[places]
    if verb == 4:
        options = {"descending": random.random() < 0.5, "nulls_last": random.random() < 0.5}
        key = random.choice(["u", "d", "e"])
        return t.sort(key, **options), frame.sort(key, maintain_order=True, **options)
    if verb == 5:
        exprs = {"u": (pl.col("u") + 1) % 10, "upper": pl.col("s").str.to_uppercase()}
        return t.with_columns(**exprs), frame.with_columns(**exprs)
    if verb == 6:
        return t.with_columns(twice=TWICE), frame.with_columns(twice=2 * pl.col("i"))
    if verb == 7:
        return t.with_columns(half=HALF), frame.with_columns(half=pl.col("u") / 2)
    if verb == 8 and {"twice", "half"} & set(here):
        computed = random.choice(sorted({"twice", "half"} & set(here)))
        kept = pl.col(computed) >= number % 4
        return t.filter(kept).head(abs(number)), frame.filter(kept).head(abs(number))
    if verb == 9 and {"twice", "half"} <= set(here):
        both = pl.col("twice") + pl.col("half")
        return t.with_columns(both=both), frame.with_columns(both=both)
    if verb == 10 and name not in {"i", "u", "s", "d", "e"}:
        return t.drop(name), frame.drop(name)
    if verb == 11 and "z" not in here:
        how = random.choice(["left", "inner"])
        options = {"on": "u", "how": how, "maintain_order": "left_right"}
        right = random.choice([OTHER, ex.from_polars(OTHER.lazy())])
        return t.join(right, **options), frame.join(OTHER, **options)
    if verb == 12:
        options = {"keep": random.choice(["first", "last", "none"]), "maintain_order": True}
        return t.unique(["u", "s"], **options), frame.unique(["u", "s"], **options)
    if verb == 13:
        mask = pl.Series([random.random() < 0.7 for _ in range(height)], dtype=pl.Boolean)
        return t.filter(mask), frame.filter(mask)
    # A look in between: some of it is in memory from now on.
    assert t.to_polars(name)[name].to_list().__repr__() == frame[name].to_list().__repr__()
    return t, frame


@pytest.mark.parametrize("source", SOURCES)
def test_chains_of_verbs_give_what_polars_gives(tmp_path, source):
    for seed in range(CHAINS):
        chosen = random.Random(f"{source} {seed}")  # noqa: S311 - nothing secret
        frame = rows_of(chosen, chosen.choice([0, 1, 5, 150]))
        t = ex.from_polars(SOURCES[source](frame, tmp_path / f"rows {seed}"))
        for _ in range(chosen.randint(1, 8)):
            t, frame = chained(chosen, t, frame)
        assert_frame_equal(t.to_polars(), frame, categorical_as_str=True)
        assert t.height == frame.height
