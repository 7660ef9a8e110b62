"""`make run` without make, for tests: one run in a folder of its own, and what it said."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from chalicelib.local.processes import bare_environment

ROOT = Path(__file__).parents[2]


class Run:
    """One `python -m chalicelib.local.run` in a folder of its own."""

    def __init__(self, home: Path, port: int, **environment: str) -> None:
        self.home = home
        # A file, not a pipe: nobody reads along, and a full pipe would stop the stack in the middle of a line.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by end()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "chalicelib.local.run"], cwd=ROOT, stdout=self._said, stderr=subprocess.STDOUT,
            start_new_session=True, env=bare_environment(DROPMILL_HOME=str(home), PORT=str(port), **environment))

    @property
    def facts(self) -> dict[str, str]:
        return dict(json.loads((self.home / "local.json").read_text()))

    def ready(self) -> Run:
        wait_until(lambda: (self.home / "local.json").exists() or self._process.poll() is not None)
        assert self._process.poll() is None, self.said()
        return self

    def get(self, path: str) -> Any:
        answer = requests.get(self.facts["url"] + path, timeout=10,
                              headers={"Authorization": f"Bearer {self.facts['token']}"})
        answer.raise_for_status()
        return answer.json()

    def jobs(self) -> list[dict[str, Any]]:
        return list(self.get("/status")["jobs"])

    def done(self, count: int) -> bool:
        return [each["status"] for each in self.jobs()] == ["completed"] * count

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        return self._process.wait(60)

    def said(self) -> str:
        """Everything up to now; read without moving the place at which the run goes on writing."""
        size = os.fstat(self._said.fileno()).st_size
        return os.pread(self._said.fileno(), size, 0).decode("utf-8", "replace")

    def relatives(self) -> list[str]:
        """Processes that use this run's folder or descend from those that do."""
        mark = str(self.home).encode()
        return [each.name for each in Path("/proc").iterdir() if each.name.isdigit() and mark in told(each)]

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._said.close()


def told(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    except OSError:
        return b""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def connects(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], Any], patience: float = 60) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
