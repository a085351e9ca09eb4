"""The tenant itself: its row, its limits, its administrator, and the bridge's own notes."""

from __future__ import annotations

from uuid import UUID, uuid5

from bridge.pbx.driver import Tenant
from bridge.pbx.fusionpbx import cache
from bridge.pbx.fusionpbx.catalogue import NO, YES, flag, is_on
from bridge.pbx.fusionpbx.database import Row
from bridge.pbx.fusionpbx.inventory import CATEGORY, LIMIT, LIMITS, MADE, MARKER, Inventory
from bridge.pbx.fusionpbx.planning.change import (
    Means,
    Plan,
    Values,
    differing,
    help_numbers,
    identifier,
)


def domain(made: Plan, found: Inventory | None, wanted: Tenant, uuid: UUID, means: Means) -> None:
    values = {"domain_enabled": flag(wanted.enabled), "domain_description": wanted.description or None}
    if found is None:
        made.insert("v_domains", uuid, {"domain_name": wanted.domain, **values})
        made.forget(cache.of_dial_plan(wanted.domain), cache.of_every_extension(wanted.domain))
        return
    changed = differing(found.domain, values, ("domain_enabled",))
    if changed:
        made.update("v_domains", uuid, changed)
    if "domain_enabled" in changed:
        made.forget(cache.of_every_extension(wanted.domain), cache.of_dial_plan(wanted.domain))
        if not wanted.enabled:
            made.tell("silence", wanted.domain, str(uuid), *help_numbers(wanted, means))


def limits(made: Plan, found: Inventory | None, wanted: Tenant, uuid: UUID) -> None:
    most = dict(wanted.limits)
    for name, subcategory in LIMITS.items():
        row = found.setting(LIMIT, subcategory) if found else None
        if name in most:
            values = {"domain_setting_value": str(most[name]), "domain_setting_enabled": YES}
            _setting(made, row, uuid, LIMIT, subcategory, "numeric", values)
        elif row is not None and is_on(row["domain_setting_enabled"]):
            made.update("v_domain_settings", row["domain_setting_uuid"], {"domain_setting_enabled": NO})


def notes(made: Plan, found: Inventory | None, wanted: Tenant, uuid: UUID) -> None:
    for name, value in ((MARKER, wanted.marker), (MADE, _as_json(made.made))):
        row = found.setting(CATEGORY, name) if found else None
        _setting(made, row, uuid, CATEGORY, name, "text", {"domain_setting_value": value, "domain_setting_enabled": NO})


def _as_json(uuids: set[UUID]) -> str:
    return "[" + ",".join(f'"{each}"' for each in sorted(map(str, uuids))) + "]"


def _setting(
    made: Plan, row: Row | None, uuid: UUID, category: str, subcategory: str, kind: str, values: Values
) -> None:
    if row is not None:
        changed = differing(row, values, ("domain_setting_enabled",))
        if changed:
            made.update("v_domain_settings", row["domain_setting_uuid"], changed)
        return
    named = {
        "domain_uuid": uuid,
        "domain_setting_category": category,
        "domain_setting_subcategory": subcategory,
        "domain_setting_name": kind,
        "domain_setting_order": 0,
    }
    made.insert("v_domain_settings", uuid5(uuid, f"setting {category} {subcategory}"), {**named, **values})


def administrator(made: Plan, found: Inventory | None, wanted: Tenant, uuid: UUID, means: Means) -> None:
    if not wanted.admin_username:
        return
    assert wanted.marker is not None
    password = wanted.admin_password.reveal() if wanted.admin_password else None
    mine = identifier(wanted.marker, "administrator")
    rows = found.administrators if found else ()
    row = next((each for each in rows if each["user_uuid"] == mine or each["username"] == wanted.admin_username), None)
    if row is None:
        values = {
            "domain_uuid": uuid,
            "username": wanted.admin_username,
            "password": means.hash_of(password or means.new_secret()),
            "user_type": "default",
            "user_enabled": YES,
        }
        made.insert("v_users", mine, values)
        group = {"domain_uuid": uuid, "group_name": "admin", "user_uuid": mine}
        made.insert("v_user_groups", identifier(wanted.marker, "administrator's group"), group)
        return
    changed: dict[str, object] = {}
    if row["username"] != wanted.admin_username:
        changed["username"] = wanted.admin_username
    if password is not None and not means.is_hash_of(password, row["password"] or ""):
        changed["password"] = means.hash_of(password)
    if changed:
        made.update("v_users", row["user_uuid"], changed)
