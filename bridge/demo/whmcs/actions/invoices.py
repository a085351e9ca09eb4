"""Invoices, payments and transactions. On 9.0 an invoice that has left Draft keeps its lines."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import Connection, select, update

from bridge.demo.whmcs import tables
from bridge.demo.whmcs.actions.billing import INVOICE_ACTIONS, client_row, move_credit
from bridge.demo.whmcs.asked import Asked, Declined, Reply, collection, page, texts
from bridge.demo.whmcs.standin import StandIn
from bridge.demo.whmcs.tables import NO_MOMENT

STATUSES = ("Draft", "Unpaid", "Paid", "Cancelled", "Refunded", "Collections", "Payment Pending")
_HEADER = (
    *("id", "userid", "invoicenum", "date", "duedate", "datepaid", "subtotal", "credit", "tax", "tax2", "total"),
    *("taxrate", "taxrate2", "status", "paymentmethod", "notes"),
)


def invoice_row(tx: Connection, invoice_id: int, complaint: str = "Invoice ID Not Found") -> Any:
    row = tx.execute(select(tables.invoices).where(tables.invoices.c.id == invoice_id)).mappings().one_or_none()
    if row is None:
        raise Declined(complaint)
    return row


def balance_of(tx: Connection, invoice_id: int) -> Decimal:
    paid = tx.execute(select(tables.transactions).where(tables.transactions.c.invoiceid == invoice_id)).mappings()
    total: Decimal = invoice_row(tx, invoice_id)["total"]
    return total - sum((row["amountin"] - row["amountout"] for row in paid), Decimal(0))


def add_line(
    tx: Connection, invoice: Mapping[str, Any], description: str, amount: Decimal, *, taxed: bool, **about: Any
) -> None:
    tables.add(
        tx,
        tables.invoice_items,
        invoiceid=invoice["id"],
        userid=invoice["userid"],
        description=description,
        amount=amount,
        taxed=int(taxed),
        duedate=invoice["duedate"],
        paymentmethod=invoice["paymentmethod"],
        **about,
    )


def add_up(tx: Connection, invoice_id: int) -> None:
    """Totals are worked out, never set."""
    invoice = invoice_row(tx, invoice_id)
    lines = (
        tx.execute(select(tables.invoice_items).where(tables.invoice_items.c.invoiceid == invoice_id)).mappings().all()
    )
    subtotal = sum((line["amount"] for line in lines), Decimal(0))
    taxable = sum((line["amount"] for line in lines if line["taxed"]), Decimal(0))
    taxes = [
        (taxable * invoice[rate] / 100).quantize(Decimal("0.01"), ROUND_HALF_UP) for rate in ("taxrate", "taxrate2")
    ]
    _set(
        tx, invoice_id, subtotal=subtotal, tax=taxes[0], tax2=taxes[1], total=subtotal + sum(taxes) - invoice["credit"]
    )


def settle(tx: Connection, whmcs: StandIn, invoice_id: int) -> bool:
    """An invoice that owes nothing any more is paid."""
    is_paid = balance_of(tx, invoice_id) <= 0
    if is_paid and invoice_row(tx, invoice_id)["status"] == "Unpaid":
        _set(tx, invoice_id, status="Paid", datepaid=whmcs.moment())
    return is_paid


def use_credit(tx: Connection, whmcs: StandIn, invoice_id: int, amount: Decimal) -> bool:
    invoice = invoice_row(tx, invoice_id)
    described = f"Credit Applied to Invoice #{invoice_id}"
    move_credit(tx, invoice["userid"], -amount, day=whmcs.day(), description=described, invoice_id=invoice_id)
    _set(tx, invoice_id, credit=invoice["credit"] + amount)
    add_up(tx, invoice_id)
    return settle(tx, whmcs, invoice_id)


def new_invoice(tx: Connection, whmcs: StandIn, client_id: int, **columns: Any) -> int:
    values: dict[str, Any] = {"userid": client_id, "date": whmcs.day(), "duedate": whmcs.day(), **columns}
    return tables.add(tx, tables.invoices, **values)


def _set(tx: Connection, invoice_id: int, **columns: Any) -> None:
    tx.execute(update(tables.invoices).where(tables.invoices.c.id == invoice_id).values(**columns))


# --- the actions -----------------------------------------------------------------------------------------------------


def create_invoice(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    client_id = asked.whole("userid")
    client = client_row(tx, client_id)
    if asked.flag("draft") and asked.flag("sendinvoice"):
        raise Declined("An invoice cannot be created as a draft and sent")
    status = "Draft" if asked.flag("draft") else asked.raw("status") or "Unpaid"
    if status not in STATUSES:
        raise Declined("Invalid status")
    invoice_id = new_invoice(
        tx,
        whmcs,
        client_id,
        status=status,
        date=asked.raw("date") or whmcs.day(),
        duedate=asked.raw("duedate") or whmcs.day(),
        taxrate=asked.amount("taxrate"),
        taxrate2=asked.amount("taxrate2"),
        paymentmethod=asked.text("paymentmethod") or client["defaultgateway"] or "banktransfer",
        notes=asked.text("notes"),
    )
    number = 1
    while f"itemdescription{number}" in asked or f"itemamount{number}" in asked:
        add_line(
            tx,
            invoice_row(tx, invoice_id),
            asked.text(f"itemdescription{number}"),
            asked.amount(f"itemamount{number}"),
            taxed=asked.flag(f"itemtaxed{number}"),
        )
        number += 1
    add_up(tx, invoice_id)
    if asked.flag("autoapplycredit") and status == "Unpaid":
        apply_what_there_is(tx, whmcs, invoice_id)
    if asked.flag("sendinvoice"):
        tables.add(tx, tables.mails, date=whmcs.moment(), template="Invoice Created", relid=invoice_id)
    return {"invoiceid": invoice_id, "status": invoice_row(tx, invoice_id)["status"]}


def apply_what_there_is(tx: Connection, whmcs: StandIn, invoice_id: int) -> None:
    invoice = invoice_row(tx, invoice_id)
    usable = min(client_row(tx, invoice["userid"])["credit"], balance_of(tx, invoice_id))
    if usable > 0:
        use_credit(tx, whmcs, invoice_id, usable)


def update_invoice(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    invoice_id = asked.whole("invoiceid")
    invoice = invoice_row(tx, invoice_id)
    _refuse_lines_of_the_published(whmcs, invoice, asked)
    if "status" in asked and asked.raw("status") not in STATUSES:
        raise Declined("Invalid status")
    publishes = asked.flag("publish") or asked.flag("publishandsendemail")
    if publishes and invoice["status"] != "Draft":
        raise Declined("Invoice must be in Draft status to be published")

    words = ("status", "paymentmethod", "date", "duedate", "datepaid", "notes")
    columns: dict[str, Any] = {name: asked.text(name) for name in words if name in asked}
    columns |= {name: asked.amount(name) for name in ("taxrate", "taxrate2", "credit") if name in asked}
    if publishes:
        columns["status"] = "Unpaid"
    if columns:
        _set(tx, invoice_id, **columns)
    _edit_lines(tx, invoice_id, asked)
    add_up(tx, invoice_id)
    return {"invoiceid": invoice_id}


_LINES = ("itemdescription", "itemamount", "itemtaxed", "newitemdescription", "newitemamount", "deletelineids")


def _refuse_lines_of_the_published(whmcs: StandIn, invoice: Mapping[str, Any], asked: Asked) -> None:
    if whmcs.has_immutable_invoices and invoice["status"] != "Draft" and any(asked.array(name) for name in _LINES):
        raise Declined("Invoice is immutable once it has left Draft status")


def _edit_lines(tx: Connection, invoice_id: int, asked: Asked) -> None:
    lines = tables.invoice_items
    descriptions, amounts, taxed = (asked.array(f"item{name}") for name in ("description", "amount", "taxed"))
    if descriptions or amounts or taxed:
        if not set(descriptions) == set(amounts) == set(taxed):
            raise Declined("Missing Variables: itemdescription, itemamount and itemtaxed are all required")
        for line_id, description in descriptions.items():
            tx.execute(
                update(lines)
                .where(lines.c.id == int(line_id), lines.c.invoiceid == invoice_id)
                .values(description=description, amount=Decimal(amounts[line_id]), taxed=int(taxed[line_id] == "1"))
            )
    for line_id in asked.array("deletelineids").values():
        tx.execute(lines.delete().where(lines.c.id == int(line_id), lines.c.invoiceid == invoice_id))
    new = asked.array("newitemdescription")
    for name, description in new.items():
        amount = Decimal(asked.array("newitemamount").get(name, "0"))
        is_taxed = asked.array("newitemtaxed").get(name) == "1"
        add_line(tx, invoice_row(tx, invoice_id), description, amount, taxed=is_taxed)


def add_invoice_payment(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    """A repeated `transid` is a second payment: no document says that it is refused."""
    invoice_id = asked.whole("invoiceid")
    invoice = invoice_row(tx, invoice_id, "Invoice ID Not Found")
    if invoice["status"] == "Cancelled":
        raise Declined("It is not possible to add a payment to an invoice that is Cancelled")
    amount = asked.amount("amount") if "amount" in asked else balance_of(tx, invoice_id)
    tables.add(
        tx,
        tables.transactions,
        userid=invoice["userid"],
        gateway=asked.text("gateway"),
        date=asked.raw("date") or whmcs.moment(),
        description="Invoice Payment",
        amountin=amount,
        fees=asked.amount("fees"),
        transid=asked.text("transid"),
        invoiceid=invoice_id,
    )
    settle(tx, whmcs, invoice_id)
    return {}


def apply_credit(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    invoice_id = asked.whole("invoiceid")
    invoice = invoice_row(tx, invoice_id)
    amount = asked.amount("amount")
    if invoice["status"] != "Unpaid":
        raise Declined("Invoice Not in Unpaid Status")
    if amount <= 0:
        raise Declined("Amount must be greater than zero")
    if amount > client_row(tx, invoice["userid"])["credit"]:
        raise Declined("Amount exceeds customer credit balance")
    if amount > balance_of(tx, invoice_id):
        raise Declined("Amount Exceeds Invoice Balance")
    is_paid = use_credit(tx, whmcs, invoice_id, amount)
    return {"invoiceid": str(invoice_id), "amount": f"{amount:.2f}", "invoicepaid": "true" if is_paid else "false"}


def add_transaction(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    if "paymentmethod" not in asked:
        raise Declined("Payment Method is required")
    rows = tables.transactions
    transid = asked.text("transid")
    if transid and not asked.flag("allowduplicatetransid"):
        known = select(rows.c.id).where(rows.c.transid == transid, rows.c.gateway == asked.text("paymentmethod"))
        if tx.execute(known).first():
            raise Declined("Transaction ID must be Unique")
    client_id, invoice_id = asked.whole("userid"), asked.whole("invoiceid")
    client = client_row(tx, client_id, "User ID Not Found") if client_id else None
    if client and "currencyid" in asked and asked.whole("currencyid") != client["currency"]:
        raise Declined("Currency ID does not match Client currency")
    if invoice_id and client_id and invoice_row(tx, invoice_id)["userid"] != client_id:
        raise Declined("User ID does not own the given Invoice ID")
    made = tables.add(
        tx,
        rows,
        userid=client_id,
        currency=asked.whole("currencyid"),
        gateway=asked.text("paymentmethod"),
        date=whmcs.moment(),
        description=asked.text("description"),
        amountin=asked.amount("amountin"),
        fees=asked.amount("fees"),
        amountout=asked.amount("amountout"),
        transid=transid,
        invoiceid=invoice_id,
    )
    if client_id and asked.flag("credit") and not invoice_id:
        amount = asked.amount("amountin")
        described = f"Trans ID: {transid}"
        move_credit(tx, client_id, amount, day=whmcs.day(), description=described, admin_id=asked.admin_id)
    if invoice_id:
        settle(tx, whmcs, invoice_id)
    return {"transactionid": made}


def get_invoice(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    invoice_id = asked.whole("invoiceid")
    invoice = invoice_row(tx, invoice_id)
    lines = tx.execute(
        select(tables.invoice_items)
        .where(tables.invoice_items.c.invoiceid == invoice_id)
        .order_by(tables.invoice_items.c.id)
    ).mappings()
    paid = tx.execute(
        select(tables.transactions)
        .where(tables.transactions.c.invoiceid == invoice_id)
        .order_by(tables.transactions.c.id)
    ).mappings()
    return {
        "invoiceid": str(invoice_id),
        **texts(invoice, *_HEADER[1:]),
        "balance": f"{balance_of(tx, invoice_id):.2f}",
        "ccgateway": False,
        **collection("items", "item", (texts(row, *_LINE) for row in lines)),
        **collection("transactions", "transaction", (texts(row, *_TRANSACTION) for row in paid)),
    }


_LINE = ("id", "type", "relid", "description", "amount", "taxed")
_TRANSACTION = (
    *("id", "userid", "currency", "gateway", "date", "description", "amountin", "fees", "amountout", "rate"),
    *("transid", "invoiceid", "refundid"),
)


def get_invoices(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    rows = tables.invoices
    wanted = select(rows).order_by(rows.c.id)
    if "userid" in asked:
        wanted = wanted.where(rows.c.userid == asked.whole("userid"))
    if asked.raw("status") == "Overdue":
        wanted = wanted.where(rows.c.status == "Unpaid", rows.c.duedate < whmcs.day())
    elif "status" in asked:
        wanted = wanted.where(rows.c.status == asked.raw("status"))
    found, counts = page(asked, list(tx.execute(wanted).mappings()))
    return {**counts, **collection("invoices", "invoice", (texts(row, *_HEADER) for row in found))}


def gen_invoices(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    """Invoices for what is due: services by their next due date, and billable items whose time has come."""
    made: list[int] = []
    clients = select(tables.clients.c.id).order_by(tables.clients.c.id)
    if "clientid" in asked:
        clients = clients.where(tables.clients.c.id == asked.whole("clientid"))
    for client_id in tx.execute(clients).scalars().all():
        lines = [*_due_services(tx, whmcs, client_id), *_due_items(tx, whmcs, client_id)]
        if not lines:
            continue
        invoice_id = new_invoice(tx, whmcs, client_id, datepaid=NO_MOMENT)
        for description, amount, kind, about in lines:
            add_line(tx, invoice_row(tx, invoice_id), description, amount, taxed=False, type=kind, relid=about)
        add_up(tx, invoice_id)
        if _setting(tx, "NoAutoApplyCredit") != "on":
            apply_what_there_is(tx, whmcs, invoice_id)
        made.append(invoice_id)
    return {"numcreated": len(made), "latestinvoiceid": made[-1] if made else 0}


def _due_services(tx: Connection, whmcs: StandIn, client_id: int) -> list[tuple[str, Decimal, str, int]]:
    services, lines = tables.hosting, tables.invoice_items
    due = tx.execute(
        select(services).where(
            services.c.userid == client_id,
            services.c.domainstatus.in_(("Active", "Suspended")),
            services.c.nextduedate <= whmcs.day(),
            services.c.nextduedate > "0001-01-01",
        )
    ).mappings()
    found = []
    for row in due.all():
        text = f"Service {row['id']} due {row['nextduedate']}"
        known = select(lines.c.id).where(lines.c.relid == row["id"], lines.c.description == text)
        if not tx.execute(known).first():
            found.append((text, row["amount"], "Hosting", row["id"]))
    return found


def _due_items(tx: Connection, whmcs: StandIn, client_id: int) -> list[tuple[str, Decimal, str, int]]:
    items = tables.billable_items
    rows = tx.execute(select(items).where(items.c.userid == client_id, items.c.invoicecount == 0)).mappings().all()
    at_once = (INVOICE_ACTIONS["nextcron"], INVOICE_ACTIONS["nextinvoice"])
    later = (INVOICE_ACTIONS["duedate"], INVOICE_ACTIONS["recur"])
    due = [
        row
        for row in rows
        if row["invoiceaction"] in at_once or (row["invoiceaction"] in later and row["duedate"] <= whmcs.day())
    ]
    for row in due:
        tx.execute(update(items).where(items.c.id == row["id"]).values(invoicecount=1))
    return [(row["description"], row["amount"], "Item", row["id"]) for row in due]


def _setting(tx: Connection, name: str) -> str | None:
    rows = tables.configuration
    return tx.execute(select(rows.c.value).where(rows.c.setting == name)).scalar()


def capture_payment(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    invoice_row(tx, asked.whole("invoiceid"), "Invoice Not Found")
    raise Declined("Payment Attempt Failed")  # no gateway of the stand-in holds a card


def get_transactions(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    rows = tables.transactions
    wanted = select(rows).order_by(rows.c.id)
    for name, column in (("invoiceid", rows.c.invoiceid), ("clientid", rows.c.userid)):
        if name in asked:
            wanted = wanted.where(column == asked.whole(name))
    if "transid" in asked:
        wanted = wanted.where(rows.c.transid == asked.text("transid"))
    found = list(tx.execute(wanted).mappings())
    return {
        "totalresults": len(found),
        "startnumber": 0,
        "numreturned": len(found),
        **collection("transactions", "transaction", (texts(row, *_TRANSACTION) for row in found)),
    }


def get_currencies(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    rows = list(tx.execute(select(tables.currencies).order_by(tables.currencies.c.id)).mappings())
    found = [texts(row, "id", "code", "prefix", "suffix", "format", "rate") for row in rows]
    return {"totalresults": len(found), **collection("currencies", "currency", found)}


ACTIONS = {
    "CreateInvoice": create_invoice,
    "UpdateInvoice": update_invoice,
    "AddInvoicePayment": add_invoice_payment,
    "ApplyCredit": apply_credit,
    "AddTransaction": add_transaction,
    "GetInvoice": get_invoice,
    "GetInvoices": get_invoices,
    "GenInvoices": gen_invoices,
    "CapturePayment": capture_payment,
    "GetTransactions": get_transactions,
    "GetCurrencies": get_currencies,
}
