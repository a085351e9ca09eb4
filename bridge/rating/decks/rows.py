"""The rows of a deck as columns, so that a million of them fit where objects would not.

column          of row i                                        absent
keys[i]         its prefix behind a 1, as a whole number        never: 44 is 144
prices[i]       ten-billionths a minute                         NO_PRICE: the table holds none that can be read
terms[i]        place in `terms_known`: what many rows share    never
descriptions[i] place in `texts`                                never
shorts, changes place in `texts`                                the column may end early: then ""
premiums, olds  ten-billionths a minute                         NO_PRICE, or the column ends early

In order, rows of one prefix are neighbours, and the one to ask first comes first.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from operator import lt

from bridge.rating.rate import MINUTES, Band, Increments, Rate

DIGITS_MAX = 15
NO_PRICE = -1
PRICE_MAX = 2**63 - 1

_ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Terms:
    """What is seldom a row's own: how time is sold, and when and for whom the row is there."""

    increments: Increments = MINUTES
    setup: int = 0
    min_cost: int = 0
    effective_from: datetime | None = None
    effective_to: datetime | None = None
    band: Band | None = None
    caller_prefix: str = ""
    is_custom: bool = False

    @property
    def is_conditional(self) -> bool:
        """Whether the row may not be there: at that moment, or for that caller."""
        return bool(self.effective_from or self.effective_to or self.band or self.caller_prefix)

    def is_usable(self, moment: datetime, minute_of_week: int, caller: str) -> bool:
        if self.effective_from is not None and moment < self.effective_from:
            return False
        if self.effective_to is not None and moment >= self.effective_to:
            return False
        if self.band is not None and not self.band.holds(minute_of_week):
            return False
        return caller.startswith(self.caller_prefix)


def _first_asked(terms: Terms) -> tuple[int, bool, float]:
    """Of one prefix: the longest caller prefix, then a row that names its hours, then the latest."""
    since = (terms.effective_from or _ALWAYS) - _ALWAYS
    return -len(terms.caller_prefix), terms.band is None, -since.total_seconds()


