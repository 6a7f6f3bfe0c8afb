"""What a table looks like in a cell, in a terminal, and in `glimpse`."""

from __future__ import annotations

import polars as pl
import pytest

import explorer as ex


@pytest.fixture
def t():
    table = ex.from_polars({"n": list(range(100)), "s": [f"row {i}" for i in range(100)]})
    return table.with_columns(twice=ex.defer(lambda n: 2 * n, returns=int))


def test_a_dtype_with_many_fields_or_categories_is_cut(t):
    names = [f"category {i}" for i in range(500)]
    frame = pl.DataFrame(
        {
            "enum": pl.Series(["category 1"], dtype=pl.Enum(names)),
            "struct": [dict.fromkeys(names, 1)],
        }
    )
    long = ex.from_polars(frame).with_columns(n=ex.defer(len, "enum", returns=int))
    assert max(map(len, repr(long).splitlines())) < 100
    assert max(map(len, long.explain().splitlines())) < 120
    assert len(long._repr_html_()) < 10_000


def test_names_of_several_lines_stay_on_one():
    text = repr(ex.from_polars({"two\nlines": [1], "": [2]}))
    assert len(text.splitlines()) == 3
    assert "'two\\nlines'" in text


def test_glimpse_of_a_filter_that_waits_shows_rows_that_pass_and_stops_when_it_has_them(t, capsys):
    found = t.filter(pl.col("twice") > 20)
    found.glimpse(max_items_per_column=3)
    printed = capsys.readouterr().out
    assert "Rows: not counted yet" in printed
    assert "$ n <Int64> 11, 12, 13" in printed
    assert t.counters.rows_inferred < 100


def test_a_filter_that_was_evaluated_counts_its_rows_everywhere(t, capsys):
    found = t.filter(pl.col("twice") > 20)
    assert found.height == 89
    found.glimpse(max_items_per_column=3)
    assert "Rows: 89" in capsys.readouterr().out
    assert "89 rows × 3 columns" in repr(found)
    assert "first 8 of 89 rows" in found._repr_html_()
    assert "89 of 89 computed" in repr(found)


def test_a_table_of_60_columns_without_rows_or_without_columns_is_shown(t):
    wide = ex.from_polars({f"c{i}": [1] for i in range(60)})
    assert "c59" in wide._repr_html_()
    assert "0 rows × 3 columns" in t.head(0)._repr_html_()
    assert "100 rows × 0 columns" in t.select([])._repr_html_()
