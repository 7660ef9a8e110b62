"""The OpenAPI document: routes of the app, their views' words, and what the registry says of each.

The same routes always make the same document, byte for byte. What follows from a rule (who needs a token, which codes
any route may answer) is added here, so that the registry holds only what is an operation's own.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.api import auth, idempotency
from chalicelib.api.inputs import ImagesOptions, LeadsOptions, PricesOptions, ProductsOptions
from chalicelib.api.models import ErrorBody, Wire
from chalicelib.api.openapi.model import FORM, JSON, Answer, Operation, Tag
from chalicelib.api.openapi.parameters import ANSWER_HEADERS, PATH_PARTS, QUERY, REQUEST_HEADERS, Part
from chalicelib.api.openapi.schemas import Schemas
from chalicelib.api.requests import FILTER_PREFIX
from chalicelib.errors import Problem, RequestProblem

VERSION = "3.1.0"
TITLE = "Dropmill"
ABOUT = """Files go in, work that is done comes out: leads, products, prices and images. JSON is in camelCase; unknown
fields are refused. Whatever belongs to somebody else is answered as if it did not exist. Every error has one body with
a code, and every answer an `X-Request-Id` (and an `X-Correlation-Id`, yours if you sent one) that finds it in the
logs."""
BEARER = """HS256, or RS256 and ES256 with a key of the issuer's set. `sub`, `iss`, `aud` and `exp` are demanded; roles,
and the owner if it is not the subject, stand in claims that the stage names (`roles`, `org`)."""
OPTIONS = (LeadsOptions, ProductsOptions, PricesOptions, ImagesOptions)
"""What `options` of an upload may be, by pipeline; no route takes them alone."""
REASONS = {200: "Done.", 201: "Made.", 202: "Accepted; the work happens later.", 204: "Done; there is nothing to tell.",
           304: "Unchanged; no body."}
WITH_BODY = ("POST", "PUT", "PATCH")

Json = dict[str, Any]
Registry = Mapping[str, Operation]


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the app, as far as its description needs it."""

    method: str
    path: str
    view: str
    words: str

    @property
    def parts(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.path)

    @property
    def public(self) -> bool:
        return not auth.needs_token(self.method, self.path)


def routes_of(routes: Mapping[str, Mapping[str, Any]]) -> tuple[Route, ...]:
    """The routes of a Chalice app, by path and method."""
    found = [Route(method, path, entry.view_function.__name__, inspect.getdoc(entry.view_function) or "")
             for path, methods in routes.items() for method, entry in methods.items()]
    return tuple(sorted(found, key=lambda route: (route.path, route.method)))


def document(routes: Iterable[Route], operations: Registry, *, release: str) -> Json:
    """The whole document. Raises KeyError for a route, path part or parameter that nobody described."""
    known = [(route, operations[route.view]) for route in routes]
    schemas = _schemas([operation for _, operation in known])
    paths: dict[str, Json] = {}
    for route, operation in known:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, operation, schemas)
    return {
        "openapi": VERSION,
        "info": {"title": TITLE, "version": release, "description": _line(ABOUT)},
        "servers": [{"url": ".", "description": "Where this document was found."}],
        "tags": [{"name": tag.title, "description": tag.about} for tag in Tag],
        "security": [{"bearer": []}, {"apiKey": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.components, "responses": _refusals(known),
            "headers": {name: {"description": about, "schema": dict(schema)}
                        for name, (about, schema) in ANSWER_HEADERS.items()},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": _line(BEARER)},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key",
                           "description": "A key of `POST /api-keys` in place of a token, never beside one."}}}}


def problems_of(route: Route, operation: Operation) -> tuple[Problem, ...]:
    """Every code that the operation may answer, by status: its own, and those that follow from what it takes."""
    found = [*operation.errors, *_usual(route, operation)]
    return tuple(sorted(dict.fromkeys(found), key=lambda each: (each.status_code, each.value)))


def _usual(route: Route, operation: Operation) -> Iterator[Problem]:
    yield from (RequestProblem.RATE_LIMITED, RequestProblem.INTERNAL, RequestProblem.UNAVAILABLE)
    if not route.public:
        yield from (RequestProblem.UNAUTHORIZED, RequestProblem.FORBIDDEN)
    if operation.query or operation.body or operation.form or _once(route):
        yield RequestProblem.BAD_REQUEST
    if operation.query and "cursor" in operation.query.model_fields:
        yield RequestProblem.BAD_CURSOR
    if _once(route):
        yield RequestProblem.IDEMPOTENCY_MISMATCH
    if route.method in WITH_BODY:
        yield from (RequestProblem.LENGTH_REQUIRED, RequestProblem.PAYLOAD_TOO_LARGE, RequestProblem.UNSUPPORTED_TYPE)


def _once(route: Route) -> bool:
    return route.method == "POST" and not route.public and route.path not in idempotency.READING


# --- one operation


def _operation(route: Route, operation: Operation, schemas: Schemas) -> Json:
    summary, description = _words(route.words)
    told: Json = {"operationId": route.view, "tags": [operation.tag.title], "summary": summary}
    if description:
        told["description"] = description
    if route.public:
        told["security"] = []
    if parameters := [*_parameters(route, operation, schemas)]:
        told["parameters"] = parameters
    if content := _request(operation, schemas):
        told["requestBody"] = {"required": operation.body_required, "content": content}
    told["responses"] = {**_answers(operation, schemas), **_refused(problems_of(route, operation))}
    if operation.operators:
        told["x-roles"] = [auth.Role.OPERATOR.value]
    return told


