"""The worker: claim, act, record. Several at once on MariaDB, and one at a time on both databases with bad luck."""

from __future__ import annotations

import os
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from bridge import acceptance, objects, services, tasks
from bridge.app import Bridge
from bridge.database import now, transact
from bridge.errors import BridgeError, Conflict, NotReached, OutcomeUnknown, Refused
from bridge.keeper import Keeper
from bridge.objects import Where
from bridge.operations import Kind, State
from bridge.pbx.driver import Extension, Tenant
from bridge.pbx.memory import MemoryPbx
from bridge.server import Health
from bridge.settings import Settings
from bridge.store import announcements, lanes, operations, servers
from bridge.store import services as service_store
from bridge.vault import Vault
from bridge.wanted import SuspendPolicy
from bridge.worker import Worker
from tests.factories import a_server, asking, database_now, run_all, with_handler, with_memory_pbx, with_package
from tests.history import broken_invariants
from tests.test_objects import create, together

ACME = "acme.example"


def states(bridge: Bridge, service_id: int = 42) -> list[tuple[str, str]]:
    return [(each["kind"], each["state"]) for each in services.get(bridge, service_id)["operations"]]


def newest(bridge: Bridge, service_id: int = 42) -> dict[str, Any]:
    found: dict[str, Any] = services.get(bridge, service_id)["operations"][0]
    return found


def suspend(bridge: Bridge, service_id: int = 42) -> dict[str, Any]:
    return services.suspend(bridge, asking("service.suspend"), service_id, None)


def unsuspend(bridge: Bridge, service_id: int = 42) -> dict[str, Any]:
    return services.unsuspend(bridge, asking("service.unsuspend"), service_id, None)


def in_database(bridge: Bridge, sql: str, **values: Any) -> list[Any]:
    def act(tx: Connection) -> list[Any]:
        told = tx.execute(text(sql.replace("{", "mod_ictvoipbilling_").replace("}", "")), values)
        return list(told) if told.returns_rows else []

    return transact(bridge.engine, act)


def retries_are_due(bridge: Bridge) -> None:
    """The five minutes are over."""
    past = "2020-01-01 00:00:00.000000"
    in_database(bridge, "UPDATE {operations} SET due_at = :past WHERE state = 'retry_wait'", past=past)
    in_database(bridge, "UPDATE {lanes} SET due_at = :past WHERE due_at IS NOT NULL", past=past)


def leases_end(bridge: Bridge) -> None:
    in_database(bridge, "UPDATE {lanes} SET lease_until = '2020-01-01 00:00:00.000000' WHERE owner IS NOT NULL")


def a_minute_passes(bridge: Bridge) -> None:
    """The time for the next probe has come."""
    in_database(bridge, "UPDATE {servers} SET probe_at = NULL")
    Keeper(bridge, "keeper-1").run_once()


def assert_in_order(bridge: Bridge) -> None:
    assert transact(bridge.engine, broken_invariants) == []
    assert transact(bridge.engine, lambda tx: lanes.forgotten(tx, lease=timedelta(seconds=1))) == []


class Watched(MemoryPbx):
    """A PBX that does something whenever a tenant is put, before the put takes effect."""

    def __init__(self, before_put: Callable[[Tenant], object]) -> None:
        super().__init__()
        self.before_put = before_put

    def put(self, tenant: Tenant, *, adopt: bool = False) -> None:
        self.before_put(tenant)
        super().put(tenant, adopt=adopt)


def with_watched_pbx(bridge: Bridge, before_put: Callable[[Tenant], object]) -> Watched:
    with_memory_pbx(bridge)
    with_handler(bridge)
    pbx = Watched(before_put)
    bridge.drivers.use(a_server(), {}, pbx)
    return pbx


# --- several at once, on MariaDB -------------------------------------------------------------------------------------


