"""WHMCS's side of a module call: parameters in, a word out, and what WHMCS does with it.

    the module says   asked by a person or the API        asked by automation
    success           status changes, mail on creation    the same
    anything else     the text is shown, nothing changes  nothing changes; the module queue, and the `...Failed` hook

WHMCS never repeats a failed action by itself: a person presses Retry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from bridge.demo.whmcs import tables
from bridge.demo.whmcs.actions.people import mail
from bridge.demo.whmcs.asked import Asked, Declined, Reply
from bridge.demo.whmcs.standin import StandIn
from bridge.whmcs import php


@dataclass(frozen=True, slots=True)
class Command:
    """A module function, the hook around it, and the status that its success sets."""

    function: str
    hook: str
    status: str | None = None


CREATE = Command("CreateAccount", "ModuleCreate", "Active")
SUSPEND = Command("SuspendAccount", "ModuleSuspend", "Suspended")
UNSUSPEND = Command("UnsuspendAccount", "ModuleUnsuspend", "Active")
TERMINATE = Command("TerminateAccount", "ModuleTerminate", "Terminated")
CHANGE_PACKAGE = Command("ChangePackage", "ModuleChangePackage")
CHANGE_PASSWORD = Command("ChangePassword", "ModuleChangePassword")
RENEW = Command("Renew", "ModuleRenew")

COMMANDS_BY_ACTION: Mapping[str, Command | None] = {
    "modulecreate": CREATE,
    "modulesuspend": SUSPEND,
    "moduleunsuspend": UNSUSPEND,
    "moduleterminate": TERMINATE,
    "modulechangepackage": CHANGE_PACKAGE,
    "modulechangepw": CHANGE_PASSWORD,
    "modulecustom": Command("Custom", "ModuleCustom"),
}
_BY_FUNCTION = {each.function: each for each in (*filter(None, COMMANDS_BY_ACTION.values()), RENEW)}


def by_api(whmcs: StandIn, asked: Asked, command: Command) -> Reply:
    """ModuleCreate and its siblings: run for a person who waits for the text."""
    if "serviceid" not in asked and "accountid" not in asked:
        raise Declined("Service ID is required")
    more = {name: asked.text(name) for name in ("suspendreason", "servicepassword") if name in asked}
    if "func_name" in asked:
        command = Command(asked.raw("func_name"), command.hook)
    said = run(whmcs, asked.whole("serviceid", asked.whole("accountid")), command, more=more)
    if said != "success":
        raise Declined(said)
    return {}


def run(
    whmcs: StandIn,
    service_id: int,
    command: Command,
    *,
    more: Mapping[str, str] | None = None,
    automated: bool = False,
    by_cron: bool = False,
) -> str:
    """One module call. No transaction is open while the module works."""
    extra = dict(more or {})
    parameters = whmcs.within(lambda tx: _parameters(tx, service_id, extra))
    whmcs.within(lambda tx: _hook(tx, whmcs, f"Pre{command.hook}", service_id))
    module = whmcs.module
    said = module(command.function, parameters, by_cron=by_cron) if module is not None else "Module Not Found"

    def settle(tx: Connection) -> None:
        module_name = parameters["moduletype"]
        tables.add(
            tx,
            tables.module_log,
            date=whmcs.moment(),
            module=module_name,
            action=command.function,
            serviceid=service_id,
            response=said,
        )
        if said == "success":
            _succeeded(tx, whmcs, service_id, command, extra)
        else:
            _hook(tx, whmcs, f"After{command.hook}Failed", service_id)
            if automated:
                queue(tx, whmcs, service_id, module_name, command.function, said)

    whmcs.within(settle)
    return said


def retry(whmcs: StandIn, entry_id: int) -> str:
    """A person presses Retry on an entry of the module queue: the function is called again, as it was."""
    rows = tables.module_queue
    entry = whmcs.within(lambda tx: tx.execute(select(rows).where(rows.c.id == entry_id)).mappings().one())
    said = run(whmcs, entry["service_id"], _BY_FUNCTION[entry["module_action"]])
    columns: dict[str, Any] = {"updated_at": whmcs.moment(), "last_attempt": whmcs.moment()}
    if said == "success":
        columns["completed"] = 1
    else:
        columns |= {"last_attempt_error": php.encoded(said), "num_retries": entry["num_retries"] + 1}
    whmcs.within(lambda tx: tx.execute(update(rows).where(rows.c.id == entry_id).values(**columns)))
    return said


def queue(tx: Connection, whmcs: StandIn, service_id: int, module: str, function: str, error: str) -> None:
    """Queue::add: one open entry for a service and an action."""
    rows = tables.module_queue
    mine = (rows.c.service_id == service_id) & (rows.c.module_action == function) & (rows.c.completed == 0)
    now = whmcs.moment()
    if tx.execute(select(rows.c.id).where(mine)).first():
        tx.execute(
            update(rows).where(mine).values(last_attempt=now, last_attempt_error=php.encoded(error), updated_at=now)
        )
        return
    tables.add(
        tx,
        rows,
        service_type="service",
        service_id=service_id,
        module_name=module,
        module_action=function,
        last_attempt=now,
        last_attempt_error=php.encoded(error),
        created_at=now,
        updated_at=now,
    )


def resolve(tx: Connection, whmcs: StandIn, service_id: int, module: str, function: str) -> bool:
    """Queue::resolve: whether an open entry is closed now."""
    rows = tables.module_queue
    done = tx.execute(
        update(rows)
        .where(
            rows.c.service_type == "service",
            rows.c.service_id == service_id,
            rows.c.module_name == module,
            rows.c.module_action == function,
            rows.c.completed == 0,
        )
        .values(completed=1, updated_at=whmcs.moment())
    )
    return done.rowcount > 0


def _succeeded(tx: Connection, whmcs: StandIn, service_id: int, command: Command, extra: Mapping[str, str]) -> None:
    hosting = tables.hosting
    columns: dict[str, Any] = {} if command.status is None else {"domainstatus": command.status}
    if command is SUSPEND:
        columns["suspendreason"] = extra.get("suspendreason", "Overdue on Payment")
    if command is UNSUSPEND:
        columns["suspendreason"] = ""
    if command is TERMINATE:
        columns["termination_date"] = whmcs.day()
    if command is CHANGE_PASSWORD and "servicepassword" in extra:
        columns["password"] = extra["servicepassword"]
    if columns:
        tx.execute(update(hosting).where(hosting.c.id == service_id).values(**columns))
    _hook(tx, whmcs, f"After{command.hook}", service_id)
    if command is CREATE:
        _welcome(tx, whmcs, service_id)


def _welcome(tx: Connection, whmcs: StandIn, service_id: int) -> None:
    templates, products, hosting = tables.email_templates, tables.products, tables.hosting
    name = tx.execute(
        select(templates.c.name)
        .join(products, products.c.welcomeemail == templates.c.id)
        .join(hosting, hosting.c.packageid == products.c.id)
        .where(hosting.c.id == service_id)
    ).scalar()
    if name is not None:
        mail(tx, whmcs, template=name, about_id=service_id)


def _hook(tx: Connection, whmcs: StandIn, name: str, service_id: int) -> None:
    tables.add(tx, tables.hooks, date=whmcs.moment(), hook=name, serviceid=service_id)


# --- what a module is handed -----------------------------------------------------------------------------------------


def _parameters(tx: Connection, service_id: int, extra: dict[str, str]) -> dict[str, Any]:
    hosting = tables.hosting
    service = tx.execute(select(hosting).where(hosting.c.id == service_id)).mappings().first()
    if service is None:
        raise Declined("Service ID not found")
    product = tx.execute(select(tables.products).where(tables.products.c.id == service["packageid"])).mappings().first()
    if product is None or not product["servertype"]:
        raise Declined("Service not assigned to a module")
    server = tx.execute(select(tables.servers).where(tables.servers.c.id == service["server"])).mappings().first()
    return {
        "serviceid": service_id,
        "userid": service["userid"],
        "pid": service["packageid"],
        "serverid": service["server"],
        "domain": service["domain"],
        "username": service["username"],
        "password": extra.get("servicepassword", service["password"]),
        "producttype": product["type"],
        "moduletype": product["servertype"],
        **{f"configoption{n}": product[f"configoption{n}"] for n in range(1, 25)},
        "configoptions": _chosen(tx, service),
        "customfields": _fields(tx, service),
        "clientsdetails": _client(tx, service["userid"]),
        "server": server is not None,
        "serverhostname": server["hostname"] if server else "",
        "serverip": server["ipaddress"] if server else "",
        "suspendreason": extra.get("suspendreason", service["suspendreason"]),
        "whmcsVersion": "8.13.1-release.1",
    }


def _chosen(tx: Connection, service: Mapping[Any, Any]) -> dict[str, str]:
    rows, options, subs, links = (
        tables.hosting_options,
        tables.config_options,
        tables.config_subs,
        tables.config_links,
    )
    found = tx.execute(
        select(options.c.optionname, options.c.optiontype, rows.c.qty, subs.c.optionname.label("sub"))
        .join(options, options.c.id == rows.c.configid)
        .join(links, links.c.gid == options.c.gid)
        .outerjoin(subs, subs.c.id == rows.c.optionid)
        .where(rows.c.relid == service["id"], links.c.pid == service["packageid"])
    ).mappings()
    return {
        php.before_bar(row["optionname"]): (
            str(row["qty"]) if row["optiontype"] in (3, 4) else php.before_bar(row["sub"] or "")
        )
        for row in found
    }


def _fields(tx: Connection, service: Mapping[Any, Any]) -> dict[str, str]:
    values, fields = tables.custom_values, tables.custom_fields
    found = tx.execute(
        select(fields.c.fieldname, values.c.value)
        .join(fields, fields.c.id == values.c.fieldid)
        .where(values.c.relid == service["id"], fields.c.type == "product", fields.c.relid == service["packageid"])
    ).mappings()
    return {php.before_bar(row["fieldname"]): php.before_bar(row["value"]) for row in found}


def _client(tx: Connection, client_id: int) -> dict[str, Any]:
    row = tx.execute(select(tables.clients).where(tables.clients.c.id == client_id)).mappings().first()
    if row is None:
        return {}
    code = tx.execute(select(tables.currencies.c.code).where(tables.currencies.c.id == row["currency"])).scalar()
    names = ("id", "firstname", "lastname", "companyname", "email", "country", "language", "groupid", "status")
    return {**{name: row[name] for name in names}, "userid": client_id, "currency_code": code or ""}
