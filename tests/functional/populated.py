"""An account with something of everything in it, made through the routes and the queues: what a user of a while has.

Every text that the owner gave begins with `MARK`, so that a test can look for it where it must not be.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.api import console, dry_run
from chalicelib.jobs import control, daily
from chalicelib.jobs.reporting import report_key
from tests.fixtures.images import picture
from tests.functional import dead, images, products
from tests.functional.engine import Context, Engine, book
from tests.functional.prices import BILL, LIST, MATCH, send, with_list
from tests.functional.rest import OWNER, Api
from tests.functional.rest_leads import process

MARK = "Quokkabyte"
DAY = "2026-11-21"
SPARE_JOBS = 6

Ids = Mapping[str, Sequence[str]]
"""By path parameter; `job_id` is that of any job, `price_job_id` of one that matched prices."""


@dataclass(frozen=True, slots=True)
class World:
    """An owner's things by their ids."""

    ids: Ids

    def of(self, path: str, part: str) -> Sequence[str]:
        """Ids for a part of a path. Raises KeyError for one that nobody has filled: see `populate`."""
        return self.ids["price_job_id" if path.startswith("/api/price-matching/") and part == "job_id" else part]


def populate(api: Api, engine: Engine) -> World:
    """Fill the account of `api`'s owner; a route with a new kind of id wants one made here."""
    leads, rejects = _leads(api, engine)
    letter, redrive = _dead_letter(api, engine)
    catalogue, enrichment = _catalogue(api, engine)
    price_list, bill, results = _prices(api)
    picture = _picture(engine)
    spare = [*(_announced(api) for _ in range(SPARE_JOBS)), *(_stuck(engine, number) for number in range(SPARE_JOBS))]
    for each in spare[-SPARE_JOBS // 2:]:
        _forced(engine, each)
    return World({
        "job_id": [rejects, bill, catalogue, enrichment, price_list, *spare],
        "price_job_id": [bill],
        "lead_id": leads,
        "catalog_id": [catalogue],
        "list_id": [price_list],
        "result_id": results,
        "image_id": picture,
        "export_id": [_export(api, engine)],
        "erasure_id": [_erasure(api)],
        "dry_run_id": [_dry_run(engine)],
        "day": [_day(engine)],
        "key_id": [_api_key(api)],
        "name": ["leads"],
        "message_id": [letter],
        "redrive_id": [redrive],
        "version": [console.files().version],
        "file": [*console.FIRST, "console.css"],
    })


def tasks(engine: Engine) -> None:
    """Do what requests have left to the task worker."""
    engine.serve("tasks", lambda records: engine.services.task_worker(Context()).work(records), 100)


def _leads(api: Api, engine: Engine) -> tuple[list[str], str]:
    rows = [[f"{MARK} {number}", "Byron", f"{MARK.lower()}{number}@example.com", "0412345678", f"{MARK} & Co"]
            for number in range(12)]
    process(engine, book(People=[["First Name", "Last Name", "Email", "Phone", "Company"], *rows,
                                 [f"{MARK} alone", "", "", "", ""]]), f"uploads/leads/{MARK}.xlsx")
    found = api("GET", "/leads", pageSize=100).json["leads"]
    return [lead["leadId"] for lead in found], str(found[0]["jobId"])


def _catalogue(api: Api, engine: Engine) -> tuple[str, str]:
    rows = [["Name", "SKU", "UPC", "Price"], [f"{MARK} Kettle", "K-1", "036000291452", "19.95"]]
    taken = send(api, "/catalogs", book(Items=rows), f"{MARK}.xlsx", name=f"{MARK} catalogue")
    assert taken.status == 201, taken.text
    begun = api("POST", f"/catalogs/{taken.json['catalogId']}/enrich", provider="mock")
    assert begun.status in (200, 202), begun.text
    engine.split()
    products.work(engine)
    return str(taken.json["catalogId"]), str(begun.json["tracking_id"])


def _prices(api: Api) -> tuple[str, str, list[str]]:
    listed = with_list(api, [*LIST, [f"{MARK}-1", f"{MARK} lamp", "nr", 9.5]], f"{MARK} rates")
    bill = [*BILL, ["4", f"{MARK} lamp", "nr", 3, None, None]]
    matched = send(api, MATCH, book(Bill=bill), f"{MARK}.xlsx", clientName=MARK)
    assert matched.status == 200, matched.text
    return listed, str(matched.json["jobId"]), [row["resultId"] for row in matched.json["results"]]


def _picture(engine: Engine) -> list[str]:
    images.dropped(engine, picture("JPEG"), f"{MARK}.jpg", OWNER)
    return [image.image_id for image in images.pictures(engine).values()]


def _announced(api: Api) -> str:
    """A job whose file has not come yet."""
    return str(api("POST", "/upload", {"fileName": f"{MARK}.csv"}).json["jobId"])


def _stuck(engine: Engine, number: int) -> str:
    """A job whose batches nobody works on."""
    job = engine.drop(book(People=[["First Name", "Last Name", "Email"],
                                   [MARK, f"Stuck {number}", f"{MARK.lower()}-stuck{number}@example.com"]]),
                      f"uploads/leads/{MARK}-{number}.xlsx")
    engine.split()
    return job.job_id


def _forced(engine: Engine, job_id: str) -> None:
    """End a stuck job, so that it can be retried."""
    engine.services.call(control.force_complete, job_id=job_id, by="somebody")


def _export(api: Api, engine: Engine) -> str:
    asked = api("POST", "/export", {"filters": {"company": MARK}})
    assert asked.status == 202, asked.text
    tasks(engine)
    return str(asked.json["exportId"])


def _erasure(api: Api) -> str:
    return str(api("POST", "/erasure", {"email": f"{MARK.lower()}@example.org"}).json["erasureId"])


def _api_key(api: Api) -> str:
    made = api("POST", "/api-keys", {"name": f"{MARK} key"})
    assert made.status == 200, made.text
    return str(made.json["id"])


def _dead_letter(api: Api, engine: Engine) -> tuple[str, str]:
    """A message that nobody understands, redriven and dead once more; answers the letter's id and the redrive's."""
    engine.send("leads", {"leads": f"{MARK} <{MARK.lower()}@example.com>"})
    engine.work()
    redrive = dead.redrive(api, {"count": 1})["redrive"]
    engine.work()
    (letter,) = dead.letters(api)
    return str(letter["messageId"]), str(redrive["redriveId"])


def _dry_run(engine: Engine) -> str:
    """One that took longer than its request, and is there."""
    body = f"First Name,Email\n{MARK},{MARK.lower()}@example.com\n".encode()
    engine.services.blobs.put("dry/file.csv", body)
    order = dry_run.DryRunOrder(id="0123456789abcdef0123456789abcdef", owner=OWNER, key="dry/file.csv",
                                file_name=f"{MARK}.csv", pipeline="leads", options={})
    engine.services.call(dry_run.run, order=order.as_json(), remaining=lambda: 60.0)
    return order.id


def _day(engine: Engine) -> str:
    told = daily.report(daily.Tally(DAY), dead_letters={}, at=f"{DAY}T23:59:59.000Z")
    engine.services.blobs.put(report_key(DAY), json.dumps(told).encode(), "application/json")
    return DAY