class Witness:
    """Looks at the database whenever a tenant is put, and writes down who was at it."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._at_it: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self.seen: dict[str, list[tuple[int, int]]] = defaultdict(list)
        """By domain: the epoch of its lane and the operation that ran, in the order of the puts."""
        self.wrong: list[str] = []

    def __call__(self, tenant: Tenant) -> None:
        mine = self._at_it[tenant.domain]
        if not mine.acquire(blocking=False):
            self.wrong.append(f"two at once for {tenant.domain}")
            return
        try:
            rows = in_database(
                self._bridge,
                "SELECT {lanes}.epoch, {operations}.id FROM {domains} JOIN {lanes} ON {lanes}.tenant_id = {domains}.id"
                " JOIN {operations} ON {operations}.tenant_id = {domains}.id AND {operations}.state = 'running'"
                " WHERE {domains}.domain = :domain",
                domain=tenant.domain,
            )
            if len(rows) != 1:
                self.wrong.append(f"{len(rows)} run for {tenant.domain}")
            self.seen[tenant.domain] += [(row[0], row[1]) for row in rows]
        finally:
            mine.release()


TENANTS, SERVICES, ROUNDS, WORKERS = 6, 3, 3, 4


@pytest.fixture
def on_mariadb(mariadb_engine: Engine, settings: Settings) -> Bridge:
    return Bridge(settings=settings, engine=mariadb_engine, vault=Vault(os.urandom(32)))


def test_i_7_and_i_8_many_workers_never_two_at_once_for_a_tenant_in_order_and_none_lost(on_mariadb: Bridge) -> None:
    """R-15, R-22: while calls keep coming, four workers serve six tenants of three services each."""
    bridge = replace(on_mariadb, settings=replace(on_mariadb.settings, claim_batch=2))
    pbx = with_watched_pbx(bridge, lambda _: None)
    ids = {tenant: [1000 + tenant * 10 + each for each in range(SERVICES)] for tenant in range(TENANTS)}
    for tenant, mine in ids.items():
        for service_id in mine:
            create(bridge, service_id, client_id=tenant + 1, domain=f"t{tenant}.example")
    witness = Witness(bridge)
    pbx.before_put = witness
    accepted: list[int] = []
    stop = threading.Event()

    def ask(tenant: int) -> None:
        for number in range(ROUNDS):
            for service_id in ids[tenant]:
                wish = suspend if number % 2 == 0 else unsuspend
                accepted.append(wish(bridge, service_id)["operation_id"])

    def work(name: str) -> None:
        worker, heard = Worker(bridge, name), bridge.bell.count
        while not stop.is_set():
            if not worker.run_once(stop):
                heard = bridge.bell.wait(heard, 0.05)

    workers = [threading.Thread(target=work, args=(f"worker-{each}",)) for each in range(WORKERS)]
    for thread in workers:
        thread.start()
    try:
        together([partial(ask, tenant) for tenant in range(TENANTS)])
        until = bridge.ticks() + 60
        while in_database(bridge, "SELECT id FROM {operations} WHERE finished_at IS NULL") and bridge.ticks() < until:
            bridge.bell.wait(bridge.bell.count, 0.05)
    finally:
        stop.set()
        bridge.bell.ring()
        for thread in workers:
            thread.join(30)

    rows = in_database(bridge, "SELECT id, state FROM {operations}")
    kept = {row[0]: row[1] for row in rows}
    took_part = in_database(bridge, "SELECT DISTINCT actor FROM {audit} WHERE action = 'operation.running'")
    assert witness.wrong == []
    assert len(took_part) > 1, "or nothing was proved"
    assert len(accepted) == TENANTS * SERVICES * ROUNDS
    assert {kept[each] for each in accepted} <= {"succeeded", "superseded"}, "I-8: every one is there, and has ended"
    for seen in witness.seen.values():
        assert [epoch for epoch, _ in seen] == sorted({epoch for epoch, _ in seen}), "epochs only grow"
        assert [number for _, number in seen] == sorted({number for _, number in seen}), "R-15: as they were asked for"
    for tenant in range(TENANTS):
        there = pbx.by_hand.see(f"t{tenant}.example")
        assert there is not None
        assert (there.enabled, there.outbound) == (True, False), "the last round suspended all three"
    assert_in_order(bridge)


def test_the_same_new_service_asked_for_by_many_at_once_is_one_service(on_mariadb: Bridge) -> None:
    bridge = on_mariadb
    pbx = with_memory_pbx(bridge)
    with_handler(bridge)
    start, said = threading.Barrier(6), list[Any]()

    def ask() -> None:
        start.wait()
        said.append(
            services.create(
                bridge,
                asking(),
                service_id=42,
                client_id=7,
                product_id=12,
                server_id=None,
                domain=ACME,
                username="",
                password=None,
                options={},
                custom_fields={},
            )["operation_id"]
        )

    together([ask] * 6)
    run_all(bridge)

    assert len(said) == 6
    assert len(set(said)) == 1
    assert states(bridge) == [("create", "succeeded")]
    assert pbx.by_hand.domains() == [ACME]


def test_one_key_used_by_many_at_once_stands_for_one_operation(on_mariadb: Bridge) -> None:
    """R-56: whoever is not first is told that it is under way, or how it ended."""
    bridge = on_mariadb
    with_memory_pbx(bridge)
    with_handler(bridge)
    create(bridge)
    asked, start, said = asking("service.suspend"), threading.Barrier(6), list[str]()

    def ask() -> None:
        start.wait()
        try:
            said.append(services.suspend(bridge, asked, 42, None)["state"])
        except Conflict as trouble:
            said.append(trouble.kind)

    together([ask] * 6)

    assert Counter(said) == {"accepted": 1, "in_progress": 5}
    assert [kind for kind, _ in states(bridge)].count("suspend") == 1


# --- the lease -------------------------------------------------------------------------------------------------------


def test_r_23_a_worker_whose_lease_was_taken_writes_nothing(bridge: Bridge, caplog: pytest.LogCaptureFixture) -> None:
    """While the first is at the PBX its lease ends and another does the work; the first then finds the lane gone."""
    taken: list[int] = []

    def steal(_: Tenant) -> None:
        if not taken:
            taken.append(1)
            leases_end(bridge)
            taken.append(Worker(bridge, "worker-2").run_once())
            taken.append(audit_lines(bridge))

    with_watched_pbx(bridge, lambda _: None)
    create(bridge)
    with_watched_pbx(bridge, steal)
    suspend(bridge)
    Worker(bridge, "worker-1").run_once()

    assert taken[1] == 1, "the other one did it"
    assert audit_lines(bridge) == taken[2], "and after it nobody wrote anything"
    assert states(bridge)[0] == ("suspend", "succeeded")
    assert "lease lost" in caplog.text
    assert in_database(bridge, "SELECT owner, due_at FROM {lanes}") == [(None, None)]
    assert_in_order(bridge)


def audit_lines(bridge: Bridge) -> int:
    (row,) = in_database(bridge, "SELECT COUNT(*) FROM {audit}")
    count: int = row[0]
    return count


def test_r_23_trouble_of_a_worker_whose_lease_was_taken_is_not_written_either(bridge: Bridge) -> None:
    taken: list[int] = []

    def steal_and_fail(_: Tenant) -> None:
        if not taken:
            taken.append(1)
            leases_end(bridge)
            taken.append(Worker(bridge, "worker-2").run_once())
            raise Refused("this one would ask a person")

    with_watched_pbx(bridge, lambda _: None)
    create(bridge)
    with_watched_pbx(bridge, steal_and_fail)
    suspend(bridge)
    Worker(bridge, "worker-1").run_once()

    assert states(bridge)[0] == ("suspend", "succeeded")
    assert in_database(bridge, "SELECT id FROM {tasks}") == []


def test_what_a_dead_worker_had_claimed_is_done_by_another_after_its_lease(bridge: Bridge) -> None:
    class Dead(BaseException):
        pass

    def die(_: Tenant) -> None:
        raise Dead

    with_watched_pbx(bridge, die)
    with pytest.raises(Dead):
        create(bridge)
    before = Worker(bridge, "worker-2").run_once()
    leases_end(bridge)
    pbx = with_watched_pbx(bridge, lambda _: None)
    after = Worker(bridge, "worker-2").run_once()

    assert (before, after) == (0, 1)
    assert pbx.by_hand.domains() == [ACME]
    assert states(bridge) == [("create", "succeeded")]


def test_r_27_a_worker_that_is_to_stop_hands_back_what_it_has_not_begun(bridge: Bridge) -> None:
    stop = threading.Event()
    with_watched_pbx(bridge, lambda _: stop.set())
    for service_id in (42, 43, 44):
        ask_for(bridge, service_id)
    Worker(bridge, "worker-1").run_once(stop)
    begun = Counter(row[0] for row in in_database(bridge, "SELECT state FROM {operations}"))
    lanes = in_database(bridge, "SELECT owner, lease_until FROM {lanes}")
    run_all(bridge, "worker-2")

    assert begun == {"succeeded": 1, "accepted": 2}
    assert lanes == [(None, None)] * 3
    assert {states(bridge, each)[0] for each in (42, 43, 44)} == {("create", "succeeded")}
    assert_in_order(bridge)


def test_r_24_a_worker_that_could_not_renew_its_lease_begins_nothing_new(bridge: Bridge) -> None:
    """A machine that slept at the PBX wakes up to find half its lease over: the rest is left to others."""
    slept = [0.0]

    def sleep(_: Tenant) -> None:
        slept[0] += bridge.settings.lease_seconds

    sleepy = replace(bridge, ticks=lambda: bridge.ticks() + slept[0])
    with_watched_pbx(bridge, sleep)
    for service_id in (42, 43, 44):
        ask_for(bridge, service_id)
    Worker(sleepy, "worker-1").run_once()
    begun = Counter(row[0] for row in in_database(bridge, "SELECT state FROM {operations}"))
    run_all(bridge, "worker-2")

    assert begun == {"succeeded": 1, "accepted": 2}
    assert {states(bridge, each)[0] for each in (42, 43, 44)} == {("create", "succeeded")}


def ask_for(bridge: Bridge, service_id: int) -> None:
    services.create(
        bridge,
        asking(),
        service_id=service_id,
        client_id=service_id,
        product_id=12,
        server_id=None,
        domain=f"t{service_id}.example",
        username="",
        password=None,
        options={},
        custom_fields={},
    )


# --- order, repeats, newer wishes ------------------------------------------------------------------------------------


@pytest.fixture
def pbx(bridge: Bridge) -> MemoryPbx:
    """acme.example with services 42 and 43 of one client."""
    pbx = with_memory_pbx(bridge)
    with_handler(bridge)
    create(bridge)
    create(bridge, 43, server_id=1)
    return pbx


def tenant(pbx: MemoryPbx) -> Tenant:
    found = pbx.by_hand.see(ACME)
    assert found is not None
    return found


def test_r_15_operations_of_one_tenant_are_done_in_the_order_they_were_asked_for(
    bridge: Bridge, pbx: MemoryPbx
) -> None:
    done: list[str] = []
    suspend(bridge, 42)
    objects.save(bridge, asking("extension.save"), Extension, Where(43), "205", {})
    worker = Worker(bridge, "worker-1")
    while worker.run_once():
        done.append(" ".join(f"{kind} {state}" for kind, state in (states(bridge, 42)[0], states(bridge, 43)[0])))

    assert done == ["suspend succeeded edit accepted", "suspend succeeded edit succeeded"]


def test_r_21_the_same_wish_again_makes_no_work(bridge: Bridge, pbx: MemoryPbx) -> None:
    first = suspend(bridge)
    waiting = suspend(bridge)
    run_all(bridge)
    done = suspend(bridge)

    assert waiting["operation_id"] == first["operation_id"] == done["operation_id"]
    assert done["state"] == "succeeded"
    assert run_all(bridge) == 0


def test_f_7_suspend_unsuspend_suspend_are_three_operations_with_three_effects(bridge: Bridge, pbx: MemoryPbx) -> None:
    seen, numbers = [], []
    for wish in (suspend, unsuspend, suspend):
        numbers.append(wish(bridge, 42)["operation_id"])
        run_all(bridge)
        seen.append([each.number for each in tenant(pbx).extensions if not each.outbound])

    assert seen == [["100", "101"], [], ["100", "101"]]
    assert len(set(numbers)) == 3


def test_r_3_a_newer_wish_takes_the_place_of_one_that_waits(bridge: Bridge, pbx: MemoryPbx) -> None:
    suspend(bridge)
    unsuspend(bridge)
    suspend(bridge)
    attempts = run_all(bridge)

    assert [state for _, state in states(bridge)[:3]] == ["succeeded", "superseded", "superseded"]
    assert attempts == 1


def test_a_newer_wish_of_one_service_ends_nothing_of_another_in_the_same_tenant(bridge: Bridge, pbx: MemoryPbx) -> None:
    suspend(bridge, 42)
    suspend(bridge, 43)
    run_all(bridge)

    assert states(bridge, 42)[0] == states(bridge, 43)[0] == ("suspend", "succeeded")
    assert not tenant(pbx).outbound


# --- bad luck --------------------------------------------------------------------------------------------------------


def test_r_20_five_failures_make_exactly_one_task(bridge: Bridge, pbx: MemoryPbx) -> None:
    suspend(bridge)
    told = []
    for _ in range(7):
        pbx.trouble.fail(2, OutcomeUnknown("the answer was lost"))
        run_all(bridge)
        told.append((newest(bridge)["state"], newest(bridge)["attempts"]))
        retries_are_due(bridge)

    open_tasks = in_database(bridge, "SELECT open_key, cause FROM {tasks} WHERE open_key IS NOT NULL")
    assert told == [("retry_wait", each) for each in range(1, 5)] + [("manual", 5)] * 3
    assert open_tasks == [(f"operation:{newest(bridge)['operation_id']}", "the answer was lost")]
    pbx.trouble.clear()
    tasks.retry(bridge, asking("operation.retry"), newest(bridge)["operation_id"], "the PBX is well again")
    run_all(bridge)
    assert states(bridge)[0] == ("suspend", "succeeded")
    assert in_database(bridge, "SELECT id FROM {tasks} WHERE open_key IS NOT NULL") == []
    assert_in_order(bridge)


def test_a_refusal_asks_a_person_at_once(bridge: Bridge, pbx: MemoryPbx) -> None:
    suspend(bridge)
    pbx.trouble.fail(1, Refused("the login is wrong"))
    run_all(bridge)

    assert (newest(bridge)["state"], newest(bridge)["attempts"]) == ("manual", 0)
    assert len(in_database(bridge, "SELECT id FROM {tasks} WHERE open_key IS NOT NULL")) == 1


def test_a_person_who_has_to_decide_holds_up_nobody_else_in_the_tenant(bridge: Bridge, pbx: MemoryPbx) -> None:
    suspend(bridge, 42)
    pbx.trouble.fail(1, Refused("not this one"))
    Worker(bridge, "worker-1").run_once()
    objects.save(bridge, asking("extension.save"), Extension, Where(43), "205", {})
    run_all(bridge)

    assert states(bridge, 42)[0] == ("suspend", "manual")
    assert states(bridge, 43)[0] == ("edit", "succeeded")


def test_a_bug_becomes_a_task_and_loses_nothing(bridge: Bridge) -> None:
    def break_(_: Tenant) -> None:
        raise ZeroDivisionError("a bug of ours")

    with_watched_pbx(bridge, break_)
    create(bridge)
    (task,) = in_database(bridge, "SELECT cause FROM {tasks} WHERE open_key IS NOT NULL")

    assert states(bridge) == [("create", "manual")]
    assert "ZeroDivisionError" in task[0]
    assert "a bug of ours" not in task[0]
    assert_in_order(bridge)


def test_out_of_reach_everything_waits_nothing_is_sent_and_all_is_done_in_order_when_it_is_back(
    bridge: Bridge, pbx: MemoryPbx
) -> None:
    """R-3: the circuit opens at the first, is probed once a minute, and no attempt is lost on it."""
    pbx.trouble.outage = True
    suspend(bridge, 42)
    run_all(bridge)
    calls = pbx.trouble.calls
    suspend(bridge, 43)
    objects.save(bridge, asking("extension.save"), Extension, Where(43), "205", {})
    run_all(bridge)
    waiting = [(each["state"], each["attempts"]) for each in (newest(bridge, 42), newest(bridge, 43))]
    sent = pbx.trouble.calls - calls
    a_minute_passes(bridge)
    still = newest(bridge, 42)["state"]
    pbx.trouble.clear()
    a_minute_passes(bridge)
    run_all(bridge)

    assert waiting[0] == ("waiting_pbx", 0)
    assert sent == 0
    assert still == "waiting_pbx"
    assert {state for _, state in states(bridge, 42) + states(bridge, 43)} == {"succeeded"}
    assert not tenant(pbx).outbound
    assert "205" in [each.number for each in tenant(pbx).extensions]
    assert transact(bridge.engine, servers.not_working) == []
    assert_in_order(bridge)


def test_an_outage_of_one_pbx_leaves_the_others_alone(bridge: Bridge, pbx: MemoryPbx) -> None:
    other = with_memory_pbx(bridge, a_server(2))
    pbx.trouble.outage = True
    suspend(bridge, 42)
    create(bridge, 77, client_id=8, domain="other.example", server_id=2)

    assert states(bridge, 42)[0] == ("suspend", "waiting_pbx")
    assert states(bridge, 77)[0] == ("create", "succeeded")
    assert other.by_hand.domains() == ["other.example"]


def test_r_4_after_an_unknown_outcome_it_looks_before_it_repeats(bridge: Bridge) -> None:
    """The answer was lost and the effect was not: nothing is written twice."""
    writes: list[str] = []
    pbx = with_watched_pbx(bridge, lambda tenant: writes.append(tenant.domain))
    create(bridge)
    writes.clear()
    suspend(bridge)
    pbx.trouble.fail(3, OutcomeUnknown("the answer was lost"), after_effect=True)
    run_all(bridge)

    assert states(bridge)[0] == ("suspend", "succeeded")
    assert writes == [ACME]
    assert not tenant(pbx).outbound


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("trouble", [OutcomeUnknown("lost"), NotReached("down")], ids=["unknown", "not reached"])
@pytest.mark.parametrize("policy", list(SuspendPolicy))
@pytest.mark.parametrize("nth", range(1, 9))
def test_r_73_and_11_f_a_suspension_cut_short_anywhere_leaves_nothing_switched_off_after_a_resume(
    bridge: Bridge, nth: int, policy: SuspendPolicy, trouble: BridgeError
) -> None:
    """What we had switched off when the answer was lost is not taken for the work of a hand; what a hand did is."""
    pbx = with_memory_pbx(bridge)
    with_handler(bridge, extensions=3)
    with_package(bridge, suspend_policy=policy.value)
    create(bridge)
    pbx.by_hand.enable(ACME, "101", enabled=False)
    suspend(bridge)
    pbx.trouble.fail(nth, trouble, after_effect=isinstance(trouble, OutcomeUnknown))
    run_all(bridge)
    pbx.trouble.clear()
    retries_are_due(bridge)
    a_minute_passes(bridge)
    run_all(bridge)
    suspended = states(bridge)[0]
    unsuspend(bridge)
    run_all(bridge)

    assert suspended == ("suspend", "succeeded")
    assert {each.number: each.enabled for each in tenant(pbx).extensions} == {"100": True, "101": False, "102": True}
    assert (tenant(pbx).enabled, tenant(pbx).outbound) == (True, True)


# --- never around it -------------------------------------------------------------------------------------------------


class OpenTransactions:
    """How many connections each thread has out of the pool."""

    def __init__(self) -> None:
        self.of_thread: Counter[int] = Counter()

    def out(self, *_: Any) -> None:
        self.of_thread[threading.get_ident()] += 1

    def back(self, *_: Any) -> None:
        self.of_thread[threading.get_ident()] -= 1


@contextmanager
def watching(engine: Engine) -> Iterator[OpenTransactions]:
    held = OpenTransactions()
    event.listen(engine, "checkout", held.out)
    event.listen(engine, "checkin", held.back)
    yield held
    event.remove(engine, "checkout", held.out)
    event.remove(engine, "checkin", held.back)


class Outside(MemoryPbx):
    """Every verb asserts that whoever asks has no transaction open."""

    def __init__(self, held: OpenTransactions) -> None:
        super().__init__()
        self._held = held
        self.asked = 0
        self.wrong: list[str] = []

    def _alone(self, verb: str) -> None:
        self.asked += 1
        if self._held.of_thread[threading.get_ident()]:
            self.wrong.append(verb)

    def find(self, domain: str) -> Tenant | None:
        self._alone("find")
        return super().find(domain)

    def put(self, tenant: Tenant, *, adopt: bool = False) -> None:
        self._alone("put")
        super().put(tenant, adopt=adopt)

    def remove(self, tenant: Tenant) -> None:
        self._alone("remove")
        super().remove(tenant)

    def checks(self) -> Any:
        self._alone("checks")
        return super().checks()


def test_r_22_no_transaction_is_open_during_an_exchange_with_a_pbx(bridge: Bridge) -> None:
    with_memory_pbx(bridge)
    with_handler(bridge)
    with_package(bridge, suspend_policy="extensions")
    with watching(bridge.engine) as held:
        pbx = Outside(held)
        bridge.drivers.use(a_server(), {}, pbx)
        create(bridge)
        suspend(bridge)
        run_all(bridge)
        objects.save(bridge, asking("extension.save"), Extension, Where(42), "205", {})
        services.terminate(bridge, asking("service.terminate"), 42, None)
        run_all(bridge)
        pbx.trouble.outage = True
        ask_for(bridge, 50)
        run_all(bridge)
        a_minute_passes(bridge)

    assert pbx.asked > 10
    assert pbx.wrong == []


# --- what others do between two looks --------------------------------------------------------------------------------


def once_after(monkeypatch: pytest.MonkeyPatch, room: Any, question: str, act: Callable[[], object]) -> None:
    """Lets somebody else act right after a question was answered for the first time."""
    real: Callable[..., Any] = getattr(room, question)
    done: list[object] = []

    def ask(*given: Any) -> Any:
        answer = real(*given)
        if not done:
            done.append(None)
            act()
        return answer

    monkeypatch.setattr(room, question, ask)


def cancel(bridge: Bridge, operation_id: int) -> None:
    tasks.cancel(bridge, asking("operation.cancel"), operation_id, "not wanted any more")


def test_what_is_cancelled_while_it_is_claimed_stays_cancelled(
    on_mariadb: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-22: the row that was read is not the row that is taken, unless it was held."""
    bridge = on_mariadb
    pbx = with_memory_pbx(bridge)
    with_handler(bridge)
    ask_for(bridge, 42)
    number = newest(bridge)["operation_id"]
    once_after(monkeypatch, operations, "in_lanes", lambda: cancel(bridge, number))
    run_all(bridge)

    assert states(bridge) == [("create", "cancelled")]
    assert pbx.by_hand.domains() == []
    assert in_database(bridge, "SELECT owner, due_at FROM {lanes}") == [(None, None)]
    assert_in_order(bridge)


