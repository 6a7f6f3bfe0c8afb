"""Show notebooks/quickstart.ipynb: in JupyterLab, or with --check executed here and told in words."""

from __future__ import annotations

import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = "notebooks/quickstart.ipynb"
LONGEST = 12  # lines of one output


def main(arguments: Sequence[str]) -> int:
    """Serve the notebook, or check it."""
    return check(ROOT / NOTEBOOK) if "--check" in arguments else serve()


# -------------------------------------------------------------------------------- JupyterLab


def serve() -> int:
    """Run JupyterLab until it is stopped; open a browser where there is a screen."""
    token = secrets.token_urlsafe(18)
    port = free_port()
    url = f"http://127.0.0.1:{port}/lab/tree/{NOTEBOOK}?token={token}"
    command = [
        *(sys.executable, "-m", "jupyterlab", NOTEBOOK, "--ip=127.0.0.1", f"--port={port}"),
        *("--ServerApp.port_retries=0", "--ServerApp.log_level=WARN", f"--ServerApp.root_dir={ROOT}"),
        *([] if has_screen() else ["--no-browser"]),
        *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
    ]
    # The token goes through the environment: other users can read command lines.
    server = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"JUPYTER_TOKEN": token})
    try:
        if not wait_until_ready(server, port, token):
            print("JupyterLab did not start; what it said is above.", file=sys.stderr)
            return server.poll() or 1
        print(f"\n  explorer's quickstart is open at\n\n      {url}\n\n  Stop it with Ctrl+C.\n", flush=True)
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        server.terminate()
        server.wait()


def free_port() -> int:
    """Return a port that nobody listens on, the customary one if it is free."""
    for wanted in (8888, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")


def has_screen() -> bool:
    """Whether a browser window can be opened here."""
    return sys.platform in {"darwin", "win32"} or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def wait_until_ready(server: subprocess.Popen[bytes], port: int, token: str) -> bool:
    """Wait until the server answers; False when it ended or a minute went by."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/status", headers={"Authorization": f"token {token}"}
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(request, timeout=5):  # noqa: S310, our own server on this machine
                return True
        except (urllib.error.URLError, TimeoutError):
            with suppress(subprocess.TimeoutExpired):
                server.wait(0.2)
                return False
    return False


# -------------------------------------------------------------------------------- --check


def check(path: Path) -> int:
    """Execute a copy of the notebook in an empty folder and tell what each cell showed."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.read(path, as_version=4)
    cells = [index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code" and cell.source]
    print(f"Executing {path.relative_to(ROOT)}: {len(cells)} cells of code.", flush=True)

    def tell(cell: Any, cell_index: int, **_: object) -> None:
        print(f"\n[{cells.index(cell_index) + 1}/{len(cells)}] {first_line(cell.source)}")
        for output in cell.outputs:
            if output.output_type != "error":
                print(indented(shown(output)), flush=True)

    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=600,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            on_cell_executed=tell,
            # Not the kernel's remarks about how its sockets are set up.
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
        )
        start = time.monotonic()
        try:
            client.execute()
        except CellExecutionError as error:
            print(f"\nThe cell failed:\n{without_colours(str(error))}", file=sys.stderr)
            return 1
    print(f"\nAll {len(cells)} cells ran in {time.monotonic() - start:.0f} s.")
    return 0


def shown(output: Any) -> str:
    """Tell in words what one output of a cell shows."""
    if output.output_type == "stream":
        return shortened(output.text)
    data = output.data
    text = shortened(data.get("text/plain", ""))
    if "application/vnd.jupyter.widget-view+json" in data:
        return f"widget: {text}"
    if "application/vnd.plotly.v1+json" in data:
        return "figure"
    if picture := next((kind for kind in data if kind.startswith("image/")), None):
        return f"picture ({picture}): {text}"
    if "text/html" in data:
        return f"table or text, as HTML of {len(data['text/html']) / 1000:.0f} kB: {text}"
    return text


def shortened(text: str) -> str:
    """Return the last state of text with progress bars in it, without colours, and not too long."""
    plain = without_colours(text)
    lines = [line.rsplit("\r", 1)[-1] for line in plain.replace("\r\n", "\n").rstrip().split("\n")]
    if len(lines) > LONGEST:
        lines = [*lines[: LONGEST - 1], f"… {len(lines) - LONGEST + 1} more lines"]
    return "\n".join(line if len(line) <= 160 else line[:159] + "…" for line in lines)


def without_colours(text: str) -> str:
    """Return text without the terminal's escape sequences."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def first_line(source: str) -> str:
    """Return the first line of code in a cell."""
    lines = [line for line in source.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return (lines or source.splitlines())[0]


def indented(text: str) -> str:
    """Return the text under its cell's first line."""
    return "\n".join("      " + line for line in text.splitlines())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
