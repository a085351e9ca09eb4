"""Which write was asked for under which key, so that asking again is harmless."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from bridge.tables import requests


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    params_hash: str
    operation_id: int | None
    answer: dict[str, Any] | None
    expires_at: datetime


_GET = select(
    requests.c.method, requests.c.params_hash, requests.c.operation_id, requests.c.answer, requests.c.expires_at
).where(requests.c.caller == bindparam("this_caller"), requests.c.idempotency_key == bindparam("this_key"))


def get(tx: Connection, *, caller: str, key: str) -> Request | None:
    row = tx.execute(_GET, {"this_caller": caller, "this_key": key}).one_or_none()
    return Request(row.method, row.params_hash, row.operation_id, row.answer, row.expires_at) if row else None


_ADD = insert(requests)


def add(tx: Connection, *, caller: str, key: str, request: Request, now: datetime, renewed: bool) -> None:
    """`renewed`: the key is known, and what it stood for is over."""
    values: dict[str, Any] = {
        "method": request.method,
        "params_hash": request.params_hash,
        "operation_id": request.operation_id,
        "answer": request.answer,
        "created_at": now,
        "expires_at": request.expires_at,
    }
    if renewed:
        mine = (requests.c.caller == caller) & (requests.c.idempotency_key == key)
        tx.execute(update(requests).where(mine).values(values))
    else:
        tx.execute(_ADD, values | {"caller": caller, "idempotency_key": key})


def find_operation(tx: Connection, *, caller: str, key: str) -> int | None:
    mine = (requests.c.caller == caller) & (requests.c.idempotency_key == key)
    found: int | None = tx.execute(select(requests.c.operation_id).where(mine)).scalar_one_or_none()
    return found


def sweep(tx: Connection, now: datetime) -> int:
    return int(tx.execute(delete(requests).where(requests.c.expires_at < now)).rowcount)
