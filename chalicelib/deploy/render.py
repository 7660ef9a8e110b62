"""The rendered Chalice project of a stage: exactly what Lambda gets, in a folder that Chalice packs without building.

Chalice's own packager would build dependencies on this host and go on where one is missing, so it finds none to build:
`requirements.txt` is empty. Files carry one fixed time, and bytecode is valid without looking at a file's time, so
that equal sources give equal archives.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import chalice.app

from chalicelib.deploy.facts import PROJECT
from chalicelib.deploy.package.sources import NOT_PACKAGED

BUILD = PROJECT / "build"
_THEN = 1_577_836_800
"""2020-01-01 in UTC; a zip archive knows no time before 1980."""


def render(stage: str, config: Mapping[str, Any], *, vendor: Path | None = None, project: Path = PROJECT,
           build: Path = BUILD) -> Path:
    """Write the project of `stage` and answer its folder. `vendor`: dependencies that go into the archive itself.

    What Chalice keeps between deployments (`.chalice/deployed`, its cached archives) stays.
    """
    folder = build / stage
    for old in ("chalicelib", "vendor", "app.py"):
        _remove(folder / old)
    (folder / ".chalice").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(project / "app.py", folder / "app.py")
    shutil.copytree(project / "chalicelib", folder / "chalicelib", ignore=_ignored(project / "chalicelib"))
    if vendor:
        shutil.copytree(vendor, folder / "vendor", symlinks=True)
    (folder / "requirements.txt").write_text("# nothing to build: see chalicelib/deploy/render.py\n")
    (folder / ".chalice" / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    _compile(folder)
    _fix_times(folder)
    return folder


def _ignored(package: Path) -> Any:
    def choose(folder: str, names: list[str]) -> set[str]:
        top = NOT_PACKAGED if Path(folder) == package else frozenset()
        return {name for name in names if name in top or name == "__pycache__"}

    return choose


def _compile(folder: Path) -> None:
    """Bytecode beside every module of ours, and for the three that Chalice adds itself, through its `vendor` folder."""
    from chalicelib.deploy.package.bytecode import compile_files  # which knows this module

    vendor = folder / "vendor"
    home = Path(chalice.app.__file__).parent
    added = {vendor / "app.py": folder / "app.py",
             **{vendor / "chalice" / name: home / name for name in ("__init__.py", "app.py")}}
    for copy, source in added.items():
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    compile_files(Path(sys.executable), folder, (folder / "chalicelib").rglob("*.py"))
    compile_files(Path(sys.executable), vendor, added)
    for copy in added:
        copy.unlink()


def _fix_times(folder: Path) -> None:
    for top in ("chalicelib", "vendor", "app.py"):
        for path in (folder / top, *(folder / top).rglob("*")):
            os.utime(path, (_THEN, _THEN), follow_symlinks=False)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
