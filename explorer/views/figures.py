"""Plotly figures for reports: they stand alone, and hold counts instead of rows where they can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import polars as pl

from explorer._errors import ArgumentError
from explorer._optional import require
from explorer.analysis import metrics
from explorer.views.facets import FEW_INTEGERS, bins

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plotly.graph_objects import Figure

HEIGHT = 380  # pixels; the width is that of the page
GROUPS = 20  # with a colour of their own; the others share one grey
BARS = 60  # in a histogram over names; the rarest are added up
SVG_POINTS = 2_000  # are drawn as shapes; more of them on a WebGL canvas, of which a page has few
GREY, REST, UNKNOWN = "#b0b0b0", "other", "null"
CELLS = {"colorscale": "Blues", "zmin": 0, "zmax": 1, "xgap": 1, "ygap": 1, "colorbar_tickformat": ".0%"}


class Table(Protocol):
    """What the figures ask of a table."""

    def to_polars(self, *names: str) -> pl.DataFrame:
        """Return the named columns, computed."""


class Plot:
    """Figures over the columns of a table.

    Parameters
    ----------
    table
        Anything whose ``to_polars(*names)`` gives a frame.

    Examples
    --------
    >>> import polars as pl
    >>> class Three:
    ...     def to_polars(self, *names):
    ...         return pl.DataFrame({"label": ["a", "b", "a"]}).select(names)
    >>> Plot(Three()).histogram("label").layout.title.text
    'label'
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def histogram(self, column: str, by: str | None = None) -> Figure:
        """Draw how often each value of a column occurs.

        Parameters
        ----------
        column
            Numbers, times, text, categories or booleans.
        by
            A column that splits each bar into colours.

        Examples
        --------
        >>> import explorer as ex
        >>> ex.samples.digits().plot.histogram("label", by="split").layout.title.text
        'label by split'
        """
        values, groups = self._columns(column, by)
        return histogram(values, groups)

    def scatter(self, x: str, y: str, color: str | None = None) -> Figure:
        """Draw two columns of numbers or times against each other.

        Parameters
        ----------
        x, y
            Where the points stand.
        color
            A column of names (a colour each) or numbers (a colour scale).

        Examples
        --------
        >>> import explorer as ex
        >>> ex.samples.digits().with_row_index().plot.scatter("index", "label").layout.title.text
        'label by index'
        """
        across, up, colors = self._columns(x, y, color)
        return scatter(across, up, colors)

    def confusion(self, label: str, pred: str) -> Figure:
        """Draw which label got which prediction.

        Parameters
        ----------
        label, pred
            What the rows are, and what they are taken for.

        Examples
        --------
        >>> import explorer as ex
        >>> ex.samples.digits().plot.confusion("label", "label").layout.title.text
        'label and label<br><sup>1,797 of 1,797 right (100.0%)</sup>'
        """
        return confusion(*self._columns(label, pred))

    def _columns(self, *names: str | None) -> Iterator[Any]:
        # A column may be asked for twice, a table gives it once.
        frame = self._table.to_polars(*dict.fromkeys(name for name in names if name is not None))
        return (None if name is None else frame[name] for name in names)


