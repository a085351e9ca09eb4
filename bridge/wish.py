"""What a call makes of a service, and how that is granted: once under its key, and as an operation or a task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from bridge import acceptance, placement, quota, settlement, undoing
from bridge.acceptance import OBJECTION, Accepted
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.errors import Conflict
from bridge.handler import MANUAL
from bridge.operations import OURS, Event, Kind, Operation, State, after
from bridge.people import summons
from bridge.secret import Secret
from bridge.service import Service
from bridge.store import findings, handlers, mirror, operations, services, tasks
from bridge.store.services import Held


@dataclass(frozen=True, slots=True)
class Wish:
    """What a call makes of a service."""

    kind: Kind
    service: Service
    is_new: bool = False
    plan: placement.Plan | None = None
    password: Secret | None = None
    changes: tuple[dict[str, Any], ...] = ()
    unmapped: tuple[str, ...] = ()
    objection: str | None = None
    """Why only a person can grant it."""
    leaves: int | None = None
    """The tenant that it was to have so far, of which nothing was ever there."""


Wisher = Callable[[Connection, Service | None], Wish]


def grant(bridge: Bridge, asking: Asking, service_id: int, wish: Wisher) -> dict[str, Any]:
    """Whichever operation answers, what changed is told of this call alone."""
    answer = acceptance.ask(bridge, asking, lambda tx: _accept(tx, bridge, asking, service_id, wish))
    return answer | {"changes": answer.get("changes", []) if asking.method == "service.change_package" else []}


def _accept(tx: Connection, bridge: Bridge, asking: Asking, service_id: int, wisher: Wisher) -> Accepted:
    held = services.lock(tx, service_id, caller=asking.caller, key=asking.key)
    standing = acceptance.standing_for(asking, held.request, held.moment)
    if asking.generation is not None and asking.generation != (held.service.generation if held.service else 0):
        raise Conflict(
            f"something else was asked of service {service_id} meanwhile", kind="superseded", service_id=service_id
        )
    known = _still_stands(tx, standing, held.service)
    if known is not None:
        return acceptance.repeated(known)
    wish = wisher(tx, held.service)
    first = _wished_before(tx, bridge, held.service, wish)
    if first is not None:
        if standing.operation_id == first.id:
            return acceptance.repeated(first)
        acceptance.remember(tx, bridge, standing, first.id, held.moment)
        return acceptance.joined(tx, bridge, asking, first, held.moment)

    operation, service, domain = _append(tx, bridge, asking, held, wish)
    acceptance.remember(tx, bridge, standing, operation.id, held.moment)
    return acceptance.accepted(operation, service, domain)


def _still_stands(tx: Connection, standing: acceptance.Standing, held: Service | None) -> Operation | None:
    """What was asked under the key, if WHMCS asked nothing else since: whatever changed here, it is the same call."""
    if held is None or standing.operation_id is None:
        return None
    last = operations.latest(tx, held.service_id)
    return last if last is not None and last.id == standing.operation_id and _came_to_something(last) else None


def _came_to_something(operation: Operation) -> bool:
    return operation.state not in (State.CANCELLED, State.SUPERSEDED)


def _wished_before(tx: Connection, bridge: Bridge, held: Service | None, wish: Wish) -> Operation | None:
    """The operation that first wished what is wished again (R-21), unless it came to nothing."""
    if held is None or wish.is_new or _without_notes(held) != _without_notes(wish.service):
        return None
    if wish.objection is not None:
        objected = (each for each in operations.queued(tx, held.service_id) if each.cause_kind == OBJECTION)
        return next((each for each in objected if each.cause == wish.objection), None)
    if wish.password is not None and services.password_of(tx, held.service_id, bridge.vault) != wish.password:
        return None
    first = operations.latest(tx, held.service_id)
    if first is not None and first.cause_kind == OBJECTION:
        # What met an objection wished nothing: what is wanted is what was wished before it.
        earlier = operations.of_service(tx, held.service_id)
        first = next((each for each in earlier if each.kind not in OURS and each.cause_kind != OBJECTION), None)
    return first if first is not None and _came_to_something(first) else None


def _without_notes(service: Service) -> Service:
    return replace(service, generation=0, suspend_reason=None, over_limit=(), welcomed_at=None)


def _append(
    tx: Connection, bridge: Bridge, asking: Asking, held: Held, wish: Wish
) -> tuple[Operation, Service, str | None]:
    before, moment, domain = held.service, held.moment, held.domain
    known = {} if before is None else undoing.note(before, wish.service, kept_until=_kept_until(tx, domain, wish))
    service = replace(wish.service, generation=(before.generation if before else 0) + 1)
    if before is not None and not _is_left_alone(wish):
        acceptance.supersede(tx, bridge, asking.caller, before, domain, wish.kind, moment)
    if wish.leaves is not None:
        placement.forget(tx, wish.leaves, moment)
        domain = None
    is_new_tenant = False
    if wish.objection is None and wish.plan is not None and not wish.plan.handler.is_manual:
        tenant_id, is_new_tenant = placement.tenant_for(tx, bridge, wish.plan, service)
        service, domain = replace(service, tenant_id=tenant_id), wish.plan.domain
        placement.settle(tx, service, domain, moment, is_new=before is None)
    if before is None:
        services.add(tx, service)
    else:
        services.save(tx, service, before=before)
    if wish.password is not None:
        services.save_password(tx, service.service_id, wish.password, bridge.vault)
    if service.tenant_id is not None:
        if wish.plan is not None:
            placement.first_extensions(tx, bridge, wish.plan.handler, service.tenant_id, service)
        elif wish.kind in (Kind.CREATE, Kind.TERMINATE) and not _is_left_alone(wish):
            undoing.want_tenant(tx, bridge, service, moment)
    for option in wish.unmapped:
        findings.open_finding(
            tx,
            kind="unmapped_option",
            key=f"unmapped_option:{service.product_id}:{option}",
            what=f"option {option!r} of product {service.product_id} maps to no limit and no feature",
            policy="report",
            service_id=service.service_id,
        )

    operation = acceptance.append(
        tx,
        bridge,
        asking,
        service,
        wish.kind,
        asked=_asked(asking, wish) | known,
        moment=moment,
        by_hand=_is_by_hand(tx, held, wish, service),
        cause=wish.objection,
        opens_lane=is_new_tenant,
    )
    if service.tenant_id is None and operation.state is State.ACCEPTED:
        operation = _done_at_once(tx, bridge, asking, operation, service, moment)
    if wish.kind in (Kind.CREATE, Kind.CHANGE_PACKAGE) and not _is_left_alone(wish):
        if service.over_limit:
            _open_over_limit_task(tx, bridge, service)
        elif before is not None and before.over_limit:
            reason = "within the limits of what it has now"
            tasks.close(tx, f"over_limit:{service.service_id}", state=tasks.COMPLETED, by=asking.caller, reason=reason)
    return operation, service, domain


def _done_at_once(
    tx: Connection, bridge: Bridge, asking: Asking, operation: Operation, service: Service, moment: datetime
) -> Operation:
    """The end of what is nowhere: neither a worker nor a person has anything to do, and the call hears of it itself."""
    prompt = replace(operation, late=False)
    return settlement.change(
        tx,
        prompt,
        after(prompt, Event.SETTLED, now=moment),
        now=moment,
        actor=asking.caller,
        reason="it was never set up anywhere",
        check_after=acceptance.check_after(bridge),
        about=settlement.About(service, None),
    )


def _is_left_alone(wish: Wish) -> bool:
    """What lives somewhere and meets an objection stays as it is, and what is under way for it goes on."""
    return wish.objection is not None and wish.service.tenant_id is not None


def _is_by_hand(tx: Connection, held: Held, wish: Wish, service: Service) -> bool:
    """A person has to do it: to decide on an objection, for a product without a driver, or to find a place for it."""
    if wish.objection is not None or (service.tenant_id is None and wish.kind is not Kind.TERMINATE):
        return True
    if wish.plan is not None:
        return wish.plan.handler.is_manual
    same = held.service is not None and _processed_as(held.service) == _processed_as(service)
    driver = held.driver if same else handlers.driver_of(tx, service.product_id, service.server_id)
    return driver == MANUAL


def _processed_as(service: Service) -> tuple[int, int | None]:
    """What decides which handler a service has."""
    return service.product_id, service.server_id


def _kept_until(tx: Connection, domain: str | None, wish: Wish) -> datetime | None:
    """Until when the tenant is kept so far, where the wish decides on that anew."""
    if domain is None or wish.kind not in (Kind.CREATE, Kind.TERMINATE):
        return None
    place = mirror.by_domain(tx, domain)
    return place.delete_after if place is not None else None


def _asked(asking: Asking, wish: Wish) -> dict[str, Any]:
    asked = {name: value for name, value in asking.params.items() if name != "password"}
    if wish.changes:
        asked["changes"] = list(wish.changes)
    if wish.plan is not None:
        asked["server_rule"] = wish.plan.rule
    return asked


def _open_over_limit_task(tx: Connection, bridge: Bridge, service: Service) -> None:
    """Nothing is deleted: a person sees what could go, and new objects are refused meanwhile."""
    assert service.tenant_id is not None
    there = mirror.load(tx, [service.tenant_id], bridge.vault)[service.tenant_id]
    limits, used = dict(service.resources.limits), quota.used(there.plain, service.service_id)
    candidates = {name: sorted(used[name])[limits[name] :] for name in service.over_limit}
    told = ", ".join(f"{len(used[name])} {name} where {limits[name]} are allowed" for name in service.over_limit)
    summons.ask(
        tx,
        open_key=f"over_limit:{service.service_id}",
        kind="over_limit",
        department=service.department,
        title=f"Service {service.service_id} is over its limit",
        cause=f"After the change of package it has {told}.",
        suggestion="Agree with the customer on what goes, or change the package.",
        details={"candidates": candidates},
        service_id=service.service_id,
    )
