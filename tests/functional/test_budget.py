"""Caps on what AI may cost: reserved before a call, corrected after it; a job out of budget waits for a person."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from chalicelib.adapters.budget import Budget
from chalicelib.costs import NANO
from chalicelib.errors import Waiting
from chalicelib.jobs import control, transitions
from chalicelib.jobs.budget import EXHAUSTED, Caps, Unlimited, caps_of
from chalicelib.jobs.model import Job, Status
from chalicelib.local.fakes.deepseek import FakeDeepSeek
from chalicelib.settings import Settings
from tests.conftest import Aws
from tests.functional.engine import Engine

JOB = Job(job_id="j", owner="o", pipeline="leads", status=Status.PROCESSING, file_name="f", file_key="k",
          created_at="", updated_at="")
CALLS_OF_JOB = {"pk": "BUDGET#j", "sk": "JOB"}
HOLD = {"pk": "BUDGET#j", "sk": "HOLD#00000001"}


@pytest.fixture
def fake() -> Iterator[FakeDeepSeek]:
    with FakeDeepSeek(tick=0.01) as running:
        yield running


def with_ai(aws: Aws, fake: FakeDeepSeek, **more: str) -> Engine:
    return Engine(aws, {"DEEPSEEK_URL": fake.url, "DEEPSEEK_API_KEY": "k", "BATCH_SIZE": "5", **more})


def people(count: int, name: str = "people") -> bytes:
    lines = ["Name,Email,Company"] + [f"Person Nr{row},{name}{row}@example.com,Acme" for row in range(count)]
    return "\n".join(lines).encode()


def dropped(engine: Engine, rows: int, name: str = "people") -> Job:
    job = engine.drop(people(rows, name), f"uploads/leads/{name}.csv")
    engine.split()
    engine.work()
    return engine.job(job.job_id)


def resumed(engine: Engine, job: Job, **options: Any) -> Job:
    engine.services.call(control.resume, job_id=job.job_id, by="ada", options=options)
    engine.split()
    engine.work()
    return engine.job(job.job_id)


# --- a job and its budget


def test_a_job_stops_at_its_cap_and_goes_on_when_it_is_raised(aws: Aws, fake: FakeDeepSeek) -> None:
    engine = with_ai(aws, fake, MAX_AI_CALLS="2")
    job = dropped(engine, 25)
    assert (job.status, job.paused, job.new, job.pending) == (Status.PROCESSING, EXHAUSTED, 10, 15)
    assert (len(fake.seen), engine.depth("leads"), engine.depth("leads-dlq")) == (2, 0, 0)
    assert transitions.balanced(job)
    assert engine.kinds(job).count("paused") == 1
    job = resumed(engine, job)
    assert (job.paused, job.new, len(fake.seen)) == (EXHAUSTED, 10, 2)
    job = resumed(engine, job, maxAiCalls=4)
    assert (job.paused, job.new, len(fake.seen)) == (EXHAUSTED, 20, 4)
    job = resumed(engine, job, maxAiCalls=100)
    assert (job.status, job.paused, job.new, len(fake.seen)) == (Status.COMPLETED, "", 25, 5)
    assert {lead["provider"] for lead in engine.stored()} == {"deepseek"}, "nothing was done by the rules instead"


def test_a_sweep_leaves_a_job_alone_that_waits_for_its_budget(aws: Aws, fake: FakeDeepSeek) -> None:
    engine = with_ai(aws, fake, MAX_AI_CALLS="1")
    job = dropped(engine, 15)
    for _ in range(4):
        engine.time.pass_(400)
        engine.sweep()
    assert (engine.job(job.job_id).paused, engine.depth("leads"), engine.depth("split")) == (EXHAUSTED, 0, 0)


def test_money_is_a_cap_too_and_what_was_not_used_comes_back(aws: Aws, fake: FakeDeepSeek) -> None:
    engine = with_ai(aws, fake, MAX_USD="0.002")
    job = dropped(engine, 60)
    spent = job.used_provider_nano_usd
    assert (job.paused, 0 < job.new < 60, 0 < spent <= 0.002 * NANO) == (EXHAUSTED, True, True)
    assert engine.services.budget.spent({"pk": f"BUDGET#{job.job_id}", "sk": "JOB"}) == (job.used_calls, spent)


def test_the_cap_of_a_day_holds_for_all_jobs_of_an_owner_and_ends_with_the_day(aws: Aws, fake: FakeDeepSeek) -> None:
    engine = with_ai(aws, fake, DAILY_AI_CALLS="3")
    first, second = dropped(engine, 10), dropped(engine, 15, "others")
    assert (first.status, second.paused, second.new, len(fake.seen)) == (Status.COMPLETED, EXHAUSTED, 5, 3)
    engine.time.pass_(24 * 3600)
    second = resumed(engine, second)
    assert (second.status, len(fake.seen)) == (Status.COMPLETED, 2 + 3)


def test_a_batch_that_settles_while_the_budget_runs_out_does_not_wake_the_job(aws: Aws, fake: FakeDeepSeek) -> None:
    engine = with_ai(aws, fake, MAX_AI_CALLS="1")
    job = engine.drop(people(15), "uploads/leads/people.csv")
    engine.split()
    first, second, third = (engine.receive("leads") for _ in range(3))
    seen = engine.job(job.job_id)

    def meanwhile(batch: Any, work: Any) -> Any:
        done = engine.leads.process(batch, work)
        engine.worker().work([second])
        assert engine.job(job.job_id).paused == EXHAUSTED
        return done

    engine.worker(replace(engine.leads, process=meanwhile)).work([first])
    engine.worker().work([third])
    now = engine.job(job.job_id)
    assert (seen.paused, now.paused, now.new, now.pending) == ("", EXHAUSTED, 5, 10)


def test_rules_need_no_budget(aws: Aws) -> None:
    job = dropped(Engine(aws, {"MAX_AI_CALLS": "1", "DAILY_USD": "0.000001"}), 20)
    assert (job.status, job.new) == (Status.COMPLETED, 20)


def test_uploads_may_bring_their_own_caps() -> None:
    stage = Settings(max_ai_calls=10, max_usd=1.5, daily_ai_calls=7)
    assert caps_of({}, stage) == Caps(10, 1_500_000_000, 7, 0)
    assert caps_of({"maxAiCalls": 3, "maxUsd": 0.25}, stage) == Caps(3, 250_000_000, 7, 0)


# --- reservations


@pytest.fixture
def budget(aws: Aws) -> Budget:
    return Engine(aws).services.budget


def test_of_many_workers_at_the_last_units_exactly_as_many_get_one(budget: Budget) -> None:
    got, refused = [], []

    def work(batch: int) -> None:
        try:
            budget.purse(JOB, batch, Caps(job_calls=3, day_calls=5)).reserve(10)
            got.append(batch)
        except Waiting as waiting:
            refused.append(waiting.reason)

    threads = [threading.Thread(target=work, args=(batch,)) for batch in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), refused, budget.spent(CALLS_OF_JOB)) == (3, [EXHAUSTED] * 5, (3, 30))


def test_a_reservation_is_corrected_to_what_the_call_cost(budget: Budget) -> None:
    purse = budget.purse(JOB, 1, Caps(job_nanos=100))
    purse.reserve(90)
    with pytest.raises(Waiting):
        budget.purse(JOB, 2, Caps(job_nanos=100)).reserve(20)
    purse.correct(1, 30)
    assert (budget.spent(CALLS_OF_JOB), budget.read(HOLD)) == ((1, 30), {})
    purse.reserve(70)
    purse.correct(0, 0)
    assert budget.spent(CALLS_OF_JOB) == (1, 30)


def test_a_worker_that_died_in_its_call_does_not_hold_the_budget_for_good(budget: Budget) -> None:
    caps = Caps(job_calls=1, job_nanos=100, day_calls=1)
    budget.purse(JOB, 1, caps).reserve(80)
    redelivered = budget.purse(JOB, 1, caps)
    redelivered.reserve(80)
    redelivered.correct(1, 50)
    assert budget.spent(CALLS_OF_JOB) == (1, 50)


def test_of_twins_in_the_same_call_both_are_counted(budget: Budget) -> None:
    caps = Caps(job_calls=5, job_nanos=1000)
    slow, quick = budget.purse(JOB, 1, caps), budget.purse(JOB, 1, caps)
    slow.reserve(80)
    quick.reserve(80)
    slow.correct(1, 40)
    quick.correct(1, 50)
    assert (budget.spent(CALLS_OF_JOB), budget.read(HOLD)) == ((2, 90), {})


@pytest.mark.parametrize("lost", ["reserve", "correct"])
def test_a_lost_answer_reserves_and_corrects_once(aws: Aws, lost: str) -> None:
    real = Engine(aws).services

    class Forgetful:
        forget = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(real.budget._client, name)

        def transact_write_items(self, **request: Any) -> None:
            real.budget._client.transact_write_items(**request)
            if self.forget:
                self.forget -= 1
                raise ReadTimeoutError(endpoint_url="x")

    client = Forgetful()
    budget = Budget(client, real.settings.ledger_table, clock=real.clock, sleep=lambda _: None)
    purse = budget.purse(JOB, 1, Caps(job_calls=2, job_nanos=100))
    client.forget = lost == "reserve"
    purse.reserve(60)
    client.forget = lost == "correct"
    purse.correct(1, 10)
    assert (budget.spent(CALLS_OF_JOB), budget.read(HOLD)) == ((1, 10), {})


def test_without_caps_nothing_is_written(budget: Budget) -> None:
    purse = budget.purse(JOB, 1, Caps())
    purse.reserve(10)
    purse.correct(1, 10)
    assert isinstance(purse, Unlimited)
    assert budget.read(CALLS_OF_JOB) == {}


# --- a request and its owner's day

DAY = Caps(day_calls=2)
TODAY = {"pk": "BUDGET#o", "sk": "DAY#2026-11-22"}


def test_requests_reserve_out_of_their_owners_day(aws: Aws) -> None:
    budget = Engine(aws).services.budget
    first, second, third = (budget.day_purse("o", name, DAY) for name in ("a", "b", "c"))
    first.reserve(50)
    second.reserve(50)
    with pytest.raises(Waiting) as refusal:
        third.reserve(1)
    assert refusal.value.reason == EXHAUSTED
    first.correct(0, 0)
    third.reserve(10)
    third.correct(1, 7)
    assert budget.spent(TODAY) == (2, 57)
    budget.day_purse("other", "d", DAY).reserve(1)


def test_a_request_that_dies_in_its_call_keeps_its_place_and_blocks_nobody_else(aws: Aws) -> None:
    budget = Engine(aws).services.budget
    budget.day_purse("o", "dead", DAY).reserve(50)
    alive = budget.day_purse("o", "alive", DAY)
    alive.reserve(5)
    alive.correct(1, 5)
    assert budget.spent(TODAY) == (2, 55)


def test_who_has_no_cap_of_a_day_is_not_counted(aws: Aws) -> None:
    budget = Engine(aws).services.budget
    assert isinstance(budget.day_purse("o", "a", Caps(job_calls=1)), Unlimited)
