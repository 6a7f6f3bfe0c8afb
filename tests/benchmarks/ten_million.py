"""Ten million rows in Parquet: open, filter, sort, and the first fifty rows with their thumbnails.

Run with ``make bench``. The references are the same written by hand: a lazy scan by Polars, and Pillow for
fifty thumbnails; once as Pillow makes them by itself, which is as ours are made, and once with JPEGs drafted
to the least size that holds a thumbnail. Each run has a process of its own, and they take turns. Printed are
the medians of the seconds after the imports, of the memory that the work added and of the peak, and their
ratios. The targets are 1.3 for time and peak.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import PIL.Image
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

ROWS = 10_000_000
PHOTOS = 200
SHOWN = 50
PX = 128
ROUNDS = 5
WANTED = (pl.col("split") == "val") & (pl.col("label") < 500)


def prepare(folder: Path) -> None:
    """Write photos, and rows that name them."""
    random = np.random.default_rng(0)
    for i in range(PHOTOS):
        coarse = PIL.Image.fromarray(random.integers(0, 255, (12, 16, 3), dtype=np.uint8))
        coarse.resize((500, 400), PIL.Image.Resampling.BICUBIC).save(folder / f"{i}.jpg", quality=90)
    splits = pl.Series(["train", "val", "test"])
    pl.DataFrame(
        {
            "path": pl.Series([f"{i}.jpg" for i in range(PHOTOS)])[random.integers(0, PHOTOS, ROWS)],
            "label": random.integers(0, 1_000, ROWS),
            "score": random.random(ROWS, dtype=np.float32),
            "width": random.integers(100, 4_000, ROWS, dtype=np.int32),
            "split": splits[random.integers(0, 3, ROWS)],
            "uid": np.arange(ROWS),
        }
    ).write_parquet(folder / "rows.parquet")


def by_hand(folder: Path, *, drafted: bool = False) -> int:
    """Do it with Polars and Pillow, which decodes JPEGs at the size of its choice, or the least."""
    rows = pl.scan_parquet(folder / "rows.parquet")
    shown = rows.filter(WANTED).sort("score", descending=True).head(SHOWN).collect()
    thumbnails = []
    for path in shown["path"]:
        with PIL.Image.open(folder / path) as photo:
            if drafted:
                photo.draft("RGB", (PX, PX))
            photo.thumbnail((PX, PX))
            thumbnails.append(photo.convert("RGB"))
    return len(thumbnails)


def by_table(folder: Path) -> int:
    """Do it with an image table."""
    import explorer as ex

    t = ex.read_parquet(folder / "rows.parquet").with_columns(img=ex.image("path", size=PX))
    shown = t.filter(WANTED).sort("score", descending=True).head(SHOWN)
    thumbnails = shown["img"]()
    assert t.counters.images_decoded == SHOWN
    return len(thumbnails)


def measure(way: str, folder: Path) -> None:
    """Run one way in this process, and print its seconds, and what it added to the memory, in MiB."""
    import explorer  # noqa: F401 - so that both ways begin alike

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    count = {"hand": by_hand, "drafted": partial(by_hand, drafted=True), "table": by_table}[way](folder)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert count == SHOWN
    print(json.dumps([seconds, (peak - before) / 1024, peak / 1024]))


def main() -> None:
    """Take turns, and print."""
    if sys.argv[1:2] == ["prepare"]:
        prepare(Path(sys.argv[2]))
        return
    if len(sys.argv) > 1:
        measure(sys.argv[1], Path(sys.argv[2]))
        return
    with tempfile.TemporaryDirectory() as name:
        # Not here: a process begins with the peak of the one that starts it.
        subprocess.run([sys.executable, __file__, "prepare", name], check=True)
        found: dict[str, list[list[float]]] = {"hand": [], "drafted": [], "table": []}
        for _ in range(ROUNDS):
            for way, results in found.items():
                done = subprocess.run(
                    [sys.executable, __file__, way, name], check=True, capture_output=True, text=True
                )
                results.append(json.loads(done.stdout))
    medians = {
        way: [statistics.median(column) for column in zip(*results, strict=True)]
        for way, results in found.items()
    }
    for way, (seconds, added, peak) in medians.items():
        print(f"{way:>8}: {1000 * seconds:4.0f} ms, {added:4.0f} MiB added, {peak:4.0f} MiB at the peak")
    for way in ("hand", "drafted"):
        time_, added, peak = (
            ours / theirs for ours, theirs in zip(medians["table"], medians[way], strict=True)
        )
        print(f"ratio of table to {way}: {time_:.2f} of the time, {added:.2f} of the memory added, ", end="")
        print(f"{peak:.2f} of the peak")


if __name__ == "__main__":
    main()
