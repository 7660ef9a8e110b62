"""The rendered Chalice project of a stage: exactly what Lambda gets, in a folder that Chalice packs without building.

Chalice's own packager would build dependencies on this host and go on where one is missing, so it finds none to build:
`requirements.txt` is empty. Files carry one fixed time, and bytecode is valid without looking at a file's time, so
that equal sources give equal archives.
"""

from __future__ import annotations

import json
import os
import py_compile
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chalicelib.deploy.facts import PROJECT

BUILD = PROJECT / "build"
LEFT_OUT = frozenset({"local", "deploy", "cli.py", "client.py", "terminal.py", "post_form.py"})
"""Of `chalicelib`: what no function runs."""
_THEN = 1_577_836_800
"""2020-01-01 in UTC; a zip archive knows no time before 1980."""
_TASK_ROOT = "/var/task"
"""Where Lambda unpacks a function: what tracebacks shall show."""


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
        top = LEFT_OUT if Path(folder) == package else frozenset()
        return {name for name in names if name in top or name == "__pycache__"}

    return choose


def _compile(folder: Path) -> None:
    """Bytecode beside every module of ours, and for the two that Chalice adds itself, through its `vendor` folder."""
    import chalice.app

    for source in sorted((folder / "chalicelib").rglob("*.py")):
        _compile_one(source, source.parent, source.relative_to(folder).as_posix())
    _compile_one(folder / "app.py", folder / "vendor", "app.py")
    home = Path(chalice.app.__file__).parent
    for name in ("__init__.py", "app.py"):
        _compile_one(home / name, folder / "vendor" / "chalice", f"chalice/{name}")


def _compile_one(source: Path, beside: Path, shown: str) -> None:
    compiled = beside / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"
    compiled.parent.mkdir(parents=True, exist_ok=True)
    py_compile.compile(str(source), str(compiled), f"{_TASK_ROOT}/{shown}", doraise=True,
                       invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


def _fix_times(folder: Path) -> None:
    for top in ("chalicelib", "vendor", "app.py"):
        for path in (folder / top, *(folder / top).rglob("*")):
            os.utime(path, (_THEN, _THEN), follow_symlinks=False)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
