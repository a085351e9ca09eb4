"""What is true of this installation as a whole: one row a fact."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from bridge.database import NOW
from bridge.tables import installation


def get(tx: Connection, name: str, *, lock: bool = False) -> Any:
    """The fact, or None where nothing was written down."""
    found = select(installation.c.value).where(installation.c.name == name)
    return tx.execute(found.with_for_update() if lock else found).scalar_one_or_none()


def several(tx: Connection, names: Iterable[str]) -> dict[str, Any]:
    found = select(installation.c.name, installation.c.value).where(installation.c.name.in_(list(names)))
    return {row.name: row.value for row in tx.execute(found)}


def put(tx: Connection, name: str, value: Any) -> None:
    """The fact from now on, whether or not there was one."""
    if not put_first(tx, name, value):
        tx.execute(update(installation).where(installation.c.name == name).values(value=value, updated_at=NOW))


def put_first(tx: Connection, name: str, value: Any) -> bool:
    """The fact, unless there is one already."""
    if tx.execute(select(installation.c.name).where(installation.c.name == name)).one_or_none() is not None:
        return False
    try:
        with tx.begin_nested():
            tx.execute(insert(installation).values(name=name, value=value, updated_at=NOW))
    except IntegrityError:
        return False  # somebody else wrote it in the same moment
    return True


def forget(tx: Connection, names: Sequence[str]) -> None:
    tx.execute(delete(installation).where(installation.c.name.in_(names)))


def named(tx: Connection, prefix: str, limit: int) -> list[str]:
    """Facts whose names begin alike, the oldest first."""
    mine = installation.c.name.startswith(prefix, autoescape=True)
    found = select(installation.c.name).where(mine).order_by(installation.c.updated_at, installation.c.name)
    return [name for (name,) in tx.execute(found.limit(limit))]
