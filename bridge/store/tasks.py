"""Tasks: what a person has to do, at most one open for each thing that needs it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NotRequired, TypedDict, Unpack

from sqlalchemy import Connection, Row, func, insert, select, update

from bridge.database import NOW
from bridge.tables import tasks

OPEN, CLAIMED, COMPLETED, CANCELLED = "open", "claimed", "completed", "cancelled"


@dataclass(frozen=True, slots=True)
class Task:
    id: int
    kind: str
    department: str
    title: str
    cause: str
    suggestion: str
    state: str
    created_at: datetime
    open_key: str | None = None
    operation_id: int | None = None
    service_id: int | None = None
    server_id: int | None = None
    details: dict[str, Any] = field(default_factory=dict)
    assignee: str | None = None
    claimed_at: datetime | None = None
    escalated_at: datetime | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    closed_reason: str | None = None

    @property
    def is_open(self) -> bool:
        return self.state in (OPEN, CLAIMED)


class Asked(TypedDict):
    """What a person is asked for."""

    open_key: str
    kind: str
    department: str
    title: str
    cause: str
    suggestion: str
    details: NotRequired[dict[str, Any]]
    operation_id: NotRequired[int | None]
    service_id: NotRequired[int | None]
    server_id: NotRequired[int | None]


def open_task(tx: Connection, **asked: Unpack[Asked]) -> tuple[int, bool]:
    """The open task of this key, and whether it is new. One that is open already learns the newest cause."""
    same = select(tasks.c.id).where(tasks.c.open_key == asked["open_key"])
    there = tx.execute(same.with_for_update()).one_or_none()
    said = {
        "title": asked["title"][:255],
        "cause": asked["cause"][:500],
        "suggestion": asked["suggestion"][:500],
        "details": asked.get("details", {}),
    }
    if there is not None:
        tx.execute(update(tasks).where(tasks.c.id == there.id).values(said))
        return int(there.id), False
    key = tx.execute(insert(tasks).values({**asked, **said, "state": OPEN, "created_at": NOW})).inserted_primary_key
    assert key is not None
    return int(key[0]), True


def get(tx: Connection, task_id: int, *, lock: bool = False) -> Task | None:
    found = select(tasks).where(tasks.c.id == task_id)
    row = tx.execute(found.with_for_update() if lock else found).one_or_none()
    return task_from(row) if row else None


def open_of(tx: Connection, open_key: str) -> Task | None:
    row = tx.execute(select(tasks).where(tasks.c.open_key == open_key)).one_or_none()
    return task_from(row) if row else None


def listed(
    tx: Connection,
    *,
    states: Iterable[str] = (OPEN, CLAIMED),
    department: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Task]:
    found = select(tasks).where(tasks.c.state.in_(list(states)))
    if department is not None:
        found = found.where(tasks.c.department == department)
    if before is not None:
        found = found.where(tasks.c.id < before)
    return [task_from(row) for row in tx.execute(found.order_by(tasks.c.id.desc()).limit(limit))]


def count_open(tx: Connection) -> int:
    found: int = tx.execute(select(func.count()).where(tasks.c.open_key.is_not(None))).scalar_one()
    return found


def waiting_departments(tx: Connection) -> list[str]:
    """Departments with tasks that nobody claimed and of which only they were told."""
    waiting = (tasks.c.state == OPEN) & tasks.c.escalated_at.is_(None)
    return list(tx.execute(select(tasks.c.department).where(waiting).distinct()).scalars())


def unclaimed(tx: Connection, department: str, *, opened_before: datetime, limit: int) -> list[Task]:
    """Those that wait since then, oldest first, held until the transaction ends."""
    found = select(tasks).where(
        tasks.c.state == OPEN,
        tasks.c.escalated_at.is_(None),
        tasks.c.department == department,
        tasks.c.created_at <= opened_before,
    )
    rows = tx.execute(found.order_by(tasks.c.id).limit(limit).with_for_update(skip_locked=True))
    return [task_from(row) for row in rows]


def claim(tx: Connection, task_id: int, *, assignee: str) -> None:
    tx.execute(
        update(tasks).where(tasks.c.id == task_id).values(state=CLAIMED, assignee=assignee[:128], claimed_at=NOW)
    )


def assign(tx: Connection, task_id: int, *, department: str) -> None:
    """To another department, where it is anyone's again."""
    changed = {"department": department, "state": OPEN, "assignee": None, "claimed_at": None}
    tx.execute(update(tasks).where(tasks.c.id == task_id).values(changed))


def close(tx: Connection, open_key: str, *, state: str, by: str, reason: str) -> bool:
    closed = {"state": state, "open_key": None, "closed_at": NOW, "closed_by": by[:128], "closed_reason": reason[:500]}
    return tx.execute(update(tasks).where(tasks.c.open_key == open_key).values(closed)).rowcount == 1


def mark_escalated(tx: Connection, task_id: int) -> None:
    tx.execute(update(tasks).where(tasks.c.id == task_id).values(escalated_at=NOW))


def task_from(row: Row[Any]) -> Task:
    return Task(
        id=row.id,
        kind=row.kind,
        department=row.department,
        title=row.title,
        cause=row.cause,
        suggestion=row.suggestion,
        state=row.state,
        created_at=row.created_at,
        open_key=row.open_key,
        operation_id=row.operation_id,
        service_id=row.service_id,
        server_id=row.server_id,
        details=row.details,
        assignee=row.assignee,
        claimed_at=row.claimed_at,
        escalated_at=row.escalated_at,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        closed_reason=row.closed_reason,
    )
