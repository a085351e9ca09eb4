"""The ASGI app: which path leads to which door, and how much of anybody's request is read.

    POST /rpc/v1            the gate, then the dispatcher
    POST /webhooks/whmcs    the gate, then a notice
    GET  /live              says that the process answers, and nothing else
    GET  /ready, /metrics   on the admin listener; without one, to loopback only and never through a proxy
    GET  /openrpc.json      the door's own description

`/console` stays free. There is no CORS: browsers have no business here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from ipaddress import ip_address
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge import monitoring, schema, webhooks
from bridge.app import Bridge
from bridge.database import transact
from bridge.errors import BridgeError, NotPrepared, Unavailable
from bridge.gate import Denied, Gate, Guest, Letter, utc_now
from bridge.limits import PER_ADDRESS, PER_KEY, Rate
from bridge.logs import say, way
from bridge.metrics import CONTENT_TYPE, Metrics
from bridge.rpc import envelope
from bridge.rpc.dispatch import Dispatcher
from bridge.rpc.faults import Fault, fault, fault_of
from bridge.rpc.method import Method
from bridge.rpc.methods import with_discover
from bridge.rpc.openrpc import document
from bridge.rpc.wording import Answer, Wording
from bridge.transport import boot_seconds

RPC_PATH = "/rpc/v1"
NOTICE_PATH = "/webhooks/whmcs"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a request, and how many at once."""

    body_bytes: int = envelope.BODY_BYTES_MAX
    receipt_seconds: float = 10
    threads: int = 64
    waiting_max: int = 64
    """Requests that may wait for a thread; one more is told `overloaded`."""
    delayed_max: int = 100
    """Failed answers held back at once; one more goes out without its delay."""
    sweep_seconds: float = 60
    schema_seconds: float = 5
    per_address: Rate = PER_ADDRESS
    per_key: Rate = PER_KEY


def app(
    bridge: Bridge,
    methods: Mapping[str, Method],
    *,
    notice: webhooks.Receive | None = None,
    metrics: Metrics | None = None,
    clock: Callable[[], datetime] = utc_now,
    ticks: Callable[[], float] = boot_seconds,
    limits: Limits = Limits(),
) -> Starlette:
    """The app for the main listener. `app.state.door` is what `serve` drains and what `admin_app` shows."""
    door = Door(bridge, methods, notice or _unheard, metrics or Metrics(), clock, ticks, limits)
    routes = [
        Route(RPC_PATH, door.rpc, methods=_ALL),
        Route(NOTICE_PATH, door.whmcs_notice, methods=_ALL),
        Route("/live", door.live, methods=["GET"]),
        Route("/openrpc.json", door.openrpc, methods=["GET"]),
    ]
    if bridge.settings.admin_listen is None:
        routes += [
            Route("/ready", partial(_loopback_only, door.ready), methods=["GET"]),
            Route("/metrics", partial(_loopback_only, door.figures), methods=["GET"]),
        ]
    return _starlette(door, routes, lifespan=door.lifespan)


def admin_app(door: Door) -> Starlette:
    """The app for BRIDGE_ADMIN_LISTEN."""
    routes = [
        Route("/live", door.live, methods=["GET"]),
        Route("/ready", door.ready, methods=["GET"]),
        Route("/metrics", door.figures, methods=["GET"]),
    ]
    return _starlette(door, routes)


_ALL = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
"""Every method comes to the door itself, which answers all but POST with an error of its own wording."""


