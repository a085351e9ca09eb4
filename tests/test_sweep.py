"""One pass over everything, against a stand-in WHMCS read both ways and a PBX in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from bridge import services
from bridge import tasks as task_cases
from bridge.announcer import Announcer
from bridge.app import Bridge
from bridge.database import connect, now, transact
from bridge.demo.whmcs import seed, tables
from bridge.demo.whmcs.standin import Credential
from bridge.drift import sweep
from bridge.drift.sweeper import Sweeper
from bridge.errors import NotPrepared, Unavailable
from bridge.life.installation import enter_restore
from bridge.operations import Kind
from bridge.pbx.driver import Extension, Gateway, Number, Tenant
from bridge.secret import Secret
from bridge.serving import notice_for
from bridge.settings import Settings
from bridge.store import lanes, mirror, servers, wishes
from bridge.store import services as service_store
from bridge.tables import metadata
from bridge.tables import operations as operation_rows
from bridge.vault import Vault
from bridge.wanted import Status
from bridge.webhooks import Notice
from bridge.worker import Worker
from tests.factories import NOON, a_server, asking, run_all, with_memory_pbx
from tests.shop import Shop, a_shop
from tests.whmcs.standin import IDENTIFIER, SECRET, client_of


@pytest.fixture
def whmcs_file(tmp_path: Path) -> Iterator[Engine]:
    engine = connect(Secret(f"sqlite:///{tmp_path}/whmcs.db"))
    yield engine
    engine.dispose()


@pytest.fixture(params=["sql", "addon"])
def shop(request: pytest.FixtureRequest, sqlite_engine: Engine, settings: Settings, whmcs_file: Engine) -> Shop:
    """A shop with one service, and two others so that one may be touched (F-6)."""
    bridge = Bridge(settings=settings, engine=sqlite_engine, vault=Vault(os.urandom(32)))
    shop = a_shop(bridge, whmcs_file, by=request.param)
    shop.sell("other1.example")
    shop.sell("other2.example")
    return shop


@pytest.fixture
def small_shop(bridge: Bridge, whmcs_file: Engine) -> Shop:
    """The same on both databases of ours, read by SQL."""
    shop = a_shop(bridge, whmcs_file)
    shop.sell("other1.example")
    shop.sell("other2.example")
    return shop


# --- changes that do not call the module, line by line ---------------------------------------------------------------


def test_admin_picks_another_product(shop: Shop) -> None:
    service_id = shop.sell()
    shop.edit(tables.hosting, service_id, packageid=shop.other_product_id)

    report = shop.sweep()
    shop.work()

    assert dict(report.found) == {"package_changed": 1}
    assert dict(report.operations) == {"change_package": 1}
    assert shop.service(service_id).product_id == shop.other_product_id
    assert dict(shop.service(service_id).resources.limits) == {"extensions": 32}
    assert shop.sweep().is_quiet


def test_admin_picks_a_product_of_another_module(shop: Shop) -> None:
    """Nobody here can know what that means."""
    service_id = shop.sell()
    with shop.whmcs.engine.begin() as tx:
        foreign = seed.product(tx, "Web space", module="cpanel")
    shop.edit(tables.hosting, service_id, packageid=foreign)

    report = shop.sweep()

    assert dict(report.operations) == {}
    assert shop.service(service_id).product_id == shop.product_id
    assert [(each.kind, each.service_id) for each in shop.tasks()] == [("drift", service_id)]


def test_admin_edits_configurable_options(shop: Shop) -> None:
    """F-12: another quantity is an ordinary change of package."""
    service_id = shop.sell()
    with shop.whmcs.engine.begin() as tx:
        tx.execute(tables.hosting_options.update().where(tables.hosting_options.c.relid == service_id).values(qty=7))

    report = shop.sweep()
    shop.work()

    assert dict(report.found) == {"options_changed": 1}
    assert dict(shop.service(service_id).options) == {"Extensions": "7"}
    assert dict(shop.service(service_id).resources.limits) == {"extensions": 10}
    assert shop.sweep().is_quiet


@pytest.mark.parametrize(
    ("shown", "ends_as"),
    [
        ("Suspended", Status.SUSPENDED),
        ("Fraud", Status.SUSPENDED),
        ("Terminated", Status.TERMINATED),
        ("Cancelled", Status.TERMINATED),
    ],
)
def test_admin_sets_status_by_hand(shop: Shop, shown: str, ends_as: Status) -> None:
    service_id = shop.sell()
    shop.edit(tables.hosting, service_id, domainstatus=shown)

    report = shop.sweep()
    shop.work()

    assert dict(report.found) == {"status_changed": 1}
    assert shop.service(service_id).status is ends_as
    tenant = shop.pbx.by_hand.see("acme.example")
    assert tenant is not None
    assert not (tenant.enabled and tenant.outbound)
    assert shop.sweep().is_quiet


def test_admin_sets_a_suspended_service_active_by_hand(shop: Shop) -> None:
    service_id = shop.sell()
    services.suspend(shop.bridge, asking("service.suspend"), service_id, "overdue")
    shop.work()

    report = shop.sweep()
    shop.work()

    assert dict(report.operations) == {"unsuspend": 1}
    assert shop.service(service_id).status is Status.ACTIVE
    assert shop.sweep().is_quiet


def test_a_terminated_service_set_active_by_hand_is_for_a_person(shop: Shop) -> None:
    service_id = shop.sell()
    services.terminate(shop.bridge, asking("service.terminate"), service_id, None)
    shop.work()

    report = shop.sweep()

    assert dict(report.operations) == {}
    assert shop.service(service_id).status is Status.TERMINATED
    assert [each.service_id for each in shop.tasks()] == [service_id]


def test_admin_assigns_another_server(shop: Shop) -> None:
    """F-13: a task, and nothing is created."""
    service_id = shop.sell()
    with shop.whmcs.engine.begin() as tx:
        other = seed.server(tx, "pbx2.example.com")
    shop.edit(tables.hosting, service_id, server=other)

    first, second = shop.sweep(), shop.sweep()

    assert dict(first.found) == {"server_changed": 1}
    assert (first.tasks, second.tasks) == (1, 0)
    assert shop.kinds(service_id) == ["create"]
    assert [each.service_id for each in shop.tasks()] == [service_id]
    assert shop.service(service_id).server_id == shop.server_id


def test_admin_changes_the_domain(shop: Shop) -> None:
    """F-11: a task, never a silent rename."""
    service_id = shop.sell()
    shop.edit(tables.hosting, service_id, domain="acme-new.example")

    report = shop.sweep()
    shop.work()

    assert dict(report.found) == {"domain_changed": 1}
    assert [each.department for each in shop.tasks()] == ["telephony"]
    assert shop.pbx.by_hand.domains() == ["acme.example", "other1.example", "other2.example"]


def test_a_domain_that_only_looks_different_is_the_same(shop: Shop) -> None:
    """F-11."""
    service_id = shop.sell()
    shop.edit(tables.hosting, service_id, domain="ACME.Example.")

    assert shop.sweep().is_quiet


def test_admin_changes_the_username(shop: Shop) -> None:
    service_id = shop.sell()
    shop.edit(tables.hosting, service_id, username="boss")

    reported = shop.sweep()
    shop.policies(username_changed="repair")
    repaired = shop.sweep()
    shop.work()

    assert dict(reported.operations) == {}
    assert dict(repaired.operations) == {"rename_administrator": 1}
    tenant = shop.pbx.by_hand.see("acme.example")
    assert tenant is not None
    assert tenant.admin_username == "boss"
    assert shop.sweep().is_quiet


def test_admin_changes_a_custom_field(shop: Shop) -> None:
    service_id = shop.sell()
    with shop.whmcs.engine.begin() as tx:
        field_id = seed.custom_field(tx, shop.product_id, "Site|Where the telephones are")
        tx.execute(tables.custom_values.insert().values(fieldid=field_id, relid=service_id, value="Lyon"))

    report = shop.sweep()

    assert dict(report.found) == {"fields_changed": 1}
    assert dict(shop.service(service_id).custom_fields) == {"Site": "Lyon"}
    assert shop.kinds(service_id) == ["create"]
    assert shop.sweep().is_quiet


def test_product_module_settings_or_server_group_changed(shop: Shop) -> None:
    """Existing services are not touched, so they must not be; a person hears of it once."""
    shop.sweep()
    shop.edit(tables.products, shop.product_id, configoption1="gold", servergroup=3)

    first, second = shop.sweep(), shop.sweep()

    assert dict(first.found) == {"product_changed": 1}
    assert dict(first.operations) == {}
    assert second.is_quiet
    assert [each.title for each in shop.tasks()] == [
        f"Product {shop.product_id} was changed in WHMCS: configoption1, server group"
    ]


def test_configurable_option_renamed(shop: Shop) -> None:
    """F-12: the new name is mapped to nothing, so it is a finding, and nobody loses a seat."""
    service_id = shop.sell()
    shop.edit(tables.config_options, shop.option_id, optionname="Seats")

    report = shop.sweep()

    assert dict(report.found)["unmapped_option"] == 3
    assert dict(report.operations) == {}
    assert dict(shop.service(service_id).resources.limits) == {"extensions": 5}


def test_service_moved_to_another_client(shop: Shop) -> None:
    service_id = shop.sell()
    with shop.whmcs.engine.begin() as tx:
        other = seed.client(tx, "Somebody else")
    shop.edit(tables.hosting, service_id, userid=other)

    report = shop.sweep()

    assert dict(report.found) == {"owner_changed": 1}
    assert shop.service(service_id).client_id == shop.client_id
    assert [each.service_id for each in shop.tasks()] == [service_id]


def test_client_merged(shop: Shop) -> None:
    """All services of the client that is gone belong to the other one now."""
    with shop.whmcs.engine.begin() as tx:
        other = seed.client(tx, "Survivor")
        tx.execute(tables.hosting.update().values(userid=other))
        tx.execute(tables.clients.delete().where(tables.clients.c.id == shop.client_id))

    report = shop.sweep()

    assert dict(report.found) == {"owner_changed": 2}
    assert dict(report.operations) == {}


def test_order_deleted(shop: Shop) -> None:
    """F-5: services that vanished are tasks, never removals."""
    service_id = shop.sell()
    shop.delete(tables.hosting, service_id)

    report = shop.sweep()
    shop.work()

    assert dict(report.found) == {"service_vanished": 1}
    assert shop.service(service_id).status is Status.ACTIVE
    assert shop.kinds(service_id) == ["create"]
    assert shop.pbx.by_hand.see("acme.example") is not None
    assert [each.service_id for each in shop.tasks()] == [service_id]


def test_service_deleted_after_its_end_says_nothing(shop: Shop) -> None:
    service_id = shop.sell()
    services.terminate(shop.bridge, asking("service.terminate"), service_id, None)
    shop.work()
    shop.delete(tables.hosting, service_id)

    assert shop.sweep().is_quiet


def test_api_updates_the_record(shop: Shop) -> None:
    """UpdateClientProduct with product, status, server and options at once: one thing after the other."""
    service_id = shop.sell()
    shop.edit(tables.hosting, service_id, packageid=shop.other_product_id, domainstatus="Suspended")

    shop.settle()
    shop.settle()

    assert shop.service(service_id).status is Status.SUSPENDED
    assert shop.service(service_id).product_id == shop.other_product_id
    assert shop.kinds(service_id) == ["change_package", "suspend", "create"]
    assert shop.sweep().is_quiet


def test_order_accepted_without_auto_setup(shop: Shop) -> None:
    """Active in WHMCS, and nobody called the module."""
    service_id = shop.offer("new.example")
    shop.offer("pending.example", status="Pending")

    asked = shop.sweep()
    shop.policies(active_without_tenant="repair")
    made = shop.sweep()
    shop.work()

    assert dict(asked.found) == {"active_without_tenant": 1}
    assert dict(asked.operations) == {}
    assert dict(made.operations) == {"create": 1}
    assert shop.pbx.by_hand.see("new.example") is not None
    assert shop.service(service_id).client_id == shop.client_id
    assert shop.sweep().is_quiet
    assert shop.tasks() == []


def test_hooks_cache_stale_or_shim_disabled_nothing_reaches_the_bridge(shop: Shop) -> None:
    """The sweep alone brings everything in order, and never calls the module."""
    service_id = shop.sell()
    shop.edit(tables.hosting, service_id, domainstatus="Suspended")
    shop.settle()
    shop.edit(tables.hosting, service_id, domainstatus="Active")
    shop.settle()

    assert shop.service(service_id).status is Status.ACTIVE
    assert shop.module.calls == []


# --- WHMCS's word, and when it says nothing --------------------------------------------------------------------------


def test_while_an_operation_is_open_whmcs_status_says_nothing(shop: Shop) -> None:
    service_id = shop.sell()
    services.suspend(shop.bridge, asking("service.suspend"), service_id, None)

    report = shop.sweep()

    assert dict(report.operations) == {}
    assert report.left > 0
    assert shop.kinds(service_id) == ["suspend", "create"]


def test_while_whmcs_has_yet_to_hear_its_status_says_nothing(shop: Shop) -> None:
    service_id = shop.sell()
    services.suspend(shop.bridge, asking("service.suspend"), service_id, None)
    run_all(shop.bridge)

    assert dict(shop.sweep().operations) == {}
    assert shop.service(service_id).status is Status.SUSPENDED


def test_a_status_that_whmcs_could_not_be_told_is_not_undone(shop: Shop) -> None:
    """WHMCS asked for the suspension, heard 'accepted', and still shows Active because our role may not set it."""
    service_id = shop.sell()
    may_not = Credential(IDENTIFIER, SECRET, actions=frozenset({"SendEmail"}))
    bridge = replace(shop.bridge, whmcs=client_of(replace(shop.whmcs, credentials=(may_not,))))
    services.suspend(bridge, asking("service.suspend"), service_id, "overdue")
    run_all(bridge)
    Announcer(bridge, "test").run_once()

    report = shop.sweep()

    assert dict(report.found) == {"status_changed": 1}
    assert dict(report.operations) == {}
    assert shop.service(service_id).status is Status.SUSPENDED


def test_what_was_asked_while_the_sweep_looked_wins(shop: Shop) -> None:
    """The sweep read 'Suspended' and then a resume came: the older word is dropped."""
    service_id = shop.sell()
    services.suspend(shop.bridge, asking("service.suspend"), service_id, None)
    shop.work()
    shop.edit(tables.hosting, service_id, domainstatus="Suspended")
    services.unsuspend(shop.bridge, asking("service.unsuspend"), service_id, None)
    shop.work()
    real: Any = shop.bridge.records

    class Interrupted:
        """WHMCS's records, with an end asked for between our own look and the act."""

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def fields_of(self, service_ids: Any) -> Any:
            found = real.fields_of(service_ids)
            services.terminate(shop.bridge, asking("service.terminate"), service_id, None)
            return found

    interrupted: Any = Interrupted()
    report = sweep.run(replace(shop.bridge, records=interrupted))

    assert dict(report.operations) == {}
    assert report.left > 0
    assert shop.service(service_id).status is Status.TERMINATED


