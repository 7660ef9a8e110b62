"""One e-mail, one lead."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.pipelines.leads.dedupe import DedupeMode, changed, combine, email_identity
from chalicelib.pipelines.leads.fields import CONTENT

PRIOR = {"firstName": "Jane", "name": "Jane", "email": "jane@example.com", "company": "Acme", "leadId": "7"}
LATER = {"firstName": "Janet", "lastName": "Doe", "name": "Janet Doe", "email": "Jane@example.com", "title": "CEO"}
RECORDS = st.dictionaries(st.sampled_from(CONTENT), st.sampled_from(["a", "b", "c"]))


@pytest.mark.parametrize(("email", "identity"), [
    ("jane@example.com", "jane@example.com"), (" Jane@EXAMPLE.com ", "jane@example.com"),
    ("Mu\u0308ller@example.com", "müller@example.com"),
    (None, None), ("", None), (" ", None), ("N/A", None), ("null", None), ("None", None), ("na", None),
    ("Not Available", None), ("not provided", None), ("no address", None),
])
def test_identity_is_the_trimmed_address_in_lower_case(email: str | None, identity: str | None) -> None:
    assert email_identity(email) == identity


@pytest.mark.parametrize(("mode", "result"), [
    (DedupeMode.OVERWRITE, LATER),
    (DedupeMode.SKIP, {key: text for key, text in PRIOR.items() if key in CONTENT}),
    (DedupeMode.FILL_BLANKS, {"firstName": "Jane", "lastName": "Doe", "name": "Jane Doe", "email": "jane@example.com",
                              "company": "Acme", "title": "CEO"}),
])
def test_a_later_row_meets_a_lead_by_the_mode(mode: DedupeMode, result: Mapping[str, str]) -> None:
    assert combine(mode, PRIOR, LATER) == result


@pytest.mark.parametrize("mode", DedupeMode)
def test_without_a_prior_lead_the_row_is_the_lead(mode: DedupeMode) -> None:
    assert combine(mode, None, LATER) == LATER


def test_overwriting_takes_away_what_the_later_row_lacks() -> None:
    assert "company" not in combine(DedupeMode.OVERWRITE, PRIOR, LATER)


def test_a_name_that_was_typed_is_kept_when_blanks_are_filled() -> None:
    prior = {"firstName": "Jane", "name": "Jane Q. Doe"}
    assert combine(DedupeMode.FILL_BLANKS, prior, LATER)["name"] == "Jane Q. Doe"


@given(mode=st.sampled_from(DedupeMode), prior=RECORDS, record=RECORDS)
def test_the_same_row_twice_changes_nothing_the_second_time(
    mode: DedupeMode, prior: dict[str, str], record: dict[str, str]
) -> None:
    once = combine(mode, prior, record)
    assert not changed(once, combine(mode, once, record))


@given(prior=RECORDS, record=RECORDS)
def test_filling_blanks_loses_no_field(prior: dict[str, str], record: dict[str, str]) -> None:
    filled = combine(DedupeMode.FILL_BLANKS, prior, record)
    assert set(filled) == set(prior) | set(record)
    assert all(filled[field] == prior[field] for field in prior if field != "name")


@pytest.mark.parametrize(("before", "after", "differs"), [
    ({"email": "a"}, {"email": "a"}, False), ({"email": "a"}, {"email": "b"}, True),
    ({"email": "a"}, {"email": "a", "title": "x"}, True), ({"email": "a", "title": "x"}, {"email": "a"}, True),
    ({"email": "a", "title": None}, {"email": "a"}, False), ({"email": "a", "title": ""}, {"email": "a"}, False),
    ({"email": "a", "updatedAt": "1"}, {"email": "a", "updatedAt": "2"}, False),
])
def test_only_content_counts_as_a_change(
    before: Mapping[str, str | None], after: Mapping[str, str | None], differs: bool
) -> None:
    assert changed(before, after) is differs
