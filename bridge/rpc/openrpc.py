"""The door's own description, OpenRPC 1.3, made from the models that validate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

import bridge
from bridge.rpc.faults import TABLE
from bridge.rpc.method import Method

VERSION = "1.3.2"
_ANY_OBJECT: dict[str, Any] = {"type": "object"}


def document(methods: Mapping[str, Method]) -> dict[str, Any]:
    return {
        "openrpc": VERSION,
        "info": {
            "title": "whmcs-voip-bridge",
            "version": bridge.__version__,
            "description": "Signed JSON-RPC 2.0 between WHMCS and the bridge. POST /rpc/v1.",
            "license": {"name": "Apache-2.0"},
        },
        "methods": [_method(methods[name]) for name in sorted(methods)],
        "components": {
            "errors": {
                row.kind: {"code": row.code, "message": row.message, "data": {"kind": row.kind}} for row in TABLE
            }
        },
    }


def params_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a method's parameters, as the model itself tells it."""
    return model.model_json_schema(by_alias=True, mode="validation")


def _method(method: Method) -> dict[str, Any]:
    schema = params_schema(method.params)
    required = set(schema.get("required", ()))
    shared = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    names = sorted(schema.get("properties", {}), key=lambda name: name not in required)  # required first
    return {
        "name": method.name,
        "summary": method.summary,
        "paramStructure": "by-name",
        "params": [
            {"name": name, "required": name in required, "schema": schema["properties"][name] | shared}
            for name in names
        ],
        "result": {"name": "result", "schema": _result(method)},
        "errors": [{"$ref": f"#/components/errors/{row.kind}"} for row in TABLE],
        "x-kind": method.kind,
    }


def _result(method: Method) -> dict[str, Any]:
    if method.name == "rpc.discover":
        return {"type": "object", "required": ["openrpc", "info", "methods"]}
    if method.kind == "write":
        return {"type": "object", "properties": {"meta": {"type": "object"}}, "required": ["meta"]}
    return dict(_ANY_OBJECT)
