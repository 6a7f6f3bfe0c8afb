"""The image table: a Polars frame plus columns that are computed when somebody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import polars as pl

from explorer._errors import ArgumentError
from explorer.compute import bulk
from explorer.compute.graph import upstream
from explorer.compute.rows import Rows
from explorer.table import lazy
from explorer.table.column import Column
from explorer.table.expressions import flat, named_as
from explorer.table.group_by import GroupBy
from explorer.table.value_verbs import ValueVerbs

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from explorer.compute.graph import Node
    from explorer.table.torch_rows import TorchRows
    from explorer.views.figures import Plot
    from explorer.views.widget import View


class ImageTable(ValueVerbs):
    """A Polars frame with images and deferred columns, immutable like a frame.

    Every verb returns a new table and shares the data. Verbs, names and arguments are Polars'. A
    deferred column is used like any other: in expressions, in sorting, in groups; it is computed for
    the rows that are needed, once, and what was computed is shared by all tables made from this one.

    Notes
    -----
    Departures from `polars.DataFrame`:

    - ``t[name]`` is a `Column`, lazy; ``t[name][i]`` a `Cell`; calling either gives values.
    - ``filter`` on deferred columns waits until rows are needed, so that ``head(n)`` after it
      stops as soon as `n` rows are found.
    - ``with_columns`` also takes deferred columns; a row-separable expression over deferred columns
      is itself deferred.
    - Aggregations (``group_by(…).agg``, ``describe``, ``null_count``, and ``select`` with them)
      return a `polars.DataFrame`.

    Examples
    --------
    >>> import explorer as ex, polars as pl
    >>> t = ex.samples.digits()
    >>> t.filter(pl.col("label") == 3).height
    183
    >>> t["image"][0]
    Cell(image[0], Image, not read)
    >>> t.counters.images_decoded
    0
    """

    def __getitem__(self, name: Any) -> Column:
        if not isinstance(name, str):
            hint = 'For rows use t.slice(…) or t.gather(…); for one cell t["image"][0].'
            if isinstance(name, (list, tuple)):
                hint = "For several columns: t.select([…])."
            elif isinstance(name, pl.Expr):
                hint = "For the rows for which it is true: t.filter(…)."
            raise ArgumentError(f"t[…] takes the name of a column, not {type(name).__name__}.", hint=hint)
        self._binding[name]
        return Column(self, name)

    # Aggregations

    def group_by(self, *by: Any, maintain_order: bool = False, **named_by: Any) -> GroupBy:
        """Group the rows; ``agg`` and ``len`` of the result give `polars.DataFrame`."""
        keys = [*flat(by), *(named_as(item, name) for name, item in named_by.items())]
        return GroupBy(self._rows(), keys, maintain_order=maintain_order)

    def describe(self, **options: Any) -> pl.DataFrame:
        """Summarise the stored columns that fit a frame, as Polars does."""
        return self._rows()._visible(self._binding.stored).describe(**options)

    def null_count(self) -> pl.DataFrame:
        """Count the nulls of the stored columns."""
        return self._rows()._visible(self._binding.stored).null_count()

    def glimpse(self, *, max_items_per_column: int = 6) -> None:
        """Print one line per column: its dtype and first values; deferred ones are not computed."""
        from explorer.table.display import glimpse

        print(glimpse(self, max_items_per_column))  # noqa: T201 - printing is what glimpse is for

    # Values

    def compute(self, *names: str, retry: bool = False) -> Self:
        """Compute deferred columns for every row, all of them when none is named.

        Interrupting keeps what was done: the same call goes on from there. For a column of images
        this decodes each file once, so that `errors` lists the broken ones.

        Parameters
        ----------
        *names
            Which columns; all deferred ones when none is given.
        retry
            Try the rows again that failed before.

        Returns
        -------
        ImageTable
            This table, whose columns are now known.
        """
        table = self._rows()
        wanted = flat(names)
        table._binding.check(wanted)
        deferred = table._binding.deferred
        chosen = [deferred[name] for name in (wanted or deferred) if name in deferred]
        nodes: dict[int, Node] = {output.node.uid: output.node for output in chosen}
        rows = Rows(table._frame, table._binding.names)
        if retry:
            for node in upstream(nodes.values()):
                node.announced.clear()
                node.results.forget_failures(rows.ids)
        bulk.compute(list(nodes.values()), rows, self._origin.engine, self.counters)
        return table

    def iter_batches(
        self,
        columns: str | Sequence[str] | None = None,
        *,
        batch_size: int = 64,
        on_error: Literal["raise", "skip"] = "raise",
    ) -> Iterator[dict[str, Any]]:
        """Go through the rows in batches, computing each when it is asked for.

        Parameters
        ----------
        columns
            Which columns; all when not given.
        batch_size
            Rows in a batch; the last may be shorter.
        on_error
            What becomes of rows that fail: the error is raised, or they are left out.

        Yields
        ------
        dict
            Column name to its batch, stacked as `Column` does.

        Examples
        --------
        >>> import explorer as ex
        >>> batch = next(ex.samples.digits().iter_batches(["image", "label"], batch_size=32))
        >>> batch["image"].shape, batch["label"].len()
        ((32, 8, 8), 32)
        """
        from explorer.table.batches import iter_batches

        return iter_batches(self, columns, batch_size=batch_size, on_error=on_error)

    def to_pandas(self, *names: str, **options: Any) -> Any:
        """Return a pandas data frame of the columns that fit one; see `to_polars`."""
        from explorer.table.conversions import to_pandas

        return to_pandas(self, *names, **options)

    def to_arrow(self, *names: str) -> Any:
        """Return a pyarrow table of the columns that fit one; see `to_polars`."""
        from explorer.table.conversions import to_arrow

        return to_arrow(self, *names)

    def to_torch_dataset(
        self,
        columns: str | Sequence[str] | None = None,
        *,
        transform: Mapping[str, Callable[[Any], Any]] | None = None,
    ) -> TorchRows:
        """Return a map-style torch data set of the rows, for a `DataLoader` with workers.

        Images are decoded in the workers; other deferred columns are to be computed first.

        Parameters
        ----------
        columns
            Which columns; all when not given.
        transform
            Column name to what is called with each of its values, a PIL image for an image.
        """
        from explorer.table.conversions import to_torch_dataset

        return to_torch_dataset(self, columns, transform=transform)

    def write(
        self,
        folder: str | os.PathLike[str],
        *,
        images: Literal["reference", "pack"] = "reference",
        overwrite: bool = False,
        **unknown: Any,
    ) -> None:
        """Write the table to a folder: columns as Parquet, definitions and what was computed of them.

        The table in the folder is complete or not there, whatever happens on the way; one that is
        replaced stays until the new one is complete. `explorer.read` brings it back.

        Parameters
        ----------
        folder
            The folder to make.
        images
            ``"reference"`` keeps paths as paths: the images stay where they are, and paths stay relative
            to their `base_dir`. ``"pack"`` puts the bytes of every image into the folder, as they are in
            their files, so that it can be read anywhere; each file is read once, and one that cannot be
            read keeps its reason. Images that are packed already stay packed, and those that are in
            memory, as PIL images or arrays, are always packed, without loss. A warning names images to
            which no path leads, as in the files of a data set.
        overwrite
            Replace a table that is there.
        **unknown
            Refused, with the nearest keyword that exists.

        Raises
        ------
        SourceError
            When the place is taken, or cannot be written. What was there is still there.
        ArgumentError
            When a column holds Python objects, which no file can hold.

        Examples
        --------
        >>> import explorer as ex, tempfile
        >>> folder = tempfile.mkdtemp() + "/digits"
        >>> ex.samples.digits().write(folder)
        >>> ex.read(folder).height
        1797
        """
        from explorer.table.storage import write

        for name in unknown:
            raise ArgumentError.unknown_keyword("write()", name, ["images", "overwrite"])
        write(self, folder, images=images, overwrite=overwrite)

    def pipe(self, function: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
        """Return ``function(self, *args, **keywords)``."""
        return function(self, *args, **keywords)

    # Upwards, by name

    def umap(self, column: str, *, n_components: int = 2, prefix: str = "umap", **options: Any) -> Self:
        """Map the vectors of a column to the plane, as new columns ``umap_0``, ``umap_1``.

        Rows without a vector get null coordinates. A deferred column is computed first.

        Parameters
        ----------
        column
            A column of float vectors of one length, for instance the activations of a layer.
        n_components
            Number of coordinates.
        prefix
            Start of the new columns' names.
        **options
            As for `umap.UMAP`: ``n_neighbors=15, min_dist=0.1, metric="euclidean", seed=0``, ….

        References
        ----------
        McInnes, Healy, Melville: UMAP: Uniform Manifold Approximation and Projection (2018).
        """
        from explorer.analysis.embedding import umap

        return self._mapped(
            column, prefix, n_components, lambda matrix: umap(matrix, n_components=n_components, **options)
        )

    def _mapped(
        self, column: str, prefix: str, n_components: int, fit: Callable[[np.ndarray[Any, Any]], Any]
    ) -> Self:
        table = self._rows()
        matrix, present = lazy.matrix(table, column)
        coordinates = np.full((len(present), n_components), np.nan, dtype=np.float32)
        coordinates[present] = fit(matrix)
        return table.with_columns(
            pl.Series(f"{prefix}_{i}", coordinates[:, i]).fill_nan(None) for i in range(n_components)
        )

    def pca(self, column: str, *, n_components: int = 2, prefix: str = "pca") -> Self:
        """Project the vectors of a column on their principal components: ``pca_0``, ``pca_1``.

        As `umap`, but linear and fast: 100,000 vectors of 512 numbers take seconds.

        References
        ----------
        Pearson: On lines and planes of closest fit to systems of points in space (1901).
        """
        from explorer.analysis.embedding import pca

        return self._mapped(column, prefix, n_components, lambda matrix: pca(matrix, n_components))

    def similar(
        self,
        to: int | Sequence[float] | np.ndarray[Any, Any],
        *,
        by: str,
        k: int = 10,
        metric: Literal["cosine", "euclidean"] = "cosine",
    ) -> Self:
        """Return the `k` rows nearest to a row or a vector, nearest first, with their ``distance``.

        Every vector of the column is computed first; the search is exact.

        Parameters
        ----------
        to
            Position of a row, which is its own nearest, or a vector.
        by
            A column of float vectors of one length.
        k
            How many rows.
        metric
            ``"cosine"`` (0 to 2) or ``"euclidean"``.

        Examples
        --------
        >>> import explorer as ex, numpy as np, polars as pl
        >>> t = ex.samples.digits().head(300)
        >>> pixels = ex.defer(lambda image: np.asarray(image, dtype=float).ravel(), "image")
        >>> t = t.with_columns(pixels=pixels)
        >>> t.similar(0, by="pixels", k=4).to_polars("label")["label"].to_list()
        [0, 0, 0, 0]
        """
        from explorer.analysis.neighbours import nearest

        table = self._rows()
        matrix, present = lazy.matrix(table, by)
        rows = np.flatnonzero(present)
        if isinstance(to, (int, np.integer)):
            place = int(to) + (table.height if to < 0 else 0)
            if place not in rows:
                raise ArgumentError(f"Row {to} of {table.height:,} has no value for {by!r}.")
            to = matrix[np.searchsorted(rows, place)]
        found, distances = nearest(matrix, np.asarray(to, dtype=np.float32), k, metric)
        return table.gather(rows[found]).with_columns(pl.Series("distance", distances))

    def explore(
        self,
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
    ) -> View:
        """Open the table as an interactive view: grid, scatter and histograms, linked.

        Opening computes nothing; the view decodes and infers the rows that are on screen. The options
        are those of `explorer.View`.

        Examples
        --------
        >>> import explorer as ex
        >>> ex.samples.digits().explore(color="label", histograms=["label", "split"])
        View(1,797 rows, image='image', color='label')
        """
        from explorer.views.widget import View

        return View(
            self._rows(),
            image=image,
            color=color,
            histograms=histograms,
            captions=captions,
            x=x,
            y=y,
            size=size,
            height=height,
            **unknown,
        )

    @property
    def plot(self) -> Plot:
        """Plotly figures of this table: ``t.plot.histogram("label")``."""
        from explorer.views.figures import Plot

        return Plot(self)

    def __repr__(self) -> str:
        from explorer.table.display import text

        return text(self)

    def _repr_html_(self) -> str:
        from explorer.table.display import html

        return html(self)
