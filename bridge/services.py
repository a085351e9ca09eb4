"""What WHMCS asks for a service: create, suspend, unsuspend, terminate, renew, change package, change password.

Each call edits the tenant we want and appends an operation; a worker makes the PBX match. Asking twice is harmless:

    same key, same wish, still under way        in progress, with the operation's number
    same key, same wish, ended                  the stored answer, unchanged
    same key, other wish                        refused, nothing runs
    any key, the wish is what is wanted now     the operation that wished it first
    any key, the wish was undone in between     a new operation: a copied key never makes a call do nothing
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from bridge import acceptance, placement, quota, settlement, undoing
from bridge.acceptance import OBJECTION, Accepted
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import transact
from bridge.errors import Conflict, NotFound, NotPrepared
from bridge.handler import MANUAL
from bridge.operations import OURS, Event, Kind, Operation, State, after
from bridge.people import summons
from bridge.secret import Secret
from bridge.service import Service
from bridge.store import findings, handlers, mirror, operations, services, tasks
from bridge.store.services import Held
from bridge.wanted import Status


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


def suspend(bridge: Bridge, asking: Asking, service_id: int, reason: str | None) -> dict[str, Any]:
    def wish(tx: Connection, service: Service | None) -> Wish:
        held = _known(service, service_id)
        _may_change(held, "suspended")
        return Wish(Kind.SUSPEND, replace(held, status=Status.SUSPENDED, suspend_reason=reason or held.suspend_reason))

    return _ask(bridge, asking, service_id, wish)


def unsuspend(bridge: Bridge, asking: Asking, service_id: int, reason: str | None) -> dict[str, Any]:
    def wish(tx: Connection, service: Service | None) -> Wish:
        held = _known(service, service_id)
        _may_change(held, "resumed")
        return Wish(Kind.UNSUSPEND, replace(held, status=Status.ACTIVE, suspend_reason=None))

    return _ask(bridge, asking, service_id, wish)


def terminate(bridge: Bridge, asking: Asking, service_id: int, reason: str | None) -> dict[str, Any]:
    def wish(tx: Connection, service: Service | None) -> Wish:
        return Wish(Kind.TERMINATE, replace(_known(service, service_id), status=Status.TERMINATED))

    return _ask(bridge, asking, service_id, wish)


def renew(bridge: Bridge, asking: Asking, service_id: int, reason: str | None) -> dict[str, Any]:
    """WHMCS says that a renewal was paid. Nothing is wanted differently."""

    def wish(tx: Connection, service: Service | None) -> Wish:
        return Wish(Kind.RENEW, _known(service, service_id))

    return _ask(bridge, asking, service_id, wish)


def change_password(bridge: Bridge, asking: Asking, service_id: int, password: Secret) -> dict[str, Any]:
    def wish(tx: Connection, service: Service | None) -> Wish:
        held = _known(service, service_id)
        _may_change(held, "given another password")
        return Wish(Kind.CHANGE_PASSWORD, held, password=password)

    return _ask(bridge, asking, service_id, wish)


def change_package(
    bridge: Bridge, asking: Asking, service_id: int, product_id: int, options: Mapping[str, str] | None
) -> dict[str, Any]:
    def wish(tx: Connection, service: Service | None) -> Wish:
        held = _known(service, service_id)
        _may_change(held, "given another package")
        chosen_options = dict(held.options) if options is None else dict(options)
        version, chosen = placement.chosen_resources(tx, product_id, chosen_options)
        if version is None and held.package_version is not None:
            raise NotPrepared(
                f"product {product_id} has no package, and service {service_id} would lose every limit; "
                "save one with package.save",
                service_id=service_id,
            )
        changed = replace(
            held,
            product_id=product_id,
            resources=chosen.resources,
            options=tuple(sorted(chosen_options.items())),
            package_version=version,
            department=_department(tx, product_id, held),
        )
        changed = replace(changed, over_limit=_over_limit(tx, bridge, changed))
        return Wish(Kind.CHANGE_PACKAGE, changed, changes=_changes(held, changed), unmapped=chosen.unmapped)

    return _ask(bridge, asking, service_id, wish)


def create(
    bridge: Bridge,
    asking: Asking,
    *,
    service_id: int,
    client_id: int,
    product_id: int,
    server_id: int | None,
    domain: str,
    username: str,
    password: Secret | None,
    options: Mapping[str, str],
    custom_fields: Mapping[str, str],
) -> dict[str, Any]:
    def wish(tx: Connection, service: Service | None) -> Wish:
        version, chosen = placement.chosen_resources(tx, product_id, options)
        if service is not None:
            if service.client_id != client_id:
                raise Conflict(f"service {service_id} belongs to another client", kind="tenant_mismatch")
            objection = _objection(tx, service, server_id=server_id, domain=domain)
            is_corrected = objection is not None and _is_correction(tx, bridge, service, server_id=server_id)
            if objection is not None and not is_corrected:
                return Wish(Kind.CREATE, service, objection=objection)
            if service.tenant_id is not None and not is_corrected:
                restored = replace(
                    service,
                    status=Status.ACTIVE,
                    suspend_reason=None,
                    product_id=product_id,
                    resources=chosen.resources,
                    options=tuple(sorted(options.items())),
                    custom_fields=tuple(sorted(custom_fields.items())),
                    package_version=version,
                    department=_department(tx, product_id, service),
                    username=username or service.username,
                )
                restored = replace(restored, over_limit=_over_limit(tx, bridge, restored))
                return Wish(Kind.CREATE, restored, password=password, unmapped=chosen.unmapped)
        plan = placement.plan(
            tx,
            service_id=service_id,
            client_id=client_id,
            product_id=product_id,
            server_id=server_id,
            domain=domain,
            username=username,
        )
        new = placement.new_service(
            service_id=service_id,
            client_id=client_id,
            product_id=product_id,
            plan=plan,
            resources=chosen.resources,
            options=options,
            custom_fields=custom_fields,
            username=username,
            package_version=version,
        )
        if service is not None:
            new = replace(new, generation=service.generation)
        return Wish(
            Kind.CREATE,
            new,
            is_new=service is None,
            plan=plan,
            password=password,
            unmapped=chosen.unmapped,
            objection=plan.rule if plan.server is None else None,
            leaves=service.tenant_id if service is not None else None,
        )

    return _ask(bridge, asking, service_id, wish)


def get(bridge: Bridge, service_id: int) -> dict[str, Any]:
    """What is wanted of a service, what is there, and what was asked of late."""

    def act(tx: Connection) -> dict[str, Any]:
        service = _known(services.get(tx, service_id), service_id)
        held = mirror.load(tx, [service.tenant_id], bridge.vault) if service.tenant_id is not None else {}
        there = held.get(service.tenant_id) if service.tenant_id is not None else None
        domain = there.plain.domain if there else None
        used = {name: len(things) for name, things in quota.used(there.plain, service_id).items()} if there else {}
        limits = dict(service.resources.limits)
        package = handlers.package(tx, service.product_id)
        return {
            "wanted": settlement.service_answer(service, domain)
            | {"state": there.wanted_state if there else "absent", "suspend_reason": service.suspend_reason},
            "actual": {
                "state": there.actual_state if there else "absent",
                "last_synced": there.last_synced.isoformat() if there and there.last_synced else None,
                **_seen(there),
            },
            "package": {
                "product_id": service.product_id,
                "version": service.package_version,
                "name": package[1].get("name", "") if package else "",
                "features": dict(service.resources.features),
                "suspend_policy": service.resources.suspend_policy.value,
            },
            "limits": [
                {"name": name, "used": used.get(name, 0), "limit": limits.get(name)}
                for name in sorted(limits.keys() | used.keys())
            ],
            "usage": {},
            "balance": {},
            "operations": [operation_answer(each) for each in operations.of_service(tx, service_id, 10)],
        }

    return transact(bridge.engine, act)


def operation_answer(operation: Operation) -> dict[str, Any]:
    """An operation as a list or a console shows it."""
    return {
        "operation_id": operation.id,
        "service_id": operation.service_id,
        "server_id": operation.server_id,
        "kind": operation.kind.value,
        "state": operation.state.value,
        "generation": operation.generation,
        "attempts": operation.attempts,
        "due_at": operation.due_at.isoformat() if operation.due_at else None,
        "cause": operation.cause,
        "asked_by": operation.actor,
        "created_at": operation.created_at.isoformat(),
        "finished_at": operation.finished_at.isoformat() if operation.finished_at else None,
    }


# --- asking ----------------------------------------------------------------------------------------------------------


def _ask(bridge: Bridge, asking: Asking, service_id: int, wish: Wisher) -> dict[str, Any]:
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


# --- what is asked ---------------------------------------------------------------------------------------------------


def _known(service: Service | None, service_id: int) -> Service:
    if service is None:
        raise NotFound(f"service {service_id} is not known here; create it first", service_id=service_id)
    return service


def _may_change(service: Service, how: str) -> None:
    if service.status is Status.TERMINATED:
        raise Conflict(
            f"service {service.service_id} is terminated, so it cannot be {how}; create it again to restore it",
            service_id=service.service_id,
        )


def _objection(tx: Connection, service: Service, *, server_id: int | None, domain: str) -> str | None:
    """A server or a domain edited in WHMCS is for a person to decide, never a silent move or rename."""
    if service.tenant_id is not None and server_id not in (None, service.server_id):
        return (
            f"WHMCS names server {server_id}, but the service lives on server {service.server_id}; move it or undo that"
        )
    if domain and service.tenant_id is not None:
        is_named = mirror.domain_of(tx, service.tenant_id)
        if is_named is not None and domain.strip().lower() != is_named and not _is_templated(tx, service):
            return f"WHMCS names another domain than {is_named}, which the tenant has; undo that, or rename it by hand"
    return None


def _is_correction(tx: Connection, bridge: Bridge, service: Service, *, server_id: int | None) -> bool:
    """Another domain for what never was under the first one: no rename, for there is nothing to rename."""
    return server_id in (None, service.server_id) and placement.was_never_there(tx, bridge, service)


def _is_templated(tx: Connection, service: Service) -> bool:
    """The handler names the tenant by itself, so WHMCS's domain field says nothing about it."""
    by_server = handlers.of_product(tx, service.product_id)
    handler = by_server.get(service.server_id or 0) or by_server.get(0)
    return handler is not None and bool(handler.domain) and "{domain}" not in handler.domain


