"""How many calls a second the plain engine rates on one core, each with its explanation.

python benchmarks/rating_plain.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

from bridge.rating.call import Call, Direction
from bridge.rating.charge import Charge, rate_call
from bridge.rating.decks.deck import Deck
from bridge.rating.numbers.site import site_of
from bridge.rating.packages.package import Package, PackageType
from bridge.rating.rate import Increments, Rate
from bridge.rating.series import Series
from bridge.rating.telling import sentences
from bridge.rating.terms import Terms
from bridge.rating.usage import Usage

GOAL = 50_000
PREFIXES = 200_000
NUMBERS = 20_000
CALLS = 100_000
ROUNDS = 5

START = datetime(2026, 11, 1, tzinfo=UTC)
STEPS = (Increments(60, 60), Increments(30, 6), Increments(6, 6), Increments(1, 1))


def a_deck(chance: Random) -> Deck:
    prefixes: set[str] = set()
    while len(prefixes) < PREFIXES:
        prefixes.add(str(chance.randrange(10, 10 ** chance.randint(4, 8))))
    rates = (Rate(each, chance.randrange(10**6, 10**10), chance.choice(STEPS)) for each in sorted(prefixes))
    return Deck.of(rates, currency="USD", name="benchmark")


def some_calls(chance: Random, deck: Deck, numbers: int) -> list[Call]:
    prefixes = [rate.prefix for rate in deck]
    dialled = [chance.choice(prefixes).ljust(12, "5") for _ in range(numbers)]
    return [
        Call(
            str(place),
            Direction.OUTBOUND,
            "12125550100",
            chance.choice(dialled),
            START + timedelta(seconds=place),
            chance.randint(1, 600),
        )
        for place in range(CALLS)
    ]


def terms_of(deck: Deck) -> Terms:
    package = Package(
        "Benchmark", 1, PackageType.METERED, "USD", "US", markup=250_000, adder=5 * 10**7, included_seconds=60_000
    )
    return Terms(package, site_of(package), outbound=Series.of(deck))


def told(what: str, calls: list[Call], terms: Callable[[], Terms], done: Callable[[Charge], object]) -> None:
    best = 0.0
    for _ in range(ROUNDS):
        mine, usage = terms(), Usage()
        begun = time.process_time()
        for call in calls:
            done(rate_call(call, mine, usage))
        best = max(best, len(calls) / (time.process_time() - begun))
    print(f"{what:52} {best:10,.0f} calls/s   goal {GOAL:,}")


def main() -> None:
    chance = Random(1)
    deck = a_deck(chance)
    many, every = some_calls(chance, deck, NUMBERS), some_calls(chance, deck, 10 * CALLS)
    warm = terms_of(deck)
    told(f"{NUMBERS:,} numbers, with explanation", many, lambda: warm, lambda charge: charge.explanation)
    told("  ... and its document", many, lambda: warm, lambda charge: charge.explanation.document())
    told("  ... told in sentences", many, lambda: warm, lambda charge: sentences(charge.explanation.document()))
    told("every number for the first time, with explanation", every, lambda: terms_of(deck), lambda charge: charge)


if __name__ == "__main__":
    main()
