"""The life of an operation: what happens next, and when. Pure.

accepted ──claimed──> running ──done──> succeeded
   ^<────── further ─────┤ one step of several is done
   ^                     │
   │<── retry_wait <─────┤ failed, not too often
   │<── waiting_pbx <────┤ the PBX is out of reach; the time is counted apart from the attempts
   │                     '──> manual    refused, failed too often, or out of reach too long
   │<─────── again ───────────────┤
   │                              ├──> succeeded   a person did it and we saw that it is so
   │                              '──> cancelled   a person decided against it
   '──> superseded    a newer wish for the same service, unless something was already being destroyed
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from bridge.errors import BridgeError, Conflict, NotReached, OutcomeUnknown, Refused


class State(StrEnum):
    ACCEPTED = "accepted"
    RUNNING = "running"
    RETRY_WAIT = "retry_wait"
    WAITING_PBX = "waiting_pbx"
    MANUAL = "manual"
    SUCCEEDED = "succeeded"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


QUEUED = frozenset({State.ACCEPTED, State.RETRY_WAIT, State.WAITING_PBX})
OPEN = QUEUED | {State.RUNNING, State.MANUAL}
ENDED = frozenset(State) - OPEN


class Kind(StrEnum):
    """What was asked. Whatever it is, a worker makes the PBX match what is wanted now."""

    CREATE = "create"
    SUSPEND = "suspend"
    UNSUSPEND = "unsuspend"
    TERMINATE = "terminate"
    RENEW = "renew"
    CHANGE_PACKAGE = "change_package"
    CHANGE_PASSWORD = "change_password"  # noqa: S105 the name of a wish, not a secret
    EDIT = "edit"
    MOVE = "move"
    REPAIR = "repair"
    PURGE = "purge"
    """Delete a tenant whose retention is over."""
    CLEAR = "clear"
    """Delete what a move left on the old server."""


DESTRUCTIVE = frozenset({Kind.PURGE, Kind.CLEAR})
"""These delete on the PBX, so a newer wish does not take their place once they have begun."""

OURS = frozenset({Kind.EDIT, Kind.REPAIR, Kind.MOVE, Kind.PURGE, Kind.CLEAR})
"""What WHMCS does not ask for."""

_ADJUSTING = frozenset({Kind.EDIT, Kind.REPAIR})
"""These only bring a PBX to what is wanted of it, which every later operation of the service does as well."""

_LASTING = frozenset({Kind.MOVE, Kind.CLEAR})
"""These do what no other operation does, so nothing takes their place."""


def gives_way(older: Operation, *, to: Kind) -> bool:
    """Whether a newer operation of the same service does all that an older one still has to do."""
    if older.destructive or older.kind in _LASTING:
        return False
    return to not in _ADJUSTING or older.kind in _ADJUSTING


class Step(StrEnum):
    """What a worker does for an operation, in this order; each looks, changes what differs, and looks again."""

    MATCH = "match"
    """Make the tenant as it is wanted; of a move, on the new server."""
    RETIRE = "retire"
    """Switch off what a move leaves on the old server."""
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Operation:
    id: int
    service_id: int
    kind: Kind
    generation: int
    state: State
    created_at: datetime
    tenant_id: int | None = None
    server_id: int | None = None
    step: Step | None = None
    """The last step that was finished."""
    destructive: bool = False
    """A destructive step has begun."""
    attempts: int = 0
    due_at: datetime | None = None
    waiting_since: datetime | None = None
    cause: str | None = None
    cause_kind: str | None = None
    late: bool = False
    """Its call returned before it ended, so WHMCS has yet to hear."""
    actor: str = ""
    asked: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    retry: timedelta = timedelta(minutes=5)
    attempts_max: int = 5
    outage_max: timedelta = timedelta(hours=24)


class Event(StrEnum):
    """What can happen to an operation, apart from trouble."""

    CLAIMED = "claimed"
    FURTHER = "further"
    DONE = "done"
    LEASE_LOST = "lease_lost"
    SUPERSEDED = "superseded"
    AGAIN = "again"
    SETTLED = "settled"
    CANCELLED = "cancelled"


_FROM: dict[Event, frozenset[State]] = {
    Event.CLAIMED: QUEUED | {State.RUNNING},
    Event.FURTHER: frozenset({State.RUNNING}),
    Event.DONE: frozenset({State.RUNNING}),
    Event.LEASE_LOST: frozenset({State.RUNNING}),
    Event.SUPERSEDED: QUEUED | {State.MANUAL},
    Event.AGAIN: QUEUED | {State.MANUAL},
    Event.SETTLED: QUEUED | {State.MANUAL},
    Event.CANCELLED: QUEUED | {State.MANUAL},
}


def after(operation: Operation, event: Event, *, now: datetime) -> Operation:
    """The operation once `event` has happened to it; a Conflict where it cannot happen."""
    if operation.state not in _FROM[event]:
        kind = "superseded" if operation.state is State.SUPERSEDED else "conflict"
        raise Conflict(
            f"operation {operation.id} is {operation.state}, so it cannot be {_WORDS[event]}",
            kind=kind,
            operation_id=operation.id,
        )
    if event is Event.SUPERSEDED and operation.destructive:
        raise Conflict(f"operation {operation.id} has begun to remove things", operation_id=operation.id)

    match event:
        case Event.CLAIMED:
            return replace(operation, state=State.RUNNING, due_at=None)
        case Event.LEASE_LOST:
            return replace(operation, state=State.ACCEPTED, due_at=now)
        case Event.FURTHER:
            return replace(operation, state=State.ACCEPTED, due_at=now, attempts=0, waiting_since=None)
        case Event.AGAIN:
            return replace(operation, state=State.ACCEPTED, due_at=now, waiting_since=None, attempts=0)
        case Event.DONE | Event.SETTLED:
            return _ended(replace(operation, cause=None, cause_kind=None), State.SUCCEEDED, now)
        case Event.SUPERSEDED:
            return _ended(operation, State.SUPERSEDED, now)
        case Event.CANCELLED:
            return _ended(operation, State.CANCELLED, now)


_WORDS = {
    Event.CLAIMED: "begun",
    Event.FURTHER: "taken further",
    Event.DONE: "finished",
    Event.LEASE_LOST: "handed back",
    Event.SUPERSEDED: "superseded",
    Event.AGAIN: "tried again",
    Event.SETTLED: "completed by hand",
    Event.CANCELLED: "cancelled",
}


def after_trouble(
    operation: Operation, trouble: BridgeError, *, now: datetime, rules: Rules, jitter: timedelta
) -> Operation:
    """What an attempt that went wrong leads to: later, when the PBX is back, or a task for a person."""
    if operation.state is not State.RUNNING:
        raise Conflict(f"operation {operation.id} is {operation.state}, so it cannot fail", operation_id=operation.id)
    told = replace(operation, cause=str(trouble)[:500], cause_kind=cause_kind_of(trouble))

    if isinstance(trouble, Refused):
        return _manual(told)
    if isinstance(trouble, NotReached):
        since = operation.waiting_since or now
        if now - since >= rules.outage_max:
            return _manual(told)
        return replace(told, state=State.WAITING_PBX, waiting_since=since, due_at=since + rules.outage_max)
    attempts = operation.attempts + 1
    if attempts >= rules.attempts_max:
        return _manual(replace(told, attempts=attempts))
    return replace(
        told, state=State.RETRY_WAIT, attempts=attempts, waiting_since=None, due_at=now + rules.retry + jitter
    )


def cause_kind_of(trouble: BridgeError) -> str:
    """The word that decides: unreachable waits, refused asks a person, unknown and transient are tried again."""
    if isinstance(trouble, NotReached):
        return "unreachable"
    if isinstance(trouble, OutcomeUnknown):
        return "unknown"
    if isinstance(trouble, Refused):
        return "refused"
    return "transient"


def _manual(operation: Operation) -> Operation:
    return replace(operation, state=State.MANUAL, due_at=None)


def _ended(operation: Operation, state: State, now: datetime) -> Operation:
    return replace(operation, state=state, due_at=None, waiting_since=None, finished_at=now)
