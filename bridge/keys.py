"""Signing keys: who may knock. A secret is shown once, when it is made, and kept sealed.

add ──> current ──rotate──> old, ends in 7 days
                └─────────> current (the new one; answers are signed with it first)
revoke: every secret of the key ends at once; other processes notice within RING_SECONDS
"""

from __future__ import annotations

import base64
import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge import signature
from bridge.app import Bridge
from bridge.database import now, transact
from bridge.errors import Conflict, NotFound, Refused, Unavailable
from bridge.logs import say
from bridge.secret import Secret
from bridge.store import audit
from bridge.store import keys as stored

OLD_SECRET_DAYS = 7
SECRETS_MAX = 3
"""As many as a signature header may carry."""

RING_SECONDS = 2.0
"""How long a process trusts the keys it has read. A revoked key must stop everywhere within 5 s."""

SECOND_LOOK_SECONDS = 0.05
"""After a failed signature the keys are read again, and no more often than this, whatever is thrown at the door."""

_SCOPE = re.compile(r"[a-z][a-z_]*\.(\*|[a-z][a-z_]*)", re.ASCII)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listed:
    """A key as people may see it."""

    key_id: str
    scopes: tuple[str, ...]
    state: str
    """current, old (until `ends_at`), ended, revoked"""
    created_at: datetime
    created_by: str
    ends_at: datetime | None


def add(
    bridge: Bridge, name: str, scopes: Sequence[str] = (), *, by: str = "operator", secret: Secret | None = None
) -> tuple[str, Secret]:
    """A new key and its secret, 32 bytes in base64. `secret` brings one along, as the demo does."""
    _require_names(name, scopes)
    made = secret or _new_secret(bridge)
    _require_secret(made)

    def act(tx: Connection) -> None:
        if stored.lock_valid(tx, name):
            raise Conflict(f"there is a key {name} already; rotate it, or revoke it first")
        _store(bridge, tx, name, made, scopes, by)
        audit.add(tx, actor=by, action="key.add", subject=f"key {name}", after={"scopes": list(scopes)})

    transact(bridge.engine, act)
    return name, made


def check_new(bridge: Bridge, name: str, scopes: Sequence[str]) -> None:
    """Whether `add` would do it; raises what `add` would."""
    _require_names(name, scopes)

    def act(tx: Connection) -> None:
        if stored.lock_valid(tx, name):
            raise Conflict(f"there is a key {name} already; rotate it, or revoke it first")

    transact(bridge.engine, act)


def check_known(bridge: Bridge, key_id: str) -> None:
    """Whether there is a key to rotate or revoke."""

    def act(tx: Connection) -> None:
        if not stored.lock_valid(tx, key_id):
            raise NotFound(f"there is no key {key_id} that is still valid")

    transact(bridge.engine, act)


def rotate(bridge: Bridge, key_id: str, *, by: str = "operator") -> tuple[str, Secret]:
    """A second secret for a key. The one before stays good for 7 days, so the other side can change over in peace."""
    made = _new_secret(bridge)

    def act(tx: Connection) -> None:
        rows = stored.lock_valid(tx, key_id)
        if not rows:
            raise NotFound(f"there is no key {key_id}")
        if len(rows) >= SECRETS_MAX:
            first = min(row.ends_at for row in rows if row.ends_at is not None)
            raise Conflict(f"key {key_id} has {len(rows)} secrets; the oldest ends {first:%Y-%m-%d %H:%M} UTC")
        ends_at = now(tx) + timedelta(days=OLD_SECRET_DAYS)
        for row in rows:
            if row.ends_at is None:
                stored.end(tx, row, ends_at)
        _store(bridge, tx, key_id, made, rows[0].scopes, by)
        audit.add(
            tx, actor=by, action="key.rotate", subject=f"key {key_id}", after={"old_ends_at": ends_at.isoformat()}
        )

    transact(bridge.engine, act)
    return key_id, made


