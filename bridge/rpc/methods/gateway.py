"""`gateway.*`: the trunks between a tenant and its carriers, as staff work on them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from bridge.app import Bridge
from bridge.pbx.driver import Gateway
from bridge.rpc import objects
from bridge.rpc.method import Caller, Id, Method
from bridge.rpc.objects import EditObject, Host, ListObjects, Name, Password, Text


class Remove(EditObject):
    name: Name


class Save(Remove):
    host: Host | None = None
    """Required of a new one."""
    username: Text | None = None
    password: Password | None = None
    is_registering: Annotated[bool | None, Field(alias="register")] = None
    enabled: bool | None = None


class Assign(Remove):
    to_service_id: Id | None = None


def listed(bridge: Bridge, _caller: Caller, params: ListObjects) -> dict[str, Any]:
    return objects.listed(bridge, Gateway, params)


def save(bridge: Bridge, caller: Caller, params: Save) -> dict[str, Any]:
    return objects.save(bridge, caller, "gateway.save", Gateway, params, key="name")


def remove(bridge: Bridge, caller: Caller, params: Remove) -> dict[str, Any]:
    return objects.remove(bridge, caller, "gateway.remove", Gateway, params, key="name")


def assign(bridge: Bridge, caller: Caller, params: Assign) -> dict[str, Any]:
    to = params.to_service_id
    return objects.assign(bridge, caller, "gateway.assign", Gateway, params, key="name", to_service_id=to)


METHODS = (
    Method("gateway.list", "Gateways as wanted, as applied and as last seen.", ListObjects, listed),
    Method("gateway.save", "Make a gateway or change one.", Save, save, "write"),
    Method("gateway.remove", "Want a gateway no more.", Remove, remove, "write"),
    Method("gateway.assign", "Give a gateway to another service of its tenant.", Assign, assign, "write"),
)
