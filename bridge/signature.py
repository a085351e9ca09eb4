"""How a message proves who sent it: HMAC-SHA256 over eight lines, six for the answer. Pure.

The same signature is spoken at every door: WHMCS to the bridge, the bridge to the agent and to the addon. The audience
is the receiver's configured name, never a Host header, so a copied secret opens nothing else.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bridge.secret import Secret

REQUEST = "BRIDGE-HMAC-SHA256-1"
RESPONSE = "BRIDGE-HMAC-SHA256-1-RESPONSE"

KEY = "X-Bridge-Key"
TIMESTAMP = "X-Bridge-Timestamp"
NONCE = "X-Bridge-Nonce"
SIGNATURE = "X-Bridge-Signature"

KEY_ID = re.compile(r"[a-z0-9-]{3,64}", re.ASCII)
_TIMESTAMP = re.compile(r"0|[1-9][0-9]{0,11}", re.ASCII)
_NONCE = re.compile(r"[0-9a-f]{32}", re.ASCII)
_V1 = re.compile(r"v1=[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Stamp:
    """The four headers of a signed request, well-formed and not yet believed."""

    key_id: str
    timestamp: int
    nonce: str
    signatures: tuple[str, ...]


def stamp_from(headers: Iterable[tuple[str, str]]) -> Stamp | None:
    """The stamp of a request, or None: each header once, each well-formed, and no signature but `v1=`."""
    found: dict[str, str] = {}
    wanted = {name.lower(): name for name in (KEY, TIMESTAMP, NONCE, SIGNATURE)}
    for name, value in headers:
        if name.lower() in wanted:
            if wanted[name.lower()] in found:
                return None
            found[wanted[name.lower()]] = value
    if len(found) != len(wanted):
        return None

    signatures = tuple(part.strip() for part in found[SIGNATURE].split(","))
    valid = tuple(part.removeprefix("v1=") for part in signatures if _V1.fullmatch(part))
    if not (
        KEY_ID.fullmatch(found[KEY])
        and _TIMESTAMP.fullmatch(found[TIMESTAMP])
        and _NONCE.fullmatch(found[NONCE])
        and 1 <= len(signatures) <= 3
        and valid
    ):
        return None
    return Stamp(found[KEY], int(found[TIMESTAMP]), found[NONCE], valid)


def request_text(
    *, method: str, path: str, audience: str, key_id: str, timestamp: int, nonce: str, body: bytes
) -> bytes:
    lines = (REQUEST, method, path, audience, key_id, str(timestamp), nonce, hashlib.sha256(body).hexdigest())
    return "\n".join(lines).encode()


def response_text(*, status: int, key_id: str, timestamp: int, nonce: str, body: bytes) -> bytes:
    lines = (RESPONSE, str(status), key_id, str(timestamp), nonce, hashlib.sha256(body).hexdigest())
    return "\n".join(lines).encode()


def sign(secret: bytes, text: bytes) -> str:
    return hmac.new(secret, text, hashlib.sha256).hexdigest()


def is_signed(secrets: Iterable[bytes], text: bytes, signatures: Iterable[str]) -> bool:
    """Whether one of the secrets made one of the signatures. Every pair is compared, so time tells nothing."""
    expected = [sign(secret, text) for secret in secrets]
    given = list(signatures)
    matches = [hmac.compare_digest(one, other) for one in expected for other in given]
    return any(matches)


def request_headers(
    secret: bytes, *, method: str, path: str, audience: str, key_id: str, timestamp: int, nonce: str, body: bytes
) -> dict[str, str]:
    text = request_text(
        method=method, path=path, audience=audience, key_id=key_id, timestamp=timestamp, nonce=nonce, body=body
    )
    return {KEY: key_id, TIMESTAMP: str(timestamp), NONCE: nonce, SIGNATURE: f"v1={sign(secret, text)}"}


def response_headers(
    secrets: Iterable[bytes], *, status: int, key_id: str, timestamp: int, nonce: str, body: bytes
) -> dict[str, str]:
    text = response_text(status=status, key_id=key_id, timestamp=timestamp, nonce=nonce, body=body)
    return {TIMESTAMP: str(timestamp), SIGNATURE: ",".join(f"v1={sign(secret, text)}" for secret in secrets)}


def is_answer_signed(
    secret: bytes, headers: Mapping[str, str], *, status: int, key_id: str, nonce: str, body: bytes
) -> bool:
    """Whether an answer is the receiver's own and belongs to our request. If not, it is no answer at all."""
    lower = {name.lower(): value for name, value in headers.items()}
    timestamp = lower.get(TIMESTAMP.lower(), "")
    parts = [part.strip() for part in lower.get(SIGNATURE.lower(), "").split(",")]
    signatures = [part.removeprefix("v1=") for part in parts if _V1.fullmatch(part)]
    if not _TIMESTAMP.fullmatch(timestamp) or not signatures or len(parts) > 3:
        return False
    text = response_text(status=status, key_id=key_id, timestamp=int(timestamp), nonce=nonce, body=body)
    return is_signed([secret], text, signatures)


def secret_bytes(secret: Secret) -> bytes:
    """The 32 bytes behind a secret as it is handed out: base64."""
    try:
        value = base64.b64decode(secret.reveal().strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("a signing secret is 32 bytes in base64") from error
    if len(value) != 32:
        raise ValueError("a signing secret is 32 bytes in base64")
    return value
