"""What WHMCS asks for a service, against both databases and a PBX in memory."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from bridge import handlers, objects, packages, services, tasks
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import now, transact
from bridge.drift import repairs
from bridge.errors import Conflict, NotFound, NotPrepared, OutcomeUnknown
from bridge.objects import Where
from bridge.pbx.driver import Extension, Tenant
from bridge.pbx.memory import MemoryPbx
from bridge.secret import Secret
from bridge.server import Health
from bridge.store import mirror, operations, placements, servers
from bridge.store import services as service_store
from bridge.store import tasks as task_store
from bridge.worker import Worker
from tests.factories import a_server, asking, run_all, the_least, with_handler, with_memory_pbx, with_package

KEY = "inst-7f3c:42:create:1"


def create(bridge: Bridge, service_id: int = 42, asked: Asking | None = None, **changed: Any) -> dict[str, Any]:
    wished: dict[str, Any] = {
        "service_id": service_id,
        "client_id": 7,
        "product_id": 12,
        "server_id": None,
        "domain": "acme.example",
        "username": "acme",
        "password": None,
        "options": {},
        "custom_fields": {},
    }
    return services.create(bridge, asked or asking(), **(wished | changed))


def suspend(bridge: Bridge, asked: Asking | None = None, service_id: int = 42) -> dict[str, Any]:
    return services.suspend(bridge, asked or asking("service.suspend"), service_id, "overdue")


def unsuspend(bridge: Bridge, asked: Asking | None = None, service_id: int = 42) -> dict[str, Any]:
    return services.unsuspend(bridge, asked or asking("service.unsuspend"), service_id, None)


def state_of(bridge: Bridge, answer: dict[str, Any]) -> str:
    held = transact(bridge.engine, lambda tx: operations.get(tx, answer["operation_id"]))
    assert held is not None
    return held.state.value


@pytest.fixture
def pbx(bridge: Bridge) -> MemoryPbx:
    found = with_memory_pbx(bridge)
    with_handler(bridge)
    return found


# --- the life of a service -------------------------------------------------------------------------------------------


def test_a_created_service_ends_in_a_tenant(bridge: Bridge, pbx: MemoryPbx) -> None:
    answer = create(bridge)
    assert answer["state"] == "accepted"
    assert run_all(bridge) == 1

    tenant = pbx.find("acme.example")
    assert tenant is not None
    assert [each.number for each in tenant.extensions] == ["100", "101"]
    assert tenant.enabled
    assert services.get(bridge, 42)["operations"][0]["state"] == "succeeded"


def test_a_suspension_leaves_emergency_calls_and_a_resume_restores(bridge: Bridge, pbx: MemoryPbx) -> None:
    create(bridge)
    run_all(bridge)

    suspend(bridge)
    run_all(bridge)
    suspended = pbx.find("acme.example")
    unsuspend(bridge)
    run_all(bridge)
    resumed = pbx.find("acme.example")

    assert suspended is not None
    assert (suspended.enabled, suspended.outbound) == (True, False)
    assert resumed is not None
    assert resumed.outbound


def test_suspend_unsuspend_suspend_are_three_operations_with_three_effects(bridge: Bridge, pbx: MemoryPbx) -> None:
    """F-7"""
    create(bridge)
    run_all(bridge)
    seen, numbers = [], []

    for act in (suspend, unsuspend, suspend):
        numbers.append(act(bridge)["operation_id"])
        run_all(bridge)
        tenant = pbx.find("acme.example")
        assert tenant is not None
        seen.append(tenant.outbound)

    assert seen == [False, True, False]
    assert len(set(numbers)) == 3


def test_a_terminated_service_is_switched_off_and_restored_whole_within_its_retention(
    bridge: Bridge, pbx: MemoryPbx
) -> None:
    """F-18"""
    create(bridge, password=Secret("portal-password-1"))
    run_all(bridge)
    before = pbx.by_hand.see("acme.example")

    services.terminate(bridge, asking("service.terminate"), 42, None)
    run_all(bridge)
    ended = pbx.find("acme.example")
    create(bridge)
    run_all(bridge)

    assert ended is not None
    assert not ended.enabled
    assert pbx.by_hand.see("acme.example") == before


def test_a_service_that_never_was_is_not_found(bridge: Bridge, pbx: MemoryPbx) -> None:
    with pytest.raises(NotFound, match="service 99 is not known here"):
        suspend(bridge, service_id=99)


def test_a_terminated_service_takes_no_suspension(bridge: Bridge, pbx: MemoryPbx) -> None:
    create(bridge)
    services.terminate(bridge, asking("service.terminate"), 42, None)

    with pytest.raises(Conflict, match="is terminated, so it cannot be suspended"):
        suspend(bridge)


def test_a_password_reaches_the_pbx_and_is_kept_sealed(bridge: Bridge, pbx: MemoryPbx) -> None:
    """F-16"""
    create(bridge, password=Secret("portal-password-1"))
    run_all(bridge)

    services.change_password(bridge, asking("service.change_password"), 42, Secret("portal-password-2"))
    run_all(bridge)

    tenant = pbx.find("acme.example")
    assert tenant is not None
    assert tenant.admin_username == "acme"
    assert tenant.admin_password == Secret("portal-password-2")


# --- the same again --------------------------------------------------------------------------------------------------


def test_a_repeat_under_the_same_key_gets_the_stored_answer(bridge: Bridge, pbx: MemoryPbx) -> None:
    """R-56"""
    first = create(bridge, asked=asking(key=KEY))
    run_all(bridge)

    again = create(bridge, asked=asking(key=KEY))
    once_more = create(bridge, asked=asking(key=KEY))

    assert again.pop("_meta") == {"replayed": True}
    assert once_more.pop("_meta") == {"replayed": True}
    assert again == once_more
    assert (again["operation_id"], again["state"]) == (first["operation_id"], "succeeded")
    assert run_all(bridge) == 0


def test_a_repeat_while_it_runs_is_told_the_operation(bridge: Bridge, pbx: MemoryPbx) -> None:
    """R-56, 1004"""
    first = create(bridge, asked=asking(key=KEY))

    with pytest.raises(Conflict) as refused:
        create(bridge, asked=asking(key=KEY))
    assert refused.value.kind == "in_progress"
    assert refused.value.facts["operation_id"] == first["operation_id"]


def test_one_key_for_two_things_is_refused_and_runs_nothing(bridge: Bridge, pbx: MemoryPbx) -> None:
    """R-56, 1003"""
    create(bridge, asked=asking(key=KEY, params={"service_id": 42}))

    with pytest.raises(Conflict) as refused:
        create(bridge, service_id=43, asked=asking(key=KEY, params={"service_id": 43}))
    assert refused.value.kind == "idempotency_mismatch"
    with pytest.raises(NotFound):
        services.get(bridge, 43)


def test_the_same_wish_twice_in_a_row_is_one_operation(bridge: Bridge, pbx: MemoryPbx) -> None:
    """R-21"""
    create(bridge)
    run_all(bridge)

    first = suspend(bridge)
    second = suspend(bridge)

    assert second["operation_id"] == first["operation_id"]
    assert run_all(bridge) == 1


def test_a_copied_key_never_makes_a_call_do_nothing(bridge: Bridge, pbx: MemoryPbx) -> None:
    """F-7: a shim that lost its counter asks under an old key, and what it asks is done."""
    create(bridge)
    run_all(bridge)
    first = suspend(bridge, asking("service.suspend", key="inst-7f3c:42:suspend:2"))
    run_all(bridge)
    unsuspend(bridge)
    run_all(bridge)

    again = suspend(bridge, asking("service.suspend", key="inst-7f3c:42:suspend:2"))
    run_all(bridge)

    tenant = pbx.find("acme.example")
    assert tenant is not None
    assert not tenant.outbound
    assert again["operation_id"] != first["operation_id"]


def test_a_newer_wish_takes_the_place_of_one_that_waits(bridge: Bridge, pbx: MemoryPbx) -> None:
    created = create(bridge)
    suspended = suspend(bridge)

    assert state_of(bridge, created) == "superseded"
    assert run_all(bridge) == 1
    assert state_of(bridge, suspended) == "succeeded"
    tenant = pbx.find("acme.example")
    assert tenant is not None
    assert not tenant.outbound


def test_random_calls_end_in_what_was_asked_last(bridge: Bridge, pbx: MemoryPbx) -> None:
    """Against an oracle that only remembers the last wish of each service."""
    chance = random.Random(20261121)
    last: dict[int, str] = {}
    for _ in range(60):
        service_id = chance.randint(1, 6)
        wish = chance.choice(("create", "suspend", "unsuspend", "terminate", "work"))
        if wish == "work":
            run_all(bridge)
        elif wish == "create":
            create(bridge, service_id, client_id=service_id, domain=f"s{service_id}.example")
            last[service_id] = "create"
        elif last.get(service_id) not in (None, "terminate"):
            act = {"suspend": suspend, "unsuspend": unsuspend}.get(wish)
            if act is not None:
                act(bridge, service_id=service_id)
            else:
                services.terminate(bridge, asking("service.terminate"), service_id, None)
            last[service_id] = wish
    run_all(bridge)

    for service_id, wish in last.items():
        tenant = pbx.find(f"s{service_id}.example")
        if tenant is None:
            assert wish == "terminate", "ended before it ever was"
            continue
        assert tenant.enabled == (wish != "terminate")
        if wish != "terminate":
            assert tenant.outbound == (wish != "suspend")


# --- where it goes ---------------------------------------------------------------------------------------------------


def test_without_a_server_a_person_is_asked(bridge: Bridge) -> None:
    """products.md 11.3"""
    answer = create(bridge)

    assert answer["state"] == "manual"
    waiting = transact(bridge.engine, lambda tx: task_store.listed(tx))
    assert [each.operation_id for each in waiting] == [answer["operation_id"]]
    assert "no server is known" in waiting[0].cause


def test_a_server_that_was_changed_in_whmcs_is_a_task_and_nothing_else(bridge: Bridge, pbx: MemoryPbx) -> None:
    """F-13"""
    other = with_memory_pbx(bridge, a_server(2, is_default=False))
    create(bridge, server_id=1)
    run_all(bridge)

    answer = create(bridge, server_id=2)

    assert answer["state"] == "manual"
    assert run_all(bridge) == 0
    assert other.by_hand.domains() == []


def test_a_domain_edited_in_whmcs_is_a_task_never_a_rename(bridge: Bridge, pbx: MemoryPbx) -> None:
    """F-11"""
    create(bridge)
    run_all(bridge)

    answer = create(bridge, domain="renamed.example")

    assert answer["state"] == "manual"
    assert run_all(bridge) == 0
    assert pbx.by_hand.domains() == ["acme.example"]


def test_a_domain_of_another_client_is_refused(bridge: Bridge, pbx: MemoryPbx) -> None:
    """T-18"""
    create(bridge)

    with pytest.raises(Conflict) as refused:
        create(bridge, service_id=43, client_id=8)
    assert refused.value.kind == "tenant_mismatch"


def test_two_services_of_a_client_share_a_tenant_and_one_of_them_is_restricted_alone(
    bridge: Bridge, pbx: MemoryPbx
) -> None:
    """F-10"""
    create(bridge)
    create(bridge, service_id=43)
    run_all(bridge)

    suspend(bridge, service_id=43)
    run_all(bridge)
    partly = pbx.find("acme.example")
    suspend(bridge, service_id=42)
    run_all(bridge)
    whole = pbx.find("acme.example")

    assert partly is not None
    assert partly.outbound
    assert {each.number: each.outbound for each in partly.extensions} == {
        "100": True,
        "101": True,
        "102": False,
        "103": False,
    }
    assert whole is not None
    assert not whole.outbound


def test_a_name_that_is_no_domain_is_refused_before_anything_is_written(bridge: Bridge, pbx: MemoryPbx) -> None:
    with pytest.raises(NotPrepared, match="not a domain name"):
        create(bridge, domain="no domain; at all")
    with pytest.raises(NotFound):
        services.get(bridge, 42)


# --- another domain for what was never there -------------------------------------------------------------------------


@pytest.fixture
def taken(bridge: Bridge, pbx: MemoryPbx) -> dict[str, Any]:
    """The answer of a create whose domain the PBX has already, as another's: a task for a person."""
    pbx.by_hand.add(Tenant("acme.example", marker="somebody-else"))
    answer = create(bridge, password=Secret("portal-password-1"))
    run_all(bridge)
    assert state_of(bridge, answer) == "manual"
    return answer


