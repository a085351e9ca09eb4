"""Placements: which service lived where, from when to when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from bridge.tables import placements


@dataclass(frozen=True, slots=True)
class Placement:
    service_id: int
    tenant_id: int
    server_id: int
    domain: str
    from_at: datetime
    to_at: datetime | None = None


def place(
    tx: Connection, service_ids: Sequence[int], *, tenant_id: int, server_id: int, domain: str, at: datetime
) -> None:
    """From now on the services live here; where they lived before ends in the same moment."""
    here = {
        row.service_id: (row.tenant_id, row.server_id, row.domain)
        for row in tx.execute(
            select(placements).where(placements.c.service_id.in_(service_ids), placements.c.to_at.is_(None))
        )
    }
    arriving = [each for each in service_ids if here.get(each) != (tenant_id, server_id, domain)]
    leave(tx, [each for each in arriving if each in here], at=at)
    if arriving:
        begin(tx, arriving, tenant_id=tenant_id, server_id=server_id, domain=domain, at=at)


_ADD = insert(placements).values(to_at=None)


def begin(
    tx: Connection, service_ids: Sequence[int], *, tenant_id: int, server_id: int, domain: str, at: datetime
) -> None:
    """The same for services that live nowhere so far."""
    here = {"tenant_id": tenant_id, "server_id": server_id, "domain": domain, "from_at": at}
    tx.execute(_ADD, [here | {"service_id": each} for each in service_ids])


def leave(tx: Connection, service_ids: Sequence[int], *, at: datetime) -> None:
    """From now on the services live nowhere."""
    if service_ids:
        living = (placements.c.service_id.in_(service_ids)) & placements.c.to_at.is_(None)
        tx.execute(update(placements).where(living).values(to_at=at))


def of_service(tx: Connection, service_id: int) -> list[Placement]:
    """Its whole story, oldest first."""
    found = select(placements).where(placements.c.service_id == service_id).order_by(placements.c.id)
    return [
        Placement(row.service_id, row.tenant_id, row.server_id, row.domain, row.from_at, row.to_at)
        for row in tx.execute(found)
    ]
