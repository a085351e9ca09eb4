"""Extensions, each with its mailbox."""

from __future__ import annotations

from uuid import UUID

from bridge.pbx.driver import Extension, Tenant
from bridge.pbx.fusionpbx import cache
from bridge.pbx.fusionpbx.catalogue import NO, YES, flag, is_on
from bridge.pbx.fusionpbx.database import Row
from bridge.pbx.fusionpbx.inventory import Inventory
from bridge.pbx.fusionpbx.planning.change import (
    Means,
    Plan,
    Values,
    differing,
    help_numbers,
    identifier_in,
)


def extensions(made: Plan, found: Inventory | None, wanted: Tenant, uuid: UUID, means: Means) -> dict[str, UUID]:
    """Where each wanted extension is."""
    rows = {row["extension"]: row for row in found.extensions} if found else {}
    where: dict[str, UUID] = {}
    for each in wanted.extensions:
        row = rows.get(each.number)
        where[each.number] = row["extension_uuid"] if row else identifier_in(wanted, f"extension {each.number}")
        made.made.add(where[each.number])
        _extension(made, row, each, where[each.number], wanted, uuid, means)
        _voicemail(made, found, row, each, wanted, uuid, means)
    for number, row in rows.items():
        if number not in where and row["extension_uuid"] in made.made:
            _drop_extension(made, found, row, wanted, means)
    return where


def _extension(
    made: Plan, row: Row | None, each: Extension, uuid: UUID, wanted: Tenant, domain_uuid: UUID, means: Means
) -> None:
    domain = wanted.domain
    values: dict[str, object] = {
        "effective_caller_id_name": each.name or None,
        "outbound_caller_id_number": each.caller_id or None,
        "enabled": flag(each.enabled),
    }
    if each.service_id is not None:
        values["accountcode"] = str(each.service_id)
    if each.password is not None:
        values["password"] = each.password.reveal()
    if row is None:
        given = {**_EXTENSION_AS_ADDED, "user_context": domain, "accountcode": domain, "password": means.new_secret()}
        named = {"domain_uuid": domain_uuid, "extension": each.number, "effective_caller_id_number": each.number}
        made.insert("v_extensions", uuid, {**given, **named, **values})
        made.forget(cache.of_extension(each.number, domain))
        return
    changed = differing(row, values, ("enabled",))
    if changed:
        made.update("v_extensions", uuid, changed)
        _forget_extension(made, row, domain)
    if changed.get("enabled") == NO or "password" in changed:
        made.tell("silence_extension", each.number, domain, str(uuid), *help_numbers(wanted, means))


_EXTENSION_AS_ADDED: Values = {
    "limit_max": "5",
    "limit_destination": "!USER_BUSY",
    "call_timeout": 30,
    "directory_visible": NO,
    "directory_exten_visible": NO,
    "call_screen_enabled": NO,
    "force_ping": NO,
    "extension_type": "default",
}
"""What FusionPBX's own page writes where nobody says otherwise."""


def _forget_extension(made: Plan, row: Row, domain: str) -> None:
    made.forget(cache.of_extension(row["extension"], domain))
    if row["number_alias"]:
        made.forget(cache.of_extension(row["number_alias"], domain))


def _voicemail(
    made: Plan, found: Inventory | None, row: Row | None, each: Extension, wanted: Tenant, uuid: UUID, means: Means
) -> None:
    box = (row["number_alias"] if row else None) or each.number
    boxes = {there["voicemail_id"]: there for there in found.voicemails} if found else {}
    there = boxes.get(box)
    if there is None and each.voicemail:
        values = {
            "domain_uuid": uuid,
            "voicemail_id": box,
            "voicemail_password": means.new_code(),
            "voicemail_file": "attach",
            "voicemail_local_after_email": YES,
            "voicemail_enabled": YES,
        }
        made.insert("v_voicemails", identifier_in(wanted, f"voicemail {box}"), values)
        made.forget(cache.of_extension(each.number, wanted.domain))
    elif there is not None and is_on(there["voicemail_enabled"]) != each.voicemail:
        made.update("v_voicemails", there["voicemail_uuid"], {"voicemail_enabled": flag(each.voicemail)})
        made.forget(cache.of_extension(each.number, wanted.domain))


def _drop_extension(made: Plan, found: Inventory | None, row: Row, wanted: Tenant, means: Means) -> None:
    uuid = row["extension_uuid"]
    made.delete("v_extensions", uuid)
    for box in found.voicemails if found else ():
        if box["voicemail_id"] == (row["number_alias"] or row["extension"]):
            made.delete("v_voicemails", box["voicemail_uuid"])
    made.made.discard(uuid)
    _forget_extension(made, row, wanted.domain)
    made.tell("silence_extension", row["extension"], wanted.domain, str(uuid), *help_numbers(wanted, means))
