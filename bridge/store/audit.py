"""Who did what to what, why, and how it was before and after. Rows are added, and never changed but to be chained."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from bridge.database import NOW
from bridge.tables import audit

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Line:
    """What is known of a change when it happens."""

    actor: str
    action: str
    subject: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    reason: str | None = None


def add(
    tx: Connection,
    *,
    actor: str,
    action: str,
    subject: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    add_lines(tx, [Line(actor, action, subject, before, after, reason)])


def add_lines(tx: Connection, lines: Iterable[Line]) -> None:
    """In the transaction of the change itself, so that neither is there without the other."""
    rows = [
        {
            "at": NOW,
            "actor": line.actor[:128],
            "action": line.action,
            "subject": line.subject,
            "before": line.before,
            "after": line.after,
            "reason": line.reason[:500] if line.reason else None,
            "chain": None,
        }
        for line in lines
    ]
    if rows:
        tx.execute(insert(audit).values(rows))


def of_subject(tx: Connection, subject: str, limit: int = 100) -> list[dict[str, Any]]:
    """The story of one thing, oldest first."""
    found = select(audit).where(audit.c.subject == subject).order_by(audit.c.id).limit(limit)
    return [
        {"at": row.at.isoformat(), "actor": row.actor, "action": row.action, "reason": row.reason, "after": row.after}
        for row in tx.execute(found)
    ]


def seal(tx: Connection, limit: int = 1000) -> int:
    """Chains the lines that are not chained yet, oldest first. One job does this at a time."""
    last = tx.execute(select(audit.c.chain).where(audit.c.chain.is_not(None)).order_by(audit.c.id.desc()).limit(1))
    chain: str = last.scalar_one_or_none() or GENESIS
    lines = tx.execute(select(audit).where(audit.c.chain.is_(None)).order_by(audit.c.id).limit(limit)).all()
    for line in lines:
        chain = _link(chain, line)
        tx.execute(update(audit).where(audit.c.id == line.id).values(chain=chain))
    return len(lines)


def verify(tx: Connection) -> int | None:
    """The first line whose link does not hold, or None."""
    chain = GENESIS
    for line in tx.execute(select(audit).where(audit.c.chain.is_not(None)).order_by(audit.c.id)):
        chain = _link(chain, line)
        if line.chain != chain:
            return int(line.id)
    return None


def _link(before: str, line: Any) -> str:
    at: datetime = line.at
    content = [
        before,
        line.id,
        at.isoformat(),
        line.actor,
        line.action,
        line.subject,
        line.before,
        line.after,
        line.reason,
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
