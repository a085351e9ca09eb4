"""Whom the bridge serves, where it runs, and when it does nothing (F-5, R-41, restore mode)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from bridge import services
from bridge.announcer import Announcer
from bridge.app import Bridge
from bridge.database import connect, transact
from bridge.demo.whmcs import tables
from bridge.errors import Conflict, NotPrepared, NotReached, Unavailable
from bridge.life import installation
from bridge.life.installation import differing, fingerprint_of, identity_of
from bridge.life.machine import Machine, here
from bridge.rpc.dispatch import Dispatcher
from bridge.rpc.method import Caller
from bridge.rpc.methods import all_methods
from bridge.rpc.wording import Wording
from bridge.secret import Secret
from bridge.store import announcements, tasks
from bridge.tables import notices
from bridge.whmcs.records import Installation
from tests.factories import asking, database_now, run_all
from tests.shop import Shop, a_shop
from tests.whmcs.standin import client_of, rows_of

HOME = Machine("a" * 32, "boot-1", "pbx-home")
COPY = Machine("b" * 32, "boot-9", "pbx-copy")


@pytest.fixture
def shop(bridge: Bridge, tmp_path: Path) -> Iterator[Shop]:
    engine: Engine = connect(Secret(f"sqlite:///{tmp_path}/whmcs.db"))
    yield a_shop(bridge, engine)
    engine.dispose()


def move_whmcs(shop: Shop, **changed: str) -> None:
    """What a staging copy or a restored backup looks like from here."""
    with shop.whmcs.engine.begin() as tx:
        for setting, value in changed.items():
            if setting == "installation_id":
                tx.execute(tables.addon_modules.update().values(value=value))
            else:
                rows = tables.configuration
                tx.execute(rows.update().where(rows.c.setting == setting).values(value=value))


def open_tasks(bridge: Bridge) -> list[str]:
    return [each.title for each in transact(bridge.engine, tasks.listed)]


def told(bridge: Bridge) -> list[str]:
    with bridge.engine.connect() as tx:
        return list(tx.execute(select(notices.c.title)).scalars())


# --- which WHMCS -----------------------------------------------------------------------------------------------------


def an_identity(**changed: str | None) -> dict[str, str | None]:
    return {"system_url": "https://whmcs.example", "installation_id": "inst-1", "host": "db1/whmcs", **changed}


@pytest.mark.parametrize(
    ("seen", "differs"),
    [
        (an_identity(), ()),
        (an_identity(system_url="https://staging.example"), ("system_url",)),
        (an_identity(installation_id="inst-2"), ("installation_id",)),
        (an_identity(host="db2/whmcs"), ("host",)),
        (an_identity(installation_id=None), ()),
        (an_identity(system_url="https://x.example", host="db9/x"), ("system_url", "host")),
    ],
)
def test_f5_what_makes_another_whmcs(seen: dict[str, str | None], differs: tuple[str, ...]) -> None:
    assert differing(an_identity(), seen) == differs


def test_an_address_that_is_only_written_otherwise_is_the_same() -> None:
    one = identity_of(Installation("https://WHMCS.example/", "8.13", "inst", "db"))
    two = identity_of(Installation("HTTPS://whmcs.example", "9.0", "inst", "db"))

    assert one == two
    assert fingerprint_of(one) == fingerprint_of(two)


def test_f5_the_first_sight_pins_and_an_upgrade_of_whmcs_changes_nothing(shop: Shop) -> None:
    assert installation.look(shop.bridge).differs == ()
    move_whmcs(shop, Version="9.0.1-release.1")

    assert installation.look(shop.bridge).differs == ()
    assert open_tasks(shop.bridge) == []


def test_f5_another_whmcs_is_refused_and_a_person_is_asked_once(shop: Shop) -> None:
    installation.assert_ours(shop.bridge)
    move_whmcs(shop, SystemURL="https://staging.example/")

    for _ in range(3):
        assert installation.look(shop.bridge).differs == ("system_url",)
    with pytest.raises(NotPrepared, match="another address"):
        installation.assert_ours(shop.bridge)

    assert open_tasks(shop.bridge) == ["Another WHMCS answers"]
    assert len(told(shop.bridge)) == 1


def test_f5_the_addon_may_be_activated_after_the_first_sight(shop: Shop) -> None:
    with shop.whmcs.engine.begin() as tx:
        tx.execute(tables.addon_modules.delete())
    installation.look(shop.bridge)
    with shop.whmcs.engine.begin() as tx:
        tables.add(tx, tables.addon_modules, module="voipbridge", setting="installation_id", value="inst-new")

    learned = installation.look(shop.bridge)
    move_whmcs(shop, installation_id="inst-other")

    assert learned.differs == ()
    assert installation.look(shop.bridge).differs == ("installation_id",)


def test_f5_when_the_old_one_answers_again_the_bridge_goes_on_by_itself(shop: Shop) -> None:
    installation.look(shop.bridge)
    move_whmcs(shop, SystemURL="https://staging.example/")
    installation.look(shop.bridge)
    move_whmcs(shop, SystemURL="https://whmcs.example/")

    assert installation.look(shop.bridge).why_not is None
    installation.assert_ours(shop.bridge)
    assert open_tasks(shop.bridge) == []


def test_f5_a_person_confirms_exactly_what_was_seen(shop: Shop) -> None:
    installation.look(shop.bridge)
    move_whmcs(shop, SystemURL="https://new.example/")
    fingerprint = installation.look(shop.bridge).fingerprint

    with pytest.raises(Conflict):
        installation.confirm_whmcs(shop.bridge, asking(), fingerprint="0" * 16, person="Ann", reason="")
    installation.confirm_whmcs(shop.bridge, asking(), fingerprint=fingerprint, person="Ann", reason="we moved")

    installation.assert_ours(shop.bridge)
    assert installation.shown(shop.bridge)["whmcs"]["served"]["system_url"] == "https://new.example"
    assert open_tasks(shop.bridge) == []


def test_a_whmcs_that_cannot_be_read_is_not_another_one(shop: Shop) -> None:
    installation.look(shop.bridge)
    with shop.whmcs.engine.begin() as tx:
        tables.configuration.drop(tx)

    with pytest.raises((NotReached, NotPrepared)):
        installation.look(shop.bridge)
    assert installation.shown(shop.bridge)["whmcs"]["answers"] is None


def test_a_dry_look_writes_nothing(shop: Shop) -> None:
    assert installation.look(shop.bridge, dry_run=True).differs == ()
    assert installation.shown(shop.bridge)["whmcs"]["served"] is None


def test_f5_no_word_to_another_whmcs(shop: Shop) -> None:
    """What is due stays due, and is told when the right one answers."""
    bridge = replace(shop.bridge, whmcs=client_of(shop.whmcs))
    installation.look(bridge)
    service_id = shop.sell()
    services.suspend(bridge, asking("service.suspend"), service_id, "overdue")
    run_all(bridge)
    move_whmcs(shop, installation_id="a-copy")
    installation.look(bridge)
    announcer = Announcer(bridge, "test")

    assert announcer.run_once() == 0
    assert rows_of(shop.whmcs, tables.hosting, id=service_id)[0]["domainstatus"] == "Active"
    assert transact(bridge.engine, lambda tx: announcements.pending_of(tx, [service_id])) == {service_id}

    move_whmcs(shop, installation_id="inst-7f3c9a1e")
    installation.look(bridge)
    announcer.run_once()

    assert rows_of(shop.whmcs, tables.hosting, id=service_id)[0]["domainstatus"] == "Suspended"


# --- which machine, and restore mode ---------------------------------------------------------------------------------


def test_r41_the_first_machine_is_taken_in_and_a_copy_does_nothing_before_a_person_confirms(shop: Shop) -> None:
    home, copy = replace(shop.bridge, machine=HOME), replace(shop.bridge, machine=COPY)
    shop.offer()
    assert installation.may_work(home) is None
    services.create(home, asking(), **A_WISH)

    why_not = installation.may_work(copy)
    assert why_not is not None
    assert "pbx-home" in why_not
    assert run_all(copy) == 0
    assert open_tasks(copy) == ["A copy of the bridge started on pbx-copy"]

    installation.confirm_machine(
        copy, asking(), fingerprint=COPY.machine_id[:16], person="Ann", reason="moved", beside=False
    )
    assert installation.may_work(copy) is None
    assert installation.may_work(home) is not None
    assert run_all(copy) == 1


A_WISH: dict[str, Any] = {
    "service_id": 1,
    "client_id": 1,
    "product_id": 1,
    "server_id": None,
    "domain": "acme.example",
    "username": "acme",
    "password": None,
    "options": {},
    "custom_fields": {},
}


def test_r41_a_second_machine_may_stand_beside_the_first(bridge: Bridge) -> None:
    home, copy = replace(bridge, machine=HOME), replace(bridge, machine=COPY)
    installation.may_work(home)
    installation.confirm_machine(
        copy, asking(), fingerprint=COPY.machine_id[:16], person="Ann", reason="a second worker", beside=True
    )

    assert installation.may_work(home) is None
    assert installation.may_work(copy) is None


def test_r41_only_the_machine_that_answers_is_confirmed(bridge: Bridge) -> None:
    with pytest.raises(Conflict):
        installation.confirm_machine(
            replace(bridge, machine=HOME),
            asking(),
            fingerprint=COPY.machine_id[:16],
            person="Ann",
            reason="",
            beside=False,
        )


def test_a_machine_is_told_by_its_id_and_without_one_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "id").write_text("0123456789abcdef\n")
    (tmp_path / "boot").write_text("b-1\n")

    one = here(tmp_path / "id", tmp_path / "boot", lambda: "one")
    same = here(tmp_path / "id", tmp_path / "none", lambda: "renamed")
    bare = here(tmp_path / "none", tmp_path / "boot", lambda: "one")

    assert one.machine_id == same.machine_id
    assert one.machine_id != bare.machine_id
    assert (one.boot_id, same.boot_id) == ("b-1", "")
    assert "0123456789abcdef" not in one.machine_id


def test_in_restore_mode_nothing_is_claimed_until_a_person_says_that_it_is_over(shop: Shop) -> None:
    services.create(shop.bridge, asking(), **A_WISH)
    installation.enter_restore(shop.bridge, actor="ann", reason="the disk died")

    assert run_all(shop.bridge) == 0
    with pytest.raises(Unavailable) as refused:
        installation.assert_may_work(shop.bridge)
    assert refused.value.kind == "read_only"

    installation.leave_restore(shop.bridge, asking(), person="Ann", reason="looked at the dry run")
    assert run_all(shop.bridge) == 1
    with pytest.raises(Conflict):
        installation.leave_restore(shop.bridge, asking(), person="Ann", reason="")


def test_in_restore_mode_writes_by_rpc_are_read_only_but_for_the_confirmation(bridge: Bridge) -> None:
    """-32002 of the error table; reading and dry runs go on, for that is how a person finds out."""
    installation.enter_restore(bridge, actor="ann", reason="the disk died")
    ask = a_door(bridge)

    assert ask("service.suspend", service_id=1)["error"]["code"] == -32002
    assert ask("sweep.policies")["error"]["code"] == -32002
    assert ask("installation.get")["result"]["restore"]["by"] == "ann"
    assert ask("sweep.run", dry_run=True)["result"]["dry_run"] is True
    assert ask("finding.list")["result"]["findings"] == []
    assert ask("installation.confirm", what="restored", name="Ann")["result"]["confirmed"] == "restored"
    assert ask("sweep.policies")["result"]["policies"]["server_changed"] == "task"


def a_door(bridge: Bridge) -> Callable[..., Any]:
    dispatcher = Dispatcher(bridge, all_methods(), Wording(clock=lambda: database_now(bridge), random=os.urandom))

    def ask(method: str, **params: object) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        return json.loads(dispatcher.answer(Caller("test"), body).body)

    return ask
