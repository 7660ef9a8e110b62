"""Writes the README's tables from the code: `python -m tests.docs.tables` prints them, `--write` puts them in place.

A table stands between `<!-- table:NAME -->` and `<!-- /table -->`; what lies between is not for editing.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo

from chalicelib.deploy.alarms import ALARMS
from chalicelib.errors import FileProblem, Problem, RequestProblem, RowProblem
from chalicelib.settings import Settings

README = Path(__file__).resolve().parents[2] / "README.md"
OPERATING = README.parent / "docs" / "operating.md"
MARKED = re.compile(r"(<!-- table:(\w+) -->\n)(.*?)(<!-- /table -->)", re.DOTALL)


def routes() -> str:
    """Method, path and the first paragraph of the view's docstring, by path."""
    app = importlib.import_module("app").app
    rows = [(f"`{method}`", f"`{path}`", meaning(entry.view_function))
            for path, methods in app.routes.items() for method, entry in methods.items()]
    return table(("method", "path", "what it does"), sorted(rows, key=lambda row: (row[1].strip("`"), row[0])))


def settings() -> str:
    """Environment names, default and meaning of every field of `Settings`, in its order; inherited ones at the end."""
    fields = sorted(Settings.model_fields.items(), key=lambda each: each[0] not in Settings.__annotations__)
    rows = [(" or ".join(f"`{name}`" for name in environment_names(field)), default(field), str(field.description))
            for _, field in fields]
    return table(("variable", "default", "meaning"), rows)


def errors() -> str:
    """Every documented code, by kind."""
    kinds: Mapping[str, type[Problem]] = {"request": RequestProblem, "file": FileProblem, "row": RowProblem}
    rows = [(f"`{problem.value}`", kind, "" if kind == "row" else str(problem.status_code), problem.sentence)
            for kind, problems in kinds.items() for problem in problems]
    return table(("code", "kind", "HTTP", "meaning"), rows)


def alarms() -> str:
    """Every kind of alarm, what it means and what to do first."""
    rows = [(f"[`{kind.name}`](#{kind.anchor})", kind.severity.value, f"{kind.about}: {kind.when}", kind.means,
             kind.first) for kind in ALARMS]
    return table(("alarm", "severity", "for each", "it means", "first"), rows)


TABLES: Mapping[str, Callable[[], str]] = {"routes": routes, "settings": settings, "errors": errors}
GUIDE_TABLES: Mapping[str, Callable[[], str]] = {"alarms": alarms}
"""Those that stand in the operators' guide."""


def with_fresh_tables(text: str) -> str:
    """The README, or the operators' guide, as the code would have it."""
    made = {**TABLES, **GUIDE_TABLES}
    return MARKED.sub(lambda match: match[1] + made[match[2]]() + match[4], text)


def environment_names(field: FieldInfo) -> list[str]:
    if isinstance(field.validation_alias, AliasChoices):
        return [str(choice) for choice in field.validation_alias.choices]
    return [str(field.alias)]


def default(field: FieldInfo) -> str:
    value: Any = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    return "" if value == "" else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def meaning(function: Callable[..., Any]) -> str:
    prose = inspect.getdoc(function) or ""
    return prose.split("\n\n")[0].replace("\n", " ").removesuffix(".")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        for page in (README, OPERATING):
            page.write_text(with_fresh_tables(page.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print("\n".join(f"<!-- table:{name} -->\n{make()}<!-- /table -->"
                        for name, make in {**TABLES, **GUIDE_TABLES}.items()))
