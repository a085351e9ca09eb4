"""Lanes: one for each tenant, held by one worker at a time; what is asked for it is done in the order it was asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, delete, exists, func, insert, or_, select, update

from bridge.database import NOW
from bridge.errors import Conflict
from bridge.operations import QUEUED, Kind, State
from bridge.tables import Utc, lanes, operations

IN_LANE = [state.value for state in (*sorted(QUEUED), State.RUNNING)]
"""The states of what waits or runs in a lane."""


class Lease:
    """A worker's hold on some lanes: who it is, and the epoch each lane was claimed at."""

    __slots__ = ("epochs", "owner")

    def __init__(self, owner: str, epochs: dict[int, int]) -> None:
        self.owner = owner
        self.epochs = epochs


_ADD = insert(lanes).values(owner=None, epoch=0, lease_until=None)


def add(tx: Connection, *, tenant_id: int, server_id: int, due_at: datetime | None = None, generation: int = 0) -> None:
    lane = {"tenant_id": tenant_id, "server_id": server_id, "due_at": due_at, "head_generation": generation}
    tx.execute(_ADD, lane)


def relocate(tx: Connection, tenant_id: int, *, server_id: int) -> None:
    tx.execute(update(lanes).where(lanes.c.tenant_id == tenant_id).values(server_id=server_id))


def remove(tx: Connection, tenant_id: int) -> None:
    tx.execute(delete(lanes).where(lanes.c.tenant_id == tenant_id))


_SOONER = case(
    (or_(lanes.c.due_at.is_(None), lanes.c.due_at > bindparam("moment", type_=Utc)), bindparam("moment", type_=Utc)),
    else_=lanes.c.due_at,
)
_WAKE = update(lanes).where(lanes.c.tenant_id == bindparam("this_tenant")).values(due_at=_SOONER)
_WAKE_FOR = _WAKE.values(head_generation=bindparam("generation"))


def wake(tx: Connection, tenant_ids: Sequence[int], *, now: datetime) -> None:
    """Makes lanes due now, unless they are due already. A Conflict where there is none: nothing would ever come."""
    for tenant_id in tenant_ids:
        if tx.execute(_WAKE, {"this_tenant": tenant_id, "moment": now}).rowcount == 0:
            raise Conflict(f"tenant {tenant_id} is not there any more, so nothing can be done for it", kind="conflict")


def wake_for(tx: Connection, tenant_id: int, *, generation: int, now: datetime) -> None:
    """The same for a new operation, whose generation the lane notes."""
    tx.execute(_WAKE_FOR, {"this_tenant": tenant_id, "moment": now, "generation": generation})


def is_there(tx: Connection, tenant_id: int) -> bool:
    return tx.execute(select(lanes.c.tenant_id).where(lanes.c.tenant_id == tenant_id)).one_or_none() is not None


_BUSY = (
    select(lanes.c.server_id)
    .where(lanes.c.owner.is_not(None), lanes.c.lease_until > bindparam("moment", type_=Utc))
    .group_by(lanes.c.server_id)
    .having(func.count(lanes.c.owner.distinct()) >= bindparam("most"))
)


def claim(tx: Connection, *, owner: str, limit: int, lease: timedelta, now: datetime, per_server: int) -> Lease:
    """Due lanes that nobody holds, taken by writing and committing; work begins only after the commit.

    A worker does its lanes one after the other, so a PBX has as many operations at once as workers hold lanes of it.
    """
    free = and_(lanes.c.due_at <= now, or_(lanes.c.owner.is_(None), lanes.c.lease_until < now))
    busy = [server_id for (server_id,) in tx.execute(_BUSY, {"moment": now, "most": per_server})]
    found = select(lanes.c.tenant_id, lanes.c.epoch).where(free)
    if busy:
        found = found.where(lanes.c.server_id.not_in(busy))
    found = found.order_by(lanes.c.due_at, lanes.c.tenant_id).limit(limit).with_for_update(skip_locked=True)
    taken = {row.tenant_id: row.epoch + 1 for row in tx.execute(found)}
    if taken:
        tx.execute(
            update(lanes)
            .where(lanes.c.tenant_id.in_(taken))
            .values(owner=owner, epoch=lanes.c.epoch + 1, lease_until=now + lease)
        )
    return Lease(owner, taken)


def renew(tx: Connection, lease: Lease, *, until: datetime) -> int:
    """Holds lanes a while longer; fewer than were asked for means that some are lost."""
    kept = 0
    for tenant_id, epoch in lease.epochs.items():
        kept += tx.execute(
            update(lanes).where(*_held(lease.owner, tenant_id, epoch)).values(lease_until=until)
        ).rowcount
    return kept


def hold(tx: Connection, lease: Lease, tenant_id: int) -> bool:
    """Whether the lane is still ours, locked until the transaction ends. If not: stop and write nothing (R-23)."""
    found = select(lanes.c.tenant_id).where(*_held(lease.owner, tenant_id, lease.epochs[tenant_id]))
    return tx.execute(found.with_for_update()).one_or_none() is not None


