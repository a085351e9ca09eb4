"""One contract for both ways of reading WHMCS (F-1): by SQL, and through the addon's signed endpoint."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import Engine, text

from bridge.demo.whmcs import seed, tables
from bridge.demo.whmcs.standin import StandIn
from bridge.errors import NotPrepared, NotReached
from bridge.whmcs.records import (
    Choice,
    Client,
    CustomField,
    Installation,
    Product,
    ProductAddon,
    Records,
    Server,
    ServerGroup,
    Service,
    every,
)
from bridge.whmcs.sql import sql_records
from tests.whmcs.standin import a_standin, addon_records_of

OURS = ["voipbridge"]


@pytest.fixture
def shop(whmcs_engine: Engine) -> StandIn:
    return a_standin(whmcs_engine)


@pytest.fixture(params=["sql", "addon"])
def records(request: pytest.FixtureRequest, shop: StandIn) -> Records:
    return sql_records(shop.engine) if request.param == "sql" else addon_records_of(shop)


def test_an_installation_tells_who_it_is(shop: StandIn, records: Records) -> None:
    """F-5."""
    found = records.installation()

    assert found == Installation("https://whmcs.example/", "8.13.1-release.1", "inst-7f3c9a1e", found.host)
    assert found.host
    assert sql_records(shop.engine).installation() == addon_records_of(shop).installation()


def test_an_installation_whose_addon_was_never_activated_has_no_id(shop: StandIn, records: Records) -> None:
    with shop.engine.begin() as tx:
        tx.execute(tables.addon_modules.delete())

    assert records.installation().installation_id is None


def test_a_service_arrives_as_it_was_typed(shop: StandIn, records: Records) -> None:
    with shop.engine.begin() as tx:
        client_id, product_id, server_id = seed.client(tx), seed.product(tx), seed.server(tx)
        service_id = seed.service(
            tx,
            client_id,
            product_id,
            server_id=server_id,
            domain="acme.pbx.example.com",
            username="acme",
            domainstatus="Suspended",
            suspendreason="Owner &quot;O&#039;Hara&quot; &amp; Sons",
            overideautosuspend="on",
            overidesuspenduntil="2026-03-01",
        )

    page = records.services(OURS)

    assert page.complete
    assert page.items == (
        Service(
            service_id=service_id,
            client_id=client_id,
            product_id=product_id,
            module="voipbridge",
            server_id=server_id,
            status="Suspended",
            domain="acme.pbx.example.com",
            username="acme",
            suspend_reason='Owner "O\'Hara" & Sons',
            override_auto_suspend=True,
            override_until=date(2026, 3, 1),
            registered_on=date(2026, 1, 15),
            next_due_on=date(2026, 2, 15),
            terminated_on=None,
            billing_cycle="Monthly",
        ),
    )


def test_zero_dates_and_zero_ids_are_nothing(shop: StandIn, records: Records) -> None:
    with shop.engine.begin() as tx:
        service_id = seed.service(tx, seed.client(tx), seed.product(tx), nextduedate="0000-00-00", server_id=0)

    service = records.services_of([service_id])[service_id]

    assert service is not None
    assert (service.next_due_on, service.override_until, service.terminated_on) == (None, None, None)
    assert service.server_id is None


def test_services_are_paged_by_id_to_the_end(shop: StandIn, records: Records) -> None:
    with shop.engine.begin() as tx:
        client_id, product_id = seed.client(tx), seed.product(tx)
        made = [seed.service(tx, client_id, product_id, domain=f"t{n}.example") for n in range(5)]

    first = records.services(OURS, limit=2)
    second = records.services(OURS, after=first.after, limit=2)
    third = records.services(OURS, after=second.after, limit=2)

    assert [each.service_id for page in (first, second, third) for each in page.items] == made
    assert [first.complete, second.complete, third.complete] == [False, False, True]
    assert [each.service_id for each in every(lambda after: records.services(OURS, after=after, limit=1))] == made


def test_a_full_page_with_nothing_behind_it_is_complete(shop: StandIn, records: Records) -> None:
    with shop.engine.begin() as tx:
        client_id, product_id = seed.client(tx), seed.product(tx)
        for n in range(2):
            seed.service(tx, client_id, product_id, domain=f"t{n}.example")

    assert records.services(OURS, limit=2).complete


def test_services_of_other_modules_are_not_listed_but_can_be_asked_for(shop: StandIn, records: Records) -> None:
    with shop.engine.begin() as tx:
        service_id = seed.service(tx, seed.client(tx), seed.product(tx, module="cpanel"))

    assert records.services(OURS).items == ()
    service = records.services_of([service_id])[service_id]
    assert service is not None
    assert service.module == "cpanel"


def test_a_service_whose_product_is_gone_is_still_there(shop: StandIn, records: Records) -> None:
    with shop.engine.begin() as tx:
        service_id = seed.service(tx, seed.client(tx), 999)

    service = records.services_of([service_id])[service_id]
    assert service is not None
    assert (service.module, service.product_id) == ("", 999)


def test_a_missing_row_is_told_apart_from_one_that_could_not_be_read(shop: StandIn, records: Records) -> None:
    """F-5: a row that is missing is said to be missing; nothing else ever looks like it."""
    with shop.engine.begin() as tx:
        service_id = seed.service(tx, seed.client(tx), seed.product(tx), domainstatus="Active")

    assert records.statuses_of([service_id, 4711]) == {service_id: "Active", 4711: None}
    assert records.services_of([4711]) == {4711: None}
    assert records.clients_of([4711]) == {4711: None}


def test_nothing_asked_is_nothing_answered(records: Records) -> None:
    assert records.statuses_of([]) == {}
    assert records.choices_of([]) == {}
    assert records.services([]).items == ()


def test_more_ids_than_one_question_takes_are_asked_in_several(shop: StandIn, records: Records) -> None:
    asked = range(1, 1202)

    assert records.statuses_of(asked) == dict.fromkeys(asked)


def test_chosen_options_carry_the_name_before_the_bar(shop: StandIn, records: Records) -> None:
    """F-12."""
    with shop.engine.begin() as tx:
        product_id = seed.product(tx)
        seats, _ = seed.option(tx, [product_id], "Extensions|Your seats")
        plan, subs = seed.option(tx, [product_id], "plan", "dropdown", ["gold|Gold & more", "silver|Silver"])
        fax, _ = seed.option(tx, [product_id], "Fax", "yes_no")
        chosen = {seats: 7, plan: subs[0], fax: 1}
        service_id = seed.service(tx, seed.client(tx), product_id, choices=chosen)
        bare_id = seed.service(tx, seed.client(tx, "Bare"), product_id)

    assert records.choices_of([service_id, bare_id]) == {
        service_id: (
            Choice(service_id, seats, "Extensions", "quantity", "7", 7),
            Choice(service_id, plan, "plan", "dropdown", "gold", 1),
            Choice(service_id, fax, "Fax", "yes_no", "1", 1),
        ),
        bare_id: (),
    }


def test_options_left_behind_by_another_product_are_not_chosen(shop: StandIn, records: Records) -> None:
    with shop.engine.begin() as tx:
        old, new = seed.product(tx, "Old"), seed.product(tx, "New")
        seats, _ = seed.option(tx, [old], "Extensions")
        service_id = seed.service(tx, seed.client(tx), old, choices={seats: 3})
        tx.execute(tables.hosting.update().values(packageid=new))

    assert records.choices_of([service_id]) == {service_id: ()}


def test_product_addons_of_a_service(shop: StandIn, records: Records) -> None:
    """F-12: an addon counts like an option, by its name before the bar."""
    with shop.engine.begin() as tx:
        service_id = seed.service(tx, seed.client(tx), seed.product(tx))
        definition = seed.addon_definition(tx, "dids|Ten more numbers")
        first = seed.addon(tx, service_id, definition, qty=2)
        second = seed.addon(tx, service_id, name="By hand & custom", status="Suspended")

    assert records.addons_of([service_id])[service_id] == (
        ProductAddon(first, service_id, definition, "dids", "Active", 2),
        ProductAddon(second, service_id, None, "By hand & custom", "Suspended", 1),
    )


def test_an_addon_table_without_quantities_means_one_each(shop: StandIn, records: Records) -> None:
    with shop.engine.begin() as tx:
        service_id = seed.service(tx, seed.client(tx), seed.product(tx))
        seed.addon(tx, service_id, name="Fax")
    with shop.engine.begin() as tx:
        tx.execute(text("ALTER TABLE tblhostingaddons DROP COLUMN qty"))

    assert [each.quantity for each in records.addons_of([service_id])[service_id]] == [1]


def test_custom_fields_are_those_of_the_service_and_its_product(shop: StandIn, records: Records) -> None:
    """Ids of clients and services collide; the field's type decides. Passwords stay where they are."""
    with shop.engine.begin() as tx:
        product_id, other_id = seed.product(tx), seed.product(tx, "Other")
        site = seed.custom_field(tx, product_id, "site|Where the phones are")
        left = seed.custom_field(tx, other_id, "site")
        pin = seed.custom_field(tx, product_id, "PIN", "password")
        fields = {site: "Köln <Süd>", left: "left behind", pin: "1234"}
        service_id = seed.service(tx, seed.client(tx), product_id, fields=fields)
        clients_own = tables.add(tx, tables.custom_fields, type="client", fieldname="site")
        tables.add(tx, tables.custom_values, fieldid=clients_own, relid=service_id, value="the client's")

    assert records.fields_of([service_id]) == {service_id: (CustomField(service_id, site, "site", "Köln <Süd>"),)}


