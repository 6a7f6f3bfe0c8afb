from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import explorer as ex
from tests.digits_like import Recorder, table
from tests.views.page import Page


def with_shades(rows=100, *, broken=(), batch_size=16):
    recorder = Recorder()
    t = table(rows, broken=broken).with_columns(
        shade=ex.defer(recorder, "image", batched=True, batch_size=batch_size, returns=pl.Int64)
    )
    return t, recorder


@pytest.fixture
def page():
    t, recorder = with_shades()
    page = Page(t, color="label", histograms=["label", "shade"])
    page.recorder = recorder
    return page


def test_opening_computes_nothing_and_sends_what_is_drawn(page):
    assert page.session.counters.decode_calls == 0
    assert page.recorder.batches == []
    codes, sent = page.column("label")
    assert sent["meta"]["labels"] == list(range(10))
    assert codes.tolist() == [i % 10 for i in range(100)]
    assert page.order == list(range(100))


def test_exactly_the_rows_on_screen_and_ahead_are_decoded_and_inferred(page):
    page.look(20, 30, ahead=(30, 34), columns=["label", "shade"])
    page.steps.run_all()
    assert sorted(page.tiles) == list(range(20, 34))
    assert sorted(page.recorder.seen) == list(range(20, 34))
    assert page.session.counters.images_decoded == 14
    assert page.session.counters.rows_inferred == 14
    assert page.session.counters.decode_calls == 14
    assert page.state["_counts"]["known"] == {"image": 14, "shade": 14}


def test_a_new_page_gets_its_images_before_the_columns_that_its_plots_draw():
    page = Page(with_shades()[0], histograms=["label"], hello=False)
    page.hello()
    page.look(0, 3)
    page.steps.run_one()
    assert page.of("tiles")
    assert not page.of("columns")
    page.steps.run_all()
    kinds = [content["kind"] for content, _ in page.messages]
    assert kinds.index("columns") > kinds.index("tiles")
    assert page.column("label")[0].tolist() == [i % 10 for i in range(100)]


def test_columns_do_not_wait_for_images_that_take_long():
    page = Page(with_shades()[0], histograms=["label"], hello=False)
    page.hello()
    page.look(0, 3)
    page.clock.now += 1
    page.steps.run_one()
    assert len(page.tiles) == 1
    assert page.of("columns")


def test_a_page_that_is_reloaded_gets_everything_again(page):
    page.look(0, 3)
    page.steps.run_all()
    page.messages.clear()
    page.hello()
    page.look(0, 3)
    page.steps.run_all()
    assert sorted(page.tiles) == [0, 1, 2]
    assert page.column("label")[0].tolist() == [i % 10 for i in range(100)]
    assert page.session.counters.decode_calls == 3


def test_predictions_come_as_captions_and_as_codes(page):
    page.look(0, 4, columns=["label", "shade"])
    page.steps.run_all()
    assert page.cells("label") == {0: 0, 1: 1, 2: 2, 3: 3}
    assert page.cells("shade") == {0: 0, 1: 1, 2: 2, 3: 3}
    codes, sent = page.column("shade")
    labels = sent["meta"]["labels"]
    assert [labels[code] for code in codes[:4]] == [0, 1, 2, 3]
    assert set(codes[4:]) == {255}
    assert sent["known"] == 4


def test_visible_rows_come_before_rows_ahead_from_the_middle_outwards(page):
    page.look(10, 15, ahead=(15, 20))
    started = []
    while page.steps.queue:
        page.steps.run_one()
        started = list(page.tiles)
    assert set(started[:5]) == set(range(10, 15))
    assert started[0] in (11, 12, 13)


def test_rows_that_scrolled_past_before_their_turn_are_never_started(page):
    page.look(0, 20, columns=["shade"])
    page.look(50, 60, columns=["shade"])
    page.steps.run_all()
    assert set(page.tiles) == set(range(50, 60))
    assert page.session.counters.images_decoded == 10


def test_tiles_are_not_sent_again_but_for_those_the_page_has_lost(page):
    page.look(0, 5)
    page.steps.run_all()
    page.messages.clear()
    page.look(0, 5, missing=[3])
    page.steps.run_all()
    assert list(page.tiles) == [3]
    assert page.session.counters.decode_calls == 5


