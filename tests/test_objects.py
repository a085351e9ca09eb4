"""F-15: staff work on what is in a tenant by editing what is wanted of it; on both databases, with a PBX in memory."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import Connection, Engine, text

from bridge import objects, services, tasks
from bridge.app import Bridge
from bridge.asking import Asking
from bridge.database import now, transact
from bridge.drift import sweep
from bridge.errors import BridgeError, Conflict, NotFound, NotPrepared, Refused
from bridge.objects import Where
from bridge.pbx.driver import Extension, Gateway, Number, Route, Tenant
from bridge.pbx.memory import MemoryPbx
from bridge.rpc.dispatch import wrong_fields
from bridge.rpc.method import Caller
from bridge.rpc.methods import all_methods
from bridge.secret import Secret
from bridge.store import mirror, operations, servers
from bridge.store import tasks as task_store
from bridge.worker import Worker
from tests.canary import CANARY
from tests.factories import a_server, asking, run_all, with_handler, with_memory_pbx, with_package

HERE = Where(service_id=42)


def create(bridge: Bridge, service_id: int = 42, **changed: Any) -> None:
    wished: dict[str, Any] = {
        "service_id": service_id,
        "client_id": 7,
        "product_id": 12,
        "server_id": None,
        "domain": "acme.example",
        "username": "",
        "password": None,
        "options": {},
        "custom_fields": {},
    }
    services.create(bridge, asking(), **(wished | changed))
    run_all(bridge)


@pytest.fixture
def pbx(bridge: Bridge) -> MemoryPbx:
    """A PBX with the tenant acme.example on it: service 42 of client 7, extensions 100 and 101."""
    pbx = with_memory_pbx(bridge)
    with_handler(bridge)
    create(bridge)
    return pbx


def save(bridge: Bridge, kind: Any, key: str, /, where: Where = HERE, **given: Any) -> dict[str, Any]:
    return objects.save(bridge, asking(f"{kind.__name__.lower()}.save"), kind, where, key, given)


def tenant(pbx: MemoryPbx, domain: str = "acme.example") -> Tenant:
    found = pbx.by_hand.see(domain)
    assert found is not None
    return found


def extension(pbx: MemoryPbx, number: str, domain: str = "acme.example") -> Extension | None:
    return next((each for each in tenant(pbx, domain).extensions if each.number == number), None)


def rows(bridge: Bridge, kind: Any, where: Where = HERE) -> dict[str, dict[str, Any]]:
    found = objects.listed(bridge, kind, where)
    column = mirror.SHELVES[kind].column
    return {each[column]: each for each in found[mirror.SHELVES[kind].member]}


# --- save ------------------------------------------------------------------------------------------------------------


def test_a_saved_extension_is_on_the_pbx_after_the_worker(bridge: Bridge, pbx: MemoryPbx) -> None:
    answer = save(bridge, Extension, "205", name="Reception", voicemail=True)
    assert extension(pbx, "205") is None
    run_all(bridge)

    made = extension(pbx, "205")
    assert made is not None
    assert (made.name, made.voicemail, made.enabled) == ("Reception", True, True)
    assert answer["state"] == "accepted"
    assert answer["object"] == "extension 205"


def test_members_that_are_not_given_stay_as_they_are(bridge: Bridge, pbx: MemoryPbx) -> None:
    save(bridge, Extension, "205", name="Reception", caller_id="18095551234")
    answer = save(bridge, Extension, "205", name="Front desk")
    run_all(bridge)

    made = extension(pbx, "205")
    assert made is not None
    assert (made.name, made.caller_id) == ("Front desk", "18095551234")
    assert answer["changes"] == [{"what": "name", "from": "Reception", "to": "Front desk"}]


def test_one_of_each_kind_reaches_the_pbx(bridge: Bridge, pbx: MemoryPbx) -> None:
    save(bridge, Gateway, "carrier", host="sip.carrier.example", username="acme", password=Secret(CANARY))
    save(bridge, Route, "out", pattern=r"^\d{10}$", gateway="carrier", order=10)
    save(bridge, Number, "18095551234", target="100")
    run_all(bridge)

    there = tenant(pbx)
    assert [(each.name, each.host, each.password) for each in there.gateways] == [
        ("carrier", "sip.carrier.example", Secret(CANARY))
    ]
    assert [(each.name, each.pattern, each.gateway, each.order) for each in there.routes] == [
        ("out", r"^\d{10}$", "carrier", 10)
    ]
    assert [(each.e164, each.target) for each in there.numbers] == [("18095551234", "100")]


def test_a_password_is_made_up_for_a_new_extension_and_told_once(bridge: Bridge, pbx: MemoryPbx) -> None:
    asked = asking("extension.save")
    first = objects.save(bridge, asked, Extension, HERE, "205", {"name": "Reception"})
    run_all(bridge)
    repeated = objects.save(bridge, asked, Extension, HERE, "205", {"name": "Reception"})

    made = extension(pbx, "205")
    assert made is not None
    assert made.password == Secret(first["password"])
    assert repeated["_meta"] == {"replayed": True}
    assert "password" not in repeated


def test_a_password_that_is_given_is_set_and_not_told(bridge: Bridge, pbx: MemoryPbx) -> None:
    new = save(bridge, Extension, "205", password=Secret(CANARY))
    changed = save(bridge, Extension, "100", password=Secret(CANARY))
    run_all(bridge)

    assert [extension(pbx, number).password for number in ("205", "100")] == [Secret(CANARY)] * 2  # type: ignore[union-attr]  # both are there
    assert "password" not in new
    assert "password" not in changed
    assert changed["changes"] == [{"what": "password"}]


def test_no_password_is_kept_where_it_can_be_read(bridge: Bridge, pbx: MemoryPbx) -> None:
    """T-20, T-21: not in the operation, not in the record of the key, not in the audit, not in the mirror."""
    told = save(bridge, Extension, "205")["password"]
    run_all(bridge)

    with bridge.engine.connect() as tx:
        kept = [
            str(tuple(row))
            for name in ("operations", "requests", "audit", "extensions", "domains", "services")
            for row in tx.execute(text(f"SELECT * FROM mod_ictvoipbilling_{name}"))
        ]
    assert kept
    assert not any(told in row for row in kept)


def test_saving_what_is_wanted_already_makes_no_work(bridge: Bridge, pbx: MemoryPbx) -> None:
    """R-21: the operation that brought it about answers."""
    first = save(bridge, Extension, "205", name="Reception")
    run_all(bridge)
    again = save(bridge, Extension, "205", name="Reception")

    assert again["operation_id"] == first["operation_id"]
    assert again["state"] == "succeeded"
    assert again["changes"] == []
    assert run_all(bridge) == 0


def test_saving_again_what_a_person_had_cancelled_is_a_new_operation(bridge: Bridge, pbx: MemoryPbx) -> None:
    pbx.trouble.outage = True
    first = save(bridge, Extension, "205", name="Reception")
    cancel(bridge, first["operation_id"])
    pbx.trouble.clear()
    again = save(bridge, Extension, "205", name="Reception")
    run_all(bridge)

    assert again["operation_id"] != first["operation_id"]
    assert extension(pbx, "205") is not None


def cancel(bridge: Bridge, operation_id: int) -> None:
    tasks.cancel(bridge, asking("operation.cancel"), operation_id, "not now")


# --- remove, assign --------------------------------------------------------------------------------------------------


def test_a_removed_extension_leaves_the_pbx_and_then_the_list(bridge: Bridge, pbx: MemoryPbx) -> None:
    objects.remove(bridge, asking("extension.remove"), Extension, HERE, "101")
    leaving = rows(bridge, Extension)["101"]["state"]
    run_all(bridge)

    assert leaving == "leaving"
    assert extension(pbx, "101") is None
    assert "101" not in rows(bridge, Extension)


class Between(MemoryPbx):
    """Something happens right after the first `put`, while its worker has yet to record it."""

    def __init__(self, pbx: MemoryPbx, act: Callable[[], object]) -> None:
        super().__init__()
        self._pbx = pbx
        self._acts = [act]

    def find(self, domain: str) -> Tenant | None:
        return self._pbx.find(domain)

    def put(self, tenant: Tenant, *, adopt: bool = False) -> None:
        self._pbx.put(tenant, adopt=adopt)
        while self._acts:
            self._acts.pop()()


def test_what_is_saved_again_while_it_is_taken_away_is_there_in_the_end(bridge: Bridge, pbx: MemoryPbx) -> None:
    """The attempt that removes it was prepared before the wish that brings it back."""
    objects.remove(bridge, asking("extension.remove"), Extension, HERE, "101")
    between = Between(pbx, lambda: save(bridge, Extension, "101", name="Back"))
    bridge.drivers.use(a_server(), {}, between)
    Worker(bridge, "worker-1").run_once()
    removed = extension(pbx, "101")
    run_all(bridge)

    assert removed is None
    back = extension(pbx, "101")
    assert back is not None
    assert back.name == "Back"
    assert rows(bridge, Extension)["101"]["state"] == "there"


def test_a_gateway_that_a_route_uses_is_not_removed(bridge: Bridge, pbx: MemoryPbx) -> None:
    save(bridge, Gateway, "carrier", host="sip.carrier.example")
    save(bridge, Route, "out", pattern="^1", gateway="carrier")

    with pytest.raises(Conflict, match="used by route out;"):
        objects.remove(bridge, asking("gateway.remove"), Gateway, HERE, "carrier")


def test_a_route_names_a_gateway_that_is_there(bridge: Bridge, pbx: MemoryPbx) -> None:
    with pytest.raises(NotFound, match="no gateway carrier"):
        save(bridge, Route, "out", pattern="^1", gateway="carrier")


@pytest.mark.parametrize("target", ["999", "carrier", "*99100"])
def test_a_number_leads_to_what_its_tenant_has(bridge: Bridge, pbx: MemoryPbx, target: str) -> None:
    with pytest.raises(NotFound, match=re.escape(f"no extension or gateway {target}, so number 442079460000")):
        save(bridge, Number, "442079460000", target=target)
    save(bridge, Number, "442079460000", target="100")

    with pytest.raises(NotFound, match="no extension or gateway"):
        save(bridge, Number, "442079460000", target=target)
    assert rows(bridge, Number)["442079460000"]["wanted"]["target"] == "100"


def test_a_number_may_lead_to_what_is_wanted_and_not_made_yet(bridge: Bridge, pbx: MemoryPbx) -> None:
    save(bridge, Extension, "205")
    save(bridge, Gateway, "carrier", host="sip.carrier.example")
    save(bridge, Number, "442079460000", target="205")
    save(bridge, Number, "442079460001", target="carrier")
    save(bridge, Number, "442079460002")
    run_all(bridge)

    assert [each.target for each in tenant(pbx).numbers] == ["205", "carrier", ""]


def test_a_number_does_not_lead_to_what_is_leaving(bridge: Bridge, pbx: MemoryPbx) -> None:
    objects.remove(bridge, asking("extension.remove"), Extension, HERE, "101")

    with pytest.raises(NotFound, match="no extension or gateway 101"):
        save(bridge, Number, "442079460000", target="101")


def test_what_a_number_leads_to_is_not_removed(bridge: Bridge, pbx: MemoryPbx) -> None:
    save(bridge, Gateway, "carrier", host="sip.carrier.example")
    save(bridge, Number, "442079460000", target="101")
    save(bridge, Number, "442079460001", target="carrier")

    with pytest.raises(Conflict, match="extension 101 is used by number 442079460000;"):
        objects.remove(bridge, asking("extension.remove"), Extension, HERE, "101")
    with pytest.raises(Conflict, match="gateway carrier is used by number 442079460001;"):
        objects.remove(bridge, asking("gateway.remove"), Gateway, HERE, "carrier")
    save(bridge, Number, "442079460000", target="100")
    objects.remove(bridge, asking("extension.remove"), Extension, HERE, "101")
    assert rows(bridge, Extension)["101"]["state"] == "leaving"


def test_a_number_made_by_hand_keeps_the_target_it_has_on_the_pbx(bridge: Bridge, pbx: MemoryPbx) -> None:
    """A PBX has more to lead to than the bridge keeps: ring groups, menus, voicemail."""
    made = Number("442079460000", "*99100")
    pbx.by_hand.change("acme.example", lambda there: replace(there, numbers=(*there.numbers, made)))
    save(bridge, Extension, "205")
    run_all(bridge)

    objects.assign(bridge, asking("number.assign"), Number, HERE, "442079460000", to_service_id=42)
    save(bridge, Number, "442079460000", enabled=False)
    run_all(bridge)

    assert [(each.target, each.enabled) for each in tenant(pbx).numbers] == [("*99100", False)]


def test_what_is_not_there_is_not_removed(bridge: Bridge, pbx: MemoryPbx) -> None:
    with pytest.raises(NotFound, match="no extension 999"):
        objects.remove(bridge, asking("extension.remove"), Extension, HERE, "999")


def test_an_object_is_assigned_to_another_service_of_its_tenant(bridge: Bridge, pbx: MemoryPbx) -> None:
    """F-10: suspended with its new owner, not with its old one."""
    create(bridge, 43, server_id=1)
    objects.assign(bridge, asking("extension.assign"), Extension, HERE, "101", to_service_id=43)
    services.suspend(bridge, asking("service.suspend"), 43, None)
    run_all(bridge)

    assert rows(bridge, Extension)["101"]["service_id"] == 43
    assert [each.number for each in tenant(pbx).extensions if not each.outbound] == ["101", "102", "103"]
    assert tenant(pbx).outbound


def test_what_another_service_of_the_tenant_has_is_refused_by_name(bridge: Bridge, pbx: MemoryPbx) -> None:
    create(bridge, 43, server_id=1)

    with pytest.raises(Conflict, match="belongs to service 43"):
        save(bridge, Extension, "102", name="Mine")
    with pytest.raises(Conflict, match="belongs to service 43"):
        objects.remove(bridge, asking("extension.remove"), Extension, HERE, "102")
    with pytest.raises(Conflict, match="belongs to service 43"):
        objects.assign(bridge, asking("extension.assign"), Extension, HERE, "102", to_service_id=42)


# --- T-18: one tenant reaching another -------------------------------------------------------------------------------


@pytest.fixture
def neighbour(bridge: Bridge, pbx: MemoryPbx) -> Where:
    """Another client's tenant on the same PBX, with an extension 300, a gateway, a number and a route."""
    create(bridge, 77, client_id=8, domain="other.example")
    there = Where(service_id=77)
    save(bridge, Extension, "300", there)
    save(bridge, Gateway, "theirs", there, host="sip.carrier.example")
    save(bridge, Number, "442079460000", there)
    save(bridge, Route, "theirs", there, pattern="^1", gateway="theirs")
    run_all(bridge)
    return there