def test_a_domain_that_was_refused_is_corrected_by_another(
    bridge: Bridge, pbx: MemoryPbx, taken: dict[str, Any]
) -> None:
    corrected = create(bridge, domain="acme2.example")
    again = create(bridge, domain="acme2.example")
    run_all(bridge)

    made = pbx.by_hand.see("acme2.example")
    assert made is not None
    assert [each.number for each in made.extensions] == ["100", "101"]
    assert made.admin_password == Secret("portal-password-1")
    assert (corrected["state"], corrected["service"]["domain"]) == ("accepted", "acme2.example")
    assert again["operation_id"] == corrected["operation_id"]
    assert [state_of(bridge, each) for each in (taken, corrected)] == ["superseded", "succeeded"]
    assert transact(bridge.engine, lambda tx: task_store.listed(tx)) == []
    lived = transact(bridge.engine, lambda tx: placements.of_service(tx, 42))
    assert [(each.domain, each.to_at is None) for each in lived] == [("acme.example", False), ("acme2.example", True)]


def test_a_domain_that_was_only_wished_is_free_for_others(
    bridge: Bridge, pbx: MemoryPbx, taken: dict[str, Any]
) -> None:
    create(bridge, domain="acme2.example")
    pbx.by_hand.remove("acme.example")
    create(bridge, service_id=77, client_id=8)
    run_all(bridge)

    assert sorted(pbx.by_hand.domains()) == ["acme.example", "acme2.example"]


