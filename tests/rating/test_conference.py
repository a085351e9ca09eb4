"""What conferences cost: the time of everybody in the room."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from bridge.rating.call import CallClass
from bridge.rating.charge import Charge
from bridge.rating.conference import Session, rate_conference
from bridge.rating.explanation import recompute
from bridge.rating.telling import sentences
from bridge.rating.usage import Usage
from tests.rating.sheet import Sheet

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def charge_of(room: str, *participants: int, usage: Usage | None = None) -> Charge:
    terms = Sheet.read(f"conference = {{ {room} }}" if room else "# no price").terms()
    charge = rate_conference(Session("room 1", NOON, participants), terms, usage or Usage())

    document = json.loads(json.dumps(charge.explanation.document()))
    assert recompute(document) == charge.micro
    assert sentences(document)
    return charge


@pytest.mark.parametrize(
    ("room", "participants", "billed", "micro"),
    [
        ('per_participant_minute = "0.02"', (600, 600, 600), 1800, 600_000),
        ('per_participant_minute = "0.02"', (600, 570, 361), 27 * 60, 540_000),
        ('per_participant_minute = "0.02", step_seconds = 1', (600, 570, 361), 1531, 510_333),
        ('per_participant_minute = "0.02", per_session = "0.50"', (600, 600, 600), 1800, 1_100_000),
        ('per_participant_minute = "0.02", per_session = "0.50"', (0, 0), 0, 0),
        ('per_participant_minute = "0.02", participants_min = 3', (600, 600, 600), 1800, 600_000),
    ],
)
def test_every_participant_is_billed_for_the_time_they_stay(
    room: str, participants: tuple[int, ...], billed: int, micro: int
) -> None:
    charge = charge_of(room, *participants)

    assert (charge.cls, charge.billed_seconds, charge.micro) == (CallClass.BILLABLE, billed, micro)


def test_fewer_participants_than_a_conference_needs_cost_nothing() -> None:
    charge = charge_of('per_participant_minute = "0.02", participants_min = 3', 600, 600)

    assert (charge.cls, charge.micro, charge.note) == (CallClass.FREE, 0, "fewer than 3 participants")


def test_without_a_price_conferences_cost_nothing() -> None:
    charge = charge_of("", 600, 600)

    assert (charge.cls, charge.micro, charge.note) == (CallClass.FREE, 0, "conferences are not billed")


def test_free_participant_seconds_are_used_first_and_spare_the_room_fee_of_a_session_they_cover() -> None:
    room = 'per_participant_minute = "0.02", per_session = "0.50", free_seconds_per_period = 1500'
    usage = Usage()

    charges = [charge_of(room, 600, 600, usage=usage) for _ in range(3)]

    assert [(charge.free_seconds, charge.micro) for charge in charges] == [(1200, 0), (300, 800_000), (0, 900_000)]


def test_the_explanation_of_a_conference_says_who_was_there_and_how_it_is_charged() -> None:
    room = 'per_participant_minute = "0.02", per_session = "0.50", free_seconds_per_period = 100'

    document = charge_of(room, 61, 30).explanation.document()

    assert document["conference"] == {"id": "room 1", "at": "2026-11-21T12:00:00+00:00", "participants": 2}
    assert (document["class"], document["note"], document["currency"]) == ("billable", "", "USD")
    assert document["price"] == {
        "source": "package",
        "prefix": "",
        "per_minute": "0.02",
        "setup": "0.5",
        "min_cost": "0",
        "first_seconds": 60,
        "step_seconds": 60,
    }
    assert document["seconds"] == {
        "answered": [61, 30],
        "billed": 180,
        "free_per_call": 0,
        "covered": [{"allowance": "conference", "of": 100, "before": 0, "seconds": 100, "consumed": 100}],
        "charged": 80,
    }
    assert document["parts"] == [{"seconds": 80, "per_minute": "0.02"}]
    assert (document["unrounded"], document["charge"]) == ("0.526666666667", "0.526667")


def test_a_conference_takes_nothing_from_the_free_time_of_calls() -> None:
    sheet = 'conference = { per_participant_minute = "0.02" }\nincluded_seconds_per_period = 6000'
    usage = Usage()

    charge = rate_conference(Session("room 1", NOON, (60,)), Sheet.read(sheet).terms(), usage)

    assert charge.micro == 20_000
    assert not usage.consumed
