"""What our PHP server module will do inside WHMCS: one signed call to the bridge, and one word or sentence back.

    the bridge says                      WHMCS is told
    state `succeeded`                    success
    any other state                      the operation's number and how it goes on
    an error, signed                     the bridge's sentence
    nothing, or something unsigned       that nobody knows; a repeat is safe

The idempotency key is made of facts: installation, service, action and a counter that is kept here. The counter goes on
when WHMCS starts a new action; a Retry of what has not succeeded is the same action and keeps it (F-7).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
from sqlalchemy import Connection, Engine, select, update

from bridge import signature
from bridge.database import transact
from bridge.demo.whmcs import tables
from bridge.secret import Secret
from bridge.whmcs import php

PATH = "/rpc/v1"
WAIT_MS = 15000
CRON_WAIT_MS = 2000
SKIP_SECONDS = 60
TOTAL_SECONDS = 25.0
CONNECT_SECONDS = 5.0

_LOST_COUNTER_STEP = 1000


@dataclass(frozen=True, slots=True)
class BridgeKey:
    """What the module is configured with: where the bridge is, and how to prove ourselves to it."""

    key_id: str
    secret: Secret
    audience: str
    installation: str
    """The random id that the addon keeps; part of every idempotency key."""


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    parameters: Mapping[str, Any]


class _Unreached(Exception):
    """Nothing arrived at the bridge."""


class _NoAnswer(Exception):
    """Whatever came back is not the bridge's answer to this call."""


class Shim:
    """A `standin.Module`: WHMCS calls it, it calls the bridge."""

    def __init__(
        self,
        engine: Engine,
        http: httpx.Client,
        key: BridgeKey,
        *,
        clock: Callable[[], datetime],
        random: Callable[[int], bytes],
    ) -> None:
        """`http` has the bridge's address as its base URL; `engine` is WHMCS's own database."""
        self._engine = engine
        self._http = http
        self._key = key
        self._clock = clock
        self._random = random

    def __call__(self, function: str, parameters: Mapping[str, Any], *, by_cron: bool) -> str:
        call = _call(function, parameters)
        if call is None:
            return f"voipbridge has no function {function}"
        if by_cron and self._is_skipped():
            return "VoIP bridge unreachable a moment ago; skipped. Press Retry later."
        service_id = php.number(parameters["serviceid"])
        wait_ms = CRON_WAIT_MS if by_cron else WAIT_MS
        digest = _digest(call, signature.secret_bytes(self._key.secret))
        counter = transact(self._engine, lambda tx: _counter(tx, service_id, call.method, digest))
        try:
            answer = self._ask(call, service_id, counter, wait_ms)
            if _code(answer) == 1003:  # the bridge remembers more than we do: our counter was lost
                counter += _LOST_COUNTER_STEP
                transact(self._engine, lambda tx: _set_counter(tx, service_id, counter))
                answer = self._ask(call, service_id, counter, wait_ms)
        except _Unreached as error:
            if by_cron:
                self._skip()
            return f"VoIP bridge unreachable ({error}); nothing was sent. Press Retry later."
        except _NoAnswer as error:
            return f"VoIP bridge: {error}; the request may still be running. Press Retry later."
        said = _word(answer)
        if said == "success":
            transact(self._engine, lambda tx: _finish(tx, service_id, counter))
        return said

    def _ask(self, call: _Call, service_id: int, counter: int, wait_ms: int) -> dict[str, Any]:
        key = f"{self._key.installation}:{service_id}:{call.method}:{counter}"
        body = json.dumps(
            {
                "jsonrpc": "2.0",
                "id": key[:128],
                "method": call.method,
                "params": {**call.parameters, "wait_ms": wait_ms, "idempotency_key": key},
            },
            separators=(",", ":"),
            ensure_ascii=False,
        ).encode()
        nonce = self._random(16).hex()
        secret = signature.secret_bytes(self._key.secret)
        headers = signature.request_headers(
            secret,
            method="POST",
            path=PATH,
            audience=self._key.audience,
            key_id=self._key.key_id,
            timestamp=int(self._clock().timestamp()),
            nonce=nonce,
            body=body,
        )
        try:
            reply = self._http.post(
                PATH,
                content=body,
                headers={**headers, "Content-Type": "application/json"},
                timeout=httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS),
                follow_redirects=False,
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            raise _Unreached("could not connect") from None
        except httpx.HTTPError as error:
            raise _NoAnswer(f"no answer ({type(error).__name__})") from None
        if not signature.is_answer_signed(
            secret, reply.headers, status=reply.status_code, key_id=self._key.key_id, nonce=nonce, body=reply.content
        ):
            raise _NoAnswer(f"an answer without the bridge's signature (status {reply.status_code})")
        document = json.loads(reply.content)
        if not isinstance(document, dict):
            raise _NoAnswer("an answer that is no answer")
        return document

    # --- the cron does not hang (F-8) --------------------------------------------------------------------------------

    def _is_skipped(self) -> bool:
        rows = tables.module_state
        until = transact(
            self._engine, lambda tx: tx.execute(select(rows.c.value).where(rows.c.name == "skip_until")).scalar()
        )
        return until is not None and self._clock().timestamp() < float(until)

    def _skip(self) -> None:
        rows = tables.module_state
        until = str(self._clock().timestamp() + SKIP_SECONDS)

        def keep(tx: Connection) -> None:
            tx.execute(rows.delete().where(rows.c.name == "skip_until"))
            tx.execute(rows.insert().values(name="skip_until", value=until))

        transact(self._engine, keep)


