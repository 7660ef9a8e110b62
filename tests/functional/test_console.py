"""The console's page and files over their routes; what they do is in tests/browser."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from chalicelib.api import console
from tests.conftest import Aws
from tests.functional.rest import Api, token

STRANGER = "nobody's token"


class Page(HTMLParser):
    """What the page refers to: attributes by tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str, attribute: str) -> list[str]:
        return [str(attributes[attribute]) for name, attributes in self.tags if name == tag and attribute in attributes]


def test_page_needs_no_token_and_shows_nothing_of_anybody(shared_api: Api):
    answer = shared_api.as_(STRANGER)("GET", "/")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.text == shared_api.as_(token(org="other"))("GET", "/").text
    assert "{{" not in answer.text


def test_every_file_that_the_page_names_is_served_for_ever(shared_api: Api):
    page = Page(shared_api("GET", "/").text)
    named = [*page.all("script", "src"), *(href for href in page.all("link", "href") if not href.startswith("data:"))]
    assert {name.rpartition("/")[2] for name in named} == {*console.first_modules(), "console.css"}
    later = [f"console/{console.files().version}/{name}" for name in console.files().texts if name.endswith(".js")]
    for name in [*named, *later]:
        answer = shared_api.as_(STRANGER)("GET", f"/{name}")
        assert (answer.status, answer.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
        assert answer.text == console.files().texts[name.rpartition("/")[2]]
        again = shared_api("GET", f"/{name}", headers={"if-none-match": answer.headers["etag"]})
        assert (again.status, again.text) == (304, "")


def test_pages_beside_the_first_view_are_loaded_when_they_are_opened():
    first = set(console.first_modules())
    assert {"main.js", "drop.js", "dom.js", "live.js"} <= first
    assert first.isdisjoint({"jobs.js", "job.js", "csv.js"})


def test_every_import_names_a_file():
    texts = console.files().texts
    imported = re.compile(r"""(?:from|import\()\s*["']\./([^"']+)["']""")
    named = {name for text in texts.values() for name in imported.findall(text)}
    assert named - set(texts) == set()


def test_a_page_of_an_older_deployment_gets_the_files_of_this_one_but_not_for_ever(shared_api: Api):
    answer = shared_api("GET", "/console/0123456789abcdef/main.js")
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize("name", [
    "index.html", "..", "%2e%2e%2fapp.py", "app.py", "main.js.map", "MAIN.JS", "__init__.py"])
def test_nothing_else_is_served(shared_api: Api, name: str):
    answer = shared_api("GET", f"/console/{console.files().version}/{name}")
    assert (answer.status, answer.code) == (404, "NOT_FOUND")


def test_policy_lets_the_page_reach_its_app_and_its_bucket_only(shared_api: Api, shared_aws: Aws):
    given = dict(part.split(" ", 1) for part in shared_api("GET", "/").headers["content-security-policy"].split("; "))
    assert given["default-src"] == "'none'"
    assert (given["script-src"], given["style-src"], given["frame-ancestors"]) == ("'self'", "'self'", "'none'")
    assert given["connect-src"].split() == ["'self'", shared_aws.endpoint]
    assert set(given["img-src"].split()) == {"'self'", "data:", "blob:", shared_aws.endpoint}
    assert "unsafe" not in str(given)


def test_page_holds_no_script_or_style_of_its_own_that_the_policy_would_forbid(shared_api: Api):
    page = Page(shared_api("GET", "/").text)
    assert all("src" in attributes for name, attributes in page.tags if name == "script")
    assert not [name for name, attributes in page.tags
                if name == "style" or "style" in attributes or any(key.startswith("on") for key in attributes)]


def test_nothing_in_the_files_leads_to_another_host(shared_api: Api):
    """Namespaces are names and not addresses."""
    for name, text in console.files().texts.items():
        found = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s'\"`]*", text)) - {"http://www.w3.org/2000/svg"}
        assert found == set(), name


def test_addresses_begin_where_the_gateway_puts_the_app(shared_aws: Aws):
    from chalicelib.adapters.s3 import Blobs
    from chalicelib.settings import Settings

    class At:
        def __init__(self, path: str) -> None:
            self.context = {"path": path}

    blobs = Blobs(shared_aws.client("s3"), shared_aws.bucket)
    for path, base in [("/", "/"), ("/api", "/api/"), ("/api/", "/api/"), ('/"><b>', "/&quot;&gt;&lt;b&gt;/")]:
        page = console.page(At(path), blobs=blobs, settings=Settings(_env_file=None))  # type: ignore[arg-type]
        assert f'<base href="{base}">' in page.body


def test_files_never_parse_text_as_markup():
    forbidden = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")
    found = {name: forbidden.findall(text) for name, text in console.files().texts.items() if name.endswith(".js")}
    assert {name: words for name, words in found.items() if words} == {}


def test_every_module_says_what_it_is_for():
    assert [name for name, text in console.files().texts.items()
            if name.endswith((".js", ".css")) and not text.startswith(("// ", "/* "))] == []
