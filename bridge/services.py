"""What WHMCS asks for a service: create, suspend, unsuspend, terminate, renew, change package, change password.

Each call edits the tenant we want and appends an operation; a worker makes the PBX match. Asking twice is harmless:

    same key, same wish, still under way        in progress, with the operation's number
    same key, same wish, ended                  the stored answer, unchanged
    same key, other wish                        refused, nothing runs
    any key, the wish is what is wanted now     the operation that wished it first
    any key, the wish was undone in between     a new operation: a copied key never makes a call do nothing
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from bridge import placement, quota, settlement
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import transact
from bridge.errors import Conflict, NotFound, NotPrepared
from bridge.operations import Kind, Operation
from bridge.secret import Secret
from bridge.service import Service
from bridge.store import handlers, mirror, operations, packages, services
from bridge.wanted import Status
from bridge.wish import Wish, grant


def suspend(bridge: Bridge, asking: Asking, service_id: int, reason: str | None) -> dict[str, Any]:
    def wish(tx: Connection, service: Service | None) -> Wish:
        held = _known(service, service_id)
        _may_change(held, "suspended")
        return Wish(Kind.SUSPEND, replace(held, status=Status.SUSPENDED, suspend_reason=reason or held.suspend_reason))

    return grant(bridge, asking, service_id, wish)


def unsuspend(bridge: Bridge, asking: Asking, service_id: int, reason: str | None) -> dict[str, Any]:
    def wish(tx: Connection, service: Service | None) -> Wish:
        held = _known(service, service_id)
        _may_change(held, "resumed")
        return Wish(Kind.UNSUSPEND, replace(held, status=Status.ACTIVE, suspend_reason=None))

    return grant(bridge, asking, service_id, wish)


def terminate(bridge: Bridge, asking: Asking, service_id: int, reason: str | None) -> dict[str, Any]:
    def wish(tx: Connection, service: Service | None) -> Wish:
        return Wish(Kind.TERMINATE, replace(_known(service, service_id), status=Status.TERMINATED))

    return grant(bridge, asking, service_id, wish)


def renew(bridge: Bridge, asking: Asking, service_id: int, reason: str | None) -> dict[str, Any]:
    """WHMCS says that a renewal was paid. Nothing is wanted differently."""

    def wish(tx: Connection, service: Service | None) -> Wish:
        return Wish(Kind.RENEW, _known(service, service_id))

    return grant(bridge, asking, service_id, wish)


def change_password(bridge: Bridge, asking: Asking, service_id: int, password: Secret) -> dict[str, Any]:
    def wish(tx: Connection, service: Service | None) -> Wish:
        held = _known(service, service_id)
        _may_change(held, "given another password")
        return Wish(Kind.CHANGE_PASSWORD, held, password=password)

    return grant(bridge, asking, service_id, wish)


def change_package(
    bridge: Bridge, asking: Asking, service_id: int, product_id: int, options: Mapping[str, str] | None
) -> dict[str, Any]:
    def wish(tx: Connection, service: Service | None) -> Wish:
        held = _known(service, service_id)
        _may_change(held, "given another package")
        chosen_options = dict(held.options) if options is None else dict(options)
        version, chosen = placement.chosen_resources(tx, product_id, chosen_options, dict(held.custom_fields))
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

    return grant(bridge, asking, service_id, wish)


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
        version, chosen = placement.chosen_resources(tx, product_id, options, custom_fields)
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

    return grant(bridge, asking, service_id, wish)


def get(bridge: Bridge, service_id: int) -> dict[str, Any]:
    """What is wanted of a service, what is there, and what was asked of late."""

    def act(tx: Connection) -> dict[str, Any]:
        service = _known(services.get(tx, service_id), service_id)
        held = mirror.load(tx, [service.tenant_id], bridge.vault) if service.tenant_id is not None else {}
        there = held.get(service.tenant_id) if service.tenant_id is not None else None
        domain = there.plain.domain if there else None
        used = {name: len(things) for name, things in quota.used(there.plain, service_id).items()} if there else {}
        limits = dict(service.resources.limits)
        package = packages.get(tx, service.product_id)
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
                "name": package.name if package else "",
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
