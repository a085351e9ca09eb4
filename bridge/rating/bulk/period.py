"""Allowances and tiers over the calls of a period: as `cover` and `parts_of` have them, for all calls at once.

What an allowance has left for a call is what the earlier calls did not need of it. Calls of one moment go by their id,
and those of one id by the rest of their row. That matters only where an allowance ends or a tier is reached among them,
so that rows are asked for there alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.rating.allowance import Allowance, size_of
from bridge.rating.amount import EXACT_PLACES, exact, micro_of
from bridge.rating.bulk.price_columns import ROOM, divided
from bridge.rating.bulk.texts import Flags, Ints
from bridge.rating.packages.package import Package, TierMode
from bridge.rating.tiers import parts_of
from bridge.rating.usage import Usage

BLOCK = 1 << 18
"""So many calls are settled before the next."""

Chain = tuple[Allowance, ...]
Row = tuple[bytes, str, bytes, bytes, bytes, int]
"""What calls of one moment go by: id, direction, caller, called, extension, seconds. Whose are equal cost the same."""
RowsOf = Callable[[Sequence[int]], Sequence[Row]]
"""The rows of calls, by their place among those that wait."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Of the calls that wait, what the period asks for."""

    moments: Ints
    chains: NDArray[Any]
    """Which allowances may cover it, by the place of their chain in `grant`'s chains."""
    left: NDArray[Any]
    """Billed seconds that nothing covers yet."""
    spoken: NDArray[Any]
    """Actual seconds, where the package counts those; else none."""
    in_tiers: Flags
    clients: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    """Whose period each is in; none where one period is for all."""

    def __len__(self) -> int:
        return len(self.moments)


@dataclass(frozen=True, slots=True)
class Granted:
    """What the period says to calls that wait, in their order."""

    covered: NDArray[Any]
    tier_micro: Ints
    beyond: Mapping[int, int]
    """Amounts in tiers that do not fit into the column."""

    @classmethod
    def of(cls, waiting: Waiting) -> Granted:
        """Nothing."""
        return cls(np.zeros(len(waiting), np.int64), np.zeros(len(waiting), np.int64), {})

    def part(self, start: int, end: int) -> Granted:
        beyond = {place - start: amount for place, amount in self.beyond.items() if start <= place < end}
        return Granted(self.covered[start:end], self.tier_micro[start:end], beyond)


def grant(
    waiting: Waiting, chains: Sequence[Chain], package: Package, usage: Usage, rows_of: RowsOf, *, block: int = BLOCK
) -> Granted:
    """What the allowances cover and what the tiers charge. `usage` moves as if the calls were rated one by one."""
    order = np.argsort(waiting.moments)
    covered = np.zeros(len(waiting), waiting.left.dtype)
    tier_micro = np.zeros(len(waiting), np.int64)
    beyond: dict[int, int] = {}
    allowances = _narrower_first(chains)
    tiers = Tiers(package) if package.tiers else None
    start = 0
    while start < len(order):
        stop = _end_of_moment(waiting.moments, order, min(start + block, len(order)))
        calls = _Block(waiting, order[start:stop], rows_of)
        for allowance, is_member in allowances:
            calls.cover(allowance, is_member, usage)
        covered[calls.places] = calls.billed - calls.left
        if tiers is not None:
            calls.charge(tiers, usage, tier_micro, beyond)
        start = stop
    return Granted(covered, tier_micro, beyond)


def _narrower_first(chains: Sequence[Chain]) -> list[tuple[Allowance, NDArray[np.bool_]]]:
    """Every allowance after those that are asked before it, with the chains that it is in."""
    before: TopologicalSorter[Allowance] = TopologicalSorter()
    for chain in chains:
        for place, allowance in enumerate(chain):
            before.add(allowance, *chain[:place])
    return [(each, np.array([each in chain for chain in chains])) for each in before.static_order()]


def _end_of_moment(moments: Ints, order: Ints, stop: int) -> int:
    """So far that no calls of one moment are parted."""
    last = moments[order[stop - 1]]
    while stop < len(order):
        same = moments[order[stop : stop + BLOCK]] == last
        stop += len(same) if same.all() else int(np.argmin(same))
        if not same.all():
            break
    return stop


