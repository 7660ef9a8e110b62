"""Every package of the design is used on a path that a drop really takes, and here is which.

"Really" means: reachable by imports, at once or later, from app.py.
"""

from __future__ import annotations

import tomllib

import pytest

from tests.architecture import sources

USED_BY = {
    "chalice": "app",
    "boto3": "chalicelib.adapters.aws",
    "pydantic": "chalicelib.settings",
    "requests": "chalicelib.adapters.http",
    "pandas": "chalicelib.api.report",
    "openpyxl": "chalicelib.tables.write",
    "PIL": "chalicelib.tables.sniff",
}
"""Package -> a module that imports it, for its named purpose."""

PURPOSE = {
    "chalice": "routes, events and schedules",
    "boto3": "the clients of every adapter",
    "pydantic": "settings and all edges",
    "requests": "calls to providers",
    "pandas": "the report's pivot of sheets and outcomes, as a workbook",
    "openpyxl": "workbooks out",
    "PIL": "naming a picture that was dropped where a spreadsheet belongs",
}


def importers(package: str) -> set[str]:
    return {module for module in sources.product()
            if any(each.module.split(".")[0] == package for each in sources.imports(module))}


@pytest.mark.parametrize("package", sorted(USED_BY))
def test_the_package_is_used_where_its_purpose_says(package):
    assert USED_BY[package] in importers(package), f"{package} ({PURPOSE[package]}) is imported by {importers(package)}"


@pytest.mark.parametrize("package", sorted(USED_BY))
def test_the_package_lies_on_a_path_of_the_app(package):
    assert importers(package) & sources.reachable("app")


@pytest.mark.parametrize("package", ["pytest", "moto", "hypothesis"])
def test_the_package_is_used_by_tests(package):
    files = sources.ROOT.joinpath("tests").rglob("*.py")
    assert [file for file in files if f"import {package}" in (text := file.read_text()) or f"from {package}" in text]


def test_requirements_name_no_library_that_the_runtime_brings():
    """boto3 alone would push the package over what Lambda takes; chalice vendors its own runtime."""
    lines = (sources.ROOT / "requirements.txt").read_text().splitlines()
    names = {line.split("==")[0].strip().lower() for line in lines if line.strip() and not line.startswith(("#", "-"))}
    assert names & {"boto3", "botocore", "chalice", "ministack", "moto", "pytest", "tqdm"} == set()


def test_requirements_are_pinned():
    lines = [line.split(";")[0].strip() for file in ("requirements.txt", "requirements-dev.txt")
             for line in (sources.ROOT / file).read_text().splitlines()]
    loose = [line for line in lines if line and not line.startswith(("#", "-r")) and "==" not in line]
    assert loose == []


def test_the_type_checker_is_strict():
    settings = tomllib.loads((sources.ROOT / "pyproject.toml").read_text())
    assert settings["tool"]["mypy"]["strict"] is True