def histogram(values: pl.Series, by: pl.Series | None = None) -> Figure:
    """Draw how often each value occurs: bins for numbers and times, bars for names.

    The figure holds the counts only, however many rows there are. Rows without a value are left
    out, and counted below the title.

    Parameters
    ----------
    values
        Numbers, times, text, categories or booleans.
    by
        Splits each bar into colours: names, booleans or a few whole numbers.

    Raises
    ------
    ArgumentError
        For values that cannot be counted, or groups that are none.

    Examples
    --------
    >>> import polars as pl
    >>> figure = histogram(pl.Series("label", ["a", "b", "a"]))
    >>> figure.data[0].x, figure.data[0].y.tolist()
    (('a', 'b'), [2, 1])
    """
    go = require("plotly.graph_objects", extra="plotly", needed_for="plot.histogram()")
    _same_length(values, by)
    known = _known(values)
    groups = pl.Series([""]).new_from_index(0, len(values)) if by is None else _groups(by)
    codes, places, width = _bars(values.filter(known))
    counts = pl.DataFrame({"code": codes, "group": groups.filter(known)}).group_by("code", "group").len()
    figure = go.Figure()
    for name, color in _colors(groups.filter(known)):
        heights = np.zeros(len(places), np.int64)
        of_group = counts.filter(pl.col("group") == name)
        heights[of_group["code"].to_numpy()] = of_group["len"].to_numpy()
        figure.add_bar(x=places, y=heights, width=width, name=name, marker_color=color)
    title = _name(values, "values") if by is None else f"{_name(values, 'values')} by {_name(by, 'group')}"
    _finish(figure, title, len(values) - int(known.sum()))
    figure.update_layout(barmode="stack", bargap=0.15, legend_title_text=_name(by))
    figure.update_traces(marker_line_width=0, showlegend=by is not None)
    figure.update_xaxes(title=_name(values, "value"), type="category" if width is None else None)
    figure.update_yaxes(title="rows")
    return figure


def scatter(x: pl.Series, y: pl.Series, color: pl.Series | None = None) -> Figure:
    """Draw two columns of numbers or times against each other.

    Parameters
    ----------
    x, y
        Numbers or times; rows where one is null or NaN are left out, and counted below the title.
    color
        Names (a colour each) or numbers (a colour scale).

    Raises
    ------
    ArgumentError
        For columns that have no place on an axis.

    Examples
    --------
    >>> import polars as pl
    >>> figure = scatter(pl.Series("x", [1, 2, None]), pl.Series("y", [3.0, 4.0, 5.0]))
    >>> figure.layout.title.text, len(figure.data[0].x)
    ('y by x<br><sup>1 row without a value left out</sup>', 2)
    """
    go = require("plotly.graph_objects", extra="plotly", needed_for="plot.scatter()")
    _same_length(x, y, color)
    for axis in (x, y):
        if not _is_measured(axis):
            raise ArgumentError(
                f"{_name(axis, 'The column')!r} is {axis.dtype}; an axis needs numbers or times.",
                hint="Make vectors into coordinates first, for instance with t.umap(column).",
            )
    known = _known(x) & _known(y)
    across, up = x.filter(known), y.filter(known)
    figure = go.Figure()
    few = len(across) <= SVG_POINTS
    draw, look = (go.Scatter, {"size": 7}) if few else (go.Scattergl, {"size": 4})
    for rows, name, marker in _shades(across, None if color is None else color.filter(known)):
        figure.add_trace(
            draw(
                x=_plain(across.filter(rows)),
                y=_plain(up.filter(rows)),
                mode="markers",
                name=name,
                showlegend=bool(name),
                marker={"opacity": 0.8, **look, **marker},
            )
        )
    _finish(figure, f"{_name(y, 'y')} by {_name(x, 'x')}", len(x) - len(across))
    # A scale of colours stands where the legend would.
    scaled = color is not None and _is_scale(color)
    legend = {"x": 1, "xanchor": "right"} if scaled else {"title": {"text": _name(color)}}
    figure.update_layout(height=520, legend={"itemsizing": "constant", **legend})
    figure.update_xaxes(title=_name(x, "x"))
    figure.update_yaxes(title=_name(y, "y"))
    return figure


