"""The registry of operations and app.py say the same: neither a route too few nor one too many, and the same models.

What a view takes and answers is read from the sources, so that a change of one side alone is told.
"""

from __future__ import annotations

import ast
import importlib
import typing
from typing import Any

import pytest

from chalicelib import api
from chalicelib.api.models import Wire
from chalicelib.api.openapi.document import Route, problems_of, routes_of
from chalicelib.api.openapi.model import Operation
from chalicelib.api.openapi.operations import OPERATIONS
from chalicelib.api.openapi.parameters import PATH_PARTS, QUERY
from tests.architecture.sources import ROOT

APP = importlib.import_module("app")
ROUTES = routes_of(APP.app.routes)
TREE = ast.parse((ROOT / "app.py").read_text(encoding="utf-8"))
VIEWS = {node.name: node for node in TREE.body if isinstance(node, ast.FunctionDef)}

every = pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")


def test_every_route_has_an_operation_and_every_operation_a_route():
    assert sorted(route.view for route in ROUTES) == sorted(OPERATIONS)


def taken(view: str, reader: str) -> set[type[Wire]]:
    """The models that a view hands to `query` or `body`."""
    return {_model(call.args[0]) for call in ast.walk(VIEWS[view])
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == reader}


def _model(node: ast.expr) -> Any:
    """What `api.inputs.UploadQuery` names."""
    found: Any = api
    for name in ast.unparse(node).split(".")[1:]:
        found = getattr(found, name)
    return found


def parses_itself(view: str) -> bool:
    """Whether the view passes the request as it came."""
    return any(isinstance(node, ast.keyword) and node.arg == "request" and "current_request" in ast.unparse(node.value)
               for node in ast.walk(VIEWS[view]))


def declared(model: type[Wire] | None) -> set[type[Wire]]:
    return {model} if model else set()


@every
def test_a_view_reads_the_query_and_the_body_that_are_declared(route: Route):
    operation = OPERATIONS[route.view]
    for reader, model in (("query", operation.query), ("body", operation.body)):
        found = taken(route.view, reader)
        if found or not parses_itself(route.view):
            assert found == declared(model), reader


@every
def test_a_view_that_answers_a_model_answers_the_declared_one(route: Route):
    view = APP.app.routes[route.path][route.method].view_function
    answered = typing.get_type_hints(view, vars(APP))["return"]
    assert isinstance(answered, type), "answer a model, or a Response whose models are declared"
    models = {model for answer in OPERATIONS[route.view].answers for model in answer.models}
    assert not issubclass(answered, dict), "a body without a model cannot be described"
    if issubclass(answered, Wire):
        assert models == {answered}
        assert [answer.status for answer in OPERATIONS[route.view].answers] == [200]


@every
def test_a_view_takes_a_form_where_one_is_declared(route: Route):
    kinds = APP.app.routes[route.path][route.method].content_types
    operation = OPERATIONS[route.view]
    wanted = ["*/*"] if operation.form and operation.body else ["multipart/form-data"] if operation.form else \
        ["application/json"]
    assert kinds == wanted


FORMS = [(view, operation) for view, operation in OPERATIONS.items() if operation.form]


@pytest.mark.parametrize(("view", "operation"), FORMS, ids=[view for view, _ in FORMS])
def test_the_function_behind_a_form_reads_the_declared_fields(view: str, operation: Operation):
    asked = next(call for call in ast.walk(VIEWS[view])
                 if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "ask")
    module = importlib.import_module(_model(asked.args[0]).__module__)
    tree = ast.parse((ROOT / f"{module.__name__.replace('.', '/')}.py").read_text(encoding="utf-8"))
    read = {ast.unparse(call.args[0]) for call in ast.walk(tree)
            if isinstance(call, ast.Call) and ast.unparse(call.func) in ("taken", "parsed") and call.args}
    assert operation.form is not None
    assert operation.form.__name__ in read


@every
def test_every_path_part_and_parameter_is_described(route: Route):
    operation = OPERATIONS[route.view]
    fields = operation.query.model_fields if operation.query else {}
    names = {field.alias or name for name, field in fields.items()} - {"filters"}
    assert set(route.parts) <= set(PATH_PARTS)
    assert names <= set(QUERY)


def test_no_description_of_a_part_or_parameter_is_left_over():
    parts = {part for route in ROUTES for part in route.parts}
    queries = {field.alias or name for operation in OPERATIONS.values() if operation.query
               for name, field in operation.query.model_fields.items()}
    assert set(PATH_PARTS) - parts == set()
    assert set(QUERY) - queries == set()


@every
def test_operators_routes_refuse_others(route: Route):
    """`require(Role.OPERATOR)` stands in the function that the view calls, not only a role that was asked for."""
    asked = [call for call in ast.walk(VIEWS[route.view]) if isinstance(call, ast.Call)
             and isinstance(call.func, ast.Name) and call.func.id == "ask"]
    functions = [_model(call.args[0]) for call in asked]
    names = {name for function in functions for name in function.__code__.co_names}
    assert ({"require", "OPERATOR"} <= names) is OPERATIONS[route.view].operators


@every
def test_no_code_is_declared_that_the_rules_add_anyway(route: Route):
    operation = OPERATIONS[route.view]
    bare = Operation(operation.tag, operation.answers, query=operation.query, body=operation.body, form=operation.form)
    assert set(operation.errors) & set(problems_of(route, bare)) == set()
