"""Suspects of a job, over the wire: both rows, reasons, and nothing of anybody else."""

from __future__ import annotations

from typing import Any

from chalicelib.api.suspects import suspects_of
from tests.functional.engine import Engine, book
from tests.functional.rest import Api, token

HEADER = ["First Name", "Last Name", "Email", "Phone", "Company"]
FAIR = book(Fair=[HEADER, ["Jane", "Doering", "jane@acme.com", "212 555 0123", "Acme Inc"],
                  ["Bob", "Roy", "bob@zeta.org", "212 555 0199", "Zeta"]])
WEB = book(Web=[HEADER, ["Jane", "Dörring", "j.doering@acme.com", "", "ACME"],
                ["Rob", "Roy", "rob@roy.org", "(212) 555-0199", ""], ["Mia", "Ray", "mia@ray.org", "", "Ray Ltd"]])


def seen_through(engine: Engine, body: bytes, name: str, hour: int) -> str:
    job = engine.drop(body, f"uploads/leads/{name}.xlsx", at=f"2026-11-22T0{hour}:00:00.000Z")
    engine.split()
    engine.work()
    return job.job_id


def test_a_job_tells_which_of_its_leads_may_be_known_already(aws: Any, api: Api) -> None:
    engine = Engine(aws)
    first, second = seen_through(engine, FAIR, "fair", 1), seen_through(engine, WEB, "web", 2)
    answer = api("GET", f"/status/{second}/suspects").json
    assert (answer["scope"], answer["compared"], answer["truncated"], answer["crowded"]) == ("owner", 5, False, {})
    told = {tuple(pair["reasons"]): {(lead["sourceFile"], lead["worksheet"], lead["row"], lead["jobId"])
                                     for lead in (pair["first"], pair["second"])} for pair in answer["pairs"]}
    assert told == {
        ("the same phone",): {("fair.xlsx", "Fair", 3, first), ("web.xlsx", "Web", 3, second)},
        ("nearly the same name and the same company",): {
            ("fair.xlsx", "Fair", 2, first), ("web.xlsx", "Web", 2, second)}}
    assert len(engine.stored()) == 5  # told, not merged


def test_another_owner_hears_nothing_of_them(aws: Any, api: Api) -> None:
    engine = Engine(aws)
    job_id = seen_through(engine, WEB, "web", 2)
    stranger = api.as_(token("eve", org="elsewhere"))
    assert stranger("GET", f"/status/{job_id}/suspects").code == "UPLOAD_NOT_FOUND"


def test_of_too_many_leads_only_the_jobs_own_are_compared(aws: Any) -> None:
    engine = Engine(aws)
    seen_through(engine, FAIR, "fair", 1)
    second = engine.job(seen_through(engine, WEB, "web", 2))
    answer = suspects_of(second, listing=engine.services.listing, at="now", most=4)
    assert (answer.scope, answer.compared, answer.pairs, answer.truncated) == ("job", 3, (), False)
    assert suspects_of(second, listing=engine.services.listing, at="now", most=2).truncated
