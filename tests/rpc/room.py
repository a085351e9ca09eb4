"""A door with methods of our own behind it, and somebody who knocks properly."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import httpx
from pydantic import Field
from sqlalchemy import text
from starlette.applications import Starlette

from bridge import keys, signature, web, webhooks
from bridge.app import Bridge
from bridge.rpc.method import Caller, Method, Params, WriteParams

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
WHMCS_ADDRESS = "203.0.113.7"


class Echo(Params):
    service_id: Annotated[int, Field(gt=0)]
    note: str = ""
    options: dict[str, str] = Field(default_factory=dict)


class Create(WriteParams):
    service_id: int
    wait_ms: Annotated[int, Field(ge=0, le=20000)] = 15000


@dataclass
class Room:
    """What the methods did, to be asked afterwards."""

    done: list[tuple[str, Any]] = field(default_factory=list)
    trouble: BaseException | None = None

    def methods(self) -> dict[str, Method]:
        def echo(_: Bridge, caller: Caller, params: Echo) -> dict[str, Any]:
            self.done.append(("service.echo", params))
            return {"service_id": params.service_id, "note": params.note, "caller": caller.key_id}

        def create(_: Bridge, caller: Caller, params: Create) -> dict[str, Any]:
            self.done.append(("service.create", params))
            if self.trouble is not None:
                raise self.trouble
            return {"operation_id": 7, "state": "accepted", "_meta": {"replayed": True}}

        return {
            "service.echo": Method("service.echo", "Says it back.", Echo, echo),
            "service.create": Method("service.create", "Wants a service.", Create, create, kind="write"),
        }


@dataclass
class Clock:
    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def ticks(self) -> float:
        return (self.at - START).total_seconds()

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


_nonces: Iterator[int] = itertools.count(1)


@dataclass
class Knocker:
    """Signs as the shim does. What a test wants wrong, it hands in."""

    bridge: Bridge
    app: Starlette
    clock: Clock
    key_id: str
    room: Room
    secret: bytes = field(repr=False)

    def stamp(self, body: bytes, /, *, path: str = web.RPC_PATH, **wrong: Any) -> dict[str, str]:
        given: dict[str, Any] = {
            "method": "POST",
            "path": path,
            "audience": self.bridge.settings.instance,
            "key_id": self.key_id,
            "timestamp": int(self.clock().timestamp()),
            "nonce": f"{next(_nonces):032x}",
            "body": body,
        }
        secret = wrong.pop("secret", self.secret)
        return {"Content-Type": "application/json"} | signature.request_headers(secret, **(given | wrong))

    def post(
        self,
        body: bytes,
        headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
        *,
        path: str = web.RPC_PATH,
        address: str = WHMCS_ADDRESS,
    ) -> httpx.Response:
        given = self.stamp(body, path=path) if headers is None else headers
        return self.ask("POST", path, content=body, headers=given, address=address)

    def ask(self, method: str, path: str, *, address: str = WHMCS_ADDRESS, **request: Any) -> httpx.Response:
        async def exchange() -> httpx.Response:
            async with self.client(address) as client:
                return await client.request(method, path, **request)

        return asyncio.run(exchange())

    def client(self, address: str = WHMCS_ADDRESS) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=True, client=(address, 40000))
        return httpx.AsyncClient(transport=transport, base_url="http://bridge.test")

    def call(self, method: str, params: Any = None, id_: Any = "c1") -> dict[str, Any]:
        """The answer's document, once its signature was found good."""
        document = {"jsonrpc": "2.0", "id": id_, "method": method} | ({} if params is None else {"params": params})
        answer: dict[str, Any] = self.send(document)
        return answer

    def send(self, document: Any) -> Any:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        headers = self.stamp(body)
        answer = self.post(body, headers)
        assert self.is_signed(answer, headers), "R-63: an unsigned answer is no answer"
        return answer.json() if answer.content else None

    def is_signed(self, answer: httpx.Response, headers: Mapping[str, str], secret: bytes | None = None) -> bool:
        return signature.is_answer_signed(
            secret or self.secret,
            answer.headers,
            status=answer.status_code,
            key_id=headers[signature.KEY],
            nonce=headers[signature.NONCE],
            body=answer.content,
        )


def a_knocker(
    bridge: Bridge,
    *,
    scopes: tuple[str, ...] = (),
    key_id: str = "whmcs-main",
    clock: Clock | None = None,
    room: Room | None = None,
    notice: webhooks.Receive | None = None,
    limits: web.Limits | None = None,
    methods: Mapping[str, Method] | None = None,
) -> Knocker:
    clock = clock or Clock()
    room = room or Room()
    _, secret = keys.add(bridge, key_id, scopes)
    app = web.app(
        bridge,
        methods if methods is not None else room.methods(),
        notice=notice,
        clock=clock,
        ticks=clock.ticks,
        limits=limits or web.Limits(),
    )
    return Knocker(bridge, app, clock, key_id, room, signature.secret_bytes(secret))


def error_of(answer: Any) -> dict[str, Any]:
    document = answer.json() if isinstance(answer, httpx.Response) else answer
    error: dict[str, Any] = document["error"]
    return error


def nothing_happened(knocker: Knocker) -> bool:
    return knocker.room.done == []


def nonces_kept(bridge: Bridge) -> int:
    with bridge.engine.connect() as tx:
        found: int = tx.execute(text("SELECT COUNT(*) FROM mod_ictvoipbilling_nonces")).scalar_one()
        return found
