"""The verbs mean what they mean in Polars, with deferred columns as with stored ones."""

from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import explorer as ex
from tests.digits_like import table

FRAME = pl.DataFrame(
    {"a": [3, 1, 2, 3, None], "b": ["x", "y", "x", "z", "y"], "c": [0.5, 1.5, 2.5, 3.5, 4.5]}
)


@pytest.fixture(params=["stored", "deferred"])
def t(request):
    """The same table, with its column `a` stored or computed."""
    if request.param == "stored":
        return ex.from_polars(FRAME)
    raw = FRAME.rename({"a": "raw"})
    return (
        ex.from_polars(raw).with_columns(a=ex.defer(lambda raw: raw, returns=pl.Int64)).select("a", "b", "c")
    )


VERBS = {
    "select": lambda t: t.select("b", "a"),
    "select expressions": lambda t: t.select(pl.col("a") * 2, d=pl.col("c") + 1),
    "select by dtype": lambda t: t.select(pl.col("b"), pl.selectors.float()),
    "with_columns": lambda t: t.with_columns(d=pl.col("a") + pl.col("c")),
    "with_columns replaces": lambda t: t.with_columns(a=pl.col("a") * 10, c=pl.col("b")),
    "with_columns over all rows": lambda t: t.with_columns(d=pl.col("a") - pl.col("a").mean()),
    "drop": lambda t: t.drop("c"),
    "rename": lambda t: t.rename({"a": "z"}),
    "filter": lambda t: t.filter(pl.col("a") > 1),
    "filter with null": lambda t: t.filter(pl.col("a").is_null()),
    "filter by constraint": lambda t: t.filter(b="x"),
    "filter by mask": lambda t: t.filter([True, False, True, False, True]),
    "filter by two of which one looks at all rows": lambda t: t.filter(
        pl.col("c") > 1, pl.col("a") >= pl.col("a").mean()
    ),
    "filter by aggregate": lambda t: t.filter(pl.col("a") >= pl.col("a").mean()),
    "remove": lambda t: t.remove(pl.col("a") == 3),
    "sort": lambda t: t.sort("a", nulls_last=True, maintain_order=True),
    "sort descending by two": lambda t: t.sort("b", "a", descending=[True, False], nulls_last=True),
    "head": lambda t: t.head(2),
    "tail": lambda t: t.tail(2),
    "slice": lambda t: t.slice(1, 3),
    "slice from the end": lambda t: t.slice(-2, 1),
    "filter then slice": lambda t: t.filter(pl.col("a") > 1).slice(1, 1),
    "unique": lambda t: t.unique("b", keep="first", maintain_order=True),
    "unique of a": lambda t: t.unique(["a"], keep="last", maintain_order=True),
    "with_row_index": lambda t: t.with_row_index("i", offset=5),
    "gather": lambda t: t.gather([4, 0, 0]),
    "join": lambda t: t.join(pl.DataFrame({"b": ["x", "y"], "d": [1, 2]}), on="b", how="left"),
    "join that repeats rows": lambda t: t.join(
        pl.DataFrame({"b": ["x", "x", "y"], "d": [1, 2, 3]}), on="b", maintain_order="left"
    ),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_gives_what_polars_gives(t, verb):
    expected = VERBS[verb](FRAME)
    given = VERBS[verb](t)
    assert given.columns == expected.columns
    assert_frame_equal(given.to_polars(), expected)


AGGREGATIONS = {
    "group_by": lambda t: t.group_by("b", maintain_order=True).agg(pl.col("a").sum(), n=pl.len()),
    "group_by computed": lambda t: t.group_by(odd=pl.col("a") % 2, maintain_order=True).agg(
        pl.col("c").sum()
    ),
    "len of groups": lambda t: t.group_by("a", maintain_order=True).len(),
    "select an aggregate": lambda t: t.select(pl.col("a").mean(), pl.len()),
}


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_an_aggregation_gives_the_frame_that_polars_gives(t, aggregation):
    assert_frame_equal(AGGREGATIONS[aggregation](t), AGGREGATIONS[aggregation](FRAME))


def test_a_seeded_sample_is_repeatable_and_of_the_size_asked_for(t):
    sample = t.sample(3, seed=1)
    assert_frame_equal(sample.to_polars(), t.sample(3, seed=1).to_polars())
    assert t.sample(fraction=0.4, seed=1).height == 2
    assert t.sample(9, seed=1, with_replacement=True).height == 9
    assert sample.join(FRAME, on=["b", "c"]).height == 3


def test_every_verb_leaves_the_table_as_it_was(t):
    before = t.to_polars()
    for verb in VERBS.values():
        verb(t)
    assert_frame_equal(t.to_polars(), before)


def test_a_deferred_column_goes_on_working_when_what_it_reads_is_dropped_renamed_or_replaced():
    t = ex.from_polars({"n": [1, 2, 3]}).with_columns(twice=ex.defer(lambda n: 2 * n, returns=int))
    assert t.drop("n").to_polars("twice")["twice"].to_list() == [2, 4, 6]
    assert t.rename({"n": "m"}).to_polars("twice")["twice"].to_list() == [2, 4, 6]
    replaced = t.with_columns(n=pl.col("n") * 100)
    assert replaced.to_polars("n", "twice").rows() == [(100, 2), (200, 4), (300, 6)]


def test_results_survive_a_join_that_repeats_rows():
    calls = []
    t = ex.from_polars({"k": [1, 2]}).with_columns(d=ex.defer(lambda k: calls.append(k) or k, returns=int))
    t.compute()
    joined = t.join(pl.DataFrame({"k": [1, 1, 2], "v": [7, 8, 9]}), on="k", maintain_order="left")
    further = joined.with_columns(s=ex.defer(lambda d, v: d + v, returns=int))
    assert further.to_polars("d", "v", "s").rows() == [(1, 7, 8), (1, 8, 9), (2, 9, 11)]
    assert calls == [1, 2]


def test_joining_two_tables_keeps_the_deferred_columns_and_results_of_both():
    left_calls, right_calls = [], []
    left = ex.from_polars({"k": [1, 2, 3]}).with_columns(
        l=ex.defer(lambda k: left_calls.append(k) or 10 * k, "k", returns=int)
    )
    right = ex.from_polars({"k": [3, 1], "w": [30, 10]}).with_columns(
        r=ex.defer(lambda w: right_calls.append(w) or w + 1, "w", returns=int)
    )
    left.compute("l")
    right.compute("r")
    both = left.join(right, on="k", how="left", maintain_order="left")
    assert both.columns == ["k", "l", "w", "r"]
    assert both.to_polars("k", "l", "w").rows() == [(1, 10, 10), (2, 20, None), (3, 30, 30)]
    assert both.filter(pl.col("w").is_not_null()).to_polars("r")["r"].to_list() == [11, 31]
    assert left_calls == [1, 2, 3]
    assert sorted(right_calls) == [10, 30]


@pytest.mark.parametrize(
    ("verb", "error", "words"),
    [
        (lambda t: t.select("lable"), ex.ColumnNotFoundError, "Did you mean 'label'"),
        (lambda t: t.filter(pl.col("lable") == 1), ex.ColumnNotFoundError, "Did you mean 'label'"),
        (lambda t: t["lable"], ex.ColumnNotFoundError, "Did you mean 'label'"),
        (lambda t: t.drop("lable"), ex.ColumnNotFoundError, "Did you mean 'label'"),
        (lambda t: t.rename({"lable": "x"}), ex.ColumnNotFoundError, "Did you mean 'label'"),
        (lambda t: t.sort("lable"), ex.ColumnNotFoundError, "Did you mean 'label'"),
        (lambda t: t.group_by("lable").len(), ex.ColumnNotFoundError, "Did you mean 'label'"),
        (lambda t: t.with_columns(x=ex.image("lable")), ex.ColumnNotFoundError, "Did you mean 'label'"),
        (lambda t: t.select("label", "label"), ex.ArgumentError, "Two columns of one name"),
        (lambda t: t.rename({"label": "number"}), ex.ArgumentError, "Two columns of one name"),
        (lambda t: t.with_columns(pl.col("label"), label=pl.lit(1)), ex.ArgumentError, "duplicate"),
        (lambda t: t.filter("label"), ex.ArgumentError, "pl.col"),
        (lambda t: t.filter(pl.col("image") == 1), ex.ArgumentError, "Images are not values"),
        (lambda t: t.to_polars("image"), ex.ArgumentError, "Images are not values"),
        (lambda t: t.filter([True]), ex.ArgumentError, "The mask has 1 values"),
        (lambda t: t.filter(pl.col("label") == "x").height, ex.ArgumentError, "Polars says"),
        (lambda t: t.gather([99]), ex.ArgumentError, "There is no row 99"),
        (lambda t: t["image"][99], ex.ArgumentError, "has 20 rows"),
        (lambda t: t["image"]["a"], ex.ArgumentError, "was given 'a'"),
        (lambda t: t.umap("label"), ex.ArgumentError, "needs a column of vectors"),
        (lambda t: t[0], ex.ArgumentError, "takes the name of a column"),
        (
            lambda t: t.with_columns(a=ex.defer(lambda b: b, "b"), b=ex.defer(lambda a: a, "a")),
            ex.CycleError,
            "a → b → a",
        ),
        (lambda t: t.with_columns(ex.defer(abs, "label")), ex.DeferredError, "has no name"),
        (
            lambda t: t.with_columns(x=ex.defer(abs, "label", returns={"p": int, "q": int})),
            ex.DeferredError,
            "by position",
        ),
        (
            lambda t: t.with_columns(ex.defer(abs, "label", returns={"p": int}), p=ex.defer(abs, "label")),
            ex.ArgumentError,
            "'p' is defined twice",
        ),
    ],
)
def test_what_cannot_be_meant_says_what_was_given_and_the_nearest_right_name(verb, error, words):
    with pytest.raises(error, match=words) as caught:
        verb(table(20))
    assert isinstance(caught.value, ex.ExplorerError)
