"""Rows of a price list that can be meant so, and seldom are."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

from bridge.rating.decks.choices import Flow
from bridge.rating.decks.rows import NO_PRICE, DeckRows, prefix_of
from bridge.rating.decks.whole_number import SHORTEST as WHOLE_NUMBER_MIN
from bridge.rating.decks.whole_number import is_whole_number
from bridge.rating.price import UNIT, price_text

DEAR = 10 * UNIT
DEAR_TIMES = 50

Doubt = tuple[int, str, str, str]
"""The row, and its column, value and reason."""


def doubts(rows: DeckRows, direction: Flow) -> Iterator[Doubt]:
    """`rows` are in the order of their prefixes."""
    yield from _odd_blocks(rows)
    yield from _dear_prices(rows)
    if direction == "outbound":
        yield from _whole_numbers(rows)


def _odd_blocks(rows: DeckRows) -> Iterator[Doubt]:
    odd = {
        place: terms.increments
        for place, terms in enumerate(rows.terms_known)
        if terms.increments.first_seconds % terms.increments.step_seconds
    }
    if not odd:
        return
    for row, place in enumerate(rows.terms):
        if (sold := odd.get(place)) is not None:
            told = f"{sold.first_seconds}/{sold.step_seconds}"
            yield row, "Increment", told, "has a first block that is no multiple of the step"


def _dear_prices(rows: DeckRows) -> Iterator[Doubt]:
    dear = min(DEAR, _median(rows.prices) * DEAR_TIMES or DEAR)
    if max(rows.prices, default=0) <= dear:
        return
    for row, price in enumerate(rows.prices):
        if price > dear:
            why = "is above 10 a minute" if price > DEAR else f"is more than {DEAR_TIMES} times the median"
            yield row, "RateValue", price_text(price), f"{why}, for prefix {prefix_of(rows.keys[row])}"


def _whole_numbers(rows: DeckRows) -> Iterator[Doubt]:
    keys = rows.keys  # in order, and the longest last
    for row in range(bisect_left(keys, 10**WHOLE_NUMBER_MIN), len(keys)):
        if is_whole_number(prefix_of(keys[row])):
            yield row, "Prefix", prefix_of(keys[row]), "is as long as a whole number; it prices that number alone"


def _median(prices: array[int]) -> int:
    """Of the rows with a price; of two in the middle the higher."""
    counts = Counter(prices)
    del counts[NO_PRICE]
    middle = counts.total() // 2
    for price in sorted(counts):
        middle -= counts[price]
        if middle < 0:
            return price
    return 0
