"""Sums of calls by client and destination, as they were and as they would have been. They have no end."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import astuple, dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bridge.rating.bulk.charges import CLASSES, Charges
from bridge.rating.bulk.costs import Costs
from bridge.rating.bulk.texts import Flags, Ints
from bridge.rating.call import CallClass

_BILLABLE, _INVALID = CLASSES.index(CallClass.BILLABLE), CLASSES.index(CallClass.INVALID)
_LOW_BITS = 32
_LOW = (1 << _LOW_BITS) - 1
_OF_A_SIDE = 8
_WIDTH = 1 + 2 * _OF_A_SIDE
_REVENUE = 2
"""Where the high half of it stands; `Reckoned.columns` has them all. The low half follows, and the other side's too."""


@dataclass(frozen=True, slots=True)
class Side:
    """Amounts are micro-units."""

    billed_seconds: int = 0
    revenue: int = 0
    unpriced: int = 0
    """Calls that wait for a price: they are in no sum. What is no call is not among them."""
    cost: int = 0
    with_cost: int = 0
    """Calls that a carrier's price is known for."""
    without_cost: int = 0
    """Billable calls that it is not known for: their revenue is in the sums, and no cost."""

    @property
    def margin(self) -> int | None:
        """None where a cost is not known: what is left of the revenue would be too much."""
        return None if self.without_cost else self.revenue - self.cost

    def __add__(self, other: Side) -> Side:
        return Side(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))


class Line(NamedTuple):
    client: int
    destination: int
    calls: int
    before: Side
    after: Side


class Reckoned(NamedTuple):
    """The calls of a piece on one side."""

    charges: Charges
    costs: Costs

    @property
    def has_amount(self) -> Flags:
        priced = self.charges.has_amount.copy()
        priced[list(self.charges.beyond)] = True
        return priced

    def micro(self) -> Ints:
        """0 where there is no amount, or none that a column can hold."""
        micro = np.where(self.charges.has_amount, self.charges.micro, 0)
        micro[list(self.charges.beyond)] = 0
        return micro

    def columns(self) -> list[Ints]:
        micro = self.micro()
        return [
            self.charges.billed,
            micro >> _LOW_BITS,
            micro & _LOW,
            (~self.has_amount & (self.charges.classes != _INVALID)).astype(np.int64),
            self.costs.micro >> _LOW_BITS,
            self.costs.micro & _LOW,
            self.costs.is_known.astype(np.int64),
            (self.costs.is_missing & (self.charges.classes == _BILLABLE)).astype(np.int64),
        ]


class Sums:
    """A row of cells for each client and destination, in the order of their codes."""

    def __init__(self) -> None:
        self._codes: Ints = np.zeros(0, np.int64)
        self._cells: NDArray[np.int64] = np.zeros((0, _WIDTH), np.int64)
        self._beyond: defaultdict[tuple[int, int], Side] = defaultdict(Side)
        """What no column can hold, by code and side."""

    def __len__(self) -> int:
        return len(self._codes)

    def add(self, clients: Ints, destinations: Ints, before: Reckoned, after: Reckoned) -> None:
        if not len(clients):
            return
        codes = (clients << _LOW_BITS) | destinations
        order = np.argsort(codes, kind="stable")
        in_order = codes[order]
        starts = np.flatnonzero(np.concatenate(([True], in_order[1:] != in_order[:-1])))
        columns = [np.ones(len(codes), np.int64), *before.columns(), *after.columns()]
        sums = np.add.reduceat(np.column_stack(columns)[order], starts, axis=0)
        places = self._places(in_order[starts])
        self._cells[places] += sums
        for side, reckoned in enumerate((before, after)):
            for amounts, name in ((reckoned.charges.beyond, "revenue"), (reckoned.costs.beyond, "cost")):
                for row, amount in amounts.items():
                    self._beyond[int(codes[row]), side] += Side(**{name: amount})

    def adjust(self, client: int, destination: int, *, before: int, after: int) -> None:
        """Revenue that belongs to no call."""
        code = client << _LOW_BITS | destination
        self._places(np.array([code], np.int64))
        self._beyond[code, 0] += Side(revenue=before)
        self._beyond[code, 1] += Side(revenue=after)

    def changes(self) -> list[int]:
        """Of each row, by how much the revenue changes."""
        before, after = _REVENUE, _REVENUE + _OF_A_SIDE
        highs = (self._cells[:, after] - self._cells[:, before]).tolist()
        lows = (self._cells[:, after + 1] - self._cells[:, before + 1]).tolist()
        changes = [(high << _LOW_BITS) + low for high, low in zip(highs, lows, strict=True)]
        for (code, side), beyond in self._beyond.items():
            changes[int(np.searchsorted(self._codes, code))] += beyond.revenue if side else -beyond.revenue
        return changes

    def named(self, row: int) -> tuple[int, int]:
        """The client and the destination of a row."""
        code = int(self._codes[row])
        return code >> _LOW_BITS, code & _LOW

    def line(self, row: int) -> Line:
        calls, *cells = self._cells[row].tolist()
        code = int(self._codes[row])
        before, after = _side(cells[:_OF_A_SIDE]), _side(cells[_OF_A_SIDE:])
        if (code, 0) in self._beyond:
            before += self._beyond[code, 0]
        if (code, 1) in self._beyond:
            after += self._beyond[code, 1]
        return Line(*self.named(row), calls, before, after)

    def total(self) -> tuple[int, Side, Side]:
        """How many calls, and their sums before and after."""
        calls, *cells = (sum(column.tolist()) for column in self._cells.T)
        sides = [_side(cells[:_OF_A_SIDE]), _side(cells[_OF_A_SIDE:])]
        for (_, side), beyond in self._beyond.items():
            sides[side] += beyond
        return calls, *sides

    def _places(self, codes: Ints) -> NDArray[np.intp]:
        """The rows of codes, each asked for once; those that are new get theirs."""
        new = codes[~np.isin(codes, self._codes)]
        if len(new):
            joined = np.concatenate((self._codes, new))
            order = np.argsort(joined, kind="stable")
            self._codes = joined[order]
            self._cells = np.concatenate((self._cells, np.zeros((len(new), _WIDTH), np.int64)))[order]
        return np.searchsorted(self._codes, codes)


def _side(cells: list[int]) -> Side:
    billed, high, low, unpriced, cost_high, cost_low, with_cost, without_cost = cells
    return Side(
        billed, (high << _LOW_BITS) + low, unpriced, (cost_high << _LOW_BITS) + cost_low, with_cost, without_cost
    )
