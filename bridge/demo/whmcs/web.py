"""The stand-in as a web application: its paths, and what bad luck looks like on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.demo.whmcs import addon, api
from bridge.demo.whmcs.api import Page
from bridge.demo.whmcs.faults import EXECUTED, Fault
from bridge.demo.whmcs.standin import StandIn
from bridge.whmcs.endpoint import FILES, Door

WIRE = "bridge.demo.wire"
"""An ASGI extension: a caller in the same process is told of silence and cuts at once, instead of living them."""

_LOGIN_PAGE = Page(
    200, b"<!DOCTYPE html><html><title>Login</title><form><input name=username></form></html>", "text/html"
)
_ERROR_PAGE = Page(
    500, b"<html><h1>Oops!</h1><p>Something went wrong and we couldn't process your request.</p></html>", "text/html"
)


def application(whmcs: StandIn) -> ASGIApp:
    async def ask_api(request: Request) -> Response:
        values = api.read_form(request.headers.get("content-type", ""), await request.body())
        address = request.client.host if request.client else ""
        return await _with_luck(
            whmcs, str(values.get("action", "")), request.scope, lambda: (api.answer(whmcs, values, address), {})
        )

    def door(name: Door) -> Callable[[Request], object]:
        async def ask_addon(request: Request) -> Response:
            body, headers = await request.body(), request.headers.items()
            return await _with_luck(whmcs, name, request.scope, lambda: addon.serve(whmcs, name, headers, body))

        return ask_addon

    return Starlette(
        routes=[
            Route("/includes/api.php", ask_api, methods=["POST"]),
            *(Route(f"/{path}", door(name), methods=["POST"]) for name, path in FILES.items()),
        ]
    )


async def _with_luck(
    whmcs: StandIn, action: str, scope: Scope, run: Callable[[], tuple[Page, dict[str, str]]]
) -> Response:
    fault = whmcs.faults.take(action)
    times = 1 if fault is None else EXECUTED.get(fault.kind, 0)
    page, headers = _ERROR_PAGE, dict[str, str]()
    for _ in range(times):
        page, headers = await run_in_threadpool(run)
    if fault is None or fault.kind == "again":
        return _response(page, headers)
    if fault.kind == "twice":
        return _response(Page(page.status, page.body * 2, page.content_type), headers)
    if fault.kind == "empty":
        return _response(Page(200, b"", page.content_type), {})
    if fault.kind in ("error_before", "error_after"):
        return _response(_ERROR_PAGE, {})
    if fault.kind == "login_page":
        return _response(_LOGIN_PAGE, {})
    return await _on_the_wire(fault, scope, _response(page, headers))


async def _on_the_wire(fault: Fault, scope: Scope, response: Response) -> Response:
    tell = scope.get("extensions", {}).get(WIRE)
    if tell is not None:
        tell(fault.kind)
        return response
    if fault.kind in ("hang", "late"):
        await asyncio.sleep(fault.seconds)
    return response if fault.kind == "late" else _Cut(response)


def _response(page: Page, headers: dict[str, str]) -> Response:
    return Response(page.body, page.status, headers, page.content_type)


class _Cut(Response):
    """Announces a whole answer and sends half of it; the server then closes the connection."""

    def __init__(self, whole: Response) -> None:
        super().__init__(whole.body, whole.status_code)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": bytes(self.body)[: len(self.body) // 2], "more_body": False})
