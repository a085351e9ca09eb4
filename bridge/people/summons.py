"""Asking a person: a task, and the notice that it is there, in the transaction of whatever needs them."""

from __future__ import annotations

from typing import Unpack
from urllib.parse import quote

from sqlalchemy import Connection

from bridge.people.department import DEFAULT
from bridge.store import notices, tasks
from bridge.store.tasks import Asked

_MORE = " Others of the same cause may follow today; they are in the list of tasks and are not told one by one."


def ask(tx: Connection, *, told_as: str | None = None, **asked: Unpack[Asked]) -> int:
    """The one open task of this key. `told_as` is shared by tasks of one cause, so that a department hears it once."""
    department = asked["department"] = asked["department"] or DEFAULT
    task_id, is_new = tasks.open_task(tx, **asked)
    if is_new:
        notices.add(
            tx,
            once_key=f"{told_as}:{quote(department, safe='')}"[:128] if told_as else f"task:{task_id}:open",
            department=department,
            kind="task",
            title=f"Task {task_id}: {asked['title']}",
            body=f"{asked['cause']} {asked['suggestion']}" + (_MORE if told_as else ""),
            task_id=task_id,
        )
    return task_id
