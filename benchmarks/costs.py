"""What 1,000 rows cost in AWS: every request of a job is counted, DynamoDB's units worked out, list prices applied.

One workbook of new leads and the same rows again with changed companies run through the handlers in this process,
against the emulator on the wire; what Lambda's own event source does (receive, delete) is counted once a message. The
time that functions are billed is CPU measured here, divided by the share of a core that their memory buys
(1,769 MB is one core, by Lambda's guide), and for `deepseek` the time of its calls, in which Lambda is billed too.
"""

from __future__ import annotations

import io
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.capacity import Meter
from benchmarks.measure import in_fresh_process
from benchmarks.place import Place, place
from benchmarks.report import Table
from chalicelib import costs
from chalicelib.local.processes import PROJECT
from chalicelib.settings import Settings

ROWS = 1_000
BATCH = 10
CALL_SECONDS = 6.0
"""Assumed time of one DeepSeek call for ten leads; its price is in the provider's own figures."""
TOKENS_IN, TOKENS_OUT = 1_400, 900
"""Assumed tokens of one call for ten leads."""
CORE_MEGABYTES = 1_769
OBJECT_GET = 400
"""Billionths of a dollar, as in `chalicelib.costs`, which needs no reads."""
OWNER = "bench"
HEADER = ("First name", "Last name", "E-mail", "Phone", "Company", "Title", "Notes")


def run(*, quick: bool) -> Table:
    rows = ROWS // 10 if quick else ROWS
    answer = in_fresh_process("benchmarks.costs:measured", {"LOG_LEVEL": "ERROR"}, rows=rows).answer
    by_rules = {name: _bill(figures, rows, calls=False) for name, figures in answer.items()}
    by_ai = {name: _bill(figures, rows, calls=True) for name, figures in answer.items()}
    lines = [(what, _figure(by_rules["new"][0][what]), _usd(by_rules["new"][1][what]),
              _figure(by_rules["changed"][0][what]), _usd(by_rules["changed"][1][what]))
             for what in by_rules["new"][0]]
    for provider, bills in (("local", by_rules), ("deepseek", by_ai)):
        totals = [_usd(sum(bills[kind][1].values())) for kind in ("new", "changed")]
        lines.append((f"all of it, standardiser `{provider}`", "", totals[0], "", totals[1]))
    ai = sum(by_ai["new"][1].values()) - sum(by_rules["new"][1].values())
    return Table(
        f"1,000 rows in AWS, batches of {BATCH}", ("what", "new leads", "USD", "changed leads", "USD "), tuple(lines),
        ("List prices of us-east-1 without free tiers. Write units: a transaction counts an item twice, each index "
         "adds its own; the leads table has five. "
         f"The `deepseek` lines add {_usd(ai)} by assumption: {CALL_SECONDS:.0f} s, {TOKENS_IN:,} tokens in and "
         f"{TOKENS_OUT} out a call, at the prices of peak hours.",))


def measured(rows: int) -> dict[str, Any]:
    """What a job of new leads took, and one that changes every one of them."""
    with place() as stage:
        return {name: _job(stage, _workbook(rows, company), name, hour, rows)
                for name, company, hour in (("new", "Acme", 1), ("changed", "Bolt", 2))}


def _job(stage: Place, book: bytes, name: str, hour: int, rows: int) -> dict[str, Any]:
    meter, services = _metered(stage)
    from chalicelib.jobs import intake

    key = f"uploads/leads/{OWNER}/{name}.xlsx"
    services.blobs.put(key, book)
    clock = _Clock(meter)
    event = _event(stage, key, hour)
    clock.time("object_created", lambda: services.call(intake.objects_created, event=event))
    _serve(stage, meter, "split", lambda records: clock.time(
        "split", lambda: services.splitter(_Context()).work(records)))
    _serve(stage, meter, "leads", lambda records: clock.time(
        "leads_worker", lambda: services.worker("leads", _Context()).work(records)))
    used = {"requests": dict(meter.requests), "writes": meter.write_units, "reads": meter.read_units,
            "cpu": clock.cpu}
    job = services.ledger.jobs(OWNER, limit=1).jobs[0]
    counted = {"new": job.new, "changed": job.updated}[name]
    assert (job.status.value, job.rows, counted) == ("completed", rows, rows), job
    return used


def _metered(stage: Place) -> tuple[Meter, Any]:
    """A meter, and services whose every request it counts."""
    import boto3
    import botocore.session

    from chalicelib.bootstrap import Services

    core = botocore.session.Session()
    meter = Meter(stage.access.client("dynamodb"))
    meter.watch(core)
    chosen = stage.services.settings
    session = boto3.Session(botocore_session=core, region_name=chosen.region,
                            aws_access_key_id=chosen.aws_access_key_id,
                            aws_secret_access_key=chosen.aws_secret_access_key.get_secret_value())
    return meter, Services(chosen, session=session)


