"""A driver's verbs spoken from afar: `POST /agent/v1/{verb}`, signed both ways. `pbx/remote.py` is who asks.

    verb          body                                     result
    capabilities  {}                                       capabilities
    find          {"domain"}                               a tenant with its passwords, or null
    put           {"tenant", "adopt"}                      null
    remove        {"tenant"}                               null
    calls         {"after", "limit"}                       {"calls", "after"}
    domains       {}                                       a list of domains
    checks        {}                                       a list of checks

An answer is 200 with `{"result": ...}`, or 200 with `{"error": {"trouble", "kind", "message"}}`, where `trouble` is the
class of `errors.py`: what it means survives the way back. A caller who proves nothing gets an unsigned 401, the same
for every reason. The signature hides nothing: passwords travel in `put`, so the way is TLS, a tunnel or one machine.

`Agent` answers without any web framework, so that it can be served by whatever an old PBX host has; `app` serves it
with Starlette. Nonces live in memory: what was signed before the agent started is refused, so a restart opens nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from bridge import signature, strict_json
from bridge.errors import BridgeError, NotReached, OutcomeUnknown, Refused
from bridge.logs import say, way
from bridge.pbx.driver import Driver, Tenant
from bridge.pbx.wire import object_to_json, tenant_from_json, tenant_to_json

PATH: Final = "/agent/v1/"
BODY_BYTES = 16 * 1024 * 1024
WRITES = frozenset({"put", "remove"})
PAGE_MOST = 1000
_NONCES_MOST = 100_000
_RECEIPT_SECONDS = 10

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(slots=True)
class _Nonces:
    """Those seen, and until when they could be believed again."""

    expires: dict[tuple[str, str], int] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def is_new(self, key_id: str, nonce: str, *, now: int, keep_seconds: int) -> bool:
        with self.lock:
            if len(self.expires) >= _NONCES_MOST:
                self.expires = {each: until for each, until in self.expires.items() if until >= now}
            if (key_id, nonce) in self.expires or len(self.expires) >= _NONCES_MOST:
                return False
            self.expires[key_id, nonce] = now + keep_seconds
            return True


class Agent:
    def __init__(
        self,
        driver: Driver,
        audience: str,
        secrets_by_key: Mapping[str, tuple[bytes, ...]],
        clock: Callable[[], datetime],
        *,
        tolerance_seconds: int = 300,
    ) -> None:
        self._driver = driver
        self._audience = audience
        self._secrets = secrets_by_key
        self._clock = clock
        self._tolerance = tolerance_seconds
        self._began = int(clock().timestamp())
        self._nonces = _Nonces()

    def answer(self, path: str, headers: Iterable[tuple[str, str]], body: bytes) -> Reply:
        stamp = self.believed(path, headers, body)
        if stamp is None:
            return Reply(401)
        content = json.dumps(self._said(path.removeprefix(PATH), body), ensure_ascii=False).encode()
        signed = signature.response_headers(
            self._secrets[stamp.key_id],
            status=200,
            key_id=stamp.key_id,
            timestamp=self._now(),
            nonce=stamp.nonce,
            body=content,
        )
        return Reply(200, {"Content-Type": "application/json", **signed}, content)

    def believed(self, path: str, headers: Iterable[tuple[str, str]], body: bytes) -> signature.Stamp | None:
        """Who asks, if they prove it, in time and for the first time; None otherwise."""
        stamp = signature.stamp_from(headers)
        if stamp is None:
            return None
        secrets = self._secrets.get(stamp.key_id)
        text = signature.request_text(
            method="POST",
            path=path,
            audience=self._audience,
            key_id=stamp.key_id,
            timestamp=stamp.timestamp,
            nonce=stamp.nonce,
            body=body,
        )
        # An unknown key takes the same time as a known one (T-3).
        is_signed = signature.is_signed(secrets or (bytes(32),), text, stamp.signatures)
        if secrets is None or not is_signed:
            return None
        now = self._now()
        if abs(now - stamp.timestamp) > self._tolerance or stamp.timestamp < self._began:
            _log.warning("an agent request is out of time", extra={"seconds_apart": stamp.timestamp - now})
            return None
        if not self._nonces.is_new(stamp.key_id, stamp.nonce, now=now, keep_seconds=2 * self._tolerance + 60):
            return None
        return stamp

    def _said(self, verb: str, body: bytes) -> dict[str, Any]:
        try:
            return {"result": _asked(self._driver, verb, body)}
        except BridgeError as error:
            return {"error": {"trouble": type(error).__name__, "kind": error.kind, "message": str(error)}}
        except Exception as bug:  # the agent's door: what broke is told by its kind and its way
            say(_log, logging.ERROR, "an agent verb failed", verb=verb, error=way(bug))
            trouble = OutcomeUnknown if verb in WRITES else NotReached
            return {
                "error": {
                    "trouble": trouble.__name__,
                    "kind": trouble.default_kind,
                    "message": "the agent failed; its log says why",
                }
            }

    def _now(self) -> int:
        return int(self._clock().timestamp())


def _asked(driver: Driver, verb: str, body: bytes) -> Any:
    """One verb, its parameters checked before the driver hears of it."""
    match verb:
        case "capabilities":
            _members(body)
            return object_to_json(driver.capabilities)
        case "find":
            (domain,) = _members(body, domain=str)
            tenant = driver.find(domain)
            return None if tenant is None else tenant_to_json(tenant, reveal=True)
        case "put":
            tenant_document, adopt = _members(body, tenant=dict, adopt=bool)
            driver.put(_tenant(tenant_document), adopt=adopt)
            return None
        case "remove":
            (tenant_document,) = _members(body, tenant=dict)
            driver.remove(_tenant(tenant_document))
            return None
        case "calls":
            after, limit = _members(body, after=str, limit=int)
            if not 1 <= limit <= PAGE_MOST:
                raise Refused(f"limit is not from 1 to {PAGE_MOST}", kind="invalid_params")
            return object_to_json(driver.calls(after, limit))
        case "domains":
            _members(body)
            return list(driver.domains())
        case "checks":
            _members(body)
            return [object_to_json(each) for each in driver.checks()]
        case _:
            raise Refused("the agent knows no such verb", kind="method_not_found")


def _members(body: bytes, **wanted: type) -> tuple[Any, ...]:
    """Exactly the members that the verb takes, of exactly their types."""
    try:
        document = strict_json.read(body)
    except ValueError as error:
        raise Refused("the body is not strict JSON", kind="invalid_params") from error
    if not isinstance(document, dict) or document.keys() != wanted.keys():
        raise Refused(f"the body does not have exactly {', '.join(wanted) or 'no members'}", kind="invalid_params")
    for name, kind in wanted.items():
        if type(document[name]) is not kind:
            raise Refused(f"{name} is not {kind.__name__}", kind="invalid_params")
    return tuple(document[name] for name in wanted)


def _tenant(document: Any) -> Tenant:
    try:
        return tenant_from_json(document)
    except ValueError as error:
        raise Refused(f"the tenant cannot be read: {error}", kind="invalid_params") from None


def app(agent: Agent, routes: Iterable[Route] = ()) -> Starlette:
    """The agent as a web application; `routes` are added as they are."""

    async def serve(request: Request) -> Response:
        plain = "content-encoding" not in request.headers and not request.url.query
        if not plain or request.headers.get("content-type") != "application/json":
            return Response(status_code=415)
        try:
            async with asyncio.timeout(_RECEIPT_SECONDS):
                body = await _bounded(request)
        except (TimeoutError, ClientDisconnect):
            return Response(status_code=408)
        if body is None:
            return Response(status_code=413)
        reply = await run_in_threadpool(agent.answer, request.url.path, request.headers.items(), body)
        return Response(reply.body, status_code=reply.status, headers=dict(reply.headers))

    return Starlette(routes=[Route(f"{PATH}{{verb}}", serve, methods=["POST"]), *routes])


async def _bounded(request: Request) -> bytes | None:
    """The body, or None as soon as it is too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            return None
    return bytes(body)
