"""The system's Chromium: where it is, and how tests start it.

Playwright would bring browsers of its own from a host of its own. The one of the system is enough, and apt keeps it
fresh. `python -m tests.browser.install` gets it where it lacks.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    # Whatever a page asks of others is recorded, and reaches nobody: the same with a network and without.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
LACKING = f"no Chromium (none of {', '.join(NAMES)}; CHROMIUM= names another): NO PAGE IS TESTED IN A BROWSER"


def executable() -> str | None:
    """The path of the browser, if there is one."""
    named = os.environ.get("CHROMIUM")
    return next((path for name in ([named] if named else NAMES) if (path := shutil.which(name))), None)


@contextmanager
def running(path: str) -> Iterator[Browser]:
    """A browser without windows. Its sandbox is off (Playwright's default): root has none, and the pages are ours."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
