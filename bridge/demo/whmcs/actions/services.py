"""Clients, products and services, as the API shows and edits them. An edit is an edit of the record and no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from bridge.demo.whmcs import tables
from bridge.demo.whmcs.actions.billing import client_row
from bridge.demo.whmcs.asked import Asked, Declined, Reply, collection, page, texts
from bridge.demo.whmcs.standin import StandIn
from bridge.whmcs import php

STATUSES = ("Pending", "Active", "Completed", "Suspended", "Terminated", "Cancelled", "Fraud")


def get_clients(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    rows = tables.clients
    wanted = select(rows).order_by(rows.c.id)
    if "status" in asked:
        wanted = wanted.where(rows.c.status == asked.raw("status"))
    if "search" in asked:
        like = asked.text("search").replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        wanted = wanted.where(rows.c.email.like(like, escape="\\") | rows.c.companyname.like(like, escape="\\"))
    found, counts = page(asked, list(tx.execute(wanted).mappings()))
    shown = ("firstname", "lastname", "companyname", "email", "datecreated", "groupid", "status")
    return {
        **counts,
        **collection("clients", "client", ({"id": row["id"], **texts(row, *shown)} for row in found)),
    }


def get_clients_details(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    rows = tables.clients
    if "clientid" in asked:
        row = client_row(tx, asked.whole("clientid"))
    else:
        found = tx.execute(select(rows).where(rows.c.email == asked.text("email"))).mappings().first()
        if found is None:
            raise Declined("Client Not Found")
        row = found
    code = tx.execute(select(tables.currencies.c.code).where(tables.currencies.c.id == row["currency"])).scalar()
    client = {
        **{name: row[name] for name in ("id", "uuid", "firstname", "lastname", "companyname", "email", "status")},
        **{name: row[name] for name in ("address1", "address2", "city", "state", "postcode", "phonenumber")},
        "client_id": row["id"],
        "userid": row["id"],
        "countrycode": row["country"],
        "currency": row["currency"],
        "currency_code": code or "",
        "credit": f"{row['credit']:.2f}",
        "groupid": row["groupid"],
        "language": row["language"],
        "customfields": [],
        "users": {"user": []},
    }
    return {**client, "client": client}  # the flat copy is deprecated, and still there


def get_clients_products(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    rows = tables.hosting
    wanted = select(rows).order_by(rows.c.id)
    if "clientid" in asked:
        client_row(tx, asked.whole("clientid"))
    for name, column in (("clientid", rows.c.userid), ("serviceid", rows.c.id), ("pid", rows.c.packageid)):
        if name in asked:
            wanted = wanted.where(column == asked.whole(name))
    for name, text_column in (("domain", rows.c.domain), ("username2", rows.c.username)):
        if name in asked:
            wanted = wanted.where(text_column == asked.text(name))
    found, counts = page(asked, list(tx.execute(wanted).mappings()))
    described = [_product_row(tx, row) for row in found]
    return {
        "clientid": asked.whole("clientid") or None,
        "serviceid": asked.whole("serviceid") or None,
        **counts,
        **collection("products", "product", described),
    }


def _product_row(tx: Connection, row: Mapping[str, Any]) -> dict[str, Any]:
    product = tx.execute(select(tables.products).where(tables.products.c.id == row["packageid"])).mappings().first()
    server = tx.execute(select(tables.servers).where(tables.servers.c.id == row["server"])).mappings().first()
    group = select(tables.product_groups.c.name).where(tables.product_groups.c.id == (product["gid"] if product else 0))
    return {
        "id": row["id"],
        "qty": 1,
        "clientid": row["userid"],
        "orderid": row["orderid"],
        "pid": row["packageid"],
        "regdate": row["regdate"],
        "name": product["name"] if product else "",
        "groupname": tx.execute(group).scalar() or "",
        "domain": row["domain"],
        "dedicatedip": row["dedicatedip"],
        "serverid": row["server"],
        "servername": server["name"] if server else "",
        "serverip": server["ipaddress"] if server else "",
        "serverhostname": server["hostname"] if server else "",
        "suspensionreason": row["suspendreason"],
        **texts(row, "firstpaymentamount", "paymentmethod", "billingcycle", "nextduedate"),
        "recurringamount": f"{row['amount']}",
        "status": row["domainstatus"],
        **texts(row, "username", "password", "overideautosuspend", "overidesuspenduntil", "notes"),
        **collection("customfields", "customfield", _custom_fields(tx, row)),
        **collection("configoptions", "configoption", _choices(tx, row)),
    }


def _custom_fields(tx: Connection, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    values, fields = tables.custom_values, tables.custom_fields
    found = tx.execute(
        select(fields.c.id, fields.c.fieldname, values.c.value)
        .join(fields, fields.c.id == values.c.fieldid)
        .where(values.c.relid == row["id"], fields.c.type == "product", fields.c.relid == row["packageid"])
        .order_by(fields.c.id)
    ).mappings()
    return [{"id": each["id"], "name": each["fieldname"], "value": each["value"]} for each in found]


_TYPES = {1: "dropdown", 2: "radio", 3: "yesno", 4: "quantity"}


def _choices(tx: Connection, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    chosen, options, subs = tables.hosting_options, tables.config_options, tables.config_subs
    found = tx.execute(
        select(options.c.id, options.c.optionname, options.c.optiontype, chosen.c.qty, subs.c.optionname.label("sub"))
        .join(options, options.c.id == chosen.c.configid)
        .outerjoin(subs, subs.c.id == chosen.c.optionid)
        .where(chosen.c.relid == row["id"])
        .order_by(options.c.id)
    ).mappings()
    return [
        {
            "id": each["id"],
            "option": each["optionname"],
            "type": _TYPES.get(each["optiontype"], "dropdown"),
            "value": each["qty"] if each["optiontype"] in (3, 4) else each["sub"],
        }
        for each in found
    ]


# What UpdateClientProduct takes, and the column it goes to.
_WORDS = {
    **{name: name for name in ("regdate", "nextduedate", "domain", "paymentmethod", "billingcycle", "subscriptionid")},
    **{name: name for name in ("notes", "overideautosuspend", "overidesuspenduntil", "ns1", "ns2", "dedicatedip")},
    **{name: name for name in ("assignedips", "suspendreason")},
    "terminationdate": "termination_date",
    "status": "domainstatus",
    "serviceusername": "username",
    "servicepassword": "password",
}
_NUMBERS = {
    **{name: name for name in ("diskusage", "disklimit", "bwusage", "bwlimit", "promoid")},
    "pid": "packageid",
    "serverid": "server",
}
_AMOUNTS = {"firstpaymentamount": "firstpaymentamount", "recurringamount": "amount"}


def update_client_product(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    service_id = asked.whole("serviceid")
    rows = tables.hosting
    if tx.execute(select(rows.c.id).where(rows.c.id == service_id)).first() is None:
        raise Declined("Service ID Not Found")
    if "status" in asked and asked.raw("status") not in STATUSES:
        raise Declined("Invalid Status")

    columns: dict[str, Any] = {to: asked.text(name) for name, to in _WORDS.items() if name in asked}
    columns |= {to: asked.whole(name) for name, to in _NUMBERS.items() if name in asked}
    columns |= {to: asked.amount(name) for name, to in _AMOUNTS.items() if name in asked}
    for name in asked.array("unset").values():
        if name in _WORDS:
            columns[_WORDS[name]] = tables.NO_DAY if "date" in name or name == "overidesuspenduntil" else ""
    if columns:
        tx.execute(update(rows).where(rows.c.id == service_id).values(**columns))
    for field_id, value in asked.unpacked("customfields").items():
        put_custom_value(tx, service_id, int(field_id), php.encoded(str(value)))
    for option_id, value in asked.unpacked("configoptions").items():
        choose(tx, service_id, int(option_id), value)
    return {"serviceid": service_id}


def put_custom_value(tx: Connection, service_id: int, field_id: int, value: str) -> None:
    rows = tables.custom_values
    mine = (rows.c.relid == service_id) & (rows.c.fieldid == field_id)
    if (
        tx.execute(update(rows).where(mine).values(value=value)).rowcount == 0
        and not tx.execute(select(rows.c.id).where(mine)).first()
    ):
        tables.add(tx, rows, fieldid=field_id, relid=service_id, value=value)


def choose(tx: Connection, service_id: int, option_id: int, value: Any) -> None:
    """The sub-option's id, or `{"optionid":, "qty":}`; for yes/no and quantity a bare number is the quantity."""
    options, rows = tables.config_options, tables.hosting_options
    kind = tx.execute(select(options.c.optiontype).where(options.c.id == option_id)).scalar()
    if kind is None:
        return
    if isinstance(value, Mapping):
        sub, quantity = int(value.get("optionid", 0)), int(value.get("qty", 0))
    else:
        sub, quantity = (0, int(value)) if kind in (3, 4) else (int(value), 0)
    tx.execute(rows.delete().where(rows.c.relid == service_id, rows.c.configid == option_id))
    tables.add(tx, rows, relid=service_id, configid=option_id, optionid=sub, qty=quantity)


