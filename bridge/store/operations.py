"""Operations: everything that was asked, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, insert, or_, select, update

from bridge.operations import QUEUED, Kind, Operation, State, Step
from bridge.store import lanes
from bridge.tables import operations

_OPEN = [*lanes.IN_LANE, State.MANUAL.value]

_ADD = insert(operations).values(destructive=0, attempts=0)


def add(
    tx: Connection,
    *,
    tenant_id: int | None,
    service_id: int,
    server_id: int | None,
    kind: Kind,
    generation: int,
    actor: str,
    asked: dict[str, Any],
    now: datetime,
    late: bool,
    state: State = State.ACCEPTED,
    cause: str | None = None,
    opens_lane: bool = False,
) -> Operation:
    """A new operation. Its lane is due at once; `opens_lane`: the tenant is new and has none yet."""
    due = now if state is State.ACCEPTED else None
    row = {
        "tenant_id": tenant_id,
        "service_id": service_id,
        "server_id": server_id,
        "kind": kind.value,
        "generation": generation,
        "state": state.value,
        "due_at": due,
        "asked": asked,
        "cause": cause,
        "cause_kind": "refused" if cause else None,
        "late": int(late),
        "actor": actor[:128],
        "created_at": now,
        "updated_at": now,
    }
    key = tx.execute(_ADD, row).inserted_primary_key
    assert key is not None
    if tenant_id is not None and opens_lane:
        assert server_id is not None
        lanes.add(tx, tenant_id=tenant_id, server_id=server_id, due_at=due, generation=generation)
    elif tenant_id is not None and state is State.ACCEPTED:
        lanes.wake_for(tx, tenant_id, generation=generation, now=now)
    return Operation(
        id=key[0],
        service_id=service_id,
        kind=kind,
        generation=generation,
        state=state,
        created_at=now,
        tenant_id=tenant_id,
        server_id=server_id,
        due_at=due,
        cause=cause,
        cause_kind="refused" if cause else None,
        late=late,
        actor=actor[:128],
        asked=asked,
    )


def get(tx: Connection, operation_id: int, *, lock: bool = False) -> Operation | None:
    found = select(operations).where(operations.c.id == operation_id)
    row = tx.execute(found.with_for_update() if lock else found).one_or_none()
    return operation_from(row) if row else None


def latest(tx: Connection, service_id: int) -> Operation | None:
    """The last thing WHMCS asked for a service."""
    ours = (Kind.EDIT, Kind.REPAIR, Kind.MOVE, Kind.PURGE, Kind.CLEAR)
    wished = [kind.value for kind in Kind if kind not in ours]
    found = select(operations).where(operations.c.service_id == service_id, operations.c.kind.in_(wished))
    row = tx.execute(found.order_by(operations.c.id.desc()).limit(1)).one_or_none()
    return operation_from(row) if row else None


_QUEUED = (
    select(operations.c.id)
    .where(
        operations.c.service_id == bindparam("this_service"),
        operations.c.state.in_([*(state.value for state in sorted(QUEUED)), State.MANUAL.value]),
    )
    .order_by(operations.c.id)
    .with_for_update()
)


def queued(tx: Connection, service_id: int) -> list[Operation]:
    """What still waits for a service, oldest first, held until the transaction ends."""
    found = tx.execute(_QUEUED, {"this_service": service_id}).scalars().all()
    if not found:
        return []  # nearly always, and then the many columns of an operation were not asked for
    rows = tx.execute(select(operations).where(operations.c.id.in_(found)).order_by(operations.c.id))
    return [operation_from(row) for row in rows]


def of_service(tx: Connection, service_id: int, limit: int = 20) -> list[Operation]:
    found = select(operations).where(operations.c.service_id == service_id)
    return [operation_from(row) for row in tx.execute(found.order_by(operations.c.id.desc()).limit(limit))]


def listed(
    tx: Connection,
    *,
    states: Iterable[State] | None = None,
    service_id: int | None = None,
    server_id: int | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Operation]:
    """A page, newest first; `before` is the id the page before this one ended with."""
    found = select(operations)
    if states is not None:
        found = found.where(operations.c.state.in_([state.value for state in states]))
    if service_id is not None:
        found = found.where(operations.c.service_id == service_id)
    if server_id is not None:
        found = found.where(operations.c.server_id == server_id)
    if before is not None:
        found = found.where(operations.c.id < before)
    return [operation_from(row) for row in tx.execute(found.order_by(operations.c.id.desc()).limit(limit))]


def count_by_state(tx: Connection) -> dict[str, int]:
    return {
        row.state: row.total
        for row in tx.execute(select(operations.c.state, func.count().label("total")).group_by(operations.c.state))
    }


def open_services(tx: Connection, service_ids: Sequence[int]) -> set[int]:
    """Services for which something is under way or waits for a person."""
    mine = operations.c.service_id.in_(service_ids) & operations.c.state.in_(_OPEN)
    return {service_id for (service_id,) in tx.execute(select(operations.c.service_id).where(mine).distinct())}


def open_tenants(tx: Connection, tenant_ids: Sequence[int]) -> set[int]:
    mine = operations.c.tenant_id.in_(tenant_ids) & operations.c.state.in_(_OPEN)
    return {tenant_id for (tenant_id,) in tx.execute(select(operations.c.tenant_id).where(mine).distinct())}


def last_of_tenants(tx: Connection, tenant_ids: Sequence[int]) -> dict[int, int]:
    """The number of each tenant's last operation: the same later means that nothing happened to it through us."""
    mine = select(operations.c.tenant_id, func.max(operations.c.id).label("last"))
    found = mine.where(operations.c.tenant_id.in_(tenant_ids)).group_by(operations.c.tenant_id)
    return {row.tenant_id: row.last for row in tx.execute(found)}


