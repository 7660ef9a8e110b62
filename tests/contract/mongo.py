"""A MongoDB server in this process that speaks the true wire protocol, and takes orders to fail."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from pymongo import MongoClient
from secantus import SecantusDBServer


class Server:
    """SecantusDB on a port of its own. `fail` makes it misbehave."""

    def __init__(self, folder: Path) -> None:
        self._server = SecantusDBServer(storage_path=str(folder), ttl_sweep_seconds=0)
        self._server.start()
        self.uri = self._server.uri
        self.client: MongoClient[dict[str, Any]] = MongoClient(self.uri, appname="tests")

    @contextmanager
    def fail(self, command: str, *, times: int = 1, skip: int = 0, **how: Any) -> Iterator[None]:
        """While this lasts the next `times` calls of a command fail, `skip` calls later, for all clients but our own.

        `how` is MongoDB's: `errorCode`, `closeConnection`, `writeConcernError`. An error 91 would make drivers look for
        another server, which this one never tells them to end: take 262.
        """
        mode = {"times": times, **({"skip": skip} if skip else {})}
        self.client.admin.command("configureFailPoint", "failCommand", mode=mode,
                                  data={"failCommands": [command], "appName": "dropmill", **how})
        try:
            yield
        finally:
            self.client.admin.command("configureFailPoint", "failCommand", mode="off")

    def stop(self) -> None:
        """A caller wakes the server, which would wait for one for two seconds."""
        self.client.close()
        host, port = self._server.address
        threading.Timer(0.05, _call, (host, port)).start()
        self._server.stop()


@pytest.fixture(scope="session")
def mongo() -> Iterator[Server]:
    """One server a session; a test takes a database of its own."""
    with TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            yield server
        finally:
            server.stop()


def _call(host: str, port: int) -> None:
    with suppress(OSError), closing(socket.create_connection((host, port), 0.2)):
        pass
