"""What stands in the dial plan: numbers, routes, and the rules that guard a tenant."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from bridge.errors import Refused
from bridge.pbx.driver import Number, Route, Tenant
from bridge.pbx.fusionpbx import cache, guards, routes
from bridge.pbx.fusionpbx.catalogue import flag
from bridge.pbx.fusionpbx.database import Row
from bridge.pbx.fusionpbx.dialplan import Rule
from bridge.pbx.fusionpbx.inventory import Inventory, digits_of
from bridge.pbx.fusionpbx.planning.change import (
    Means,
    Plan,
    Write,
    differing,
    help_numbers,
    identifier_in,
)


def numbers(made: Plan, found: Inventory | None, wanted: Tenant, uuid: UUID, gateways: dict[str, UUID]) -> None:
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
    rule_uuid = (row["dialplan_uuid"] if row else None) or identifier_in(wanted, f"rule of number {each.e164}")
    is_changed = _rule(made, found, rule, rule_uuid, uuid)
    values: dict[str, object] = {
        "dialplan_uuid": rule_uuid,
        "destination_app": leads_to.kind if leads_to else None,
        "destination_data": leads_to.data if leads_to else None,
        "destination_enabled": flag(each.enabled),
    }
    where = row["destination_uuid"] if row else identifier_in(wanted, f"number {each.e164}")
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
    elif changed := differing(row, values, ("destination_enabled",)):
        made.update("v_destinations", where, changed)
        is_changed = True
    made.made.add(where)
    if row is None or is_changed:
        made.forget(*cache.of_number(each.e164))


def routes_out(made: Plan, found: Inventory | None, wanted: Tenant, uuid: UUID, gateways: dict[str, UUID]) -> None:
    rows = {row["dialplan_name"]: row for row in found.outbound_routes()} if found else {}
    notes = {row["dialplan_name"]: row for row in found.rules} if found else {}
    is_changed = False
    for each in wanted.routes:
        row, note = rows.get(each.name), notes.get(f"{routes.DIRECTION}.{each.name}")
        where = row["dialplan_uuid"] if row else identifier_in(wanted, f"route {each.name}")
        noted = note["dialplan_uuid"] if note else identifier_in(wanted, f"direction of route {each.name}")
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


def guard_rules(
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
            where = row["dialplan_uuid"] if row else identifier_in(wanted, f"guard {name}")
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
        changed = differing(row, known, ("dialplan_enabled",))
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
