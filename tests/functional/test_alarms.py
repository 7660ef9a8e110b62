"""Every alarm can fire, and none does while all is well.

Our own metrics are read off the lines that functions write when they really run against the emulator; queues are asked
for their attributes; what Lambda would measure of an invocation is measured around it. Only refusals of AWS itself
(throttles) are made up, since no emulator refuses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chalicelib.deploy.alarms import ALARMS
from chalicelib.deploy.facts import function_facts
from chalicelib.errors import Transient
from chalicelib.local.fakes.deepseek import FakeDeepSeek
from chalicelib.metrics import NAMESPACE
from tests.conftest import Aws
from tests.functional.alarm_arithmetic import alarms, metrics_of, rings
from tests.functional.conftest import _served
from tests.functional.engine import Engine, book, people
from tests.functional.measured import Lines, Point

STAGE = "test"
NAMES = alarms(STAGE)
FUNCTIONS = {facts.name: facts for facts in function_facts(STAGE)}
QUEUES = ("split", "leads", "tasks")
FRESH = "2026-11-22T01:59:00.000Z"


def named(kind: str) -> list[str]:
    """The names of all alarms of a kind."""
    return [name for name in NAMES if name == f"dropmill-{STAGE}-{kind}"
            or name.startswith(f"dropmill-{STAGE}-{kind}-")]


def about(name: str, kind: str) -> str:
    return name.removeprefix(f"dropmill-{STAGE}-{kind}-")


def ringing(periods: Sequence[Sequence[Point]]) -> set[str]:
    """The kinds of alarms that ring, `sweeper-silent` aside where nothing swept."""
    return {name.removeprefix(f"dropmill-{STAGE}-") for name, alarm in NAMES.items() if rings(alarm, periods)}


@dataclass
class Stage:
    """The functions of a stage as they run, watched as CloudWatch would."""

    aws: Aws
    lines: Lines
    chosen: Mapping[str, str]

    def engine(self, function: str) -> Engine:
        """The engine inside that function. Engines of one stage share the account, and each has a clock of its own."""
        name = self.function_name(function)
        return Engine(self.aws, {"METRICS": "emf", "AWS_LAMBDA_FUNCTION_NAME": name, "BATCH_SIZE": "10",
                                 **self.chosen})

    @staticmethod
    def function_name(function: str) -> str:
        return f"dropmill-{STAGE}" if function == "api_handler" else f"dropmill-{STAGE}-{function}"

    def invoke(self, function: str, engine: Engine, call: Callable[[], Any]) -> list[Point]:
        """What AWS measures of one invocation, and what the function wrote."""
        began, failed = engine.time.now, 0
        try:
            call()
        except Exception:
            failed = 1
        took = (engine.time.now - began).total_seconds() * 1000
        return [*self.lines.read(), *(of_lambda(function, name, value) for name, value in (
            ("Invocations", 1), ("Errors", failed), ("Duration", took), ("Throttles", 0)))]

    def queues(self, engine: Engine) -> list[Point]:
        """What the queues hold now."""
        found = []
        for queue in (*QUEUES, *(f"{queue}-dlq" for queue in QUEUES)):
            depth = engine.services.queues.depth(engine.name(queue))
            found.append(of_sqs("ApproximateNumberOfMessagesVisible", engine.name(queue), depth.visible))
        return found


def of_lambda(function: str, name: str, value: float) -> Point:
    return Point("AWS/Lambda", name, {"FunctionName": Stage.function_name(function)}, value, 0)


def of_sqs(name: str, queue: str, value: float) -> Point:
    return Point("AWS/SQS", name, {"QueueName": queue}, value, 0)


@pytest.fixture
def stage(aws: Aws, capsys: pytest.CaptureFixture[str]) -> Stage:
    return Stage(aws, Lines(capsys), {})


@pytest.fixture
def fake() -> Iterator[FakeDeepSeek]:
    with FakeDeepSeek(tick=0.01) as running:
        yield running


def one_healthy_period(stage: Stage, number: int) -> list[Point]:
    """A file comes, is split, done and swept past; a request is answered."""
    worker, sweeper = stage.engine("leads_worker"), stage.engine("sweep")
    worker.drop(book(Sheet=people(20)), f"uploads/leads/p{number}.xlsx", FRESH)
    points = stage.invoke("split", worker, worker.split)
    points += stage.invoke("leads_worker", worker, worker.work)
    points += stage.invoke("sweep", sweeper, sweeper.sweep)
    return [*points, *stage.queues(worker)]


def test_no_alarm_rings_while_all_is_well(stage, fake):
    stage = replace(stage, chosen={"DEEPSEEK_URL": fake.url, "DEEPSEEK_API_KEY": "k",
                                   "LEADS_STANDARDIZER": "deepseek"})
    assert ringing([one_healthy_period(stage, number) for number in range(3)]) == set()


def test_every_kind_of_alarm_is_made_and_tried_here():
    tried = {"dead-letters", "errors", "provider-failures", "api-errors", "depth", "age", "duration", "throttles",
             "table-throttles", "processing", "sweeper-silent"}
    assert {kind.name for kind in ALARMS} == tried
    assert sum(len(set(named(kind)) - set(longer(kind))) for kind in tried) == len(NAMES)


def longer(kind: str) -> list[str]:
    """Names of kinds that begin like this one."""
    return [name for other in ALARMS if other.name.startswith(f"{kind}-") for name in named(other.name)]


# --- queues


def test_a_message_that_dies_rings_for_its_queue(stage):
    engine = stage.engine("leads_worker")
    for queue, work in (("split", engine.split), ("leads", engine.work), ("tasks", lambda: tasks(engine))):
        engine.send(queue, "not what anybody understands")
        work()
        assert f"dead-letters-{queue}" in ringing([stage.queues(engine)])


def tasks(engine: Engine) -> None:
    from tests.functional.engine import Context

    engine.serve("tasks", lambda records: engine.services.task_worker(Context()).work(records), 10)


def test_a_hundred_messages_that_wait_ring_and_fewer_do_not(stage):
    engine = stage.engine("leads_worker")
    for queue in QUEUES:
        engine.services.queues.send_many(engine.name(queue), ["{}"] * 100)
    full = stage.queues(engine)
    assert ringing([full, full]) == {"sweeper-silent"}
    for queue in QUEUES:
        engine.send(queue, "{}")
    fuller = stage.queues(engine)
    assert not {name for name in ringing([full, fuller]) if "depth" in name}, "one period is not enough"
    assert ringing([fuller, fuller]) == {"sweeper-silent", *(f"depth-{queue}" for queue in QUEUES)}


@pytest.mark.parametrize(("seconds", "expected"), [(3000, False), (3700, True)])
def test_a_message_that_waits_for_an_hour_rings(stage, seconds, expected):
    engine = stage.engine("leads_worker")
    for queue in QUEUES:
        engine.send(queue, "{}")
        record = engine.receive(queue)
        assert record is not None
        sent = int(record["attributes"]["SentTimestamp"]) / 1000
        first_seen = int(record["attributes"]["ApproximateFirstReceiveTimestamp"]) / 1000
        point = of_sqs("ApproximateAgeOfOldestMessage", engine.name(queue), first_seen - sent + seconds)
        assert (f"age-{queue}" in ringing([[point]])) is expected


# --- functions


def test_a_worker_whose_messages_fail_rings_though_lambda_sees_no_error(stage):
    """With partial batch responses the invocation succeeds; our own count of failed messages rings."""
    engine = stage.engine("leads_worker")
    broken = replace(engine.leads, process=_fails)
    periods = []
    for number in range(2):
        engine.drop(book(Sheet=people(10)), f"uploads/leads/p{number}.xlsx", FRESH)
        engine.split()
        stage.lines.read()
        periods.append(stage.invoke("leads_worker", engine, lambda: engine.work(broken, most=1)))
    assert sum(point.value for point in periods[0] if point.name == "Errors") == 0
    assert "errors-leads_worker" not in ringing(periods[:1]), "one bad file wakes nobody"
    assert "errors-leads_worker" in ringing(periods)


def test_a_splitter_and_a_task_worker_that_fail_ring_too(stage):
    for function, queue, work in (("split", "split", Engine.split), ("run_task", "tasks", tasks)):
        engine = stage.engine(function)
        engine.services.ledger = Down()  # type: ignore[misc]
        engine.services.records = Down()  # type: ignore[misc]
        periods = []
        for _ in range(2):
            engine.send(queue, {"v": 1, "job_id": "j", "task": "export", "exportId": "e"})
            periods.append(stage.invoke(function, engine, lambda work=work, engine=engine: work(engine)))
        assert f"errors-{function}" in ringing(periods)


class Down:
    """A service that is not there."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return _fails


