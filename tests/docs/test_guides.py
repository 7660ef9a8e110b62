"""The guides name only what exists: links and anchors, make targets, routes, functions, settings."""

from __future__ import annotations

import importlib
import json
import re
import shlex
from pathlib import Path

import pytest

from chalicelib.settings import Settings
from tests.docs.tables import environment_names

ROOT = Path(__file__).resolve().parents[2]
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?://)([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)

names = pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)


def text_of(guide: Path) -> str:
    return guide.read_text(encoding="utf-8")


def anchors(guide: Path) -> set[str]:
    """As GitHub makes them: lower case, spaces to hyphens, everything else but letters, digits, _ and - dropped."""
    headings = HEADING.findall(FENCED.sub("", text_of(guide)))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@names
def test_every_link_leads_somewhere(guide):
    broken = []
    for link in LINK.findall(text_of(guide)):
        path, _, anchor = link.partition("#")
        target = (guide.parent / path).resolve() if path else guide
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@names
def test_every_make_target_that_is_named_exists(guide):
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z][\w-]*)", text_of(guide), re.MULTILINE)) <= targets


@names
def test_every_route_that_is_named_exists(guide):
    app = importlib.import_module("app").app
    known = {f"{method} {re.sub(r'{[^}]*}', '{}', path)}" for path, methods in app.routes.items() for method in methods}
    named = re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /[\w/{}.-]*)(?:\?[^`]*)?`(?!, not there yet)", text_of(guide))
    assert {re.sub(r"{[^}]*}", "{}", route) for route in named} - known == set()


def test_the_table_of_functions_names_every_function():
    blocks = json.loads((ROOT / ".chalice" / "config.json").read_text())["lambda_functions"]
    seeds = text_of(ROOT / "docs" / "seeds.md")
    assert [name for name in blocks if f"`{name}`" not in seeds] == []


def test_every_variable_of_the_seeds_that_is_honoured_is_a_setting():
    rows = re.findall(r"^\| S[\d, S]+ \| (`[^|]+) \| honoured", text_of(ROOT / "docs" / "seeds.md"), re.MULTILINE)
    known = {name for field in Settings.model_fields.values() for name in environment_names(field)}
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert len(named) >= 6
    assert named <= known


@names
def test_guides_keep_out_of_this_machine(guide):
    assert not re.search(r"/tmp/|/home/\w|/root/", text_of(guide))


@names
def test_every_deploy_command_is_understood(guide):
    from chalicelib.deploy.__main__ import parser

    for command in re.findall(r"^\.venv/bin/python -m chalicelib\.deploy (.*)$", text_of(guide), re.MULTILINE):
        assert parser().parse_args(shlex.split(command)).run
