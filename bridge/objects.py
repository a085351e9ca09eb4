"""What staff do to what is in a tenant: extensions, gateways, numbers and routes are listed, saved, removed, assigned.

Each call edits what is wanted and appends an operation to the tenant's lane; nothing is done on a PBX from here.

    save      makes an object, changes the members that are given, or takes over one that was made by hand on the PBX
    remove    wants it no more, and a worker takes it away; what a hand made, a hand removes
    assign    gives it to another service of the same tenant, or to the tenant as a whole

An object in another tenant is not found. One that another service of the same tenant has is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from bridge import acceptance, placement, quota
from bridge.acceptance import Accepted
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import now, transact
from bridge.edit import (
    WORDS,
    Edit,
    Room,
    Thing,
    assert_allowed,
    assert_key,
    assert_owner,
    assert_sound,
    assert_unused,
    new,
)
from bridge.errors import Conflict, NotFound, NotPrepared
from bridge.operations import Kind, Operation, State
from bridge.pbx.driver import Extension, Number
from bridge.service import Service
from bridge.store import hands, mirror, objects, operations, services, tasks, wishes
from bridge.store.mirror import SHELVES, Shelf
from bridge.store.objects import Kept
from bridge.wanted import living


@dataclass(frozen=True, slots=True)
class Where:
    """The tenant meant: that of a service, or one by its server and domain."""

    service_id: int | None = None
    server_id: int | None = None
    domain: str | None = None


Editor = Callable[[Connection, Room], Edit]


def listed(bridge: Bridge, kind: type[Thing], where: Where, *, page: int = 1, limit: int = 100) -> dict[str, Any]:
    """Wanted, applied and actual side by side; of a whole server where no tenant is named."""

    def act(tx: Connection) -> list[Kept]:
        tenant_id = _tenant_of(tx, where)
        skip = (page - 1) * limit
        return objects.listed(
            tx, SHELVES[kind], tenant_id=tenant_id, server_id=where.server_id, skip=skip, limit=limit + 1
        )

    found = transact(bridge.engine, act)
    return {
        SHELVES[kind].member: [_told(SHELVES[kind], each) for each in found[:limit]],
        "next_page": page + 1 if len(found) > limit else None,
    }


def save(
    bridge: Bridge, asking: Asking, kind: type[Thing], where: Where, key: str, given: Mapping[str, Any]
) -> dict[str, Any]:
    """`given` are the members to set; the others stay as they are. A password that was made up is told, once."""
    fresh = placement.new_password(bridge)
    told: dict[str, str] = {}

    def edit(tx: Connection, room: Room) -> Edit:
        told.clear()
        before = room.wanted(kind, key)
        found = before or room.made_by_hand(kind, key)
        after = replace(found, **given) if found else new(kind, key, given)
        if found is None and isinstance(after, Extension) and after.password is None:
            after = replace(after, password=fresh)
            told["password"] = fresh.reveal()
        if before is None:
            after = replace(after, service_id=room.asked_by)
            assert_allowed(room, kind, room.asked_by)
        wish = Edit(kind, key, before, after, is_freed=given.get("enabled") is True and room.is_held(kind, key))
        assert_owner(room, wish)
        assert_sound(room, wish)
        return wish

    answer = _ask(bridge, asking, kind, where, key, edit)
    return answer if asking.dry_run or "_meta" in answer else answer | told


def remove(bridge: Bridge, asking: Asking, kind: type[Thing], where: Where, key: str) -> dict[str, Any]:
    def edit(tx: Connection, room: Room) -> Edit:
        wish = Edit(kind, key, room.wanted(kind, key), None)
        if room.made_by_hand(kind, key) is not None:
            raise Conflict(f"{wish.what} was made by hand on the PBX; remove it there, or save it to take it over")
        if wish.before is None and not room.is_leaving(kind, key):
            raise NotFound(f"{room.plain.domain} has no {wish.what}")
        assert_owner(room, wish)
        assert_unused(room, wish)
        return wish

    return _ask(bridge, asking, kind, where, key, edit)


def assign(
    bridge: Bridge, asking: Asking, kind: type[Thing], where: Where, key: str, *, to_service_id: int | None
) -> dict[str, Any]:
    """`to_service_id` None: it is the tenant's own. One that was made by hand is taken over as it is."""

    def edit(tx: Connection, room: Room) -> Edit:
        before = room.wanted(kind, key)
        found = before or room.made_by_hand(kind, key)
        if found is None:
            raise NotFound(f"{room.plain.domain} has no {WORDS[kind]} {key}")
        wish = Edit(kind, key, before, replace(found, service_id=to_service_id))
        assert_owner(room, wish)
        if before is None or before.service_id != to_service_id:
            assert_allowed(room, kind, to_service_id)
        assert_sound(room, wish)
        return wish

    return _ask(bridge, asking, kind, where, key, edit)


