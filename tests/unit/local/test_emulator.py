from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from ministack import app as ministack
from ministack.core import persistence

from chalicelib.local.access import Access
from chalicelib.local.emulator import MIN_PAUSE, Emulator, Snapshots
from chalicelib.local.processes import bare_environment

TABLE: dict[str, Any] = {
    "TableName": "things", "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]}


def test_private_names_of_the_pinned_ministack_are_still_there() -> None:
    # A new version may move them: then the snapshots of emulator.py need another look before the pin moves.
    assert callable(ministack._build_persistence_save_dict)
    assert callable(persistence.save_all)
    assert persistence.logger.name == "persistence"
    assert hasattr(persistence, "STATE_DIR")
    assert hasattr(ministack, "PERSIST_STATE")


def test_rows_messages_and_objects_survive_a_kill(tmp_path: Path) -> None:
    first = Emulator(tmp_path).start()
    try:
        fill(first.endpoint)
        wait_for_snapshot(tmp_path, holding=b"a row")
    finally:
        first.kill()

    with Emulator(tmp_path) as second:
        assert second.endpoint != first.endpoint
        check(second.endpoint)


def test_clean_stop_saves_what_no_snapshot_has_seen(tmp_path: Path) -> None:
    with Emulator(tmp_path) as first:
        fill(first.endpoint)

    with Emulator(tmp_path) as second:
        check(second.endpoint)


def test_emulator_saves_and_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True,
                              env=bare_environment())
    assert parent.stdout
    pid, endpoint = parent.stdout.readline().split()
    fill(endpoint)
    parent.kill()
    parent.wait()

    wait_until(lambda: not Path(f"/proc/{pid}").exists() or "zombie" in Path(f"/proc/{pid}/status").read_text())
    parent.stdout.close()
    with Emulator(tmp_path) as second:
        check(second.endpoint)


PARENT = """
import sys, time
from pathlib import Path
from chalicelib.local.emulator import Emulator
running = Emulator(Path(sys.argv[1])).start()
print(running._child.pid, running.endpoint, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(("headers", "status"), [
    ({}, 200),
    ({"Origin": "http://localhost:8000"}, 200),
    ({"Origin": "https://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Host": "evil.example"}, 403),
])
def test_only_pages_of_this_machine_may_call(emulator: str, headers: dict[str, str], status: int) -> None:
    assert requests.get(emulator + "/_ministack/health", headers=headers, timeout=5).status_code == status


def test_nobody_can_wipe_the_data_over_http(emulator: str) -> None:
    assert requests.post(emulator + "/_ministack/reset", timeout=5).status_code == 403


def test_emulator_sees_no_secret_of_its_parent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DEEPSEEK_API_KEY", "sk-secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    with Emulator() as running:
        assert running._child
        environment = Path(f"/proc/{running._child.pid}/environ").read_bytes()

    assert b"secret" not in environment


def test_unfinished_snapshot_does_not_count(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path)
    with snapshots.new() as folder:
        (folder / "a.json").write_text("{}")
    with pytest.raises(ZeroDivisionError):
        save_half(snapshots)
    (tmp_path / "000000000009.1.part").mkdir()

    newest = Snapshots(tmp_path).newest

    assert newest
    assert newest.name == "000000000001"
    assert (newest / "a.json").exists()
    assert list(tmp_path.iterdir()) == [newest]


def save_half(snapshots: Snapshots) -> None:
    with snapshots.new() as folder:
        (folder / "b.json").write_text("{}")
        raise ZeroDivisionError


def fill(endpoint: str) -> None:
    access = Access(endpoint)
    access.client("s3").create_bucket(Bucket="kept")
    access.client("s3").put_object(Bucket="kept", Key="a/b.txt", Body=b"an object")
    access.client("sqs").create_queue(QueueName="kept")
    access.client("sqs").send_message(QueueUrl=queue_url(access), MessageBody="a message")
    access.client("dynamodb").create_table(**TABLE)
    access.client("dynamodb").put_item(TableName="things", Item={"pk": {"S": "a row"}})


def check(endpoint: str) -> None:
    access = Access(endpoint)
    message = access.client("sqs").receive_message(QueueUrl=queue_url(access))["Messages"][0]
    item = access.client("dynamodb").get_item(TableName="things", Key={"pk": {"S": "a row"}})

    assert access.client("s3").get_object(Bucket="kept", Key="a/b.txt")["Body"].read() == b"an object"
    assert message["Body"] == "a message"
    assert item["Item"] == {"pk": {"S": "a row"}}


def queue_url(access: Access) -> str:
    url = str(access.client("sqs").get_queue_url(QueueName="kept")["QueueUrl"])
    assert url.startswith(access.endpoint)
    return url


def wait_for_snapshot(folder: Path, holding: bytes) -> None:
    def saved() -> bool:
        complete = [each for each in folder.glob("snapshots/*") if each.name.isdigit()]
        return bool(complete) and holding in (max(complete) / "dynamodb.json").read_bytes()

    wait_until(saved)


def wait_until(condition: Any, patience: float = 10 * MIN_PAUSE) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
