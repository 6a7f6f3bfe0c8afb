"""What some bytes are, told from their beginning and not from a file's name."""

from __future__ import annotations

import re

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"qoif", "QOI"),
    (b"\x00\x00\x01\x00", "ICO"),
    (b"8BPS", "PSD"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"icns", "ICNS"),
    (b"%PDF-", "a PDF document"),
    (b"%!PS", "an EPS drawing"),
    (b"\xc5\xd0\xd3\xc6", "an EPS drawing"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"7z\xbc\xaf'\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"PAR1", "a Parquet file"),
    (b"\x1aE\xdf\xa3", "a Matroska video"),
    (b"OggS", "an Ogg recording"),
    (b"version https://git-lfs.github.com/spec/", "a Git LFS pointer"),
)

_BOXES: tuple[tuple[bytes, str], ...] = (
    (b"avif", "AVIF"),
    (b"avis", "AVIF"),
    (b"heic", "HEIF"),
    (b"heix", "HEIF"),
    (b"hevc", "HEIF"),
    (b"heim", "HEIF"),
    (b"heis", "HEIF"),
    (b"mif1", "HEIF"),
    (b"msf1", "HEIF"),
    (b"isom", "an MP4 video"),
    (b"iso2", "an MP4 video"),
    (b"mp4", "an MP4 video"),
    (b"M4V", "an MP4 video"),
    (b"qt  ", "a QuickTime video"),
)

_RIFF = {b"WEBP": "WEBP", b"AVI ": "an AVI video", b"WAVE": "a WAV recording"}
_NETPBM = re.compile(rb"P[1-7fF][\s#]")
_HTML = re.compile(rb"<!doctype\s+html|<html|<head\b|<body\b", re.IGNORECASE)
_SVG = re.compile(rb"<svg[\s>]", re.IGNORECASE)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def sniff(head: bytes) -> str:
    r"""Say what the bytes are that begin with `head`.

    Parameters
    ----------
    head
        The first bytes of a file; a kilobyte is plenty.

    Returns
    -------
    str
        The short name of an image format (``"JPEG"``, ``"PNG"``, ``"SVG"``, …), something else with its
        article (``"an HTML page"``, ``"a Git LFS pointer"``), ``"empty"`` or ``"unknown"``.

    Examples
    --------
    >>> sniff(b"\xff\xd8\xff\xe0\x00\x10JFIF")
    'JPEG'
    >>> sniff(b"<!DOCTYPE html><title>Not found</title>")
    'an HTML page'
    """
    if not head:
        return "empty"
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], "unknown")
    if head[4:8] == b"ftyp":
        return _box(head)
    if _NETPBM.match(head):
        return "PPM"
    return _text(head[:1024])


def _box(head: bytes) -> str:
    """Name a file of ISO boxes by its brands, the major one first."""
    brands = head[8 : max(16, min(int.from_bytes(head[:4], "big"), 128))]
    return next((name for brand, name in _BOXES if brand in brands), "unknown")


def _text(head: bytes) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        return "blank text"
    if _CONTROL.search(text):
        return "unknown"
    if text.startswith(b"<"):
        return _markup(text)
    if text[:1] in b"{[":
        return "JSON text"
    return "text" if _is_text(text) else "unknown"


def _is_text(text: bytes) -> bool:
    """Whether it is UTF-8, of which the last letter may be cut."""
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return error.start > len(text) - 4 and "end of data" in error.reason
    return True


def _markup(text: bytes) -> str:
    if _HTML.search(text):
        return "an HTML page"
    return "SVG" if _SVG.search(text) else "an XML document"
