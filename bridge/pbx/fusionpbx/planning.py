"""What has to be written so that a tenant of FusionPBX is as wanted, and what the switch is told afterwards. Pure.

    rows       what differs, and nothing else: a tenant that is right already has none
    keys       of the cache, deleted after the commit
    steps      for the switch, taken after the keys; each may be taken twice

An object that is new has the identifier that follows from the tenant's marker and its own name (R-17), so that a second
attempt meets what the first one made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

from bridge.errors import Refused
from bridge.pbx.driver import Extension, Gateway, Number, Route, Tenant
from bridge.pbx.fusionpbx import cache, guards, routes
from bridge.pbx.fusionpbx.catalogue import NO, YES, flag, is_on
from bridge.pbx.fusionpbx.database import Row
from bridge.pbx.fusionpbx.dialplan import Rule
from bridge.pbx.fusionpbx.inventory import CATEGORY, LIMIT, LIMITS, MADE, MARKER, Inventory, digits_of

Values = Mapping[str, object]

KEY_OF = {
    "v_domains": "domain_uuid",
    "v_domain_settings": "domain_setting_uuid",
    "v_extensions": "extension_uuid",
    "v_voicemails": "voicemail_uuid",
    "v_gateways": "gateway_uuid",
    "v_destinations": "destination_uuid",
    "v_dialplans": "dialplan_uuid",
    "v_dialplan_details": "dialplan_uuid",
    "v_users": "user_uuid",
    "v_user_groups": "user_group_uuid",
}
"""What a row is found by. The details of a rule are written all together, by their rule."""


@dataclass(frozen=True, slots=True)
class Write:
    table: str
    uuid: UUID
    values: Values | None
    """None: the row goes."""
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the switch is told: `load` or `drop` a gateway, `silence` a tenant or an extension."""

    what: str
    words: tuple[str, ...]


@dataclass(slots=True)
class Plan:
    writes: list[Write] = field(default_factory=list)
    keys: dict[str, None] = field(default_factory=dict)
    """In their order, each once."""
    steps: dict[Step, None] = field(default_factory=dict)
    made: set[UUID] = field(default_factory=set)

    def insert(self, table: str, uuid: UUID, values: Values) -> None:
        self.writes.append(Write(table, uuid, {KEY_OF[table]: uuid, **values}, is_new=True))

    def update(self, table: str, uuid: UUID, values: Values) -> None:
        self.writes.append(Write(table, uuid, values))

    def delete(self, table: str, uuid: UUID) -> None:
        self.writes.append(Write(table, uuid, None))

    def forget(self, *keys: str) -> None:
        self.keys |= dict.fromkeys(keys)

    def tell(self, what: str, *words: str) -> None:
        self.steps[Step(what, words)] = None


@dataclass(frozen=True, slots=True)
class Means:
    """What planning needs besides the two sides."""

    emergency: tuple[str, ...]
    new_secret: Callable[[], str]
    """For a telephone that nobody gave one."""
    new_code: Callable[[], str]
    """Eight digits: of a mailbox, of a rule that asks for a code."""
    hash_of: Callable[[str], str]
    """A password as the pages of FusionPBX check it."""
    is_hash_of: Callable[[str, str], bool]


def help_numbers(wanted: Tenant, means: Means) -> tuple[str, ...]:
    """What no rule stops: the numbers for help of the tenant's country, and those that the operator names."""
    return tuple(sorted(wanted.emergency.union(means.emergency)))


def identifier(marker: str, what: str) -> UUID:
    return uuid5(UUID(marker), what)


def plan(found: Inventory | None, wanted: Tenant, means: Means) -> Plan:
    """`wanted` has a marker, and has passed `demand.py`."""
    assert wanted.marker is not None
    made = Plan(made=set(found.made) if found else set())
    uuid = found.uuid if found else UUID(wanted.marker)
    _domain(made, found, wanted, uuid, means)
    gateways = _gateways(made, found, wanted, uuid)
    extensions = _extensions(made, found, wanted, uuid, means)
    _numbers(made, found, wanted, uuid, gateways)
    _routes(made, found, wanted, uuid, gateways)
    _guards(made, found, wanted, uuid, gateways, extensions, means)
    _administrator(made, found, wanted, uuid, means)
    _limits(made, found, wanted, uuid)
    _notes(made, found, wanted, uuid)
    return made


def _changed(row: Row, values: Values, flags: tuple[str, ...] = ()) -> dict[str, object]:
    """The columns in which a row is not as it should be. NULL is an empty text."""
    changed: dict[str, object] = {}
    for name, value in values.items():
        if name in flags:
            if is_on(row[name]) != (value == YES):
                changed[name] = value
        elif (row[name] if row[name] is not None else "") != (value if value is not None else ""):
            changed[name] = value
    return changed


# --- the tenant itself ------------------------------------------------------------------------------------------------


