"""The benchmarks run, and the promise that they print holds."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import counters, report

ROOT = Path(__file__).resolve().parents[2]


def test_benchmark_prints_a_table_in_which_the_ledger_ends_no_job_wrong():
    done = subprocess.run([sys.executable, "-m", "benchmarks", "counters", "--quick"], cwd=ROOT, text=True,
                          capture_output=True, check=True, timeout=100)
    (row,) = [line for line in done.stdout.splitlines() if "ledger" in line]
    assert [cell.strip() for cell in row.strip("|").split("|")[1:]] == ["0", "0", "0", "0"]


@pytest.mark.parametrize(("name", "wrong"), [("read-modify-write", (True, True)), ("plain ADD", (False, True))])
def test_simulation_finds_what_is_wrong_with_the_other_counters(name, wrong):
    stuck, early = counters.simulated(counters.WAYS[name], jobs=60, batches=40)
    assert (stuck > 0, early > 0) == wrong


def test_simulation_notices_a_ledger_that_does_not_look_at_the_batch():
    def forgetful(fate: counters.Fate, dice: random.Random):
        settle = counters.ledger(fate, dice)
        fresh = iter(range(1, fate.total + 1))

        def as_another_batch(_batch: int) -> counters.Steps:
            number = next(fresh, None)
            if number is not None:
                yield from settle(number)

        return as_another_batch

    _, early = counters.simulated(forgetful, jobs=60, batches=40)
    assert early > 0


def test_every_benchmark_has_its_place_in_the_readme():
    from benchmarks.__main__ import NAMES

    text = report.README.read_text(encoding="utf-8")
    assert [name for name in NAMES if f"<!-- bench:{name} -->\n" not in text] == []


def test_unknown_benchmark_is_refused_by_name():
    done = subprocess.run([sys.executable, "-m", "benchmarks", "nothing"], cwd=ROOT, text=True, capture_output=True,
                          check=False, timeout=60)
    assert done.returncode == 2
    assert "there is no benchmark nothing" in done.stderr
