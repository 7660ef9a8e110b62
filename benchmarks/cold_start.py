"""What a cold start costs from the package that is deployed, beside the same app with all its imports at the top.

Both run in fresh processes of an environment like Lambda's, in turns. The eager side only imports. It is measured from
the same package, and again with bytecode for everything, which no `chalice deploy` gives.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.measure import pace
from benchmarks.report import Table
from chalicelib.deploy.package import bytecode, importing, vendor
from chalicelib.deploy.package.importing import Cost, Layout
from chalicelib.deploy.package.runtimes import RUNNING, interpreter
from chalicelib.local.processes import PROJECT

ROUNDS, QUICK_ROUNDS = 5, 2
EAGER = "all listed packages, eagerly"
COMPILED = "the same with bytecode for all"


def run(*, quick: bool = False) -> Table:
    """Median CPU and memory of every function's first event, up to its first request to AWS."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    with TemporaryDirectory(prefix="cold-") as folder:
        package = Path(folder, "package")
        vendor(package, python=RUNNING)
        costs = _measured(package, rounds)
    return Table(
        f"Cold start of each function from the package, Python {RUNNING}",
        ("first event of", "CPU s", "of eager", "of compiled", "peak MB", "modules"),
        tuple(_row(name, cost, costs[EAGER], costs[COMPILED]) for name, cost in costs.items()),
        (f"Medians of {rounds} fresh processes, isolated like Lambda's, without the interpreter's own start. "
         "A function handles its first event up to its first request to AWS; boto3's clients are built only where "
         f"they are named. A million additions took {pace():.0f} ms meanwhile.",))


def _measured(package: Path, rounds: int) -> Mapping[str, Sequence[float]]:
    """Name -> median CPU seconds, peak MiB, modules loaded; the sides take turns, so that a busy hour burdens all."""
    python = interpreter(RUNNING)
    assert python is not None, "the Python that runs is there"
    compiled = package.with_name("compiled")
    shutil.copytree(package, compiled)
    bytecode.compile_folder(python, compiled)
    with importing.layout(PROJECT, package, python) as place, importing.layout(PROJECT, compiled, python) as whole:
        sides = dict(_sides(place, whole, python))
        for start in sides.values():
            start()  # the first reads the disk
        taken = [{name: start() for name, start in sides.items()} for _ in range(rounds)]
    return {name: [median(figures[name][place] for figures in taken) for place in range(3)] for name in sides}


def _sides(place: Layout, whole: Layout, python: Path) -> Iterator[tuple[str, Callable[[], Sequence[float]]]]:
    for name in importing.function_names(place, python):
        yield name, lambda name=name: _figures(importing.cold_start(place, python, name))
    for name in ("api_handler", "split"):
        yield f"{name}, with boto3's clients", lambda name=name: _figures(
            importing.cold_start(place, python, name, clients=True))
    yield EAGER, lambda: _figures(importing.eager(place, python))
    yield COMPILED, lambda: _figures(importing.eager(whole, python))


def _figures(cost: Cost) -> Sequence[float]:
    return cost.cpu, cost.peak, len(cost.modules)


def _row(
    name: str, cost: Sequence[float], eager: Sequence[float], compiled: Sequence[float]
) -> tuple[str, ...]:
    cpu, peak, modules = cost
    return (name, f"{cpu:.2f}", f"{cpu / eager[0]:.2f}", f"{cpu / compiled[0]:.2f}", f"{peak:.0f}",
            f"{modules:,.0f}")
