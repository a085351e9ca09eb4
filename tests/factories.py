"""Small makers of values for tests: `a_server()`, `an_operation()`, and a bridge that has one PBX in memory."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import now, transact
from bridge.handler import Handler
from bridge.operations import Kind, Operation, State
from bridge.pbx.memory import MemoryPbx
from bridge.server import Health, Server
from bridge.service import Service
from bridge.store import handlers, packages, servers
from bridge.store.packages import Assigned
from bridge.wanted import Status
from bridge.worker import Worker

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
_keys = itertools.count(1)


def an_operation(**changed: Any) -> Operation:
    return replace(
        Operation(
            id=17, service_id=42, kind=Kind.CREATE, generation=1, state=State.ACCEPTED, created_at=NOON, due_at=NOON
        ),
        **changed,
    )


def a_server(server_id: int = 1, **changed: Any) -> Server:
    return replace(
        Server(
            server_id, f"pbx{server_id}", "memory", health=Health.GREEN, zone="pbx.example", is_default=server_id == 1
        ),
        **changed,
    )


def a_service(service_id: int = 42, **changed: Any) -> Service:
    return replace(Service(service_id, client_id=7, product_id=12, status=Status.ACTIVE, server_id=1), **changed)


def with_memory_pbx(bridge: Bridge, server: Server | None = None) -> MemoryPbx:
    """A PBX in memory as a tested server of the bridge."""
    server = server or a_server()
    pbx = MemoryPbx()
    transact(bridge.engine, lambda tx: servers.save(tx, server))
    bridge.drivers.use(server, {}, pbx)
    return pbx


def with_handler(bridge: Bridge, product_id: int = 12, **changed: Any) -> Handler:
    handler = replace(Handler(product_id, extensions=2), **changed)
    transact(bridge.engine, lambda tx: handlers.save(tx, handler))
    return handler


def with_package(bridge: Bridge, product_id: int = 12, **document: Any) -> None:
    """A version of a product's package: what has to be said of one, and what the test says."""
    whole = the_least(name=f"product {product_id}", product_id=product_id, **document)
    home = Assigned(country=whole["country"], calling_code="1", currency=whole["currency"])
    transact(
        bridge.engine,
        lambda tx: packages.add(tx, product_id, name=whole["name"], document=whole, assigned=home, actor="test"),
    )


def the_least(**more: Any) -> dict[str, Any]:
    """What has to be said of a package, and more of it."""
    return {"name": "Basic", "product_id": 12, "type": "metered", "currency": "USD", "country": "CA"} | more


def an_ordinary(**more: Any) -> dict[str, Any]:
    """A package in which nothing is probably not meant."""
    return the_least(nanp_10_digit=True) | more


def asking(method: str = "service.create", **changed: Any) -> Asking:
    """A caller who does not wait, under a key of its own."""
    return replace(Asking("whmcs-main", method, key=f"test-key-{next(_keys):012d}", wait_ms=0), **changed)


def run_all(bridge: Bridge, name: str = "worker-1") -> int:
    """Works until nothing is due. Answers how many operations were attempted."""
    worker = Worker(bridge, name)
    done = 0
    while worked := worker.run_once():
        done += worked
    return done


def database_now(bridge: Bridge) -> datetime:
    return transact(bridge.engine, now)
