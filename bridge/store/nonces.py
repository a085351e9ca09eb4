"""Nonces that were used: the primary key is what refuses a replay, here and on every other node (R-62)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from bridge.database import now
from bridge.tables import nonces

SWEEP_ROWS_MAX = 5000


def use(tx: Connection, *, key_id: str, nonce: str, expires_at: datetime) -> None:
    """Raises IntegrityError when it was used before."""
    tx.execute(insert(nonces).values(key_id=key_id, nonce=nonce, expires_at=expires_at))


def forget_expired(tx: Connection) -> bool:
    """Forgets the oldest of those that no timestamp lets in any more. Whether there may be others left."""
    at = now(tx)
    oldest = select(nonces.c.expires_at).where(nonces.c.expires_at < at).order_by(nonces.c.expires_at)
    last = tx.execute(oldest.offset(SWEEP_ROWS_MAX - 1).limit(1)).scalar_one_or_none()
    tx.execute(delete(nonces).where(nonces.c.expires_at <= last if last is not None else nonces.c.expires_at < at))
    return last is not None
