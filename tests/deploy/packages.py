"""The package for this Python, built once for all processes of a test run, where the deploy command looks for it."""

from __future__ import annotations

import fcntl

from chalicelib.deploy.facts import PROJECT
from chalicelib.deploy.package import PackageReport, vendor
from chalicelib.deploy.render import BUILD
from chalicelib.deploy.up import packages_folder

LIGHT = packages_folder(PROJECT, BUILD, "light")


def light() -> PackageReport:
    """Build it, or wait for who does; what is there already is only reported on."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "packages.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        report = vendor(LIGHT, bytecode="light")
        LIGHT.with_suffix(".finished").touch()
        return report
