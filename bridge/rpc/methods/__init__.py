"""The methods of the door, a file per noun: each file ends in `METHODS`, the methods it offers."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from bridge.rpc.method import Caller, Method, Params


class Discover(Params):
    pass


def all_methods() -> Mapping[str, Method]:
    """Every method by its name, in the order of the names; `rpc.discover` describes them all."""
    found: dict[str, Method] = {}
    for file in pkgutil.iter_modules(__path__):
        for method in importlib.import_module(f"{__name__}.{file.name}").METHODS:
            if method.name in found:
                raise ValueError(f"two methods would answer to {method.name}")
            found[method.name] = method
    return with_discover(found)


def with_discover(methods: Mapping[str, Method]) -> Mapping[str, Method]:
    complete: dict[str, Method] = {}

    def run(_bridge: object, _caller: Caller, _params: Any) -> dict[str, Any]:
        from bridge.rpc.openrpc import document  # imported late: it reads models only when asked

        return document(complete)

    complete |= methods
    complete["rpc.discover"] = Method("rpc.discover", "What this door can do, as an OpenRPC document.", Discover, run)
    return MappingProxyType(dict(sorted(complete.items())))
