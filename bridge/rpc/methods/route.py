"""`route.*`: which numbers leave a tenant by which gateway, as staff work on them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from bridge.app import Bridge
from bridge.pbx.driver import Route
from bridge.rpc import objects
from bridge.rpc.method import Caller, Id, Method
from bridge.rpc.objects import EditObject, ListObjects, Name, Pattern


class Remove(EditObject):
    name: Name


class Save(Remove):
    pattern: Pattern | None = None
    """Required of a new one, as is the gateway."""
    gateway: Name | None = None
    order: Annotated[int, Field(ge=0, le=999)] | None = None
    enabled: bool | None = None


class Assign(Remove):
    to_service_id: Id | None = None


def listed(bridge: Bridge, _caller: Caller, params: ListObjects) -> dict[str, Any]:
    return objects.listed(bridge, Route, params)


def save(bridge: Bridge, caller: Caller, params: Save) -> dict[str, Any]:
    return objects.save(bridge, caller, "route.save", Route, params, key="name")


def remove(bridge: Bridge, caller: Caller, params: Remove) -> dict[str, Any]:
    return objects.remove(bridge, caller, "route.remove", Route, params, key="name")


def assign(bridge: Bridge, caller: Caller, params: Assign) -> dict[str, Any]:
    to = params.to_service_id
    return objects.assign(bridge, caller, "route.assign", Route, params, key="name", to_service_id=to)


METHODS = (
    Method("route.list", "Outbound routes as wanted, as applied and as last seen.", ListObjects, listed),
    Method("route.save", "Make a route or change one; its gateway has to be there.", Save, save, "write"),
    Method("route.remove", "Want a route no more.", Remove, remove, "write"),
    Method("route.assign", "Give a route to another service of its tenant.", Assign, assign, "write"),
)
