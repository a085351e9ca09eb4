"""`handler.*` and `package.*`: how a product is processed, and what it gives."""

from __future__ import annotations

from typing import Annotated, Any, Literal

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


class SavePackage(WriteParams):
    product_id: Id
    name: Annotated[Text, StringConstraints(min_length=1)]
    limits: Annotated[dict[Key, int], Field(max_length=50, default_factory=dict)]
    features: Annotated[dict[Key, bool], Field(max_length=50, default_factory=dict)]
    options: Annotated[dict[Key, dict[Key, str]], Field(max_length=100, default_factory=dict)]
    suspend_policy: Literal["dial_restrict", "gateway", "extensions", "domain"] = "dial_restrict"
    retention_days: Annotated[int, Field(ge=0, le=3650)] | None = None


class OfProduct(Params):
    product_id: Id


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


def save_package(bridge: Bridge, caller: Caller, params: SavePackage) -> dict[str, Any]:
    asking = asking_of(caller, "package.save", params)
    members = ("limits", "features", "options", "suspend_policy", "retention_days")
    package = {name: getattr(params, name) for name in members if getattr(params, name) is not None}
    return handlers.save_package(bridge, asking, product_id=params.product_id, name=params.name, package=package)


def get_package(bridge: Bridge, _caller: Caller, params: OfProduct) -> dict[str, Any]:
    return handlers.package(bridge, params.product_id)


def packages(bridge: Bridge, _caller: Caller, _params: List) -> dict[str, Any]:
    return {"packages": handlers.packages(bridge)}


METHODS = (
    Method("handler.save", "Say how the services of a product are processed, and by whom.", SaveHandler, save, "write"),
    Method("handler.list", "How each product is processed.", List, listed),
    Method("package.save", "Add a version of what a product gives.", SavePackage, save_package, "write"),
    Method("package.get", "What a product gives.", OfProduct, get_package),
    Method("package.list", "The packages there are.", List, packages),
)