@pytest.mark.parametrize("lost", ["tblhosting", "tblhostingconfigoptions", "tblproducts"])
def test_an_unreadable_whmcs_changes_nothing(shop: Shop, lost: str) -> None:
    """F-5: the tenants are looked at all the same."""
    shop.sell()
    with shop.whmcs.engine.begin() as tx:
        tx.execute(text(f"DROP TABLE {lost}"))
        if lost != "tblhosting":
            tx.execute(tables.hosting.update().values(domainstatus="Terminated"))

    report = shop.sweep()

    assert report.whmcs is not None
    assert report.tenants == 3
    assert dict(report.operations) == {}
    assert dict(report.found) == {}
    assert shop.tasks() == []


def test_findings_in_whmcs_stay_open_while_it_cannot_be_read(shop: Shop) -> None:
    service_id = shop.sell()
    shop.edit(tables.hosting, service_id, server=99)
    shop.sweep()
    with shop.whmcs.engine.begin() as tx:
        tx.execute(text("ALTER TABLE tblproducts RENAME TO elsewhere"))

    shop.sweep()

    assert shop.findings() == [("server_changed", service_id)]


def test_a_finding_and_its_task_close_when_it_is_as_it_should_be(shop: Shop) -> None:
    service_id = shop.sell()
    shop.edit(tables.hosting, service_id, domain="elsewhere.example")
    shop.sweep()
    shop.edit(tables.hosting, service_id, domain="acme.example")

    report = shop.sweep()

    assert report.closed == 1
    assert shop.findings() == []
    assert shop.tasks() == []


