"""The columns that the page holds: which were sent, and what of them is new."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.views import outgoing
from explorer.views.facets import Facet, covers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from explorer.views.columns import ViewColumns
    from explorer.views.facets import Mask
    from explorer.views.outgoing import Sent


_versions = count(1)


@dataclass(slots=True)
class _Sent:
    """A column that the page holds: in which version, how coded, and which rows of it."""

    role: str
    version: int
    facet: Facet | None
    rows: Mask


class DrawnColumns:
    """Facets and coordinates that the page was given.

    A deferred column is sent as it is known; rows computed later follow as a patch. When new values
    do not fit the categories or bins that were sent, the column is sent again under a higher version.
    """

    def __init__(self, columns: ViewColumns) -> None:
        self.columns = columns
        self._sent: dict[tuple[str, str], _Sent] = {}

    def wants(self, name: str) -> str:
        """Return the role in which a column is drawn: numbers as coordinates when used for colour."""
        return "point" if self.columns.kind(name) == "number" else "facet"

    def all(self, name: str, role: str) -> Iterator[Sent]:
        """Send a column whole, under a version that the page has not seen."""
        columns = self.columns
        known = columns.known(name)
        facet = columns.facet(name) if role == "facet" else None
        sent = _Sent(role, next(_versions), facet, known)
        messages = list(self._send(name, sent, None))
        self._sent[name, role] = sent
        yield from messages

    def news(self, name: str) -> Iterator[Sent]:
        """Send the rows of a column that became known since, in every role in which it is drawn."""
        for role in ("facet", "point"):
            sent = self._sent.get((name, role))
            if sent is None:
                continue
            # Asked once: other threads go on computing, and what they add is the next time's news.
            known = self.columns.known(name)
            rows = np.flatnonzero(known & ~sent.rows).astype(np.uint32)
            if not len(rows):
                continue
            if sent.facet is not None and not self._fits(name, sent.facet, rows):
                yield from self.all(name, role)
                continue
            sent.rows = known
            yield from self._send(name, sent, rows)

    def _fits(self, name: str, facet: Facet, rows: np.ndarray[Any, Any]) -> bool:
        computed = self.columns.known(name, rows) & ~self.columns.failed(name, rows)
        return covers(facet, self.columns.series(name, rows), computed)

    def _send(self, name: str, sent: _Sent, rows: np.ndarray[Any, Any] | None) -> Iterator[Sent]:
        columns = self.columns
        if sent.facet is None:
            values = columns.coordinates(name, rows)
            meta = _range(values if rows is None else columns.coordinates(name))
        else:
            known = sent.rows if rows is None else sent.rows[rows]
            values = sent.facet.codes(columns.series(name, rows), known, columns.failed(name, rows))
            meta = sent.facet.meta
        yield from outgoing.columns(
            name,
            sent.role,
            values,
            version=sent.version,
            of=columns.height,
            known=int(sent.rows.sum()),
            meta=meta,
            rows=rows,
        )


def _range(values: np.ndarray[Any, Any]) -> dict[str, Any]:
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (None, None)
    return {"type": "number", "min": low, "max": high}
