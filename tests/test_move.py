"""F-13: a tenant moves to another server with every service in it; two PBXs in memory, both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from bridge import leftover, move, objects, services, tasks
from bridge.app import Bridge
from bridge.crash import Point
from bridge.database import now, transact
from bridge.drift import repairs
from bridge.errors import Conflict, NotFound, NotPrepared, NotReached, OutcomeUnknown
from bridge.objects import Where
from bridge.pbx.driver import Capabilities, Extension, Gateway, Tenant
from bridge.pbx.memory import MemoryPbx
from bridge.rpc.method import Caller
from bridge.rpc.methods import all_methods
from bridge.server import Health
from bridge.store import lanes, leftovers, mirror, operations, placements, servers, tenants
from bridge.store import services as service_store
from bridge.store import tasks as task_store
from tests.factories import a_server, asking, run_all, with_handler, with_memory_pbx
from tests.test_objects import create

ACME = "acme.example"


@pytest.fixture
def old(bridge: Bridge) -> MemoryPbx:
    """Server 1, where services 42 and 43 share a tenant."""
    pbx = with_memory_pbx(bridge)
    with_handler(bridge)
    create(bridge)
    create(bridge, 43, server_id=1)
    return pbx


@pytest.fixture
def new(bridge: Bridge, old: MemoryPbx) -> MemoryPbx:
    """Server 2, where nobody lives yet."""
    return with_memory_pbx(bridge, a_server(2))


def move_to(bridge: Bridge, server_id: int, *, service_id: int = 42, **changed: Any) -> dict[str, Any]:
    return move.move(bridge, asking("service.move", **changed), service_id, to_server_id=server_id, reason="old iron")


def states(bridge: Bridge, service_id: int = 42) -> list[tuple[str, str]]:
    return [(each["kind"], each["state"]) for each in services.get(bridge, service_id)["operations"]]


def seen(pbx: MemoryPbx) -> Tenant:
    found = pbx.by_hand.see(ACME)
    assert found is not None
    return found


def in_database(bridge: Bridge, ask: Any, *arguments: Any) -> Any:
    return transact(bridge.engine, lambda tx: ask(tx, *arguments))


def days_pass(bridge: Bridge, days: int) -> None:
    """The retention of what was left ends."""

    def act(tx: Connection) -> None:
        for name in ("leftovers", "domains"):
            earlier = now(tx) - timedelta(days=1)
            tx.execute(
                text(f"UPDATE mod_ictvoipbilling_{name} SET delete_after = :earlier WHERE delete_after IS NOT NULL"),
                {"earlier": earlier.replace(tzinfo=None)},
            )

    assert days > bridge.settings.retention_days
    transact(bridge.engine, act)


def server_is_back(bridge: Bridge, server_id: int) -> None:
    def act(tx: Connection) -> None:
        held = servers.get(tx, server_id)
        assert held is not None
        servers.save(tx, replace(held, unreachable_since=None))
        operations.wake_server(tx, server_id, now=now(tx))

    transact(bridge.engine, act)


# --- the plan --------------------------------------------------------------------------------------------------------


def test_a_dry_run_tells_the_plan_and_changes_nothing(bridge: Bridge, old: MemoryPbx, new: MemoryPbx) -> None:
    one = Extension("500", "By hand")
    old.by_hand.change(ACME, lambda there: replace(there, extensions=(*there.extensions, one)))
    objects.save(bridge, asking("extension.save"), Extension, Where(42), "100", {"name": "Seen again"})
    run_all(bridge)
    answer = move_to(bridge, 2, dry_run=True)

    plan = answer["plan"]
    assert answer["dry_run"] is True
    assert (plan["domain"], plan["services"]) == (ACME, [42, 43])
    assert (plan["from"], plan["to"]) == (
        {"server_id": 1, "name": "pbx1"},
        {"server_id": 2, "name": "pbx2"},
    )
    assert plan["objects"] == {"extensions": 4, "gateways": 0, "numbers": 0, "routes": 0}
    assert plan["left_behind"] == ["extension 500"]
    assert len(plan["steps"]) == 4
    assert run_all(bridge) == 0
    assert new.by_hand.see(ACME) is None


def test_the_answer_and_the_operation_carry_the_same_plan(bridge: Bridge, old: MemoryPbx, new: MemoryPbx) -> None:
    planned = move_to(bridge, 2, dry_run=True)["plan"]
    asked = move_to(bridge, 2)

    assert asked["plan"] == planned
    assert asked["state"] == "accepted"


def test_what_speaks_against_a_move_is_said_before_anything_begins(
    bridge: Bridge, old: MemoryPbx, new: MemoryPbx
) -> None:
    with pytest.raises(Conflict, match="lives on server 1 already"):
        move_to(bridge, 1)
    with pytest.raises(NotPrepared, match="server 9 is not known"):
        move_to(bridge, 9)
    with pytest.raises(NotFound):
        move_to(bridge, 2, service_id=99)

    with_memory_pbx(bridge, a_server(3, health=Health.UNTESTED))
    with pytest.raises(NotPrepared, match="has not passed its connection test"):
        move_to(bridge, 3)
    with_memory_pbx(bridge, a_server(4, enabled=False))
    with pytest.raises(NotPrepared, match="is disabled"):
        move_to(bridge, 4)
    with_memory_pbx(bridge, a_server(5, accounts_max=0))
    with pytest.raises(NotPrepared, match="has its 0 accounts"):
        move_to(bridge, 5)
    assert states(bridge)[0] == ("create", "succeeded")


def test_a_server_that_cannot_take_the_tenant_is_named_before_anything_begins(bridge: Bridge, old: MemoryPbx) -> None:
    with_memory_pbx(bridge, a_server(2))
    little = MemoryPbx(Capabilities(dial_restrict=True, objects=frozenset({"numbers"})))
    bridge.drivers.use(a_server(2), {}, little)

    with pytest.raises(NotPrepared, match="keeps no extensions"):
        move_to(bridge, 2)


def test_another_ones_tenant_of_the_same_name_is_not_touched(bridge: Bridge, old: MemoryPbx, new: MemoryPbx) -> None:
    theirs = Tenant(ACME, marker="somebody-else")
    new.by_hand.add(theirs)

    with pytest.raises(Conflict, match="another's marker"):
        move_to(bridge, 2)
    assert new.by_hand.see(ACME) == theirs


def test_a_new_server_that_does_not_answer_is_not_moved_to(bridge: Bridge, old: MemoryPbx, new: MemoryPbx) -> None:
    new.trouble.outage = True

    with pytest.raises(NotReached):
        move_to(bridge, 2)
    assert states(bridge)[0] == ("create", "succeeded")


# --- the move --------------------------------------------------------------------------------------------------------


def test_a_tenant_moves_with_all_its_services_and_is_switched_off_where_it_was(
    bridge: Bridge, old: MemoryPbx, new: MemoryPbx
) -> None:
    objects.save(bridge, asking("gateway.save"), Gateway, Where(42), "carrier", {"host": "sip.example"})
    run_all(bridge)
    before = seen(old)
    move_to(bridge, 2)
    run_all(bridge)

    assert seen(new) == before, "passwords, marker and everything in it"
    assert (seen(old).enabled, [each.enabled for each in seen(old).gateways]) == (False, [False])
    assert seen(old).extensions == before.extensions, "kept until the retention is over"
    assert states(bridge)[0] == ("move", "succeeded")
    assert [services.get(bridge, each)["wanted"]["server_id"] for each in (42, 43)] == [2, 2]


def test_afterwards_everything_is_done_on_the_new_server(bridge: Bridge, old: MemoryPbx, new: MemoryPbx) -> None:
    move_to(bridge, 2)
    run_all(bridge)
    left = seen(old)
    services.suspend(bridge, asking("service.suspend"), 42, None)
    services.suspend(bridge, asking("service.suspend"), 43, None)
    objects.save(bridge, asking("extension.save"), Extension, Where(42), "205", {})
    run_all(bridge)

    assert not seen(new).outbound
    assert "205" in [each.number for each in seen(new).extensions]
    assert seen(old) == left


def test_what_was_asked_before_the_switch_is_done_after_it_on_the_new_server(
    bridge: Bridge, old: MemoryPbx, new: MemoryPbx
) -> None:
    """A newer wish ends no move, and waits for it."""
    move_to(bridge, 2)
    services.suspend(bridge, asking("service.suspend"), 42, None)
    objects.save(bridge, asking("extension.save"), Extension, Where(43), "205", {})
    assert states(bridge)[:2] == [("suspend", "accepted"), ("move", "accepted")]
    run_all(bridge)

    assert {state for _, state in states(bridge) + states(bridge, 43)} == {"succeeded"}
    assert [each.number for each in seen(new).extensions if not each.outbound] == ["100", "101"]
    assert "205" in [each.number for each in seen(new).extensions]
    assert not seen(old).enabled


def test_the_mapping_is_dated(bridge: Bridge, old: MemoryPbx, new: MemoryPbx) -> None:
    move_to(bridge, 2)
    run_all(bridge)
    story = in_database(bridge, placements.of_service, 42)

    assert [(each.server_id, each.domain) for each in story] == [(1, ACME), (2, ACME)]
    assert story[0].to_at == story[1].from_at
    assert story[1].to_at is None
    assert len(in_database(bridge, placements.of_service, 43)) == 2


def test_what_a_hand_switched_off_is_off_on_the_new_server_too(bridge: Bridge, old: MemoryPbx, new: MemoryPbx) -> None:
    """Products 11-F: restored exactly, wherever the tenant lives."""
    old.by_hand.enable(ACME, "101", enabled=False)
    objects.save(bridge, asking("extension.save"), Extension, Where(42), "100", {"name": "Seen again"})
    run_all(bridge)
    move_to(bridge, 2)
    run_all(bridge)
    services.suspend(bridge, asking("service.suspend"), 42, None)
    services.unsuspend(bridge, asking("service.unsuspend"), 42, None)
    run_all(bridge)

    assert [each.number for each in seen(new).extensions if not each.enabled] == ["101"]


def test_a_suspended_tenant_is_suspended_on_the_new_server(bridge: Bridge, old: MemoryPbx, new: MemoryPbx) -> None:
    for service_id in (42, 43):
        services.suspend(bridge, asking("service.suspend"), service_id, None)
    move_to(bridge, 2)
    run_all(bridge)

    assert (seen(new).enabled, seen(new).outbound) == (True, False)


def test_r_21_the_same_move_asked_twice_is_one(bridge: Bridge, old: MemoryPbx, new: MemoryPbx) -> None:
    first = move_to(bridge, 2)
    again = move_to(bridge, 2, service_id=43)
    with_memory_pbx(bridge, a_server(3))
    with pytest.raises(Conflict, match="still has to move"):
        move_to(bridge, 3)
    run_all(bridge)

    assert again["operation_id"] == first["operation_id"]
    assert [kind for kind, _ in states(bridge)].count("move") == 1


def test_the_same_key_is_answered_again_and_stands_for_nothing_else(
    bridge: Bridge, old: MemoryPbx, new: MemoryPbx
) -> None:
    asked = asking("service.move", params={"server_id": 2})
    move.move(bridge, asked, 42, to_server_id=2)
    run_all(bridge)
    new.trouble.outage = True
    repeated = move.move(bridge, asked, 42, to_server_id=2)

    assert (repeated["state"], repeated["_meta"]) == ("succeeded", {"replayed": True})
    with pytest.raises(Conflict) as other:
        move.move(bridge, replace(asked, params={"server_id": 3}), 42, to_server_id=3)
    assert other.value.kind == "idempotency_mismatch"


def test_whmcs_naming_another_server_moves_nothing(bridge: Bridge, old: MemoryPbx, new: MemoryPbx) -> None:
    """F-13: a changed server on a service opens a task and creates nothing by itself."""
    services.create(
        bridge,
        asking(),
        service_id=42,
        client_id=7,
        product_id=12,
        server_id=2,
        domain=ACME,
        username="",
        password=None,
        options={},
        custom_fields={},
    )
    run_all(bridge)

    assert states(bridge)[0] == ("create", "manual")
    assert new.by_hand.see(ACME) is None
    assert seen(old).enabled


# --- bad luck --------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("nth", range(1, 4))
@pytest.mark.parametrize("point", list(Point))
def test_a_worker_killed_anywhere_in_a_move_leaves_one_that_ends_as_it_should(
    bridge: Bridge, old: MemoryPbx, new: MemoryPbx, point: Point, nth: int
) -> None:
    """R-71: two steps and their crash points; whoever takes over repeats from the last finished step."""
    before = seen(old)
    move_to(bridge, 2)
    passed = 0

    def crash(here: Point) -> None:
        nonlocal passed
        passed += here is point
        if here is point and passed == nth:
            raise Killed

    try:
        run_all(replace(bridge, crash=crash))
    except Killed:
        release_leases(bridge)
    run_all(bridge, "worker-2")

    assert seen(new) == before
    assert not seen(old).enabled
    assert states(bridge)[0] == ("move", "succeeded")
    assert len(in_database(bridge, placements.of_service, 42)) == 2
    assert in_database(bridge, operations_without_future) == []


def release_leases(bridge: Bridge) -> None:
    """The time of a lease goes by."""

    def act(tx: Connection) -> None:
        tx.execute(text("UPDATE mod_ictvoipbilling_lanes SET lease_until = '2020-01-01 00:00:00.000000'"))

    transact(bridge.engine, act)


def operations_without_future(tx: Connection) -> list[int]:
    return lanes.forgotten(tx, lease=timedelta(seconds=1))


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("on", ["old", "new"])
@pytest.mark.parametrize("nth", range(1, 13))
def test_r_73_an_outside_call_that_fails_delays_a_move_and_does_nothing_else(
    bridge: Bridge, old: MemoryPbx, new: MemoryPbx, nth: int, on: str, after_effect: bool
) -> None:
    before = seen(old)
    move_to(bridge, 2)
    pbx = {"old": old, "new": new}[on]
    pbx.trouble.fail(nth, OutcomeUnknown("the answer was lost"), after_effect=after_effect)
    run_all(bridge)
    if states(bridge)[0][1] != "succeeded":
        assert states(bridge)[0] == ("move", "retry_wait")
        pbx.trouble.clear()
        tasks.retry(bridge, asking("operation.retry"), newest(bridge), "now")
        run_all(bridge)

    assert seen(new) == before
    assert not seen(old).enabled
    assert states(bridge)[0] == ("move", "succeeded")


def newest(bridge: Bridge) -> int:
    found: int = services.get(bridge, 42)["operations"][0]["operation_id"]
    return found


def test_an_old_server_that_is_gone_holds_up_nothing_where_the_tenant_lives_now(
    bridge: Bridge, old: MemoryPbx, new: MemoryPbx
) -> None:
    """Moving away from a dead server is why one moves; a suspension must not wait for it."""
    old.trouble.outage = True
    move_to(bridge, 2)
    run_all(bridge)
    waiting = states(bridge)[0]
    services.suspend(bridge, asking("service.suspend"), 42, None)
    services.suspend(bridge, asking("service.suspend"), 43, None)
    run_all(bridge)
    suspended = seen(new).outbound
    old.trouble.clear()
    server_is_back(bridge, 1)
    run_all(bridge)

    assert waiting == ("move", "waiting_pbx")
    assert suspended is False
    assert [state for _, state in states(bridge)] == ["succeeded"] * 3
    assert not seen(old).enabled


def test_a_new_server_that_goes_away_leaves_the_tenant_where_it_is(
    bridge: Bridge, old: MemoryPbx, new: MemoryPbx
) -> None:
    before = seen(old)
    move_to(bridge, 2)
    new.trouble.outage = True
    run_all(bridge)

    assert states(bridge)[0] == ("move", "waiting_pbx")
    assert seen(old) == before
    assert [each.server_id for each in in_database(bridge, placements.of_service, 42)] == [1]
    tasks.cancel(bridge, asking("operation.cancel"), newest(bridge), "stays where it is")
    services.suspend(bridge, asking("service.suspend"), 42, None)
    run_all(bridge)
    assert states(bridge)[0] == ("suspend", "succeeded")


def test_a_tenant_that_everybody_left_meanwhile_is_not_moved(bridge: Bridge, old: MemoryPbx, new: MemoryPbx) -> None:
    move_to(bridge, 2)
    for service_id in (42, 43):
        services.terminate(bridge, asking("service.terminate"), service_id, None)
    run_all(bridge)

    assert ("move", "manual") in states(bridge)
    assert new.by_hand.see(ACME) is None
    assert not seen(old).enabled


def test_a_move_is_not_completed_by_hand(bridge: Bridge, old: MemoryPbx, new: MemoryPbx) -> None:
    move_to(bridge, 2)

    with pytest.raises(Conflict, match="retry or cancel it"):
        tasks.complete(
            bridge, asking("operation.complete"), newest(bridge), reason="did it", server_id=None, domain=None
        )


# --- what is left ----------------------------------------------------------------------------------------------------


def test_what_is_left_is_deleted_after_the_retention_and_never_before(
    bridge: Bridge, old: MemoryPbx, new: MemoryPbx
) -> None:
    move_to(bridge, 2)
    run_all(bridge)
    early = leftover.clear_due(bridge)
    days_pass(bridge, 31)
    dry = leftover.clear_due(bridge, dry_run=True)
    due = leftover.clear_due(bridge)
    twice = leftover.clear_due(bridge)
    run_all(bridge)

    assert early["operations"] == []
    assert (dry["due"], dry["operations"]) == (1, [])
    assert len(due["operations"]) == 1
    assert twice["operations"] == []
    assert old.by_hand.see(ACME) is None
    assert seen(new).enabled
    assert states(bridge)[0] == ("clear", "succeeded")
    assert in_database(bridge, leftovers.of_tenant, tenant_id(bridge)) == []


def tenant_id(bridge: Bridge) -> int:
    found = in_database(bridge, mirror.by_domain, ACME)
    assert found is not None
    number: int = found.tenant_id
    return number


def test_r_18_what_carries_another_mark_is_not_deleted(bridge: Bridge, old: MemoryPbx, new: MemoryPbx) -> None:
    move_to(bridge, 2)
    run_all(bridge)
    old.by_hand.change(ACME, lambda there: replace(there, marker="somebody-else"))
    days_pass(bridge, 31)
    leftover.clear_due(bridge)
    run_all(bridge)

    assert old.by_hand.see(ACME) is not None
    assert states(bridge)[0] == ("clear", "manual")


def test_a_tenant_that_moved_back_is_not_deleted_where_it_lives_again(
    bridge: Bridge, old: MemoryPbx, new: MemoryPbx
) -> None:
    before = seen(old)
    move_to(bridge, 2)
    run_all(bridge)
    move_to(bridge, 1)
    run_all(bridge)
    days_pass(bridge, 31)
    leftover.clear_due(bridge)
    run_all(bridge)

    assert seen(old) == before, "nothing of its being switched off is left"
    assert new.by_hand.see(ACME) is None, "now the other is what was left"
    assert [each.server_id for each in in_database(bridge, placements.of_service, 42)] == [1, 2, 1]


def test_a_deletion_that_a_person_cancelled_is_not_asked_for_again(
    bridge: Bridge, old: MemoryPbx, new: MemoryPbx
) -> None:
    move_to(bridge, 2)
    run_all(bridge)
    days_pass(bridge, 31)
    (asked,) = leftover.clear_due(bridge)["operations"]
    tasks.cancel(bridge, asking("operation.cancel"), asked, "keep it")

    assert leftover.clear_due(bridge)["operations"] == []
    assert old.by_hand.see(ACME) is not None


def test_a_newer_wish_ends_no_deletion_of_what_is_left(bridge: Bridge, old: MemoryPbx, new: MemoryPbx) -> None:
    move_to(bridge, 2)
    run_all(bridge)
    days_pass(bridge, 31)
    leftover.clear_due(bridge)
    services.suspend(bridge, asking("service.suspend"), 42, None)
    run_all(bridge)

    assert states(bridge)[:2] == [("suspend", "succeeded"), ("clear", "succeeded")]
    assert old.by_hand.see(ACME) is None


def test_f_6_more_than_may_go_at_once_waits_for_a_person(bridge: Bridge, old: MemoryPbx, new: MemoryPbx) -> None:
    """Four tenants moved where five services live: more than half."""
    for service_id in range(60, 63):
        create(bridge, service_id, domain=f"t{service_id}.example", server_id=1)
        move_to(bridge, 2, service_id=service_id)
    move_to(bridge, 2)
    run_all(bridge)
    days_pass(bridge, 31)
    held = leftover.clear_due(bridge)
    before = [old.by_hand.see(f"t{service_id}.example") for service_id in range(60, 63)]
    wrong = leftover.clear_due(bridge, confirm="0" * 16)
    released = leftover.clear_due(bridge, confirm=held["stopped"]["fingerprint"])
    run_all(bridge)

    assert held["operations"] == []
    assert None not in before
    assert wrong == held | {"unreleased": f"no batch with the fingerprint {'0' * 16} is held, so nothing was released"}
    assert len(released["operations"]) == 4
    assert released["unreleased"] is None
    assert old.by_hand.domains() == []
    assert in_database(bridge, task_store.open_of, leftover.HELD) is None


def test_when_the_tenant_itself_is_deleted_what_is_left_goes_too(
    bridge: Bridge, old: MemoryPbx, new: MemoryPbx
) -> None:
    for service_id in (60, 61):
        create(bridge, service_id, domain=f"t{service_id}.example", server_id=1)
    move_to(bridge, 2)
    run_all(bridge)
    for service_id in (42, 43):
        services.terminate(bridge, asking("service.terminate"), service_id, None)
    run_all(bridge)
    number = tenant_id(bridge)
    days_pass(bridge, 31)
    purge(bridge)
    run_all(bridge)
    leftover.clear_due(bridge)
    run_all(bridge)

    assert new.by_hand.see(ACME) is None
    assert old.by_hand.see(ACME) is None
    assert in_database(bridge, mirror.by_domain, ACME) is None
    assert in_database(bridge, leftovers.of_tenant, number) == []
    assert [each.to_at is None for each in in_database(bridge, placements.of_service, 42)] == [False, False]


def purge(bridge: Bridge) -> None:
    (due,) = in_database(bridge, lambda tx: tenants.due_for_purge(tx, now(tx)))
    repairs.purge(bridge, due, caller="test", dry_run=False)


def test_the_door_plans_and_moves(bridge: Bridge, old: MemoryPbx, new: MemoryPbx) -> None:
    methods = all_methods()
    params = {"service_id": 42, "server_id": 2, "wait_ms": 0}
    run, model = methods["service.move"].run, methods["service.move"].params
    dry = run(bridge, Caller("staff"), model.model_validate(params | {"dry_run": True}))
    done = run(bridge, Caller("staff"), model.model_validate(params | {"reason": "old iron"}))
    run_all(bridge)
    days_pass(bridge, 31)
    cleared = methods["move.clear"].run(bridge, Caller("staff"), methods["move.clear"].params.model_validate({}))

    assert dry["plan"] == done["plan"]
    assert len(cleared["operations"]) == 1
    assert in_database(bridge, service_store.get, 42).server_id == 2
