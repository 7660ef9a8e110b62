"""The fake providers of a local run: which are wanted, and what the functions must know to speak to them.

A provider is faked where it is to fail on purpose (`FAULTS=keepa:500@0.1`), where it is asked for
(`FAKES=keepa,dropbox`), and DeepSeek also where the AI is wanted without a key. Without any of it a stage without keys
works by rules, on flagged mock data and without Convex, as a deployed one would.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from chalicelib.local.fakes.convex import FakeConvex
from chalicelib.local.fakes.deepseek import FakeDeepSeek
from chalicelib.local.fakes.dropbox import ACCOUNT, REFRESH_TOKEN, FakeDropbox
from chalicelib.local.fakes.keepa import FakeKeepa
from chalicelib.local.fakes.server import FakeServer
from chalicelib.local.faults import PROVIDERS, Faults
from chalicelib.local.processes import Say

_KEY = "local-fake"


@dataclass(frozen=True, slots=True)
class _Provider:
    """`environment` makes a stage speak to the fake at an address; `title` is for people."""

    title: str
    start: Callable[..., FakeServer]
    urls: tuple[str, ...]
    also: Mapping[str, str]
    """Keys and whatever else the fake wants to be told."""

    def environment(self, url: str) -> dict[str, str]:
        return {**dict.fromkeys(self.urls, url), **self.also}


_FAKES: Mapping[str, _Provider] = {
    "ai": _Provider("DeepSeek", FakeDeepSeek, ("DEEPSEEK_URL",),
                    {"DEEPSEEK_API_KEY": _KEY, "LEADS_STANDARDIZER": "deepseek"}),
    "keepa": _Provider("Keepa", partial(FakeKeepa, rate=600.0), ("KEEPA_URL",), {"KEEPA_API_KEY": _KEY}),
    "convex": _Provider("Convex", FakeConvex, ("CONVEX_URL",), {"CONVEX_DEPLOY_KEY": _KEY}),
    "dropbox": _Provider(
        "Dropbox", partial(FakeDropbox, client_id=_KEY, client_secret=_KEY),
        ("DROPBOX_API_URL", "DROPBOX_CONTENT_URL"),
        {"DROPBOX_CLIENT_ID": _KEY, "DROPBOX_CLIENT_SECRET": _KEY, "DROPBOX_REFRESH_TOKEN": REFRESH_TOKEN,
         "DROPBOX_ACCOUNT": ACCOUNT}),
}


def start(faults: Faults, environ: Mapping[str, str], cleanup: contextlib.ExitStack, say: Say) -> dict[str, str]:
    """Start what is wanted; answers the variables of the functions. Raises `ValueError` for a fake that we lack."""
    told: dict[str, str] = {}
    for name in _wanted(faults, environ):
        provider: Any = _FAKES[name]
        fake = cleanup.enter_context(provider.start(chances=faults.provider(name)))
        say("dropmill", f"a fake {provider.title} answers at {fake.url}")
        told |= provider.environment(fake.url)
    return told


def _wanted(faults: Faults, environ: Mapping[str, str]) -> list[str]:
    asked = {name.strip() for name in environ.get("FAKES", "").split(",") if name.strip()}
    if unknown := sorted(asked - set(PROVIDERS)):
        raise ValueError(f"FAKES: {', '.join(unknown)} is none of {', '.join(PROVIDERS)}")
    if environ.get("LEADS_STANDARDIZER") == "deepseek" and not environ.get("DEEPSEEK_API_KEY"):
        asked.add("ai")
    return [name for name in PROVIDERS if name in asked or faults.provider(name)]
