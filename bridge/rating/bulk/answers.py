"""What becomes of each call of a column once its kind and its row of the deck are known: a price, or none.

`price_for` is asked once for each kind of number and deck, with a row that stands for all ordinary ones. Rows that are
marked as the package's own, or that have no price, are asked for one by one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bridge.rating.bulk.calls import DIRECTIONS, Calls
from bridge.rating.bulk.instants import microseconds
from bridge.rating.bulk.kinds import NO_CALL, Kind, Kinds, no_numbers
from bridge.rating.bulk.price_columns import PriceColumns
from bridge.rating.bulk.texts import Flags
from bridge.rating.call import CallClass, Direction
from bridge.rating.decks.columns import DeckColumns
from bridge.rating.decks.deck import Deck
from bridge.rating.decks.intervals import NONE
from bridge.rating.decks.rows import NO_PRICE
from bridge.rating.level import NoPrice, Pricing, Source
from bridge.rating.packages.package import NoRate
from bridge.rating.pricing import price_for
from bridge.rating.rate import Increments, Rate
from bridge.rating.series import ALWAYS
from bridge.rating.terms import Listed, Terms

Places = NDArray[np.int32]

NO_BLOCK = -1
_BEFORE, _ALWAYS = -(2**63), -(2**62)
ORDINARY = Rate("", 0, Increments(7, 7))
"""Stands for every row that has a price and is the tariff's own."""

ANSWER = np.dtype([(name, np.int32) for name in ("block", "answer", "dear_block", "dear_answer", "none")])
"""Of a kind of number under a deck: the block of its rows' prices, or else one answer; where the row is too dear to be
covered; and where there is no row. An answer is the place of a price, or below 0 that of what is settled without one.
"""