def confusion(label: pl.Series, pred: pl.Series) -> Figure:
    """Draw which label got which prediction: numbers in the cells, shares of the label as shades.

    Parameters
    ----------
    label, pred
        What the rows are, and what they are taken for. Rows where either is null are left out, and
        counted below the title.

    Raises
    ------
    ArgumentError
        When they cannot be compared, or no row has both.

    Examples
    --------
    >>> import polars as pl
    >>> figure = confusion(pl.Series("label", ["a", "a", "b"]), pl.Series("pred", ["a", "b", "b"]))
    >>> figure.data[0].customdata.tolist()
    [[1, 1], [0, 1]]
    """
    go = require("plotly.graph_objects", extra="plotly", needed_for="plot.confusion()")
    both = metrics.confusion(label, pred).drop_nulls()
    if both.is_empty():
        raise ArgumentError(
            "No row has both a label and a prediction.", hint="See t.errors() for failed rows."
        )
    classes = sorted({*both["label"].to_list(), *both["pred"].to_list()})
    at = {value: position for position, value in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)), np.int64)
    for true, taken, count in both.iter_rows():
        counts[at[true], at[taken]] = count
    names = [str(value) for value in classes]
    readable = len(classes) <= 25
    figure = go.Figure(
        go.Heatmap(
            z=counts / np.maximum(counts.sum(1, keepdims=True), 1),
            x=names,
            y=names,
            customdata=counts,
            text=np.where(counts > 0, counts.astype(str), "") if readable else None,
            texttemplate="%{text}" if readable else None,
            hovertemplate="%{y} taken for %{x}: %{customdata} rows (%{z:.1%})<extra></extra>",
            **CELLS,
        )
    )
    total, right = int(counts.sum()), int(np.trace(counts))
    share = f"{right:,} of {total:,} right ({right / total:.1%})"
    _finish(figure, f"{_name(label, 'label')} and {_name(pred, 'pred')}", len(label) - total, share)
    side = int(np.clip(28 * len(classes), 260, 900))
    figure.update_layout(height=side + 140, width=side + 260)
    figure.update_xaxes(title=_name(pred, "pred"), type="category", constrain="domain")
    figure.update_yaxes(title=_name(label, "label"), type="category", constrain="domain")
    figure.update_yaxes(autorange="reversed", scaleanchor="x")
    return figure


def _same_length(one: pl.Series, *others: pl.Series | None) -> None:
    for other in others:
        if other is not None and len(one) != len(other):
            raise ArgumentError(f"{one.name!r} has {len(one)} rows and {other.name!r} has {len(other)}.")


def _name(series: pl.Series | None, otherwise: str = "") -> str:
    return (series.name if series is not None else "") or otherwise


def _known(values: pl.Series) -> pl.Series:
    known = values.is_not_null()
    return known & values.is_finite().fill_null(value=False) if values.dtype.is_float() else known


def _is_measured(values: pl.Series) -> bool:
    return values.dtype.is_numeric() or values.dtype.is_temporal()


def _is_scale(values: pl.Series) -> bool:
    return values.dtype.is_float() or (values.dtype.is_numeric() and values.n_unique() > GROUPS)


def _groups(values: pl.Series) -> pl.Series:
    if _is_scale(values):
        raise ArgumentError(
            f"{_name(values, 'The column')!r} is {values.dtype}; groups are names or a few whole numbers.",
            hint="Cut numbers into groups first, for instance with pl.col(...).qcut(4).",
        )
    return _commonest(values, GROUPS)


def _commonest(values: pl.Series, most: int) -> pl.Series:
    """Return the values as text, all but the `most` commonest as one."""
    if values.dtype.is_nested() or values.dtype in (pl.Object, pl.Binary):
        raise ArgumentError(
            f"{_name(values, 'The column')!r} is {values.dtype}, which has no groups to count.",
            hint="Give a column of names, booleans, numbers or times.",
        )
    text = values.cast(pl.String).fill_null(UNKNOWN).alias("text")
    common = text.value_counts(sort=True)["text"]
    if len(common) <= most:
        return text
    kept = pl.col("text").is_in(common.head(most).implode())
    return text.to_frame().select(pl.when(kept).then("text").otherwise(pl.lit(REST)).alias("text"))["text"]


