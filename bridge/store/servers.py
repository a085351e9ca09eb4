"""Servers: how to reach each, and how each is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, or_, select, update

from bridge.database import NOW, now
from bridge.secret import Secret
from bridge.server import Health, Server
from bridge.tables import domains, servers
from bridge.vault import Vault


def get(tx: Connection, server_id: int, *, lock: bool = False) -> Server | None:
    found = select(servers).where(servers.c.server_id == server_id)
    row = tx.execute(found.with_for_update() if lock else found).one_or_none()
    return server_from(row) if row else None


_PLAIN: list[ColumnElement[Any]] = [
    each for each in servers.c if each.name not in ("secret", "created_at", "updated_at")
]


def listed(tx: Connection) -> list[Server]:
    return [server_from(row) for row in tx.execute(select(*_PLAIN).order_by(servers.c.server_id))]


def accounts(tx: Connection) -> dict[int, int]:
    """How many tenants each server has."""
    found = select(domains.c.server_id, func.count().label("total")).group_by(domains.c.server_id)
    return {row.server_id: row.total for row in tx.execute(found)}


def save(tx: Connection, server: Server) -> None:
    """As configured and as it is; the default is one server at most."""
    if server.is_default:
        tx.execute(update(servers).where(servers.c.server_id != server.server_id).values(is_default=0))
    changed = {
        "name": server.name,
        "driver": server.driver,
        "config": server.config,
        "enabled": int(server.enabled),
        "is_default": int(server.is_default),
        "accounts_max": server.accounts_max,
        "group_id": server.group_id,
        "zone": server.zone,
        "cdr_group": server.cdr_group,
        "health": server.health.value,
        "checks": server.checks,
        "tested_at": server.tested_at,
        "red_tests": server.red_tests,
        "unreachable_since": server.unreachable_since,
        "probe_at": server.probe_at,
        "paused_at": server.paused_at,
        "paused_by": server.paused_by,
        "paused_reason": server.paused_reason,
        "override_by": server.override_by,
        "updated_at": NOW,
    }
    done = tx.execute(update(servers).where(servers.c.server_id == server.server_id).values(changed))
    if done.rowcount == 0:
        tx.execute(insert(servers).values(changed | {"server_id": server.server_id, "secret": None, "created_at": NOW}))


def save_secret(tx: Connection, server_id: int, secret: Secret, vault: Vault) -> None:
    sealed = vault.seal(secret, place=place_of(server_id))
    tx.execute(update(servers).where(servers.c.server_id == server_id).values(secret=sealed))


def secret_of(tx: Connection, server_id: int, vault: Vault) -> Secret | None:
    row = tx.execute(select(servers.c.secret).where(servers.c.server_id == server_id)).one_or_none()
    return vault.open(row.secret, place=place_of(server_id)) if row and row.secret is not None else None


def take_probe(tx: Connection, *, seconds: int) -> Server | None:
    """One server whose turn it is to be probed, put off for everyone else at once."""
    due = servers.c.unreachable_since.is_not(None) & or_(servers.c.probe_at.is_(None), servers.c.probe_at <= NOW)
    row = tx.execute(select(servers).where(due).limit(1).with_for_update(skip_locked=True)).one_or_none()
    return _put_off(tx, row, seconds)


def take_test(tx: Connection, *, seconds: int) -> Server | None:
    """One server whose connection test is due: never tested, or not for a while."""
    due = servers.c.unreachable_since.is_(None) & or_(servers.c.probe_at.is_(None), servers.c.probe_at <= NOW)
    serves = select(domains.c.id).where(domains.c.server_id == servers.c.server_id).exists()
    used = or_(servers.c.enabled == 1, serves)  # one that takes nothing new still serves those it has
    row = tx.execute(select(servers).where(due, used).limit(1).with_for_update(skip_locked=True))
    return _put_off(tx, row.one_or_none(), seconds)


def _put_off(tx: Connection, row: Row[Any] | None, seconds: int) -> Server | None:
    if row is None:
        return None
    later = now(tx) + timedelta(seconds=seconds)
    tx.execute(update(servers).where(servers.c.server_id == row.server_id).values(probe_at=later))
    return replace(server_from(row), probe_at=later)


def not_working(tx: Connection) -> Sequence[int]:
    """Servers on which automation waits."""
    return [each.server_id for each in listed(tx) if not each.is_working]


def place_of(server_id: int) -> str:
    return f"servers.secret.{server_id}"


def server_from(row: Row[Any]) -> Server:
    return Server(
        server_id=row.server_id,
        name=row.name,
        driver=row.driver,
        config=row.config,
        enabled=bool(row.enabled),
        is_default=bool(row.is_default),
        accounts_max=row.accounts_max,
        group_id=row.group_id,
        zone=row.zone,
        cdr_group=row.cdr_group,
        health=Health(row.health),
        checks=row.checks,
        tested_at=row.tested_at,
        red_tests=row.red_tests,
        unreachable_since=row.unreachable_since,
        probe_at=row.probe_at,
        paused_at=row.paused_at,
        paused_by=row.paused_by,
        paused_reason=row.paused_reason,
        override_by=row.override_by,
    )
