"""Jobs: what one process at a time does for the whole installation, each under a lease."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from bridge.database import now
from bridge.tables import jobs


@dataclass(frozen=True, slots=True)
class Turn:
    name: str
    owner: str
    epoch: int


def take(tx: Connection, name: str, *, owner: str, lease: timedelta) -> Turn | None:
    """The job, if it is due and nobody else is at it."""
    moment = now(tx)
    row = tx.execute(select(jobs).where(jobs.c.name == name).with_for_update(skip_locked=True)).one_or_none()
    if row is None:
        _introduce(tx, name, moment)
        row = tx.execute(select(jobs).where(jobs.c.name == name).with_for_update(skip_locked=True)).one_or_none()
    if row is None or row.due_at > moment or (row.owner is not None and row.lease_until > moment):
        return None
    tx.execute(
        update(jobs)
        .where(jobs.c.name == name)
        .values(owner=owner, epoch=row.epoch + 1, lease_until=moment + lease, started_at=moment)
    )
    return Turn(name, owner, row.epoch + 1)


def finish(tx: Connection, turn: Turn, *, again_in: timedelta, result: dict[str, Any] | None) -> bool:
    """False when the lease was lost meanwhile; then somebody else has the job."""
    moment = now(tx)
    mine = (jobs.c.name == turn.name) & (jobs.c.owner == turn.owner) & (jobs.c.epoch == turn.epoch)
    done = update(jobs).where(mine)
    changed = tx.execute(
        done.values(owner=None, lease_until=None, finished_at=moment, due_at=moment + again_in, result=result)
    )
    return changed.rowcount == 1


def hasten(tx: Connection, name: str) -> None:
    """The job is due now."""
    tx.execute(update(jobs).where(jobs.c.name == name, or_(jobs.c.due_at > now(tx))).values(due_at=now(tx)))


def results(tx: Connection) -> dict[str, dict[str, Any]]:
    return {
        row.name: {
            "finished_at": row.finished_at.isoformat() if row.finished_at else None,
            "due_at": row.due_at.isoformat(),
            "result": row.result,
        }
        for row in tx.execute(select(jobs).order_by(jobs.c.name))
    }


def _introduce(tx: Connection, name: str, moment: datetime) -> None:
    """Due at once: for whoever asks now, and not only from the next moment on."""
    try:
        with tx.begin_nested():
            tx.execute(insert(jobs).values(name=name, owner=None, epoch=0, lease_until=None, due_at=moment))
    except IntegrityError:
        return  # somebody else introduced it in the same moment
