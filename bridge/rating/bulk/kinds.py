"""Kinds of numbers: all numbers that mean the same under a package. Few are told apart, and each is asked for once.

What a number means (`Terms.meaning`) follows from the prefixes it begins with, its country and kind, and the patterns
it fits. Where all of these are the same for two numbers, so is what they mean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from bridge.rating.bulk.alike import FEW, alike
from bridge.rating.bulk.calls import DIRECTIONS, Calls
from bridge.rating.bulk.texts import Flags, Ints
from bridge.rating.call import CallClass, Direction
from bridge.rating.decks.intervals import DIGITS, NONE, Intervals, Numbers
from bridge.rating.filters import filters_of
from bridge.rating.numbers.columns import NumberColumns, Read, first_digits
from bridge.rating.numbers.number import Number
from bridge.rating.numbers.plan_columns import PlanColumns
from bridge.rating.special import SpecialRule, special_rules
from bridge.rating.terms import UNIVERSAL_FREEPHONE, Meaning, Terms

HELD_MAX = 50_000

Places = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Kind:
    direction: Direction
    meaning: Meaning
    """Of every number of this kind, so without the number."""


NO_CALL = 0
"""The place of what is no call."""

_NO_CALL = Kind(Direction.LOCAL, Meaning(Number("", "", None, CallClass.INVALID, ()), "", ""))


@dataclass(frozen=True, slots=True)
class Kinds:
    """Of each call."""

    places: Places
    """Which kind, by its place in `KindColumns.known`."""
    digits: Numbers
    """Of the called number, in E.164: what prefixes are sought in."""
    numbers: Numbers
    """Of the other side."""


class KindColumns:
    def __init__(self, terms: Terms) -> None:
        self.known = [_NO_CALL]
        self._terms = terms
        self._places: dict[Kind, int] = {}
        self._seen: dict[tuple[int, ...], int] = {}
        self._apart: dict[tuple[Direction, bytes, bytes], tuple[int, str, str]] = {}
        self._combinations = {way: _Combinations() for way in (Direction.OUTBOUND, Direction.INBOUND)}
        self._columns = {way: NumberColumns(terms.site, way) for way in (Direction.OUTBOUND, Direction.INBOUND)}
        self._rules = {way: special_rules(terms.package, way) for way in self._columns}
        self._filters = [each for each in filters_of(terms.package.filters) if each.digits]
        self._prefixes = Intervals.of(Numbers.of(sorted(prefixes_of(terms))))
        self._plan = PlanColumns()

    def of(self, calls: Calls) -> Kinds:
        """What is no call is of the first kind."""
        count = len(calls)
        kinds = Kinds(np.zeros(count, np.int32), no_numbers(count), no_numbers(count))
        is_call = np.ones(count, np.bool_)
        is_call[list(calls.faults)] = False
        for way in self._columns:
            mine = np.flatnonzero(is_call & (calls.directions == DIRECTIONS.index(way)))
            if len(mine):
                self._put(kinds, mine, self._of_one_way(calls, way, mine))
        others = np.flatnonzero(is_call & (calls.directions == DIRECTIONS.index(Direction.LOCAL)))
        if len(others):
            self._put(kinds, others, self._one_by_one(calls, others))
        return kinds

    def _put(self, kinds: Kinds, mine: Ints, found: Kinds) -> None:
        kinds.places[mine] = found.places
        for column, values in ((kinds.digits, found.digits), (kinds.numbers, found.numbers)):
            column.padded[mine], column.lengths[mine] = values.padded, values.lengths

    def _of_one_way(self, calls: Calls, way: Direction, mine: Ints) -> Kinds:
        called = self._columns[way].read(calls.called[mine])
        is_outbound = way is Direction.OUTBOUND
        other = called.numbers if is_outbound else self._columns[way].read(calls.callers[mine]).numbers
        traits = [self._prefixes.find(called.numbers), self._plan.facts(other)]
        if not is_outbound:
            traits.append(self._prefixes.find(other))
        is_apart = called.numbers.lengths == 0
        if self._rules[way] or self._filters:
            traits += self._patterns(called, way)
            is_apart |= ~called.is_whole
            if any("+" in pattern for pattern in self._dialled_patterns(way)):
                is_apart |= called.dialled.lengths == 0

        kinds = Kinds(self._places_of(calls, way, mine, traits, ~is_apart), called.numbers, other)
        if is_apart.any():
            apart = np.flatnonzero(is_apart)
            self._put(kinds, apart, self._one_by_one(calls, mine[apart]))
        return kinds

    def _patterns(self, called: Read, way: Direction) -> list[Places]:
        """What a number is tried on in both its forms: as it was dialled, and as what it became."""
        found = [self._prefixes.find(called.dialled)]
        found += [_fits_regex(rule, called) for rule in self._rules[way] if rule.regex]
        for each in self._filters:
            form = each.pattern.rpartition("]")[2].lower()
            found.append((fits(called.numbers, form) | fits(called.dialled, form)).astype(np.int32))
        return found

    def _dialled_patterns(self, way: Direction) -> list[str]:
        return [*(rule.rule.pattern for rule in self._rules[way]), *(each.pattern for each in self._filters)]

    def _places_of(self, calls: Calls, way: Direction, mine: Ints, traits: list[Places], is_usual: Flags) -> Places:
        """One number of each combination of traits is asked what it means."""
        places = np.zeros(len(mine), np.int32)
        usual = np.flatnonzero(is_usual)
        if len(usual) == 0:
            return places
        traits = [trait[usual] for trait in traits]
        found = self._combinations[way].find(traits)
        new = np.flatnonzero(found == NONE)
        if len(new):
            ones, which = alike(_mixed([trait[new] for trait in traits]))
            asked = [
                self._asked_once(calls, way, int(mine[usual[one]]), tuple(int(trait[one]) for trait in traits))
                for one in new[ones].tolist()
            ]
            found[new] = np.array(asked, np.int32)[which]
            self._combinations[way].keep([trait[new] for trait in traits], found[new])
        places[usual] = found
        return places

    def _asked_once(self, calls: Calls, way: Direction, place: int, traits: tuple[int, ...]) -> int:
        key = (DIRECTIONS.index(way), *traits)
        if key not in self._seen:
            self._seen[key] = self._place(way, self._terms.meaning(calls.call(place)))
        return self._seen[key]

    def _one_by_one(self, calls: Calls, mine: Ints) -> Kinds:
        """Calls without a number, or dialled in a way that says more than its digits."""
        found = [self._asked(calls, place) for place in mine.tolist()]
        return Kinds(
            np.array([kind for kind, _, _ in found], np.int32),
            Numbers.of([digits for _, digits, _ in found]),
            Numbers.of([number for _, _, number in found]),
        )

    def _asked(self, calls: Calls, place: int) -> tuple[int, str, str]:
        way = DIRECTIONS[calls.directions[place]]
        key = way, calls.called.raw(place), calls.callers.raw(place) if way is Direction.INBOUND else b""
        found = self._apart.get(key)
        if found is None:
            if len(self._apart) >= HELD_MAX:
                self._apart.clear()
            meaning = self._terms.meaning(calls.call(place))
            found = self._apart[key] = self._place(way, meaning), meaning.digits, meaning.number
        return found

    def _place(self, way: Direction, meaning: Meaning) -> int:
        called = meaning.called
        bare = meaning._replace(called=Number("", "", None, called.kind, (), called.notes), digits="", number="")
        kind = Kind(way, bare)
        place = self._places.setdefault(kind, len(self.known))
        if place == len(self.known):
            self.known.append(kind)
        return place


def prefixes_of(terms: Terms) -> set[str]:
    """Every prefix that any rule of a package asks numbers for."""
    package, allowed = terms.package, terms.package.destinations_allowed
    prefixes = {terms.site.home.calling_code, UNIVERSAL_FREEPHONE, *package.included_scope.excepted}
    prefixes |= {rule.pattern for rule in package.special_numbers if rule.kind == "prefix"}
    prefixes |= {rule.prefix for rule in (*package.overrides, *terms.service_overrides)}
    prefixes |= {prefix for bundle in package.destinations for prefix in bundle.prefixes}
    if allowed is not None:
        prefixes |= {*allowed.allow_prefixes, *allowed.block_prefixes}
    return {prefix for prefix in prefixes if len(prefix) <= DIGITS and (prefix.isdigit() or not prefix)}


def fits(numbers: Numbers, form: str) -> Flags:
    """Digits for themselves, x for any digit."""
    found: Flags = numbers.lengths == len(form)
    if len(form) > DIGITS or not re.fullmatch("[0-9x]*", form):
        return np.zeros(len(numbers), np.bool_)
    for run in re.finditer("[0-9]+", form):
        digits = numbers.padded // np.uint64(10 ** (DIGITS - run.end())) % np.uint64(10 ** len(run[0]))
        found &= digits == int(run[0])
    return found


def _fits_regex(rule: SpecialRule, called: Read) -> Places:
    assert rule.regex is not None, "asked for expressions alone"
    first = first_digits(rule.regex)
    found = np.zeros(len(called.numbers), np.int32)
    for place in np.flatnonzero(_begin_with(called.numbers, first) | _begin_with(called.dialled, first)).tolist():
        number = called.numbers.text(place)
        found[place] = rule.takes(called.dialled.text(place) or f"+{number}", number)
    return found


def _begin_with(numbers: Numbers, first: str) -> Flags:
    front = numbers.padded // np.uint64(10 ** (DIGITS - len(first)))
    found: Flags = (numbers.lengths >= len(first)) & (front == int(first or "0"))
    return found


class _Combinations:
    """The kinds of combinations of traits met before, as one table of every combination, where it is not too large."""

    def __init__(self) -> None:
        self._sizes: list[int] = []
        self._kinds: Places = np.zeros(0, np.int32)

    def find(self, traits: list[Places]) -> Places:
        """NONE where there is none yet."""
        codes = self._codes(traits)
        return self._kinds[codes] if len(self._kinds) else np.full(len(codes), NONE, np.int32)

    def keep(self, traits: list[Places], kinds: Places) -> None:
        if len(self._kinds):
            self._kinds[self._codes(traits)] = kinds

    def _codes(self, traits: list[Places]) -> Places:
        sizes = [1 << (int(trait.max(initial=0)) + 1).bit_length() for trait in traits]  # the least is -1
        if not self._sizes or any(size > room for size, room in zip(sizes, self._sizes, strict=True)):
            self._sizes = [max(pair) for pair in zip(sizes, self._sizes or sizes, strict=True)]
            self._kinds = np.full(prod(self._sizes) if prod(self._sizes) <= FEW else 0, NONE, np.int32)
        codes = np.zeros(len(traits[0]), np.int32)
        if len(self._kinds):
            for trait, size in zip(traits, self._sizes, strict=True):
                codes = codes * size + trait + 1
        return codes


def _mixed(traits: list[Places]) -> Ints:
    """One whole number for each combination that occurs."""
    codes = np.zeros(len(traits[0]), np.int64)
    for trait in traits:
        size = int(trait.max(initial=0)) + 2  # the least is -1
        if int(codes.max(initial=0)) >= 2**62 // size:
            codes = alike(codes)[1].astype(np.int64)
        codes = codes * size + trait + 1
    return codes


def no_numbers(count: int) -> Numbers:
    return Numbers(np.zeros(count, np.uint64), np.zeros(count, np.uint8))
