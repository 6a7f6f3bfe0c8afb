"""Names for what an image is made of, for caches."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from explorer._errors import ImageError

if TYPE_CHECKING:
    from pathlib import Path


def content_hash(data: bytes) -> str:
    """Return 32 hexadecimal digits that are the same for the same bytes, on any machine.

    Examples
    --------
    >>> content_hash(b"pixels")
    '7d448d65cb41c2b7821037c68e29b2db'
    """
    return blake2b(data, digest_size=16).hexdigest()


def file_identity(path: Path) -> str:
    """Return a file's absolute path, size in bytes and time of change in nanoseconds, without reading it.

    Raises
    ------
    ImageError
        When there is no such file.

    Examples
    --------
    >>> from pathlib import Path
    >>> file_identity(Path("photo.jpg"))  # doctest: +SKIP
    '/home/ana/photos/photo.jpg 48213 1763639328000000000'
    """
    try:
        found = path.stat()
        absolute = path.absolute()
    except FileNotFoundError as error:
        raise ImageError(f"file not found: {path}") from error
    except (OSError, ValueError) as error:
        raise ImageError(f"cannot be read ({error}): {path}") from error
    return f"{absolute} {found.st_size} {found.st_mtime_ns}"
