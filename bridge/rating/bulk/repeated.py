"""Calls that a file holds more than once, by their id and moment: joined exports have such, and each is billed.

A call is remembered by a mark of 64 bits, and so many of them at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from bridge.rating.bulk.calls import Calls
from bridge.rating.bulk.calls_file import read_cell
from bridge.rating.bulk.texts import WORD, Texts, Words

SHOWN_MAX = 3
CALLS_MAX = 10_000_000
"""What comes later is looked for among these."""

_FACTOR, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(29)


class Repeated:
    def __init__(self, calls_max: int = CALLS_MAX) -> None:
        self.count = 0
        """Calls that are there once more."""
        self.ids: list[str] = []
        """The first of them, each once."""
        self._has_more = False
        self._left = calls_max
        self._runs: list[Words] = []
        """Sorted, each longer than the next."""

    def __str__(self) -> str:
        more = ", ..." if self._has_more else ""
        named = f"{', '.join(self.ids)}{more}"
        count = "1 call has" if self.count == 1 else f"{self.count} calls have"
        return f"{count} the id and time of an earlier one ({named}); the same call twice is billed twice"

    def watched(self, pieces: Iterable[Calls]) -> Iterator[Calls]:
        for calls in pieces:
            self._add(calls)
            yield calls

    def _add(self, calls: Calls) -> None:
        """Those that are no calls are billed nothing, and may be alike."""
        is_call = np.ones(len(calls), np.bool_)
        is_call[list(calls.faults)] = False
        rows = np.flatnonzero(is_call)
        marks = _marks(calls.ids[rows], calls.moments[rows].astype(np.uint64))
        order = np.argsort(marks, kind="stable")
        marks = marks[order]
        is_again = np.concatenate((np.zeros(1, np.bool_), marks[1:] == marks[:-1]))[: len(marks)]
        for run in self._runs:
            found = np.searchsorted(run, marks)
            is_again |= run[np.minimum(found, len(run) - 1)] == marks
        again = np.sort(order[is_again])
        self.count += len(again)
        for row in rows[again].tolist():
            if self._has_more:
                break
            name = read_cell(calls.ids.raw(row)).decode(errors="replace")
            if name not in self.ids and len(self.ids) < SHOWN_MAX:
                self.ids.append(name)
            else:
                self._has_more = name not in self.ids
        self._remember(marks[~is_again])

    def _remember(self, marks: Words) -> None:
        marks = marks[: self._left]
        self._left -= len(marks)
        if not len(marks):
            return
        while self._runs and len(self._runs[-1]) <= len(marks):
            marks = np.sort(np.concatenate((self._runs.pop(), marks)), kind="stable")
        self._runs.append(marks)


def _marks(ids: Texts, moments: Words) -> Words:
    marks = _mixed(moments ^ ids.lengths.astype(np.uint64))
    for at in range(0, int(ids.lengths.max(initial=0)), WORD):
        longer = np.flatnonzero(ids.lengths > at)
        marks[longer] = _mixed(marks[longer] ^ ids[longer].word(at))
    return marks


def _mixed(marks: Words) -> Words:
    mixed = marks * _FACTOR
    mixed ^= mixed >> _SHIFT
    return mixed * _FACTOR
