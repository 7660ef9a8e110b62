"""What the source says about itself, read from its syntax trees: modules, their imports, their words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Import:
    """One import. `eager`: it happens when the importing module does, so it costs every start."""

    module: str
    name: str
    line: int
    eager: bool

    def __str__(self) -> str:
        return f"{self.name} imports {self.module} (line {self.line})"


@cache
def product() -> tuple[str, ...]:
    """Dotted names of all modules that are the product: `app` and everything in `chalicelib`."""
    files = [*ROOT.joinpath("chalicelib").rglob("*.py"), *ROOT.glob("app.py")]
    return tuple(sorted(name(file) for file in files if "console" not in file.parts))


def name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def path(module: str) -> Path:
    plain = ROOT.joinpath(*module.split("."))
    package = plain / "__init__.py"
    return package if package.exists() else plain.with_suffix(".py")


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


@cache
def imports(module: str) -> tuple[Import, ...]:
    """All imports of a module, also those inside functions and by name; not those that only the type checker sees."""
    return tuple(imports_of(tree(path(module)), module))


def imports_of(root: ast.Module, importer: str) -> Iterator[Import]:
    return _imports(root, importer, eager=True)


def _imports(node: ast.AST, importer: str, *, eager: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, importer, child.lineno, eager) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield from (Import(target, importer, child.lineno, eager) for target in _targets(child))
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield from _imports(other, importer, eager=eager)
        elif isinstance(child, ast.Constant) and _is_ours(child.value):
            yield Import(str(child.value), importer, child.lineno, eager=False)  # for importlib
        else:
            inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from _imports(child, importer, eager=eager and not inside)


def _is_ours(value: object) -> bool:
    return isinstance(value, str) and value.startswith("chalicelib.") and value.replace(".", "").isidentifier() \
        and path(value).exists()


def _targets(node: ast.ImportFrom) -> Iterator[str]:
    """`from a.b import c` means a.b.c where that is a module of ours, else a.b."""
    assert node.module is not None, "relative imports are not used here"
    for alias in node.names:
        deeper = f"{node.module}.{alias.name}"
        is_module = node.module.startswith("chalicelib") and path(deeper).exists()
        yield deeper if is_module else node.module


def layer(module: str) -> str:
    """`chalicelib.jobs.worker` -> `jobs`, `chalicelib.errors` -> `errors`, `app` -> `app`, a library -> its name."""
    parts = module.split(".")
    return parts[1] if parts[0] == "chalicelib" and len(parts) > 1 else parts[0]


def reachable(start: str) -> frozenset[str]:
    """All modules of the product that `start` can come to import, at once or later."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += [each.module for each in imports(module) if each.module in product()]
    return frozenset(seen)


def code_words(module: str) -> Iterator[tuple[str, int]]:
    """Words in names and in texts that the code uses, lower-cased, with their lines. Prose (docstrings) is left out."""
    return words_of(tree(path(module)))


def words_of(root: ast.Module) -> Iterator[tuple[str, int]]:
    prose = {id(node.value) for node in ast.walk(root)
             if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}
    for node in ast.walk(root):
        if id(node) not in prose:
            for text in _texts(node):
                for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", text):
                    yield word.lower(), getattr(node, "lineno", 0)


def _texts(node: ast.AST) -> Iterator[str]:
    for field in ("id", "attr", "arg", "name", "module", "asname"):
        value = getattr(node, field, None)
        if isinstance(value, str):
            yield value
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
