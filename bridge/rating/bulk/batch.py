"""A whole file of calls, piece by piece: rated, put in the order of the period, and written in the order it came in.

Two passes. The first rates each call by itself; of those that wait for the period a few bytes are remembered, the rest
goes to a spool. The second takes up the spool again, now that the period is known. Where nothing waits there is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import IO

import numpy as np

from bridge.rating import tiers
from bridge.rating.bulk.calls import Calls
from bridge.rating.bulk.charges import CLASSES, Charges, lines_of
from bridge.rating.bulk.client_periods import ClientPeriods
from bridge.rating.bulk.engine import Bulk
from bridge.rating.bulk.names import Names
from bridge.rating.bulk.period import Granted, grant
from bridge.rating.bulk.spool import Spool
from bridge.rating.bulk.texts import Ints
from bridge.rating.call import CallClass
from bridge.rating.terms import Terms
from bridge.rating.usage import Usage


class Batch:
    def __init__(self, terms: Terms, usage: Usage, spool: IO[bytes], *, clients: Names | None = None) -> None:
        """`spool` is empty, and of nobody else. `usage` moves when all calls are rated.

        With `clients`, which takes their names, each client has a period of its own, and nobody's `usage` moves.
        """
        self.terms = terms
        self.usage = usage
        self.totals = Totals()
        self.periods = ClientPeriods(terms.package) if clients is not None else None
        self._clients = clients
        self._bulk = Bulk(terms, usage)
        self._spool = Spool(spool)

    def charges(self, pieces: Iterable[Calls]) -> Iterator[Charges]:
        """Of each piece its charges."""
        for calls in pieces:
            stage, waits = self._bulk.stage(calls)
            if self._clients is not None:
                waits = replace(waits, clients=self._clients.of(calls.clients)[stage.waits])
            if self._spool.ends or len(waits):
                self._spool.add(calls, stage, waits)
            else:
                yield self._counted(self._bulk.finish(stage, Granted.of(waits)))
        if self._spool.ends:
            yield from self._second_pass()

    def lines(self, charges: Charges) -> bytes:
        decimals = self.terms.package.cost_decimals
        return lines_of(charges, self._bulk.prices.texts, self._bulk.notes, decimals=decimals)

    @property
    def adjustment(self) -> int:
        """What the period still adjusts when it closes, in micro-units; of many clients, all their periods."""
        if self.periods is not None:
            return sum(self.periods.adjustments.values())
        return tiers.adjustment(self.terms.package, self.usage)

    def _second_pass(self) -> Iterator[Charges]:
        spool, package = self._spool, self.terms.package
        if self.periods is not None:
            granted = self.periods.grant(spool.waiting(), self._bulk.chains, spool.rows_of)
        else:
            granted = grant(spool.waiting(), self._bulk.chains, package, self.usage, spool.rows_of)
        start = 0
        for stage, end in zip(spool.stages(), spool.ends, strict=True):
            yield self._counted(self._bulk.finish(stage, granted.part(start, end)))
            start = end

    def _counted(self, charges: Charges) -> Charges:
        self.totals.add(charges)
        return charges


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