def test_a_viewport_of_an_older_order_is_ignored(page):
    page.look(0, 5, epoch=page.epoch - 1)
    page.steps.run_all()
    assert page.tiles == {}


def test_a_broken_image_is_a_tile_with_its_reason():
    t, recorder = with_shades(10, broken=(4,))
    page = Page(t, histograms=["shade"])
    page.look(0, 10, columns=["shade"])
    page.steps.run_all()
    assert "not an image" in page.tiles[4]
    assert "not an image" in page.cells("shade")[4]
    assert sorted(recorder.seen) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    codes, _ = page.column("shade")
    assert codes[4] == 254


def test_a_click_on_a_bar_shows_its_rows_in_the_grid(page):
    page.select("histogram:label", {"type": "category", "column": "label", "values": [3]})
    assert page.order == list(range(3, 100, 10))
    assert page.state["_selection"]["rows"] == 10
    assert page.state["_epoch"]["rows"] == 10
    assert page.session.selection.table.height == 10
    assert page.session.table.filter(page.session.selection.expr).height == 10


def test_picked_tiles_do_not_filter_the_grid_itself(page):
    page.select("grid", {"type": "rows", "rows": [5, 7]})
    assert page.order == list(range(100))
    assert page.session.selection.rows.to_list() == [5, 7]
    assert page.session.table.filter(page.session.selection.expr).to_polars("number")["number"].to_list() == [
        5,
        7,
    ]


def test_clauses_of_several_sources_are_joined_and_each_is_replaced_by_its_own(page):
    page.select("histogram:label", {"type": "category", "column": "label", "values": [3, 4]})
    page.session.select(pl.col("number") < 50)
    assert len(page.session.selection) == 10
    page.select("histogram:label", {"type": "category", "column": "label", "values": [3]})
    assert len(page.session.selection) == 5
    page.select("python", None)
    assert len(page.session.selection) == 10
    page.session.selection.clear()
    assert len(page.session.selection) == 100


def test_selecting_from_python_sends_the_rows_and_then_the_clause(page):
    page.session.select(pl.col("number") % 2 == 0)
    ((content, (bits,)),) = page.of("mask")
    selected = np.unpackbits(np.frombuffer(bits, np.uint8), bitorder="little")[: content["of"]]
    assert np.flatnonzero(selected).tolist() == list(range(0, 100, 2))
    (entry,) = page.state["_selection"]["clauses"]
    assert entry["clause"]["version"] == content["version"]
    assert page.state["_selection"]["rows"] == 50


@pytest.mark.parametrize("given", ["label", [True] * 100, 3])
def test_only_an_expression_selects_from_python(page, given):
    with pytest.raises(ex.ArgumentError, match="takes an expression"):
        page.session.select(given)


def test_selecting_nothing_leaves_an_empty_grid_that_can_be_cleared(page):
    page.session.select(pl.col("number") > 1000)
    assert page.state["_epoch"]["rows"] == 0
    page.look(0, 0)
    assert page.session.selection.table.height == 0
    assert page.ask("clear")["ok"]
    assert page.state["_epoch"]["rows"] == 100


def test_a_selection_on_a_deferred_column_grows_as_its_rows_are_computed(page):
    page.look(0, 8, columns=["shade"])
    page.steps.run_all()
    page.select("histogram:shade", {"type": "category", "column": "shade", "values": [3, 60]})
    assert page.order == [3]
    page.session.table.slice(60, 1).compute("shade")
    page.look(0, 1, columns=["shade"])
    page.ask("detail", row=61, px=64)
    assert page.session.selection.rows.to_list() == [3, 60]


def test_sorting_gives_a_new_order_and_keeps_what_was_sent(page):
    page.look(0, 5)
    page.steps.run_all()
    assert page.ask("sort", by=[{"column": "number", "descending": True}])["ok"]
    assert page.order == list(range(99, -1, -1))
    page.messages.clear()
    page.look(95, 100)
    page.steps.run_all()
    assert page.tiles == {}
    assert page.session.counters.images_decoded == 5


