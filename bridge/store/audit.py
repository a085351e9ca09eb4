"""Who did what to what, why, and how it was before and after. Rows are added, and never changed but to be chained."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

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


_ADD = insert(audit).values(at=NOW, sealed_no=None, chain=None)


def add_lines(tx: Connection, lines: Iterable[Line]) -> None:
    """In the transaction of the change itself, so that neither is there without the other."""
    rows = [
        {
            "actor": line.actor[:128],
            "action": line.action,
            "subject": line.subject,
            "before": line.before,
            "after": line.after,
            "reason": line.reason[:500] if line.reason else None,
        }
        for line in lines
    ]
    if rows:
        tx.execute(_ADD, rows)


def of_subject(tx: Connection, subject: str, limit: int = 100) -> list[dict[str, Any]]:
    """The story of one thing, oldest first."""
    found = select(audit).where(audit.c.subject == subject).order_by(audit.c.id).limit(limit)
    return [
        {"at": row.at.isoformat(), "actor": row.actor, "action": row.action, "reason": row.reason, "after": row.after}
        for row in tx.execute(found)
    ]


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain ends: how many rows are in it, and the link of the last."""

    sealed_no: int
    chain: str


def head(tx: Connection) -> Head:
    last = select(audit.c.sealed_no, audit.c.chain).where(audit.c.sealed_no.is_not(None))
    row = tx.execute(last.order_by(audit.c.sealed_no.desc()).limit(1)).one_or_none()
    return Head(row.sealed_no, row.chain or "") if row else Head(0, GENESIS)


def seal(tx: Connection, limit: int = 1000) -> int:
    """Chains the rows that are not chained yet, and answers how many. One job does this at a time.

    A row's place in the chain is its own number, for ids do not tell in which order transactions committed: a row that
    comes to light late has a lower id than rows that are sealed already, and is sealed after them.
    """
    end = head(tx)
    place, chain = end.sealed_no, end.chain
    rows = tx.execute(select(audit).where(audit.c.sealed_no.is_(None)).order_by(audit.c.id).limit(limit)).all()
    try:
        with tx.begin_nested():
            for row in rows:
                place += 1
                chain = _link(chain, place, row)
                mine = (audit.c.id == row.id) & audit.c.sealed_no.is_(None)
                if tx.execute(update(audit).where(mine).values(sealed_no=place, chain=chain)).rowcount != 1:
                    raise _SealedByAnother
    except (_SealedByAnother, IntegrityError):
        return 0  # a lease that ran out let another sealer in; what it sealed is sealed
    return len(rows)


class _SealedByAnother(Exception):
    """Somebody else took a row, or its place, in the same moment."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place at which the chain does not hold."""

    sealed_no: int
    row_id: int | None
    """None: the row is gone."""


def verify(tx: Connection, *, from_no: int = 1) -> Broken | None:
    """Whether every sealed row, from one place on, is there and as it was. What is before that place is believed."""
    before = select(audit.c.chain).where(audit.c.sealed_no == from_no - 1)
    chain = GENESIS if from_no <= 1 else tx.execute(before).scalar_one_or_none()
    if chain is None:
        return Broken(from_no - 1, None)
    place = max(1, from_no)
    sealed = select(audit).where(audit.c.sealed_no >= place).order_by(audit.c.sealed_no)
    for row in tx.execute(sealed.execution_options(yield_per=1000)):
        if row.sealed_no != place:
            return Broken(place, None)
        chain = _link(chain, place, row)
        if row.chain != chain:
            return Broken(place, int(row.id))
        place += 1
    return None


def unsealed_since(tx: Connection) -> datetime | None:
    """Since when the oldest row that is not chained yet waits for it."""
    oldest = select(audit.c.at).where(audit.c.sealed_no.is_(None)).order_by(audit.c.id).limit(1)
    found: datetime | None = tx.execute(oldest).scalar_one_or_none()
    return found


def _link(before: str, place: int, row: Any) -> str:
    at: datetime = row.at
    content = [
        before,
        place,
        row.id,
        at.isoformat(),
        row.actor,
        row.action,
        row.subject,
        row.before,
        row.after,
        row.reason,
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
