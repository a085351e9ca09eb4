"""What a person does with an operation and its task."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from bridge import objects, services, tasks
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import now, transact
from bridge.drift import sweep
from bridge.errors import Conflict, NotFound, NotPrepared, Refused
from bridge.pbx.driver import Extension, Tenant
from bridge.pbx.memory import MemoryPbx
from bridge.store import audit, lanes, mirror, placements
from bridge.store import tasks as task_store
from bridge.store.tasks import Task
from bridge.tables import domains
from tests.factories import a_server, asking, run_all, with_handler, with_memory_pbx
from tests.test_services import create, state_of, suspend, unsuspend

DOMAIN = "acme.example"


@pytest.fixture
def pbx(bridge: Bridge) -> MemoryPbx:
    return with_memory_pbx(bridge)


def by(person: str, method: str = "task.complete", **changed: Any) -> Asking:
    return asking(method, caller=person, **changed)


def the_task(bridge: Bridge) -> Task:
    (only,) = transact(bridge.engine, lambda tx: task_store.listed(tx, states=("open", "claimed")))
    return only


def a_refused_create(bridge: Bridge, pbx: MemoryPbx) -> dict[str, Any]:
    """An operation that became a task at once: somebody else's tenant has the name."""
    with_handler(bridge)
    pbx.by_hand.add(Tenant(DOMAIN, marker="somebody-else"))
    answer = create(bridge)
    run_all(bridge)
    return answer


def test_a_permanent_error_is_a_task_at_once(bridge: Bridge, pbx: MemoryPbx) -> None:
    answer = a_refused_create(bridge, pbx)

    assert the_task(bridge).operation_id == answer["operation_id"]
    assert state_of(bridge, answer) == "manual"


def test_a_retry_is_tried_at_once_and_closes_the_task(bridge: Bridge, pbx: MemoryPbx) -> None:
    answer = a_refused_create(bridge, pbx)
    pbx.by_hand.remove(DOMAIN)

    tasks.close(
        bridge, by("kim"), the_task(bridge).id, outcome="retry", reason="renamed theirs", server_id=None, domain=None
    )
    run_all(bridge)

    assert state_of(bridge, answer) == "succeeded"
    assert transact(bridge.engine, task_store.count_open) == 0


def test_name_and_reason_are_kept(bridge: Bridge, pbx: MemoryPbx) -> None:
    answer = a_refused_create(bridge, pbx)

    tasks.cancel(bridge, by("kim", "operation.cancel"), answer["operation_id"], "the customer changed his mind")

    story = transact(bridge.engine, lambda tx: audit.of_subject(tx, f"operation:{answer['operation_id']}"))
    assert (story[-1]["actor"], story[-1]["reason"]) == ("kim", "the customer changed his mind")
    with bridge.engine.connect() as tx:
        closed = task_store.listed(tx, states=("cancelled",))
    assert [(each.closed_by, each.closed_reason) for each in closed] == [("kim", "the customer changed his mind")]


def test_a_task_is_claimed_and_handed_on(bridge: Bridge, pbx: MemoryPbx) -> None:
    a_refused_create(bridge, pbx)
    number = the_task(bridge).id

    mine = tasks.claim(bridge, by("kim", "task.claim"), number, assignee=None, department=None)
    theirs = tasks.claim(bridge, by("kim", "task.claim"), number, assignee="lee", department=None)
    anyones = tasks.claim(bridge, by("lee", "task.claim"), number, assignee=None, department="billing")

    assert (mine["state"], mine["assignee"]) == ("claimed", "kim")
    assert theirs["assignee"] == "lee"
    assert (anyones["state"], anyones["assignee"], anyones["department"]) == ("open", None, "billing")


def test_what_a_person_says_is_looked_for_first(bridge: Bridge, pbx: MemoryPbx) -> None:
    """products.md 14.2: manual completion is verified on the PBX."""
    with_handler(bridge, driver="manual")
    answer = create(bridge)

    def complete() -> dict[str, Any]:
        return tasks.complete(
            bridge, by("kim"), answer["operation_id"], reason="set up by hand", server_id=1, domain=DOMAIN
        )

    with pytest.raises(Conflict) as refused:
        complete()
    assert refused.value.kind == "pbx_rejected"
    assert state_of(bridge, answer) == "manual"

    pbx.by_hand.add(Tenant(DOMAIN, description="made by kim"))
    assert complete()["state"] == "succeeded"
    marked = pbx.find(DOMAIN)
    assert marked is not None
    assert marked.marker is not None
    assert marked.description == "made by kim"


