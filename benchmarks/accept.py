"""How many signed lifecycle calls a second are accepted, each durable before its answer (wait_ms 0, MariaDB).

python benchmarks/accept.py [--calls 6000] [--connections 8]

The web service runs in a process of its own, as `bridge serve --no-workers` does, with the budgets of keys and of
addresses out of the way; the callers run in another. Both and MariaDB share the machine. Two figures: as fast as it
goes, and the waiting times at exactly 300 a second.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import multiprocessing
import os
import resource
import socket
import sys
import threading
import time
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bridge import keys, schema, signature
from bridge.app import Bridge
from bridge.database import connect, transact
from bridge.secret import Secret
from bridge.settings import Settings
from bridge.store import servers
from bridge.vault import Vault
from tests.databases import mariadb_server
from tests.factories import a_server

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
        settings=Settings(instance=AUDIENCE), engine=connect(Secret(url), pool_size=20), vault=Vault(MASTER_KEY)
    )


def drive(port: int, secret: bytes, calls: int, connections: int, per_second: float | None, answer: Queue[Run]) -> None:
    """Callers in threads of one process, each with a connection of its own, as a proxy in front would have."""
    waits: list[float] = []
    refused = [0]
    lock = threading.Lock()
    began = time.perf_counter()

    def caller(mine: int) -> None:
        # What is asked for one service is asked in order, so by one caller.
        numbers = (number for number in range(calls) if number // 3 % connections == mine)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for number in numbers:
            due = began + number / per_second if per_second else 0.0
            if due > (now := time.perf_counter()):
                time.sleep(due - now)
            body = call(number)
            headers = signed(secret, body)
            started = max(due, 0.0) or time.perf_counter()
            connection.request("POST", "/rpc/v1", body=body, headers=headers)
            reply = connection.getresponse()
            content = reply.read()
            wait = (time.perf_counter() - started) * 1000
            with lock:
                waits.append(wait)
                refused[0] += b'"operation_id"' not in content

    threads = [threading.Thread(target=caller, args=(each,)) for each in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answer.put(Run(calls, time.perf_counter() - began, waits, refused[0]))


OFFSET = 0


def call(number: int) -> bytes:
    """A third each: create, suspend, unsuspend, for services 1, 2, 3, ..."""
    service_id, step = OFFSET + number // 3 + 1, number % 3
    params: dict[str, object] = {
        "service_id": service_id,
        "wait_ms": 0,
        "idempotency_key": f"bench:{OFFSET}:{number:08d}",
    }
    if step == 0:
        params |= {"client_id": service_id, "product_id": 12, "domain": f"s{service_id}.bench.example"}
    method = ("service.create", "service.suspend", "service.unsuspend")[step]
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()


def signed(secret: bytes, body: bytes) -> dict[str, str]:
    headers = signature.request_headers(
        secret,
        method="POST",
        path="/rpc/v1",
        audience=AUDIENCE,
        key_id="bench",
        timestamp=int(time.time()),
        nonce=os.urandom(16).hex(),
        body=body,
    )
    return {**headers, "Content-Type": "application/json"}


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
        secret = os.urandom(32)
        keys.add(bridge, "bench", secret=Secret(base64.b64encode(secret).decode()))
        transact(bridge.engine, lambda tx: servers.save(tx, a_server()))
        bridge.engine.dispose()

        bound = socket.create_server(("127.0.0.1", 0), backlog=512)
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        port = bound.getsockname()[1]
        ready = context.Event()
        service = context.Process(target=serve, args=(url, bound, ready), daemon=True)
        service.start()
        ready.wait(10)

        global OFFSET
        print(
            f"goal      {GOAL_PER_SECOND} a second, p99 under {GOAL_P99_MS} ms; two cores, MariaDB, each call durable"
        )
        for title, per_second in (("warm-up", None), ("flat out", None), ("at 300/s", float(GOAL_PER_SECOND))):
            count = options.calls if title != "warm-up" else 300
            answer: Queue[Run] = context.Queue()
            caller = context.Process(target=drive, args=(port, secret, count, options.connections, per_second, answer))
            caller.start()
            run: Run = answer.get()
            caller.join()
            OFFSET += count
            print(
                f"{title:9} {run.per_second:6.0f} a second   "
                f"p50 {run.percentile(0.5):5.1f} ms   p99 {run.percentile(0.99):5.1f} ms   "
                f"max {max(run.waits_ms):5.1f} ms   refused {run.refused}"
            )
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        service.terminate()
        service.join()
        done = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = done.ru_utime + done.ru_stime - used.ru_utime - used.ru_stime
        print(
            f"the service used {seconds:.1f} s of processor, {seconds / (2 * options.calls + 300) * 1000:.2f} ms a call"
        )


if __name__ == "__main__":
    main()
