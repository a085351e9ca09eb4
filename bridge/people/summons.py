"""Asking a person: a task, and the notice that it is there, in the transaction of whatever needs them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection

from bridge.people.department import DEFAULT
from bridge.store import notices, tasks

_MORE = " Others of the same cause may follow today; they are in the list of tasks and are not told one by one."


def ask(
    tx: Connection,
    *,
    open_key: str,
    kind: str,
    department: str,
    title: str,
    cause: str,
    suggestion: str,
    details: dict[str, Any] | None = None,
    operation_id: int | None = None,
    service_id: int | None = None,
    server_id: int | None = None,
    told_as: str | None = None,
) -> int:
    """The one open task of this key. `told_as` is shared by tasks of one cause, so that a department hears it once."""
    department = department or DEFAULT
    task_id, is_new = tasks.open_task(
        tx,
        open_key=open_key,
        kind=kind,
        department=department,
        title=title,
        cause=cause,
        suggestion=suggestion,
        details=details,
        operation_id=operation_id,
        service_id=service_id,
        server_id=server_id,
    )
    if is_new:
        notices.add(
            tx,
            once_key=f"{told_as}:{quote(department, safe='')}"[:128] if told_as else f"task:{task_id}:open",
            department=department,
            kind="task",
            title=f"Task {task_id}: {title}",
            body=f"{cause} {suggestion}" + (_MORE if told_as else ""),
            task_id=task_id,
        )
    return task_id
