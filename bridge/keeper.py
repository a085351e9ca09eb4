"""What has to be done again and again: probing, testing, telling, sealing, sweeping. Each job in its own short turn."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from bridge import servers
from bridge.announcer import Announcer
from bridge.app import Bridge
from bridge.database import now, transact
from bridge.drivers import secrets_from
from bridge.errors import BridgeError
from bridge.logs import say, way
from bridge.operations import State
from bridge.pbx.connection import is_green
from bridge.secret import Secret
from bridge.server import Server
from bridge.store import audit, jobs, lanes, operations, requests
from bridge.store import servers as server_store

log = logging.getLogger("bridge.keeper")

LEASE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Job:
    """Done by one process of the installation at a time."""

    name: str
    every_seconds: float
    act: Callable[[Bridge], dict[str, Any] | None]


class Keeper:
    def __init__(self, bridge: Bridge, name: str, more: tuple[Job, ...] = ()) -> None:
        self.bridge = bridge
        self.name = name
        self.jobs = (*standing_jobs(bridge), *more)
        self._announcer = Announcer(bridge, name)

    def run_once(self) -> int:
        """One round. Answers how much there was to do; what breaks is logged and tried again in its next turn."""
        done = 0
        for act in (self._probe, self._test, self._announcer.run_once):
            done += self._guarded(act)
        for job in self.jobs:
            done += self._guarded(lambda job=job: self._turn(job))  # type: ignore[misc]  # bound now, called now
        return done

    def run(self, stop: threading.Event, *, pause_seconds: float = 0.5) -> None:
        while not stop.is_set():
            if not self.run_once():
                stop.wait(pause_seconds)

    def _guarded(self, act: Callable[[], int]) -> int:
        try:
            return act()
        except BridgeError as trouble:
            say(log, logging.WARNING, "a job was put off", cause=str(trouble))
        except Exception as bug:  # a bug in one job must not end the others
            say(log, logging.ERROR, "a job broke", error=way(bug))
        return 0

    def _turn(self, job: Job) -> int:
        engine = self.bridge.engine
        turn = transact(engine, lambda tx: jobs.take(tx, job.name, owner=self.name, lease=LEASE))
        if turn is None:
            return 0
        result: dict[str, Any] | None = {"failed": True}
        try:
            result = job.act(self.bridge)
        finally:
            again = timedelta(seconds=job.every_seconds)
            transact(engine, lambda tx: jobs.finish(tx, turn, again_in=again, result=result))
        return 0

    def _probe(self) -> int:
        """One server that was out of reach: is it back? Once a minute for a PBX, however many operations wait."""
        return self._examine(server_store.take_probe, is_probe=True)

    def _test(self) -> int:
        return self._examine(server_store.take_test, is_probe=False)

    def _examine(self, take: Callable[..., Server | None], *, is_probe: bool) -> int:
        seconds = self.bridge.settings.probe_seconds
        found = transact(self.bridge.engine, lambda tx: self._with_secrets(tx, take(tx, seconds=seconds)))
        if found is None:
            return 0
        server, secrets = found
        checks = servers.examine(self.bridge, server, secrets)
        if is_green(checks) or not is_probe:
            transact(
                self.bridge.engine,
                lambda tx: servers.record_test(
                    tx, self.bridge, servers.Examined(server, secrets, checks), actor="bridge"
                ),
            )
            self.bridge.bell.ring()
        return 1

    def _with_secrets(self, tx: Connection, server: Server | None) -> tuple[Server, Mapping[str, Secret]] | None:
        if server is None:
            return None
        return server, secrets_from(server_store.secret_of(tx, server.server_id, self.bridge.vault))


def standing_jobs(bridge: Bridge) -> tuple[Job, ...]:
    return (
        Job("seal_audit", bridge.settings.seal_seconds, _seal),
        Job("forget_requests", 3600, _forget_requests),
        Job("look_for_stuck", 60, _look_for_stuck),
    )


def _seal(bridge: Bridge) -> dict[str, Any] | None:
    """Chains what was written to the audit since last time, and notes the end of the chain in another place (T-24)."""
    sealed = 0
    while batch := transact(bridge.engine, audit.seal):
        sealed += batch
    end = transact(bridge.engine, audit.head)
    return {"sealed": sealed, "head": end.sealed_no, "chain": end.chain}


def _forget_requests(bridge: Bridge) -> dict[str, Any] | None:
    return {"forgotten": transact(bridge.engine, lambda tx: requests.sweep(tx, now(tx)))}


def _look_for_stuck(bridge: Bridge) -> dict[str, Any] | None:
    """I-9 on live data: nothing is ever stuck. What is, is woken and told."""
    lease = timedelta(seconds=bridge.settings.lease_seconds)

    def act(tx: Connection) -> list[int]:
        moment = now(tx)
        found = lanes.forgotten(tx, lease=lease)
        for operation_id in found:
            held = operations.get(tx, operation_id, lock=True)
            if held is not None and held.tenant_id is not None:
                if held.state is not State.RUNNING:
                    operations.save(tx, replace(held, due_at=moment), now=moment)
                if not lanes.is_there(tx, held.tenant_id) and held.server_id is not None:
                    lanes.add(tx, tenant_id=held.tenant_id, server_id=held.server_id)
                lanes.wake(tx, [held.tenant_id], now=moment)
        return found

    found = transact(bridge.engine, act)
    if found:
        say(log, logging.ERROR, "operations were stuck", operations=found)
    woken = transact(bridge.engine, _wake_what_waits_for_nothing)
    if woken:
        say(log, logging.ERROR, "tenants waited for a server that works", tenants=woken)
    return {"stuck": found, "woken": woken}


def _wake_what_waits_for_nothing(tx: Connection) -> int:
    """Whoever sees a server come back wakes what waits for it; this is for the one who died in between."""
    woken = 0
    for server_id in operations.awaited_servers(tx):
        server = server_store.get(tx, server_id, lock=True)
        if server is not None and server.is_working:
            woken += operations.wake_server(tx, server_id, now=now(tx))
    return woken
