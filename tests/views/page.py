"""A page without a browser: it talks to a session as the real one does, and remembers what it was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.views.options import Options
from explorer.views.session import Session
from tests.steppable import Clock, Steps

if TYPE_CHECKING:
    import explorer as ex

_NUMBERS = {"u1": np.uint8, "u2": np.uint16, "f4": np.float32}


class Page:
    """One view of a table, its threads and time stepped by the test."""

    def __init__(self, table: ex.ImageTable, *, hello: bool = True, cores: int = 2, **options: Any) -> None:
        self.steps: Steps = Steps({})
        self.clock = Clock()
        self.messages: list[tuple[dict[str, Any], list[bytes]]] = []
        self.state: dict[str, Any] = {}
        self.session = Session(
            table,
            Options.of("explore()", options),
            emit=lambda content, buffers: self.messages.append((content, buffers)),
            publish=self.state.__setitem__,
            make_executor=self._make_executor,
            clock=self.clock,
            cores=cores,
        )
        self._seq = 0
        self._rid = 0
        if hello:
            self.hello()
            self.look(0, 0)

    def _make_executor(self, slots):
        self.steps = Steps(slots)
        return self.steps

    # What the page sends

    def hello(self, *, page: int = 1, protocol: int = 1, buffers: bool = True) -> None:
        proof = [b"\1\2\3\4"] if buffers else []
        content = {"kind": "hello", "protocol": protocol, "page": page, "dpr": 1, "media": []}
        self.session.handle({**content, "buffers": buffers}, proof)

    def look(self, start: int, stop: int, *, ahead=None, px=96, columns=(), missing=(), epoch=None) -> None:
        self._seq += 1
        self.session.handle(
            {
                "kind": "viewport",
                "seq": self._seq,
                "epoch": self.epoch if epoch is None else epoch,
                "start": start,
                "stop": stop,
                "ahead": list(ahead or (stop, stop)),
                "px": px,
                "columns": list(columns),
                "missing": list(missing),
            }
        )

    def select(self, source: str, clause: dict[str, Any] | None) -> None:
        self._seq += 1
        self.session.handle({"kind": "select", "seq": self._seq, "source": source, "clause": clause})

    def ask(self, op: str, **args: Any) -> dict[str, Any]:
        self._rid += 1
        self.session.handle({"kind": "ask", "rid": self._rid, "op": op, "args": args})
        self.steps.run_all()
        (reply,) = [c for c, _ in self.of("reply") if c["rid"] == self._rid]
        return reply

    # What the page was sent

    def of(self, kind: str) -> list[tuple[dict[str, Any], list[bytes]]]:
        return [(content, buffers) for content, buffers in self.messages if content["kind"] == kind]

    @property
    def epoch(self) -> int:
        return self.state["_epoch"]["epoch"]

    @property
    def order(self) -> list[int]:
        """Rows of the grid, as far as the page was told them in this epoch."""
        rows: dict[int, int] = {}
        for content, (buffer,) in self.of("rows"):
            if content["epoch"] == self.epoch:
                rows |= dict(enumerate(np.frombuffer(buffer, "<u4").tolist(), content["start"]))
        return [rows[place] for place in sorted(rows)]

    @property
    def tiles(self) -> dict[int, Any]:
        """Row to the bytes of its tile, or to the reason why there is none."""
        found: dict[int, Any] = {}
        for content, (packed,) in self.of("tiles"):
            for tile in content["tiles"]:
                end = tile.get("offset", 0) + tile.get("size", 0)
                found[tile["row"]] = packed[tile["offset"] : end] if tile["ok"] else tile["error"]
        return found

    def cells(self, column: str) -> dict[int, Any]:
        found: dict[int, Any] = {}
        for content, _ in self.of("cells"):
            if content["column"] == column:
                found |= dict(zip(content["rows"], content["values"], strict=True))
                found |= {int(row): message for row, message in content["errors"].items()}
        return found

    def column(self, name: str, role: str = "facet") -> tuple[np.ndarray, dict[str, Any]]:
        """Assemble a column of codes or coordinates from its chunks and patches."""
        values, last = np.empty(0), {}
        version = 0
        for content, buffers in self.of("columns"):
            if (content["name"], content["role"]) != (name, role) or content["version"] < version:
                continue
            dtype = _NUMBERS[content["dtype"]]
            if content["version"] > version:
                version = content["version"]
                values = np.full(content["of"], np.nan if dtype is np.float32 else np.iinfo(dtype).max, dtype)
            last = content
            if content["sparse"]:
                values[np.frombuffer(buffers[0], "<u4")] = np.frombuffer(buffers[1], dtype)
            else:
                chunk = np.frombuffer(buffers[0], dtype)
                values[content["offset"] : content["offset"] + len(chunk)] = chunk
        return values, last
