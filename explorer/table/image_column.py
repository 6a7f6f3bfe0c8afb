"""`ex.image` and `ex.image_header`: deferred columns of images, and of what images say of themselves."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import polars as pl

from explorer._errors import ArgumentError
from explorer.compute.deferred import SINGLE, Deferred, Image
from explorer.images.limits import Limits
from explorer.images.modes import check_mode
from explorer.images.pixels import check_shape
from explorer.images.resize import resizing
from explorer.table.image_sources import (
    HeaderReader,
    ImageLoader,
    Loader,
    PixelLoader,
    existing_folder,
    fetching_with,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from explorer.images.resize import Resize
    from explorer.table.image_sources import Reader

__all__ = ["HeaderReader", "ImageLoader", "Loader", "PixelLoader", "existing_folder", "image", "image_header"]

DECODE_TOGETHER = 32

_MOST_TOGETHER = 1024
_VALUES_TOGETHER = 2**20
_WORKERS = 2
_AT_ONCE = 16
_HEADER = {
    "width": pl.Int32,
    "height": pl.Int32,
    "format": pl.String,
    "mode": pl.String,
    "frames": pl.Int32,
}


def image(
    column: str,
    *,
    base_dir: str | Path | None = None,
    mode: str | None = "RGB",
    limits: Limits | None = None,
    shape: Sequence[int] | None = None,
    frame: int = 0,
    size: int | Sequence[int] | None = None,
    resize: Resize = "fit",
    fill: str | Sequence[int] | None = None,
    web: Reader | bool | None = None,
    **unknown: object,
) -> Deferred:
    """Define a column of images, decoded when somebody looks at them.

    An image is shown as people expect to see it: turned as its EXIF orientation says, 16-bit and
    floating-point grey spread over black to white, transparency on white. A row whose image cannot be
    read is an error value that says why; the other rows are not touched by it.

    Parameters
    ----------
    column
        The column of paths or URLs (text), of encoded images (binary), of both (structs of ``bytes`` and
        ``path``, as Hugging Face has them: bytes are taken where they are not null), or of pixel values
        (lists, arrays, raw bytes; other images).
    base_dir
        Folder of relative paths, ``~`` and ``$VAR`` expanded; no path leads out of it. When not
        given, the folder of the file that the table was read from, else the working directory.
    mode
        Pillow mode of the images: ``"RGB"`` (transparency on white), ``"L"`` for grey, None for the
        file's own.
    limits
        The largest image that is read; see `explorer.Limits`.
    shape
        For pixel values: (height, width), (height, width, channels), or (channels, height, width) if
        that cannot be the former. Flat lists and raw bytes need it; arrays of two or three dimensions
        have a shape of their own. Whole numbers are levels of 0 to 255, fractions levels of 0 to 1;
        nothing is rescaled by what a row happens to hold.
    frame
        Which frame of an animation or page of a TIFF; negative ones count from the end.
    size
        (width, height) in pixels, or one number for both. Large JPEGs are then decoded at a fraction
        of their size, which is faster.
    resize
        ``"fit"`` into the size in proportion (one side may be shorter), ``"crop"`` the middle to the
        size, ``"pad"`` with `fill` to the size, or ``"stretch"``, the one that distorts. Smaller images
        are enlarged.
    fill
        Colour of the padding, black when not given: ``"white"``, ``"#202020"``, (32, 32, 32).
    web
        True to fetch values that are URLs; an `explorer.Web` to say how. They are not fetched otherwise.
    **unknown
        Refused, with the nearest keyword that exists.

    Returns
    -------
    Deferred
        To be named in ``with_columns(img=ex.image("path"))``.

    Raises
    ------
    SourceError
        When `base_dir` does not exist or is not a folder.
    ArgumentError
        For an option that cannot be meant as written.

    Examples
    --------
    >>> import explorer as ex
    >>> t = ex.from_polars({"path": ["a.jpg", "b.jpg"]}).with_columns(img=ex.image("path"))
    >>> t["img"][0]
    Cell(img[0], Image, not read)
    >>> t = ex.from_polars({"pixels": [[0, 85, 170, 255]]})
    >>> t = t.with_columns(
    ...     img=ex.image("pixels", shape=(2, 2), mode="L"),
    ...     large=ex.image("pixels", shape=(2, 2), mode="L", size=(60, 40), resize="pad"),
    ... )
    >>> t["img"]().tolist(), t["large"][0]().size
    ([[[0, 85], [170, 255]]], (60, 40))
    """
    where = "ex.image()"
    _check_call(where, column, unknown, image)
    if limits is not None and not isinstance(limits, Limits):
        raise ArgumentError(f"limits={limits!r} is not ex.Limits.", hint="ex.Limits(max_pixels=…)")
    check_mode(mode)
    if type(frame) is not int:
        raise ArgumentError(
            f"frame={frame!r} of {where} is not a whole number.",
            hint="The first is frame=0, the last frame=-1.",
        )
    fetching = fetching_with(where, web)
    loader = ImageLoader(
        base_dir=None if base_dir is None else existing_folder(base_dir),
        mode=mode,
        limits=limits or Limits(),
        frame=frame,
        resizing=resizing(where, size, resize, fill),
        web=fetching,
    )
    if shape is not None:
        for name, given, unused in (
            ("base_dir", base_dir, None),
            ("frame", frame, 0),
            ("web", fetching, None),
        ):
            if given != unused:
                raise ArgumentError(
                    f"shape={shape!r} of {where} is for pixel values, and {name}={given!r} for files.",
                    hint=f"Leave one of them out: shape= or {name}=.",
                )
    spec = Deferred(
        function=loader,
        inputs=(column,),
        returns={SINGLE: Image},
        batch_size=DECODE_TOGETHER,
        workers=_workers(fetching),
        kind="image",
        name="image",
    )
    if shape is None:
        return spec
    named = check_shape(where, shape)
    # Numbers become an image in less time than it takes to hand them to another thread.
    together = max(DECODE_TOGETHER, min(_MOST_TOGETHER, _VALUES_TOGETHER // prod(named)))
    return spec.with_options(function=PixelLoader(loader, named), batch_size=together, workers=1)


def image_header(
    column: str,
    *,
    base_dir: str | Path | None = None,
    web: Reader | bool | None = None,
    **unknown: object,
) -> Deferred:
    """Define the columns of what images say of themselves; no image is decoded for them.

    Of a file no more is read than needed: a kilobyte or so, but a GIF is read to its end to count its
    frames. An image that is too large to be decoded has a header like any other.

    Parameters
    ----------
    column
        The column of paths or URLs, of encoded images, or of structs of both; see `explorer.image`. Also a
        column of images: the files or bytes behind it are read. Where there are none, as a function makes
        the images or they are in memory, it is the image itself that is looked at, and `format` is null.
    base_dir, web
        As for `explorer.image`.
    **unknown
        Refused, with the nearest keyword that exists.

    Returns
    -------
    Deferred
        Five columns: ``width`` and ``height`` (Int32, in pixels, as the image is shown), ``format``
        (String, for instance ``"JPEG"``), ``mode`` (String, of the pixels in the file: ``"RGB"``,
        ``"L"``, ``"CMYK"``, …) and ``frames`` (Int32, null when the file is too damaged to count them).

    Raises
    ------
    SourceError
        When `base_dir` does not exist or is not a folder.
    ArgumentError
        For an unknown keyword, or a column that is not a name.

    Examples
    --------
    >>> import explorer as ex, polars as pl
    >>> t = ex.from_polars({"path": ["a.jpg", "b.jpg"]}).with_columns(ex.image_header("path"))
    >>> t.columns
    ['path', 'width', 'height', 'format', 'mode', 'frames']
    >>> wide = t.filter(pl.col("width") > 2 * pl.col("height"))
    """
    where = "ex.image_header()"
    _check_call(where, column, unknown, image_header)
    folder = None if base_dir is None else existing_folder(base_dir)
    fetching = fetching_with(where, web)
    return Deferred(
        function=HeaderReader(folder, fetching),
        inputs=(column,),
        returns=_HEADER,
        batch_size=DECODE_TOGETHER,
        workers=_workers(fetching),
        kind="header",
        name="image_header",
    )


def _check_call(where: str, column: object, unknown: dict[str, object], function: Any) -> None:
    for name in unknown:
        raise ArgumentError.unknown_keyword(where, name, function.__kwdefaults__)
    if not isinstance(column, str):
        raise ArgumentError(
            f"{where} was given {type(column).__name__} {column!r}; it takes the name of a column.",
            hint=f'For instance: {where[:-1]}"path").',
        )


def _workers(web: Reader | None) -> int:
    """Decode on as many threads as pay, but wait for a server on more."""
    return _WORKERS if web is None else int(getattr(web, "concurrency", _AT_ONCE))
