"""What waits, and since when: for those who ask whether anything waits too long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, func, or_, select

from bridge.database import NOW
from bridge.operations import State
from bridge.store.announcements import DUE, GIVEN_UP
from bridge.store.tasks import CLAIMED, OPEN
from bridge.tables import announcements, jobs, lanes, operations, tasks


@dataclass(frozen=True, slots=True)
class Waiting:
    count: int = 0
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    due_at: datetime
    finished_at: datetime | None
    failed: bool
    running: bool


def overdue_operations(tx: Connection, *, due_before: datetime) -> Waiting:
    """Operations of lanes that a worker should have taken up by then. A lane whose first waits for a PBX is not due."""
    free = or_(lanes.c.owner.is_(None), lanes.c.lease_until < NOW)
    late = select(lanes.c.tenant_id).where(lanes.c.due_at < due_before, free)
    mine = operations.c.state.in_([State.ACCEPTED.value, State.RETRY_WAIT.value]) & operations.c.tenant_id.in_(late)
    return _waiting(tx, operations, operations.c.created_at, mine)


def operations_in(tx: Connection, state: State) -> Waiting:
    return _waiting(tx, operations, operations.c.created_at, operations.c.state == state.value)


def open_tasks(tx: Connection) -> Waiting:
    return _waiting(tx, tasks, tasks.c.created_at, tasks.c.state.in_([OPEN, CLAIMED]))


def unclaimed_tasks(tx: Connection) -> Waiting:
    return _waiting(tx, tasks, tasks.c.created_at, tasks.c.state == OPEN)


def announcements_due(tx: Connection) -> Waiting:
    """What WHMCS still has to hear, by when it came up: each attempt that fails puts off when it is due."""
    return _waiting(tx, announcements, announcements.c.created_at, announcements.c.state == DUE)


def announcements_given_up(tx: Connection, *, since: datetime) -> Waiting:
    recent = (announcements.c.state == GIVEN_UP) & (announcements.c.created_at >= since)
    return _waiting(tx, announcements, announcements.c.created_at, recent)


def standing_jobs(tx: Connection, *, now: datetime) -> list[Job]:
    return [
        Job(
            name=row.name,
            due_at=row.due_at,
            finished_at=row.finished_at,
            failed=bool((row.result or {}).get("failed")),
            running=row.owner is not None and row.lease_until > now,
        )
        for row in tx.execute(select(jobs).order_by(jobs.c.name))
    ]


def job_result(tx: Connection, name: str) -> dict[str, object]:
    found = tx.execute(select(jobs.c.result).where(jobs.c.name == name)).scalar_one_or_none()
    return dict(found or {})


def _waiting(tx: Connection, table: Table, when: ColumnElement[datetime], which: ColumnElement[bool]) -> Waiting:
    asked = select(func.count().label("total"), func.min(when).label("since")).select_from(table).where(which)
    row = tx.execute(asked).one()
    return Waiting(int(row.total), row.since)
