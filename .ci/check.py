"""Run every check of the project, go on when one fails, and end with a table of them.

Without arguments everything runs; with names of groups (lint js python notebooks browser) only those.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "artifacts" / "reports"
PYTHON = sys.executable


@dataclass(frozen=True)
class Step:
    """One command, the groups that it belongs to, and the JUnit report that it writes, if any."""

    name: str
    command: tuple[str, ...]
    groups: tuple[str, ...]
    report: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """How a step ended."""

    step: Step
    status: int
    seconds: float


def python(name: str, *arguments: str, groups: Sequence[str]) -> Step:
    """Return a step that runs a module of the environment."""
    return Step(name, (PYTHON, "-m", *arguments), tuple(groups))


def npm(name: str, *arguments: str, groups: Sequence[str], report: Path | None = None) -> Step:
    """Return a step that runs npm in js/."""
    return Step(name, (PYTHON, "hatch_build.py", "npm", *arguments), tuple(groups), report)


def pytest(name: str, *arguments: str, group: str) -> Step:
    """Return a step that runs pytest and leaves a report."""
    report = REPORTS / f"{group}.xml"
    return Step(
        name,
        (
            *(PYTHON, "-m", "pytest", "-ra", "--durations=10", "--continue-on-collection-errors"),
            *(f"--junitxml={report}", *arguments),
        ),
        (group,),
        report,
    )


VITEST = REPORTS / "js.xml"

STEPS = (
    python("ruff check", "ruff", "check", ".", groups=["lint"]),
    python("ruff format", "ruff", "format", "--check", ".", groups=["lint"]),
    python("mypy --strict", "mypy", groups=["lint"]),
    npm("tsc", "run", "typecheck", groups=["lint", "js"]),
    npm("prettier", "run", "check-format", groups=["lint", "js"]),
    npm(
        "vitest",
        *("run", "test", "--", "--reporter=default", "--reporter=junit"),
        f"--outputFile.junit={VITEST}",
        groups=["js"],
        report=VITEST,
    ),
    npm("bundle", "run", "build", groups=["js"]),
    pytest("pytest", "-m", "not browser", group="python"),
    pytest(
        "notebooks",
        *("--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=300", "--timeout=0"),
        "notebooks",
        group="notebooks",
    ),
    pytest("browser", "-m", "browser", "tests/browser", group="browser"),
)


def run(step: Step) -> Outcome:
    """Run one step with its output shown, and time it."""
    print(f"\n── {step.name} " + "─" * (76 - len(step.name)), flush=True)
    start = time.monotonic()
    status = prepare(step) or subprocess.run(step.command, cwd=ROOT, check=False).returncode
    return Outcome(step, status, time.monotonic() - start)


def prepare(step: Step) -> int:
    """Remove what an earlier run reported, and find Chromium before the browser tests."""
    if step.report is not None:
        step.report.parent.mkdir(parents=True, exist_ok=True)
        step.report.unlink(missing_ok=True)
    if "browser" not in step.groups:
        return 0
    found = subprocess.run([ROOT / ".ci" / "chromium.sh"], stdout=subprocess.PIPE, text=True, check=False)
    os.environ["EXPLORER_CHROMIUM"] = found.stdout.strip()
    return found.returncode


def tests_in(step: Step) -> str:
    """Return how many tests a step's report holds, as words."""
    if step.report is None or not step.report.is_file():
        return ""
    suites = ET.parse(step.report).getroot().iter("testsuite")  # noqa: S314, our own report
    total = failed = skipped = 0
    for suite in suites:
        total += int(suite.get("tests", 0))
        failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped += int(suite.get("skipped", 0))
    words = [f"{total - failed - skipped} tests passed"]
    words += [f"{failed} failed"] if failed else []
    words += [f"{skipped} skipped"] if skipped else []
    return ", ".join(words)


def main(groups: Sequence[str]) -> int:
    """Run the steps of these groups, or all of them, and print how they ended."""
    known = {group for step in STEPS for group in step.groups}
    if unknown := set(groups) - known:
        print(f"There is no group {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}.")
        return 2
    outcomes = [run(step) for step in STEPS if not groups or set(groups) & set(step.groups)]
    failed = sum(outcome.status != 0 for outcome in outcomes)

    print("\n" + "─" * 80)
    for outcome in outcomes:
        verdict = "FAILED" if outcome.status else "passed"
        print(f"{outcome.step.name:<16}{verdict}{outcome.seconds:>9.1f} s   {tests_in(outcome.step)}")
    print(f"{'':<16}{'':6}{sum(outcome.seconds for outcome in outcomes):>9.1f} s")
    print(f"{len(outcomes) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
