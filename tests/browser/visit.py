"""A page that is watched from its first request to its end."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from playwright.sync_api import BrowserContext

from tests.browser import axe
from tests.browser.traffic import Traffic
from tests.browser.views import View
from tests.browser.weight import Weight

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
PATIENCE = 30_000
"""Milliseconds for a page to do what is waited for; other tests use the same processors."""


class Visit:
    """One page in a context of its own: no cookie, no cache and no storage of another."""

    def __init__(self, context: BrowserContext, home: Iterable[str], view: View) -> None:
        context.set_default_timeout(PATIENCE)
        self.view = view
        self.traffic = Traffic(context, home)
        self.page = context.new_page()
        self.weight = Weight(self.page)
        self._context = context

    def screenshot(self, name: str, *, whole: bool = False, folder: Path = SCREENSHOTS) -> Path:
        """Keep what is seen as `{name}-{scheme}-{width}.png`; `whole`: also what is below the screen."""
        path = folder / f"{name}-{self.view}.png"
        self.page.screenshot(path=path, full_page=whole, animations="disabled")
        return path

    def check_access(self) -> None:
        """Raises `AssertionError` when something on the page as it is now keeps people out."""
        found = axe.violations(self.page)
        assert not found, f"axe says of {self.page.url} ({self.view}):\n" + "\n".join(found)

    def close(self) -> None:
        """End the page. Raises `AssertionError` for everything that went wrong on it and was not expected."""
        self._context.close()
        self.traffic.check()
