"""A dry run of a file that lies under `uploads/`, too long for a request: the task reads it where it is."""

from __future__ import annotations

import pytest

from tests.functional.engine import Context, Engine
from tests.functional.rest import OWNER, Api

ROWS = 9000


@pytest.fixture
def api_in_a_hurry(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Api:
    monkeypatch.setenv("DRY_RUN_SECONDS", "0")
    api: Api = request.getfixturevalue("api")
    return api


def test_a_dropped_file_too_long_for_a_request_is_looked_at_by_a_task(api_in_a_hurry: Api, aws):
    api, engine = api_in_a_hurry, Engine(aws)
    key = f"uploads/leads/{OWNER}/people.csv"
    lines = ["Full Name,E-Mail", *(f"Ada Byron{row},p{row}@example.com" for row in range(ROWS))]
    engine.put("\n".join(lines).encode(), key)
    asked = api("POST", "/dry-run", {"fileKey": key})
    assert asked.status == 202
    engine.serve("tasks", lambda records: engine.services.task_worker(Context()).work(records), 10)
    told = api("GET", f"/dry-run/{asked.json['dryRunId']}").json
    assert (told["complete"], told["rows"]) == (True, ROWS)
