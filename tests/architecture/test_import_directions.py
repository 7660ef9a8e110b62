"""Who may know whom. The engine knows no pipeline and no AWS; the edges know the engine, never the other way."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import pytest

from tests.architecture import sources

FOUNDATION = {"errors", "settings"}
PURE = {"imaging", "matching", "asking"}

KNOWS: Mapping[str, set[str]] = {
    "errors": set(),
    "settings": {"errors"},
    "masking": set(),
    "logs": FOUNDATION | {"masking"},
    "metrics": FOUNDATION | {"logs"},
    "costs": FOUNDATION,
    "imaging": FOUNDATION,
    "matching": FOUNDATION,
    "asking": FOUNDATION,
    "tables": FOUNDATION | {"jobs"},
    "jobs": FOUNDATION | {"logs", "metrics", "costs"},
    "pipelines": FOUNDATION | PURE | {"jobs", "tables", "adapters", "logs", "metrics", "costs"},
    "adapters": FOUNDATION | {"jobs", "logs", "metrics", "costs", "pipelines", "tables", "matching"},
    "api": FOUNDATION | {"jobs", "tables", "pipelines", "adapters", "logs", "masking", "metrics", "costs",
                          "matching", "asking"},
    "bootstrap": FOUNDATION | PURE | {"jobs", "tables", "pipelines", "adapters", "api", "logs", "metrics", "costs"},
    "application": {"settings"},
    "app": {"application", "bootstrap", "jobs", "api", "settings"},
    "local": FOUNDATION | PURE | {"jobs", "tables", "pipelines", "adapters", "api", "logs", "metrics", "costs",
                                  "bootstrap", "app", "deploy"},
    "deploy": FOUNDATION | {"bootstrap", "logs", "metrics"},
    "sqs_enrichment_service": {"adapters"},
    "post_form": set(),
    "terminal": set(),
    "client": {"post_form"},
    "cli_operators": {"client", "terminal"},
    "cli": {"client", "cli_operators", "terminal", "settings", "deploy"},
}
"""Layer -> the other layers of ours that it may import, at any time, also inside a function."""

NARROWER: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("tables", "jobs"): ("chalicelib.jobs.model",),
    ("adapters", "pipelines"): ("chalicelib.pipelines.leads", "chalicelib.pipelines.products"),
    ("local", "deploy"): ("chalicelib.deploy.template",),
}
"""Of the layer on the right, only these modules (and what lies in them)."""

AWS = {"boto3", "botocore", "mypy_boto3_dynamodb", "mypy_boto3_s3", "mypy_boto3_sqs", "aws_lambda_powertools"}
NETWORK = {"requests", "urllib3", "http", "socket", "httpx", "pymongo"}
MAY_USE: Mapping[str, set[str]] = {
    "boto3": {"adapters", "bootstrap", "local", "deploy"},
    "botocore": {"adapters", "bootstrap", "local", "deploy"},
    "requests": {"adapters", "bootstrap", "client", "local"},
    "chalice": {"app", "application", "api", "local", "deploy"},
    "tqdm": {"terminal"},
    "ministack": {"local"},
}
"""Library -> the only layers that may import it."""


def edges() -> list[sources.Import]:
    return [each for module in sources.product() for each in sources.imports(module)]


def test_every_layer_imports_only_what_it_may_know():
    ours = [each for each in edges() if each.module.split(".")[0] in ("chalicelib", "app")]
    assert ours, "no imports found: the reader of the sources is broken"
    wrong = [str(each) for each in ours if not _allowed(sources.layer(each.name), each.module)]
    assert wrong == []


def _allowed(importer: str, module: str) -> bool:
    imported = sources.layer(module)
    if imported in (importer, "chalicelib"):
        return True
    only = NARROWER.get((importer, imported))
    return imported in KNOWS[importer] and (
        only is None or f"{module}.".startswith(tuple(f"{each}." for each in only)))


def test_every_layer_has_a_rule():
    assert {sources.layer(module) for module in sources.product()} - {"chalicelib"} <= set(KNOWS)


def test_only_local_imports_local():
    wrong = [str(each) for each in edges()
             if sources.layer(each.module) == "local" and sources.layer(each.name) != "local"]
    assert wrong == []


def test_nothing_imports_the_command_line():
    alone = {"cli", "cli_operators", "client", "terminal", "post_form"}
    wrong = [str(each) for each in edges()
             if sources.layer(each.module) in alone and sources.layer(each.name) not in alone]
    assert wrong == []


@pytest.mark.parametrize("layer", ["jobs", "tables", "imaging", "matching", "asking", "errors", "settings"])
def test_the_core_speaks_to_no_service(layer):
    wrong = [str(each) for each in edges() if sources.layer(each.name) == layer
             and each.module.split(".")[0] in AWS | NETWORK | {"chalice"}]
    assert wrong == []


def test_the_engine_needs_nothing_but_the_standard_library_and_what_writes_and_checks_its_messages():
    strangers = [str(each) for each in edges() if sources.layer(each.name) == "jobs"
                 and each.module.split(".")[0] not in sys.stdlib_module_names | {"chalicelib", "orjson", "pydantic"}]
    assert strangers == []


@pytest.mark.parametrize("library", sorted(MAY_USE))
def test_a_library_is_imported_in_its_layers_only(library):
    wrong = [str(each) for each in edges()
             if each.module.split(".")[0] == library and sources.layer(each.name) not in MAY_USE[library]]
    assert wrong == []


def test_modules_import_each_other_in_no_circle():
    """Circles make the order of imports matter, and every function of ours starts with another one."""
    graph = {module: [each.module for each in sources.imports(module)
                      if each.eager and each.module in sources.product()] for module in sources.product()}
    done: set[str] = set()
    for module in graph:
        _walk(graph, module, (), done)


def _walk(graph: Mapping[str, list[str]], module: str, trail: tuple[str, ...], done: set[str]) -> None:
    assert module not in trail, f"circle: {' -> '.join([*trail, module])}"
    if module not in done:
        for imported in graph[module]:
            _walk(graph, imported, (*trail, module), done)
        done.add(module)