def test_somebody_elses_tenant_is_not_taken_for_it(bridge: Bridge, pbx: MemoryPbx) -> None:
    """1103"""
    with_handler(bridge, driver="manual")
    answer = create(bridge)
    pbx.by_hand.add(Tenant(DOMAIN, marker="somebody-else"))

    with pytest.raises(Conflict) as refused:
        tasks.complete(bridge, by("kim"), answer["operation_id"], reason="", server_id=1, domain=DOMAIN)

    assert refused.value.kind == "pbx_conflict"
    assert state_of(bridge, answer) == "manual"


def test_a_pbx_out_of_reach_leaves_the_task_open(bridge: Bridge, pbx: MemoryPbx) -> None:
    """1101"""
    with_handler(bridge, driver="manual")
    answer = create(bridge)
    pbx.trouble.outage = True

    with pytest.raises(Refused) as refused:
        tasks.complete(bridge, by("kim"), answer["operation_id"], reason="", server_id=1, domain=DOMAIN)

    assert refused.value.kind == "pbx_unreachable"
    assert state_of(bridge, answer) == "manual"


def test_completing_needs_the_identifiers(bridge: Bridge, pbx: MemoryPbx) -> None:
    with_handler(bridge, driver="manual")
    answer = create(bridge)

    with pytest.raises(NotPrepared, match="say which server and domain"):
        tasks.complete(bridge, by("kim"), answer["operation_id"], reason="", server_id=None, domain=None)


def test_a_service_set_up_by_hand_is_automatic_from_then_on(bridge: Bridge, pbx: MemoryPbx) -> None:
    with_handler(bridge, driver="manual")
    answer = create(bridge)
    pbx.by_hand.add(Tenant(DOMAIN))
    tasks.complete(bridge, by("kim"), answer["operation_id"], reason="", server_id=1, domain=DOMAIN)
    with_handler(bridge, driver="")

    suspended = suspend(bridge)
    run_all(bridge)

    tenant = pbx.find(DOMAIN)
    assert state_of(bridge, suspended) == "succeeded"
    assert tenant is not None
    assert not tenant.outbound


def test_an_ended_operation_is_not_tried_again(bridge: Bridge, pbx: MemoryPbx) -> None:
    """1002, and 1005 for one that a newer wish has overtaken."""
    with_handler(bridge)
    created = create(bridge)
    suspend(bridge)
    run_all(bridge)

    with pytest.raises(Conflict) as overtaken:
        tasks.retry(bridge, by("kim", "operation.retry"), created["operation_id"], "")
    assert overtaken.value.kind == "superseded"
    with pytest.raises(Conflict) as done:
        tasks.cancel(bridge, by("kim", "operation.cancel"), created["operation_id"] + 1, "")
    assert done.value.kind == "conflict"


def test_what_is_not_there_is_not_found(bridge: Bridge, pbx: MemoryPbx) -> None:
    with pytest.raises(NotFound):
        tasks.retry(bridge, by("kim", "operation.retry"), 4711, "")
    with pytest.raises(NotFound):
        tasks.claim(bridge, by("kim", "task.claim"), 4711, assignee=None, department=None)


def test_a_dry_run_changes_nothing(bridge: Bridge, pbx: MemoryPbx) -> None:
    answer = a_refused_create(bridge, pbx)

    said = tasks.cancel(bridge, by("kim", "operation.cancel", dry_run=True), answer["operation_id"], "")

    assert (said["state"], said["dry_run"]) == ("cancelled", True)
    assert state_of(bridge, answer) == "manual"
    assert the_task(bridge).state == "open"