@pytest.mark.parametrize(
    ("kind", "key"),
    [(Extension, "300"), (Gateway, "theirs"), (Number, "442079460000"), (Route, "theirs")],
    ids=["extension", "gateway", "number", "route"],
)
def test_t_18_an_object_of_another_tenant_is_not_found(
    bridge: Bridge, pbx: MemoryPbx, neighbour: Where, kind: Any, key: str
) -> None:
    before = tenant(pbx, "other.example")

    with pytest.raises(NotFound):
        objects.remove(bridge, asking("x.remove"), kind, HERE, key)
    with pytest.raises(NotFound):
        objects.assign(bridge, asking("x.assign"), kind, HERE, key, to_service_id=42)
    with pytest.raises(NotFound):
        objects.assign(bridge, asking("x.assign"), kind, neighbour, key, to_service_id=42)
    assert key not in rows(bridge, kind)
    assert run_all(bridge) == 0
    assert tenant(pbx, "other.example") == before


def test_t_18_a_route_cannot_use_another_tenants_gateway(bridge: Bridge, pbx: MemoryPbx, neighbour: Where) -> None:
    with pytest.raises(NotFound, match="no gateway theirs"):
        save(bridge, Route, "out", pattern="^1", gateway="theirs")


def test_t_18_a_tenant_is_found_on_its_own_server_only(bridge: Bridge, pbx: MemoryPbx) -> None:
    with_memory_pbx(bridge, a_server(2))

    with pytest.raises(NotFound):
        save(bridge, Extension, "205", Where(server_id=2, domain="acme.example"))
    with pytest.raises(NotFound):
        objects.listed(bridge, Extension, Where(server_id=2, domain="acme.example"))