class _Block:
    """Calls in their order, as far as it is known; those of one moment are put in that of their rows when asked."""

    def __init__(self, waiting: Waiting, places: Ints, rows_of: RowsOf) -> None:
        self.places = places.copy()
        self.moments = waiting.moments[places]
        self.chains = waiting.chains[places]
        self.billed = waiting.left[places].astype(np.int64)
        self.left = self.billed.copy()
        self.spoken = waiting.spoken[places].astype(np.int64) if len(waiting.spoken) else None
        self.in_tiers = waiting.in_tiers[places]
        self._rows_of = rows_of
        self._ordered: set[int] = set()

    def cover(self, allowance: Allowance, is_member: NDArray[np.bool_], usage: Usage) -> None:
        size = size_of(allowance, usage)
        room = None if size is None else max(0, size - usage.consumed.get(allowance.name, 0))
        if room == 0:
            return
        mine, needed, after = self._needed(is_member)
        if room is not None and len(mine) and after[-1] >= room:
            self._order_around(int(mine[np.searchsorted(after, room)]))
            mine, needed, after = self._needed(is_member)
        left = needed if room is None else np.maximum(room - (after - needed), 0)
        fits = needed <= left if room is None else (needed <= left) & (left > 0)
        seconds = np.where(fits, self.left[mine], left)
        consumed = np.where(fits, needed, left)
        self.left[mine] -= seconds
        if self.spoken is not None:
            self.spoken[mine] = np.maximum(self.spoken[mine] - consumed, 0)
        if seconds.any():
            usage.consumed[allowance.name] += int(consumed.sum())

    def charge(self, tiers: Tiers, usage: Usage, tier_micro: Ints, beyond: dict[int, int]) -> None:
        for cut in tiers.cuts:
            mine, _, after = self._charged(usage)
            place = int(np.searchsorted(after, cut, side="right"))
            if place < len(mine):
                self._order_around(int(mine[place]))
        mine, seconds, after = self._charged(usage)
        micro = tiers.micro(after - seconds, seconds)
        for place in np.flatnonzero(seconds > tiers.ceiling).tolist():
            amount = tiers.beyond(int(after[place] - seconds[place]), int(seconds[place]))
            beyond[int(self.places[mine[place]])] = amount
            micro[place] = 0
            usage.tier_micro += amount
        tier_micro[self.places[mine]] = micro
        usage.tier_seconds += int(seconds.sum())
        usage.tier_micro += int(micro.sum())

    def _needed(self, is_member: NDArray[np.bool_]) -> tuple[Ints, Ints, Ints]:
        """The calls that an allowance may cover, what each needs of it, and all of them so far."""
        mine = np.flatnonzero(is_member[self.chains] & (self.left > 0))
        needed = self.left[mine] if self.spoken is None else np.minimum(self.left[mine], self.spoken[mine])
        return mine, needed, np.cumsum(needed)

    def _charged(self, usage: Usage) -> tuple[Ints, Ints, Ints]:
        """The calls in tiers with something to charge, how much, and the seconds of the period so far."""
        mine = np.flatnonzero(self.in_tiers & (self.left > 0))
        return mine, self.left[mine], usage.tier_seconds + np.cumsum(self.left[mine])

    def _order_around(self, place: int) -> None:
        """The calls of that moment, by their rows."""
        moment = self.moments[place]
        first, last = (int(np.searchsorted(self.moments, moment, side=side)) for side in ("left", "right"))
        if last - first == 1 or first in self._ordered:
            return
        self._ordered.add(first)
        rows = self._rows_of(self.places[first:last].tolist())
        order = first + np.array(sorted(range(len(rows)), key=rows.__getitem__))
        for column in (self.places, self.chains, self.billed, self.left, self.spoken, self.in_tiers):
            if column is not None:
                column[first:last] = column[order]


class Tiers:
    """The prices of tiers as columns take them."""

    def __init__(self, package: Package) -> None:
        self.cuts = [tier.up_to_seconds for tier in package.tiers if tier.up_to_seconds is not None]
        self._tiers, self._mode = package.tiers, package.tier_mode
        self._decimals = package.cost_decimals
        self._scale = 10 ** (6 - package.cost_decimals)
        divisor = 60 * 10 ** (EXACT_PLACES - package.cost_decimals)
        prices = [exact(tier.price) for tier in package.tiers]
        common = gcd(*prices, divisor)
        self._divisor = divisor // common
        room = min(ROOM, ROOM // self._scale * min(self._divisor, self._scale))
        self._prices = [price // common for price in prices]
        self.ceiling = room // max(*self._prices, 1)

    def micro(self, before: Ints, seconds: Ints) -> Ints:
        """Of calls, each after so many seconds; up to the ceiling it is right."""
        after = before + seconds
        if self._mode is TierMode.VOLUME:
            reached = np.searchsorted(np.array(self.cuts, np.int64), after)
            amount = seconds * np.array(self._in_column(), np.int64)[reached]
        else:
            amount, start = np.zeros(len(seconds), np.int64), 0
            for place, price in enumerate(self._in_column()):
                end = self.cuts[place] if place < len(self.cuts) else ROOM
                amount += np.maximum(np.minimum(after, end) - np.maximum(before, start), 0) * price
                start = end
        micro: Ints = divided(amount, np.array(self._divisor, np.int64)) * self._scale
        return micro

    def beyond(self, before: int, seconds: int) -> int:
        parts = parts_of(self._tiers, self._mode, before=before, seconds=seconds)
        return micro_of(sum(part.seconds * part.minute for part in parts), self._decimals)

    def _in_column(self) -> list[int]:
        return [price if self.ceiling else 0 for price in self._prices]
