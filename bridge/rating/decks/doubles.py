"""The same prefix twice: alike is one row; unlike, at one time, nobody knows which price is meant."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby, islice
from operator import eq

from bridge.rating.decks.rows import DeckRows, prefix_of
from bridge.rating.rate import Band

ROWS_OF_A_PREFIX_MAX = 500
_UNSET = datetime.min.replace(tzinfo=UTC)

Tell = Callable[[int, str, str, str], object]
"""Line, column, value and reason."""


@dataclass(slots=True)
class Doubles:
    rows: DeckRows
    lines: array[int]
    """Of each row, where it stands in the list."""
    refuse: Tell
    doubt: Tell
    refused: set[int] = field(default_factory=set)
    """Lines: one that is refused for one of its prefixes is refused whole."""
    doubled: set[int] = field(default_factory=set)
    """Rows that say again what another says."""

    def settled(self, order: array[int]) -> array[int]:
        """The rows that stay, of all in the order of their prefixes."""
        keys, lines = self.rows.keys, self.lines
        if not any(map(eq, map(keys.__getitem__, order), map(keys.__getitem__, islice(order, 1, None)))):
            return order
        for key, group in groupby(order, key=keys.__getitem__):
            same = sorted(group)
            if len(same) > 1:
                self._settle(prefix_of(key), same)
        return array("I", (row for row in order if row not in self.doubled and lines[row] not in self.refused))

    def _settle(self, prefix: str, same: list[int]) -> None:
        """`same` are the rows of one prefix, in the order of the file."""
        kept: list[int] = []
        for row in same:
            line = self.lines[row]
            if line in self.refused:
                continue
            if len(kept) >= ROWS_OF_A_PREFIX_MAX:
                self._refuse(line, prefix, f"is there more than {ROWS_OF_A_PREFIX_MAX} times")
                continue
            for other in kept:
                if self.rows.prices[row] == self.rows.prices[other] and self.rows.terms[row] == self.rows.terms[other]:
                    self.doubled.add(row)
                    self.doubt(line, "Prefix", prefix, f"is in line {self.lines[other]} as well, at the same price")
                    break
                if self._conflict(row, other):
                    reason = f"is in line {self.lines[other]} as well, at another price for the same time"
                    self._refuse(line, prefix, reason)
                    break
            else:
                kept.append(row)

    def _conflict(self, row: int, other: int) -> bool:
        """Whether at some moment both would be the price. A row without an end ends where the next one begins."""
        one, two = (self.rows.terms_known[self.rows.terms[each]] for each in (row, other))
        if one.caller_prefix != two.caller_prefix or (one.band is None) != (two.band is None):
            return False
        if one.band and two.band and not _meet(one.band, two.band):
            return False
        first, second = sorted((one, two), key=lambda terms: terms.effective_from or _UNSET)
        if first.effective_from == second.effective_from:
            return True
        return first.effective_to is not None and first.effective_to > (second.effective_from or _UNSET)

    def _refuse(self, line: int, prefix: str, reason: str) -> None:
        self.refused.add(line)
        self.refuse(line, "Prefix", prefix, reason)


def _meet(one: Band, two: Band) -> bool:
    return any(start < other_end and other < end for start, end in one.spans for other, other_end in two.spans)