def test_f_14_a_number_is_wanted_in_one_tenant_over_all_servers(bridge: Bridge, pbx: MemoryPbx) -> None:
    with_memory_pbx(bridge, a_server(2))
    create(bridge, 77, client_id=8, domain="other.example", server_id=2)
    save(bridge, Number, "442079460000")
    run_all(bridge)

    with pytest.raises(Conflict, match="in use elsewhere"):
        save(bridge, Number, "442079460000", Where(service_id=77))


def test_f_14_a_number_is_free_again_only_when_its_old_pbx_has_let_it_go(bridge: Bridge, pbx: MemoryPbx) -> None:
    with_memory_pbx(bridge, a_server(2))
    create(bridge, 77, client_id=8, domain="other.example", server_id=2)
    save(bridge, Number, "442079460000")
    run_all(bridge)
    objects.remove(bridge, asking("number.remove"), Number, HERE, "442079460000")

    with pytest.raises(Conflict, match="not let go there yet"):
        save(bridge, Number, "442079460000", Where(service_id=77))
    run_all(bridge)
    assert save(bridge, Number, "442079460000", Where(service_id=77))["state"] == "accepted"


def test_f_14_of_two_tenants_that_save_a_number_at_once_one_has_it(mariadb_engine: Engine, bridge: Bridge) -> None:
    if bridge.engine.dialect.name != "sqlite":  # once is enough: the race is on MariaDB
        bridge = replace(bridge, engine=mariadb_engine)
    with_memory_pbx(bridge)
    with_handler(bridge)
    for service_id in range(50, 56):
        create(bridge, service_id, client_id=service_id, domain=f"t{service_id}.example")
    start = threading.Barrier(6)
    said: list[str] = []

    def take(service_id: int) -> None:
        start.wait()
        try:
            save(bridge, Number, "442079460000", Where(service_id=service_id))
            said.append("accepted")
        except BridgeError as trouble:
            said.append(trouble.kind)

    together([partial(take, service_id) for service_id in range(50, 56)])

    assert sorted(said) == ["accepted", *["conflict"] * 5]


