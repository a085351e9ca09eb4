"""The stand-in moves money as WHMCS does: WHMCS reference 5.4, line by line, on 8.x and on 9.0."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.demo.whmcs import seed, tables
from bridge.demo.whmcs.standin import StandIn
from tests.whmcs.standin import ask, rows_of


@pytest.fixture
def client_id(whmcs: StandIn) -> int:
    with whmcs.engine.begin() as tx:
        return seed.client(tx)


def add_credit(whmcs: StandIn, client_id: int, amount: str, **more: Any) -> dict[str, Any]:
    return ask(
        whmcs, "AddCredit", **{"clientid": client_id, "description": "x", "amount": amount, "type": "add", **more}
    )


def an_invoice(whmcs: StandIn, client_id: int, amount: str = "10.00", **more: Any) -> int:
    sent = {"userid": client_id, "itemdescription1": "calls", "itemamount1": amount, **more}
    return int(ask(whmcs, "CreateInvoice", **sent)["invoiceid"])


def said(answer: dict[str, Any]) -> str:
    assert answer["result"] == "error"
    return str(answer["message"])


# --- AddCredit, GetCredits -------------------------------------------------------------------------------------------


def test_line_add_credit_amount_is_positive_in_both_directions(whmcs: StandIn, client_id: int) -> None:
    assert add_credit(whmcs, client_id, "10.00")["newbalance"] == "10.00"
    assert add_credit(whmcs, client_id, "2.50", type="remove")["newbalance"] == "7.50"
    assert add_credit(whmcs, client_id, "3")["newbalance"] == "10.50"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"type": "minus"}, "Type can only be add or remove"),
        ({"clientid": 99}, "Client ID Not Found"),
        ({"adminid": 99}, "Admin ID Not Found"),
        ({"amount": ""}, "No Amount Provided"),
        ({"amount": "1.5"}, "Amount must be in decimal format: ### or ###.##"),
        ({"amount": "-1.00"}, "Amount must be in decimal format: ### or ###.##"),
        ({"amount": "1.005"}, "Amount must be in decimal format: ### or ###.##"),
        ({"date": "01/02/2026"}, "Date Format is not Valid"),
    ],
)
def test_line_add_credit_errors(whmcs: StandIn, client_id: int, changes: dict[str, Any], message: str) -> None:
    assert said(add_credit(whmcs, client_id, **{"amount": "1.00", **changes})) == message
    assert rows_of(whmcs, tables.credits) == []


def test_line_remove_beyond_the_balance_is_not_refused(whmcs: StandIn, client_id: int) -> None:
    """Unconfirmed; the stand-in takes the reading that hurts whoever relies on a refusal."""
    assert add_credit(whmcs, client_id, "5.00", type="remove")["newbalance"] == "-5.00"


def test_line_get_credits_shows_every_movement_negative_when_removed(whmcs: StandIn, client_id: int) -> None:
    add_credit(whmcs, client_id, "10.00", description="Top-up", date="2026-01-31")
    add_credit(whmcs, client_id, "1.25", description="Usage [br1:AAAA]", type="remove")

    found = ask(whmcs, "GetCredits", clientid=client_id)

    assert (found["totalresults"], found["clientid"]) == (2, client_id)
    assert [(row["date"], row["description"], row["amount"]) for row in found["credits"]["credit"]] == [
        ("2026-01-31", "Top-up", "10.00"),
        ("2026-02-01", "Usage [br1:AAAA]", "-1.25"),
    ]


def test_line_get_credits_is_not_paged(whmcs: StandIn, client_id: int) -> None:
    for _ in range(30):
        add_credit(whmcs, client_id, "1")

    assert len(ask(whmcs, "GetCredits", clientid=client_id, limitnum=5)["credits"]["credit"]) == 30


def test_line_the_balance_is_in_get_clients_details(whmcs: StandIn, client_id: int) -> None:
    add_credit(whmcs, client_id, "10.00")

    assert ask(whmcs, "GetClientsDetails", clientid=client_id)["client"]["credit"] == "10.00"


def test_line_existing_credit_is_applied_to_new_invoices_automatically(whmcs: StandIn, client_id: int) -> None:
    add_credit(whmcs, client_id, "3.00")
    ask(
        whmcs,
        "AddBillableItem",
        clientid=client_id,
        description="u",
        amount="5",
        unit="quantity",
        invoiceaction="nextcron",
    )

    invoice_id = ask(whmcs, "GenInvoices")["latestinvoiceid"]

    invoice = ask(whmcs, "GetInvoice", invoiceid=invoice_id)
    assert (invoice["subtotal"], invoice["credit"], invoice["balance"]) == ("5.00", "3.00", "2.00")
    assert ask(whmcs, "GetClientsDetails", clientid=client_id)["client"]["credit"] == "0.00"


# --- AddBillableItem -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"clientid": 99}, "Client ID not Found"),
        ({"description": ""}, "You must provide a description"),
        ({"invoiceaction": "now"}, "Invalid Invoice Action"),
        ({"invoiceaction": "recur", "recur": "1"}, "Recurring must have a unit, cycle and limit"),
        ({"invoiceaction": "duedate"}, "Due date is required"),
        ({"unit": "minutes"}, "Invalid Unit, please specify either 'hours' or 'quantity'"),
        ({"duedate": "1.2.2026"}, "Invalid Date Format - Expected: 'YYYY-mm-dd'"),
    ],
)
def test_line_add_billable_item_errors(whmcs: StandIn, client_id: int, changes: dict[str, Any], message: str) -> None:
    sent = {"clientid": client_id, "description": "calls", "amount": "1.00", "unit": "quantity", **changes}

    assert said(ask(whmcs, "AddBillableItem", **sent)) == message


@pytest.mark.parametrize(
    ("action", "invoiced"),
    [
        ({"invoiceaction": "noinvoice"}, 0),
        ({"invoiceaction": "nextcron"}, 1),
        ({"invoiceaction": "nextinvoice"}, 1),
        ({"invoiceaction": "duedate", "duedate": "2026-02-01"}, 1),
        ({"invoiceaction": "duedate", "duedate": "2026-02-02"}, 0),
        ({"invoiceaction": "recur", "recur": 1, "recurcycle": "Months", "recurfor": 3, "duedate": "2026-02-01"}, 1),
    ],
)
def test_line_invoiceaction_effects(whmcs: StandIn, client_id: int, action: dict[str, Any], invoiced: int) -> None:
    ask(whmcs, "AddBillableItem", clientid=client_id, description="calls", amount="1.50", unit="quantity", **action)

    assert ask(whmcs, "GenInvoices", clientid=client_id)["numcreated"] == invoiced


@pytest.mark.parametrize("action", ["GetBillableItems", "UpdateBillableItem", "DeleteBillableItem"])
def test_line_there_is_no_api_to_list_change_or_delete_billable_items(whmcs: StandIn, action: str) -> None:
    assert said(ask(whmcs, action)) == "Command Not Found"


# --- invoices --------------------------------------------------------------------------------------------------------


def test_line_create_invoice_returns_id_and_status(whmcs: StandIn, client_id: int) -> None:
    sent = {"itemdescription1": "a", "itemamount1": "1.00", "itemdescription2": "b", "itemamount2": "2.25"}
    made = ask(whmcs, "CreateInvoice", userid=client_id, notes="[br1:AAAA]", **sent)

    invoice = ask(whmcs, "GetInvoice", invoiceid=made["invoiceid"])
    assert made["status"] == "Unpaid"
    assert (invoice["total"], invoice["balance"], invoice["notes"]) == ("3.25", "3.25", "[br1:AAAA]")
    assert [line["relid"] for line in invoice["items"]["item"]] == ["0", "0"]


def test_line_create_invoice_errors(whmcs: StandIn, client_id: int) -> None:
    assert said(ask(whmcs, "CreateInvoice", userid=99)) == "Client ID Not Found"
    assert ask(whmcs, "CreateInvoice", userid=client_id, draft="1", sendinvoice="1")["result"] == "error"
    assert said(ask(whmcs, "CreateInvoice", userid=client_id, status="Open")) == "Invalid status"
    assert rows_of(whmcs, tables.invoices) == []


def test_line_create_invoice_taxes_taxed_lines(whmcs: StandIn, client_id: int) -> None:
    taxed = an_invoice(whmcs, client_id, "10.00", taxrate="19", itemtaxed1="1")

    invoice = ask(whmcs, "GetInvoice", invoiceid=taxed)
    assert (invoice["tax"], invoice["total"]) == ("1.90", "11.90")


def test_line_create_invoice_autoapplycredit(whmcs: StandIn, client_id: int) -> None:
    add_credit(whmcs, client_id, "20.00")

    paid = ask(whmcs, "CreateInvoice", userid=client_id, itemdescription1="a", itemamount1="5.00", autoapplycredit="1")

    assert paid["status"] == "Paid"


def test_line_update_invoice_errors(whmcs: StandIn, client_id: int) -> None:
    invoice = an_invoice(whmcs, client_id, draft="1")

    assert said(ask(whmcs, "UpdateInvoice", invoiceid=99)) == "Invoice ID Not Found"
    assert said(ask(whmcs, "UpdateInvoice", invoiceid=invoice, status="Open")) == "Invalid status"
    assert "required" in said(ask(whmcs, "UpdateInvoice", invoiceid=invoice, **{"itemamount[1]": "3.00"}))
    ask(whmcs, "UpdateInvoice", invoiceid=invoice, publish="1")
    again = ask(whmcs, "UpdateInvoice", invoiceid=invoice, publish="1")
    assert said(again) == "Invoice must be in Draft status to be published"


LINE = {"newitemdescription[0]": "late calls", "newitemamount[0]": "1.00", "newitemtaxed[0]": "0"}


def test_line_8_x_lines_of_an_unpaid_invoice_can_be_edited(whmcs: StandIn, client_id: int) -> None:
    invoice = an_invoice(whmcs, client_id)

    assert ask(whmcs, "UpdateInvoice", invoiceid=invoice, **LINE)["result"] == "success"
    assert ask(whmcs, "GetInvoice", invoiceid=invoice)["total"] == "11.00"


@pytest.mark.parametrize(
    "edit",
    [LINE, {"itemdescription[1]": "x", "itemamount[1]": "0", "itemtaxed[1]": "0"}, {"deletelineids[0]": "1"}],
    ids=["add", "edit", "delete"],
)
def test_line_9_0_invoices_are_immutable_once_they_leave_draft(whmcs9: StandIn, edit: dict[str, str]) -> None:
    with whmcs9.engine.begin() as tx:
        client_id = seed.client(tx)
    draft, published = an_invoice(whmcs9, client_id, draft="1"), an_invoice(whmcs9, client_id)

    assert ask(whmcs9, "UpdateInvoice", invoiceid=published, **edit)["result"] == "error"
    assert ask(whmcs9, "GetInvoice", invoiceid=published)["total"] == "10.00"
    assert ask(whmcs9, "UpdateInvoice", invoiceid=draft, **LINE)["result"] == "success"


def test_line_9_0_header_fields_of_a_published_invoice_still_change(whmcs9: StandIn) -> None:
    with whmcs9.engine.begin() as tx:
        client_id = seed.client(tx)
    invoice = an_invoice(whmcs9, client_id)

    assert ask(whmcs9, "UpdateInvoice", invoiceid=invoice, notes="seen")["result"] == "success"


def test_line_add_invoice_payment_defaults_to_the_full_amount(whmcs: StandIn, client_id: int) -> None:
    invoice = an_invoice(whmcs, client_id)

    ask(whmcs, "AddInvoicePayment", invoiceid=invoice, transid="t1", gateway="banktransfer")

    assert ask(whmcs, "GetInvoice", invoiceid=invoice)["status"] == "Paid"
    assert ask(whmcs, "GetTransactions", transid="t1")["transactions"]["transaction"][0]["amountin"] == "10.00"


def test_line_add_invoice_payment_errors(whmcs: StandIn, client_id: int) -> None:
    cancelled = an_invoice(whmcs, client_id, status="Cancelled")

    assert said(ask(whmcs, "AddInvoicePayment", invoiceid=99)) == "Invoice ID Not Found"
    assert "Cancelled" in said(ask(whmcs, "AddInvoicePayment", invoiceid=cancelled, transid="t", gateway="x"))


def test_line_apply_credit_errors(whmcs: StandIn, client_id: int) -> None:
    add_credit(whmcs, client_id, "50.00")
    invoice, paid = an_invoice(whmcs, client_id), an_invoice(whmcs, client_id, status="Paid")

    def refused(invoice_id: int, amount: str) -> str:
        return said(ask(whmcs, "ApplyCredit", invoiceid=invoice_id, amount=amount))

    assert refused(99, "1") == "Invoice ID Not Found"
    assert refused(paid, "1") == "Invoice Not in Unpaid Status"
    assert refused(invoice, "51") == "Amount exceeds customer credit balance"
    assert refused(invoice, "11") == "Amount Exceeds Invoice Balance"
    assert ask(whmcs, "ApplyCredit", invoiceid=invoice, amount="0")["result"] == "error"


def test_line_add_transaction_has_a_duplicate_guard(whmcs: StandIn, client_id: int) -> None:
    sent = {"paymentmethod": "banktransfer", "userid": client_id, "transid": "T-1", "amountin": "5.00", "credit": "1"}

    assert ask(whmcs, "AddTransaction", **sent)["result"] == "success"
    assert said(ask(whmcs, "AddTransaction", **sent)) == "Transaction ID must be Unique"
    assert ask(whmcs, "AddTransaction", **sent, allowduplicatetransid="1")["result"] == "success"
    assert ask(whmcs, "GetClientsDetails", clientid=client_id)["client"]["credit"] == "10.00"


def test_line_add_transaction_errors(whmcs: StandIn, client_id: int) -> None:
    with whmcs.engine.begin() as tx:
        other = seed.client(tx, "Other")
    invoice = an_invoice(whmcs, client_id)
    sent = {"paymentmethod": "banktransfer", "userid": other, "amountin": "5.00"}

    assert said(ask(whmcs, "AddTransaction", **sent, currencyid=9)) == "Currency ID does not match Client currency"
    assert said(ask(whmcs, "AddTransaction", **sent, invoiceid=invoice)) == "User ID does not own the given Invoice ID"


def test_line_get_invoices_pages_and_filters(whmcs: StandIn, client_id: int) -> None:
    with whmcs.engine.begin() as tx:
        other = seed.client(tx, "Other")
    late = an_invoice(whmcs, client_id, duedate="2026-01-01")
    an_invoice(whmcs, client_id, duedate="2026-03-01")
    an_invoice(whmcs, other)

    overdue = ask(whmcs, "GetInvoices", userid=client_id, status="Overdue")
    page = ask(whmcs, "GetInvoices", limitnum=2)

    assert [row["id"] for row in overdue["invoices"]["invoice"]] == [str(late)]
    assert (page["totalresults"], page["numreturned"]) == (3, 2)
    assert "items" not in page["invoices"]["invoice"][0]


def test_line_gen_invoices_generates_due_invoices_only(whmcs: StandIn, client_id: int) -> None:
    with whmcs.engine.begin() as tx:
        product_id = seed.product(tx)
        seed.service(tx, client_id, product_id, domainstatus="Active", nextduedate="2026-02-01", amount="9.00")
        seed.service(tx, client_id, product_id, domainstatus="Active", nextduedate="2026-02-02", amount="9.00")
        seed.service(tx, client_id, product_id, domainstatus="Active", nextduedate="0000-00-00", amount="9.00")

    made = ask(whmcs, "GenInvoices")

    assert made["numcreated"] == 1
    assert ask(whmcs, "GetInvoice", invoiceid=made["latestinvoiceid"])["total"] == "9.00"


def test_line_get_currencies(whmcs: StandIn) -> None:
    assert ask(whmcs, "GetCurrencies")["currencies"]["currency"][0] == {
        "id": "1",
        "code": "USD",
        "prefix": "$",
        "suffix": " USD",
        "format": "1",
        "rate": "1.00000",
    }


def test_line_capture_payment(whmcs: StandIn, client_id: int) -> None:
    assert ask(whmcs, "CapturePayment", invoiceid=an_invoice(whmcs, client_id))["result"] == "error"
