"""The row that each call of a column has in a tariff: of the deck that holds when it is answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bridge.rating.bulk.instants import microseconds
from bridge.rating.bulk.texts import Ints
from bridge.rating.decks.columns import DeckColumns
from bridge.rating.decks.deck import Deck
from bridge.rating.decks.intervals import NONE, Numbers
from bridge.rating.series import ALWAYS, Series

_ALWAYS = -(2**62)


@dataclass(frozen=True, slots=True)
class Found:
    decks: NDArray[np.intp]
    """Which deck of `ListedColumns.decks` holds for each call, or NONE."""
    rows: NDArray[np.int32]
    """Its row there, or NONE."""

    def by_deck(self) -> Iterator[tuple[int, NDArray[np.intp]]]:
        """Each deck that has rows for some of the calls, with the places of those."""
        has_row = self.rows != NONE
        for deck in np.unique(self.decks[has_row]).tolist():
            yield deck, np.flatnonzero(has_row & (self.decks == deck))


class ListedColumns:
    def __init__(self, series: Series | None) -> None:
        known = [(since, deck) for since, deck in series or ()]
        self.decks: list[Deck] = [deck for _, deck in known]
        self._since = np.array([_ALWAYS if since == ALWAYS else microseconds(since) for since, _ in known], np.int64)
        self._columns = [DeckColumns(deck) if len(deck) else None for deck in self.decks]

    def find(self, numbers: Numbers, moments: Ints) -> Found:
        """For calls to these numbers; what has no digit has no row."""
        decks = np.searchsorted(self._since, moments, side="right") - 1
        decks[numbers.lengths == 0] = NONE
        rows = np.full(len(numbers), NONE, np.int32)
        for place, columns in enumerate(self._columns):
            mine = np.flatnonzero(decks == place)
            if len(mine) and columns is not None:
                nobody = Numbers(np.zeros(len(mine), np.uint64), np.zeros(len(mine), np.uint8))
                rows[mine] = columns.find(numbers[mine], moments[mine], nobody)
        return Found(decks, rows)