def together(acts: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


# --- limits ----------------------------------------------------------------------------------------------------------


def test_a_new_object_beyond_the_packages_limit_is_refused(bridge: Bridge) -> None:
    with_memory_pbx(bridge)
    with_handler(bridge)
    with_package(bridge, limits={"extensions": 3, "gateways": 0, "dids": 1})
    create(bridge)
    save(bridge, Extension, "205")

    with pytest.raises(Conflict, match="3 extensions and its package allows 3"):
        save(bridge, Extension, "206")
    with pytest.raises(Conflict, match="0 gateways"):
        save(bridge, Gateway, "carrier", host="sip.carrier.example")
    save(bridge, Number, "442079460000")
    with pytest.raises(Conflict, match="1 dids"):
        save(bridge, Number, "442079460001")
    assert save(bridge, Extension, "205", name="Changed")["changes"], "what is there may be changed"


def test_nothing_is_taken_away_when_a_limit_shrinks_and_the_task_ends_when_it_fits_again(bridge: Bridge) -> None:
    """Products 12: new objects are refused, a person sees what could go, nothing is deleted."""
    pbx = with_memory_pbx(bridge)
    with_handler(bridge, extensions=3)
    with_handler(bridge, 13)
    with_package(bridge, 13, limits={"extensions": 2})
    create(bridge)
    services.change_package(bridge, asking("service.change_package"), 42, 13, None)
    run_all(bridge)
    assert [each.number for each in tenant(pbx).extensions] == ["100", "101", "102"]
    assert transact(bridge.engine, lambda tx: task_store.open_of(tx, "over_limit:42")) is not None

    with pytest.raises(Conflict):
        save(bridge, Extension, "205")
    objects.remove(bridge, asking("extension.remove"), Extension, HERE, "102")

    assert transact(bridge.engine, lambda tx: task_store.open_of(tx, "over_limit:42")) is None
    assert services.get(bridge, 42)["wanted"]["over_limit"] == []


def test_an_object_is_not_assigned_to_a_service_that_is_at_its_limit(bridge: Bridge, pbx: MemoryPbx) -> None:
    with_handler(bridge, 13, extensions=1)
    with_package(bridge, 13, limits={"extensions": 1})
    create(bridge, 43, product_id=13, server_id=1)

    with pytest.raises(Conflict, match="service 43 has 1 extensions"):
        objects.assign(bridge, asking("extension.assign"), Extension, HERE, "101", to_service_id=43)


def test_what_belongs_to_the_tenant_as_a_whole_counts_against_all_of_its_limits(bridge: Bridge) -> None:
    with_memory_pbx(bridge)
    with_handler(bridge)
    with_package(bridge, limits={"extensions": 3})
    create(bridge)
    whole = Where(server_id=1, domain="acme.example")
    save(bridge, Extension, "205", whole)

    with pytest.raises(Conflict, match=r"acme\.example has 3 extensions"):
        save(bridge, Extension, "206", whole)
    assert rows(bridge, Extension, whole)["205"]["service_id"] is None


# --- what a hand did -------------------------------------------------------------------------------------------------


def by_hand(pbx: MemoryPbx, number: str, **members: Any) -> None:
    one = Extension(number, **members)
    pbx.by_hand.change("acme.example", lambda there: replace(there, extensions=(*there.extensions, one)))


def test_an_extension_made_by_hand_is_listed_and_not_removed_from_here(bridge: Bridge, pbx: MemoryPbx) -> None:
    by_hand(pbx, "500", name="By hand")
    save(bridge, Extension, "205")
    run_all(bridge)

    listed = rows(bridge, Extension)["500"]
    assert (listed["state"], listed["origin"], listed["wanted"]) == ("by_hand", "pbx", None)
    assert listed["actual"]["name"] == "By hand"
    with pytest.raises(Conflict, match="made by hand"):
        objects.remove(bridge, asking("extension.remove"), Extension, HERE, "500")


def test_an_extension_made_by_hand_is_taken_over_as_it_is(bridge: Bridge, pbx: MemoryPbx) -> None:
    by_hand(pbx, "500", name="By hand", password=Secret(CANARY))
    save(bridge, Extension, "205")
    run_all(bridge)

    answer = objects.assign(bridge, asking("extension.assign"), Extension, HERE, "500", to_service_id=42)
    run_all(bridge)

    kept = extension(pbx, "500")
    assert kept is not None
    assert (kept.name, kept.password) == ("By hand", Secret(CANARY))
    assert "password" not in answer
    assert rows(bridge, Extension)["500"]["state"] == "there"
    objects.remove(bridge, asking("extension.remove"), Extension, HERE, "500")
    run_all(bridge)
    assert extension(pbx, "500") is None, "it is ours now, so it goes when it is wanted no more"


def test_what_a_hand_switched_off_is_on_again_when_staff_say_so(bridge: Bridge, pbx: MemoryPbx) -> None:
    pbx.by_hand.enable("acme.example", "101", enabled=False)
    save(bridge, Extension, "205")
    run_all(bridge)
    held = rows(bridge, Extension)["101"]["held_by_hand"]
    save(bridge, Extension, "101", name="Renamed")
    run_all(bridge)
    still_off = extension(pbx, "101")
    answer = save(bridge, Extension, "101", enabled=True)
    run_all(bridge)
    on = extension(pbx, "101")

    assert held is True
    assert still_off is not None
    assert (still_off.name, still_off.enabled) == ("Renamed", False)
    assert answer["changes"] == [{"what": "held_by_hand", "from": True, "to": False}]
    assert on is not None
    assert on.enabled
    assert rows(bridge, Extension)["101"]["held_by_hand"] is False


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("character", ["\n", "\x00", "\x7f", "$", "{", "}", "`", ";", "\u2028"])
def test_t_10_and_t_11_what_a_switch_would_act_on_is_refused_in_every_value(
    bridge: Bridge, pbx: MemoryPbx, character: str
) -> None:
    bad = f"a{character}b"
    save(bridge, Gateway, "carrier", host="sip.carrier.example")
    values: list[tuple[Any, str, dict[str, Any]]] = [
        (Extension, "205", {"name": bad}),
        (Extension, "205", {"caller_id": bad}),
        (Extension, "205", {"password": Secret(bad)}),
        (Gateway, "other", {"host": bad}),
        (Gateway, "carrier", {"username": bad}),
        (Gateway, "carrier", {"password": Secret(bad)}),
        (Gateway, bad, {"host": "sip.carrier.example"}),
        (Number, "442079460000", {"target": bad}),
        (Route, bad, {"pattern": "^1", "gateway": "carrier"}),
    ]
    for kind, key, given in values:
        with pytest.raises(Refused) as refusal:
            save(bridge, kind, key, **given)
        assert refusal.value.kind == "invalid_params"
        assert bad not in str(refusal.value)


@pytest.mark.parametrize("pattern", ["^${system rm}$", "$${domain}", "^1`id`", "^1;2", "^1\n"])
def test_t_11_a_pattern_names_no_switch_variable(bridge: Bridge, pbx: MemoryPbx, pattern: str) -> None:
    save(bridge, Gateway, "carrier", host="sip.carrier.example")

    with pytest.raises(Refused):
        save(bridge, Route, "out", pattern=pattern, gateway="carrier")


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        *((Extension, key) for key in ("10a", "", "1" * 16)),
        *((Number, key) for key in ("0123456789", "123456", "1" * 16, "+442079460000")),
        *((kind, key) for kind in (Gateway, Route) for key in ("", "../x", "x" * 101)),
    ],
)
def test_a_name_that_is_none_is_refused(bridge: Bridge, kind: Any, key: str) -> None:
    with pytest.raises(Refused) as refusal:
        save(bridge, kind, key, host="h", pattern="^1", gateway="g", target="t")
    assert refusal.value.kind == "invalid_params"


