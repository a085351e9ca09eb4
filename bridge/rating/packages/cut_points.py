"""Where tiers end, however people write it: `500`, `0-500`, `501-1000`, `1000+`. A tier ends where the next begins.

As ranges of whole minutes, `0-500, 501-1000, 1000+` leaves one minute without a price and gives another two. It is read
as the cut points 500 and 1000, and whoever wrote it is told. Any other gap or overlap is a mistake.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

_RANGE = re.compile(r"(?P<start>[0-9]+(?:\.[0-9]+)?) ?(?:(?P<open>\+)|[-–] ?(?P<end>[0-9]+(?:\.[0-9]+)?))")
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?")

MINUTES_MAX = 10**7


@dataclass(frozen=True, slots=True)
class Span:
    """One tier as written, in seconds. `start` None: from wherever the one before ends. `end` None: without end."""

    start: int | None
    end: int | None


def read_span(written: str | int | None) -> Span:
    """A ValueError says which form is expected."""
    if written is None:
        return Span(None, None)
    text = str(written).strip()
    if _PLAIN.fullmatch(text):
        return Span(None, _seconds(text))
    found = _RANGE.fullmatch(text)
    if found is None:
        raise ValueError("is neither minutes such as 500 nor a range such as 0-500 or 1000+")
    return Span(_seconds(found["start"]), None if found["open"] else _seconds(found["end"]))


def minutes_text(seconds: int) -> str:
    """Minutes as people write them: 500, 0.5."""
    return f"{Decimal(seconds) / 60:f}"


def minutes_written(seconds: int | None) -> int | str | None:
    """Minutes as `read_span` takes them: a number where it is whole."""
    if seconds is None:
        return None
    return seconds // 60 if seconds % 60 == 0 else minutes_text(seconds)


def faults_of(spans: Sequence[Span]) -> list[tuple[int, str]]:
    """What keeps spans from covering every minute once, each with the place it was noticed at."""
    faults: list[tuple[int, str]] = []
    before: int | None = 0
    for place, span in enumerate(spans):
        if before is None:
            faults.append((place - 1, "has no end, and only the last tier may have none"))
            break
        start = before if span.start is None or _is_next_minute(span.start, before) else span.start
        if start > before:
            faults.append((place, f"begins at {minutes_text(start)}: from {minutes_text(before)} there is a gap"))
        if start < before:
            faults.append(
                (place, f"begins at {minutes_text(start)} and overlaps with what ends at {minutes_text(before)}")
            )
        if span.end is not None and span.end <= max(start, before):
            faults.append(
                (place, f"ends at {minutes_text(span.end)}, which is not after {minutes_text(max(start, before))}")
            )
        before = span.end
    return faults


def note_on(spans: Sequence[Span]) -> str | None:
    """What ranges were read as."""
    if all(span.start is None for span in spans):
        return None
    points = [minutes_text(span.end) for span in spans if span.end is not None]
    named = f"cut point{'s' if len(points) != 1 else ''} {' and '.join(points) or 'none'}"
    return f"the ranges are read as the {named}: a tier ends where the next begins"


def _is_next_minute(start: int, before: int) -> bool:
    """501 after 500, as one counts whole minutes."""
    return start == before + 60 and before % 60 == 0


def _seconds(minutes: str) -> int:
    seconds = Decimal(minutes) * 60
    if seconds != int(seconds):
        raise ValueError("is not a whole number of seconds")
    if seconds > MINUTES_MAX * 60:
        raise ValueError(f"is more than {MINUTES_MAX} minutes")
    return int(seconds)