# --- what is asked ---------------------------------------------------------------------------------------------------


def _call(function: str, parameters: Mapping[str, Any]) -> _Call | None:
    """A whitelist, decoded once; never the whole of what WHMCS hands over, which carries passwords into logs."""
    about = {"service_id": php.number(parameters["serviceid"])}
    match function:
        case "CreateAccount":
            return _Call("service.create", {**about, **_creation(parameters)})
        case "SuspendAccount":
            reason = php.decoded(parameters.get("suspendreason")).strip()[:500]
            return _Call("service.suspend", {**about, **({"reason": reason} if reason else {})})
        case "UnsuspendAccount":
            return _Call("service.unsuspend", about)
        case "TerminateAccount":
            return _Call("service.terminate", about)
        case "Renew":
            return _Call("service.renew", about)
        case "ChangePackage":
            wanted = {"product_id": php.number(parameters["pid"]), "options": _texts(parameters["configoptions"])}
            return _Call("service.change_package", {**about, **wanted})
        case "ChangePassword":
            return _Call("service.change_password", {**about, "password": php.decoded(parameters["password"])})
    return None


def _creation(parameters: Mapping[str, Any]) -> dict[str, Any]:
    client = parameters.get("clientsdetails", {})
    asked: dict[str, Any] = {
        "client_id": php.number(parameters["userid"]),
        "product_id": php.number(parameters["pid"]),
        "domain": php.decoded(parameters.get("domain")).strip(),
        "username": php.decoded(parameters.get("username")),
        "options": _texts(parameters.get("configoptions", {})),
        "custom_fields": _texts(parameters.get("customfields", {})),
        "client": {name: php.decoded(client.get(name)) for name in ("companyname", "country", "currency_code")},
    }
    if server_id := php.reference(parameters.get("serverid")):
        asked["server_id"] = server_id
    if password := php.decoded(parameters.get("password")):
        asked["password"] = password
    return asked


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {php.decoded(name): php.decoded(value) for name, value in values.items()}


# --- the counter -----------------------------------------------------------------------------------------------------


def _counter(tx: Connection, service_id: int, action: str, digest: str) -> int:
    """The number of this action: the last one's, if that is the same and has not succeeded, else the next."""
    rows = tables.counters
    last = tx.execute(select(rows).where(rows.c.serviceid == service_id).with_for_update()).mappings().first()
    if last is None:
        tx.execute(rows.insert().values(serviceid=service_id, counter=1, action=action, digest=digest))
        return 1
    if last["action"] == action and last["digest"] == digest and not last["finished"]:
        return int(last["counter"])
    counter = int(last["counter"]) + 1
    tx.execute(
        update(rows)
        .where(rows.c.serviceid == service_id)
        .values(counter=counter, action=action, digest=digest, finished=0)
    )
    return counter


def _set_counter(tx: Connection, service_id: int, counter: int) -> None:
    tx.execute(update(tables.counters).where(tables.counters.c.serviceid == service_id).values(counter=counter))


def _finish(tx: Connection, service_id: int, counter: int) -> None:
    rows = tables.counters
    tx.execute(update(rows).where(rows.c.serviceid == service_id, rows.c.counter == counter).values(finished=1))


def _digest(call: _Call, secret: bytes) -> str:
    """Which parameters an action had, told by a keyed hash: one of them may be a password."""
    text = json.dumps(call.parameters, sort_keys=True, separators=(",", ":"))
    return signature.sign(secret, f"{call.method}|{text}".encode())


# --- what WHMCS is told ----------------------------------------------------------------------------------------------

_GOES_ON = {
    "accepted": "is accepted and goes on by itself",
    "running": "is running and goes on by itself",
    "retry_wait": "failed once and is tried again by itself",
    "waiting_pbx": "waits for the PBX and goes on by itself",
    "manual": "needs a person; see its task",
    "superseded": "was overtaken by a newer one",
    "cancelled": "was cancelled",
}


def _code(answer: Mapping[str, Any]) -> Any:
    error = answer.get("error")
    return error.get("code") if isinstance(error, Mapping) else None


def _word(answer: Mapping[str, Any]) -> str:
    error = answer.get("error")
    if isinstance(error, Mapping):
        data = error.get("data")
        data = data if isinstance(data, Mapping) else {}
        if error.get("code") == 1004:
            return f"VoIP bridge: operation {data.get('operation_id')} is still running and goes on by itself."
        what = str(data.get("detail") or error.get("message") or "refused")
        return f"VoIP bridge: {what} (incident {data.get('incident')})"
    result = answer.get("result")
    if not isinstance(result, Mapping):
        return "VoIP bridge: an answer without a result; press Retry later."
    state = str(result.get("state"))
    if state == "succeeded":
        return "success"
    return f"VoIP bridge: operation {result.get('operation_id')} {_GOES_ON.get(state, f'is {state}')}."
