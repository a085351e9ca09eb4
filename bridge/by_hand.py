"""What a person says was done by hand: looked for on the PBX first, and believed only when it shows there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from bridge import placement, servers, undoing
from bridge.app import Bridge
from bridge.database import now
from bridge.errors import Conflict, NotPrepared, NotReached, Refused
from bridge.operations import Kind, Operation
from bridge.pbx.comparison import differences, unmet
from bridge.pbx.driver import Capabilities, Difference, Tenant
from bridge.service import Service
from bridge.store import lanes, mirror, services
from bridge.store.mirror import SHELVES, Mirror
from bridge.wanted import Status, held_by_hand, respecting, tenant_from

_OURS = frozenset({"marker", "description", "password", "admin_username", "admin_password"})
"""What only the bridge writes: a person who did the rest by hand cannot know it."""

_LIMITING = frozenset({Kind.CREATE, Kind.CHANGE_PACKAGE})


@dataclass(frozen=True, slots=True)
class Claim:
    """Where a person says the tenant is, and what has to show there."""

    server_id: int
    domain: str
    service: Service
    wanted: Tenant | None
    """None where we knew nothing of the tenant until now."""


def located(tx: Connection, operation: Operation) -> Operation:
    """With the tenant that its service got since it was asked."""
    service = services.get(tx, operation.service_id)
    if operation.tenant_id is not None or service is None or service.tenant_id is None:
        return operation
    return replace(operation, tenant_id=service.tenant_id, server_id=service.server_id)


def claimed(
    tx: Connection, bridge: Bridge, operation: Operation, *, server_id: int | None, domain: str | None
) -> Claim | None:
    """None for a service that has nothing on a PBX and needs nothing there any more."""
    service = services.get(tx, operation.service_id)
    assert service is not None
    if operation.tenant_id is not None:
        known = mirror.domain_of(tx, operation.tenant_id)
        assert known is not None
        assert operation.server_id is not None
        if (domain or known) != known or (server_id or operation.server_id) != operation.server_id:
            raise Conflict(
                f"operation {operation.id} is about {known} on server {operation.server_id}", operation_id=operation.id
            )
        there = mirror.load(tx, [operation.tenant_id], bridge.vault)[operation.tenant_id]
        sharing = services.of_tenants(tx, [operation.tenant_id])[operation.tenant_id]
        wanted = respecting(there.held, tenant_from(there.plain, (each.contribution() for each in sharing)))
        return Claim(operation.server_id, known, service, wanted)
    if domain is None and service.status is Status.TERMINATED:
        return None
    where = server_id or operation.server_id
    if domain is None or where is None:
        raise NotPrepared(
            f"say which server and domain operation {operation.id} was done on; "
            "both are looked for before it is believed",
            operation_id=operation.id,
        )
    claim = Claim(where, domain.strip().lower(), service, None)
    _may_join(mirror.by_domain(tx, claim.domain), claim, operation)
    return claim


def verified(bridge: Bridge, operation: Operation, claim: Claim, *, dry_run: bool) -> Tenant | None:
    """The tenant as it is there, with our marker; a Conflict where the PBX does not show what was to be done."""
    server, driver = servers.driver_of(bridge, claim.server_id)
    try:
        seen = driver.find(claim.domain)
    except NotReached as trouble:
        raise Refused(str(trouble), kind="pbx_unreachable", operation_id=operation.id) from trouble
    if seen is None and claim.service.status is not Status.TERMINATED:
        raise _not_done(operation, f"{server.name} has no tenant {claim.domain}")
    if seen is None:
        return None
    if operation.kind is Kind.PURGE:
        raise _not_done(operation, f"{server.name} still has the tenant {claim.domain}")
    marker = placement.identifier(bridge, "tenant", claim.domain)
    if seen.marker not in (None, marker):
        raise Conflict(
            f"{claim.domain} on {server.name} carries another's marker", kind="pbx_conflict", operation_id=operation.id
        )
    left = _left(claim, seen, driver.capabilities, operation.kind)
    if left:
        named = ", ".join(f"{each.what} {each.member}" for each in left[:5])
        raise _not_done(operation, f"{claim.domain} on {server.name} is not as wanted ({named})")
    if seen.marker is None and not dry_run:
        # Marked, and nothing else: what is in it was made by hand and stays as it is.
        driver.put(replace(seen, marker=marker, extensions=(), gateways=(), numbers=(), routes=()), adopt=True)
        seen = driver.find(claim.domain)
    return seen


def record(tx: Connection, bridge: Bridge, tenant_id: int, seen: Tenant | None) -> None:
    """As if we had done it: what a hand holds off for good stays held, and what was switched off for us is not."""
    if not lanes.hold_free(tx, tenant_id):
        raise Conflict("a worker is busy with this tenant; look again when it has ended", kind="in_progress")
    there = mirror.load(tx, [tenant_id], bridge.vault)[tenant_id]
    held = held_by_hand(there.held, applied=None, actual=seen)
    mirror.record(tx, there, applied=_ours_of(there, seen), actual=seen, held=held, now=now(tx))


def take_in(tx: Connection, bridge: Bridge, operation: Operation, claim: Claim) -> Operation:
    """A service set up by hand joins the mirror, so that everything after this can be automatic."""
    service = services.get(tx, operation.service_id, lock=True)
    assert service is not None
    place = mirror.by_domain(tx, claim.domain, lock=True)
    _may_join(place, claim, operation)
    if place is None:
        tenant_id = mirror.add_tenant(
            tx,
            server_id=claim.server_id,
            client_id=service.client_id,
            domain=claim.domain,
            pbx_uuid=placement.identifier(bridge, "tenant", claim.domain),
            description=f"WHMCS client {service.client_id}",
            origin="import",
        )
        lanes.add(tx, tenant_id=tenant_id, server_id=claim.server_id)
    else:
        tenant_id = place.tenant_id
    moment = now(tx)
    joined = replace(service, tenant_id=tenant_id, server_id=claim.server_id)
    services.save(tx, joined)
    placement.settle(tx, joined, claim.domain, moment)
    undoing.want_tenant(tx, bridge, joined, moment, kept_until=place.delete_after if place is not None else None)
    return replace(operation, tenant_id=tenant_id, server_id=claim.server_id)


def _may_join(place: mirror.Place | None, claim: Claim, operation: Operation) -> None:
    if place is None:
        return
    if place.client_id != claim.service.client_id:
        raise Conflict(
            f"{claim.domain} belongs to another client's tenant", kind="tenant_mismatch", operation_id=operation.id
        )
    if place.server_id != claim.server_id:
        raise Conflict(
            f"the tenant {claim.domain} lives on server {place.server_id}, not on server {claim.server_id}",
            operation_id=operation.id,
        )


def _left(claim: Claim, seen: Tenant, capabilities: Capabilities, kind: Kind) -> list[Difference]:
    """What is not done yet. Limits count only where the operation is about them."""
    if claim.wanted is None:
        return []
    found: Iterable[Difference] = unmet(differences(claim.wanted, seen, capabilities))
    return [
        each
        for each in found
        if each.member not in _OURS and (kind in _LIMITING or not each.member.startswith("limit "))
    ]


def _ours_of(there: Mirror, seen: Tenant | None) -> Tenant | None:
    """Of what is there, what we want: the rest stays an operator's own."""
    if seen is None:
        return None
    kept: dict[str, Any] = {}
    for shelf in SHELVES.values():
        wanted = {shelf.key_of(each) for each in getattr(there.plain, shelf.member)}
        kept[shelf.member] = tuple(each for each in getattr(seen, shelf.member) if shelf.key_of(each) in wanted)
    return replace(seen, **kept)


def _not_done(operation: Operation, why: str) -> Conflict:
    return Conflict(f"{why}, so operation {operation.id} is not done", kind="pbx_rejected", operation_id=operation.id)
