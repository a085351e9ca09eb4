"""The bridge as a real process, a PBX as another, and a wire to the database that can be cut.

with a_relay(port) as relay:       relay.cut(), relay.mend()
with a_switch() as switch:         switch.outage(True), switch.tenants()
with running(["serve"], env):      a process of `bridge`, with everything it said
WebCaller(address, ...)            signs and asks, as WHMCS's module does
"""

from __future__ import annotations

import base64
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bridge import signature
from bridge.secret import Secret

PATIENCE_SECONDS = 60.0


def until(holds: Callable[[], bool], what: str, *, seconds: float = PATIENCE_SECONDS) -> None:
    """Looks again and again, for a process of its own rings no bell here."""
    end = time.monotonic() + seconds
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        pause.wait(0.02)


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# --- a wire that can be cut ------------------------------------------------------------------------------------------


class Relay:
    """Carries bytes to a port on this host; cut, it drops every connection and refuses new ones."""

    def __init__(self, target: int) -> None:
        self.port = a_free_port()
        self._target = target
        self._listener: socket.socket | None = None
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()

    def mend(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for each in (side for pair in pairs for side in pair):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            with self._lock:
                self._pairs.add((near, far))
            threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        with near, far, suppress(OSError, ValueError):
            while True:
                readable, _, _ = select.select([near, far], [], [])
                for side in readable:
                    if not (data := side.recv(65536)):
                        return
                    other[side].sendall(data)


@contextmanager
def a_relay(target: int) -> Iterator[Relay]:
    relay = Relay(target)
    relay.mend()
    try:
        yield relay
    finally:
        relay.cut()


# --- a PBX in its own process ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Switch:
    address: str
    secret: Secret
    process_id: int

    def outage(self, on: bool) -> None:
        body = json.dumps({"on": on}).encode()
        headers = {"Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(f"{self.address}/control/outage", body, headers), timeout=10)

    def tenants(self) -> dict[str, dict[str, Any]]:
        with urllib.request.urlopen(f"{self.address}/control/state", timeout=10) as reply:
            return {each["domain"]: each for each in json.load(reply)["tenants"]}


@contextmanager
def a_switch() -> Iterator[Switch]:
    secret = Secret(base64.b64encode(os.urandom(32)).decode())
    command = ["--listen", "127.0.0.1:0", "--instance", "pbx-1", "--key-id", "bridge-1", "--control"]
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge.demo.switch", *command],
        env={**os.environ, "BRIDGE_SWITCH_SECRET": secret.reveal()},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield Switch(f"http://{process.stdout.readline().split()[-1]}", secret, process.pid)
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(10)
        process.stdout.close()


# --- the bridge in its own process -----------------------------------------------------------------------------------


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self, *, seconds: float = 30) -> int:
        self.process.terminate()
        return self.process.wait(seconds)


@contextmanager
def running(arguments: list[str], environment: Mapping[str, str], folder: Path) -> Iterator[Running]:
    log = folder / f"{arguments[0]}-{time.monotonic_ns()}.log"
    mine = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "bridge", *arguments],
            env={**mine, **environment},
            stdout=said,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )
    try:
        yield Running(process, log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


@dataclass
class WebCaller:
    """Signs what it asks; an answer that is not signed counts as none, unless a test wants to see it."""

    address: str
    audience: str
    key_id: str
    secret: Secret = field(repr=False)
    http: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=40))

    def post(self, method: str, **params: Any) -> httpx.Response:
        body = json.dumps({"jsonrpc": "2.0", "id": "c1", "method": method, "params": params}).encode()
        headers = signature.request_headers(
            signature.secret_bytes(self.secret),
            method="POST",
            path="/rpc/v1",
            audience=self.audience,
            key_id=self.key_id,
            timestamp=int(time.time()),
            nonce=os.urandom(16).hex(),
            body=body,
        )
        sent = {**headers, "Content-Type": "application/json"}
        return self.http.post(f"{self.address}/rpc/v1", content=body, headers=sent)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a call that succeeds."""
        answer = self.post(method, **params)
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        assert "result" in document, document
        result: dict[str, Any] = document["result"]
        return result

    def is_alive(self) -> bool:
        try:
            return self.http.get(f"{self.address}/live").status_code == 204
        except httpx.HTTPError:
            return False

    def readiness(self) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"{self.address}/ready").json()
        return found
