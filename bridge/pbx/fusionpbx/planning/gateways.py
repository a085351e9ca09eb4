"""Gateways. One that is loaded is not changed by loading it again: it is dropped first."""

from __future__ import annotations

from uuid import UUID

from bridge.pbx.driver import Gateway, Tenant
from bridge.pbx.fusionpbx.catalogue import NO, flag
from bridge.pbx.fusionpbx.database import Row
from bridge.pbx.fusionpbx.inventory import Inventory
from bridge.pbx.fusionpbx.planning.change import (
    Plan,
    Values,
    differing,
    identifier_in,
)


def gateways(made: Plan, found: Inventory | None, wanted: Tenant, uuid: UUID) -> dict[str, UUID]:
    rows = {row["gateway"]: row for row in found.gateways} if found else {}
    where: dict[str, UUID] = {name: row["gateway_uuid"] for name, row in rows.items()}
    for each in wanted.gateways:
        row = rows.get(each.name)
        where[each.name] = row["gateway_uuid"] if row else identifier_in(wanted, f"gateway {each.name}")
        made.made.add(where[each.name])
        _gateway(made, row, each, where[each.name], uuid)
    kept = {each.name for each in wanted.gateways}
    for name, row in rows.items():
        if name not in kept and row["gateway_uuid"] in made.made:
            made.delete("v_gateways", row["gateway_uuid"])
            made.made.discard(row["gateway_uuid"])
            made.tell("drop", row["profile"] or "external", str(row["gateway_uuid"]))
    return where


def _gateway(made: Plan, row: Row | None, each: Gateway, uuid: UUID, domain_uuid: UUID) -> None:
    values: dict[str, object] = {
        "proxy": each.host,
        "username": each.username or None,
        "register": flag(each.register),
        "enabled": flag(each.enabled),
    }
    if each.password is not None:
        values["password"] = each.password.reveal()
    if row is None:
        made.insert(
            "v_gateways", uuid, {**_GATEWAY_AS_ADDED, "domain_uuid": domain_uuid, "gateway": each.name, **values}
        )
        if each.enabled:
            made.tell("load", "external", str(uuid))
        return
    changed = differing(row, values, ("register", "enabled"))
    if changed:
        made.update("v_gateways", uuid, changed)
        profile = row["profile"] or "external"
        made.tell("drop", profile, str(uuid))  # a gateway that is loaded is not changed by loading it again
        if each.enabled:
            made.tell("load", profile, str(uuid))


_GATEWAY_AS_ADDED: Values = {
    "distinct_to": NO,
    "expire_seconds": 800,
    "retry_seconds": 30,
    "context": "public",
    "profile": "external",
    "caller_id_in_from": NO,
    "supress_cng": NO,
    "contact_in_ping": NO,
    "channels": 0,
}
