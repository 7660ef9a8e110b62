"""The Convex client against a fake that speaks the protocol over real sockets; time passes by sleeping only."""

from __future__ import annotations

import json
import logging
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from time import monotonic
from typing import Any

import pytest
import requests

from chalicelib.adapters.convex import LEASE_MARGIN, PROGRESS, PROVIDER, ConvexBatchProcessor, PushReport
from chalicelib.adapters.convex_batch import LATE_SECONDS, Batch, Pace, Surroundings
from chalicelib.adapters.convex_calls import Busy, ConvexCalls, args_of, pooled_session
from chalicelib.adapters.limiter import Limiter
from chalicelib.costs import Meter
from chalicelib.errors import ContentRefused, Transient, Unavailable, Waiting
from chalicelib.jobs.limits import Permit, Policy
from chalicelib.jobs.model import Outcome
from chalicelib.local.fakes.convex import RESULTS, FakeConvex
from chalicelib.settings import Settings
from tests.unit.adapters.limited import MemoryStates

KEY = "prod:fat-cat-1|c2VjcmV0"


class Time:
    """Seconds that pass by sleeping only; both kinds of clock."""

    def __init__(self) -> None:
        self.passed = 1000.0

    def sleep(self, seconds: float) -> None:
        self.passed += seconds

    def monotonic(self) -> float:
        return self.passed

    def clock(self) -> datetime:
        return datetime(2026, 11, 22, tzinfo=UTC) + timedelta(seconds=self.passed)


class Stamping(requests.Session):
    """Notes when each request was sent, by the test's time; each takes `takes` seconds of it."""

    def __init__(self, time: Time) -> None:
        super().__init__()
        self.time = time
        self.takes = 0.0
        self.starts: list[float] = []

    def request(self, *args: Any, **options: Any) -> requests.Response:
        self.starts.append(self.time.passed)
        self.time.sleep(self.takes)
        return super().request(*args, **options)