@dataclass(frozen=True, slots=True)
class Grip:
    """What the one who holds a lane reads before it records: what time it is, and whether the call still waits."""

    moment: datetime
    late: bool


_HOLD = (
    select(NOW.label("moment"), operations.c.late)
    .select_from(lanes.join(operations, operations.c.id == bindparam("this_operation")))
    .where(
        lanes.c.tenant_id == bindparam("this_tenant"),
        lanes.c.owner == bindparam("this_owner"),
        lanes.c.epoch == bindparam("this_epoch"),
    )
    .with_for_update()
)


def grip(tx: Connection, lease: Lease, tenant_id: int, operation_id: int) -> Grip | None:
    """The lane and its operation, locked until the transaction ends; None when the lane is no longer ours (R-23)."""
    mine = {"this_tenant": tenant_id, "this_owner": lease.owner, "this_epoch": lease.epochs[tenant_id]}
    row = tx.execute(_HOLD, mine | {"this_operation": operation_id}).one_or_none()
    return Grip(row.moment, bool(row.late)) if row else None


def hold_unowned(tx: Connection, tenant_id: int) -> bool:
    """Whether no worker has ever claimed the lane without handing it back, held so that none claims it now."""
    row = tx.execute(select(lanes.c.owner).where(lanes.c.tenant_id == tenant_id).with_for_update()).one_or_none()
    return row is not None and row.owner is None


def hold_free(tx: Connection, tenant_id: int) -> bool:
    """Whether no worker has the lane, held so that none takes it before the transaction ends."""
    free = select(lanes.c.tenant_id).where(
        lanes.c.tenant_id == tenant_id, or_(lanes.c.owner.is_(None), lanes.c.lease_until < NOW)
    )
    return tx.execute(free.with_for_update()).one_or_none() is not None


STANDS_ASIDE = case(
    (
        and_(
            operations.c.state == State.WAITING_PBX.value,
            or_(
                operations.c.kind == Kind.CLEAR.value,
                and_(operations.c.kind == Kind.MOVE.value, operations.c.step.is_not(None)),
            ),
        ),
        1,
    ),
    else_=0,
)
"""What waits for a server that its tenant has left keeps nothing waiting that is to be done where it lives now."""


_NEXT_DUE = (
    select(operations.c.due_at)
    .where(operations.c.tenant_id == bindparam("this_tenant"), operations.c.state.in_(IN_LANE))
    .order_by(STANDS_ASIDE, operations.c.id)
    .limit(1)
)
"""When the first operation of a lane wants to run: the first in order, for nothing overtakes in a lane."""


def next_due(tx: Connection, tenant_id: int) -> datetime | None:
    row = tx.execute(_NEXT_DUE, {"this_tenant": tenant_id}).one_or_none()
    return row.due_at if row else None


_RELEASE = (
    update(lanes)
    .where(
        lanes.c.tenant_id == bindparam("this_tenant"),
        lanes.c.owner == bindparam("this_owner"),
        lanes.c.epoch == bindparam("this_epoch"),
    )
    .values(owner=None, lease_until=None, due_at=_NEXT_DUE.scalar_subquery())
)


def release(tx: Connection, lease: Lease, tenant_id: int) -> bool:
    """Hands a lane back, due again when its next operation is."""
    mine = {"this_tenant": tenant_id, "this_owner": lease.owner, "this_epoch": lease.epochs[tenant_id]}
    return tx.execute(_RELEASE, mine).rowcount == 1


def forgotten(tx: Connection, *, lease: timedelta) -> list[int]:
    """Operations in a lane that nothing brings forward in time, though nobody holds the lane (I-9). Always none.

    Without a due time of their own, without a lane, or first in a lane that is never due or due later than they are.
    """
    lane = operations.outerjoin(lanes, lanes.c.tenant_id == operations.c.tenant_id)
    leased = and_(lanes.c.owner.is_not(None), func.coalesce(lanes.c.lease_until > NOW, False))
    others = operations.alias("others")
    ahead = exists().where(
        others.c.tenant_id == operations.c.tenant_id, others.c.state.in_(IN_LANE), others.c.id < operations.c.id
    )
    timeless = and_(operations.c.due_at.is_(None), operations.c.state != State.RUNNING.value)
    asleep = and_(STANDS_ASIDE == 0, ~ahead, or_(lanes.c.due_at.is_(None), lanes.c.due_at > operations.c.due_at))
    stuck = select(operations.c.id).select_from(lane).where(operations.c.state.in_(IN_LANE))
    found = stuck.where(or_(lanes.c.tenant_id.is_(None), and_(~leased, or_(timeless, asleep))))
    return [operation_id for (operation_id,) in tx.execute(found.order_by(operations.c.id))]


def _held(owner: str, tenant_id: int, epoch: int) -> tuple[Any, ...]:
    return (lanes.c.tenant_id == tenant_id, lanes.c.owner == owner, lanes.c.epoch == epoch)
