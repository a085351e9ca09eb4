"""The named questions about WHMCS's tables: which columns they need, and how each is asked in SQL.

Rows leave here as WHMCS stores them (entities, zero dates, 'on'); `reading.py` makes values of them. The addon answers
the same questions by the same names and columns, so SQL never travels. Columns are named one by one and compared with
what is there before the first question. Joins are on integers only: WHMCS's text columns have mixed collations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    TableClause,
    and_,
    bindparam,
    column,
    literal,
    select,
    table,
)

Columns = Mapping[str, frozenset[str]]

OUR_MODULE = "voipbridge"
SETTINGS_MAX = 24

_CONFIG_OPTIONS = tuple(f"configoption{n}" for n in range(1, SETTINGS_MAX + 1))

NEEDED: Mapping[str, tuple[str, ...]] = {
    "tblhosting": (
        *("id", "userid", "packageid", "server", "domainstatus", "domain", "username", "suspendreason"),
        *("overideautosuspend", "overidesuspenduntil", "regdate", "nextduedate", "termination_date", "billingcycle"),
    ),
    "tblproducts": ("id", "name", "servertype", "servergroup", "welcomeemail", *_CONFIG_OPTIONS),
    "tblemailtemplates": ("id", "name"),
    "tblproductconfigoptions": ("id", "gid", "optionname", "optiontype"),
    "tblproductconfigoptionssub": ("id", "optionname"),
    "tblproductconfiglinks": ("gid", "pid"),
    "tblhostingconfigoptions": ("id", "relid", "configid", "optionid", "qty"),
    "tblhostingaddons": ("id", "hostingid", "addonid", "name", "status"),
    "tbladdons": ("id", "name"),
    "tblcustomfields": ("id", "type", "relid", "fieldname", "fieldtype"),
    "tblcustomfieldsvalues": ("fieldid", "relid", "value"),
    "tblclients": ("id", "status", "currency", "groupid"),
    "tblclientgroups": ("id", "susptermexempt"),
    "tblcurrencies": ("id", "code"),
    "tblservers": (
        *("id", "name", "hostname", "ipaddress", "type", "secure", "port", "username", "disabled", "maxaccounts"),
    ),
    "tblservergroups": ("id", "name"),
    "tblservergroupsrel": ("groupid", "serverid"),
    "tblconfiguration": ("setting", "value"),
    "tbladdonmodules": ("module", "setting", "value"),
}
"""What must be there."""

OPTIONAL: Mapping[str, tuple[str, ...]] = {"tblhostingaddons": ("qty",)}
"""What some versions have; without it the question is answered with what it would mean there."""


def missing_from(there: Columns) -> list[str]:
    """What the questions need and a database lacks, as `table` or `table.column`."""
    lacking: list[str] = []
    for name, columns in NEEDED.items():
        if name not in there:
            lacking.append(name)
        else:
            lacking += [f"{name}.{each}" for each in columns if each not in there[name]]
    return lacking


def _table(name: str) -> TableClause:
    return table(name, *(column(each) for each in (*NEEDED[name], *OPTIONAL.get(name, ()))))


# --- questions that name ids -----------------------------------------------------------------------------------------

_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_MODULES: BindParameter[Any] = bindparam("modules", expanding=True)


def _services() -> tuple[Select[Any], TableClause, TableClause]:
    hosting, products = _table("tblhosting"), _table("tblproducts")
    rows = select(
        *(hosting.c[name] for name in NEEDED["tblhosting"]), products.c.servertype.label("servertype")
    ).select_from(hosting.outerjoin(products, products.c.id == hosting.c.packageid))
    return rows, hosting, products


def _services_of(_: Columns) -> Select[Any]:
    rows, hosting, _products = _services()
    return rows.where(hosting.c.id.in_(_IDS)).order_by(hosting.c.id)


def _statuses_of(_: Columns) -> Select[Any]:
    hosting = _table("tblhosting")
    return select(hosting.c.id, hosting.c.domainstatus).where(hosting.c.id.in_(_IDS)).order_by(hosting.c.id)


def _choices_of(_: Columns) -> Select[Any]:
    """Choices whose option still belongs to the service's product; what an old product left behind is not chosen."""
    chosen, options, subs = (
        _table("tblhostingconfigoptions"),
        _table("tblproductconfigoptions"),
        _table("tblproductconfigoptionssub"),
    )
    hosting, links = _table("tblhosting"), _table("tblproductconfiglinks")
    belongs = select(literal(1)).where(and_(links.c.gid == options.c.gid, links.c.pid == hosting.c.packageid)).exists()
    return (
        select(
            chosen.c.id,
            chosen.c.relid,
            chosen.c.configid,
            chosen.c.qty,
            options.c.optionname.label("optionname"),
            options.c.optiontype,
            subs.c.optionname.label("chosen"),
        )
        .select_from(
            chosen.join(options, options.c.id == chosen.c.configid)
            .join(hosting, hosting.c.id == chosen.c.relid)
            .outerjoin(subs, subs.c.id == chosen.c.optionid)
        )
        .where(chosen.c.relid.in_(_IDS), belongs)
        .order_by(chosen.c.id)
    )


