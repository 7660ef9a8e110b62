"""The whole tour, in one browser, as one person takes it; and every page in every light and on a narrow screen."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from chalicelib.local.access import Access
from chalicelib.local.newcomer import feed_samples
from chalicelib.local.samples import LEADS, write_samples
from tests.browser.conftest import OpenPage
from tests.browser.stack import AppStack
from tests.browser.views import EVERY, View
from tests.browser.visit import Visit

OWNER, FURNISHED = "the-tour", "furnished"
PAGES = {"drop": "Drop", "jobs": "Jobs", "leads": "Leads", "products": "Products", "prices": "Prices",
         "images": "Images", "chat": "Chat", "queues": "Queues", "queues/images": "Dead letters of images",
         "queues?tab=config": "Queues", "keys": "API keys"}
"""By address, with their headings."""
TABS = ("Report", "Rejects", "Batches", "Duplicates", "Suspects", "Events")
WEIGHT = 150_000
"""Bytes that the first view may weigh, unpacked."""
MANY = 3000
"""Rows that keep the workers busy while somebody looks for the button."""


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    write_samples(folder)
    return folder


@pytest.fixture(scope="module")
def furnished(stack: AppStack, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The token of an operator whose pages have something on them; a dead letter lies in a queue."""
    token = stack.token_of(FURNISHED, "user", "operator")
    folder = tmp_path_factory.mktemp("furniture")
    feed_samples(folder=folder, url=stack.url, token=token, owner=FURNISHED, access=Access(stack.s3_endpoint),
                 bucket=stack.bucket, say=print)
    _bury(stack, "images", "nobody understands this")
    return token


@pytest.fixture(scope="module")
def at_home(furnished: str) -> Callable[[Visit], Page]:
    """Signs a page in as who has them."""
    def sign(visit: Visit) -> Page:
        visit.page.goto(f"/#token={furnished}")
        expect(visit.page.get_by_role("heading", name="Drop", exact=True)).to_be_visible()
        return visit.page

    return sign


def test_tour(stack: AppStack, open_app: OpenPage, samples: Path, tmp_path: Path) -> None:
    visit = open_app(accept_downloads=True)
    page = visit.page
    _sign_in(visit, stack.token_of(OWNER, "user", "operator"))
    visit.weight.check(WEIGHT)
    job = _drop_the_sample_with_a_corrected_mapping(visit, samples / LEADS)
    rejects = _read_the_account(page, job)
    _filter_and_edit(visit)
    _export(page)
    _drop_the_rejects_again(page, job, rejects, tmp_path / "corrected.csv")
    _cancel_a_second_job(page, tmp_path / "many.csv")
    _redrive_a_dead_letter(visit, stack)
    _ask_the_chat(page)
    _undo(page, job)


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_every_page_lets_everybody_in_and_fits_its_screen(
    open_app: OpenPage, at_home: Callable[[Visit], Page], view: View
) -> None:
    """What a page shows is kept for people to look at."""
    visit = open_app(view=view)
    page = at_home(visit)
    for path, heading in PAGES.items():
        page.goto(f"/#/{path}")
        expect(page.get_by_role("heading", level=1, name=heading, exact=True)).to_be_visible()
        _settled(page)
        visit.screenshot(re.sub(r"\W+", "-", path), whole=True)
        visit.check_access()
        assert page.evaluate("document.documentElement.scrollWidth") <= view.width, f"{path} scrolls sideways"
    page.goto("/#/jobs")
    page.get_by_role("link", name=LEADS).first.click()
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        _settled(page)
        visit.screenshot(f"job-{tab.lower()}", whole=True)
        visit.check_access()
        assert page.evaluate("document.documentElement.scrollWidth") <= view.width, f"{tab} scrolls sideways"


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_preview_and_sign_in_let_everybody_in(
    open_app: OpenPage, at_home: Callable[[Visit], Page], samples: Path, view: View
) -> None:
    visit = open_app(view=view)
    visit.page.goto("/")
    expect(visit.page.get_by_role("heading", name="Sign in")).to_be_visible()
    visit.screenshot("sign-in")
    visit.check_access()
    page = at_home(visit)
    page.get_by_label("Files", exact=True).set_input_files(samples / LEADS)
    expect(page.get_by_role("article", name=LEADS).get_by_text("columns fit")).to_be_visible()
    visit.screenshot("preview", whole=True)
    visit.check_access()
    assert page.evaluate("document.documentElement.scrollWidth") <= view.width


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_reference_lets_everybody_in_and_fits_its_screen(open_app: OpenPage, view: View) -> None:
    visit = open_app(view=view)
    visit.page.goto("/docs")
    expect(visit.page.get_by_role("heading", level=1)).to_be_visible()
    visit.screenshot("docs")
    visit.check_access()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= view.width


