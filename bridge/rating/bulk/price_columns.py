"""Prices as rows of one table, and what seconds of them come to: the arithmetic of `amount.py` in numbers of 64 bits.

Every price is divided by what it has in common with the divisor, so that there is room. Up to `ceiling` seconds an
amount surely fits; a longer call is multiplied out in Python's numbers, which have no end.
"""

from __future__ import annotations

from math import gcd

import numpy as np
from numpy.typing import NDArray

from bridge.rating.amount import EXACT_PLACES, Part, exact, exact_text, micro_of, sixtieths
from bridge.rating.bulk.calls_file import csv_cell
from bridge.rating.bulk.price_texts import PriceTexts
from bridge.rating.bulk.texts import Ints
from bridge.rating.decks.columns import numbers_of_keys
from bridge.rating.decks.deck import Deck
from bridge.rating.decks.rows import NO_PRICE
from bridge.rating.level import Pricing, Source
from bridge.rating.packages.package import MARKUP_UNIT
from bridge.rating.rate import Increments
from bridge.rating.terms import Listed, Terms

ROOM = 2**62
MISFIT = -1
"""The ceiling of a price that leaves no room."""

FACTOR_MAX = 10**8
"""With a greater markup prices are written one by one."""

Places = NDArray[np.int32]
COLUMNS = (
    # an amount is setup + seconds * minute, at least `least`, by the divisor
    *("minute", "setup", "least", "overage", "divisor", "ceiling"),
    *("first", "step", "min", "grace"),
    *("in_tiers", "keeps_price"),
)
_PLACE_OF = {name: place for place, name in enumerate(COLUMNS)}


_NONE = Pricing(Source.PACKAGE, "", 0)


class Prices:
    """Rows of the table, asked for by the column."""

    __slots__ = ("cells",)

    def __init__(self, cells: Ints) -> None:
        self.cells = cells

    def __getitem__(self, column: str) -> Ints:
        return self.cells[:, _PLACE_OF[column]]

    def __setitem__(self, column: str, values: Ints | int) -> None:
        self.cells[:, _PLACE_OF[column]] = values


