"""Servers: added, tested, paused, out of reach and back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from bridge import servers, services
from bridge.app import Bridge
from bridge.database import transact
from bridge.drivers import secrets_from
from bridge.errors import NotFound, NotPrepared, Refused
from bridge.keeper import Keeper
from bridge.pbx.driver import Check, Tenant
from bridge.pbx.memory import MemoryPbx
from bridge.secret import Secret
from bridge.server import Health
from bridge.settings import Settings
from bridge.store import lanes, mirror, tenants
from bridge.store import servers as server_store
from bridge.vault import Vault
from tests.canary import CANARY_KEY
from tests.factories import a_server, asking, run_all, with_handler, with_memory_pbx
from tests.test_services import create, state_of

REMOTE = {"url": "https://pbx.example:8471", "instance": "pbx-1", "key_id": "bridge-1"}


def upsert(bridge: Bridge, server_id: int = 1, **changed: Any) -> dict[str, Any]:
    known = {"config": None, "secrets": None}
    return servers.upsert(
        bridge,
        asking("server.upsert"),
        server_id=server_id,
        changed={name: value for name, value in changed.items() if name not in known},
        config=changed.get("config"),
        secrets=changed.get("secrets"),
    )


def server_of(bridge: Bridge, server_id: int = 1) -> Any:
    return transact(bridge.engine, lambda tx: server_store.get(tx, server_id))


def test_a_new_server_needs_a_name_and_a_driver(bridge: Bridge) -> None:
    with pytest.raises(NotPrepared, match="at least a name and a driver"):
        upsert(bridge, name="pbx1")


def test_a_wrong_connection_is_refused_by_the_name_of_its_key(bridge: Bridge) -> None:
    with pytest.raises(NotPrepared, match="url"):
        upsert(bridge, name="pbx1", driver="remote", config={"url": "not an address"})
    assert server_of(bridge) is None


def test_secrets_are_sealed_and_never_shown(bridge: Bridge) -> None:
    """T-20, T-21"""
    answer = upsert(bridge, name="pbx1", driver="remote", config=REMOTE, secrets={"secret": Secret(CANARY_KEY)})

    assert "secret" not in str(answer).replace("secrets", "")
    held = transact(bridge.engine, lambda tx: server_store.secret_of(tx, 1, bridge.vault))
    assert secrets_from(held) == {"secret": Secret(CANARY_KEY)}


def test_a_changed_connection_has_to_pass_its_test_again(bridge: Bridge) -> None:
    upsert(bridge, name="pbx1", driver="memory")
    servers.test(bridge, 1, "kim")
    assert server_of(bridge).health is Health.GREEN

    upsert(bridge, name="renamed")
    assert server_of(bridge).health is Health.GREEN
    upsert(bridge, driver="remote", config=REMOTE, secrets={"secret": Secret(CANARY_KEY)})
    assert server_of(bridge).health is Health.UNTESTED


def test_a_test_tells_each_check_apart(bridge: Bridge) -> None:
    with_memory_pbx(bridge)
    answer = servers.test(bridge, 1, "kim")

    assert answer["health"] == "green"
    assert [each["name"] for each in answer["checks"]] == [
        "authentication",
        "authorisation",
        "allow_list",
        "version",
        "clock",
        "call_records",
    ]


def test_the_first_test_of_all_has_to_pass(bridge: Bridge) -> None:
    pbx = with_memory_pbx(bridge, a_server(health=Health.UNTESTED))
    pbx.broken_checks["authentication"] = Check("authentication", "fail", 1, "the key is refused", "Mend the key.")

    answer = servers.test(bridge, 1, "kim")

    assert answer["health"] == "red"


def test_three_failures_in_a_row_turn_a_green_server_red(bridge: Bridge) -> None:
    """products.md 10"""
    pbx = with_memory_pbx(bridge)
    pbx.broken_checks["authorisation"] = Check(
        "authorisation", "fail", 1, "tenants cannot be listed", "Give the right."
    )

    seen = [servers.test(bridge, 1, "kim")["health"] for _ in range(3)]
    pbx.broken_checks.clear()
    seen.append(servers.test(bridge, 1, "kim")["health"])

    assert seen == ["green", "green", "red", "green"]


def test_a_red_server_makes_operations_wait_and_a_green_one_does_them(bridge: Bridge) -> None:
    pbx = with_memory_pbx(bridge, a_server(health=Health.RED))
    with_handler(bridge)
    answer = create(bridge, server_id=1)
    run_all(bridge)
    assert state_of(bridge, answer) == "waiting_pbx"

    servers.test(bridge, 1, "kim")
    run_all(bridge)

    assert state_of(bridge, answer) == "succeeded"
    assert pbx.by_hand.domains() == ["acme.example"]


def test_a_named_person_may_let_automation_run_all_the_same(bridge: Bridge) -> None:
    with_memory_pbx(bridge, a_server(health=Health.RED))
    with_handler(bridge)
    answer = create(bridge, server_id=1)
    run_all(bridge)

    said = servers.override(
        bridge, asking("server.override", caller="kim"), 1, on=True, reason="the clock check is wrong"
    )
    run_all(bridge)

    assert (said["override_by"], state_of(bridge, answer)) == ("kim", "succeeded")


def test_maintenance_queues_everything_and_resuming_does_it_in_order(bridge: Bridge) -> None:
    """F-4"""
    pbx = with_memory_pbx(bridge)
    with_handler(bridge)
    servers.pause(bridge, asking("server.pause", caller="kim"), 1, "new disks")
    answers = [
        create(bridge, service_id, client_id=service_id, domain=f"s{service_id}.example") for service_id in (1, 2, 3)
    ]
    run_all(bridge)
    waiting = [state_of(bridge, each) for each in answers]
    assert pbx.by_hand.domains() == []

    servers.resume(bridge, asking("server.resume", caller="kim"), 1)
    run_all(bridge)

    assert waiting == ["waiting_pbx"] * 3
    assert [state_of(bridge, each) for each in answers] == ["succeeded"] * 3


def test_a_pbx_that_goes_away_is_probed_and_its_work_done_when_it_is_back(bridge: Bridge) -> None:
    """Item 4: one probe a minute, and everything done within a minute of its return."""
    pbx = with_memory_pbx(bridge)
    with_handler(bridge)
    pbx.trouble.outage = True
    answers = [
        create(bridge, service_id, client_id=service_id, domain=f"s{service_id}.example") for service_id in (1, 2, 3)
    ]
    run_all(bridge)
    assert {state_of(bridge, each) for each in answers} == {"waiting_pbx"}
    assert server_of(bridge).unreachable_since is not None

    pbx.trouble.clear()
    keeper = Keeper(bridge, "keeper-1")
    _until(lambda: keeper.run_once() and server_of(bridge).unreachable_since is None, bridge)
    run_all(bridge)

    assert [state_of(bridge, each) for each in answers] == ["succeeded"] * 3


def test_many_that_wait_are_one_probe(bridge: Bridge) -> None:
    pbx = with_memory_pbx(bridge)
    with_handler(bridge)
    pbx.trouble.outage = True
    for service_id in range(1, 41):
        create(bridge, service_id, client_id=service_id, domain=f"s{service_id}.example")
    run_all(bridge)
    asked_by_operations = pbx.trouble.calls

    _until(lambda: Keeper(bridge, "keeper-1").run_once() > 0, bridge)

    assert asked_by_operations <= 20, "one claim's worth; the others were never sent"
    assert pbx.trouble.calls - asked_by_operations < 10, "one test of the connection, not one for each operation"


def test_an_untested_server_is_tested_by_itself(bridge: Bridge) -> None:
    upsert(bridge, name="pbx1", driver="memory")

    Keeper(bridge, "keeper-1").run_once()

    assert server_of(bridge).health is Health.GREEN


def test_accounts_shows_both_sides(bridge: Bridge) -> None:
    pbx = with_memory_pbx(bridge)
    with_handler(bridge)
    create(bridge)
    run_all(bridge)
    pbx.by_hand.add(Tenant("stranger.example"))

    shown = servers.accounts(bridge, 1)

    assert [each["domain"] for each in shown] == ["acme.example", "stranger.example"]
    assert [each["tenant_id"] is None for each in shown] == [False, True]


def test_a_sync_reads_into_the_mirror_and_changes_nothing_on_the_pbx(bridge: Bridge) -> None:
    pbx = with_memory_pbx(bridge)
    with_handler(bridge)
    create(bridge)
    run_all(bridge)
    pbx.by_hand.rename("acme.example", "100", name="Reception")
    before = pbx.by_hand.see("acme.example")

    said = servers.sync(bridge, asking("server.sync"), 1)

    assert said == {"server_id": 1, "read": 1, "left": 0, "missing": [], "unknown": []}
    assert pbx.by_hand.see("acme.example") == before


def when_found(pbx: MemoryPbx, where: str, act: Callable[[], object]) -> None:
    """Lets something happen once, right after a tenant was looked at."""
    find, left = pbx.find, [act]

    def find_and_act(domain: str) -> Tenant | None:
        found = find(domain)
        if domain == where and left:
            left.pop()()
        return found

    pbx.find = find_and_act  # type: ignore[method-assign]  # the world goes on while somebody looks


def two_tenants(bridge: Bridge) -> MemoryPbx:
    pbx = with_memory_pbx(bridge)
    with_handler(bridge)
    create(bridge, 42)
    create(bridge, 43, domain="other.example")
    run_all(bridge)
    return pbx


def shown(tenant: Tenant | None) -> object:
    return tenant and (tenant.outbound, [(each.number, each.name, each.enabled) for each in tenant.extensions])


def seen(bridge: Bridge) -> dict[str, object]:
    """What the mirror shows of every tenant."""

    def act(tx: Connection) -> dict[str, object]:
        found = tenants.domains_of_server(tx, 1)
        held = mirror.load(tx, list(found.values()), bridge.vault)
        return {domain: shown(held[tenant_id].actual) for domain, tenant_id in found.items()}

    return transact(bridge.engine, act)


def suspend(bridge: Bridge) -> None:
    services.suspend(bridge, asking("service.suspend"), 42, None)


def test_a_view_that_is_older_than_what_a_worker_did_is_not_kept(bridge: Bridge) -> None:
    pbx = two_tenants(bridge)
    pbx.by_hand.rename("other.example", "100", name="Reception")

    def change_it() -> None:
        suspend(bridge)
        run_all(bridge)

    when_found(pbx, "acme.example", change_it)
    said = servers.sync(bridge, asking("server.sync"), 1)

    assert (said["read"], said["left"]) == (1, 1)
    assert seen(bridge) == {each: shown(pbx.find(each)) for each in ("acme.example", "other.example")}


def test_a_view_of_a_tenant_for_which_something_is_under_way_is_not_kept(bridge: Bridge) -> None:
    """It was begun before anybody looked, and ended while somebody did."""
    pbx = two_tenants(bridge)
    suspend(bridge)
    when_found(pbx, "acme.example", lambda: run_all(bridge))

    said = servers.sync(bridge, asking("server.sync"), 1)
    run_all(bridge)

    assert (said["read"], said["left"]) == (1, 1)
    assert seen(bridge) == {each: shown(pbx.find(each)) for each in ("acme.example", "other.example")}


def test_a_tenant_that_is_forgotten_while_a_server_is_read_keeps_no_other_from_being_read(bridge: Bridge) -> None:
    pbx = two_tenants(bridge)
    pbx.by_hand.rename("other.example", "100", name="Reception")
    tenant_id = transact(bridge.engine, lambda tx: tenants.domains_of_server(tx, 1))["acme.example"]

    def forget(tx: Connection) -> None:
        lanes.remove(tx, tenant_id)
        mirror.forget(tx, tenant_id)

    def purge_it() -> None:
        pbx.by_hand.remove("acme.example")
        transact(bridge.engine, forget)

    when_found(pbx, "acme.example", purge_it)
    said = servers.sync(bridge, asking("server.sync"), 1)

    assert said == {"server_id": 1, "read": 1, "left": 1, "missing": [], "unknown": []}
    assert seen(bridge) == {"other.example": shown(pbx.find("other.example"))}


def test_what_a_hand_switched_off_is_seen_by_a_sync(bridge: Bridge) -> None:
    pbx = two_tenants(bridge)
    pbx.by_hand.enable("acme.example", "100", enabled=False)

    servers.sync(bridge, asking("server.sync"), 1)

    tenant_id = transact(bridge.engine, lambda tx: tenants.domains_of_server(tx, 1))["acme.example"]
    held = transact(bridge.engine, lambda tx: mirror.load(tx, [tenant_id], bridge.vault))[tenant_id].held
    assert held.extensions == {"100"}


def test_a_dry_run_of_a_sync_keeps_nothing(bridge: Bridge) -> None:
    pbx = two_tenants(bridge)
    before = seen(bridge)
    pbx.by_hand.rename("acme.example", "100", name="Reception")

    said = servers.sync(bridge, asking("server.sync", dry_run=True), 1)

    assert (said["read"], said["dry_run"]) == (2, True)
    assert seen(bridge) == before


def test_a_tenant_that_is_gone_from_its_server_is_missing_in_a_sync(bridge: Bridge) -> None:
    pbx = two_tenants(bridge)
    pbx.by_hand.remove("acme.example")
    pbx.by_hand.add(Tenant("stranger.example"))

    said = servers.sync(bridge, asking("server.sync"), 1)

    assert said == {"server_id": 1, "read": 1, "left": 0, "missing": ["acme.example"], "unknown": ["stranger.example"]}
    assert seen(bridge)["acme.example"] is None


def test_a_pbx_out_of_reach_is_said_so(bridge: Bridge) -> None:
    """1101"""
    pbx = with_memory_pbx(bridge)
    pbx.trouble.outage = True

    with pytest.raises(Refused) as refused:
        servers.accounts(bridge, 1)
    assert refused.value.kind == "pbx_unreachable"


def test_an_unknown_server_is_not_found(bridge: Bridge) -> None:
    with pytest.raises(NotFound, match="server 9 is not known"):
        servers.test(bridge, 9, "kim")


def test_there_is_one_default(bridge: Bridge) -> None:
    upsert(bridge, 1, name="pbx1", driver="memory", is_default=True)
    upsert(bridge, 2, name="pbx2", driver="memory", is_default=True)

    assert [each["default"] for each in servers.listed(bridge)] == [False, True]


def _until(holds: Any, bridge: Bridge) -> None:
    """Looks again and again for at most ten seconds."""
    until = bridge.ticks() + 10
    while not holds():
        assert bridge.ticks() < until
        bridge.bell.wait(bridge.bell.count, 0.05)


def test_a_memory_pbx_is_one_for_as_long_as_its_configuration_is(bridge: Bridge) -> None:
    upsert(bridge, name="pbx1", driver="memory")

    one = servers.driver_of(bridge, 1)[1]

    assert isinstance(one, MemoryPbx)
    assert servers.driver_of(bridge, 1)[1] is one


def test_a_test_of_the_old_connection_says_nothing_of_the_new_one(bridge: Bridge) -> None:
    upsert(bridge, name="pbx1", driver="memory")
    server, secrets = servers.with_secrets(bridge, 1)
    checks = servers.examine(bridge, server, secrets)
    upsert(bridge, driver="remote", config=REMOTE, secrets={"secret": Secret(CANARY_KEY)})

    examined = servers.Examined(server, secrets, checks)
    transact(bridge.engine, lambda tx: servers.record_test(tx, bridge, examined, actor="kim"))

    assert server_of(bridge).health is Health.UNTESTED


def test_a_disabled_server_that_serves_tenants_is_tested_still(bridge: Bridge) -> None:
    with_memory_pbx(bridge)
    with_handler(bridge)
    create(bridge)
    run_all(bridge)
    upsert(bridge, enabled=False)

    assert transact(bridge.engine, lambda tx: server_store.take_test(tx, seconds=60)) is not None


def test_two_writes_under_one_key_at_once_are_one(mariadb_engine: Engine, settings: Settings) -> None:
    """R-56: the second finds the first."""
    bridge = Bridge(settings=settings, engine=mariadb_engine, vault=Vault(bytes(32)))
    asked = asking("server.upsert", key="console:server:0001", params={"server_id": 1})
    together = threading.Barrier(4)

    def save(_: int) -> dict[str, Any]:
        together.wait()
        changed = {"name": "pbx1", "driver": "memory"}
        return servers.upsert(bridge, asked, server_id=1, changed=changed, config=None, secrets=None)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(save, range(4)))

    assert sum("_meta" not in each for each in answers) == 1
    assert {each["name"] for each in answers} == {"pbx1"}