def test_an_objection_to_another_domain_ends_with_its_correction(
    bridge: Bridge, pbx: MemoryPbx, taken: dict[str, Any]
) -> None:
    """F-13: another server stays a person's to decide, whatever else is corrected."""
    with_memory_pbx(bridge, a_server(2, is_default=False))
    objected = create(bridge, domain="acme2.example", server_id=2)
    corrected = create(bridge, domain="acme2.example", server_id=1)

    assert objected["state"] == "manual"
    assert [state_of(bridge, each) for each in (objected, corrected)] == ["superseded", "accepted"]


def test_a_correction_that_is_refused_changes_nothing(bridge: Bridge, pbx: MemoryPbx, taken: dict[str, Any]) -> None:
    create(bridge, service_id=77, client_id=8, domain="other.example")

    with pytest.raises(Conflict) as refused:
        create(bridge, domain="other.example")
    assert refused.value.kind == "tenant_mismatch"
    assert state_of(bridge, taken) == "manual"
    assert services.get(bridge, 42)["wanted"]["domain"] == "acme.example"


def test_what_may_be_there_is_not_renamed(bridge: Bridge, pbx: MemoryPbx) -> None:
    """F-11: a lost answer leaves open whether something was made, so a person looks."""
    for number in (3, 4):  # making it, and the look at what came of that
        pbx.trouble.fail(number, OutcomeUnknown("the answer was lost"), after_effect=True)
    lost = create(bridge)
    Worker(bridge, "worker-1").run_once()

    answer = create(bridge, domain="acme2.example")

    assert state_of(bridge, lost) == "retry_wait"
    assert pbx.by_hand.domains() == ["acme.example"]
    assert answer["state"] == "manual"
    assert services.get(bridge, 42)["wanted"]["domain"] == "acme.example"


