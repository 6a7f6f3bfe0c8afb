"""What is shipped holds all that is needed and nothing else, and works without a network."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import tarfile
import zipfile

import pytest

from tests.packaging.conftest import succeed

pytestmark = [pytest.mark.packaging, pytest.mark.slow]

BUNDLE = "explorer/static/widget.js"
BUNDLE_BUDGET_KB = 400


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {BUNDLE, "explorer/py.typed", "explorer/__init__.py"} <= set(names)
    assert "explorer/sources/_digits.parquet" in names
    beside = [name for name in names if not name.startswith(("explorer/", "explorer-0.1.0.dist-info/"))]
    assert not beside
    assert not [name for name in names if name.endswith((".ts", ".mjs", ".map", ".ipynb", ".pyc"))]
    assert not [name for name in names if "/test" in name or "node_modules" in name]


def test_the_wheel_holds_the_license(wheel):
    assert any(name.endswith("licenses/LICENSE") for name in zipfile.ZipFile(wheel).namelist())


def test_the_bundle_stays_under_its_budget(wheel):
    size = zipfile.ZipFile(wheel).getinfo(BUNDLE).file_size / 1000
    print(f"{BUNDLE}: {size:.0f} kB of {BUNDLE_BUDGET_KB} kB")
    assert 1 < size <= BUNDLE_BUDGET_KB


def test_an_installed_wheel_works_alone(wheel, tmp_path):
    succeed(
        *(sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-index", "--no-deps"),
        *("--no-compile", "--target", tmp_path, wheel),
    )
    packages = sysconfig.get_path("purelib")
    said = succeed(
        *(sys.executable, "-I", "-S", "-c"),
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; sys.path.append({packages!r})\n"
        "import json, importlib.resources as resources, explorer\n"
        "bundle = resources.files('explorer') / 'static' / 'widget.js'\n"
        "print(json.dumps([explorer.__file__, len(bundle.read_text('utf-8')),\n"
        "                  explorer.samples.digits().height]))\n",
        cwd=tmp_path,
    )
    where, characters, digits = json.loads(said)
    assert where == str(tmp_path / "explorer" / "__init__.py")
    assert characters > 1000
    assert digits == 1797


def test_the_sdist_holds_the_sources_and_what_is_built_from_them(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {BUNDLE, "hatch_build.py", "js/package-lock.json", "js/build.mjs", "LICENSE"} <= names
    assert not [name for name in names if "node_modules" in name or name.startswith(("artifacts", ".venv"))]


def test_an_unpacked_sdist_counts_as_built(sdist, hook, tmp_path):
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    assert hook.FrontEnd(unpacked).is_current()


def test_the_committed_tree_holds_no_bundle(root):
    tracked = subprocess.run(
        ["git", "ls-files", BUNDLE], cwd=root, capture_output=True, text=True, check=False
    ).stdout
    assert not tracked
