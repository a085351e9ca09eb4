"""Notices: what a department is told, once for each change."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from bridge.database import NOW
from bridge.tables import notices


def add(
    tx: Connection, *, once_key: str, department: str, kind: str, title: str, body: str, task_id: int | None = None
) -> int | None:
    """The new notice, or None when this was said before. Its deliveries are made by whoever carries it."""
    there = tx.execute(select(notices.c.id).where(notices.c.once_key == once_key)).one_or_none()
    if there is not None:
        return None
    key = tx.execute(
        insert(notices).values(
            once_key=once_key,
            department=department,
            kind=kind,
            title=title[:255],
            body=body[:2000],
            task_id=task_id,
            created_at=NOW,
        )
    ).inserted_primary_key
    assert key is not None
    return int(key[0])
