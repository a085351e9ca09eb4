"""How many signed lifecycle calls a second are accepted, each durable before its answer (wait_ms 0, MariaDB).

python benchmarks/accept.py [--calls 6000] [--connections 8]

The web service runs in a process of its own, as `bridge serve --no-workers` does, with the budgets of keys and of
addresses out of the way; the callers run in another. Both and MariaDB share the machine, and the processor time of each
is told. A third of the calls create a service, a third suspend and a third unsuspend one with nothing under way.

    flat out    as fast as it goes
    at 300/s    the waiting times at exactly that rate
    piled up    flat out, and every call meets an operation of the one before it that still waits and gives way
"""

from __future__ import annotations

import argparse
import base64
import json
import multiprocessing
import os
import socket
import sys
import threading
import time
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path

from sqlalchemy import Engine, update

sys.path.insert(0, str(Path(__file__).parent.parent))

from bridge import keys, packages, schema, signature
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import NOW, connect, transact
from bridge.secret import Secret
from bridge.settings import Settings
from bridge.store import servers
from bridge.tables import lanes, operations
from bridge.vault import Vault
from tests.databases import mariadb_server
from tests.factories import a_server, the_least

GOAL_PER_SECOND = 300
GOAL_P99_MS = 50
AUDIENCE = "bridge"
MASTER_KEY = bytes(range(32))


@dataclass(frozen=True, slots=True)
class Run:
    calls: int
    seconds: float
    waits_ms: list[float]
    refused: int
    processor_seconds: float

    @property
    def per_second(self) -> float:
        return self.calls / self.seconds

    def percentile(self, share: float) -> float:
        return sorted(self.waits_ms)[min(len(self.waits_ms) - 1, int(len(self.waits_ms) * share))]


def serve(url: str, bound: socket.socket, ready: Event) -> None:
    import uvicorn

    from bridge import web
    from bridge.limits import Rate
    from bridge.listener import uvicorn_options
    from bridge.rpc.methods import all_methods

    plenty = Rate(1e9, 1e9)
    bridge = a_bridge(url)
    app = web.app(bridge, all_methods(), limits=web.Limits(per_address=plenty, per_key=plenty))
    server = uvicorn.Server(uvicorn.Config(app, **uvicorn_options()))
    ready.set()
    server.run(sockets=[bound])


def a_bridge(url: str) -> Bridge:
    return Bridge(
        settings=Settings(instance=AUDIENCE),
        engine=connect(Secret(url), pool_size=20),
        single=connect(Secret(url), pool_size=20, commits_each=True),
        vault=Vault(MASTER_KEY),
    )