def test_the_same_key_ends_a_task_once(bridge: Bridge, pbx: MemoryPbx) -> None:
    """R-56"""
    answer = a_refused_create(bridge, pbx)
    asked = by("kim", "operation.cancel", key="console:cancel:0001", params={"operation_id": answer["operation_id"]})

    first = tasks.cancel(bridge, asked, answer["operation_id"], "")
    again = tasks.cancel(bridge, asked, answer["operation_id"], "")

    assert again.pop("_meta") == {"replayed": True}
    assert again == first


def test_the_list_is_paged_and_counted(bridge: Bridge, pbx: MemoryPbx) -> None:
    with_handler(bridge)
    for service_id in range(1, 6):
        create(bridge, service_id, client_id=service_id, domain=f"s{service_id}.example")
    run_all(bridge)

    page = tasks.listed_operations(bridge, states=None, service_id=None, server_id=None, before=None, limit=3)
    rest = tasks.listed_operations(bridge, states=None, service_id=None, server_id=None, before=page["before"], limit=3)

    numbers = [each["operation_id"] for each in page["operations"] + rest["operations"]]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == 5
    assert page["counts"] == {"succeeded": 5}
    assert rest["before"] is None
    with bridge.engine.connect() as tx:
        assert lanes.forgotten(tx, lease=_a_second()) == []


def _a_second() -> Any:
    from datetime import timedelta

    return timedelta(seconds=1)


# --- a cancelled wish ------------------------------------------------------------------------------------------------


def a_cancelled(bridge: Bridge, answer: dict[str, Any]) -> None:
    tasks.cancel(bridge, by("kim", "operation.cancel"), answer["operation_id"], "the wrong customer")


def retention_over(bridge: Bridge) -> None:
    with bridge.engine.begin() as tx:
        tx.execute(domains.update().where(domains.c.delete_after.is_not(None)).values(delete_after=now(tx)))


def wanted_status(bridge: Bridge) -> str:
    return str(services.get(bridge, 42)["wanted"]["status"])


def test_a_cancelled_end_is_no_end_and_its_tenant_outlives_every_retention(bridge: Bridge, pbx: MemoryPbx) -> None:
    with_handler(bridge)
    create(bridge)
    for service_id in range(50, 54):
        create(bridge, service_id, client_id=service_id, domain=f"s{service_id}.example")
    run_all(bridge)

    a_cancelled(bridge, services.terminate(bridge, asking("service.terminate"), 42, None))
    retention_over(bridge)
    sweep.run(bridge)
    run_all(bridge)

    tenant = pbx.find(DOMAIN)
    assert tenant is not None
    assert tenant.enabled
    assert wanted_status(bridge) == "active"


def test_a_cancelled_suspension_is_not_done_by_what_comes_after_it(bridge: Bridge, pbx: MemoryPbx) -> None:
    with_handler(bridge)
    create(bridge)
    run_all(bridge)

    a_cancelled(bridge, suspend(bridge))
    services.renew(bridge, asking("service.renew"), 42, None)
    run_all(bridge)

    tenant = pbx.find(DOMAIN)
    assert tenant is not None
    assert tenant.outbound
    assert wanted_status(bridge) == "active"


def test_a_cancelled_restoring_leaves_the_service_ended_until_the_day_it_had(bridge: Bridge, pbx: MemoryPbx) -> None:
    with_handler(bridge)
    create(bridge)
    run_all(bridge)
    services.terminate(bridge, asking("service.terminate"), 42, None)
    run_all(bridge)
    due = kept_until(bridge)

    a_cancelled(bridge, create(bridge))

    assert wanted_status(bridge) == "terminated"
    assert due is not None
    assert kept_until(bridge) == due


def kept_until(bridge: Bridge) -> datetime | None:
    place = transact(bridge.engine, lambda tx: mirror.by_domain(tx, DOMAIN))
    assert place is not None
    return place.delete_after


def test_what_was_asked_since_outlasts_a_cancelled_wish(bridge: Bridge, pbx: MemoryPbx) -> None:
    with_handler(bridge)
    create(bridge)
    run_all(bridge)
    suspended = suspend(bridge)
    objects.save(
        bridge, asking("extension.save"), Extension, objects.Where(service_id=42), "100", {"name": "front desk"}
    )

    a_cancelled(bridge, suspended)

    assert wanted_status(bridge) == "suspended"


