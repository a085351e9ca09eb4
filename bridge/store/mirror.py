"""The mirror of the PBX: every tenant and object as wanted, as last applied and as last seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, delete, insert, select, update

from bridge.pbx.comparison import hash_of
from bridge.pbx.driver import Extension, Gateway, Number, Route, Tenant
from bridge.pbx.wire import object_from_json, object_to_json
from bridge.secret import Secret
from bridge.service import Service
from bridge.store.services import password_of
from bridge.tables import destinations, domains, extensions, gateways, routes
from bridge.vault import Vault
from bridge.wanted import NOTHING_HELD, Held, held_from, held_to, living

Thing = Extension | Gateway | Number | Route


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where one kind of object is kept, and what it is told apart by."""

    member: str
    table: Table
    kind: type[Thing]
    key: str
    column: str
    unique: str | None = None
    """The column that holds the key again while it is wanted: unique over all tenants."""

    def key_of(self, thing: Thing) -> str:
        return str(getattr(thing, self.key))

    def claim(self, key: str | None) -> dict[str, str | None]:
        """What is written so that no other tenant can want the same."""
        return {self.unique: key} if self.unique else {}

    def place(self, tenant_id: int, key: str) -> str:
        return f"{self.member}.secret.{tenant_id}.{key}"


SHELVES: dict[type[Thing], Shelf] = {
    Extension: Shelf("extensions", extensions, Extension, "number", "number"),
    Gateway: Shelf("gateways", gateways, Gateway, "name", "name"),
    Number: Shelf("numbers", destinations, Number, "e164", "number", "wanted_number"),
    Route: Shelf("routes", routes, Route, "name", "name"),
}


@dataclass(frozen=True, slots=True)
class Mirror:
    """A tenant as the bridge knows it."""

    tenant_id: int
    server_id: int
    client_id: int
    plain: Tenant
    """As wanted with every service active; passwords included."""
    applied: Tenant | None = None
    actual: Tenant | None = None
    held: Held = NOTHING_HELD
    switching_off: Held = NOTHING_HELD
    """What we had begun to switch off without learning how it ended."""
    wanted_state: str = "present"
    actual_state: str = "unknown"
    delete_after: datetime | None = None
    last_synced: datetime | None = None


_ADD = insert(domains).values(
    wanted_state="present",
    actual_state="unknown",
    applied=None,
    actual=None,
    held_by_hand={},
    switching_off={},
    content_hash=None,
)


def add_tenant(
    tx: Connection,
    *,
    server_id: int,
    client_id: int,
    domain: str,
    pbx_uuid: str,
    description: str,
    origin: str = "bridge",
) -> int:
    row = {
        "server_id": server_id,
        "domain": domain,
        "pbx_uuid": pbx_uuid,
        "client_id": client_id,
        "wanted": {"description": description},
        "origin": origin,
    }
    key = tx.execute(_ADD, row).inserted_primary_key
    assert key is not None
    return int(key[0])


@dataclass(frozen=True, slots=True)
class Place:
    """Which tenant has a domain, and whose it is."""

    tenant_id: int
    server_id: int
    client_id: int
    delete_after: datetime | None


def by_domain(tx: Connection, domain: str, *, lock: bool = False) -> Place | None:
    found = select(domains.c.id, domains.c.server_id, domains.c.client_id, domains.c.delete_after).where(
        domains.c.domain == domain
    )
    row = tx.execute(found.with_for_update() if lock else found).one_or_none()
    return Place(row.id, row.server_id, row.client_id, row.delete_after) if row else None


_DOMAIN = select(domains.c.domain).where(domains.c.id == bindparam("this_tenant"))


def domain_of(tx: Connection, tenant_id: int) -> str | None:
    found: str | None = tx.execute(_DOMAIN, {"this_tenant": tenant_id}).scalar_one_or_none()
    return found


def look_again(tx: Connection, tenant_id: int) -> None:
    """Asks for a comparison with the PBX soon."""
    tx.execute(update(domains).where(domains.c.id == tenant_id).values(last_synced=None))


