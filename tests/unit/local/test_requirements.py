"""pip runs with --no-deps, so the lists must be complete by themselves."""

from __future__ import annotations

import re
from importlib.metadata import distribution, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
OF_THE_VENV = {"pip", "setuptools"}


def pins(text: str) -> dict[str, str]:
    return {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==(\S+)$", text, re.MULTILINE)}


PACKAGED = (ROOT / "requirements.txt").read_text()
DEV = (ROOT / "requirements-dev.txt").read_text()
LISTS = {"packaged": pins(PACKAGED), "run": pins(PACKAGED + DEV.split("# --- to test it")[0]),
         "test": pins(PACKAGED + DEV)}


@pytest.mark.parametrize("name", LISTS)
def test_list_holds_everything_that_its_packages_need(name: str) -> None:
    listed = LISTS[name]

    missing = {f"{package} needs {needed.name}" for package in listed for needed in needs(package)
               if canonicalize_name(needed.name) not in set(listed) | OF_THE_VENV}

    assert not missing


def test_installed_versions_are_the_pinned_ones_and_fit_each_other() -> None:
    installed = {name: distribution(name).version for name in LISTS["test"]}

    assert installed == LISTS["test"]
    misfits = {f"{package}: {needed}" for package in installed for needed in needs(package)
               if needed.name in installed and installed[needed.name] not in needed.specifier}
    assert not misfits


def test_package_for_lambda_has_neither_boto3_nor_chalice() -> None:
    assert not {"boto3", "botocore", "chalice"} & set(LISTS["packaged"])


def test_pins_have_wheels_for_lambdas_python_311() -> None:
    numpy, pillow = (tuple(map(int, LISTS["packaged"][name].split(".")[:2])) for name in ("numpy", "pillow"))

    assert numpy < (2, 3)
    assert pillow < (12, 1)


def needs(package: str) -> list[Requirement]:
    parsed = [Requirement(each) for each in requires(package) or []]
    return [each for each in parsed if each.marker is None or each.marker.evaluate({"extra": ""})]
