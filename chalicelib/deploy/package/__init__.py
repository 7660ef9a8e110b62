"""The package of dependencies that Lambda gets: built for its system, checked, small enough, the same every time.

`vendor` fills a folder that Chalice takes as it is (`vendor/`), so that Chalice's own packager has nothing to build.
The downside: what Chalice would have compiled from source, this refuses.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeAlias

from chalicelib.deploy.package import bytecode, importing, kept, links, sizes, strip, wheels
from chalicelib.deploy.package.runtimes import RUNNING, interpreter, runtime
from chalicelib.deploy.package.sizes import MB, Share

__all__ = ["Bytecode", "FunctionStart", "PackageReport", "vendor"]

PROJECT = Path(__file__).resolve().parents[3]
WARM = ("api_handler", "split")
"""Somebody waits for these two: what their cold starts load is compiled ahead even where size counts."""
LARGEST = 10

Bytecode: TypeAlias = Literal["light", "full"]


@dataclass(frozen=True, slots=True)
class FunctionStart:
    """What a cold start of one function cost here, up to its first request to AWS, without boto3's clients."""

    name: str
    cpu: float
    """Seconds."""
    peak: float
    """MiB of resident memory."""


@dataclass(frozen=True, slots=True)
class PackageReport:
    """What was built. Sizes in bytes, of the dependencies alone."""

    python: str
    zipped: int
    unzipped: int
    compiled: int
    """Modules that come with bytecode."""
    shares: tuple[Share, ...]
    """Every distribution, the largest first."""
    functions: tuple[FunctionStart, ...]
    """Empty where no interpreter of that version was found."""
    warnings: tuple[str, ...]
    """What could not be checked here; to be said aloud."""

    def table(self) -> str:
        """The sizes, the largest distributions and the cold starts, for a person."""
        return "\n".join(_lines(self))


def vendor(
    target: Path, *, python: str = RUNNING, bytecode: Bytecode = "light", direct: bool = True, project: Path = PROJECT
) -> PackageReport:
    """Build the dependencies of `project` (its requirements.txt) for Lambda's `python` into `target`, replacing it.

    `light` compiles what the API and the splitter load, `full` everything. `direct`: Lambda gets the zip in one
    request, which bounds its size. `target` is only replaced when all checks pass: pins, tags, links, sizes, imports.
    What was built from the same before is not built again. Raises PackageRefused.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    made_of = kept.key(project, python=python, bytecode=bytecode, direct=direct, interpreter=interpreter(python))
    if (old := kept.recall(target, made_of)) is not None:
        return _report(old)
    with TemporaryDirectory(prefix=".vendor-", dir=target.parent) as folder:
        building = Path(folder, "packages")
        report = _build(building, python, bytecode, project, direct=direct)
        if target.exists():
            shutil.rmtree(target)
        building.rename(target)
    kept.remember(target, made_of, asdict(report))
    return report


def _report(told: Mapping[str, Any]) -> PackageReport:
    """A report as `asdict` gave it and JSON kept it."""
    return PackageReport(**{**told, "shares": tuple(Share(**each) for each in told["shares"]),
                            "functions": tuple(FunctionStart(**each) for each in told["functions"]),
                            "warnings": tuple(told["warnings"])})


def _build(building: Path, python: str, wanted: Bytecode, project: Path, *, direct: bool) -> PackageReport:
    for_runtime = runtime(python)
    installed = wheels.install(project / "requirements.txt", building, for_runtime)
    links.check(building, for_runtime)
    strip.strip(building)
    compiled, functions, warnings = _started(building, python, wanted, project)
    strip.settle(building)
    archived = sizes.archive(building, building.with_name("package.zip"))
    zipped, unzipped = archived.stat().st_size, strip.size(building)
    sizes.check(zipped, unzipped, direct=direct)
    return PackageReport(python, zipped, unzipped, compiled, sizes.shares(archived, installed), functions, warnings)


def _started(
    building: Path, python: str, wanted: Bytecode, project: Path
) -> tuple[int, tuple[FunctionStart, ...], tuple[str, ...]]:
    """Import-check the package, compile it, and start every function; nothing of it without an interpreter."""
    found = interpreter(python)
    if found is None:
        return 0, (), (f"There is no python{python} on this machine: the package for it is not import-checked and has "
                       "no bytecode, so cold starts are slower.",)
    with importing.layout(project, building, found) as place:
        importing.check_imports(place, found)
        chosen = building.rglob("*.py") if wanted == "full" else _loaded(place, found)
        compiled = bytecode.compile_files(found, building, chosen)
        costs = {name: importing.cold_start(place, found, name) for name in importing.function_names(place, found)}
    return compiled, tuple(FunctionStart(name, cost.cpu, cost.peak) for name, cost in costs.items()), ()


def _loaded(place: importing.Layout, python: Path) -> set[Path]:
    """The package's modules that the functions load for which somebody waits."""
    with TemporaryDirectory(prefix="first-") as folder:
        files = importing.write_first_files(Path(folder))
        costs = [importing.cold_start(place, python, name, files=files if name == "split" else ()) for name in WARM]
    files_of = {Path(file) for cost in costs for file in cost.modules.values() if file}
    return {file for file in files_of if file.suffix == ".py" and file.is_relative_to(place.packages)}


def _lines(report: PackageReport) -> Iterator[str]:
    yield (f"package for Python {report.python}: {report.zipped / MB:.1f} MB zipped, {report.unzipped / MB:.1f} MB "
           f"unpacked, {report.compiled} modules compiled")
    yield f"{'largest':<24}{'zipped MB':>10}{'unpacked MB':>13}"
    for share in report.shares[:LARGEST]:
        yield f"{share.name:<24}{share.zipped / MB:>10.2f}{share.unzipped / MB:>13.2f}"
    if report.functions:
        yield f"{'cold start':<24}{'CPU s':>10}{'peak MB':>13}"
    for function in report.functions:
        yield f"{function.name:<24}{function.cpu:>10.2f}{function.peak:>13.0f}"
    yield from (f"WARNING {warning}" for warning in report.warnings)
