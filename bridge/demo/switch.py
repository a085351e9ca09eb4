"""A simulated PBX: the reference driver behind the agent, in a process of its own.

    python -m bridge.demo.switch --listen 127.0.0.1:8471 --instance pbx-1 --key-id demo --secret-file FILE [--control]

The secret (base64, 32 bytes) comes from the file or from BRIDGE_SWITCH_SECRET, never from the command line. The first
line printed says where it listens. With `--control`, what happens to a PBX can be made to happen, from loopback only:

    POST /control/outage   {"on": true}                                  nothing answers until {"on": false}
    POST /control/fail     {"nth": 2, "trouble": "OutcomeUnknown", "after_effect": true}
    POST /control/ring     a call record as `pbx/wire.py` writes it      it is in the next page of calls
    POST /control/add      a tenant, marked or not                       an operator made it
    POST /control/remove   {"domain"}                                    an operator removed it
    POST /control/enable   {"domain", "extension", "enabled"}            an operator switched an extension on or off
    POST /control/rename   {"domain", "extension", "name"}
    GET  /control/state                                                  tenants without passwords, and counters
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge import signature, strict_json
from bridge.agent import Agent
from bridge.agent import app as agent_app
from bridge.errors import BridgeError, NotReached, OutcomeUnknown, Refused
from bridge.pbx.driver import CallRecord
from bridge.pbx.memory import MemoryPbx
from bridge.pbx.wire import object_from_json, tenant_from_json, tenant_to_json
from bridge.secret import Secret

SECRET = "BRIDGE_SWITCH_SECRET"  # noqa: S105  # the name of the variable, not what is in it
_TROUBLE: Mapping[str, type[BridgeError]] = {kind.__name__: kind for kind in (Refused, NotReached, OutcomeUnknown)}


def app(pbx: MemoryPbx, agent: Agent, *, control: bool = False) -> Starlette:
    """The agent's doors, and the control's where it is wanted."""
    return agent_app(agent, _control(pbx) if control else ())


def _control(pbx: MemoryPbx) -> list[Route]:
    acts = _acts(pbx)

    async def act(request: Request) -> Response:
        if not _is_local(request):
            return Response(status_code=403)
        if request.headers.get("content-type") != "application/json":
            return Response(status_code=415)
        asked = acts.get(request.path_params["act"])
        if asked is None:
            return Response(status_code=404)
        try:
            asked(strict_json.read(await request.body()))
        except (KeyError, TypeError, ValueError, BridgeError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, status_code=400)
        return JSONResponse({"done": True})

    async def state(request: Request) -> Response:
        if not _is_local(request):
            return Response(status_code=403)
        seen = (pbx.by_hand.see(domain) for domain in pbx.by_hand.domains())
        return JSONResponse(
            {
                "tenants": [tenant_to_json(tenant) for tenant in seen if tenant is not None],
                "outside_calls": pbx.trouble.calls,
                "outage": pbx.trouble.outage,
            }
        )

    return [Route("/control/state", state), Route("/control/{act}", act, methods=["POST"])]


def _acts(pbx: MemoryPbx) -> dict[str, Callable[[Any], None]]:
    hand = pbx.by_hand

    def outage(asked: Any) -> None:
        pbx.trouble.outage = asked["on"] is True

    def fail(asked: Any) -> None:
        error = _TROUBLE[asked["trouble"]]("as the control asked")
        pbx.trouble.fail(asked["nth"], error, after_effect=asked.get("after_effect") is True)

    return {
        "outage": outage,
        "fail": fail,
        "ring": lambda asked: hand.ring(object_from_json(CallRecord, asked)),
        "add": lambda asked: hand.add(tenant_from_json(asked)),
        "remove": lambda asked: hand.remove(asked["domain"]),
        "enable": lambda asked: hand.enable(asked["domain"], asked["extension"], enabled=asked["enabled"] is True),
        "rename": lambda asked: hand.rename(asked["domain"], asked["extension"], name=asked["name"]),
    }


def _is_local(request: Request) -> bool:
    return request.client is not None and ip_address(request.client.host).is_loopback


def _secret(file: Path | None, environment: Mapping[str, str]) -> bytes:
    text = file.read_text(encoding="ascii") if file else environment.get(SECRET, "")
    return signature.secret_bytes(Secret(text))


def main(arguments: list[str] | None = None, environment: Mapping[str, str] = os.environ) -> int:
    parser = argparse.ArgumentParser(prog="python -m bridge.demo.switch", description="A simulated PBX.")
    parser.add_argument("--listen", default="127.0.0.1:8471", metavar="HOST:PORT", help="port 0 takes a free one")
    parser.add_argument("--instance", default="pbx-1", help="the audience of what is signed for it")
    parser.add_argument("--key-id", default="demo")
    parser.add_argument("--secret-file", type=Path, help=f"32 bytes in base64; without it {SECRET} is read")
    parser.add_argument("--control", action="store_true", help="let loopback make things happen")
    options = parser.parse_args(arguments)

    host, _, port = options.listen.rpartition(":")
    try:
        secret = _secret(options.secret_file, environment)
        listener = socket.create_server((host, int(port)))
        # asyncio turns Nagle's delay off only on sockets that say TCP; what is accepted here inherits it.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except (OSError, ValueError) as error:
        print(f"the simulated PBX does not start: {error}", file=sys.stderr)
        return 1

    pbx = MemoryPbx(version="simulated PBX 1")
    agent = Agent(pbx, options.instance, {options.key_id: (secret,)}, lambda: datetime.now(UTC))
    where = listener.getsockname()
    print(f"listening on {where[0]}:{where[1]}", flush=True)
    config = uvicorn.Config(
        app(pbx, agent, control=options.control), log_level="warning", access_log=False, server_header=False
    )
    uvicorn.Server(config).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