def drive(port: int, letters: list[list[bytes]], per_second: float | None, answer: Queue[Run]) -> None:
    """Callers in threads of one process, each with a connection of its own, as a proxy in front would have."""
    waits: list[list[float]] = [[] for _ in letters]
    refused = [0] * len(letters)
    began = time.perf_counter()

    def caller(mine: int) -> None:
        connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number, letter in enumerate(letters[mine]):
            due = began + (number * len(letters) + mine) / per_second if per_second else 0.0
            if due > (now := time.perf_counter()):
                time.sleep(due - now)
            started = max(due, 0.0) or time.perf_counter()
            connection.sendall(letter)
            content = _reply(connection)
            waits[mine].append((time.perf_counter() - started) * 1000)
            refused[mine] += b'"operation_id"' not in content

    threads = [threading.Thread(target=caller, args=(each,)) for each in range(len(letters))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    every = [wait for each in waits for wait in each]
    answer.put(Run(len(every), time.perf_counter() - began, every, sum(refused), _processor_of("self")))


def _reply(connection: socket.socket) -> bytes:
    held = b""
    while b"\r\n\r\n" not in held:
        held += _more(connection)
    head, _, body = held.partition(b"\r\n\r\n")
    size = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(body) < size:
        body += _more(connection)
    return body


def _more(connection: socket.socket) -> bytes:
    part = connection.recv(65536)
    assert part, "the service closed the connection"
    return part


def _processor_of(process: int | str) -> float:
    """Seconds of processor a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Desk:
    """Writes letters, each of a service of its own, so that the order in which they arrive is nobody's concern."""

    secret: bytes
    last_service: int = 0
    last_key: int = 0

    def create(self) -> bytes:
        self.last_service += 1
        named = {"client_id": self.last_service, "product_id": 12, "domain": f"s{self.last_service}.bench.example"}
        return self.letter("service.create", self.last_service, named)

    def letter(self, method: str, service_id: int, more: dict[str, object] | None = None) -> bytes:
        self.last_key += 1
        params = {
            "service_id": service_id,
            "wait_ms": 0,
            "idempotency_key": f"bench:call:{self.last_key:010d}",
            **(more or {}),
        }
        body = json.dumps({"jsonrpc": "2.0", "id": self.last_key, "method": method, "params": params}).encode()
        headers = signature.request_headers(
            self.secret,
            method="POST",
            path="/rpc/v1",
            audience=AUDIENCE,
            key_id="bench",
            timestamp=int(time.time()),
            nonce=os.urandom(16).hex(),
            body=body,
        )
        lines = [
            "POST /rpc/v1 HTTP/1.1",
            "Host: bridge",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def steady(desk: Desk, there: list[int], suspended: list[int], calls: int) -> list[bytes]:
    """A third each: create; suspend what is active; unsuspend what is suspended."""
    letters: list[bytes] = []
    for number in range(calls // 3):
        letters.append(desk.create())
        letters.append(desk.letter("service.suspend", there[number]))
        letters.append(desk.letter("service.unsuspend", suspended[number]))
    return letters


def piled_up(desk: Desk, calls: int, connections: int) -> list[list[bytes]]:
    """Create, suspend and unsuspend of one service after the other, while no worker does anything."""
    hands: list[list[bytes]] = [[] for _ in range(connections)]
    for number in range(calls // 3):
        hand = hands[number % connections]
        hand.append(desk.create())
        hand.append(desk.letter("service.suspend", desk.last_service))
        hand.append(desk.letter("service.unsuspend", desk.last_service))
    return hands


def dealt(letters: list[bytes], connections: int) -> list[list[bytes]]:
    return [letters[each::connections] for each in range(connections)]


def all_done(engine: Engine) -> None:
    """As if workers had done everything that was accepted so far."""
    with engine.begin() as tx:
        tx.execute(update(operations).values(state="succeeded", due_at=None, finished_at=NOW))
        tx.execute(update(lanes).values(due_at=None))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=6000)
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args()
    context = multiprocessing.get_context("fork")
    with mariadb_server() as mariadb:
        url = mariadb.create("bench").reveal()
        bridge = a_bridge(url)
        schema.upgrade(bridge.engine)
        desk = Desk(os.urandom(32))
        keys.add(bridge, "bench", secret=Secret(base64.b64encode(desk.secret).decode()))
        transact(bridge.engine, lambda tx: servers.save(tx, a_server()))
        team = the_least(name="Team", limits={"dids": 5, "extensions": 10})
        packages.save(bridge, Asking("bench", "package.save"), packages.read(team))
        bridge.engine.dispose()

        bound = socket.create_server(("127.0.0.1", 0), backlog=512)
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        port = bound.getsockname()[1]
        ready = context.Event()
        service = context.Process(target=serve, args=(url, bound, ready), daemon=True)
        service.start()
        ready.wait(10)

        def run(hands: list[list[bytes]], per_second: float | None = None) -> Run:
            answer: Queue[Run] = context.Queue()
            caller = context.Process(target=drive, args=(port, hands, per_second, answer))
            caller.start()
            found: Run = answer.get()
            caller.join()
            return found

        print(
            f"goal      {GOAL_PER_SECOND} a second, p99 under {GOAL_P99_MS} ms; two cores, MariaDB, each call durable"
        )
        many, rate = options.calls // 3, float(GOAL_PER_SECOND)
        for title, per_second in (("flat out", None), ("at 300/s", rate), ("piled up", None)):
            first = desk.last_service + 1
            run(dealt([desk.create() for _ in range(2 * many)], options.connections))
            there, asleep = range(first, first + many), range(first + many, first + 2 * many)
            run(dealt([desk.letter("service.suspend", each) for each in asleep], options.connections))
            all_done(bridge.engine)
            if title == "piled up":
                hands = piled_up(desk, options.calls, options.connections)
            else:
                hands = dealt(steady(desk, list(there), list(asleep), options.calls), options.connections)
            before = _processor_of(service.pid or 0), _processor_of(mariadb.pid)
            measured = run(hands, per_second)
            used = [_processor_of(service.pid or 0) - before[0], _processor_of(mariadb.pid) - before[1]]
            shares = [each / measured.calls * 1000 for each in (*used, measured.processor_seconds)]
            print(
                f"{title:9} {measured.per_second:6.0f} a second   "
                f"p50 {measured.percentile(0.5):5.1f} ms   p99 {measured.percentile(0.99):5.1f} ms   "
                f"max {max(measured.waits_ms):5.1f} ms   refused {measured.refused}   "
                f"processor a call: service {shares[0]:.2f}, MariaDB {shares[1]:.2f}, callers {shares[2]:.2f} ms"
            )
        service.terminate()
        service.join()


if __name__ == "__main__":
    main()
