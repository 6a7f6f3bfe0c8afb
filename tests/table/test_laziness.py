"""What is computed, counted: opening, filtering and showing a table compute what is looked at, no more."""

from __future__ import annotations

import polars as pl
import pytest

import explorer as ex
from tests.digits_like import Recorder, table


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def t(recorder):
    return table(100).with_columns(
        shade=ex.defer(recorder, "image", batched=True, batch_size=16, returns=pl.Int64)
    )


def test_defining_selecting_and_filtering_on_stored_columns_computes_nothing(t, recorder):
    few = t.filter(pl.col("label") == 3).sort("number", descending=True).select("image", "shade").head(4)
    assert few.height == 4
    assert recorder.batches == []
    assert t.counters.images_decoded == 0


def test_a_cell_decodes_one_image_and_a_slice_as_many_as_it_has(t):
    assert t["image"][7]().getpixel((0, 0)) == 7
    assert t.counters.images_decoded == 1
    assert t["image"][10:14]().shape == (4, 8, 8)
    assert t.counters.images_decoded == 5


def test_looking_twice_decodes_once(t):
    t["image"][0:8]()
    t["image"][0:8]()
    assert t.counters.decode_calls == 8
    assert t.counters.cache_hits == 8


def test_head_after_a_filter_stops_when_enough_rows_are_found(t, recorder):
    found = t.filter(pl.col("shade") % 2 == 0).head(5)
    assert found.to_polars("number")["number"].to_list() == [0, 2, 4, 6, 8]
    assert recorder.batches == [16]
    assert t.counters.rows_inferred == 16


def test_a_filter_sees_only_the_rows_that_cheaper_predicates_left(t, recorder):
    found = t.filter((pl.col("shade") > 50) & (pl.col("label") == 3))
    assert found.height == 5
    assert sorted(recorder.seen) == list(range(3, 100, 10))


def test_a_second_deferred_predicate_sees_only_what_the_first_left(recorder):
    second = Recorder()
    t = table(32).with_columns(
        a=ex.defer(recorder, "image", batched=True, batch_size=8, returns=pl.Int64),
        b=ex.defer(second, "image", batched=True, batch_size=8, returns=pl.Int64),
    )
    assert t.filter(pl.col("a") < 4, pl.col("b") < 2).height == 2
    assert second.seen == [0, 1, 2, 3]


def test_nothing_is_computed_twice_for_tables_made_from_one_another(t, recorder):
    t.filter(pl.col("label") == 1).to_polars("shade")
    t.sort("number", descending=True).filter(pl.col("label") < 2).to_polars("shade")
    t.to_polars("shade")
    assert sorted(recorder.seen) == list(range(100))


def test_an_expression_over_a_deferred_column_is_deferred(t, recorder):
    right = t.with_columns(right=pl.col("shade") % 10 == pl.col("label"))
    assert right.schema["right"] == pl.Boolean
    assert recorder.batches == []
    assert right.head(3).to_polars("right")["right"].to_list() == [True] * 3
    assert recorder.seen == [0, 1, 2]


def test_a_column_and_its_alias_share_their_answers(t, recorder):
    t = t.with_columns(pl.col("shade").alias("again"))
    assert t.head(4).to_polars("shade", "again").rows() == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert len(recorder.seen) == 4


def test_several_outputs_cost_one_evaluation():
    calls = []

    def both(number):
        calls.append(number)
        return {"double": 2 * number, "half": number / 2}

    t = table(6).with_columns(ex.defer(both, "number", returns={"double": pl.Int64, "half": pl.Float64}))
    assert t.to_polars("double", "half").rows()[5] == (10, 2.5)
    t.to_polars("half")
    assert calls == list(range(6))


def test_a_chain_is_evaluated_once_per_row():
    calls = []
    t = table(10).with_columns(
        size=ex.defer(lambda image: calls.append("size") or image.size[0], "image", returns=int),
        area=ex.defer(lambda size: calls.append("area") or size * size, "size", returns=int),
    )
    assert t.to_polars("area")["area"].to_list() == [64] * 10
    assert t.to_polars("size")["size"].to_list() == [8] * 10
    assert (calls.count("size"), calls.count("area")) == (10, 10)


def test_a_function_with_state_is_opened_once_and_only_when_a_row_is_wanted(t, recorder):
    assert recorder.opened == 0
    t.to_polars("shade")
    assert recorder.opened == 1


def test_interrupting_keeps_what_was_done():
    class Interrupted(Recorder):
        def __call__(self, images):
            if len(self.batches) == 2:
                self.batches.append(0)
                raise KeyboardInterrupt
            return super().__call__(images)

    recorder = Interrupted()
    t = table(40).with_columns(
        shade=ex.defer(recorder, "image", batched=True, batch_size=8, returns=pl.Int64)
    )
    with pytest.raises(KeyboardInterrupt):
        t.compute("shade")
    assert t.counters.rows_inferred == 16
    t.compute("shade")
    assert recorder.seen == list(range(40))


def test_compute_over_images_finds_the_broken_files():
    t = table(20, broken=(4, 9))
    with pytest.warns(ex.ExplorerWarning, match="2 of 20 rows failed"):
        t.compute("image")
    assert t.errors()["row"].to_list() == [4, 9]


def test_showing_a_table_decodes_the_rows_that_it_shows(t, recorder):
    markup = t._repr_html_()
    assert markup.count("data:image/png") == 8
    assert t.counters.images_decoded == 8
    assert recorder.batches == []
    assert "deferred, 0 of 100 computed" in markup


def test_describing_a_table_as_text_computes_nothing(t, recorder):
    assert "shade   Int64  deferred, 0 of 100 computed" in repr(t)
    assert t.counters.decode_calls == 0
    assert recorder.batches == []


def test_a_million_rows_cost_as_many_decodings_as_are_looked_at():
    t = ex.from_polars(
        pl.DataFrame({"path": ["a.png"]}).select(pl.col("path").repeat_by(1_000_000).explode())
    )
    t = t.with_columns(image=ex.image("path"), n=pl.int_range(pl.len()))
    few = t.filter(pl.col("n") % 2 == 1).sort("n", descending=True).head(3)
    assert few.to_polars("n")["n"].to_list() == [999_999, 999_997, 999_995]
    assert t.counters.decode_calls == 0
