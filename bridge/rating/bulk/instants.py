"""A column of times as they are usually written, 2025-06-30T23:59:59.250+02:00, as microseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from bridge.rating.bulk.texts import Flags, Ints, Texts, first_digits, read_form

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000

_DAYS_IN = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def moment_of(instant: int) -> datetime:
    return EPOCH + MICROSECOND * instant


def instants_in(texts: Texts) -> tuple[Ints, Flags]:
    """The instant of each, and whether it is written so: three or six decimals or none, and Z or +hh:mm behind."""
    year_month, has_date = read_form(texts.word(), b"0000-00-")
    day_minute, has_hour = read_form(texts.word(8), b"00_00:00")
    seconds, has_second = read_form(texts.word(16), b":00_____")
    between = texts.word(10) & np.uint64(0xFF)
    fraction, zone = _fraction(texts.after(19))
    offset, has_zone = _offset(zone)

    year, month = year_month // 10_000, year_month // 10 % 100
    day, hour, minute = day_minute // 1_000_000, day_minute // 1000 % 100, day_minute % 100
    second = seconds // 100_000
    good = has_date & has_hour & has_second & has_zone & ((between == ord("T")) | (between == ord(" ")))
    good &= (month >= 1) & (month <= 12) & (hour < 24) & (minute < 60) & (second < 60)
    is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    good &= (year >= 1) & (day >= 1) & (day <= _DAYS_IN[np.where(good, month, 0)] + ((month == 2) & is_leap))
    minutes = (_days_since_1970(year, month, day) * 24 + hour) * 60 + minute - offset
    return (minutes * 60 + second) * SECOND + fraction, good


def _fraction(tails: Texts) -> tuple[Ints | int, Texts]:
    """Microseconds, and what stands behind them."""
    pointed = tails.begin_with(b".")
    if not pointed.any():
        return 0, tails
    has_six = (tails.lengths == 1 + 6 + 1) | (tails.lengths == 1 + 6 + 6)
    places = np.where(pointed, np.where(has_six, 6, 3), 0)
    value, good = first_digits(tails.word(1), places)
    zone = tails.after(places + pointed)
    return value // 100, Texts(zone.buffer, zone.starts, np.where(good, zone.lengths, 0))


def _offset(zones: Texts) -> tuple[Ints, Flags]:
    """Minutes east of UTC."""
    word = zones.word()
    east, west = zones.begin_with(b"+"), zones.begin_with(b"-")
    value, good = read_form(word, b"_00:00\0\0")
    hours, minutes = value // 100_000 % 100, value // 100 % 100
    good &= (zones.lengths == 6) & (east | west) & (hours < 24) & (minutes < 60)
    offset = np.where(good, np.where(west, -1, 1) * (hours * 60 + minutes), 0)
    return offset, good | zones.equal(b"Z")


def _days_since_1970(year: Ints, month: Ints, day: Ints) -> Ints:
    """By a year that begins in March, so that the odd day comes last."""
    year = year - (month <= 2)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return 365 * year + year // 4 - year // 100 + year // 400 + of_year - 719_468
