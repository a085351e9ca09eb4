"""Notices: what a department is told, once for each change; and deliveries, the ways they go."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, exists, func, insert, or_, select, update

from bridge.database import NOW
from bridge.people.channels.channel import Message
from bridge.people.delivery import Delivery, State
from bridge.store import departments
from bridge.tables import deliveries, notices


def add(
    tx: Connection,
    *,
    once_key: str,
    department: str,
    kind: str,
    title: str,
    body: str,
    task_id: int | None = None,
    apart_from: tuple[str, ...] = (),
    random: Callable[[int], bytes] = os.urandom,
) -> int | None:
    """The new notice, or None when this was said before. It is due at once on each channel of the department.

    `apart_from` are ways (department/channel) it does not go: those it complains about.
    """
    if tx.execute(select(notices.c.id).where(notices.c.once_key == once_key)).one_or_none() is not None:
        return None
    # Two that say the same at the same moment are no trouble: the second finds the first.
    new = insert(notices).prefix_with("IGNORE", dialect="mysql").prefix_with("IGNORE", dialect="mariadb")
    added = tx.execute(
        new.prefix_with("OR IGNORE", dialect="sqlite").values(
            once_key=once_key,
            department=department[:64],
            kind=kind,
            title=title[:255],
            body=body[:2000],
            task_id=task_id,
            created_at=NOW,
        )
    )
    if added.rowcount == 0:
        return None
    key = added.inserted_primary_key
    assert key is not None
    notice_id = int(key[0])
    ways = departments.carriers_of(tx, department, apart_from=apart_from)
    if ways:
        tx.execute(
            insert(deliveries).values(
                [
                    {
                        "notice_id": notice_id,
                        "channel": f"{owner}/{channel}",
                        "webhook_id": f"msg_{random(16).hex()}",
                        "state": State.DUE.value,
                        "attempts": 0,
                        "due_at": NOW,
                        "epoch": 0,
                    }
                    for owner, channel in ways
                ]
            )
        )
    return notice_id


def was_said(tx: Connection, once_key: str) -> bool:
    return tx.execute(select(notices.c.id).where(notices.c.once_key == once_key)).one_or_none() is not None


# --- deliveries ------------------------------------------------------------------------------------------------------


def next_due(tx: Connection, *, now: datetime, apart_from: Iterable[str] = ()) -> Delivery | None:
    """The delivery whose turn it is, held until the transaction ends; one that is being sent by somebody is not."""
    free = or_(deliveries.c.owner.is_(None), deliveries.c.lease_until < now)
    due = select(deliveries).where(
        deliveries.c.state.in_([State.DUE.value, State.SENDING.value]),
        deliveries.c.due_at <= now,
        free,
        deliveries.c.channel.not_in(list(apart_from)),
    )
    first = due.order_by(deliveries.c.due_at, deliveries.c.id).limit(1).with_for_update(skip_locked=True)
    row = tx.execute(first).one_or_none()
    return delivery_from(row) if row else None


def begin(tx: Connection, delivery: Delivery, *, owner: str, lease: timedelta, now: datetime) -> Delivery:
    """Written down as being sent from here on, by this owner."""
    begun = replace(delivery, state=State.SENDING, epoch=delivery.epoch + 1)
    tx.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery.id)
        .values(state=begun.state.value, owner=owner, epoch=begun.epoch, lease_until=now + lease)
    )
    return begun


def settle(tx: Connection, delivery: Delivery) -> bool:
    """As it is now, and nobody's. Whether it was still this epoch's to say."""
    mine = (deliveries.c.id == delivery.id) & (deliveries.c.epoch == delivery.epoch)
    changed = {
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "due_at": delivery.due_at,
        "cause": delivery.cause[:500] if delivery.cause else None,
        "sent_at": delivery.sent_at,
        "owner": None,
        "lease_until": None,
    }
    return tx.execute(update(deliveries).where(mine).values(changed)).rowcount == 1


def message_of(tx: Connection, delivery: Delivery) -> Message:
    row = tx.execute(select(notices).where(notices.c.id == delivery.notice_id)).one()
    return Message(
        id=delivery.webhook_id,
        kind=row.kind,
        title=row.title,
        body=row.body,
        department=row.department,
        at=row.created_at,
        task_id=row.task_id,
    )


def counts(tx: Connection, *, since: datetime) -> dict[str, int]:
    """Deliveries by state, and `untold`: notices that no channel took up. Of notices since then."""
    recent = notices.c.created_at >= since
    by_state = (
        select(deliveries.c.state, func.count().label("total"))
        .join(notices, notices.c.id == deliveries.c.notice_id)
        .where(recent)
        .group_by(deliveries.c.state)
    )
    has_way = exists().where(deliveries.c.notice_id == notices.c.id)
    untold: int = tx.execute(select(func.count()).select_from(notices).where(recent, ~has_way)).scalar_one()
    found = {row.state: int(row.total) for row in tx.execute(by_state)}
    return {state.value: found.get(state.value, 0) for state in State} | {"untold": untold}


def delivery_from(row: Row[Any]) -> Delivery:
    department, _, channel = row.channel.partition("/")
    return Delivery(
        id=row.id,
        notice_id=row.notice_id,
        department=department,
        channel=channel,
        webhook_id=row.webhook_id,
        state=State(row.state),
        attempts=row.attempts,
        due_at=row.due_at,
        epoch=row.epoch,
        cause=row.cause,
        sent_at=row.sent_at,
    )