def test_clients_carry_currency_group_and_exemption(shop: StandIn, records: Records) -> None:
    """F-24: an exempt group is honoured."""
    with shop.engine.begin() as tx:
        group_id = seed.client_group(tx, "Staff", exempt=True)
        euro = tables.add(tx, tables.currencies, code="EUR")
        exempt = seed.client(tx, "Exempt", groupid=group_id, currency=euro)
        closed = seed.client(tx, "Closed", status="Closed")

    assert records.clients_of([exempt, closed]) == {
        exempt: Client(exempt, "Active", "EUR", group_id, exempt=True),
        closed: Client(closed, "Closed", "USD", None, exempt=False),
    }


def test_products_of_our_modules_with_the_name_of_their_welcome_mail(shop: StandIn, records: Records) -> None:
    with shop.engine.begin() as tx:
        ours = seed.product(tx, "Hosted PBX & fax", configoption2="10 &quot;seats&quot;", servergroup=3)
        plain = seed.product(tx, "Silent", welcome=None)
        seed.product(tx, "Web", module="cpanel")

    page = records.products(OURS)

    settings = ("", '10 "seats"', *[""] * 22)
    assert page.complete
    assert page.items == (
        Product(ours, "Hosted PBX & fax", "voipbridge", settings, 3, seed.WELCOME),
        Product(plain, "Silent", "voipbridge", ("",) * 24, None, ""),
    )