def _fails(*_: Any, **__: Any) -> Any:
    raise Transient("down")


@pytest.mark.parametrize("function", sorted(set(FUNCTIONS) - {"leads_worker", "split", "run_task"}))
def test_a_function_that_raises_rings(stage, function):
    engine = stage.engine(function)
    failing = [stage.invoke(function, engine, _fails) for _ in range(2)]
    fine = stage.invoke(function, engine, lambda: None)
    assert f"errors-{function}" in ringing(failing)
    assert f"errors-{function}" not in ringing([fine, fine, fine])


@pytest.mark.parametrize(("share", "expected"), [(0.75, False), (0.85, True)])
def test_an_invocation_near_its_timeout_rings(stage, share, expected):
    for function, facts in FUNCTIONS.items():
        engine = stage.engine(function)
        slow = [stage.invoke(function, engine, lambda: engine.time.pass_(facts.timeout * share))  # noqa: B023
                for _ in range(2)]
        assert (f"duration-{function}" in ringing(slow)) is expected


def test_a_refused_invocation_rings():
    for function in FUNCTIONS:
        assert f"throttles-{function}" in ringing([[of_lambda(function, "Throttles", 1)]])


@pytest.mark.parametrize("name", named("table-throttles"))
def test_a_table_and_each_of_its_indexes_ring(name):
    for namespace, metric, dimensions in metrics_of(NAMES[name]):
        refused = [Point(namespace, metric, dimensions, 1, 0)]
        assert rings(NAMES[name], [refused, [], refused])
        assert not rings(NAMES[name], [refused, [], []])