def test_what_was_cancelled_since_it_was_found_is_not_revived_by_asking_again(bridge: Bridge) -> None:
    """R-21: asking again tries a waiting operation at once, and revives none that has ended."""
    pbx = with_memory_pbx(bridge)
    with_handler(bridge)
    pbx.by_hand.add(Tenant("t42.example", marker="another's"))
    ask_for(bridge, 42)
    run_all(bridge)
    number = newest(bridge)["operation_id"]
    found = transact(bridge.engine, lambda tx: operations.get(tx, number))
    assert found is not None
    cancel(bridge, number)
    moment = database_now(bridge)
    transact(bridge.engine, lambda tx: acceptance.joined(tx, bridge, asking(), found, moment))

    assert found.state is State.MANUAL
    assert states(bridge) == [("create", "cancelled")]


def test_whmcs_is_told_once_of_one_operation(bridge: Bridge) -> None:
    with_memory_pbx(bridge)
    moment = database_now(bridge)

    def tell(tx: Connection) -> None:
        announcements.add(tx, service_id=42, operation_id=7, status="Active", due_at=moment, now=moment)

    transact(bridge.engine, tell)
    transact(bridge.engine, tell)

    assert in_database(bridge, "SELECT COUNT(*) FROM {announcements}") == [(1,)]


