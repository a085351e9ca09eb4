"""The four verbs over a FusionPBX: its database, then its cache, then its switch, then a look.

put       1  one transaction: read, compare, write what differs, and note what comes after the commit
          2  delete the keys of the cache
          3  tell the switch
          4  one transaction: look, and cross off the note
A `put` of what is already so ends after its first step. One that died in between is finished by the next.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from bridge.errors import Conflict, NotPrepared, OutcomeUnknown, Refused
from bridge.pbx import demand
from bridge.pbx.comparison import differences, unmet
from bridge.pbx.driver import CallPage, Capabilities, Check, Tenant
from bridge.pbx.fusionpbx import cache, call_records, guards, inventory
from bridge.pbx.fusionpbx.cache import Cache
from bridge.pbx.fusionpbx.catalogue import NO
from bridge.pbx.fusionpbx.checks import Examined
from bridge.pbx.fusionpbx.database import Database, Row, Work
from bridge.pbx.fusionpbx.dialplan import BRIDGE, INBOUND_ROUTE, OUTBOUND_ROUTE
from bridge.pbx.fusionpbx.inventory import CATEGORY, LIMITS, PENDING, Inventory, digits_of
from bridge.pbx.fusionpbx.planning import plan
from bridge.pbx.fusionpbx.planning.change import KEY_OF, Means, Plan, Step, Write, help_numbers
from bridge.pbx.fusionpbx.switch import Switch
from bridge.secret import Secret

CAPABILITIES = Capabilities(
    dial_restrict=True,
    objects=frozenset({"extensions", "gateways", "numbers", "routes", "limits", "administrator"}),
    limits=frozenset({*LIMITS, guards.CONCURRENT_CALLS, guards.MAX_CALL_SECONDS}),
    domain_names=True,
)

_ABOUT_THE_ROW = frozenset({"insert_date", "insert_user", "update_date", "update_user"})
_CODE = re.compile(r"(pin_number=)[0-9]+", re.ASCII)
_AGAIN_SECONDS = 1.0
"""A lookup that read before the commit may have written its file after the first deletion."""


@dataclass(frozen=True, slots=True)
class Afterwards:
    """What is left to do when a transaction is through."""

    keys: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def is_nothing(self) -> bool:
        return not self.keys and not self.steps

    @property
    def silences(self) -> bool:
        return any(step.what.startswith("silence") for step in self.steps)

    def text(self) -> str:
        return json.dumps({"keys": self.keys, "steps": [[step.what, *step.words] for step in self.steps]})

    @classmethod
    def of(cls, pending: dict[str, Any], made: Plan) -> Afterwards:
        keys = dict.fromkeys((*pending.get("keys", ()), *made.keys))
        steps = dict.fromkeys((*(Step(what, tuple(words)) for what, *words in pending.get("steps", ())), *made.steps))
        return cls(tuple(keys), tuple(steps))


@dataclass(slots=True)
class FusionPbx:
    database: Database
    cache: Cache
    switch: Switch
    means: Means
    password: Secret
    """Of the event socket."""
    clock: Callable[[], datetime]
    template: str = ""
    """The tenant whose own dial plan a new one begins with."""
    wait: Callable[[float], None] = time.sleep
    capabilities: Capabilities = field(default=CAPABILITIES)

    # --- the verbs ---------------------------------------------------------------------------------------------------

    def find(self, domain: str) -> Tenant | None:
        found = self.database.transact(lambda work: inventory.read(work, domain))
        return found.tenant() if found else None

    def put(self, tenant: Tenant, *, adopt: bool = False) -> None:
        if tenant.marker is None:
            raise Refused(f"{tenant.domain} is not put: it has no marker", kind="pbx_rejected")
        demand.check(tenant, self.capabilities)
        afterwards = self.database.transact(lambda work: self._write(work, tenant, adopt=adopt))
        if not afterwards.is_nothing:
            self._finish(afterwards)
            self.database.transact(lambda work: self._close(work, tenant))

    def remove(self, tenant: Tenant) -> None:
        """Silenced first, with its rows still there; then the rows, and its calls stay."""
        afterwards = self.database.transact(lambda work: self._end(work, tenant))
        if afterwards is None:
            self.cache.delete([cache.of_dial_plan(tenant.domain), cache.of_every_extension(tenant.domain)])
            return
        self._finish(afterwards)
        self.database.transact(lambda work: self._erase(work, tenant))
        self.cache.delete([cache.of_dial_plan(tenant.domain), cache.of_every_extension(tenant.domain)])

    def domains(self) -> Sequence[str]:
        return self.database.transact(_names)

    def calls(self, after: str, limit: int = 1000) -> CallPage:
        cursor = call_records.read_cursor(after)
        return self.database.transact(lambda work: call_records.page(work, cursor, limit))

    def checks(self) -> Iterable[Check]:
        return Examined(self.database, self.cache, self.switch, self.password, self.clock).checks()

    # --- within a transaction ----------------------------------------------------------------------------------------

    def _write(self, work: Work, wanted: Tenant, *, adopt: bool) -> Afterwards:
        found = inventory.read(work, wanted.domain)
        if found is not None:
            _may_touch(found, wanted.marker, adopt=adopt)
        made = plan(found, wanted, self.means)
        afterwards = Afterwards.of(found.pending if found else {}, made)
        if not made.writes:
            return afterwards
        _claim_numbers(work, wanted, found)
        apply(work, made.writes)
        if found is None and self.template:
            _copy_dial_plan(work, self.template, wanted.domain, UUID(wanted.marker), self.means.new_code)
        _note_pending(work, found.uuid if found else UUID(wanted.marker), found, afterwards)
        return afterwards

    def _close(self, work: Work, wanted: Tenant) -> None:
        found = inventory.read(work, wanted.domain)
        left = unmet(differences(wanted, found.tenant(), self.capabilities)) if found else ()
        if found is None or left:
            what = f": {left[0].what}, {left[0].member}" if left else ""
            raise OutcomeUnknown(f"{wanted.domain} is not as it was written{what}")
        _note_pending(work, found.uuid, found, Afterwards())

    def _end(self, work: Work, tenant: Tenant) -> Afterwards | None:
        found = inventory.read(work, tenant.domain)
        if found is None:
            return None
        _may_touch(found, tenant.marker, adopt=False)
        made = Plan()
        made.update("v_domains", found.uuid, {"domain_enabled": NO})
        for rule in found.rules:
            if rule["dialplan_context"] == "public":
                made.update("v_dialplans", rule["dialplan_uuid"], {"dialplan_enabled": NO})
        for row in found.gateways:
            made.update("v_gateways", row["gateway_uuid"], {"enabled": NO})
            made.tell("drop", row["profile"] or "external", str(row["gateway_uuid"]))
        made.forget(cache.of_every_extension(found.name), cache.of_dial_plan(found.name))
        for row in found.destinations:
            made.forget(
                *cache.of_number(f"{row['destination_prefix'] or ''}{row['destination_number'] or ''}".lstrip("+"))
            )
        made.tell("silence", found.name, str(found.uuid), *help_numbers(tenant, self.means))
        apply(work, made.writes)
        return Afterwards.of(found.pending, made)

    def _erase(self, work: Work, tenant: Tenant) -> None:
        found = inventory.read(work, tenant.domain)
        if found is None:
            return
        _may_touch(found, tenant.marker, adopt=False)  # read again in the moment of removal
        for table in work.catalogue.tables_with("domain_uuid"):
            if table != "v_domains" and not table.startswith(("v_xml_cdr", "view_")):
                work.delete(table, domain_uuid=found.uuid)
        work.delete("v_domains", domain_uuid=found.uuid)

    # --- after a commit ----------------------------------------------------------------------------------------------

    def _finish(self, afterwards: Afterwards) -> None:
        keys = list(afterwards.keys)
        if any(step.what in ("load", "drop") for step in afterwards.steps):
            keys += cache.of_gateways(self.switch.hostname())
        self.cache.delete(keys)
        for step in afterwards.steps:
            self._tell(step)
        if afterwards.silences:
            self.wait(_AGAIN_SECONDS)
            self.cache.delete(keys)

    def _tell(self, step: Step) -> None:
        match (step.what, *step.words):
            case ("load", profile, _):
                self.switch.load_gateways(profile)
            case ("drop", profile, uuid):
                self.switch.drop_gateway(profile, uuid)
            case ("silence", domain, uuid, *spared):
                self.switch.silence(domain, uuid, spared)
            case ("silence_extension", number, domain, uuid, *spared):
                self.switch.silence_extension(number, domain, uuid, spared)


def _may_touch(found: Inventory, marker: str | None, *, adopt: bool) -> None:
    theirs = found.note(inventory.MARKER)
    if theirs is None and not adopt:
        raise Conflict(f"{found.name} is there and carries no marker; adopt it or choose another", kind="pbx_conflict")
    if marker is None or theirs not in (None, marker):
        raise Conflict(f"{found.name} is there and belongs to someone else", kind="pbx_conflict")


def apply(work: Work, writes: Iterable[Write]) -> None:
    for each in writes:
        if each.values is None:
            work.delete(each.table, **{KEY_OF[each.table]: each.uuid})
        elif each.is_new:
            work.insert(each.table, each.values)
        else:
            work.update(each.table, each.values, **{KEY_OF[each.table]: each.uuid})


def _claim_numbers(work: Work, wanted: Tenant, found: Inventory | None) -> None:
    """Nothing in FusionPBX keeps two tenants from having the same number."""
    mine = {each.e164 for each in wanted.numbers}
    if not mine:
        return
    named = sorted(
        {number[place:] for number in mine for place in range(min(4, len(number)))} | {f"+{n}" for n in mine}
    )
    columns = ["domain_uuid", "destination_number", "destination_prefix"]
    for row in work.select("v_destinations", columns, destination_number=named, destination_type="inbound"):
        digits = digits_of(row)
        if digits in mine and (found is None or row["domain_uuid"] != found.uuid):
            raise Conflict(f"number {digits} belongs to another tenant of this PBX", kind="pbx_conflict")


def _copy_dial_plan(work: Work, template: str, domain: str, uuid: UUID, new_code: Callable[[], str]) -> None:
    """The rules of the template, as new rules of this tenant: other identifiers, its name, its own access codes."""
    rows = work.select("v_domains", ["domain_uuid"], domain_name=template)
    if not rows:
        raise NotPrepared(f"the template {template} is not on this PBX; name another tenant, or none")
    known = [name for name in sorted(work.catalogue.columns["v_dialplans"]) if name not in _ABOUT_THE_ROW]
    named = [name for name in sorted(work.catalogue.columns["v_dialplan_details"]) if name not in _ABOUT_THE_ROW]
    for rule in work.select("v_dialplans", known, domain_uuid=rows[0]["domain_uuid"]):
        if rule["dialplan_name"] is None or rule["app_uuid"] in (BRIDGE, INBOUND_ROUTE, OUTBOUND_ROUTE):
            continue  # rows that an update of FusionPBX left over, and what belongs to one tenant only
        old, new = rule["dialplan_uuid"], uuid5(uuid, f"template {rule['dialplan_uuid']}")
        details = work.select("v_dialplan_details", named, dialplan_uuid=old)
        say = _Rewording(str(old), str(new), template, domain, new_code)
        work.insert("v_dialplans", {**say.row(rule), "dialplan_uuid": new, "domain_uuid": uuid})
        for detail in details:
            own = uuid5(new, str(detail["dialplan_detail_uuid"]))
            work.insert(
                "v_dialplan_details",
                {**say.row(detail), "dialplan_detail_uuid": own, "dialplan_uuid": new, "domain_uuid": uuid},
            )


@dataclass(slots=True)
class _Rewording:
    old: str
    new: str
    template: str
    domain: str
    new_code: Callable[[], str]
    _code: str = ""

    def row(self, row: Row) -> Row:
        return {name: self._text(value) if isinstance(value, str) else value for name, value in row.items()}

    def _text(self, text: str) -> str:
        text = text.replace(self.old, self.new).replace(self.template, self.domain)
        return _CODE.sub(lambda match: match[1] + self._one_code(), text)

    def _one_code(self) -> str:
        """One for each rule, in its XML and in its details."""
        self._code = self._code or self.new_code()
        return self._code


def _note_pending(work: Work, uuid: UUID, found: Inventory | None, afterwards: Afterwards) -> None:
    row = found.setting(CATEGORY, PENDING) if found else None
    if afterwards.is_nothing:
        if row is not None:
            work.delete("v_domain_settings", domain_setting_uuid=row["domain_setting_uuid"])
        return
    if row is not None:
        changed = {"domain_setting_value": afterwards.text()}
        work.update("v_domain_settings", changed, domain_setting_uuid=row["domain_setting_uuid"])
        return
    work.insert(
        "v_domain_settings",
        {
            "domain_setting_uuid": uuid5(uuid, f"setting {CATEGORY} {PENDING}"),
            "domain_uuid": uuid,
            "domain_setting_category": CATEGORY,
            "domain_setting_subcategory": PENDING,
            "domain_setting_name": "text",
            "domain_setting_value": afterwards.text(),
            "domain_setting_order": 0,
            "domain_setting_enabled": NO,
        },
    )


def _names(work: Work) -> list[str]:
    rows = work.connection.execute("SELECT domain_name FROM v_domains WHERE domain_name IS NOT NULL")
    return sorted(row["domain_name"] for row in rows)