class Answers:
    def __init__(self, terms: Terms, prices: PriceColumns) -> None:
        self.settled: list[tuple[CallClass, str]] = []
        """What calls are that get no price, and why."""
        self._settled_places: dict[tuple[CallClass, str], int] = {}
        self._terms = terms
        self._prices = prices
        self._ways = {
            way: [_DeckAnswers(None, since=_BEFORE), *_decks_of(terms, way)]
            for way in (Direction.OUTBOUND, Direction.INBOUND)
        }

    def settle(self, cls: CallClass, reason: str) -> int:
        """The answer for calls of that class."""
        place = self._settled_places.setdefault((cls, reason), len(self.settled))
        if place == len(self.settled):
            self.settled.append((cls, reason))
        return -1 - place

    def of(self, calls: Calls, kinds: Kinds, known: Sequence[Kind]) -> tuple[Places, Flags]:
        """For each call its answer, and whether its row lets it be covered. Local calls have none."""
        answers = np.zeros(len(calls), np.int32)
        is_coverable = np.ones(len(calls), np.bool_)
        for way, decks in self._ways.items():
            is_mine = (calls.directions == DIRECTIONS.index(way)) & (kinds.places != NO_CALL)
            begins = np.array([deck.since for deck in decks], np.int64)
            which = np.searchsorted(begins, calls.moments, side="right") - 1
            which[kinds.digits.lengths == 0] = 0
            for place, deck in enumerate(decks):
                mine = np.flatnonzero(is_mine & (which == place))
                if len(mine):
                    answers[mine], is_coverable[mine] = self._under(deck, calls, kinds, mine, known)
        return answers, is_coverable

    def _under(
        self, deck: _DeckAnswers, calls: Calls, kinds: Kinds, mine: NDArray[np.intp], known: Sequence[Kind]
    ) -> tuple[Places, Flags]:
        way = DIRECTIONS[calls.directions[mine[0]]]
        of_kind = kinds.places[mine]
        deck.make_room(len(known))
        for kind in np.flatnonzero(np.bincount(of_kind, minlength=len(deck.is_asked)) * ~deck.is_asked).tolist():
            deck.table[kind] = self._ask(known[kind], deck.deck)
            deck.is_asked[kind] = True
        answer = deck.table.take(of_kind)
        if deck.columns is None:
            return answer["none"], np.ones(len(mine), np.bool_)

        callers = kinds.numbers[mine] if way is Direction.INBOUND else no_numbers(len(mine))
        rows = deck.columns.find(kinds.digits[mine], calls.moments[mine], callers)
        is_listed = rows != NONE
        is_dear = is_listed & deck.is_dear[rows]
        block = np.where(is_dear, answer["dear_block"], answer["block"])
        found = np.where(block == NO_BLOCK, np.where(is_dear, answer["dear_answer"], answer["answer"]), block + rows)
        found = np.where(is_listed, found, answer["none"])
        for place in np.flatnonzero(is_listed & deck.is_odd[rows]).tolist():
            found[place] = self._odd(int(of_kind[place]), known, deck, int(rows[place]))
        return found, ~is_dear

    def _ask(self, kind: Kind, deck: Deck | None) -> tuple[int, int, int, int, int]:
        none = self._answer(price_for(kind.direction, kind.meaning, self._terms, None, in_bundle=True))
        if deck is None:
            return NO_BLOCK, none, NO_BLOCK, none, none
        return *self._becomes(kind, deck, is_dear=False), *self._becomes(kind, deck, is_dear=True), none

    def _becomes(self, kind: Kind, deck: Deck, *, is_dear: bool) -> tuple[int, int]:
        """Of the ordinary rows: their block, or the one answer for them all."""
        found = price_for(kind.direction, kind.meaning, self._terms, Listed(deck, ORDINARY), in_bundle=not is_dear)
        if isinstance(found, Pricing) and found.source is Source.TARIFF:
            increments = None if found.increments == ORDINARY.increments else found.increments
            return self._prices.add_rows(deck, increments), 0
        return NO_BLOCK, self._answer(found)

    def _odd(self, kind: int, known: Sequence[Kind], deck: _DeckAnswers, row: int) -> int:
        answer = deck.odd.get((kind, row))
        if answer is None:
            assert deck.deck is not None, "there is a row"
            listed = Listed(deck.deck, deck.deck.rows.rate(row))
            way, meaning = known[kind].direction, known[kind].meaning
            found = price_for(way, meaning, self._terms, listed, in_bundle=not deck.is_dear[row])
            answer = deck.odd[kind, row] = self._answer(found)
        return answer

    def _answer(self, found: Pricing | NoPrice) -> int:
        if isinstance(found, Pricing):
            return self._prices.add(found)
        is_free = self._terms.package.no_rate_policy is NoRate.ZERO and not found.is_held
        return self.settle(CallClass.FREE if is_free else CallClass.UNRATED, found.reason)


class _DeckAnswers:
    def __init__(self, deck: Deck | None, *, since: int, dearest: int | None = None) -> None:
        self.deck = deck
        self.since = since
        self.columns = DeckColumns(deck) if deck else None
        self.table = np.zeros(0, ANSWER)
        self.is_asked = np.zeros(0, np.bool_)
        self.odd: dict[tuple[int, int], int] = {}
        if deck is not None:
            prices = np.frombuffer(deck.rows.prices, np.int64)
            is_custom = np.array([terms.is_custom for terms in deck.rows.terms_known], np.bool_)
            has_none = prices == NO_PRICE
            self.is_odd = has_none | is_custom[np.frombuffer(deck.rows.terms, np.uint32)]
            self.is_dear = np.zeros(len(prices), np.bool_) if dearest is None else has_none | (prices > dearest)

    def make_room(self, count: int) -> None:
        more = max(0, count - len(self.table))
        if more:
            more = max(more, len(self.table))
            self.table = np.concatenate((self.table, np.zeros(more, ANSWER)))
            self.is_asked = np.concatenate((self.is_asked, np.zeros(more, np.bool_)))


def _decks_of(terms: Terms, way: Direction) -> list[_DeckAnswers]:
    dearest = terms.package.max_covered_price
    return [
        _DeckAnswers(
            deck if len(deck) else None, since=_ALWAYS if since == ALWAYS else microseconds(since), dearest=dearest
        )
        for since, deck in terms.decks[way] or ()
    ]
