"""The stand-in over real sockets: as a process of its own, and with bad luck on the wire (R-72)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest
import tenacity
import uvicorn
from starlette.types import ASGIApp

from bridge import http
from bridge.demo.whmcs import tables
from bridge.demo.whmcs.faults import Kind
from bridge.demo.whmcs.standin import StandIn
from bridge.demo.whmcs.web import application
from bridge.errors import BridgeError, NotReached, OutcomeUnknown
from bridge.network import Guard
from bridge.secret import Secret
from bridge.whmcs.addon import addon_records
from bridge.whmcs.client import Whmcs
from bridge.whmcs.endpoint import AddonKey, Endpoint
from tests.canary import CANARY, CANARY_KEY
from tests.whmcs.standin import IDENTIFIER, SECRET, rows_of

LOOPBACK = Guard((ip_network("127.0.0.0/8"),))


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """The address of an application behind a server of its own."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    bound.listen()
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join()
        bound.close()


@pytest.mark.parametrize(
    ("kind", "happened"),
    [("refuse", 0), ("hang", 0), ("cut", 1), ("twice", 1), ("error_after", 1), ("login_page", 0), ("empty", 1)],
)
def test_bad_luck_on_the_wire_leaves_a_write_unknown(whmcs: StandIn, kind: Kind, happened: int) -> None:
    """R-72."""
    whmcs.faults.order(kind, "LogActivity", seconds=0.1)
    with (
        served(application(whmcs)) as url,
        http.client(url, guard=LOOPBACK) as client,
        pytest.raises(OutcomeUnknown) as caught,
    ):
        Whmcs(client, identifier=IDENTIFIER, secret=SECRET).log_activity("something happened")

    assert caught.value.kind == "unavailable"
    assert len(rows_of(whmcs, tables.activity)) == happened


def test_a_late_answer_is_an_answer(whmcs: StandIn) -> None:
    whmcs.faults.order("late", "LogActivity", seconds=0.1)

    with served(application(whmcs)) as url, http.client(url, guard=LOOPBACK) as client:
        Whmcs(client, identifier=IDENTIFIER, secret=SECRET).log_activity("something happened")

    assert len(rows_of(whmcs, tables.activity)) == 1


def test_nobody_there_is_not_reached() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/"
        with http.client(url, guard=LOOPBACK) as client, pytest.raises(NotReached):
            Whmcs(client, identifier=IDENTIFIER, secret=SECRET).log_activity("something happened")


def test_the_stand_in_runs_as_a_process(tmp_path: Path) -> None:
    """Its secrets come from the environment; both ways in work with the bridge's own clients."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    environment = {**os.environ, "WHMCS_STANDIN_SECRET": CANARY, "WHMCS_STANDIN_ADDON_SECRET": CANARY_KEY}
    command = [sys.executable, "-m", "bridge.demo.whmcs", "--listen", listen, "--version", "9.0.1"]
    database = f"sqlite:///{tmp_path}/whmcs.db"
    process = subprocess.Popen([*command, "--database", database], env=environment)
    try:
        with http.client(f"http://{listen}/", guard=LOOPBACK) as client:
            whmcs = Whmcs(client, identifier="standin", secret=Secret(CANARY), wait=lambda seconds: None)
            key = AddonKey("bridge", Secret(CANARY_KEY), "whmcs")
            endpoint = Endpoint(client, key, clock=lambda: datetime.now(UTC), random=os.urandom)

            version = _until_reached(lambda: whmcs.details().version)
            installation = addon_records(endpoint).installation()
    finally:
        process.terminate()
        process.wait(10)

    assert version == "9.0.1"
    assert installation.system_url == "https://whmcs.example/"
    assert installation.installation_id is not None
    assert installation.installation_id.startswith("inst-")


def test_the_process_names_the_secret_that_is_missing(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WHMCS_STANDIN")}
    command = [sys.executable, "-m", "bridge.demo.whmcs", "--database", f"sqlite:///{tmp_path}/whmcs.db"]

    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)

    assert ended.returncode == 2
    assert "WHMCS_STANDIN_SECRET" in ended.stderr


def _until_reached(ask: Callable[[], str]) -> str:
    """Asks again until the process listens: 15 seconds at most."""
    again = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(BridgeError),
        stop=tenacity.stop_after_delay(15),
        wait=tenacity.wait_fixed(0.05),
        reraise=True,
    )
    return again(ask)
