"""One signed exchange with our addon inside WHMCS. An answer without the addon's signature is no answer.

The protocol is written down in docs/whmcs-addon-protocol.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import httpx

from bridge import signature
from bridge.errors import BridgeError, NotPrepared, NotReached, OutcomeUnknown, Refused
from bridge.secret import Secret
from bridge.whmcs.exchange import exchange

PROTOCOL = 1

Door = Literal["read", "post"]

PATHS: Mapping[Door, str] = {"read": "/voipbridge/read", "post": "/voipbridge/post"}
"""The path in the canonical string: the same wherever WHMCS is installed."""

FILES: Mapping[Door, str] = {
    "read": "modules/addons/voipbridge/read.php",
    "post": "modules/addons/voipbridge/post.php",
}
"""Where each door is, seen from WHMCS's own folder."""


@dataclass(frozen=True, slots=True)
class AddonKey:
    """What both sides know: the key, and the name by which the addon is addressed (the audience of a signature)."""

    key_id: str
    secret: Secret
    audience: str


class Endpoint:
    def __init__(
        self,
        http: httpx.Client,
        key: AddonKey,
        *,
        clock: Callable[[], datetime],
        random: Callable[[int], bytes],
    ) -> None:
        """`http` is of `bridge.http.client`, with WHMCS's own folder as its base URL."""
        self._http = http
        self._key = key
        self._clock = clock
        self._random = random

    def read(self, question: Mapping[str, Any]) -> dict[str, Any]:
        return self._exchange("read", question)

    def post(self, action: Mapping[str, Any]) -> dict[str, Any]:
        return self._exchange("post", action)

    def _exchange(self, door: Door, asked: Mapping[str, Any]) -> dict[str, Any]:
        body = json.dumps(asked, separators=(",", ":"), ensure_ascii=False).encode()
        nonce = self._random(16).hex()
        secret = signature.secret_bytes(self._key.secret)
        headers = signature.request_headers(
            secret,
            method="POST",
            path=PATHS[door],
            audience=self._key.audience,
            key_id=self._key.key_id,
            timestamp=int(self._clock().timestamp()),
            nonce=nonce,
            body=body,
        )
        answer = exchange(
            self._http,
            FILES[door],
            asked=f"addon, {asked.get('question') or asked.get('action')}",
            reading=door == "read",
            headers={**headers, "Content-Type": "application/json"},
            content=body,
        )
        if not signature.is_answer_signed(
            secret,
            answer.headers,
            status=answer.status,
            key_id=self._key.key_id,
            nonce=nonce,
            body=answer.body,
        ):
            raise _no_answer(door, f"status {answer.status}, not signed by the addon")
        return _document(door, answer.status, answer.body)


def _document(door: Door, status: int, body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (UnicodeDecodeError, ValueError) as error:
        raise _no_answer(door, f"status {status}, signed but not JSON") from error
    if not isinstance(document, dict) or document.get("protocol") != PROTOCOL:
        raise NotPrepared(f"the WHMCS addon speaks another protocol than {PROTOCOL}; install the one of this bridge")
    refusal = document.get("error")
    if isinstance(refusal, Mapping):
        raise _said_no(str(refusal.get("kind", "")), str(refusal.get("message", ""))[:300])
    if status != 200:
        raise _no_answer(door, f"status {status} without an error")
    return document


def _said_no(kind: str, message: str) -> BridgeError:
    """A signed no: the addon has done nothing, and says why."""
    if kind == "unavailable":
        return NotReached(f"the WHMCS addon cannot answer now: {message}", kind="unavailable")
    if kind == "not_prepared":
        return NotPrepared(f"the WHMCS addon says: {message}")
    return Refused(f"the WHMCS addon refused: {message}", addon_kind=kind)


def _no_answer(door: Door, what: str) -> BridgeError:
    if door == "post":
        return OutcomeUnknown(f"the WHMCS addon's answer was lost: {what}", kind="unavailable")
    return NotReached(f"the WHMCS addon gave no answer: {what}", kind="unavailable")
