"""Tables one below the other."""

from __future__ import annotations

import PIL.Image
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import explorer as ex
from tests.digits_like import png

CALLS: list[object] = []


@pytest.fixture(autouse=True)
def calls():
    CALLS.clear()
    return CALLS


def doubled(n):
    CALLS.append(n)
    if n == 3:
        raise ValueError("three is not doubled")
    return 2 * n


DOUBLED = ex.defer(doubled, "n", returns=int)


def table(*numbers):
    return ex.from_polars({"n": list(numbers), "s": [f"row {n}" for n in numbers]})


def test_stored_columns_are_those_of_polars_in_the_order_of_the_first_table():
    one = pl.DataFrame({"a": [1, None], "b": [["x"], []], "c": pl.Series(["u", "v"], dtype=pl.Categorical)})
    other = pl.DataFrame({"c": pl.Series(["w"], dtype=pl.Categorical), "a": [3], "b": [None]})
    made = ex.concat([ex.from_polars(one), ex.from_polars(other)])
    expected = pl.concat([one, other.select(one.columns).cast(one.schema)])
    assert_frame_equal(made.to_polars(), expected, categorical_as_str=True)
    assert made.filter(pl.col("a") == 3).to_polars("a").rows() == [(3,)]


def test_what_was_computed_of_tables_of_one_definition_is_kept_and_the_rest_is_computed():
    one, other = (table(*numbers).with_columns(d=DOUBLED) for numbers in ((1, 2), (3, 4, 5)))
    one.head(1).compute("d")
    with pytest.warns(ex.ExplorerWarning):
        other.head(2).compute("d")
    made = ex.concat([one, other])
    assert made.deferred == ["d"]
    assert made.errors()["row"].to_list() == [2]
    assert CALLS == [1, 3, 4]
    assert made.to_polars("d")["d"].to_list() == [2, 4, None, 8, 10]
    assert CALLS == [1, 3, 4, 2, 5]


def test_parts_of_one_table_share_what_is_computed_later():
    t = table(1, 2, 4, 5).with_columns(d=DOUBLED, e=pl.col("n") + 1).with_columns(f=pl.col("d") + pl.col("e"))
    made = ex.concat([t.tail(2), t.filter(pl.col("d") < 6), t.head(1)])
    assert made.to_polars("n", "f").rows() == [(4, 13), (5, 16), (1, 4), (2, 7), (1, 4)]
    t.compute("d")
    assert sorted(CALLS) == [1, 2, 4, 5]


def test_images_chains_and_functions_of_several_columns_go_on_working(tmp_path):
    shade = ex.defer(lambda image: image.getpixel((0, 0))[0], "image", returns=int)
    several = ex.defer(lambda shade: {"x": shade, "y": -shade}, returns={"x": int, "y": int})

    def shades(*levels):
        t = ex.from_polars({"image": [png(level) for level in levels]})
        return t.with_columns(image=ex.image("image")).with_columns(several, shade=shade)

    made = ex.concat([shades(3, 5), shades(7)])
    assert made.to_polars("y", "x").rows() == [(-3, 3), (-5, 5), (-7, 7)]
    assert [cell().getpixel((0, 0))[0] for cell in made["image"]] == [3, 5, 7]
    assert made.counters.rows_inferred == 6
    made.write(tmp_path / "t")
    assert ex.read(tmp_path / "t", columns=["image"])["image"][2]().getpixel((0, 0))[0] == 7


def test_renamed_dropped_and_replaced_inputs_are_those_of_before():
    one = table(1, 2).with_columns(d=DOUBLED).drop("n")
    other = table(4).with_columns(d=DOUBLED).with_columns(s=pl.lit("new")).drop("n")
    made = ex.concat([one, other])
    assert made.to_polars().rows() == [("row 1", 2), ("row 2", 4), ("new", 8)]


