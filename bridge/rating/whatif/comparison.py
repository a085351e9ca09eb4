"""The same calls at two prices, side by side: what a new deck, markup or package would have made of them.

Each client has one period over all its calls, at the old prices and at the new ones. Calls come in pieces and are asked
for three times; what is kept is a line for each client and destination.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import IO

from bridge.rating.bulk.batch import Batch
from bridge.rating.bulk.calls import Calls
from bridge.rating.bulk.costs import CostColumns
from bridge.rating.bulk.names import Names
from bridge.rating.bulk.repeated import Repeated
from bridge.rating.call import Direction
from bridge.rating.terms import Terms
from bridge.rating.usage import Usage
from bridge.rating.whatif.changes import Change, Changes
from bridge.rating.whatif.destinations import Destinations
from bridge.rating.whatif.sums import Line, Reckoned, Side, Sums

ADJUSTMENT = "volume tiers"
"""The destination of what a period adjusts when it closes."""


class TwoCurrencies(ValueError):
    """What cannot be compared."""


class Comparison:
    def __init__(self, before: Terms, after: Terms, *, largest: int) -> None:
        """`largest`: so many of the calls that change most are kept."""
        self.currency = _one_currency(before, after)
        self.before, self.after = before, after
        self.repeated = Repeated()
        self._clients = Names()
        self._destinations = Destinations(before.decks[Direction.OUTBOUND] or after.decks[Direction.OUTBOUND])
        self._sums = Sums()
        self._changes = Changes(largest)

    def run(self, pieces: Callable[[str], Iterable[Calls]], spools: tuple[IO[bytes], IO[bytes]]) -> None:
        """`pieces` gives the calls from their beginning, and hears what they are read for; `spools` are empty files."""
        was = Batch(self.before, Usage(), spools[0], clients=self._clients)
        becomes = Batch(self.after, Usage(), spools[1], clients=self._clients)
        cost_before = CostColumns(self.before)
        cost_after = cost_before if _buys_alike(self.before, self.after) else CostColumns(self.after)
        columns = zip(
            self.repeated.watched(pieces("comparing")),
            was.charges(pieces("rating as it is")),
            becomes.charges(pieces("rating as it would be")),
            strict=True,
        )
        for calls, charges, others in columns:
            before = Reckoned(charges, cost_before.of(calls, charges.numbers))
            after = Reckoned(others, cost_after.of(calls, others.numbers))
            clients, destinations = self._clients.of(calls.clients), self._destinations.of(calls, charges)
            self._sums.add(clients, destinations, before, after)
            self._changes.add(calls, clients, destinations, before, after)
        self._adjust(was, becomes)

    def _adjust(self, was: Batch, becomes: Batch) -> None:
        before, after = (each.periods.adjustments if each.periods else {} for each in (was, becomes))
        for client in sorted(before.keys() | after.keys()):
            place = self._destinations.names.place(ADJUSTMENT)
            self._sums.adjust(client, place, before=before.get(client, 0), after=after.get(client, 0))

    def lines(self) -> Iterator[Line]:
        """The largest change of revenue first."""
        changes = self._sums.changes()

        def rank(row: int) -> tuple[int, str, str]:
            client, destination = self._sums.named(row)
            return -abs(changes[row]), self.client(client), self.destination(destination)

        yield from map(self._sums.line, sorted(range(len(self._sums)), key=rank))

    def totals(self) -> tuple[int, Side, Side]:
        """How many calls, and their sums before and after."""
        return self._sums.total()

    def largest_changes(self) -> list[Change]:
        return self._changes.largest

    def client(self, place: int) -> str:
        return self._clients.known[place]

    def destination(self, place: int) -> str:
        return self._destinations.names.known[place]


def _buys_alike(before: Terms, after: Terms) -> bool:
    return before.cost is after.cost and before.package.route_class == after.package.route_class


def _one_currency(before: Terms, after: Terms) -> str:
    currencies = {before.package.currency, after.package.currency}
    for terms in (before, after):
        currencies |= terms.cost.currencies if terms.cost else set()
    if len(currencies) > 1:
        raise TwoCurrencies(f"amounts in {' and '.join(sorted(currencies))} do not compare")
    return before.package.currency
