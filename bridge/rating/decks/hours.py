"""Hours of the week as people write them: `mon-fri 08:00-18:00; sat 10:00-14:00`. Half-open, and over midnight too."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bridge.rating.rate import Band

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAY = 24 * 60
WEEK = 7 * DAY

_SPAN = re.compile(
    r"(?:(?P<days>[a-z]+(?:\s*-\s*[a-z]+)?(?:\s*,\s*[a-z]+(?:\s*-\s*[a-z]+)?)*)\s*)?"
    r"(?P<start>\d{1,2}:\d{2})\s*-\s*(?P<end>\d{1,2}:\d{2})",
    re.ASCII,
)


class NoHours(ValueError):
    """Not hours of the week. The message is the rule that is broken."""


def read_hours(text: str) -> Band | None:
    """None where nothing is said: always. Without a day it is every day; `22:00-06:00` ends on the day after."""
    parts = [part for part in (part.strip().lower() for part in text.split(";")) if part]
    spans = [span for part in parts for span in _spans(part)]
    return Band(_joined(spans)) if spans else None


def hours_text(band: Band | None) -> str:
    """As `read_hours` reads them back: a part for each span, cut at midnight."""
    if band is None:
        return ""
    parts: dict[str, list[int]] = {}
    for start, end in band.spans:
        for day in range(start // DAY, -(-end // DAY)):
            first, last = max(start - day * DAY, 0), min(end - day * DAY, DAY)
            parts.setdefault(f"{_clock(first)}-{_clock(last)}", []).append(day)
    return "; ".join(f"{_days_text(days)} {clock}" for clock, days in parts.items())


def _spans(part: str) -> Iterator[tuple[int, int]]:
    found = _SPAN.fullmatch(part)
    if found is None:
        raise NoHours("not hours such as mon-fri 08:00-18:00")
    start, end = _minutes(found["start"]), _minutes(found["end"])
    if start in (end, DAY):
        raise NoHours("hours that begin where they end")
    length = end - start if end > start else end - start + DAY
    for day in _days(found["days"] or "mon-sun"):
        first = day * DAY + start
        if first + length <= WEEK:
            yield first, first + length
        else:
            yield first, WEEK
            yield 0, first + length - WEEK


def _days(text: str) -> Iterator[int]:
    for part in text.replace(" ", "").split(","):
        first, _, last = part.partition("-")
        start, end = _day(first), _day(last or first)
        yield from (day % 7 for day in range(start, end + 1 if end >= start else end + 8))


def _day(word: str) -> int:
    for place, day in enumerate(DAYS):
        if len(word) >= 2 and day.startswith(word):
            return place
    raise NoHours(f"{word} is not a day such as mon")


def _minutes(clock: str) -> int:
    hours, minutes = map(int, clock.split(":"))
    if minutes > 59 or hours * 60 + minutes > DAY:
        raise NoHours(f"{clock} is not a time of day")
    return hours * 60 + minutes


def _joined(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _days_text(days: list[int]) -> str:
    runs: list[list[int]] = []
    for day in days:
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ",".join(
        "-".join(DAYS[day][:3] for day in (run[:1] if len(run) == 1 else (run[0], run[-1]))) for run in runs
    )