def test_what_is_being_made_is_not_renamed(bridge: Bridge, pbx: MemoryPbx) -> None:
    said: list[dict[str, Any]] = []
    put = pbx.put

    def meanwhile(*wanted: Any, **how: Any) -> None:
        if not said:
            said.append(create(bridge, domain="acme2.example"))
        put(*wanted, **how)

    pbx.put = meanwhile  # type: ignore[method-assign]  # WHMCS asks in the middle of an attempt
    create(bridge)
    run_all(bridge)

    assert said[0]["state"] == "manual"
    assert pbx.by_hand.domains() == ["acme.example"]


def test_what_staff_work_on_already_is_not_given_up_for_another_domain(
    bridge: Bridge, pbx: MemoryPbx, taken: dict[str, Any]
) -> None:
    objects.save(bridge, asking("extension.save"), Extension, Where(service_id=42), "205", {"name": "Reception"})

    assert create(bridge, domain="acme2.example")["state"] == "manual"
    assert services.get(bridge, 42)["wanted"]["domain"] == "acme.example"


def test_a_tenant_that_another_service_is_to_share_is_not_renamed(
    bridge: Bridge, pbx: MemoryPbx, taken: dict[str, Any]
) -> None:
    create(bridge, service_id=43)

    assert create(bridge, domain="acme2.example")["state"] == "manual"


