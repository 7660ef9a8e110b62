"""The console's pages of products, prices, pictures and queues, as a person goes through them."""

from __future__ import annotations

import io
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image
from playwright.sync_api import Page, expect

from chalicelib.local.samples import BILL, CATALOGUE, PRICE_LIST, write_samples
from tests.browser.conftest import OpenPage
from tests.browser.stack import AppStack
from tests.browser.views import EVERY, View
from tests.functional.local_run import wait_until

pytestmark = pytest.mark.slow


class Somebody:
    """An owner of their own on the shared stack, by REST."""

    def __init__(self, stack: AppStack, *roles: str) -> None:
        self.stack = stack
        self.token = stack.token_of(f"goods-{uuid.uuid4().hex[:8]}", *roles)

    def ask(self, method: str, path: str, **how: Any) -> Any:
        answer = requests.request(method, f"{self.stack.url}{path}", timeout=30,
                                  headers={"Authorization": f"Bearer {self.token}"}, **how)
        answer.raise_for_status()
        return answer.json()

    def send(self, path: str, file: Path, **fields: str) -> Any:
        return self.ask("POST", path, files={"file": (file.name, file.read_bytes())}, data=fields)

    def sign_in(self, page: Page) -> None:
        page.goto(f"/#token={self.token}")
        expect(page.get_by_role("navigation", name="Pages")).to_be_visible()


@pytest.fixture
def operator(stack: AppStack) -> Somebody:
    return Somebody(stack, "user", "operator")


@pytest.fixture
def catalogue(operator: Somebody, tmp_path: Path) -> str:
    write_samples(tmp_path)
    return str(operator.send("/catalogs", tmp_path / CATALOGUE)["catalogId"])


@pytest.fixture
def bill(operator: Somebody, tmp_path: Path) -> str:
    """A bill that was matched with a list of its owner's."""
    write_samples(tmp_path)
    operator.send("/price-lists", tmp_path / PRICE_LIST, name="rates")
    return str(operator.send("/api/price-matching/upload-and-match", tmp_path / BILL)["jobId"])


@pytest.fixture
def pictures(operator: Somebody) -> Any:
    inks = io.BytesIO()
    Image.new("CMYK", (300, 200), (10, 90, 10, 0)).save(inks, "JPEG")
    form = operator.ask("POST", "/upload", json={"fileName": "inks.jpg", "fileType": "image/jpeg",
                                                 "fileSize": inks.tell(), "pipeline": "images"})
    sent = requests.post(form["uploadUrl"], data=form["fields"], files={"file": inks.getvalue()}, timeout=30)
    sent.raise_for_status()
    wait_until(lambda: bool(operator.ask("GET", "/images")["images"]))
    return operator.ask("GET", "/images")["images"]


def dead_letter(stack: AppStack, text: str, queue: str = "dropmill-local-products-dlq") -> None:
    queues = stack.client("sqs")
    queues.send_message(QueueUrl=queues.get_queue_url(QueueName=queue)["QueueUrl"], MessageBody=text)


def test_products_show_where_their_data_came_from(operator: Somebody, catalogue: str, open_app: OpenPage) -> None:
    visit = open_app()
    page = visit.page
    operator.sign_in(page)
    page.get_by_role("link", name="Products", exact=True).click()
    page.get_by_role("link", name="sample-catalogue").click()
    expect(page.get_by_role("heading", name="sample-catalogue")).to_be_focused()

    page.get_by_role("button", name="Enrich").click()
    asked = page.get_by_role("dialog", name="Enrich the products")
    asked.get_by_label("Provider").select_option("keepa")
    asked.get_by_label("Strict").check()
    visit.traffic.expect("503")
    asked.get_by_role("button", name="Enrich").click()
    expect(asked.get_by_role("alert")).to_contain_text("no key")
    asked.get_by_label("Strict").uncheck()
    asked.get_by_role("button", name="Enrich").click()
    expect(page.get_by_label("Enrichment", exact=True)).to_contain_text("rejected")
    expect(page.get_by_role("cell", name="mock data").first).to_be_visible()

    page.get_by_label("Source of the data").select_option("cache")
    expect(page.get_by_text("No product's data came from there.")).to_be_visible()
    page.get_by_label("Source of the data").select_option("mock_data")
    page.get_by_role("button", name="Wool Cap").click()
    shown = page.get_by_role("dialog", name="Wool Cap")
    expect(shown.get_by_text("made up, because the provider could not be asked")).to_be_visible()
    expect(shown.get_by_text("Quantity Available")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Wool Cap")).to_be_focused()


def test_a_row_that_somebody_else_changed_is_shown_anew_before_it_is_saved(
    operator: Somebody, bill: str, open_app: OpenPage
) -> None:
    visit = open_app()
    page = visit.page
    operator.sign_in(page)
    page.goto(f"/#/prices/{bill}")
    page.get_by_role("button", name="review 3").click()
    page.get_by_role("button", name="Clay block wall").click()
    dialog = page.get_by_role("dialog", name="Clay block wall")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_have_text("Nothing is changed yet.")
    dialog.get_by_label("Own rate").fill("12,5")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_label("Own rate")).to_have_attribute("aria-invalid", "true")

    row = next(each for each in operator.ask("GET", f"/api/price-matching/{bill}/results")["results"]
               if each["originalDescription"].startswith("Clay block wall"))
    operator.ask("PATCH", f"/api/price-matching/results/{row['resultId']}", json={"unit": "bags", "notes": "mine"})
    dialog.get_by_label("Own rate").fill("81.25")
    visit.traffic.expect("409")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Somebody has changed this row")
    expect(dialog.get_by_label("Notes")).to_have_value("mine")
    dialog.get_by_role("button", name="Save").click()

    expect(page.get_by_role("row", name="Clay block wall")).to_contain_text("81.25 / bags")
    expect(page.get_by_role("button", name="manual 1")).to_be_visible()
    expect(page.get_by_role("button", name="Clay block wall")).to_be_focused()


