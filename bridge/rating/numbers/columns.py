"""What a column of dialled numbers becomes: the ways most numbers are written all at once, the others one by one.

At once: behind a plus, behind the exit code, in E.164 as they are, and ten digits in North America. Everything else,
and whatever is rewritten, prefixed or a number of the house, goes through `normalise`, once for each text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from bridge.rating.bulk.texts import WORD, Flags, Ints, Texts, Words, begin_with, numbers_in
from bridge.rating.call import Direction
from bridge.rating.decks.intervals import DIGITS, Numbers
from bridge.rating.numbers.automaton import DEAD, START, automaton
from bridge.rating.numbers.number import DIGITS_MAX, DIGITS_MIN, normalise
from bridge.rating.numbers.site import Site

HELD_MAX = 200_000
NANP_DIGITS = 10

_POWERS = np.array([10**power for power in range(DIGITS + 1)], np.uint64)


@dataclass(frozen=True, slots=True)
class Read:
    numbers: Numbers
    """In E.164; without a digit where there is none."""
    dialled: Numbers
    """The digits as they were dialled; none behind a plus, with which no prefix begins."""
    is_whole: Flags
    """`dialled` leaves nothing out."""


class NumberColumns:
    """Of calls out or in; what stays within a PBX has no number."""

    def __init__(self, site: Site, direction: Direction) -> None:
        home = site.home
        self._site = site
        self._direction = direction
        self._held: dict[bytes, tuple[str, str]] = {}
        house = {each.removeprefix("+") for each in site.extensions | site.emergency}
        self._house = Numbers.of([each for each in house if _is_plain(each)])
        self._exit = home.exit_code.encode() if home.exit_code.isdigit() else b""
        self._rewritten = {first_digits(pattern) for pattern, _ in site.rewrites}
        if not self._exit:
            self._rewritten |= beginnings(home.exit_code)
        self._prefixed = {site.trunk_prefix} - {""}
        if site.area_code or site.local_prefix:
            self._prefixed = {""}

    def read(self, texts: Texts) -> Read:
        """`normalise` for each."""
        front = texts.word()
        has_plus = begin_with(front, b"+")
        is_abroad = begin_with(front, self._exit) if self._exit else np.zeros(len(texts), np.bool_)
        skipped = np.where(has_plus, 1, np.where(is_abroad, len(self._exit), 0))
        numbers, is_read = numbers_in(texts.after(skipped))
        dialled, is_whole = numbers_in(texts) if is_abroad.any() else (numbers, is_read)
        dialled = Numbers(dialled.padded, np.where(has_plus, 0, dialled.lengths).astype(np.uint8))

        is_bare = is_read & ~has_plus & ~is_abroad & ~_begin_with(front, self._rewritten)
        at_once = has_plus | is_abroad | (is_bare & ~_begin_with(front, self._prefixed))
        if self._site.nanp_10_digit:
            is_short_of_code = is_bare & _is_nanp(numbers)
            numbers = Numbers(
                np.where(is_short_of_code, _POWERS[DIGITS - 1] + numbers.padded // np.uint64(10), numbers.padded),
                numbers.lengths + is_short_of_code,
            )
            at_once |= is_short_of_code
        at_once &= is_read & (numbers.lengths >= DIGITS_MIN) & (numbers.lengths <= DIGITS_MAX)
        if len(self._house):
            said = Numbers(dialled.padded, np.where(has_plus, numbers.lengths, dialled.lengths))
            at_once &= ~np.isin(_keys(said), _keys(self._house))
        return self._others(texts, at_once, Read(numbers, dialled, is_whole | has_plus))

    def _others(self, texts: Texts, at_once: Flags, read: Read) -> Read:
        others = np.flatnonzero(~at_once)
        if len(others) == 0:
            return read
        found = [self._normalised(texts.raw(place)) for place in others.tolist()]
        is_whole = read.is_whole.copy()
        is_whole[others] = [_is_plain(dialled) or _is_plain(dialled.removeprefix("+")) for dialled, _ in found]
        numbers = _put(read.numbers, others, [number for _, number in found])
        dialled = _put(read.dialled, others, [dialled if _is_plain(dialled) else "" for dialled, _ in found])
        return Read(numbers, dialled, is_whole)

    def _normalised(self, raw: bytes) -> tuple[str, str]:
        found = self._held.get(raw)
        if found is None:
            if len(self._held) >= HELD_MAX:
                self._held.clear()
            number = normalise(self._site, raw.decode(errors="replace"), direction=self._direction)
            found = self._held[raw] = number.dialled, number.number or ""
        return found


def _put(column: Numbers, places: Ints, texts: list[str]) -> Numbers:
    """The column with these in their places."""
    put = Numbers.of(texts)
    padded, lengths = column.padded.copy(), column.lengths.copy()
    padded[places], lengths[places] = put.padded, put.lengths
    return Numbers(padded, lengths)


def first_digits(pattern: re.Pattern[str]) -> str:
    """What every number that this can match begins with, as far as its text says so plainly."""
    found = re.match(r"\^((?:[0-9](?![?*{]))+)", pattern.pattern)
    return found[1] if found and "|" not in pattern.pattern else ""


def beginnings(pattern: str) -> set[str]:
    """The digits that what this matches can begin with."""
    table = automaton([pattern])
    return {str(digit) for digit in range(10) if table.step[10 * START + digit] != DEAD}


def _begin_with(front: Words, prefixes: Iterable[str]) -> Flags:
    """Of longer prefixes the first eight digits are enough: what is not touched after all comes out the same."""
    found = np.zeros(len(front), np.bool_)
    for prefix in prefixes:
        found |= begin_with(front, prefix[:WORD].encode())
    return found


def _is_nanp(numbers: Numbers) -> Flags:
    """Ten digits, of which neither the area nor the exchange begins with 0 or 1."""
    area, exchange = (numbers.padded // _POWERS[DIGITS - 1 - place] % np.uint64(10) for place in (0, 3))
    found: Flags = (numbers.lengths == NANP_DIGITS) & (area > 1) & (exchange > 1)
    return found


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= DIGITS


def _keys(numbers: Numbers) -> Words:
    keys: Words = _POWERS[numbers.lengths] + numbers.padded // _POWERS[DIGITS - numbers.lengths]
    return keys
