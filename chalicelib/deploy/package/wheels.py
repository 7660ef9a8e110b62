"""Installs exactly the pinned wheels for a runtime into a folder, and believes nobody that it worked.

Chalice's own packager prints a warning about what it could not install, deploys the rest with exit code 0 and keeps the
broken zip; it also takes wheels that were built on this machine. So pip is called here, with built wheels only, and
afterwards every pin and every tag is looked at.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.deploy.package.runtimes import Runtime
from chalicelib.errors import PackageRefused

if TYPE_CHECKING:
    from packaging.tags import Tag


@dataclass(frozen=True, slots=True)
class Installed:
    """A distribution in the folder."""

    name: str
    version: str
    tops: frozenset[str]
    """First parts of the paths of its files: `numpy`, `numpy.libs`, `six.py`."""


def install(requirements: Path, target: Path, runtime: Runtime) -> tuple[Installed, ...]:
    """Fill the new folder `target` with the wheels that the file names. Raises PackageRefused when any is not right."""
    wanted = pins(requirements)
    _pip(requirements, target, runtime)
    found = tuple(metadata.distributions(path=[str(target)]))
    check_pins(wanted, found)
    check_tags(found, runtime)
    return tuple(sorted(map(_installed, found), key=lambda each: each.name))


def pins(requirements: Path) -> dict[str, str]:
    """Normalised name -> version of every line. Raises PackageRefused for a line that pins nothing, or only at times:
    pip would judge a marker by the Python that runs pip and not by the one that it installs for."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    wanted: dict[str, str] = {}
    for line in requirements.read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            parsed = Requirement(text)
        except InvalidRequirement as error:
            raise PackageRefused(f"{requirements.name}: '{text}' is not a requirement: {error}") from error
        exact = [each.version for each in parsed.specifier if each.operator == "=="]
        if parsed.marker or parsed.url or len(exact) != 1 or len(parsed.specifier) != 1:
            raise PackageRefused(f"{requirements.name}: '{text}' is not a plain pin (name==version)")
        wanted[canonicalize_name(parsed.name)] = exact[0]
    return wanted


def check_pins(wanted: dict[str, str], found: tuple[metadata.Distribution, ...]) -> None:
    """Raises PackageRefused unless the folder holds these versions and nothing else."""
    from packaging.utils import canonicalize_name

    there: dict[str, str] = {canonicalize_name(each.name): each.version for each in found}
    if wrong := sorted(dict(wanted.items() ^ there.items())):
        told = ", ".join(f"{name} (wanted {wanted.get(name)}, got {there.get(name)})" for name in wrong)
        raise PackageRefused(f"the package does not hold what the requirements pin: {told}")


def check_tags(found: tuple[metadata.Distribution, ...], runtime: Runtime) -> None:
    """Raises PackageRefused for a wheel none of whose tags the runtime takes, such as one built on this machine."""
    fitting = _fitting(runtime)
    strange = [f"{each.name} ({', '.join(map(str, sorted(tags, key=str)))})" for each in found
               if not (tags := _tags(each)) & fitting]
    if strange:
        raise PackageRefused(f"not built for Python {runtime.python} on {runtime.system}: {'; '.join(strange)}")


def _pip(requirements: Path, target: Path, runtime: Runtime) -> None:
    platforms = [part for tag in runtime.platforms for part in ("--platform", tag)]
    abis = [part for abi in (runtime.abi, "abi3", "none") for part in ("--abi", abi)]
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--only-binary=:all:", "--no-compile", "--quiet",
               "--no-input", "--disable-pip-version-check", "--progress-bar=off", "--python-version", runtime.python,
               "--implementation", "cp", *abis, *platforms, "--target", str(target), "--requirement",
               str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        told = "\n".join(line for line in done.stderr.splitlines() if line.startswith("ERROR"))
        raise PackageRefused(f"pip could not install the wheels for Python {runtime.python}:\n{told or done.stderr}")


def _fitting(runtime: Runtime) -> set[Tag]:
    from packaging.tags import compatible_tags, cpython_tags

    platforms = [*runtime.platforms]
    return {*cpython_tags(runtime.version, platforms=platforms),
            *compatible_tags(runtime.version, runtime.abi, platforms)}


def _tags(distribution: metadata.Distribution) -> set[Tag]:
    from packaging.tags import parse_tag

    lines = (distribution.read_text("WHEEL") or "").splitlines()
    told = [line.partition(":")[2].strip() for line in lines if line.startswith("Tag:")]
    return {tag for text in told for tag in parse_tag(text)}


def _installed(distribution: metadata.Distribution) -> Installed:
    tops = {file.parts[0] for file in distribution.files or () if file.parts[0] != ".."}
    return Installed(distribution.name, distribution.version, frozenset(tops))