def test_keyboard_alone_reaches_a_job_and_its_tabs(open_app: OpenPage, at_home: Callable[[Visit], Page]) -> None:
    page = at_home(open_app())
    page.goto("/#/jobs")
    link = page.get_by_role("link", name=LEADS).first
    expect(link).to_be_visible()
    for _ in range(40):
        if link.evaluate("element => element === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    heading = page.get_by_role("heading", level=1, name=LEADS)
    expect(heading).to_be_focused()
    first = page.get_by_role("tab").first
    first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Rejects")).to_be_focused()
    expect(page.get_by_role("tabpanel", name="Rejects")).to_be_visible()


def test_somebody_else_sees_nothing_of_the_tour(stack: AppStack, open_app: OpenPage) -> None:
    visit = open_app()
    page = visit.page
    page.goto(f"/#token={stack.token_of('somebody-else')}")
    page.goto("/#/jobs")
    expect(page.get_by_text("No jobs yet.")).to_be_visible()
    page.goto("/#/leads")
    expect(page.get_by_text("No leads yet.")).to_be_visible()
    expect(page.get_by_role("link", name="Queues")).to_have_count(0)


def _settled(page: Page) -> None:
    """The page that the address names is there, with all that it asked for."""
    expect(page.locator("main[aria-busy]")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_text(re.compile(r"^(Loading|Looking|Comparing)( …|\.)$"))).to_have_count(0)
    page.wait_for_load_state("networkidle")


def _bury(stack: AppStack, queue: str, body: str) -> None:
    sqs = stack.client("sqs")
    url = sqs.get_queue_url(QueueName=f"dropmill-local-{queue}-dlq")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=body)


def _sign_in(visit: Visit, token: str) -> None:
    page = visit.page
    page.goto("/")
    page.get_by_label("Token").fill("nobody.knows.this")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("token")
    visit.traffic.expect("status of 401")
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Drop", exact=True)).to_be_visible()


def _drop_the_sample_with_a_corrected_mapping(visit: Visit, sample: Path) -> str:
    """Answers the job's id."""
    page = visit.page
    page.get_by_label("Files", exact=True).set_input_files(sample)
    card = page.get_by_role("article", name=LEADS)
    expect(card.get_by_text("16 of 17 columns fit")).to_be_visible()
    expect(card.get_by_role("list", name="What it would take")).to_match_aria_snapshot("- list:\n  - listitem: 13 rows")
    field = card.get_by_role("combobox", name="Field of Met at in Trade fair")
    expect(field).to_have_value("")
    field.select_option("source")
    expect(card.get_by_text("by hand")).to_be_visible()
    expect(card.get_by_text("17 of 17 columns fit")).to_be_visible()
    card.get_by_role("button", name=f"Run {LEADS}").click()
    link = card.get_by_role("link", name=f"Job of {LEADS}")
    expect(card.get_by_text("Done: 13 rows")).to_be_visible()
    job = str(link.get_attribute("href")).rpartition("/")[2]
    link.click()
    expect(page.get_by_role("heading", level=1, name=LEADS)).to_be_visible()
    return job


def _read_the_account(page: Page, job: str) -> str:
    """Answers the rejects file."""
    expect(page.get_by_role("list", name="Rows by outcome")).to_match_aria_snapshot("- list:\n  - listitem: 1 rejected")
    expect(page.get_by_text("Balanced:")).to_be_visible()
    expect(page.get_by_role("table", name="Sheets").get_by_role("row", name="Trade fair")).to_contain_text("yes")
    page.get_by_role("tab", name="Rejects").click()
    expect(page.get_by_role("table", name="Rejected rows")).to_contain_text("TOO FEW FIELDS")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download CSV").click()
    assert saved.value.suggested_filename == f"rejects-{job}.csv"
    return Path(saved.value.path()).read_text(encoding="utf-8")


def _filter_and_edit(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("link", name="Leads", exact=True).first.click()
    expect(page.get_by_role("row", name=re.compile("Alan Turing"))).to_contain_text("Bletchley Park")
    page.get_by_label("Contains").fill("analytical")
    page.get_by_role("button", name="Add filter").click()
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page).to_have_url(re.compile("company=analytical"))
    page.get_by_role("link", name="Ada Lovelace").click()
    editor = page.get_by_role("dialog", name="Ada Lovelace")
    editor.get_by_label("E-mail").fill("no address")
    editor.get_by_role("button", name="Save").click()
    expect(editor.get_by_text("This is no e-mail address.")).to_be_visible()
    visit.traffic.expect("status of 422")
    editor.get_by_label("E-mail").fill("countess@analytical.example")
    editor.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("row", name=re.compile("Ada Lovelace"))).to_contain_text("countess@analytical.example")