class Interrupted(MemoryPbx):
    """A PBX at which something happens right before one verb, once."""

    def __init__(self, verb: str, act: Callable[[], object]) -> None:
        super().__init__()
        self.verb = verb
        self._act: Callable[[], object] | None = act
        self.removed = 0

    def _now(self, verb: str) -> None:
        if verb == self.verb and self._act is not None:
            act, self._act = self._act, None
            act()

    def find(self, domain: str) -> Tenant | None:
        self._now("find")
        return super().find(domain)

    def remove(self, tenant: Tenant) -> None:
        self._now("remove")
        self.removed += 1
        super().remove(tenant)


def with_purge_under_way(bridge: Bridge, verb: str, act: Callable[[], object]) -> Interrupted:
    """Service 42 has ended, its retention is over and its tenant is to be deleted; something comes in between."""
    with_handler(bridge)
    with_memory_pbx(bridge)
    pbx = Interrupted("", act)
    bridge.drivers.use(a_server(), {}, pbx)
    create(bridge)
    services.terminate(bridge, asking("service.terminate"), 42, None)
    run_all(bridge)

    def purge(tx: Connection) -> None:
        service = service_store.get(tx, 42)
        assert service is not None
        moment = now(tx)
        acceptance.append(tx, bridge, asking("tenant.purge"), service, Kind.PURGE, asked={}, moment=moment)

    transact(bridge.engine, purge)
    pbx.verb = verb
    return pbx


