"""R-71, R-75: a worker killed at every named point loses nothing, doubles nothing and leaves no lane stuck.

Three seeds for each point here; `make proof` runs fifty.
"""

from __future__ import annotations

import base64
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from bridge import app, services
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.crash import Point
from bridge.database import transact
from bridge.drivers import secrets_to
from bridge.operations import State
from bridge.secret import Secret
from bridge.settings import Settings
from bridge.store import audit, operations, servers
from tests.factories import a_server, with_handler
from tests.history import broken_invariants

FEW, MANY = 3, 50
PATIENCE_SECONDS = 60.0
SERVICES = 6


@dataclass(frozen=True, slots=True)
class Switch:
    """A simulated PBX in its own process: it outlives every worker."""

    address: str
    secret: Secret

    def tenants(self) -> dict[str, dict[str, Any]]:
        with urllib.request.urlopen(f"{self.address}/control/state", timeout=10) as reply:
            return {each["domain"]: each for each in json.load(reply)["tenants"]}


@pytest.fixture(scope="module")
def switch() -> Iterator[Switch]:
    secret = Secret(base64.b64encode(os.urandom(32)).decode())
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "bridge.demo.switch",
            "--listen",
            "127.0.0.1:0",
            "--instance",
            "pbx-1",
            "--key-id",
            "bridge-1",
            "--control",
        ],
        env={**os.environ, "BRIDGE_SWITCH_SECRET": secret.reveal()},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    yield Switch(f"http://{said.split()[-1]}", secret)
    process.terminate()
    process.wait(10)
    process.stdout.close()


@pytest.fixture
def crashing(mariadb_url: Secret, switch: Switch, tmp_path: Path) -> Iterator[Bridge]:
    """A bridge whose workers are other processes, on MariaDB, with short leases."""
    bridge = app.build(
        Settings(
            database_url=mariadb_url,
            master_key_file=tmp_path / "keys" / "master.key",
            allowed_networks=(ip_network("127.0.0.0/8"),),
            lease_seconds=1,
            retry_seconds=1,
        )
    )
    server = a_server(driver="remote", config={"url": switch.address, "instance": "pbx-1", "key_id": "bridge-1"})
    secret = secrets_to({"secret": switch.secret})

    def act(tx: Connection) -> None:
        servers.save(tx, server)
        servers.save_secret(tx, 1, secret, bridge.vault)

    transact(bridge.engine, act)
    with_handler(bridge)
    yield bridge
    bridge.engine.dispose()


@contextmanager
def a_worker(
    bridge: Bridge, point: Point | None = None, *, at: int = 1, batch: int = 20
) -> Iterator[subprocess.Popen[str]]:
    crash = {"CRASH_POINT": point.value, "CRASH_AT": str(at)} if point else {}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.crashing_worker"],
        env={
            **os.environ,
            "BRIDGE_DATABASE_URL": bridge.settings.database_url.reveal(),
            "BRIDGE_MASTER_KEY_FILE": str(bridge.settings.master_key_file),
            "BRIDGE_ALLOWED_NETWORKS": "127.0.0.0/8",
            "BRIDGE_CLAIM_BATCH": str(batch),
            "BRIDGE_LEASE_SECONDS": "1",
            "BRIDGE_RETRY_SECONDS": "1",
            "BRIDGE_RETRY_JITTER_SECONDS": "0",
            "BRIDGE_LOG": "json",
            **crash,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def kill_and_recover(bridge: Bridge, switch: Switch, point: Point, seed: int) -> None:
    chance = random.Random(f"{point}:{seed}")
    prefix = f"{point.value.replace('.', '-').replace('_', '-')}-{seed}"
    accepted = [_ask(bridge, service_id, prefix) for service_id in range(1, SERVICES + 1)]

    # All lanes may come in one claim, so a claim is the nth of many only when each brings one lane.
    batch = chance.choice((1, 20))
    at = 1 if batch > 1 and point.value.startswith("claim.") else chance.randint(1, SERVICES)
    with a_worker(bridge, point, at=at, batch=batch) as doomed:
        for service_id in chance.sample(range(1, SERVICES + 1), 3):
            accepted.append(_suspend(bridge, service_id))
        doomed.wait(PATIENCE_SECONDS)
        assert doomed.returncode == -signal.SIGKILL, f"{point} was not reached with seed {seed}"

    with a_worker(bridge):
        _until_idle(bridge, f"{point} seed {seed}")

    found = transact(bridge.engine, lambda tx: {each: operations.get(tx, each) for each in accepted})
    tenants = {domain: each for domain, each in switch.tenants().items() if domain.endswith(f"{prefix}.example")}
    assert all(each is not None for each in found.values()), "I-8: an accepted call is gone"
    assert {each.state for each in found.values() if each} <= {State.SUCCEEDED, State.SUPERSEDED}
    assert len(tenants) == SERVICES, "no tenant missing, no second tenant"
    assert all(len(each["extensions"]) == 2 for each in tenants.values())
    assert transact(bridge.engine, broken_invariants) == []
    while transact(bridge.engine, audit.seal):
        pass
    assert transact(bridge.engine, audit.verify) is None, "I-12: the audit chain is broken"


def _ask(bridge: Bridge, service_id: int, prefix: str) -> int:
    answer = services.create(
        bridge,
        Asking("whmcs-main", "service.create", key=f"create-{prefix}-{service_id:06d}", wait_ms=0),
        service_id=service_id,
        client_id=service_id,
        product_id=12,
        server_id=None,
        domain=f"s{service_id}.{prefix}.example",
        username="",
        password=None,
        options={},
        custom_fields={},
    )
    return int(answer["operation_id"])


def _suspend(bridge: Bridge, service_id: int) -> int:
    asking = Asking("whmcs-main", "service.suspend", wait_ms=0)
    return int(services.suspend(bridge, asking, service_id, None)["operation_id"])


def _until_idle(bridge: Bridge, what: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        states = transact(bridge.engine, operations.count_by_state)
        if set(states) <= {"succeeded", "superseded"}:
            return
        assert time.monotonic() < until, f"{what}: still {states}"
        bridge.bell.wait(bridge.bell.count, 0.05)


@pytest.mark.parametrize("seed", range(FEW))
@pytest.mark.parametrize("point", list(Point), ids=str)
def test_a_worker_killed_anywhere_loses_and_doubles_nothing(
    crashing: Bridge, switch: Switch, point: Point, seed: int
) -> None:
    kill_and_recover(crashing, switch, point, seed)


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(FEW, MANY))
@pytest.mark.parametrize("point", list(Point), ids=str)
def test_fifty_seeds_of_the_same(crashing: Bridge, switch: Switch, point: Point, seed: int) -> None:
    kill_and_recover(crashing, switch, point, seed)
