"""Tables of frames that are not in memory: a column is read when something needs it."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import PIL.Image
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import explorer as ex

HEIGHT = 3_000


def _png(level):
    buffer = io.BytesIO()
    PIL.Image.new("L", (4, 4), level % 256).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def rows():
    return pl.DataFrame(
        {
            "uid": range(HEIGHT),
            "label": [i * 7 % 10 for i in range(HEIGHT)],
            "score": [i * 37 % 1_009 / 1_009 for i in range(HEIGHT)],
            "png": [_png(i) for i in range(HEIGHT)],
        }
    )


@pytest.fixture
def t(rows, tmp_path):
    path = tmp_path / "rows.parquet"
    rows.write_parquet(path, row_group_size=500)
    return ex.from_polars(pl.scan_parquet(path))


def read(table):
    return sorted(table._frame.read)


def test_opening_describing_and_counting_read_no_column(t):
    assert t.height == HEIGHT
    assert t.schema["png"] == pl.Binary
    assert "3,000 rows" in repr(t)
    assert read(t) == []


def test_verbs_on_stored_columns_read_nothing_until_values_are_wanted(t, rows):
    found = (
        t.filter(pl.col("label") > 4)
        .with_columns(twice=pl.col("score") * 2)
        .sort("twice", "uid")
        .drop("score")
    )
    assert read(t) == read(found) == []
    expected = (
        rows.filter(pl.col("label") > 4)
        .with_columns(twice=pl.col("score") * 2)
        .sort("twice", "uid")
        .drop("score")
    )
    assert_frame_equal(found.to_polars(), expected)


def test_a_column_is_read_alone(t, rows):
    assert t["label"]().sum() == rows["label"].sum()
    assert read(t) == ["label"]


def test_an_expression_reads_the_columns_that_it_names(t, rows):
    counted = t.group_by("label").len()
    assert counted["len"].sum() == HEIGHT
    assert t.select(pl.col("score").mean()).item() == pytest.approx(rows["score"].mean())
    assert read(t) == ["label", "score"]


def test_one_image_reads_neither_the_other_columns_nor_the_other_images(t):
    t = t.with_columns(img=ex.image("png", mode="L")).drop("png")
    assert t["img"][2_222]().getpixel((0, 0)) == 2_222 % 256
    assert read(t) == []
    assert t.counters.images_decoded == 1


def test_a_deferred_column_is_computed_once_whatever_is_done_with_the_rows(t):
    calls = []
    t = t.with_columns(d=ex.defer(lambda uid: calls.append(uid) or -uid, returns=int))
    few = t.filter(pl.col("label") == 3).sort("score", descending=True).head(5)
    again = t.sort("uid").filter(pl.col("uid").is_in(few.to_polars("uid")["uid"].implode()))
    assert sorted(few.to_polars("d")["d"]) == sorted(again.to_polars("d")["d"])
    assert len(calls) == len(set(calls)) == 5


def test_a_filter_on_a_deferred_column_stops_early_and_reads_little(t):
    t = t.with_columns(d=ex.defer(lambda uid: uid * uid, returns=int))
    assert t.filter(pl.col("d") > 100).head(3).to_polars("uid")["uid"].to_list() == [11, 12, 13]
    assert t.counters.rows_inferred < 50


def test_batches_come_in_order_and_read_only_their_columns(t, rows):
    t = t.with_columns(img=ex.image("png", mode="L"))
    batches = list(t.iter_batches(["img", "label"], batch_size=1_024))
    assert [batch["label"].len() for batch in batches] == [1_024, 1_024, 952]
    assert pl.concat([batch["label"] for batch in batches]).to_list() == rows["label"].to_list()
    assert "score" not in read(t)


def test_a_row_that_comes_twice_is_two_rows(t):
    twice = t.gather([5, 5, 7]).with_columns(pl.Series("n", [1, 2, 3]))
    assert twice.to_polars("uid", "n").rows() == [(5, 1), (5, 2), (7, 3)]
    assert twice.with_columns(d=ex.defer(lambda n: 10 * n, returns=int)).to_polars("d")["d"].to_list() == [
        10,
        20,
        30,
    ]


def test_a_view_reads_the_columns_that_it_draws(t):
    t = t.with_columns(img=ex.image("png", mode="L"))
    view = t.explore(color="label", captions=["score"])
    assert "png" not in read(t)
    assert "score" not in read(t)
    assert repr(view).startswith("View(3,000 rows")


def test_a_wrong_expression_is_refused_when_it_is_written_or_when_it_is_read(t):
    with pytest.raises(ex.ComputeError, match="Polars says"):
        t.with_columns(x=pl.col("png") + 1).to_polars("x")
    with pytest.raises(ex.ComputeError, match="Polars says"):
        t.with_columns(x=(pl.col("label") - 1).cast(pl.UInt8)).to_polars("x")
    with pytest.raises(ex.ColumnNotFoundError, match="labl"):
        t.filter(pl.col("labl") == 3)


@pytest.mark.parametrize(
    "plan",
    [
        lambda plan: plan.group_by("label").agg(pl.len(), pl.col("score").max()),
        lambda plan: plan.select("label", "score").join(plan.select("label", "uid"), on="label").head(50),
        lambda plan: plan.select("label").unique(),
    ],
)
def test_a_plan_that_promises_no_order_is_read_whole_so_that_its_columns_agree(rows, plan):
    table = ex.from_polars(plan(rows.lazy()))
    frame = table.to_polars()
    for name in table.columns:
        assert table[name]().to_list() == frame[name].to_list()


def test_a_csv_that_pandas_wrote_with_its_index_has_a_column_without_a_name(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(",label\n0,cat\n1,dog\n")
    t = ex.read_csv(path)
    assert t.columns == ["", "label"]
    assert t.filter(pl.col("") > 0).to_polars().rows() == [(1, "dog")]
    t = t.with_columns(d=ex.defer(lambda n: n + 1, "", returns=int), e=pl.col("") * 2)
    assert t.with_columns(f=pl.col("d") + pl.col("")).sort("", descending=True).to_polars().rows() == [
        (1, "dog", 2, 2, 3),
        (0, "cat", 1, 0, 1),
    ]
    t.write(tmp_path / "table")
    assert ex.read(tmp_path / "table", columns=["", "label"])[""]().to_list() == [0, 1]


def test_many_threads_read_pages_slices_and_whole_columns_at_once(t, rows):
    found = t.filter(pl.col("label") > 2).with_columns(d=ex.defer(lambda uid: 2 * uid, returns=int))
    uids = rows.filter(pl.col("label") > 2)["uid"].to_list()

    def look(seed):
        for step in range(6):
            place = (seed * 7_919 + step * 104_729) % len(uids)
            assert found["uid"][place]() == uids[place]
            assert found["d"][place]() == 2 * uids[place]
            assert found.slice(place, 5)["uid"]().to_list() == uids[place : place + 5]
            assert found["png"][[place, 0]]()[1] == _png(uids[0])
            assert found["uid"]().to_list() == uids

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(look, seed) for seed in range(16)]:
            done.result()
    assert found.counters.rows_inferred == len(
        {(s * 7_919 + i * 104_729) % len(uids) for s in range(16) for i in range(6)}
    )


@pytest.mark.parametrize("how", ["left", "inner", "semi", "anti"])
def test_a_join_reads_the_keys_of_the_left_table_and_no_more(t, rows, how):
    right = pl.DataFrame({"uid": [5, 2_000, 17], "score": [1, 2, 3], "noted": ["a", "b", "c"]})
    joined = t.join(right, on="uid", how=how, maintain_order="left")
    assert read(joined) in (["uid"], ["noted", "score_right", "uid"])
    assert read(t) == ["uid"]
    expected = rows.join(right, on="uid", how=how, maintain_order="left")
    assert_frame_equal(joined.to_polars(), expected)


def test_rows_that_a_join_repeats_are_found_by_what_they_were(t, rows):
    t = t.with_columns(img=ex.image("png", mode="L"), d=ex.defer(lambda uid: -uid, returns=int))
    right = pl.DataFrame({"uid": [7, 9, 7], "n": [1, 2, 3]})
    joined = t.join(right, on="uid", maintain_order="right").drop("png").sort("n", descending=True)
    assert read(joined) == ["n", "uid"]
    assert joined["img"][0]().getpixel((0, 0)) == 7
    assert joined.to_polars("uid", "n", "d").rows() == [(7, 3, -7), (9, 2, -9), (7, 1, -7)]
    assert joined.with_columns(e=pl.col("n") * 10).gather([2, 2]).to_polars("e", "label")["e"].to_list() == [
        10,
        10,
    ]
