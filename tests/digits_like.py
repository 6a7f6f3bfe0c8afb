"""Small tables of real PNG images, made on the spot, for tests that count what is computed."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
import polars as pl

import explorer as ex


def png(shade: int, side: int = 8) -> bytes:
    """A grey square; the shade is in every pixel, so a function can read it back."""
    out = io.BytesIO()
    PIL.Image.fromarray(np.full((side, side), shade, dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()


def table(rows: int = 100, *, broken: tuple[int, ...] = ()) -> ex.ImageTable:
    """Rows whose image has the shade of the row's number; label is the number modulo 10."""
    frame = pl.DataFrame(
        {
            "image": [b"not an image" if i in broken else png(i % 256) for i in range(rows)],
            "label": [i % 10 for i in range(rows)],
            "number": range(rows),
        }
    )
    return ex.from_polars(frame).with_columns(image=ex.image("image", mode="L"))


class Recorder:
    """A batched function that reads the shades back, and remembers the batches it was given."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.seen: list[int] = []
        self.opened = 0

    def open(self) -> None:
        self.opened += 1

    def __call__(self, images) -> np.ndarray:
        shades = np.asarray(images)[:, 0, 0].astype(np.int64)
        self.batches.append(len(shades))
        self.seen += shades.tolist()
        return shades
