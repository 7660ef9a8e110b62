"""`make run` without make: start, use, stop, crash, start again."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from chalicelib.local.access import Access
from chalicelib.local.processes import bare_environment
from tests.functional.local_run import ROOT, Run, connects, free_port, told, wait_until

pytestmark = pytest.mark.slow
SAMPLES = 6
"""Jobs of a first run: leads, a catalogue and its enrichment, a price list and a bill, a photo."""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def begin(**environment: str) -> Run:
        runs.append(Run(tmp_path / "home", free_port(), **environment))
        return runs[-1]

    yield begin
    for each in runs:
        each.end()
    wait_until(lambda: not any(each.relatives() for each in runs))


def test_first_run_feeds_the_samples_and_the_next_one_still_has_them(start: Callable[..., Run]) -> None:
    first = start().ready()
    wait_until(lambda: first.done(SAMPLES))
    jobs = first.jobs()
    for job in jobs:
        assert job["rows"]["total"] == sum(count for name, count in job["rows"].items() if name != "total")
    (leads,) = (job for job in jobs if job["pipeline"] == "leads")
    assert (leads["rows"]["rejected"], leads["rows"]["superseded"]) == (1, 2)
    assert sorted(job["pipeline"] for job in jobs) == ["images", "leads", "prices", "prices", "products",
                                                        "products"]

    first.signal(signal.SIGINT)
    assert first.wait() == 0
    assert first.relatives() == []
    assert not (first.home / "local.json").exists()

    second = start().ready()
    assert [each["jobId"] for each in second.jobs()] == [job["jobId"] for job in jobs]


def test_what_is_written_for_scripts_is_complete_and_private(start: Callable[..., Run]) -> None:
    running = start().ready()

    assert set(running.facts) == {"url", "token", "operatorToken", "s3Endpoint", "bucket", "region", "accessKeyId",
                                  "secretAccessKey"}
    for name in ("local.json", "local.env", "jwt-secret"):
        assert stat.S_IMODE((running.home / name).stat().st_mode) == 0o600


def test_an_unknown_path_has_the_one_error_body_and_repeats_no_token(start: Callable[..., Run]) -> None:
    running = start().ready()
    answer = requests.get(f"{running.facts['url']}/nothing", headers={"Authorization": "Bearer secret"}, timeout=10)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert "secret" not in answer.text


def test_crash_loses_no_file_and_leaves_no_process(start: Callable[..., Run]) -> None:
    crashed = start().ready()
    wait_until(lambda: crashed.done(SAMPLES))
    emulator = Access(crashed.facts["s3Endpoint"])
    emulator.client("s3").put_object(Bucket=crashed.facts["bucket"], Key="uploads/leads/local/late.csv",
                                     Body=b"name,email,company\nLate Comer,late@example.com,Last Ltd\n")
    # The emulator dies first, so it cannot save what it just took: the worst case.
    for pid in crashed.relatives():
        if b"chalicelib.local.emulator" in told(Path("/proc") / pid):
            os.kill(int(pid), signal.SIGKILL)
    crashed.signal(signal.SIGKILL)
    wait_until(lambda: not crashed.relatives())

    (crashed.home / "local.json").unlink(missing_ok=True)
    again = start().ready()

    wait_until(lambda: any(each["metadata"]["fileName"] == "late.csv" and each["status"] == "completed"
                           for each in again.jobs()))


def test_second_run_in_the_same_folder_is_refused_and_harms_nobody(start: Callable[..., Run]) -> None:
    first = start().ready()

    second = start()

    assert second.wait() == 1
    assert f"already runs at {first.facts['url']}" in second.said()
    assert first.get("/health")["status"]


def test_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = Run(tmp_path, port)

        assert refused.wait() == 1
    assert f"port {port} is taken" in refused.said()


def test_unreadable_faults_are_named(start: Callable[..., Run]) -> None:
    refused = start(FAULTS="gremlins@0.5")

    assert refused.wait() == 1
    assert "'gremlins' is none of" in refused.said()


@pytest.mark.parametrize("pause", [0.3, 0.9])
def test_stopping_during_the_start_leaves_no_process(start: Callable[..., Run], pause: float) -> None:
    running = start()
    time.sleep(pause)

    running.signal(signal.SIGTERM)

    running.wait()
    wait_until(lambda: not running.relatives())


def test_chalice_local_beside_the_stack_serves_the_same_routes(start: Callable[..., Run]) -> None:
    running = start().ready()
    port = free_port()
    chalice = str(Path(sys.executable).with_name("chalice"))
    beside = subprocess.Popen(
        [chalice, "local", "--stage", "local", "--port", str(port), "--no-autoreload"], cwd=ROOT,
        env=bare_environment(DROPMILL_HOME=str(running.home)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    headers = {"Authorization": f"Bearer {running.facts['token']}"}
    try:
        wait_until(lambda: connects(port))
        answer = requests.get(f"http://127.0.0.1:{port}/status", headers=headers, timeout=10)
    finally:
        beside.kill()
        beside.wait()

    assert answer.status_code == 200
    assert "jobs" in answer.json()
