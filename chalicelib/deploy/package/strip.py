"""Removes from installed wheels what no function ever reads, and gives what is left one date and one mode.

Metadata stays: libraries ask for their own version and for each other's. Licences stay, as their authors ask.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

FOLDERS = frozenset({"__pycache__", "tests", "_pyinstaller", "include", "sboms"})
"""Nowhere in our wheels does a module outside a `tests` folder import one inside; the import check would tell."""
TOPS = frozenset({"bin", "share"})
"""Folders beside the packages: commands and manuals."""
FILES = frozenset({"conftest.py", "py.typed", "RECORD", "INSTALLER", "REQUESTED", "WHEEL", "direct_url.json",
                   "top_level.txt", "zip-safe"})
SUFFIXES = frozenset({".pyc", ".pyi", ".pyx", ".pxd", ".pxi", ".c", ".h", ".a", ".f", ".f90"})

DATE = 1_577_836_800
"""2020-01-01 UTC. A zip cannot hold dates before 1980, and equal content must give an equal zip."""
FILE_MODE, FOLDER_MODE = 0o644, 0o755
"""Lambda reads the package as another user."""


def strip(folder: Path) -> int:
    """Remove what is not needed below `folder`; answers the bytes removed."""
    before = size(folder)
    for path in [*_needless_folders(folder)]:
        shutil.rmtree(path, ignore_errors=True)
    for file in [*folder.rglob("*")]:
        if file.is_file() and (file.name in FILES or file.suffix in SUFFIXES):
            file.unlink()
    return before - size(folder)


def settle(folder: Path) -> None:
    """Give every file and folder the one date and mode, so that the same content is the same zip."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(FOLDER_MODE if path.is_dir() else FILE_MODE)
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (DATE, DATE))


def size(folder: Path) -> int:
    """Bytes of all files below `folder`."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _needless_folders(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_dir() and (path.name in FOLDERS or (path.parent == folder and path.name in TOPS)):
            yield path
