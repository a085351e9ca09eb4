"""A whole shop for tests: a stand-in WHMCS that sold services, a PBX in memory, and a bridge that has set them up.

shop = a_shop(bridge, engine)          nothing sold yet
shop.sell("acme.example")              a service, Active in WHMCS, its tenant on the PBX
shop.edit(tables.hosting, 1, ...)      what somebody does to WHMCS's tables without calling the module
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, select, update

from bridge import database, services
from bridge.app import Bridge
from bridge.database import transact
from bridge.demo.whmcs import seed, tables
from bridge.demo.whmcs.standin import StandIn
from bridge.drift import sweep
from bridge.drift.reporting import listed
from bridge.drift.sweep import Report
from bridge.operations import Operation
from bridge.pbx.memory import MemoryPbx
from bridge.service import Service
from bridge.store import announcements, operations, tasks, tenants
from bridge.store import services as service_store
from bridge.store.tasks import Task
from bridge.whmcs.sql import sql_records
from tests.factories import a_server, asking, run_all, with_handler, with_memory_pbx, with_package
from tests.whmcs.standin import Recorder, a_standin, addon_records_of

HOUR = timedelta(hours=1)
MAPPED = {"Extensions": {"limit": "extensions", "how": "add"}}


@dataclass
class Shop:
    bridge: Bridge
    whmcs: StandIn
    pbx: MemoryPbx
    module: Recorder
    client_id: int
    product_id: int
    other_product_id: int
    server_id: int
    option_id: int

    def offer(self, domain: str = "acme.example", *, status: str = "Active", **columns: Any) -> int:
        """A service in WHMCS, of which the bridge has not heard."""
        with self.whmcs.engine.begin() as tx:
            return seed.service(
                tx,
                self.client_id,
                self.product_id,
                server_id=self.server_id,
                domain=domain,
                choices={self.option_id: 2},
                domainstatus=status,
                **columns,
            )

    def sell(self, domain: str = "acme.example") -> int:
        """A service in WHMCS and here, its tenant on the PBX, and WHMCS knows it."""
        service_id = self.offer(domain)
        username = self.row(tables.hosting, service_id)["username"]
        services.create(
            self.bridge,
            asking(),
            service_id=service_id,
            client_id=self.client_id,
            product_id=self.product_id,
            server_id=self.server_id,
            domain=domain,
            username=username,
            password=None,
            options={"Extensions": "2"},
            custom_fields={},
        )
        self.work()
        return service_id

    def work(self) -> None:
        """The worker works until it is idle, and WHMCS hears what came of it."""
        run_all(self.bridge)

        def hear(tx: Connection) -> None:
            told = announcements.claim(tx, owner="test", limit=500, lease=HOUR, now=database.now(tx) + HOUR)
            for each in told:
                announcements.note(tx, each, owner="test", state=announcements.DONE)

        transact(self.bridge.engine, hear)

    def sweep(self, **asked: Any) -> Report:
        return sweep.run(self.bridge, **asked)

    def settle(self) -> None:
        """Sweeps and works, as time does."""
        self.sweep()
        self.work()

    # --- what somebody does to WHMCS ---------------------------------------------------------------------------------

    def edit(self, table: Table, row_id: int, **columns: Any) -> None:
        with self.whmcs.engine.begin() as tx:
            tx.execute(update(table).where(table.c.id == row_id).values(**columns))

    def delete(self, table: Table, row_id: int) -> None:
        with self.whmcs.engine.begin() as tx:
            tx.execute(delete(table).where(table.c.id == row_id))

    def row(self, table: Table, row_id: int) -> dict[str, Any]:
        with self.whmcs.engine.connect() as tx:
            return dict(tx.execute(select(table).where(table.c.id == row_id)).mappings().one())

    # --- what came of it ---------------------------------------------------------------------------------------------

    def service(self, service_id: int) -> Service:
        found = transact(self.bridge.engine, lambda tx: service_store.get(tx, service_id))
        assert found is not None
        return found

    def operations(self, service_id: int) -> list[Operation]:
        """Newest first."""
        return transact(self.bridge.engine, lambda tx: operations.of_service(tx, service_id, 50))

    def kinds(self, service_id: int) -> list[str]:
        return [each.kind.value for each in self.operations(service_id)]

    def tasks(self) -> list[Task]:
        return transact(self.bridge.engine, tasks.listed)

    def findings(self) -> list[tuple[str, int | None]]:
        """(class, service or tenant) of what is open."""
        page = listed(self.bridge, state="open", kind=None, service_id=None, server_id=None, before=None, limit=500)
        return sorted(
            (each["class"], each["service_id"] if each["service_id"] is not None else each["tenant_id"])
            for each in page["findings"]
        )

    def policies(self, **chosen: str) -> None:
        sweep.save_policies(self.bridge, asking("sweep.policies"), chosen)

    def tenants(self) -> dict[str, tuple[int, int]]:
        return transact(self.bridge.engine, tenants.homes)


def a_shop(bridge: Bridge, engine: Engine, *, by: str = "sql") -> Shop:
    module = Recorder()
    whmcs = a_standin(engine, module=module)
    with engine.begin() as tx:
        client_id = seed.client(tx)
        server_id = seed.server(tx)
        product_id, other = seed.product(tx, "Small"), seed.product(tx, "Large")
        option_id, _ = seed.option(tx, [product_id, other], "Extensions|Seats")
    bridge = replace(bridge, records=sql_records(engine) if by == "sql" else addon_records_of(whmcs))
    pbx = with_memory_pbx(bridge, a_server(server_id))
    for each, most in ((product_id, 3), (other, 30)):
        with_handler(bridge, each, department="telephony")
        with_package(bridge, each, limits={"extensions": most}, options=MAPPED)
    return Shop(bridge, whmcs, pbx, module, client_id, product_id, other, server_id, option_id)
