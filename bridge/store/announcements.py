"""What WHMCS still has to hear: the status of a service whose operation ended after its call had returned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, or_, select, update

from bridge.database import NOW
from bridge.tables import announcements

DUE, DONE, GIVEN_UP = "due", "done", "given_up"


@dataclass(frozen=True, slots=True)
class Announcement:
    id: int
    service_id: int
    operation_id: int
    status: str
    attempts: int
    epoch: int
    status_set_at: datetime | None = None
    welcome_begun_at: datetime | None = None
    queue_resolved_at: datetime | None = None
    activity_begun_at: datetime | None = None


_ADD = (
    insert(announcements)
    .values(state=DUE, attempts=0, owner=None, epoch=0)
    .prefix_with("IGNORE", dialect="mysql")
    .prefix_with("IGNORE", dialect="mariadb")
    .prefix_with("OR IGNORE", dialect="sqlite")
)


def add(tx: Connection, *, service_id: int, operation_id: int, status: str, due_at: datetime, now: datetime) -> None:
    """One for each operation, however often its end is told. What is told is always how the service is wanted then."""
    tx.execute(
        _ADD,
        {
            "service_id": service_id,
            "operation_id": operation_id,
            "status": status,
            "due_at": due_at,
            "created_at": now,
        },
    )


def claim(tx: Connection, *, owner: str, limit: int, lease: timedelta, now: datetime) -> list[Announcement]:
    """What is due, but of no service of which another is telling something: an older word must not come last."""
    due = and_(announcements.c.state == DUE, announcements.c.due_at <= now)
    taken_by_others = select(announcements.c.service_id).where(due, announcements.c.lease_until >= now).distinct()
    others = [service_id for (service_id,) in tx.execute(taken_by_others)]
    free = or_(announcements.c.owner.is_(None), announcements.c.lease_until < now)
    rows = tx.execute(
        select(announcements)
        .where(due, free, announcements.c.service_id.not_in(others))
        .order_by(announcements.c.due_at, announcements.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = [_from(row) for row in rows]
    if taken:
        tx.execute(
            update(announcements)
            .where(announcements.c.id.in_([each.id for each in taken]))
            .values(owner=owner, epoch=announcements.c.epoch + 1, lease_until=now + lease)
        )
    return [replace(each, epoch=each.epoch + 1) for each in taken]


def any_due(tx: Connection) -> bool:
    due = select(announcements.c.id).where(announcements.c.state == DUE, announcements.c.due_at <= NOW)
    return tx.execute(due.limit(1)).one_or_none() is not None


def note(tx: Connection, announcement: Announcement, *, owner: str, **changed: Any) -> bool:
    """Writes down a step, if the announcement is still ours."""
    return tx.execute(update(announcements).where(_mine(announcement, owner)).values(changed)).rowcount == 1


def hand_back(tx: Connection, announcement: Announcement, *, owner: str) -> bool:
    """For another time."""
    free = update(announcements).where(_mine(announcement, owner)).values(owner=None, lease_until=None)
    return tx.execute(free).rowcount == 1


def pending_of(tx: Connection, service_ids: Sequence[int]) -> set[int]:
    """Services whose status WHMCS is about to hear, so that nobody else has to tell it."""
    found = select(announcements.c.service_id).where(
        announcements.c.service_id.in_(list(service_ids)), announcements.c.state == DUE
    )
    return {service_id for (service_id,) in tx.execute(found)}


def _mine(announcement: Announcement, owner: str) -> ColumnElement[bool]:
    return and_(
        announcements.c.id == announcement.id,
        announcements.c.owner == owner,
        announcements.c.epoch == announcement.epoch,
    )


def unheard_of(tx: Connection, service_ids: Sequence[int]) -> set[int]:
    """Services whose last status WHMCS could not be told, so that what it shows is not what it wants."""
    mine = announcements.c.service_id.in_(list(service_ids))
    last = select(func.max(announcements.c.id)).where(mine).group_by(announcements.c.service_id)
    found = select(announcements.c.service_id).where(
        announcements.c.id.in_(last.scalar_subquery()), announcements.c.state == GIVEN_UP
    )
    return {service_id for (service_id,) in tx.execute(found)}


def _from(row: Row[Any]) -> Announcement:
    return Announcement(
        id=row.id,
        service_id=row.service_id,
        operation_id=row.operation_id,
        status=row.status,
        attempts=row.attempts,
        epoch=row.epoch,
        status_set_at=row.status_set_at,
        welcome_begun_at=row.welcome_begun_at,
        queue_resolved_at=row.queue_resolved_at,
        activity_begun_at=row.activity_begun_at,
    )
