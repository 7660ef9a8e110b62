"""The reference for people: the OpenAPI document as one page of plain HTML, without a script and without a stranger.

It needs nothing but itself, so its policy allows nothing but its one style sheet, by digest. All links are relative:
where the API is deployed, paths begin with the name of the gateway's stage.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from html import escape
from typing import Any

from chalicelib.api.openapi.curl import command
from chalicelib.api.openapi.model import FORM, JSON

Json = Mapping[str, Any]

STYLE = """:root{color-scheme:light dark;background:light-dark(#fff,#121212);color:light-dark(#16191d,#e8e8e8);
--line:#8886;--soft:#8881;--link:light-dark(#0b57a4,#8ec5ff)}
body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:0 auto;padding:1rem}
a{color:var(--link)}a:focus-visible,pre:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-99rem}.skip:focus{position:static}
h2{border-bottom:2px solid var(--line);margin-top:3rem}h3{margin:2.5rem 0 .5rem;overflow-wrap:anywhere}
h4{margin:1rem 0 .25rem}nav ul{columns:20rem;padding-left:1.2rem}
code,pre{font:14px/1.4 ui-monospace,monospace}pre{background:var(--soft);padding:.75rem;overflow-x:auto}
table{border-collapse:collapse;width:100%}th,td{border:1px solid var(--line);padding:.25rem .5rem;text-align:left;
vertical-align:top;overflow-wrap:anywhere}thead th{background:var(--soft)}
h3 code{font-size:1.05rem;font-weight:700}tbody th{font:600 14px/1.5 ui-monospace,monospace;width:14rem}
:target{scroll-margin-top:1rem;background:var(--soft)}"""
POLICY = ("default-src 'none'; style-src 'sha256-" + base64.b64encode(sha256(STYLE.encode()).digest()).decode()
          + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
METHODS = ("get", "post", "put", "patch", "delete")


def render(document: Json) -> str:
    """The page. All texts of the document are escaped."""
    return "\n".join(["<!doctype html>", '<html lang="en">', *_head(document), "<body>",
                      '<a class="skip" href="#main">Skip to the routes</a>', *_top(document), *_contents(document),
                      '<main id="main">', *_areas(document), *_codes(document), *_models(document), "</main>",
                      "</body>", "</html>"])


def _head(document: Json) -> Iterator[str]:
    title = escape(document["info"]["title"])
    yield (f'<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
           f"<title>{title} API</title><style>{STYLE}</style></head>")


def _top(document: Json) -> Iterator[str]:
    info = document["info"]
    yield f"<header><h1>{escape(info['title'])} API</h1><p>{_prose(info['description'])}</p>"
    yield '<p>The same for programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p><h2>Signing in</h2><ul>'
    for scheme in document["components"]["securitySchemes"].values():
        header = f"{scheme['name']}: <key>" if scheme["type"] == "apiKey" else "Authorization: Bearer <token>"
        yield f"<li><code>{escape(header)}</code>: {_prose(scheme['description'])}</li>"
    yield "</ul></header>"


def _contents(document: Json) -> Iterator[str]:
    yield '<nav aria-label="Routes">'
    for tag in document["tags"]:
        yield f"<h2>{escape(tag['name'])}</h2><ul>"
        for method, path, operation in _of(tag, document):
            yield f'<li><a href="#{operation["operationId"]}">{method.upper()} {escape(path)}</a></li>'
        yield "</ul>"
    yield "</nav>"


def _areas(document: Json) -> Iterator[str]:
    for tag in document["tags"]:
        name = f"tag-{tag['name'].lower().replace(' ', '-')}"
        yield f'<section aria-labelledby="{name}"><h2 id="{name}">{escape(tag["name"])}</h2>'
        yield f"<p>{_prose(tag['description'])}</p>"
        for method, path, operation in _of(tag, document):
            yield from _operation(method, path, operation, document)
        yield "</section>"


def _of(tag: Json, document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method in METHODS:
            if tag["name"] in methods.get(method, {}).get("tags", ()):
                yield method, path, methods[method]


def _operation(method: str, path: str, operation: Json, document: Json) -> Iterator[str]:
    name = operation["operationId"]
    yield f'<article aria-labelledby="{name}"><h3 id="{name}"><code>{method.upper()} {escape(path)}</code></h3>'
    yield f"<p>{_prose(operation.get('description') or operation['summary'] + '.')}</p>"
    if "security" in operation:
        yield "<p>Needs no token.</p>"
    if roles := operation.get("x-roles"):
        yield f"<p>For callers with the role {_prose(', '.join(f'`{role}`' for role in roles))} only.</p>"
    yield from _parameters(operation.get("parameters", ()))
    yield from _body(operation.get("requestBody"))
    yield from _answers(operation["responses"], document)
    yield f'<h4>Example</h4><pre tabindex="0"><code>{escape(command(method, path, operation))}</code></pre></article>'


def _parameters(parameters: Sequence[Json]) -> Iterator[str]:
    rows = [(escape(each["name"]), each["in"] + (", required" if each.get("required") else ""),
             _type(each["schema"]), _prose(each["description"])) for each in parameters]
    if rows:
        yield "<h4>Parameters</h4>"
        yield from _table(("name", "in", "type", "meaning"), rows)


def _body(body: Json | None) -> Iterator[str]:
    if body is None:
        return
    yield f"<h4>Body{'' if body['required'] else ', optional'}</h4>"
    for media, content in body["content"].items():
        schema = content["schema"]
        if media == FORM:
            yield f"<p><code>{FORM}</code>: {_prose(schema['description'])}</p>"
            yield from _fields(schema)
        else:
            yield f"<p><code>{escape(media)}</code>: {_type(schema)}</p>"


def _answers(responses: Json, document: Json) -> Iterator[str]:
    usual = _usual(document)
    yield "<h4>Answers</h4>"
    yield from _table(("status", "what"), [(status, _answer(told, document)) for status, told in responses.items()
                                           if told.get("$ref") not in usual])
    also = [status for status, told in responses.items() if told.get("$ref") in usual]
    yield f'<p>Also, as <a href="#usual">usual</a>: {", ".join(also)}.</p>'


def _usual(document: Json) -> dict[str, str]:
    """The refusals that at least a third of the operations share, with their status; they are told once."""
    seen = [(told["$ref"], status) for methods in document["paths"].values() for operation in methods.values()
            for status, told in operation["responses"].items() if "$ref" in told]
    count = sum(map(len, document["paths"].values()))
    return {ref: status for ref, status in sorted(set(seen), key=lambda each: each[1])
            if 3 * seen.count((ref, status)) >= count}


def _answer(told: Json, document: Json) -> str:
    if "$ref" in told:
        refusal = document["components"]["responses"][told["$ref"].rpartition("/")[2]]
        return ", ".join(f'<a href="#code-{code}">{code}</a>' for code in refusal["x-codes"])
    kinds = [_type(content["schema"]) if media == JSON else f"<code>{escape(media)}</code>"
             for media, content in told.get("content", {}).items()]
    headers = [f"<code>{escape(name)}</code>" for name in told.get("headers", {})]
    with_ = f" With {', '.join(headers)}." if headers else ""
    return f"{_prose(told['description'])} {' or '.join(kinds)}{with_}".strip()


def _codes(document: Json) -> Iterator[str]:
    """Every code once, with its meaning."""
    meanings = {code: meaning for refusal in document["components"]["responses"].values()
                for code, meaning in refusal["x-codes"].items()}
    yield '<section aria-labelledby="codes"><h2 id="codes">Error codes</h2>'
    yield f"<p>In {_type({'$ref': '#/components/schemas/ErrorBody'})}, the one body of every error.</p>"
    yield '<h3 id="usual">Usual refusals</h3>'
    yield from _table(("status", "codes"), [
        (status, _answer({"$ref": ref}, document)) for ref, status in _usual(document).items()])
    yield "<h3>All codes</h3>"
    yield from _table(("code", "meaning"), [
        (f'<span id="code-{code}">{code}</span>', _prose(meanings[code])) for code in sorted(meanings)])
    yield "</section>"


def _models(document: Json) -> Iterator[str]:
    yield '<section aria-labelledby="models"><h2 id="models">Models</h2>'
    for name, schema in document["components"]["schemas"].items():
        yield f'<h3 id="model-{name}">{escape(name)}</h3>'
        if told := schema.get("description"):
            yield f"<p>{_prose(told)}</p>"
        yield from _fields(schema) if schema.get("properties") else [f"<p>{_type(schema)}</p>"]
    yield "</section>"


def _fields(schema: Json) -> Iterator[str]:
    required = set(schema.get("required", ()))
    rows = [(escape(name), ("" if name in required else "optional, ") + _type(part))
            for name, part in schema["properties"].items()]
    yield from _table(("field", "type"), rows)


def _type(schema: Json) -> str:
    """A schema in a few words of HTML."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#model-{name}">{escape(name)}</a>' + _bounds(schema)
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"])) + _bounds(schema)
    if "enum" in schema or "const" in schema:
        words = schema.get("enum", [schema.get("const")])
        return ", ".join(f"<code>{escape(json.dumps(word))}</code>" for word in words) + _bounds(schema)
    types = schema.get("type", "anything")
    names = [types] if isinstance(types, str) else types
    return " or ".join(_named(name, schema) for name in names) + _bounds(schema)


def _named(name: str, schema: Json) -> str:
    if name == "array" and "items" in schema:
        return f"list of {_type(schema['items'])}"
    inner = schema.get("additionalProperties")
    if name == "object" and isinstance(inner, dict):
        return f"object of {_type(inner)}"
    return escape({"string": schema.get("format", "file" if "contentMediaType" in schema else "text")}.get(name, name))


BOUNDS = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below",
          "minLength": "at least", "maxLength": "at most", "minItems": "at least", "maxItems": "at most",
          "pattern": "like", "default": "default"}


def _bounds(schema: Json) -> str:
    told = [f"{words} <code>{escape(_short(schema[name]))}</code>" for name, words in BOUNDS.items()
            if name in schema and schema[name] not in ("", [], {})]
    return f", {', '.join(told)}" if told else ""


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _prose(text: str) -> str:
    """Escaped; what stands between backticks is code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """What heads a row is the one `th` in it, so that no `scope` is needed to tell."""
    yield "<table><thead><tr>" + "".join(f"<th>{each}</th>" for each in head) + "</tr></thead><tbody>"
    for first, *rest in rows:
        yield f"<tr><th>{first}</th>" + "".join(f"<td>{each}</td>" for each in rest) + "</tr>"
    yield "</tbody></table>"