def test_sorting_by_a_deferred_column_puts_what_is_not_computed_last(page):
    page.look(50, 53, columns=["shade"])
    page.steps.run_all()
    page.ask("sort", by=[{"column": "shade", "descending": True}])
    assert page.order[:4] == [52, 51, 50, 0]


def test_the_detail_has_every_value_of_its_row_and_the_image(page):
    reply = page.ask("detail", row=7, px=200)
    values = {entry["column"]: entry for entry in reply["values"]}
    assert values["label"]["value"] == 7
    assert values["shade"] == {
        "column": "shade",
        "dtype": "Int64",
        "deferred": True,
        "known": True,
        "value": 7,
    }
    assert (reply["w"], reply["source_w"]) == (8, 8)
    assert page.recorder.seen == [7]


def test_the_detail_of_a_broken_image_says_why():
    t, _ = with_shades(3, broken=(1,))
    reply = Page(t).ask("detail", row=1, px=200)
    assert "not an image" in reply["image_error"]
    assert "not an image" in {e["column"]: e for e in reply["values"]}["shade"]["error"]


@pytest.mark.parametrize(
    ("op", "args"),
    [
        ("sort", {"by": [{"column": "lable"}]}),
        ("sort", {"by": "label"}),
        ("sort", {"by": [{"column": "image"}]}),
        ("detail", {"row": 100}),
        ("detail", {"row": "x"}),
        ("detail", {"row": 1, "px": "large"}),
        ("facet", {"column": "image"}),
        ("axes", {"x": "number", "y": None}),
        ("axes", {"x": "image", "y": "number"}),
        ("explode", {}),
    ],
)
def test_a_request_that_cannot_be_met_is_answered_with_the_reason(page, op, args):
    before = dict(page.state)
    reply = page.ask(op, **args)
    assert reply["ok"] is False
    assert reply["error"]["message"]
    assert page.state == before


@pytest.mark.parametrize(
    "message",
    [
        {"kind": "unheard of"},
        {"kind": "select", "seq": 1, "source": "grid", "clause": {"type": "sql", "query": "drop"}},
        {"kind": "viewport", "seq": 1, "epoch": 1, "start": 0, "stop": 10**9, "px": 96},
        {"kind": "viewport", "seq": 1, "epoch": 1, "start": 0, "stop": 10, "px": 10**6},
        {"no": "kind"},
        "text",
        None,
    ],
)
def test_a_message_that_cannot_be_read_is_a_notice(page, message):
    page.session.handle(message)
    ((notice, _),) = page.of("notice")
    assert notice["level"] == "error"
    page.look(0, 2)
    page.steps.run_all()
    assert len(page.tiles) == 2


def test_a_selection_that_is_refused_is_answered_so_that_the_page_waits_for_nothing(page):
    page.session.handle({"kind": "select", "seq": 77, "source": "scatter", "clause": {"type": "sql"}})
    assert page.state["_selection"]["seq"] == 77
    assert page.state["_selection"]["clauses"] == []


def test_a_clause_on_a_column_that_does_not_exist_is_refused(page):
    page.select("histogram:x", {"type": "category", "column": "lable", "values": [1]})
    ((notice, _),) = page.of("notice")
    assert "'label'" in notice["hint"]
    assert len(page.session.selection) == 100


def test_another_protocol_version_is_a_notice_that_names_both():
    page = Page(table(3), hello=False)
    page.hello(protocol=2)
    ((notice, _),) = page.of("notice")
    assert "protocol 2, the kernel 1" in notice["message"]


def test_a_host_that_drops_buffers_is_served_text():
    page = Page(table(3), hello=False)
    page.hello(buffers=False)
    page.messages.clear()
    page.look(0, 3)
    page.steps.run_all()
    assert all(buffers == [] for _, buffers in page.messages)
    assert all("b64" in content for content, _ in page.of("tiles"))


def test_a_function_of_the_wrong_shape_is_one_notice_and_the_tiles_still_come():
    t = table(8).with_columns(bad=ex.defer(lambda x: x[:1], "label", batched=True, returns=int))
    page = Page(t, histograms=["bad"])
    page.look(0, 8, columns=["bad"])
    page.steps.run_all()
    ((notice, _),) = page.of("notice")
    assert "returned 1 rows" in notice["message"]
    assert len(page.tiles) == 8