def _department(tx: Connection, product_id: int, held: Service) -> str:
    by_server = handlers.of_product(tx, product_id)
    handler = by_server.get(held.server_id or 0) or by_server.get(0)
    return handler.department if handler else held.department


def _changes(before: Service, now_: Service) -> tuple[dict[str, Any], ...]:
    changes: list[dict[str, Any]] = []
    if before.product_id != now_.product_id:
        changes.append({"what": "product", "from": before.product_id, "to": now_.product_id})
    old, new = dict(before.resources.limits), dict(now_.resources.limits)
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            changes.append({"what": f"limit {name}", "from": old.get(name), "to": new.get(name)})
    had, has = dict(before.resources.features), dict(now_.resources.features)
    for name in sorted(had.keys() | has.keys()):
        if had.get(name) != has.get(name):
            changes.append({"what": f"feature {name}", "from": had.get(name), "to": has.get(name)})
    return tuple(changes)


def _seen(there: mirror.Mirror | None) -> dict[str, int]:
    if there is None or there.actual is None:
        return {}
    return {shelf.member: len(getattr(there.actual, shelf.member)) for shelf in mirror.SHELVES.values()}


def _over_limit(tx: Connection, bridge: Bridge, service: Service) -> tuple[str, ...]:
    if service.tenant_id is None:
        return ()
    there = mirror.load(tx, [service.tenant_id], bridge.vault)[service.tenant_id]
    return quota.over(dict(service.resources.limits), quota.used(there.plain, service.service_id))


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