# --- provider, API, stage


@pytest.mark.parametrize("trouble", [{"chances": {"hangup": 1.0}}, {"chances": {"503": 1.0}}, {"script": ["402"]}])
def test_a_provider_that_fails_or_refuses_rings_as_long_as_it_does(stage, fake, trouble):
    stage = replace(stage, chosen={"DEEPSEEK_URL": fake.url, "DEEPSEEK_API_KEY": "k",
                                   "LEADS_STANDARDIZER": "deepseek"})
    engine = stage.engine("leads_worker")
    fake.change(trouble)
    engine.drop(book(Sheet=people(30)), at=FRESH)
    engine.split()
    stage.lines.read()
    periods = []
    for _ in range(3):
        periods.append(stage.invoke("leads_worker", engine, lambda: engine.work(most=1)))
        if "503" in str(trouble):
            _let_the_block_pass(engine)
    assert "provider-failures-deepseek" in ringing(periods)
    assert "provider-failures-deepseek" in ringing(periods[1:]), "also when no call is even tried"


def _let_the_block_pass(engine: Engine) -> None:
    """A block lasts for seconds, a period for minutes; forgetting it is quicker than sleeping."""
    engine.aws.client("dynamodb").delete_item(
        TableName=engine.services.settings.limits_table, Key={"pk": {"S": "LIMIT#deepseek"}})


def test_a_provider_that_only_asks_us_to_slow_down_does_not_ring(stage, fake):
    stage = replace(stage, chosen={"DEEPSEEK_URL": fake.url, "DEEPSEEK_API_KEY": "k",
                                   "LEADS_STANDARDIZER": "deepseek"})
    engine = stage.engine("leads_worker")
    fake.change({"script": ["429:0"] * 4})
    engine.drop(book(Sheet=people(10)), at=FRESH)
    engine.split()
    stage.lines.read()
    points = stage.invoke("leads_worker", engine, lambda: engine.work(most=1))
    assert sum(point.value for point in points if point.name == "ProviderThrottled") > 0
    assert "provider-failures-deepseek" not in ringing([points, points, points])