def test_the_end_of_what_was_refused_leaves_the_others_tenant_alone(
    bridge: Bridge, pbx: MemoryPbx, taken: dict[str, Any]
) -> None:
    before = pbx.by_hand.see("acme.example")
    ended = services.terminate(bridge, asking("service.terminate"), 42, None)
    run_all(bridge)
    with bridge.engine.begin() as tx:
        tx.execute(text("UPDATE mod_ictvoipbilling_domains SET delete_after = '2026-01-01 00:00:00'"))
        held = service_store.get(tx, 42)
    assert held is not None
    assert held.tenant_id is not None
    repairs.purge(bridge, held.tenant_id, caller="sweep", dry_run=False)
    run_all(bridge)

    assert [state_of(bridge, each) for each in (taken, ended)] == ["superseded", "succeeded"]
    assert services.get(bridge, 42)["wanted"]["domain"] is None, "its retention is over, and so is what is kept of it"
    assert pbx.by_hand.see("acme.example") == before
    assert transact(bridge.engine, lambda tx: task_store.listed(tx)) == []


# --- packages and options --------------------------------------------------------------------------------------------


def test_a_seat_bought_is_a_seat_more(bridge: Bridge, pbx: MemoryPbx) -> None:
    """F-12"""
    with_package(bridge, limits={"extensions": 5}, options={"Seats": {"limit": "extensions", "how": "add"}})

    answer = create(bridge, options={"Seats|Extra seats": "3"})

    assert answer["service"]["limits"] == {"extensions": 8}


def test_a_product_that_nobody_prepared_lifts_no_limit(bridge: Bridge, pbx: MemoryPbx) -> None:
    """1006: an upgrade to a product without a package is refused, not taken for unlimited."""
    with_package(bridge, limits={"extensions": 5})
    create(bridge)

    with pytest.raises(NotPrepared, match="product 4711 has no package"):
        services.change_package(bridge, asking("service.change_package"), 42, 4711, None)
    with pytest.raises(NotPrepared, match="product 99 has no package and no handler"):
        create(bridge, service_id=43, product_id=99, domain="other.example")
    assert services.get(bridge, 42)["wanted"]["limits"] == {"extensions": 5}


@pytest.mark.parametrize("most", [1_000_001, 10**30])
def test_a_limit_that_no_pbx_could_hold_is_not_saved(bridge: Bridge, most: int) -> None:
    def save(most: int) -> dict[str, Any]:
        package = packages.read(the_least(limits={"extensions": most}))
        return packages.save(bridge, asking("package.save"), package)

    with pytest.raises(NotPrepared, match=r"limits\.extensions is 10*1?; it is a whole number from 0 to 1000000"):
        save(most)
    assert packages.listed(bridge) == []
    assert save(1_000_000)["version"] == 1


def test_a_smaller_package_deletes_nothing_and_asks_a_person(bridge: Bridge, pbx: MemoryPbx) -> None:
    """products.md 12"""
    with_package(bridge, limits={"extensions": 5})
    with_package(bridge, 13, limits={"extensions": 1})
    create(bridge)
    run_all(bridge)

    answer = services.change_package(bridge, asking("service.change_package"), 42, 13, None)
    run_all(bridge)

    tenant = pbx.find("acme.example")
    assert tenant is not None
    assert len(tenant.extensions) == 2
    assert answer["service"]["over_limit"] == ["extensions"]
    assert {"what": "limit extensions", "from": 5, "to": 1} in answer["changes"]
    waiting = transact(bridge.engine, lambda tx: task_store.open_of(tx, "over_limit:42"))
    assert waiting is not None
    assert waiting.details == {"candidates": {"extensions": ["101"]}}


