"""`service.move` and what it leaves: a service's tenant goes to another server."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from bridge import leftover, move
from bridge.app import Bridge
from bridge.rpc.method import Caller, Id, Method, WriteParams, asking_of


class Move(WriteParams):
    """The tenant of the service, with every service in it. With `dry_run` the plan alone."""

    service_id: Id
    server_id: Id
    reason: Annotated[str, StringConstraints(max_length=500)] = ""
    wait_ms: Annotated[int, Field(ge=0, le=20000)] = 15000


class Clear(WriteParams):
    """What moves left, where its retention is over; `confirm` releases a batch that was held."""

    confirm: Annotated[str, StringConstraints(max_length=64)] | None = None


def run(bridge: Bridge, caller: Caller, params: Move) -> dict[str, Any]:
    wait_ms = params.wait_ms if params.deadline_ms is None else min(params.wait_ms, params.deadline_ms)
    asking = asking_of(caller, "service.move", params, wait_ms=wait_ms)
    return move.move(bridge, asking, params.service_id, to_server_id=params.server_id, reason=params.reason)


def clear(bridge: Bridge, _caller: Caller, params: Clear) -> dict[str, Any]:
    return leftover.clear_due(bridge, confirm=params.confirm, dry_run=params.dry_run)


METHODS = (
    Method("service.move", "Move a service's tenant, with all its services, to another server.", Move, run, "write"),
    Method(
        "move.clear", "Delete what moves left on old servers, where it was kept long enough.", Clear, clear, "write"
    ),
)
