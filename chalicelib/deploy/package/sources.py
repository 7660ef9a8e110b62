"""Which of our files go to Lambda, and what they import, told by their syntax trees."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

NOT_PACKAGED = frozenset({"local", "deploy", "cli.py", "cli_operators.py", "client.py", "terminal.py", "post_form.py"})
"""Of `chalicelib`: what runs on a desk only."""


@dataclass(frozen=True, slots=True)
class Imports:
    """Import statements, one name each, of modules that are not ours."""

    needed: dict[str, str] = field(default_factory=dict)
    """Statement -> a file that has it."""
    optional: dict[str, str] = field(default_factory=dict)
    """Those that stand in a `try` which expects an ImportError."""


def copy_sources(project: Path, into: Path) -> None:
    """Copy what runs on Lambda: `app.py` and `chalicelib` without its desk parts and without bytecode."""
    into.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(project / "app.py", into / "app.py")
    ours = project / "chalicelib"

    def unwanted(folder: str, names: list[str]) -> set[str]:
        return {name for name in names if name == "__pycache__" or (Path(folder) == ours and name in NOT_PACKAGED)}

    shutil.copytree(ours, into / "chalicelib", ignore=unwanted, dirs_exist_ok=True)


def modules(folder: Path) -> Iterator[str]:
    """Dotted names of all modules below `folder`."""
    for file in sorted(folder.rglob("*.py")):
        parts = file.relative_to(folder).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(folder: Path) -> Imports:
    """What the modules below `folder` import of others, at once or inside functions; not for the type checker only."""
    found = Imports()
    for file in sorted(folder.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
        name = file.relative_to(folder).as_posix()
        for statement, optional in _statements(tree, optional=False):
            (found.optional if optional else found.needed).setdefault(statement, name)
    return found


def _statements(node: ast.AST, *, optional: bool) -> Iterator[tuple[str, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((f"import {alias.name}", optional) for alias in child.names if not _ours(alias.name))
        elif isinstance(child, ast.ImportFrom):
            module = child.module or ""
            yield from ((f"from {module} import {alias.name}", optional) for alias in child.names if not _ours(module))
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield from _statements(other, optional=optional)
        else:
            yield from _statements(child, optional=optional or _expects_absence(child))


def _expects_absence(node: ast.AST) -> bool:
    """A `try` whose handlers name ImportError or ModuleNotFoundError."""
    return isinstance(node, ast.Try) and any(
        "ImportError" in caught or "ModuleNotFoundError" in caught
        for handler in node.handlers if handler.type for caught in [ast.unparse(handler.type)])


def _ours(module: str) -> bool:
    return module.partition(".")[0] in ("app", "chalicelib", "__future__")
