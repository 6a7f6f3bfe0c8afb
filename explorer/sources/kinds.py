"""What a file really is, when it is not what its reader expects, and how to read that."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from explorer._errors import SourceError
from explorer.images.sniffing import sniff

if TYPE_CHECKING:
    from explorer.sources.opening import Source

_EXPECTED = {
    "ex.read_csv()": "CSV",
    "ex.read_parquet()": "Parquet",
    "ex.read_ndjson()": "JSON, one object a line",
    "ex.read_json()": "JSON",
    "ex.read_ipc()": "Arrow IPC",
}
_OWN_KIND = {
    "ex.read_csv()": {"text"},
    "ex.read_parquet()": {"a Parquet file"},
    "ex.read_ndjson()": {"JSON, one object a line"},
    "ex.read_json()": {"JSON"},
    "ex.read_ipc()": {"an Arrow IPC file", "an Arrow IPC stream"},
}
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PAR1", "a Parquet file"),
    (b"PARE", "an encrypted Parquet file"),
    (b"ARROW1", "an Arrow IPC file"),
    (b"\xff\xff\xff\xff", "an Arrow IPC stream"),
    (b"FEA1", "a Feather file of version 1"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook of old"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)
_IMAGES = {"SVG", "JPEG", "PNG", "GIF", "WEBP"}
_SURE = {
    "a ZIP archive",
    "a gzip archive",
    "a Zstandard archive",
    "a bzip2 archive",
    "an xz archive",
    "a 7z archive",
    "a RAR archive",
    "a NumPy array",
    "an HDF5 file",
    *_IMAGES,
}
"""Kinds told from a few letters, with which a header may begin too: believed where more speaks for them."""

_WRITTEN = {"a Git LFS pointer", "an HTML page", "an XML document", "SVG", "a PDF document"}
"""Kinds that are text themselves, told from more than a header would begin with."""

_HINTS = {
    "text": 'If it is CSV: ex.read_csv("{name}")',
    "JSON, one object a line": 'Try: ex.read_ndjson("{name}")',
    "JSON": 'Try: ex.read_json("{name}")',
    "a Parquet file": 'Try: ex.read_parquet("{name}")',
    "an Arrow IPC file": 'Try: ex.read_ipc("{name}")',
    "an Arrow IPC stream": 'Try: ex.read_ipc("{name}")',
    "an encrypted Parquet file": "Pass decryption=… as polars.scan_parquet takes it.",
    "a Feather file of version 1": (
        'Try: ex.from_polars(pl.from_arrow(pyarrow.feather.read_table("{name}"))), or write it anew.'
    ),
    "an Excel workbook": 'Try: ex.from_polars(pl.read_excel("{name}"))',
    "an Excel workbook of old": 'Try: ex.from_polars(pl.read_excel("{name}"))',
    "UTF-16 text": 'If it is CSV: ex.read_csv("{name}", encoding="utf-16")',
    "an SQLite database": 'Try: ex.from_polars(pl.read_database_uri("SELECT * FROM …", "sqlite://{name}"))',
    "a Git LFS pointer": "The file itself is stored elsewhere; fetch it with: git lfs pull",
    "an HTML page": "A site answered with a page, perhaps one to sign in on; download the file itself again.",
}
_ARCHIVE = "Unpack it first, and read what is in it."


def kind_of(head: bytes) -> str:
    r"""Say what begins with these bytes.

    Parameters
    ----------
    head
        The first bytes, unpacked; some kilobytes are plenty.

    Returns
    -------
    str
        A kind with its article, ``"text"``, ``"JSON"``, ``"JSON, one object a line"`` or ``"unknown"``.

    Examples
    --------
    >>> kind_of(b"PAR1\x15\x04")
    'a Parquet file'
    >>> kind_of(b'{"a": 1}\n{"a": 2}\n')
    'JSON, one object a line'
    >>> kind_of(b"path,label\n")
    'text'
    """
    for magic, name in _MAGIC:
        # A text may well begin with the letters of one; none goes on with such bytes.
        if head.startswith(magic) and (not magic.isalnum() or _is_binary(head)):
            return name
    if _mostly_zero(head[1::2]) != _mostly_zero(head[::2]):
        return f"UTF-16 text, {'little' if _mostly_zero(head[1::2]) else 'big'}-endian"
    if head[257:262] == b"ustar":
        return "a tar archive"
    name = sniff(head)
    if name == "a ZIP archive":
        return "an Excel workbook" if b"xl/" in head or b"[Content_Types].xml" in head else name
    if name == "an XML document" and not re.match(rb"\s*<[?!]", head):
        return "text"
    if name in _WRITTEN or (name in _SURE and _is_binary(head)):
        return name
    if _is_binary(head):
        return "unknown"
    return _json_kind(head) or "text"


def wrong_kind(source: Source, where: str) -> SourceError | None:
    """Say what a file is and which reader reads it, when that is another one than was called.

    Parameters
    ----------
    source
        The file.
    where
        The call, for instance ``"ex.read_csv()"``.
    """
    head = source.head()
    kind = kind_of(head)
    if kind in _OWN_KIND[where] or (not head) or kind == "unknown":
        return None
    if kind == "text" and where in {"ex.read_json()", "ex.read_ndjson()"}:
        return None  # which line and why says more
    if kind.startswith("JSON") and where in {"ex.read_json()", "ex.read_ndjson()"}:
        return None
    hint = _HINTS.get(kind, _ARCHIVE if "archive" in kind else None)
    page = re.match(r"https?://(?:www\.)?github\.com/[^/]+/[^/]+/blob/", source.name)
    if page:
        hint = f'Its raw form: ex.{where[3:-2]}("{source.name.replace("/blob/", "/raw/", 1)}")'
    if kind.startswith("UTF-16") and where == "ex.read_csv()":
        names = {"UTF-16 text, little-endian": "utf-16-le", "UTF-16 text, big-endian": "utf-16-be"}
        hint = f'Pass encoding="{names.get(kind, "utf-16")}".'
        return SourceError(f"{source.name} is {kind}, not UTF-8.", hint=hint)
    article = f"a picture ({kind})" if kind in _IMAGES else kind
    return SourceError(
        f"{source.name} is {article}, not {_EXPECTED[where]}.",
        hint=hint.format(name=source.name) if hint and not page else hint,
    )


def _mostly_zero(data: bytes) -> bool:
    return data.count(0) > 0.9 * len(data)


def _is_binary(head: bytes) -> bool:
    return b"\x00" in head or re.search(rb"[\x01-\x08\x0e-\x1a]", head) is not None


def _json_kind(head: bytes) -> str | None:
    """Tell JSON by its first line, or by its first bracket."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if re.match(rb"\[\s*[\[{]", text):
        return "JSON"
    if not re.match(rb"\{\s*(\"|$)", text):
        return None
    first, rest = (text.partition(b"\n")[place] for place in (0, 2))
    try:
        whole = isinstance(json.loads(first), dict)
    except ValueError:
        return "JSON" if first.strip() == b"{" or rest else None
    return "JSON, one object a line" if whole and rest.strip() else "JSON"
