"""The harness itself: it finds what is wrong with a page, and nothing where nothing is wrong."""

from __future__ import annotations

import gzip
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser import axe, site
from tests.browser.conftest import OpenPage
from tests.browser.site import Answer, Site
from tests.browser.traffic import Traffic
from tests.browser.views import EVERY, PHONE, View

ELSEWHERE = "http://dropmill.invalid"
FAULTS = {
    "an error on the console": ("<script>console.error('the sky fell')</script>", "console: the sky fell"),
    "an error that nobody caught": ("<script>throw new Error('the sky fell')</script>", "uncaught: the sky fell"),
    "a promise that nobody waited for": ("<script>Promise.reject(new Error('too late'))</script>",
                                         "uncaught: too late"),
    "a file that is missing": ("<img src='/gone.png' alt='gone'>", "404"),
    "a server that is gone": ("<img src='http://127.0.0.1:9/a.png' alt='a'>", "request failed: GET"),
    "a picture of another host": (f"<img src='{ELSEWHERE}/a.png' alt='a'>", f"went elsewhere: GET {ELSEWHERE}/a.png"),
    "a beacon to another host": (f"<script>navigator.sendBeacon('{ELSEWHERE}/b')</script>",
                                 f"went elsewhere: POST {ELSEWHERE}/b"),
    "a socket to another host": (f"<script>new WebSocket('{ELSEWHERE.replace('http', 'ws')}/c')</script>",
                                 "went elsewhere: WEBSOCKET"),
}
LOW_CONTRAST = "<p style='color:#999;background:#aaa'>Hard to read.</p>"


@pytest.fixture
def tiny() -> Iterator[Site]:
    with site.serving() as serving:
        yield serving


def saw(traffic: Traffic, page: Page, words: str) -> bool:
    """Whether a problem with these words comes; events are heard while Playwright waits."""
    deadline = time.monotonic() + 20
    while not (found := any(words in each for each in traffic.problems)) and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    return found


def test_a_good_page_has_no_problem(tiny: Site, open_page: OpenPage) -> None:
    tiny.page("<img alt='dot' src='data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA='>")
    visit = open_page(tiny.url)

    visit.page.goto("/")

    assert visit.traffic.urls == [f"{tiny.url}/"]
    assert axe.violations(visit.page) == []
    visit.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_and_fails_the_test_that_does_not_expect_it(
        tiny: Site, open_page: OpenPage, fault: str) -> None:
    body, words = FAULTS[fault]
    tiny.page(body)
    visit = open_page(tiny.url)

    visit.page.goto("/")

    assert saw(visit.traffic, visit.page, words), visit.traffic.problems
    with pytest.raises(AssertionError, match="the page had problems"):
        visit.close()
    for each in visit.traffic.problems:
        visit.traffic.expect(each)


def test_what_a_page_opens_is_watched_too(tiny: Site, open_page: OpenPage) -> None:
    tiny.page(f"<script>open('{ELSEWHERE}/popup')</script>")
    visit = open_page(tiny.url)

    visit.page.goto("/")

    assert saw(visit.traffic, visit.page, f"went elsewhere: GET {ELSEWHERE}/popup")
    visit.traffic.expect(f"{ELSEWHERE}/popup")


def test_a_request_that_is_given_up_is_no_problem(tiny: Site, open_page: OpenPage) -> None:
    tiny.page()
    visit = open_page(tiny.url)
    visit.page.goto("/")

    name = visit.page.evaluate("""() => {
        const stop = new AbortController();
        const asked = fetch('/', {signal: stop.signal}).catch(error => error.name);
        stop.abort();
        return asked;
    }""")

    assert name == "AbortError"
    visit.close()


def test_an_expected_problem_is_forgiven_and_others_are_not(tiny: Site, open_page: OpenPage) -> None:
    tiny.page("<script>console.error('one'); console.error('two')</script>")
    visit = open_page(tiny.url)
    visit.traffic.expect("console: one")

    visit.page.goto("/")

    assert saw(visit.traffic, visit.page, "console: two")
    with pytest.raises(AssertionError) as failed:
        visit.traffic.check()
    assert "console: two" in str(failed.value)
    assert "console: one" not in str(failed.value)
    visit.traffic.expect("console: two")


def test_an_expected_problem_must_come(tiny: Site, open_page: OpenPage) -> None:
    tiny.page()
    visit = open_page(tiny.url)
    visit.page.goto("/")
    visit.traffic.expect("console: 404")

    with pytest.raises(AssertionError, match="no problem says"):
        visit.traffic.check()
    visit.page.evaluate("console.error('404')")


