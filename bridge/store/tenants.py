"""Tenants, many at a time: where they live, and which of them something is due for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from bridge.tables import destinations, domains, services
from bridge.wanted import Status


def domains_of_server(tx: Connection, server_id: int) -> dict[str, int]:
    found = select(domains.c.domain, domains.c.id).where(domains.c.server_id == server_id)
    return {row.domain: row.id for row in tx.execute(found)}


def page(tx: Connection, *, after: int, limit: int) -> list[int]:
    found = select(domains.c.id).where(domains.c.id > after).order_by(domains.c.id).limit(limit)
    return [tenant_id for (tenant_id,) in tx.execute(found)]


def homes(tx: Connection) -> dict[str, tuple[int, int]]:
    """(tenant, server) of every domain."""
    found = select(domains.c.domain, domains.c.id, domains.c.server_id)
    return {row.domain: (row.id, row.server_id) for row in tx.execute(found)}


def domains_of(tx: Connection, tenant_ids: Sequence[int]) -> dict[int, str]:
    found = select(domains.c.id, domains.c.domain).where(domains.c.id.in_(tenant_ids))
    return {row.id: row.domain for row in tx.execute(found)}


def waiting_for_a_look(tx: Connection, limit: int, *, except_servers: Sequence[int] = ()) -> list[int]:
    """Tenants that were there, and that somebody asked to be compared again."""
    asked = domains.c.last_synced.is_(None) & (domains.c.actual_state != "unknown")
    found = select(domains.c.id).where(asked, domains.c.server_id.not_in(except_servers))
    return [tenant_id for (tenant_id,) in tx.execute(found.order_by(domains.c.id).limit(limit))]


def numbers(tx: Connection) -> list[tuple[str, int]]:
    """(public number, tenant), as wanted or as seen last."""
    there = destinations.c.wanted.is_not(None) | destinations.c.actual.is_not(None)
    found = select(destinations.c.number, destinations.c.tenant_id).where(there)
    return [(row.number, row.tenant_id) for row in tx.execute(found)]


def due_for_purge(tx: Connection, now: datetime) -> list[int]:
    """Tenants whose retention is over."""
    found = select(domains.c.id).where(domains.c.delete_after <= now, domains.c.wanted_state == "disabled")
    return [tenant_id for (tenant_id,) in tx.execute(found.order_by(domains.c.id))]


def ended_among_others(tx: Connection) -> list[tuple[int, int]]:
    """(service, tenant) of terminated services in tenants that are wanted, because others live there."""
    home = services.join(domains, domains.c.id == services.c.tenant_id)
    found = select(services.c.service_id, services.c.tenant_id).select_from(home)
    ended = (services.c.status == Status.TERMINATED.value) & (domains.c.wanted_state == "present")
    return [(row.service_id, row.tenant_id) for row in tx.execute(found.where(ended).order_by(services.c.service_id))]
