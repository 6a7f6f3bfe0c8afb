"""What the browser tests look at, by the hooks that the page offers them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.notebook import NotebookPage

DIGITS = """
import explorer as ex, polars as pl, numpy as np
t = ex.samples.digits()

def net(images):
    ink = images.reshape(len(images), -1).astype(float)
    return {"pred": (ink.sum(1) // 100 % 10).astype(int), "confidence": (ink.mean(1) / 255).astype("float32")}

rng = np.random.default_rng(0)
t = t.with_columns(
    ex.defer(net, "image", batched=True, batch_size=32, returns={"pred": pl.Int64, "confidence": pl.Float32}),
    x=pl.Series(rng.normal(size=1797)) + pl.col("label"),
    y=pl.Series(rng.normal(size=1797)) + pl.col("label") % 3 * 3,
)
"""


class Looking:
    """The view in a notebook, as a person sees it."""

    def __init__(self, notebook: NotebookPage, variable: str = "view") -> None:
        self.notebook = notebook
        self.page = notebook.page
        self.root = notebook.widget.first
        self.variable = variable

    def part(self, name: str) -> Locator:
        return self.root.locator(f'[data-testid="{name}"]')

    def settled(self, *, timeout: float = 30) -> None:
        """Wait until everything on screen is drawn and nothing is outstanding."""
        self.root.wait_for(timeout=timeout * 1000)
        self.page.wait_for_function(
            "root => root.dataset.settled === 'true'", arg=self.root.element_handle(), timeout=timeout * 1000
        )

    def epoch(self) -> int:
        return int(self.root.get_attribute("data-epoch") or 0)

    def after_epoch(self, before: int) -> None:
        self.page.wait_for_function(
            "([root, before]) => Number(root.dataset.epoch) > before",
            arg=[self.root.element_handle(), before],
        )
        self.settled()

    def tiles(self, state: str = "ready") -> list[int]:
        """Rows of the tiles on screen, in their order."""
        found = self.root.locator(f'[data-testid="tile"][data-state="{state}"]')
        rows = found.evaluate_all("tiles => tiles.map(tile => Number(tile.dataset.row))")
        return [int(row) for row in rows]

    def number(self, name: str) -> int:
        """A number of the status bar."""
        return int(self.part(name).get_attribute("data-n") or 0)

    def bars(self, column: str) -> dict[Any, tuple[int, int]]:
        """Value of each class bar to how many of its rows are selected, and how many there are."""
        found = self.part(f"histogram:{column}").locator('[data-testid="bar"]')
        data = found.evaluate_all("bars => bars.map(bar => ({...bar.dataset}))")
        return {json.loads(bar["value"]): (int(bar["selected"]), int(bar["total"])) for bar in data}

    def bar(self, column: str, value: Any) -> Locator:
        where = f"[data-testid=\"bar\"][data-value='{json.dumps(value)}']"
        return self.part(f"histogram:{column}").locator(where)

    def points(self) -> tuple[int, int]:
        """How many points the scatter draws, and how many of them are highlighted."""
        canvas = self.part("scatter-canvas")
        return int(canvas.get_attribute("data-points") or 0), int(
            canvas.get_attribute("data-highlighted") or 0
        )

    def lasso(self, corners: list[tuple[float, float]]) -> None:
        """Draw a lasso through points given in data coordinates."""
        canvas = self.part("scatter-canvas")
        box = canvas.bounding_box()
        assert box is not None
        edge = {side: float(canvas.get_attribute(f"data-{side}") or 0) for side in ("x0", "x1", "y0", "y1")}

        def pixel(x: float, y: float) -> tuple[float, float]:
            across = (x - edge["x0"]) / (edge["x1"] - edge["x0"])
            # data-y0 belongs to the lower edge of the canvas.
            up = (y - edge["y0"]) / (edge["y1"] - edge["y0"])
            return box["x"] + across * box["width"], box["y"] + (1 - up) * box["height"]

        self.part("lasso").click()
        first, *rest = [pixel(x, y) for x, y in corners]
        self.page.mouse.move(*first)
        self.page.mouse.down()
        for point in [*rest, first]:
            self.page.mouse.move(*point, steps=6)
        self.page.mouse.up()

    def python(self, expression: str) -> Any:
        return self.notebook.python(expression)

    def selected_in_python(self) -> int:
        return int(self.python(f"{self.variable}.selection.table.height"))

    def declared(self) -> list[int]:
        """Rows on screen and ahead, as the page last declared them to the kernel."""
        screen = f"{self.variable}._session._screen"
        ranges = ["s._viewport.start:s._viewport.stop", "s._viewport.ahead[0]:s._viewport.ahead[1]"]
        rows = " + ".join(f"s._order[{where}].tolist()" for where in ranges)
        return [int(row) for row in self.python(f"(lambda s: sorted(set({rows})))({screen})")]
