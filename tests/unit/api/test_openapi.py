"""The OpenAPI document: valid, complete, the same every time, and true about what goes in and out."""

from __future__ import annotations

import importlib
import json
import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from chalicelib.api import auth
from chalicelib.api.catalogue_models import CatalogueTaken
from chalicelib.api.day_models import DayReport
from chalicelib.api.inputs import LeadQuery, ResumeRequest
from chalicelib.api.lead_view import FIELDS
from chalicelib.api.models import Health, LeadView
from chalicelib.api.openapi.document import Route, document, problems_of, routes_of
from chalicelib.api.openapi.model import NOTHING, Operation, Tag, ok
from chalicelib.api.openapi.operations import OPERATIONS
from chalicelib.api.price_models import ResultRow
from chalicelib.jobs import daily

APP = importlib.import_module("app").app
ROUTES = routes_of(APP.routes)
DOCUMENT = document(ROUTES, OPERATIONS, release="1")


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [(method, path, operation) for path, methods in DOCUMENT["paths"].items()
            for method, operation in methods.items()]


every = pytest.mark.parametrize(("method", "path", "operation"), operations(),
                                ids=[f"{method} {path}" for method, path, _ in operations()])


def one(operation: Operation, route: Route | None = None) -> dict[str, Any]:
    """The document of one operation alone."""
    route = route or Route("GET", "/things", "list_things", "Lists things, newest first; `limit` pages. And more.")
    made = document([route], {route.view: operation}, release="1")
    return dict(made["paths"][route.path][route.method.lower()])


def test_document_is_valid_openapi():
    assert [str(error.message) for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_document_is_the_same_byte_for_byte_every_time():
    otherwise = dict(reversed(APP.routes.items()))
    again = document(routes_of(otherwise), OPERATIONS, release="1")
    assert json.dumps(again) == json.dumps(DOCUMENT)


def test_every_reference_leads_somewhere_and_nothing_is_left_over():
    text = json.dumps(DOCUMENT)
    refs = set(re.findall(r'"\$ref": "#/components/(\w+/[\w.-]+)"', text))
    known = {f"{kind}/{name}" for kind, things in DOCUMENT["components"].items() for name in things}
    loose = {"schemas/LeadsOptions", "schemas/ProductsOptions", "schemas/PricesOptions", "schemas/ImagesOptions"}
    assert refs <= known
    assert known - refs - loose - {each for each in known if each.startswith("securitySchemes/")} == set()


@every
def test_operation_says_what_it_is_and_how_it_ends(method: str, path: str, operation: dict[str, Any]):
    assert operation["summary"]
    assert operation["tags"][0] in {tag.title for tag in Tag}
    assert set(re.findall(r"{(\w+)}", path)) == {
        each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
    assert any(status < "400" for status in operation["responses"])
    assert {"429", "500", "503"} <= set(operation["responses"])


@every
def test_all_but_public_operations_want_a_token(method: str, path: str, operation: dict[str, Any]):
    public = (method.upper(), path) in auth.PUBLIC
    assert (operation.get("security") == []) is public
    assert ("401" in operation["responses"]) is (not public or operation["operationId"] == "hear_dropbox")


def test_operation_ids_are_the_names_of_the_views():
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(ids) == len(set(ids))
    assert set(ids) == set(OPERATIONS)


def test_lead_filters_are_declared_one_by_one():
    names = [each["name"] for each in DOCUMENT["paths"]["/leads"]["get"]["parameters"]]
    assert [name for name in names if name.startswith("filter_")] == [f"filter_{field}" for field in FIELDS]
    assert "filters" not in names


def test_query_parameter_that_is_absent_is_not_null():
    told = one(Operation(Tag.LEADS, (ok(LeadView),), query=LeadQuery))
    page = next(each for each in told["parameters"] if each["name"] == "page")
    assert page["schema"] == {"minimum": 1, "type": "integer"}


def test_first_sentence_is_the_summary_and_a_second_one_makes_a_description():
    told = one(Operation(Tag.LEADS, (ok(LeadView),)))
    assert told["summary"] == "Lists things, newest first"
    assert told["description"].endswith("And more.")
    assert "description" not in one(Operation(Tag.LEADS, (NOTHING,)), Route("GET", "/a", "a", "Does one thing."))


def test_posts_may_be_repeated_under_a_key():
    told = one(Operation(Tag.JOBS, (ok(Health),), body=ResumeRequest), Route("POST", "/a", "a", "Does it."))
    assert "Idempotency-Key" in {each["name"] for each in told["parameters"]}
    assert "409" in told["responses"]


def test_question_changes_nothing_and_takes_no_key():
    asked = DOCUMENT["paths"]["/chat"]["post"]
    assert "parameters" not in asked
    assert "409" not in asked["responses"]


def test_answers_without_a_body_have_no_content():
    assert "content" not in DOCUMENT["paths"]["/leads/{lead_id}"]["delete"]["responses"]["204"]
    assert "content" not in DOCUMENT["paths"]["/status/{job_id}"]["get"]["responses"]["304"]


def test_errors_name_the_codes_that_the_route_may_answer():
    refusal = DOCUMENT["paths"]["/leads/{lead_id}"]["patch"]["responses"]["409"]["$ref"].rpartition("/")[2]
    schema = DOCUMENT["components"]["responses"][refusal]["content"]["application/json"]["schema"]
    assert schema["allOf"][0] == {"$ref": "#/components/schemas/ErrorBody"}
    assert schema["allOf"][1]["properties"]["error"]["properties"]["code"] == {"enum": ["EMAIL_TAKEN"]}


def test_no_two_sets_of_codes_share_a_name():
    sets = {tuple(each for each in problems_of(route, OPERATIONS[route.view]) if each.status_code == status)
            for route in ROUTES for status in range(400, 600)} - {()}
    assert len(DOCUMENT["components"]["responses"]) == len(sets)


def test_route_that_nobody_described_is_an_error():
    with pytest.raises(KeyError):
        document([Route("GET", "/new", "new", "New.")], OPERATIONS, release="1")


def test_schema_of_an_answer_has_the_names_that_are_sent():
    taken = CatalogueTaken(message="m", catalog_id="c", job_id="j", filename="f", total_items=None, products=1,
                           rejected=0, status="completed", status_url="/s", duplicate_of=None)
    for model in (CatalogueTaken, LeadView, ResultRow):
        assert model.__name__ in DOCUMENT["components"]["schemas"]
    schema = DOCUMENT["components"]["schemas"]["CatalogueTaken"]
    assert set(schema["properties"]) == set(schema["required"]) == set(taken.as_json())
    assert "_worksheet" in DOCUMENT["components"]["schemas"]["LeadView"]["properties"]


def test_report_of_a_day_is_as_described():
    tally = daily.Tally("2026-11-22", slowest=[{"jobId": "j", "pipeline": "leads", "rows": 2, "seconds": 1.5}])
    made = daily.report(tally, dead_letters={"leads-dlq": 1}, at="2026-11-23T00:20:00.000Z")
    assert DayReport.model_validate(made).as_json() == json.loads(json.dumps(made))