# --- asking ----------------------------------------------------------------------------------------------------------


def _ask(bridge: Bridge, asking: Asking, kind: type[Thing], where: Where, key: str, edit: Editor) -> dict[str, Any]:
    assert_key(kind, key)
    return acceptance.ask(bridge, asking, lambda tx: _accept(tx, bridge, asking, where, edit))


def _accept(tx: Connection, bridge: Bridge, asking: Asking, where: Where, edit: Editor) -> Accepted:
    moment = now(tx)
    standing = acceptance.standing_of(tx, asking, moment)
    if standing.operation_id is None:
        tenant_id, room = _entered(tx, bridge, where)
        standing = acceptance.standing_of(tx, asking, moment)  # the same may have been asked while we waited to enter
    if standing.operation_id is not None:
        known = operations.get(tx, standing.operation_id)
        assert known is not None
        return acceptance.repeated(known)

    wish = edit(tx, room)
    _assert_free(tx, tenant_id, wish)
    changes = wish.changes()
    service = _named(room, wish)
    first = None if changes else _last_of(tx, service)
    if first is not None:
        acceptance.remember(tx, bridge, standing, first.id, moment)
        joined = acceptance.joined(tx, bridge, asking, first, moment)
        return replace(joined, answer=joined.answer | {"object": wish.what, "changes": []})

    domain = mirror.domain_of(tx, tenant_id)
    acceptance.supersede(tx, bridge, asking.caller, service, domain, Kind.EDIT, moment)
    service = replace(service, generation=service.generation + 1)
    services.save(tx, service)
    _want(tx, bridge, tenant_id, wish)
    _settle_limits(tx, asking, room, wish)
    asked = {"method": asking.method, "object": wish.what, "changes": changes}
    operation = acceptance.append(tx, bridge, asking, service, Kind.EDIT, asked=asked, moment=moment)
    acceptance.remember(tx, bridge, standing, operation.id, moment)
    return acceptance.accepted(operation, service, domain)


def _entered(tx: Connection, bridge: Bridge, where: Where) -> tuple[int, Room]:
    """The tenant, with its services held until the transaction ends: edits of one tenant come one after the other."""
    tenant_id = _tenant_of(tx, where)
    if tenant_id is None:
        raise NotPrepared("name a service, or a server and a domain on it")
    held = [services.get(tx, each.service_id, lock=True) for each in services.of_tenants(tx, [tenant_id])[tenant_id]]
    members = tuple(each for each in held if each is not None and each.tenant_id == tenant_id)
    there = mirror.load(tx, [tenant_id], bridge.vault)[tenant_id]
    room = Room(there.plain, there.applied, there.actual, there.held, members, where.service_id)

    asking = [each.contribution() for each in members if where.service_id in (None, each.service_id)]
    if not living(asking):
        who = f"service {where.service_id} is terminated" if where.service_id else f"no service lives in {where.domain}"
        raise Conflict(f"{who}, so nothing can be changed in it", service_id=where.service_id)
    return tenant_id, room