def _words(words: str) -> tuple[str, str]:
    """The first sentence, and all of it where there is more."""
    prose = _line(words.split("\n\n")[0])
    first = re.split(r"(?<=[.;]) ", prose)[0].rstrip(".;")
    return first, prose if prose.rstrip(".") != first else ""


def _parameters(route: Route, operation: Operation, schemas: Schemas) -> Iterator[Json]:
    for name in route.parts:
        yield _parameter(name, "path", PATH_PARTS[name])
    if operation.query:
        required = schemas.required(operation.query)
        for name, schema in schemas.fields(operation.query).items():
            if name != "filters":
                yield {"name": name, "in": "query", "description": QUERY[name], "schema": schema,
                       **({"required": True} if name in required else {})}
    for field in operation.filters:
        yield {"name": f"{FILTER_PREFIX}{field}", "in": "query", "schema": {"type": "string", "maxLength": 200},
               "description": f"Only where `{field}` contains this text, whatever the case."}
    for name in (*operation.headers, *(("Idempotency-Key",) if _once(route) else ())):
        yield _parameter(name, "header", REQUEST_HEADERS[name])


def _parameter(name: str, where: str, part: Part) -> Json:
    told: Json = {"name": name, "in": where, "description": part.about, "schema": dict(part.schema)}
    return {**told, **({"required": True} if part.required else {}), "example": part.example}


def _request(operation: Operation, schemas: Schemas) -> Json:
    content: Json = {}
    if operation.body:
        content[JSON] = {"schema": schemas.ref(operation.body, "validation")}
        if operation.seen is not None:
            content[JSON]["example"] = dict(operation.seen)
    if operation.form:
        content[FORM] = {"schema": _form(operation.form, schemas)}
    return content


def _form(model: type[Wire], schemas: Schemas) -> Json:
    """The parts of a form. An object travels as JSON text, which is what OpenAPI supposes of one; blank is absent."""
    blank = {name: {word: part for word, part in schema.items() if word != "minLength"}
             for name, schema in schemas.fields(model).items()}
    file = {"type": "string", "contentMediaType": "application/octet-stream", "description": "The file, with its name."}
    return {"type": "object", "description": _line(model.__doc__ or ""), "required": ["file"],
            "properties": {"file": file, **blank}, "additionalProperties": False}


def _answers(operation: Operation, schemas: Schemas) -> Json:
    told: dict[str, Json] = {}
    for answer in operation.answers:
        one = told.setdefault(str(answer.status), {"description": REASONS[answer.status]})
        if answer.headers:
            one["headers"] = {**one.get("headers", {}), **{
                name: {"$ref": f"#/components/headers/{name}"} for name in answer.headers}}
        if answer.media:
            one.setdefault("content", {})[answer.media] = _content(answer, schemas)
    return told


def _content(answer: Answer, schemas: Schemas) -> Json:
    if not answer.models:
        return {"schema": {"type": "object" if answer.media == JSON else "string"}}
    refs = [schemas.ref(model, "serialization") for model in answer.models]
    return {"schema": refs[0] if len(refs) == 1 else {"anyOf": refs}}


# --- refusals: one for each set of codes that some operation answers with one status


def _refused(problems: tuple[Problem, ...]) -> Json:
    return {str(status): {"$ref": f"#/components/responses/{_title(codes)}"} for status, codes in _by_status(problems)}


def _refusals(known: list[tuple[Route, Operation]]) -> Json:
    sets = {codes for route, operation in known for _, codes in _by_status(problems_of(route, operation))}
    return {_title(codes): _refusal(codes) for codes in sorted(sets, key=lambda each: _title(each))}


def _by_status(problems: tuple[Problem, ...]) -> list[tuple[int, tuple[Problem, ...]]]:
    statuses = sorted({each.status_code for each in problems})
    return [(status, tuple(each for each in problems if each.status_code == status)) for status in statuses]


def _refusal(codes: tuple[Problem, ...]) -> Json:
    status = codes[0].status_code
    names = ["X-Request-Id", *(["WWW-Authenticate"] if status == 401 else []),
             *(["Retry-After"] if status in (409, 429, 503) else [])]
    code = {"enum": [each.value for each in codes]}
    return {
        "description": " ".join(each.sentence for each in codes),
        "x-codes": {each.value: each.sentence for each in codes},
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": {JSON: {"schema": {"allOf": [
            {"$ref": "#/components/schemas/ErrorBody"},
            {"type": "object", "properties": {"error": {"type": "object", "properties": {"code": code}}}}]}}}}


def _title(codes: tuple[Problem, ...]) -> str:
    """Long sets are named by their first codes and their number, which no two of them share."""
    names = [each.value for each in codes]
    return ".".join(names if len(names) < 6 else [*names[:2], f"and_{len(names) - 2}_more"])


# --- models


def _schemas(operations: list[Operation]) -> Schemas:
    incoming = [each.body for each in operations if each.body]
    outgoing = [model for each in operations for answer in each.answers for model in answer.models]
    spread = [model for each in operations for model in (each.query, each.form) if model]
    return Schemas([*incoming, *OPTIONS], [*outgoing, ErrorBody], spread)


def _line(text: str) -> str:
    return " ".join(text.split())
