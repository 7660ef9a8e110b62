"""An operation as a command that can be pasted into a shell where `URL` and `TOKEN` are set."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from chalicelib.api.openapi.model import FORM, JSON

Json = Mapping[str, Any]


def command(method: str, path: str, operation: Json) -> str:
    """The command, its path parts and body filled with the document's examples."""
    return " ".join(["curl", *_words(method, path, operation)])


def _words(method: str, path: str, operation: Json) -> Iterator[str]:
    content = operation.get("requestBody", {}).get("content", {})
    if "security" not in operation:
        yield '-H "Authorization: Bearer $TOKEN"'
    if method != ("post" if content else "get"):
        yield f"-X {method.upper()}"
    yield from _body(content)
    yield f'"$URL{_place(path, operation)}"'


def _body(content: Json) -> Iterator[str]:
    """Of two kinds the form: it brings its file with it."""
    if FORM in content:
        yield "-F file=@file.xlsx"
    elif JSON in content:
        yield "-H 'Content-Type: application/json'"
        yield f"-d {shlex.quote(json.dumps(content[JSON].get('example', {})))}"


def _place(path: str, operation: Json) -> str:
    query = []
    for each in operation.get("parameters", ()):
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", str(each["example"]))
        elif each["in"] == "query" and each.get("required"):
            query.append(f"{each['name']}={quote(str(each.get('example', each['name'])))}")
    return path + (f"?{'&'.join(query)}" if query else "")
