"""A FusionPBX as a server's record names it: settings in, a driver out; and a new tenant with its own dial plan."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row

from bridge import pbx
from bridge.errors import NotPrepared
from bridge.network import Guard
from bridge.pbx.driver import Extension, Surroundings, Tenant
from bridge.pbx.fusionpbx.database import Work
from bridge.pbx.fusionpbx.dialplan import BRIDGE, action, condition
from bridge.pbx.fusionpbx.dialplan import Rule as DialplanRule
from bridge.secret import Secret
from tests.pbx.fusionpbx.hand import Rig, a_fusionpbx
from tests.pbx.fusionpbx.postgres import PostgresServer
from tests.pbx.fusionpbx.switch import Switch, serving

MARKER = "5b0e6d5e-0000-5000-8000-000000000001"
TENANT = Tenant("acme.pbx.example.com", MARKER, extensions=(Extension("101", "Ann"),))
TEMPLATE = "template.pbx.example.com"
TEMPLATE_UUID = UUID("99999999-0000-4000-8000-000000000000")
RULE_UUID = UUID("99999999-0000-4000-8000-000000000001")
SURROUNDINGS = Surroundings(Guard((ip_network("127.0.0.0/8"),)), lambda: datetime.now(UTC), os.urandom)
SECRETS = {"database_password": Secret("one-of-our-own-1"), "event_socket_password": Secret("one-of-our-own-2")}


@pytest.fixture
def version() -> str:
    return "5.5.13"


@pytest.fixture
def rig(dsn: str, tmp_path: Path) -> Iterator[Rig]:
    with a_fusionpbx(dsn, tmp_path) as rig:
        yield rig


@pytest.fixture
def config(postgres: PostgresServer, dsn: str, tmp_path: Path) -> Iterator[dict[str, object]]:
    with serving(Switch(password="one-of-our-own-2")) as port:
        yield {
            "host": "127.0.0.1",
            "database_port": postgres.port,
            "database": dsn.rpartition("dbname=")[2],
            "event_socket_port": port,
            "cache": str(tmp_path),
            "emergency_numbers": "112,911",
        }


def test_fusionpbx_is_among_the_drivers() -> None:
    assert "fusionpbx" in pbx.kinds()


def test_a_server_is_connected_by_what_its_record_says(config: dict[str, object]) -> None:
    driver = pbx.connect("fusionpbx", config, SECRETS, SURROUNDINGS)

    driver.put(TENANT)

    assert {each.name: each.status for each in driver.checks() if each.status != "ok"} == {}
    assert driver.find(TENANT.domain) is not None


def test_a_telephone_that_nobody_gave_a_password_gets_one_of_letters_and_digits(config: dict[str, object]) -> None:
    driver = pbx.connect("fusionpbx", config, SECRETS, SURROUNDINGS)
    driver.put(TENANT)
    found = driver.find(TENANT.domain)

    assert found is not None
    password = found.extensions[0].password
    assert password is not None
    assert len(password.reveal()) == 20
    assert password.reveal().isalnum()


def test_the_administrators_password_is_one_that_the_pages_check(config: dict[str, object], dsn: str) -> None:
    driver = pbx.connect("fusionpbx", config, SECRETS, SURROUNDINGS)
    administered = replace(TENANT, admin_username="ann", admin_password=Secret("a long one of hers"))
    driver.put(administered)
    first = _hashed(dsn)
    driver.put(administered)
    again = _hashed(dsn)
    driver.put(replace(administered, admin_password=Secret("another")))

    assert first.startswith("$2b$10$")
    assert again == first, "a password that is right already is not written again"
    assert _hashed(dsn) != first


def _hashed(dsn: str) -> str:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT password FROM v_users WHERE username = 'ann'").fetchone()
    assert row is not None
    return str(row[0])


def test_an_address_that_the_operator_does_not_allow_is_not_connected_to(config: dict[str, object]) -> None:
    driver = pbx.connect("fusionpbx", config, SECRETS, replace(SURROUNDINGS, guard=Guard()))

    with pytest.raises(NotPrepared, match="loopback"):
        driver.find(TENANT.domain)
    assert [each.detail for each in driver.checks() if each.name == "allow_list" and "loopback" in each.detail]


def test_a_password_that_everybody_knows_is_refused(config: dict[str, object]) -> None:
    secrets = SECRETS | {"event_socket_password": Secret("ClueCon")}

    with pytest.raises(NotPrepared, match="event_socket_password is one that everybody knows"):
        pbx.connect("fusionpbx", config, secrets, SURROUNDINGS)


# --- the dial plan of a new tenant ------------------------------------------------------------------------------------


@pytest.fixture
def template(rig: Rig) -> Rig:
    """A tenant of the operator's, with a rule of FusionPBX's kind, one of ours and one that an update left over."""
    meeting = DialplanRule(
        "page",
        240,
        TEMPLATE,
        (
            condition("destination_number", r"^\*724$"),
            action("set", "pin_number=12345678", inline=True),
            action("lua", f"page.lua {TEMPLATE}"),
        ),
        app=UUID("11111111-aaaa-4000-8000-000000000000"),
    )
    ours = replace(meeting, name="bridge_suspended", app=BRIDGE)

    def act(work: Work) -> None:
        work.insert("v_domains", {"domain_uuid": TEMPLATE_UUID, "domain_name": TEMPLATE})
        work.insert("v_dialplans", {"dialplan_uuid": UUID(int=6), "domain_uuid": TEMPLATE_UUID})
        for uuid, rule in ((RULE_UUID, meeting), (UUID(int=5), ours)):
            work.insert("v_dialplans", rule.row(uuid, TEMPLATE_UUID))
            for detail in rule.details(uuid, TEMPLATE_UUID):
                work.insert("v_dialplan_details", detail)

    rig.operator.transact(act)
    rig.pbx.template = TEMPLATE
    return rig


def _rules(rig: Rig, domain: str) -> list[dict[str, object]]:
    with psycopg.connect(rig.dsn, row_factory=dict_row) as connection:
        return connection.execute(
            "SELECT p.* FROM v_dialplans p JOIN v_domains d USING (domain_uuid) WHERE d.domain_name = %s", [domain]
        ).fetchall()


def test_a_new_tenant_begins_with_the_rules_of_the_template(template: Rig) -> None:
    template.pbx.put(TENANT)

    [rule] = _rules(template, TENANT.domain)
    assert (rule["dialplan_name"], rule["dialplan_context"]) == ("page", TENANT.domain)
    assert rule["dialplan_uuid"] != RULE_UUID
    xml = str(rule["dialplan_xml"])
    assert f'uuid="{rule["dialplan_uuid"]}"' in xml
    assert f"page.lua {TENANT.domain}" in xml
    assert TEMPLATE not in xml


def test_the_access_code_of_a_rule_is_the_new_tenants_own(template: Rig) -> None:
    template.pbx.put(TENANT)

    [rule] = _rules(template, TENANT.domain)
    with psycopg.connect(template.dsn) as connection:
        told = connection.execute(
            "SELECT dialplan_detail_data FROM v_dialplan_details WHERE dialplan_uuid = %s"
            " AND dialplan_detail_data LIKE 'pin_number=%%'",
            [rule["dialplan_uuid"]],
        ).fetchone()
    assert told is not None
    assert told[0] != "pin_number=12345678"
    assert str(told[0]) in str(rule["dialplan_xml"]), "the switch and the page agree"


def test_the_template_stays_as_it_is(template: Rig) -> None:
    before = sorted(map(str, _rules(template, TEMPLATE)))

    template.pbx.put(TENANT)
    template.pbx.remove(TENANT)

    assert sorted(map(str, _rules(template, TEMPLATE))) == before
    assert _rules(template, TENANT.domain) == []


def test_a_template_that_is_not_there_is_told_and_nothing_is_made(rig: Rig) -> None:
    rig.pbx.template = "nowhere.example.com"

    with pytest.raises(NotPrepared, match=r"the template nowhere\.example\.com is not on this PBX"):
        rig.pbx.put(TENANT)

    assert rig.pbx.find(TENANT.domain) is None
