"""The description of the API over the API: public, kept by its ETag, and the page under a policy of its own."""

from __future__ import annotations

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from chalicelib.api.openapi import page
from tests.functional.rest import Api

both = pytest.mark.parametrize(("path", "kind"), [("/openapi.json", "application/json"),
                                                  ("/docs", "text/html; charset=utf-8")])


@pytest.fixture
def stranger(shared_api: Api) -> Api:
    """Somebody without a token."""
    return shared_api.as_("")


@both
def test_description_needs_no_token_and_may_be_kept(stranger: Api, path: str, kind: str):
    answer = stranger("GET", path)
    assert (answer.status, answer.headers["content-type"]) == (200, kind)
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["x-content-type-options"] == "nosniff"


@both
def test_description_is_not_sent_again_to_who_has_it(stranger: Api, path: str, kind: str):
    etag = stranger("GET", path).headers["etag"]
    again = stranger("GET", path, headers={"if-none-match": etag})
    assert (again.status, again.text, again.headers["etag"]) == (304, "", etag)
    assert stranger("GET", path, headers={"if-none-match": '"other"'}).status == 200


def test_document_that_is_served_is_valid(stranger: Api):
    told = stranger("GET", "/openapi.json").json
    assert [str(error.message) for error in OpenAPIV31SpecValidator(told).iter_errors()] == []
    assert told["servers"] == [{"url": ".", "description": "Where this document was found."}]


def test_page_has_a_policy_that_lets_nothing_but_its_style_in(stranger: Api):
    answer = stranger("GET", "/docs")
    assert answer.headers["content-security-policy"] == page.POLICY
    assert answer.text.startswith("<!doctype html>")
