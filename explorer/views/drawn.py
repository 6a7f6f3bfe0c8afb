"""The columns that the page holds: which were sent, and what of them is new."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.views import outgoing
from explorer.views.facets import Facet, covers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from explorer.views.columns import ViewColumns
    from explorer.views.outgoing import Sent


@dataclass(slots=True)
class _Sent:
    """A column that the page holds, and the version that it holds."""

    role: str
    version: int
    facet: Facet | None


class DrawnColumns:
    """Facets and coordinates that the page was given.

    A deferred column is sent as it is known; rows computed later follow as a patch. When new values
    do not fit the categories or bins that were sent, the column is sent again under a higher version.
    """

    def __init__(self, columns: ViewColumns) -> None:
        self.columns = columns
        self._sent: dict[str, _Sent] = {}
        self._version = 0

    def wants(self, name: str) -> str:
        """Return the role in which a column is drawn: numbers as coordinates when used for colour."""
        return "point" if self.columns.kind(name) == "number" else "facet"

    def all(self, name: str, role: str) -> Iterator[Sent]:
        """Send a column whole."""
        self._version += 1
        columns = self.columns
        known = columns.known(name)
        count = int(known.sum())
        if role == "point":
            values = columns.coordinates(name)
            self._sent[f"{role}:{name}"] = _Sent(role, self._version, None)
            yield from outgoing.columns(
                name, role, values, version=self._version, of=columns.height, known=count, meta=_range(values)
            )
            return
        facet = columns.facet(name)
        self._sent[f"{role}:{name}"] = _Sent(role, self._version, facet)
        codes = facet.codes(columns.series(name), known, columns.failed(name))
        yield from outgoing.columns(
            name, role, codes, version=self._version, of=columns.height, known=count, meta=facet.meta
        )

    def again(self) -> Iterator[Sent]:
        """Send everything that the page was given once more, for a page that is new."""
        for key in list(self._sent):
            role, _, name = key.partition(":")
            yield from self.all(name, role)

    def patch(self, name: str, rows: np.ndarray[Any, Any]) -> Iterator[Sent]:
        """Send what became known of some rows of a column, in every role in which it is drawn."""
        for role in ("facet", "point"):
            sent = self._sent.get(f"{role}:{name}")
            if sent is None:
                continue
            columns = self.columns
            known, failed = columns.known(name, rows), columns.failed(name, rows)
            series = columns.series(name, rows)
            count = int(columns.known(name).sum())
            if sent.facet is None:
                values = columns.coordinates(name, rows)
                meta = _range(columns.coordinates(name))
            elif not covers(sent.facet, series, known & ~failed):
                yield from self.all(name, role)
                continue
            else:
                values = sent.facet.codes(series, known, failed)
                meta = sent.facet.meta
            yield from outgoing.columns(
                name, role, values, version=sent.version, of=columns.height, known=count, meta=meta, rows=rows
            )


def _range(values: np.ndarray[Any, Any]) -> dict[str, Any]:
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return {"type": "number", "min": low, "max": high}
