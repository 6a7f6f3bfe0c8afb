"""The digits pipeline with explorer and with Daft: read, reshape, infer, filter, group, sort.

Run with ``python tests/benchmarks/digits_pipeline.py``. 10,000 rows of gzipped NDJSON, each a list of 784
pixel values and a label, become images of 28 x 28; a class that is made once holds a net, and says which
digit each shows; the rows that it got wrong are counted, and the right and wrong ones of each label, sorted.
The rows are MNIST's where ``EXPLORER_DATA`` names a folder that has them, and else drawn on the spot. Before
anything is measured a process of its own trains the net for a moment and writes its weights, which both sides
load; both must count the same.

Each run has a process of its own. The two take turns, first once with each batch size, then with the one that
was best for each. Printed are medians with and without what is imported, their ratio, the most memory that a
process of either held, and the CPU time, which other work on the machine disturbs less. The target is a ratio
of at most 1.

Daft has an environment of its own, ``artifacts/daft-env``, made by the first run; it shares torch and NumPy
with this one. Where it cannot be made, the benchmark says why and ends.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / "artifacts" / "daft-env"
WANTED = "daft<0.8"
"""Later versions call a class that holds a model in another way."""

ROWS, BATCHES, ROUNDS = 10_000, (64, 256, 1_000), 5
TRAINED_ON = 2_048


def net(weights: str | None = None) -> Any:
    """Make the net, which takes (n, 1, 28, 28) float32 and gives (n, 10) scores."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    made = nn.Sequential(
        *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(9216, 128), nn.ReLU(), nn.Linear(128, 10)),
    )
    if weights is not None:
        made.load_state_dict(torch.load(weights, weights_only=True))
    return made.eval()


def classified(model: Any, pixels: Any) -> Any:
    """Return the digit that each image shows, int64; the images are n * 784 values from 0 to 255."""
    import numpy as np
    import torch

    with torch.inference_mode():
        values = torch.from_numpy(pixels.astype(np.float32).reshape(-1, 1, 28, 28) / 255)
        return model(values).argmax(1).numpy()


# The two sides


def explorer_side(path: str, weights: str, batch: int) -> dict[str, Any]:
    """Run the pipeline with explorer."""
    import polars as pl
    import torch  # noqa: F401 - so that it counts among the imports on both sides

    import explorer as ex

    imported = time.perf_counter()

    class Classify:
        def __init__(self) -> None:
            self.net = net(weights)

        def __call__(self, images: Any) -> Any:
            return classified(self.net, images)

    t = ex.read_ndjson(path).with_columns(image=ex.image("image", shape=(28, 28), mode="L"))
    t = t.with_columns(pred=ex.defer(Classify, "image", batched=True, batch_size=batch, returns=int))
    right = pl.col("pred") == pl.col("label")
    wrong = t.filter(~right).height
    by = t.group_by("label").agg(right=right.sum(), wrong=(~right).sum()).sort("label")
    return {"imported": imported, "done": time.perf_counter(), "wrong": wrong, "by": by.rows()}


def daft_side(path: str, weights: str, batch: int) -> dict[str, Any]:
    """Run the pipeline with Daft, with the net in one query that fuses reading and inference."""
    import daft
    import torch  # noqa: F401 - so that it counts among the imports on both sides
    from daft import col

    imported = time.perf_counter()
    whole = daft.DataType.int64()

    @daft.udf(return_dtype=whole, batch_size=batch)
    class Classify:
        def __init__(self) -> None:
            self.net = net(weights)

        def __call__(self, images: Any) -> Any:
            return classified(self.net, images.to_arrow().flatten().to_numpy(zero_copy_only=False))

    frame = daft.read_json(path).with_column("pred", Classify(col("image"))).select("label", "pred").collect()
    right = col("pred") == col("label")
    wrong = frame.where(~right).count_rows()
    counts = frame.select("label", right.cast(whole).alias("right"), (~right).cast(whole).alias("wrong"))
    by = counts.groupby("label").agg(col("right").sum(), col("wrong").sum()).sort("label").to_pydict()
    rows = list(zip(by["label"], by["right"], by["wrong"], strict=True))
    return {"imported": imported, "done": time.perf_counter(), "wrong": wrong, "by": rows}


SIDES = {"explorer": explorer_side, "daft": daft_side}


def side(name: str, path: str, weights: str, batch: str) -> None:
    """Run one side and print what it took, in a process of its own."""
    started = time.perf_counter()
    found = SIDES[name](path, weights, int(batch))
    done = found.pop("done")
    imports = found.pop("imported") - started
    took = {"work": done - started - imports, "all": done - started}
    print(json.dumps(found | took | {"cpu": time.process_time(), "mib": peak_mib()}))


