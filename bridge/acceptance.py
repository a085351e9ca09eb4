"""Accepting what is asked: once under a key, durable before the answer, waited for as long as the caller waits.

Lifecycle calls, edits of objects and moves all come through here. Each decides what is wanted and appends an operation
in one transaction; what is the same for all of them is in this file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from bridge import settlement
from bridge.app import Bridge
from bridge.asking import Asking, hash_of
from bridge.database import transact
from bridge.errors import Conflict
from bridge.handler import MANUAL
from bridge.once import although_at_once
from bridge.operations import ENDED, Event, Kind, Operation, State, after, gives_way
from bridge.service import Service
from bridge.store import audit, handlers, lanes, mirror, operations, requests, servers, services, tasks
from bridge.store.requests import Request

OBJECTION = "objection"
"""The kind of cause of what only a person can grant."""


@dataclass(frozen=True, slots=True)
class Accepted:
    operation: Operation
    answer: dict[str, Any]
    replayed: bool = False
    wait: bool = False


def ask(bridge: Bridge, asking: Asking, act: Callable[[Connection], Accepted]) -> dict[str, Any]:
    """Commits first, then waits for the worker as long as the caller does. A dry run does it and keeps nothing."""
    if asking.dry_run:
        with bridge.engine.connect() as tx:  # never committed
            return act(tx).answer | {"dry_run": True}
    accepted = although_at_once(bridge.engine, act)
    bridge.bell.ring()
    if accepted.wait:
        return _wait(bridge, accepted.operation, asking.wait_ms)
    return accepted.answer | ({"_meta": {"replayed": True}} if accepted.replayed else {})


# --- once under a key ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """What an idempotency key stands for so far."""

    asking: Asking
    params_hash: str
    operation_id: int | None
    is_known: bool
    """There is a row of it, still valid or over."""


def standing_of(tx: Connection, asking: Asking, moment: datetime) -> Standing:
    """What is known of the caller's key; a Conflict where it stands for something else."""
    known = requests.get(tx, caller=asking.caller, key=asking.key) if asking.key else None
    return standing_for(asking, known, moment)


def standing_for(asking: Asking, known: Request | None, moment: datetime) -> Standing:
    """The same of a key that was looked up already."""
    params_hash = hash_of(asking.params)
    if known is None:
        return Standing(asking, params_hash, None, is_known=False)
    if known.expires_at <= moment:
        return Standing(asking, params_hash, None, is_known=True)
    if (known.method, known.params_hash) != (asking.method, params_hash):
        raise Conflict("this idempotency key was used for something else", kind="idempotency_mismatch")
    return Standing(asking, params_hash, known.operation_id, is_known=True)


def remember(tx: Connection, bridge: Bridge, standing: Standing, operation_id: int, moment: datetime) -> None:
    """From now on the key stands for this operation."""
    asking = standing.asking
    if asking.key is None:
        return
    expires = moment + timedelta(days=bridge.settings.idempotency_days)
    request = Request(asking.method, standing.params_hash, operation_id, None, expires)
    requests.add(tx, caller=asking.caller, key=asking.key, request=request, now=moment, renewed=standing.is_known)


def repeated(first: Operation) -> Accepted:
    """The same under the same key: the stored answer, or where it stands."""
    if first.state not in ENDED:
        raise Conflict(
            f"operation {first.id} is still {first.state}",
            kind="in_progress",
            operation_id=first.id,
            state=first.state.value,
        )
    return Accepted(first, first.answer or {}, replayed=True)


def joined(tx: Connection, bridge: Bridge, asking: Asking, first: Operation, moment: datetime) -> Accepted:
    """Wished again under another key: the first operation answers, tried at once if it was waiting (R-21)."""
    first = operations.get(tx, first.id, lock=True) or first  # as it is now: it may have been cancelled meanwhile
    if first.state in ENDED:
        if first.tenant_id is not None:
            mirror.look_again(tx, first.tenant_id)
        return Accepted(first, first.answer or {})
    if first.state in (State.MANUAL, State.RETRY_WAIT) and _is_automatic(first):
        again = after(first, Event.AGAIN, now=moment)
        first = settlement.change(
            tx, first, again, now=moment, actor=asking.caller, reason="asked again", check_after=check_after(bridge)
        )
        assert first.tenant_id is not None
        lanes.wake(tx, [first.tenant_id], now=moment)
    service = services.get(tx, first.service_id)
    answer = settlement.answer_of(first, service, _domain(tx, first))
    return Accepted(first, answer, wait=first.state in (State.ACCEPTED, State.RUNNING) and asking.wait_ms > 0)


