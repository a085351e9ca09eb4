"""The country and kind of many numbers at once: all of them walked through the tables of `plan.py`, digit by digit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bridge.rating.decks.intervals import DIGITS, Numbers
from bridge.rating.numbers.automaton import DEAD, START
from bridge.rating.numbers.plan import Facts, calling_code_of, plan_of

CODE_DIGITS = 3
UNTRIED = -1

_TENS = np.array([10**power for power in range(DIGITS + 1)], np.uint64)


class PlanColumns:
    """The tables of the calling codes met so far, one behind the other; place 0 is where no number goes on."""

    def __init__(self) -> None:
        self.known: list[Facts | None] = [None]
        """What the numbers of a column are found to be, by their place here."""
        self._places: dict[Facts | None, int] = {None: 0}
        self._step = np.zeros(10, np.int32)
        self._ended = np.zeros(1, np.int32)
        self._begun = np.zeros(1, np.int32)
        self._starts = np.full(10**CODE_DIGITS, UNTRIED, np.int32)
        self._code_lengths = np.zeros(10**CODE_DIGITS, np.uint8)
        self._laid: dict[str, int] = {}

    def facts(self, numbers: Numbers) -> NDArray[np.int32]:
        """Of each number the place in `known`."""
        fronts = (numbers.padded // _TENS[DIGITS - CODE_DIGITS]).astype(np.int64)
        is_new = self._starts[fronts] == UNTRIED
        for front in set(fronts[is_new].tolist()):
            self._meet(front)
        code_lengths = np.minimum(self._code_lengths[fronts], numbers.lengths)
        rest = numbers.padded % _TENS[DIGITS - code_lengths] * _TENS[code_lengths]
        left = numbers.lengths - code_lengths
        state = np.where(self._code_lengths[fronts] <= numbers.lengths, self._starts[fronts], 0)
        is_dead = np.zeros(len(numbers), np.bool_)
        for place in range(int(left.max(initial=0))):
            digit = rest // _TENS[DIGITS - 1]
            rest = (rest - digit * _TENS[DIGITS - 1]) * _TENS[1]
            after = self._step[state * 10 + digit.astype(np.int32)]
            goes_on = (left > place) & ~is_dead
            is_dead |= goes_on & (after == 0)
            state = np.where(goes_on & (after != 0), after, state)
        return np.where(is_dead, self._begun[state], self._ended[state])

    def _meet(self, front: int) -> None:
        """The calling code that these three digits begin with, or none."""
        code = calling_code_of(f"{front:0{CODE_DIGITS}d}")
        if code is None:
            self._starts[front] = 0
            return
        if code not in self._laid:
            self._laid[code] = self._lay(code)
        self._starts[front] = self._laid[code]
        self._code_lengths[front] = len(code)

    def _lay(self, code: str) -> int:
        """Its table behind the others; the place it starts from."""
        plan = plan_of(code)
        first = len(self._ended)
        steps = np.array(plan.step, np.int32)
        self._step = np.concatenate((self._step, np.where(steps == DEAD, 0, steps + first)), dtype=np.int32)
        self._ended = np.concatenate((self._ended, [self._place(facts) for facts in plan.ended]), dtype=np.int32)
        self._begun = np.concatenate((self._begun, [self._place(facts) for facts in plan.begun]), dtype=np.int32)
        return first + START

    def _place(self, facts: Facts) -> int:
        place = self._places.setdefault(facts, len(self.known))
        if place == len(self.known):
            self.known.append(facts)
        return place
