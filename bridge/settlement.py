"""What a change of an operation brings with it: its audit line, its task, its answer, and the word to WHMCS.

It is written in the transaction of the change itself. What changes many operations at once, with nothing to tell of
any (a claim, a wake-up when a PBX is back), is a question of the store's own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from bridge import undoing
from bridge.operations import ENDED, Kind, Operation, State
from bridge.people import summons
from bridge.service import Service
from bridge.store import announcements, audit, mirror, operations, services, tasks
from bridge.wanted import Status

WORKER = "bridge"
"""Who did it, where no person did."""

TOLD = frozenset({Kind.CREATE, Kind.SUSPEND, Kind.UNSUSPEND, Kind.TERMINATE, Kind.CHANGE_PACKAGE, Kind.RENEW})
"""What ends in a status that WHMCS has to show."""

IN_WHMCS = {Status.ACTIVE: "Active", Status.SUSPENDED: "Suspended", Status.TERMINATED: "Terminated"}


@dataclass(frozen=True, slots=True)
class About:
    """What an operation is about, where the caller knows it already."""

    service: Service | None
    domain: str | None


def task_key(operation_id: int) -> str:
    return f"operation:{operation_id}"


def change(
    tx: Connection,
    before: Operation,
    after: Operation,
    *,
    now: datetime,
    actor: str = WORKER,
    reason: str | None = None,
    check_after: timedelta,
    about: About | None = None,
) -> Operation:
    """Records that an operation is now `after`. Answers it as recorded, its answer included."""
    if about is None or about.service is None:
        about = About(services.get(tx, after.service_id), _domain(tx, after))
    service = about.service
    if after.state in ENDED:
        after = replace(after, answer=answer_of(after, service, about.domain))
    operations.save(tx, after, now=now)
    audit.add_lines(tx, [line_of(before, after, actor=actor, reason=reason)])
    if after.state is State.MANUAL and before.state is not State.MANUAL:
        open_task(tx, after, service, now=now)
    if after.state in ENDED and (before.state is State.MANUAL or before.cause is not None):
        _close_task(tx, after, actor, reason)
    if after.state is State.SUCCEEDED and service is not None and after.kind in TOLD:
        due = now if before.late else now + check_after
        status = IN_WHMCS[service.status]
        announcements.add(tx, service_id=service.service_id, operation_id=after.id, status=status, due_at=due, now=now)
    return after


def line_of(before: Operation | None, after: Operation, *, actor: str, reason: str | None = None) -> audit.Line:
    told: dict[str, Any] = {"state": after.state.value}
    if after.cause:
        told["cause"] = after.cause
    if after.attempts:
        told["attempts"] = after.attempts
    if after.step:
        told["step"] = after.step.value
    if before is None:
        told |= {"kind": after.kind.value, "service_id": after.service_id, "generation": after.generation}
    return audit.Line(
        actor=actor,
        action=f"operation.{after.state}",
        subject=f"operation:{after.id}",
        before={"state": before.state.value} if before else None,
        after=told,
        reason=reason,
    )


def answer_of(operation: Operation, service: Service | None, domain: str | None) -> dict[str, Any]:
    """What a lifecycle call is told, now or when it asks again."""
    told: dict[str, Any] = {
        "operation_id": operation.id,
        "state": operation.state.value,
        "service": service_answer(service, domain) if service else {"service_id": operation.service_id},
    }
    if operation.cause and operation.state is not State.SUCCEEDED:
        told["cause"] = operation.cause
    if operation.kind is Kind.CHANGE_PACKAGE:
        told["changes"] = operation.asked.get("changes", [])
    if operation.kind is Kind.EDIT:
        told |= {name: operation.asked[name] for name in ("object", "changes") if name in operation.asked}
    if operation.kind is Kind.MOVE:
        told["plan"] = operation.asked.get("plan", {})
    return told


def service_answer(service: Service, domain: str | None) -> dict[str, Any]:
    return {
        "service_id": service.service_id,
        "client_id": service.client_id,
        "product_id": service.product_id,
        "server_id": service.server_id,
        "domain": domain,
        "username": service.username,
        "status": service.status.value,
        "limits": dict(service.resources.limits),
        "over_limit": list(service.over_limit),
    }


def open_task(tx: Connection, operation: Operation, service: Service | None, *, now: datetime) -> int:
    """Exactly one open task for an operation that a person has to look at (R-20)."""
    outage = operation.cause_kind == "unreachable"
    return summons.ask(
        tx,
        open_key=task_key(operation.id),
        kind=operation.kind.value,
        department=service.department if service else "",
        title=f"{_TITLES[operation.kind]} service {operation.service_id}",
        cause=operation.cause or "This product is processed by hand.",
        suggestion=suggestion_for(operation),
        details={"asked": undoing.told(operation.asked), "attempts": operation.attempts},
        operation_id=operation.id,
        service_id=operation.service_id,
        server_id=operation.server_id,
        # Five hundred services behind one dead PBX are one piece of news.
        told_as=f"outage:{operation.server_id}:{now:%Y-%m-%d}" if outage else None,
    )


def suggestion_for(operation: Operation) -> str:
    match operation.cause_kind:
        case "unreachable":
            return "Bring the PBX back or move the service, then retry the operation."
        case "unknown" | "transient":
            return "Look at the tenant on the PBX, then retry the operation, or complete it if it is done."
        case "refused":
            return "Mend what was refused, then retry the operation; or do it by hand and complete the task."
        case _:
            return "Do it on the PBX, then complete the task with the identifiers the PBX gave."


_TITLES = {
    Kind.CREATE: "Set up",
    Kind.SUSPEND: "Suspend",
    Kind.UNSUSPEND: "Resume",
    Kind.TERMINATE: "End",
    Kind.RENEW: "Renew",
    Kind.CHANGE_PACKAGE: "Change the package of",
    Kind.CHANGE_PASSWORD: "Change the password of",
    Kind.EDIT: "Change the objects of",
    Kind.MOVE: "Move",
    Kind.REPAIR: "Repair",
    Kind.PURGE: "Delete what is left of",
    Kind.CLEAR: "Delete from its old server",
}


def _close_task(tx: Connection, operation: Operation, actor: str, reason: str | None) -> None:
    state = tasks.COMPLETED if operation.state is State.SUCCEEDED else tasks.CANCELLED
    said = reason or f"the operation {operation.state}"
    tasks.close(tx, task_key(operation.id), state=state, by=actor, reason=said)


def _domain(tx: Connection, operation: Operation) -> str | None:
    return mirror.domain_of(tx, operation.tenant_id) if operation.tenant_id is not None else None
