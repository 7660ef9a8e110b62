"""Fixtures of the browser tests. One Chromium and one stack serve all tests of a process, and end after the last."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, suppress
from typing import Any, TypeAlias

import pytest
from playwright.sync_api import Browser, Error, expect

from tests.browser import chromium
from tests.browser import stack as stacks
from tests.browser.needed import lacking
from tests.browser.stack import AppStack
from tests.browser.views import DESK, View
from tests.browser.visit import PATIENCE, Visit

OpenPage: TypeAlias = Callable[..., Visit]
VISITS = pytest.StashKey[list[Visit]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what was on the screens when a test failed."""
    report = yield
    if report.when == "call" and report.failed:
        for visit in item.stash.get(VISITS, []):
            with suppress(Error):
                visit.screenshot("failed-" + re.sub(r"\W+", "-", item.name))
    return report


# For the package, not the session: while Playwright lives, no other test of the process could use asyncio.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = chromium.executable() or lacking(chromium.LACKING)
    expect.set_options(timeout=PATIENCE)
    with chromium.running(path) as started:
        yield started


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppStack]:
    """The whole of Dropmill, without samples."""
    with stacks.running(tmp_path_factory.mktemp("stack") / "home") as running:
        yield running


@pytest.fixture
def open_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[OpenPage]:
    """Opens pages: `open_page(home, *more_origins, view=DESK, **of_the_context)`.

    They may send requests to the origins that are named and to nobody else; `page.goto` takes paths of the first. At
    the end of the test every page must have been without problems, or they were expected (`visit.traffic.expect`).
    """
    kept = request.node.stash.setdefault(VISITS, [])
    with ExitStack() as ending:
        def opened(*origins: str, view: View = DESK, **settings: Any) -> Visit:
            context = browser.new_context(**{"base_url": origins[0], "locale": "en-GB", "timezone_id": "UTC",
                                             **view.context, **settings})
            visit = Visit(context, origins, view)
            kept.append(visit)
            ending.callback(visit.close)
            return visit

        yield opened


@pytest.fixture
def open_app(open_page: OpenPage, stack: AppStack) -> OpenPage:
    """Opens pages of the stack: `open_app(view=DESK, **of_the_context)`; nothing is loaded yet."""
    return lambda **settings: open_page(*stack.origins, **settings)
