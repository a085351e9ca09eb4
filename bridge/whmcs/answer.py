"""What an answer of includes/api.php means: by its body first, then by its status. Pure.

body                                    read           write
result or status `success`              the answer     the answer
a text about rights or configuration    NotPrepared    NotPrepared   (WHMCS has done nothing; a person decides)
any other `error`, not on a 5xx         Refused        Refused       (with WHMCS's own sentence)
HTML, empty, cut, a redirect, a 5xx     NotReached     OutcomeUnknown
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from bridge.errors import BridgeError, NotPrepared, NotReached, OutcomeUnknown, Refused
from bridge.whmcs import php

_LACKS_ACTION = re.compile(r'Invalid Permissions: API action "?([A-Za-z0-9_]+)"? is not allowed', re.IGNORECASE)
_CONFIGURATION: tuple[tuple[str, str], ...] = (
    ("authentication failed", "the API credentials are not accepted; check BRIDGE_WHMCS_IDENTIFIER and its secret"),
    ("invalid or missing credentials", "the API credentials are not accepted; check identifier and secret"),
    ("invalid password provided", "the API credentials are not accepted; check the secret"),
    ("administrator account disabled", "the administrator behind the API credentials is disabled"),
    ("access denied", "the administrator behind the API credentials lacks the permission API Access"),
    ("empty action request", "the request arrived without its parameters; something on the way drops the form"),
)
_ADDRESS = re.compile(r"Invalid IP:?\s*([0-9A-Fa-f.:]{2,45})", re.IGNORECASE)
_TEXT_MAX = 300


def read_answer(*, action: str, is_write: bool, status: int, body: bytes) -> dict[str, Any]:
    answer = _document(body)
    said = php.succeeded(answer) if answer is not None else None
    message = _sentence(answer.get("message", "") if answer is not None else _plain(body))

    fault = configuration_fault(action, message) if message and said is not True else None
    if fault is not None and (said is False or 400 <= status < 500):
        raise fault
    if status >= 500 or answer is None or 300 <= status < 400:
        raise lost(action, is_write=is_write, what=_what_came(status, body, answer))
    if said is False:
        raise Refused(f"WHMCS refused {action}: {message or 'no reason given'}", whmcs_message=message)
    if said is None and (is_write or status >= 400):  # some reads show neither `result` nor `status`
        raise lost(action, is_write=is_write, what=f"status {status} without a result")
    return answer


def configuration_fault(action: str, message: str) -> NotPrepared | None:
    """Whether WHMCS's sentence says that it is not set up for us; such an answer means that nothing was done."""
    if lacks := _LACKS_ACTION.search(message):
        name = lacks[1] if lacks[1].lower() != action.lower() else action
        return NotPrepared(
            f"WHMCS refused {action}: the API role lacks the action {name}; allow it in Manage API Roles",
            missing_action=name,
        )
    if "invalid ip" in message.lower():
        seen = _ADDRESS.search(message)
        return NotPrepared(
            f"WHMCS refused {action}: it sees us as {seen[1] if seen else 'an address'} that is not on its API IP "
            "access restriction list; add it, or configure the access key"
        )
    for text, remedy in _CONFIGURATION:
        if text in message.lower():
            return NotPrepared(f"WHMCS refused {action}: {remedy}")
    return None


def lost(action: str, *, is_write: bool, what: str) -> BridgeError:
    if is_write:
        return OutcomeUnknown(f"WHMCS was asked for {action} and the answer was lost: {what}", kind="unavailable")
    return NotReached(f"WHMCS was asked for {action} and gave no answer: {what}", kind="unavailable")


def _document(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body.decode("utf-8-sig"), parse_float=Decimal)
    except (UnicodeDecodeError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _plain(body: bytes) -> str:
    """A short text that is neither JSON nor a page."""
    text = body[:2000].decode("utf-8", "replace").strip()
    return "" if "<" in text else text


def _sentence(message: object) -> str:
    words = php.decoded(message if isinstance(message, str) else "")
    return re.sub(r"[\x00-\x1f\x7f\s]+", " ", words).strip()[:_TEXT_MAX]


def _what_came(status: int, body: bytes, answer: Mapping[str, Any] | None) -> str:
    if not body.strip():
        return f"status {status} with an empty body"
    if answer is not None:
        return f"status {status}"
    return f"status {status} with a page instead of an answer" if b"<" in body else f"status {status}, unreadable"