def test_a_bill_is_fixed_by_a_candidate_matched_again_and_written_into_its_workbook(
    operator: Somebody, bill: str, open_app: OpenPage
) -> None:
    page = open_app(accept_downloads=True).page
    operator.sign_in(page)
    page.goto("/#/prices")
    page.get_by_role("link", name=BILL).click()
    page.get_by_role("button", name="PVC drain pipe").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("radio", name="PVC pipe DN 110").check()
    dialog.get_by_label("Notes").fill("as agreed")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row", name="PVC drain pipe")).to_contain_text("as agreed")
    page.get_by_role("button", name="Match unmatched again").click()
    page.get_by_role("dialog").get_by_role("button", name="Match again").click()
    expect(page.get_by_text("The unmatched rows are being matched again.")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Export workbook").click()
    assert saved.value.suggested_filename == "sample-bill-priced.xlsx"
    page.goto("/#/prices?tab=lists")
    expect(page.get_by_role("rowheader", name="rates")).to_be_visible()


def test_pictures_tell_what_they_saved_and_what_was_assumed(
    operator: Somebody, pictures: list[Any], open_app: OpenPage
) -> None:
    visit = open_app()
    page = visit.page
    operator.sign_in(page)
    page.goto("/#/images")
    page.get_by_role("button", name="Show inks.jpg").click()
    shown = page.get_by_role("dialog", name="inks.jpg")
    expect(shown.get_by_text("a common press was assumed")).to_be_visible()
    assert shown.get_by_role("img").evaluate("each => each.decode().then(() => each.naturalWidth)") == 300
    page.keyboard.press("Escape")
    page.get_by_label("Folder").fill("/nowhere")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_text("No pictures lie in this folder.")).to_be_visible()
    visit.traffic.expect("409")
    page.get_by_role("button", name="Sync Dropbox").click()
    page.get_by_role("dialog").get_by_role("button", name="Sync").click()
    expect(page.get_by_role("alert")).to_contain_text("No Dropbox app is set up")


def test_dead_letters_go_back_only_after_it_was_told_what_would_go(
    operator: Somebody, stack: AppStack, open_app: OpenPage
) -> None:
    for number in range(3):
        dead_letter(stack, json.dumps({"name": "Ada Lovelace", "email": "ada@example.com", "number": number}))
    page = open_app().page
    operator.sign_in(page)
    page.goto("/#/queues")
    page.get_by_role("link", name="3 dead letters of products").click()
    expect(page.get_by_role("checkbox")).to_have_count(4)
    page.get_by_role("button", name="Message").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("Body, masked")
    expect(page.get_by_role("dialog")).not_to_contain_text("Ada")
    page.keyboard.press("Escape")

    page.get_by_role("checkbox").nth(1).check()
    page.get_by_role("button", name="Redrive chosen (1)").click()
    dialog = page.get_by_role("dialog", name="Redrive 1 dead letter")
    expect(dialog).to_contain_text("nothing was touched")
    expect(dialog).to_contain_text("it comes back as a dead letter")
    dialog.get_by_role("button", name="Redrive").click()
    expect(page.get_by_text("1 dead letter went back to products.")).to_be_visible()

    page.get_by_role("button", name="Redrive all").click()
    dialog = page.get_by_role("dialog", name="Redrive all of products")
    expect(dialog.get_by_role("button", name="Redrive")).to_be_disabled()
    dialog.get_by_label("Type products to confirm").fill("products")
    dialog.get_by_role("button", name="Redrive").click()
    expect(page.get_by_text("went back to products").nth(1)).to_be_visible()
    page.goto("/#/queues?tab=redrives")
    expect(page.get_by_role("row", name="products")).to_have_count(2)


def test_queues_are_for_operators(stack: AppStack, open_app: OpenPage) -> None:
    page = open_app().page
    Somebody(stack).sign_in(page)
    page.goto("/#/queues")
    expect(page.get_by_text("The queues are for operators, and your token does not carry that role.")).to_be_visible()
    expect(page.get_by_role("link", name="Queues")).to_have_count(0)


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_everybody_can_use_the_pages_of_goods(
    operator: Somebody, catalogue: str, bill: str, pictures: list[Any], view: View, open_app: OpenPage
) -> None:
    visit = open_app(view=view)
    page = visit.page
    operator.sign_in(page)
    for place, sign in {"products": "sample-catalogue", f"products/{catalogue}": "Wool Cap", "prices": BILL,
                        f"prices/{bill}": "Flagpole", "images": "inks.jpg", "queues": "Carries batches of leads.",
                        "queues/tasks": "No dead letters", "queues?tab=config": "DROPBOX_CLIENT_ID"}.items():
        page.goto(f"/#/{place}")
        expect(page.get_by_role("main").get_by_text(sign).first).to_be_visible()
        visit.check_access()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place
