"""Mail, tickets, notes, notifications, the activity log: what tells a person something. A repeat is a duplicate."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, select, update

from bridge.demo.whmcs import tables
from bridge.demo.whmcs.actions.billing import client_row
from bridge.demo.whmcs.asked import Asked, Declined, Reply, collection, page
from bridge.demo.whmcs.standin import StandIn

CUSTOM_TYPES = ("general", "product", "domain", "invoice", "support", "affiliate")
_ABOUT = {"general": tables.clients, "product": tables.hosting, "invoice": tables.invoices, "support": tables.tickets}


def mail(
    tx: Connection, whmcs: StandIn, *, template: str, about_id: int, recipient: str = "client", **more: Any
) -> None:
    tables.add(tx, tables.mails, date=whmcs.moment(), template=template, relid=about_id, recipient=recipient, **more)


def send_email(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    """`id` is a client, service, invoice or ticket, by the type of the template."""
    if "messagename" in asked:
        templates = tables.email_templates
        found = tx.execute(select(templates).where(templates.c.name == asked.text("messagename"))).mappings().first()
        if found is None or found["disabled"]:
            raise Declined("Email Template not found")
        kind, subject, message = found["type"], found["subject"], found["message"]
    else:
        kind, subject, message = asked.raw("customtype"), asked.text("customsubject"), asked.text("custommessage")
        if kind not in CUSTOM_TYPES:
            raise Declined("Email Template not found")
    about = _ABOUT.get(kind)
    if about is not None and tx.execute(select(about.c.id).where(about.c.id == asked.whole("id"))).first() is None:
        raise Declined("Invalid ID")
    mail(
        tx,
        whmcs,
        template=asked.text("messagename"),
        about_id=asked.whole("id"),
        subject=subject,
        message=message,
        variables=json.dumps(asked.unpacked("customvars") or asked.array("customvars"), default=str),
    )
    return {}


def send_admin_email(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    if "messagename" not in asked and not ("customsubject" in asked and "custommessage" in asked):
        raise Declined("A message name or a custom subject and message are required")
    if "type" in asked and asked.raw("type") not in ("system", "account", "support"):
        raise Declined("Invalid Type")
    mail(
        tx,
        whmcs,
        template=asked.text("messagename"),
        about_id=asked.whole("deptid"),
        recipient="admin",
        subject=asked.text("customsubject"),
        message=asked.text("custommessage"),
        variables=json.dumps(asked.array("mergefields")),
    )
    return {}


def open_ticket(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    departments = tables.departments
    if tx.execute(select(departments.c.id).where(departments.c.id == asked.whole("deptid"))).first() is None:
        raise Declined("Department ID not found")
    if "clientid" in asked:
        client_row(tx, asked.whole("clientid"))
    elif not ("name" in asked and "email" in asked):
        raise Declined("Name and email address are required if not a client")
    for name in ("subject", "message"):
        if name not in asked:
            raise Declined(f"{name.capitalize()} is required")
    if "priority" in asked and asked.raw("priority") not in ("Low", "Medium", "High"):
        raise Declined("Invalid Priority. Valid priorities are: Low,Medium,High")
    tid, c = str(100000 + int.from_bytes(whmcs.random(4), "big") % 900000), whmcs.random(4).hex()
    made = tables.add(
        tx,
        tables.tickets,
        tid=tid,
        c=c,
        did=asked.whole("deptid"),
        userid=asked.whole("clientid"),
        name=asked.text("name"),
        email=asked.text("email"),
        title=asked.text("subject"),
        message=asked.text("message"),
        urgency=asked.raw("priority") or "Medium",
        service=f"S{asked.whole('serviceid')}" if "serviceid" in asked else "",
        admin="admin" if asked.flag("admin") else "",
        date=whmcs.moment(),
    )
    return {"id": made, "tid": tid, "c": c}


def get_support_departments(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    rows = tx.execute(select(tables.departments).order_by(tables.departments.c.id)).mappings()
    found = [{"id": str(row["id"]), "name": row["name"], "awaitingreply": "0", "opentickets": "0"} for row in rows]
    return {"totalresults": len(found), **collection("departments", "department", found)}


def add_ticket_note(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    tickets = tables.tickets
    mine = (tickets.c.id == asked.whole("ticketid")) | (tickets.c.tid == (asked.raw("ticketnum") or "-"))
    ticket_id = tx.execute(select(tickets.c.id).where(mine)).scalar()
    if ticket_id is None:
        raise Declined("Ticket ID not found")
    _note(tx, whmcs, kind="ticket", about_id=ticket_id, text=asked.text("message"))
    return {}


def add_client_note(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    client_row(tx, asked.whole("userid"), "Client ID not found")
    return {"noteid": _note(tx, whmcs, kind="client", about_id=asked.whole("userid"), text=asked.text("notes"))}


def _note(tx: Connection, whmcs: StandIn, *, kind: str, about_id: int, text: str) -> int:
    return tables.add(tx, tables.notes, kind=kind, relid=about_id, note=text, created=whmcs.moment())


def trigger_notification_event(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    for name in ("notification_identifier", "title", "message"):
        if name not in asked:
            raise Declined(f"Required parameter '{name}' was not provided")
    if "statusStyle" in asked and asked.raw("statusStyle") not in ("success", "danger", "info"):
        raise Declined("Invalid statusStyle")
    attributes = list(asked.array("attributes").values())
    tables.add(
        tx,
        tables.notifications,
        date=whmcs.moment(),
        identifier=asked.text("notification_identifier"),
        title=asked.text("title"),
        message=asked.text("message"),
        url=asked.text("url"),
        status=asked.text("status"),
        style=asked.text("statusStyle"),
        attributes=json.dumps(attributes),
    )
    return {}


def log_activity(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    if "description" not in asked:
        raise Declined("Description is required")
    if "clientid" in asked:
        client_row(tx, asked.whole("clientid"))
    note_activity(tx, whmcs, asked.text("description"), asked.whole("clientid"))
    return {}


def note_activity(tx: Connection, whmcs: StandIn, description: str, client_id: int = 0) -> None:
    tables.add(
        tx,
        tables.activity,
        date=whmcs.moment(),
        description=description,
        user="admin",
        userid=client_id,
        ipaddr="127.0.0.1",
    )


def get_activity_log(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    rows = tables.activity
    wanted = select(rows).order_by(rows.c.id.desc())
    if "clientid" in asked:
        wanted = wanted.where(rows.c.userid == asked.whole("clientid"))
    every = [row for row in tx.execute(wanted).mappings() if asked.text("description") in row["description"]]
    found, counts = page(asked, every)
    shown = [
        {
            "id": row["id"],
            "clientId": row["userid"],
            "userId": 0,
            "adminId": 1,
            "date": row["date"],
            "description": row["description"],
            "username": row["user"],
            "ipaddress": row["ipaddr"],
        }
        for row in found
    ]
    return {**counts, **collection("activity", "entry", shown)}


def get_email_templates(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    rows = tables.email_templates
    wanted = select(rows).order_by(rows.c.id)
    if "type" in asked:
        wanted = wanted.where(rows.c.type == asked.raw("type"))
    found = [
        {"id": row["id"], "name": row["name"], "subject": row["subject"], "custom": bool(row["custom"])}
        for row in tx.execute(wanted).mappings()
    ]
    return {"totalresults": len(found), **collection("emailtemplates", "emailtemplate", found)}


def get_todo_items(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    rows = tables.todo
    wanted = select(rows).order_by(rows.c.id)
    if asked.raw("status") == "Incomplete":
        wanted = wanted.where(rows.c.status != "Completed")
    elif "status" in asked:
        wanted = wanted.where(rows.c.status == asked.raw("status"))
    found, counts = page(asked, list(tx.execute(wanted).mappings()))
    return {**counts, **collection("items", "item", found)}


def update_todo_item(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    rows = tables.todo
    if tx.execute(select(rows.c.id).where(rows.c.id == asked.whole("itemid"))).first() is None:
        raise Declined("TODO Item ID Not Found")
    columns = {
        name: asked.text(name) for name in ("title", "description", "status", "date", "duedate") if name in asked
    }
    if columns:
        tx.execute(update(rows).where(rows.c.id == asked.whole("itemid")).values(**columns))
    return {"itemid": asked.whole("itemid")}


def project_management_is_not_active(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    raise Declined("Project Management is not active.")


ACTIONS = {
    "SendEmail": send_email,
    "SendAdminEmail": send_admin_email,
    "OpenTicket": open_ticket,
    "GetSupportDepartments": get_support_departments,
    "AddTicketNote": add_ticket_note,
    "AddClientNote": add_client_note,
    "TriggerNotificationEvent": trigger_notification_event,
    "LogActivity": log_activity,
    "GetActivityLog": get_activity_log,
    "GetEmailTemplates": get_email_templates,
    "GetToDoItems": get_todo_items,
    "UpdateToDoItem": update_todo_item,
    "AddProjectTask": project_management_is_not_active,
    "CreateProject": project_management_is_not_active,
}