def test_servers_and_their_groups(shop: StandIn, records: Records) -> None:
    with shop.engine.begin() as tx:
        first = seed.server(tx, "pbx1.example.com", port="8443", ipaddress="192.0.2.7", username="api", maxaccounts=50)
        second = seed.server(tx, "pbx2.example.com", secure="", disabled=1)
        group = seed.server_group(tx, "Europe & Africa", [first, second])
        empty = seed.server_group(tx, "Empty", [])

    assert records.servers(OURS).items == (
        Server(first, "pbx1.example.com", "pbx1.example.com", "192.0.2.7", "voipbridge", True, 8443, "api", False, 50),
        Server(second, "pbx2.example.com", "pbx2.example.com", "", "voipbridge", False, None, "", True, 0),
    )
    assert records.server_groups().items == (
        ServerGroup(group, "Europe & Africa", (first, second)),
        ServerGroup(empty, "Empty", ()),
    )


def test_a_missing_column_is_named(shop: StandIn, records: Records) -> None:
    with shop.engine.begin() as tx:
        tx.execute(text("ALTER TABLE tblhosting DROP COLUMN suspendreason"))

    with pytest.raises(NotPrepared, match=r"tblhosting\.suspendreason"):
        records.services(OURS)


def test_a_missing_table_is_named(shop: StandIn, records: Records) -> None:
    with shop.engine.begin() as tx:
        tx.execute(text("DROP TABLE tblservergroupsrel"))

    with pytest.raises(NotPrepared, match="tblservergroupsrel"):
        records.statuses_of([1])


def test_a_row_that_makes_no_sense_is_a_record_that_could_not_be_read(shop: StandIn, records: Records) -> None:
    with shop.engine.begin() as tx:
        product_id = seed.product(tx)
        option_id, _ = seed.option(tx, [product_id], "Odd")
        service_id = seed.service(tx, seed.client(tx), product_id, choices={option_id: 1})
        tx.execute(tables.config_options.update().values(optiontype=9))

    with pytest.raises(NotReached, match="choices_of"):
        records.choices_of([service_id])


def test_reading_writes_nothing_and_asks_for_no_column_by_star(shop: StandIn, records: Records) -> None:
    """Only SELECT leaves, and every column has its name. (The addon keeps its nonces, which are its own.)"""
    from sqlalchemy import event

    asked: list[str] = []
    with shop.engine.begin() as tx:
        service_id = seed.service(tx, seed.client(tx), seed.product(tx))
    event.listen(shop.engine, "before_cursor_execute", lambda _c, _u, statement, *_rest: asked.append(statement))

    records.services(OURS)
    records.services_of([service_id])
    records.installation()

    ours = [statement for statement in asked if "mod_voipbridge_nonces" not in statement]
    assert ours
    assert all(statement.lstrip().upper().startswith(("SELECT", "BEGIN")) for statement in ours)
    assert not any("*" in statement for statement in ours)
