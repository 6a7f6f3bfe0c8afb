"""The embedded digits are those of scikit-learn, and this is how the file was made.

To write it again::

    python -c "import runpy; runpy.run_path('tests/sources/test_digits.py')['write']()"
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

STORED = Path(__file__).resolve().parents[2] / "explorer" / "sources" / "_digits.parquet"


def png(ink: np.ndarray) -> bytes:
    """Encode 8x8 values of 0 to 16 as a grey image of 0 to 255."""
    buffer = io.BytesIO()
    Image.fromarray(np.rint(ink * 255 / 16).astype(np.uint8)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def halves(labels: np.ndarray) -> list[str]:
    """Give each second row of every digit to training, going on across digits so that the halves are even."""
    split = np.empty(len(labels), dtype=object)
    split[np.argsort(labels, kind="stable")] = ["test", "train"] * (len(labels) // 2) + ["test"] * (
        len(labels) % 2
    )
    return split.tolist()


def recipe() -> pl.DataFrame:
    """Make the frame from scikit-learn's copy of the data set."""
    ink, labels = pytest.importorskip("sklearn.datasets").load_digits(return_X_y=True)
    return pl.DataFrame(
        {
            "image": [png(row.reshape(8, 8)) for row in ink],
            "label": pl.Series(labels, dtype=pl.Int64),
            "split": halves(labels),
        }
    )


def write() -> None:
    recipe().write_parquet(STORED, compression="zstd", compression_level=19, statistics=False)


def pixels(frame: pl.DataFrame) -> np.ndarray:
    return np.stack([np.asarray(Image.open(io.BytesIO(data))) for data in frame["image"]])


def test_the_stored_pixels_are_those_of_scikit_learn():
    stored, made = pl.read_parquet(STORED), recipe()
    assert stored.schema == made.schema
    assert (pixels(stored) == pixels(made)).all()
    assert stored.drop("image").equals(made.drop("image"))


def test_the_file_is_small():
    assert STORED.stat().st_size < 400_000
