"""The kernel's side of the golden messages and clauses; vitest reads the same files for the page's."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import explorer as ex
from explorer.compute.results import Failure
from explorer.images.thumbnail import Thumbnail
from explorer.views import outgoing, protocol
from explorer.views.clauses import parse
from tests.views.page import Page

HERE = Path(__file__).parent
MESSAGES = json.loads((HERE / "messages.json").read_text())
CLAUSES = json.loads((HERE / "clauses.json").read_text())
KINDS = {"u1": np.uint8, "u2": np.uint16, "f4": np.float32}


def named(cases, **having):
    found = [case for case in cases if all(case.get(key) == value for key, value in having.items())]
    assert found
    return pytest.mark.parametrize("case", found, ids=[case["name"] for case in found])


def test_both_sides_speak_this_version():
    assert MESSAGES["protocol"] == protocol.PROTOCOL


@named(MESSAGES["cases"], direction="js->py", valid=True)
def test_a_valid_message_of_the_page_is_read(case):
    message = protocol.parse(case["content"])
    for field, value in case["content"].items():
        given = getattr(message, field, None)
        if isinstance(value, (int, str)) and given is not None and field != "kind":
            assert given == value
    if case["content"].get("clause"):
        assert message.clause.message() == case["content"]["clause"]


@named(MESSAGES["cases"], direction="js->py", valid=False)
def test_an_invalid_message_of_the_page_is_refused_and_the_field_named(case):
    with pytest.raises(ex.ProtocolError, match=case["error"]):
        protocol.parse(case["content"])


def _sent(case):
    """Build the message of a case with the kernel's own builders, from what its receiver reads."""
    content, expect = case["content"], case.get("expect", {})
    match content["kind"]:
        case "rows":
            sent = outgoing.rows(expect["epoch"], expect["start"], np.array(expect["rows"], dtype=np.uint32))
        case "tiles":
            results = [
                (t["row"], Thumbnail(base64.b64decode(t["data"]), t["media"], t["w"], t["h"], 0, 0))
                if t["ok"]
                else (t["row"], t["error"])
                for t in expect["tiles"]
            ]
            sent = outgoing.tiles(
                expect["epoch"],
                expect["px"],
                [
                    (row, Failure(*tile.split(": ", 1), "") if isinstance(tile, str) else tile)
                    for row, tile in results
                ],
            )
        case "cells":
            errors = {int(row): Failure(*text.split(": ", 1), "") for row, text in expect["errors"].items()}
            series = pl.Series(expect["values"])
            sent = outgoing.cells(expect["epoch"], expect["column"], expect["rows"], series, errors)
        case "columns":
            values = np.array(
                [np.nan if v is None else v for v in expect["values"]], dtype=KINDS[content["dtype"]]
            )
            rows = None if expect["rows"] is None else np.array(expect["rows"], dtype=np.uint32)
            (sent,) = outgoing.columns(
                expect["name"],
                expect["role"],
                values,
                version=expect["version"],
                of=expect["of"],
                known=expect["known"],
                meta=expect["meta"],
                rows=rows,
            )
            sent[0]["offset"] = content["offset"]
        case "mask":
            bits = np.zeros(expect["of"], dtype=bool)
            bits[expect["rows"]] = True
            sent = outgoing.mask(expect["source"], expect["version"], bits)
        case "notice":
            sent = outgoing.notice(**expect)
        case "reply" if content["ok"]:
            more = {key: value for key, value in content.items() if key not in ("kind", "rid", "ok")}
            sent = outgoing.reply(expect["rid"], more, [base64.b64decode(b) for b in case["buffers"]])
        case "reply":
            sent = outgoing.refusal(expect["rid"], **expect["error"])
    if "b64" in content:
        return outgoing.as_text(*sent), []
    return sent


BUILDABLE = [
    case
    for case in MESSAGES["cases"]
    if case["direction"] == "py->js"
    and case["valid"]
    # An error of a tile or cell always carries the type of the exception in the kernel's messages.
    and case["name"] not in ("tiles", "tiles that all failed")
]


@named(BUILDABLE)
def test_the_kernel_builds_exactly_the_golden_message(case):
    content, buffers = _sent(case)
    assert json.loads(json.dumps(content)) == case["content"]
    assert [base64.b64encode(buffer).decode() for buffer in buffers] == case["buffers"]


def test_tiles_are_packed_one_behind_the_other_and_failures_say_why():
    good = Thumbnail(b"one", "image/png", 8, 8, 8, 8), Thumbnail(b"three", "image/jpeg", 4, 5, 8, 8)
    failure = Failure("ImageError", "truncated JPEG", "image")
    content, (packed,) = outgoing.tiles(2, 96, [(5, good[0]), (9, failure), (1, good[1])])
    assert packed == b"onethree"
    assert [(t["row"], t["ok"], t.get("offset"), t.get("error")) for t in content["tiles"]] == [
        (5, True, 0, None),
        (9, False, None, "truncated JPEG"),
        (1, True, 3, None),
    ]


@pytest.fixture(scope="module")
def page():
    dtypes = {"number": pl.Float64, "boolean": pl.Boolean}
    frame = pl.DataFrame(
        [
            pl.Series(name, column["values"], dtype=dtypes.get(column["kind"]))
            for name, column in CLAUSES["columns"].items()
        ]
    )
    return Page(ex.from_polars(frame))


@named(CLAUSES["cases"])
def test_the_kernel_selects_the_golden_rows(page, case):
    page.session.selection.clear()
    for entry in case["clauses"]:
        page.select(entry["source"], entry["clause"])
    selection = page.session.selection
    assert selection.rows.to_list() == case["rows"]
    assert page.state["_selection"]["rows"] == len(case["rows"])


@named(CLAUSES["cases"])
def test_the_expression_of_a_selection_selects_the_same_rows(page, case):
    page.session.selection.clear()
    for entry in case["clauses"]:
        page.select(entry["source"], entry["clause"])
    table = page.session.table.with_row_index("i")
    assert table.filter(page.session.selection.expr).to_polars("i")["i"].to_list() == case["rows"]


@named([case for case in CLAUSES["cases"] if case["clauses"]])
def test_the_text_of_a_selection_is_python_that_selects_the_same_rows(page, case):
    page.session.selection.clear()
    for entry in case["clauses"]:
        page.select(entry["source"], entry["clause"])
    expr = eval(page.session.selection.code, {"pl": pl, "ex": ex})  # noqa: S307 - our own text
    table = page.session.table.with_row_index("i")
    assert table.filter(expr).to_polars("i")["i"].to_list() == case["rows"]


def test_a_clause_survives_the_journey_to_the_page_and_back():
    for case in CLAUSES["cases"]:
        for entry in case["clauses"]:
            assert parse(entry["clause"]).message() == entry["clause"]
