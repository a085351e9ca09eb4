"""Patterns of digits as one table: walk a number through it once, and know every pattern that it matches.

Reads what numbering plans are written in: digits, `\\d`, `[3-79]`, groups, `|`, `?`, `{3}` and `{2,5}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

DIGITS = "0123456789"

DEAD = 0
"""The state that no digit leaves."""
START = 1


@dataclass(frozen=True, slots=True)
class Automaton:
    step: tuple[int, ...]
    """The state after a state and a digit, at 10 * state + digit."""
    matched: tuple[tuple[int, ...], ...]
    """By state: the patterns that a number which ends there matches whole."""
    alive: tuple[tuple[int, ...], ...]
    """By state: the patterns that it matches, or may yet match with more digits."""


def automaton(patterns: Sequence[str]) -> Automaton:
    """All of them at once. A pattern is known by its place among them."""
    net = _Net()
    root = net.place()
    for number, pattern in enumerate(patterns):
        net.lay(parsed(pattern), root, owner=number)
    return _determined(net, root)


def strings(pattern: str) -> list[str]:
    """Everything that a pattern matches, for small ones."""
    return sorted(set(_strings(parsed(pattern))))


# --- reading ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Digit:
    among: str


@dataclass(frozen=True, slots=True)
class Run:
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    branches: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    part: Part
    least: int
    most: int


Part = Digit | Run | Choice | Repeat

_TOKEN = re.compile(
    r"(?P<open>\((\?:)?)|(?P<close>\))|(?P<bar>\|)|(?P<times>\?|\{\d+(,\d+)?\})|(?P<among>\d|\\d|\[[\d-]+\])", re.ASCII
)


def parsed(pattern: str) -> Part:
    tokens = _tokens(pattern)
    part, left = _choice(tokens)
    if left:
        raise ValueError(f"the pattern {pattern} closes a group that it did not open")
    return part


def _tokens(pattern: str) -> list[tuple[str, str]]:
    """From the last to the first, to be popped."""
    found = [(token.lastgroup or "", token.group()) for token in _TOKEN.finditer(pattern)]
    if sum(len(text) for _, text in found) != len(pattern):
        raise ValueError(f"the pattern {pattern} says more than digits and their repeats")
    return found[::-1]


def _choice(tokens: list[tuple[str, str]]) -> tuple[Part, bool]:
    """What stands before the end, or before a closing bracket; and whether it was a bracket."""
    branches, run = list[Part](), list[Part]()
    while tokens:
        kind, text = tokens.pop()
        match kind:
            case "open":
                part, closed = _choice(tokens)
                if not closed:
                    raise ValueError("a pattern opens a group and does not close it")
                run.append(part)
            case "among":
                run.append(Digit(_among(text)))
            case "times":
                least, _, most = text.strip("{}").partition(",") if text != "?" else ("0", "", "1")
                run.append(Repeat(run.pop(), int(least), int(most or least)))
            case "bar":
                branches.append(Run(tuple(run)))
                run = []
            case _:
                break
    else:
        kind = ""
    branches.append(Run(tuple(run)))
    return (Choice(tuple(branches)) if len(branches) > 1 else branches[0]), kind == "close"


def _among(text: str) -> str:
    if text == r"\d":
        return DIGITS
    spans = re.findall(r"(\d)(?:-(\d))?", text)
    return "".join(DIGITS[int(first) : int(last or first) + 1] for first, last in spans)


def _strings(part: Part) -> Iterator[str]:
    match part:
        case Digit(among):
            yield from among
        case Choice(branches):
            for branch in branches:
                yield from _strings(branch)
        case Run(parts):
            yield from map("".join, product(*map(list, map(_strings, parts))))
        case Repeat(repeated, least, most):
            for times in range(least, most + 1):
                yield from _strings(Run((repeated,) * times))


# --- from patterns to one table --------------------------------------------------------------------------------------


class _Net:
    """Places, and the digits and free moves between them."""

    def __init__(self) -> None:
        self.moves: list[list[tuple[str, int]]] = []
        self.free: list[list[int]] = []
        self.owner: list[int] = []
        self.ends: set[int] = set()
        self._reach: dict[int, frozenset[int]] = {}

    def place(self) -> int:
        self.moves.append([])
        self.free.append([])
        self.owner.append(-1)
        return len(self.moves) - 1

    def lay(self, part: Part, start: int, *, owner: int) -> None:
        """A pattern's ways from a place of its own, which `start` reaches free."""
        first = len(self.moves)
        self.free[start].append(self.place())
        self.ends.add(self._way(part, first))
        self.owner[first:] = [owner] * (len(self.moves) - first)

    def _way(self, part: Part, start: int) -> int:
        """Where one is after the part."""
        match part:
            case Digit(among):
                end = self.place()
                self.moves[start].append((among, end))
                return end
            case Run(parts):
                for each in parts:
                    start = self._way(each, start)
                return start
            case Choice(branches):
                ends = [self._way(branch, start) for branch in branches]
                return self._joined(ends)
            case Repeat(repeated, least, most):
                ends = []
                for times in range(most + 1):
                    if times >= least:
                        ends.append(start)
                    if times < most:
                        start = self._way(repeated, start)
                return self._joined(ends)

    def _joined(self, ends: Iterable[int]) -> int:
        end = self.place()
        for each in ends:
            self.free[each].append(end)
        return end

    def reached(self, place: int) -> frozenset[int]:
        """Where one is without another digit, as far as it matters."""
        known = self._reach.get(place)
        if known is None:
            seen, to_do = {place}, [place]
            while to_do:
                new = [each for each in self.free[to_do.pop()] if each not in seen]
                seen.update(new)
                to_do += new
            known = frozenset(each for each in seen if self.moves[each] or each in self.ends)
            self._reach[place] = known
        return known


def _determined(net: _Net, root: int) -> Automaton:
    """One state for every set of places that a number can have led to."""
    states: dict[frozenset[int], int] = {frozenset(): DEAD, net.reached(root): START}
    step = list[int]()
    matched, alive = list[tuple[int, ...]](), list[tuple[int, ...]]()
    for state in _growing(states):
        after: list[set[int]] = [set() for _ in DIGITS]
        for place in state:
            for among, end in net.moves[place]:
                reached = net.reached(end)
                for digit in among:
                    after[int(digit)] |= reached
        step += [states.setdefault(frozenset(places), len(states)) for places in after]
        matched.append(tuple(sorted({net.owner[place] for place in state if place in net.ends})))
        alive.append(tuple(sorted({net.owner[place] for place in state})))
    return Automaton(tuple(step), tuple(matched), tuple(alive))


def _growing(states: dict[frozenset[int], int]) -> Iterator[frozenset[int]]:
    """Each state in the order of its number, also those that are found meanwhile."""
    known = list(states)
    place = 0
    while place < len(known):
        yield known[place]
        place += 1
        if place == len(known):
            known = list(states)
