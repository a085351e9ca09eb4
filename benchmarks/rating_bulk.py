"""Calls rated by the column: from memory on one core, from file to file, and how much memory that takes.

python benchmarks/rating_bulk.py [--calls 1000000]

Ten million calls take a minute or two and 2.5 GB of disk: --calls 10000000. The plain engine rates some of the same
calls in the same run, one by one.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import numpy as np

from bridge.rating.bulk.batch import Batch
from bridge.rating.bulk.calls import Calls
from bridge.rating.bulk.calls_file import read_calls
from bridge.rating.bulk.charges import HEADER
from bridge.rating.bulk.engine import Bulk
from bridge.rating.bulk.instants import microseconds
from bridge.rating.bulk.period import Granted
from bridge.rating.bulk.price_columns import PriceColumns, billed
from bridge.rating.bulk.texts import Texts
from bridge.rating.charge import rate_call
from bridge.rating.decks.columns import DeckColumns, numbers_of_keys
from bridge.rating.decks.deck import Deck
from bridge.rating.decks.intervals import DIGITS, Numbers
from bridge.rating.numbers.site import site_of
from bridge.rating.packages.package import Bundle, Package, PackageType, RatePlan, Tier
from bridge.rating.rate import Increments, Rate
from bridge.rating.series import Series
from bridge.rating.terms import Terms
from bridge.rating.usage import Usage

GOAL_IN_MEMORY = 2_000_000
GOAL_OF_FILES = 500_000
GOAL_MEGABYTES = 600

PREFIXES = 200_000
PIECE = 1 << 16
PLAIN_CALLS = 50_000
ROUNDS = 5

START = datetime(2026, 11, 1, tzinfo=UTC)
STEPS = (Increments(60, 60), Increments(30, 6), Increments(6, 6), Increments(1, 1))

METERED = Package("Metered", 1, PackageType.METERED, "USD", "US", markup=250_000, adder=5 * 10**7)
HYBRID = Package(
    "Hybrid",
    1,
    PackageType.HYBRID,
    "USD",
    "US",
    markup=250_000,
    included_seconds=60_000_000,
    destinations=(Bundle(("44", "33"), 6_000_000, 5 * 10**7),),
)
TIERED = Package(
    "Tiered",
    1,
    PackageType.HYBRID,
    "USD",
    "US",
    rate_plan=RatePlan.TIERED,
    included_seconds=6_000_000,
    tiers=(Tier(30_000_000, 2 * 10**8), Tier(60_000_000, 15 * 10**7), Tier(None, 10**8)),
)
PACKAGES = (METERED, HYBRID, TIERED)


def a_deck(chance: Random) -> Deck:
    prefixes: set[str] = set()
    while len(prefixes) < PREFIXES:
        prefixes.add(str(chance.randrange(10, 10 ** chance.randint(4, 8))))
    rates = (Rate(each, chance.randrange(10**6, 10**10), chance.choice(STEPS)) for each in sorted(prefixes))
    return Deck.of(rates, currency="USD", name="benchmark")


def terms_of(package: Package, deck: Deck) -> Terms:
    return Terms(package, site_of(package), outbound=Series.of(deck))


def dialled(deck: Deck, count: int, seed: int) -> list[int]:
    """Numbers of twelve digits behind prefixes of the deck, each another."""
    chance = np.random.default_rng(seed)
    prefixes = numbers_of_keys(np.frombuffer(deck.rows.keys, np.uint64))[chance.integers(0, len(deck), count)]
    beyond = np.uint64(10) ** (DIGITS - prefixes.lengths)
    numbers = prefixes.padded + chance.integers(0, 10**DIGITS, count).astype(np.uint64) % beyond
    found: list[int] = (numbers // np.uint64(10 ** (DIGITS - 12))).tolist()
    return found


def calls_of(numbers: list[int]) -> Calls:
    count = len(numbers)
    chance = np.random.default_rng(2)
    return Calls(
        ids=Texts.of([b"%d" % place for place in range(count)]),
        directions=np.zeros(count, np.int8),
        callers=Texts.of([b"12125550100"] * count),
        called=Texts.of([b"%d" % number for number in numbers]),
        extensions=Texts.of([b""] * count),
        moments=microseconds(START) + np.arange(count) * 1_000_000,
        seconds=chance.integers(0, 600, count),
        clients=Texts.of([b""] * count),
    )


def in_memory(deck: Deck) -> float:
    """In pieces, as files are read: what fits into the processor's own memory is quicker."""
    terms = terms_of(METERED, deck)
    pieces = [calls_of(dialled(deck, PIECE, seed)) for seed in range(8)]
    numbers = [Numbers.of([calls.called.text(place) for place in range(len(calls))]) for calls in pieces]
    count = len(pieces) * PIECE

    columns, prices = DeckColumns(deck), PriceColumns(terms)
    first = prices.add_rows(deck, None)
    nobody, within = Numbers.of([""] * PIECE), np.zeros(PIECE, np.bool_)

    def priced() -> None:
        for calls, called in zip(pieces, numbers, strict=True):
            places = columns.find(called, calls.moments, nobody) + first
            rows = prices.rows(places)
            prices.micro(places, rows, billed(rows, calls.seconds), is_overage=within)

    bulk = Bulk(terms, Usage())

    def rated() -> None:
        for calls in pieces:
            stage, waits = bulk.stage(calls)
            bulk.finish(stage, Granted.of(waits))

    plain_calls, plain_terms = [pieces[0].call(place) for place in range(PLAIN_CALLS)], terms_of(METERED, deck)

    def one_by_one() -> None:
        usage = Usage()
        for call in plain_calls:
            rate_call(call, plain_terms, usage)

    plain = per_second(one_by_one, len(plain_calls))
    show("prefix, increments, markup, rounding", per_second(priced, count), GOAL_IN_MEMORY, plain)
    show("  ... from numbers as they were dialled, with classes", per_second(rated, count), None, plain)
    show("  ... by the plain engine", plain, None, plain)
    return plain


