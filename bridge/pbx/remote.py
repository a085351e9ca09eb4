"""A driver on another host, asked through the agent there (`bridge/agent.py`), signed both ways.

An answer that is not signed by the agent for this very request is no answer: a put or remove leaves the outcome
unknown, a read was not reached. Every verb is one exchange.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar

import httpx

from bridge import signature
from bridge.agent import PATH, WRITES
from bridge.errors import (
    BridgeError,
    Conflict,
    NotFound,
    NotPrepared,
    NotReached,
    OutcomeUnknown,
    Refused,
)
from bridge.http import Answer, ask, client
from bridge.pbx.driver import CallPage, Capabilities, Check, Driver, Surroundings, Tenant
from bridge.pbx.setting import TLS, Setting, trust_of
from bridge.pbx.wire import object_from_json, tenant_from_json, tenant_to_json
from bridge.secret import Secret
from bridge.transport import boot_seconds

SETTINGS = (
    Setting("url", "the agent's address", r"https?://[^\s/?#@]{1,300}/?", "https://pbx.example.com:8471"),
    Setting("instance", "the agent's instance id", r"[A-Za-z0-9._-]{1,64}", "pbx-1"),
    Setting("key_id", "the key that the bridge signs with", r"[a-z0-9-]{3,64}", "bridge-1"),
    *TLS,
    Setting("secret", "the 32 bytes of that key in base64", r"[A-Za-z0-9+/]{43}=", secret=True),
)

Value = TypeVar("Value")
_ANSWER_BYTES = 16 * 1024 * 1024
_CLOCK_WARN_SECONDS = 30

_TROUBLE: Mapping[str, type[BridgeError]] = {
    kind.__name__: kind for kind in (Refused, Conflict, NotFound, NotPrepared, NotReached, OutcomeUnknown)
} | {"Unavailable": NotReached}
"""What the agent says went wrong there. Its own house out of order is, from here, a PBX out of reach."""


def connect(config: Mapping[str, str], secrets: Mapping[str, Secret], surroundings: Surroundings) -> Driver:
    guard, today = surroundings.guard, surroundings.clock
    http = client(config["url"], guard=guard, trust=trust_of(config), today=lambda: today().date())
    return RemotePbx(http, config["instance"], config["key_id"], secrets["secret"], surroundings)


class RemotePbx:
    def __init__(
        self, http: httpx.Client, instance: str, key_id: str, secret: Secret, surroundings: Surroundings
    ) -> None:
        self._http = http
        self._instance = instance
        self._key_id = key_id
        self._secret = secret
        self._clock = surroundings.clock
        self._random = surroundings.random
        self._capabilities: Capabilities | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Asked of the agent once; NotReached as long as it never answered."""
        if self._capabilities is None:
            answer, result = self._ask("capabilities")
            self._capabilities = _read(answer, lambda: object_from_json(Capabilities, result))
        return self._capabilities

    def find(self, domain: str) -> Tenant | None:
        answer, result = self._ask("find", domain=domain)
        return None if result is None else _read(answer, lambda: tenant_from_json(result))

    def put(self, tenant: Tenant, *, adopt: bool = False) -> None:
        self._ask("put", tenant=tenant_to_json(tenant, reveal=True), adopt=adopt)

    def remove(self, tenant: Tenant) -> None:
        self._ask("remove", tenant=tenant_to_json(tenant))

    def calls(self, after: str, limit: int = 1000) -> CallPage:
        answer, result = self._ask("calls", after=after, limit=limit)
        return _read(answer, lambda: object_from_json(CallPage, result))

    def domains(self) -> Sequence[str]:
        answer, result = self._ask("domains")
        if not isinstance(result, list) or not all(isinstance(each, str) for each in result):
            raise answer.lost("the list of domains makes no sense")
        return result

    def checks(self) -> Iterable[Check]:
        """The way to the agent and its clock, and then what the agent's own driver finds."""
        began = boot_seconds()
        try:
            answer, result = self._ask("checks")
            far = _read(answer, lambda: [object_from_json(Check, each) for each in result])
        except (BridgeError, TypeError) as error:
            fix = "compare url, instance, key_id and secret with those of the agent, and both clocks"
            yield Check("agent", "fail", _since(began), str(error), fix)
            return
        yield Check("agent", "ok", _since(began), f"{self._instance} answers and signs")

        there = int(answer.headers[signature.TIMESTAMP])
        apart = abs(there - int(self._clock().timestamp()))
        status: Literal["ok", "warn"] = "ok" if apart <= _CLOCK_WARN_SECONDS else "warn"
        yield Check("agent_clock", status, 0, f"{apart} s apart", "" if status == "ok" else "set both clocks by NTP")
        yield from far

    def _ask(self, verb: str, **members: Any) -> tuple[Answer, Any]:
        """The agent's answer and the result in it, or the trouble it reports."""
        path = f"{PATH}{verb}"
        body = json.dumps(members, ensure_ascii=False).encode()
        nonce = self._random(16).hex()
        secret = signature.secret_bytes(self._secret)
        signed = signature.request_headers(
            secret,
            method="POST",
            path=path,
            audience=self._instance,
            key_id=self._key_id,
            timestamp=int(self._clock().timestamp()),
            nonce=nonce,
            body=body,
        )
        answer = ask(
            self._http,
            "POST",
            path,
            of=self._instance,
            reading=verb not in WRITES,
            answer_bytes=_ANSWER_BYTES,
            accept=range(400, 500),
            headers={"Content-Type": "application/json", **signed},
            content=body,
        )
        if not signature.is_answer_signed(
            secret, answer.headers, status=answer.status, key_id=self._key_id, nonce=nonce, body=answer.body
        ):
            raise answer.lost(f"answered {answer.status} without the agent's signature, which is no answer")
        return answer, _result(answer)


def _result(answer: Answer) -> Any:
    document = answer.document()
    match document:
        case {"result": result} if len(document) == 1:
            return result
        case {"error": {"trouble": str(trouble), "kind": str(kind), "message": str(message)}} if trouble in _TROUBLE:
            raise _TROUBLE[trouble](f"{answer.asked}: {message[:500]}", kind=kind[:32])
        case _:
            raise answer.lost("the answer is neither a result nor an error")


def _read(answer: Answer, read: Callable[[], Value]) -> Value:
    try:
        return read()
    except ValueError as error:
        raise answer.lost(f"the answer makes no sense: {error}") from None


def _since(began: float) -> int:
    return round((boot_seconds() - began) * 1000)
