"""Imports the finished package in an environment like Lambda's, and tells what each function's cold start costs.

The Python is the target's, isolated from this machine's packages; besides ours it finds only what the runtime brings:
boto3, botocore and s3transfer. Their other needs must be in the package, which is stricter than Lambda.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chalicelib.deploy.package import bytecode, sources
from chalicelib.errors import PackageRefused

PROBE = Path(__file__).with_name("probe.py")
OF_THE_RUNTIME = ("boto3", "botocore", "s3transfer")

LAMBDA = {
    "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "probe",
    "AWS_SECRET_ACCESS_KEY": "probe", "AWS_SESSION_TOKEN": "probe", "AWS_LAMBDA_FUNCTION_NAME": "probed",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512", "LANG": "en_US.UTF-8", "TZ": ":UTC", "PATH": "/usr/bin:/bin",
    "STAGE": "dev", "AWS_ACCOUNT_ID": "000000000000", "JWT_SECRET": "probe" * 8}
"""What Lambda's environment holds, and no HOME."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts lie, in the order in which Lambda looks for a module, the system's own after `packages`."""

    code: Path
    """`app.py`, `chalicelib`, and `chalice` as Chalice adds it."""
    packages: Path
    """The dependencies."""
    runtime: Path
    """What the runtime brings."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One cold start: CPU and wall seconds, peak resident memory in MiB, and every module's file (None: built in)."""

    cpu: float
    wall: float
    peak: float
    told: Any
    modules: Mapping[str, str | None]


@contextmanager
def layout(project: Path, packages: Path, python: Path) -> Iterator[Layout]:
    """A folder with our code and one with the runtime's, for as long as the context lasts."""
    with TemporaryDirectory(prefix="package-") as folder:
        code, runtime = Path(folder, "code"), Path(folder, "runtime")
        sources.copy_sources(project, code)
        _copy("chalice", code, names=("__init__.py", "app.py"))
        for name in OF_THE_RUNTIME:
            _copy(name, runtime)
        bytecode.compile_folder(python, runtime)  # AWS ships it compiled,
        bytecode.compile_folder(python, code)  # and the deployed project is, too
        yield Layout(code, packages, runtime)


def check_imports(place: Layout, python: Path) -> None:
    """Import all modules of ours and all that they import anywhere. Raises PackageRefused with everything missing."""
    found = sources.imports(place.code)
    ours = {f"import {name}": name for name in sources.modules(place.code)}
    asked = {**found.needed, **ours}
    failed: dict[str, str] = probe(place, python, what="imports", statements=[*asked]).told
    if failed:
        told = "\n".join(f"  {statement} ({asked[statement]}): {why}" for statement, why in failed.items())
        raise PackageRefused(f"what the app imports is not in the package:\n{told}")


def function_names(place: Layout, python: Path) -> tuple[str, ...]:
    """Every function that app.py declares, the API's first."""
    return tuple(probe(place, python, what="functions").told)


def cold_start(
    place: Layout, python: Path, function: str, *, clients: bool = False, files: Sequence[Path] = ()
) -> Cost:
    """A function's first event, up to its first request to AWS; with `clients`, building boto3's clients included.

    `files` are then read as the splitter reads them, through the leads pipeline.
    """
    return probe(place, python, what="function", name=function, clients=clients, files=[*map(str, files)],
                 pipeline="leads")


def write_first_files(folder: Path) -> tuple[Path, ...]:
    """One small file of each kind that most people drop."""
    from openpyxl import Workbook

    text, workbook = folder / "people.csv", folder / "people.xlsx"
    rows = [["First name", "Last name", "Email"], ["Ada", "Lovelace", "ada@example.com"]]
    text.write_text("\n".join(map(",".join, rows)), encoding="utf-8")
    written = Workbook()
    for row in rows:
        written.active.append(row)
    written.save(workbook)
    return text, workbook


def eager(place: Layout, python: Path) -> Cost:
    """The same app with all imports at the top, the usual way: whatever it imports of others anywhere."""
    statements = [*sources.imports(place.code).needed]
    return probe(place, python, what="imports", statements=statements)


def probe(place: Layout, python: Path, **order: Any) -> Cost:
    """Run one order in a fresh process. Raises PackageRefused when it fails."""
    paths = {"first": [str(place.code), str(place.packages)], "last": [str(place.runtime)],
             "sealed": [str(place.code), str(place.packages), str(place.runtime)]}
    done = subprocess.run([str(python), "-I", "-S", "-B", str(PROBE)], input=json.dumps({**order, **paths}),
                          env=LAMBDA, cwd=place.code, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackageRefused(f"the package does not start ({order.get('name', order['what'])}):\n{done.stderr[-4000:]}")
    return Cost(**json.loads(done.stdout))


def _copy(package: str, into: Path, *, names: Sequence[str] = ()) -> None:
    """Copy an installed package without bytecode, or only some of its files; its data is linked, being large."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise PackageRefused(f"{package} is not installed here; install requirements-dev.txt")
    origin = Path(found.origin).parent
    for file in origin.rglob("*.py") if not names else [origin / name for name in names]:
        target = into / package / file.relative_to(origin)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    if (origin / "data").is_dir() and not names:
        (into / package / "data").symlink_to(origin / "data")