def peak_mib() -> float:
    """Return the most memory that this process held since it began its program, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage, whose figure for a new process begins with that of the one which started it.
        return int(status.read_text("ascii").partition("VmHWM:")[2].split()[0]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


# What both need


def train(path: str, weights: str) -> None:
    """Train the net on the first rows, so that no two of its scores are as good as equal."""
    import torch

    with gzip.open(path, "rt") as lines:
        rows = [json.loads(line) for _, line in zip(range(TRAINED_ON), lines, strict=False)]
    images = torch.tensor([row["image"] for row in rows], dtype=torch.float32).reshape(-1, 1, 28, 28) / 255
    labels = torch.tensor([row["label"] for row in rows])
    model = net().train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for chosen in torch.randperm(len(rows), generator=torch.manual_seed(0)).split(64):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(images[chosen]), labels[chosen]).backward()
        optimizer.step()
    torch.save(model.state_dict(), weights)


def digits(folder: Path) -> Path:
    """Return a file of digits: MNIST's if it is there, else one that is drawn now."""
    given = sorted(Path(os.environ.get("EXPLORER_DATA", folder), "mnist").glob("*.json.gz"))
    if given:
        return given[0]
    draw = random.Random(0)  # noqa: S311 - seeded, nothing secret
    shapes = [[draw.choice((0, 0, 0, 180)) for _ in range(784)] for _ in range(10)]
    drawn = folder / "drawn.json.gz"
    with gzip.open(drawn, "wt", compresslevel=4) as lines:
        for _ in range(ROWS):
            label = draw.randrange(10)
            image = [min(level + draw.randrange(75), 255) for level in shapes[label]]
            lines.write(json.dumps({"image": image, "label": label}) + "\n")
    return drawn


def daft_python() -> Path | None:
    """Return the Python of an environment with Daft, made if it is not there; None if it cannot be."""
    python = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ready = ENVIRONMENT / "ready"
    if ready.exists():
        return python
    shared = sysconfig.get_path("purelib")
    inside = "import sysconfig; print(sysconfig.get_path('purelib'))"
    steps = ([sys.executable, "-m", "venv", str(ENVIRONMENT)], [str(python), "-m", "pip", "install", WANTED])
    try:
        for step in steps:
            subprocess.run(step, check=True, capture_output=True, text=True, timeout=900)
        own = subprocess.run(
            [python, "-c", inside], check=True, capture_output=True, text=True
        ).stdout.strip()
        Path(own, "shared.pth").write_text(f"{shared}\n", "utf-8")
        subprocess.run(
            [python, "-c", "import daft, torch"], check=True, capture_output=True, text=True, timeout=300
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = [*str(getattr(error, "stderr", None) or error).strip().splitlines(), str(error)]
        print(f"skipped: an environment with {WANTED} cannot be made in {ENVIRONMENT}: {said[-2]}")
        return None
    ready.touch()
    return python


def main() -> None:
    """Measure and print."""
    daft = daft_python()
    if daft is None:
        return
    pythons = {"explorer": sys.executable, "daft": str(daft)}
    with tempfile.TemporaryDirectory() as folder:
        path, weights = str(digits(Path(folder))), str(Path(folder, "weights.pt"))
        here = [sys.executable, __file__]
        subprocess.run([*here, "train", path, weights], check=True)
        answers: list[Any] = []
        tried: dict[tuple[str, int], list[dict[str, Any]]] = {(n, b): [] for b in BATCHES for n in pythons}

        def run(name: str, batch: int) -> None:
            command = [pythons[name], __file__, name, path, weights, str(batch)]
            environment = os.environ | {"PYTHONPATH": str(ROOT), "DAFT_PROGRESS_BAR": "0"}
            ended = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
            found = json.loads(ended.stdout.splitlines()[-1])
            answers.append((found.pop("wrong"), found.pop("by")))
            tried[name, batch].append(found)

        for name, batch in list(tried):
            run(name, batch)
        best = {name: min(BATCHES, key=lambda b, name=name: tried[name, b][0]["work"]) for name in pythons}
        for _ in range(ROUNDS):
            for name, batch in best.items():
                run(name, batch)
    wrong, by = answers[0]
    if any(answer != answers[0] for answer in answers):
        raise SystemExit(f"The two count differently: {[number for number, _ in answers]} rows are wrong.")
    print(f"{sum(right + bad for _, right, bad in by):,} rows, {wrong:,} of them wrong, on both sides")
    report({name: tried[name, batch][-ROUNDS:] for name, batch in best.items()}, best)


def report(runs: dict[str, list[dict[str, float]]], best: dict[str, int]) -> None:
    """Print medians and ratios."""
    medians = {
        name: {what: statistics.median(run[what] for run in found) for what in found[0]}
        for name, found in runs.items()
    }
    for name, found in medians.items():
        print(
            f"{name:>8} (batches of {best[name]:,}): median {found['work']:.2f} s of {ROUNDS}, "
            f"{found['all']:.2f} s with imports, {found['cpu']:.2f} s of CPU, peak {found['mib']:.0f} MiB"
        )
    ours, theirs = medians["explorer"], medians["daft"]
    for what, label in (("cpu", "in CPU time"), ("all", "with imports"), ("work", "without imports")):
        print(f"ratio explorer to Daft {label}: {ours[what] / theirs[what]:.2f} (target at most 1)")


if __name__ == "__main__":
    if sys.argv[1:2] == ["train"]:
        train(*sys.argv[2:])
    elif sys.argv[1:]:
        side(*sys.argv[1:])
    else:
        main()