def _is_automatic(operation: Operation) -> bool:
    """A worker can do it: there is a tenant, no department that does it by hand, and nothing for a person to decide."""
    return operation.tenant_id is not None and operation.cause_kind not in (None, OBJECTION)


# --- appending -------------------------------------------------------------------------------------------------------


def append(
    tx: Connection,
    bridge: Bridge,
    asking: Asking,
    service: Service,
    kind: Kind,
    *,
    asked: dict[str, Any],
    moment: datetime,
    server_id: int | None = None,
    by_hand: bool | None = None,
    cause: str | None = None,
    opens_lane: bool = False,
) -> Operation:
    """An operation of a service in its tenant's lane, audited; `by_hand`: a task for a person at once.

    Where the caller does not know it, the handler of the service's product says whether a person does it.
    """
    server_id = service.server_id if server_id is None else server_id
    if by_hand is None:
        by_hand = handlers.driver_of(tx, service.product_id, server_id) == MANUAL
    operation = operations.add(
        tx,
        tenant_id=service.tenant_id,
        service_id=service.service_id,
        server_id=server_id,
        kind=kind,
        generation=service.generation,
        actor=asking.caller,
        asked=asked,
        now=moment,
        late=asking.wait_ms == 0 or by_hand or not _is_working(tx, server_id),
        state=State.MANUAL if by_hand else State.ACCEPTED,
        cause=cause,
        opens_lane=opens_lane,
    )
    if cause is not None:
        operation = replace(operation, cause_kind=OBJECTION)
        operations.save(tx, operation, now=moment)
    audit.add_lines(tx, [settlement.line_of(None, operation, actor=asking.caller)])
    if by_hand:
        settlement.open_task(tx, operation, service, now=moment)
    return operation


def _is_working(tx: Connection, server_id: int | None) -> bool:
    server = servers.get(tx, server_id) if server_id is not None else None
    return server is None or server.is_working


def supersede(
    tx: Connection, bridge: Bridge, actor: str, service: Service, domain: str | None, kind: Kind, moment: datetime
) -> None:
    """Ends what waits for a service and is part of what is wanted now (R-3)."""
    for older in operations.queued(tx, service.service_id):
        if gives_way(older, to=kind) and not _still_to_be_made(service, older, kind):
            ended = after(older, Event.SUPERSEDED, now=moment)
            about = settlement.About(service, domain)
            settlement.change(tx, older, ended, now=moment, actor=actor, check_after=check_after(bridge), about=about)


def _still_to_be_made(service: Service, older: Operation, kind: Kind) -> bool:
    """Nothing of the service is anywhere until a person made it, and only its end or a new order spares him that."""
    return service.tenant_id is None and older.tenant_id is None and kind not in (Kind.TERMINATE, Kind.CREATE)


def accepted(operation: Operation, service: Service, domain: str | None) -> Accepted:
    """What the caller of a new operation is told, if it does not wait for more."""
    answer = settlement.answer_of(operation, service, domain)
    return Accepted(operation, answer, wait=operation.state is State.ACCEPTED and not operation.late)


def check_after(bridge: Bridge) -> timedelta:
    return timedelta(seconds=bridge.settings.announce_check_seconds)


# --- waiting ---------------------------------------------------------------------------------------------------------


def _wait(bridge: Bridge, operation: Operation, wait_ms: int) -> dict[str, Any]:
    """Waits for the end, or for a state in which waiting has no sense; then says how it stands."""
    until = bridge.ticks() + wait_ms / 1000
    heard = bridge.bell.count
    while True:
        answer, decided = transact(bridge.engine, lambda tx: _how_it_stands(tx, operation.id))
        left = until - bridge.ticks()
        if decided or left <= 0:
            break
        heard = bridge.bell.wait(heard, min(left, 0.25))
    if answer["state"] in {state.value for state in ENDED}:
        return answer

    def give_up(tx: Connection) -> dict[str, Any]:
        operations.mark_late(tx, operation.id)
        return _how_it_stands(tx, operation.id)[0]

    return transact(bridge.engine, give_up)


def _how_it_stands(tx: Connection, operation_id: int) -> tuple[dict[str, Any], bool]:
    operation = operations.get(tx, operation_id)
    assert operation is not None
    if operation.state in ENDED:
        return operation.answer or {}, True
    service = services.get(tx, operation.service_id)
    answer = settlement.answer_of(operation, service, _domain(tx, operation))
    if operation.state is State.MANUAL:
        task = tasks.open_of(tx, settlement.task_key(operation.id))
        answer["task_id"] = task.id if task else None
    return answer, operation.state in (State.MANUAL, State.WAITING_PBX, State.RETRY_WAIT)


def _domain(tx: Connection, operation: Operation) -> str | None:
    return mirror.domain_of(tx, operation.tenant_id) if operation.tenant_id is not None else None
