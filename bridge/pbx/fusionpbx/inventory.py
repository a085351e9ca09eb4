"""What FusionPBX has of one tenant: the rows, read in one transaction, and the `Tenant` that they are.

Three rows of the tenant's settings are the bridge's own, switched off so that FusionPBX passes over them:

    bridge / marker     whose the tenant is
    bridge / made       the objects that a `put` made, by their UUIDs
    bridge / pending    what the switch has still to be told of the last commit
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from bridge.pbx.driver import Extension, Gateway, Number, Route, Tenant
from bridge.pbx.fusionpbx import guards
from bridge.pbx.fusionpbx.catalogue import is_on
from bridge.pbx.fusionpbx.database import Row, Work
from bridge.pbx.fusionpbx.dialplan import BRIDGE, INBOUND_ROUTE, OUTBOUND_ROUTE
from bridge.pbx.fusionpbx.routes import DIRECTION, gateway_in, pattern_in
from bridge.secret import Secret

CATEGORY = "bridge"
MARKER, MADE, PENDING = "marker", "made", "pending"
LIMIT = "limit"
ADMINISTRATORS = "admin"
"""The group of FusionPBX whose members look after one tenant."""

LIMITS: Mapping[str, str] = {
    "extensions": "extensions",
    "gateways": "gateways",
    "dids": "destinations",
    "users": "users",
    "devices": "devices",
    "ring_groups": "ring_groups",
    "ivr_menus": "ivr_menus",
    "queues": "call_center_queues",
}
"""The limits that the pages of FusionPBX keep, by our names."""

_SETTING = ("domain_setting_uuid", "domain_setting_category", "domain_setting_subcategory", "domain_setting_value")
_EXTENSION = (
    *("extension_uuid", "extension", "number_alias", "password", "accountcode", "effective_caller_id_name"),
    *("outbound_caller_id_number", "user_context"),
)
_VOICEMAIL = ("voicemail_uuid", "voicemail_id")
_GATEWAY = ("gateway_uuid", "gateway", "proxy", "username", "password", "profile")
_DESTINATION = ("destination_uuid", "dialplan_uuid", "destination_type", "destination_number", "destination_prefix")
_DESTINATION_SAYS = ("destination_app", "destination_data")
_DIALPLAN = (
    *("dialplan_uuid", "app_uuid", "dialplan_context", "dialplan_name", "dialplan_number"),
    *("dialplan_order", "dialplan_xml", "dialplan_description"),
)


@dataclass(frozen=True, slots=True)
class Inventory:
    domain: Row
    settings: tuple[Row, ...]
    extensions: tuple[Row, ...]
    voicemails: tuple[Row, ...]
    gateways: tuple[Row, ...]
    destinations: tuple[Row, ...]
    rules: tuple[Row, ...]
    """Of inbound and outbound routes and of the bridge; FusionPBX's own are nobody's business here."""
    administrators: tuple[Row, ...]

    @property
    def uuid(self) -> UUID:
        uuid: UUID = self.domain["domain_uuid"]
        return uuid

    @property
    def name(self) -> str:
        return str(self.domain["domain_name"])

    def note(self, name: str) -> str | None:
        row = self.setting(CATEGORY, name)
        return None if row is None else str(row["domain_setting_value"])

    def setting(self, category: str, name: str) -> Row | None:
        for row in self.settings:
            if (row["domain_setting_category"], row["domain_setting_subcategory"]) == (category, name):
                return row
        return None

    @property
    def made(self) -> frozenset[UUID]:
        return frozenset(map(UUID, json.loads(self.note(MADE) or "[]")))

    @property
    def pending(self) -> dict[str, Any]:
        pending: dict[str, Any] = json.loads(self.note(PENDING) or "{}")
        return pending

    def rule(self, name: str) -> Row | None:
        for row in self.rules:
            if row["app_uuid"] == BRIDGE and row["dialplan_name"] == name:
                return row
        return None

    def _xml_in_force(self, name: str) -> str:
        row = self.rule(name)
        return str(row["dialplan_xml"]) if row is not None and is_on(row["dialplan_enabled"]) else ""

    # --- as a tenant ------------------------------------------------------------------------------------------------

    def tenant(self) -> Tenant:
        return Tenant(
            domain=self.name,
            marker=self.note(MARKER),
            description=self.domain["domain_description"] or "",
            enabled=is_on(self.domain["domain_enabled"]),
            outbound=not self._xml_in_force(guards.NO_OUTBOUND),
            admin_username=self.administrators[0]["username"] if self.administrators else "",
            extensions=tuple(sorted((self._extension(row) for row in self.extensions), key=lambda each: each.number)),
            gateways=tuple(sorted((_gateway(row) for row in self.gateways), key=lambda each: each.name)),
            numbers=tuple(sorted((self._number(row) for row in self.destinations), key=lambda each: each.e164)),
            routes=tuple(sorted((self._route(row) for row in self.outbound_routes()), key=lambda each: each.name)),
            limits=self._limits(),
        )

    def _extension(self, row: Row) -> Extension:
        boxes = {each["voicemail_id"] for each in self.voicemails if is_on(each["voicemail_enabled"])}
        return Extension(
            number=row["extension"],
            name=row["effective_caller_id_name"] or "",
            password=Secret(row["password"]) if row["password"] else None,
            enabled=is_on(row["enabled"]),
            outbound=str(row["extension_uuid"]) not in self._xml_in_force(guards.RESTRICTED),
            voicemail=(row["number_alias"] or row["extension"]) in boxes,
            caller_id=row["outbound_caller_id_number"] or "",
        )

    def _number(self, row: Row) -> Number:
        rule = next((each for each in self.rules if each["dialplan_uuid"] == row["dialplan_uuid"]), None)
        return Number(
            e164=digits_of(row),
            target=self._target(row["destination_app"], row["destination_data"] or ""),
            # What the switch obeys is the rule; the destination's own flag changes nothing.
            enabled=rule is not None and is_on(rule["dialplan_enabled"]),
        )

    def _target(self, application: str | None, data: str) -> str:
        if application == "transfer":
            return data.split(" ")[0]
        if application == "bridge" and data.startswith("sofia/gateway/"):
            uuid = data.split("/")[2]
            return next((each["gateway"] for each in self.gateways if str(each["gateway_uuid"]) == uuid), "")
        return ""

    def outbound_routes(self) -> list[Row]:
        """The rule of each route that leads to a gateway; the one before it only notes the direction."""
        return [
            row
            for row in self.rules
            if row["app_uuid"] == OUTBOUND_ROUTE and not row["dialplan_name"].startswith(DIRECTION)
        ]

    def _route(self, row: Row) -> Route:
        uuid = gateway_in(row["dialplan_xml"] or "")
        return Route(
            name=row["dialplan_name"],
            pattern=pattern_in(row["dialplan_xml"] or ""),
            gateway=next((each["gateway"] for each in self.gateways if str(each["gateway_uuid"]) == uuid), ""),
            order=int(row["dialplan_order"] or 0),
            enabled=is_on(row["dialplan_enabled"]),
        )

    def _limits(self) -> tuple[tuple[str, int], ...]:
        found = {}
        for name, subcategory in LIMITS.items():
            row = self.setting(LIMIT, subcategory)
            if row is not None and is_on(row["domain_setting_enabled"]):
                value = str(row["domain_setting_value"] or "")
                if value.isascii() and value.isdigit():
                    found[name] = int(value)
        found |= guards.limits_in({name: self._xml_in_force(name) for name in guards.NAMES})
        return tuple(sorted(found.items()))


def digits_of(destination: Row) -> str:
    """The whole number: some have the country apart."""
    return f"{destination['destination_prefix'] or ''}{destination['destination_number'] or ''}".lstrip("+")


def _gateway(row: Row) -> Gateway:
    return Gateway(
        name=row["gateway"],
        host=row["proxy"] or "",
        username=row["username"] or "",
        password=Secret(row["password"]) if row["password"] else None,
        register=is_on(row["register"]),
        enabled=is_on(row["enabled"]),
    )


def read(work: Work, domain: str) -> Inventory | None:
    """Everything of a tenant, or None where there is none of this name."""
    domains = work.select(
        "v_domains", ["domain_uuid", "domain_name", "domain_description"], flags=["domain_enabled"], domain_name=domain
    )
    if not domains:
        return None
    uuid = domains[0]["domain_uuid"]
    dialplans = work.select("v_dialplans", _DIALPLAN, flags=["dialplan_enabled"], domain_uuid=uuid)
    return Inventory(
        domain=domains[0],
        settings=tuple(
            work.select(
                "v_domain_settings",
                _SETTING,
                flags=["domain_setting_enabled"],
                domain_uuid=uuid,
                domain_setting_category=[CATEGORY, LIMIT],
            )
        ),
        extensions=tuple(work.select("v_extensions", _EXTENSION, flags=["enabled"], domain_uuid=uuid)),
        voicemails=tuple(work.select("v_voicemails", _VOICEMAIL, flags=["voicemail_enabled"], domain_uuid=uuid)),
        gateways=tuple(work.select("v_gateways", _GATEWAY, flags=["register", "enabled"], domain_uuid=uuid)),
        destinations=tuple(
            work.select(
                "v_destinations",
                [*_DESTINATION, *_DESTINATION_SAYS],
                flags=["destination_enabled"],
                domain_uuid=uuid,
                destination_type="inbound",
            )
        ),
        rules=tuple(
            row
            for row in dialplans
            if row["app_uuid"] in (BRIDGE, INBOUND_ROUTE, OUTBOUND_ROUTE) and row["dialplan_name"] is not None
        ),
        administrators=tuple(_administrators(work, uuid)),
    )


def _administrators(work: Work, domain_uuid: UUID) -> list[Row]:
    """The oldest first: the one that the bridge looks after, where it made one."""
    members = work.select("v_user_groups", ["user_uuid"], domain_uuid=domain_uuid, group_name=ADMINISTRATORS)
    if not members:
        return []
    uuids = [each["user_uuid"] for each in members]
    users = work.select("v_users", ["user_uuid", "username", "password"], flags=["user_enabled"], user_uuid=uuids)
    return sorted(users, key=lambda each: str(each["username"]))
