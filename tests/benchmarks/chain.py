"""A chain of three deferred columns against the same three functions called in a plain loop.

Run with ``python tests/benchmarks/chain.py``. 2,000 images of 96 x 96 pixels in colour go through a transform
(batched), a net in NumPy (batched; a tenth of the work of a ResNet-18) and its reading (per row). The plain
loop is given its batches prepared, and keeps nothing but the last list. Both take turns in one process, on
columns that are defined anew each time. Printed are the medians of the CPU time of the process, as other work
on the machine would show in any other, and their ratio, the result; the target is at most 1.05.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
# Threads that wait for each other count as busy.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

import numpy as np
import polars as pl

import explorer as ex

ROWS, PIXELS_EACH, BATCH, ROUNDS = 2_000, 96 * 96 * 3, 64, 9

rng = np.random.default_rng(0)
PIXELS = rng.integers(0, 255, (ROWS, PIXELS_EACH), dtype=np.uint8)
HIDDEN = rng.normal(size=(PIXELS_EACH, 2048)).astype(np.float32)
CLASSES = rng.normal(size=(2048, 10)).astype(np.float32)


def prepare(pixels: np.ndarray) -> np.ndarray:
    """Normalise each image."""
    values = np.asarray(pixels).astype(np.float32) / 255
    return (values - values.mean(axis=1, keepdims=True)) / values.std(axis=1, keepdims=True)


def infer(prepared: np.ndarray) -> np.ndarray:
    """Return scores of shape (n, 10)."""
    return np.maximum(prepared @ HIDDEN, 0) @ CLASSES


def read(logits: np.ndarray) -> int:
    """Return the likeliest class."""
    return int(logits.argmax())


def by_hand(batches: list[np.ndarray]) -> list[int]:
    """Call the three functions in a loop."""
    return [read(row) for batch in batches for row in infer(prepare(batch))]


def chained(table: ex.ImageTable) -> list[int]:
    """Define the three columns and compute the last."""
    t = table.with_columns(
        prepared=ex.defer(prepare, "pixels", batched=True, batch_size=BATCH, returns=pl.Object),
        logits=ex.defer(infer, "prepared", batched=True, batch_size=BATCH, returns=pl.Array(pl.Float32, 10)),
        pred=ex.defer(read, "logits", returns=int),
    )
    return t.to_polars("pred")["pred"].to_list()


def main() -> None:
    """Measure and print."""
    batches = [PIXELS[start : start + BATCH] for start in range(0, ROWS, BATCH)]
    table = ex.from_polars(pl.DataFrame({"pixels": PIXELS}))
    assert by_hand(batches) == chained(table)
    times: dict[str, list[float]] = {"plain loop": [], "chain": []}
    for _ in range(ROUNDS):
        for name, run in (("plain loop", lambda: by_hand(batches)), ("chain", lambda: chained(table))):
            start = time.process_time()
            run()
            times[name].append(time.process_time() - start)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    for name, seconds in medians.items():
        print(f"{name:>10}: median {1000 * seconds:.0f} ms of {ROUNDS} for {ROWS:,} rows")
    print(f"ratio chain to plain loop: {medians['chain'] / medians['plain loop']:.3f} (target at most 1.05)")


if __name__ == "__main__":
    main()
