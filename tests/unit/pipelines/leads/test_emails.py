"""Addresses as people leave them in cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.pipelines.leads.emails import Addresses, normal_address, read_addresses


@pytest.mark.parametrize(("cell", "found", "rest"), [
    ("jane@example.com", ["jane@example.com"], ""),
    ("  Jane@Example.COM\u200b ", ["Jane@example.com"], ""),
    ("mailto:jane@example.com?subject=Hello", ["jane@example.com"], ""),
    ("<jane@example.com>", ["jane@example.com"], ""),
    ("'jane@example.com", ["jane@example.com"], ""),
    ('"jane@example.com"', ["jane@example.com"], ""),
    ("E-Mail: jane@example.com", ["jane@example.com"], ""),
    ("jane@example.com;", ["jane@example.com"], ""),
    ("jane@example.com (work)", ["jane@example.com"], ""),
    ("jane@example.com / n/a", ["jane@example.com"], ""),
    ("Jane Doe <jane@example.com>", ["jane@example.com"], "Jane Doe"),
    ('"Doe, Jane" <mailto:jane@example.com>', ["jane@example.com"], "Doe, Jane"),
    ("jane@example.com <jane@example.com>", ["jane@example.com"], ""),
    ("a@example.com; b@example.com", ["a@example.com", "b@example.com"], ""),
    ("a@example.com, b@example.com", ["a@example.com", "b@example.com"], ""),
    ("a@example.com b@example.com", ["a@example.com", "b@example.com"], ""),
    ("a@example.com\nb@example.com", ["a@example.com", "b@example.com"], ""),
    ("a@example.com or b@example.com", ["a@example.com", "b@example.com"], ""),
    ("a@example.com; A@Example.com", ["a@example.com"], ""),
    ("<a@example.com>, <b@example.com>", ["a@example.com", "b@example.com"], ""),
    ("jane@example.com; call first", ["jane@example.com"], "call first"),
])
def test_addresses_are_unwrapped(cell: str, found: list[str], rest: str) -> None:
    assert read_addresses(cell) == Addresses(tuple(found), rest)


@pytest.mark.parametrize("cell", [
    "jane doe@example.com", "jane@", "@example.com", "jane@example", "jane@@example.com", "jane@example,com",
    "jane@example..com", ".jane@example.com", "jane.@example.com", "jane(at)example.com", "jane at example.com",
    "jane@-example.com", "jane@exam_ple.com", "jane@example.com; bob@", "not an email", "www.example.com",
    f"{'j' * 65}@example.com", f"jane@{'e' * 64}.com", f"jane@{'e.' * 125}com", '"a\tb"@example.com',
])
def test_a_malformed_address_is_never_repaired(cell: str) -> None:
    assert read_addresses(cell).found == ()


@pytest.mark.parametrize("address", [
    "jane@test.com", "jane@example.test", "jane@printer.local", "jane@sub.example.org", "jane+tag@example.com",
    "o'neil@example.com", "j@example.io", "jane@123.com", '"jane doe"@example.com', "jane@[192.0.2.1]",
    "müller@example.de", "jane@bücher.example",
])
def test_syntax_alone_decides_and_not_whether_the_domain_exists(address: str) -> None:
    assert normal_address(address) == address


def test_a_domain_has_one_form_in_either_spelling() -> None:
    assert normal_address("jane@xn--bcher-kva.de") == normal_address("jane@BÜCHER.de") == "jane@bücher.de"


_ATOM = st.text("abcXYZ019_+-.'", min_size=1, max_size=70)


@given(local=_ATOM, domain=st.text("abcXYZ01-.", min_size=1, max_size=70))
def test_the_short_cut_for_plain_addresses_agrees_with_the_library(local: str, domain: str) -> None:
    from email_validator import EmailNotValidError, validate_email

    try:
        valid = validate_email(f"{local}@{domain}", check_deliverability=False, strict=True, test_environment=True,
                               globally_deliverable=False)
        expected = f"{local}@{domain.lower()}" if "." in valid.domain else None
    except EmailNotValidError:
        expected = None
    ours = normal_address(f"{local}@{domain}")
    assert (ours or "").lower() == (expected or "").lower()