def test_the_open_view_can_be_pointed_at_columns_that_were_added_since(page):
    page.select("histogram:label", {"type": "category", "column": "label", "values": [3]})
    page.session.update(
        page.session.table.with_columns(x=pl.col("number") * 1.0, y=pl.col("label") / 2), {"x": "x", "y": "y"}
    )
    values, _ = page.column("x", "point")
    assert values.tolist() == list(range(100))
    assert page.state["_schema"]["axes"] == {"x": "x", "y": "y"}
    assert len(page.session.selection) == 10


def test_a_view_of_a_part_takes_columns_of_the_whole_by_row(page):
    whole = page.session.table
    part = Page(whole.filter(pl.col("label") == 3).sort("number", descending=True))
    part.session.update(whole.with_columns(x=pl.col("number") + 0.5, y=pl.lit(1.0)), {"x": "x", "y": "y"})
    values, _ = part.column("x", "point")
    assert values.tolist() == [n + 0.5 for n in range(93, 0, -10)]


def test_an_unrelated_table_or_one_without_its_rows_is_refused(page):
    with pytest.raises(ex.ArgumentError, match="was not made from"):
        page.session.update(table(100), {})
    with pytest.raises(ex.ArgumentError, match="90 of the 100 rows"):
        page.session.update(page.session.table.filter(pl.col("label") == 1), {})


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"colour": "label"}, ex.ArgumentError, "Did you mean 'color'"),
        ({"color": "lable"}, ex.ColumnNotFoundError, "Did you mean 'label'"),
        ({"histograms": ["image"]}, ex.ArgumentError, "no histogram or colour"),
        ({"image": "label"}, ex.ArgumentError, "not images"),
        ({"x": "number"}, ex.ArgumentError, "needs both"),
        ({"x": "image", "y": "number"}, ex.ArgumentError, "not numbers"),
        ({"size": 1000}, ex.ArgumentError, "between 32 and 256"),
    ],
)
def test_options_that_cannot_be_meant_are_refused_before_anything_opens(options, error, words):
    with pytest.raises(error, match=words):
        Page(table(10), **options)


def test_a_table_without_images_and_an_empty_table_can_be_opened():
    page = Page(ex.from_polars({"label": ["a", "b"]}), histograms=["label"])
    page.look(0, 2, columns=["label"])
    page.steps.run_all()
    assert page.cells("label") == {0: "a", 1: "b"}
    empty = Page(table(10).filter(pl.col("label") == 77), color="label")
    empty.look(0, 0)
    assert empty.state["_epoch"]["rows"] == 0


def test_a_view_shows_what_another_view_and_the_persons_code_compute():
    t, _ = with_shades()
    first, second = Page(t, histograms=["shade"]), Page(t, histograms=["shade"])
    for page in (first, second):
        page.look(0, 4, columns=["shade"])
    first.steps.run_all()
    assert second.column("shade")[1]["known"] == 4
    assert second.cells("shade") == {0: 0, 1: 1, 2: 2, 3: 3}
    t.compute("shade")
    for page in (first, second):
        codes, sent = page.column("shade")
        assert sent["known"] == 100
        assert 255 not in codes
        assert page.state["_counts"]["known"]["shade"] == 100


def test_when_the_page_is_gone_nothing_more_is_computed_or_sent_until_it_is_back(page):
    page.look(0, 20, columns=["shade"])
    page.steps.run_one()
    page.session.handle({"kind": "bye", "page": 1})
    page.messages.clear()
    page.steps.run_all()
    page.session.table.compute("shade")
    assert page.messages == []
    assert page.session.counters.images_decoded <= 3
    page.hello()
    page.look(0, 3, columns=["shade"])
    page.steps.run_all()
    assert page.cells("shade") == {0: 0, 1: 1, 2: 2}
    assert page.column("shade")[1]["known"] == 100


def test_one_of_two_pages_that_goes_leaves_the_other_its_images(page):
    page.hello(page=2)
    page.look(0, 3)
    page.session.handle({"kind": "bye", "page": 2})
    page.steps.run_all()
    assert sorted(page.tiles) == [0, 1, 2]


