"""No action takes an idempotency key, and the stand-in shows it: WHMCS reference 5.6, line by line.

The effect of one call whose answer is lost, repeated: what is there afterwards.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Table

from bridge.demo.whmcs import seed, tables
from bridge.demo.whmcs.standin import StandIn
from tests.whmcs.standin import Recorder, ask, rows_of


@pytest.fixture
def shop(whmcs: StandIn) -> StandIn:
    """Client 1 with service 1 of product 1, an unpaid invoice 1 over 10.00 and 50.00 of credit."""
    with whmcs.engine.begin() as tx:
        client_id = seed.client(tx, credit="50.00")
        seed.service(tx, client_id, seed.product(tx), domainstatus="Active", nextduedate="2026-01-01", amount="9.00")
    ask(whmcs, "CreateInvoice", userid=client_id, itemdescription1="calls", itemamount1="10.00")
    return replace(whmcs, module=Recorder())


TICKET = {"deptid": 1, "subject": "s", "message": "m", "clientid": 1}
EVENT = {"notification_identifier": "i", "title": "t", "message": "m"}
ITEM = {"clientid": 1, "description": "d", "amount": "1.00", "unit": "quantity"}


@pytest.mark.parametrize(
    ("action", "sent", "table"),
    [
        ("AddCredit", {"clientid": 1, "description": "[br1:A]", "amount": "1.00", "type": "remove"}, tables.credits),
        ("AddBillableItem", ITEM, tables.billable_items),
        ("CreateInvoice", {"userid": 1, "itemdescription1": "d", "itemamount1": "1"}, tables.invoices),
        ("AddInvoicePayment", {"invoiceid": 1, "transid": "t", "gateway": "g", "amount": "1"}, tables.transactions),
        ("ApplyCredit", {"invoiceid": 1, "amount": "1.00"}, tables.credits),
        ("OpenTicket", TICKET, tables.tickets),
        ("SendEmail", {"messagename": seed.WELCOME, "id": 1}, tables.mails),
        ("SendAdminEmail", {"customsubject": "s", "custommessage": "m"}, tables.mails),
        ("TriggerNotificationEvent", EVENT, tables.notifications),
        ("AddClientNote", {"userid": 1, "notes": "n"}, tables.notes),
        ("LogActivity", {"description": "d"}, tables.activity),
        ("UpgradeProduct", {"serviceid": 1, "type": "product", "newproductid": 2}, tables.upgrades),
        ("AddOrder", {"clientid": 1, "pid": 1}, tables.orders),
        ("ModuleCreate", {"serviceid": 1}, tables.module_log),
        ("ModuleSuspend", {"serviceid": 1}, tables.module_log),
    ],
)
def test_line_a_repeat_does_it_again(shop: StandIn, action: str, sent: dict[str, Any], table: Table) -> None:
    before = len(rows_of(shop, table))

    shop.faults.order("error_after", action)
    assert _lost(shop, action, sent)
    assert len(rows_of(shop, table)) == before + 1, "the answer was lost, the effect was not"

    ask(shop, action, **sent)
    assert len(rows_of(shop, table)) == before + 2


def _lost(shop: StandIn, action: str, sent: dict[str, Any]) -> bool:
    from tests.whmcs.standin import answer_of

    return answer_of(shop, action, **sent).status_code == 500


def test_line_add_credit_is_recovered_by_the_marker_in_get_credits(shop: StandIn) -> None:
    shop.faults.order("late", "AddCredit")
    sent = {"clientid": 1, "description": "Calls [br1:AAAA]", "amount": "1.00", "type": "remove"}
    with pytest.raises(Exception, match="silence"):
        ask(shop, "AddCredit", **sent)

    found = ask(shop, "GetCredits", clientid=1)["credits"]["credit"]

    assert [row["description"] for row in found] == ["Calls [br1:AAAA]"]


def test_line_create_invoice_is_recovered_by_its_notes(shop: StandIn) -> None:
    shop.faults.order("error_after", "CreateInvoice")
    assert _lost(shop, "CreateInvoice", {"userid": 1, "notes": "[br1:BBBB]"})

    found = ask(shop, "GetInvoices", userid=1)["invoices"]["invoice"]

    assert [row["notes"] for row in found] == ["", "[br1:BBBB]"]


def test_line_add_transaction_refuses_the_same_transid(shop: StandIn) -> None:
    sent = {"paymentmethod": "banktransfer", "userid": 1, "transid": "T-1", "amountin": "5.00"}

    answers = [ask(shop, "AddTransaction", **sent)["result"] for _ in range(2)]

    assert answers == ["success", "error"]
    assert len(rows_of(shop, tables.transactions)) == 1


def test_line_gen_invoices_makes_only_what_is_still_due(shop: StandIn) -> None:
    made = [ask(shop, "GenInvoices")["numcreated"] for _ in range(2)]

    assert made == [1, 0]


@pytest.mark.parametrize(
    ("action", "sent", "table"),
    [
        ("UpdateClientProduct", {"serviceid": 1, "status": "Suspended", "suspendreason": "late"}, tables.hosting),
        ("UpdateInvoice", {"invoiceid": 1, "notes": "seen", "status": "Cancelled"}, tables.invoices),
        ("UpdateToDoItem", {"itemid": 1, "status": "Completed"}, tables.todo),
    ],
)
def test_line_an_update_of_header_fields_gives_the_same_state(
    shop: StandIn, action: str, sent: dict[str, Any], table: Table
) -> None:
    with shop.engine.begin() as tx:
        tables.add(tx, tables.todo, title="Look")

    ask(shop, action, **sent)
    once = rows_of(shop, table)
    ask(shop, action, **sent)

    assert rows_of(shop, table) == once


def test_line_newitem_adds_lines_again(shop: StandIn) -> None:
    line = {"newitemdescription[0]": "late", "newitemamount[0]": "1.00", "newitemtaxed[0]": "0"}

    for _ in range(2):
        ask(shop, "UpdateInvoice", invoiceid=1, **line)

    assert ask(shop, "GetInvoice", invoiceid=1)["total"] == "12.00"


@pytest.mark.parametrize(
    "action", ["GetClients", "GetCredits", "GetInvoices", "GetClientsProducts", "GetModuleQueue", "GetActivityLog"]
)
def test_line_every_get_is_safe(shop: StandIn, action: str) -> None:
    watched = (tables.clients, tables.credits, tables.invoices, tables.hosting, tables.module_queue, tables.activity)
    before = [rows_of(shop, table) for table in watched]

    assert ask(shop, action, clientid=1) == ask(shop, action, clientid=1)
    assert [rows_of(shop, table) for table in watched] == before


def test_line_something_on_the_way_may_repeat_a_request(shop: StandIn) -> None:
    """R-72, execute twice: one question, one answer, two movements."""
    shop.faults.order("again", "AddCredit")

    ask(shop, "AddCredit", clientid=1, description="d", amount="1.00", type="remove")

    assert len(rows_of(shop, tables.credits)) == 2
