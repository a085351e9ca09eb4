"""Counts over everything, for people: what the daily digest is made of."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Table, func, select

from bridge.operations import OPEN, State
from bridge.people.digest import Figures
from bridge.store import notices
from bridge.store import servers as server_store
from bridge.store.tasks import CLAIMED
from bridge.store.tasks import OPEN as UNCLAIMED
from bridge.tables import findings, operations, services, tasks

DAY = timedelta(days=1)


def of_the_day(tx: Connection, *, now: datetime) -> Figures:
    yesterday = now - DAY
    told = notices.counts(tx, since=yesterday)
    done = (operations.c.state == State.SUCCEEDED.value) & (operations.c.finished_at >= yesterday)
    is_open = tasks.c.state.in_([UNCLAIMED, CLAIMED])
    return Figures(
        services=_by(tx, services, services.c.status),
        operations_done=_count(tx, operations, done),
        operations_open=_by(
            tx, operations, operations.c.state, operations.c.state.in_(sorted(each.value for each in OPEN))
        ),
        tasks_unclaimed=_count(tx, tasks, tasks.c.state == UNCLAIMED),
        tasks_today=_count(tx, tasks, is_open & (tasks.c.created_at >= yesterday)),
        tasks_this_week=_count(
            tx, tasks, is_open & (tasks.c.created_at < yesterday) & (tasks.c.created_at >= now - 7 * DAY)
        ),
        tasks_older=_count(tx, tasks, is_open & (tasks.c.created_at < now - 7 * DAY)),
        findings=_by(tx, findings, findings.c["class"], findings.c.state == "open"),
        servers_down=tuple(each.why_not for each in server_store.listed(tx) if each.enabled and not each.is_working),
        messages_lost=told["failed"] + told["unknown"],
        messages_untold=told["untold"],
    )


def _count(tx: Connection, table: Table, which: ColumnElement[bool]) -> int:
    found: int = tx.execute(select(func.count()).select_from(table).where(which)).scalar_one()
    return found


def _by(
    tx: Connection, table: Table, column: ColumnElement[str], which: ColumnElement[bool] | None = None
) -> dict[str, int]:
    asked = select(column, func.count().label("total")).select_from(table).group_by(column)
    rows = tx.execute(asked if which is None else asked.where(which))
    return {word: int(total) for word, total in rows}