def test_a_task_that_a_person_closed_comes_back_only_with_another_drift(shop: Shop) -> None:
    service_id = shop.sell()
    shop.edit(tables.hosting, service_id, domain="elsewhere.example")
    shop.sweep()
    [task] = shop.tasks()
    task_cases.close(
        shop.bridge, asking("task.complete"), task.id, outcome="done", reason="known", server_id=None, domain=None
    )

    again = shop.sweep()
    shop.edit(tables.hosting, service_id, domain="third.example")
    other = shop.sweep()

    assert (again.tasks, other.tasks) == (0, 1)


def test_a_product_addon_counts_as_the_option_it_is_mapped_as(shop: Shop) -> None:
    """F-12."""
    service_id = shop.sell()
    with shop.whmcs.engine.begin() as tx:
        seed.addon(tx, service_id, seed.addon_definition(tx, "Extensions"), qty=3)
        seed.addon(tx, service_id, seed.addon_definition(tx, "Router"), qty=1)

    shop.settle()

    assert dict(shop.service(service_id).options) == {"Extensions": "5"}
    assert shop.sweep().is_quiet


# --- on the PBX ------------------------------------------------------------------------------------------------------


def test_a_tenant_that_is_gone_is_reported_and_by_policy_made_again(shop: Shop) -> None:
    service_id = shop.sell()
    shop.pbx.by_hand.remove("acme.example")

    reported = shop.sweep()
    shop.policies(missing_on_pbx="repair")
    repaired = shop.sweep()
    shop.work()

    assert dict(reported.found) == {"missing_on_pbx": 1}
    assert dict(reported.operations) == {}
    assert dict(repaired.operations) == {"repair": 1}
    assert shop.kinds(service_id) == ["repair", "create"]
    assert shop.pbx.by_hand.see("acme.example") is not None
    assert shop.sweep().is_quiet


