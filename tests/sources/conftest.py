"""Files to read, and what a reader says when it refuses one."""

from __future__ import annotations

import os
from contextlib import contextmanager

import polars as pl
import pytest

from explorer._errors import ExplorerError, SourceError


@pytest.fixture
def put(tmp_path):
    """Write a file of this name and return its path."""

    def write(name: str, content: str | bytes):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def refusal():
    """Call a reader that must refuse, and return its words."""

    def words(read, *args, kind=SourceError, **keywords) -> str:
        with pytest.raises(kind) as caught:
            read(*args, **keywords)
        assert isinstance(caught.value, ExplorerError)
        return str(caught.value)

    return words


@pytest.fixture
def zstd(tmp_path):
    """Pack lines of text with Zstandard, as Polars does it: no other library is needed."""

    def packed(lines: str) -> bytes:
        path = tmp_path / "packed.zst"
        frame = pl.DataFrame({"line": lines.removesuffix("\n").split("\n")})
        frame.write_csv(path, include_header=False, quote_style="never", compression="zstd")
        return path.read_bytes()

    return packed


@pytest.fixture
def as_nobody(tmp_path):
    """Be somebody who may not read everything, also where tests run as root."""

    @contextmanager
    def somebody_else():
        if not hasattr(os, "geteuid"):
            pytest.skip("permissions mean something else here")
        if os.geteuid():
            yield
            return
        before = {folder: folder.stat().st_mode for folder in [tmp_path, *tmp_path.parents[:2]]}
        for folder, mode in before.items():
            folder.chmod(mode | 0o555)
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)
            for folder, mode in before.items():
                folder.chmod(mode)

    return somebody_else
