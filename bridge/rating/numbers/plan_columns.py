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
    """The tables of the calling codes met so far, one behind the other; place 0 is where no number goes on.

    Where a table ends, and the number does not, it stays in a place that says what it had begun to be.
    """

    def __init__(self) -> None:
        self.known: list[Facts | None] = [None]
        """What the numbers of a column are found to be, by their place here."""
        self._places: dict[Facts | None, int] = {None: 0}
        self._step = np.zeros(10, np.int32)
        """Ten times the place after a place and a digit, at ten times the place and the digit."""
        self._facts = np.zeros(1, np.int32)
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
        state = np.where(self._code_lengths[fronts] <= numbers.lengths, self._starts[fronts] * 10, 0)
        all_have = int(left.min(initial=DIGITS))
        for place in range(int(left.max(initial=0))):
            digit = rest // _TENS[DIGITS - 1]
            rest = (rest - digit * _TENS[DIGITS - 1]) * _TENS[1]
            after = self._step[state + digit.astype(np.int32)]
            state = after if place < all_have else np.where(left > place, after, state)
        found: NDArray[np.int32] = self._facts[state // 10]
        return found

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
        places = {facts: self._place(facts) for facts in {*plan.ended, *plan.begun}}
        first, last = len(self._facts), len(self._facts) + len(plan.ended)
        stays = {facts: last + number for number, facts in enumerate(dict.fromkeys(plan.begun))}
        steps = np.array(plan.step, np.int32).reshape(-1, 10)
        begun = np.array([stays[facts] for facts in plan.begun], np.int32)[:, None]
        stay = np.repeat(np.array([*stays.values()], np.int32), 10)
        self._step = np.concatenate((self._step, np.where(steps == DEAD, begun, steps + first).ravel() * 10, stay * 10))
        facts_of_place = [places[facts] for facts in (*plan.ended, *stays)]
        self._facts = np.concatenate((self._facts, facts_of_place), dtype=np.int32)
        return first + START

    def _place(self, facts: Facts) -> int:
        place = self._places.setdefault(facts, len(self.known))
        if place == len(self.known):
            self.known.append(facts)
        return place