def test_what_was_wanted_before_is_kept_to_ourselves(bridge: Bridge, pbx: MemoryPbx) -> None:
    with_handler(bridge)
    create(bridge)
    run_all(bridge)

    shown = tasks.operation(bridge, operation_id=suspend(bridge)["operation_id"], caller="whmcs-main", key=None)

    assert "before" not in shown["asked"]


# --- done by hand, and only then -------------------------------------------------------------------------------------


def a_manual_product_on(bridge: Bridge, server_id: int) -> dict[str, Any]:
    with_handler(bridge, 20, driver="manual")
    return create(bridge, 43, product_id=20, server_id=server_id, domain="second.example")


def test_a_tenant_on_another_server_than_it_lives_on_is_not_joined(bridge: Bridge, pbx: MemoryPbx) -> None:
    with_handler(bridge)
    create(bridge)
    run_all(bridge)
    other = with_memory_pbx(bridge, a_server(2))
    other.by_hand.add(Tenant(DOMAIN))
    answer = a_manual_product_on(bridge, 2)

    with pytest.raises(Conflict, match="lives on server 1"):
        tasks.complete(bridge, by("kim"), answer["operation_id"], reason="", server_id=2, domain=DOMAIN)

    untouched = other.find(DOMAIN)
    assert untouched is not None
    assert untouched.marker is None


def test_a_tenant_of_another_client_is_not_marked(bridge: Bridge, pbx: MemoryPbx) -> None:
    with_handler(bridge)
    create(bridge, client_id=8)
    run_all(bridge)
    pbx.by_hand.change(DOMAIN, lambda tenant: replace(tenant, marker=None))
    answer = a_manual_product_on(bridge, 1)

    with pytest.raises(Conflict) as refused:
        tasks.complete(bridge, by("kim"), answer["operation_id"], reason="", server_id=1, domain=DOMAIN)

    assert refused.value.kind == "tenant_mismatch"
    untouched = pbx.find(DOMAIN)
    assert untouched is not None
    assert untouched.marker is None


def test_a_service_set_up_by_hand_has_a_place_from_then_on(bridge: Bridge, pbx: MemoryPbx) -> None:
    answer = a_manual_product_on(bridge, 1)
    pbx.by_hand.add(Tenant("second.example"))

    tasks.complete(bridge, by("kim"), answer["operation_id"], reason="", server_id=1, domain="second.example")

    lived = transact(bridge.engine, lambda tx: placements.of_service(tx, 43))
    assert [(each.server_id, each.domain) for each in lived] == [(1, "second.example")]


def test_a_dry_run_of_completing_marks_nothing(bridge: Bridge, pbx: MemoryPbx) -> None:
    answer = a_manual_product_on(bridge, 1)
    pbx.by_hand.add(Tenant("second.example"))

    said = tasks.complete(
        bridge, by("kim", dry_run=True), answer["operation_id"], reason="", server_id=1, domain="second.example"
    )

    untouched = pbx.find("second.example")
    assert said["state"] == "succeeded"
    assert untouched is not None
    assert untouched.marker is None


def test_completing_again_under_its_key_asks_the_pbx_nothing(bridge: Bridge, pbx: MemoryPbx) -> None:
    """R-56"""
    answer = a_manual_product_on(bridge, 1)
    pbx.by_hand.add(Tenant("second.example"))
    asked = by("kim", key="console:complete:0001")

    def complete() -> dict[str, Any]:
        return tasks.complete(bridge, asked, answer["operation_id"], reason="", server_id=1, domain="second.example")

    first = complete()
    calls = pbx.trouble.calls
    again = complete()

    assert again.pop("_meta") == {"replayed": True}
    assert again == first
    assert pbx.trouble.calls == calls


def test_what_has_ended_is_not_completed_and_nothing_is_touched_for_it(bridge: Bridge, pbx: MemoryPbx) -> None:
    answer = a_manual_product_on(bridge, 1)
    a_cancelled(bridge, answer)
    pbx.by_hand.add(Tenant("second.example"))

    with pytest.raises(Conflict, match="cannot be completed"):
        tasks.complete(bridge, by("kim"), answer["operation_id"], reason="", server_id=1, domain="second.example")

    untouched = pbx.find("second.example")
    assert untouched is not None
    assert untouched.marker is None


