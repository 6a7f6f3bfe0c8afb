"""One notebook open in JupyterLab: what a test sees of it and does with it."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import nbformat

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from playwright.sync_api import ConsoleMessage, Error, Locator, Page

    from tests.browser.lab import Lab

# Complaints of the page that are not ours, each with where it comes from.
HARMLESS = (
    # Chromium, about software rendering of WebGL where there is no graphics card.
    r"GPU stall due to ReadPixels",
    r"Automatic fallback to software WebGL",
)

KERNEL = "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel"

# What runs in the page stops waiting by itself: `evaluate` has no timeout of its own.
EXECUTE = """
async ([code, expression, seconds]) => {
  const late = new Promise((_, fail) =>
    setTimeout(() => fail(new Error(`the kernel did not answer within ${seconds} s`)), seconds * 1000));
  const future = KERNEL.requestExecute({
    code, store_history: false, stop_on_error: true,
    user_expressions: expression === null ? {} : { value: expression },
  });
  const printed = [];
  future.onIOPub = (message) => {
    if (message.header.msg_type === "stream") printed.push(message.content.text);
  };
  const { content } = await Promise.race([future.done, late]);
  return { ...content, printed: printed.join("") };
}
""".replace("KERNEL", KERNEL)


class NotebookError(AssertionError):
    """Python in the notebook raised; the message is the traceback."""


@dataclass
class NotebookPage:
    """A notebook in a tab of its own, with a kernel of its own."""

    page: Page
    lab: Lab
    name: str
    pictures: Path
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("pageerror", self._on_error)
        self.page.on("console", self._on_console)

    # ---------------------------------------------------------------------------- opening

    def open(self, *, timeout: float = 60) -> None:
        """Open the notebook and wait until its kernel is idle."""
        self.page.goto(f"{self.lab.url}/lab/tree/{self.name}?reset&token={self.lab.token}")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=timeout * 1000)
        self.page.wait_for_function(f"{KERNEL}?.status === 'idle'", timeout=timeout * 1000)
        # The list of files is no part of what is tested, and the notebook needs the room.
        self.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
        self._wait_for_splash()

    def run_all(self, *, timeout: float = 120, allow_errors: bool = False) -> None:
        """Run all cells as the menu does, wait until they are done, and raise what a cell raised."""
        self.page.evaluate(
            "() => { window.allRan = false; "
            "window.jupyterapp.commands.execute('notebook:run-all-cells')"
            ".finally(() => { window.allRan = true; }); }"
        )
        self.page.wait_for_function(f"window.allRan && {KERNEL}.status === 'idle'", timeout=timeout * 1000)
        if not allow_errors:
            self.raise_errors()

    def raise_errors(self) -> None:
        """Raise the first error among the outputs of the cells."""
        for number, cell in enumerate(self.cells()):
            for output in cell.get("outputs", []):
                if output["output_type"] == "error":
                    raise NotebookError(f"cell {number}:\n{cell['source']}\n\n{_traceback(output)}")

    def cells(self) -> list[dict[str, Any]]:
        """Return the notebook's cells with their outputs, as JSON."""
        cells: list[dict[str, Any]] = self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.context.model.toJSON().cells"
        )
        for cell in cells:
            cell["source"] = "".join(cell["source"])
        return cells

    # ---------------------------------------------------------------------------- looking and doing

    @property
    def widget(self) -> Locator:
        """The view."""
        return self.page.locator("[data-testid=explorer]")

    def execute(self, code: str, *, timeout: float = 60) -> str:
        """Run statements in the notebook's kernel, and return what they printed."""
        return str(self._execute(code, None, timeout)["printed"])

    def python(self, expression: str, *, timeout: float = 60) -> Any:
        """Return the value of an expression in the notebook's kernel; it has to fit into JSON."""
        wanted = f"__import__('json').dumps({expression})"
        answer = self._execute("", wanted, timeout)["user_expressions"]["value"]
        if answer["status"] == "error":
            raise NotebookError(f"{expression}\n\n{_traceback(answer)}")
        return json.loads(ast.literal_eval(answer["data"]["text/plain"]))

    def wait_for_python(self, expression: str, *, timeout: float = 30) -> Any:
        """Wait until an expression in the kernel is true, and return its value."""
        for _ in range(int(timeout * 5)):
            if value := self.python(expression):
                return value
            self.page.wait_for_timeout(200)
        raise AssertionError(f"{expression} was not true within {timeout} s, but {value!r}")

    def screenshot(self, name: str, *, of: Locator | None = None) -> Path:
        """Keep a picture of the page, or of a part of it, as artifacts/browser/NAME.png."""
        path = self.pictures / f"{name}.png"
        (of or self.page).screenshot(path=path)
        return path

    def theme(self, name: Literal["light", "dark"]) -> None:
        """Switch JupyterLab to its light or its dark theme."""
        self.page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })",
            f"JupyterLab {name.capitalize()}",
        )
        light = "true" if name == "light" else "false"
        self.page.wait_for_selector(f"body[data-jp-theme-light={light}]", state="attached")
        self._wait_for_splash()

    # ---------------------------------------------------------------------------- ending

    def close(self) -> None:
        """Close the tab and shut the kernel down."""
        self.page.close()
        self.lab.stop_kernel_of(self.name)

    def expect_error(self, pattern: str) -> None:
        """Take the complaints that match out of those that fail the test; there has to be one."""
        matching = [error for error in self.errors if re.search(pattern, error)]
        assert matching, f"no complaint of the page matches {pattern!r}: {self.errors}"
        self.errors = [error for error in self.errors if error not in matching]

    def _wait_for_splash(self) -> None:
        """Wait until JupyterLab has taken its moving logo off the page."""
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")

    def _execute(self, code: str, expression: str | None, timeout: float) -> dict[str, Any]:
        answer: dict[str, Any] = self.page.evaluate(EXECUTE, [code, expression, timeout])
        if answer["status"] != "ok":
            raise NotebookError(f"{code}\n\n{_traceback(answer)}")
        return answer

    def _on_error(self, error: Error) -> None:
        self._complain(f"uncaught: {error.stack or error.message}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            where = message.location
            self._complain(f"console: {message.text} ({where.get('url')}:{where.get('lineNumber')})")

    def _complain(self, text: str) -> None:
        if not any(re.search(pattern, text) for pattern in HARMLESS):
            self.errors.append(text)


def write_notebook(path: Path, cells: Sequence[str]) -> None:
    """Write a notebook of cells of code."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    nbformat.write(notebook, path)


def _traceback(error: dict[str, Any]) -> str:
    lines = "\n".join(error.get("traceback") or [f"{error.get('ename')}: {error.get('evalue')}"])
    return re.sub(r"\x1b\[[0-9;]*m", "", lines)