class PriceColumns:
    """`add` and `add_rows` give places; everything else is asked by place."""

    def __init__(self, terms: Terms) -> None:
        """The first place is of no price."""
        package = terms.package
        self.texts = PriceTexts()
        self._terms = terms
        self._decimals = package.cost_decimals
        self._divisor = 60 * 10 ** (EXACT_PLACES - package.cost_decimals)
        self._scale = 10 ** (6 - package.cost_decimals)
        self._overage = package.overage_price
        self._table = np.zeros((0, len(COLUMNS)), np.int64)
        self._count = 0
        self._places: dict[Pricing, int] = {}
        self._alone: dict[int, Pricing] = {}
        self._blocks: dict[tuple[int, Increments | None], int] = {}
        self._decks: list[tuple[int, Deck, Increments | None]] = []
        none = self._room_for(1)
        self._table[none] = self._row_of(_NONE).cells[0]
        self.texts.put(none, b",,", b",")
        if package.overage_price is not None:
            self.texts.put_overage(price_text(exact(package.overage_price)))

    def add(self, pricing: Pricing) -> int:
        place = self._places.get(pricing)
        if place is None:
            place = self._places[pricing] = self._room_for(1)
            self._alone[place] = pricing
            self._table[place] = self._row_of(pricing).cells[0]
            front = b",%b,%b" % (pricing.source.encode(), csv_cell(pricing.prefix.encode()))
            self.texts.put(place, front, price_text(pricing.minute if pricing.has_minute else None))
        return place

    def add_rows(self, deck: Deck, increments: Increments | None) -> int:
        """The rows of a deck with adder and markup, one behind the other; sold in these increments or their own."""
        name = id(deck), increments
        if name not in self._blocks:
            self._blocks[name] = first = self._room_for(len(deck))
            self._decks.append((first, deck, increments))
            self._table[first : first + len(deck)] = self._rows_of(first, deck, increments).cells
        return self._blocks[name]

    def rows(self, places: Places) -> Prices:
        return Prices(self._table.take(places, axis=0))

    def micro(
        self, places: Places, rows: Prices, seconds: Ints, *, is_overage: NDArray[np.bool_]
    ) -> tuple[Ints, dict[int, int]]:
        """What seconds come to in micro-units, and apart from the column what does not fit into it."""
        minute = np.where(is_overage, rows["overage"], rows["minute"])
        amount = np.maximum(rows["setup"] + minute * seconds, rows["least"])
        micro = divided(amount, rows["divisor"]) * self._scale
        micro[seconds == 0] = 0
        beyond = {}
        for place in np.flatnonzero((seconds > rows["ceiling"]) & (seconds > 0)).tolist():
            pricing = self.pricing(int(places[place]))
            price = exact(self._overage or 0) if is_overage[place] else pricing.minute
            parts = (Part(int(seconds[place]), price),)
            beyond[place] = micro_of(sixtieths(parts, setup=pricing.setup, least=pricing.least), self._decimals)
            micro[place] = 0
        return micro, beyond

    def pricing(self, place: int) -> Pricing:
        if place in self._alone:
            return self._alone[place]
        first, deck, increments = max(block for block in self._decks if block[0] <= place)
        pricing = self._terms.tariff(Listed(deck, deck.rows.rate(place - first)))
        assert isinstance(pricing, Pricing), "a row without a price is asked for by itself"
        return pricing if increments is None else pricing._replace(increments=increments)

    def _room_for(self, count: int) -> int:
        first = self._count
        self._count += count
        if self._count > len(self._table):
            table = np.zeros((max(self._count, len(self._table) * 5 // 4), len(COLUMNS)), np.int64)
            table[:first] = self._table[:first]
            self._table = table
        self.texts.make_room(self._count)
        return first

    def _row_of(self, pricing: Pricing) -> Prices:
        amounts = pricing.minute, pricing.setup * 60, pricing.least * 60, exact(self._overage or 0)
        common = gcd(*amounts, self._divisor)
        minute, setup, least, overage = (amount // common for amount in amounts)
        row = Prices(np.zeros((1, len(COLUMNS)), np.int64))
        row["ceiling"] = MISFIT
        if min(amounts) >= 0 and max(minute, setup, least, overage) <= ROOM:
            row["minute"], row["setup"], row["least"], row["overage"] = minute, setup, least, overage
            row["divisor"] = self._divisor // common
            self._set_ceilings(row)
        else:
            row["divisor"] = 1
        _set_increments(row, pricing.increments)
        row["in_tiers"], row["keeps_price"] = int(pricing.in_tiers), int(pricing.keeps_price)
        return row

    def _rows_of(self, first: int, deck: Deck, increments: Increments | None) -> Prices:
        package, columns = self._terms.package, deck.rows
        base = np.frombuffer(columns.prices, np.int64)
        if package.route_class == "premium":
            premium = np.full(len(base), NO_PRICE)
            premium[: len(columns.premiums)] = np.frombuffer(columns.premiums, np.int64)
            base = np.where(premium == NO_PRICE, base, premium)
        factor = MARKUP_UNIT + package.markup
        terms_of_row = np.frombuffer(columns.terms, np.uint32)
        known = columns.terms_known
        setups = np.array([min(terms.setup * 60, ROOM) for terms in known], np.int64)[terms_of_row]
        leasts = np.array([min(terms.min_cost * 60, ROOM) for terms in known], np.int64)[terms_of_row]

        # first what the factors share with the divisor, then what the prices do
        shared = gcd(factor, MARKUP_UNIT if self._overage else 0, self._divisor)
        divisor, factor, unit = self._divisor // shared, factor // shared, MARKUP_UNIT // shared if self._overage else 0
        price = np.where(base < ROOM - package.adder, base + package.adder, ROOM)
        overage = self._overage or 0
        common = np.gcd(np.gcd(np.gcd(price, setups), np.gcd(leasts, overage)), divisor)

        rows = Prices(np.zeros((len(base), len(COLUMNS)), np.int64))
        fits = np.ones(len(base), np.bool_)
        for name, column, times in (
            ("minute", price, factor),
            ("setup", setups, factor),
            ("least", leasts, factor),
            ("overage", np.full(len(base), overage), unit),
        ):
            reduced = column // common
            fits &= (reduced <= ROOM // max(times, 1)) & (column < ROOM) & (column >= 0)
            rows[name] = reduced * times
        rows["divisor"] = divisor // common
        self._set_ceilings(rows)
        rows["ceiling"] = np.where(fits, rows["ceiling"], MISFIT)
        if increments is None:
            for name, values in zip(
                INCREMENTS, zip(*(_seconds_of(terms.increments) for terms in known), strict=True), strict=True
            ):
                rows[name] = np.array(values, np.int64)[terms_of_row]
        else:
            _set_increments(rows, increments)
        self._write_rows(first, deck, price)
        return rows

    def _write_rows(self, first: int, deck: Deck, prices: Ints) -> None:
        factor = MARKUP_UNIT + self._terms.package.markup
        fits = (prices < ROOM) & (factor <= FACTOR_MAX)
        shown = np.where(fits, np.maximum(prices, 0), 0)  # below 0 is no price, and never shown
        prefixes = numbers_of_keys(np.frombuffer(deck.rows.keys, np.uint64))
        self.texts.put_rows(first, b",tariff", prefixes, shown, factor if fits.any() else 1)
        for row in np.flatnonzero(~fits).tolist():
            listed = Listed(deck, deck.rows.rate(row))
            pricing = self._terms.tariff(listed)
            if isinstance(pricing, Pricing):
                self.texts.put(first + row, f",tariff,{pricing.prefix}".encode(), price_text(pricing.minute))

    def _set_ceilings(self, rows: Prices) -> None:
        """An amount has to fit, and its quotient in micro-units."""
        room = np.minimum(ROOM, ROOM // self._scale * np.minimum(rows["divisor"], self._scale))
        left = room - np.maximum(rows["setup"], rows["least"])
        dearest = np.maximum(np.maximum(rows["minute"], rows["overage"]), 1)
        rows["ceiling"] = np.where(left < 0, MISFIT, left // dearest)


INCREMENTS = ("first", "step", "min", "grace")


def _seconds_of(increments: Increments) -> tuple[int, int, int, int]:
    return (
        increments.first_seconds,
        increments.step_seconds,
        increments.min_seconds,
        increments.grace_seconds,
    )


def _set_increments(rows: Prices, increments: Increments) -> None:
    for name, seconds in zip(INCREMENTS, _seconds_of(increments), strict=True):
        rows[name] = seconds


def billed(rows: Prices, seconds: Ints) -> Ints:
    """`Increments.billed` for each."""
    first, step = rows["first"], rows["step"]
    past_first = np.maximum(seconds - first, 0)
    whole = np.maximum(first + (past_first + step - 1) // step * step, rows["min"])
    return np.where((seconds <= 0) | (seconds <= rows["grace"]), 0, whole)


def divided(amounts: Ints, divisors: Ints) -> Ints:
    """Rounded half up; no amount is negative."""
    whole, rest = np.divmod(amounts, divisors)
    halves: Ints = whole + (2 * rest >= divisors)
    return halves


def price_text(minute: int | None) -> bytes:
    """An exact price; where no one price a minute can be shown, none."""
    return b"," if minute is None else f",{exact_text(minute)}".encode()
