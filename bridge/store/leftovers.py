"""Leftovers: what moves left on old servers, until it is deleted there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, delete, insert, select, update

from bridge.tables import leftovers


@dataclass(frozen=True, slots=True)
class Leftover:
    tenant_id: int
    server_id: int
    domain: str
    pbx_uuid: str
    left_at: datetime
    delete_after: datetime
    disabled_at: datetime | None = None


def add(tx: Connection, leftover: Leftover) -> None:
    """A tenant may leave the same server again, after it came back."""
    forget(tx, leftover.tenant_id, leftover.server_id)
    tx.execute(
        insert(leftovers).values(
            tenant_id=leftover.tenant_id,
            server_id=leftover.server_id,
            domain=leftover.domain,
            pbx_uuid=leftover.pbx_uuid,
            left_at=leftover.left_at,
            disabled_at=leftover.disabled_at,
            delete_after=leftover.delete_after,
        )
    )


def get(tx: Connection, tenant_id: int, server_id: int) -> Leftover | None:
    mine = (leftovers.c.tenant_id == tenant_id) & (leftovers.c.server_id == server_id)
    row = tx.execute(select(leftovers).where(mine)).one_or_none()
    return _from(row) if row else None


def of_tenant(tx: Connection, tenant_id: int) -> list[Leftover]:
    found = select(leftovers).where(leftovers.c.tenant_id == tenant_id).order_by(leftovers.c.server_id)
    return [_from(row) for row in tx.execute(found)]


def due(tx: Connection, now: datetime) -> list[Leftover]:
    """What may be deleted now."""
    found = select(leftovers).where(leftovers.c.delete_after <= now)
    return [_from(row) for row in tx.execute(found.order_by(leftovers.c.delete_after, leftovers.c.tenant_id))]


def mark_disabled(tx: Connection, tenant_id: int, server_id: int, *, at: datetime) -> None:
    mine = (leftovers.c.tenant_id == tenant_id) & (leftovers.c.server_id == server_id)
    tx.execute(update(leftovers).where(mine).values(disabled_at=at))


def hasten(tx: Connection, tenant_id: int, *, now: datetime) -> int:
    """The tenant itself is deleted, so nothing of it is kept elsewhere."""
    mine = leftovers.c.tenant_id == tenant_id
    return int(tx.execute(update(leftovers).where(mine).values(delete_after=now)).rowcount)


def forget(tx: Connection, tenant_id: int, server_id: int) -> None:
    """It is deleted there, or the tenant lives there again."""
    mine = (leftovers.c.tenant_id == tenant_id) & (leftovers.c.server_id == server_id)
    tx.execute(delete(leftovers).where(mine))


def _from(row: Row[tuple[object, ...]]) -> Leftover:
    return Leftover(
        tenant_id=row.tenant_id,
        server_id=row.server_id,
        domain=row.domain,
        pbx_uuid=row.pbx_uuid,
        left_at=row.left_at,
        delete_after=row.delete_after,
        disabled_at=row.disabled_at,
    )
