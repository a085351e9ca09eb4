"""The event socket: frames, deadlines, lost connections, and events."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.errors import NotPrepared, NotReached, OutcomeUnknown
from bridge.pbx.fusionpbx.commands import command
from bridge.pbx.fusionpbx.event_socket import Events, EventSocket, Where
from bridge.secret import Secret
from tests.pbx.fusionpbx.switch import PASSWORD, Channel, Switch, serving

STATUS = command("status")
JOB = "6f1f2f1e-0000-4000-8000-00000000000a"


@pytest.fixture
def switch() -> Switch:
    return Switch()


@pytest.fixture
def where(switch: Switch) -> Iterator[Where]:
    with serving(switch) as port:
        yield Where("127.0.0.1", port, Secret(PASSWORD))


@pytest.fixture
def commands(where: Where) -> Iterator[EventSocket]:
    asking = EventSocket(where)
    yield asking
    asking.close()


def test_a_command_is_answered_with_what_it_prints(commands: EventSocket) -> None:
    assert commands.api(command("hostname")) == "pbx1"
    assert commands.api(STATUS).startswith("UP 0 years")


def test_a_body_of_many_pieces_comes_whole(commands: EventSocket, switch: Switch) -> None:
    for number in range(2000):
        uuid = f"{number:08x}-0000-4000-8000-000000000000"
        switch.channels[uuid] = Channel(uuid, "acme.example", "d")

    told = commands.api(command("show", "channels", "as", "json"))

    assert told.count('"uuid"') == 2000
    assert len(told) > 300_000


def test_the_connection_is_kept(commands: EventSocket, switch: Switch) -> None:
    commands.api(STATUS)
    commands.api(STATUS)

    assert switch.asked == ["api status", "api status"]


def test_a_kept_connection_that_died_is_made_anew(commands: EventSocket, switch: Switch) -> None:
    commands.api(STATUS)
    switch.faults = ["cut_before"]

    assert commands.api(command("hostname")) == "pbx1"


@pytest.mark.parametrize("fault", ["cut_before", "cut_after", "half"])
def test_an_answer_that_is_lost_on_a_new_connection_is_an_unknown_outcome(
    commands: EventSocket, switch: Switch, fault: str
) -> None:
    switch.faults = [fault]  # type: ignore[list-item]  # parametrized with its own words

    with pytest.raises(OutcomeUnknown, match="was asked for status, and then: it closed the connection"):
        commands.api(STATUS)


def test_a_switch_that_says_nothing_is_left_at_the_deadline(where: Where, switch: Switch) -> None:
    switch.faults = ["silent"]
    asking = EventSocket(where, seconds=0.2)

    with pytest.raises(OutcomeUnknown, match="no answer in time"):
        asking.api(STATUS)


def test_nobody_listening_is_not_reached(where: Where) -> None:
    with serving(Switch()) as port:
        pass

    with pytest.raises(NotReached, match=f"127.0.0.1:{port} is not reached: Connection refused"):
        EventSocket(Where("127.0.0.1", port, Secret("x"))).api(STATUS)


def test_a_wrong_password_is_for_a_person(where: Where) -> None:
    with pytest.raises(NotPrepared, match="refuses the password") as refused:
        EventSocket(Where(where.host, where.port, Secret("not-it"))).api(STATUS)

    assert "not-it" not in str(refused.value)


def test_an_address_that_is_refused_is_for_a_person(where: Where, switch: Switch) -> None:
    switch.refuses_address = True

    with pytest.raises(NotPrepared, match="apply-inbound-acl"):
        EventSocket(where).api(STATUS)


def test_a_long_command_is_waited_for_by_its_job(commands: EventSocket) -> None:
    told = commands.background(command("sofia", "profile", "external", "rescan"), job=JOB, seconds=5)

    assert told == "+OK scan complete\n"


def test_a_job_that_never_ends_is_an_unknown_outcome(commands: EventSocket, switch: Switch) -> None:
    commands.api(STATUS)
    switch.faults = ["no_answer", "no_answer"]

    with pytest.raises(OutcomeUnknown, match="asked for reloadacl"):
        commands.background(command("reloadacl"), job=JOB, seconds=0.3)


def test_events_come_in_their_order(where: Where, switch: Switch) -> None:
    events = Events(where)
    switch.tell("CHANNEL_CREATE", **{"Unique-ID": "a"})
    switch.tell("CHANNEL_ANSWER", **{"Unique-ID": "a"})

    seen = [events.next(5), events.next(5)]
    nothing = events.next(0.05)
    events.close()

    assert [each and (each["Event-Name"], each["Unique-ID"]) for each in seen] == [
        ("CHANNEL_CREATE", "a"),
        ("CHANNEL_ANSWER", "a"),
    ]
    assert nothing is None


def test_a_switch_that_restarts_ends_its_events(where: Where, switch: Switch) -> None:
    events = Events(where)
    switch.restart()

    with pytest.raises(NotReached, match="is lost"):
        events.next(5)
