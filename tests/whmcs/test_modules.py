"""WHMCS's side of a module call: WHMCS reference 1.4 and 1.6, and the daily cron."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bridge.demo.whmcs import cron, modules, seed, tables
from bridge.demo.whmcs.asked import Declined
from bridge.demo.whmcs.standin import StandIn
from tests.whmcs.standin import Recorder, rows_of


@pytest.fixture
def shop(whmcs: StandIn) -> StandIn:
    """Service 1 of client 1, pending, with the welcome mail of its product."""
    with whmcs.engine.begin() as tx:
        seed.service(tx, seed.client(tx), seed.product(tx), server_id=seed.server(tx))
    return replace(whmcs, module=Recorder())


def failing(whmcs: StandIn, why: str = "VoIP bridge: operation 17 waits for the PBX") -> StandIn:
    return replace(whmcs, module=Recorder(why))


def status(whmcs: StandIn, service_id: int = 1) -> str:
    return str(rows_of(whmcs, tables.hosting, id=service_id)[0]["domainstatus"])


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (modules.CREATE, "Active"),
        (modules.SUSPEND, "Suspended"),
        (modules.UNSUSPEND, "Active"),
        (modules.TERMINATE, "Terminated"),
        (modules.CHANGE_PACKAGE, "Pending"),
        (modules.RENEW, "Pending"),
    ],
)
def test_after_success_whmcs_sets_the_status_itself(shop: StandIn, command: modules.Command, expected: str) -> None:
    assert modules.run(shop, 1, command) == "success"
    assert status(shop) == expected


def test_the_welcome_mail_goes_out_on_creation_and_only_then(shop: StandIn) -> None:
    for command in (modules.CREATE, modules.SUSPEND, modules.UNSUSPEND, modules.TERMINATE):
        modules.run(shop, 1, command)

    assert [(mail["template"], mail["relid"]) for mail in rows_of(shop, tables.mails)] == [(seed.WELCOME, 1)]


def test_after_a_failure_nothing_changes_and_no_mail_goes_out(shop: StandIn) -> None:
    """1.4: the service status does not change; no welcome email; a person is shown the string."""
    broken = failing(shop)

    assert modules.run(broken, 1, modules.CREATE) == "VoIP bridge: operation 17 waits for the PBX"
    assert status(shop) == "Pending"
    assert rows_of(shop, tables.mails) == []
    assert rows_of(shop, tables.module_queue) == []


def test_an_automated_failure_goes_to_the_module_queue(shop: StandIn) -> None:
    """1.4: automated action: it is added to the Module Queue; the `...Failed` hook fires."""
    for _ in range(2):
        modules.run(failing(shop), 1, modules.CREATE, automated=True)

    (entry,) = rows_of(shop, tables.module_queue)
    assert (entry["module_action"], entry["service_id"], entry["completed"]) == ("CreateAccount", 1, 0)
    assert [row["hook"] for row in rows_of(shop, tables.hooks)] == ["PreModuleCreate", "AfterModuleCreateFailed"] * 2


def test_whmcs_never_retries_by_itself_and_retry_calls_the_function_again(shop: StandIn) -> None:
    """1.4: the Module Queue is a list that a person works through."""
    modules.run(failing(shop), 1, modules.CREATE, automated=True)

    assert modules.retry(failing(shop, "still no"), 1) == "still no"
    (entry,) = rows_of(shop, tables.module_queue)
    assert (entry["num_retries"], entry["last_attempt_error"], entry["completed"]) == (1, "still no", 0)

    assert modules.retry(shop, 1) == "success"
    assert rows_of(shop, tables.module_queue)[0]["completed"] == 1
    assert status(shop) == "Active"


def test_a_module_is_handed_the_documented_parameters(whmcs: StandIn) -> None:
    """1.6: names before the bar; text with entities; the quantity of a quantity option."""
    module = Recorder()
    with whmcs.engine.begin() as tx:
        product_id = seed.product(tx, configoption1="gold &amp; more")
        seats, _ = seed.option(tx, [product_id], "Extensions|Your seats")
        plan, subs = seed.option(tx, [product_id], "plan|Plan", "dropdown", ["gold|Gold", "silver|Silver"])
        site = seed.custom_field(tx, product_id, "site|Site")
        client_id = seed.client(tx, "Tom & Co")
        chosen = {seats: 7, plan: subs[1]}
        service_id = seed.service(tx, client_id, product_id, choices=chosen, fields={site: "A & B"})

    modules.run(replace(whmcs, module=module), service_id, modules.CREATE)

    function, parameters, by_cron = module.calls[0]
    assert (function, by_cron) == ("CreateAccount", False)
    assert (parameters["serviceid"], parameters["userid"], parameters["pid"]) == (service_id, client_id, product_id)
    assert parameters["configoption1"] == "gold &amp; more"
    assert parameters["configoptions"] == {"Extensions": "7", "plan": "silver"}
    assert parameters["customfields"] == {"site": "A &amp; B"}
    assert parameters["clientsdetails"]["companyname"] == "Tom &amp; Co"
    assert parameters["clientsdetails"]["currency_code"] == "USD"
    assert parameters["server"] is False
    assert "serverpassword" not in parameters


def test_a_service_without_a_module_has_no_commands(shop: StandIn) -> None:
    with shop.engine.begin() as tx:
        tx.execute(tables.products.update().values(servertype=""))

    with pytest.raises(Declined, match="not assigned to a module"):
        modules.run(shop, 1, modules.CREATE)


# --- the daily cron --------------------------------------------------------------------------------------------------


def test_the_cron_suspends_who_is_overdue_and_nobody_else(whmcs: StandIn) -> None:
    """F-24: the override date and exempt groups are honoured."""
    module = Recorder()
    with whmcs.engine.begin() as tx:
        product_id, client_id = seed.product(tx), seed.client(tx)
        exempt = seed.client(tx, "Exempt", groupid=seed.client_group(tx, "Staff", exempt=True))
        late: dict[str, Any] = {"domainstatus": "Active", "nextduedate": "2026-01-01"}
        overdue = seed.service(tx, client_id, product_id, **late)
        seed.service(tx, exempt, product_id, **late)
        seed.service(tx, client_id, product_id, domainstatus="Active", nextduedate="2026-01-30")
        seed.service(tx, client_id, product_id, domainstatus="Active", nextduedate="0000-00-00")
        seed.service(tx, client_id, product_id, domainstatus="Terminated", nextduedate="2026-01-01")
        seed.service(tx, client_id, product_id, **late, overideautosuspend="on", overidesuspenduntil="2026-03-01")
        expired = seed.service(
            tx, client_id, product_id, **late, overideautosuspend="on", overidesuspenduntil="2026-01-02"
        )

    done = cron.suspend_overdue(replace(whmcs, module=module))

    assert done == cron.Round(done=2, failed=0)
    assert [(call[1]["serviceid"], call[2]) for call in module.calls] == [(overdue, True), (expired, True)]


def test_what_fails_in_the_cron_is_queued_and_staff_get_one_mail(whmcs: StandIn) -> None:
    """F-8."""
    with whmcs.engine.begin() as tx:
        product_id, client_id = seed.product(tx), seed.client(tx)
        for _ in range(12):
            seed.service(tx, client_id, product_id, domainstatus="Active", nextduedate="2026-01-01")

    done = cron.suspend_overdue(failing(whmcs))

    assert done == cron.Round(done=0, failed=12)
    assert len(rows_of(whmcs, tables.module_queue)) == 12
    assert [mail["recipient"] for mail in rows_of(whmcs, tables.mails)] == ["admin"]
