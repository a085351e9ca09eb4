"""Findings: differences between what is wanted, what is mirrored, what is there and what WHMCS says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from bridge.database import NOW
from bridge.tables import findings, in_ascii

KEY_MAX = 200


@dataclass(frozen=True, slots=True)
class Finding:
    id: int
    kind: str
    what: str
    policy: str
    state: str
    first_seen: datetime
    last_seen: datetime
    open_key: str | None = None
    service_id: int | None = None
    tenant_id: int | None = None
    server_id: int | None = None
    wanted: dict[str, Any] | None = None
    actual: dict[str, Any] | None = None


def kept_as(key: str) -> str:
    """A key as it is stored: in ASCII, and two that are long and begin alike are still two."""
    written = in_ascii(key)
    if len(written) <= KEY_MAX:
        return written
    return f"{written[: KEY_MAX - 33]}#{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def open_finding(
    tx: Connection,
    *,
    kind: str,
    key: str,
    what: str,
    policy: str,
    service_id: int | None = None,
    tenant_id: int | None = None,
    server_id: int | None = None,
    wanted: dict[str, Any] | None = None,
    actual: dict[str, Any] | None = None,
) -> bool:
    """Whether this is new. One that is open already was only seen again."""
    mine = findings.c.open_key == kept_as(key)
    seen = {"last_seen": NOW, "what": what[:255], "wanted": wanted, "actual": actual, "policy": policy}
    if tx.execute(update(findings).where(mine).values(seen)).rowcount:
        return False
    new = {
        "open_key": kept_as(key),
        "class": kind,
        "state": "open",
        "first_seen": NOW,
        "service_id": service_id,
        "tenant_id": tenant_id,
        "server_id": server_id,
    }
    try:
        with tx.begin_nested():
            tx.execute(insert(findings).values(seen | new))
    except IntegrityError:
        return False  # somebody else saw it in the same moment
    return True


def open_ones(tx: Connection) -> list[Finding]:
    """Every finding that is open, for a pass that has looked again."""
    return [_from(row) for row in tx.execute(select(findings).where(findings.c.open_key.is_not(None)))]


def close(tx: Connection, finding_ids: Iterable[int]) -> None:
    """What was looked for and is not there any more."""
    closed = {"state": "closed", "open_key": None, "closed_at": NOW}
    tx.execute(update(findings).where(findings.c.id.in_(list(finding_ids))).values(closed))


def page(
    tx: Connection,
    *,
    state: str = "open",
    kind: str | None = None,
    service_id: int | None = None,
    server_id: int | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Finding]:
    """A page, newest first; `before` is the id the page before this one ended with."""
    found = select(findings).where(findings.c.state == state)
    if kind is not None:
        found = found.where(findings.c["class"] == kind)
    if service_id is not None:
        found = found.where(findings.c.service_id == service_id)
    if server_id is not None:
        found = found.where(findings.c.server_id == server_id)
    if before is not None:
        found = found.where(findings.c.id < before)
    return [_from(row) for row in tx.execute(found.order_by(findings.c.id.desc()).limit(limit))]


def count_by_class(tx: Connection) -> dict[str, int]:
    found = select(findings.c["class"].label("kind"), func.count().label("total")).where(findings.c.state == "open")
    return {row.kind: row.total for row in tx.execute(found.group_by(findings.c["class"]))}


def listed(tx: Connection, *, limit: int = 200) -> list[Finding]:
    found = select(findings).where(findings.c.state == "open").order_by(findings.c.id.desc()).limit(limit)
    return [_from(row) for row in tx.execute(found)]


def _from(row: Row[Any]) -> Finding:
    return Finding(
        id=row.id,
        kind=row._mapping["class"],
        what=row.what,
        policy=row.policy,
        state=row.state,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        open_key=row.open_key,
        service_id=row.service_id,
        tenant_id=row.tenant_id,
        server_id=row.server_id,
        wanted=row.wanted,
        actual=row.actual,
    )
