"""Asking a person: a task, and the notice that it is there, in the transaction of whatever needs them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from bridge.store import notices, tasks


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
    """The one open task of this key. `told_as` is shared by tasks of one cause, so that it is told once."""
    task_id, is_new = tasks.open_task(
        tx,
        open_key=open_key,
        kind=kind,
        department=department or "default",
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
            once_key=told_as or f"task:{task_id}:open",
            department=department or "default",
            kind="task",
            title=f"Task {task_id}: {title}",
            body=f"{cause} {suggestion}",
            task_id=task_id,
        )
    return task_id
