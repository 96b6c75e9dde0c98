"""Reading the tools that a record declares, and whether their parameters are JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..sources.formats import describe, escaped
from .tool_calls import NAMES, NotJsonError, first_text, parsed

_EXCERPT = 60


@dataclass(frozen=True, slots=True)
class Declared:
    """The tools of a record: their names, None where they cannot be read; and what is wrong with them, where."""

    names: frozenset[str] | None
    problem: str = ""
    place: str = ""


def written_tools(raw: Any) -> Any:
    """What a record says its tools are; None if it says nothing."""
    if not isinstance(raw, dict):
        return None
    for holder in (raw, raw.get("input")):
        if isinstance(holder, dict):
            for key in ("tools", "functions"):
                found = holder.get(key)
                if found is not None and not (isinstance(found, str) and not found.strip()):
                    return found
    return None


def declared(tools: Any) -> Declared:
    """Read the tools of a record: a list of tools or the JSON text of one."""
    if isinstance(tools, str):
        try:
            tools = parsed(tools)
        except NotJsonError as problem:
            return Declared(None, f"no JSON ({problem})")
        if tools is None:
            return Declared(frozenset())
    if not isinstance(tools, list):
        return Declared(None, f"{describe(tools)}, not a list of tools")
    names: set[str] = set()
    for at, tool in enumerate(tools):
        if not isinstance(tool, dict):
            return Declared(None, f"{describe(tool)}, not an object", f"/{at}")
        kind = tool.get("type")
        body, place = tool, f"/{at}"
        if isinstance(kind, str) and isinstance(tool.get(kind), dict):
            body, place = tool[kind], f"/{at}/{kind}"
        name = first_text(body, NAMES)
        if name is None:
            if isinstance(kind, str) and kind != "function":
                names.add(kind)  # a tool of the provider, such as web_search
                continue
            return Declared(None, "a tool without a name", place)
        names.add(name)
    return Declared(frozenset(names), *_first_problem(tools))


def _first_problem(tools: Sequence[dict[str, Any]]) -> tuple[str, str]:
    for at, tool in enumerate(tools):
        kind = tool.get("type")
        body, place = tool, f"/{at}"
        if isinstance(kind, str) and isinstance(tool.get(kind), dict):
            body, place = tool[kind], f"/{at}/{kind}"
        for key in ("parameters", "input_schema", "inputSchema"):
            if body.get(key) is not None and (problem := schema_problem(body[key], f"{place}/{key}")):
                return problem
    return "", ""


_TYPES = frozenset("string number integer boolean object array null".split())
_KEYWORDS = frozenset(
    "type properties required items enum const anyOf allOf oneOf not $ref $defs $schema definitions description title default"
    " additionalProperties patternProperties propertyNames minimum maximum minLength maxLength pattern format minItems maxItems"
    " uniqueItems minProperties maxProperties examples nullable $id $comment if then else prefixItems dependentRequired".split()
)
_OBJECTS_OF_SCHEMAS = ("properties", "patternProperties", "$defs", "definitions")
_LISTS_OF_SCHEMAS = ("anyOf", "allOf", "oneOf", "prefixItems")
_SCHEMAS = ("items", "additionalProperties", "not")
_DEPTH = 40


def schema_problem(schema: Any, place: str, depth: int = 0) -> tuple[str, str] | None:
    """The first thing that makes a value no JSON Schema, with its JSON Pointer; None if it is one.

    Looked at is what templates and trainers read: types, properties, required, items, enum and their nesting.
    """
    if isinstance(schema, bool) and depth:
        return None
    if not isinstance(schema, dict):
        return f"{describe(schema)}, not a schema", place
    if depth > _DEPTH:
        return None
    if not depth and schema and _KEYWORDS.isdisjoint(schema):
        return "an object without a single word of JSON Schema", place
    if (problem := _own_problem(schema, place)) is not None:
        return problem
    for step, below in _below(schema):
        if isinstance(below, str):  # not a schema but what is wrong in its place
            return below, place + step
        if (problem := schema_problem(below, place + step, depth + 1)) is not None:
            return problem
    return None


def _own_problem(schema: dict[str, Any], place: str) -> tuple[str, str] | None:
    kinds = schema.get("type")
    for kind in kinds if isinstance(kinds, list) else [] if kinds is None else [kinds]:
        if not isinstance(kind, str) or kind not in _TYPES:
            shown = json.dumps(kind, ensure_ascii=False)[:_EXCERPT]
            return f"{shown}, which is no type of JSON Schema", f"{place}/type"
    required = schema.get("required")
    if required is not None and not (
        isinstance(required, list) and all(isinstance(name, str) for name in required)
    ):
        return f"{describe(required)}, not a list of names", f"{place}/required"
    if schema.get("enum") is not None and not isinstance(schema["enum"], list):
        return f"{describe(schema['enum'])}, not a list of values", f"{place}/enum"
    return None


def _below(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The schemas inside a schema, each with its step; a text stands for what is wrong in the place of several."""
    for key in _OBJECTS_OF_SCHEMAS:
        if isinstance(inner := schema.get(key), dict):
            yield from ((f"/{key}/{escaped(str(name))}", _no_text(value)) for name, value in inner.items())
        elif inner is not None:
            yield f"/{key}", f"{describe(inner)}, not an object of schemas"
    for key in _LISTS_OF_SCHEMAS:
        if isinstance(inner := schema.get(key), list):
            yield from ((f"/{key}/{at}", _no_text(value)) for at, value in enumerate(inner))
        elif inner is not None:
            yield f"/{key}", f"{describe(inner)}, not a list of schemas"
    for key in _SCHEMAS:
        inner = schema.get(key)
        for value in inner if isinstance(inner, list) else [] if inner is None else [inner]:
            yield f"/{key}", _no_text(value)


def _no_text(value: Any) -> Any:
    return f"{describe(value)}, not a schema" if isinstance(value, str) else value
