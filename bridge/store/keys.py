"""Signing keys, a row per secret: a key that is being rotated has two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, insert, or_, select, update

from bridge.database import NOW
from bridge.tables import keys


@dataclass(frozen=True, slots=True)
class KeyRow:
    id: int
    key_id: str
    sealed: bytes
    scopes: tuple[str, ...]
    created_at: datetime
    created_by: str
    ends_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def place(self) -> str:
        """What the secret is sealed for. Known before the row has its number."""
        return sealed_for(self.key_id, self.created_at)


def sealed_for(key_id: str, created_at: datetime) -> str:
    return f"keys.secret.{key_id}.{created_at.strftime('%Y%m%dT%H%M%S%f')}"


def add(
    tx: Connection, *, key_id: str, sealed: bytes, scopes: Sequence[str], created_at: datetime, created_by: str
) -> None:
    tx.execute(
        insert(keys).values(
            key_id=key_id,
            secret=sealed,
            scopes=list(scopes),
            created_at=created_at,
            created_by=created_by[:128],
            ends_at=None,
            revoked_at=None,
        )
    )


def valid(tx: Connection) -> list[KeyRow]:
    """Every secret that opens the door now, the newest first."""
    is_valid = keys.c.revoked_at.is_(None) & or_(keys.c.ends_at.is_(None), keys.c.ends_at > NOW)
    return _rows(tx, select(keys).where(is_valid).order_by(keys.c.key_id, keys.c.id.desc()))


def every(tx: Connection) -> list[KeyRow]:
    return _rows(tx, select(keys).order_by(keys.c.key_id, keys.c.id.desc()))


def lock_valid(tx: Connection, key_id: str) -> list[KeyRow]:
    """The valid secrets of one key, the newest first, held until the transaction ends."""
    is_valid = keys.c.revoked_at.is_(None) & or_(keys.c.ends_at.is_(None), keys.c.ends_at > NOW)
    mine = select(keys).where(keys.c.key_id == key_id, is_valid).order_by(keys.c.id.desc()).with_for_update()
    return _rows(tx, mine)


def end(tx: Connection, row: KeyRow, ends_at: datetime) -> None:
    tx.execute(update(keys).where(keys.c.id == row.id).values(ends_at=ends_at))


def revoke(tx: Connection, key_id: str) -> None:
    tx.execute(update(keys).where(keys.c.key_id == key_id, keys.c.revoked_at.is_(None)).values(revoked_at=NOW))


def _rows(tx: Connection, question: Select[tuple[Any, ...]]) -> list[KeyRow]:
    return [
        KeyRow(
            row.id,
            row.key_id,
            bytes(row.secret),
            tuple(row.scopes),
            row.created_at,
            row.created_by,
            row.ends_at,
            row.revoked_at,
        )
        for row in tx.execute(question)
    ]
