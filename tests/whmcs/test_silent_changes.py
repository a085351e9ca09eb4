"""Changes that do not call the module: WHMCS reference 3.4, line by line.

Each is made in the stand-in's tables, as staff, orders, imports or the API make it. No module call follows, and both
ways of reading WHMCS show it: that is what the sweep lives on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Table, update

from bridge.demo.whmcs import seed, tables
from bridge.demo.whmcs.standin import StandIn
from bridge.whmcs.records import Records
from bridge.whmcs.sql import sql_records
from tests.whmcs.standin import Recorder, a_standin, addon_records_of, ask, rows_of


@dataclass(frozen=True, slots=True)
class Shop:
    """A service of a product, with a second product, server and client that it could move to."""

    whmcs: StandIn
    service: int
    client: int
    other_client: int
    product: int
    other_product: int
    other_server: int
    seats: int
    site: int


@pytest.fixture
def shop(whmcs_engine: Engine) -> Shop:
    whmcs = a_standin(whmcs_engine, module=Recorder())
    with whmcs.engine.begin() as tx:
        product, other_product = seed.product(tx, "Basic"), seed.product(tx, "Premium")
        seats, _ = seed.option(tx, [product, other_product], "Extensions|Seats")
        site = seed.custom_field(tx, product, "site")
        client, other_client = seed.client(tx), seed.client(tx, "Other")
        server, other_server = seed.server(tx), seed.server(tx, "pbx2.example.com")
        service = seed.service(
            tx, client, product, server_id=server, domainstatus="Active", choices={seats: 5}, fields={site: "Köln"}
        )
    return Shop(whmcs, service, client, other_client, product, other_product, other_server, seats, site)


def edit(table: Table, row_id: int, **columns: Any) -> Callable[[Connection], object]:
    return lambda tx: tx.execute(update(table).where(table.c.id == row_id).values(**columns))


def service(shop: Shop, **columns: Any) -> Callable[[Connection], object]:
    return edit(tables.hosting, shop.service, **columns)


def seen(records: Records, shop: Shop) -> dict[str, Any]:
    """Everything that the sweep compares, of one service."""
    return {
        "service": records.services_of([shop.service])[shop.service],
        "listed": [each.service_id for each in records.services(["voipbridge"]).items],
        "status": records.statuses_of([shop.service])[shop.service],
        "choices": records.choices_of([shop.service])[shop.service],
        "fields": records.fields_of([shop.service])[shop.service],
        "products": records.products(["voipbridge"]).items,
    }


Change = Callable[[Shop], Callable[[Connection], object]]
CHANGES: dict[str, tuple[Change, str]] = {
    "Admin picks another product": (lambda shop: service(shop, packageid=shop.other_product), "service"),
    "Admin edits configurable options": (
        lambda shop: lambda tx: tx.execute(update(tables.hosting_options).values(qty=9)),
        "choices",
    ),
    "Admin sets Suspended by hand": (lambda shop: service(shop, domainstatus="Suspended"), "status"),
    "Admin sets Terminated by hand": (lambda shop: service(shop, domainstatus="Terminated"), "status"),
    "Admin sets Cancelled by hand": (lambda shop: service(shop, domainstatus="Cancelled"), "status"),
    "Admin sets Fraud by hand": (lambda shop: service(shop, domainstatus="Fraud"), "status"),
    "Admin assigns another server": (lambda shop: service(shop, server=shop.other_server), "service"),
    "Admin changes domain": (lambda shop: service(shop, domain="new.pbx.example.com"), "service"),
    "Admin changes username": (lambda shop: service(shop, username="new"), "service"),
    "Admin changes custom field": (
        lambda shop: lambda tx: tx.execute(update(tables.custom_values).values(value="Bonn")),
        "fields",
    ),
    "Admin overrides auto-suspension": (
        lambda shop: service(shop, overideautosuspend="on", overidesuspenduntil="2026-04-01"),
        "service",
    ),
    "Product's module settings changed": (
        lambda shop: edit(tables.products, shop.product, configoption1="gold"),
        "products",
    ),
    "Product's server group changed": (lambda shop: edit(tables.products, shop.product, servergroup=4), "products"),
    "Configurable option renamed": (
        lambda shop: edit(tables.config_options, shop.seats, optionname="Phones|Seats"),
        "choices",
    ),
    "Configurable option re-grouped": (
        lambda shop: edit(tables.config_options, shop.seats, gid=99),
        "choices",
    ),
    "Service moved to another client": (lambda shop: service(shop, userid=shop.other_client), "service"),
    "Client merged": (
        lambda shop: (
            lambda tx: (
                tx.execute(update(tables.hosting).values(userid=shop.other_client)),
                tx.execute(tables.clients.delete().where(tables.clients.c.id == shop.client)),
            )
        ),
        "service",
    ),
    "Order deleted": (lambda shop: lambda tx: tx.execute(tables.hosting.delete()), "status"),
    "Service deleted": (
        lambda shop: lambda tx: tx.execute(tables.hosting.delete().where(tables.hosting.c.id == shop.service)),
        "listed",
    ),
    "Direct database write, import, restored backup": (
        lambda shop: service(shop, domainstatus="Pending", domain="", server=0),
        "service",
    ),
}


@pytest.mark.parametrize("line", CHANGES)
def test_line_a_change_without_a_module_call_shows_in_both_readings(shop: Shop, line: str) -> None:
    change, shows_in = CHANGES[line]
    readings = [sql_records(shop.whmcs.engine), addon_records_of(shop.whmcs)]
    before = [seen(records, shop) for records in readings]

    with shop.whmcs.engine.begin() as tx:
        change(shop)(tx)

    after = [seen(records, shop) for records in readings]
    assert before[0] == before[1]
    assert after[0] == after[1]
    assert after[0][shows_in] != before[0][shows_in]
    assert_no_module_was_called(shop)


def test_line_a_vanished_service_is_missing_and_not_unread(shop: Shop) -> None:
    """F-5: services that vanished are seen as such by asking for them."""
    with shop.whmcs.engine.begin() as tx:
        tx.execute(tables.hosting.delete())

    for records in (sql_records(shop.whmcs.engine), addon_records_of(shop.whmcs)):
        assert records.services_of([shop.service]) == {shop.service: None}


def test_line_api_update_client_product_is_only_a_record_update(shop: Shop) -> None:
    sent = {"pid": shop.other_product, "status": "Suspended", "serverid": shop.other_server}
    ask(shop.whmcs, "UpdateClientProduct", serviceid=shop.service, **sent)

    for records in (sql_records(shop.whmcs.engine), addon_records_of(shop.whmcs)):
        found = records.services_of([shop.service])[shop.service]
        assert found is not None
        assert (found.product_id, found.status, found.server_id) == (
            shop.other_product,
            "Suspended",
            shop.other_server,
        )
    assert_no_module_was_called(shop)


def test_line_order_accepted_without_auto_setup_leaves_an_active_service_without_tenant(shop: Shop) -> None:
    order = ask(shop.whmcs, "AddOrder", clientid=shop.client, pid=shop.product)
    ask(shop.whmcs, "AcceptOrder", orderid=order["orderid"])

    for records in (sql_records(shop.whmcs.engine), addon_records_of(shop.whmcs)):
        assert records.statuses_of([int(order["serviceids"])]) == {int(order["serviceids"]): "Active"}
    assert_no_module_was_called(shop)


def test_line_with_the_shim_disabled_nothing_reaches_the_bridge(shop: Shop) -> None:
    """Hooks cache stale, shim disabled, bridge down: the status stays, and the reading is all there is."""
    bare = replace(shop.whmcs, module=None)

    assert ask(bare, "ModuleSuspend", serviceid=shop.service)["result"] == "error"
    assert sql_records(shop.whmcs.engine).statuses_of([shop.service]) == {shop.service: "Active"}


def assert_no_module_was_called(shop: Shop) -> None:
    module = shop.whmcs.module
    assert isinstance(module, Recorder)
    assert module.calls == []
    assert rows_of(shop.whmcs, tables.module_log) == []
    assert rows_of(shop.whmcs, tables.hooks) == []