@pytest.mark.parametrize("settled", [False, True], ids=["under way", "done"])
def test_what_a_change_of_package_changed_is_told_of_no_other_call(
    bridge: Bridge, pbx: MemoryPbx, settled: bool
) -> None:
    """R-21: its operation answers for whoever wants nothing else, and that call changed nothing."""
    with_package(bridge, limits={"extensions": 5})
    with_package(bridge, 13, limits={"extensions": 3})
    create(bridge)
    changed = services.change_package(bridge, asking("service.change_package"), 42, 13, None)
    if settled:
        run_all(bridge)

    key = asking("service.renew")
    others = [services.renew(bridge, key, 42, None), unsuspend(bridge)]
    if settled:
        others.append(services.renew(bridge, key, 42, None))
    again = services.change_package(bridge, asking("service.change_package"), 42, 13, None)

    assert {each["operation_id"] for each in [*others, again]} == {changed["operation_id"]}
    assert all(each["changes"] == [] for each in others)
    assert changed["changes"] == again["changes"] != []


def test_a_change_of_package_that_changes_nothing_says_so(bridge: Bridge, pbx: MemoryPbx) -> None:
    first = create(bridge)

    answer = services.change_package(bridge, asking("service.change_package"), 42, 12, None)

    assert (answer["operation_id"], answer["changes"]) == (first["operation_id"], [])


# --- handlers --------------------------------------------------------------------------------------------------------


def test_a_disabled_handler_refuses_new_services_and_serves_those_it_has(bridge: Bridge, pbx: MemoryPbx) -> None:
    create(bridge)
    run_all(bridge)
    with_handler(bridge, enabled=False)

    with pytest.raises(Conflict, match="takes no new service"):
        create(bridge, service_id=43, domain="other.example")
    suspend(bridge)
    run_all(bridge)

    tenant = pbx.find("acme.example")
    assert tenant is not None
    assert not tenant.outbound


def test_a_manual_handler_makes_a_task_of_every_operation(bridge: Bridge, pbx: MemoryPbx) -> None:
    with_handler(bridge, driver="manual", department="telephony")

    created = create(bridge)
    suspended = suspend(bridge)

    assert (created["state"], suspended["state"]) == ("manual", "manual")
    waiting = transact(bridge.engine, lambda tx: task_store.listed(tx, department="telephony"))
    assert [each.operation_id for each in waiting] == [suspended["operation_id"], created["operation_id"]]


def test_the_end_of_a_service_that_nobody_set_up_ends_the_tasks_of_it(bridge: Bridge, pbx: MemoryPbx) -> None:
    """R-3"""
    with_handler(bridge, driver="manual")
    created, suspended = create(bridge), suspend(bridge)

    ended = services.terminate(bridge, asking("service.terminate"), 42, None)

    assert [state_of(bridge, each) for each in (created, suspended, ended)] == ["superseded", "superseded", "manual"]


def test_the_end_of_a_service_that_never_got_a_place_is_done_at_once(bridge: Bridge) -> None:
    """Without a server nothing of it is anywhere: there is nothing for a worker, nor for a person."""
    created, suspended = create(bridge), suspend(bridge)

    key = asking("service.terminate")
    ended = services.terminate(bridge, key, 42, None)
    repeated = services.terminate(bridge, key, 42, None)

    assert (created["state"], suspended["state"]) == ("manual", "manual")
    assert (ended["state"], ended["service"]["status"]) == ("succeeded", "terminated")
    assert repeated.pop("_meta") == {"replayed": True}
    assert repeated == ended
    assert [state_of(bridge, each) for each in (created, suspended)] == ["superseded", "superseded"]
    assert transact(bridge.engine, lambda tx: task_store.listed(tx)) == []
    assert services.get(bridge, 42)["wanted"]["status"] == "terminated"


def test_a_service_that_ended_without_a_place_is_set_up_when_it_is_ordered_again(bridge: Bridge) -> None:
    create(bridge)
    services.terminate(bridge, asking("service.terminate"), 42, None)
    pbx = with_memory_pbx(bridge)
    with_handler(bridge)

    again = create(bridge)
    run_all(bridge)

    assert state_of(bridge, again) == "succeeded"
    assert pbx.by_hand.domains() == ["acme.example"]


def test_an_unknown_driver_is_refused_by_name(bridge: Bridge) -> None:
    with pytest.raises(NotPrepared, match="there is no driver 'asterisk'"):
        handlers.save(
            bridge,
            asking("handler.save"),
            product_id=12,
            server_id=0,
            driver="asterisk",
            department="default",
            enabled=True,
            settings={},
        )


