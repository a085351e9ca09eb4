"""What a sweep does about drift: an operation in the queue, appended only if nothing has begun since it looked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from bridge import acceptance, placement, services
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import now, transact
from bridge.drift.blast import Change
from bridge.drift.drift import Remedy, Verb
from bridge.errors import BridgeError, Conflict, Refused
from bridge.operations import Kind, State
from bridge.pbx.comparison import KEYS
from bridge.service import Service
from bridge.store import mirror, operations, placements, tenants, wishes
from bridge.store import services as service_store
from bridge.wanted import living

CALLER = "sweep"

HARMLESS = frozenset({Verb.LEARN_FIELDS})
"""What touches nothing but our own notes."""


@dataclass(frozen=True, slots=True)
class Outcome:
    remedy: Remedy
    operation_id: int | None = None
    left: bool = False
    """Something else was asked meanwhile; the next look sees what came of it."""
    refused: str | None = None


def change_of(remedy: Remedy, dwellers: Mapping[int, frozenset[int]]) -> Change:
    """The remedy as the blast limit counts it."""
    if remedy.service_id is not None:
        return Change(remedy.verb, frozenset({remedy.service_id}), f"service {remedy.service_id}", _token(remedy))
    assert remedy.tenant_id is not None
    # A tenant without services still counts as one.
    touched = dwellers.get(remedy.tenant_id) or frozenset({-remedy.tenant_id})
    return Change(remedy.verb, touched, f"tenant {remedy.tenant_id}", _token(remedy))


def _token(remedy: Remedy) -> str:
    objects = remedy.details.get("objects", ())
    told = {name: value for name, value in remedy.details.items() if name not in ("objects", "reason")}
    return f"{remedy.tenant_id} {sorted(told.items())} {sorted(_key_of(each) for each in objects)}"


def apply(
    bridge: Bridge, remedies: Iterable[Remedy], generations: Mapping[int, int], *, caller: str, dry_run: bool
) -> list[Outcome]:
    return [_apply(bridge, each, generations, caller=caller, dry_run=dry_run) for each in remedies]


def _apply(bridge: Bridge, remedy: Remedy, generations: Mapping[int, int], *, caller: str, dry_run: bool) -> Outcome:
    asking = Asking(caller, f"sweep.{remedy.verb}", wait_ms=0, dry_run=dry_run)
    if remedy.service_id is not None:
        asking = replace(asking, generation=generations[remedy.service_id])
    try:
        answer = _ACTS[remedy.verb](bridge, asking, remedy)
    except Conflict as trouble:
        if trouble.kind == "superseded":
            return Outcome(remedy, left=True)
        return Outcome(remedy, refused=str(trouble))
    except Refused as trouble:
        return Outcome(remedy, refused=str(trouble))
    return Outcome(remedy, answer.get("operation_id"), left=bool(answer.get("left")))


def purge(bridge: Bridge, tenant_id: int, *, caller: str, dry_run: bool) -> Outcome:
    """The deletion of a tenant whose retention is over: one operation, unless somebody wants the tenant again."""
    remedy = Remedy(Verb.REPAIR, None, tenant_id)
    asking = Asking(caller, "sweep.purge", wait_ms=0, dry_run=dry_run)

    def act(tx: Connection) -> dict[str, Any]:
        members = [_locked(tx, each.service_id) for each in service_store.of_tenants(tx, [tenant_id])[tenant_id]]
        is_due = tenant_id in tenants.due_for_purge(tx, now(tx))
        if not is_due or not members or living(each.contribution() for each in members):
            return {"left": True}
        if not operations.hold_idle(tx, tenant_id) or _is_decided(tx, tenant_id):
            return {"left": True}
        held = mirror.load(tx, [tenant_id], bridge.vault)[tenant_id]
        asked = {"delete_after": held.delete_after.isoformat() if held.delete_after else None}
        operation = acceptance.append(
            tx, bridge, asking, members[0], Kind.PURGE, asked=asked, moment=now(tx), server_id=held.server_id
        )
        return {"operation_id": operation.id}

    try:
        answer = _within(bridge, asking, act)
    except BridgeError as trouble:
        return Outcome(remedy, refused=str(trouble))
    return Outcome(remedy, answer.get("operation_id"), left=bool(answer.get("left")))


def outlived(tx: Connection, bridge: Bridge) -> list[tuple[Service, int]]:
    """Services whose retention is over, and the tenants they still lie in because others live on there."""
    moment = now(tx)
    found = []
    for service_id, tenant_id in tenants.ended_among_others(tx):
        service = service_store.get(tx, service_id)
        last = operations.latest(tx, service_id)
        if service is None or last is None or last.kind is not Kind.TERMINATE or last.state is not State.SUCCEEDED:
            continue
        assert last.finished_at is not None
        days = service.resources.retention_days
        if last.finished_at + timedelta(days=bridge.settings.retention_days if days is None else days) <= moment:
            found.append((service, tenant_id))
    return found


def take_out(bridge: Bridge, service_id: int, tenant_id: int, *, caller: str, dry_run: bool) -> Outcome:
    """What an ended service had in a tenant where others live on goes, by one repair of the tenant."""
    remedy = Remedy(Verb.REPAIR, None, tenant_id)
    asking = Asking(caller, "sweep.take_out", wait_ms=0, dry_run=dry_run)

    def act(tx: Connection) -> dict[str, Any]:
        members = [_locked(tx, each.service_id) for each in service_store.of_tenants(tx, [tenant_id])[tenant_id]]
        due = [
            service for service, home in outlived(tx, bridge) if (service.service_id, home) == (service_id, tenant_id)
        ]
        alive = [each for each in members if each.tenant_id == tenant_id and living([each.contribution()])]
        if not due or not alive or not operations.hold_idle(tx, tenant_id):
            return {"left": True}
        moment = now(tx)
        wishes.unwant_service(tx, tenant_id, service_id)
        placements.leave(tx, [service_id], at=moment)
        service_store.save(tx, replace(due[0], tenant_id=None))
        server_id = mirror.load(tx, [tenant_id], bridge.vault)[tenant_id].server_id
        operation = acceptance.append(
            tx,
            bridge,
            asking,
            alive[0],
            Kind.REPAIR,
            asked={"taken_out": service_id},
            moment=moment,
            server_id=server_id,
        )
        return {"operation_id": operation.id}

    try:
        answer = _within(bridge, asking, act)
    except BridgeError as trouble:
        return Outcome(remedy, refused=str(trouble))
    return Outcome(remedy, answer.get("operation_id"), left=bool(answer.get("left")))


def _is_decided(tx: Connection, tenant_id: int) -> bool:
    """A person decided against this deletion or the end before it, or did it by hand; only a new end asks again."""
    last = operations.last_of_kinds(tx, tenant_id, (Kind.TERMINATE, Kind.PURGE))
    if last is None:
        return False
    if last.kind is Kind.PURGE and last.state is State.SUCCEEDED:
        # What a worker deleted is forgotten, unless something else was asked while it did: then there is more to do.
        return operations.last_of_tenants(tx, [tenant_id])[tenant_id] == last.id
    return last.state is State.CANCELLED


# --- what WHMCS wants ------------------------------------------------------------------------------------------------


def _suspend(bridge: Bridge, asking: Asking, remedy: Remedy) -> dict[str, Any]:
    return services.suspend(bridge, asking, _service(remedy), remedy.details.get("reason") or None)


def _unsuspend(bridge: Bridge, asking: Asking, remedy: Remedy) -> dict[str, Any]:
    return services.unsuspend(bridge, asking, _service(remedy), None)


def _terminate(bridge: Bridge, asking: Asking, remedy: Remedy) -> dict[str, Any]:
    return services.terminate(bridge, asking, _service(remedy), None)


def _change_package(bridge: Bridge, asking: Asking, remedy: Remedy) -> dict[str, Any]:
    return services.change_package(
        bridge, asking, _service(remedy), remedy.details["product_id"], remedy.details["options"]
    )


def _create(bridge: Bridge, asking: Asking, remedy: Remedy) -> dict[str, Any]:
    """The password stays WHMCS's secret: it is set when somebody changes it."""
    return services.create(bridge, asking, service_id=_service(remedy), password=None, **remedy.details)


