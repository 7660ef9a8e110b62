"""What Lambda's Python runtimes are made of: the facts that decide which wheels run there.

Sources: AWS's page of runtimes for the systems; pypa's manylinux (PEP 600) and github.com/mayeut/pep600_compliance,
which lists Amazon Linux 2 under manylinux_2_26 and Amazon Linux 2023 under manylinux_2_34.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chalicelib.errors import PackageRefused

MACHINE = "x86_64"
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
"""The version that runs here; Chalice names the same one as the functions' runtime."""

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Runtime:
    """One runtime: its Python, and what its system offers to compiled modules."""

    python: str
    """As in `3.11`."""
    system: str
    symbols: Mapping[str, Version]
    """Family of versioned symbols -> the newest that the system has."""
    libraries: frozenset[str]
    """The libraries of the system that a package may count on."""

    @property
    def abi(self) -> str:
        return f"cp{self.python.replace('.', '')}"

    @property
    def version(self) -> Version:
        return tuple(map(int, self.python.split(".")))

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platform tags that fit, the newest first; by PEP 600 every manylinux of this glibc or an older one."""
        newest = self.symbols["GLIBC"][1]
        modern = [f"manylinux_2_{minor}_{MACHINE}" for minor in range(newest, 4, -1)]
        return (*modern, *(f"manylinux{year}_{MACHINE}" for year in ("2014", "2010", "1")))


def runtime(python: str) -> Runtime:
    """The runtime of a Python such as `3.11`. Raises PackageRefused for one that we do not build for."""
    if python not in RUNTIMES:
        raise PackageRefused(f"there is no package for Python {python}; deploy with one of {', '.join(RUNTIMES)}")
    return RUNTIMES[python]


def interpreter(python: str) -> Path | None:
    """An interpreter of that version on this machine: this one, one on the path, or one of pyenv's."""
    if python == RUNNING:
        return Path(sys.executable)
    found = shutil.which(f"python{python}")
    # pyenv's shims are on the path for every version and fail for those that are not chosen.
    if found and "shims" not in Path(found).parts:
        return Path(found)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return next(iter(sorted(pyenv.glob(f"versions/{python}.*/bin/python{python}"))), None)


# libz is Python's own need; libstdc++ and libgcc_s come with both systems' package managers. What manylinux allows
# beyond these (X11, GL, glib) no runtime of Lambda has.
_LIBRARIES = frozenset({
    "libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1", "ld-linux-x86-64.so.2",
    "libgcc_s.so.1", "libstdc++.so.6", "libz.so.1"})


def _amazon_linux_2(python: str) -> Runtime:
    """glibc 2.26, GCC 7.3, zlib 1.2.7."""
    return Runtime(python, "Amazon Linux 2", libraries=_LIBRARIES, symbols={
        "GLIBC": (2, 26), "GLIBCXX": (3, 4, 24), "CXXABI": (1, 3, 11), "GCC": (7, 0, 0), "ZLIB": (1, 2, 7, 1)})


def _amazon_linux_2023(python: str) -> Runtime:
    """glibc 2.34, GCC 11, zlib 1.2.11."""
    return Runtime(python, "Amazon Linux 2023", libraries=_LIBRARIES, symbols={
        "GLIBC": (2, 34), "GLIBCXX": (3, 4, 29), "CXXABI": (1, 3, 13), "GCC": (7, 0, 0), "ZLIB": (1, 2, 9)})


RUNTIMES: Mapping[str, Runtime] = {
    each.python: each for each in (_amazon_linux_2("3.11"), _amazon_linux_2023("3.12"), _amazon_linux_2023("3.13"))}