def test_what_a_new_object_needs_is_named(bridge: Bridge, pbx: MemoryPbx) -> None:
    with pytest.raises(Refused) as refusal:
        save(bridge, Route, "out")
    assert refusal.value.facts["fields"] == [("pattern", "missing"), ("gateway", "missing")]


def test_nothing_is_changed_for_a_service_that_has_ended(bridge: Bridge, pbx: MemoryPbx) -> None:
    services.terminate(bridge, asking("service.terminate"), 42, None)
    run_all(bridge)

    with pytest.raises(Conflict, match="terminated"):
        save(bridge, Extension, "205")


def test_a_service_without_a_tenant_has_no_objects(bridge: Bridge) -> None:
    with_memory_pbx(bridge)
    with_handler(bridge, driver="manual")
    create(bridge)

    with pytest.raises(NotPrepared, match="no tenant"):
        save(bridge, Extension, "205")
    with pytest.raises(NotFound):
        save(bridge, Extension, "205", Where(service_id=999))


# --- once, durably, in order -----------------------------------------------------------------------------------------


def test_a_dry_run_says_the_same_and_keeps_nothing(bridge: Bridge, pbx: MemoryPbx) -> None:
    before = everything(bridge)
    answer = objects.save(bridge, asking("extension.save", dry_run=True), Extension, HERE, "205", {"name": "Reception"})

    assert answer["dry_run"] is True
    assert answer["changes"][0]["to"]["name"] == "Reception"
    assert "password" not in answer
    assert everything(bridge) == before


