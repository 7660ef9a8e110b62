"""The real package, from the real index, for both Pythons: slow, and the only proof that a deployment would work."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from chalicelib.deploy.package import RUNNING, WARM, PackageReport, importing, strip, vendor, wheels
from chalicelib.deploy.package.runtimes import interpreter, runtime
from chalicelib.deploy.package.sizes import DIRECT_UPLOAD, MARGIN, UNPACKED
from tests.deploy import packages

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = ("3.11", "3.12")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("package")]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Iterator[Mapping[str, tuple[Path, PackageReport]]]:
    """Both packages with their reports. Skips where no index can be reached."""
    if not (os.environ.get("PIP_NO_INDEX") or reachable("pypi.org")):
        pytest.skip("pypi.org cannot be reached: THE PACKAGE FOR LAMBDA IS NOT TESTED")
    folder = tmp_path_factory.mktemp("packages")
    yield {python: (packages.LIGHT, packages.light()) if python == RUNNING
           else (folder / python, vendor(folder / python, python=python)) for python in PYTHONS}
    shutil.rmtree(folder)


def reachable(host: str) -> bool:
    try:
        socket.create_connection((host, 443), timeout=5).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("python", PYTHONS)
def test_package_is_well_under_what_lambda_takes(built, python):
    folder, report = built[python]
    print(report.table())
    assert report.zipped <= DIRECT_UPLOAD - MARGIN
    assert strip.size(folder) == report.unzipped <= UNPACKED


@pytest.mark.parametrize("python", PYTHONS)
def test_package_holds_every_pin_and_libraries_find_their_own_version(built, python):
    names = {canonicalize_name(each.name) for each in metadata.distributions(path=[str(built[python][0])])}
    assert {"pandas", "numpy", "pillow", "openpyxl", "pydantic", "requests", "aws-lambda-powertools"} <= names
    assert names & {"boto3", "botocore", "chalice"} == set()


@pytest.mark.parametrize("python", PYTHONS)
def test_every_function_started_from_the_package(built, python):
    if interpreter(python) is None:
        assert built[python][1].warnings
        pytest.skip(f"there is no python{python} here: THE PACKAGE FOR IT IS NOT IMPORT-CHECKED")
    started = {each.name for each in built[python][1].functions}
    assert {"api_handler", "object_created", "split", "leads_worker", "run_task", "sweep"} <= started


@pytest.mark.parametrize("python", PYTHONS)
def test_api_and_splitter_find_bytecode_for_all_that_they_load(built, python):
    found = interpreter(python)
    if found is None:
        pytest.skip(f"there is no python{python} here")
    with importing.layout(ROOT, built[python][0], found) as place:
        costs = [importing.cold_start(place, found, name) for name in WARM]
    loaded = {Path(file) for cost in costs for file in cost.modules.values() if file}
    bare = {file.name for file in loaded if file.suffix == ".py" and file.is_relative_to(place.packages)
            and not [*file.parent.glob(f"__pycache__/{file.stem}.cpython-*.pyc")]}
    assert bare == set()


def test_api_and_splitter_start_in_half_of_what_importing_everything_costs(built):
    """The least of several rounds in turns, so that a busy machine burdens both sides alike."""
    found = interpreter("3.11")
    if found is None:
        pytest.skip("there is no python3.11 here")
    with importing.layout(ROOT, built["3.11"][0], found) as place:
        rounds = [(importing.eager(place, found).cpu,
                   *(importing.cold_start(place, found, name).cpu for name in WARM)) for _ in range(2)]
    eager, *starts = map(min, zip(*rounds, strict=True))
    print({name: round(start / eager, 2) for name, start in zip(WARM, starts, strict=True)})
    assert max(starts) <= eager / 2


def test_wheels_installed_again_are_the_same_to_the_byte(built, tmp_path):
    """Some of them, to save time; bytecode apart, of which the unit tests say the same."""
    some = [line for line in (ROOT / "requirements.txt").read_text().splitlines()
            if line.split("==")[0] in ("certifi", "orjson", "openpyxl", "requests")]
    (tmp_path / "some.txt").write_text("\n".join(some))
    wheels.install(tmp_path / "some.txt", tmp_path / "again", runtime("3.11"))
    strip.strip(tmp_path / "again")
    strip.settle(tmp_path / "again")
    again = content(tmp_path / "again")
    assert len(some) == 4
    assert again == {name: found for name, found in content(built["3.11"][0]).items() if name in again}


def test_what_was_built_is_not_built_again(built, tmp_path):
    """Where there is no pip index, building would fail."""
    folder, report = built["3.11"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(tmp_path))
        assert vendor(folder, python="3.11") == report


def content(folder: Path) -> dict[str, tuple[bytes, float]]:
    return {path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime)
            for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}
