"""What a person does with an operation and its task: look, claim, hand on, try again, complete, cancel.

Everything is kept with the name of who did it and why. Completing by hand is believed only when the PBX shows it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from bridge import by_hand, once, services, settlement, undoing
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import now, transact
from bridge.errors import Conflict, NotFound
from bridge.operations import Event, Kind, Operation, State, after
from bridge.store import audit, lanes, mirror, operations, requests, tasks
from bridge.store import services as service_store
from bridge.store.tasks import CANCELLED, COMPLETED, Task


def operation(bridge: Bridge, *, operation_id: int | None, caller: str, key: str | None) -> dict[str, Any]:
    """By its number, or by the key it was asked for under: how a caller who lost the answer finds out."""

    def act(tx: Connection) -> dict[str, Any]:
        number = operation_id
        if number is None and key is not None:
            number = requests.find_operation(tx, caller=caller, key=key)
        found = operations.get(tx, number) if number is not None else None
        if found is None:
            raise NotFound("there is no such operation")
        held = service_store.get(tx, found.service_id)
        domain = mirror.domain_of(tx, found.tenant_id) if found.tenant_id is not None else None
        task = tasks.open_of(tx, settlement.task_key(found.id))
        return services.operation_answer(found) | {
            "step": found.step.value if found.step else None,
            "cause_kind": found.cause_kind,
            "asked": undoing.told(found.asked),
            "task_id": task.id if task else None,
            "service": settlement.service_answer(held, domain) if held else {"service_id": found.service_id},
            "history": audit.of_subject(tx, f"operation:{found.id}"),
        }

    return transact(bridge.engine, act)


def listed_operations(
    bridge: Bridge,
    *,
    states: list[str] | None,
    service_id: int | None,
    server_id: int | None,
    before: int | None,
    limit: int,
) -> dict[str, Any]:
    def act(tx: Connection) -> dict[str, Any]:
        found = operations.listed(
            tx,
            states=[State(each) for each in states] if states is not None else None,
            service_id=service_id,
            server_id=server_id,
            before=before,
            limit=limit,
        )
        return {
            "operations": [services.operation_answer(each) for each in found],
            "counts": operations.count_by_state(tx),
            "before": found[-1].id if len(found) == limit else None,
        }

    return transact(bridge.engine, act)


def retry(bridge: Bridge, asking: Asking, operation_id: int, reason: str) -> dict[str, Any]:
    """At once, with a fresh count of attempts."""

    def act(tx: Connection) -> dict[str, Any]:
        held = _locked(tx, operation_id)
        if held.tenant_id is None:
            raise Conflict(
                f"operation {operation_id} has no tenant on a server to try it on; complete or cancel it",
                operation_id=operation_id,
            )
        moment = now(tx)
        again = _change(tx, bridge, asking, held, Event.AGAIN, reason)
        tasks.close(
            tx, settlement.task_key(operation_id), state=COMPLETED, by=asking.caller, reason=reason or "tried again"
        )
        lanes.wake(tx, [held.tenant_id], now=moment)
        return {"operation_id": again.id, "state": again.state.value}

    answer = once.write(bridge, asking, act)
    bridge.bell.ring()
    return answer


def cancel(bridge: Bridge, asking: Asking, operation_id: int, reason: str) -> dict[str, Any]:
    """Not to be done any more; what it wished is not wanted any more either."""

    def act(tx: Connection) -> dict[str, Any]:
        # The service first: whoever asks for one takes them in that order, too.
        service = service_store.get(tx, _found(tx, operation_id).service_id, lock=True)
        held = _locked(tx, operation_id)
        wished = after(held, Event.CANCELLED, now=now(tx))
        if service is not None:
            undoing.undo(tx, bridge, service, wished, now(tx))
        cancelled = _change(tx, bridge, asking, held, Event.CANCELLED, reason)
        if held.tenant_id is not None and lanes.next_due(tx, held.tenant_id) is not None:
            lanes.wake(tx, [held.tenant_id], now=now(tx))  # what stood behind it may be due
        return {"operation_id": cancelled.id, "state": cancelled.state.value}

    answer = once.write(bridge, asking, act)
    bridge.bell.ring()
    return answer


def complete(
    bridge: Bridge, asking: Asking, operation_id: int, *, reason: str, server_id: int | None, domain: str | None
) -> dict[str, Any]:
    """Done by hand. What the person says is there is looked for on the PBX first; not finding it changes nothing."""
    if transact(bridge.engine, lambda tx: _is_repeated(tx, asking)):
        return once.write(bridge, asking, _nothing_twice)
    held, claim = transact(bridge.engine, lambda tx: _claimed(tx, bridge, operation_id, server_id, domain))
    seen = by_hand.verified(bridge, held, claim, dry_run=asking.dry_run) if claim is not None else None

    def act(tx: Connection) -> dict[str, Any]:
        service_store.get(tx, held.service_id, lock=True)
        mine = by_hand.located(tx, _locked(tx, operation_id))
        after(mine, Event.SETTLED, now=now(tx))
        if claim is not None and mine.tenant_id is None:
            mine = by_hand.take_in(tx, bridge, mine, claim)
        if mine.tenant_id is not None:
            by_hand.record(tx, bridge, mine.tenant_id, seen)
        done = _change(tx, bridge, asking, replace(mine, late=True), Event.SETTLED, reason)
        return {"operation_id": done.id, "state": done.state.value}

    answer = once.write(bridge, asking, act)
    bridge.bell.ring()
    return answer


# --- tasks -----------------------------------------------------------------------------------------------------------


def listed(
    bridge: Bridge, *, states: list[str], department: str | None, before: int | None, limit: int
) -> dict[str, Any]:
    def act(tx: Connection) -> dict[str, Any]:
        found = tasks.listed(tx, states=states, department=department, before=before, limit=limit)
        return {"tasks": [task_answer(each) for each in found], "before": found[-1].id if len(found) == limit else None}

    return transact(bridge.engine, act)


def claim(
    bridge: Bridge, asking: Asking, task_id: int, *, assignee: str | None, department: str | None
) -> dict[str, Any]:
    """Takes a task, or hands it to another person or department."""

    def act(tx: Connection) -> dict[str, Any]:
        before = _open_task(tx, task_id)
        if department is not None:
            tasks.assign(tx, task_id, department=department)
        if assignee is not None or department is None:
            tasks.claim(tx, task_id, assignee=assignee or asking.caller)
        held = tasks.get(tx, task_id)
        assert held is not None
        audit.add(
            tx,
            actor=asking.caller,
            action="task.claim",
            subject=f"task:{task_id}",
            before={"department": before.department, "assignee": before.assignee},
            after={"department": held.department, "assignee": held.assignee},
        )
        return task_answer(held)

    return once.write(bridge, asking, act)


def close(
    bridge: Bridge,
    asking: Asking,
    task_id: int,
    *,
    outcome: str,
    reason: str,
    server_id: int | None,
    domain: str | None,
) -> dict[str, Any]:
    """Ends a task: its operation completed, tried again or cancelled; a task without one is simply done."""
    held = transact(bridge.engine, lambda tx: tasks.get(tx, task_id))
    if held is None:
        raise NotFound(f"there is no task {task_id}", task_id=task_id)
    if held.operation_id is not None and transact(bridge.engine, lambda tx: _is_repeated(tx, asking)):
        return once.write(bridge, asking, _nothing_twice) | {"task_id": task_id}
    if held.operation_id is not None and held.is_open:
        number = held.operation_id
        if outcome == "retry":
            done = retry(bridge, asking, number, reason)
        elif outcome == "cancel":
            done = cancel(bridge, asking, number, reason)
        else:
            done = complete(bridge, asking, number, reason=reason, server_id=server_id, domain=domain)
        return done | {"task_id": task_id}
    if outcome == "retry":
        raise Conflict(f"task {task_id} has no operation to try again", task_id=task_id)

    def act(tx: Connection) -> dict[str, Any]:
        mine = _open_task(tx, task_id)
        state = COMPLETED if outcome == "done" else CANCELLED
        assert mine.open_key is not None
        tasks.close(tx, mine.open_key, state=state, by=asking.caller, reason=reason)
        audit.add(
            tx,
            actor=asking.caller,
            action=f"task.{state}",
            subject=f"task:{task_id}",
            after={"state": state},
            reason=reason,
        )
        return {"task_id": task_id, "state": state}

    return once.write(bridge, asking, act)


def task_answer(task: Task) -> dict[str, Any]:
    return {
        "task_id": task.id,
        "kind": task.kind,
        "department": task.department,
        "title": task.title,
        "cause": task.cause,
        "suggestion": task.suggestion,
        "state": task.state,
        "assignee": task.assignee,
        "operation_id": task.operation_id,
        "service_id": task.service_id,
        "server_id": task.server_id,
        "details": task.details,
        "created_at": task.created_at.isoformat(),
        "escalated_at": task.escalated_at.isoformat() if task.escalated_at else None,
        "closed_at": task.closed_at.isoformat() if task.closed_at else None,
        "closed_by": task.closed_by,
        "closed_reason": task.closed_reason,
    }


# --- changing --------------------------------------------------------------------------------------------------------


def _is_repeated(tx: Connection, asking: Asking) -> bool:
    """The key is known: then the stored answer is given, and nobody outside is asked anything."""
    if asking.key is None or asking.dry_run:
        return False
    known = requests.get(tx, caller=asking.caller, key=asking.key)
    return known is not None and known.expires_at > now(tx)


def _nothing_twice(tx: Connection) -> dict[str, Any]:
    raise Conflict("this idempotency key has just expired; ask again under another")


def _claimed(
    tx: Connection, bridge: Bridge, operation_id: int, server_id: int | None, domain: str | None
) -> tuple[Operation, by_hand.Claim | None]:
    """The operation that may be completed, and what is said of it."""
    held = by_hand.located(tx, _found(tx, operation_id))
    after(held, Event.SETTLED, now=now(tx))
    if held.kind in (Kind.MOVE, Kind.CLEAR):
        raise Conflict(
            f"operation {operation_id} is between two servers; retry or cancel it, it looks at both by itself",
            operation_id=operation_id,
        )
    return held, by_hand.claimed(tx, bridge, held, server_id=server_id, domain=domain)


def _change(tx: Connection, bridge: Bridge, asking: Asking, held: Operation, event: Event, reason: str) -> Operation:
    moment = now(tx)
    return settlement.change(
        tx,
        held,
        after(held, event, now=moment),
        now=moment,
        actor=asking.caller,
        reason=reason,
        check_after=timedelta(seconds=bridge.settings.announce_check_seconds),
    )


def _found(tx: Connection, operation_id: int) -> Operation:
    held = operations.get(tx, operation_id)
    if held is None:
        raise NotFound(f"there is no operation {operation_id}", operation_id=operation_id)
    return held


def _locked(tx: Connection, operation_id: int) -> Operation:
    held = operations.get(tx, operation_id, lock=True)
    if held is None:
        raise NotFound(f"there is no operation {operation_id}", operation_id=operation_id)
    return held


def _open_task(tx: Connection, task_id: int) -> Task:
    held = tasks.get(tx, task_id, lock=True)
    if held is None:
        raise NotFound(f"there is no task {task_id}", task_id=task_id)
    if not held.is_open:
        raise Conflict(f"task {task_id} is {held.state}", task_id=task_id)
    return held
