"""Holds the roles against the calls that were heard, once the whole functional suite has passed.

No single test can: under xdist the suite runs in several processes. Each tells its calls when it ends, the process that
the others report to compares, and a difference fails the run.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import pytest

from tests.architecture import policies
from tests.architecture.sources import ROOT
from tests.functional.calls import Call

FOLDER = "tests/functional/"
CHOOSING = ("keyword", "markexpr", "deselect", "lf", "ignore")
"""Options that leave tests out; what is heard then says nothing about what is unused."""


class PolicyWatch:
    """A plugin of pytest, in every process of a run; `heard` grows while the process makes calls."""

    def __init__(self, config: pytest.Config, heard: Set[Call]) -> None:
        self._config = config
        self._heard = heard
        self._told: set[Call] = set()
        self._files: set[str] = set()
        self._problems: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._files.add(report.nodeid.partition("::")[0])

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A process of xdist has ended; one that crashed has told nothing, and the run has failed anyway."""
        told = getattr(node, "workeroutput", {})
        self._told |= {Call(*call) for call in told.get("calls", [])}

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if hasattr(self._config, "workeroutput"):
            self._config.workeroutput["calls"] = [tuple(call) for call in self._heard]
        elif exitstatus == 0 and self._whole():
            self._problems = policies.problems(policies.grants(), self._heard | self._told)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED if self._problems else exitstatus

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._problems:
            terminalreporter.section("roles in .chalice/resources.yaml differ from the calls that were heard", red=True)
            for problem in self._problems:
                terminalreporter.line(problem)

    def _whole(self) -> bool:
        chosen = any(self._config.getoption(name, None) for name in CHOOSING)
        files = {path.relative_to(ROOT).as_posix() for path in (ROOT / FOLDER).glob("test_*.py")}
        return files <= self._files and not chosen and not any("::" in each for each in self._config.args)
