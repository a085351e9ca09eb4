"""A deck: what every destination costs. The longest prefix that is there at a moment is the price.

One dictionary holds every prefix; a number asks it for itself, then for itself without its last digit, and so on. For
millions of calls there are the columns (`rows`, in order) and what they mean (`rows.py`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from bridge.rating.decks.choices import Flow, RouteClass
from bridge.rating.decks.rows import DeckRows, key_of
from bridge.rating.rate import Rate

MINUTES_A_DAY = 1440
_PAGES_MAX = 256
_PART = 1 << 17
_RATES_HELD_MAX = 65536


class Deck:
    """`name` tells one deck from another in an explanation; `state` counts what was done to it since."""

    __slots__ = (
        "_banded",
        "_conditional",
        "_least",
        "_longest",
        "_made",
        "_page_bits",
        "_pages",
        "_zone",
        "currency",
        "direction",
        "name",
        "route_class",
        "rows",
        "state",
        "time_zone",
    )

    def __init__(
        self,
        rows: DeckRows,
        *,
        currency: str,
        name: str = "",
        direction: Flow = "outbound",
        route_class: RouteClass = "value",
        time_zone: str = "UTC",
        state: int = 1,
    ) -> None:
        self.rows = rows.in_order()
        self.currency = currency
        self.name = name
        self.direction = direction
        self.route_class = route_class
        self.time_zone = time_zone
        self.state = state
        keys = self.rows.keys
        self._zone = ZoneInfo(time_zone)
        self._conditional = any(terms.is_conditional for terms in self.rows.terms_known)
        self._banded = any(terms.band is not None for terms in self.rows.terms_known)
        # A prefix's place is kept as one of 256 pages, whose numbers are shared: a million places of their own would
        # weigh as much as their prefixes.
        self._page_bits = max(0, (len(keys) - 1).bit_length() - _PAGES_MAX.bit_length() + 1)
        bits = self._page_bits
        # In parts, put together at the end: a dictionary that grows row by row leaves behind what it outgrew.
        parts = [
            {keys[row]: row >> bits for row in reversed(range(max(0, end - _PART), end))}
            for end in range(len(keys), 0, -_PART)
        ]
        self._pages: dict[int, int] = {}
        for part in parts:
            self._pages.update(part)
        self._longest = len(str(keys[-1])) - 1 if keys else 0
        self._least = keys[0] if keys else 1
        self._made: dict[int, Rate] = {}

    @classmethod
    def of(
        cls,
        rates: Iterable[Rate],
        *,
        currency: str,
        name: str = "",
        direction: Flow = "outbound",
        route_class: RouteClass = "value",
        time_zone: str = "UTC",
    ) -> Deck:
        rows = DeckRows()
        for rate in rates:
            rows.add(rate)
        return cls(
            rows, currency=currency, name=name, direction=direction, route_class=route_class, time_zone=time_zone
        )

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Rate]:
        return self.rows.rates()

    @property
    def is_conditional(self) -> bool:
        """Whether any row depends on the moment or the caller; if not, each prefix's first row is its only one."""
        return self._conditional

    def find(self, number: str, moment: datetime, caller: str = "") -> Rate | None:
        """The row of the longest prefix of `number` that is there at that moment, for that caller."""
        row = self.find_place(number, moment, caller)
        return None if row is None else self._rate(row)

    def find_place(self, number: str, moment: datetime, caller: str = "") -> int | None:
        """The place of that row in `rows`."""
        key = key_of(number[: self._longest])
        page_of = self._pages.get
        least = self._least
        while key >= least:
            page = page_of(key)
            if page is not None:
                row = self._first_usable(key, page, moment, caller)
                if row is not None:
                    return row
            key //= 10
        return None

    def _first_usable(self, key: int, page: int, moment: datetime, caller: str) -> int | None:
        keys, bits = self.rows.keys, self._page_bits
        row = bisect_left(keys, key, page << bits, min(len(keys), (page + 1) << bits))
        if not self._conditional:
            return row
        minute = self._minute_of_week(moment) if self._banded else 0
        while row < len(keys) and keys[row] == key:
            if self.rows.terms_known[self.rows.terms[row]].is_usable(moment, minute, caller):
                return row
            row += 1
        return None

    def _rate(self, row: int) -> Rate:
        rate = self._made.get(row)
        if rate is None:
            if len(self._made) >= _RATES_HELD_MAX:
                self._made.clear()
            rate = self._made[row] = self.rows.rate(row)
        return rate

    def _minute_of_week(self, moment: datetime) -> int:
        there = moment.astimezone(self._zone)
        return there.weekday() * MINUTES_A_DAY + there.hour * 60 + there.minute
