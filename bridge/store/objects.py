"""Objects inside tenants, as staff look at them: extensions, gateways, numbers and routes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select

from bridge.store.mirror import Shelf
from bridge.tables import destinations, domains


@dataclass(frozen=True, slots=True)
class Kept:
    """One object: as wanted, as last applied and as last seen. Passwords are not among it."""

    key: str
    tenant_id: int
    server_id: int
    domain: str
    service_id: int | None
    wanted: dict[str, Any] | None
    applied: dict[str, Any] | None
    actual: dict[str, Any] | None
    held_by_hand: bool
    origin: str
    first_seen: datetime | None
    last_seen: datetime | None
    last_synced: datetime | None


def listed(
    tx: Connection, shelf: Shelf, *, tenant_id: int | None = None, server_id: int | None = None, skip: int, limit: int
) -> list[Kept]:
    """Of one tenant or of a whole server, by tenant and key."""
    table, key = shelf.table, shelf.table.c[shelf.column]
    found = select(table, domains.c.server_id, domains.c.domain).join(domains, domains.c.id == table.c.tenant_id)
    if tenant_id is not None:
        found = found.where(table.c.tenant_id == tenant_id)
    if server_id is not None:
        found = found.where(domains.c.server_id == server_id)
    return [
        Kept(
            key=getattr(row, shelf.column),
            tenant_id=row.tenant_id,
            server_id=row.server_id,
            domain=row.domain,
            service_id=row.service_id,
            wanted=row.wanted,
            applied=row.applied,
            actual=row.actual,
            held_by_hand=bool(row.held_by_hand),
            origin=row.origin,
            first_seen=row.first_seen,
            last_seen=row.last_seen,
            last_synced=row.last_synced,
        )
        for row in tx.execute(found.order_by(domains.c.domain, key).offset(skip).limit(limit))
    ]


def is_number_taken(tx: Connection, e164: str, *, by_other_than: int) -> bool:
    """Whether another tenant, on any server, wants a number or has not let it go yet."""
    elsewhere = (destinations.c.number == e164) & (destinations.c.tenant_id != by_other_than)
    holding = or_(destinations.c.wanted_number.is_not(None), destinations.c.applied.is_not(None))
    return tx.execute(select(destinations.c.id).where(elsewhere, holding).limit(1)).one_or_none() is not None