def test_an_attribute_that_was_changed_by_hand(shop: Shop) -> None:
    shop.sell()
    shop.pbx.by_hand.rename("acme.example", "100", name="Reception")

    reported = shop.sweep()
    shop.policies(attribute_drift="repair")
    shop.settle()

    assert dict(reported.found) == {"attribute_drift": 1}
    tenant = shop.pbx.by_hand.see("acme.example")
    assert tenant is not None
    assert tenant.extensions[0].name == "Extension 100"
    assert shop.sweep().is_quiet


def test_an_attribute_that_was_changed_by_hand_is_wanted_by_import(shop: Shop) -> None:
    shop.sell()
    shop.pbx.by_hand.rename("acme.example", "100", name="Reception")
    shop.policies(attribute_drift="import")

    shop.settle()

    tenant = shop.pbx.by_hand.see("acme.example")
    assert tenant is not None
    assert tenant.extensions[0].name == "Reception"
    assert shop.sweep().is_quiet


def test_an_object_made_by_hand_is_reported_and_by_policy_imported(shop: Shop) -> None:
    service_id = shop.sell()
    shop.pbx.by_hand.change(
        "acme.example", lambda tenant: replace(tenant, extensions=(*tenant.extensions, Extension("777", "Door")))
    )

    reported = shop.sweep()
    shop.policies(unknown_on_pbx="import")
    shop.settle()

    assert dict(reported.found) == {"unknown_on_pbx": 1}
    wanted = services.get(shop.bridge, service_id)["limits"]
    assert {each["name"]: each["used"] for each in wanted}["extensions"] == 3
    assert shop.sweep().is_quiet


def test_what_a_hand_switched_off_is_no_drift(shop: Shop) -> None:
    shop.sell()
    shop.pbx.by_hand.enable("acme.example", "100", enabled=False)

    assert shop.sweep().is_quiet


def test_what_a_hand_switched_on_during_a_suspension_is_drift_of_state(shop: Shop) -> None:
    service_id = shop.sell()
    services.suspend(shop.bridge, asking("service.suspend"), service_id, None)
    shop.work()
    shop.edit(tables.hosting, service_id, domainstatus="Suspended")
    shop.pbx.by_hand.change("acme.example", lambda tenant: replace(tenant, outbound=True))
    shop.policies(state_drift="repair")

    report = shop.sweep()
    shop.work()

    assert dict(report.found) == {"state_drift": 1}
    tenant = shop.pbx.by_hand.see("acme.example")
    assert tenant is not None
    assert tenant.outbound is False


def test_a_tenant_nobody_knows_is_a_finding_and_nothing_else(shop: Shop) -> None:
    stranger = Tenant("stranger.example", gateways=(Gateway("carrier", "sip.example"),))
    shop.pbx.by_hand.add(stranger)
    shop.policies(unknown_on_pbx="import")

    report = shop.sweep()
    shop.work()

    assert dict(report.found) == {"unknown_on_pbx": 1}
    assert dict(report.operations) == {}
    assert shop.pbx.by_hand.see("stranger.example") == stranger


