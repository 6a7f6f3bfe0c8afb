"""The harness itself works: a real kernel runs a notebook in a real JupyterLab."""

from __future__ import annotations

import pytest

from tests.browser.notebook import NotebookError, write_notebook


def test_cells_run_and_the_kernel_answers(open_notebook):
    notebook = open_notebook(["print('hello from the kernel')\nn = 20", "n += 1"])
    notebook.page.get_by_text("hello from the kernel", exact=True).wait_for()
    assert notebook.python("[n, 'ä\\n', None]") == [21, "ä\n", None]
    assert notebook.execute("n += 1\nprint(n)") == "22\n"
    notebook.theme("dark")
    assert notebook.screenshot("harness-dark").stat().st_size > 1000
    notebook.theme("light")


def test_an_error_in_a_cell_is_raised_with_its_traceback(open_notebook):
    with pytest.raises(NotebookError, match=r"(?s)cell 1.*1 / 0.*ZeroDivisionError"):
        open_notebook(["a = 1", "1 / 0"])


def test_a_copy_of_a_file_is_opened(open_notebook, tmp_path):
    path = tmp_path / "given.ipynb"
    write_notebook(path, ["n = 3"])
    before = path.read_bytes()
    assert open_notebook(path).python("n") == 3
    assert path.read_bytes() == before


def test_an_error_in_the_kernel_is_raised_with_its_traceback(open_notebook):
    notebook = open_notebook([])
    with pytest.raises(NotebookError, match="NameError"):
        notebook.execute("nobody")
    with pytest.raises(NotebookError, match="NameError"):
        notebook.python("nobody")


def test_the_page_can_draw_with_webgl(open_notebook):
    notebook = open_notebook([])
    assert notebook.page.evaluate("() => !!document.createElement('canvas').getContext('webgl2')")


def test_complaints_of_the_page_are_kept(open_notebook):
    notebook = open_notebook([])
    notebook.page.evaluate("() => { console.error('something is wrong'); }")
    notebook.page.evaluate("() => { setTimeout(() => { throw new Error('thrown later'); }, 0); }")
    notebook.page.wait_for_timeout(100)
    notebook.expect_error("something is wrong")
    notebook.expect_error("thrown later")
