"""Standard Webhooks: how a message of ours proves where it comes from, and that it is fresh. Pure.

webhook-id           the message: the same over its retries
webhook-timestamp    this attempt, in Unix seconds
webhook-signature    `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; several are parted by a space
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from bridge.errors import NotPrepared, Refused
from bridge.secret import Secret

PREFIX = "whsec_"
TOLERANCE = timedelta(minutes=5)
_BYTES_MIN, _BYTES_MAX = 24, 64
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,14}", re.ASCII)


def key_of(secret: Secret) -> bytes:
    """The key inside `whsec_...`."""
    text = secret.reveal()
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(PREFIX) or not _BYTES_MIN <= len(key) <= _BYTES_MAX:
        raise NotPrepared(
            f"a webhook secret is {PREFIX} and the base64 of {_BYTES_MIN} to {_BYTES_MAX} bytes; this one is not"
        )
    return key


def headers_for(secrets: Iterable[Secret], *, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers. More than one secret signs while one takes the place of another."""
    timestamp = str(int(at.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signed(key_of(each), message_id, timestamp, body) for each in secrets),
    }


def verify(secret: Secret, headers: Mapping[str, str], body: bytes, *, now: datetime) -> None:
    """Raises Refused where a message is not from the holder of the secret, or is not fresh."""
    given = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not message_id or not _TIMESTAMP.fullmatch(timestamp):
        raise Refused("the webhook has no id or no timestamp", kind="unauthenticated")
    expected = _signed(key_of(secret), message_id, timestamp, body).encode()
    offered = given.get("webhook-signature", "").encode().split(b" ")
    if not any(hmac.compare_digest(expected, each) for each in offered):
        raise Refused("the webhook is not signed with this secret", kind="unauthenticated")
    if abs(int(timestamp) - now.timestamp()) > TOLERANCE.total_seconds():
        raise Refused("the webhook is too old, or from the future", kind="clock_skew")


def _signed(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode("ascii")