def everything(bridge: Bridge) -> list[tuple[Any, ...]]:
    with bridge.engine.connect() as tx:
        return [
            tuple(row)
            for name in ("operations", "requests", "audit", "extensions", "domains", "services", "lanes")
            for row in tx.execute(text(f"SELECT * FROM mod_ictvoipbilling_{name}"))
        ]


def test_the_same_key_for_something_else_is_refused(bridge: Bridge, pbx: MemoryPbx) -> None:
    asked = Asking("staff", "extension.save", key="key-0123456789abc", params={"name": "A"}, wait_ms=0)
    objects.save(bridge, asked, Extension, HERE, "205", {"name": "A"})

    with pytest.raises(Conflict) as other:
        objects.save(bridge, replace(asked, params={"name": "B"}), Extension, HERE, "205", {"name": "B"})
    with pytest.raises(Conflict) as running:
        objects.save(bridge, asked, Extension, HERE, "205", {"name": "A"})
    assert other.value.kind == "idempotency_mismatch"
    assert running.value.kind == "in_progress"


def test_r_56_a_late_repeat_does_not_undo_a_newer_edit(bridge: Bridge, pbx: MemoryPbx) -> None:
    asked = asking("extension.save")
    objects.save(bridge, asked, Extension, HERE, "100", {"name": "First"})
    run_all(bridge)
    save(bridge, Extension, "100", name="Second")
    run_all(bridge)
    repeated = objects.save(bridge, asked, Extension, HERE, "100", {"name": "First"})
    run_all(bridge)

    kept = extension(pbx, "100")
    assert kept is not None
    assert kept.name == "Second"
    assert repeated["_meta"] == {"replayed": True}


def test_edits_that_wait_become_one_and_end_no_create(bridge: Bridge) -> None:
    """A newer edit takes the place of an older one; what WHMCS asked for and has to hear of stays."""
    pbx = with_memory_pbx(bridge)
    with_handler(bridge)
    pbx.trouble.outage = True
    create(bridge)
    for number in ("205", "206", "207"):
        save(bridge, Extension, number)
    states = [(each["kind"], each["state"]) for each in services.get(bridge, 42)["operations"]]
    pbx.trouble.clear()
    transact(bridge.engine, wake)
    run_all(bridge)

    assert states == [("edit", "accepted"), ("edit", "superseded"), ("edit", "superseded"), ("create", "waiting_pbx")]
    assert [each.number for each in tenant(pbx).extensions] == ["100", "101", "205", "206", "207"]
    assert [each["state"] for each in services.get(bridge, 42)["operations"]].count("succeeded") == 2


