"""Frames of rows that are read when somebody asks for them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal, assert_series_equal

from explorer._errors import ComputeError
from explorer.compute.frame import ROW_ID, SMALL, Frame, numbered
from explorer.compute.scans import is_steady

HEIGHT = 5_000


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "path": [f"{i}.jpg" for i in range(HEIGHT)],
            "label": random.integers(0, 10, HEIGHT),
            "score": random.random(HEIGHT),
        }
    )


@pytest.fixture(scope="module")
def file(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("frames") / "rows.parquet"
    rows.write_parquet(path, row_group_size=1_000)
    return path


@pytest.fixture
def frame(file):
    return Frame.scanned(pl.scan_parquet(file))


def test_nothing_is_read_before_somebody_asks(frame):
    assert set(frame.columns) == {"path", "label", "score", ROW_ID}
    later = frame.filter(pl.col("label") == 3).sort([pl.col("score")], maintain_order=True)
    assert later.slice(0, 5).read == later.read == frame.read == []


def test_only_the_columns_that_are_asked_for_are_read_and_then_kept(frame, rows):
    assert_series_equal(frame.get_column("label"), rows["label"])
    assert frame.read == ["label"]
    assert frame.height == HEIGHT
    assert frame.read == ["label"]


def test_a_height_reads_no_column(frame):
    assert frame.filter(pl.col("label") == 3).height > 0
    assert frame.height == HEIGHT
    assert frame.read == []


def test_rows_keep_the_ids_of_the_file_through_filter_and_sort(frame, rows):
    found = frame.filter(pl.col("label") == 3).sort([pl.col("score")], maintain_order=True)
    expected = numbered(rows).filter(pl.col("label") == 3).sort("score", maintain_order=True)
    assert found.ids.tolist() == expected[ROW_ID].to_list()


def test_a_few_rows_are_taken_without_reading_whole_columns(frame, rows):
    places = [4_321, 7, 4_321, 4_999]
    taken = frame.take(places, ["path", ROW_ID])
    assert taken["path"].to_list() == rows["path"][places].to_list()
    assert taken[ROW_ID].to_list() == places
    assert "path" not in frame.read


def test_a_few_rows_of_a_sorted_filter_are_the_right_ones(frame, rows):
    found = frame.filter(pl.col("label") > 2).sort([pl.col("score")], maintain_order=True, descending=True)
    expected = rows.filter(pl.col("label") > 2).sort("score", maintain_order=True, descending=True)
    places = [0, 1, 70, 3_000, 5]
    assert_frame_equal(found.take(places, ["path", "score"]), expected[places].select("path", "score"))
    assert "path" not in found.read


def test_pages_that_were_read_are_not_read_again(tmp_path, rows):
    path = tmp_path / "rows.parquet"
    rows.write_parquet(path)
    frame = Frame.scanned(pl.scan_parquet(path))
    frame.take([10], ["path"])
    path.unlink()
    assert frame.take([11, 9], ["path"])["path"].to_list() == ["11.jpg", "9.jpg"]


def test_a_short_slice_is_read_at_once(frame):
    head = frame.filter(pl.col("label") == 3).slice(0, SMALL)
    head.get_column("label")
    assert head.is_held


def test_what_a_column_is_computed_from_is_read_with_it_and_no_more(frame, rows):
    doubled = frame.with_exprs({"double": pl.col("label") * 2})
    assert doubled.read == []
    assert_series_equal(doubled.get_column("double"), (rows["label"] * 2).alias("double"))
    assert doubled.read == ["double"]
    assert (
        doubled.take([3, 4_000], ["double"])["double"].to_list() == (rows["label"][[3, 4_000]] * 2).to_list()
    )


def test_a_replaced_column_is_not_looked_up_in_the_file(frame, rows):
    replaced = frame.with_series({"path": pl.Series(["x"] * HEIGHT)})
    assert replaced.take([5], ["path", "label"]).row(0) == ("x", rows["label"][5])
    computed = frame.with_exprs({"path": pl.lit("y")}).gather([5, 6])
    assert computed.get_column("path").to_list() == ["y", "y"]


def test_a_column_named_like_a_pattern_is_itself():
    plan = pl.DataFrame({"*": [1, 2], "^a.*$": [3, 4]}).lazy()
    frame = Frame.scanned(plan).renamed({"^a.*$": "*", "b": "^a.*$"})
    assert frame.collect().drop(ROW_ID).to_dict(as_series=False) == {"^a.*$": [1, 2], "b": [3, 4]}


@pytest.mark.parametrize(
    ("verb", "steady"),
    [
        (lambda plan: plan, True),
        (lambda plan: plan.filter(pl.col("label") > 1).with_columns(x=pl.col("score") * 2), True),
        (lambda plan: plan.select("label", pl.col("path").str.to_uppercase()).slice(3, 100), True),
        (lambda plan: pl.concat([plan, plan]), True),
        (lambda plan: plan.sort("label"), False),
        (lambda plan: plan.unique(), False),
        (lambda plan: plan.group_by("label").len(), False),
        (lambda plan: plan.join(plan, on="label"), False),
        (lambda plan: plan.with_columns(pl.col("label").shuffle()), False),
        (
            lambda plan: plan.with_columns(pl.col("label").map_elements(lambda x: x, return_dtype=pl.Int64)),
            False,
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::polars.exceptions.PolarsInefficientMapWarning")
def test_a_plan_whose_rows_may_come_in_another_order_is_collected_at_once(file, verb, steady):
    plan = verb(pl.scan_parquet(file))
    assert is_steady(plan) is steady
    frame = Frame.scanned(plan)
    assert frame.is_held is not steady
    assert frame.height == plan.collect().height


def test_what_goes_wrong_while_reading_is_explained(tmp_path, rows):
    path = tmp_path / "rows.parquet"
    rows.write_parquet(path)
    frame = Frame.scanned(pl.scan_parquet(path), explain=lambda error: LookupError(f"gone: {error}"))
    path.unlink()
    with pytest.raises(LookupError, match="gone"):
        frame.get_column("label")


def _steps():
    """Verbs of a frame, each with what Polars does."""
    return [
        (lambda f: f.filter(pl.col("label") > 2), lambda d: d.filter(pl.col("label") > 2)),
        (
            lambda f: f.sort([pl.col("score")], maintain_order=True) or f,
            lambda d: d.sort("score", maintain_order=True),
        ),
        (lambda f: f.slice(2, 40), lambda d: d.slice(2, 40)),
        (lambda f: f.gather(list(range(f.height))[::-2]), lambda d: d[::-1][::2]),
        (lambda f: f.with_exprs({"score": pl.col("score") - 1}) or f, None),
        (lambda f: f.renamed({"path": "path", "score": "score", "label": "label"}), lambda d: d),
        (lambda f: f.get_column("score") is None or f, lambda d: d),
        (lambda f: f.ids is None or f, lambda d: d),
        (lambda f: f.take([0] if f.height else [], ["path"]) is None or f, lambda d: d),
        (
            lambda f: f.with_series({"label": f.get_column("label") + 1}),
            lambda d: d.with_columns(pl.col("label") + 1),
        ),
    ]


@given(st.lists(st.integers(0, 9), max_size=6))
def test_any_chain_of_steps_on_a_plan_gives_the_rows_that_a_frame_gives(chain):
    rows = numbered(
        pl.DataFrame(
            {
                "path": [f"{i}.jpg" for i in range(200)],
                "label": np.arange(200) % 7,
                "score": (np.arange(200) * 37 % 101) / 101,
            }
        )
    )
    frame, expected = Frame.scanned(rows.drop(ROW_ID).lazy()), rows
    for place in chain:
        ours, polars = _steps()[place]
        after = ours(frame)
        if place == 1 and after is frame:
            # Keys that are in memory are sorted by whoever holds them.
            order = frame.get_column("score").arg_sort()
            after = frame.gather(order) if frame.get_column("score").is_unique().all() else frame
            polars = (lambda d: d) if after is frame else polars
        if place == 4:
            polars = (lambda d: d) if after is frame else lambda d: d.with_columns(pl.col("score") - 1)
        frame, expected = after, polars(expected)
    found = frame.collect()
    assert_frame_equal(found.select(sorted(found.columns)), expected.select(sorted(expected.columns)))
    few = list(range(0, frame.height, 3))
    assert frame.take(few, ["path"])["path"].to_list() == expected["path"][few].to_list()


def test_a_file_that_has_other_rows_now_is_told_and_gives_no_others(tmp_path):
    path = tmp_path / "rows.csv"
    rows = pl.DataFrame({"a": range(100), "b": range(100)})
    rows.write_csv(path)
    read = [Frame.scanned(pl.scan_csv(path)) for _ in range(2)]
    assert read[0].get_column("a").len() == 100
    few = read[1].gather([99, 3])
    path.unlink()
    rows.head(50).write_csv(path)
    for frame in (read[0], few):
        with pytest.raises(ComputeError, match="Make the table anew"):
            frame.get_column("b")


def test_a_file_that_is_gone_is_told(tmp_path):
    path = tmp_path / "rows.parquet"
    pl.DataFrame({"a": [1]}).write_parquet(path)
    frame = Frame.scanned(pl.scan_parquet(path))
    path.unlink()
    with pytest.raises(ComputeError, match=r"rows\.parquet[^\n]*\n[^\n]*Make the table anew"):
        frame.get_column("a")


@pytest.mark.parametrize("name", ["", "*", "^a.*$", "a b"])
def test_a_column_may_have_any_name(tmp_path, name):
    path = tmp_path / "rows.parquet"
    rows = pl.DataFrame({name: [3, 1, 2], "a": [1, 2, 3]})
    rows.write_parquet(path)
    for frame in (Frame.scanned(pl.scan_parquet(path)), Frame(numbered(rows))):
        assert frame.get_column(name).to_list() == [3, 1, 2]
        assert frame.gather([2, 0]).collect().columns == frame.columns
        assert frame.take(np.array([1]), [name, "a"]).columns == [name, "a"]
        assert frame.renamed({"new": name}).get_column("new").to_list() == [3, 1, 2]


@pytest.mark.parametrize("places", [[3, 4, 5, 6], [3, 5, 4, 6], [3, 3, 6], [6], [6, 5, 4], []])
def test_rows_that_stand_together_are_taken_like_any_others_and_not_copied(places):
    rows = numbered(pl.DataFrame({"pixels": np.arange(40).reshape(10, 4)}))
    taken = Frame(rows).take(np.array(places, np.uint32), ["pixels"])["pixels"]
    assert taken.to_list() == [rows["pixels"].to_list()[place] for place in places]
    shares = len(places) > 0 and np.shares_memory(taken.to_numpy(), rows["pixels"].to_numpy())
    assert shares == (places in ([3, 4, 5, 6], [6]))
