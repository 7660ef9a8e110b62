"""A few disturbed runs in the suite; `make faults` runs as many as wanted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.local.functions import Zygote
from tests.faults.disturbed import FAULTS, End, Observed, compare, run, workbook

SEEDS = (11, 12, 13, 14)


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    made = Zygote(lambda *_: None)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def book() -> bytes:
    """The same bytes for all runs: a row without an e-mail is known by its file."""
    return workbook(1)


@pytest.fixture(scope="module")
def calm(emulator: str, zygote: Zygote, book: bytes) -> End:
    end, _ = run(1, "", endpoint=emulator, zygote=zygote, account="200000000001", book=book)
    return end


@pytest.fixture(scope="module")
def struck() -> list[Observed]:
    return []


@pytest.mark.parametrize("seed", SEEDS)
def test_a_disturbed_run_ends_as_the_undisturbed_one(
    emulator: str, zygote: Zygote, book: bytes, calm: End, struck: list[Observed], seed: int
) -> None:
    end, seen = run(seed, FAULTS, endpoint=emulator, zygote=zygote, account=f"{300_000_000_000 + seed}", book=book)
    compare(calm, end, seed)
    struck.append(seen)


def test_the_faults_did_strike(struck: list[Observed]) -> None:
    assert len(struck) == len(SEEDS)
    assert sum(seen.kills for seen in struck) >= 3
    assert all(seen.reads > 5 for seen in struck)


def test_a_calm_run_accounts_for_every_row_of_the_workbook(calm: End) -> None:
    outcomes = {name: count for name, count in calm.counters.items() if name not in ("rows", "pending")}
    assert sum(outcomes.values()) == calm.counters["rows"] > 20
    assert calm.counters["superseded"] > 0
    assert calm.counters["rejected"] == len(calm.rejects) > 0