def test_a_tenant_of_ours_that_carries_another_marker_is_left_alone(shop: Shop) -> None:
    shop.sell()
    shop.pbx.by_hand.change("acme.example", lambda tenant: replace(tenant, marker="someone-else", enabled=False))
    shop.policies(attribute_drift="repair", state_drift="repair", missing_on_pbx="repair")

    report = shop.sweep()

    assert dict(report.found) == {"unknown_on_pbx": 1}
    assert dict(report.operations) == {}


def test_one_name_on_two_servers_is_a_duplicate(shop: Shop) -> None:
    shop.sell()
    second = with_memory_pbx(shop.bridge, a_server(shop.server_id + 1))
    second.by_hand.add(Tenant("acme.example"))

    assert dict(shop.sweep().found) == {"duplicate": 1}


def test_one_number_in_two_tenants_is_a_duplicate(shop: Shop) -> None:
    """Ours in one, and given to another by hand, on a PBX that does not mind."""
    number = Number("18095551234")
    tenant_id = shop.tenants()["other1.example"][0]

    def want(tx: Connection) -> None:
        wishes.want(tx, tenant_id, [number], uuid_of={number.e164: "x"}, vault=shop.bridge.vault)

    transact(shop.bridge.engine, want)
    shop.pbx.by_hand.change("other2.example", lambda tenant: replace(tenant, numbers=(number,)))

    assert dict(shop.sweep().found)["duplicate"] == 1


def test_a_living_service_without_a_tenant_is_an_orphan(shop: Shop) -> None:
    service_id = shop.sell()
    tenant_id = shop.tenants()["acme.example"][0]

    def lose(tx: Connection) -> None:
        service_store.leave_tenant(tx, tenant_id)
        lanes.remove(tx, tenant_id)
        mirror.forget(tx, tenant_id)

    transact(shop.bridge.engine, lose)
    shop.sweep()

    assert ("orphan_service", service_id) in shop.findings()


def test_a_tenant_without_a_service_is_a_finding(shop: Shop) -> None:
    shop.sell()
    tenant_id = shop.tenants()["acme.example"][0]

    def lose(tx: Connection) -> None:
        service_store.leave_tenant(tx, tenant_id)

    transact(shop.bridge.engine, lose)
    shop.sweep()

    assert ("tenant_without_service", tenant_id) in shop.findings()
    assert shop.pbx.by_hand.see("acme.example") is not None


def test_a_server_that_is_not_working_is_skipped_and_said_so(shop: Shop) -> None:
    shop.pbx.by_hand.remove("other1.example")
    shop.sweep()
    shop.pbx.trouble.outage = True

    report = shop.sweep()

    assert [server_id for server_id, _ in report.skipped] == [shop.server_id]
    assert report.tenants == 0
    assert [kind for kind, _ in shop.findings()] == ["missing_on_pbx"]


def test_a_paused_server_is_not_asked_at_all(shop: Shop) -> None:
    paused = a_server(shop.server_id, paused_by="ann", paused_reason="upgrade", paused_at=NOON)
    transact(shop.bridge.engine, lambda tx: servers.save(tx, paused))
    asked = shop.pbx.trouble.calls

    report = shop.sweep()

    assert "upgrade" in report.skipped[0][1]
    assert shop.pbx.trouble.calls == asked


# --- the blast limit, dry runs, purges -------------------------------------------------------------------------------


def test_f6_more_than_half_of_a_small_shop_stops_before_the_first(small_shop: Shop) -> None:
    """F-6: one task with counts and preview, and a person releases exactly that batch."""
    shop = small_shop
    with shop.whmcs.engine.begin() as tx:
        tx.execute(tables.hosting.update().values(domainstatus="Suspended"))

    first, second = shop.sweep(), shop.sweep()
    shop.work()
    fingerprint = first.stopped[0].fingerprint

    assert (first.stopped[0].services, first.stopped[0].most, first.stopped[0].active) == (2, 1, 2)
    assert second.stopped == first.stopped
    assert dict(first.operations) == {}
    assert [each.kind for each in shop.tasks()] == ["blast"]
    assert shop.tasks()[0].details["preview"] == ["suspend: service 1", "suspend: service 2"]

    wrong = shop.sweep(confirm="0" * 16, person="Ann")
    released = shop.sweep(confirm=fingerprint, person="Ann")
    shop.work()

    assert dict(wrong.operations) == {}
    assert wrong.unreleased == f"no batch with the fingerprint {'0' * 16} is held, so nothing was released"
    assert dict(released.operations) == {"suspend": 2}
    assert (first.unreleased, released.unreleased) == (None, None)
    assert shop.operations(1)[0].actor == "sweep released by Ann"
    assert shop.sweep().is_quiet
    assert shop.tasks() == []


def test_f6_a_release_is_for_that_batch_only(shop: Shop) -> None:
    shop.sell()
    with shop.whmcs.engine.begin() as tx:
        tx.execute(tables.hosting.update().where(tables.hosting.c.id <= 2).values(domainstatus="Suspended"))
    fingerprint = shop.sweep().stopped[0].fingerprint
    with shop.whmcs.engine.begin() as tx:
        tx.execute(tables.hosting.update().values(domainstatus="Suspended"))

    report = shop.sweep(confirm=fingerprint, person="Ann")

    assert dict(report.operations) == {}
    assert report.stopped[0].fingerprint != fingerprint
    assert report.unreleased is not None


