"""The models as JSON schemas, under the names that the document knows them by.

What comes in is described as it is validated, what goes out as it is serialised; a model that does both and differs has
two schemas. Titles that only repeat a name, and ways of saying null that only take room, are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from chalicelib.api.models import Wire

PLACE = "#/components/schemas/"
Schema = dict[str, Any]
Mode = Literal["validation", "serialization"]


class Schemas:
    """All models of the document: `components` by name, `ref` to one, `fields` of one that has no place of its own."""

    def __init__(self, incoming: Iterable[type[Wire]], outgoing: Iterable[type[Wire]], spread: Iterable[type[Wire]]
                 ) -> None:
        """`spread` are models that become parameters or parts of a form, one by one."""
        wanted: list[tuple[type[BaseModel], Mode]] = [*((model, "validation") for model in (*incoming, *spread)),
                               *((model, "serialization") for model in outgoing)]
        wanted = sorted(set(wanted), key=lambda each: (each[0].__name__, each[0].__module__, each[1]))
        refs, told = models_json_schema(wanted, ref_template=PLACE + "{model}", schema_generator=_Untitled)
        self._refs = refs
        every = {name: compact(schema) for name, schema in told.get("$defs", {}).items()}
        self._spread = {model: every.pop(_name(refs[model, "validation"])) for model in set(spread)}
        self.components: dict[str, Schema] = dict(sorted(every.items()))

    def ref(self, model: type[Wire], mode: Mode) -> Schema:
        return dict(self._refs[model, mode])

    def fields(self, model: type[Wire]) -> Mapping[str, Schema]:
        """The properties of a model that came in as `spread`; where absent and null are one, null is not told."""
        properties: Mapping[str, Schema] = self._spread[model].get("properties", {})
        return {name: _without_null(schema) for name, schema in properties.items()}

    def required(self, model: type[Wire]) -> frozenset[str]:
        return frozenset(self._spread[model].get("required", ()))


class _Untitled(GenerateJsonSchema):
    """Without `title: Itemid` beside `itemId`."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def compact(told: Any) -> Any:
    """The same schema in fewer words."""
    if isinstance(told, list):
        return [compact(each) for each in told]
    if not isinstance(told, dict):
        return told
    schema = {name: compact(part) for name, part in told.items()
              if not (name == "title" and isinstance(part, str)) and not (name == "default" and part is None)}
    if "description" in schema and isinstance(schema["description"], str):
        schema["description"] = " ".join(schema["description"].split())
    choices = schema.get("anyOf")
    return _merged(schema, choices) if isinstance(choices, list) else schema


def _merged(schema: Schema, choices: list[Schema]) -> Schema:
    """`anyOf` a type and null as that type with null; whole numbers are numbers."""
    if {"type": "number"} in choices:
        choices = [each for each in choices if each != {"type": "integer"}]
    rest = [each for each in choices if each != {"type": "null"}]
    around = {name: part for name, part in schema.items() if name != "anyOf"}
    if len(rest) == 1 and isinstance(rest[0].get("type"), str) and len(choices) > 1 and "enum" not in rest[0]:
        return {**around, **rest[0], "type": [rest[0]["type"], "null"]}
    if len(choices) == 1:
        return {**around, **choices[0]}
    return {**around, "anyOf": choices}


def _without_null(schema: Schema) -> Schema:
    plain = dict(schema)
    if isinstance(plain.get("type"), list):
        plain["type"] = next(each for each in plain["type"] if each != "null")
    if "anyOf" in plain:
        choices = [each for each in plain.pop("anyOf") if each != {"type": "null"}]
        plain = {**plain, **choices[0]} if len(choices) == 1 else {**plain, "anyOf": choices}
    return plain


def _name(ref: Schema) -> str:
    return str(ref["$ref"]).removeprefix(PLACE)
