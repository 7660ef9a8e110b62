"""axe-core judges whether a page can be used by everybody.

It comes from npm, one pinned version whose hash npm publishes, without node; it is MPL-2.0, serves tests only and is
neither kept in git nor packaged. It runs in a world of its own beside the page's scripts, so that the page keeps its
Content-Security-Policy and sees nothing of it.
"""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import CDPSession, Page
from requests.adapters import HTTPAdapter

from tests.browser.needed import lacking

VERSION = "4.14.1"
INTEGRITY = "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
"""`dist.integrity` of https://registry.npmjs.org/axe-core/4.14.1"""
URL = f"https://registry.npmjs.org/axe-core/-/axe-core-{VERSION}.tgz"
ARCHIVE = Path(__file__).parents[2] / "build" / f"axe-core-{VERSION}.tgz"

_RUN = """
Promise.allSettled(document.getAnimations()
    .filter(each => Number.isFinite(each.effect.getComputedTiming().endTime)).map(each => each.finished))
  .then(() => axe.run(document, {
    iframes: false,
    resultTypes: ['violations'],
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']}))
  .then(found => found.violations)
"""
"""Colours in the middle of a transition are nobody's choice, so transitions end first."""


def violations(page: Page) -> list[str]:
    """What is serious or critical on the page as it is now, a readable text each. Frames inside it are left out."""
    script = source()
    session = page.context.new_cdp_session(page)
    try:
        world = _own_world(session)
        _evaluate(session, world, script)
        found = _evaluate(session, world, _RUN)
    finally:
        session.detach()
    return [_told(each) for each in found if each["impact"] in ("serious", "critical")]


@cache
def source() -> str:
    """`axe.min.js`, downloaded once for a machine; the test skips (fails under CI) where npm cannot be reached."""
    if not ARCHIVE.exists():
        try:
            keep(_downloaded(), ARCHIVE)
        except requests.RequestException as error:
            lacking(f"registry.npmjs.org cannot be reached: ACCESSIBILITY IS NOT TESTED ({type(error).__name__})")
    return script_of(ARCHIVE.read_bytes())


def keep(archive: bytes, path: Path) -> None:
    """Write an archive that is the pinned one, at once or not at all: other processes may be doing the same."""
    check(archive)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as part:
        part.write(archive)
    Path(part.name).replace(path)


def check(archive: bytes) -> None:
    """Raises `ValueError` unless these are the bytes that npm published."""
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if found != INTEGRITY:
        raise ValueError(f"this is not axe-core {VERSION}: {found} instead of {INTEGRITY}")


def script_of(archive: bytes) -> str:
    check(archive)
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        member = packed.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()


def _downloaded() -> bytes:
    with requests.Session() as session:
        session.mount("https://", HTTPAdapter(max_retries=3))
        answer = session.get(URL, timeout=30)
        answer.raise_for_status()
        return answer.content


def _own_world(session: CDPSession) -> int:
    frame = session.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
    return int(session.send("Page.createIsolatedWorld", {"frameId": frame, "worldName": "axe"})["executionContextId"])


def _evaluate(session: CDPSession, world: int, expression: str) -> Any:
    answer = session.send("Runtime.evaluate", {"contextId": world, "expression": expression, "awaitPromise": True,
                                               "returnByValue": True})
    if "exceptionDetails" in answer:
        raise RuntimeError(f"axe did not run: {answer['exceptionDetails']}")
    return answer["result"].get("value")


def _told(violation: dict[str, Any]) -> str:
    places = [f"  {' '.join(map(str, node['target']))}: {node['html'][:200]}\n    "
              + node["failureSummary"].replace("\n", "\n    ") for node in violation["nodes"]]
    return "\n".join([f"{violation['impact']} {violation['id']}: {violation['help']} ({len(places)} places)", *places])
