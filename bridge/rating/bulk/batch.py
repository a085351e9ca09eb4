"""A whole file of calls, piece by piece: rated, put in the order of the period, and written in the order it came in.

Two passes. The first rates each call by itself; of those that wait for the period a few bytes are remembered, the rest
goes to a spool. The second takes up the spool again, now that the period is known. Where nothing waits there is one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import IO

import numpy as np

from bridge.rating import tiers
from bridge.rating.bulk.calls import Calls
from bridge.rating.bulk.charges import CLASSES, Charges, lines_of
from bridge.rating.bulk.engine import Bulk
from bridge.rating.bulk.period import Granted, Waiting, grant
from bridge.rating.bulk.spool import Spool
from bridge.rating.bulk.texts import Ints
from bridge.rating.call import CallClass
from bridge.rating.terms import Terms
from bridge.rating.usage import Usage


class Batch:
    def __init__(self, terms: Terms, usage: Usage, spool: IO[bytes]) -> None:
        """`spool` is empty, and of nobody else. `usage` moves when all calls are rated."""
        self.terms = terms
        self.usage = usage
        self.totals = Totals()
        self._bulk = Bulk(terms, usage)
        self._spool = Spool(spool)

    def charges(self, pieces: Iterable[Calls]) -> Iterator[Charges]:
        """Of each piece its charges."""
        waiting: list[Waiting] = []
        for calls in pieces:
            stage, waits = self._bulk.stage(calls)
            if waiting or len(waits):
                waiting.append(waits)
                self._spool.add(stage)
            else:
                yield self._counted(self._bulk.finish(stage, Granted.of(waits)))
        if waiting:
            yield from self._second_pass(waiting)

    def lines(self, charges: Charges) -> bytes:
        decimals = self.terms.package.cost_decimals
        return lines_of(charges, self._bulk.prices.texts, self._bulk.notes, decimals=decimals)

    @property
    def adjustment(self) -> int:
        """What the period still adjusts when it closes, in micro-units."""
        return tiers.adjustment(self.terms.package, self.usage)

    def _second_pass(self, waiting: list[Waiting]) -> Iterator[Charges]:
        ends = list(accumulate(map(len, waiting)))
        everything = Waiting.joined(waiting)
        waiting.clear()

        def ids_of(places: Sequence[int]) -> list[bytes]:
            return [self._spool.waiting_id(*_located(ends, place)) for place in places]

        granted = grant(everything, self._bulk.chains, self.terms.package, self.usage, ids_of)
        del everything
        start = 0
        for stage, end in zip(self._spool.stages(), ends, strict=True):
            yield self._counted(self._bulk.finish(stage, granted.part(start, end)))
            start = end

    def _counted(self, charges: Charges) -> Charges:
        self.totals.add(charges)
        return charges


def _located(ends: Sequence[int], place: int) -> tuple[int, int]:
    """The stage, and the place among those of it that wait."""
    stage = bisect_right(ends, place)
    return stage, place - (ends[stage - 1] if stage else 0)


@dataclass(slots=True)
class Totals:
    """Of the charges so far."""

    calls: int = 0
    classes: dict[CallClass, int] = field(default_factory=dict)
    billed_seconds: int = 0
    free_seconds: int = 0
    micro: int = 0

    def add(self, charges: Charges) -> None:
        self.calls += len(charges)
        for place, count in enumerate(np.bincount(charges.classes, minlength=len(CLASSES)).tolist()):
            if count:
                self.classes[CLASSES[place]] = self.classes.get(CLASSES[place], 0) + count
        self.billed_seconds += int(charges.billed.sum())
        self.free_seconds += int(charges.free.sum())
        self.micro += total(charges.micro) + sum(charges.beyond.values())


def total(micro: Ints) -> int:
    """A sum that has no end."""
    return (int((micro >> 32).sum()) << 32) + int((micro & 0xFFFFFFFF).sum())
