"""Functions that worker processes import by name."""

from __future__ import annotations

import os
import time
from pathlib import Path


def pid(a) -> int:
    return os.getpid()


def double(a) -> int:
    return 2 * a


def doubles(a):
    return 2 * a


def dies_at_three(a) -> int:
    if a == 3:
        os._exit(7)
    return a


def dies_in_a_batch(a):
    if 3 in a:
        os._exit(7)
    return a


def prints_much(a) -> int:
    for _ in range(10):
        print("x" * 2**20)  # 10 MiB: far more than any pipe holds
    return a


def raises_at_two(a) -> int:
    return 1 // (a - 2)


def meets(a, folder) -> int:
    """Return once three are here at the same time; each leaves a file for the others to find."""
    Path(folder, str(a)).touch()
    while len(list(Path(folder).iterdir())) < 3:
        time.sleep(0.005)
    return os.getpid()


def waits_for_ever(a, folder) -> int:
    if a == 1:
        Path(folder, "pid").write_text(str(os.getpid()))
        while True:
            time.sleep(1)
    return a


class Counted:
    """Leaves a file for each time it was made."""

    def __init__(self, folder):
        self.folder = folder
        Path(folder, f"{os.getpid()}-{time.monotonic_ns()}").touch()

    def __call__(self, a) -> int:
        return a + 1


class Fails:
    def __init__(self, folder):
        if not Path(folder, "weights").exists():
            raise FileNotFoundError("no weights there")

    def __call__(self, a) -> int:
        return a
