"""Where calls went, in the words of a price list: the description of a number's row, or else its country."""

from __future__ import annotations

import numpy as np

from bridge.rating.bulk.calls import DIRECTIONS, Calls
from bridge.rating.bulk.charges import CLASSES, Charges
from bridge.rating.bulk.listed import ListedColumns
from bridge.rating.bulk.names import Names
from bridge.rating.bulk.texts import Ints
from bridge.rating.call import Direction
from bridge.rating.decks.intervals import Numbers
from bridge.rating.numbers.country_name import country_name
from bridge.rating.numbers.plan import NETWORKS, Facts
from bridge.rating.numbers.plan_columns import PlanColumns
from bridge.rating.series import Series

INBOUND = "inbound"
NOWHERE = "unknown"
_OUTBOUND = DIRECTIONS.index(Direction.OUTBOUND)


class Destinations:
    def __init__(self, series: Series | None) -> None:
        self.names = Names()
        self._listed = ListedColumns(series)
        self._plan = PlanColumns()

    def of(self, calls: Calls, charges: Charges) -> Ints:
        """For each call the place of its destination in `names`. What went to no number goes by its class."""
        codes = np.array([self.names.place(cls.value) for cls in CLASSES], np.int64)[charges.classes]
        is_inbound = calls.directions == DIRECTIONS.index(Direction.INBOUND)
        is_inbound[list(calls.faults)] = False
        codes[is_inbound] = self.names.place(INBOUND)
        called = np.flatnonzero((calls.directions == _OUTBOUND) & (charges.numbers.lengths > 0))
        if len(called):
            codes[called] = self._of_numbers(charges.numbers[called], calls.moments[called])
        return codes

    def _of_numbers(self, numbers: Numbers, moments: Ints) -> Ints:
        codes = self._countries(numbers)
        found = self._listed.find(numbers, moments)
        for deck, mine in found.by_deck():
            rows = self._listed.decks[deck].rows
            texts, which = np.unique(np.frombuffer(rows.descriptions, np.uint32)[found.rows[mine]], return_inverse=True)
            named = [rows.texts[text] for text in texts.tolist()]
            places = np.array([self.names.place(name) if name else -1 for name in named], np.int64)[which]
            codes[mine] = np.where(places >= 0, places, codes[mine])
        return codes

    def _countries(self, numbers: Numbers) -> Ints:
        facts, which = np.unique(self._plan.facts(numbers), return_inverse=True)
        return np.array([self.names.place(_country(self._plan.known[each])) for each in facts.tolist()], np.int64)[
            which
        ]


def _country(facts: Facts | None) -> str:
    if facts is None:
        return NOWHERE
    return "networks of no country" if facts.region == NETWORKS else country_name(facts.region)