def test_an_end_completed_by_hand_can_be_undone_by_us(bridge: Bridge, pbx: MemoryPbx) -> None:
    """F-18"""
    with_handler(bridge)
    create(bridge)
    run_all(bridge)
    ended = services.terminate(bridge, asking("service.terminate"), 42, None)
    pbx.by_hand.change(DOMAIN, lambda tenant: replace(tenant, enabled=False))
    tasks.complete(bridge, by("kim"), ended["operation_id"], reason="did it", server_id=None, domain=None)

    create(bridge)
    run_all(bridge)

    tenant = pbx.find(DOMAIN)
    assert tenant is not None
    assert tenant.enabled


def test_completing_keeps_what_a_hand_had_switched_off(bridge: Bridge, pbx: MemoryPbx) -> None:
    with_handler(bridge)
    create(bridge)
    run_all(bridge)
    pbx.by_hand.enable(DOMAIN, "100", enabled=False)
    suspend(bridge)
    run_all(bridge)
    resumed = unsuspend(bridge)
    pbx.by_hand.change(DOMAIN, lambda tenant: replace(tenant, outbound=True))
    tasks.complete(bridge, by("kim"), resumed["operation_id"], reason="did it", server_id=None, domain=None)

    suspend(bridge)
    run_all(bridge)

    tenant = pbx.find(DOMAIN)
    assert tenant is not None
    assert [each.enabled for each in tenant.extensions] == [False, True]


def test_what_does_not_show_on_the_pbx_is_not_done(bridge: Bridge, pbx: MemoryPbx) -> None:
    """products.md 14.2"""
    with_handler(bridge)
    create(bridge)
    run_all(bridge)
    suspended = suspend(bridge)

    with pytest.raises(Conflict, match="is not as wanted") as refused:
        tasks.complete(bridge, by("kim"), suspended["operation_id"], reason="", server_id=None, domain=None)

    assert refused.value.kind == "pbx_rejected"
    assert state_of(bridge, suspended) == "accepted"


def test_no_later_wish_stands_for_setting_a_service_up(bridge: Bridge, pbx: MemoryPbx) -> None:
    with_handler(bridge, driver="manual")
    asked = [create(bridge), suspend(bridge), unsuspend(bridge)]

    assert [state_of(bridge, each) for each in asked] == ["manual", "manual", "manual"]
    for each in asked:
        with pytest.raises(NotPrepared, match="say which server and domain"):
            tasks.complete(bridge, by("kim"), each["operation_id"], reason="", server_id=None, domain=None)


def test_what_was_asked_before_a_service_was_set_up_is_looked_for_in_its_tenant(bridge: Bridge, pbx: MemoryPbx) -> None:
    with_handler(bridge, driver="manual")
    created, suspended = create(bridge), suspend(bridge)
    pbx.by_hand.add(Tenant(DOMAIN))
    tasks.complete(bridge, by("kim"), created["operation_id"], reason="", server_id=1, domain=DOMAIN)

    def complete() -> dict[str, Any]:
        return tasks.complete(bridge, by("kim"), suspended["operation_id"], reason="", server_id=None, domain=None)

    with pytest.raises(Conflict, match="is not as wanted"):
        complete()
    pbx.by_hand.change(DOMAIN, lambda tenant: replace(tenant, outbound=False))
    assert complete()["state"] == "succeeded"


@pytest.mark.parametrize("outcome", ["retry", "cancel"])
def test_the_same_key_ends_a_task_once_more_with_the_same_answer(bridge: Bridge, pbx: MemoryPbx, outcome: str) -> None:
    """R-56"""
    a_refused_create(bridge, pbx)
    number = the_task(bridge).id
    asked = by("kim", key="console:task:0001", params={"task_id": number, "outcome": outcome})

    def close() -> dict[str, Any]:
        return tasks.close(bridge, asked, number, outcome=outcome, reason="", server_id=None, domain=None)

    first, again = close(), close()

    assert again.pop("_meta") == {"replayed": True}
    assert again == first
