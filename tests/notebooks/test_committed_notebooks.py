"""Notebooks are committed as they are written: without outputs, for a plain Python 3 kernel."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.rglob("*.ipynb"))
NOTEBOOKS = [path for path in NOTEBOOKS if ".ipynb_checkpoints" not in path.parts]


TUTORIALS = [FOLDER / "01_wrangling_photos.ipynb", FOLDER / "02_digits.ipynb"]


def test_the_quickstart_and_the_tutorials_are_there():
    assert {FOLDER / "quickstart.ipynb", *TUTORIALS} <= set(NOTEBOOKS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_valid(path):
    nbformat.validate(nbformat.read(path, as_version=nbformat.NO_CONVERT))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_outputs_are_committed(path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    kept = [cell.source for cell in code if cell.outputs or cell.execution_count is not None]
    assert not kept, f"clear the outputs of {path.name}: jupyter nbconvert --clear-output --inplace"
    assert "widgets" not in notebook.metadata


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_asks_for_a_plain_python_kernel(path):
    assert nbformat.read(path, as_version=4).metadata.kernelspec.name == "python3"


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_checks_what_was_computed_from_its_start_to_its_end(path):
    code = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    for counter in ("images_decoded", "rows_inferred"):
        assert sum(f"counters.{counter} ==" in source for source in code) >= 2
        assert f"assert t.counters.{counter} ==" in code[-1]
    assert any("assert t.counters.images_decoded == 0" in source for source in code)
