"""Price lists and bills for the tests of their routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from urllib3.filepost import encode_multipart_formdata

from tests.functional.engine import Context, Engine, book
from tests.functional.rest import Answer, Api

MATCH = "/api/price-matching/upload-and-match"
LIST = [["Code", "Description", "Unit", "Rate"],
        ["CW-101", "Concrete C30/37 in foundations", "m3", 145.35],
        ["BW-200", "Solid brick wall 240 mm in cement mortar", "m2", 62.1],
        ["DR-310", "Steel door frame 900 x 2100 mm", "nr", 210],
        ["PT-400", "Emulsion paint two coats to walls", "m2", 4.05]]
BILL = [["Item", "Description", "Unit", "Qty", "Rate", "Amount"],
        ["1", "Concrete C30/37 in foundations", "m3", 12.5, None, None],
        ["2", "Solid brick wall 240 mm in cement mortar", "m2", 80, None, None],
        ["3", "Helicopter landing lights", "set", 2, None, None]]
BILL_FILE = book(Bill=BILL)
"""The same bytes whenever it is sent: a workbook holds the second in which it was made."""


def send(api: Api, path: str, body: bytes, file_name: str = "bill.xlsx", /, *, key: str = "", **fields: str) -> Answer:
    """A form with a file, as curl sends it."""
    form, content_type = encode_multipart_formdata(
        {**fields, "file": (file_name, body, "application/octet-stream")}, boundary="a-boundary")
    return api("POST", path, form, headers={"content-type": content_type, **({"idempotency-key": key} if key else {})})


def with_list(api: Api, rows: Sequence[Sequence[Any]] = LIST, name: str = "Rates 2026") -> str:
    """A price list of the caller's; answers its id."""
    answer = send(api, "/price-lists", book(Prices=rows), "rates.xlsx", name=name)
    assert answer.status == 201, answer.text
    return str(answer.json["listId"])


def long_bill(count: int) -> bytes:
    """A bill of so many items that a list of `LIST` holds."""
    return book(Bill=[BILL[0], *(
        [str(number + 1), BILL[1 + number % 2][1], BILL[1 + number % 2][2], number + 1, None, None]
        for number in range(count))])


def by_queue(engine: Engine) -> None:
    """See all that is asked for through the queues."""
    engine.split()
    engine.serve("prices", lambda records: engine.services.worker("prices", Context()).work(records), 100)


def all_results(api: Api, job_id: str, **query: Any) -> list[Mapping[str, Any]]:
    """Every result row, page by page."""
    found, cursor = [], ""
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = api("GET", f"/api/price-matching/{job_id}/results", **query, **more).json
        found += page["results"]
        cursor = page["cursor"]
        if not cursor:
            return found
