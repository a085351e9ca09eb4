"""A row of a deck: how it sells time, and when it is there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as some

from bridge.rating.rate import MINUTES, Band, Increments, Rate

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)

increments = some.builds(
    Increments, some.integers(1, 90), some.integers(1, 90), some.integers(0, 120), some.integers(0, 30)
)


@given(increments, some.integers(0, 600))
def test_billed_seconds_are_blocks_counted_one_by_one(sold: Increments, seconds: int) -> None:
    billed = 0
    if seconds > max(0, sold.grace_seconds):
        billed = sold.first_seconds
        while billed < seconds:
            billed += sold.step_seconds
        billed = max(billed, sold.min_seconds)

    assert sold.billed(seconds) == billed


def test_minutes_are_sold_whole_where_nothing_is_said() -> None:
    assert [MINUTES.billed(seconds) for seconds in (-1, 0, 1, 60, 61)] == [0, 0, 60, 60, 120]


def test_a_row_is_there_from_its_start_until_before_its_end() -> None:
    row = Rate("44", 1, effective_from=NOON, effective_to=NOON + SECOND)

    assert [row.is_valid(NOON + each * SECOND) for each in (-1, 0, 1)] == [False, True, False]
    assert Rate("44", 1).is_valid(NOON)


def test_hours_hold_from_their_first_minute_until_before_their_last() -> None:
    band = Band(((60, 120), (600, 660)))

    assert [band.holds(minute) for minute in (59, 60, 119, 120, 600, 659, 660)] == [
        False,
        True,
        True,
        False,
        True,
        True,
        False,
    ]
