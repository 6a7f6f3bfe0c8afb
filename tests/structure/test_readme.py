"""The README's marked Python blocks run as they stand, one after the other."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[2] / "README.md"

# <!-- test: digits --> or <!-- test: photos -->, and the block of Python below it.
MARKED = re.compile(r"^<!-- test: (\w+) -->\n+```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(setting: str) -> str:
    """Return the README's blocks of one setting, joined: later ones use what earlier ones made."""
    return "\n".join(code for name, code in MARKED.findall(README.read_text("utf-8")) if name == setting)


def run(code: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n--- the code:\n{code}"


def test_every_mark_is_one_that_is_run():
    marks = re.findall(r"<!-- test: (.*?) -->", README.read_text("utf-8"))
    assert len(marks) == len(MARKED.findall(README.read_text("utf-8"))), "a mark without a block of Python"
    assert set(marks) <= {"digits", "photos"}


@pytest.mark.slow
def test_the_digits_example_runs(tmp_path):
    code = blocks("digits")
    assert code, "the README shows no example that is tested"
    run(code, tmp_path)


@pytest.mark.slow
def test_the_photos_example_runs(data_dir):
    if code := blocks("photos"):
        run(code, data_dir / "imagenette")
