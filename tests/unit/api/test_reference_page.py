"""The reference page: all operations, nothing from elsewhere, nothing that runs, and nothing unescaped."""

from __future__ import annotations

import importlib
import itertools
import re
import shlex
from base64 import b64encode
from collections import Counter
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from chalicelib.api.models import Health
from chalicelib.api.openapi import page
from chalicelib.api.openapi.curl import command
from chalicelib.api.openapi.document import Route, document, routes_of
from chalicelib.api.openapi.model import Operation, Tag, ok
from chalicelib.api.openapi.operations import OPERATIONS

DOCUMENT = document(routes_of(importlib.import_module("app").app.routes), OPERATIONS, release="1")
PAGE = page.render(DOCUMENT)
VOID = {"meta"}
MOST_BYTES = 200_000
"""Of all routes and models on one page; compressed it is a seventh of that."""


class Reader(HTMLParser):
    """What a browser would see: elements with their attributes, whether they nest, the style sheet, the headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.style = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["style"]:
            self.style += data

    def all(self, name: str) -> list[str]:
        return [attributes[name] or "" for _, attributes in self.tags if name in attributes]


READ = Reader(PAGE)


def test_elements_nest_and_close():
    assert READ.open == []


def test_ids_are_unique_and_every_link_leads_to_one_or_to_a_neighbour():
    assert [name for name, count in Counter(READ.all("id")).items() if count > 1] == []
    links = READ.all("href")
    assert {link for link in links if not link.startswith("#")} == {"openapi.json"}
    assert {link[1:] for link in links if link.startswith("#")} <= set(READ.all("id"))


def test_every_operation_has_an_anchor_in_the_contents():
    assert set(OPERATIONS) <= set(READ.all("id"))
    assert {f"#{name}" for name in OPERATIONS} <= set(READ.all("href"))


def test_every_error_code_of_the_document_is_explained():
    codes = {code for refusal in DOCUMENT["components"]["responses"].values() for code in refusal["x-codes"]}
    assert {f"code-{code}" for code in codes} <= set(READ.all("id"))


def test_nothing_runs_and_nothing_is_fetched():
    assert {tag for tag, _ in READ.tags} & {"script", "link", "img", "iframe", "form", "object", "svg"} == set()
    names = {name for _, attributes in READ.tags for name in attributes}
    assert {name for name in names if name.startswith("on")} | names & {"style", "src"} == set()
    assert re.findall(r"url\(|@import|@font-face", READ.style) == []


def test_policy_allows_the_style_sheet_of_the_page_and_nothing_else():
    digest = b64encode(sha256(READ.style.encode()).digest()).decode()
    rules = dict(rule.split(" ", 1) for rule in page.POLICY.split("; "))
    assert rules == {"default-src": "'none'", "style-src": f"'sha256-{digest}'", "base-uri": "'none'",
                     "form-action": "'none'", "frame-ancestors": "'none'"}


def test_page_can_be_used_without_eyes_or_a_mouse():
    assert ("html", {"lang": "en"}) in READ.tags
    tags = Counter(tag for tag, _ in READ.tags)
    assert (tags["main"], tags["h1"], tags["title"]) == (1, 1, 1)
    assert READ.all("href")[0] == "#main", "the first link skips the contents"
    levels = [int(tag[1]) for tag, _ in READ.tags if re.fullmatch(r"h\d", tag)]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), "no heading is skipped"
    assert set(READ.all("aria-labelledby")) <= set(READ.all("id"))


def test_page_is_light_enough():
    assert len(PAGE.encode()) < MOST_BYTES


def test_texts_are_escaped():
    route = Route("GET", "/things", "list_things", "Lists <script>alert(1)</script> & `<b>`; \"quoted\".")
    text = page.render(document([route], {"list_things": Operation(Tag.SERVICE, (ok(Health),))}, release="<1>"))
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; <code>&lt;b&gt;</code>; &quot;quoted&quot;" in text


@pytest.mark.parametrize(("view", "wanted"), [
    ("get_health", ["curl", "$URL/health"]),
    ("delete_lead", ["curl", "-H", "Authorization: Bearer $TOKEN", "-X", "DELETE", "$URL/leads/ld_5f0a1c7e3b9d4c21"]),
    ("post_catalog", ["curl", "-H", "Authorization: Bearer $TOKEN", "-F", "file=@file.xlsx", "$URL/catalogs"]),
    ("post_erasure", ["curl", "-H", "Authorization: Bearer $TOKEN", "-H", "Content-Type: application/json", "-d",
                      '{"email": "ada@example.com"}', "$URL/erasure"]),
    ("echo_dropbox", ["curl", "$URL/webhooks/dropbox?challenge=challenge"])])
def test_example_is_a_command_that_a_shell_understands(view: str, wanted: list[str]):
    found = next((method, path, operation) for path, methods in DOCUMENT["paths"].items()
                 for method, operation in methods.items() if operation["operationId"] == view)
    assert shlex.split(command(*found)) == wanted