def _tenant_of(tx: Connection, where: Where) -> int | None:
    """None for a server as a whole."""
    if where.service_id is not None:
        service = services.get(tx, where.service_id)
        if service is None:
            raise NotFound(f"service {where.service_id} is not known here", service_id=where.service_id)
        if service.tenant_id is None:
            raise NotPrepared(f"service {where.service_id} has no tenant on a server", service_id=where.service_id)
        return service.tenant_id
    if where.domain is None:
        return None
    place = mirror.by_domain(tx, where.domain)
    if place is None or place.server_id != where.server_id:
        raise NotFound(f"server {where.server_id} has no tenant of this name", server_id=where.server_id)
    return place.tenant_id


def _assert_free(tx: Connection, tenant_id: int, wish: Edit) -> None:
    """A public number is in one tenant only, over all servers."""
    is_new = wish.kind is Number and wish.after is not None and wish.before is None
    if is_new and objects.is_number_taken(tx, wish.key, by_other_than=tenant_id):
        raise Conflict(f"{wish.what} is in use elsewhere, or not let go there yet")


def _named(room: Room, wish: Edit) -> Service:
    """In whose name the operation is kept: who was named, else who has the object, else the oldest that lives there."""
    alive = room.alive()
    return next((each for each in alive if each.service_id == (room.asked_by or wish.owner)), alive[0])


def _last_of(tx: Connection, service: Service) -> Operation | None:
    """The operation that brings, or brought, the PBX to what is wanted already (R-21); None if it came to nothing."""
    last = operations.of_service(tx, service.service_id, 1)
    return last[0] if last and last[0].state not in (State.CANCELLED, State.SUPERSEDED) else None


def _want(tx: Connection, bridge: Bridge, tenant_id: int, wish: Edit) -> None:
    if wish.after is None:
        wishes.unwant(tx, tenant_id, wish.kind, [wish.key])
        return
    domain = mirror.domain_of(tx, tenant_id)
    identifier = placement.identifier(bridge, WORDS[wish.kind], f"{domain}/{wish.key}")
    wishes.want(tx, tenant_id, [wish.after], uuid_of={wish.key: identifier}, vault=bridge.vault)
    if wish.is_freed:
        hands.let_go(tx, tenant_id, wish.kind, wish.key)


def _settle_limits(tx: Connection, asking: Asking, room: Room, wish: Edit) -> None:
    """A service that is within its limits again is no longer a task."""
    plain = wish.made_in(room.plain)
    for each in room.members:
        left = quota.over(dict(each.resources.limits), quota.used(plain, each.service_id))
        if each.over_limit and left != each.over_limit:
            services.save_over_limit(tx, each.service_id, left)
            if not left:
                reason = f"within its limits again without {wish.what}"
                key = f"over_limit:{each.service_id}"
                tasks.close(tx, key, state=tasks.COMPLETED, by=asking.caller, reason=reason)


def _told(shelf: Shelf, kept: Kept) -> dict[str, Any]:
    return {
        shelf.column: kept.key,
        "service_id": kept.service_id,
        "server_id": kept.server_id,
        "domain": kept.domain,
        "state": _state_of(kept),
        "wanted": kept.wanted,
        "applied": kept.applied,
        "actual": kept.actual,
        "held_by_hand": kept.held_by_hand,
        "origin": kept.origin,
        "first_seen": kept.first_seen.isoformat() if kept.first_seen else None,
        "last_seen": kept.last_seen.isoformat() if kept.last_seen else None,
        "last_synced": kept.last_synced.isoformat() if kept.last_synced else None,
    }


def _state_of(kept: Kept) -> str:
    if kept.wanted is not None:
        return "missing" if kept.actual is None else "there"
    return "by_hand" if kept.applied is None else "leaving"
