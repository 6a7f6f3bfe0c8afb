"""Figures for reports: what they count, what they leave out, what they refuse."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from plotly.graph_objects import Bar, Figure, Scatter, Scattergl

from explorer._errors import ArgumentError, ColumnNotFoundError
from explorer.views.figures import GREY, Plot, confusion, histogram, scatter


class Table:
    """A table that remembers what it was asked for."""

    def __init__(self, **columns) -> None:
        self.frame = pl.DataFrame(columns)
        self.asked: list[tuple[str, ...]] = []

    def to_polars(self, *names: str) -> pl.DataFrame:
        for name in names:
            if name not in self.frame.columns:
                raise ColumnNotFoundError.named(name, self.frame.columns)
        self.asked.append(names)
        return self.frame.select(names)


def heights(figure: Figure) -> dict[str, dict]:
    return {bar.name: dict(zip(list(bar.x), list(bar.y), strict=True)) for bar in figure.data}


# ------------------------------------------------------------------------------ histogram


def test_names_are_counted_in_their_order():
    figure = histogram(pl.Series("label", ["b", "a", "b", None]))
    assert heights(figure) == {"": {"a": 1, "b": 2}}
    assert figure.layout.title.text == "label<br><sup>1 row without a value left out</sup>"
    assert figure.layout.xaxis.title.text == "label"
    assert figure.layout.xaxis.type == "category"
    assert not figure.data[0].showlegend


def test_a_few_whole_numbers_are_names_in_the_order_of_numbers():
    figure = histogram(pl.Series("digit", [10, 9, 2, 2]))
    assert heights(figure) == {"": {"2": 2, "9": 1, "10": 1}}


def test_groups_split_the_bars():
    figure = histogram(pl.Series("label", ["a", "a", "b"]), pl.Series("split", ["train", "test", "train"]))
    assert heights(figure) == {"test": {"a": 1, "b": 0}, "train": {"a": 1, "b": 1}}
    assert figure.layout.barmode == "stack"
    assert figure.layout.title.text == "label by split"
    assert all(bar.showlegend for bar in figure.data)


def test_rows_without_a_group_are_a_grey_group_of_their_own():
    figure = histogram(pl.Series("label", ["a", "a"]), pl.Series("split", ["train", None]))
    assert [bar.name for bar in figure.data] == ["train", "null"]
    assert figure.data[1].marker.color == GREY


@pytest.mark.parametrize("dtype", [pl.Float32, pl.Float64, pl.Int64, pl.UInt8])
def test_numbers_are_binned_and_none_is_lost(dtype):
    values = pl.Series("x", np.random.default_rng(0).integers(0, 200, 1000)).cast(dtype)
    figure = histogram(values)
    assert sum(figure.data[0].y) == 1000
    assert 5 <= len(figure.data[0].x) <= 40
    assert figure.data[0].width > 0


def test_bars_stand_over_the_values_they_count():
    values = pl.Series("x", [0.0] * 3 + [10.0] * 5 + [100.0])
    (bar,) = histogram(values).data
    for value, count in ((0.0, 3), (10.0, 5), (100.0, 1)):
        over = [y for x, y in zip(bar.x, bar.y, strict=True) if abs(x - value) <= bar.width / 2]
        assert count in over


def test_not_a_number_is_left_out_and_counted():
    figure = histogram(pl.Series("x", [0.5, 0.7, float("nan"), float("inf"), None]))
    assert sum(figure.data[0].y) == 2
    assert "3 rows without a value left out" in figure.layout.title.text


@pytest.mark.parametrize(
    "values",
    [
        [date(2026, 1, 1) + timedelta(days=days) for days in range(60)],
        [datetime(2026, 1, 1) + timedelta(hours=hours) for hours in range(60)],  # noqa: DTZ001 - as data sets have them
    ],
)
def test_times_are_binned_on_an_axis_of_times(values):
    figure = histogram(pl.Series("taken", values))
    (bar,) = figure.data
    assert sum(bar.y) == 60
    assert np.asarray(bar.x).dtype.kind == "M"
    assert np.datetime64(values[0]) - np.timedelta64(7, "D") < bar.x[0] < np.datetime64(values[-1])


def test_durations_are_binned_in_seconds():
    figure = histogram(pl.Series("took", [timedelta(seconds=second) for second in range(50)]))
    assert sum(figure.data[0].y) == 50
    assert max(figure.data[0].x) < 60


def test_a_million_rows_make_a_small_figure():
    random = np.random.default_rng(0)
    values = pl.Series("x", random.normal(size=1_000_000))
    by = pl.Series("split", random.integers(0, 3, 1_000_000))
    assert len(histogram(values, by).to_json()) < 100_000


def test_the_rarest_names_are_added_up_at_the_end():
    values = pl.Series("word", [f"w{at:03}" for at in range(200) for _ in range(1 + (at < 10))])
    (bar,) = histogram(values).data
    assert len(bar.x) == 61
    assert bar.x[-1] == "other"
    assert sum(bar.y) == 210
    assert [bar.y[at] for at in range(10)] == [2] * 10


@pytest.mark.parametrize("dtype", [pl.String, pl.Float64, pl.Int32, pl.Null, pl.Boolean, pl.Date])
@pytest.mark.parametrize("rows", [0, 2])
def test_nothing_known_makes_an_empty_figure(dtype, rows):
    figure = histogram(pl.Series("x", [None] * rows, dtype=dtype))
    assert len(figure.data) == 0


@pytest.mark.parametrize(
    "values", [pl.Series("v", [[1.0, 2.0]]), pl.Series("v", [b"a"]), pl.Series("v", [object()])]
)
def test_what_has_no_groups_is_refused(values):
    with pytest.raises(ArgumentError, match=r"'v' is .* no groups to count"):
        histogram(values)


def test_groups_by_a_measurement_are_refused_with_the_next_thing_to_type():
    with pytest.raises(ArgumentError, match=r"'size' is Float64(.|\n)*qcut"):
        histogram(pl.Series("x", [1, 2]), pl.Series("size", [0.1, 0.2]))


def test_lengths_that_differ_are_refused():
    with pytest.raises(ArgumentError, match="'x' has 2 rows and 'g' has 1"):
        histogram(pl.Series("x", [1, 2]), pl.Series("g", ["a"]))


# ------------------------------------------------------------------------------ scatter


def test_points_stand_where_both_are_known():
    figure = scatter(pl.Series("x", [1.0, 2.0, None, 4.0]), pl.Series("y", [1, 2, 3, None]))
    assert list(figure.data[0].x) == [1, 2]
    assert list(figure.data[0].y) == [1, 2]
    assert figure.layout.title.text == "y by x<br><sup>2 rows without a value left out</sup>"


def test_names_have_a_colour_each_and_numbers_their_order():
    figure = scatter(pl.Series("x", [1, 2, 3]), pl.Series("y", [1, 2, 3]), pl.Series("digit", [10, 9, 10]))
    assert [trace.name for trace in figure.data] == ["9", "10"]
    assert list(figure.data[1].x) == [1, 3]
    assert len({trace.marker.color for trace in figure.data}) == 2
    assert figure.layout.legend.title.text == "digit"


def test_more_names_than_colours_share_one_grey():
    names = [f"c{at:02}" for at in range(30)] + [f"c{at:02}" for at in range(20)]
    position = pl.Series("x", range(50))
    figure = scatter(position, position, pl.Series("name", names))
    assert len(figure.data) == 21
    assert (figure.data[-1].name, figure.data[-1].marker.color) == ("other", GREY)
    assert sum(len(trace.x) for trace in figure.data) == 50
    assert len({trace.marker.color for trace in figure.data}) == 21


def test_numbers_have_a_colour_scale_and_the_unknown_is_grey():
    position = pl.Series("x", [1, 2, 3])
    figure = scatter(position, position, pl.Series("confidence", [0.1, None, 0.9]))
    assert figure.data[0].name == "null"
    assert list(figure.data[0].x) == [2]
    assert list(figure.data[1].marker.color) == [0.1, 0.9]
    assert figure.data[1].marker.colorbar.title.text == "confidence"


@pytest.mark.parametrize(("rows", "kind"), [(100, Scatter), (5_000, Scattergl)])
def test_many_points_are_drawn_by_webgl(rows, kind):
    position = pl.Series("x", range(rows))
    assert isinstance(scatter(position, position).data[0], kind)


def test_times_stand_on_an_axis_of_times():
    figure = scatter(pl.Series("taken", [date(2026, 1, 1)]), pl.Series("y", [1]))
    assert np.asarray(figure.data[0].x)[0] == np.datetime64("2026-01-01")


def test_no_points_make_an_empty_figure():
    empty = pl.Series("x", [], dtype=pl.Float32)
    assert sum(len(trace.x) for trace in scatter(empty, empty, pl.Series("c", [], dtype=pl.String)).data) == 0


@pytest.mark.parametrize("values", [pl.Series("v", ["a"]), pl.Series("v", [[1.0]])])
def test_an_axis_of_something_else_is_refused(values):
    with pytest.raises(ArgumentError, match=r"'v' is (.|\n)*an axis needs numbers(.|\n)*t\.umap"):
        scatter(pl.Series("x", [1]), values)


# ------------------------------------------------------------------------------ confusion


def test_rows_are_labels_and_columns_predictions():
    figure = confusion(pl.Series("label", ["a", "a", "b", None]), pl.Series("pred", ["a", "b", "b", "a"]))
    (cells,) = figure.data
    assert list(cells.x) == list(cells.y) == ["a", "b"]
    assert cells.customdata.tolist() == [[1, 1], [0, 1]]
    assert cells.z.tolist() == [[0.5, 0.5], [0, 1]]
    assert figure.layout.title.text == (
        "label and pred<br><sup>2 of 3 right (66.7%) · 1 row without a value left out</sup>"
    )
    assert figure.layout.yaxis.autorange == "reversed"


def test_classes_that_only_one_side_has_are_there():
    (cells,) = confusion(pl.Series([2, 10]), pl.Series([2, 3])).data
    assert list(cells.x) == ["2", "3", "10"]
    assert cells.z.tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]


def test_many_classes_have_no_numbers_in_their_cells_and_fit_the_page():
    figure = confusion(pl.Series(range(300)), pl.Series(range(300)))
    assert figure.data[0].texttemplate is None
    assert figure.layout.width <= 1200


def test_no_row_with_both_is_refused():
    with pytest.raises(ArgumentError, match="No row has both"):
        confusion(pl.Series(["a"]), pl.Series([None], dtype=pl.String))


# ------------------------------------------------------------------------------ the accessor


def test_the_accessor_asks_the_table_for_what_it_draws_and_nothing_else():
    table = Table(label=["a", "b"], pred=["a", "a"], x=[1.0, 2.0], more=[1, 2])
    plot = Plot(table)
    assert isinstance(plot.histogram("label").data[0], Bar)
    plot.histogram("label", by="pred")
    plot.scatter("x", "x", color="label")
    plot.confusion("label", "pred")
    assert table.asked == [("label",), ("label", "pred"), ("x", "label"), ("label", "pred")]


@pytest.mark.parametrize(
    "draw",
    [
        lambda plot: plot.histogram("lable"),
        lambda plot: plot.histogram("x", by="lable"),
        lambda plot: plot.scatter("x", "lable"),
        lambda plot: plot.scatter("x", "x", color="lable"),
        lambda plot: plot.confusion("label", "lable"),
    ],
)
def test_an_unknown_column_is_the_tables_own_error(draw):
    with pytest.raises(ColumnNotFoundError, match="Did you mean 'label'"):
        draw(Plot(Table(label=["a"], x=[1])))


def test_every_figure_survives_becoming_json():
    label, x = pl.Series("label", ["a", "b"]), pl.Series("x", [0.5, 0.6])
    for figure in (histogram(x, label), scatter(x, x, x), confusion(label, label)):
        assert figure.layout.template.layout.plot_bgcolor == "white"
        assert '"data"' in figure.to_json()