def test_what_is_ordered_again_before_its_deletion_began_is_not_deleted(bridge: Bridge) -> None:
    """R-2: whether anybody lives there is asked again in the moment in which the deletion begins."""
    pbx = with_purge_under_way(bridge, "find", lambda: create_again(bridge))
    before = pbx.by_hand.see(ACME)
    run_all(bridge)

    after = tenant(pbx)
    assert before is not None
    assert pbx.removed == 0
    assert after.enabled
    assert states(bridge)[0] == ("create", "succeeded")
    assert_in_order(bridge)


def test_what_waits_for_a_person_when_its_tenant_is_deleted_keeps_its_lane(bridge: Bridge) -> None:
    """I-9: tried again afterwards, it is done."""
    with_memory_pbx(bridge, a_server(2))
    with_purge_under_way(bridge, "remove", lambda: wait_for_a_person(bridge))
    run_all(bridge)
    waiting = newest(bridge)
    tasks.retry(bridge, asking("operation.retry"), waiting["operation_id"], "go on")
    run_all(bridge)

    assert waiting["state"] == "manual"
    assert states(bridge)[0] == ("renew", "succeeded")
    assert_in_order(bridge)


def create_again(bridge: Bridge) -> None:
    services.create(
        bridge,
        asking(),
        service_id=42,
        client_id=7,
        product_id=12,
        server_id=1,
        domain=ACME,
        username="",
        password=None,
        options={},
        custom_fields={},
    )