# --- waiting ---------------------------------------------------------------------------------------------------------


def test_a_call_is_not_kept_waiting_for_a_pbx_that_is_away(bridge: Bridge, pbx: MemoryPbx) -> None:
    """F-8"""
    create(bridge)
    run_all(bridge)
    away = a_server(unreachable_since=transact(bridge.engine, operations_now))
    transact(bridge.engine, lambda tx: servers.save(tx, away))
    began = bridge.ticks()

    answer = suspend(bridge, replace(asking("service.suspend"), wait_ms=15_000))

    assert answer["state"] == "accepted"
    assert bridge.ticks() - began < 5


def operations_now(tx: Any) -> Any:
    from bridge.database import now

    return now(tx)


def test_an_untested_server_makes_its_operations_wait(bridge: Bridge) -> None:
    """Item 7: automation is off for a server until its test was green."""
    with_memory_pbx(bridge, a_server(health=Health.UNTESTED))
    answer = create(bridge)
    run_all(bridge)

    assert state_of(bridge, answer) == "waiting_pbx"


def test_a_dry_run_says_what_would_be_and_keeps_nothing(bridge: Bridge, pbx: MemoryPbx) -> None:
    answer = create(bridge, asked=asking(dry_run=True))

    assert (answer["state"], answer["dry_run"]) == ("accepted", True)
    assert answer["service"]["domain"] == "acme.example"
    with pytest.raises(NotFound):
        services.get(bridge, 42)
    assert run_all(bridge) == 0


def test_an_operation_is_found_by_the_key_it_was_asked_for_under(bridge: Bridge, pbx: MemoryPbx) -> None:
    """R-57: how a caller who lost the answer finds out."""
    answer = create(bridge, asked=asking(key=KEY))

    found = tasks.operation(bridge, operation_id=None, caller="whmcs-main", key=KEY)

    assert found["operation_id"] == answer["operation_id"]
    with pytest.raises(NotFound):
        tasks.operation(bridge, operation_id=None, caller="somebody-else", key=KEY)


def test_a_tenant_with_another_marker_is_a_task_at_once(bridge: Bridge, pbx: MemoryPbx) -> None:
    """products.md 11-A, 1103: adopt only what is ours, never with a suffix."""
    pbx.by_hand.add(Tenant("acme.example", marker="somebody-else"))
    answer = create(bridge)
    run_all(bridge)

    assert state_of(bridge, answer) == "manual"
    assert pbx.by_hand.domains() == ["acme.example"]
    waiting = transact(bridge.engine, lambda tx: task_store.listed(tx))
    assert "another's marker" in waiting[0].cause


@pytest.mark.parametrize(("adopt", "state"), [("never", "manual"), ("marked", "manual"), ("always", "succeeded")])
def test_an_unmarked_tenant_is_adopted_only_where_the_policy_allows(
    bridge: Bridge, pbx: MemoryPbx, adopt: str, state: str
) -> None:
    with_handler(bridge, adopt=adopt)
    pbx.by_hand.add(Tenant("acme.example", description=f"made by hand {os.getpid()}"))
    answer = create(bridge)
    run_all(bridge)

    assert state_of(bridge, answer) == state


# --- asked again -----------------------------------------------------------------------------------------------------


def test_an_objection_is_one_task_however_often_it_is_met(bridge: Bridge, pbx: MemoryPbx) -> None:
    """R-20, R-21: under the same key it is in progress, under another it is the same operation."""
    create(bridge)
    run_all(bridge)
    with_memory_pbx(bridge, a_server(2, is_default=False))
    key = asking()

    first = create(bridge, asked=key, server_id=2)
    with pytest.raises(Conflict) as repeated:
        create(bridge, asked=key, server_id=2)
    other = create(bridge, server_id=2)

    assert repeated.value.kind == "in_progress"
    assert other["operation_id"] == first["operation_id"]
    assert (other["state"], run_all(bridge)) == ("manual", 0)
    waiting = transact(bridge.engine, lambda tx: task_store.listed(tx))
    assert [each.operation_id for each in waiting] == [first["operation_id"]]


