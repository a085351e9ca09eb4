"""Calls rated by the column: from memory on one core, from file to file, and how much memory that takes.

python benchmarks/rating_bulk.py [--calls 1000000]

Ten million calls take a minute or two and 2.5 GB of disk: --calls 10000000. The plain engine rates
calls of the same kind in the same run, one by one.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import numpy as np

from bridge.rating.bulk.calls import Calls
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
from bridge.rating.packages.file import read_package
from bridge.rating.price import price_text
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

METERED = """
[package]
name = "Metered"
product_id = 1
type = "metered"
currency = "USD"
country = "US"
markup_percent = "25"
adder_per_minute = "0.005"
"""
HYBRID = """
[package]
name = "Hybrid"
product_id = 1
type = "hybrid"
currency = "USD"
country = "US"
markup_percent = "25"
included_seconds_per_period = 60000000
[[package.destinations]]
prefixes = ["44", "33"]
included_seconds = 6000000
per_minute = "0.005"
"""
TIERED = """
[package]
name = "Tiered"
product_id = 1
type = "hybrid"
currency = "USD"
country = "US"
rate_plan = "tiered"
included_seconds_per_period = 6000000
[[package.tiers]]
up_to_minutes = 500000
per_minute = "0.02"
[[package.tiers]]
up_to_minutes = 1000000
per_minute = "0.015"
[[package.tiers]]
per_minute = "0.01"
"""
PACKAGES = {
    "a tariff with markup": METERED,
    "free time of the package and of two countries": HYBRID,
    "free time, then three tiers": TIERED,
}


def a_deck(chance: Random) -> Deck:
    prefixes: set[str] = set()
    while len(prefixes) < PREFIXES:
        prefixes.add(str(chance.randrange(10, 10 ** chance.randint(4, 8))))
    rates = (Rate(each, chance.randrange(10**6, 10**10), chance.choice(STEPS)) for each in sorted(prefixes))
    return Deck.of(rates, currency="USD", name="benchmark")


def write_deck(path: Path, deck: Deck) -> None:
    with path.open("w") as file:
        file.write("Prefix,Description,RateValue,Increment\n")
        for rate in deck:
            steps = rate.increments
            file.write(f"{rate.prefix},,{price_text(rate.price)},{steps.first_seconds}/{steps.step_seconds}\n")


def terms_of(text: str, deck: Deck) -> Terms:
    package = read_package(tomllib.loads(text)["package"])
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


def rate_batch() -> None:
    """`bridge rate batch` in a process of its own; its last line is the seconds of a core, and megabytes."""
    from bridge import cli

    files = ("--tariff", "deck.csv", "--package", "package.toml", "--calls", "calls.csv", "--out", "charges.csv")
    code = cli.run(["rate", "batch", *files])
    # what `resource` tells of the memory of a child begins with what its parent had
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(time.process_time(), int(status["VmHWM"].split()[0]) / 1024)
    sys.exit(code)


def of_files(deck: Deck, count: int, plain: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_deck(Path(folder, "deck.csv"), deck)
        write_calls(Path(folder, "calls.csv"), deck, count)
        for place, (what, package) in enumerate(PACKAGES.items()):
            Path(folder, "package.toml").write_text(package)
            command = [sys.executable, str(Path(__file__).resolve()), "--rate-batch"]
            # as it is once installed: compiled, and the deck in its cache, by a first run that is not counted
            environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": f"{folder}/compiled"}
            if place == 0:
                subprocess.run(command, check=True, cwd=folder, env=environment, capture_output=True)
            begun = time.perf_counter()
            told = subprocess.check_output(command, text=True, cwd=folder, env=environment, stderr=subprocess.DEVNULL)
            taken = time.perf_counter() - begun
            of_core, megabytes = map(float, told.splitlines()[-1].split())
            show(f"rate batch, {what}", count / of_core, GOAL_OF_FILES, plain)
            print(
                f"  ... {count:,} calls in {of_core:.1f} s of a core, {taken:.1f} s by the clock beside what else runs"
            )
            print(f"  ... at most {megabytes:,.0f} MB   goal {GOAL_MEGABYTES}", flush=True)


def main() -> None:
    wanted = argparse.ArgumentParser()
    wanted.add_argument("--calls", type=int, default=1_000_000)
    wanted.add_argument("--rate-batch", action="store_true", help=argparse.SUPPRESS)
    given = wanted.parse_args()
    if given.rate_batch:
        rate_batch()
    deck = a_deck(Random(1))
    plain = in_memory(deck)
    of_files(deck, given.calls, plain)


if __name__ == "__main__":
    main()