def wait_for_a_person(bridge: Bridge) -> None:
    def act(tx: Connection) -> None:
        service = service_store.get(tx, 42)
        assert service is not None
        asked = asking("service.renew")
        acceptance.append(tx, bridge, asked, service, Kind.RENEW, asked={}, moment=now(tx), by_hand=True)

    transact(bridge.engine, act)


@pytest.mark.parametrize(
    "fate",
    [
        "DELETE FROM {lanes}",
        "UPDATE {lanes} SET due_at = NULL",
        "UPDATE {lanes} SET due_at = '2999-01-01 00:00:00.000000'",
        "UPDATE {operations} SET due_at = NULL",
    ],
)
def test_i_9_what_nothing_brings_forward_is_found_and_woken(bridge: Bridge, fate: str) -> None:
    with_memory_pbx(bridge)
    with_handler(bridge)
    ask_for(bridge, 42)
    in_database(bridge, fate)
    found = transact(bridge.engine, lambda tx: lanes.forgotten(tx, lease=timedelta(seconds=1)))
    a_minute_passes(bridge)
    run_all(bridge)

    assert found == [newest(bridge)["operation_id"]]
    assert states(bridge) == [("create", "succeeded")]
    assert_in_order(bridge)


def test_waking_a_lane_that_is_not_there_is_told(bridge: Bridge) -> None:
    with pytest.raises(Conflict, match="not there any more"):
        transact(bridge.engine, lambda tx: lanes.wake(tx, [99], now=now(tx)))


