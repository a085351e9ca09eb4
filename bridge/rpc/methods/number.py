"""`number.*`: the public numbers of a tenant and where their calls go, as staff work on them."""

from __future__ import annotations

from typing import Any

from bridge.app import Bridge
from bridge.pbx.driver import Number
from bridge.rpc import objects
from bridge.rpc.method import Caller, Id, Method
from bridge.rpc.objects import E164, EditObject, ListObjects, Text


class Remove(EditObject):
    number: E164


class Save(Remove):
    target: Text | None = None
    enabled: bool | None = None


class Assign(Remove):
    to_service_id: Id | None = None


def listed(bridge: Bridge, _caller: Caller, params: ListObjects) -> dict[str, Any]:
    return objects.listed(bridge, Number, params)


def save(bridge: Bridge, caller: Caller, params: Save) -> dict[str, Any]:
    return objects.save(bridge, caller, "number.save", Number, params, key="number")


def remove(bridge: Bridge, caller: Caller, params: Remove) -> dict[str, Any]:
    return objects.remove(bridge, caller, "number.remove", Number, params, key="number")


def assign(bridge: Bridge, caller: Caller, params: Assign) -> dict[str, Any]:
    to = params.to_service_id
    return objects.assign(bridge, caller, "number.assign", Number, params, key="number", to_service_id=to)


METHODS = (
    Method("number.list", "Public numbers as wanted, as applied and as last seen.", ListObjects, listed),
    Method("number.save", "Bring a number to a tenant, or change where its calls go.", Save, save, "write"),
    Method("number.remove", "Want a number no more.", Remove, remove, "write"),
    Method("number.assign", "Give a number to another service of its tenant.", Assign, assign, "write"),
)
