"""The verbs mean what they mean in Polars, with deferred columns as with stored ones."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
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
    "with_columns by selector": lambda t: t.with_columns(pl.selectors.float() * 2),
    "with_columns across a selector": lambda t: t.with_columns(s=pl.sum_horizontal(pl.selectors.numeric())),
    "with_columns prefixed": lambda t: t.with_columns(pl.selectors.numeric().name.prefix("p_")),
    "with_columns of everything": lambda t: t.with_columns(s=pl.struct(pl.all())),
    "with_columns by two names": lambda t: t.with_columns(pl.col("a", "c") + 1),
    "with_columns by position": lambda t: t.with_columns(last=pl.nth(-1)),
    "with_columns of a literal": lambda t: t.with_columns(d=pl.lit("x"), e=b"ab"),
    "swap names": lambda t: t.with_columns(a=pl.col("c"), c=pl.col("a")),
    "replace and read in one call": lambda t: t.with_columns(a=pl.lit(1), d=pl.col("a") + 1),
    "select by selector": lambda t: t.select(pl.selectors.numeric() * 2),
    "drop": lambda t: t.drop("c"),
    "rename": lambda t: t.rename({"a": "z"}),
    "filter": lambda t: t.filter(pl.col("a") > 1),
    "filter by one column twice": lambda t: t.filter((pl.col("a") < 2) | (pl.col("a") > 2)),
    "filter across a selector": lambda t: t.filter(pl.all_horizontal(pl.selectors.numeric() > 0)),
    "filter by a list of expressions": lambda t: t.filter([pl.col("a") > 1, pl.col("b") == "x"]),
    "remove nothing": lambda t: t.filter(pl.lit(True)),
    "head from the end": lambda t: t.head(-2),
    "sort by a selector": lambda t: t.sort(pl.selectors.numeric()),
    "sort with nulls where polars puts them": lambda t: t.sort("a", maintain_order=True),
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
    "join on the column itself": lambda t: t.join(
        pl.DataFrame({"a": [3, 1], "d": [7, 8]}), on="a", maintain_order="left"
    ),
    "join with a name that is taken": lambda t: t.join(
        pl.DataFrame({"b": ["x", "y"], "a": [1, 2]}), on="b", maintain_order="left"
    ),
    "right join": lambda t: t.join(
        pl.DataFrame({"b": ["x", "w"], "d": [1, 2]}), on="b", how="right", maintain_order="right"
    ),
    "semi join": lambda t: t.join(pl.DataFrame({"b": ["x"]}), on="b", how="semi"),
    "anti join": lambda t: t.join(pl.DataFrame({"b": ["x"]}), on="b", how="anti"),
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
    "aggregate everything": lambda t: t.group_by("b", maintain_order=True).agg(pl.all().first()),
    "group by a selector": lambda t: t.group_by(pl.selectors.string(), maintain_order=True).len(),
    "count nulls": lambda t: t.select(pl.all().null_count()),
    "select an aggregate": lambda t: t.select(pl.col("a").mean(), pl.len()),
}


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_an_aggregation_gives_the_frame_that_polars_gives(t, aggregation):
    assert_frame_equal(AGGREGATIONS[aggregation](t), AGGREGATIONS[aggregation](FRAME))


def _chainable():
    """Verbs that leave the columns a, b and c, of the same dtypes."""
    return [
        lambda t: t.filter(pl.col("a") > 1),
        lambda t: t.filter((pl.col("a") < 3) | (pl.col("b") == "x")),
        lambda t: t.filter(pl.col("c") >= pl.col("c").mean()),
        lambda t: t.remove(pl.col("a") == 2),
        lambda t: t.sort("a", "c", nulls_last=True, maintain_order=True),
        lambda t: t.sort(pl.col("c") * -1, maintain_order=True),
        lambda t: t.head(3),
        lambda t: t.tail(3),
        lambda t: t.slice(1, 3),
        lambda t: t.with_columns(pl.col("a") + 1),
        lambda t: t.with_columns(a=pl.col("a").fill_null(7)),
        lambda t: t.with_columns(c=pl.col("c") + pl.col("a").sum()),
        lambda t: t.with_columns(pl.selectors.float() / 2),
        lambda t: t.rename({"a": "b", "b": "a"}).rename({"a": "b", "b": "a"}),
        lambda t: t.unique("b", keep="first", maintain_order=True),
        lambda t: t.with_columns(extra=pl.col("a") * pl.col("c")),
        lambda t: t.select("b", "c", "a"),
        lambda t: t.join(pl.DataFrame({"b": ["x", "x", "z"]}), on="b", maintain_order="left"),
    ]


@given(st.lists(st.integers(0, 17), max_size=7), st.sets(st.sampled_from("abc")), st.booleans())
def test_any_chain_of_verbs_gives_what_polars_gives(chain, deferred, lazy):
    raw = FRAME.rename({name: f"raw_{name}" for name in deferred})
    given_table = ex.from_polars(raw.lazy() if lazy else raw).with_columns(
        **{
            name: ex.defer(lambda value: value, f"raw_{name}", returns=FRAME.schema[name], batch_size=2)
            for name in deferred
        }
    )
    given_table, expected = given_table.select("a", "b", "c"), FRAME
    for place in chain:
        verb = _chainable()[place]
        given_table, expected = verb(given_table), verb(expected)
    assert given_table.columns == expected.columns
    assert_frame_equal(given_table.to_polars(), expected)


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
        (lambda t: t.gather([99]), ex.ArgumentError, "there is no row 99"),
        (lambda t: t.gather([True, False]), ex.ArgumentError, "the mask has 2 values"),
        (lambda t: t.gather([0.5]), ex.ArgumentError, "Float64 values"),
        (lambda t: t.gather(pl.Series([1, None])), ex.ArgumentError, "some of them null"),
        (lambda t: t.filter([1, 0]), ex.ArgumentError, "not true and false"),
        (lambda t: t.select(5), ex.ArgumentError, "was given int 5"),
        (lambda t: t.select(x=ex.defer(abs, "label")), ex.ArgumentError, "is not one yet"),
        (lambda t: t.to_polars(5), ex.ArgumentError, "named by text"),
        (lambda t: t.join([1], on="label"), ex.ArgumentError, "was given list"),
        (lambda t: ex.image(5), ex.ArgumentError, "takes the name of a column"),
        (lambda t: ex.image("p", basedir="."), ex.ArgumentError, "Did you mean 'base_dir'"),
        (lambda t: __import__("pickle").dumps(t), ex.ArgumentError, "cannot be pickled"),
        (
            lambda t: t.with_columns(n=ex.defer(lambda label: label, returns=int)).filter(pl.col("n")),
            ex.ArgumentError,
            "true or false",
        ),
        (
            lambda t: t.with_columns(n=ex.defer(lambda label: label)).filter(pl.col("n")).height,
            ex.ArgumentError,
            "true or false",
        ),
        (lambda t: ex.from_polars({"__explorer_row__": [1]}), ex.ArgumentError, "hidden column"),
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


def test_a_join_of_two_tables_keeps_both_of_two_deferred_columns_of_one_name():
    def with_pred(factor):
        t = ex.from_polars({"k": [1, 2]})
        return t.with_columns(pred=ex.defer(lambda k: factor * k, "k", returns=int))

    both = with_pred(10).join(with_pred(100), on="k")
    assert both.to_polars("pred", "pred_right").rows() == [(10, 100), (20, 200)]


@pytest.mark.parametrize(("how", "expected"), [("semi", [1]), ("anti", [2])])
def test_tables_join_to_keep_or_drop_rows(how, expected):
    t = ex.from_polars({"k": [1, 2]}).with_columns(d=ex.defer(lambda k: k, returns=int))
    assert t.join(t.head(1), on="k", how=how).to_polars("k")["k"].to_list() == expected


def test_columns_compare_and_calculate_as_expressions():
    t = table(20)
    assert t.filter(t["label"] == 3).height == 2
    assert t.filter((t["label"] > 3) & ~(t["number"] > t["label"])).height == 6
    assert t.with_columns(x=t["label"] * 2 + 1).to_polars("x")["x"][3] == 7
    assert np.asarray(t["number"]).tolist() == list(range(20))
    assert [cell() for cell in t["label"][:3]] == [0, 1, 2]
    assert "label" in t


def test_a_column_named_like_a_pattern_is_itself():
    t = ex.from_polars({"*": [1, 2], "^a.*$": [3, 4], "a": [5, 6]}).rename({"a": "b"})
    assert t.drop("b").to_polars().rows() == [(1, 3), (2, 4)]


@pytest.mark.parametrize(
    ("attempt", "error", "words"),
    [
        (lambda t: t[["label"]], ex.ArgumentError, "t.select"),
        (lambda t: t[t["label"] == 3], ex.ArgumentError, "t.filter"),
        (lambda t: t.label, AttributeError, r"t\['label'\]"),
        (lambda t: t.filtr, AttributeError, "Did you mean 'filter'"),
        (lambda t: t["label"].rolling_mean(3), AttributeError, "is a Series with .rolling_mean"),
        (lambda t: 3 in t["label"], ex.ArgumentError, "would compute it"),
        (lambda t: ex.ImageTable(FRAME), ex.ArgumentError, "ex.from_polars"),
        (lambda t: t.with_columns(x=lambda image: 1), ex.ArgumentError, "ex.defer"),
        (lambda t: t.with_columns(i=ex.image("number"))["i"][0](), ex.ComputeError, "neither a path"),
    ],
)
def test_the_likeliest_mistakes_are_answered_with_what_to_type(attempt, error, words):
    with pytest.raises(error, match=words):
        attempt(table(5))


def test_a_column_stands_where_an_expression_does():
    t = table(20)
    assert t.sort(t["label"], descending=True).to_polars("label")["label"][0] == 9
    assert t.group_by(t["label"]).len().height == 10
    assert t.unique(t["label"]).height == 10
    assert t.select(t["label"], 1 + t["number"]).columns == ["label", "literal"]
    assert t.with_columns(rest=t["number"] % 3, less=-t["number"]).filter(t["label"] < 1).height == 2


def test_rows_without_a_match_are_null_in_deferred_columns_of_the_right_and_call_nothing():
    calls = []
    right = ex.from_polars({"k": [2]}).with_columns(
        d=ex.defer(lambda k: calls.append(k) or 10 * k, returns=int)
    )
    joined = ex.from_polars({"k": [1, 2]}).join(right, on="k", how="left", maintain_order="left")
    assert joined.to_polars().rows() == [(1, None), (2, 20)]
    assert calls == [2]
    assert joined.errors().is_empty()


@pytest.mark.parametrize(
    ("join", "match"),
    [
        (lambda t: t.join(t, on="kk"), r"no column 'kk'[^_]*Did you mean 'k'"),
        (lambda t: t.join(t, left_on="k", right_on="kk"), r"no column 'kk'[^_]*Did you mean 'k'"),
        (lambda t: t.join(t.to_polars(), on=["k", "x"]), "no column 'x'"),
        (lambda t: t.join(t, on="k", hwo="left"), r"join\(\) has no keyword 'hwo'"),
        (lambda t: t.join(t, on="k", how="lefty"), "Did you mean 'left'"),
        (lambda t: t.join(t, on="k", how="cross"), "cross join should not pass join keys"),
        (lambda t: t.join(t), "must specify `on`"),
    ],
)
def test_a_join_that_cannot_be_says_why(join, match):
    with pytest.raises(ex.ExplorerError, match=f"(?s){match}") as caught:
        join(ex.from_polars({"k": [1, 2]}))
    assert "__explorer" not in str(caught.value)


def test_tables_join_on_expressions_over_deferred_columns():
    t = ex.from_polars({"k": [1, 2]}).with_columns(d=ex.defer(lambda k: k + 1, returns=int))
    other = pl.DataFrame({"d": [3, 4], "z": ["three", "four"]})
    assert t.join(other, on=pl.col("d")).to_polars("k", "z").rows() == [(2, "three")]
    assert t.join(other, left_on=pl.col("d") + 1, right_on="d").to_polars("z")["z"].to_list() == [
        "three",
        "four",
    ]


@pytest.mark.parametrize(
    ("verb", "match"),
    [
        (lambda t: t.head("3"), r"head\(\) takes a whole number of rows, not '3'"),
        (lambda t: t.tail(2.5), r"tail\(\) takes a whole number of rows, not 2\.5"),
        (lambda t: t.slice(None), r"slice\(\) takes a whole number of rows, not None"),
        (lambda t: t.slice(0, "2"), r"slice\(\) takes a whole number of rows, not '2'"),
        (lambda t: t.unique(keep="frist"), "Did you mean 'first'"),
        (lambda t: t.with_row_index("k"), "Two columns of one name: the table has a 'k' already"),
        (lambda t: t.with_row_index(offset="k"), "at a whole number, not at 'k'"),
        (lambda t: t.update(pl.DataFrame({"z": [1]})), "no column of this table: 'z'"),
    ],
)
def test_wrong_numbers_and_names_are_refused(verb, match):
    with pytest.raises(ex.ArgumentError, match=match):
        verb(ex.from_polars({"k": [1, 2]}))


def test_a_misspelt_verb_suggests_no_inside_of_the_table():
    with pytest.raises(AttributeError, match="Did you mean 'with_columns'") as caught:
        getattr(ex.from_polars({"k": [1]}), "with_colums")  # noqa: B009 - a person types it
    assert "'_" not in str(caught.value)