def test_a_server_that_comes_back_while_its_lanes_are_claimed_keeps_nobody_waiting(
    on_mariadb: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I-9: it was seen as out of reach, and came back and woke nobody before the waiting was written down."""
    bridge = on_mariadb
    with_memory_pbx(bridge, a_server(health=Health.UNTESTED))
    with_handler(bridge)
    ask_for(bridge, 42)

    def test(tx: Connection) -> None:
        held = servers.get(tx, 1, lock=True)
        assert held is not None
        servers.save(tx, replace(held, health=Health.GREEN))
        operations.wake_server(tx, 1, now=now(tx))

    once_after(monkeypatch, servers, "listed", lambda: transact(bridge.engine, test))
    run_all(bridge)

    assert states(bridge) == [("create", "succeeded")]


def test_i_9_what_waits_for_a_server_that_works_is_woken(bridge: Bridge) -> None:
    with_memory_pbx(bridge)
    with_handler(bridge)
    ask_for(bridge, 42)
    later = "2999-01-01 00:00:00.000000"
    in_database(bridge, "UPDATE {operations} SET state = 'waiting_pbx', due_at = :later", later=later)
    in_database(bridge, "UPDATE {lanes} SET due_at = :later", later=later)
    a_minute_passes(bridge)
    run_all(bridge)

    assert states(bridge) == [("create", "succeeded")]


def test_a_handler_of_another_server_does_not_say_what_may_be_adopted_here(bridge: Bridge) -> None:
    pbx = with_memory_pbx(bridge)
    with_memory_pbx(bridge, a_server(2))
    with_handler(bridge, adopt="never")
    with_handler(bridge, server_id=2, adopt="always")
    pbx.by_hand.add(Tenant(ACME, description="somebody else's"))
    create(bridge, server_id=1)

    assert states(bridge) == [("create", "manual")]
    assert tenant(pbx).marker is None


def test_one_secret_that_cannot_be_read_stops_nothing_but_its_own_operation(bridge: Bridge) -> None:
    with_memory_pbx(bridge)
    with_handler(bridge)
    for service_id in (42, 43):
        ask_for(bridge, service_id)
    in_database(
        bridge, "UPDATE {services} SET username = 'acme', password = :junk WHERE service_id = 42", junk=b"x" * 60
    )
    run_all(bridge)
    (task,) = in_database(bridge, "SELECT service_id FROM {tasks} WHERE open_key IS NOT NULL")

    assert states(bridge, 42) == [("create", "manual")]
    assert states(bridge, 43) == [("create", "succeeded")]
    assert task == (42,)
    assert_in_order(bridge)


def test_r_24_a_worker_that_slept_since_it_looked_changes_nothing(bridge: Bridge) -> None:
    """Between the look and the change, half a lease went by: the change is left to whoever has the lane then."""
    slept = [0.0]
    puts: list[float] = []

    def sleep() -> None:
        slept[0] += bridge.settings.lease_seconds

    class Slow(Interrupted):
        def put(self, tenant: Tenant, *, adopt: bool = False) -> None:
            puts.append(slept[0])
            super().put(tenant, adopt=adopt)

    sleepy = replace(bridge, ticks=lambda: bridge.ticks() + slept[0])
    with_memory_pbx(bridge)
    with_handler(bridge)
    bridge.drivers.use(a_server(), {}, Slow("find", sleep))
    ask_for(bridge, 42)
    Worker(sleepy, "worker-1").run_once()
    begun = states(bridge)
    changed = list(puts)
    run_all(bridge, "worker-2")

    assert (begun, changed) == ([("create", "accepted")], [])
    assert states(bridge) == [("create", "succeeded")]
    assert_in_order(bridge)
