"""The pump, the function processes and the emulator together, driving a sample app."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chalicelib.local.access import Access
from chalicelib.local.functions import Zygote
from chalicelib.local.processes import Stream
from chalicelib.local.stack import Stack

SAMPLE = Path(__file__).parent / "sample_app"


class Sample:
    """A running stack of the sample app and what the test wants to know of it."""

    def __init__(self, stack: Stack, access: Access, bucket: str) -> None:
        self.stack = stack
        self.access = access
        self.bucket = bucket

    def send(self, queue: str, *commands: dict[str, Any]) -> None:
        sqs = self.access.client("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        for command in commands:
            sqs.send_message(QueueUrl=url, MessageBody=json.dumps(command))

    def traces(self, what: str) -> list[dict[str, Any]]:
        s3 = self.access.client("s3")
        listed = s3.list_objects_v2(Bucket=self.bucket, Prefix=f"trace/{what}/").get("Contents", [])
        return [json.loads(s3.get_object(Bucket=self.bucket, Key=each["Key"])["Body"].read()) for each in listed]

    def bodies(self, what: str) -> Counter[int]:
        """How often each numbered message has come."""
        return Counter(json.loads(body)["n"] for trace in self.traces(what) for body in trace["bodies"])

    def dead_letters(self, queue: str = "sample-work-dlq") -> list[str]:
        sqs = self.access.client("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [each["Body"] for each in answer.get("Messages", [])]


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    shared = Zygote(Stream())
    yield shared
    shared.stop()


@pytest.fixture
def sample(account: Access, zygote: Zygote) -> Iterator[Sample]:
    with running(account, zygote) as it:
        yield it


@contextmanager
def running(account: Access, zygote: Zygote, **options: Any) -> Iterator[Sample]:
    bucket = f"sample-test-{account.account}"
    environment = {"SAMPLE_BUCKET": bucket, **options.pop("environment", {})}
    with Stack("test", endpoint=account.endpoint, account=account.account, zygote=zygote,
               environment=environment, **{"schedules": False, "project": SAMPLE, **options}) as stack:
        yield Sample(stack, account, bucket)


def test_message_arrives_in_the_envelope_that_lambda_sends(sample: Sample) -> None:
    sample.send("sample-work", {"n": 1})
    wait_until(lambda: sample.traces("done"))

    (trace,) = sample.traces("work")
    record = trace["record"]
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"].endswith(":sample-work")
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["messageId"]
    assert 1000 < trace["remaining"] <= 2000
    assert sample.stack.wait_idle(5)


def test_raising_function_sees_a_message_three_times_then_it_is_a_dead_letter(sample: Sample) -> None:
    sample.send("sample-work", {"n": 1, "raise": True})

    wait_until(sample.dead_letters, 20)
    assert sample.bodies("work") == {1: 3}


def test_only_the_failed_message_of_a_batch_comes_again(sample: Sample) -> None:
    sample.send("sample-work", {"n": 1}, {"n": 2, "fail": True}, {"n": 3})

    wait_until(sample.dead_letters, 20)
    assert sample.bodies("work") == {1: 1, 2: 3, 3: 1}


@pytest.mark.parametrize("answer", [
    {"batchItemFailures": [{"itemIdentifier": "nobody"}]},
    {"batchItemFailures": [{"itemIdentifier": ""}]},
    {"statusCode": 500},
])
def test_answer_that_lambda_might_misread_fails_the_whole_batch(sample: Sample, answer: Any) -> None:
    sample.send("sample-work", {"n": 1, "answer": answer})

    wait_until(lambda: sample.bodies("work")[1] >= 2, 10)


def test_hanging_function_is_killed_and_its_message_comes_again_at_once(sample: Sample) -> None:
    sample.send("sample-work", {"n": 1, "sleep": 30})

    wait_until(sample.dead_letters, 20)
    begins = sorted(trace["began"] for trace in sample.traces("work"))
    assert len({trace["pid"] for trace in sample.traces("work")}) == 3
    assert begins[1] - begins[0] < 3  # the queue's visibility would be 3 seconds


def test_function_that_eats_too_much_memory_is_killed(sample: Sample) -> None:
    sample.send("sample-work", {"n": 1, "eat": 400})

    wait_until(sample.dead_letters, 20)
    assert not sample.traces("ate")
    assert sample.bodies("work") == {1: 3}


def test_crashing_function_leaves_others_alone(sample: Sample) -> None:
    sample.send("sample-work", {"n": 1, "die": True})
    wait_until(lambda: sample.bodies("work")[1] == 1)
    sample.send("sample-work", *({"n": n} for n in range(2, 6)))

    wait_until(sample.dead_letters, 20)
    wait_until(lambda: sum(sample.bodies("done").values()) >= 4)
    assert {n: sample.bodies("done")[n] for n in range(2, 6)} == dict.fromkeys(range(2, 6), 1)


def test_no_more_batches_run_at_the_same_time_than_allowed(sample: Sample) -> None:
    sample.send("sample-work", *({"n": n, "sleep": 0.05} for n in range(40)))

    assert sample.stack.wait_idle(30)
    spans = [(a["began"], b["ended"]) for a in sample.traces("work") for b in sample.traces("done")
             if a["bodies"] == b["bodies"]]
    overlaps = [sum(begin <= moment < end for begin, end in spans) for moment, _ in spans]
    assert sample.bodies("done") == dict.fromkeys(range(40), 1)
    assert 1 < max(overlaps) <= 3


def test_window_gathers_messages_into_one_batch(sample: Sample) -> None:
    for n in range(4):
        sample.send("sample-windowed", {"n": n})
        time.sleep(0.1)

    wait_until(lambda: sum(sample.bodies("windowed").values()) == 4)
    assert len(sample.traces("windowed")) == 1


def test_dropped_object_calls_its_function_and_a_failing_one_three_times(sample: Sample) -> None:
    s3 = sample.access.client("s3")
    s3.put_object(Bucket=sample.bucket, Key="elsewhere/a b.csv", Body=b"1")
    s3.put_object(Bucket=sample.bucket, Key="uploads/a b.csv", Body=b"1")
    s3.put_object(Bucket=sample.bucket, Key="uploads/bad.csv", Body=b"1")

    wait_until(lambda: sample.dead_letters("local-s3-created-dlq"), 20)
    assert Counter(trace["key"] for trace in sample.traces("created")) == {"uploads/a b.csv": 1, "uploads/bad.csv": 3}


def test_schedule_fires_at_the_start_and_then_in_its_rhythm(account: Access, zygote: Zygote) -> None:
    with running(account, zygote, schedules=True, every={"tick": 0.3}) as sample:
        wait_until(lambda: len(sample.traces("tick")) >= 3)

        assert sample.traces("tick")[0]["event"]["detail-type"] == "Scheduled Event"


def test_injected_duplicates_arrive_and_every_message_is_done_in_the_end(account: Access, zygote: Zygote) -> None:
    with running(account, zygote, fault="duplicate@0.5,reorder@0.3", seed="7") as sample:
        sample.send("sample-work", *({"n": n} for n in range(20)))

        assert sample.stack.wait_idle(30)
        done = sample.bodies("done")
    assert set(done) == set(range(20))
    assert sum(done.values()) > 20


def test_crashes_after_writes_are_survived_by_delivering_again(account: Access, zygote: Zygote) -> None:
    with running(account, zygote, fault="crash:after_write@0.2", seed="3") as sample:
        sample.send("sample-work", *({"n": n} for n in range(12)))

        assert sample.stack.wait_idle(60)
        done = sample.bodies("done")
        dead = {json.loads(body)["n"] for body in sample.dead_letters()}
        begun = sample.bodies("work")
    assert set(done) | dead == set(range(12))
    assert sum(begun.values()) > 12, "no crash made any message come again"


def test_stopping_releases_the_message_of_a_running_batch(account: Access, zygote: Zygote) -> None:
    with running(account, zygote) as sample:
        sample.send("sample-work", {"n": 1, "sleep": 1.9})
        wait_until(lambda: sample.traces("work"))
        sample.stack.stop(grace=0)

    with running(account, zygote) as again:
        wait_until(lambda: again.bodies("work")[1] == 2, 2.5)  # its visibility would be 3 seconds


def test_queue_that_shows_messages_too_early_is_refused(account: Access, zygote: Zygote, tmp_path: Path) -> None:
    project = tmp_path / "app"
    (project / ".chalice").mkdir(parents=True)
    for name in ("app.py", ".chalice/config.json", ".chalice/resources.yaml"):
        text = (SAMPLE / name).read_text().replace("VisibilityTimeout: 3", "VisibilityTimeout: 1")
        (project / name).write_text(text)

    with pytest.raises(ValueError, match="sample-work shows its messages again after 1 s"), \
            running(account, zygote, project=project):
        pass


def test_function_sees_its_own_variables_and_none_of_ours(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "a-real-account")
    assert sample.stack._pool

    environment = sample.stack._pool.environment("work")

    assert environment["OWN"] == "of work alone"
    assert "AWS_PROFILE" not in environment


def wait_until(condition: Callable[[], Any], patience: float = 10) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