def test_what_nobody_held_is_nobodys_to_release(shop: Shop) -> None:
    """An unknown fingerprint is told, and no change is kept in the name of whoever gave it."""
    service_id = shop.sell()
    shop.edit(tables.hosting, service_id, domainstatus="Suspended")

    previewed = shop.sweep(confirm="0" * 16, person="Ann", dry_run=True)
    report = shop.sweep(confirm="0" * 16, person="Ann")

    assert dict(report.operations) == {"suspend": 1}
    assert shop.operations(service_id)[0].actor == "sweep"
    assert report.unreleased is not None
    assert previewed.unreleased == report.unreleased
    assert report.to_json()["unreleased"] == report.unreleased


def test_f6_a_stream_of_notices_is_one_action(shop: Shop) -> None:
    service_id = shop.sell()
    with shop.whmcs.engine.begin() as tx:
        tx.execute(tables.hosting.update().values(domainstatus="Suspended"))
    done = []
    for each in (1, 2, service_id):
        sweep.notice(shop.bridge, each)
        report = sweep.noticed(shop.bridge)
        assert report is not None
        done.append(dict(report.operations))

    assert done == [{"suspend": 1}, {}, {}]


def test_a_notice_looks_at_exactly_that_service(shop: Shop) -> None:
    service_id = shop.sell()
    shop.edit(tables.hosting, service_id, domainstatus="Suspended")
    shop.edit(tables.hosting, 1, domainstatus="Suspended")
    sweep.notice(shop.bridge, service_id)
    sweep.notice(shop.bridge, service_id)

    report = sweep.noticed(shop.bridge)

    assert report is not None
    assert (report.services, report.tenants) == (1, 1)
    assert dict(report.operations) == {"suspend": 1}
    assert sweep.noticed(shop.bridge) is None


def test_a_notice_about_a_service_nobody_knows_is_harmless(shop: Shop) -> None:
    sweep.notice(shop.bridge, 987654)

    report = sweep.noticed(shop.bridge)

    assert report is not None
    assert report.is_quiet


def test_a_dry_run_says_the_same_and_keeps_nothing(small_shop: Shop) -> None:
    shop = small_shop
    shop.sell()
    shop.offer("new.example")
    shop.edit(tables.hosting, 1, domainstatus="Suspended")
    shop.edit(tables.hosting, 2, domain="elsewhere.example")
    shop.pbx.by_hand.remove("other2.example")
    before = everything(shop)

    dry = shop.sweep(dry_run=True)
    untouched = everything(shop)
    wet = shop.sweep()

    assert untouched == before
    assert dry.dry_run
    assert {**dry.to_json(), "dry_run": False} == wet.to_json()
    assert dict(wet.operations) == {"suspend": 1}


def test_a_tenant_whose_retention_is_over_gets_exactly_one_purge(small_shop: Shop) -> None:
    shop = small_shop
    service_id = shop.sell()
    end(shop, service_id)
    over(shop, "acme.example")

    dry, first, second = shop.sweep(dry_run=True), shop.sweep(), shop.sweep()
    kinds = shop.kinds(service_id)
    shop.work()

    assert (dry.purges, first.purges, second.purges) == (1, 1, 0)
    assert kinds == ["purge", "terminate", "create"]
    assert shop.pbx.by_hand.see("acme.example") is None
    assert "acme.example" not in shop.tenants()
    assert shop.sweep().is_quiet


def test_an_ended_service_leaves_the_tenant_of_others_when_its_retention_is_over(small_shop: Shop) -> None:
    """F-10, F-18: its things are switched off until then, and gone afterwards; the others' stay."""
    shop = small_shop
    stays, goes = shop.sell(), shop.sell()
    services.terminate(shop.bridge, asking("service.terminate"), goes, None)
    shop.work()
    shop.edit(tables.hosting, goes, domainstatus="Terminated")
    within = shop.sweep()
    kept = shop.pbx.by_hand.see("acme.example")
    with shop.bridge.engine.begin() as tx:
        long_ago = now(tx) - timedelta(days=shop.bridge.settings.retention_days, seconds=1)
        ended = operation_rows.c.service_id == goes
        tx.execute(operation_rows.update().where(ended).values(finished_at=long_ago))

    dry, first, second = shop.sweep(dry_run=True), shop.sweep(), shop.sweep()
    shop.work()

    assert within.is_quiet
    assert kept is not None
    before = [(each.number, each.enabled) for each in kept.extensions]
    assert before == [("100", True), ("101", True), ("102", False), ("103", False)]
    assert (dry.purges, first.purges, second.purges) == (1, 1, 0)
    left = shop.pbx.by_hand.see("acme.example")
    assert left is not None
    assert [(each.number, each.enabled) for each in left.extensions] == [("100", True), ("101", True)]
    assert shop.service(goes).tenant_id is None
    assert shop.service(stays).tenant_id is not None
    assert shop.kinds(stays) == ["repair", "create"]
    assert shop.sweep().is_quiet


def test_a_deletion_that_a_person_cancelled_stays_cancelled_whatever_comes_to_nothing_after_it(
    small_shop: Shop,
) -> None:
    shop = small_shop
    service_id = shop.sell()
    end(shop, service_id)
    over(shop, "acme.example")
    shop.sweep()
    cancel(shop, service_id, "keep it")
    create_again(shop, service_id)
    cancel(shop, service_id, "the wrong customer")

    assert shop.sweep().purges == 0
    assert shop.pbx.by_hand.see("acme.example") is not None


