"""A JupyterLab of the tests' own: temporary folders, a free port, its own settings."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

READY_WITHIN = 90  # seconds


@dataclass(frozen=True)
class Lab:
    """A running server: where it listens, and the folder that it shows."""

    url: str
    token: str
    folder: Path
    log: Path

    def request(self, method: str, path: str) -> Any:
        """Call the server's REST interface, and return the JSON that it answers, if any."""
        request = urllib.request.Request(
            f"{self.url}/{path}", method=method, headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def stop_kernel_of(self, notebook: str) -> None:
        """Shut down the kernel of a notebook, given by its name in the folder."""
        for session in self.request("GET", "api/sessions"):
            if session["path"] == notebook:
                self.request("DELETE", f"api/sessions/{session['id']}")


@contextmanager
def running_lab(scratch: Path) -> Iterator[Lab]:
    """Start a JupyterLab that keeps everything in `scratch`, and end it with its kernels."""
    folder = scratch / "notebooks"
    folder.mkdir(parents=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    lab = Lab(f"http://127.0.0.1:{port}", secrets.token_urlsafe(18), folder, scratch / "jupyterlab.log")
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}"),
        *("--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}"),
        *("--LabApp.extension_manager=readonly", "--LabApp.expose_app_in_browser=True"),
        *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
    ]
    with lab.log.open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(scratch, lab.token),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_ready(server, lab)
        yield lab
    finally:
        server.terminate()
        if not _ended_within(20, server):
            server.kill()
            server.wait()


def _environment(scratch: Path, token: str) -> dict[str, str]:
    own = {
        name: str(scratch / name.lower())
        for name in (
            "JUPYTER_CONFIG_DIR",
            "JUPYTER_DATA_DIR",
            "JUPYTER_RUNTIME_DIR",
            "IPYTHONDIR",
            "JUPYTERLAB_SETTINGS_DIR",
            "JUPYTERLAB_WORKSPACES_DIR",
        )
    }
    settings = scratch / "jupyterlab_settings_dir" / "@jupyterlab"
    # No toast about news in the pictures, and no request for them.
    _write(settings / "apputils-extension/notification", {"fetchNews": "false", "checkForUpdates": False})
    return os.environ | own | {"JUPYTER_TOKEN": token}


def _write(path: Path, settings: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".jupyterlab-settings").write_text(json.dumps(settings), "utf-8")


def _wait_until_ready(server: subprocess.Popen[bytes], lab: Lab) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        try:
            lab.request("GET", "api/status")
        except (urllib.error.URLError, TimeoutError):
            if _ended_within(0.1, server):
                break
        else:
            return
    raise RuntimeError(f"JupyterLab did not start:\n{lab.log.read_text('utf-8', 'replace')[-4000:]}")


def _ended_within(seconds: float, process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
