"""Furniture for the stand-in: an installation with staff and departments, and makers of everything that is sold.

Text is given as it was typed and stored as WHMCS stores it. Every maker returns the id of what it made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import Connection, select

from bridge.demo.whmcs import tables
from bridge.demo.whmcs.actions.services import choose, put_custom_value
from bridge.demo.whmcs.tables import add
from bridge.whmcs import php
from bridge.whmcs.questions import OUR_MODULE

Kind = Literal["dropdown", "radio", "yes_no", "quantity"]
_TYPES: Mapping[Kind, int] = {"dropdown": 1, "radio": 2, "yes_no": 3, "quantity": 4}

WELCOME = "VoIP Welcome"


def installation(
    tx: Connection,
    *,
    system_url: str = "https://whmcs.example/",
    version: str = "8.13.1",
    installation_id: str | None = "inst-7f3c9a1e",
    currency: str = "USD",
) -> None:
    """What every WHMCS has: settings, a currency, an administrator, two departments, one welcome mail."""
    for setting, value in (("SystemURL", system_url), ("Version", f"{version}-release.1"), ("CompanyName", "Example")):
        add(tx, tables.configuration, setting=setting, value=value)
    if installation_id is not None:
        add(tx, tables.addon_modules, module=OUR_MODULE, setting="installation_id", value=installation_id)
    add(tx, tables.currencies, code=currency, prefix="$", suffix=f" {currency}", default=1)
    add(tx, tables.admins, username="bridge", name="VoIP Bridge")
    for name in ("Support", "Telephony"):
        add(tx, tables.departments, name=name, email=f"{name.lower()}@example.com")
    add(tx, tables.product_groups, name="Telephony")
    mail_template(tx, WELCOME)


def mail_template(tx: Connection, name: str, kind: str = "product") -> int:
    return add(tx, tables.email_templates, type=kind, name=name, subject=name, message=name)


def client(tx: Connection, name: str = "Acme", **columns: Any) -> int:
    written = {"companyname": php.encoded(name), "email": f"{name.lower().replace(' ', '.')}@example.com"}
    return add(tx, tables.clients, **{**written, "firstname": "Ann", "lastname": "Other", "country": "US", **columns})


def client_group(tx: Connection, name: str, *, exempt: bool = False) -> int:
    return add(tx, tables.client_groups, groupname=php.encoded(name), susptermexempt="on" if exempt else "")


def server(tx: Connection, hostname: str = "pbx1.example.com", **columns: Any) -> int:
    values = {"name": hostname, "hostname": hostname, "type": OUR_MODULE, "secure": "on", "active": 1, **columns}
    return add(tx, tables.servers, **values)


def server_group(tx: Connection, name: str, server_ids: Sequence[int]) -> int:
    group_id = add(tx, tables.server_groups, name=php.encoded(name))
    for server_id in server_ids:
        add(tx, tables.server_groups_rel, groupid=group_id, serverid=server_id)
    return group_id


def product(
    tx: Connection, name: str = "Hosted PBX", *, module: str = OUR_MODULE, welcome: str | None = WELCOME, **columns: Any
) -> int:
    templates = tables.email_templates
    mail_id = tx.execute(select(templates.c.id).where(templates.c.name == (welcome or ""))).scalar() or 0
    return add(tx, tables.products, name=php.encoded(name), servertype=module, welcomeemail=mail_id, **columns)


def option(
    tx: Connection, product_ids: Sequence[int], name: str, kind: Kind = "quantity", choices: Sequence[str] = ()
) -> tuple[int, tuple[int, ...]]:
    """A configurable option of these products, and its sub-options in order."""
    group_id = add(tx, tables.config_groups, name=php.encoded(name))
    for product_id in product_ids:
        add(tx, tables.config_links, gid=group_id, pid=product_id)
    option_id = add(
        tx, tables.config_options, gid=group_id, optionname=php.encoded(name), optiontype=_TYPES[kind], qtymaximum=1000
    )
    subs = tuple(
        add(tx, tables.config_subs, configid=option_id, optionname=php.encoded(each)) for each in (choices or (name,))
    )
    return option_id, subs


def custom_field(tx: Connection, product_id: int, name: str, kind: str = "text") -> int:
    return add(tx, tables.custom_fields, relid=product_id, fieldname=php.encoded(name), fieldtype=kind)


def service(
    tx: Connection,
    client_id: int,
    product_id: int,
    *,
    server_id: int = 0,
    domain: str = "acme.pbx.example.com",
    choices: Mapping[int, Any] | None = None,
    fields: Mapping[int, str] | None = None,
    **columns: Any,
) -> int:
    """A pending service, as an accepted order leaves it before the module was called."""
    values = {
        "userid": client_id,
        "packageid": product_id,
        "server": server_id,
        "domain": php.encoded(domain),
        "username": domain.partition(".")[0][:8],
        "password": "generated10",
        "regdate": "2026-01-15",
        "nextduedate": "2026-02-15",
        **columns,
    }
    service_id = add(tx, tables.hosting, **values)
    for option_id, value in (choices or {}).items():
        choose(tx, service_id, option_id, value)
    for field_id, text in (fields or {}).items():
        put_custom_value(tx, service_id, field_id, php.encoded(text))
    return service_id


def addon_definition(tx: Connection, name: str) -> int:
    return add(tx, tables.addon_definitions, name=php.encoded(name))


def addon(tx: Connection, service_id: int, definition_id: int = 0, *, name: str = "", **columns: Any) -> int:
    """An add-on bought for a service."""
    values = {"hostingid": service_id, "addonid": definition_id, "name": php.encoded(name), **columns}
    return add(tx, tables.hosting_addons, **values)
