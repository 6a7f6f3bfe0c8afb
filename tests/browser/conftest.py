"""A real JupyterLab with real kernels, and Chromium to look at it.

The fixture `open_notebook` is all that a test needs::

    def test_it_shows(open_notebook):
        notebook = open_notebook(["import explorer as ex", "ex.samples.digits().explore()"])
        notebook.widget.wait_for()
        assert notebook.python("1 + 1") == 2
        notebook.screenshot("digits")

A complaint in the page's console, or an uncaught error, fails the test at its end.
"""

from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import find_chromium, running_chromium
from tests.browser.lab import running_lab
from tests.browser.notebook import NotebookPage, write_notebook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from playwright.sync_api import BrowserContext

    from tests.browser.lab import Lab

HERE = Path(__file__).resolve().parent
PICTURES = HERE.parents[1] / "artifacts" / "browser"
_numbers = count(1)
_failed = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark these tests, and run them last: Playwright keeps an event loop running from then on."""
    ours = [item for item in items if HERE in item.path.parents]
    for item in ours:
        item.add_marker("browser")
    items.sort(key=lambda item: HERE in item.path.parents)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember which tests failed, for a last picture."""
    report = yield
    item.stash[_failed] = item.stash.get(_failed, False) or report.failed
    return report


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab server for all tests."""
    with running_lab(tmp_path_factory.mktemp("jupyter")) as lab:
        yield lab


@pytest.fixture(scope="session")
def browser(lab: Lab) -> Iterator[BrowserContext]:
    """One Chromium with one profile, so that JupyterLab's own files are loaded once."""
    path = find_chromium()
    if path is None:
        pytest.skip("there is no Chromium: install one, or name it in EXPLORER_CHROMIUM")
    with running_chromium(path) as context:
        yield context


@pytest.fixture
def open_notebook(
    lab: Lab, browser: BrowserContext, request: pytest.FixtureRequest
) -> Iterator[Callable[..., NotebookPage]]:
    """Open notebooks: from a list of cells, or a copy of a file; run, unless ``run=False``."""
    opened: list[NotebookPage] = []
    test = request.node.name.partition("[")[0]

    def open_one(
        cells: Sequence[str] | Path, *, run: bool = True, timeout: float = 120, allow_errors: bool = False
    ) -> NotebookPage:
        name = f"{test}-{next(_numbers)}.ipynb"
        if isinstance(cells, Path):
            shutil.copyfile(cells, lab.folder / name)
        else:
            write_notebook(lab.folder / name, cells)
        PICTURES.mkdir(parents=True, exist_ok=True)
        notebook = NotebookPage(browser.new_page(), lab, name, PICTURES)
        opened.append(notebook)
        notebook.open()
        if run:
            notebook.run_all(timeout=timeout, allow_errors=allow_errors)
        return notebook

    yield open_one

    failed = request.node.stash.get(_failed, False)
    for notebook in opened:
        if failed:
            notebook.screenshot(f"failed-{notebook.name.removesuffix('.ipynb')}")
        notebook.close()
    complaints = [error for notebook in opened for error in notebook.errors]
    assert not complaints, "the page complained:\n" + "\n".join(complaints)