def wake(tx: Connection) -> None:
    held = servers.get(tx, 1)
    assert held is not None
    servers.save(tx, replace(held, unreachable_since=None))
    operations.wake_server(tx, 1, now=now(tx))


def test_a_caller_who_waits_is_told_how_it_ended(bridge: Bridge, pbx: MemoryPbx) -> None:
    stop = threading.Event()

    def work() -> None:
        worker, heard = Worker(bridge, "worker-1"), bridge.bell.count
        while not stop.is_set():
            worker.run_once()
            heard = bridge.bell.wait(heard, 0.1)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        answer = objects.save(bridge, asking("extension.save", wait_ms=15000), Extension, HERE, "205", {})
    finally:
        stop.set()
        thread.join(30)

    assert answer["state"] == "succeeded"
    assert answer["password"]
    assert extension(pbx, "205") is not None


# --- the door --------------------------------------------------------------------------------------------------------

METHODS = all_methods()
STAFF = Caller("staff-console")


def call(bridge: Bridge, method: str, /, **params: Any) -> dict[str, Any]:
    return METHODS[method].run(bridge, STAFF, METHODS[method].params.model_validate(params))


@pytest.mark.parametrize(
    ("noun", "key", "given"),
    [
        ("extension", {"number": "205"}, {"name": "Reception", "caller_id": "18095551234", "outbound": False}),
        ("gateway", {"name": "backup"}, {"host": "sip2.carrier.example", "register": True, "username": "acme"}),
        ("number", {"number": "+442079460000"}, {"target": "100"}),
        ("route", {"name": "out"}, {"pattern": r"^\d{10}$", "gateway": "carrier", "order": 5}),
    ],
)
def test_each_noun_is_listed_saved_assigned_and_removed_by_its_methods(
    bridge: Bridge, pbx: MemoryPbx, noun: str, key: dict[str, Any], given: dict[str, Any]
) -> None:
    save(bridge, Gateway, "carrier", host="sip.carrier.example")
    create(bridge, 43, server_id=1)
    place = {"service_id": 42, "wait_ms": 0}
    call(bridge, f"{noun}.save", **place, **key, **given)
    run_all(bridge)
    call(bridge, f"{noun}.assign", **place, **key, to_service_id=43)
    run_all(bridge)
    name, value = next((name, value.removeprefix("+")) for name, value in key.items())
    found = [each for each in call(bridge, f"{noun}.list", service_id=42)[f"{noun}s"] if each[name] == value]
    everywhere = [each for each in call(bridge, f"{noun}.list", server_id=1)[f"{noun}s"] if each[name] == value]
    call(bridge, f"{noun}.remove", service_id=43, wait_ms=0, **key)
    run_all(bridge)

    (row,) = found
    assert row["service_id"] == 43
    assert given.items() <= row["wanted"].items()
    assert {name: row["actual"][name] for name in given} == given
    assert everywhere == found
    assert value not in {each[name] for each in call(bridge, f"{noun}.list", service_id=42)[f"{noun}s"]}


@pytest.mark.parametrize(
    ("method", "params", "path"),
    [
        ("extension.save", {"number": "205", "name": "${system id}"}, "name"),
        ("extension.save", {"number": "205", "password": "short"}, "password"),
        ("extension.save", {"number": "2 05"}, "number"),
        ("gateway.save", {"name": "carrier", "host": "a b"}, "host"),
        ("gateway.save", {"name": "a;b", "host": "sip.example"}, "name"),
        ("number.save", {"number": "02079460000"}, "number"),
        ("route.save", {"name": "out", "pattern": "^1`id`", "gateway": "carrier"}, "pattern"),
        ("route.save", {"name": "out", "order": 1000}, "order"),
        ("extension.save", {"number": "205", "state": "running"}, "state"),
        ("extension.save", {"number": "205", "service_id": 42, "server_id": 1}, "params"),
        ("extension.save", {"number": "205", "service_id": None, "server_id": 1}, "params"),
        ("extension.remove", {"number": "205", "service_id": None}, "params"),
    ],
)
def test_the_door_names_the_member_that_is_wrong_and_never_its_value(
    method: str, params: dict[str, Any], path: str
) -> None:
    """T-10, T-11, T-19."""
    with pytest.raises(ValidationError) as refusal:
        METHODS[method].params.model_validate({"service_id": 42} | params)
    assert [named for named, _ in wrong_fields(refusal.value)] == [path]