def set_wanted(
    tx: Connection, tenant_id: int, *, state: str, delete_after: datetime | None, client_id: int | None = None
) -> None:
    changed: dict[str, Any] = {"wanted_state": state, "delete_after": delete_after}
    if client_id is not None:
        changed["client_id"] = client_id
    tx.execute(update(domains).where(domains.c.id == tenant_id).values(changed))


def relocate(tx: Connection, tenant_id: int, *, server_id: int) -> None:
    """The tenant lives on another server from now on."""
    tx.execute(update(domains).where(domains.c.id == tenant_id).values(server_id=server_id))


def forget(tx: Connection, tenant_id: int) -> None:
    """A tenant that is gone from the PBX, with everything that was in it."""
    for shelf in SHELVES.values():
        tx.execute(delete(shelf.table).where(shelf.table.c.tenant_id == tenant_id))
    tx.execute(delete(domains).where(domains.c.id == tenant_id))


def load(tx: Connection, tenant_ids: Sequence[int], vault: Vault) -> dict[int, Mirror]:
    """Tenants with all that is in them. Their administrators come from their services."""
    found: dict[int, Mirror] = {}
    for row in tx.execute(select(domains).where(domains.c.id.in_(tenant_ids))):
        found[row.id] = _mirror_from(row)
    things: dict[int, dict[str, dict[str, list[Thing]]]] = {
        tenant_id: {"wanted": {}, "applied": {}, "actual": {}} for tenant_id in found
    }
    for shelf in SHELVES.values():
        for row in tx.execute(
            select(shelf.table).where(shelf.table.c.tenant_id.in_(tenant_ids)).order_by(shelf.column)
        ):
            if row.tenant_id not in found:
                continue
            password = _opened(row, shelf, vault)
            for side in ("wanted", "applied", "actual"):
                document = getattr(row, side)
                if document is not None:
                    thing: Any = object_from_json(shelf.kind, document)
                    if password is not None and side == "wanted":
                        thing = replace(thing, password=password)
                    things[row.tenant_id][side].setdefault(shelf.member, []).append(thing)
    return {
        tenant_id: replace(
            mirror,
            plain=_filled(mirror.plain, things[tenant_id]["wanted"]),
            applied=_filled(mirror.applied, things[tenant_id]["applied"]) if mirror.applied else None,
            actual=_filled(mirror.actual, things[tenant_id]["actual"]) if mirror.actual else None,
        )
        for tenant_id, mirror in found.items()
    }


def extension_numbers(tx: Connection, tenant_id: int) -> list[str]:
    """Of the extensions that are wanted."""
    columns = extensions.c
    mine = (columns.tenant_id == tenant_id) & columns.wanted.is_not(None)
    return list(tx.execute(select(columns.number).where(mine).order_by(columns.number)).scalars())


def with_administrator(tx: Connection, mirror: Mirror, members: Iterable[Service], vault: Vault) -> Mirror:
    """The portal administrator of a tenant is the user of its oldest living service."""
    for service in members:
        if service.username and living([service.contribution()]):
            password = password_of(tx, service.service_id, vault)
            plain = replace(mirror.plain, admin_username=service.username, admin_password=password)
            return replace(mirror, plain=plain)
    return mirror


def record(
    tx: Connection, mirror: Mirror, *, applied: Tenant | None, actual: Tenant | None, held: Held, now: datetime
) -> None:
    """What was applied and what was seen afterwards. Rows that say so already are only marked as seen.

    What we had begun to switch off is settled once something was applied, and not by merely looking.
    """
    seen: dict[str, Any] = {"last_synced": now}
    if applied is not mirror.applied:
        seen["switching_off"] = {}
    if actual is not None:
        seen |= {"last_seen": now, "content_hash": hash_of(actual)}
    tx.execute(
        update(domains)
        .where(domains.c.id == mirror.tenant_id)
        .values(
            applied=_own(applied),
            actual=_own(actual),
            actual_state=_state_of(actual),
            held_by_hand=held_to(held),
            **seen,
        )
    )
    for shelf in SHELVES.values():
        _record_things(tx, shelf, mirror, applied, actual, held, now)


