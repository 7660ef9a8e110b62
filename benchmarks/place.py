"""An emulator with the template's resources, for benchmarks that need AWS on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from chalicelib.bootstrap import Services
from chalicelib.local.access import Access
from chalicelib.local.emulator import Emulator
from chalicelib.local.processes import PROJECT
from chalicelib.local.resources import build
from chalicelib.local.template import read
from chalicelib.settings import Settings

EMULATOR = "chalicelib.local.emulator"
"""The module that the emulator's process runs."""


@dataclass(frozen=True, slots=True)
class Place:
    """One account with all resources of stage `test`."""

    access: Access
    services: Services


@contextmanager
def place() -> Iterator[Place]:
    """An account of an emulator of its own, in memory."""
    with Emulator(say=lambda *_: None) as emulator:
        access = Access(emulator.endpoint)
        build(read(PROJECT / ".chalice" / "resources.yaml", "test", access), access)
        chosen = {**access.environment, "STAGE": "test", "LOG_LEVEL": "ERROR"}
        yield Place(access, Services(Settings.model_validate(chosen)))
