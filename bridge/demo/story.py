"""The story of the demo: services are ordered, used, suspended, resumed and ended, and what goes wrong heals."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from bridge import tasks
from bridge.asking import Asking
from bridge.database import transact
from bridge.demo.stage import DEPARTMENT, Stage
from bridge.demo.whmcs import modules, seed, tables
from bridge.errors import BridgeError
from bridge.pbx.driver import Tenant
from bridge.rating.money import Money
from bridge.store import operations
from bridge.store import tasks as task_store

Tell = Callable[[str], None]
PATIENCE_SECONDS = 30.0
NOTHING = Money(0, "USD")


@dataclass(frozen=True, slots=True)
class Summary:
    """What one round came to. Calls and money join as their rooms are built; until then they are none."""

    operations: int
    ended: int
    tasks_open: int
    statuses: dict[int, str]
    complaints: tuple[str, ...]
    calls: int = 0
    charges: int = 0
    postings: int = 0
    charged: Money = NOTHING
    posted: Money = NOTHING
    carried: Money = NOTHING

    @property
    def tied_out(self) -> bool:
        return self.charged == self.posted + self.carried and not self.complaints


def play(stage: Stage, tell: Tell, *, round_number: int = 1) -> Summary:
    """One full round."""
    play_ = _Round(stage, tell, round_number)
    play_.order_and_grow()
    play_.suspend_and_resume()
    play_.lose_the_pbx()
    play_.ask_a_person()
    play_.end_one()
    return play_.summary()


class _Round:
    def __init__(self, stage: Stage, tell: Tell, number: int) -> None:
        self.stage = stage
        self.tell = tell
        self.number = number
        self.complaints: list[str] = []
        self.expected: dict[int, str] = {}

    def order_and_grow(self) -> None:
        products = self.stage.products
        self.acme = self._order("Acme Ltd", products.starter, f"acme{self.number}")
        self.globex = self._order("Globex", products.business, f"globex{self.number}")
        for service_id in (self.acme, self.globex):
            self._say(service_id, modules.CREATE, "Active")
        extensions = self._extensions(self.acme)
        self._expect(len(extensions) == 2, f"the starter tenant has extensions {extensions}")
        self.tell(f"service {self.acme}: upgraded to Business PBX")
        self._set_product(self.acme, products.business)
        self._say(self.acme, modules.CHANGE_PACKAGE, "Active")

    def suspend_and_resume(self) -> None:
        self._say(self.globex, modules.SUSPEND, "Suspended")
        tenant = self._tenant(self.globex)
        self._expect(
            tenant is not None and tenant.enabled and not tenant.outbound, "a suspension is not as it should be"
        )
        self.tell(f"service {self.globex}: no outbound calls, emergency and inbound calls go on")
        self._say(self.globex, modules.UNSUSPEND, "Active")
        tenant = self._tenant(self.globex)
        self._expect(tenant is not None and tenant.outbound, "a resumed service is not as it was")

    def lose_the_pbx(self) -> None:
        """An order and a suspension while the PBX is away: both are accepted, and done when it is back."""
        self.tell("the PBX goes out of reach")
        self.stage.pbx.trouble.outage = True
        self.initech = self._order("Initech", self.stage.products.starter, f"initech{self.number}")
        said = modules.run(self.stage.whmcs, self.initech, modules.CREATE, automated=True, by_cron=True)
        self.tell(f"service {self.initech}: WHMCS is told: {said}")
        self._expect(said != "success", "an order during the outage claims to be done")
        said = modules.run(self.stage.whmcs, self.globex, modules.SUSPEND, automated=True, by_cron=True)
        self.tell(f"service {self.globex}: WHMCS is told: {said}")
        self.expected |= {self.initech: "Active", self.globex: "Suspended"}
        self.stage.pbx.trouble.outage = False
        self.tell("the PBX is back; what waited is done in order, and WHMCS hears of it")
        self._until(lambda: self._status(self.initech) == "Active", f"service {self.initech} was not set up by itself")
        self._until(
            lambda: self._status(self.globex) == "Suspended", f"service {self.globex} was not suspended by itself"
        )
        self._until(lambda: self._welcomed(self.initech) == 1, f"service {self.initech} was not welcomed exactly once")
        self._say(self.globex, modules.UNSUSPEND, "Active")

    def ask_a_person(self) -> None:
        """A product that people set up: a task, done on the PBX by hand, and believed when it is seen there."""
        umbrella = f"umbrella{self.number}.demo.example"
        service_id = self._order("Umbrella", self.stage.products.trunk, f"umbrella{self.number}")
        said = modules.run(self.stage.whmcs, service_id, modules.CREATE, automated=True, by_cron=True)
        self.tell(f"service {service_id}: WHMCS is told: {said}")
        bridge = self.stage.bridge
        waiting = transact(bridge.engine, lambda tx: task_store.listed(tx, department=DEPARTMENT))
        mine = [each for each in waiting if each.service_id == service_id]
        self._expect(len(mine) == 1, f"service {service_id} has {len(mine)} tasks")
        asking = Asking("cli:demo", "task.complete", wait_ms=0)
        tasks.claim(bridge, asking, mine[0].id, assignee="Kim", department=None)
        self.tell(f"task {mine[0].id}: claimed by Kim; completing it before it is done is refused")
        try:
            self._complete(mine[0].id, umbrella)
            self.complaints.append("a task was believed although nothing was done")
        except BridgeError as refusal:
            self.tell(f"task {mine[0].id}: {refusal}")
        self.stage.pbx.by_hand.add(Tenant(umbrella, description="made by Kim"))
        self._complete(mine[0].id, umbrella)
        self.tell(f"task {mine[0].id}: completed, the tenant was found on the PBX")
        self.expected[service_id] = "Active"
        self._until(lambda: self._status(service_id) == "Active", f"service {service_id} is not active in WHMCS")

    def end_one(self) -> None:
        self._say(self.acme, modules.TERMINATE, "Terminated")
        tenant = self._tenant(self.acme)
        self._expect(
            tenant is not None and not tenant.enabled, "a terminated tenant is not switched off, or already deleted"
        )
        self.tell(f"service {self.acme}: switched off now, deleted when its retention is over")

    def summary(self) -> Summary:
        states = transact(self.stage.bridge.engine, operations.count_by_state)
        still_open = transact(self.stage.bridge.engine, task_store.count_open)
        shown = {service_id: self._status(service_id) for service_id in self.expected}
        for service_id, status in self.expected.items():
            self._expect(shown[service_id] == status, f"service {service_id} is {shown[service_id]}, not {status}")
        self._expect(still_open == 0, f"{still_open} tasks are still open")
        return Summary(
            operations=sum(states.values()),
            ended=sum(states.get(state, 0) for state in ("succeeded", "superseded", "cancelled")),
            tasks_open=still_open,
            statuses=shown,
            complaints=tuple(self.complaints),
        )

    # --- what an order clerk, a client and a technician do ------------------------------------------------------------

    def _order(self, client: str, product_id: int, name: str) -> int:
        def act(tx: Any) -> int:
            client_id = seed.client(tx, client)
            domain = f"{name}.demo.example"
            return seed.service(tx, client_id, product_id, server_id=self.stage.server_id, domain=domain)

        service_id = self.stage.whmcs.within(act)
        self.tell(f"service {service_id}: ordered by {client}")
        return service_id

    def _say(self, service_id: int, command: modules.Command, status: str) -> None:
        said = modules.run(self.stage.whmcs, service_id, command, automated=True)
        self.tell(f"service {service_id}: {command.function}: {said}")
        self._expect(said == "success", f"service {service_id}: {command.function} said {said}")
        self.expected[service_id] = status

    def _complete(self, task_id: int, domain: str) -> None:
        asking = Asking("cli:demo", "task.complete", wait_ms=0)
        tasks.close(
            self.stage.bridge,
            asking,
            task_id,
            outcome="done",
            reason="set up by hand",
            server_id=self.stage.server_id,
            domain=domain,
        )

    def _set_product(self, service_id: int, product_id: int) -> None:
        hosting = tables.hosting
        self.stage.whmcs.within(
            lambda tx: tx.execute(hosting.update().where(hosting.c.id == service_id).values(packageid=product_id))
        )

    # --- what is looked at --------------------------------------------------------------------------------------------

    def _status(self, service_id: int) -> str:
        hosting = tables.hosting
        found: str = self.stage.whmcs.within(
            lambda tx: tx.execute(select(hosting.c.domainstatus).where(hosting.c.id == service_id)).scalar_one()
        )
        return found

    def _welcomed(self, service_id: int) -> int:
        mails = tables.mails
        rows = self.stage.whmcs.within(lambda tx: tx.execute(select(mails).where(mails.c.relid == service_id)).all())
        return len(rows)

    def _tenant(self, service_id: int) -> Tenant | None:
        hosting = tables.hosting
        domain = self.stage.whmcs.within(
            lambda tx: tx.execute(select(hosting.c.domain).where(hosting.c.id == service_id)).scalar_one()
        )
        return self.stage.pbx.by_hand.see(domain)

    def _extensions(self, service_id: int) -> list[str]:
        tenant = self._tenant(service_id)
        return [each.number for each in tenant.extensions] if tenant else []

    def _expect(self, holds: bool, complaint: str) -> None:
        if not holds:
            self.complaints.append(complaint)
            self.tell(f"NOT AS IT SHOULD BE: {complaint}")

    def _until(self, holds: Callable[[], bool], complaint: str) -> None:
        """Waits on the bell that rings when work is done, looking each time."""
        bell = self.stage.bridge.bell
        until = time.monotonic() + PATIENCE_SECONDS
        heard = bell.count
        while not holds():
            if time.monotonic() > until:
                self._expect(False, complaint)
                return
            heard = bell.wait(heard, 0.2)