class _Clock:
    """CPU seconds by function, without what the meter itself used."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.cpu: dict[str, float] = {}

    def time(self, name: str, work: Callable[[], Any]) -> Any:
        began, metered = time.process_time(), self._meter.cpu
        answer = work()
        spent = time.process_time() - began - (self._meter.cpu - metered)
        self.cpu[name] = self.cpu.get(name, 0.0) + spent
        return answer


def _serve(stage: Place, meter: Meter, queue: str, handle: Callable[[Any], Any]) -> None:
    """What the event source mapping does, with a client that is not counted but for one receive and delete each."""
    client, url = stage.access.client("sqs"), stage.services.queues.url(stage.services.settings.name(queue))
    while found := client.receive_message(
            QueueUrl=url, WaitTimeSeconds=0, MessageSystemAttributeNames=["All"]).get("Messages"):
        message = found[0]
        record = {"messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"],
                  "body": message["Body"], "attributes": message["Attributes"], "messageAttributes": {},
                  "eventSource": "aws:sqs"}
        answer = handle([record])
        assert not answer["batchItemFailures"], answer
        client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        meter.requests.update({"sqs ReceiveMessage": 1, "sqs DeleteMessage": 1})


def _event(stage: Place, key: str, hour: int) -> dict[str, Any]:
    head = stage.services.blobs.head(key)
    assert head is not None
    return {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
                         "eventTime": f"2026-11-22T0{hour}:00:00.000Z", "s3": {
                             "bucket": {"name": stage.services.blobs.bucket},
                             "object": {"key": key, "size": head.size, "versionId": head.version_id}}}]}


class _Context:
    """Lambda's context with all the time there is."""

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


def _workbook(rows: int, company: str) -> bytes:
    import xlsxwriter  # type: ignore[import-untyped]

    body = io.BytesIO()
    with xlsxwriter.Workbook(body, {"strings_to_numbers": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet("Leads")
        sheet.write_row(0, 0, HEADER)
        for row in range(rows):
            sheet.write_row(row + 1, 0, (
                f"Ada{row}", "Byron", f"ada{row}@example.com", f"+1 415 555 {row % 10_000:04d}", f"{company} {row}",
                "Head of Sales", "met at the fair, call back in March"))
    return body.getvalue()


def _bill(figures: Mapping[str, Any], rows: int, *, calls: bool) -> tuple[dict[str, float], dict[str, float]]:
    """Amounts and USD for 1,000 rows."""
    share = 1000 / rows
    requests = Counter(figures["requests"])
    batches = rows / BATCH if calls else 0
    seconds = _gb_seconds(figures["cpu"], batches)
    puts, gets = (sum(count for name, count in requests.items() if name in names)
                  for names in ({"s3 PutObject"}, {"s3 GetObject", "s3 HeadObject"}))
    sqs = sum(count for name, count in requests.items() if name.startswith("sqs "))
    invocations = 1 + requests["sqs DeleteMessage"]
    amounts = {"DynamoDB write units": figures["writes"], "DynamoDB read units": figures["reads"],
               "SQS requests": sqs, "S3 writes": puts, "S3 reads": gets, "Lambda invocations": invocations,
               "Lambda GB-seconds": seconds}
    rates = (costs.WRITE_UNIT, costs.READ_UNIT, costs.QUEUE_REQUEST, costs.OBJECT_PUT, OBJECT_GET, costs.INVOCATION,
             costs.GB_SECOND)
    scaled = {what: amount * share for what, amount in amounts.items()}
    usd = {what: amount * rate / costs.NANO for (what, amount), rate in zip(scaled.items(), rates, strict=True)}
    if calls:
        used = {costs.Used.PROMPT_TOKENS: TOKENS_IN, costs.Used.COMPLETION_TOKENS: TOKENS_OUT}
        usd["tokens"] = batches * share * _tariff().nanos(used) / costs.NANO
    return scaled, usd


def _gb_seconds(cpu: Mapping[str, float], calls: float) -> float:
    """CPU costs the same at every memory size below a core: half the memory runs half as fast. Waiting does not."""
    computed = sum(cpu.values()) * CORE_MEGABYTES / 1024
    blocks = json.loads((PROJECT / ".chalice" / "config.json").read_text())["lambda_functions"]
    return computed + calls * CALL_SECONDS * float(blocks["leads_worker"]["lambda_memory_size"]) / 1024


def _figure(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 10 else f"{amount:.1f}"


def _usd(amount: float) -> str:
    return f"${amount:.4f}"


def _tariff() -> costs.Tariff:
    chosen = Settings().deepseek
    return costs.Tariff(chosen.usd_prompt, chosen.usd_cache_hit, chosen.usd_completion)