def test_a_password_is_compared_under_a_key_by_its_fingerprint_only(bridge: Bridge, pbx: MemoryPbx) -> None:
    key = "staff-key-0123456789"
    place = {"service_id": 42, "wait_ms": 0, "number": "100", "idempotency_key": key}
    call(bridge, "extension.save", **place, password=CANARY)
    run_all(bridge)

    assert call(bridge, "extension.save", **place, password=CANARY)["_meta"] == {"replayed": True}
    with pytest.raises(Conflict) as other:
        call(bridge, "extension.save", **place, password="another-password")
    assert other.value.kind == "idempotency_mismatch"


def test_a_repeat_gets_the_stored_answer_after_the_service_has_ended(bridge: Bridge, pbx: MemoryPbx) -> None:
    """The key is looked up before it is asked whether anything may be changed."""
    asked = asking("extension.save")
    first = objects.save(bridge, asked, Extension, HERE, "205", {"name": "Reception"})
    run_all(bridge)
    services.terminate(bridge, asking("service.terminate"), 42, None)
    run_all(bridge)

    repeated = objects.save(bridge, asked, Extension, HERE, "205", {"name": "Reception"})

    assert repeated["operation_id"] == first["operation_id"]
    assert repeated["_meta"] == {"replayed": True}


def test_an_edit_of_a_product_that_is_done_by_hand_is_a_task(bridge: Bridge, pbx: MemoryPbx) -> None:
    """products.md 11: the handler speaks for every kind of operation."""
    with_handler(bridge, driver="manual", department="telephony")

    answer = save(bridge, Extension, "205")

    assert (answer["state"], run_all(bridge)) == ("manual", 0)
    assert extension(pbx, "205") is None
    waiting = transact(bridge.engine, lambda tx: task_store.listed(tx))
    assert [each.operation_id for each in waiting] == [answer["operation_id"]]


class StaffSpeak:
    """A PBX, and staff who say once in the middle of an attempt that extension 100 is on again."""

    def __init__(self, bridge: Bridge, pbx: MemoryPbx, verb: str, *, then: BridgeError | None = None) -> None:
        self.said: list[dict[str, Any]] = []
        act = getattr(pbx, verb)

        def interrupted(*given: Any, **how: Any) -> Any:
            answer = act(*given, **how) if verb == "find" else None
            if not self.said:
                self.said.append(save(bridge, Extension, "100", enabled=True))
                if then is not None:
                    raise then
            return answer if verb == "find" else act(*given, **how)

        setattr(pbx, verb, interrupted)


def assert_on(bridge: Bridge, pbx: MemoryPbx, answer: dict[str, Any]) -> None:
    """Staff freed extension 100, and it is on from then on."""
    assert answer["changes"] == [{"what": "held_by_hand", "from": True, "to": False}]
    kept = extension(pbx, "100")
    assert kept is not None
    assert kept.enabled
    assert rows(bridge, Extension)["100"]["held_by_hand"] is False


def test_what_staff_switch_on_while_an_attempt_is_under_way_stays_on(bridge: Bridge, pbx: MemoryPbx) -> None:
    """What an attempt writes back takes nothing from what was said meanwhile."""
    pbx.by_hand.enable("acme.example", "100", enabled=False)
    save(bridge, Extension, "205")
    run_all(bridge)
    save(bridge, Extension, "206")
    staff = StaffSpeak(bridge, pbx, "put")
    run_all(bridge)

    assert_on(bridge, pbx, staff.said[0])


def test_what_an_attempt_found_off_is_on_when_staff_say_so_before_it_ends(bridge: Bridge, pbx: MemoryPbx) -> None:
    pbx.by_hand.enable("acme.example", "100", enabled=False)
    save(bridge, Extension, "205")
    staff = StaffSpeak(bridge, pbx, "put")
    run_all(bridge)

    assert_on(bridge, pbx, staff.said[0])


def test_what_an_attempt_found_off_is_on_when_staff_say_so_although_it_fails(bridge: Bridge, pbx: MemoryPbx) -> None:
    pbx.by_hand.enable("acme.example", "100", enabled=False)
    save(bridge, Extension, "205")
    staff = StaffSpeak(bridge, pbx, "put", then=Refused("the PBX declined"))
    run_all(bridge)

    assert_on(bridge, pbx, staff.said[0])


def test_what_staff_switch_on_is_not_found_off_again_by_an_attempt_that_looked_before(
    bridge: Bridge, pbx: MemoryPbx
) -> None:
    """Another extension was switched off meanwhile, so that the attempt has something to write down."""
    pbx.by_hand.enable("acme.example", "100", enabled=False)
    save(bridge, Extension, "205")
    run_all(bridge)
    pbx.by_hand.enable("acme.example", "101", enabled=False)
    save(bridge, Extension, "206")
    staff = StaffSpeak(bridge, pbx, "find")
    run_all(bridge)

    assert_on(bridge, pbx, staff.said[0])
    assert rows(bridge, Extension)["101"]["held_by_hand"] is True


def test_what_a_sweep_found_off_is_on_when_staff_say_so(bridge: Bridge, pbx: MemoryPbx) -> None:
    pbx.by_hand.enable("acme.example", "100", enabled=False)
    sweep.run(bridge)
    answer = save(bridge, Extension, "100", enabled=True)
    run_all(bridge)

    assert_on(bridge, pbx, answer)
