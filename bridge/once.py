"""A write that is done within our own database happens once under a key: its answer is stored with its effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from bridge.app import Bridge
from bridge.asking import Asking, hash_of
from bridge.database import now, transact
from bridge.errors import Conflict
from bridge.store import requests
from bridge.store.requests import Request

T = TypeVar("T")
Act = Callable[[Connection], Mapping[str, Any]]


def write(bridge: Bridge, asking: Asking, act: Act) -> dict[str, Any]:
    """What `act` answers, done in one transaction with the record of its key. A dry run does it and keeps nothing."""
    if asking.dry_run:
        with bridge.engine.connect() as tx:  # never committed
            return {**act(tx), "dry_run": True}

    def once(tx: Connection) -> dict[str, Any]:
        if asking.key is None:
            return dict(act(tx))
        moment = now(tx)
        known = requests.get(tx, caller=asking.caller, key=asking.key)
        params_hash = hash_of(asking.params)
        if known is not None and known.expires_at > moment:
            if (known.method, known.params_hash) != (asking.method, params_hash):
                raise Conflict("this idempotency key was used for something else", kind="idempotency_mismatch")
            return {**(known.answer or {}), "_meta": {"replayed": True}}
        answer = dict(act(tx))
        expires = moment + timedelta(days=bridge.settings.idempotency_days)
        request = Request(asking.method, params_hash, None, answer, expires)
        requests.add(tx, caller=asking.caller, key=asking.key, request=request, now=moment, renewed=known is not None)
        return answer

    return although_at_once(bridge.engine, once)


def although_at_once(engine: Engine, act: Callable[[Connection], T]) -> T:
    """`act` committed, also when the same is asked in the same moment: then the first is there to be found."""
    try:
        return transact(engine, act)
    except IntegrityError:
        return transact(engine, act)
