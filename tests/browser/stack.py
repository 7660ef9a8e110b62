"""The stack that pages are looked at on: `make run` in a folder and on a port of its own."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.local.access import Access
from tests.functional import rest
from tests.functional.local_run import Run, free_port, wait_until

SAMPLES_FED = "sample-dropped"
"""The mark that a run leaves in its folder once it has fed the samples."""


@dataclass(frozen=True, slots=True)
class AppStack:
    """A run that is ready."""

    run: Run
    url: str
    token: str
    operator_token: str
    s3_endpoint: str
    bucket: str

    @property
    def origins(self) -> tuple[str, str]:
        """All that the app's pages may send requests to: the app itself, and the bucket for files."""
        return self.url, self.s3_endpoint

    def token_of(self, owner: str, *roles: str) -> str:
        """A token for an owner who has nothing yet, unless a test gave it to them; without `roles` of a plain user."""
        secret = (self.run.home / "jwt-secret").read_text(encoding="ascii")
        return rest.token(owner, owner, roles or ("user",), secret=secret)

    def client(self, service: str) -> Any:
        """A boto3 client of the stack's emulator."""
        return Access(self.s3_endpoint).client(service)


@contextmanager
def running(home: Path, *, samples: bool = False, **environment: str) -> Iterator[AppStack]:
    """A stack until the end of the block; `environment` as for `make run` (FAULTS=, FAKES=, settings)."""
    if not samples:
        home.mkdir(parents=True, mode=0o700, exist_ok=True)
        (home / SAMPLES_FED).touch()
    run = Run(home, free_port(), **environment)
    try:
        facts = run.ready().facts
        yield AppStack(run, facts["url"], facts["token"], facts["operatorToken"], facts["s3Endpoint"], facts["bucket"])
        run.signal(signal.SIGTERM)
        assert run.wait() == 0, run.said()
    finally:
        run.end()
        wait_until(lambda: not run.relatives())