def _export(page: Page) -> None:
    page.get_by_role("button", name="Export …").click()
    dialog = page.get_by_role("dialog", name="Export leads")
    with page.expect_download() as saved:
        dialog.get_by_role("button", name="Export").click()
    rows = list(csv.DictReader(io.StringIO(Path(saved.value.path()).read_text(encoding="utf-8-sig"))))
    assert [(row["email"], row["source"]) for row in rows] == [("countess@analytical.example", "N/A")]


def _drop_the_rejects_again(page: Page, parent: str, rejects: str, file: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(rejects)))
    assert [row["_row"] for row in rows] == ["9"]
    rows[0] |= {"First Name": "Emmy", "Last Name": "Noether"}
    with file.open("w", newline="", encoding="utf-8") as corrected:
        writer = csv.DictWriter(corrected, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    page.get_by_role("link", name="Drop", exact=True).click()
    page.get_by_label("Files", exact=True).set_input_files(file)
    card = page.get_by_role("article", name=file.name)
    card.get_by_role("button", name=f"Run {file.name}").click()
    expect(card.get_by_text("Done: 1 row")).to_be_visible()
    page.goto(f"/#/jobs/{parent}")
    expect(page.get_by_text("1 rejects came back corrected, 0 are open")).to_be_visible()


def _cancel_a_second_job(page: Page, file: Path) -> None:
    file.write_text("First Name,Last Name,Email\n" + "".join(
        f"Person{number},Many,person{number}@many.example\n" for number in range(MANY)), encoding="utf-8")
    page.get_by_role("link", name="Drop", exact=True).click()
    page.get_by_label("Files", exact=True).set_input_files(file)
    card = page.get_by_role("article", name=file.name)
    card.get_by_role("button", name=f"Run {file.name}").click()
    card.get_by_role("link", name=f"Job of {file.name}").click()
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Cancel the job").click()
    expect(page.get_by_text(re.compile(rf"^Cancelled: \d+ of {MANY} rows were done before\.$"))).to_be_visible()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()


def _redrive_a_dead_letter(visit: Visit, stack: AppStack) -> None:
    """A batch that some other program sent, and that died before anybody understood it."""
    page = visit.page
    letter = {"batch_id": uuid4().hex, "source_file": "fair.csv", "batch_number": 1, "total_batches": 1,
              "user_id": OWNER, "leads": [{"firstName": "Sofia", "lastName": "Kovalevskaya",
                                           "email": "sofia@stockholm.example"}]}
    _bury(stack, "leads", json.dumps(letter))
    page.get_by_role("link", name="Queues", exact=True).click()
    page.get_by_role("link", name="1 dead letter of leads").click()
    row = page.get_by_role("table", name="Dead letters").get_by_role("row").nth(1)
    expect(row).to_contain_text("becomes job")
    expect(page.get_by_text("Sofia")).to_have_count(0)
    row.get_by_role("button", name=re.compile("^Redrive")).click()
    dialog = page.get_by_role("dialog", name="Redrive 1 dead letter")
    expect(dialog).to_contain_text("it makes one")
    dialog.get_by_role("button", name="Redrive").click()
    expect(page.get_by_text("1 dead letter went back to leads.")).to_be_visible()
    expect(page.get_by_text("No dead letters: nothing has failed for good.")).to_be_visible()
    page.get_by_role("link", name="Jobs").click()
    expect(page.get_by_role("row", name=re.compile("fair.csv"))).to_contain_text("completed")
    page.goto("/#/queues?tab=redrives")
    expect(page.get_by_role("table")).to_contain_text(OWNER)


def _ask_the_chat(page: Page) -> None:
    page.get_by_role("link", name="Chat", exact=True).click()
    page.get_by_label("Question", exact=True).fill("How many leads from Bletchley Park are there?")
    page.keyboard.press("Enter")
    answer = page.get_by_role("article", name="How many leads from Bletchley Park are there?")
    expect(answer).to_contain_text("There is 1 lead whose company")
    answer.locator("summary").click()
    expect(answer.locator("pre")).to_contain_text('"type": "count"')
    page.get_by_label("Question", exact=True).fill("delete everything")
    page.keyboard.press("Enter")
    expect(page.get_by_role("article", name="delete everything")).to_contain_text("Chat only reads")


def _undo(page: Page, job: str) -> None:
    page.goto(f"/#/jobs/{job}")
    page.get_by_role("button", name="Undo", exact=True).click()
    page.get_by_role("button", name="Undo it").click()
    undone = re.compile(r"^Undone: 9 leads removed, 0 restored, 1 kept because they were changed since\.$")
    expect(page.get_by_text(undone)).to_be_visible()
    page.goto("/#/leads?company=bletchley")
    expect(page.get_by_text("No lead has all that.")).to_be_visible()
