"""Products 11.3: which server a new service goes to, row by row; and whether automation may act on one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.server import Choice, Health, Server, choose
from tests.factories import NOON, a_server


def chosen(
    *servers: Server, asked: int | None = None, group_id: int | None = None, accounts: dict[int, int] | None = None
) -> Choice:
    return choose(servers, asked=asked, group_id=group_id, accounts=accounts or {})


def id_of(choice: Choice) -> int | None:
    return choice.server.server_id if choice.server else None


PLAIN = replace(a_server(1), is_default=False)


def plain(server_id: int, **changed: object) -> Server:
    return replace(PLAIN, server_id=server_id, name=f"pbx{server_id}", **changed)  # type: ignore[arg-type]  # a factory's loose members


# --- the rows --------------------------------------------------------------------------------------------------------


def test_first_the_services_own_server() -> None:
    servers = (plain(1, is_default=True), plain(2, group_id=5), plain(3))

    assert chosen(*servers, asked=3, group_id=5) == Choice(plain(3), "the service's own server")


def test_then_the_least_full_of_the_products_group() -> None:
    servers = (plain(1, is_default=True), plain(2, group_id=5), plain(3, group_id=5))
    choice = chosen(*servers, group_id=5, accounts={2: 7, 3: 6})

    assert (id_of(choice), choice.rule) == (3, "the least full of server group 5")


def test_of_two_that_are_as_full_the_older() -> None:
    assert id_of(chosen(plain(3, group_id=5), plain(2, group_id=5), group_id=5, accounts={2: 4, 3: 4})) == 2


def test_then_the_default_server() -> None:
    choice = chosen(plain(1), plain(2, is_default=True), plain(3))

    assert (id_of(choice), choice.rule) == (2, "the default server")


def test_then_the_only_enabled_server() -> None:
    choice = chosen(plain(1, enabled=False), plain(2))

    assert (id_of(choice), choice.rule) == (2, "the only enabled server")


def test_else_a_person() -> None:
    choice = chosen(plain(1), plain(2))

    assert choice.server is None
    assert "none is the default" in choice.rule


def test_without_any_server_a_person_is_told_how_to_add_one() -> None:
    assert chosen() == Choice(None, "no server is known; add one with server.upsert")
    assert "not known" in chosen(plain(1), asked=9).rule


# --- what is never picked --------------------------------------------------------------------------------------------

UNFIT: dict[str, dict[str, Any]] = {
    "disabled": {"enabled": False},
    "red in its test": {"health": Health.RED},
    "at its maximum": {"accounts_max": 3},
}


@pytest.mark.parametrize("why", UNFIT)
def test_a_default_that_is_unfit_is_not_picked(why: str) -> None:
    unfit = plain(1, is_default=True, **UNFIT[why])

    assert id_of(chosen(unfit, plain(2), plain(3), accounts={1: 3})) is None
    assert id_of(chosen(unfit, accounts={1: 3})) is None


@pytest.mark.parametrize("why", UNFIT)
def test_a_member_of_a_group_that_is_unfit_is_not_picked(why: str) -> None:
    unfit = plain(1, group_id=5, **UNFIT[why])
    others = (plain(2, group_id=5), plain(3, is_default=True))

    assert id_of(chosen(unfit, *others, group_id=5, accounts={1: 3, 2: 9})) == 2
    assert id_of(chosen(unfit, others[1], group_id=5, accounts={1: 3})) == 3


@pytest.mark.parametrize(("why", "told"), [("disabled", "is disabled"), ("at its maximum", "has its 3 accounts")])
def test_a_services_own_server_that_cannot_take_it_is_for_a_person(why: str, told: str) -> None:
    """Never another one silently: WHMCS named this."""
    unfit = plain(1, **UNFIT[why])
    choice = chosen(unfit, plain(2, is_default=True), asked=1, accounts={1: 3})

    assert choice.server is None
    assert told in choice.rule


def test_a_services_own_server_that_is_red_keeps_its_service_and_lets_it_wait() -> None:
    """It turns to `waiting_pbx` there, and goes on when the test is green again."""
    red = plain(1, health=Health.RED)

    assert id_of(chosen(red, plain(2, is_default=True), asked=1)) == 1
    assert not red.is_working


def test_a_paused_server_is_picked_as_always_and_lets_its_services_wait() -> None:
    """F-4: maintenance queues everything; it moves nothing elsewhere."""
    paused = plain(1, is_default=True, paused_at=NOON)

    assert id_of(chosen(paused, plain(2))) == 1
    assert not paused.is_working


def test_one_account_below_the_maximum_is_room_for_one() -> None:
    assert id_of(chosen(plain(1, is_default=True, accounts_max=3), accounts={1: 2})) == 1


SERVERS = st.lists(
    st.builds(
        plain,
        st.integers(1, 5),
        enabled=st.booleans(),
        is_default=st.booleans(),
        health=st.sampled_from(Health),
        group_id=st.sampled_from([None, 5, 6]),
        accounts_max=st.sampled_from([None, 0, 2]),
        paused_at=st.sampled_from([None, NOON]),
    ),
    max_size=5,
    unique_by=lambda each: each.server_id,
)
ACCOUNTS = st.dictionaries(st.integers(1, 5), st.integers(0, 3))


@settings(max_examples=200, deadline=None)
@given(servers=SERVERS, group=st.sampled_from([None, 5, 6]), accounts=ACCOUNTS)
def test_whatever_there_is_nothing_unfit_is_picked_and_the_choice_is_explained(
    servers: list[Server], group: int | None, accounts: dict[int, int]
) -> None:
    choice = choose(servers, asked=None, group_id=group, accounts=accounts)
    shuffled = choose(reversed(servers), asked=None, group_id=group, accounts=accounts)

    assert choice == shuffled
    assert choice.rule
    if choice.server is not None:
        picked = choice.server
        assert picked.enabled
        assert picked.health is not Health.RED
        assert picked.accounts_max is None or accounts.get(picked.server_id, 0) < picked.accounts_max


# --- whether automation may act --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "works", "told"),
    [
        ({}, True, ""),
        ({"health": Health.UNTESTED}, False, "has not passed its connection test yet"),
        ({"health": Health.RED}, False, "failed its connection test"),
        ({"health": Health.RED, "override_by": "Ann"}, True, ""),
        ({"paused_at": NOON, "paused_by": "Ann", "paused_reason": "new disks"}, False, "paused by Ann: new disks"),
        ({"paused_at": NOON, "paused_by": "Ann", "paused_reason": "x", "override_by": "Ann"}, False, "paused"),
        ({"unreachable_since": NOON}, False, "out of reach since 2026-11-21 12:00:00 UTC"),
    ],
)
def test_automation_is_off_until_a_test_was_green(changed: dict[str, object], works: bool, told: str) -> None:
    """Products 10, F-4."""
    server = plain(1, **changed)

    assert server.is_working is works
    if not works:
        assert told in server.why_not