def get_products(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    """The order form's view: module settings are not in it."""
    rows = tables.products
    wanted = select(rows).order_by(rows.c.id)
    if "pid" in asked:
        wanted = wanted.where(rows.c.id.in_([int(each) for each in asked.raw("pid").split(",") if each.isdigit()]))
    if "gid" in asked:
        wanted = wanted.where(rows.c.gid == asked.whole("gid"))
    if "module" in asked:
        wanted = wanted.where(rows.c.servertype == asked.raw("module"))
    found = [
        {
            "pid": row["id"],
            "gid": row["gid"],
            "type": row["type"],
            "name": row["name"],
            "description": row["description"],
            "module": row["servertype"],
            "paytype": row["paytype"],
            "pricing": {"USD": {"monthly": "-1.00"}},
            **collection("customfields", "customfield", ()),
            **collection("configoptions", "configoption", ()),
        }
        for row in tx.execute(wanted).mappings()
    ]
    return {"totalresults": len(found), **collection("products", "product", found)}


def get_servers(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    hosting = tables.hosting
    servers = []
    for row in tx.execute(select(tables.servers).order_by(tables.servers.c.id)).mappings():
        using = tx.execute(select(hosting.c.id).where(hosting.c.server == row["id"])).all()
        servers.append(
            {
                "id": row["id"],
                "name": row["name"],
                "hostname": row["hostname"],
                "ipaddress": row["ipaddress"],
                "active": bool(row["active"]),
                "activeServices": len(using),
                "maxAllowedServices": row["maxaccounts"],
                "percentUsed": 0,
                "module": row["type"],
                "status": "",
            }
        )
    return {"servers": servers, "fetchStatus": asked.flag("fetchStatus")}


def get_module_queue(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    rows = tables.module_queue
    wanted = select(rows).order_by(rows.c.id)
    if "relatedId" in asked:
        wanted = wanted.where(rows.c.service_id == asked.whole("relatedId"))
    named = (("serviceType", rows.c.service_type), ("moduleName", rows.c.module_name))
    for name, column in (*named, ("moduleAction", rows.c.module_action)):
        if name in asked:
            wanted = wanted.where(column == asked.raw(name))
    if "since" in asked:
        wanted = wanted.where(rows.c.updated_at >= asked.raw("since"))
    found = [
        {
            "id": row["id"],
            "serviceType": row["service_type"],
            "serviceId": row["service_id"],
            "moduleName": row["module_name"],
            "moduleAction": row["module_action"],
            "lastAttempt": row["last_attempt"],
            "lastAttemptError": row["last_attempt_error"],
            "numRetries": row["num_retries"],
            "completed": row["completed"],
            "createdAt": row["created_at"],
            "updatedAt": row["updated_at"],
        }
        for row in tx.execute(wanted).mappings()
    ]
    return {"count": len(found), "queue": found}


def get_clients_addons(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    rows = tables.hosting_addons
    wanted = select(rows).order_by(rows.c.id)
    named = (("serviceid", rows.c.hostingid), ("clientid", rows.c.userid), ("addonid", rows.c.addonid))
    for name, column in named:
        if name in asked:
            wanted = wanted.where(column == asked.whole(name))
    found = [
        {
            "id": row["id"],
            "userid": row["userid"],
            "serviceid": row["hostingid"],
            "addonid": row["addonid"],
            "name": row["name"],
            "status": row["status"],
            "billingcycle": row["billingcycle"],
            "recurring": f"{row['recurring']}",
            "nextduedate": row["nextduedate"],
        }
        for row in tx.execute(wanted).mappings()
    ]
    return {"totalresults": len(found), **collection("addons", "addon", found)}


def update_client_addon(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    rows = tables.hosting_addons
    if tx.execute(select(rows.c.id).where(rows.c.id == asked.whole("id"))).first() is None:
        raise Declined("Addon ID Not Found")
    columns = {name: asked.text(name) for name in ("status", "name", "nextduedate") if name in asked}
    if columns:
        tx.execute(update(rows).where(rows.c.id == asked.whole("id")).values(**columns))
    return {"id": asked.whole("id")}


def get_client_groups(tx: Connection, whmcs: StandIn, asked: Asked) -> Reply:
    names = ("id", "groupname", "groupcolour", "discountpercent", "susptermexempt", "separateinvoices")
    found = [texts(row, *names) for row in tx.execute(select(tables.client_groups)).mappings()]
    return {"totalresults": len(found), **collection("groups", "group", found)}


ACTIONS = {
    "GetClients": get_clients,
    "GetClientsDetails": get_clients_details,
    "GetClientsProducts": get_clients_products,
    "UpdateClientProduct": update_client_product,
    "GetProducts": get_products,
    "GetServers": get_servers,
    "GetModuleQueue": get_module_queue,
    "GetClientsAddons": get_clients_addons,
    "UpdateClientAddon": update_client_addon,
    "GetClientGroups": get_client_groups,
}
