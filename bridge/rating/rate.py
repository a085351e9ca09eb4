"""What a minute costs, by the digits a number starts with: one row of a deck."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Increments:
    """How time is sold: the first block whole, then whole steps."""

    first_seconds: int = 60
    step_seconds: int = 60
    min_seconds: int = 0
    grace_seconds: int = 0

    def billed(self, seconds: int) -> int:
        """Seconds paid for: none up to the grace, else the first block whole and then whole steps, or the minimum."""
        if seconds <= 0 or seconds <= self.grace_seconds:
            return 0
        past_first = max(0, seconds - self.first_seconds)
        steps = -(-past_first // self.step_seconds)  # rounded up
        return max(self.first_seconds + steps * self.step_seconds, self.min_seconds)


MINUTES = Increments()


@dataclass(frozen=True, slots=True)
class Band:
    """Hours of the week in the deck's time zone, in minutes from Monday 00:00: half-open, never over the week's end."""

    spans: tuple[tuple[int, int], ...]

    def holds(self, minute_of_week: int) -> bool:
        return any(start <= minute_of_week < end for start, end in self.spans)


@dataclass(frozen=True, slots=True)
class Rate:
    """Prices are ten-billionths of the deck's currency (`price.py`)."""

    prefix: str
    price: int
    """Per minute."""
    increments: Increments = MINUTES
    description: str = ""
    short_description: str = ""
    premium: int | None = None
    """The price of the premium route, where the deck has two."""
    setup: int = 0
    min_cost: int = 0
    old_price: int | None = None
    changed_on: str = ""
    effective_from: datetime | None = None
    effective_to: datetime | None = None
    band: Band | None = None
    """When in the week it holds; None is always, and gives way to a row of the same prefix that names the hour."""
    is_custom: bool = False
    """`status` 0: the row wins by its length and sends the call to the package's own price."""
    caller_prefix: str = ""
    """Only for callers whose number starts so; the longest of a prefix comes before the one that takes every caller."""
    is_priced: bool = True
    """False where a table holds no price that can be read: the call is held, it never costs 0."""

    def is_valid(self, moment: datetime) -> bool:
        after_start = self.effective_from is None or self.effective_from <= moment
        return after_start and (self.effective_to is None or moment < self.effective_to)
