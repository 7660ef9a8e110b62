"""Fixtures for tests that need AWS on the wire: one emulator a session, one account of it a test."""

from __future__ import annotations

import importlib
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chalicelib.local.access import Access
from chalicelib.local.emulator import Emulator
from chalicelib.local.resources import Built, build
from chalicelib.local.template import read
from chalicelib.settings import settings
from tests.functional import calls
from tests.policy_watch import PolicyWatch

TEMPLATE = Path(__file__).parent.parent / ".chalice" / "resources.yaml"
_ACCOUNTS = itertools.count(100_000_000_000 + os.getpid() * 10_000)


def pytest_configure(config: pytest.Config) -> None:
    _import_app()
    calls.listen()
    config.pluginmanager.register(PolicyWatch(config, calls.HEARD), "policy-watch")


def _import_app() -> None:
    """app.py reads the names of its queues when it is imported, which whoever collects tests first would do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAGE", "test")
        settings.cache_clear()
        importlib.import_module("app")
    settings.cache_clear()


@dataclass(frozen=True, slots=True)
class Aws:
    """An account of the emulator with all resources of the template for stage `test`."""

    access: Access
    built: Built
    env: dict[str, str]
    """What a process needs to reach it: endpoint, credentials, region, account, stage."""

    @property
    def endpoint(self) -> str:
        return self.access.endpoint

    @property
    def account(self) -> str:
        return self.access.account

    @property
    def bucket(self) -> str:
        return self.built.buckets["Bucket"]

    def client(self, service: str, **config: Any) -> Any:
        return self.access.client(service, **config)

    def queue_url(self, name: str) -> str:
        return str(self.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    """The endpoint of an emulator that keeps everything in memory."""
    with Emulator() as running:
        yield running.endpoint


@pytest.fixture
def account(emulator: str) -> Access:
    """An empty account, a test's own."""
    return Access(emulator, f"{next(_ACCOUNTS):012d}")


@pytest.fixture
def aws(account: Access) -> Aws:
    """An account of its own with the template's resources for stage `test`."""
    return _built(account)


@pytest.fixture(scope="session")
def new_aws(emulator: str) -> Callable[[], Aws]:
    """Makes accounts like `aws`, for tests that compare several."""
    return lambda: _built(Access(emulator, f"{next(_ACCOUNTS):012d}"))


def _built(account: Access) -> Aws:
    built = build(read(TEMPLATE, "test", account), account)
    return Aws(account, built, {**account.environment, "STAGE": "test"})
