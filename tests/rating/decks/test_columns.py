"""A deck asked by the column, against the same deck asked call by call."""

from __future__ import annotations

from datetime import datetime, timedelta
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from bridge.rating.bulk.instants import microseconds
from bridge.rating.decks import columns as deck_columns
from bridge.rating.decks.columns import DeckColumns
from bridge.rating.decks.deck import Deck
from bridge.rating.decks.intervals import NONE, Numbers
from bridge.rating.rate import Rate
from tests.rating.decks.test_deck import NOON, rates

digits = some.text("0129", max_size=9)
near_noon = some.integers(-5 * 86400, 5 * 86400).map(lambda seconds: NOON + timedelta(seconds=seconds))
asked = some.lists(some.tuples(digits, near_noon, some.sampled_from(["", "4", "4412", "12"])), max_size=20)
zones = some.sampled_from(["UTC", "America/New_York", "Asia/Kolkata"])


def by_column(deck: Deck, calls: list[tuple[str, datetime, str]]) -> list[Rate | None]:
    places = DeckColumns(deck).find(
        Numbers.of([number for number, _, _ in calls]),
        np.array([microseconds(moment) for _, moment, _ in calls], np.int64),
        Numbers.of([caller for _, _, caller in calls]),
    )
    return [None if place == NONE else deck.rows.rate(place) for place in places.tolist()]


@pytest.mark.parametrize("worth_laying", [0, 1, 10**9])
@settings(deadline=None)
@given(some.lists(rates(), max_size=30), asked, zones)
def test_a_column_finds_the_rows_that_calls_find(
    worth_laying: int, rows: list[Rate], calls: list[tuple[str, datetime, str]], zone: str
) -> None:
    deck = Deck.of(rows, currency="USD", time_zone=zone)

    with patch.object(deck_columns, "WORTH_LAYING", worth_laying), patch.object(deck_columns, "STATES_HELD_MAX", 2):
        found = by_column(deck, calls)

    assert found == [deck.find(*call) for call in calls]


@settings(deadline=None)
@given(some.lists(rates(), max_size=30), asked)
def test_hours_hold_by_the_local_clock_where_clocks_change(
    rows: list[Rate], calls: list[tuple[str, datetime, str]]
) -> None:
    deck = Deck.of(rows, currency="USD", time_zone="Australia/Lord_Howe")  # changes by half an hour, at 15:00 UTC
    change = datetime.fromisoformat("2026-10-03T15:30:00Z")
    there = [(number, change + (moment - NOON) / 100, caller) for number, moment, caller in calls]

    assert by_column(deck, there) == [deck.find(*call) for call in there]
