"""The README says what the code does: its tables, its commands and its paths are compared with it."""

from __future__ import annotations

import re
import shlex

import pytest

from chalicelib import cli
from chalicelib.jobs.model import Outcome, Status
from tests.docs import tables

TEXT = tables.README.read_text(encoding="utf-8")
ROOT = tables.README.parent
FRESHEN = "the README is behind the code: run `.venv/bin/python -m tests.docs.tables --write`"


@pytest.mark.parametrize("name", sorted(tables.TABLES))
def test_table_is_what_the_code_says(name):
    assert f"<!-- table:{name} -->\n{tables.TABLES[name]()}<!-- /table -->" in TEXT, FRESHEN


def test_every_route_says_what_it_does():
    silent = [line for line in tables.routes().splitlines() if line.endswith("|  |")]
    assert silent == []


def test_every_setting_says_what_it_means():
    assert "| None |" not in tables.settings()


def test_every_make_target_that_is_named_exists():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][\w-]*):", makefile, re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z][\w-]*)", TEXT, re.MULTILINE)) - {"deploy"}
    assert {"run", "test", "bench"} <= named <= targets


def cli_commands() -> list[str]:
    return re.findall(r"^(?:\$ )?\.venv/bin/python -m chalicelib\.cli (.*?)(?:\s+#.*)?$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("command", cli_commands())
def test_every_command_line_in_the_readme_is_understood(command):
    arguments = shlex.split(command.split(" > ")[0].split(" | ")[0])
    assert cli.parser().parse_args(arguments).run


def test_every_command_of_the_command_line_is_in_the_readme():
    known = {action.dest: action for action in cli.parser()._actions}["command"].choices
    shown = {shlex.split(command)[0] for command in cli_commands()}
    assert set(known) == shown


def test_every_path_that_is_named_exists():
    named = set(re.findall(r"`((?:chalicelib|tests|benchmarks|\.chalice|\.ci)/[\w./-]*|app\.py|Makefile)`", TEXT))
    assert len(named) > 10
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_every_benchmark_has_its_place():
    from benchmarks.__main__ import NAMES

    assert sorted(re.findall(r"<!-- bench:(\w+) -->\n(?:.*\n)*?<!-- /bench -->", TEXT)) == sorted(NAMES)


@pytest.mark.parametrize("word", [*Outcome, *Status])
def test_every_stored_word_is_explained(word):
    assert f"`{word.value}`" in TEXT


def test_every_package_is_in_the_map():
    described = set(re.findall(r"`chalicelib/(\w+)/`", TEXT))
    packages = {path.parent.name for path in ROOT.glob("chalicelib/*/__init__.py")}
    assert packages <= described


def test_the_readme_keeps_out_of_this_machine():
    assert not re.search(r"/tmp/|/home/\w|/root/", TEXT)
