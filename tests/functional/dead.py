"""Dead letters made as they are made in life: batches that fail until their queue lets them die."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from chalicelib.errors import Transient
from chalicelib.jobs.model import Job
from tests.functional.engine import Context, Engine, book, people
from tests.functional.rest import Api, token

OPERATOR = token("olga", org="the-operators", roles=("user", "operator"))

ADA = "ada.byron@example.com"
PLANTED = ("augusta", "byron", "@example", "0412345678", "61412345678", "analytical")
"""What no operator may read, in lower case; none could stand in a hexadecimal id by chance."""
NAMES = ["First Name", "Last Name", "Email", "Phone", "Company"]


def operator(api: Api) -> Api:
    return api.as_(OPERATOR)


def personal(rows: int) -> list[list[str]]:
    """A header and rows of one person whom we would recognise."""
    return [NAMES, *(["Augusta", f"Byron{row}", f"{row}.{ADA}", "+61412345678", "Analytical"] for row in range(rows))]


def started(engine: Engine, rows: Iterable[Sequence[Any]] | None = None, key: str = "uploads/leads/people.xlsx") -> Job:
    """A job whose batches are on their queue."""
    job = engine.drop(book(A=rows or people(9)), key)
    engine.split()
    return engine.job(job.job_id)


def die(engine: Engine, *numbers: int) -> None:
    """Work on everything that waits; these batches (none named: all) fail until they are dead letters."""
    def broken(batch: Any, work: Any) -> Any:
        if not numbers or batch.number in numbers:
            raise Transient("the provider is down")
        return engine.leads.process(batch, work)

    engine.work(replace(engine.leads, process=broken))
    bury(engine, "leads")


def bury(engine: Engine, queue: str) -> None:
    """SQS moves what has died when somebody looks for it."""
    assert engine.receive(queue) is None


def tasks(engine: Engine, most: int = 50, context: Any = None) -> int:
    return engine.serve("tasks", lambda records: engine.services.task_worker(context or Context()).work(records), most)


def letters(api: Api, queue: str = "leads", limit: int = 100) -> list[dict[str, Any]]:
    told = operator(api)("GET", f"/queues/{queue}/dlq", limit=limit)
    assert told.status == 200, told.text
    found: list[dict[str, Any]] = told.json["letters"]
    return found


def redrive(api: Api, body: Any, queue: str = "leads", status: int = 200, **headers: str) -> dict[str, Any]:
    answer = operator(api)("POST", f"/queues/{queue}/redrive", body, headers=headers)
    assert answer.status == status, answer.text
    told: dict[str, Any] = answer.json
    return told


def everything(api: Api, queue: str = "leads") -> dict[str, Any]:
    """Ask for all of a queue's dead letters; answers the redrive."""
    told: dict[str, Any] = redrive(api, {"all": True, "confirm": queue}, queue, 202)["redrive"]
    return told


def status(api: Api, redrive: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = operator(api)("GET", redrive["statusUrl"]).json
    return told


def counts(job: Job) -> tuple[str, int, int, int]:
    return job.status.value, job.new, job.pending, job.failed
