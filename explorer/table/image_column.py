"""`ex.image`: a deferred column of images, from paths or encoded bytes."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from explorer._errors import ArgumentError, ImageError, SourceError, did_you_mean
from explorer.compute.deferred import SINGLE, Deferred, Image
from explorer.images.decode import decode, read_bytes
from explorer.images.limits import Limits
from explorer.images.modes import check_mode

if TYPE_CHECKING:
    import PIL.Image

DECODE_TOGETHER = 32


@dataclass(frozen=True, slots=True)
class ImageLoader:
    """Reads and decodes one image.

    Parameters
    ----------
    base_dir
        The folder below which paths are read, resolved; no path leads out of it. None before the
        column is part of a table, which has a folder of its own.
    mode
        Pillow mode of the result; None leaves the file's own.
    limits
        The largest image that is read.
    """

    base_dir: Path | None
    mode: str | None
    limits: Limits

    def within(self, folder: Path | None) -> ImageLoader:
        """Return this loader for the folder of a table, where none was given."""
        return (
            replace(self, base_dir=folder or Path(os.path.realpath("."))) if self.base_dir is None else self
        )

    def read(self, value: object) -> bytes:
        """Return the encoded bytes behind a path; bytes are what they are."""
        if value is None:
            raise ImageError("no path: the value is null")
        if isinstance(value, bytes):
            return value
        if not isinstance(value, str):
            raise ImageError(f"{type(value).__name__} is neither a path (text) nor an encoded image (bytes)")
        base = self.base_dir or Path(os.path.realpath("."))
        path = Path(os.path.realpath(base / value))
        if not path.is_relative_to(base):
            raise ImageError(
                f"{value} lies outside of base_dir {base}",
                hint=f'Allow its folder: ex.image(…, base_dir="{path.parent}")',
            )
        return read_bytes(path, limits=self.limits)

    def decode(self, data: bytes) -> PIL.Image.Image:
        """Return the pixels of encoded bytes."""
        return decode(data, mode=self.mode, limits=self.limits)

    def __call__(self, value: object) -> PIL.Image.Image:
        """Read and decode."""
        return self.decode(self.read(value))


def image(
    column: str,
    *,
    base_dir: str | Path | None = None,
    mode: str | None = "RGB",
    limits: Limits | None = None,
    **unknown: object,
) -> Deferred:
    """Define a column of images, decoded when somebody looks at them.

    Parameters
    ----------
    column
        The column of paths (text) or of encoded images (binary).
    base_dir
        Folder of relative paths, ``~`` and ``$VAR`` expanded; no path leads out of it. When not
        given, the folder of the file that the table was read from, else the working directory.
    mode
        Pillow mode of the images: ``"RGB"`` (transparency on white), ``"L"`` for grey, None for the
        file's own.
    limits
        The largest image that is read; see `explorer.Limits`.
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
        When Pillow has no such mode.

    Examples
    --------
    >>> import explorer as ex
    >>> t = ex.from_polars({"path": ["a.jpg", "b.jpg"]}).with_columns(img=ex.image("path"))
    >>> t["img"][0]
    Cell(img[0], Image, not read)
    """
    for name in unknown:
        raise ArgumentError.unknown_keyword("ex.image()", name, ["base_dir", "mode", "limits"])
    if not isinstance(column, str):
        raise ArgumentError(
            f"ex.image() was given {type(column).__name__} {column!r}; it takes the name of a column.",
            hint='For instance: with_columns(img=ex.image("path")).',
        )
    if limits is not None and not isinstance(limits, Limits):
        raise ArgumentError(f"limits={limits!r} is not ex.Limits.", hint="ex.Limits(max_pixels=…)")
    check_mode(mode)
    folder = None if base_dir is None else existing_folder(base_dir)
    return Deferred(
        function=ImageLoader(folder, mode, limits or Limits()),
        inputs=(column,),
        returns={SINGLE: Image},
        batch_size=DECODE_TOGETHER,
        workers=2,
        kind="image",
        name="image",
    )


def existing_folder(given: str | Path) -> Path:
    """Expand and resolve a folder's path, or say which part of it does not exist."""
    if not isinstance(given, (str, Path)):
        raise ArgumentError(f"base_dir={given!r} is not a path.")
    path = Path(os.path.expandvars(Path(given).expanduser()))
    if path.is_dir():
        return Path(os.path.realpath(path))
    if path.exists():
        raise SourceError(
            f"base_dir {str(given)!r} is a file, not a folder.", hint=f"Its folder is {path.parent}."
        )
    parent = next(p for p in [*path.absolute().parents] if p.is_dir())
    missing = path.absolute().relative_to(parent).parts[0]
    inside = sorted(p.name for p in parent.iterdir() if p.is_dir())
    raise SourceError(
        f"base_dir {str(given)!r} does not exist: there is no {missing!r} in {parent}.",
        hint=did_you_mean(missing, inside),
    )