def _addons_of(there: Columns) -> Select[Any]:
    addons, definitions = _table("tblhostingaddons"), _table("tbladdons")
    quantity: ColumnElement[Any] = addons.c.qty if "qty" in there["tblhostingaddons"] else literal(1)
    return (
        select(
            *(addons.c[name] for name in NEEDED["tblhostingaddons"]),
            definitions.c.name.label("definition"),
            quantity.label("qty"),
        )
        .select_from(addons.outerjoin(definitions, definitions.c.id == addons.c.addonid))
        .where(addons.c.hostingid.in_(_IDS))
        .order_by(addons.c.id)
    )


def _fields_of(_: Columns) -> Select[Any]:
    """Values of the product's own fields; ids of clients and services collide, so the type decides. No passwords."""
    values, fields, hosting = _table("tblcustomfieldsvalues"), _table("tblcustomfields"), _table("tblhosting")
    return (
        select(values.c.fieldid, values.c.relid, values.c.value, fields.c.fieldname)
        .select_from(
            values.join(fields, fields.c.id == values.c.fieldid).join(
                hosting, and_(hosting.c.id == values.c.relid, hosting.c.packageid == fields.c.relid)
            )
        )
        .where(values.c.relid.in_(_IDS), fields.c.type == "product", fields.c.fieldtype != "password")
        .order_by(values.c.fieldid, values.c.relid)
    )


def _clients_of(_: Columns) -> Select[Any]:
    clients, groups, currencies = _table("tblclients"), _table("tblclientgroups"), _table("tblcurrencies")
    return (
        select(clients.c.id, clients.c.status, clients.c.groupid, groups.c.susptermexempt, currencies.c.code)
        .select_from(
            clients.outerjoin(groups, groups.c.id == clients.c.groupid).outerjoin(
                currencies, currencies.c.id == clients.c.currency
            )
        )
        .where(clients.c.id.in_(_IDS))
        .order_by(clients.c.id)
    )


def _members_of(_: Columns) -> Select[Any]:
    """The servers of server groups."""
    members = _table("tblservergroupsrel")
    return (
        select(members.c.groupid, members.c.serverid)
        .where(members.c.groupid.in_(_IDS))
        .order_by(members.c.groupid, members.c.serverid)
    )


BY_IDS: Mapping[str, Callable[[Columns], Select[Any]]] = {
    "services_of": _services_of,
    "statuses_of": _statuses_of,
    "choices_of": _choices_of,
    "addons_of": _addons_of,
    "fields_of": _fields_of,
    "clients_of": _clients_of,
    "members_of": _members_of,
}

# --- questions that are paged by id ----------------------------------------------------------------------------------


def _page(rows: Select[Any], row_id: ColumnElement[int]) -> Select[Any]:
    return rows.where(row_id > bindparam("after")).order_by(row_id).limit(bindparam("limit"))


def _services_page(_: Columns) -> Select[Any]:
    rows, hosting, products = _services()
    return _page(rows.where(products.c.servertype.in_(_MODULES)), hosting.c.id)


def _products_page(_: Columns) -> Select[Any]:
    products, mails = _table("tblproducts"), _table("tblemailtemplates")
    rows = (
        select(*(products.c[name] for name in NEEDED["tblproducts"]), mails.c.name.label("welcome"))
        .select_from(products.outerjoin(mails, mails.c.id == products.c.welcomeemail))
        .where(products.c.servertype.in_(_MODULES))
    )
    return _page(rows, products.c.id)


def _servers_page(_: Columns) -> Select[Any]:
    servers = _table("tblservers")
    rows = select(*(servers.c[name] for name in NEEDED["tblservers"])).where(servers.c.type.in_(_MODULES))
    return _page(rows, servers.c.id)


def _server_groups_page(_: Columns) -> Select[Any]:
    groups = _table("tblservergroups")
    return _page(select(groups.c.id, groups.c.name), groups.c.id)


BY_PAGE: Mapping[str, Callable[[Columns], Select[Any]]] = {
    "services": _services_page,
    "products": _products_page,
    "servers": _servers_page,
    "server_groups": _server_groups_page,
}

OF_MODULES = frozenset({"services", "products", "servers"})
"""The paged questions that ask about some modules only."""

# --- which WHMCS is this ---------------------------------------------------------------------------------------------


def configuration(settings: Sequence[str]) -> Select[Any]:
    rows = _table("tblconfiguration")
    return select(rows.c.setting, rows.c.value).where(rows.c.setting.in_(settings))


def addon_setting(name: str) -> Select[Any]:
    rows = _table("tbladdonmodules")
    return select(rows.c.value).where(rows.c.module == OUR_MODULE, rows.c.setting == name)
