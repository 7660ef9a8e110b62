"""The console says at once which endings are taken, so its table must be the app's."""

from __future__ import annotations

import json
import re

import pytest

from chalicelib.api.console import files
from chalicelib.api.uploads import OPTIONS, supported_types


def listed(name: str) -> list[str]:
    """An array of texts in the module that guesses."""
    found = re.search(rf"export const {name} = (\[[^\]]*\]);", files().texts["guess.js"])
    assert found is not None
    return list(json.loads(found[1]))


@pytest.mark.parametrize(("name", "pipeline"), [
    ("SPREADSHEETS", "leads"), ("SPREADSHEETS", "products"), ("SPREADSHEETS", "prices"), ("PICTURES", "images")])
def test_the_console_knows_the_endings_that_a_pipeline_takes(name: str, pipeline: str) -> None:
    assert sorted(listed(name)) == sorted(supported_types(pipeline))


def test_the_console_offers_every_pipeline() -> None:
    assert sorted([*listed("ROWS"), "images"]) == sorted(OPTIONS)
