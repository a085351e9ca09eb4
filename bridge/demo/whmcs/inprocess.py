"""An ASGI application as a transport of a synchronous client: no port, no waiting.

Silence and cuts that the stand-in was ordered to produce become the exceptions that a socket would have produced, at
once. Anything else that an application may be asked over HTTP can be asked here too.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from starlette.types import ASGIApp

from bridge.demo.whmcs.web import WIRE


class InProcess(httpx.BaseTransport):
    def __init__(self, app: ASGIApp, address: str = "127.0.0.1") -> None:
        """`address` is what the application sees the client at."""
        self._app = app
        self._address = address

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        told: list[str] = []
        status, headers, body = asyncio.run(self._ask(request, request.read(), told))
        if "refuse" in told:
            raise httpx.ConnectError("refused", request=request)
        if told and told[-1] in ("hang", "late"):
            raise httpx.ReadTimeout("silence", request=request)
        if told:
            raise httpx.RemoteProtocolError("cut", request=request)
        return httpx.Response(status, headers=headers, content=body, request=request)

    async def _ask(
        self, request: httpx.Request, body: bytes, told: list[str]
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.url.scheme,
            "path": request.url.path,
            "raw_path": request.url.raw_path,
            "query_string": request.url.query,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "server": (request.url.host, request.url.port or 80),
            "client": (self._address, 50000),
            "extensions": {WIRE: told.append},
        }
        sent: list[dict[str, Any]] = []
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            return waiting.pop() if waiting else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        start = next(message for message in sent if message["type"] == "http.response.start")
        parts = (message.get("body", b"") for message in sent if message["type"] == "http.response.body")
        return start["status"], list(start["headers"]), b"".join(parts)
