"""What calls cost us, by the column: as `cost_of` has it for one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bridge.rating.bulk.calls import DIRECTIONS, Calls
from bridge.rating.bulk.listed import ListedColumns
from bridge.rating.bulk.price_columns import PriceColumns, billed
from bridge.rating.bulk.texts import Flags, Ints
from bridge.rating.call import Direction
from bridge.rating.cost import DECIMALS
from bridge.rating.decks.intervals import Numbers
from bridge.rating.decks.rows import NO_PRICE
from bridge.rating.packages.package import Package
from bridge.rating.terms import Terms

_OUTBOUND = DIRECTIONS.index(Direction.OUTBOUND)


@dataclass(frozen=True, slots=True)
class Costs:
    micro: Ints
    """0 where there is none."""
    is_known: Flags
    is_missing: Flags
    """The call went to a number and was answered, and no deck says what that costs."""
    beyond: Mapping[int, int]
    """Amounts that no column can hold, by their place."""


class CostColumns:
    def __init__(self, terms: Terms) -> None:
        sold = terms.package
        bought = Package(
            sold.name, sold.product_id, sold.type, sold.currency, sold.country, route_class=sold.route_class
        )
        assert bought.cost_decimals == DECIMALS, "costs are never rounded to fewer"
        self._listed = ListedColumns(terms.cost)
        self._prices = PriceColumns(Terms(bought, terms.site))
        self._priced = [np.frombuffer(deck.rows.prices, np.int64) != NO_PRICE for deck in self._listed.decks]

    def of(self, calls: Calls, numbers: Numbers) -> Costs:
        """`numbers` are those that were called, as far as they were outbound calls to a number."""
        micro = np.zeros(len(calls), np.int64)
        is_known = np.zeros(len(calls), np.bool_)
        beyond: dict[int, int] = {}
        is_outbound = calls.directions == _OUTBOUND
        lengths = np.where(is_outbound, numbers.lengths, 0).astype(np.uint8)
        found = self._listed.find(Numbers(numbers.padded, lengths), calls.moments)
        for deck, listed in found.by_deck():
            mine = listed[self._priced[deck][found.rows[listed]]]
            places = self._prices.add_rows(self._listed.decks[deck], None) + found.rows[mine]
            rows = self._prices.rows(places)
            seconds = billed(rows, calls.seconds[mine])
            none = np.zeros(len(mine), np.bool_)
            micro[mine], more = self._prices.micro(places, rows, seconds, is_overage=none)
            is_known[mine] = True
            beyond |= {int(mine[place]): amount for place, amount in more.items()}
        is_missing = (lengths > 0) & (calls.seconds > 0) & ~is_known
        return Costs(micro, is_known, is_missing, beyond)