def revoke(bridge: Bridge, key_id: str, *, by: str = "operator", reason: str | None = None) -> None:
    """Ends every secret of a key at once."""

    def act(tx: Connection) -> None:
        if not stored.lock_valid(tx, key_id):
            raise NotFound(f"there is no key {key_id} that is still valid")
        stored.revoke(tx, key_id)
        audit.add(tx, actor=by, action="key.revoke", subject=f"key {key_id}", reason=reason)

    transact(bridge.engine, act)


def list_keys(bridge: Bridge) -> list[Listed]:
    def act(tx: Connection) -> list[Listed]:
        at = now(tx)
        return [
            Listed(row.key_id, row.scopes, _state(row, at), row.created_at, row.created_by, row.ends_at)
            for row in stored.every(tx)
        ]

    return transact(bridge.engine, act)


@dataclass(frozen=True, slots=True)
class Key:
    """A key as the gate uses it: its valid secrets, the newest first."""

    key_id: str
    secrets: tuple[bytes, ...]
    scopes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Key({self.key_id!r})"


class Ring:
    """The valid keys, read again every two seconds; also what time it is in the database, as of then.

    Without a database there are no keys: nothing is trusted for longer than that (R-8).
    """

    def __init__(self, bridge: Bridge, ticks: Callable[[], float]) -> None:
        self._bridge = bridge
        self._ticks = ticks
        self._lock = threading.Lock()
        self._read: _Reading | None = None

    def find(self, key_id: str) -> Key | None:
        return self._fresh(RING_SECONDS).keys.get(key_id)

    def find_again(self, key_id: str) -> Key | None:
        """After a failure: a key may have been added or rotated a moment ago by another process."""
        return self._fresh(SECOND_LOOK_SECONDS).keys.get(key_id)

    def database_time(self) -> datetime:
        reading = self._fresh(RING_SECONDS)
        return reading.at + timedelta(seconds=self._ticks() - reading.ticks)

    def _fresh(self, seconds: float) -> _Reading:
        reading = self._read
        if reading is not None and self._ticks() - reading.ticks < seconds:
            return reading
        with self._lock:
            reading = self._read
            if reading is None or self._ticks() - reading.ticks >= seconds:
                reading = self._read = self._look()
            return reading

    def _look(self) -> _Reading:
        ticks = self._ticks()
        rows, at = transact(self._bridge.engine, lambda tx: (stored.valid(tx), now(tx)))
        found: dict[str, Key] = {}
        for row in rows:
            before = found.get(row.key_id, Key(row.key_id, (), row.scopes))
            try:
                opened = signature.secret_bytes(self._bridge.vault.open(row.sealed, place=row.place))
            except (Unavailable, ValueError):
                say(_log, logging.ERROR, "a signing key does not open with this master key", key_id=row.key_id)
                continue
            found[row.key_id] = Key(row.key_id, (*before.secrets, opened), before.scopes)
        return _Reading(ticks, at, found)


@dataclass(frozen=True, slots=True)
class _Reading:
    ticks: float
    at: datetime
    keys: Mapping[str, Key]


def _store(bridge: Bridge, tx: Connection, key_id: str, secret: Secret, scopes: Sequence[str], by: str) -> None:
    at = now(tx)
    sealed = bridge.vault.seal(secret, place=stored.sealed_for(key_id, at))
    stored.add(tx, key_id=key_id, sealed=sealed, scopes=scopes, created_at=at, created_by=by)


def _new_secret(bridge: Bridge) -> Secret:
    return Secret(base64.b64encode(bridge.random(32)).decode())


def _require_names(name: str, scopes: Sequence[str]) -> None:
    if not signature.KEY_ID.fullmatch(name):
        raise Refused(f"{name!r} cannot be a key's name; it takes 3 to 64 of a-z, 0-9 and -")
    for scope in scopes:
        if not _SCOPE.fullmatch(scope):
            raise Refused(f"{scope!r} is not a scope; it is a method such as service.get, or service.* for all of them")


def _require_secret(secret: Secret) -> None:
    try:
        signature.secret_bytes(secret)
    except ValueError as error:
        raise Refused(str(error)) from error


def _state(row: stored.KeyRow, at: datetime) -> str:
    if row.revoked_at is not None:
        return "revoked"
    if row.ends_at is None:
        return "current"
    return "old" if row.ends_at > at else "ended"