def _domain(made: Plan, found: Inventory | None, wanted: Tenant, uuid: UUID, means: Means) -> None:
    values = {"domain_enabled": flag(wanted.enabled), "domain_description": wanted.description or None}
    if found is None:
        made.insert("v_domains", uuid, {"domain_name": wanted.domain, **values})
        made.forget(cache.of_dial_plan(wanted.domain), cache.of_every_extension(wanted.domain))
        return
    changed = _changed(found.domain, values, ("domain_enabled",))
    if changed:
        made.update("v_domains", uuid, changed)
    if "domain_enabled" in changed:
        made.forget(cache.of_every_extension(wanted.domain), cache.of_dial_plan(wanted.domain))
        if not wanted.enabled:
            made.tell("silence", wanted.domain, str(uuid), *help_numbers(wanted, means))


def _limits(made: Plan, found: Inventory | None, wanted: Tenant, uuid: UUID) -> None:
    most = dict(wanted.limits)
    for name, subcategory in LIMITS.items():
        row = found.setting(LIMIT, subcategory) if found else None
        if name in most:
            values = {"domain_setting_value": str(most[name]), "domain_setting_enabled": YES}
            _setting(made, row, uuid, LIMIT, subcategory, "numeric", values)
        elif row is not None and is_on(row["domain_setting_enabled"]):
            made.update("v_domain_settings", row["domain_setting_uuid"], {"domain_setting_enabled": NO})


def _notes(made: Plan, found: Inventory | None, wanted: Tenant, uuid: UUID) -> None:
    for name, value in ((MARKER, wanted.marker), (MADE, _as_json(made.made))):
        row = found.setting(CATEGORY, name) if found else None
        _setting(made, row, uuid, CATEGORY, name, "text", {"domain_setting_value": value, "domain_setting_enabled": NO})


def _as_json(uuids: set[UUID]) -> str:
    return "[" + ",".join(f'"{each}"' for each in sorted(map(str, uuids))) + "]"


def _setting(
    made: Plan, row: Row | None, uuid: UUID, category: str, subcategory: str, kind: str, values: Values
) -> None:
    if row is not None:
        changed = _changed(row, values, ("domain_setting_enabled",))
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


def _administrator(made: Plan, found: Inventory | None, wanted: Tenant, uuid: UUID, means: Means) -> None:
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


# --- extensions and gateways ------------------------------------------------------------------------------------------


def _extensions(made: Plan, found: Inventory | None, wanted: Tenant, uuid: UUID, means: Means) -> dict[str, UUID]:
    """Where each wanted extension is."""
    rows = {row["extension"]: row for row in found.extensions} if found else {}
    where: dict[str, UUID] = {}
    for each in wanted.extensions:
        row = rows.get(each.number)
        where[each.number] = row["extension_uuid"] if row else _identifier(wanted, f"extension {each.number}")
        made.made.add(where[each.number])
        _extension(made, row, each, where[each.number], wanted, uuid, means)
        _voicemail(made, found, row, each, wanted, uuid, means)
    for number, row in rows.items():
        if number not in where and row["extension_uuid"] in made.made:
            _drop_extension(made, found, row, wanted, means)
    return where


def _identifier(wanted: Tenant, what: str) -> UUID:
    assert wanted.marker is not None
    return identifier(wanted.marker, what)


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
    changed = _changed(row, values, ("enabled",))
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
        made.insert("v_voicemails", _identifier(wanted, f"voicemail {box}"), values)
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


def _gateways(made: Plan, found: Inventory | None, wanted: Tenant, uuid: UUID) -> dict[str, UUID]:
    rows = {row["gateway"]: row for row in found.gateways} if found else {}
    where: dict[str, UUID] = {name: row["gateway_uuid"] for name, row in rows.items()}
    for each in wanted.gateways:
        row = rows.get(each.name)
        where[each.name] = row["gateway_uuid"] if row else _identifier(wanted, f"gateway {each.name}")
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
    changed = _changed(row, values, ("register", "enabled"))
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


# --- numbers and routes -----------------------------------------------------------------------------------------------


def _numbers(made: Plan, found: Inventory | None, wanted: Tenant, uuid: UUID, gateways: dict[str, UUID]) -> None:
    rows = {digits_of(row): row for row in found.destinations} if found else {}
    for each in wanted.numbers:
        _number(made, found, rows.get(each.e164), each, wanted, uuid, gateways)
    kept = {each.e164 for each in wanted.numbers}
    for digits, row in rows.items():
        if digits not in kept and row["destination_uuid"] in made.made:
            made.delete("v_destinations", row["destination_uuid"])
            _drop_rule(made, row["dialplan_uuid"])
            made.made.discard(row["destination_uuid"])
            made.forget(*cache.of_number(digits))