class Inline(Executor):
    """A pool that does everything at once: one call after the other, in the order of the test's time."""

    def __init__(self, _: int) -> None:
        super().__init__()

    def submit(self, work: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(work(*args, **options))
        except BaseException as error:
            future.set_exception(error)
        return future


class Deployment:
    """A fake deployment, a shared limiter, and as many workers as one asks for."""

    def __init__(self, fake: FakeConvex) -> None:
        self.fake = fake
        self.time = Time()
        self.states = MemoryStates()
        self.session = Stamping(self.time)

    def worker(self, limiter: Limiter | None = None, jitter: random.Random | None = None,
               **settings: Any) -> ConvexBatchProcessor:
        values = {"CONVEX_URL": self.fake.url, "CONVEX_DEPLOY_KEY": KEY, **settings}
        limiter = limiter or Limiter(self.states, clock=self.time.clock, sleep=self.time.sleep)
        return ConvexBatchProcessor(
            Settings(**values).convex, limiter, self.session, monotonic=self.time.monotonic, sleep=self.time.sleep,
            random=jitter or random.Random(1), pool=Inline)

    @property
    def acts(self) -> list[str]:
        return [one.act for one in self.fake.seen]

    @property
    def starts(self) -> list[float]:
        return self.session.starts

    def applied(self) -> dict[str, int]:
        return {name: document.applied for name, document in self.fake.documents.items()}


Open = Callable[..., Deployment]


@pytest.fixture
def convex() -> Iterator[Open]:
    fakes: list[FakeConvex] = []

    def opened(*script: str, **options: Any) -> Deployment:
        fakes.append(FakeConvex(script=script, key=KEY, **options).start())
        return Deployment(fakes[-1])

    yield opened
    for fake in fakes:
        fake.stop()


def items(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [{"externalId": f"job-1-{number}", "description": f"Pipe {number}", "rate": Decimal("1.5")}
            for number in range(first, first + count)]


def gaps(moments: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(moments)]


def test_each_item_is_one_mutation_under_its_own_id(convex):
    here = convex()
    report = here.worker().push(items(3), deadline=60)
    assert report.outcomes == {"job-1-0": "", "job-1-1": "", "job-1-2": ""}
    assert here.applied() == {"job-1-0": 1, "job-1-1": 1, "job-1-2": 1}
    assert here.fake.documents["job-1-2"].args == {"externalId": "job-1-2", "description": "Pipe 2", "rate": 1.5}


def test_the_request_is_what_the_http_api_asks_for():
    class Recorder(requests.Session):
        def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override]
            self.asked = (method, url, options["headers"], json.loads(options["data"].read()))
            raise requests.ConnectionError

    recorder, time = Recorder(), Time()
    worker = ConvexBatchProcessor(
        Settings(CONVEX_URL="https://fat-cat-1.convex.cloud/", CONVEX_DEPLOY_KEY=KEY, CONVEX_MUTATION="m:f").convex,
        Limiter(MemoryStates()), recorder, monotonic=time.monotonic, sleep=time.sleep, pool=Inline)
    with pytest.raises(Transient):
        worker.push([{"externalId": "a", "rate": 2}], deadline=60)
    method, url, headers, body = recorder.asked
    assert (method, url) == ("POST", "https://fat-cat-1.convex.cloud/api/mutation")
    assert headers["Authorization"] == f"Convex {KEY}"
    assert body == {"path": "m:f", "args": {"externalId": "a", "rate": 2}, "format": "json"}


def test_a_request_that_is_on_the_wire_says_so_before_it_is_answered(convex):
    here = convex(latency=0.1)
    calls = ConvexCalls(Settings(CONVEX_URL=here.fake.url, CONVEX_DEPLOY_KEY=KEY).convex, pooled_session(1))
    told: list[float] = []
    calls.mutate(RESULTS, {"externalId": "a"}, deadline=5, sent=lambda: told.append(monotonic()))
    assert told[0] <= here.fake.seen[0].ended - 0.05
    assert len(told) == 1


def test_starts_are_a_tenth_of_a_second_apart(convex):
    here = convex()
    here.worker().push(items(12), deadline=60)
    assert min(gaps(here.starts)) == pytest.approx(0.1 + LATE_SECONDS)
    assert max(gaps(here.starts)) == pytest.approx(0.1 + LATE_SECONDS)


def test_the_distance_counts_from_when_a_request_is_on_the_wire():
    """Opening a connection takes time; the next start waits from its end."""
    time, starts = Time(), []

    def mutate(_: Any, seconds: float, sent: Callable[[], None]) -> str:
        starts.append(time.passed)
        time.sleep(0.3)
        sent()
        return ""

    around = Surroundings(mutate, tell=lambda _: None, hold_off=lambda _: None, monotonic=time.monotonic,
                          sleep=time.sleep, pool=Inline)
    Batch({"a": {}, "b": {}}, {}, Pace(9, 0.1, 20, time.passed + 60), around).run()
    assert gaps(starts) == pytest.approx([0.3 + 0.1 + LATE_SECONDS])


def test_more_than_fifty_items_are_batches_two_seconds_apart_from_end_to_start(convex):
    here = convex()
    here.session.takes = 0.5
    here.worker().push(items(120), deadline=600, patience=5)
    long = [number for number, gap in enumerate(gaps(here.starts)) if gap > 2]
    assert long == [49, 99]
    assert all(2.5 <= gaps(here.starts)[number] < 3.3 for number in long), "half a second was the last call's own"


def test_another_workers_batch_keeps_the_same_distance(convex):
    here = convex()
    here.worker().push(items(1), deadline=60)
    with pytest.raises(Waiting) as waiting:
        here.worker().push(items(1, 1), deadline=60, patience=1)
    assert (waiting.value.reason, waiting.value.seconds) == ("tokens", pytest.approx(2, abs=0.01))
    here.worker().push(items(1, 1), deadline=60, patience=3)
    assert gaps(here.starts)[0] >= 2


def test_no_more_calls_are_in_flight_than_allowed_and_one_place_is_left_for_progress(convex):
    here = convex(latency=0.05)
    chosen = Settings(CONVEX_URL=here.fake.url, CONVEX_DEPLOY_KEY=KEY, CONVEX_SPACING_SECONDS=0).convex
    ConvexBatchProcessor(chosen, Limiter(MemoryStates()), pooled_session(10)).push(items(30), deadline=60)
    assert here.fake.max_in_flight == 9
    assert set(here.acts) == {"ok"}


@pytest.mark.parametrize("trouble", [
    "TooManyConcurrentRequests", "TooManyWrites", "OptimisticConcurrencyControlFailure", "ExpiredInQueue",
    "WorkerOverloaded", "500", "409", "lost", "cut"])
def test_what_may_pass_is_tried_again_under_the_same_id(convex, trouble):
    here = convex("ok", trouble, "ok", trouble)
    report = here.worker().push(items(4), deadline=60)
    assert len(report.applied) == 4
    assert len(here.fake.seen) == 6
    assert set(here.applied()) == {f"job-1-{number}" for number in range(4)}


def test_an_answer_that_comes_after_the_timeout_leaves_one_document(convex):
    here = convex("slow:0.3")
    chosen = Settings(CONVEX_URL=here.fake.url, CONVEX_DEPLOY_KEY=KEY, CONVEX_TIMEOUT_SECONDS=0.1).convex
    worker = ConvexBatchProcessor(chosen, Limiter(MemoryStates()), pooled_session(10), random=_Never())
    report = worker.push(items(1), deadline=60)
    assert report.outcomes == {"job-1-0": ""}
    assert here.applied() == {"job-1-0": 2}


class _Never(random.Random):
    """Jitter of nothing."""

    def random(self) -> float:
        return 0.0


class _Full(random.Random):
    """Jitter to the full."""

    def random(self) -> float:
        return 1.0


def test_every_tenth_answer_lost_after_being_applied_loses_and_doubles_nothing(convex):
    here = convex(lose_every=10)
    report = here.worker().push(items(50), deadline=600)
    assert len(report.applied) == len(here.fake.documents) == 50
    assert len(here.fake.seen) > 50


def test_one_refusal_holds_off_the_whole_batch_and_everybody_else(convex):
    here = convex("ok", "TooManyWrites:7")
    before = here.time.clock().timestamp()
    here.worker().push(items(5), deadline=60)
    for name in (PROVIDER, PROGRESS):
        assert here.states.read(name).state.blocked_until - before == pytest.approx(0.11 + 7)
    assert gaps(here.starts)[1] == pytest.approx(7)
    assert gaps(here.starts)[0] == gaps(here.starts)[2] == pytest.approx(0.11)


def test_other_workers_hold_off_as_long_as_the_one_that_was_refused(convex):
    here = convex("TooManyWrites:25")
    with pytest.raises(Waiting):
        here.worker().push(items(1), deadline=20)
    with pytest.raises(Waiting) as items_wait:
        here.worker().push(items(1), deadline=60)
    with pytest.raises(Waiting) as progress_waits:
        here.worker().status("job-1", {"progress": 1}, final=True)
    assert 20 < items_wait.value.seconds <= 25
    assert 20 < progress_waits.value.seconds <= 25
    assert len(here.fake.seen) == 1


def test_pauses_double_from_half_a_second_with_full_jitter(convex):
    here = convex(*["503"] * 4)
    here.worker(jitter=_Full()).push(items(1), deadline=60)
    assert gaps(here.starts) == pytest.approx([0.5, 1, 2, 4])


def test_a_retry_after_of_more_than_half_a_minute_hands_the_message_back(convex):
    here = convex("429:100")
    before = here.time.passed
    with pytest.raises(Waiting) as waiting:
        here.worker().push(items(3), deadline=600)
    assert (waiting.value.seconds, waiting.value.reason) == (100, "tokens")
    assert here.time.passed - before < 1
    assert len(here.fake.seen) == 1


def test_a_deployment_that_stays_too_busy_is_waited_for_after_five_tries(convex):
    here = convex(chances={"429": 1.0})
    with pytest.raises(Waiting) as waiting:
        here.worker().push(items(1), deadline=600)
    assert waiting.value.reason == "tokens"
    assert len(here.fake.seen) == 5


def test_a_deployment_that_never_answers_is_transient_after_five_tries(convex):
    here = convex(chances={"lost": 1.0})
    report = PushReport()
    with pytest.raises(Transient):
        here.worker().push(items(1), deadline=600, report=report)
    assert len(here.fake.seen) == 5
    assert report.outcomes == {}, "nobody knows"


def test_refused_calls_of_one_moment_count_as_one_and_halve_what_is_in_flight():
    """Eight are refused together; from then on four at a time."""
    together = threading.Barrier(8)
    lock, told = threading.Lock(), []
    flying, most, calls = 0, 0, 0

    def mutate(_: Any, seconds: float, sent: Callable[[], None]) -> str:
        nonlocal flying, most, calls
        sent()
        with lock:
            calls += 1
            first = calls <= 8
        if first:
            together.wait(5)
            raise Busy("busy", None)
        with lock:
            flying += 1
            most = max(most, flying)
        threading.Event().wait(0.01)
        with lock:
            flying -= 1
        return ""

    outcomes: dict[str, str] = {}
    around = Surroundings(mutate, tell=lambda _: None, hold_off=told.append, random=_Never())
    Batch({f"i{number}": {} for number in range(20)}, outcomes, Pace(8, 0, 5, monotonic() + 60), around).run()
    assert len(outcomes) == 20
    assert told == [0.0]
    assert most == 4


@pytest.mark.parametrize(("act", "reason"), [
    ("error", "[Request ID: fake] Server Error"), ("560", "[Request ID: fake] Server Error"),
    ("error_data", "no such job"), ("400", "BadJsonBody: the fake answers BadJsonBody")])
def test_an_item_that_convex_refuses_is_reported_and_the_others_go_on(convex, act, reason):
    here = convex("ok", act)
    report = here.worker().push(items(4), deadline=60)
    assert report.failed == {"job-1-1": reason}
    assert report.applied == ["job-1-0", "job-1-2", "job-1-3"]
    assert len(here.fake.seen) == 4


def test_an_item_that_convex_cannot_take_is_never_sent(convex):
    here = convex()
    report = here.worker().push([*items(1), {"externalId": "x", "blob": b"1"}], deadline=60)
    assert report.failed == {"x": "the item holds a bytes, which Convex has no value for"}
    assert len(here.fake.seen) == 1


def test_of_two_items_with_one_id_the_later_counts(convex):
    here = convex()
    here.worker().push([{"externalId": "a", "rate": 1}, {"externalId": "a", "rate": 2}], deadline=60)
    assert here.applied() == {"a": 1}
    assert here.fake.documents["a"].args["rate"] == 2


@pytest.mark.parametrize(("act", "reason"), [
    ("401", "key"), ("403", "access"), ("404", "address"), ("path", "function"), ("key", "key")])
def test_what_only_a_person_can_mend_opens_the_circuit_for_all(convex, act, reason):
    here = convex(act)
    with pytest.raises(Unavailable, match=reason):
        here.worker().push(items(3), deadline=60)
    with pytest.raises(Waiting) as waiting:
        here.worker().push(items(3), deadline=60)
    assert waiting.value.reason == "circuit"
    assert len(here.fake.seen) == 1


@pytest.mark.parametrize(("settings", "reason"), [
    ({"CONVEX_MUTATION": "priceMatching:nothing"}, "function"), ({"CONVEX_MUTATION": "no-such:path:x"}, "function"),
    ({"CONVEX_DEPLOY_KEY": "prod:fat-cat-1|other"}, "key")])
def test_a_wrong_setting_is_found_by_the_deployment_itself(convex, settings, reason):
    with pytest.raises(Unavailable, match=reason):
        convex().worker(**settings).push(items(3), deadline=60)


def test_the_circuit_closes_by_itself_once_the_key_is_good_again(convex):
    here = convex("401", "401")
    for _ in range(2):
        with pytest.raises(Unavailable):
            here.worker().push(items(2), deadline=60)
        here.time.sleep(62)
    here.worker().push(items(2), deadline=60)
    assert here.states.read(PROVIDER).state.circuit_reason == ""


def test_without_time_for_one_call_nothing_is_started_and_no_permit_taken(convex):
    here = convex()
    with pytest.raises(Waiting) as waiting:
        here.worker().push(items(3), deadline=1.5)
    assert (waiting.value.seconds, waiting.value.reason) == (0, "deadline")
    assert here.fake.seen == []
    assert here.states.stored == {}


def test_when_the_time_is_up_the_report_says_what_was_sent_and_goes_on_from_there(convex):
    here = convex()
    report = PushReport()
    with pytest.raises(Waiting) as waiting:
        here.worker().push(items(30), deadline=4, report=report)
    assert waiting.value.reason == "deadline"
    sent = len(here.fake.seen)
    assert 15 <= sent < 30
    assert report.applied == [f"job-1-{number}" for number in range(sent)]
    here.worker().push(items(30), deadline=60, patience=3, report=report)
    assert here.applied() == {f"job-1-{number}": 1 for number in range(30)}


def test_pushing_everything_again_is_harmless(convex):
    here = convex()
    for _ in range(2):
        here.worker().push(items(5), deadline=60, patience=3)
    assert len(here.fake.documents) == 5


def test_a_permit_is_kept_no_longer_than_the_deadline_and_no_longer_than_a_batch_takes(convex):
    here = convex()
    leases: list[float] = []

    class Watching(Limiter):
        def acquire(self, provider: str, policy: Policy, **options: Any) -> Permit:
            leases.append(policy.lease_seconds)
            return super().acquire(provider, policy, **options)

    for deadline in (7, 800):
        limiter = Watching(MemoryStates(), clock=here.time.clock, sleep=here.time.sleep)
        here.worker(limiter).push(items(20), deadline=deadline)
    assert leases == pytest.approx([7 + LEASE_MARGIN, 20 * 0.11 + 2 * 20 + 30 + LEASE_MARGIN])


def test_all_permits_are_given_back_whatever_happened(convex):
    here = convex("500", "429", "cut", "lost", "error", "404")
    with pytest.raises(Unavailable):
        here.worker().push(items(9), deadline=60)
    assert here.states.live(PROVIDER, here.time.clock().timestamp()) == 0


def test_every_call_is_on_the_meter_also_when_the_push_fails(convex):
    here = convex("ok", "429", "lost", "401")
    meter = Meter()
    with pytest.raises(Unavailable):
        here.worker().push(items(2), deadline=60, meter=meter)
    assert meter.counts == {"calls": 4, "failed_calls": 3}


def test_neither_key_nor_content_reach_the_log(convex, caplog):
    caplog.set_level(logging.DEBUG)
    here = convex("429", "lost", "error_data", "401")
    with pytest.raises(Unavailable) as failed:
        here.worker().push(items(3), deadline=60)
    told = caplog.text + repr(failed.value) + str(failed.value.details) + str([vars(one) for one in caplog.records])
    assert "convex is too busy" in told, "nothing was logged at all"
    assert KEY not in told
    assert "Pipe" not in told


# --- progress


def test_progress_is_told_at_most_every_five_seconds_by_all_workers_and_dropped_in_between(convex):
    here = convex()
    told = []
    for number in range(26):
        told.append(here.worker().status(f"job-{number % 2}", {"progress": number}, final=False))
        here.time.sleep(1)
    assert [number for number, sent in enumerate(told) if sent] == [0, 5, 10, 15, 20, 25]
    assert min(gaps(here.starts)) >= 5
    assert here.fake.statuses["job-0"].args == {"jobId": "job-0", "progress": 20}


def test_the_last_progress_waits_for_its_turn_or_comes_again(convex):
    here = convex()
    here.worker().status("job-1", {"progress": 1}, final=False)
    with pytest.raises(Waiting) as waiting:
        here.worker().status("job-1", {"status": "completed"}, final=True, patience=2)
    assert (waiting.value.reason, waiting.value.seconds) == ("tokens", pytest.approx(5, abs=0.01))
    assert here.worker().status("job-1", {"status": "completed"}, final=True, patience=6)
    assert gaps(here.starts)[0] >= 5
    assert here.fake.statuses["job-1"].args["status"] == "completed"


def test_progress_and_items_do_not_wait_for_each_other(convex):
    here = convex()
    here.worker().push(items(1), deadline=60)
    assert here.worker().status("job-1", {}, final=False)


@pytest.mark.parametrize("trouble", ["500", "429", "401", "lost", "error"])
def test_trouble_with_progress_on_the_way_is_nobodys_failure(convex, trouble):
    here = convex(trouble)
    assert here.worker().status("job-1", {}, final=False) is False
    assert len(here.fake.seen) == 1


def test_the_last_progress_is_told_again_after_a_lost_answer_in_its_own_turn(convex):
    here = convex("lost", "500")
    assert here.worker().status("job-1", {}, final=True, patience=6)
    assert min(gaps(here.starts)) >= 5
    assert here.acts == ["lost", "500", "ok"]


@pytest.mark.parametrize(("trouble", "error"), [("401", Unavailable), ("429", Waiting), ("500", Waiting)])
def test_the_last_progress_that_cannot_be_told_raises(convex, trouble, error):
    here = convex(chances={trouble: 1.0})
    with pytest.raises(error):
        here.worker().status("job-1", {}, final=True)


def test_a_last_progress_that_the_function_refuses_is_no_reason_to_come_again(convex):
    here = convex("error")
    assert here.worker().status("job-1", {}, final=True) is False
    assert here.worker().status("job-1", {"blob": b"1"}, final=True, patience=6) is False


def test_a_refusal_of_progress_holds_off_the_items_too(convex):
    here = convex("429:20")
    assert here.worker().status("job-1", {}, final=False) is False
    with pytest.raises(Waiting) as waiting:
        here.worker().push(items(1), deadline=60)
    assert waiting.value.seconds == pytest.approx(20, abs=0.01)


# --- what an item becomes


@pytest.mark.parametrize(("value", "sent"), [
    (Decimal("1.25"), 1.25), (Decimal(3), 3.0), (7, 7), (True, True), (2 ** 53 + 1, float(2 ** 53)), ("é", "é"),
    ("half \ud800", "half ?"), (Outcome.NEW, "new"), (date(2026, 11, 22), "2026-11-22"),
    (datetime(2026, 11, 22, 8, tzinfo=UTC), "2026-11-22T08:00:00+00:00"), ([1, None, (2,)], [1, None, [2]]),
    ({"a": None, "b": {"c": Decimal("0.1")}}, {"b": {"c": 0.1}}), ([float("nan")], [None])])
def test_values_become_what_convex_stores(value, sent):
    args = args_of({"v": value})
    assert args == {"v": sent}
    assert type(args["v"]) is type(sent)
    json.dumps(args, allow_nan=False).encode()


@pytest.mark.parametrize("nothing", [None, float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity")])
def test_what_is_not_there_is_left_out(nothing):
    assert args_of({"externalId": "a", "rate": nothing}) == {"externalId": "a"}


@pytest.mark.parametrize(("name", "legal"), [
    ("Unit Price", "Unit Price"), ("_id", "%5Fid"), ("$x", "%24x"), ("a_b$", "a_b$"), ("Größe", "Gr%C3%B6%C3%9Fe"),
    ("Disc. %", "Disc. %25"), ("a\nb", "a%0Ab"), ("", "%20"), ("单价", "%E5%8D%95%E4%BB%B7")])
def test_names_that_convex_does_not_take_are_encoded(name, legal):
    assert args_of({"row": {name: 1}}) == {"row": {legal: 1}}


def deep(levels: int) -> Any:
    return {"a": deep(levels - 1)} if levels else 1


@pytest.mark.parametrize("item", [
    {"v": {f"f{number}": 1 for number in range(1025)}}, {"v": [1] * 8193}, deep(18), {"v": "x" * 1024 * 1024},
    {"v": b"bytes"}, {"v": {1, 2}}, {"v": 10 ** 400}, {"x" * 1025: 1}])
def test_what_is_beyond_the_limits_of_convex_is_refused(item):
    with pytest.raises(ContentRefused):
        args_of(item)


def test_what_is_just_within_the_limits_is_taken():
    args_of({"v": {f"f{number}": 1 for number in range(1024)}, "w": [1] * 8192, "d": deep(15), "x" * 1024: 1})


def test_the_fake_takes_any_name_that_was_made_legal(convex):
    here = convex()
    row = {"_id": 1, "Größe": "XL", "$": None, "": 2}
    report = here.worker().push([{"externalId": "a", "originalRowData": row}], deadline=60)
    assert report.outcomes == {"a": ""}
    assert here.fake.of(RESULTS)[0].document == "a"
