"""The checker of a history: what must hold after every run, whoever died in it (I-7 to I-9)."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from bridge.tables import lanes, operations, tasks


def broken_invariants(tx: Connection) -> list[str]:
    """A sentence for each invariant that does not hold, in a database where nothing is due any more."""
    return [*_one_runs_in_a_lane(tx), *_nothing_is_stuck(tx), *_generations_are_in_order(tx)]


def _one_runs_in_a_lane(tx: Connection) -> list[str]:
    running = (
        select(operations.c.tenant_id, func.count().label("total"))
        .where(operations.c.state == "running")
        .group_by(operations.c.tenant_id)
    )
    return [f"I-7: {row.total} operations run in lane {row.tenant_id}" for row in tx.execute(running) if row.total > 1]


def _nothing_is_stuck(tx: Connection) -> list[str]:
    broken = []
    held = select(lanes.c.tenant_id).where(lanes.c.owner.is_not(None))
    broken += [f"I-9: lane {tenant_id} is still held" for (tenant_id,) in tx.execute(held)]
    open_now = select(operations).where(operations.c.finished_at.is_(None))
    for row in tx.execute(open_now).all():
        task = select(tasks.c.id).where(tasks.c.operation_id == row.id, tasks.c.open_key.is_not(None))
        if row.due_at is None and tx.execute(task).one_or_none() is None:
            broken.append(f"I-9: operation {row.id} is {row.state} and nothing brings it forward")
    return broken


def _generations_are_in_order(tx: Connection) -> list[str]:
    broken, last = [], dict[int, int]()
    for row in tx.execute(select(operations).order_by(operations.c.id)):
        if row.generation < last.get(row.service_id, 0):
            broken.append(f"operation {row.id} of service {row.service_id} has generation {row.generation} too late")
        last[row.service_id] = row.generation
    return broken
