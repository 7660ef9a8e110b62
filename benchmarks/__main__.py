"""`python -m benchmarks [NAME ...] [--quick] [--write]`: run the benchmarks and print one table each."""

from __future__ import annotations

import argparse
import importlib
import platform
import sys
import time

from benchmarks.measure import pace
from benchmarks.report import Table, write_into_readme

NAMES = ("counters", "settling", "throughput", "split", "costs", "cold_start", "standardising",
         "reading", "outcomes", "agreement", "matching", "patching", "imaging", "lead_pages")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(NAMES)}; all when none is named")
    parser.add_argument("--quick", action="store_true", help="smaller sizes: seconds instead of minutes")
    parser.add_argument("--write", action="store_true", help="put the tables into the README")
    chosen = parser.parse_args()
    unknown = set(chosen.names) - set(NAMES)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    print(f"Python {platform.python_version()} on {platform.machine()}; a million additions take {pace():.0f} ms\n",
          flush=True)
    for name in chosen.names or NAMES:
        began = time.monotonic()
        text = str(_run(name, quick=chosen.quick))
        print(f"{text}\n({name}: {time.monotonic() - began:.0f} s)\n", flush=True)
        if chosen.write:
            write_into_readme(name, text)
    return 0


def _run(name: str, *, quick: bool) -> Table:
    table: Table = importlib.import_module(f"benchmarks.{name}").run(quick=quick)
    return table


if __name__ == "__main__":
    sys.exit(main())
