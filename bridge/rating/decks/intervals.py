"""The longest prefix of many numbers at once: prefixes as ranges of numbers, laid flat, and one sorted search.

A number is written to 15 digits with zeros behind it, so that everything that starts with 44 lies between 44 and 45.
Ranges hold shorter ranges; laid flat each point belongs to the shortest of them, which is the longest prefix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DIGITS = 15
"""What E.164 allows; a longer prefix has no number, and a longer number no price."""

NONE = -1

_POWERS = np.array([10**power for power in range(DIGITS + 1)], dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of digits: each written to 15 digits, and how many of them are its own."""

    padded: NDArray[np.uint64]
    lengths: NDArray[np.uint8]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Numbers:
        """Digits `0` to `9` alone, 15 at most."""
        padded = np.fromiter((int(text.ljust(DIGITS, "0")) for text in texts), np.uint64, len(texts))
        return cls(padded, np.fromiter((len(text) for text in texts), np.uint8, len(texts)))

    def __len__(self) -> int:
        return len(self.padded)

    def text(self, place: int) -> str:
        return f"{int(self.padded[place]):0{DIGITS}d}"[: int(self.lengths[place])]

    def __getitem__(self, chosen: NDArray[np.bool_] | NDArray[np.intp] | slice) -> Numbers:
        return Numbers(self.padded[chosen], self.lengths[chosen])


@dataclass(frozen=True, slots=True)
class Intervals:
    bounds: NDArray[np.uint64]
    """Where each flat range begins; it ends where the next begins."""
    winners: NDArray[np.int32]
    """The prefix that each flat range belongs to, by its place in the list, or NONE."""
    lengths: NDArray[np.uint8]
    parents: NDArray[np.int32]
    """Of each prefix the next shorter one that it starts with, or NONE."""

    @classmethod
    def of(cls, prefixes: Numbers) -> Intervals:
        """Every prefix once."""
        starts, lengths = prefixes.padded, prefixes.lengths
        ends = starts + _POWERS[DIGITS - lengths]
        in_order = np.argsort(starts, kind="stable").astype(np.int32)
        bounds = np.sort(np.concatenate((np.zeros(1, np.uint64), starts[in_order], ends[in_order])), kind="stable")
        bounds = bounds[np.concatenate((np.ones(1, np.bool_), bounds[1:] != bounds[:-1]))]
        winners = np.full(len(bounds), NONE, np.int32)
        parents = np.full(len(prefixes), NONE, np.int32)
        for length in np.flatnonzero(np.bincount(lengths)):  # the longer ones write over the shorter
            mine = in_order[lengths[in_order] == length]
            first, last = np.searchsorted(bounds, starts[mine]), np.searchsorted(bounds, ends[mine])
            parents[mine] = winners[first]
            # each is added where it begins and taken away where it ends: the sum so far says whose a point is
            change = np.zeros(len(bounds), np.int32)
            change[first] += mine + 1
            change[last] -= mine + 1
            owners = np.cumsum(change, dtype=np.int32)
            np.copyto(winners, owners - 1, where=owners > 0)
        begins = np.concatenate((np.ones(1, np.bool_), winners[1:] != winners[:-1]))
        return cls(bounds[begins], winners[begins], lengths, parents)

    def find(self, numbers: Numbers) -> NDArray[np.int32]:
        """For each number the place of its longest prefix, or NONE."""
        in_order = np.argsort(numbers.padded)  # neighbours are sought in the same part of the memory
        found = np.empty(len(numbers), np.int32)
        found[in_order] = self.winners[np.searchsorted(self.bounds, numbers.padded[in_order], side="right") - 1]
        while True:  # what is longer than the number itself matched only the zeros behind it
            too_long = (found != NONE) & (self.lengths[found] > numbers.lengths) if len(self.lengths) else found > NONE
            if not too_long.any():
                return found
            found = np.where(too_long, self.parents[found], found)
