"""How long a request may work by itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.api.price_form import time_left
from chalicelib.settings import Settings
from tests.unit.api.fakes import Clock

SETTINGS = Settings(SYNC_SECONDS="25", DEADLINE_MARGIN_SECONDS="3")


@pytest.mark.parametrize(("ago", "left"), [(0, 25), (9, 16), (400, 0), (-3, 25)])
def test_the_time_since_the_gateway_took_the_request_is_gone(ago: float, left: float):
    """A cold start among it; a gateway's clock that is ahead or far behind makes neither more nor less than that."""
    clock = Clock()
    epoch = int((clock.now.timestamp() - ago) * 1000)
    remaining = time_left(asked(requestTimeEpoch=epoch), SETTINGS, clock)
    assert remaining() - SETTINGS.deadline_margin == pytest.approx(left)
    clock.pass_(5)
    assert remaining() - SETTINGS.deadline_margin == pytest.approx(left - 5)


def test_without_a_gateway_it_counts_from_now():
    assert time_left(asked(), SETTINGS, Clock())() == pytest.approx(28)


def asked(**context: Any) -> Any:
    return SimpleNamespace(context=context)
