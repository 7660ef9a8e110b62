"""What a page of the leads table costs with 10,000 leads: items read, and time beyond the database's own.

The pages are asked for as `GET /leads` does. While a page is made, every request to the emulator is timed; what remains
of the page's wall time when no request is under way is ours: reading answers, matching, merging, building the page.
"""

from __future__ import annotations

import random
import statistics
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.measure import in_fresh_process
from benchmarks.place import Place, place
from benchmarks.report import Table
from chalicelib.adapters.dynamodb import to_item
from chalicelib.adapters.leads import Lead, lead_item, new_lead_id
from chalicelib.api import leads as lead_pages
from chalicelib.api.auth import Caller
from chalicelib.api.inputs import LeadQuery

LEADS = 10_000
ROUNDS = 9
OWNER = "o"
PAGES: Mapping[str, Mapping[str, Any]] = {
    "first page": {},
    "a filter that many match": {"filters": {"company": "company 7"}},
    "a filter that one lead matches": {"filters": {"email": "p777@"}},
    "a filter that no lead matches": {"filters": {"remarks": "zebra"}},
    "three filters, by e-mail": {"sort_by": "email", "filters": {"company": "7", "title": "director", "row": "4"}},
    "page number 1, with the total": {"page": 1},
    "page number 100, with the total": {"page": 100},
}


def run(*, quick: bool) -> Table:
    answer = in_fresh_process("benchmarks.lead_pages:measured", leads=1_000 if quick else LEADS).answer
    rows = tuple((name, *figures) for name, figures in answer.items() if not quick or "100" not in name)
    return Table(
        f"A page of 50 leads among {1_000 if quick else LEADS:,}",
        ("page", "shown", "requests", "items read", "wall ms", "of it without a request ms"), rows,
        (f"Medians of {ROUNDS}. A page that looks for something reads at most "
         f"{lead_pages.BOUNDS.reads:,} leads and says how to go on; the console pages by cursor and asks for a total "
         "only when somebody wants it.",))


def measured(leads: int) -> dict[str, list[str]]:
    with place() as stage:
        _fill(stage, leads)
        ears = _Ears()
        ears.listen(stage.services.leads.client.meta.events)
        return {name: _median(stage, ears, LeadQuery(**query)) for name, query in PAGES.items()}


@dataclass(slots=True)
class _Ears:
    """When requests were under way, in any thread, and what they read."""

    spans: list[tuple[float, float]] = field(default_factory=list)
    items: int = 0
    began: threading.local = field(default_factory=threading.local)

    def listen(self, events: Any) -> None:
        events.register("before-send.dynamodb", self._sent)
        events.register("before-parse.dynamodb", self._answered)
        events.register("after-call.dynamodb", self._read)

    def forget(self) -> None:
        self.spans.clear()
        self.items = 0

    def waited(self) -> float:
        """Seconds in which at least one request was under way."""
        total, end = 0.0, 0.0
        for first, last in sorted(self.spans):
            total += max(0.0, last - max(first, end))
            end = max(end, last)
        return total

    def _sent(self, **_: Any) -> None:
        self.began.at = time.perf_counter()

    def _answered(self, **_: Any) -> None:
        self.spans.append((self.began.at, time.perf_counter()))

    def _read(self, parsed: dict[str, Any], **_: Any) -> None:
        self.items += parsed.get("ScannedCount", 0) + sum(map(len, parsed.get("Responses", {}).values()))


def _median(stage: Place, ears: _Ears, query: LeadQuery) -> list[str]:
    walls, ours, shown = [], [], 0
    for _ in range(ROUNDS):
        ears.forget()
        began = time.perf_counter()
        page = stage.services.call(lead_pages.page, caller=Caller("u", OWNER, frozenset({"user"})), query=query)
        walls.append(time.perf_counter() - began)
        ours.append(walls[-1] - ears.waited())
        shown = len(page.leads)
    return [str(shown), str(len(ears.spans)), f"{ears.items:,}", f"{statistics.median(walls) * 1000:.0f}",
            f"{statistics.median(ours) * 1000:.0f}"]


def _fill(stage: Place, count: int) -> None:
    rng = random.Random(1)
    leads = stage.services.leads
    items = [{**lead_item(lead), "pk": f"LEAD#{OWNER}#{lead.identity}", "sk": "LEAD"}
             for lead in (_lead(number, rng) for number in range(count))]
    for start in range(0, count, 25):
        leads.client.batch_write_item(RequestItems={leads.table: [
            {"PutRequest": {"Item": to_item(item)}} for item in items[start:start + 25]]})


def _lead(number: int, rng: random.Random) -> Lead:
    identity = f"e:p{number}@x{number % 97}.com"
    content = {"firstName": f"First{number}", "lastName": f"Last{rng.randrange(5000)}", "email": identity[2:],
               "phone": f"+1415555{number:04d}", "company": f"Company {number % 300}", "title": "Director of things",
               "remarks": "met at the fair, wants a quote"}
    place = {"sourceFile": "people.xlsx", "row": number + 2, "jobId": "j" * 32, "worksheet": "Booth", "batch": 1,
             "provider": "local"}
    return Lead(OWNER, identity, new_lead_id(OWNER, identity, ""), "v", "2026-01-01T00:00:00.000Z",
                f"2026-01-{1 + number % 28:02d}T00:00:{number % 60:02d}.000Z", content, place)
