"""The app over a test's own account of the emulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.bootstrap import services
from chalicelib.settings import settings
from tests.conftest import Aws
from tests.functional.rest import SECRET, Api


@pytest.fixture
def api(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """app.py, called by a user of the owner to whom dropped files belong."""
    # The emulator checks the signature of links, with the secret that it takes for its own.
    for name, value in {**aws.env, "AWS_SECRET_ACCESS_KEY": "test", "JWT_SECRET": SECRET, "INLINE_ROWS": "10"}.items():
        monkeypatch.setenv(name, value)
    _forget()
    import app

    yield Api(app.app)
    _forget()


def _forget() -> None:
    services.cache_clear()
    settings.cache_clear()