def _rename_administrator(bridge: Bridge, asking: Asking, remedy: Remedy) -> dict[str, Any]:
    def act(tx: Connection) -> dict[str, Any]:
        held = _locked(tx, _service(remedy), asking)
        renamed = replace(held, username=remedy.details["username"])
        service_store.save(tx, renamed)
        if renamed.tenant_id is None:
            return {}
        told = {"username": [held.username, renamed.username]}
        operation = acceptance.append(tx, bridge, asking, renamed, Kind.REPAIR, asked=told, moment=now(tx))
        return {"operation_id": operation.id}

    return _within(bridge, asking, act)


def _learn_fields(bridge: Bridge, asking: Asking, remedy: Remedy) -> dict[str, Any]:
    def act(tx: Connection) -> dict[str, Any]:
        held = _locked(tx, _service(remedy), asking)
        service_store.save(tx, replace(held, custom_fields=tuple(sorted(remedy.details["custom_fields"].items()))))
        return {}

    return _within(bridge, asking, act)


# --- what we want of the PBX -----------------------------------------------------------------------------------------


def _repair(bridge: Bridge, asking: Asking, remedy: Remedy) -> dict[str, Any]:
    return _within(bridge, asking, lambda tx: _append_repair(tx, bridge, asking, remedy, {}))