def _record_things(
    tx: Connection,
    shelf: Shelf,
    mirror: Mirror,
    applied: Tenant | None,
    actual: Tenant | None,
    held: Held,
    now: datetime,
) -> None:
    wanted = _by_key(shelf, mirror.plain)
    applied_before, actual_before = _by_key(shelf, mirror.applied), _by_key(shelf, mirror.actual)
    applied_now, actual_now = _by_key(shelf, applied), _by_key(shelf, actual)
    table, column = shelf.table, shelf.table.c[shelf.column]
    held_before: frozenset[str] = getattr(mirror.held, shelf.member)
    held_now: frozenset[str] = getattr(held, shelf.member)

    known = wanted.keys() | applied_before.keys() | actual_before.keys()
    seen_again = False
    for key in sorted(known | actual_now.keys()):
        mine = (table.c.tenant_id == mirror.tenant_id) & (column == key)
        if key not in wanted and key not in actual_now:
            # Unless it was wanted again since this attempt was prepared.
            tx.execute(delete(table).where(mine, table.c.wanted.is_(None)))
            tx.execute(update(table).where(mine).values(applied=None, actual=None, held_by_hand=0, last_synced=now))
            continue
        same = (
            applied_before.get(key) == applied_now.get(key)
            and actual_before.get(key) == actual_now.get(key)
            and (key in held_before) == (key in held_now)
        )
        if same:
            seen_again = seen_again or key in actual_now
            continue
        changed: dict[str, Any] = {
            "applied": applied_now.get(key),
            "actual": actual_now.get(key),
            "held_by_hand": int(key in held_now),
            "last_synced": now,
        }
        if key in actual_now:
            changed |= {"last_seen": now, "content_hash": hash_of(object_from_json(shelf.kind, actual_now[key]))}
        if tx.execute(update(table).where(mine).values(changed)).rowcount == 0:
            new = {"tenant_id": mirror.tenant_id, "service_id": None, shelf.column: key, "pbx_uuid": "", "wanted": None}
            tx.execute(insert(table).values(new | changed | {"secret": None, "origin": "pbx", "first_seen": now}))
    if seen_again:
        present = (table.c.tenant_id == mirror.tenant_id) & table.c.actual.is_not(None)
        tx.execute(update(table).where(present).values(last_seen=now, last_synced=now))


def _by_key(shelf: Shelf, tenant: Tenant | None) -> dict[str, dict[str, Any]]:
    if tenant is None:
        return {}
    return {shelf.key_of(each): object_to_json(each) for each in getattr(tenant, shelf.member)}


def _own(tenant: Tenant | None) -> dict[str, Any] | None:
    """The tenant's own members; its objects have rows of their own."""
    if tenant is None:
        return None
    return object_to_json(_filled(tenant, {}))


def _state_of(actual: Tenant | None) -> str:
    if actual is None:
        return "absent"
    if not actual.enabled:
        return "disabled"
    return "present" if actual.outbound else "restricted"


def _mirror_from(row: Row[Any]) -> Mirror:
    return Mirror(
        tenant_id=row.id,
        server_id=row.server_id,
        client_id=row.client_id,
        plain=Tenant(row.domain, marker=row.pbx_uuid, description=row.wanted["description"]),
        applied=object_from_json(Tenant, row.applied) if row.applied is not None else None,
        actual=object_from_json(Tenant, row.actual) if row.actual is not None else None,
        held=held_from(row.held_by_hand),
        switching_off=held_from(row.switching_off),
        wanted_state=row.wanted_state,
        actual_state=row.actual_state,
        delete_after=row.delete_after,
        last_synced=row.last_synced,
    )


def _filled(tenant: Tenant, things: dict[str, list[Thing]]) -> Tenant:
    filled: dict[str, Any] = {shelf.member: tuple(things.get(shelf.member, ())) for shelf in SHELVES.values()}
    return replace(tenant, **filled)


def _opened(row: Row[Any], shelf: Shelf, vault: Vault) -> Secret | None:
    if row.secret is None:
        return None
    return vault.open(row.secret, place=shelf.place(row.tenant_id, getattr(row, shelf.column)))