def test_a_deletion_that_was_cancelled_long_ago_does_not_outlast_a_newer_end(small_shop: Shop) -> None:
    """The tenant ends again by another of its services than the one that spoke for it the first time."""
    shop = small_shop
    shop.sell("other3.example")
    shop.sell("other4.example")
    first, second = shop.sell(), shop.sell()
    end(shop, first)
    end(shop, second)
    over(shop, "acme.example")
    shop.sweep()
    cancel(shop, first, "keep it")
    kept = shop.sweep()
    create_again(shop, second)
    shop.work()
    end(shop, second)
    over(shop, "acme.example")

    again = shop.sweep()
    shop.work()

    assert (kept.purges, again.purges) == (0, 1)
    assert shop.pbx.by_hand.see("acme.example") is None


def test_a_tenant_that_a_person_deleted_by_hand_is_not_to_be_deleted_again(small_shop: Shop) -> None:
    shop = small_shop
    service_id = shop.sell()
    end(shop, service_id)
    over(shop, "acme.example")
    shop.sweep()
    shop.pbx.by_hand.remove("acme.example")
    purge = shop.operations(service_id)[0]
    task_cases.complete(shop.bridge, asking("operation.complete"), purge.id, reason="done", server_id=None, domain=None)

    assert purge.kind is Kind.PURGE
    assert shop.sweep().purges == 0


def test_a_tenant_wanted_again_while_it_was_deleted_is_forgotten_when_that_wish_came_to_nothing(
    small_shop: Shop,
) -> None:
    shop = small_shop
    service_id = shop.sell()
    end(shop, service_id)
    over(shop, "acme.example")
    shop.sweep()
    remove = shop.pbx.remove

    def remove_while_it_is_wanted_again(tenant: Tenant) -> None:
        create_again(shop, service_id)
        remove(tenant)

    shop.pbx.remove = remove_while_it_is_wanted_again  # type: ignore[method-assign]  # WHMCS asks meanwhile
    Worker(shop.bridge, "worker-1").run_once()
    cancel(shop, service_id, "the wrong customer")
    kept = "acme.example" in shop.tenants()
    shop.settle()

    assert kept
    assert "acme.example" not in shop.tenants()


def test_f6_purges_stop_as_well(shop: Shop) -> None:
    for service_id in (1, 2):
        services.terminate(shop.bridge, asking("service.terminate"), service_id, None)
    shop.work()
    with shop.whmcs.engine.begin() as tx:
        tx.execute(tables.hosting.update().values(domainstatus="Terminated"))
    over(shop, "other1.example")
    over(shop, "other2.example")

    stopped = shop.sweep()
    released = shop.sweep(confirm=stopped.stopped[0].fingerprint, person="Ann")
    shop.work()

    assert stopped.purges == 0
    assert stopped.stopped[0].actions == (("purge", 2),)
    assert released.unreleased is None
    assert released.purges == 2
    assert shop.pbx.by_hand.domains() == []


def test_a_service_restored_within_its_retention_is_not_purged(shop: Shop) -> None:
    """F-18."""
    service_id = shop.sell()
    services.terminate(shop.bridge, asking("service.terminate"), service_id, None)
    shop.work()
    over(shop, "acme.example")
    create_again(shop, service_id)
    shop.work()

    assert shop.sweep().is_quiet
    assert shop.pbx.by_hand.see("acme.example") is not None


def test_sweeps_at_once_ask_for_each_repair_once(small_shop: Shop) -> None:
    """On both databases: whoever comes second finds the operation, or that the service has changed."""
    shop = small_shop
    service_id = shop.sell()
    shop.edit(tables.hosting, service_id, domainstatus="Suspended")
    with ThreadPoolExecutor(4) as several:
        started = [several.submit(sweep.run, shop.bridge, service_ids={service_id}) for _ in range(4)]
        started += [several.submit(sweep.run, shop.bridge) for _ in range(2)]
        reports = [each.result() for each in started]

    assert sum(dict(each.operations).get("suspend", 0) for each in reports) == 1
    assert shop.kinds(service_id) == ["suspend", "create"]


def test_the_sweeper_sweeps_when_it_is_time_and_looks_when_it_is_told(shop: Shop) -> None:
    service_id = shop.sell()
    sweeper = Sweeper(shop.bridge, "test")
    first = sweeper.run_once()
    shop.edit(tables.hosting, service_id, domainstatus="Suspended")
    nothing = sweeper.run_once()
    notice_for(shop.bridge)(Notice(event="ServiceEdit", service_id=service_id))
    noticed = sweeper.run_once()
    notice_for(shop.bridge)(Notice(event="AfterClientMerge", client_id=shop.client_id))
    everything_again = sweeper.run_once()

    assert [each.services for each in first] == [3]
    assert nothing == []
    assert [dict(each.operations) for each in noticed] == [{"suspend": 1}]
    assert [each.tenants for each in everything_again] == [2]


