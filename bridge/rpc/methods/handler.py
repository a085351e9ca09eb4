"""`handler.*`: how a product is processed."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from bridge import handlers
from bridge.app import Bridge
from bridge.line import Line
from bridge.rpc.method import Caller, Id, Method, Params, WriteParams, asking_of

Text = Annotated[Line, StringConstraints(max_length=255)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class SaveHandler(WriteParams):
    product_id: Id
    server_id: Id | None = None
    driver: Annotated[str, StringConstraints(max_length=32)] = ""
    department: Annotated[Line, StringConstraints(min_length=1, max_length=64)] = "default"
    enabled: bool = True
    settings: Annotated[dict[Key, Text | int], Field(max_length=50, default_factory=dict)]


class List(Params):
    pass


def save(bridge: Bridge, caller: Caller, params: SaveHandler) -> dict[str, Any]:
    return handlers.save(
        bridge,
        asking_of(caller, "handler.save", params),
        product_id=params.product_id,
        server_id=params.server_id or 0,
        driver=params.driver,
        department=params.department,
        enabled=params.enabled,
        settings=params.settings,
    )


def listed(bridge: Bridge, _caller: Caller, _params: List) -> dict[str, Any]:
    return {"handlers": handlers.listed(bridge)}


METHODS = (
    Method("handler.save", "Say how the services of a product are processed, and by whom.", SaveHandler, save, "write"),
    Method("handler.list", "How each product is processed.", List, listed),
)
