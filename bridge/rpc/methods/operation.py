"""`operation.*` and `task.*`: what is under way, and what a person has to do."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from bridge import tasks
from bridge.app import Bridge
from bridge.line import Line
from bridge.rpc.method import Caller, Id, IdempotencyKey, Method, Params, WriteParams, asking_of

Reason = Annotated[str, StringConstraints(max_length=500)]
Person = Annotated[Line, StringConstraints(min_length=1, max_length=128)]
Department = Annotated[Line, StringConstraints(min_length=1, max_length=64)]
Domain = Annotated[str, StringConstraints(min_length=1, max_length=253)]
Limit = Annotated[int, Field(ge=1, le=500)]
State = Literal["accepted", "running", "retry_wait", "waiting_pbx", "manual", "succeeded", "superseded", "cancelled"]
TaskState = Literal["open", "claimed", "completed", "cancelled"]
OPEN_TASKS: tuple[TaskState, ...] = ("open", "claimed")


class GetOperation(Params):
    operation_id: Id | None = None
    idempotency_key: IdempotencyKey | None = None

    @model_validator(mode="after")
    def one_of_them(self) -> GetOperation:
        if (self.operation_id is None) == (self.idempotency_key is None):
            raise ValueError("name either operation_id or idempotency_key")
        return self


class ListOperations(Params):
    states: list[State] | None = None
    service_id: Id | None = None
    server_id: Id | None = None
    before: Id | None = None
    limit: Limit = 50


class ChangeOperation(WriteParams):
    operation_id: Id
    reason: Reason = ""


class CompleteOperation(ChangeOperation):
    server_id: Id | None = None
    domain: Domain | None = None


class ListTasks(Params):
    states: list[TaskState] | None = None
    department: Department | None = None
    before: Id | None = None
    limit: Limit = 50


class ClaimTask(WriteParams):
    task_id: Id
    assignee: Person | None = None
    department: Department | None = None


class CompleteTask(WriteParams):
    task_id: Id
    outcome: Literal["done", "retry", "cancel"] = "done"
    reason: Reason = ""
    server_id: Id | None = None
    domain: Domain | None = None


def get(bridge: Bridge, caller: Caller, params: GetOperation) -> dict[str, Any]:
    return tasks.operation(bridge, operation_id=params.operation_id, caller=caller.key_id, key=params.idempotency_key)


def listed(bridge: Bridge, _caller: Caller, params: ListOperations) -> dict[str, Any]:
    return tasks.listed_operations(
        bridge,
        states=list(params.states) if params.states is not None else None,
        service_id=params.service_id,
        server_id=params.server_id,
        before=params.before,
        limit=params.limit,
    )


def retry(bridge: Bridge, caller: Caller, params: ChangeOperation) -> dict[str, Any]:
    return tasks.retry(bridge, asking_of(caller, "operation.retry", params), params.operation_id, params.reason)


def cancel(bridge: Bridge, caller: Caller, params: ChangeOperation) -> dict[str, Any]:
    return tasks.cancel(bridge, asking_of(caller, "operation.cancel", params), params.operation_id, params.reason)


def complete(bridge: Bridge, caller: Caller, params: CompleteOperation) -> dict[str, Any]:
    return tasks.complete(
        bridge,
        asking_of(caller, "operation.complete", params),
        params.operation_id,
        reason=params.reason,
        server_id=params.server_id,
        domain=params.domain,
    )


def listed_tasks(bridge: Bridge, _caller: Caller, params: ListTasks) -> dict[str, Any]:
    return tasks.listed(
        bridge,
        states=list(params.states or OPEN_TASKS),
        department=params.department,
        before=params.before,
        limit=params.limit,
    )


def claim(bridge: Bridge, caller: Caller, params: ClaimTask) -> dict[str, Any]:
    asking = asking_of(caller, "task.claim", params)
    return tasks.claim(bridge, asking, params.task_id, assignee=params.assignee, department=params.department)


def complete_task(bridge: Bridge, caller: Caller, params: CompleteTask) -> dict[str, Any]:
    return tasks.close(
        bridge,
        asking_of(caller, "task.complete", params),
        params.task_id,
        outcome=params.outcome,
        reason=params.reason,
        server_id=params.server_id,
        domain=params.domain,
    )


METHODS = (
    Method("operation.get", "One operation, by its number or by the key it was asked for under.", GetOperation, get),
    Method("operation.list", "Operations, newest first, and how many there are in each state.", ListOperations, listed),
    Method("operation.retry", "Try an operation again at once.", ChangeOperation, retry, "write"),
    Method("operation.cancel", "Decide against an operation.", ChangeOperation, cancel, "write"),
    Method(
        "operation.complete",
        "Say that it was done by hand; it is looked for first.",
        CompleteOperation,
        complete,
        "write",
    ),
    Method("task.list", "What waits for a person.", ListTasks, listed_tasks),
    Method("task.claim", "Take a task, or hand it on.", ClaimTask, claim, "write"),
    Method("task.complete", "End a task: done, tried again, or cancelled.", CompleteTask, complete_task, "write"),
)
