"""What every function pays before it does anything: the import of app.py.

Seconds would measure the machine, so the price is compared with that of the libraries no function can do without,
measured in the same run. The heavy libraries are counted by name: one careless import and a test says which.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pydantic
import pytest

from chalicelib.deploy.package import importing
from tests.architecture.sources import ROOT

LATER = {"pandas", "numpy", "openpyxl", "PIL", "python_calamine", "phonenumbers", "nameparser", "email_validator",
         "requests", "pymongo", "charset_normalizer", "defusedxml", "rapidfuzz", "xlsxwriter", "ministack", "tqdm",
         "jwt", "cryptography"}
"""Imported by the function that needs them, when it needs them."""

NEVER = (LATER | {"dns", "tzdata", "pytz", "mypy_boto3_s3", "moto"}) - {"charset_normalizer"}
"""What neither a request nor a first file of the common kinds may load. Only text in old encodings needs a guess."""
TOKENS = {"jwt", "cryptography"}
"""What checks a request's token."""

BASE = "import chalice, boto3, pydantic, pydantic_settings"
PYTHON = Path(sys.executable)
ROUNDS = 5
BOUND = 1.6

PROGRAM = """
import json, sys, time
began = time.process_time()
{statement}
spent = time.process_time() - began
print(json.dumps([spent, sorted({{name.split(".")[0] for name in sys.modules}})]))
"""


def run(statement: str) -> tuple[float, set[str]]:
    """CPU seconds and top-level modules after `statement` in a fresh interpreter, with nothing but a stage's name."""
    environment = {"STAGE": "dev", "PATH": "/usr/bin:/bin", "AWS_DEFAULT_REGION": "us-east-1",
                   "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(statement=statement)], cwd=ROOT, env=environment,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    spent, modules = json.loads(done.stdout)
    return spent, set(modules)


def test_importing_the_app_loads_no_library_that_only_some_functions_need():
    _, modules = run("import app")
    assert modules & LATER == set()


def test_importing_the_app_loads_nothing_local():
    _, modules = run("import app, sys; assert not [m for m in sys.modules if m.startswith('chalicelib.local')]")
    assert "app" in modules


def test_importing_the_app_costs_little_more_than_its_libraries():
    """The least of several rounds, alternating, so that a busy machine burdens both sides alike."""
    run("import app")  # writes the bytecode
    rounds = [(run("import app")[0], run(BASE)[0]) for _ in range(ROUNDS)]
    ratio = min(ours for ours, _ in rounds) / min(base for _, base in rounds)
    print(f"import app: {ratio:.2f} times chalice + boto3 + pydantic")
    assert ratio < BOUND


@pytest.mark.parametrize("stage", ["local", "dev", "prod"])
def test_the_app_can_be_imported_without_any_settings(stage):
    """`chalice package` and `chalice deploy` import it on a machine that has no secrets."""
    environment = {"STAGE": stage, "PATH": "/usr/bin:/bin", "DROPMILL_HOME": "/nonexistent"}
    done = subprocess.run([sys.executable, "-c", "import app"], cwd=ROOT, env=environment, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def checkout() -> importing.Layout:
    """The sources as they are, with the libraries that are installed here."""
    site = Path(pydantic.__file__).parents[1]
    return importing.Layout(ROOT, site, site)


def loaded(cost: importing.Cost) -> set[str]:
    return {name.partition(".")[0] for name in cost.modules}


def test_a_request_loads_no_library_that_only_some_need(checkout):
    cost = importing.cold_start(checkout, PYTHON, "api_handler")
    assert loaded(cost) & (NEVER - TOKENS) == set()
    assert {"chalicelib.api.tokens", "chalicelib.api.edge"} <= set(cost.modules), "the request has not been looked at"
    assert "chalicelib.jobs.splitter" not in cost.modules


def test_the_splitters_first_files_load_their_readers_and_no_library(checkout, tmp_path):
    cost = importing.cold_start(checkout, PYTHON, "split", files=importing.write_first_files(tmp_path))
    assert loaded(cost) & NEVER == set()
    assert {"chalicelib.tables.delimited", "chalicelib.tables.xlsx"} <= set(cost.modules)
    assert {"chalicelib.tables.native", "chalicelib.tables.write", "chalicelib.api.edge"} & set(cost.modules) == set()


def test_no_function_loads_what_runs_on_a_desk(checkout):
    for function in importing.function_names(checkout, PYTHON):
        modules = importing.cold_start(checkout, PYTHON, function).modules
        assert [name for name in modules if name.startswith(("chalicelib.local", "chalicelib.deploy"))] == []
        assert set(modules) & {"chalicelib.cli", "chalicelib.client", "chalicelib.terminal"} == set()