def _colors(groups: pl.Series) -> list[tuple[str, str]]:
    palette = require("plotly.colors", extra="plotly", needed_for="plot").qualitative
    names = sorted(set(groups.unique().to_list()) - {REST, UNKNOWN}, key=_naturally)
    shades = palette.D3 if len(names) <= len(palette.D3) else palette.Dark24
    colored = list(zip(names, shades, strict=False))
    # What has no colour of its own comes last in the legend, in grey.
    return colored + [(name, GREY) for name in (REST, UNKNOWN) if (groups == name).any()]


def _naturally(text: str) -> tuple[bool, float, str]:
    """Order numbers by size, before everything else."""
    try:
        return False, float(text), text
    except ValueError:
        return True, 0.0, text


def _shades(points: pl.Series, color: pl.Series | None) -> Iterator[tuple[pl.Series, str, dict[str, Any]]]:
    """Yield which points are drawn together, their name in the legend, and how they look."""
    if color is None:
        yield pl.repeat(value=True, n=len(points), eager=True), "", {}
    elif _is_scale(color):
        known = _known(color)
        if not known.all():
            yield ~known, UNKNOWN, {"color": GREY}
        bar = {"title": {"text": _name(color)}}
        yield known, "", {"color": _plain(color.filter(known)), "colorscale": "Viridis", "colorbar": bar}
    else:
        groups = _groups(color)
        for name, shade in _colors(groups):
            yield groups == name, name, {"color": shade}


def _bars(values: pl.Series) -> tuple[pl.Series, Any, float | None]:
    """Return the bar of each value, where the bars stand, and how wide they are (None for names)."""
    if _is_measured(values) and not (values.dtype.is_integer() and values.n_unique() <= FEW_INTEGERS):
        return _bins(values)
    text = _commonest(values, BARS)
    places = sorted(text.unique().to_list(), key=lambda name: (name == REST, _naturally(name)))
    codes = text.replace_strict(places, range(len(places)), return_dtype=pl.UInt32)
    return codes, places, None


def _bins(values: pl.Series) -> tuple[pl.Series, Any, float]:
    numbers = _numbers(values)
    facet = bins(pl.Series(numbers.astype(np.int64) if values.dtype.is_integer() else numbers))
    edges = np.asarray(facet.edges)
    codes = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, len(edges) - 2)
    width = float(edges[1] - edges[0])
    # A bar for one whole number stands above that number, not beside it.
    places: Any = edges[:-1] if facet.integer and width == 1 else (edges[:-1] + edges[1:]) / 2
    if values.dtype in (pl.Date, pl.Datetime):
        places = places.astype("datetime64[ms]")
    return pl.Series(codes.astype(np.uint32)), places, width


def _numbers(values: pl.Series) -> np.ndarray[Any, Any]:
    """Return float64: numbers as they are, points in time in ms since 1970, durations in seconds."""
    if values.dtype in (pl.Date, pl.Datetime):
        values = values.cast(pl.Datetime("ms")).to_physical()
    elif values.dtype.is_temporal():
        return values.cast(pl.Duration("ns")).to_physical().cast(pl.Float64).to_numpy() / 1e9
    return values.cast(pl.Float64).to_numpy()


def _plain(values: pl.Series) -> np.ndarray[Any, Any]:
    if values.dtype in (pl.Date, pl.Datetime):
        return _numbers(values).astype("datetime64[ms]")
    return values.to_numpy() if values.dtype == pl.Float32 else _numbers(values)


def _finish(figure: Figure, title: str, left_out: int, note: str = "") -> None:
    rows = "row" if left_out == 1 else "rows"
    missing = f"{left_out:,} {rows} without a value left out" if left_out else ""
    below = " · ".join(filter(None, (note, missing)))
    title += f"<br><sup>{below}</sup>" if below else ""
    figure.update_layout(
        template="plotly_white", title=title, height=HEIGHT, margin={"l": 60, "r": 20, "t": 70, "b": 50}
    )