@pytest.mark.parametrize(("table", "expected"), [("no-such-table", True), ("", False)])
def test_an_api_that_answers_with_failures_rings(aws, capsys, monkeypatch, table, expected):
    lines = Lines(capsys)
    monkeypatch.setenv("METRICS", "emf")
    monkeypatch.setenv("PROCESSING_STATUS_TABLE", table)
    for api in _served(aws):
        assert (api("GET", "/status").status >= 500) is expected
        period = lines.read()
    assert any(point.name == "Requests" for point in period)
    assert ("api-errors" in ringing([period, period])) is expected


@pytest.mark.parametrize(("uploaded", "expected"), [("2026-11-22T01:45:00.000Z", True), (FRESH, False)])
def test_a_job_that_runs_for_more_than_ten_minutes_rings(stage, uploaded, expected):
    engine = stage.engine("sweep")
    engine.drop(book(Sheet=people(10)), at=uploaded)
    period = stage.invoke("sweep", engine, engine.sweep)
    assert ("processing" in ringing([period])) is expected
    assert ("processing" in ringing([period, []])) is expected, "between two sweeps the last word holds"


def test_the_emulator_rings_by_the_same_figures(stage):
    """It knows alarms on one metric of our own; the point goes in as CloudWatch would read it off the line."""
    cloudwatch = stage.aws.client("cloudwatch")
    alarm = NAMES[f"dropmill-{STAGE}-processing"]
    cloudwatch.put_metric_alarm(**{name: value for name, value in alarm.items() if "Actions" not in name})
    engine = stage.engine("sweep")
    engine.drop(book(Sheet=people(10)), at="2026-11-22T01:45:00.000Z")
    for point in stage.invoke("sweep", engine, engine.sweep):
        if point.name == alarm["MetricName"]:
            cloudwatch.put_metric_data(Namespace=point.namespace, MetricData=[{
                "MetricName": point.name, "Value": point.value,
                "Dimensions": [{"Name": name, "Value": value} for name, value in point.dimensions.items()]}])
    told, = cloudwatch.describe_alarms(AlarmNames=[alarm["AlarmName"]])["MetricAlarms"]
    assert told["StateValue"] == "ALARM"


def test_a_sweeper_that_is_silent_or_never_ends_its_sweep_rings(stage):
    engine = stage.engine("sweep")
    swept = stage.invoke("sweep", engine, engine.sweep)
    assert "sweeper-silent" not in ringing([swept, []])
    assert "sweeper-silent" in ringing([swept, [], []])
    engine.services.ledger = Down()  # type: ignore[misc]
    engine.services.__dict__.pop("settler", None)
    broken = stage.invoke("sweep", engine, engine.sweep)
    assert "sweeper-silent" in ringing([broken, broken])


# --- names


def test_every_metric_that_alarms_or_dashboard_wait_for_is_written(stage, fake):
    """In one healthy run, so that a metric that is only written when all goes wrong cannot hide a wrong name."""
    stage = replace(stage, chosen={"DEEPSEEK_URL": fake.url, "DEEPSEEK_API_KEY": "k",
                                   "LEADS_STANDARDIZER": "deepseek"})
    written = {(point.name, *sorted(point.dimensions.items())) for point in one_healthy_period(stage, 0)
               if point.namespace == NAMESPACE}
    elsewhere = {"Requests", "RequestErrors"}  # of the API, tried above
    awaited = {(name, *sorted(dimensions.items())) for alarm in NAMES.values()
               for namespace, name, dimensions in metrics_of(alarm) if namespace == NAMESPACE}
    # The engine above is one process and calls itself the worker; all workers write the same metrics.
    fed = {"split", "run_task", "products_worker", "prices_worker", "images_worker"}
    others = {"keepa", "convex", "dropbox"}  # which write what DeepSeek's client does, as their own tests see
    lacking = {each for each in awaited - written if each[0] not in elsewhere
               and not any(f"-{function}" in json.dumps(each) for function in fed)
               and not any(f'"{provider}"' in json.dumps(each) for provider in others)}
    assert lacking == set()