def test_what_stops_one_sweep_is_logged_and_the_next_one_comes(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """F-5: the keeper of the time goes on, and so does everything else."""
    sweeper = Sweeper(shop.bridge, "test")
    sweeper.run_once()
    shop.edit(tables.configuration, 1, value="https://staging.example/")
    sweep.notice(shop.bridge, None)

    assert sweeper.run_once() == []
    assert "a sweep was put off" in caplog.text


# --- who is served, and when nothing is done -------------------------------------------------------------------------


def test_f5_nothing_is_done_for_another_whmcs(shop: Shop) -> None:
    shop.sweep()
    with shop.whmcs.engine.begin() as tx:
        tx.execute(
            tables.configuration.update()
            .where(tables.configuration.c.setting == "SystemURL")
            .values(value="https://staging.example/")
        )
        tx.execute(tables.hosting.update().values(domainstatus="Terminated"))

    with pytest.raises(NotPrepared, match="another address"):
        shop.sweep()

    assert shop.service(1).status is Status.ACTIVE
    assert [each.kind for each in shop.tasks()] == ["installation"]


def test_in_restore_mode_nothing_is_swept(shop: Shop) -> None:
    enter_restore(shop.bridge, actor="ann", reason="the disk died")

    with pytest.raises(Unavailable):
        shop.sweep()

    assert sweep.noticed(shop.bridge) is None


def test_one_mistake_that_makes_many_tasks_makes_one(shop: Shop) -> None:
    """F-9: somebody emptied a table, and staff get one mail."""
    for number in range(21):
        shop.sell(f"t{number}.example")
    with shop.whmcs.engine.begin() as tx:
        tx.execute(tables.hosting.delete())

    report = shop.sweep()

    assert dict(report.found) == {"service_vanished": 23}
    assert [(each.title, each.details["count"]) for each in shop.tasks()] == [("23 times service vanished", 23)]
    assert all(shop.service(number).status is Status.ACTIVE for number in range(1, 24))


# --- what holds always -----------------------------------------------------------------------------------------------

WISHES = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["suspend", "unsuspend", "large", "small", "terminate", "off", "on"])),
    max_size=6,
)


@examples(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wishes=WISHES)
def test_right_after_the_worker_is_idle_a_sweep_finds_nothing_and_twice_is_once(
    tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path, settings: Settings, wishes: list[tuple[int, str]]
) -> None:
    folder = tmp_path_factory.mktemp("fixpoint")
    (folder / "bridge.db").write_bytes(migrated_sqlite.read_bytes())
    engine = connect(Secret(f"sqlite:///{folder}/bridge.db"))
    whmcs_engine = connect(Secret(f"sqlite:///{folder}/whmcs.db"))
    shop = a_shop(Bridge(settings=settings, engine=engine, vault=Vault(bytes(32))), whmcs_engine)
    sold = [shop.sell(f"t{number}.example") for number in range(3)]
    for place, wish in wishes:
        do(shop, sold[place], f"t{place}.example", wish)
    shop.work()

    first = shop.sweep()
    before = everything(shop)
    second = shop.sweep()

    assert first.is_quiet
    assert second.is_quiet
    assert everything(shop) == before
    engine.dispose()
    whmcs_engine.dispose()


def do(shop: Shop, service_id: int, domain: str, wish: str) -> None:
    """Something that happens to a service, with WHMCS's record as the module call leaves it."""
    ended = shop.service(service_id).status is Status.TERMINATED
    if wish in ("off", "on"):
        shop.pbx.by_hand.enable(domain, "100", enabled=wish == "on") if wish == "off" else None
    elif wish == "terminate":
        services.terminate(shop.bridge, asking("service.terminate"), service_id, None)
        shop.edit(tables.hosting, service_id, domainstatus="Terminated")
    elif ended:
        return
    elif wish == "suspend":
        services.suspend(shop.bridge, asking("service.suspend"), service_id, None)
        shop.edit(tables.hosting, service_id, domainstatus="Suspended")
    elif wish == "unsuspend":
        services.unsuspend(shop.bridge, asking("service.unsuspend"), service_id, None)
        shop.edit(tables.hosting, service_id, domainstatus="Active")
    else:
        product_id = shop.other_product_id if wish == "large" else shop.product_id
        services.change_package(shop.bridge, asking("service.change_package"), service_id, product_id, None)
        shop.edit(tables.hosting, service_id, packageid=product_id)


def end(shop: Shop, service_id: int) -> None:
    """Terminated, done, and WHMCS shows it."""
    services.terminate(shop.bridge, asking("service.terminate"), service_id, None)
    shop.work()
    shop.edit(tables.hosting, service_id, domainstatus="Terminated")


def create_again(shop: Shop, service_id: int) -> None:
    services.create(
        shop.bridge,
        asking(),
        service_id=service_id,
        client_id=shop.client_id,
        product_id=shop.product_id,
        server_id=None,
        domain="",
        username="",
        password=None,
        options={"Extensions": "2"},
        custom_fields={},
    )


def cancel(shop: Shop, service_id: int, reason: str) -> None:
    """A person decides against what was asked for a service last."""
    last = shop.operations(service_id)[0]
    task_cases.cancel(shop.bridge, asking("operation.cancel"), last.id, reason)


def over(shop: Shop, domain: str) -> None:
    """The retention of a tenant is over."""
    tenant_id = shop.tenants()[domain][0]

    def act(tx: Connection) -> None:
        mirror.set_wanted(tx, tenant_id, state="disabled", delete_after=now(tx) - timedelta(seconds=1))

    transact(shop.bridge.engine, act)


def everything(shop: Shop) -> dict[str, list[Any]]:
    """All that is written down, but for when it was seen last and by which turn of a job."""
    found = {}
    with shop.bridge.engine.connect() as tx:
        for name, table in sorted(metadata.tables.items()):
            if name.endswith(("_jobs", "_migrations")):
                continue
            columns = [
                each for each in table.columns if each.name not in ("last_seen", "last_synced", "updated_at", "value")
            ]
            found[name] = [tuple(row) for row in tx.execute(table.select().with_only_columns(*columns))]
    return found