def _path_of(request: Request) -> str:
    """The path as it was sent: `/rpc%2Fv1` is not what was signed, though it leads here."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    return raw.partition(b"?")[0].decode("latin-1")


def _starlette(door: Door, routes: list[Route], lifespan: Any = None) -> Starlette:
    made = Starlette(routes=routes, lifespan=lifespan)
    made.router.redirect_slashes = False
    made.state.door = door
    return made


def _unheard(_: webhooks.Notice) -> None:
    """The sweep finds what notices tell of, only later."""


@dataclass(frozen=True, slots=True)
class _Turned:
    """A refusal that belongs to HTTP alone and has no row of its own: a wrong verb, a slow or ambiguous request."""

    status: int
    why: Fault
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""


class _TurnedAway(Exception):
    def __init__(self, turned: _Turned) -> None:
        super().__init__()
        self.turned = turned


class Door:
    def __init__(
        self,
        bridge: Bridge,
        methods: Mapping[str, Method],
        notice: webhooks.Receive,
        metrics: Metrics,
        clock: Callable[[], datetime],
        ticks: Callable[[], float],
        limits: Limits,
    ) -> None:
        self.metrics = metrics
        monitoring.watch(bridge, metrics)
        self.gate = Gate(bridge, clock=clock, ticks=ticks, per_address=limits.per_address, per_key=limits.per_key)
        self._bridge = bridge
        self._methods = methods if "rpc.discover" in methods else with_discover(methods)
        self._wording = Wording(clock, bridge.random)
        self._dispatcher = Dispatcher(bridge, self._methods, self._wording, ticks=ticks, observe=metrics.call)
        self._notice = notice
        self._limits = limits
        self._ticks = ticks
        self._draining = False
        self._schema_is_current = False
        self._schema_looked = float("-inf")
        self._inside = 0
        self._delayed = 0
        self._threads: CapacityLimiter | None = None

    def drain(self) -> None:
        """From now on calls are told `unavailable`, and /ready says so. Those inside are finished (R-27)."""
        self._draining = True
        self.metrics.draining.set(1)

    # --- the doors ---------------------------------------------------------------------------------------------------

    async def rpc(self, request: Request) -> Response:
        return await self._receive(request, self._limits.body_bytes, self._dispatch)

    async def whmcs_notice(self, request: Request) -> Response:
        return await self._receive(request, min(webhooks.BODY_BYTES_MAX, self._limits.body_bytes), self._hear)

    async def live(self, _: Request) -> Response:
        return Response(b"", 204)

    async def openrpc(self, _: Request) -> Response:
        return JSONResponse(document(self._methods))

    async def ready(self, _: Request) -> Response:
        missing = await to_thread.run_sync(self.missing)
        return JSONResponse({"ready": not missing, "missing": missing}, 503 if missing else 200)

    async def figures(self, _: Request) -> Response:
        text = await to_thread.run_sync(self.metrics.text)
        return Response(text, media_type=CONTENT_TYPE)

    def missing(self) -> list[str]:
        """What keeps the bridge from its work, by name."""
        settings = self._bridge.settings
        whmcs = {
            "BRIDGE_WHMCS_URL": settings.whmcs_url,
            "BRIDGE_WHMCS_IDENTIFIER": settings.whmcs_identifier,
            "BRIDGE_WHMCS_SECRET_FILE": settings.whmcs_secret_file,
        }
        found = ["draining"] if self._draining else []
        try:
            found += ["schema: run bridge db upgrade"] if schema.check(self._bridge.engine) else []
        except NotPrepared:
            found.append("schema: run bridge doctor")
        except BridgeError:
            found.append("database")
        return found + [name for name, value in whmcs.items() if value is None]

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        keeping = asyncio.create_task(self._keep_house())
        try:
            yield
        finally:
            keeping.cancel()

    # --- one request -------------------------------------------------------------------------------------------------

    async def _receive(self, request: Request, body_bytes_max: int, act: Callable[[Guest, Letter], Answer]) -> Response:
        address = request.client.host if request.client else "unknown"
        try:
            self.gate.knock(address)
            _check_head(request, body_bytes_max)
            body = await self._read(request, body_bytes_max)
        except _TurnedAway as away:
            self.metrics.refused(away.turned.kind or away.turned.why.row.kind)
            return _response(self._wording.refusal(away.turned.why), away.turned.status, away.turned.headers)
        except Denied as denied:
            self.metrics.refused(denied.kind)
            return _response(self._wording.refusal(fault_of(denied)), headers={"Connection": "close"})
        except ClientDisconnect:
            return Response(b"", 400)

        letter = Letter(request.method, _path_of(request), address, _headers(request), body)
        if self._inside >= self._limits.threads + self._limits.waiting_max:
            self.metrics.refused("overloaded")
            return _response(self._wording.refusal(fault("overloaded")))
        self._inside += 1
        try:
            answer, headers, delay_seconds = await to_thread.run_sync(
                self._answer, letter, act, limiter=self._limiter()
            )
        finally:
            self._inside -= 1
        if delay_seconds:
            await self._hold_back(delay_seconds)
        return _response(answer, headers=headers)

    def _answer(
        self, letter: Letter, act: Callable[[Guest, Letter], Answer]
    ) -> tuple[Answer, Mapping[str, str], float]:
        """In a worker thread: the rest of the gate, the work, the signature."""
        guest: Guest | None = None
        delay_seconds = 0.0
        try:
            guest = self.gate.recognise(letter)
            self.gate.admit(guest)
            self._require_open()
            answer = act(guest, letter)
        except Denied as denied:
            self.metrics.refused(denied.kind)
            if guest is None:
                delay_seconds = self.gate.failed(letter, denied).delay_seconds
            answer = self._wording.refusal(fault_of(denied))
        except BridgeError as error:
            why = fault_of(error)
            incident = self._wording.name()
            say(_log, logging.WARNING, "request refused", kind=why.row.kind, incident=incident, error=way(error))
            self.metrics.refused(why.row.kind)
            answer = self._wording.refusal(why, incident=incident)
        except Exception as error:  # the door: a bug gets an incident number, and nothing of it leaves
            incident = self._wording.name()
            say(_log, logging.ERROR, "request failed by a bug", incident=incident, error=way(error))
            self.metrics.refused("internal")
            answer = self._wording.refusal(fault("internal"), incident=incident)
        signed = self.gate.sign(guest, status=answer.status, body=answer.body) if guest else {}
        return answer, signed, delay_seconds

    def _dispatch(self, guest: Guest, letter: Letter) -> Answer:
        return self._dispatcher.answer(guest.caller, letter.body, spend=partial(self.gate.spend, guest))

    def _hear(self, guest: Guest, letter: Letter) -> Answer:
        self.gate.spend(guest, 1)
        try:
            notice = webhooks.read_notice(guest.caller, letter.body)
        except BridgeError as error:
            self.metrics.notice(error.kind)
            refusal = self._wording.refusal(fault_of(error))
            return Answer(400 if refusal.status == 200 else refusal.status, refusal.body)
        self._notice(notice)
        self.metrics.notice("heard")
        return Answer(200, b'{"heard":true}')

    def _require_open(self) -> None:
        if self._draining:
            raise Unavailable("the bridge is about to stop")
        self._require_schema()

    def _require_schema(self) -> None:
        if self._schema_is_current:
            return
        if self._ticks() - self._schema_looked >= self._limits.schema_seconds:
            self._schema_is_current = not transact(self._bridge.engine, schema.pending)
            self._schema_looked = self._ticks()
        if not self._schema_is_current:
            raise Unavailable("the schema is not current; run bridge db upgrade")

    async def _read(self, request: Request, body_bytes_max: int) -> bytes:
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._limits.receipt_seconds):
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > body_bytes_max:
                        raise _turned("too_large", 413)
                    chunks.append(chunk)
        except TimeoutError:
            raise _turned("invalid_request", 408, kind="slow") from None
        return b"".join(chunks)

    async def _hold_back(self, seconds: float) -> None:
        """Only failed answers wait, and only so many; the loop goes on serving everyone else meanwhile."""
        if self._delayed >= self._limits.delayed_max:
            return
        self._delayed += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._delayed -= 1

    def _limiter(self) -> CapacityLimiter:
        if self._threads is None:
            self._threads = CapacityLimiter(self._limits.threads)  # needs the running loop
        return self._threads

    async def _keep_house(self) -> None:
        """At once, so that the first caller waits for nothing, and then every minute."""
        while True:
            try:
                await to_thread.run_sync(self._tidy)
            except Exception as error:  # the next minute tries again, and callers are told by themselves
                say(_log, logging.WARNING, "nonces not swept", error=way(error))
            await asyncio.sleep(self._limits.sweep_seconds)

    def _tidy(self) -> None:
        self._require_schema()
        self.gate.sweep()


def _turned(row: str, status: int, *, kind: str = "", headers: Mapping[str, str] | None = None) -> _TurnedAway:
    return _TurnedAway(_Turned(status, fault(row), {"Connection": "close", **(headers or {})}, kind))


def _check_head(request: Request, body_bytes_max: int) -> None:
    """Method, query, framing, type and declared size, before a byte of the body is read (R-51, T-4)."""
    given: dict[str, list[str]] = {}
    for name, value in request.headers.items():
        given.setdefault(name, []).append(value)

    if request.method != "POST":
        raise _turned("invalid_request", 405, headers={"Allow": "POST"})
    if request.url.query or request.scope.get("query_string"):
        raise _turned("invalid_request", 400)
    lengths = given.get("content-length", [])
    if len(lengths) > 1 or (lengths and "transfer-encoding" in given):
        raise _turned("invalid_request", 400, kind="ambiguous")
    if lengths and not (lengths[0].isascii() and lengths[0].isdigit()):
        raise _turned("invalid_request", 400, kind="ambiguous")
    if "content-encoding" in given or not _is_json(given.get("content-type", [])):
        raise _turned("unsupported_media", 415)
    if lengths and (len(lengths[0]) > 12 or int(lengths[0]) > body_bytes_max):
        raise _turned("too_large", 413)


def _is_json(types: list[str]) -> bool:
    """application/json, once, with no parameter but charset=utf-8."""
    if len(types) != 1:
        return False
    kind, *parameters = (part.strip().lower() for part in types[0].split(";"))
    return kind == "application/json" and all(
        parameter in ("charset=utf-8", 'charset="utf-8"') for parameter in parameters
    )


async def _loopback_only(show: Callable[[Request], Any], request: Request) -> Response:
    """A proxy on this host makes everybody look local, so what came through one is not (T-30)."""
    forwarded = {"forwarded", "x-forwarded-for", "x-real-ip", "via"} & set(request.headers.keys())
    if forwarded or not _is_loopback(request.client.host if request.client else ""):
        return Response("Not Found", 404, media_type="text/plain")
    shown: Response = await show(request)
    return shown


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _headers(request: Request) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw)


def _response(answer: Answer, status: int | None = None, headers: Mapping[str, str] | None = None) -> Response:
    complete = dict(headers or {})
    if answer.retry_after is not None:
        complete["Retry-After"] = str(answer.retry_after)
    media_type = "application/json" if answer.body else None
    return Response(answer.body, status or answer.status, headers=complete, media_type=media_type)