def per_second(do: Callable[[], None], count: int) -> float:
    do()
    best = 0.0
    for _ in range(ROUNDS):
        begun = time.process_time()
        do()
        best = max(best, count / (time.process_time() - begun))
    return best


def show(what: str, figure: float, goal: int | None, plain: float) -> None:
    aim = f"goal {goal:9,}" if goal else ""
    print(f"{what:56} {figure:11,.0f} calls/s   {aim:16} {figure / plain:6.1f} x the plain engine", flush=True)


def write_calls(path: Path, deck: Deck, count: int) -> None:
    """In no order: a call may be anywhere in the month."""
    begun = int(START.timestamp())
    with path.open("w") as file:
        file.write("id,direction,from,to,start,seconds\n")
        for piece in range(0, count, PIECE):
            size = min(PIECE, count - piece)
            chance = np.random.default_rng(piece)
            moments = (begun + chance.integers(0, 30 * 86400, size)).astype("datetime64[s]").astype(str).tolist()
            seconds = chance.integers(0, 600, size).tolist()
            file.writelines(
                f"c{piece + place:08d},outbound,12125550100,{number},{moment}Z,{length}\n"
                for place, (number, moment, length) in enumerate(
                    zip(dialled(deck, size, piece), moments, seconds, strict=True)
                )
            )


def rate_file(source: Path, package: Package) -> None:
    """In a process of its own, for its memory; prints seconds by the clock, seconds of a core, and megabytes."""
    deck = a_deck(Random(1))
    begun, begun_core = time.perf_counter(), time.process_time()
    with source.with_suffix(".charges").open("wb") as file, tempfile.TemporaryFile(dir=source.parent) as spool:
        batch = Batch(terms_of(package, deck), Usage(), spool)
        file.write(HEADER)
        for charges in batch.charges(read_calls(source)):
            file.write(batch.lines(charges))
    print(time.perf_counter() - begun, time.process_time() - begun_core, most_memory())


def most_memory() -> float:
    """Megabytes that this process had at once. (What `resource` tells of a child begins with what its parent had.)"""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def of_files(deck: Deck, count: int, plain: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "calls.csv"
        write_calls(source, deck, count)
        for package in PACKAGES:
            command = [sys.executable, __file__, "--rate", str(source), "--package", package.name]
            taken, of_core, megabytes = map(float, subprocess.check_output(command, text=True).split())
            show(
                f"from file to file, {package.name.lower()}: a second of a core", count / of_core, GOAL_OF_FILES, plain
            )
            show("  ... a second by the clock, whatever else runs", count / taken, GOAL_OF_FILES, plain)
            print(f"  ... {count:,} calls at most {megabytes:,.0f} MB   goal {GOAL_MEGABYTES}", flush=True)


def main() -> None:
    wanted = argparse.ArgumentParser()
    wanted.add_argument("--calls", type=int, default=1_000_000)
    wanted.add_argument("--rate", type=Path, help=argparse.SUPPRESS)
    wanted.add_argument("--package", help=argparse.SUPPRESS)
    given = wanted.parse_args()
    if given.rate:
        rate_file(given.rate, next(each for each in PACKAGES if each.name == given.package))
        return
    deck = a_deck(Random(1))
    plain = in_memory(deck)
    of_files(deck, given.calls, plain)


if __name__ == "__main__":
    main()
