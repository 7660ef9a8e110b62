"""What a page asked of the network and what it complained about."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, WebError, WebSocket

LOCAL = ("data", "blob", "about")
"""Schemes of addresses that ask nobody."""
BROWSERS_OWN = "/favicon.ico"
"""What the browser asks for by itself, at a moment of its own, where a page names no icon."""


class Traffic:
    """Everything that the pages of a context do, also those that they open. `home`: where they may send requests."""

    def __init__(self, context: BrowserContext, home: Iterable[str]) -> None:
        self.urls: list[str] = []
        self.problems: list[str] = []
        self._expected: list[str] = []
        self._home = {_origin(each) for each in home}
        context.on("request", lambda request: self._asked(request.method, request.url))
        context.on("requestfailed", self._failed)
        context.on("console", self._complained)
        context.on("weberror", self._threw)
        context.on("page", self._listen)

    def expect(self, words: str) -> None:
        """Forgive the problems that have these words, whenever they come; one must have come by the end."""
        self._expected.append(words)

    def check(self) -> None:
        """Raises `AssertionError` when anything went wrong that was not expected, or did not that was."""
        missed = [words for words in self._expected if not any(words in each for each in self.problems)]
        assert not missed, f"no problem says {missed}, of {self.problems}"
        told = [each for each in self.problems if not any(words in each for words in self._expected)]
        assert not told, "the page had problems:\n" + "\n".join(told)

    def _listen(self, page: Page) -> None:
        page.on("websocket", self._connected)

    def _connected(self, socket: WebSocket) -> None:
        self._asked("WEBSOCKET", socket.url)

    def _asked(self, method: str, url: str) -> None:
        if urlsplit(url).scheme in LOCAL:
            return
        self.urls.append(url)
        if _origin(url) not in self._home:
            self.problems.append(f"went elsewhere: {method} {url}")

    def _failed(self, request: Request) -> None:
        # A page that is left, or that no longer wants an answer, gives up its requests.
        if request.failure != "net::ERR_ABORTED":
            self.problems.append(f"request failed: {request.method} {request.url} {request.failure}")

    def _complained(self, message: ConsoleMessage) -> None:
        place = message.location.get("url", "")
        if message.type in ("error", "assert") and urlsplit(place).path != BROWSERS_OWN:
            self.problems.append(f"console: {message.text} ({place})")

    def _threw(self, error: WebError) -> None:
        self.problems.append(f"uncaught: {error.error}")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    return f"{scheme}://{parts.netloc}"
