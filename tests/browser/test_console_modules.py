"""The console's pure modules, as the browser runs them: zips that others can read, guesses, CSV, figures."""

from __future__ import annotations

import base64
import csv
import io
import zipfile
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page

from tests.browser.conftest import OpenPage

IMPORT = """async ({name, given}) => {
  const found = await import(document.querySelector("script[type=module]").src.replace("main.js", name));
  return await (%s)(found, given);
}"""
ZIPPED = """async (found, given) => {
  const files = given.map(([path, text]) => ({path, file: new Blob([text])}));
  const bytes = new Uint8Array(await (await found.zip(files)).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""


@pytest.fixture
def page(open_app: OpenPage) -> Page:
    visit = open_app()
    visit.page.goto("/")
    return visit.page


def run(page: Page, name: str, function: str, given: Any) -> Any:
    """What `function`, of the module `name` and of `given`, answers in the browser."""
    return page.evaluate(IMPORT % function, {"name": name, "given": given})


def unzipped(page: Page, files: list[tuple[str, str]]) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(base64.b64decode(run(page, "zip.js", ZIPPED, files))))


def test_zip_can_be_read_by_others(page: Page) -> None:
    files = [("day 1/a.jpg", "one"), ("day 1/b.jpg", ""), ("Größe/ø.png", "ü" * 5000), ("day 1/a.jpg", "another")]
    found = unzipped(page, files)
    assert found.testzip() is None
    assert found.namelist() == ["day 1/a.jpg", "day 1/b.jpg", "Größe/ø.png", "day 1/a-2.jpg"]
    assert [found.read(name).decode() for name in found.namelist()] == ["one", "", "ü" * 5000, "another"]


def test_same_files_make_the_same_zip_at_any_time(page: Page) -> None:
    first, second = (run(page, "zip.js", ZIPPED, [("a.jpg", "x")]) for _ in range(2))
    assert first == second


def test_check_sum_is_the_one_of_zip(page: Page) -> None:
    for text in ("", "123456789", "ü" * 100_000):
        found = run(page, "zip.js", "(found, text) => found.crc32(new Blob([text]))", text)
        assert found == zlib.crc32(text.encode())


def test_many_files_are_cut_into_zips_that_fit(page: Page) -> None:
    cut = run(page, "zip.js", """(found, sizes) => found.lots(sizes.map((size, place) => (
      {path: `${place}`.padStart(3, "0"), file: {size}})), 100, 4).map((lot) => lot.map(({file}) => file.size))""",
              [60, 30, 20, 1, 1, 1, 1, 150, 5])
    assert cut == [[60, 30], [20, 1, 1, 1], [1], [150], [5]]


@pytest.mark.parametrize(("name", "text", "pipeline"), [
    ("IMG_1.HEIC", "", "images"), ("people.xlsx", "", "leads"), ("Rates 2026.xlsx", "", "prices"),
    ("AutumnCatalogue.xlsx", "", "products"), ("x.csv", "First Name,E-mail\nAda,a@b.c", "leads"),
    ("x.csv", "UPC;Brand;Name", "products"), ("x.tsv", "Description\tQty\tUnit\tRate", "prices"),
    ("prices.csv", "email,first name,phone", "leads"), ("data.xlsx", "", "leads")])
def test_guess_is_by_picture_then_first_lines_then_name(page: Page, name: str, text: str, pipeline: str) -> None:
    found = run(page, "guess.js", "(found, [name, text]) => found.guess(name, {text})", [name, text])
    assert found["pipeline"] == pipeline
    assert found["reason"]


def test_csv_is_read_as_it_was_written(page: Page) -> None:
    cells = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=8)
    tables = st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=4))

    @settings(max_examples=60, deadline=None)
    @given(tables, st.booleans())
    def check(rows: list[list[str]], bom: bool) -> None:
        written = io.StringIO()
        csv.writer(written).writerows(rows)
        text = ("\ufeff" if bom else "") + written.getvalue()
        assert run(page, "csv.js", "(found, text) => found.csvRows(text)", text) == rows

    check()


@pytest.mark.parametrize(("function", "given", "shown"), [
    ("count", 1234567, "1,234,567"), ("count", None, "–"), ("bytes", 999, "999 B"), ("bytes", 7400, "7.4 kB"),
    ("bytes", 1_500_000_000, "1.5 GB"), ("duration", 59.4, "59 s"), ("duration", 61, "1 min 1 s"),
    ("duration", 7260, "2 h 1 min"), ("usd", 0, "$0"), ("usd", 0.0000912, "$0.000091"), ("usd", 12.5, "$12.50"),
    ("percent", 0.947, "95 %")])
def test_figures_are_shown_as_people_read_them(page: Page, function: str, given: Any, shown: str) -> None:
    assert run(page, "format.js", f"(found, given) => found.{function}(given)", given) == shown