def test_another_origin_of_the_app_is_no_stranger(tiny: Site, open_page: OpenPage) -> None:
    with site.serving() as bucket:
        bucket.answers["/dot.svg"] = Answer(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml")
        tiny.page(f"<img alt='dot' src='{bucket.url}/dot.svg'>")
        visit = open_page(tiny.url, bucket.url)

        visit.page.goto("/")

        assert visit.traffic.urls == [f"{tiny.url}/", f"{bucket.url}/dot.svg"]
        visit.close()


def test_axe_finds_what_keeps_people_out(tiny: Site, open_page: OpenPage) -> None:
    tiny.page("<img src='data:,'>" + LOW_CONTRAST + "<button></button>")
    visit = open_page(tiny.url)
    visit.page.goto("/")

    found = axe.violations(visit.page)

    assert [each.partition(":")[0] for each in sorted(found)] == ["critical button-name", "critical image-alt",
                                                                  "serious color-contrast"]
    assert "<p style=\"color:#999;background:#aaa\">Hard to read.</p>" in "\n".join(found)
    with pytest.raises(AssertionError, match="critical button-name"):
        visit.check_access()


def test_axe_runs_on_a_page_that_allows_no_script_and_leaves_nothing_on_it(tiny: Site, open_page: OpenPage) -> None:
    tiny.page("<button></button>", Content_Security_Policy="default-src 'none'")
    visit = open_page(tiny.url)
    visit.page.goto("/")

    found = axe.violations(visit.page)

    assert [each.partition(":")[0] for each in found] == ["critical button-name"]
    visit.close()


def test_axe_waits_for_colours_that_are_changing(tiny: Site, open_page: OpenPage) -> None:
    tiny.page("<p id='it'>Soon black.</p>", head="""<style>
        @keyframes arrive { from { color: #eee } to { color: #000 } }
        @keyframes spin { to { rotate: 1turn } }
        #it { animation: arrive 1s, spin 1s infinite }</style>""")
    visit = open_page(tiny.url)
    visit.page.goto("/")

    assert axe.violations(visit.page) == []


def test_an_archive_that_npm_did_not_publish_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"this is not axe-core {axe.VERSION}"):
        axe.keep(b"something else", tmp_path / "axe.tgz")

    assert list(tmp_path.iterdir()) == []


def test_all_that_a_page_loads_is_weighed_unpacked(tiny: Site, open_page: OpenPage) -> None:
    script = b"/*" + b"x" * 100_000 + b"*/"
    style = b"/*" + b"y" * 30_000 + b"*/"
    tiny.answers["/app.js"] = Answer(gzip.compress(script), "text/javascript", {"Content-Encoding": "gzip"})
    tiny.answers["/app.css"] = Answer(style, "text/css")
    tiny.answers["/favicon.ico"] = Answer(b"asked for by the browser, not by the page")
    tiny.page("<img alt='' src='data:image/svg+xml,<svg/>'>",
              head="<link rel='stylesheet' href='/app.css'><script src='/app.js'></script>")
    visit = open_page(tiny.url)

    visit.page.goto("/")

    assert visit.weight.total == len(script) + len(style) + len(tiny.answers["/"].body)
    visit.weight.check(visit.weight.total)
    with pytest.raises(AssertionError, match=r"100,004 http://127\.0\.0\.1:\d+/app\.js"):
        visit.weight.check(visit.weight.total - 1)


@pytest.mark.parametrize("view", [*EVERY, View(reduced_motion=True)], ids=str)
def test_a_page_sees_the_screen_that_was_asked_for(tiny: Site, open_page: OpenPage, view: View) -> None:
    tiny.page()
    visit = open_page(tiny.url, view=view)
    visit.page.goto("/")

    seen = visit.page.evaluate("""() => [innerWidth, innerHeight, matchMedia('(prefers-color-scheme: dark)').matches,
                                         matchMedia('(prefers-reduced-motion: reduce)').matches]""")

    assert seen == [view.width, view.height, view.scheme == "dark", view.reduced_motion]


def test_a_screenshot_is_named_by_its_view(tiny: Site, open_page: OpenPage, tmp_path: Path) -> None:
    tiny.page("<div style='height: 3000px'></div>")
    visit = open_page(tiny.url, view=PHONE)
    visit.page.goto("/")

    screen = visit.screenshot("screen", folder=tmp_path)
    whole = visit.screenshot("whole", whole=True, folder=tmp_path)

    assert (screen.name, whole.name) == ("screen-light-390.png", "whole-light-390.png")
    assert size(screen) == (390, 844)
    assert size(whole)[1] > 3000


def size(png: Path) -> tuple[int, int]:
    return struct.unpack(">II", png.read_bytes()[16:24])
