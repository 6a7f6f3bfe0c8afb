"""The quickstart, run in a real JupyterLab as a newcomer would."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.looking import Looking

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "quickstart.ipynb"


@pytest.mark.slow
def test_the_quickstart_runs_and_its_view_shows_what_the_net_says(open_notebook):
    notebook = open_notebook(NOTEBOOK, timeout=240)
    view = Looking(notebook)
    view.root.scroll_into_view_if_needed()
    view.settled()
    assert view.number("rows") == 899
    assert view.number("inferred") == 899
    assert view.points()[0] == 899
    assert view.part("axis-x").input_value() == "umap_0"
    bars = view.bars("pred")
    assert sum(total for _, total in bars.values()) == 899
    right = notebook.python("test.filter(pl.col('pred') == pl.col('label')).height")
    assert right / 899 > 0.85
    before = view.epoch()
    notebook.execute("view.select(pl.col('pred') != pl.col('label'))")
    view.after_epoch(before)
    assert view.number("selected") == 899 - right
    # These two are the pictures of the README.
    notebook.screenshot("quickstart", of=view.root)
    notebook.theme("dark")
    notebook.screenshot("quickstart-dark", of=view.root)
    notebook.theme("light")


@pytest.mark.slow
def test_the_first_look_infers_the_rows_on_screen_and_no_others(open_notebook):
    """The cells up to the first view: the model is defined, and nothing else is asked of it."""
    import nbformat

    cells = [c.source for c in nbformat.read(NOTEBOOK, 4).cells if c.cell_type == "code"]
    last = next(i for i, source in enumerate(cells) if ".explore(" in source)
    notebook = open_notebook(cells[: last + 1], timeout=120)
    view = Looking(notebook)
    view.root.scroll_into_view_if_needed()
    view.settled()
    declared = view.declared()
    notebook.wait_for_python(f"view.counters.rows_inferred == {len(declared)}")
    assert view.number("inferred") == len(declared)
    assert set(view.tiles()) <= set(declared)
    notebook.screenshot("first-look")
