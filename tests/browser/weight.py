"""How heavy a page is: the bytes of everything it loaded, unpacked, whatever the server compressed."""

from __future__ import annotations

from collections import Counter
from typing import Any

from playwright.sync_api import Page

from tests.browser.traffic import BROWSERS_OWN, LOCAL


class Weight:
    """Counts from its making on; every view of a page that is to be weighed alone needs a page of its own."""

    def __init__(self, page: Page) -> None:
        self._bytes: Counter[str] = Counter()
        self._urls: dict[str, str] = {}
        session = page.context.new_cdp_session(page)
        session.on("Network.requestWillBeSent", self._sent)
        session.on("Network.dataReceived", self._received)
        session.send("Network.enable")

    @property
    def total(self) -> int:
        return self._bytes.total()

    def check(self, most: int) -> None:
        """Raises `AssertionError`, naming what is heaviest, when it is more than `most` bytes."""
        heaviest = "\n".join(f"{size:>9,} {url}" for url, size in self._bytes.most_common(10))
        assert self.total <= most, f"the page weighs {self.total:,} bytes of {most:,}:\n{heaviest}"

    def _sent(self, event: dict[str, Any]) -> None:
        self._urls[event["requestId"]] = event["request"]["url"]

    def _received(self, event: dict[str, Any]) -> None:
        url = self._urls.get(event["requestId"], "(unknown)")
        # What a page carries inside itself was counted with the page.
        if url.partition(":")[0] not in LOCAL and not url.endswith(BROWSERS_OWN):
            self._bytes[url] += event["dataLength"]
