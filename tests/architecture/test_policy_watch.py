"""The comparison at the end of a run can fail it, and speaks only when all of the functional suite has passed."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from tests.architecture import policies
from tests.architecture.sources import ROOT
from tests.functional.calls import Call
from tests.policy_watch import PolicyWatch

SUITE = sorted(f"tests/functional/{path.name}" for path in (ROOT / "tests" / "functional").glob("test_*.py"))
RIGHT = frozenset(Call(grant.function, grant.action, grant.resource.replace("*", "x")) for grant in policies.grants())
ONE = next(iter(sorted(RIGHT, key=lambda call: call.action)))


def finish(
    heard: Iterable[Call], *, files: Iterable[str] = SUITE, status: int = 0, args: tuple[str, ...] = ("tests",),
    told: Iterable[Call] = (), **options: Any,
) -> int:
    """A run of `files` in which `heard` was heard here and `told` by a process of xdist; its exit status."""
    config: Any = SimpleNamespace(args=list(args), getoption=lambda name, default=None: options.get(name, default))
    session: Any = SimpleNamespace(exitstatus=status)
    watch = PolicyWatch(config, frozenset(heard))
    for file in files:
        watch.pytest_runtest_logreport(SimpleNamespace(nodeid=f"{file}::test_it"))  # type: ignore[arg-type]
    watch.pytest_testnodedown(SimpleNamespace(workeroutput={"calls": [list(call) for call in told]}))
    watch.pytest_sessionfinish(session, status)
    return int(session.exitstatus)


def test_a_run_whose_calls_are_what_the_roles_allow_passes():
    assert finish(RIGHT) == 0


def test_a_call_that_no_role_allows_fails_the_run():
    assert finish(RIGHT | {ONE._replace(action="dynamodb:DeleteTable")}) == pytest.ExitCode.TESTS_FAILED


def test_a_right_that_nobody_used_fails_the_run():
    seen = {call for call in RIGHT if call.action not in policies.UNSEEN}
    assert finish(sorted(seen)[1:]) == pytest.ExitCode.TESTS_FAILED


def test_what_another_process_heard_counts():
    half = frozenset(sorted(RIGHT)[::2])
    assert finish(half, told=RIGHT - half) == 0


@pytest.mark.parametrize("choice", [{"files": SUITE[1:]}, {"keyword": "split"}, {"markexpr": "not slow"},
                                    {"deselect": ["x"]}, {"lf": True}, {"args": ("tests/functional/test_run.py::x",)}])
def test_a_run_of_less_than_the_whole_suite_says_nothing_about_roles(choice: dict[str, Any]):
    assert finish([], **choice) == 0


def test_a_run_that_failed_keeps_its_own_status():
    assert finish([], status=pytest.ExitCode.TESTS_FAILED) == pytest.ExitCode.TESTS_FAILED
    assert finish([], status=pytest.ExitCode.INTERRUPTED) == pytest.ExitCode.INTERRUPTED


def test_a_process_of_xdist_tells_what_it_heard():
    config: Any = SimpleNamespace(workeroutput={})
    PolicyWatch(config, {ONE}).pytest_sessionfinish(SimpleNamespace(), 0)  # type: ignore[arg-type]
    assert config.workeroutput == {"calls": [tuple(ONE)]}
