"""The app over an account of the emulator: a test's own, or one that the reading tests of a module share."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator

import pytest
from chalice.config import Config
from chalice.local import LocalChalice, LocalDevServer, create_local_server

from chalicelib.bootstrap import services
from chalicelib.local.access import Access
from chalicelib.local.api import Handler
from chalicelib.local.resources import build
from chalicelib.local.template import read
from chalicelib.settings import settings
from tests.conftest import _ACCOUNTS, TEMPLATE, Aws
from tests.functional.rest import SECRET, Api


@pytest.fixture
def api(aws: Aws) -> Iterator[Api]:
    """app.py, called by a user of the owner to whom dropped files belong."""
    yield from _served(aws)


@pytest.fixture(scope="module")
def shared_aws(emulator: str) -> Aws:
    """An account that all tests of a module may read, filled by a fixture of that module."""
    access = Access(emulator, f"{next(_ACCOUNTS):012d}")
    return Aws(access, build(read(TEMPLATE, "test", access), access), {**access.environment, "STAGE": "test"})


@pytest.fixture(scope="module")
def shared_api(shared_aws: Aws) -> Iterator[Api]:
    """app.py over the shared account. Not for a module whose tests also use `api`."""
    yield from _served(shared_aws)


@pytest.fixture(scope="module")
def shared_url(shared_api: Api) -> Iterator[str]:
    """The app over the shared account behind real sockets: Chalice's own server in a thread."""
    app, config = shared_api.app, Config.create(chalice_app=shared_api.app, lambda_timeout=30)
    make = LocalDevServer if isinstance(app, LocalChalice) else create_local_server  # which changes its class, once
    server = make(app, config, "127.0.0.1", 0)
    server.server.RequestHandlerClass = functools.partial(Handler, app_object=app, config=config)
    server.server.socket.listen(128)
    thread = threading.Thread(target=server.server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server.server_port}"
    server.shutdown()
    thread.join()
    server.server.server_close()


def _served(aws: Aws) -> Iterator[Api]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**aws.env, "JWT_SECRET": SECRET, "INLINE_ROWS": "10"}.items():
            patch.setenv(name, value)
        _forget()
        import app

        yield Api(app.app)
    _forget()


def _forget() -> None:
    services.cache_clear()
    settings.cache_clear()
