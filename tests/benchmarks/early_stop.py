"""The first ten photos that a network gets wrong: how many it has to look at, of four thousand.

Run with ``make bench``, where EXPLORER_DATA names a folder with ``imagenette/`` and ``weights/``. Counted are
images decoded and rows inferred; the reference is what the answer itself needs, the rows up to the tenth
mistake, rounded up to whole batches. Nothing here is timed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import polars as pl
import torch
import torchvision

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import explorer as ex

WANTED = 10
BATCH = 16


def main() -> None:
    """Count and print."""
    data = Path(os.environ.get("EXPLORER_DATA", ""))
    photos, weights = data / "imagenette", data / "weights"
    if not (photos.is_dir() and weights.is_dir()):
        print("skipped: EXPLORER_DATA names no folder with imagenette/ and weights/")
        return
    net = torchvision.models.squeezenet1_0()
    net.load_state_dict(torch.load(next(weights.glob("*.pth")), weights_only=True))
    transform = torchvision.models.SqueezeNet1_0_Weights.IMAGENET1K_V1.transforms()
    t = ex.read_csv(photos / "imagenette.csv").with_columns(img=ex.image("img_path"))
    t = t.with_columns(
        ex.model(net, "img", transform=transform, labels=range(1000), batch_size=BATCH)
    ).with_row_index()

    wrong = t.filter(pl.col("pred") != pl.col("label_idx")).head(WANTED)
    last = int(wrong.to_polars("index")["index"][-1])

    needed = -(-(last + 1) // BATCH) * BATCH
    inferred, decoded = t.counters.rows_inferred, t.counters.images_decoded
    print(f"{WANTED} mistakes among the first {last + 1:,} of {t.height:,} photos")
    print(f"inferred {inferred:,} rows and decoded {decoded:,} images in batches of {BATCH}")
    print(f"ratio to the rows needed, rounded up to a batch ({needed:,}): {inferred / needed:.2f}")
    assert wrong.height == WANTED
    assert inferred == decoded == needed


if __name__ == "__main__":
    main()
