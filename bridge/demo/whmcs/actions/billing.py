"""Credit and billable items: the money actions that a bridge posts usage with. None of them knows a repeat."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select, update

from bridge.demo.whmcs import tables
from bridge.demo.whmcs.asked import Asked, Declined, Reply, collection, texts
from bridge.demo.whmcs.standin import StandIn

INVOICE_ACTIONS = {"noinvoice": 0, "nextcron": 1, "nextinvoice": 2, "recur": 3, "duedate": 4}
"""How `invoiceaction` is stored; the real numbers are unpublished, these are ours."""


def client_row(tx: Connection, client_id: int, complaint: str = "Client ID Not Found") -> Any:
    row = tx.execute(select(tables.clients).where(tables.clients.c.id == client_id)).mappings().one_or_none()
    if row is None:
        raise Declined(complaint)
    return row


def move_credit(
    tx: Connection,
    client_id: int,
    amount: Decimal,
    *,
    day: str,
    description: str,
    admin_id: int = 0,
    invoice_id: int = 0,
) -> Decimal:
    """A movement of a client's credit, and the balance after it. It may go below zero: no document says it may not."""
    tables.add(
        tx,
        tables.credits,
        clientid=client_id,
        admin_id=admin_id,
        date=day,
        description=description,
        amount=amount,
        relid=invoice_id,
    )
    balance = Decimal(client_row(tx, client_id)["credit"]) + amount
    tx.execute(update(tables.clients).where(tables.clients.c.id == client_id).values(credit=balance))
    return balance


def add_credit(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    kind = asked.raw("type") or "add"
    if kind not in ("add", "remove"):
        raise Declined("Type can only be add or remove")
    client_id = asked.whole("clientid")
    client_row(tx, client_id)
    if "adminid" in asked and not _admin_exists(tx, asked.whole("adminid")):
        raise Declined("Admin ID Not Found")
    if "amount" not in asked:
        raise Declined("No Amount Provided")
    if not re.fullmatch(r"[0-9]{1,10}(\.[0-9]{2})?", asked.raw("amount"), re.ASCII):
        raise Declined("Amount must be in decimal format: ### or ###.##")
    day = asked.day("date", "Date Format is not Valid") or whmcs.day()

    amount = asked.amount("amount")
    balance = move_credit(
        tx,
        client_id,
        -amount if kind == "remove" else amount,
        day=day,
        description=asked.text("description"),
        admin_id=asked.whole("adminid", asked.admin_id),
    )
    return {"newbalance": f"{balance:.2f}"}


def get_credits(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    client_id = asked.whole("clientid")
    client_row(tx, client_id)
    rows = tx.execute(
        select(tables.credits).where(tables.credits.c.clientid == client_id).order_by(tables.credits.c.id)
    ).mappings()
    found = [texts(row, "id", "date", "description", "amount", "relid") for row in rows]
    return {"totalresults": len(found), "clientid": client_id, **collection("credits", "credit", found)}


def add_billable_item(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    client_id = asked.whole("clientid")
    client_row(tx, client_id, "Client ID not Found")
    if "description" not in asked:
        raise Declined("You must provide a description")
    action = asked.raw("invoiceaction") or "noinvoice"
    if action not in INVOICE_ACTIONS:
        raise Declined("Invalid Invoice Action")
    if action == "recur" and not all(name in asked for name in ("recur", "recurcycle", "recurfor")):
        raise Declined("Recurring must have a unit, cycle and limit")
    if action in ("recur", "duedate") and "duedate" not in asked:
        raise Declined("Due date is required")
    if asked.raw("unit") not in ("hours", "quantity"):
        raise Declined("Invalid Unit, please specify either 'hours' or 'quantity'")
    due = asked.day("duedate", "Invalid Date Format - Expected: 'YYYY-mm-dd'")

    made = tables.add(
        tx,
        tables.billable_items,
        userid=client_id,
        description=asked.text("description"),
        unit=asked.raw("unit"),
        hours=asked.amount("quantity"),
        amount=asked.amount("amount"),
        recur=asked.whole("recur"),
        recurcycle=asked.text("recurcycle"),
        recurfor=asked.whole("recurfor"),
        invoiceaction=INVOICE_ACTIONS[action],
        duedate=due or whmcs.day(),
    )
    # Printed with `status` where every other answer has `result`.
    return {"status": "success", "billableid": made}


def _admin_exists(tx: Connection, admin_id: int) -> bool:
    return tx.execute(select(tables.admins.c.id).where(tables.admins.c.id == admin_id)).first() is not None


ACTIONS = {"AddCredit": add_credit, "GetCredits": get_credits, "AddBillableItem": add_billable_item}
