"""The view in a notebook. The only file that knows anywidget; it connects the session to the page."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from explorer._errors import ArgumentError
from explorer.compute.scheduler import Threads
from explorer.views.options import Options
from explorer.views.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from explorer.compute.counters import Counters
    from explorer.table.table import ImageTable
    from explorer.views.selection import Selection

BUNDLE = Path(__file__).parent.parent / "static" / "widget.js"


class View(anywidget.AnyWidget):
    """A table as an interactive view: a grid of thumbnails, a scatter and histograms, linked.

    Opening it computes nothing. Rows are decoded and inferred when they come on screen, nearest
    first; `counters` and the status bar say how many.

    Parameters
    ----------
    table
        What to show.
    image
        The column to draw; the first column of images when not given.
    color
        A column of categories or numbers that colours tiles, points and bars.
    histograms
        Columns of categories or numbers; `color` when not given.
    captions
        Columns whose values stand under the tiles; the first two of `color` and `histograms` when not
        given.
    x, y
        Columns of numbers for the scatter, for instance those that `ImageTable.umap` adds.
    size
        Side of a tile, 32 to 256 pixels.
    height
        Height of the whole view, 240 to 4,000 pixels.

    Raises
    ------
    ColumnNotFoundError
        When one of these columns does not exist.
    ArgumentError
        For an unknown keyword, or a column that cannot be drawn as asked.

    Examples
    --------
    >>> import explorer as ex
    >>> view = ex.samples.digits().explore(color="label", histograms=["label", "split"])
    >>> view
    View(1,797 rows, image='image', color='label')
    >>> view.counters.images_decoded
    0
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _schema = traitlets.Dict().tag(sync=True)
    _counts = traitlets.Dict().tag(sync=True)
    _epoch = traitlets.Dict().tag(sync=True)
    _selection = traitlets.Dict().tag(sync=True)
    _status = traitlets.Dict().tag(sync=True)
    _layout = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        table: ImageTable,
        *,
        image: str | None = None,
        color: str | None = None,
        histograms: Sequence[str] | str | None = None,
        captions: Sequence[str] | str | None = None,
        x: str | None = None,
        y: str | None = None,
        size: int = 96,
        height: int = 640,
        **unknown: Any,
    ) -> None:
        given = {"image": image, "color": color, "histograms": histograms, "captions": captions}
        chosen = Options.of("explore()", {**given, "x": x, "y": y, "size": size, "height": height, **unknown})
        super().__init__(_esm=_bundle())
        self._session = Session(
            table,
            chosen,
            emit=self.send,
            publish=self.set_trait,
            make_executor=Threads,
            clock=time.monotonic,
            cores=os.cpu_count() or 2,
        )
        self.on_msg(lambda _widget, content, buffers: self._session.handle(content, buffers))
        self._keep_to_main_shell()

    def _keep_to_main_shell(self) -> None:
        """Let requests be answered while a cell runs, where the kernel has subshells.

        ipykernel 7.4 sends a comm's next message to the shell that last sent on it, which for ours is
        the busy one; older and later kernels do not have the attribute.
        """
        comm = self.comm
        if hasattr(comm, "_reply_subshell_for"):
            comm._reply_subshell_for = lambda _data, default: default  # noqa: SLF001 - there is no other way

    @property
    def table(self) -> ImageTable:
        """The table that is shown."""
        return self._session.table

    @property
    def selection(self) -> Selection:
        """The selection that all views share: ``.expr``, ``.table``, ``.rows``, ``.clear()``."""
        return self._session.selection

    @property
    def counters(self) -> Counters:
        """What was computed for this view so far."""
        return self._session.counters

    def select(self, expr: pl.Expr | None) -> None:
        """Select the rows for which an expression is true; None takes that away again.

        The expression becomes one more clause of the selection, beside those of the scatter and the
        histograms. Deferred columns that it names are computed for all rows.
        """
        self._session.select(expr)

    def update(self, table: ImageTable | None = None, **options: Any) -> None:
        """Show other columns in the open view, or columns that were added to its table since.

        Selection, sorting and place are kept.

        Parameters
        ----------
        table
            A table made from the one that is shown, holding all of its rows.
        **options
            Any option of `View`.

        Examples
        --------
        >>> import explorer as ex, polars as pl
        >>> t = ex.samples.digits()
        >>> view = t.filter(pl.col("split") == "test").explore()
        >>> t = t.with_columns(twice=pl.col("label") * 2.0, half=pl.col("label") / 2)
        >>> view.update(t, x="twice", y="half")
        """
        changes = Options.of("update()", options)
        self._session.update(table, {name: getattr(changes, name) for name in options})

    def close(self) -> None:
        """Close the view and stop its work; the table keeps what was computed."""
        if hasattr(self, "_session"):
            self._session.close()
        super().close()

    def __repr__(self) -> str:
        options = self._session.options
        color = f", color={options.color!r}" if options.color else ""
        return f"View({self.table.height:,} rows, image={options.image!r}{color})"


def _bundle() -> str:
    try:
        return BUNDLE.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ArgumentError(
            f"The view's script is missing: there is no {BUNDLE}.",
            hint="In a checkout, build it with: make js. In an installation, install explorer again.",
        ) from None
