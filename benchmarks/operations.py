"""How many operations a second eight workers carry out on MariaDB, and whether two were ever at one tenant at once.

python benchmarks/operations.py [--operations 10000] [--services 500] [--workers 8]

The workers are threads of two processes, each with a PBX in memory, so that what is measured is the bridge: claim,
act, record. Every verb notes when it began and ended; afterwards the notes of all processes are laid side by side.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from sqlalchemy import Connection, insert, select, update

from bridge import schema
from bridge.app import Bridge
from bridge.database import connect, now, transact
from bridge.operations import Kind
from bridge.pbx.driver import CallPage, Capabilities, Check, Tenant
from bridge.pbx.memory import MemoryPbx
from bridge.secret import Secret
from bridge.settings import Settings
from bridge.store import operations, servers
from bridge.store import services as service_store
from bridge.store.lanes import add as add_lane
from bridge.store.mirror import add_tenant
from bridge.tables import lanes
from bridge.tables import operations as operation_table
from bridge.vault import Vault
from bridge.worker import Worker
from tests.databases import mariadb_server
from tests.factories import a_server, a_service
from tests.history import broken_invariants

GOAL_PER_SECOND = 300
REACH_PER_SECOND = 500
PROCESSES = 2
Note = tuple[str, float, float]


class Watched:
    """A PBX in memory that notes every verb."""

    def __init__(self) -> None:
        self._pbx = MemoryPbx()
        self.notes: list[Note] = []

    @property
    def capabilities(self) -> Capabilities:
        return self._pbx.capabilities

    def find(self, domain: str) -> Tenant | None:
        began = time.monotonic()
        found = self._pbx.find(domain)
        self.notes.append((domain, began, time.monotonic()))
        return found

    def put(self, tenant: Tenant, *, adopt: bool = False) -> None:
        began = time.monotonic()
        self._pbx.put(tenant, adopt=adopt)
        self.notes.append((tenant.domain, began, time.monotonic()))

    def remove(self, tenant: Tenant) -> None:
        self._pbx.remove(tenant)

    def calls(self, after: str, limit: int = 1000) -> CallPage:
        return self._pbx.calls(after, limit)

    def domains(self) -> Sequence[str]:
        return self._pbx.domains()

    def checks(self) -> Iterable[Check]:
        return self._pbx.checks()


def a_bridge(url: str) -> Bridge:
    return Bridge(settings=Settings(), engine=connect(Secret(url), pool_size=20), vault=Vault(bytes(32)))


def work(url: str, threads: int, start: Event, answer: Queue[list[Note]]) -> None:
    bridge = a_bridge(url)
    pbx = Watched()
    bridge.drivers.use(a_server(), {}, pbx)
    start.wait()

    def run(name: str) -> None:
        worker = Worker(bridge, name)
        idle = 0
        while idle < 20:
            idle = 0 if worker.run_once() else idle + 1
            if idle:
                time.sleep(0.05)

    me = multiprocessing.current_process().pid
    crew = [threading.Thread(target=run, args=(f"{me}-{number}",)) for number in range(threads)]
    for each in crew:
        each.start()
    for each in crew:
        each.join()
    answer.put(pbx.notes)


def seed(bridge: Bridge, *, services: int, count: int) -> None:
    """As if WHMCS had asked all of it already: a queue of so many operations over so many tenants."""

    def act(tx: Connection) -> None:
        moment = now(tx)
        servers.save(tx, a_server())
        for number in range(1, services + 1):
            tenant_id = add_tenant(
                tx,
                server_id=1,
                client_id=number,
                domain=f"s{number}.bench.example",
                pbx_uuid=f"00000000-0000-5000-8000-{number:012d}",
                description="",
            )
            add_lane(tx, tenant_id=tenant_id, server_id=1)
            service_store.add(tx, a_service(number, tenant_id=tenant_id))
            rows = [
                {
                    "tenant_id": tenant_id,
                    "service_id": number,
                    "server_id": 1,
                    "kind": Kind.RENEW.value,
                    "generation": generation,
                    "state": "accepted",
                    "destructive": 0,
                    "attempts": 0,
                    "due_at": moment,
                    "asked": {},
                    "late": 0,
                    "actor": "bench",
                    "created_at": moment,
                    "updated_at": moment,
                }
                for generation in range(1, count // services + 1)
            ]
            tx.execute(insert(operation_table), rows)
        tx.execute(update(lanes).values(due_at=moment))

    transact(bridge.engine, act)


def overlaps(notes: Iterable[Note]) -> int:
    """How often one verb began at a tenant before another had ended there."""
    by_tenant: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for domain, began, ended in notes:
        by_tenant[domain].append((began, ended))
    found = 0
    for spans in by_tenant.values():
        spans.sort()
        found += sum(later[0] < earlier[1] for earlier, later in itertools.pairwise(spans))
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--operations", type=int, default=10_000)
    parser.add_argument("--services", type=int, default=500)
    parser.add_argument("--workers", type=int, default=8)
    options = parser.parse_args()
    context = multiprocessing.get_context("fork")
    with mariadb_server() as mariadb:
        url = mariadb.create("bench").reveal()
        bridge = a_bridge(url)
        schema.upgrade(bridge.engine)
        seed(bridge, services=options.services, count=options.operations)
        bridge.engine.dispose()

        start = context.Event()
        answer: Queue[list[Note]] = context.Queue()
        crew = [
            context.Process(target=work, args=(url, options.workers // PROCESSES, start, answer))
            for _ in range(PROCESSES)
        ]
        for each in crew:
            each.start()
        began = time.perf_counter()
        start.set()
        seconds = until_done(bridge, options.operations) - began
        notes = [note for _ in crew for note in answer.get()]
        for each in crew:
            each.join()

        states = transact(bridge.engine, operations.count_by_state)
        broken = transact(bridge.engine, broken_invariants)
        print(
            f"goal       {GOAL_PER_SECOND} a second ({REACH_PER_SECOND} within reach), on two cores shared with MariaDB"
        )
        print(f"done       {options.operations / seconds:.0f} a second: {states} in {seconds:.1f} s")
        print(f"at once    {overlaps(notes)} times two at one tenant, in {len(notes)} verbs")
        print(f"broken     {broken or 'nothing'}")


def until_done(bridge: Bridge, count: int) -> float:
    done = select(operation_table.c.id).where(operation_table.c.state == "succeeded")
    while True:
        with bridge.engine.connect() as tx:
            if len(tx.execute(done).all()) >= count:
                return time.perf_counter()
        time.sleep(0.5)


if __name__ == "__main__":
    main()