@dataclass(slots=True)
class DeckRows:
    keys: array[int] = field(default_factory=lambda: array("Q"))
    prices: array[int] = field(default_factory=lambda: array("q"))
    terms: array[int] = field(default_factory=lambda: array("I"))
    terms_known: list[Terms] = field(default_factory=list)
    descriptions: array[int] = field(default_factory=lambda: array("I"))
    shorts: array[int] = field(default_factory=lambda: array("I"))
    changes: array[int] = field(default_factory=lambda: array("I"))
    texts: list[str] = field(default_factory=lambda: [""])
    premiums: array[int] = field(default_factory=lambda: array("q"))
    olds: array[int] = field(default_factory=lambda: array("q"))
    _terms_at: dict[Terms, int] = field(default_factory=dict, repr=False, compare=False)
    _texts_at: dict[str, int] = field(default_factory=lambda: {"": 0}, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.keys)

    def add(self, rate: Rate) -> None:
        terms = Terms(
            rate.increments,
            rate.setup,
            rate.min_cost,
            rate.effective_from,
            rate.effective_to,
            rate.band,
            rate.caller_prefix,
            rate.is_custom,
        )
        self.add_row(
            key_of(rate.prefix),
            rate.price if rate.is_priced else NO_PRICE,
            self.terms_place(terms),
            self.text_place(rate.description),
            short=self.text_place(rate.short_description),
            changed=self.text_place(rate.changed_on),
            premium=NO_PRICE if rate.premium is None else rate.premium,
            old=NO_PRICE if rate.old_price is None else rate.old_price,
        )

    def add_row(
        self,
        key: int,
        price: int,
        terms: int,
        description: int,
        *,
        short: int = 0,
        changed: int = 0,
        premium: int = NO_PRICE,
        old: int = NO_PRICE,
    ) -> None:
        """A row by the places of what it shares: `terms_place` and `text_place`."""
        row = len(self.keys)
        self.keys.append(key)
        self.prices.append(price)
        self.terms.append(terms)
        self.descriptions.append(description)
        if not short and not changed and premium == old == NO_PRICE:
            return
        for column, value, absent in (
            (self.shorts, short, 0),
            (self.changes, changed, 0),
            (self.premiums, premium, NO_PRICE),
            (self.olds, old, NO_PRICE),
        ):
            if value != absent:
                column.extend([absent] * (row - len(column)))
                column.append(value)

    def terms_place(self, terms: Terms) -> int:
        place = self._terms_at.get(terms)
        if place is None:
            place = self._terms_at[terms] = len(self.terms_known)
            self.terms_known.append(terms)
        return place

    def text_place(self, text: str) -> int:
        place = self._texts_at.get(text)
        if place is None:
            place = self._texts_at[text] = len(self.texts)
            self.texts.append(text)
        return place

    def relearn(self) -> None:
        """After `terms_known` and `texts` were set from outside: where each is found again."""
        self._terms_at = {terms: place for place, terms in enumerate(self.terms_known)}
        self._texts_at = {text: place for place, text in enumerate(self.texts)}

    def in_order(self) -> DeckRows:
        """By prefix; of one prefix the row to ask first, and of two that are alike the later."""
        order = self.order()
        return self if order is None else self.taken(order)

    def order(self) -> Sequence[int] | None:
        """Which rows come after one another in order; None where they already stand so."""
        if all(map(lt, self.keys, islice(self.keys, 1, None))):
            return None
        ranks = {terms: rank for rank, terms in enumerate(sorted(self.terms_known, key=_first_asked))}
        rank_of = [ranks[terms] for terms in self.terms_known]
        ranked = len(rank_of)
        places = [key * ranked + rank_of[terms] for key, terms in zip(self.keys, self.terms, strict=True)]
        return sorted(range(len(places) - 1, -1, -1), key=places.__getitem__)

    def taken(self, order: Iterable[int]) -> DeckRows:
        """These rows, in this order. What they share is shared with this one."""
        places = array("I", order)
        rows = DeckRows(terms_known=self.terms_known, texts=self.texts)
        rows._terms_at, rows._texts_at = self._terms_at, self._texts_at
        for name in ("keys", "prices", "terms", "descriptions"):
            column = getattr(self, name)
            setattr(rows, name, array(column.typecode, map(column.__getitem__, places)))
        for name, absent in (("shorts", 0), ("changes", 0), ("premiums", NO_PRICE), ("olds", NO_PRICE)):
            column = getattr(self, name)
            if column:
                known = len(column)
                values = (column[row] if row < known else absent for row in places)
                setattr(rows, name, array(column.typecode, values))
        return rows

    def rate(self, row: int) -> Rate:
        terms, price = self.terms_known[self.terms[row]], self.prices[row]
        return Rate(
            prefix=prefix_of(self.keys[row]),
            price=max(price, 0),
            increments=terms.increments,
            description=self.texts[self.descriptions[row]],
            short_description=self.texts[self.shorts[row]] if row < len(self.shorts) else "",
            premium=_price_in(self.premiums, row),
            setup=terms.setup,
            min_cost=terms.min_cost,
            old_price=_price_in(self.olds, row),
            changed_on=self.texts[self.changes[row]] if row < len(self.changes) else "",
            effective_from=terms.effective_from,
            effective_to=terms.effective_to,
            band=terms.band,
            is_custom=terms.is_custom,
            caller_prefix=terms.caller_prefix,
            is_priced=price != NO_PRICE,
        )

    def rates(self) -> Iterator[Rate]:
        return map(self.rate, range(len(self)))


def key_of(prefix: str) -> int:
    """Behind a 1, so that no leading zero is lost and a longer prefix is a greater number."""
    return int("1" + prefix)


def prefix_of(key: int) -> str:
    return str(key)[1:]


def _price_in(column: array[int], row: int) -> int | None:
    price = column[row] if row < len(column) else NO_PRICE
    return None if price == NO_PRICE else price
