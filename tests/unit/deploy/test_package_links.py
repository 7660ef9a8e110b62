"""Real compiled modules of this environment, held against runtimes that have less than they need."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from chalicelib.deploy.package import links
from chalicelib.deploy.package.runtimes import Runtime, runtime
from chalicelib.errors import PackageRefused

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="compiled modules are ELF files on Linux only")

AMAZON_2 = runtime("3.11")


@pytest.fixture(scope="module")
def compiled() -> Path:
    """A compiled module that links the system's libraries only."""
    found = find_spec("pydantic_core._pydantic_core")
    assert found
    assert found.origin
    return Path(found.origin)


def with_glibc(*version: int) -> Runtime:
    return dataclasses.replace(AMAZON_2, symbols={**AMAZON_2.symbols, "GLIBC": version})


def test_module_of_a_manylinux_wheel_is_fine(compiled):
    assert [*links.problems(compiled, AMAZON_2)] == []


def test_symbol_that_is_newer_than_the_systems_is_named(compiled):
    told = [*links.problems(compiled, with_glibc(2, 3))]
    assert any(each.startswith("needs GLIBC_2.") and each.endswith(" of libc.so.6") for each in told)
    assert "needs GLIBC_2.2.5 of libc.so.6" not in told


def test_library_that_the_runtime_lacks_is_named(compiled):
    poor = dataclasses.replace(AMAZON_2, libraries=AMAZON_2.libraries - {"libc.so.6"})
    assert "links libc.so.6, which neither the runtime nor the package brings" in [*links.problems(compiled, poor)]


def test_library_that_the_wheel_brings_counts_only_while_it_is_there(tmp_path):
    spec = find_spec("numpy")
    assert spec
    assert spec.origin
    site = Path(spec.origin).parents[1]
    shutil.copytree(site / "numpy" / "linalg", tmp_path / "numpy" / "linalg")
    shutil.copytree(site / "numpy.libs", tmp_path / "numpy.libs")
    assert links.check(tmp_path, AMAZON_2) >= 3
    shutil.rmtree(tmp_path / "numpy.libs")
    with pytest.raises(PackageRefused, match=r"numpy/linalg/.* links libscipy_openblas.*neither"):
        links.check(tmp_path, AMAZON_2)


def test_module_for_another_machine_is_refused(tmp_path, compiled):
    foreign = bytearray(compiled.read_bytes())
    foreign[18:20] = (183).to_bytes(2, "little")  # e_machine: AArch64
    (tmp_path / "x.so").write_bytes(foreign)
    with pytest.raises(PackageRefused, match=r"x\.so is for another machine"):
        links.check(tmp_path, AMAZON_2)


def test_files_that_are_not_compiled_are_passed_over(tmp_path):
    (tmp_path / "module.py").write_text("import os")
    assert links.check(tmp_path, AMAZON_2) == 0


@pytest.mark.parametrize(("symbol", "has"), [
    ("GLIBC_2.26", True), ("GLIBC_2.27", False), ("GLIBC_2.2.5", True), ("GLIBCXX_3.4.24", True),
    ("GLIBCXX_3.4.25", False), ("GLIBC_PRIVATE", False), ("GLIBC_ABI_DT_RELR", False), ("OPENSSL_3.0.0", False)])
def test_versions_are_compared_as_numbers_within_their_family(symbol, has):
    assert links._has(AMAZON_2, symbol) is has