def _number(
    made: Plan,
    found: Inventory | None,
    row: Row | None,
    each: Number,
    wanted: Tenant,
    uuid: UUID,
    gateways: dict[str, UUID],
) -> None:
    leads_to = routes.number_action(each, wanted.domain, gateways) if each.target else None
    accountcode = "" if each.service_id is None else str(each.service_id)
    rule = routes.number_rule(each, wanted.domain, uuid, accountcode, leads_to)
    rule_uuid = (row["dialplan_uuid"] if row else None) or _identifier(wanted, f"rule of number {each.e164}")
    is_changed = _rule(made, found, rule, rule_uuid, uuid)
    values: dict[str, object] = {
        "dialplan_uuid": rule_uuid,
        "destination_app": leads_to.kind if leads_to else None,
        "destination_data": leads_to.data if leads_to else None,
        "destination_enabled": flag(each.enabled),
    }
    where = row["destination_uuid"] if row else _identifier(wanted, f"number {each.e164}")
    if row is None:
        told = f'[{{"destination_app":"{leads_to.kind}","destination_data":"{leads_to.data}"}}]' if leads_to else "[]"
        named = {
            "domain_uuid": uuid,
            "destination_type": "inbound",
            "destination_number": each.e164,
            "destination_number_regex": routes.number_expression(each.e164),
            "destination_context": "public",
            "destination_order": routes.NUMBER_ORDER,
            "destination_accountcode": accountcode or None,
            "destination_actions": told,
        }
        made.insert("v_destinations", where, {**named, **values})
    elif changed := _changed(row, values, ("destination_enabled",)):
        made.update("v_destinations", where, changed)
        is_changed = True
    made.made.add(where)
    if row is None or is_changed:
        made.forget(*cache.of_number(each.e164))


def _routes(made: Plan, found: Inventory | None, wanted: Tenant, uuid: UUID, gateways: dict[str, UUID]) -> None:
    rows = {row["dialplan_name"]: row for row in found.outbound_routes()} if found else {}
    notes = {row["dialplan_name"]: row for row in found.rules} if found else {}
    is_changed = False
    for each in wanted.routes:
        row, note = rows.get(each.name), notes.get(f"{routes.DIRECTION}.{each.name}")
        where = row["dialplan_uuid"] if row else _identifier(wanted, f"route {each.name}")
        noted = note["dialplan_uuid"] if note else _identifier(wanted, f"direction of route {each.name}")
        is_changed |= _rule(
            made, found, routes.route_rule(each, wanted.domain, _gateway_of(each, gateways)), where, uuid
        )
        is_changed |= _rule(made, found, routes.direction_rule(each, wanted.domain), noted, uuid)
        made.made.add(where)
    kept = {each.name for each in wanted.routes}
    for name, row in rows.items():
        if name not in kept and row["dialplan_uuid"] in made.made:
            _drop_rule(made, row["dialplan_uuid"])
            if note := notes.get(f"{routes.DIRECTION}.{name}"):
                _drop_rule(made, note["dialplan_uuid"])
            made.made.discard(row["dialplan_uuid"])
            is_changed = True
    if is_changed:
        made.forget(cache.of_dial_plan(wanted.domain))


def _guards(
    made: Plan,
    found: Inventory | None,
    wanted: Tenant,
    uuid: UUID,
    gateways: dict[str, UUID],
    extensions: dict[str, UUID],
    means: Means,
) -> None:
    restricted = tuple(extensions[each.number] for each in wanted.extensions if not each.outbound)
    leaves_by = next((_gateway_of(each, gateways) for each in sorted(wanted.routes, key=_order) if each.enabled), None)
    spared = help_numbers(wanted, means)
    rules = {each.name: each for each in guards.guards_of(wanted, spared, leaves_by, restricted)}
    is_changed = False
    for name in guards.NAMES:
        row = found.rule(name) if found else None
        if name in rules:
            where = row["dialplan_uuid"] if row else _identifier(wanted, f"guard {name}")
            is_changed |= _rule(made, found, rules[name], where, uuid)
        elif row is not None:
            _drop_rule(made, row["dialplan_uuid"])
            is_changed = True
    if is_changed:
        made.forget(cache.of_dial_plan(wanted.domain))


def _gateway_of(route: Route, gateways: dict[str, UUID]) -> UUID:
    if route.gateway not in gateways:
        raise Refused(f"route {route.name} leads to gateway {route.gateway!a}, which the tenant does not have")
    return gateways[route.gateway]


def _order(route: Route) -> tuple[int, str]:
    return route.order, route.name


def _rule(made: Plan, found: Inventory | None, rule: Rule, uuid: UUID, domain_uuid: UUID) -> bool:
    """A rule with its details. Answers whether it was written."""
    values = rule.row(uuid, domain_uuid)
    row = next((each for each in found.rules if each["dialplan_uuid"] == uuid), None) if found else None
    if row is None:
        made.insert("v_dialplans", uuid, values)
    else:
        known: dict[str, Any] = {name: values[name] for name in row if name in values}
        changed = _changed(row, known, ("dialplan_enabled",))
        if not changed:
            return False
        made.update("v_dialplans", uuid, changed)
        if changed.keys() == {"dialplan_enabled"}:
            return True
        made.delete("v_dialplan_details", uuid)
    for detail in rule.details(uuid, domain_uuid):
        made.writes.append(Write("v_dialplan_details", uuid, detail, is_new=True))
    return True


def _drop_rule(made: Plan, uuid: UUID) -> None:
    made.delete("v_dialplan_details", uuid)
    made.delete("v_dialplans", uuid)
