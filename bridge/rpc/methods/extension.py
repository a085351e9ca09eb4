"""`extension.*`: the telephones of a tenant, as staff work on them."""

from __future__ import annotations

from typing import Any

from bridge.app import Bridge
from bridge.pbx.driver import Extension
from bridge.rpc import objects
from bridge.rpc.method import Caller, Id, Method
from bridge.rpc.objects import Digits, EditObject, ListObjects, Password, Text


class Remove(EditObject):
    number: Digits


class Save(Remove):
    name: Text | None = None
    password: Password | None = None
    enabled: bool | None = None
    outbound: bool | None = None
    voicemail: bool | None = None
    caller_id: Text | None = None


class Assign(Remove):
    to_service_id: Id | None = None


def listed(bridge: Bridge, _caller: Caller, params: ListObjects) -> dict[str, Any]:
    return objects.listed(bridge, Extension, params)


def save(bridge: Bridge, caller: Caller, params: Save) -> dict[str, Any]:
    return objects.save(bridge, caller, "extension.save", Extension, params, key="number")


def remove(bridge: Bridge, caller: Caller, params: Remove) -> dict[str, Any]:
    return objects.remove(bridge, caller, "extension.remove", Extension, params, key="number")


def assign(bridge: Bridge, caller: Caller, params: Assign) -> dict[str, Any]:
    to = params.to_service_id
    return objects.assign(bridge, caller, "extension.assign", Extension, params, key="number", to_service_id=to)


METHODS = (
    Method("extension.list", "Extensions as wanted, as applied and as last seen.", ListObjects, listed),
    Method(
        "extension.save",
        "Make an extension or change one; a password that is made up is told once.",
        Save,
        save,
        "write",
    ),
    Method("extension.remove", "Want an extension no more.", Remove, remove, "write"),
    Method("extension.assign", "Give an extension to another service of its tenant.", Assign, assign, "write"),
)
