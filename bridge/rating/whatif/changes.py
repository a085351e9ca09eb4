"""The calls whose charge changes most, of however many."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bridge.rating.bulk.calls import Calls
from bridge.rating.bulk.calls_file import read_cell
from bridge.rating.bulk.texts import Ints
from bridge.rating.whatif.sums import Reckoned


class Change(NamedTuple):
    """Amounts are micro-units."""

    id: str
    client: int
    number: str
    destination: int
    before: int
    after: int


class Changes:
    """The earlier in the file goes first among equals."""

    def __init__(self, count: int) -> None:
        self.largest: list[Change] = []
        self._count = count

    def add(self, calls: Calls, clients: Ints, destinations: Ints, before: Reckoned, after: Reckoned) -> None:
        """Only calls that have a charge on either side."""
        has_both = before.has_amount & after.has_amount
        size = np.where(has_both, np.abs(after.micro() - before.micro()), 0)
        odd = {*before.charges.beyond, *after.charges.beyond}
        size[list(odd)] = 0
        found = np.argsort(-size, kind="stable")[: self._count]
        rows = [*found[size[found] > 0].tolist(), *(row for row in odd if has_both[row])]
        for row in sorted(rows):
            self.largest.append(
                Change(
                    read_cell(before.charges.ids.raw(row)).decode(errors="replace"),
                    int(clients[row]),
                    before.charges.numbers.text(row),
                    int(destinations[row]),
                    _amount(before, row),
                    _amount(after, row),
                )
            )
        self.largest.sort(key=lambda change: -abs(change.after - change.before))
        del self.largest[self._count :]


def _amount(reckoned: Reckoned, row: int) -> int:
    beyond = reckoned.charges.beyond
    return beyond[row] if row in beyond else int(reckoned.charges.micro[row])
