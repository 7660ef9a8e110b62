"""Leads for the tests of their routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.adapters.dynamodb import to_item
from chalicelib.adapters.leads import Lead, lead_item, new_lead_id
from tests.functional.engine import Engine, book
from tests.functional.rest import OWNER, Api

NAMES = ["Öz", "", "Abel", "zorn", "Baker", "Zabel"]


def six(engine: Engine) -> None:
    """Six leads with awkward last names, one without."""
    process(engine, book(People=[["First Name", "Last Name", "Email", "Company"], *(
        [f"P{place}", name, f"{place}@example.com", "Acme & Søn"] for place, name in enumerate(NAMES))]))


def process(engine: Engine, body: bytes, key: str = "uploads/leads/people.xlsx") -> None:
    """Drop a workbook and see it through."""
    engine.drop(body, key)
    engine.split()
    engine.work()


def stored(engine: Engine, contents: Sequence[Mapping[str, str]], owner: str = OWNER) -> None:
    """Leads put straight into the table, as the adapter writes them."""
    leads = engine.services.leads
    items = []
    for number, content in enumerate(contents):
        identity = f"t:{number}"
        lead = Lead(owner, identity, new_lead_id(owner, identity, ""), "v", "2026-01-01T00:00:00.000Z",
                    f"2026-01-01T00:00:{number % 60:02d}.000Z", content, {"sourceFile": "t.csv", "row": number + 2})
        items.append({**lead_item(lead), "pk": f"LEAD#{owner}#{identity}", "sk": "LEAD"})
    for start in range(0, len(items), 25):
        leads.client.batch_write_item(RequestItems={leads.table: [
            {"PutRequest": {"Item": to_item(item)}} for item in items[start:start + 25]]})


def all_pages(api: Api, **query: Any) -> list[dict[str, Any]]:
    """Every lead of a query, page by page."""
    found, cursor = [], ""
    while True:
        answer = api("GET", "/leads", **query, **({"cursor": cursor} if cursor else {})).json
        found += answer["leads"]
        cursor = answer["pagination"]["cursor"]
        assert answer["pagination"]["hasMore"] is bool(cursor)
        if not cursor:
            return found