def test_what_meets_an_objection_changes_nothing_that_is_wanted(bridge: Bridge, pbx: MemoryPbx) -> None:
    """F-13: a service that has ended stays ended until a person has decided, and what was under way goes on."""
    create(bridge)
    run_all(bridge)
    with_memory_pbx(bridge, a_server(2, is_default=False))
    ended = services.terminate(bridge, asking("service.terminate"), 42, None)

    create(bridge, server_id=2)
    run_all(bridge)

    assert services.get(bridge, 42)["wanted"]["status"] == "terminated"
    assert services.get(bridge, 42)["wanted"]["state"] == "disabled"
    assert state_of(bridge, ended) == "succeeded"


def test_the_first_call_repeated_after_an_objection_gets_its_own_answer(bridge: Bridge, pbx: MemoryPbx) -> None:
    key = asking()
    first = create(bridge, asked=key)
    run_all(bridge)
    with_memory_pbx(bridge, a_server(2, is_default=False))
    create(bridge, server_id=2)

    repeated = create(bridge, asked=key)

    assert (repeated["operation_id"], repeated["state"]) == (first["operation_id"], "succeeded")


def test_a_repeat_gets_the_stored_answer_whatever_became_of_the_package(bridge: Bridge, pbx: MemoryPbx) -> None:
    """The same key, the same wish: nothing runs again because the package was saved in between."""
    with_package(bridge, limits={"extensions": 3})
    key = asking()
    first = create(bridge, asked=key)
    with_package(bridge, limits={"extensions": 5})
    with pytest.raises(Conflict) as running:
        create(bridge, asked=key)
    run_all(bridge)

    repeated = create(bridge, asked=key)

    assert running.value.kind == "in_progress"
    assert repeated["operation_id"] == first["operation_id"]
    assert repeated["_meta"] == {"replayed": True}
    assert repeated["service"]["limits"] == {"extensions": 3}
    assert run_all(bridge) == 0


def test_a_restored_service_is_measured_by_the_package_of_today(bridge: Bridge, pbx: MemoryPbx) -> None:
    """products.md 12: no more than is allowed is known as such, and what is allowed again is no longer a task."""
    create(bridge)
    run_all(bridge)
    with_package(bridge, limits={"extensions": 1})

    over = create(bridge, custom_fields={"Site": "Utrecht"})
    asked = transact(bridge.engine, lambda tx: task_store.open_of(tx, "over_limit:42"))
    with_package(bridge)
    within = create(bridge, custom_fields={"Site": "Utrecht"})

    assert over["service"]["over_limit"] == ["extensions"]
    assert asked is not None
    assert within["service"]["over_limit"] == []
    assert transact(bridge.engine, lambda tx: task_store.open_of(tx, "over_limit:42")) is None
    kept = transact(bridge.engine, lambda tx: service_store.get(tx, 42))
    assert kept is not None
    assert kept.custom_fields == (("Site", "Utrecht"),)


def test_a_call_that_changes_no_limit_measures_none(bridge: Bridge, pbx: MemoryPbx) -> None:
    with_package(bridge, limits={"extensions": 1})
    with_package(bridge, 13)
    with_handler(bridge, 13, extensions=2)
    create(bridge, product_id=13)
    services.change_package(bridge, asking("service.change_package"), 42, 12, None)
    run_all(bridge)

    assert suspend(bridge)["service"]["over_limit"] == ["extensions"]
    assert unsuspend(bridge)["state"] == "accepted"


def test_after_its_deletion_a_service_may_be_ordered_on_another_server(bridge: Bridge, pbx: MemoryPbx) -> None:
    other = with_memory_pbx(bridge, a_server(2, is_default=False))
    create(bridge)
    run_all(bridge)
    services.terminate(bridge, asking("service.terminate"), 42, None)
    run_all(bridge)
    with bridge.engine.begin() as tx:
        held = service_store.get(tx, 42)
        assert held is not None
        tenant_id = held.tenant_id
        assert tenant_id is not None
        mirror.set_wanted(tx, tenant_id, state="disabled", delete_after=now(tx))
    assert repairs.purge(bridge, tenant_id, caller="sweep", dry_run=False).operation_id is not None
    run_all(bridge)

    answer = create(bridge, server_id=2)
    run_all(bridge)

    assert answer["state"] == "accepted"
    assert pbx.by_hand.domains() == []
    assert other.by_hand.domains() == ["acme.example"]