def test_diagonal_gives_null_where_a_table_has_no_such_column_and_calls_nothing():
    one = table(1, 2).with_columns(d=DOUBLED)
    other = ex.from_polars({"n": [7], "z": [0.5]})
    made = ex.concat([other, one], how="diagonal")
    assert made.columns == ["n", "z", "s", "d"]
    assert made.to_polars().rows() == [(7, 0.5, None, None), (1, None, "row 1", 2), (2, None, "row 2", 4)]
    assert CALLS == [1, 2]


def test_lazy_tables_tables_without_rows_and_one_table(tmp_path):
    path = tmp_path / "rows.parquet"
    table(1, 2).to_polars().write_parquet(path)
    lazy = ex.read_parquet(path)
    assert ex.concat([lazy.filter(pl.col("n") > 1), lazy, lazy.head(0)]).to_polars("n")["n"].to_list() == [
        2,
        1,
        2,
    ]
    assert ex.concat(t for t in [lazy]) is lazy
    assert ex.concat([lazy.select([]), lazy.select([])]).shape == (4, 0)


def test_rows_that_were_skipped_stay_listed():
    made = ex.concat([table(1, 2).skip(pl.col("n") == 1), table(3)])
    assert made.height == 2
    assert made.skipped["n"].to_list() == [1]


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda t: ex.concat([]), "no tables"),
        (ex.concat, None),
        (lambda t: ex.concat([t, t.to_polars()]), r"DataFrame at place 1.*\n.*ex\.from_polars\(df\)"),
        (lambda t: ex.concat(3), "int at place 0"),
        (lambda t: ex.concat([t, t], how="horizontal"), "'vertical', 'diagonal'"),
        (lambda t: ex.concat([t, t], hwo="diagonal"), "Did you mean 'how'"),
        (lambda t: ex.concat([t, t.drop("s")]), r"table 1 has no column 's'[^\n]*\n[^\n]*diagonal"),
        (lambda t: ex.concat([t.drop("s"), t]), "table 0 has no column 's', and table 1 has one"),
        (
            lambda t: ex.concat([t, t.with_columns(n=pl.col("n").cast(pl.Int8))]),
            r"'n' is Int64 in table 0 and Int8 in table 1\.\n.*cast\(pl\.Int64\)",
        ),
        (
            lambda t: ex.concat([t.with_columns(s=DOUBLED), t]),
            r"'s' is stored in table 1 and deferred in table 0\.\n.*series\(\)",
        ),
        (
            lambda t: ex.concat([t.with_columns(d=ex.defer(lambda n: n)) for _ in range(2)]),
            "not computed in all tables by the same: <lambda> in one, another of that name",
        ),
    ],
)
def test_tables_that_do_not_fit_together_say_what_to_do(make, match):
    t = table(1, 2)
    if match is None:
        assert make(t) is t
        return
    with pytest.raises(ex.ArgumentError, match=f"(?s){match}"):
        make(t)


def test_the_hint_for_values_that_are_stored_works():
    one, other = table(1).with_columns(d=ex.defer(lambda n: n)), table(2).with_columns(d=pl.lit(5))
    stored = one.with_columns(one["d"].series())
    assert stored.deferred == []
    with pytest.raises(ex.ArgumentError, match="Int64 in table 0 and Int32 in table 1"):
        ex.concat([stored, other])
    assert ex.concat([stored, other.with_columns(pl.col("d").cast(pl.Int64))])["d"]().to_list() == [1, 5]


def test_images_of_several_folders_say_what_to_do(tmp_path):
    tables = []
    for name in ("one", "two"):
        (tmp_path / name / "cat").mkdir(parents=True)
        PIL.Image.new("L", (2, 2)).save(tmp_path / name / "cat" / "a.png")
        tables.append(ex.read_folder(tmp_path / name))
    with pytest.raises(
        ex.ArgumentError, match=r"relative to .*one in one table.*two in another.*\n.*base_dir"
    ):
        ex.concat(tables)


def test_a_tall_pile_of_expressions_is_no_matter():
    def pile(t):
        t = t.with_columns(d=DOUBLED)
        for _ in range(300):
            t = t.with_columns(d=pl.col("d") + 1)
        return t

    assert ex.concat([pile(table(1)), pile(table(2))]).to_polars("d")["d"].to_list() == [302, 304]
