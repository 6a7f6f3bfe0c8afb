"""`import explorer` is quick, loads nothing heavy, and leaves no trace."""

from __future__ import annotations

import json
import os
import subprocess
import sys

HEAVY = {"torch", "torchvision", "umap", "sklearn", "scipy", "numba", "plotly", "pandas", "pyarrow"}
NETWORK = {"urllib3", "requests", "http"}
WIDGETS = {"anywidget", "ipywidgets", "IPython", "traitlets", "jupyterlab", "notebook"}
CPU_SECONDS = 0.5


def in_a_new_process(code: str, **environment: str) -> object:
    """Run code that prints JSON, and return that."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=environment.get("HOME"),
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_nothing_heavy_is_loaded():
    loaded = in_a_new_process("import explorer, sys, json; print(json.dumps(sorted(sys.modules)))")
    assert isinstance(loaded, list)
    assert not (HEAVY | NETWORK | WIDGETS) & {name.partition(".")[0] for name in loaded}


def test_it_takes_little_time_beyond_polars_and_pillow():
    seconds = in_a_new_process(
        "import json, time, numpy, polars, PIL.Image\n"
        "start = time.process_time()\n"
        "import explorer\n"
        "print(json.dumps(time.process_time() - start))"
    )
    assert isinstance(seconds, float)
    assert seconds < CPU_SECONDS, "CPU seconds beyond what Polars, numpy and Pillow take"


def test_it_writes_nothing(tmp_path):
    home, scratch = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    scratch.mkdir()
    folders = {name: str(home) for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    in_a_new_process("import explorer; print(0)", **folders, TMPDIR=str(scratch))
    assert not list(tmp_path.glob("*/*"))
