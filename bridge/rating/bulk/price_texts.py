"""How prices are written, beside their columns: `,tariff,44` and `,0.0125`, as the words that lines are made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bridge.rating.bulk.texts import Flags, Ints, Words
from bridge.rating.bulk.written import close_up, exact_words, number_words, text_words
from bridge.rating.decks.intervals import Numbers


class PriceTexts:
    def __init__(self) -> None:
        self._fronts: Words = np.zeros((0, 1), np.uint64)
        self._prices: Words = np.zeros((0, 1), np.uint64)
        self._overage: Words = np.zeros(1, np.uint64)

    def make_room(self, count: int) -> None:
        self._fronts, self._prices = _enlarged(self._fronts, count), _enlarged(self._prices, count)

    def put(self, place: int, front: bytes, price: bytes) -> None:
        self._put(place, text_words(front)[None], text_words(price)[None])

    def put_overage(self, price: bytes) -> None:
        """What calls pay beyond their allowance."""
        self._overage = text_words(price)
        self._prices = _enlarged(self._prices, 0, len(self._overage))

    def put_rows(self, first: int, source: bytes, prefixes: Numbers, prices: Ints, factor: int) -> None:
        """Many prices of one source, one behind the other."""
        sources = np.full(len(prefixes), text_words(source)[0])
        self._put(first, close_up([sources, *number_words(prefixes)]), close_up(exact_words(prices, factor)))

    def cells(self, places: NDArray[np.int32], is_overage: Flags) -> list[Words]:
        """Words for each, of its own price or of what is beyond the allowance."""
        prices = self._prices.take(places, axis=0)
        if is_overage.any():
            prices[is_overage] = 0
            prices[is_overage, : len(self._overage)] = self._overage
        return [self._fronts.take(places, axis=0), prices]

    def _put(self, first: int, fronts: Words, prices: Words) -> None:
        self._fronts = _enlarged(self._fronts, 0, fronts.shape[1])
        self._prices = _enlarged(self._prices, 0, prices.shape[1])
        self._fronts[first : first + len(fronts), : fronts.shape[1]] = fronts
        self._prices[first : first + len(prices), : prices.shape[1]] = prices


def _enlarged(table: Words, rows: int, width: int = 1) -> Words:
    if rows <= len(table) and width <= table.shape[1]:
        return table
    height = max(rows, len(table) * 5 // 4) if rows > len(table) else len(table)
    larger: Words = np.zeros((height, max(width, table.shape[1])), np.uint64)
    larger[: len(table), : table.shape[1]] = table
    return larger
