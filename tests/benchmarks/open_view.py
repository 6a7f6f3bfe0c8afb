"""From `explore()` to the last visible thumbnail: one million rows against one thousand.

Run with ``make bench``. Both sizes take turns in one JupyterLab with one kernel and one Chromium, each time
on a new column of images, so that no thumbnail comes from a cache. The time runs from running the cell to the
frame in which every tile on screen is drawn. Printed are the medians and their ratio, the result; the target
is at most 1.5.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.browser.chromium import find_chromium, running_chromium
from tests.browser.lab import running_lab
from tests.browser.notebook import NotebookPage, write_notebook

SIZES = (1_000, 1_000_000)
ROUNDS = 7
PHOTOS = 200

SETUP = f"""
import pathlib, tempfile
import numpy as np, PIL.Image, polars as pl, explorer as ex

folder = pathlib.Path(tempfile.mkdtemp())
rng = np.random.default_rng(0)
for i in range({PHOTOS}):
    coarse = PIL.Image.fromarray(rng.integers(0, 255, (12, 16, 3), dtype=np.uint8))
    coarse.resize((640, 480), PIL.Image.Resampling.BICUBIC).save(folder / f"{{i}}.jpg", quality=90)

def table(rows):
    paths = pl.DataFrame({{"path": [f"{{i}}.jpg" for i in range({PHOTOS})]}})
    frame = pl.concat([paths] * (rows // {PHOTOS}), rechunk=True)
    frame = frame.with_columns(label=pl.int_range(pl.len()) % 10, x=pl.int_range(pl.len()) / rows)
    return ex.from_polars(frame)

tables = {{rows: table(rows) for rows in {SIZES}}}
"""

CELL = 't.explore(color="label", histograms=["label", "x"])'

# The tiles are looked at in every frame, within the shadow root that the view lives in.
TIMED = """
() => new Promise((resolve, reject) => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  const started = performance.now();
  const old = new Set(document.querySelectorAll(".jp-OutputArea-output *"));
  window.jupyterapp.commands.execute("notebook:run-cell").catch(reject);
  const look = () => {
    for (const host of document.querySelectorAll(".jp-OutputArea-output *")) {
      if (!host.shadowRoot || old.has(host)) continue;
      const tiles = [...host.shadowRoot.querySelectorAll('[data-testid="tile"]')];
      if (tiles.length > 5 && tiles.every((tile) => tile.dataset.state === "ready")) {
        return resolve([performance.now() - started, tiles.length]);
      }
    }
    if (performance.now() - started > 60000) return reject(new Error("no tiles after a minute"));
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})
"""


def main() -> None:
    """Measure and print."""
    chromium = find_chromium()
    if chromium is None:
        sys.exit("There is no Chromium: install one, or name it in EXPLORER_CHROMIUM.")
    scratch = Path(tempfile.mkdtemp())
    times: dict[int, list[float]] = {rows: [] for rows in SIZES}
    counts: dict[int, set[int]] = {rows: set() for rows in SIZES}
    before = dict.fromkeys(SIZES, 0)
    with running_lab(scratch) as lab, running_chromium(chromium) as browser:
        write_notebook(
            lab.folder / "bench.ipynb", [SETUP, 't.explore(color="label", histograms=["label", "x"])']
        )
        notebook = NotebookPage(browser.new_page(), lab, "bench.ipynb", scratch)
        notebook.open()
        notebook.execute(SETUP, timeout=120)
        notebook.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1; }")
        for turn in range(ROUNDS + 1):
            for rows in SIZES:
                image = 'ex.image("path", base_dir=folder)'
                notebook.execute(f"t = tables[{rows}].with_columns(image={image})")
                took, tiles = notebook.page.evaluate(TIMED)
                notebook.page.wait_for_timeout(500)
                decoded = notebook.python("t.counters.decode_calls") - before[rows]
                before[rows] += decoded
                if turn:
                    times[rows].append(took)
                    counts[rows].add(decoded)
                print(f"{rows:>9,} rows: {took:6.0f} ms, {tiles} tiles, {decoded} decoded", flush=True)
        notebook.close()
    medians = {rows: statistics.median(times[rows]) for rows in SIZES}
    for rows in SIZES:
        print(f"{rows:>9,} rows: median {medians[rows]:.0f} ms of {ROUNDS}; images decoded: {counts[rows]}")
    small, large = SIZES
    print(f"ratio {large:,} to {small:,} rows: {medians[large] / medians[small]:.2f} (target at most 1.50)")


if __name__ == "__main__":
    main()
