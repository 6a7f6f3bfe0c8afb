"""What a view wants computed, and how one job of it runs. Knows no messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import polars as pl

from explorer._errors import ComputeError
from explorer.compute.deferred import Image
from explorer.compute.graph import Output, stored_columns, upstream
from explorer.compute.plan import Tier, Wish
from explorer.compute.results import Failure
from explorer.table import inside
from explorer.views import outgoing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from explorer.compute.counters import Counters
    from explorer.compute.graph import Node
    from explorer.compute.plan import Job
    from explorer.images.thumbnail import Thumbnail
    from explorer.views.columns import ViewColumns

TileKey: TypeAlias = tuple[str, int, int]
NodeKey: TypeAlias = tuple[str, int, int]

DECODE = "decode"


def lane_of(node: Node) -> str:
    """Return the lane of a function: one at a time for each."""
    return f"infer-{node.uid}"


class Work:
    """Turns rows on screen into wishes, and runs the jobs made of them.

    Parameters
    ----------
    columns
        The columns of the view.
    image
        The column that is drawn, None for a table without images.
    counters
        Where the view counts what was done for it.
    """

    def __init__(self, columns: ViewColumns, image: str | None, counters: Counters) -> None:
        self.columns = columns
        self.image = columns.output(image) if image is not None else None
        self.counters = counters
        self._engine = inside.engine(columns.table)

    def wishes(
        self,
        nodes: Sequence[Node],
        px: int,
        tiers: Iterable[tuple[Tier, np.ndarray[Any, Any]]],
        centre: float,
    ) -> Iterator[Wish]:
        """Yield a tile for each row, and an answer of each function for each row.

        Parameters
        ----------
        nodes
            The functions whose answers are shown.
        px
            Size of the tiles in device pixels.
        tiers
            Rows in the order of the grid, by how much they matter.
        centre
            Index, among all of these rows, of the middle of the screen.
        """
        place = 0
        for tier, rows in tiers:
            for row in rows.tolist():
                distance = abs(place - centre)
                place += 1
                tile: TileKey = ("tile", row, px)
                if self.image is not None:
                    yield Wish(tile, DECODE, tier, distance)
                for node in nodes:
                    yield Wish(
                        ("node", node.uid, row),
                        lane_of(node),
                        tier,
                        distance,
                        needs=(tile,) if self._wants_pixels(node) else (),
                    )

    def _wants_pixels(self, node: Node) -> bool:
        """Whether a function reads the image that is drawn, so that decoding it once serves both."""
        return self.image is not None and self.image.node in list(upstream([node]))

    def known(self, nodes: Sequence[Node], rows: np.ndarray[Any, Any]) -> Iterator[NodeKey]:
        """Yield the keys of the answers that are known already."""
        for node in nodes:
            for row in rows[node.results.known(self.columns.ids[rows])].tolist():
                yield ("node", node.uid, row)

    def run(self, job: Job, nodes: Sequence[Node]) -> list[tuple[Any, int]]:
        """Run one job; the results are (tile or failure, bytes) or (function, 0)."""
        keys: list[TileKey | NodeKey] = [*job.keys]  # type: ignore[list-item]
        if job.lane == DECODE:
            return [self._tile(key[1], key[2], nodes) for key in keys]
        node = next(node for node in nodes if lane_of(node) == job.lane)
        rows = np.array([key[2] for key in keys], dtype=np.uint32)
        part = self.columns.rows.take(rows, stored_columns([node]))
        self._engine.ensure(node, part, self.counters)
        return [(node, 0)] * len(job.keys)

    def _tile(self, row: int, px: int, nodes: Sequence[Node]) -> tuple[Thumbnail | Failure, int]:
        if self.image is None:
            raise ComputeError("This view has no column of images.")
        part = self.columns.rows.take([row], stored_columns([self.image.node]))
        wanted = any(self._wants_pixels(n) and not n.results.known(part.ids).all() for n in nodes)
        tile = self._engine.thumbnail(self.image, part, px, self.counters, keep_pixels=wanted)
        return tile, 256 if isinstance(tile, Failure) else len(tile.data)

    def detail(self, row: int, px: int) -> tuple[list[dict[str, Any]], Thumbnail | Failure | None]:
        """Look at one row in full: every value, computed where deferred, and the image at `px`."""
        columns = self.columns
        outputs = columns.deferred
        nodes = {o.node.uid: o.node for o in outputs.values() if o.fits_a_frame}
        part = columns.rows.take([row], stored_columns(o.node for o in outputs.values()))
        tile: Thumbnail | Failure | None = None
        if self.image is not None:
            tile = self._engine.thumbnail(self.image, part, px, self.counters, keep_pixels=True)
        for node in nodes.values():
            self._engine.ensure(node, part, self.counters)
        values: list[dict[str, Any]] = []
        places = np.array([row], dtype=np.uint32)
        for name, dtype in columns.table.schema.items():
            output = outputs.get(name)
            if dtype == Image:
                continue
            entry: dict[str, Any] = {"column": name, "dtype": str(dtype), "deferred": output is not None}
            failure = self._failure(output, int(columns.ids[row]))
            if failure is not None:
                entry |= {"known": True, "error": outgoing.reason(failure)}
            else:
                known = bool(columns.known(name, places)[0])
                value = columns.series(name, places)[0]
                entry |= {"known": known, "value": outgoing.plain(value)}
                if isinstance(value, pl.Series) and len(value) > outgoing.LONGEST_LIST:
                    entry["length"] = len(value)
            values.append(entry)
        return values, tile

    @staticmethod
    def _failure(output: Output | None, row_id: int) -> Failure | None:
        return output.node.results.failure(row_id) if output is not None else None
