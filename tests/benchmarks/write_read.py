"""Writing and reading a table of 100,000 vectors, against one plain Parquet file through Polars.

Run with ``PYTHONPATH=. python tests/benchmarks/write_read.py``. The frame has a column of 512 float32 numbers
and four small ones. Both ways take turns in one process, so that whatever slows the machine slows both; each
has a folder of its own. Our figures include that everything is on the disk when the call returns (fsync);
Polars' does not wait for it. Peak memory is of a process for each way, which makes the frame (or reads it)
and ends. Printed are medians and their ratios, the result; the target is at most 1.3.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

import explorer as ex

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 100_000
ROUNDS = 9
STATUS = Path("/proc/self/status")


def frame() -> pl.DataFrame:
    """Make the rows."""
    rng = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "vector": pl.Series(rng.standard_normal((ROWS, 512), dtype=np.float32)),
            "path": [f"train/{number:06}.jpg" for number in range(ROWS)],
            "label": rng.integers(0, 10, ROWS),
            "score": rng.random(ROWS),
            "right": rng.random(ROWS) < 0.9,
        }
    )


def timed(action: Callable[[], object]) -> float:
    """Return how many seconds an action takes."""
    started = time.perf_counter()
    result = action()
    took = time.perf_counter() - started
    del result
    return took


def actions(folder: Path, rows: pl.DataFrame | None) -> dict[str, Callable[[], object]]:
    """Return what is compared; reading needs no rows."""
    table = None if rows is None else ex.from_polars(rows)
    return {
        "write, Polars": lambda: rows.write_parquet(folder / "plain.parquet"),
        "write, table": lambda: table.write(folder / "table", overwrite=True),
        "read, Polars": lambda: pl.read_parquet(folder / "plain.parquet"),
        "read, table": lambda: ex.read(folder / "table").to_polars(),
    }


def peak_mib(folder: Path, name: str) -> float:
    """Return the peak memory of a process that does one of the actions."""
    code = [sys.executable, __file__, str(folder), name]
    return float(subprocess.run(code, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Measure and print."""
    folder = Path(tempfile.mkdtemp())
    rows = frame()
    compared = actions(folder, rows)
    times: dict[str, list[float]] = {name: [] for name in compared}
    for turn in range(ROUNDS + 1):
        for name, action in compared.items():
            took = timed(action)
            if turn:
                times[name].append(took)
    assert ex.read(folder / "table").to_polars().equals(rows)
    medians = {name: statistics.median(took) for name, took in times.items()}
    peaks = {name: peak_mib(folder, name) for name in compared}
    for name, median in medians.items():
        print(f"{name:<14} {1000 * median:6.0f} ms (median of {ROUNDS}), peak {peaks[name]:5.0f} MiB")
    for verb in ("write", "read"):
        pairs = zip(times[f"{verb}, table"], times[f"{verb}, Polars"], strict=True)
        ratio = medians[f"{verb}, table"] / medians[f"{verb}, Polars"]
        by_turn = statistics.median(ours / plain for ours, plain in pairs)
        memory = peaks[f"{verb}, table"] / peaks[f"{verb}, Polars"]
        print(f"{verb}: ratio {ratio:.2f}, by turn {by_turn:.2f} (target at most 1.30); memory {memory:.2f}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        chosen = sys.argv[2]
        made = frame() if chosen.startswith("write") else None
        kept = actions(Path(sys.argv[1]), made)[chosen]()
        print(
            next(int(line.split()[1]) for line in STATUS.read_text().splitlines() if "VmHWM" in line) / 1024
        )
    else:
        main()
