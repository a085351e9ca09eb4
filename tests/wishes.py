"""Parameters for any method of the door, made from its own model: valid, and as odd as the model lets them be.

params = made_for(method, odd="'; DROP", service_id=1)     every member filled; text is odd wherever it may be
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bridge.rpc.method import Method

ORDINARY = (
    "acme.example",
    "default",
    "101",
    "18095551234",
    "memory",
    "0" * 16,
    "whmcs-main-key-0001",
    "attribute_drift",
    "open",
    "https://hooks.example.com/x",
    "a b@example.com",
    "2026-11-20T12:00:00Z",
    "USD",
)
IDS = {"service_id": 1, "client_id": 7, "product_id": 12, "server_id": 1, "operation_id": 1, "task_id": 1}
PLACES = ("server_id", "domain")
"""Where an object is: named by its service instead."""


def made_for(method: Method, *, odd: str | None = None, **given: Any) -> dict[str, Any]:
    schema = method.params.model_json_schema()
    members: Mapping[str, Any] = schema.get("properties", {})
    in_a_tenant = {"service_id", "server_id", "domain"} <= members.keys() and method.name != "service.create"
    left_out = {"idempotency_key", "deadline_ms", "dry_run", *(PLACES if in_a_tenant else ())}
    if "service_id" in members:
        left_out.add("package_id")  # a service has one
    params = {
        name: IDS[name] if name in IDS else _value(each, schema, odd)
        for name, each in members.items()
        if name not in left_out
    }
    return params | {name: 0 for name in ("wait_ms",) if name in members} | given


def _value(schema: Mapping[str, Any], root: Mapping[str, Any], odd: str | None) -> Any:
    if "$ref" in schema:
        return _value(root["$defs"][schema["$ref"].rpartition("/")[2]], root, odd)
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return _value(next(each for each in schema[several] if each.get("type") != "null"), root, odd)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "string":
            return _text(schema, odd)
        case "integer":
            return max(schema.get("minimum", 1), 1)
        case "boolean":
            return True
        case "array":
            return [_value(schema["items"], root, odd) for _ in range(1)]
        case "object":
            return _object(schema, root, odd)
        case _:
            return odd or "anything"


def _object(schema: Mapping[str, Any], root: Mapping[str, Any], odd: str | None) -> dict[str, Any]:
    if "properties" in schema:
        return {name: _value(each, root, odd) for name, each in schema["properties"].items()}
    for pattern, each in schema.get("patternProperties", {}).items():
        return {_text({"pattern": pattern}, odd): _value(each, root, odd)}
    inside = schema.get("additionalProperties")
    if not isinstance(inside, Mapping):
        return {odd or "a": odd or "b"}
    return {_text(schema.get("propertyNames", {}), odd): _value(inside, root, odd)}


def _text(schema: Mapping[str, Any], odd: str | None) -> str:
    candidates: tuple[str, ...] = (odd, *ORDINARY) if odd else ORDINARY
    for text in candidates:
        if _fits(text, schema):
            return text
    raise AssertionError(f"no text here fits {dict(schema)}; add one to ORDINARY")


def _fits(text: str, schema: Mapping[str, Any]) -> bool:
    long_enough = schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", 10_000)
    is_moment = schema.get("format") != "date-time" or re.match(r"\d{4}-\d\d-\d\dT", text)
    return bool(long_enough and is_moment and re.search(schema.get("pattern", ""), text))


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a document, names of members included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield str(name)
            yield from texts_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts_in(each)
