"""A deck for many calls at once: the row of each, as `Deck.find` would find it.

Which rows are there depends on the moment and on who calls, and many calls share that. For each such state of the deck
the prefixes that are there are laid flat once (`intervals.py`).
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from bridge.rating.bulk.alike import alike
from bridge.rating.bulk.instants import SECOND, microseconds, moment_of
from bridge.rating.bulk.texts import Flags, Ints
from bridge.rating.decks.deck import Deck
from bridge.rating.decks.intervals import DIGITS, NONE, Intervals, Numbers
from bridge.rating.decks.rows import Terms

HOUR = 3600
WEEK_MINUTES = 7 * 1440
THURSDAY = 3 * 1440
"""1970 began on one."""

STATES_HELD_MAX = 32
WORTH_LAYING = 32
"""So many rows for each call that asks, and asking the deck call by call is quicker."""

Places = NDArray[np.int32]


class DeckColumns:
    def __init__(self, deck: Deck) -> None:
        self._deck = deck
        rows = deck.rows
        self._keys = np.frombuffer(rows.keys, np.uint64)
        self._terms = np.frombuffer(rows.terms, np.uint32)
        conditional = [terms for terms in rows.terms_known if terms.is_conditional]
        edges = {edge for terms in conditional for edge in (terms.effective_from, terms.effective_to) if edge}
        self._edges = np.array(sorted(map(microseconds, edges)), np.int64)
        self._hours = _Hours(conditional, deck.time_zone)
        callers = sorted({terms.caller_prefix for terms in conditional} - {""})
        self._callers = Intervals.of(Numbers.of(callers))
        self._laid: dict[bytes, tuple[Intervals, Places]] = {}

    def find(self, numbers: Numbers, moments: Ints, callers: Numbers) -> Places:
        """For each call the place of its row, or NONE."""
        if not self._deck.is_conditional:
            return self._find_in(self._all_usable(), numbers)
        minutes = self._hours.minutes_of_week(moments)
        epochs = np.searchsorted(self._edges, moments, side="right")
        state = epochs * self._hours.kinds + self._hours.kind_of[minutes]
        state = state * (len(self._callers.lengths) + 1) + self._callers.find(callers) - NONE
        ones, states = alike(state)
        found = np.empty(len(numbers), np.int32)
        for place, one in enumerate(ones.tolist()):
            mine = np.flatnonzero(states == place)
            usable = self._usable(int(moments[one]), int(minutes[one]), callers.text(one))
            if usable.tobytes() in self._laid or len(mine) * WORTH_LAYING > len(self._keys):
                found[mine] = self._find_in(usable, numbers[mine])
            else:
                found[mine] = [self._find_one(numbers, moments, callers, each) for each in mine.tolist()]
        return found

    def _all_usable(self) -> Flags:
        return np.ones(len(self._deck.rows.terms_known), np.bool_)

    def _usable(self, moment: int, minute: int, caller: str) -> Flags:
        """Of the terms that rows have, those that hold."""
        known = self._deck.rows.terms_known
        holds = (terms.is_usable(moment_of(moment), minute, caller) for terms in known)
        return np.fromiter(holds, np.bool_, len(known))

    def _find_in(self, usable: Flags, numbers: Numbers) -> Places:
        name = usable.tobytes()
        if name not in self._laid:
            if len(self._laid) >= STATES_HELD_MAX:
                self._laid.clear()
            self._laid[name] = self._lay(usable)
        intervals, rows = self._laid[name]
        places = intervals.find(numbers)
        return np.where(places == NONE, NONE, rows[places]) if len(rows) else places

    def _lay(self, usable: Flags) -> tuple[Intervals, Places]:
        """The rows that are there; of a prefix the first of them."""
        rows = np.flatnonzero(usable[self._terms]).astype(np.int32)
        keys = self._keys[rows]
        rows = rows[np.concatenate((np.ones(len(keys[:1]), np.bool_), keys[1:] != keys[:-1]))]
        return Intervals.of(numbers_of_keys(self._keys[rows])), rows

    def _find_one(self, numbers: Numbers, moments: Ints, callers: Numbers, place: int) -> int:
        row = self._deck.find_place(numbers.text(place), moment_of(int(moments[place])), callers.text(place))
        return NONE if row is None else row


def numbers_of_keys(keys: NDArray[np.uint64]) -> Numbers:
    """Prefixes as a deck keeps them: digits behind a 1."""
    powers = np.array([10**length for length in range(DIGITS + 1)], np.uint64)
    lengths = np.searchsorted(powers, keys, side="right") - 1
    return Numbers((keys - powers[lengths]) * powers[DIGITS - lengths], lengths.astype(np.uint8))


class _Hours:
    """Which rows hold at each minute of the week, in the deck's time zone."""

    def __init__(self, terms: list[Terms], time_zone: str) -> None:
        bands = {each.band for each in terms if each.band is not None}
        held = [tuple(band.holds(minute) for band in bands) for minute in range(WEEK_MINUTES)] if bands else [()]
        kinds = {kind: place for place, kind in enumerate(dict.fromkeys(held))}
        self.kinds = len(kinds)
        self.kind_of = np.array([kinds[kind] for kind in held])
        self._zone = ZoneInfo(time_zone) if bands else None
        self._offsets: dict[int, int | None] = {}

    def minutes_of_week(self, moments: Ints) -> Ints:
        """0 for all where no row asks for the hour."""
        if self._zone is None:
            return np.zeros(len(moments), np.int64)
        seconds = moments // SECOND
        hours, places = np.unique(seconds // HOUR, return_inverse=True)
        known = [self._offset_in(hour) for hour in hours.tolist()]
        offsets = np.array([0 if offset is None else offset for offset in known], np.int64)[places]
        for place in np.flatnonzero(np.array([offset is None for offset in known])[places]).tolist():
            offsets[place] = self._offset_at(int(seconds[place]))
        minutes: Ints = ((seconds + offsets) // 60 + THURSDAY) % WEEK_MINUTES
        return minutes

    def _offset_in(self, hour: int) -> int | None:
        """Seconds east of UTC; None where it changes in that hour."""
        if hour not in self._offsets:
            first, last = self._offset_at(hour * HOUR), self._offset_at(hour * HOUR + HOUR - 1)
            self._offsets[hour] = first if first == last else None
        return self._offsets[hour]

    def _offset_at(self, second: int) -> int:
        offset = moment_of(second * SECOND).astimezone(self._zone).utcoffset()
        assert offset is not None, "a moment in a time zone has an offset"
        return offset.days * 86400 + offset.seconds
