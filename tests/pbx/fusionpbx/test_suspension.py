"""Which switch stops what in a FusionPBX, and that calls for help go on (F-19, F-21). Each row is a test.

what is wanted                phones register   outbound   emergency   inbound   forwards outside   live calls
a tenant off                  no                no         yes         no        no                 ended
no outbound                   yes               no         yes         yes       no                 go on
an extension off              not this one      not it     -           not to it -                  ended
an extension without outbound yes               not it     yes         yes       not its            go on
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row

from bridge.errors import Conflict, NotReached, OutcomeUnknown
from bridge.pbx.driver import Extension, Gateway, Number, Route, Tenant
from bridge.secret import Secret
from tests.pbx.fusionpbx.hand import EMERGENCY, FusionHand, Rig, a_fusionpbx
from tests.pbx.fusionpbx.switch import Channel

MARKER = "5b0e6d5e-0000-5000-8000-000000000001"
DOMAIN = "acme.pbx.example.com"
ABROAD, AT_HOME, HELP, SHORT = "+27791234567", "02079460999", "999", "118500"

TENANT = Tenant(
    domain=DOMAIN,
    marker=MARKER,
    extensions=(
        Extension("101", "Ann", 7, Secret("s1")),
        Extension("102", "Bob", 7, Secret("s2")),
    ),
    gateways=(Gateway("carrier", "sip.carrier.example", 7, "acme", Secret("gw"), register=True),),
    numbers=(Number("442079460101", "101", 7),),
    routes=(Route("out", r"^(\+?\d{3,15})$", "carrier", 7),),
)


@pytest.fixture
def version() -> str:
    return "5.5.13"


@pytest.fixture
def rig(dsn: str, tmp_path: Path) -> Iterator[Rig]:
    with a_fusionpbx(dsn, tmp_path) as rig:
        yield rig


@pytest.fixture
def put(rig: Rig) -> Rig:
    rig.pbx.put(TENANT)
    return rig


# --- a dial plan, read as the switch reads it -------------------------------------------------------------------------


def dial(rig: Rig, number: str, *, extension: str = "101", direction: str = "", context: str = DOMAIN) -> str:
    """Where a call ends: the data of the bridge it reaches, or the cause with which it is hung up, or ""."""
    with psycopg.connect(rig.dsn, row_factory=dict_row) as connection:
        rules = connection.execute(
            "SELECT dialplan_xml, dialplan_continue FROM v_dialplans WHERE dialplan_context = %s AND dialplan_enabled"
            " ORDER BY dialplan_order, dialplan_name",
            [context],
        ).fetchall()
        caller = connection.execute(
            "SELECT extension_uuid FROM v_extensions WHERE extension = %s", [extension]
        ).fetchone()
    known = {
        "destination_number": number,
        "${call_direction}": direction,
        "${user_exists}": "true" if number in ("101", "102") else "false",
        "${extension_uuid}": str(caller["extension_uuid"]) if caller else "",
    }
    for rule in rules:
        ended = _walk(rule["dialplan_xml"], known)
        if ended is not None:
            return ended
    return ""


def _walk(xml: str, known: dict[str, str]) -> str | None:
    matched: re.Match[str] | None = None
    for field, expression in re.findall(r'<condition field="([^"]*)" expression="([^"]*)"', xml):
        matched = re.search(unescape(expression), known[field])
        if matched is None:
            return None
    for application, data in re.findall(r'<action application="([^"]*)" data="([^"]*)"', xml):
        if application == "export" and data.startswith("call_direction="):
            known["${call_direction}"] = data.partition("=")[2]
        if application in ("bridge", "hangup", "transfer"):
            said: str = data.replace("${destination_number}", known["destination_number"])
            return said.replace("$1", matched[1] if matched and matched.re.groups else "")
    return None


def leaves(rig: Rig, number: str, **how: str) -> bool:
    return dial(rig, number, **how).startswith("sofia/gateway/")


# --- the table --------------------------------------------------------------------------------------------------------


def test_a_tenant_that_is_not_held_calls_wherever_its_routes_lead(put: Rig) -> None:
    assert all(leaves(put, number) for number in (ABROAD, AT_HOME, HELP, SHORT))
    assert dial(put, "442079460101", context="public") == f"101 XML {DOMAIN}"


def test_a_tenant_without_outbound_calls_for_help_and_is_called(put: Rig) -> None:
    put.pbx.put(replace(TENANT, outbound=False))

    assert [leaves(put, number) for number in (ABROAD, AT_HOME, SHORT)] == [False, False, False]
    assert all(leaves(put, number) for number in EMERGENCY)
    assert dial(put, "442079460101", context="public") == f"101 XML {DOMAIN}"
    assert dial(put, "101", direction="inbound") == "", "no rule of the bridge stands before the extension"


def test_a_tenant_without_outbound_forwards_nothing_outside_f21(put: Rig) -> None:
    """A call that came in and is sent out again still counts as inbound in the dial plan."""
    put.pbx.put(replace(TENANT, outbound=False))

    assert dial(put, ABROAD, direction="inbound") == "CALL_REJECTED"


def test_a_tenant_that_is_off_calls_for_help_and_nothing_else(put: Rig) -> None:
    put.pbx.put(replace(TENANT, enabled=False))

    assert [dial(put, number) for number in (ABROAD, AT_HOME, SHORT, "102")] == ["CALL_REJECTED"] * 4
    assert all(leaves(put, number) for number in EMERGENCY)


def test_a_tenant_that_is_off_is_not_called(put: Rig) -> None:
    """A number still leads into the tenant, where the first rule ends the call."""
    put.pbx.put(replace(TENANT, enabled=False))

    assert dial(put, "101", direction="inbound") == "CALL_REJECTED"


def test_an_extension_without_outbound_is_stopped_and_the_others_are_not(put: Rig) -> None:
    first, second = TENANT.extensions
    put.pbx.put(replace(TENANT, extensions=(replace(first, outbound=False), second)))

    assert not leaves(put, ABROAD, extension="101")
    assert leaves(put, ABROAD, extension="102")
    assert leaves(put, HELP, extension="101")


def test_a_cap_on_calls_neither_counts_nor_stops_calls_for_help_f19(put: Rig) -> None:
    put.pbx.put(replace(TENANT, limits=(("concurrent_calls", 0),)))

    assert not leaves(put, ABROAD)
    assert all(leaves(put, number) for number in EMERGENCY)


# --- what is live -----------------------------------------------------------------------------------------------------


def channel(number: int, dialled: str = ABROAD, domain: str = DOMAIN) -> Channel:
    uuid = f"{number:08x}-0000-4000-8000-000000000000"
    return Channel(uuid, domain, MARKER if domain == DOMAIN else "other", dest=dialled)


def test_a_tenant_that_is_switched_off_is_silent(put: Rig) -> None:
    calls = [channel(number) for number in range(20)]
    mine, help_, theirs = calls, channel(900, HELP), channel(901, domain="other.example")
    put.switch.channels = {each.uuid: each for each in (*mine, help_, theirs)}
    put.switch.registrations = {("101", DOMAIN), ("102", DOMAIN), ("101", "other.example")}

    put.pbx.put(replace(TENANT, enabled=False))

    assert set(put.switch.channels) == {help_.uuid, theirs.uuid}
    assert put.switch.registrations == {("101", "other.example")}


def test_the_keys_are_deleted_after_the_commit_and_again_a_second_later(put: Rig) -> None:
    """A lookup that read before the commit may write its file after the first deletion."""
    files = [put.cache / f"directory.101@{DOMAIN}", put.cache / f"dialplan.{DOMAIN}"]
    for each in files:
        each.touch()

    def written_late(seconds: float) -> None:
        put.waited.append(seconds)
        for each in files:
            each.touch()

    put.pbx.wait = written_late
    put.pbx.put(replace(TENANT, enabled=False))

    assert 1.0 in put.waited
    assert not any(each.exists() for each in files)


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_suspension_that_is_cut_off_anywhere_is_finished_by_the_next(rig: Rig, after_effect: bool) -> None:
    hand = FusionHand(rig)
    wanted = replace(TENANT, enabled=False)
    live = channel(1)
    rig.pbx.put(TENANT)
    before = hand.outside_calls()
    rig.pbx.put(wanted)
    calls = hand.outside_calls() - before

    for nth in range(1, calls + 1):
        rig.pbx.put(TENANT)
        rig.switch.channels = {live.uuid: live}
        rig.switch.registrations = {("101", DOMAIN)}
        (rig.cache / f"directory.101@{DOMAIN}").touch()
        hand.fail(nth, NotReached("cut off"), after_effect=after_effect)
        with pytest.raises((NotReached, OutcomeUnknown)):
            rig.pbx.put(wanted)
        rig.pbx.put(wanted)

        assert not rig.switch.channels, f"outside call {nth} of {calls}"
        assert not rig.switch.registrations
        assert not list(rig.cache.iterdir())


def test_what_an_operator_switched_off_stays_off_through_a_suspension(put: Rig) -> None:
    """What is wanted says so; nothing of the suspension is written on the extension itself."""
    first, second = TENANT.extensions
    held = replace(TENANT, extensions=(replace(first, enabled=False), second))
    put.pbx.put(replace(held, enabled=False))
    put.pbx.put(held)
    found = put.pbx.find(DOMAIN)

    assert found is not None
    assert [each.enabled for each in found.extensions] == [False, True]


def test_a_gateway_that_changed_is_dropped_before_it_is_loaded(put: Rig) -> None:
    """Loading passes over a gateway that is loaded already."""
    put.switch.asked.clear()

    put.pbx.put(replace(TENANT, gateways=(replace(TENANT.gateways[0], host="sip2.carrier.example"),)))

    profile = [line.split()[4] for line in put.switch.asked if line.startswith("api sofia profile")]
    assert profile == ["killgw", "rescan"]


def test_a_number_of_another_tenant_is_a_conflict(put: Rig) -> None:
    other = Tenant("other.pbx.example.com", str(UUID(int=7)), numbers=(Number("442079460101"),))

    with pytest.raises(Conflict, match="442079460101 belongs to another tenant"):
        put.pbx.put(other)

    assert put.pbx.find(other.domain) is None


def test_the_numbers_for_help_are_those_of_the_tenants_country_f19(put: Rig) -> None:
    australian = replace(TENANT, emergency=frozenset({"000", "106"}))
    put.pbx.put(replace(australian, enabled=False))

    assert all(leaves(put, number) for number in ("000", "106", *EMERGENCY))
    assert not leaves(put, ABROAD)