def last_of_kinds(
    tx: Connection, tenant_id: int, kinds: Iterable[Kind], *, server_id: int | None = None
) -> Operation | None:
    """The last operation of a tenant among some kinds, on one server where one is named."""
    wished = [kind.value for kind in kinds]
    found = select(operations).where(operations.c.tenant_id == tenant_id, operations.c.kind.in_(wished))
    if server_id is not None:
        found = found.where(operations.c.server_id == server_id)
    row = tx.execute(found.order_by(operations.c.id.desc()).limit(1)).one_or_none()
    return operation_from(row) if row else None


def is_untouched(tx: Connection, tenant_id: int) -> bool:
    """Whether staff asked nothing of a tenant, and no attempt is under way or ended without an answer: it may have
    done something."""
    touching = or_(
        operations.c.kind.in_([each.value for each in (Kind.EDIT, Kind.MOVE, Kind.PURGE, Kind.CLEAR)]),
        operations.c.state == State.RUNNING.value,
        operations.c.cause_kind.in_(["unknown", "transient"]),
        operations.c.attempts > 0,
    )
    found = select(operations.c.id).where(operations.c.tenant_id == tenant_id, touching)
    return tx.execute(found.limit(1)).one_or_none() is None


def services_touched_by(tx: Connection, actor: str, *, since: datetime) -> set[int]:
    mine = select(operations.c.service_id).where(operations.c.actor == actor, operations.c.created_at >= since)
    return {service_id for (service_id,) in tx.execute(mine.distinct())}


def in_lanes(tx: Connection, tenant_ids: Sequence[int]) -> dict[int, list[Operation]]:
    """Everything that waits or runs in some lanes, in order."""
    found = select(operations).where(operations.c.tenant_id.in_(tenant_ids), operations.c.state.in_(lanes.IN_LANE))
    lined_up: dict[int, list[Operation]] = {tenant_id: [] for tenant_id in tenant_ids}
    for row in tx.execute(found.order_by(lanes.STANDS_ASIDE, operations.c.id)):
        lined_up[row.tenant_id].append(operation_from(row))
    return lined_up


def hold_idle(tx: Connection, tenant_id: int) -> bool:
    """Whether nothing is under way for a tenant, held so that nothing begins before the transaction ends."""
    return lanes.hold_unowned(tx, tenant_id) and not open_tenants(tx, [tenant_id])