def test_an_update_keeps_the_order_and_the_place(page):
    page.look(20, 30, columns=["label"])
    page.steps.run_all()
    epoch = page.epoch
    page.session.update(None, {"captions": ["number"]})
    assert page.epoch == epoch
    page.look(20, 30, columns=["number"])
    page.steps.run_all()
    assert page.cells("number")[25] == 25
    assert page.session.counters.decode_calls == 10


def test_a_request_that_was_cancelled_is_not_answered_and_its_number_can_be_used_again(page):
    page.session.handle({"kind": "ask", "rid": 9, "op": "detail", "args": {"row": 1, "px": 64}})
    page.session.handle({"kind": "cancel", "rid": 9})
    page.session.handle({"kind": "cancel", "rid": 10})
    page.steps.run_all()
    assert page.of("reply") == []
    for rid in (9, 10):
        page.session.handle({"kind": "ask", "rid": rid, "op": "detail", "args": {"row": 1, "px": 64}})
    page.steps.run_all()
    assert [content["rid"] for content, _ in page.of("reply")] == [9, 10]


def test_rows_of_a_per_row_function_are_shown_one_by_one():
    t = table(20).with_columns(slow=ex.defer(lambda number: number, returns=int))
    page = Page(t, histograms=["slow"])
    page.look(0, 20, columns=["slow"])
    while not page.cells("slow"):
        page.clock.now += 0.05
        page.steps.run_one()
    assert page.session.counters.rows_inferred <= 2
    page.steps.run_all()
    assert len(page.cells("slow")) == 20


def test_a_function_that_is_wrong_as_a_whole_marks_its_rows_and_is_not_called_again():
    calls = []
    t = table(40).with_columns(
        bad=ex.defer(lambda x: calls.append(1) or x[:0], "label", batched=True, returns=int)
    )
    page = Page(t, histograms=["bad"])
    page.look(0, 8, columns=["bad"])
    page.steps.run_all()
    page.look(8, 16, columns=["bad"])
    page.steps.run_all()
    assert len(calls) == 1
    assert len(page.of("notice")) == 1
    assert all("wrong" in message for message in page.cells("bad").values())
    assert sorted(page.cells("bad")) == list(range(16))


def test_rows_can_be_asked_for_by_their_places(page):
    page.ask("sort", by=[{"column": "number", "descending": True}])
    reply = page.ask("rows", epoch=page.epoch, start=2, stop=5)
    ((_, (buffer,)),) = [m for m in page.of("reply") if m[0]["rid"] == reply["rid"]]
    assert np.frombuffer(buffer, "<u4").tolist() == [97, 96, 95]
    assert "order of the rows has changed" in page.ask("rows", epoch=1, start=2, stop=5)["error"]["message"]
    assert "too many" in page.ask("rows", epoch=page.epoch, start=0, stop=10**6)["error"]["message"]


def test_sorting_by_a_column_that_is_partly_computed_says_so(page):
    page.look(0, 4, columns=["shade"])
    page.steps.run_all()
    page.ask("sort", by=[{"column": "shade", "descending": False}])
    ((notice, _),) = page.of("notice")
    assert "4 of 100 rows" in notice["message"]


def test_one_column_that_cannot_be_drawn_leaves_the_others():
    t = ex.from_polars({"id": [2**60 + i for i in range(50)], "huge": [1e20] * 50, "label": ["a", "b"] * 25})
    page = Page(t, histograms=["label", "huge"], x="huge", y="huge")
    assert page.column("label")[0].tolist() == [0, 1] * 25
    assert set(page.column("huge")[0]) == {0}
    with pytest.raises(ex.ArgumentError, match="no histogram"):
        Page(t, histograms=["id"])


def test_view_expression_and_pasted_code_agree_at_the_edges_of_float32_columns():
    shades = pl.Series([0.7, 0.15, 0.35, 0.3, 0.6], dtype=pl.Float32)
    page = Page(ex.from_polars(pl.DataFrame({"c": shades})), histograms=["c"])
    for lo, hi in ((0.7, 0.75), (0.35, 0.4), (0.15, 0.2), (0.3, 0.35)):
        clause = {"type": "interval", "column": "c", "lo": lo, "hi": hi, "closed": "left"}
        page.select("histogram:c", clause)
        selection, t = page.session.selection, page.session.table
        assert t.filter(selection.expr).height == len(selection)
        assert t.filter(eval(selection.code, {"pl": pl})).height == len(selection)  # noqa: S307 - our own text


