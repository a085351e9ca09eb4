"""Who knocks, proved. The checks are made in one order and the first that fails ends it (reliability rules, section 9):

    address' budget ─ method, path, type, size ─ body in time ─ headers ─ key ─ HMAC ─ timestamp ─ nonce
                      ─ scopes ─ key's budget

The second and third are the web's (`web.py`), scopes are the dispatcher's; the rest is here. Until the HMAC has held
nothing is written, and every failure up to there is one and the same `unauthenticated`, whatever it was.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from sqlalchemy.exc import IntegrityError

from bridge import signature
from bridge.app import Bridge
from bridge.database import transact
from bridge.errors import BridgeError
from bridge.keys import Key, Ring
from bridge.limits import PER_ADDRESS, PER_KEY, Buckets, Failed, Failures, Rate, neighbourhood
from bridge.logs import say
from bridge.rpc.method import Caller
from bridge.signature import Stamp
from bridge.store import nonces
from bridge.transport import boot_seconds

_DUMMY_SECRET = sha256(b"no key has this secret").digest()
_DUMMY_STAMP = Stamp("no-key", 0, "0" * 32, ("0" * 64,))
_LOGGED_KEY_LENGTH = 16

_log = logging.getLogger(__name__)


def utc_now() -> datetime:
    return datetime.now(UTC)


class Denied(BridgeError):
    """Stopped at the gate. `why` is for the sampled log line, and tells nothing to the outside."""

    default_kind = "unauthenticated"

    def __init__(self, why: str, *, kind: str = "unauthenticated") -> None:
        super().__init__("stopped at the gate", kind=kind)
        self.why = why


@dataclass(frozen=True, slots=True)
class Letter:
    """A request, whole, as it arrived."""

    method: str
    path: str
    address: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)

    def header(self, name: str) -> str:
        return next((value for each, value in self.headers if each.lower() == name.lower()), "")


@dataclass(frozen=True, slots=True)
class Guest:
    """A caller whose HMAC held, and what it takes to sign the answer to this one request."""

    caller: Caller
    stamp: Stamp
    secrets: tuple[bytes, ...] = field(repr=False)


class Gate:
    def __init__(
        self,
        bridge: Bridge,
        *,
        clock: Callable[[], datetime] = utc_now,
        ticks: Callable[[], float] = boot_seconds,
        per_address: Rate = PER_ADDRESS,
        per_key: Rate = PER_KEY,
        failures: Failures | None = None,
    ) -> None:
        self._bridge = bridge
        self._clock = clock
        self._ring = Ring(bridge, ticks)
        self._addresses = Buckets(per_address, ticks)
        self._keys = Buckets(per_key, ticks)
        self._failures = failures or Failures(ticks)

    def knock(self, address: str) -> None:
        """The first check, before anything is read."""
        if not self._addresses.take(neighbourhood(address)):
            raise Denied("address budget", kind="rate_limited")

    def recognise(self, letter: Letter) -> Guest:
        """Headers, key and HMAC. Nothing is written, and the way is the same for a key nobody knows (R-61, T-3)."""
        stamp = signature.stamp_from(letter.headers)
        told = stamp or _DUMMY_STAMP
        text = signature.request_text(
            method=letter.method,
            path=letter.path,
            audience=self._bridge.settings.instance,
            key_id=told.key_id,
            timestamp=told.timestamp,
            nonce=told.nonce,
            body=letter.body,
        )
        key = self._proven(self._ring.find(told.key_id), text, told) or self._proven(
            self._ring.find_again(told.key_id), text, told
        )
        if stamp is None:
            raise Denied("headers")
        if key is None:
            raise Denied("signature")
        return Guest(Caller(key.key_id, key.scopes), stamp, key.secrets)

    def admit(self, guest: Guest) -> None:
        """Timestamp and nonce, of a request whose HMAC held."""
        apart = abs(int(self._clock().timestamp()) - guest.stamp.timestamp)
        if apart > self._bridge.settings.signature_tolerance_seconds:
            raise Denied("timestamp", kind="clock_skew")
        expires_at = self._ring.database_time() + timedelta(seconds=self._bridge.settings.nonce_seconds)
        key_id, nonce = guest.stamp.key_id, guest.stamp.nonce
        engine = self._bridge.single or self._bridge.engine
        try:
            transact(engine, lambda tx: nonces.use(tx, key_id=key_id, nonce=nonce, expires_at=expires_at))
        except IntegrityError:
            raise Denied("nonce", kind="replay") from None

    def spend(self, guest: Guest, count: int) -> None:
        """The key's own budget; every entry of a batch costs one (T-6)."""
        if not self._keys.take(guest.caller.key_id, count):
            raise Denied("key budget", kind="rate_limited")

    def sign(self, guest: Guest, *, status: int, body: bytes) -> dict[str, str]:
        """The headers of an answer. While a key is rotated both secrets sign, the newest first (R-63, R-64)."""
        return signature.response_headers(
            guest.secrets,
            status=status,
            key_id=guest.stamp.key_id,
            timestamp=int(self._clock().timestamp()),
            nonce=guest.stamp.nonce,
            body=body,
        )

    def failed(self, letter: Letter, denied: Denied) -> Failed:
        """Counts a failure: how long its answer waits, and now and then a line in the log. A delay is of the failed
        answer alone; who signs well is never asked where it comes from (T-29)."""
        failed = self._failures.add(neighbourhood(letter.address))
        if failed.lines:
            say(
                _log,
                logging.WARNING,
                "signature failures",
                address=letter.address,
                key_id=letter.header(signature.KEY)[:_LOGGED_KEY_LENGTH],
                why=denied.why,
                count=failed.lines,
            )
        return failed

    def sweep(self) -> None:
        """Forgets nonces whose time is over; once a minute. Leaves the keys read."""
        self._ring.database_time()
        while transact(self._bridge.engine, nonces.forget_expired):
            pass

    def _proven(self, key: Key | None, text: bytes, stamp: Stamp) -> Key | None:
        secrets = key.secrets if key and key.secrets else (_DUMMY_SECRET,)
        is_signed = signature.is_signed(secrets, text, stamp.signatures)
        return key if is_signed and key and key.secrets else None
