"""Fixtures that every room's tests may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says nothing on a machine that does other things too.
settings.register_profile("explorer", deadline=None)
settings.load_profile("explorer")


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real photos that EXPLORER_DATA names; a test that asks for it is skipped without it."""
    named = os.environ.get("EXPLORER_DATA")
    if not named:
        pytest.skip("EXPLORER_DATA names no folder of real data")
    folder = Path(named).resolve()
    assert folder.is_dir(), f"EXPLORER_DATA names {named}, which is not a folder"
    return folder
