"""The Chromium of this machine, headless, with WebGL in software and nothing else on the network."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--disable-gpu",
    # Nothing but the page itself asks for anything on the network.
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # WebGL is rendered in software.
    "--enable-unsafe-swiftshader",
]


def find_chromium() -> str | None:
    """Return the path that EXPLORER_CHROMIUM names, or that of the first Chromium on the PATH."""
    return os.environ.get("EXPLORER_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def running_chromium(path: str) -> Iterator[BrowserContext]:
    """Start Chromium with one profile, so that JupyterLab's own files are loaded once."""
    from playwright.sync_api import sync_playwright

    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    flags = [*FLAGS, *(["--no-sandbox"] if as_root else [])]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=flags, headless=True)
        context = chromium.new_context(viewport={"width": 1440, "height": 1000})
        yield context
        context.close()
        chromium.close()
