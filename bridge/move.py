"""Moving a tenant, with every service in it, to another server.

    asked      planned against the new server, then one operation in the tenant's lane
    match      made there as it is wanted                     nothing has changed yet for anyone
    switched   the mapping is dated: from this moment on it lives there, and what still waits is done there
    retire     switched off on the old server; where that is out of reach, this waits and holds up nothing else
    clear      after the retention, an operation of its own deletes what was left (`leftover.py`)

A server edited in WHMCS moves nothing by itself. Moving back is a move like any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from bridge import acceptance
from bridge import server as servers_
from bridge import servers as connections
from bridge.acceptance import Accepted
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.attempt import Seen
from bridge.database import now, transact
from bridge.errors import Conflict, NotFound, NotPrepared
from bridge.operations import Event, Kind, Operation, Step, after
from bridge.pbx import demand
from bridge.pbx.driver import Capabilities, Tenant
from bridge.server import Server
from bridge.service import Service
from bridge.store import audit, handlers, hands, lanes, leftovers, mirror, operations, placements, servers, services
from bridge.store.leftovers import Leftover
from bridge.store.mirror import Mirror
from bridge.wanted import living, tenant_from


def move(bridge: Bridge, asking: Asking, service_id: int, *, to_server_id: int, reason: str = "") -> dict[str, Any]:
    """Plans it against the new server, says so, and asks for it; a dry run stops at the plan."""
    before = transact(bridge.engine, lambda tx: _before(tx, bridge, asking, service_id, to_server_id))
    seen = _look(bridge, before, to_server_id) if before is not None else None

    def act(tx: Connection) -> Accepted:
        return _accept(tx, bridge, asking, service_id, to_server_id, reason, seen)

    return acceptance.ask(bridge, asking, act)


# --- planning --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Situation:
    """Who would move, from where."""

    there: Mirror
    members: tuple[Service, ...]
    service: Service

    @property
    def domain(self) -> str:
        return self.there.plain.domain


@dataclass(frozen=True, slots=True)
class _There:
    """What the new server has of this name already, and what it can do."""

    actual: Tenant | None
    capabilities: Capabilities


def _before(tx: Connection, bridge: Bridge, asking: Asking, service_id: int, to_server_id: int) -> _Situation | None:
    """None: asked before under this key, or wished already, so there is nothing to look at."""
    if acceptance.standing_of(tx, asking, now(tx)).operation_id is not None:
        return None
    situation = _situation(tx, bridge, service_id)
    if _wished_before(tx, situation, to_server_id) is not None:
        return None
    _target(tx, situation, to_server_id)
    return situation


def _situation(tx: Connection, bridge: Bridge, service_id: int) -> _Situation:
    service = services.get(tx, service_id)
    if service is None:
        raise NotFound(f"service {service_id} is not known here", service_id=service_id)
    if service.tenant_id is None:
        raise NotPrepared(f"service {service_id} has no tenant on a server, so it cannot be moved")
    tenant_id = service.tenant_id
    held = [services.get(tx, each.service_id, lock=True) for each in services.of_tenants(tx, [tenant_id])[tenant_id]]
    members = tuple(each for each in held if each is not None)
    if not living(each.contribution() for each in members):
        raise Conflict(f"nobody lives in the tenant of service {service_id} any more", service_id=service_id)
    mine = next(each for each in members if each.service_id == service_id)
    return _Situation(mirror.load(tx, [tenant_id], bridge.vault)[tenant_id], members, mine)


def _target(tx: Connection, situation: _Situation, to_server_id: int) -> Server:
    """The server to move to, or what speaks against it."""
    if situation.there.server_id == to_server_id:
        raise Conflict(f"{situation.domain} lives on server {to_server_id} already", server_id=to_server_id)
    moving = operations.is_moving(tx, situation.there.tenant_id)
    if moving is not None:
        raise Conflict(
            f"operation {moving.id} is {moving.state} and still has to {moving.kind} {situation.domain}",
            operation_id=moving.id,
            state=moving.state.value,
        )
    choice = servers_.choose(servers.listed(tx), asked=to_server_id, group_id=None, accounts=servers.accounts(tx))
    if choice.server is None:
        raise NotPrepared(choice.rule, server_id=to_server_id)
    if not choice.server.is_working:
        raise NotPrepared(choice.server.why_not, server_id=to_server_id)
    for each in situation.members:
        driver = handlers.driver_of(tx, each.product_id, to_server_id)
        if driver not in (None, "", choice.server.driver):
            raise NotPrepared(
                f"the handler of product {each.product_id} asks for the driver {driver}, "
                f"but server {to_server_id} is a {choice.server.driver}"
            )
    return choice.server


def _look(bridge: Bridge, situation: _Situation, to_server_id: int) -> _There:
    """Asks the new server, with no transaction open."""
    server, driver = connections.driver_of(bridge, to_server_id)
    wanted = tenant_from(situation.there.plain, (each.contribution() for each in situation.members))
    wrong = demand.beyond(wanted, driver.capabilities)
    if wrong:
        raise NotPrepared(f"{server.name} cannot take {situation.domain}: {'; '.join(wrong)}", server_id=to_server_id)
    actual = driver.find(situation.domain)
    if actual is not None and actual.marker not in (None, situation.there.plain.marker):
        raise Conflict(
            f"{server.name} has a tenant {situation.domain} that carries another's marker", kind="pbx_conflict"
        )
    return _There(actual, driver.capabilities)


def _plan(bridge: Bridge, situation: _Situation, server: Server, old: Server, seen: _There | None) -> dict[str, Any]:
    """What would happen, for a person to read before and after."""
    there, domain = situation.there, situation.domain
    notes = [
        f"Recordings, voice mail and call history stay on {old.name} and go with what is left there.",
        f"Set the server of {_named(situation.members)} to {server.server_id} in WHMCS.",
    ]
    if seen is not None and seen.capabilities.domain_names:
        notes.append(f"Point the name {domain} to {server.name} before the move.")
    if seen is not None and seen.actual is not None:
        whose = "ours" if seen.actual.marker else "nobody's"
        notes.append(f"{server.name} has a tenant {domain} already; it is {whose} and is made as wanted.")
    if old.cdr_group is None or old.cdr_group != server.cdr_group:
        notes.append("Calls are told apart by server: those before the switch are counted on the old one.")
    return {
        "domain": domain,
        "services": [each.service_id for each in situation.members],
        "from": {"server_id": old.server_id, "name": old.name},
        "to": {"server_id": server.server_id, "name": server.name},
        "objects": {shelf.member: len(getattr(there.plain, shelf.member)) for shelf in mirror.SHELVES.values()},
        "left_behind": _made_by_hand(there),
        "steps": [
            f"{domain} is made on {server.name} as it is wanted",
            "from that moment on it lives there; what still waits is done there",
            f"it is switched off on {old.name}",
            f"what is left on {old.name} is deleted {bridge.settings.retention_days} days later",
        ],
        "notes": notes,
    }


def _made_by_hand(there: Mirror) -> list[str]:
    """Objects on the old server that nobody here wants: they do not come along."""
    found = []
    for shelf in mirror.SHELVES.values():
        wanted = {shelf.key_of(each) for each in getattr(there.plain, shelf.member)}
        for each in getattr(there.actual, shelf.member) if there.actual else ():
            if shelf.key_of(each) not in wanted:
                found.append(f"{shelf.member.removesuffix('s')} {shelf.key_of(each)}")
    return found


def _named(members: tuple[Service, ...]) -> str:
    numbers = ", ".join(str(each.service_id) for each in members)
    return f"services {numbers}" if len(members) > 1 else f"service {numbers}"


# --- asking ----------------------------------------------------------------------------------------------------------


def _accept(
    tx: Connection,
    bridge: Bridge,
    asking: Asking,
    service_id: int,
    to_server_id: int,
    reason: str,
    seen: _There | None,
) -> Accepted:
    moment = now(tx)
    standing = acceptance.standing_of(tx, asking, moment)
    if standing.operation_id is not None:
        known = operations.get(tx, standing.operation_id)
        assert known is not None
        return acceptance.repeated(known)
    situation = _situation(tx, bridge, service_id)
    first = _wished_before(tx, situation, to_server_id)
    if first is not None:
        acceptance.remember(tx, bridge, standing, first.id, moment)
        return acceptance.joined(tx, bridge, asking, first, moment)

    target = _target(tx, situation, to_server_id)
    old = servers.get(tx, situation.there.server_id)
    assert old is not None
    service = replace(situation.service, generation=situation.service.generation + 1)
    services.save(tx, service)
    plan = _plan(bridge, situation, target, old, seen)
    asked = {"from_server_id": old.server_id, "to_server_id": to_server_id, "reason": reason, "plan": plan}
    operation = acceptance.append(
        tx, bridge, asking, service, Kind.MOVE, asked=asked, moment=moment, server_id=to_server_id
    )
    acceptance.remember(tx, bridge, standing, operation.id, moment)
    return acceptance.accepted(operation, service, situation.domain)


def _wished_before(tx: Connection, situation: _Situation, to_server_id: int) -> Operation | None:
    """The same move, still under way (R-21)."""
    moving = operations.is_moving(tx, situation.there.tenant_id)
    same = moving is not None and moving.kind is Kind.MOVE and moving.asked.get("to_server_id") == to_server_id
    return moving if same else None


# --- what a worker records -------------------------------------------------------------------------------------------


def hold(tx: Connection, tenant_id: int) -> None:
    """The services of a tenant, held before its lane is: whoever asks for one takes them in that order, too."""
    for each in services.of_tenants(tx, [tenant_id])[tenant_id]:
        services.get(tx, each.service_id, lock=True)


def record(
    tx: Connection, operation: Operation, there: Mirror, seen: Seen | None, *, moment: datetime, keep: timedelta
) -> Operation:
    """What a finished step of a move makes of it."""
    if operation.step is None:
        assert seen is not None
        assert operation.server_id is not None
        held = hands.still_held(tx, there.tenant_id, seen.held)
        mirror.record(tx, there, applied=seen.applied, actual=seen.actual, held=held, now=moment)
        _switch(tx, operation, there, moment=moment, keep=keep)
        further = replace(operation, step=Step.MATCH, server_id=there.server_id)
        return after(further, Event.FURTHER, now=moment)
    assert operation.server_id is not None
    leftovers.mark_disabled(tx, there.tenant_id, operation.server_id, at=moment)
    return after(replace(operation, step=Step.RETIRE), Event.DONE, now=moment)


def _switch(tx: Connection, operation: Operation, there: Mirror, *, moment: datetime, keep: timedelta) -> None:
    """From this moment on the tenant lives on the new server, and all that is known of it says so."""
    tenant_id, old, new = there.tenant_id, there.server_id, operation.server_id
    assert new is not None
    mirror.relocate(tx, tenant_id, server_id=new)
    lanes.relocate(tx, tenant_id, server_id=new)
    operations.relocate(tx, tenant_id, from_server_id=old, to_server_id=new)
    services.relocate(tx, tenant_id, server_id=new)
    members = [each.service_id for each in services.of_tenants(tx, [tenant_id])[tenant_id]]
    placements.place(tx, members, tenant_id=tenant_id, server_id=new, domain=there.plain.domain, at=moment)
    leftovers.forget(tx, tenant_id, new)
    left = Leftover(
        tenant_id=tenant_id,
        server_id=old,
        domain=there.plain.domain,
        pbx_uuid=there.plain.marker or "",
        left_at=moment,
        delete_after=moment + keep,
    )
    leftovers.add(tx, left)
    audit.add(
        tx,
        actor=operation.actor,
        action="tenant.moved",
        subject=f"tenant:{tenant_id}",
        before={"server_id": old},
        after={"server_id": new, "operation_id": operation.id, "services": members},
        reason=operation.asked.get("reason") or None,
    )