def _import_objects(bridge: Bridge, asking: Asking, remedy: Remedy) -> dict[str, Any]:
    """Wants what is there, and lets a worker see to it that it is ours from now on."""

    def act(tx: Connection) -> dict[str, Any]:
        assert remedy.tenant_id is not None
        domain = mirror.domain_of(tx, remedy.tenant_id)
        objects = remedy.details["objects"]
        answer = _append_repair(tx, bridge, asking, remedy, {"imported": [_key_of(each) for each in objects]})
        if not answer.get("left"):
            for each in objects:
                kind, key = _key_of(each).split(" ", 1)
                chosen = {key: placement.identifier(bridge, kind, f"{domain}/{key}")}
                wishes.want(tx, remedy.tenant_id, [each], uuid_of=chosen, vault=bridge.vault)
        return answer

    return _within(bridge, asking, act)


def _append_repair(
    tx: Connection, bridge: Bridge, asking: Asking, remedy: Remedy, asked: dict[str, Any]
) -> dict[str, Any]:
    assert remedy.tenant_id is not None
    members = service_store.of_tenants(tx, [remedy.tenant_id])[remedy.tenant_id]
    if not members or not operations.hold_idle(tx, remedy.tenant_id):
        return {"left": True}
    alive = [each for each in members if living([each.contribution()])] or members
    held = mirror.load(tx, [remedy.tenant_id], bridge.vault)[remedy.tenant_id]
    operation = acceptance.append(
        tx, bridge, asking, alive[0], Kind.REPAIR, asked=asked, moment=now(tx), server_id=held.server_id
    )
    return {"operation_id": operation.id}


def _within(bridge: Bridge, asking: Asking, act: Callable[[Connection], dict[str, Any]]) -> dict[str, Any]:
    if asking.dry_run:
        with bridge.engine.connect() as tx:  # never committed
            return act(tx)
    answer = transact(bridge.engine, act)
    bridge.bell.ring()
    return answer


def _locked(tx: Connection, service_id: int, asking: Asking | None = None) -> Service:
    held = service_store.get(tx, service_id, lock=True)
    if held is None or (asking is not None and asking.generation not in (None, held.generation)):
        raise Conflict(f"something else was asked of service {service_id} meanwhile", kind="superseded")
    return held


def _service(remedy: Remedy) -> int:
    assert remedy.service_id is not None
    return remedy.service_id


def _key_of(thing: Any) -> str:
    kind = type(thing).__name__.lower()
    return f"{kind} {getattr(thing, KEYS[kind])}"


_ACTS = {
    Verb.SUSPEND: _suspend,
    Verb.UNSUSPEND: _unsuspend,
    Verb.TERMINATE: _terminate,
    Verb.CHANGE_PACKAGE: _change_package,
    Verb.CREATE: _create,
    Verb.RENAME_ADMINISTRATOR: _rename_administrator,
    Verb.LEARN_FIELDS: _learn_fields,
    Verb.REPAIR: _repair,
    Verb.IMPORT_OBJECTS: _import_objects,
}
