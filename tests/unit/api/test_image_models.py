"""What image routes take and answer: folders as people write them, and what is saved."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from chalicelib.api.image_models import ImageQuery, SyncQuery
from chalicelib.api.images import saved_percent


@pytest.mark.parametrize(("written", "meant"), [
    ("", ""), ("/", ""), ("trip", "/trip"), ("/Trip/", "/Trip"), ("//trip/inner//", "/trip/inner"), ("   ", "")])
def test_a_folder_is_taken_as_people_write_it(written: str, meant: str):
    assert ImageQuery.model_validate({"folder": written}).place == meant


@pytest.mark.parametrize("given", [{"limit": "0"}, {"limit": "201"}, {"folder": "x" * 1025}, {"page": "1"}])
def test_a_query_beyond_its_bounds_is_refused(given: dict[str, str]):
    with pytest.raises(ValidationError):
        ImageQuery.model_validate(given)


def test_a_sync_lists_changes_only_unless_all_is_asked_for():
    assert SyncQuery.model_validate({}).full is False
    assert SyncQuery.model_validate({"full": "true"}).full is True


@pytest.mark.parametrize(("before", "after", "saved"), [
    (1000, 250, 75.0), (3, 1, 66.7), (100, 100, 0.0), (100, 150, -50.0), (0, 10, 0.0)])
def test_what_is_saved_is_told_in_per_cent_of_the_original(before: int, after: int, saved: float):
    assert saved_percent(before, after) == saved
