"""includes/api.php: who may ask, which action it is, and how the answer is worded."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from sqlalchemy import Connection, select

from bridge.demo.whmcs import modules, tables
from bridge.demo.whmcs.actions import actions
from bridge.demo.whmcs.asked import Asked, Declined, Reply
from bridge.demo.whmcs.standin import Credential, StandIn
from bridge.whmcs import php

_FORM = "application/x-www-form-urlencoded"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Page:
    """What goes back: a status and a body."""

    status: int
    body: bytes
    content_type: str = "application/json"


class _Barred(Exception):
    """Refused before any action: a status and a message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def read_form(content_type: str, body: bytes) -> dict[str, Any]:
    """What PHP finds in $_POST; a body of another type leaves it empty."""
    if content_type.partition(";")[0].strip().lower() != _FORM:
        return {}
    return php.nested(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def answer(whmcs: StandIn, values: Mapping[str, Any], address: str) -> Page:
    wants_json = values.get("responsetype") == "json"
    action = str(values.get("action", ""))
    status = 200
    try:
        credential = _admit(whmcs, values, action, address)
        reply = _run(whmcs, Asked(values, credential.admin_id), action)
    except _Barred as barred:
        status, reply = barred.status, {"result": "error", "message": barred.message}
    except Declined as declined:
        reply = {"result": "error", "message": str(declined)}
    _remember(whmcs, action, reply)
    return Page(status, _written(reply)) if wants_json else Page(status, _as_text(reply), "text/plain")


def _admit(whmcs: StandIn, values: Mapping[str, Any], action: str, address: str) -> Credential:
    if not action:
        raise _Barred(400, "Empty action request")
    if not _knows_access_key(whmcs, values) and address not in whmcs.allowed_addresses:
        raise _Barred(403, f"Invalid IP {address}")
    # Identifier and secret may also come under the names of the old user and password.
    name = values.get("identifier") or values.get("username") or ""
    secret = values.get("secret") or values.get("password") or ""
    if not isinstance(name, str) or not isinstance(secret, str) or not name or not secret:
        raise _Barred(403, "Invalid or missing credentials")
    credential = next((each for each in whmcs.credentials if each.identifier == name), None)
    if credential is None:
        if whmcs.within(lambda tx: _is_admin(tx, name)):
            raise _Barred(403, "Invalid password provided")
        raise _Barred(403, "Authentication Failed")
    if credential.secret.reveal() != secret:
        raise _Barred(403, "Authentication Failed")
    if credential.disabled:
        raise _Barred(403, "Administrator Account Disabled")
    if not credential.api_access:
        raise _Barred(403, "Access Denied")
    if credential.actions is not None and action.lower() not in {each.lower() for each in credential.actions}:
        # No document tells the status; a client that depends on one is wrong on one of our two versions.
        status = 403 if whmcs.has_immutable_invoices else 200
        raise _Barred(status, f'Invalid Permissions: API action "{action.lower()}" is not allowed')
    return credential


def _knows_access_key(whmcs: StandIn, values: Mapping[str, Any]) -> bool:
    return whmcs.access_key is not None and values.get("accesskey") == whmcs.access_key.reveal()


def _is_admin(tx: Connection, name: str) -> bool:
    return tx.execute(select(tables.admins.c.id).where(tables.admins.c.username == name)).first() is not None


def _run(whmcs: StandIn, asked: Asked, action: str) -> Reply:
    command = modules.COMMANDS_BY_ACTION.get(action.lower())
    if command is not None:
        return {"result": "success", **modules.by_api(whmcs, asked, command)}
    known = {name.lower(): run for name, run in actions().items()}
    run = known.get(action.lower())
    if run is None:
        raise Declined("Command Not Found")
    reply = whmcs.within(lambda tx: run(tx, whmcs, asked))
    if "result" in reply and reply["result"] is None:  # an answer that shows neither key
        return {name: value for name, value in reply.items() if name != "result"}
    return reply if "status" in reply and reply["status"] == "success" else {"result": "success", **reply}


def _written(reply: Reply) -> bytes:
    return json.dumps(reply, ensure_ascii=False, default=str).encode()


def _as_text(reply: Reply) -> bytes:
    """What comes without `responsetype=json`: WHMCS's old line of pairs."""
    return ";".join(f"{name}={value}" for name, value in reply.items() if isinstance(value, (str, int))).encode()


def _remember(whmcs: StandIn, action: str, reply: Reply) -> None:
    said = str(reply.get("message") or "success")
    whmcs.within(
        lambda tx: tables.add(tx, tables.requests, date=whmcs.moment(), action=action[:255], outcome=said[:255])
    )
    logger.info("whmcs stand-in answered", extra={"action": action, "outcome": said})