def test_an_update_without_a_column_drops_its_clause_and_its_place_in_the_order(page):
    page.ask("sort", by=[{"column": "number", "descending": True}])
    page.select("histogram:label", {"type": "category", "column": "label", "values": [3]})
    page.session.update(page.session.table.drop("label", "number"), {"color": None, "histograms": []})
    assert page.order == list(range(100))
    assert len(page.session.selection) == 100
    page.session.selection.clear()


def test_an_update_evaluates_the_persons_expression_on_the_new_values(page):
    page.session.select(pl.col("label") == 3)
    page.session.update(page.session.table.with_columns(label=9 - pl.col("label")), {})
    selection = page.session.selection
    assert selection.rows.to_list() == list(range(6, 100, 10))
    assert page.session.table.filter(selection.expr).height == len(selection)
    page.session.update(page.session.table.drop("label"), {"color": None, "histograms": []})
    assert len(page.session.selection) == 100


def test_a_null_bar_selects_no_failed_rows():
    inverse = ex.defer(lambda label: None if label == 1 else 1 / label, returns=float)
    page = Page(table(30).with_columns(inverse=inverse), histograms=["label"])
    with pytest.warns(ex.ExplorerWarning):
        page.session.table.compute("inverse")
    page.select("x", {"type": "category", "column": "inverse", "values": [None]})
    assert page.session.selection.rows.to_list() == [1, 11, 21]


def test_a_question_that_waits_while_the_view_is_updated_is_answered(page):
    page.session.handle({"kind": "ask", "rid": 9, "op": "detail", "args": {"row": 1, "px": 64}})
    page.session.update(None, {"captions": ["number"]})
    page.steps.run_all()
    ((reply, _),) = page.of("reply")
    assert (reply["rid"], reply["ok"]) == (9, True)


def test_a_category_of_numbers_with_a_fraction_can_be_selected():
    t = ex.from_polars({"v": [0.5, 1.0, 1.0]})
    page = Page(t)
    page.select("histogram:v", {"type": "category", "column": "v", "values": [1]})
    assert page.session.selection.rows.to_list() == [1, 2]


actions = st.one_of(
    st.tuples(st.just("look"), st.integers(0, 90)),
    st.tuples(st.just("select"), st.integers(0, 11)),
    st.tuples(st.just("sort"), st.booleans()),
    st.tuples(st.just("step"), st.integers(0, 7)),
    st.tuples(st.just("size"), st.sampled_from([48, 96])),
)


def act(page, action):
    what, value = action
    if what == "look":
        page.look(value, value + 10, ahead=(value + 10, value + 12), columns=["shade"])
    elif what == "select":
        clause = {"type": "category", "column": "label", "values": [value]}
        page.select("histogram:label", clause if value < 10 else None)
    elif what == "sort":
        page.ask("sort", by=[{"column": "number", "descending": value}])
    elif what == "size":
        page.look(0, 6, px=value, columns=["shade"])
    else:
        for place in range(value):
            if page.steps.queue:
                page.steps.run_one(place)


@settings(max_examples=40)
@given(st.lists(actions, max_size=12), st.integers(0, 9), st.booleans())
def test_any_order_of_scrolls_sorts_and_late_results_ends_in_the_same_picture(history, label, descending):
    pages = [Page(with_shades()[0], color="label", histograms=["shade"]) for _ in range(2)]
    for action in history:
        act(pages[0], action)
    for page in pages:
        page.select("histogram:label", {"type": "category", "column": "label", "values": [label]})
        page.ask("sort", by=[{"column": "number", "descending": descending}])
        page.look(0, 10, px=64, columns=["shade"])
        page.steps.run_all()
    travelled, direct = pages
    assert travelled.order == direct.order
    assert all(travelled.tiles[row] == direct.tiles[row] for row in direct.order)
    assert {row: travelled.cells("shade")[row] for row in direct.order} == direct.cells("shade")
    assert travelled.state["_epoch"]["rows"] == direct.state["_epoch"]["rows"]
