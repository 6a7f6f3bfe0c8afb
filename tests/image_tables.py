"""Small tables of images from every kind of source, made on the spot."""

from __future__ import annotations

import io

import PIL.Image
import polars as pl
import pytest

import explorer as ex

STRUCT = pl.Struct({"bytes": pl.Binary, "path": pl.String})


class Net:
    """Answers for URLs without a network, and remembers what it was asked."""

    def __init__(self, **pages: bytes) -> None:
        self.pages = pages
        self.asked: list[str] = []

    def read(self, url: str) -> bytes:
        self.asked.append(url)
        name = url.rpartition("/")[2].partition(".")[0]
        if name == "late":
            raise TimeoutError("timed out after 10 s")
        if name not in self.pages:
            raise ex.FetchError(f"404 Not Found: {url}", hint="Look at it in a browser.")
        return self.pages[name]


def encoded(image: PIL.Image.Image, form: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def images(values, *, dtype=None, base_dir=None, **options) -> ex.ImageTable:
    frame = pl.DataFrame({"at": pl.Series(values, dtype=dtype, strict=False)})
    return ex.from_polars(frame, base_dir=base_dir).with_columns(img=ex.image("at", **options))


def reason(table: ex.ImageTable, row: int = 0, column: str = "img") -> str:
    with pytest.raises(ex.ComputeError) as caught:
        table[column][row]()
    return str(caught.value)


def animation() -> bytes:
    frames = [PIL.Image.new("RGB", (8, 8), color) for color in ("red", "lime", "blue")]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