def wake_server(tx: Connection, server_id: int, *, now: datetime) -> int:
    """Everything that waited for a PBX is due now, in the order it was asked for."""
    waiting = and_(operations.c.server_id == server_id, operations.c.state == State.WAITING_PBX.value)
    tenants = select(operations.c.tenant_id).where(waiting).distinct()
    found = [tenant_id for (tenant_id,) in tx.execute(tenants)]
    if found:
        tx.execute(
            update(operations)
            .where(waiting)
            .values(state=State.ACCEPTED.value, due_at=now, waiting_since=None, updated_at=now)
        )
        lanes.wake(tx, found, now=now)
    return len(found)


def awaited_servers(tx: Connection) -> list[int]:
    """Servers that something waits for."""
    waiting = operations.c.state == State.WAITING_PBX.value
    found = select(operations.c.server_id).where(waiting, operations.c.server_id.is_not(None)).distinct()
    return sorted(server_id for (server_id,) in tx.execute(found))


def is_moving(tx: Connection, tenant_id: int) -> Operation | None:
    """The open operation that moves a tenant, or deletes what a move left."""
    kinds = [Kind.MOVE.value, Kind.CLEAR.value]
    mine = select(operations).where(operations.c.tenant_id == tenant_id, operations.c.state.in_(_OPEN))
    row = tx.execute(mine.where(operations.c.kind.in_(kinds)).order_by(operations.c.id).limit(1)).one_or_none()
    return operation_from(row) if row else None


def relocate(tx: Connection, tenant_id: int, *, from_server_id: int, to_server_id: int) -> None:
    """What is still to be done for a tenant is done where it lives now."""
    going_along = and_(
        operations.c.tenant_id == tenant_id,
        operations.c.server_id == from_server_id,
        operations.c.state.in_(_OPEN),
        operations.c.kind.not_in([Kind.MOVE.value, Kind.CLEAR.value]),
    )
    tx.execute(update(operations).where(going_along).values(server_id=to_server_id))


_SAVE = update(operations).where(operations.c.id == bindparam("this_id"))


def save(tx: Connection, operation: Operation, *, now: datetime) -> None:
    tx.execute(_SAVE, {"this_id": operation.id, **_changing(operation, now)})


def held(tx: Connection, operation_ids: Iterable[int]) -> dict[int, Operation]:
    """Operations as they are, held until the transaction ends: whoever cancels one comes before or after us."""
    found = select(operations).where(operations.c.id.in_(sorted(operation_ids)))
    return {row.id: operation_from(row) for row in tx.execute(found.with_for_update())}


def save_running(tx: Connection, operation_ids: Sequence[int], *, now: datetime) -> None:
    running = {"state": State.RUNNING.value, "due_at": None, "updated_at": now}
    tx.execute(update(operations).where(operations.c.id.in_(operation_ids)).values(running))


def mark_late(tx: Connection, operation_id: int) -> bool:
    """Says that the call of an operation returns before its end. False when it has ended: then it is not late."""
    held = get(tx, operation_id, lock=True)
    if held is None or held.state in (State.SUCCEEDED, State.SUPERSEDED, State.CANCELLED):
        return False
    tx.execute(update(operations).where(operations.c.id == operation_id).values(late=1))
    return True


def _changing(operation: Operation, now: datetime) -> dict[str, Any]:
    return {
        "tenant_id": operation.tenant_id,
        "server_id": operation.server_id,
        "state": operation.state.value,
        "step": operation.step.value if operation.step else None,
        "destructive": int(operation.destructive),
        "attempts": operation.attempts,
        "due_at": operation.due_at,
        "waiting_since": operation.waiting_since,
        "cause": operation.cause,
        "cause_kind": operation.cause_kind,
        "answer": operation.answer,
        "updated_at": now,
        "finished_at": operation.finished_at,
    }


def operation_from(row: Row[Any]) -> Operation:
    return Operation(
        id=row.id,
        service_id=row.service_id,
        kind=Kind(row.kind),
        generation=row.generation,
        state=State(row.state),
        created_at=row.created_at,
        tenant_id=row.tenant_id,
        server_id=row.server_id,
        step=Step(row.step) if row.step else None,
        destructive=bool(row.destructive),
        attempts=row.attempts,
        due_at=row.due_at,
        waiting_since=row.waiting_since,
        cause=row.cause,
        cause_kind=row.cause_kind,
        late=bool(row.late),
        actor=row.actor,
        asked=row.asked,
        answer=row.answer,
        finished_at=row.finished_at,
    )
