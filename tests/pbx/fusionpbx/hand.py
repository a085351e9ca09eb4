"""A FusionPBX with everything around it, and what operators, telephones and bad luck do to it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid5

from bridge.errors import BridgeError, NotFound
from bridge.pbx.driver import CallRecord, Tenant
from bridge.pbx.fusionpbx import inventory
from bridge.pbx.fusionpbx.cache import Files
from bridge.pbx.fusionpbx.commands import Command
from bridge.pbx.fusionpbx.database import Database, Work
from bridge.pbx.fusionpbx.driver import FusionPbx, apply
from bridge.pbx.fusionpbx.event_socket import EventSocket, Where
from bridge.pbx.fusionpbx.inventory import CATEGORY, Inventory
from bridge.pbx.fusionpbx.planning import plan
from bridge.pbx.fusionpbx.planning.change import Means, Plan, Write, identifier
from bridge.pbx.fusionpbx.switch import Switch
from bridge.secret import Secret
from tests.canary import CANARY
from tests.pbx.fusionpbx.switch import Switch as StandIn
from tests.pbx.fusionpbx.switch import serving

Answer = TypeVar("Answer")
NOBODY = "5b0e6d5e-0000-5000-8000-00000000000f"
EMERGENCY = ("112", "999")


def means() -> Means:
    """With passwords that can be read again, so that a test can say which one is set."""
    numbers = itertools.count(1)
    return Means(
        emergency=EMERGENCY,
        new_secret=lambda: f"secret{next(numbers)}",
        new_code=lambda: f"{next(numbers):08d}",
        hash_of=lambda password: f"hash of {password}",
        is_hash_of=lambda password, hashed: hashed == f"hash of {password}",
    )


@dataclass
class Trouble:
    """Counts what reaches outside, and lets one of them fail."""

    calls: int = 0
    faults: dict[int, tuple[BridgeError, bool]] = field(default_factory=dict)

    def outside(self, effect: Callable[[], Answer]) -> Answer:
        self.calls += 1
        error, after_effect = self.faults.pop(self.calls, (None, False))
        if error is not None and not after_effect:
            raise error
        answer = effect()
        if error is not None:
            raise error
        return answer


@dataclass
class TroubledDatabase(Database):
    """The database, with a place to break."""

    database: Database
    trouble: Trouble

    def transact(self, act: Callable[[Work], Answer]) -> Answer:
        return self.trouble.outside(lambda: self.database.transact(act))


@dataclass
class TroubledCache:
    cache: Files
    trouble: Trouble

    def delete(self, keys: Iterable[str]) -> None:
        self.trouble.outside(lambda: self.cache.delete(keys))

    def check(self) -> None:
        self.trouble.outside(self.cache.check)


@dataclass
class TroubledSocket:
    socket: EventSocket
    trouble: Trouble

    def api(self, asked: Command) -> str:
        return self.trouble.outside(lambda: self.socket.api(asked))


@dataclass
class Rig:
    """The driver and all that it stands on."""

    pbx: FusionPbx
    operator: Database
    dsn: str
    cache: Path
    switch: StandIn
    trouble: Trouble
    waited: list[float]


@contextmanager
def a_fusionpbx(dsn: str, folder: Path) -> Iterator[Rig]:
    switch = StandIn(password=CANARY)
    operator = Database(partial(Secret, dsn), "the operator's PostgreSQL")
    database = Database(partial(Secret, dsn.replace("user=postgres", "user=voip_bridge")), "PostgreSQL of pbx1")
    trouble = Trouble()
    waited: list[float] = []
    cache = folder / "cache"
    cache.mkdir()
    with serving(switch) as port:
        socket = EventSocket(Where("127.0.0.1", port, Secret(switch.password)))
        pbx = FusionPbx(
            database=TroubledDatabase(database, trouble),
            cache=TroubledCache(Files(cache), trouble),
            switch=Switch(TroubledSocket(socket, trouble), wait=waited.append),
            means=means(),
            password=Secret(switch.password),
            clock=lambda: datetime.now(UTC),
            wait=waited.append,
        )
        try:
            yield Rig(pbx, operator, dsn, cache, switch, trouble, waited)
        finally:
            socket.close()
            database.close()
            operator.close()


class FusionHand:
    """What an operator does in FusionPBX's pages, as rows; and the telephones."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self._imported = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def see(self, domain: str) -> Tenant | None:
        found = self._found(domain)
        if found is None:
            return None
        hashed = found.administrators[0]["password"] if found.administrators else ""
        password = Secret(hashed.removeprefix("hash of ")) if hashed else None
        return replace(found.tenant(), admin_password=password)

    def add(self, tenant: Tenant) -> None:
        def act(work: Work) -> None:
            made = plan(None, replace(tenant, marker=tenant.marker or NOBODY), means())
            apply(work, [each for each in made.writes if tenant.marker is not None or not _is_note(each)])

        self.rig.operator.transact(act)

    def change(self, domain: str, change: Callable[[Tenant], Tenant]) -> None:
        """Any edit: an object that is new is made by hand, and one that stays is still the bridge's."""
        found = self._found(domain)
        if found is None:
            raise NotFound(f"there is no tenant {domain}")
        changed = change(found.tenant())

        def act(work: Work) -> None:
            marker = changed.marker or NOBODY
            made = plan(found, replace(changed, marker=marker), means())
            made.made &= found.made
            kept = [each for each in made.writes if not _is_note(each)]
            apply(work, kept)
            if changed.marker != found.note(inventory.MARKER):
                _mark(work, found, changed.marker)

        self.rig.operator.transact(act)

    def ring(self, call: CallRecord) -> None:
        """As the importer of FusionPBX writes a call that has ended: imported a moment after the one before it."""
        self._imported += timedelta(milliseconds=1)
        row: dict[str, object] = {
            "xml_cdr_uuid": UUID(call.call_id),
            "domain_name": call.domain,
            "direction": call.direction,
            "caller_id_number": call.caller.lstrip("+"),
            "source_number": call.caller,
            "destination_number": call.callee,
            "caller_destination": call.callee,
            "start_epoch": int(call.started_at.timestamp()),
            "answer_epoch": int(call.answered_at.timestamp()) if call.answered_at else 0,
            "end_epoch": int(call.ended_at.timestamp()),
            "billsec": call.seconds,
            "billmsec": call.seconds * 1000,
            "leg": "a",
            "last_app": "bridge",
            "last_arg": f"sofia/gateway/{self._gateway(call)}/{call.callee}",
            "insert_date": self._imported,
        }
        self.rig.operator.transact(lambda work: work.insert("v_xml_cdr", row))

    def _gateway(self, call: CallRecord) -> UUID:
        """The one of that name, which is made when a call needs it."""
        uuid = uuid5(UUID(NOBODY), call.gateway)
        row = {"gateway_uuid": uuid, "gateway": call.gateway, "enabled": "true"}

        def act(work: Work) -> None:
            if not work.select("v_gateways", ["gateway_uuid"], gateway_uuid=uuid):
                work.insert("v_gateways", row)

        self.rig.operator.transact(act)
        return uuid

    def outside_calls(self) -> int:
        return self.rig.trouble.calls

    def fail(self, nth: int, error: BridgeError, *, after_effect: bool) -> None:
        self.rig.trouble.faults[self.rig.trouble.calls + nth] = error, after_effect

    def _found(self, domain: str) -> Inventory | None:
        return self.rig.operator.transact(lambda work: inventory.read(work, domain))


def _is_note(write: Write) -> bool:
    values = write.values or {}
    return (
        write.table == "v_domain_settings"
        and values.get("domain_setting_category", CATEGORY) == CATEGORY
        and ("domain_setting_value" in values and values.get("domain_setting_name") in (None, "text"))
    )


def _mark(work: Work, found: Inventory, marker: str | None) -> None:
    row = found.setting(CATEGORY, inventory.MARKER)
    if row is not None:
        work.update(
            "v_domain_settings", {"domain_setting_value": marker}, domain_setting_uuid=row["domain_setting_uuid"]
        )
        return
    made = Plan()
    made.insert(
        "v_domain_settings",
        identifier(marker or NOBODY, "mark by hand"),
        {
            "domain_uuid": found.uuid,
            "domain_setting_category": CATEGORY,
            "domain_setting_subcategory": inventory.MARKER,
            "domain_setting_name": "text",
            "domain_setting_value": marker,
        },
    )
    apply(work, made.writes)
