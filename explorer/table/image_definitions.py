"""How the loader of an image column is written into a table's description, and read from it."""

from __future__ import annotations

from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer._errors import ArgumentError
from explorer.images.limits import Limits
from explorer.images.modes import check_mode
from explorer.images.pixels import check_shape
from explorer.images.resize import resizing
from explorer.remote.client import Web
from explorer.table.image_sources import HeaderReader, ImageLoader, PixelLoader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from explorer.table.image_sources import Loader, Reader

_PLAIN = (bool, int, float, str, type(None))
_ITS_OWN = "own"


class NotKept(Exception):  # noqa: N818 - it is a reason, told in a warning
    """Why a loader cannot be made again from its description; raised and caught in this room."""


def described_loader(function: Loader | HeaderReader) -> dict[str, Any]:
    """Return the options of a loader, or of a reader of headers, as JSON has them.

    Examples
    --------
    >>> kept = described_loader(ImageLoader(None, "L", Limits(), frame=-1))
    >>> kept["mode"], kept["frame"], kept["size"]
    ('L', -1, None)
    """
    if isinstance(function, HeaderReader) and function.loader is not None:
        return {"header": _ITS_OWN, "base_dir": None}
    if isinstance(function, HeaderReader):
        return {"header": True, "base_dir": _path(function.base_dir), "web": _described_web(function.web)}
    loader = function.encoded if isinstance(function, PixelLoader) else function
    to = loader.resizing
    return {
        "base_dir": _path(loader.base_dir),
        "mode": loader.mode,
        "limits": asdict(loader.limits),
        "pixels": isinstance(function, PixelLoader),
        "shape": list(function.shape) if isinstance(function, PixelLoader) and function.shape else None,
        "frame": loader.frame,
        "size": None if to is None else [to.width, to.height],
        "resize": "fit" if to is None else to.how,
        "fill": list(to.fill) if to is not None and to.how == "pad" else None,
        "web": _described_web(loader.web),
    }


def restored_loader(kept: Mapping[str, Any], folder: Path | None, *, moved: bool) -> Loader | HeaderReader:
    """Return the loader that was described; an option that was not kept is as it is when not given.

    Parameters
    ----------
    kept
        What `described_loader` returned, now or in an earlier version.
    folder
        Of the table.
    moved
        Whether a person says that the images are in `folder`, wherever they were.

    Raises
    ------
    NotKept
        When it fetches URLs with something that cannot be made again.
    ValueError
        When an option is none.
    """
    base, mode, frame = kept["base_dir"], kept.get("mode"), kept.get("frame", 0)
    if not _is_text_or_none(base) or not _is_text_or_none(mode) or type(frame) is not int:
        raise ValueError("an image column has options that are none")
    base_dir = None if moved or base is None else Path(base)
    web = _restored_web(kept.get("web"))
    if kept.get("header") == _ITS_OWN:
        raise NotKept("it reads the headers of images that are packed, or in a data set")
    if kept.get("header"):
        return HeaderReader(base_dir, web).within(folder)
    try:
        return _restored(kept, base_dir, web).within(folder)
    except ArgumentError as error:
        raise ValueError(error.message) from error


def _restored(kept: Mapping[str, Any], base_dir: Path | None, web: Reader | None) -> Loader:
    check_mode(kept["mode"])
    limits = Limits(**{name: int(most) for name, most in kept["limits"].items()})
    to = resizing("an image column", kept.get("size"), kept.get("resize", "fit"), kept.get("fill"))
    loader = ImageLoader(base_dir, kept["mode"], limits, kept.get("frame", 0), to, web)
    if not kept.get("pixels"):
        return loader
    shape = kept.get("shape")
    return PixelLoader(loader, None if shape is None else check_shape("an image column", shape))


def _path(folder: Path | None) -> str | None:
    return None if folder is None else str(folder)


def _is_text_or_none(value: object) -> bool:
    return value is None or isinstance(value, str)


def _described_web(web: Any) -> dict[str, Any] | str | None:
    """Return the options of what fetches URLs, where it is this package's own."""
    if web is None:
        return None
    if type(web).__module__.partition(".")[0] != "explorer" or not is_dataclass(web):
        return _ITS_OWN
    options = {field.name: getattr(web, field.name) for field in fields(web) if field.init}
    return {name: value for name, value in options.items() if isinstance(value, _PLAIN)}


def _restored_web(kept: object) -> Reader | None:
    if kept is None:
        return None
    if kept == _ITS_OWN:
        raise NotKept("it fetches URLs with an object of its own")
    options = kept.items() if isinstance(kept, dict) else [(None, None)]
    if not all(isinstance(name, str) and isinstance(value, _PLAIN) for name, value in options):
        raise ValueError("an image column fetches URLs with options that are none")
    try:
        return Web(**dict(options))
    except (TypeError, ArgumentError) as error:
        raise NotKept(f"it fetches URLs with options of another version ({error})") from error
