"""Hours of the week, as a deck writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bridge.rating.decks.hours import DAY, WEEK, NoHours, hours_text, read_hours
from bridge.rating.rate import Band


def minutes(day: int, hour: int, minute: int = 0) -> int:
    return day * DAY + hour * 60 + minute


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("mon 08:00-18:00", [(minutes(0, 8), minutes(0, 18))]),
        ("Monday 8:00 - 18:00", [(minutes(0, 8), minutes(0, 18))]),
        ("sat,sun 00:00-24:00", [(minutes(5, 0), WEEK)]),
        ("sat-mon 10:00-11:00", [(minutes(day, 10), minutes(day, 11)) for day in (0, 5, 6)]),
        ("mon-tue 08:00-12:00; tue 11:00-13:00", [(minutes(0, 8), minutes(0, 12)), (minutes(1, 8), minutes(1, 13))]),
        ("fri 22:00-06:00", [(minutes(4, 22), minutes(5, 6))]),
        ("sun 22:00-06:00", [(0, minutes(0, 6)), (minutes(6, 22), WEEK)]),
        ("09:30-10:00", [(minutes(day, 9, 30), minutes(day, 10)) for day in range(7)]),
    ],
)
def test_hours_are_read_as_people_write_them(text: str, spans: list[tuple[int, int]]) -> None:
    assert read_hours(text) == Band(tuple(spans))


@pytest.mark.parametrize("text", ["", "  ", ";"])
def test_nothing_said_is_always(text: str) -> None:
    assert read_hours(text) is None


@pytest.mark.parametrize(
    "text", ["mon", "moonday 08:00-09:00", "mon 08:00", "mon 8-18", "mon 25:00-26:00", "mon 08:60-09:00", "08:00-08:00"]
)
def test_what_is_no_hours_is_refused(text: str) -> None:
    with pytest.raises(NoHours):
        read_hours(text)


@given(some.lists(some.integers(0, WEEK), min_size=2, max_size=12, unique=True).map(sorted))
def test_hours_come_back_as_they_were_written(bounds: list[int]) -> None:
    band = Band(tuple(zip(bounds[0::2], bounds[1::2], strict=False)))

    assert read_hours(hours_text(band)) == band


def test_always_is_written_as_nothing() -> None:
    assert hours_text(None) == ""


def test_working_hours_are_written_shortly() -> None:
    assert hours_text(read_hours("mon-fri 08:00-18:00; sat 10:00-14:00")) == "mon-fri 08:00-18:00; sat 10:00-14:00"
