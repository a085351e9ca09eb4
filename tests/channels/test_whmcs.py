"""Tickets and notifications, in the stand-in WHMCS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.errors import NotPrepared, NotReached, OutcomeUnknown, Refused
from bridge.secret import Secret
from bridge.whmcs.client import Whmcs
from tests.channels.making import a_message, a_notification, a_ticket, outside
from tests.channels.whmcs_room import WhmcsRoom, whmcs_room


@pytest.fixture
def room(tmp_path: Path) -> Iterator[WhmcsRoom]:
    with whmcs_room(tmp_path) as room:
        yield room


def test_a_ticket_is_opened_in_the_department(room: WhmcsRoom) -> None:
    a_ticket(department_id=room.department_id).send(a_message(), outside(room.whmcs))

    [ticket] = room.tickets()
    assert ticket["did"] == room.department_id
    assert ticket["title"] == "Task 12: Suspend service 42"
    assert ticket["message"] == "pbx1 refused it. Mend what was refused, then retry the operation."
    assert ticket["urgency"] == "Medium"
    assert ticket["email"] == "bridge@example.com"


def test_an_urgent_ticket_has_high_priority(room: WhmcsRoom) -> None:
    a_ticket(department_id=room.department_id).send(a_message(kind="escalation"), outside(room.whmcs))

    assert room.tickets()[0]["urgency"] == "High"


def test_a_ticket_for_a_department_that_is_not_there_is_refused(room: WhmcsRoom) -> None:
    with pytest.raises(Refused, match="Department ID not found"):
        a_ticket(department_id=99).send(a_message(), outside(room.whmcs))


def test_a_notification_carries_task_and_department(room: WhmcsRoom) -> None:
    a_notification(identifier="voip").send(a_message(), outside(room.whmcs))

    [told] = room.notifications()
    assert told["identifier"] == "voip"
    assert told["title"] == "Task 12: Suspend service 42"
    assert told["style"] == "danger"
    assert '"value": "12"' in told["attributes"]
    assert '"value": "support"' in told["attributes"]


def test_an_answer_that_was_lost_leaves_the_outcome_unknown(room: WhmcsRoom) -> None:
    room.standin.faults.order("error_after", "OpenTicket")

    with pytest.raises(OutcomeUnknown):
        a_ticket(department_id=room.department_id).send(a_message(), outside(room.whmcs))
    assert len(room.tickets()) == 1


def test_a_whmcs_that_is_not_there_took_nothing(room: WhmcsRoom) -> None:
    room.standin.faults.order("refuse", "TriggerNotificationEvent")

    with pytest.raises(NotReached):
        a_notification().send(a_message(), outside(room.whmcs))
    assert room.notifications() == []


def test_credentials_that_whmcs_does_not_know_are_for_a_person_to_mend(room: WhmcsRoom) -> None:
    stranger = Whmcs(room.http, identifier=room.IDENTIFIER, secret=Secret("another one"))

    with pytest.raises(NotPrepared):
        a_ticket(department_id=room.department_id).send(a_message(), outside(stranger))


@pytest.mark.parametrize("channel", [a_ticket(), a_notification()], ids=lambda each: str(each.kind))
def test_without_a_whmcs_nothing_is_sent(channel: object) -> None:
    assert hasattr(channel, "send")

    with pytest.raises(NotPrepared, match="WHMCS"):
        channel.send(a_message(), outside(None))
