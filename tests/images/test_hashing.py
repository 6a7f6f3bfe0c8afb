"""Identities change when the answer would."""

from __future__ import annotations

import os

import pytest

from explorer._errors import ImageError
from explorer.images.hashing import content_hash, file_identity


def test_the_same_bytes_have_the_same_hash():
    assert content_hash(b"pixels") == content_hash(b"pixels") != content_hash(b"pixel")
    assert len(content_hash(b"")) == 32


def test_a_file_is_another_one_when_size_or_time_change(tmp_path):
    path = tmp_path / "a b.png"
    path.write_bytes(b"12")
    first = file_identity(path)
    assert first == f"{path} 2 {path.stat().st_mtime_ns}"
    os.utime(path, ns=(1, 1))
    second = file_identity(path)
    path.write_bytes(b"123")
    os.utime(path, ns=(1, 1))
    assert len({first, second, file_identity(path)}) == 3


def test_a_missing_file_has_none(tmp_path):
    for name in ("nowhere.png", "a\0b"):
        with pytest.raises(ImageError):
            file_identity(tmp_path / name)
