"""What stands behind a cell of an image column: a file, a URL, encoded bytes, or pixel values."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

import numpy as np
import polars as pl

from explorer._errors import ArgumentError, ExplorerError, ImageError, SourceError, did_you_mean
from explorer.compute.call import to_plain
from explorer.compute.deferred import Image
from explorer.images.decode import decode, read_bytes
from explorer.images.header import file_header, header, of_image
from explorer.images.limits import Limits, check_pixels
from explorer.images.modes import to_mode
from explorer.images.pixels import from_batch, from_values
from explorer.images.sniffing import sniff
from explorer.images.thumbnail import thumbnail
from explorer.remote.client import Web

if TYPE_CHECKING:
    from collections.abc import Sequence

    import PIL.Image

    from explorer.compute.deferred import Dtype
    from explorer.images.header import Header
    from explorer.images.resize import Resizing
    from explorer.images.thumbnail import Thumbnail

_URL = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_VARIABLE = re.compile(r"\$(\w+)|\$\{([^}]*)\}")

# Paths that people have are shorter, and images that are encoded as text are longer.
_LONGEST_PATH = 4096

# The size of an image too large to decode is worth knowing; Pillow has a limit of its own.
_ANY_SIZE = Limits(max_pixels=2**62, max_bytes=2**62)


class Reader(Protocol):
    """Fetches what a URL names, as `explorer.Web` does."""

    def read(self, url: str) -> bytes:
        """Return the body."""
        ...


@dataclass(frozen=True, slots=True)
class ImageLoader:
    """Reads and decodes one image from a path, a URL, encoded bytes, or ``{"bytes": …, "path": …}``.

    Parameters
    ----------
    base_dir
        The folder below which paths are read, resolved; no path leads out of it. None before the
        column is part of a table, which has a folder of its own.
    mode
        Pillow mode of the result; None leaves the file's own.
    limits
        The largest image that is read.
    frame
        Which frame of an animation.
    resizing
        The size that images are brought to.
    web
        What fetches URLs; without it none is.
    """

    base_dir: Path | None
    mode: str | None
    limits: Limits
    frame: int = 0
    resizing: Resizing | None = None
    web: Reader | None = None

    def within(self, folder: Path | None, dtype: Dtype | None = pl.String) -> ImageLoader | PixelLoader:
        """Return the loader for a table: in its folder, where none was given, and for values of a dtype.

        Parameters
        ----------
        folder
            The table's; None is the working directory.
        dtype
            Of the column that is read; None while it is not known.
        """
        loader = self
        if self.base_dir is None:
            loader = replace(self, base_dir=folder or Path(os.path.realpath(".")))
        return PixelLoader(loader) if may_hold_pixels(dtype) else loader

    def read(self, value: object) -> bytes:
        """Return the encoded bytes behind a value."""
        found = located(value, self.base_dir, self.web)
        return read_bytes(found, limits=self.limits) if isinstance(found, Path) else found

    def decode(self, data: bytes) -> PIL.Image.Image:
        """Return the pixels of encoded bytes."""
        return decode(data, mode=self.mode, limits=self.limits, frame=self.frame, resizing=self.resizing)

    def thumbnail(self, data: bytes, px: int) -> Thumbnail:
        """Return a small picture of what `decode` gives, decoded no larger than needed."""
        source = data if self.frame == 0 and self.resizing is None else self.decode(data)
        return thumbnail(source, px, mode=self.mode, limits=self.limits)

    def __call__(self, value: object) -> PIL.Image.Image:
        """Read and decode."""
        return self.decode(self.read(value))


@dataclass(frozen=True, slots=True)
class PixelLoader:
    """Makes one image of pixel values: an array, a list, raw bytes, a tensor or an image.

    It has no `read`: there are no encoded bytes that could be fetched apart from the decoding.

    Parameters
    ----------
    encoded
        Holds the options, and loads values that are no pixel values after all.
    shape
        Of the pixel values; None takes an array's own.
    """

    encoded: ImageLoader
    shape: tuple[int, ...] | None = None

    @property
    def mode(self) -> str | None:
        """Pillow mode of the result; None leaves what the channels mean."""
        return self.encoded.mode

    @property
    def limits(self) -> Limits:
        """The largest image that is made."""
        return self.encoded.limits

    def within(self, folder: Path | None, dtype: Dtype | None = None) -> ImageLoader | PixelLoader:
        """Return this loader for a table; see `ImageLoader.within`."""
        loader = self.encoded.within(folder, dtype)
        return loader if self.shape is None else replace(self, encoded=_of_files(loader))

    def __call__(self, value: object) -> PIL.Image.Image:
        """Make the image."""
        options = self.encoded
        if hasattr(value, "getbands"):
            made: PIL.Image.Image = value  # type: ignore[assignment]
            check_pixels(*made.size, options.limits)
        elif self.shape is None and isinstance(value, (str, bytes, bytearray, memoryview, dict, type(None))):
            return options(value)
        else:
            plain = to_plain(value)
            made = from_values(
                plain,
                self.shape,
                mode=options.mode,
                limits=options.limits,
                channels_first=plain is not value,
            )
        if options.resizing is not None:
            return options.resizing.applied(made, options.mode, made.size)
        return to_mode(made, options.mode)

    def together(self, values: Sequence[object]) -> list[PIL.Image.Image] | None:
        """Make several images at once; None where each is to be made for itself."""
        options = self.encoded
        if options.resizing is not None:
            return None
        return from_batch(values, self.shape, mode=options.mode, limits=options.limits)


@dataclass(frozen=True, slots=True)
class HeaderReader:
    """Reads what an image says of itself: its size and format, and no pixels.

    Parameters
    ----------
    base_dir, web
        As for `ImageLoader`.
    loader
        Reads the encoded bytes where another column's loader alone knows where they are.
    """

    base_dir: Path | None
    web: Reader | None = None
    loader: Any = None

    def within(self, folder: Path | None, _: Dtype | None = None) -> HeaderReader:
        """Return this reader for the folder of a table, where none was given."""
        return (
            replace(self, base_dir=folder or Path(os.path.realpath("."))) if self.base_dir is None else self
        )

    def behind(self, loader: Any) -> HeaderReader | None:
        """Return a reader of what a loader of images reads; None where that are no encoded bytes."""
        if type(loader) is ImageLoader:
            return HeaderReader(loader.base_dir, loader.web)
        return replace(self, loader=loader) if hasattr(loader, "read") else None

    def __call__(self, value: object) -> dict[str, Any]:
        """Return width, height, format, mode and frames."""
        if self.loader is not None:
            seen = header(self.loader.read(value), limits=_ANY_SIZE)
        elif hasattr(value, "getbands"):
            seen = of_image(cast("PIL.Image.Image", value))
        elif isinstance(plain := to_plain(value), np.ndarray):
            seen = of_image(from_values(plain, mode=None, channels_first=plain is not value, spread=True))
        else:
            seen = _header_of(located(value, self.base_dir, self.web))
        return {name: getattr(seen, name) for name in ("width", "height", "format", "mode", "frames")}


def _header_of(found: Path | bytes) -> Header:
    if isinstance(found, Path):
        return file_header(found, limits=_ANY_SIZE)
    return header(found, limits=_ANY_SIZE)


Loader: TypeAlias = ImageLoader | PixelLoader
"""What makes the images of a column that `ex.image` defines."""


def _of_files(loader: Loader) -> ImageLoader:
    return loader if isinstance(loader, ImageLoader) else loader.encoded


def may_hold_pixels(dtype: Dtype | None) -> bool:
    """Return whether values of a column may be pixel values; what is not known yet may be anything.

    Examples
    --------
    >>> may_hold_pixels(pl.Array(pl.UInt8, (28, 28))), may_hold_pixels(pl.Binary)
    (True, False)
    """
    return dtype is None or dtype in (pl.List, pl.Array, pl.Object, pl.Unknown, Image)


def located(value: object, base_dir: Path | None, web: Reader | None) -> Path | bytes:
    """Return the file that a value names, or the encoded bytes that it is or that its URL names.

    Raises
    ------
    ImageError
        When it is none of them, lies outside of `base_dir`, or cannot be fetched.
    """
    if isinstance(value, dict) and ("bytes" in value or "path" in value):
        data, path = value.get("bytes"), value.get("path")
        if data is None and path is None:
            raise ImageError("no image: both bytes and path are null")
        value = path if data is None else data
    if value is None:
        raise ImageError("no path: the value is null")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, str):
        if value[:5].lower() == "data:" and "," in value:
            raise _data_url(value)
        scheme = _URL.match(value)
        return _file(value, base_dir) if scheme is None else _fetched(value, scheme[1].lower(), web)
    if isinstance(value, dict):
        raise ImageError(
            f"a struct of {', '.join(map(str, value)) or 'nothing'} is no image; one of bytes and path is"
        )
    if hasattr(value, "__array__") or isinstance(value, (list, tuple)):
        raise ImageError(
            f"{type(value).__name__} holds pixel values, not an encoded image",
            hint='Say which shape they have: ex.image("…", shape=(height, width))',
        )
    raise ImageError(f"{type(value).__name__} is neither a path (text) nor an encoded image (bytes)")


def _file(value: str, base_dir: Path | None) -> Path:
    if not value or "\0" in value:
        raise ImageError("no path: the text is empty" if not value else f"no path: {value[:80]!r}")
    if len(value) > _LONGEST_PATH:
        raise ImageError(
            f"text of {len(value):,} characters is no path; it begins with {value[:40]!r}",
            hint='If it is encoded, decode it first: pl.col("…").str.decode("base64")',
        )
    base = base_dir or Path(os.path.realpath("."))
    path = Path(os.path.realpath(base / value))
    if not path.is_relative_to(base):
        raise ImageError(
            f"{value} lies outside of base_dir {base}",
            hint=f'Allow its folder: ex.image(…, base_dir="{path.parent}")',
        )
    return path


def _data_url(value: str) -> ImageError:
    return ImageError(
        f"a data: URL, of which images are not read: {value[:40]}…",
        hint='Decode it first: pl.col("…").str.split(",").list.last().str.decode("base64")',
    )


def _fetched(url: str, scheme: str, web: Reader | None) -> bytes:
    if scheme not in ("http", "https"):
        way = "For a file of this machine leave file:// out, and give its folder: base_dir=…"
        raise ImageError(
            f"{scheme}:// is not read, only http:// and https:// are: {url}",
            hint=way if scheme == "file" else None,
        )
    if web is None:
        raise ImageError(
            f"a URL, and URLs are read only when that is asked for: {url}",
            hint='Ask for it: ex.image("…", web=True), or ex.read(…, web=True)',
        )
    try:
        data = web.read(url)
    except ExplorerError as error:
        raise ImageError(error.message, hint=error.hint) from error
    except Exception as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ImageError(f"cannot be fetched ({reason}): {url}") from error
    # Behind a wall of logins and consents, a server answers with a page and says that all is well.
    if sniff(data[:4096]) == "an HTML page":
        raise ImageError(f"the server answered with an HTML page, not an image: {url}")
    return data


def fetching_with(where: str, given: Any) -> Reader | None:
    """Return what fetches URLs for a `web=` that a person gave to `where`; None for nothing."""
    if given is None or given is False:
        return None
    if given is True:
        return Web()
    if isinstance(given, type) or not callable(getattr(given, "read", None)):
        raise ArgumentError(
            f"web={given!r} of {where} cannot fetch URLs: it has no read(url).",
            hint="web=True, or an object that says how: web=ex.Web(…)",
        )
    fetching: Reader = given
    return fetching


def existing_folder(given: str | Path) -> Path:
    """Expand and resolve a folder's path, or say which part of it does not exist."""
    if not isinstance(given, (str, Path)):
        raise ArgumentError(f"base_dir={given!r} is not a path.")
    try:
        path = Path(os.path.expandvars(Path(given).expanduser()))
    except RuntimeError as error:
        raise SourceError(
            f"base_dir {str(given)!r} begins with the home folder of a user who has none here."
        ) from error
    if path.is_dir():
        return Path(os.path.realpath(path))
    if path.exists():
        raise SourceError(
            f"base_dir {str(given)!r} is a file, not a folder.", hint=f"Its folder is {path.parent}."
        )
    if unset := _VARIABLE.search(str(path)):
        name = unset[1] or unset[2]
        raise SourceError(
            f"base_dir {str(given)!r} names the environment variable {name}, which is not set.",
            hint=did_you_mean(name, os.environ) or f'Set it: os.environ["{name}"] = "…"',
        )
    parent = next(p for p in [*path.absolute().parents] if p.is_dir())
    missing = path.absolute().relative_to(parent).parts[0]
    inside = sorted(p.name for p in parent.iterdir() if p.is_dir())
    raise SourceError(
        f"base_dir {str(given)!r} does not exist: there is no {missing!r} in {parent}.",
        hint=did_you_mean(missing, inside),
    )
