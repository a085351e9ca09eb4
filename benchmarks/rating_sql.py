"""Looking a price up the way billing scripts do it, with a query for each call, beside what the bridge does.

python benchmarks/rating_sql.py [--calls 5000] [--like 20]

MariaDB has the same deck in a table with an index on its prefixes, the client stands on the same machine, and nothing
else is asked of it. Every way has to find the same rows.

    IN      SELECT ... WHERE Prefix IN (every beginning of the number) ORDER BY LENGTH(Prefix) DESC LIMIT 1
    LIKE    SELECT ... WHERE number LIKE CONCAT(Prefix, '%') ORDER BY LENGTH(Prefix) DESC LIMIT 1
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import TypeVar

import numpy as np
import pymysql
from sqlalchemy import make_url

sys.path.insert(0, str(Path(__file__).parent.parent))

from rating_plain import NUMBERS, a_deck, some_calls, terms_of

from bridge.rating.bulk.instants import microseconds
from bridge.rating.charge import rate_call
from bridge.rating.decks.columns import DeckColumns
from bridge.rating.decks.deck import Deck
from bridge.rating.decks.intervals import Numbers
from bridge.rating.price import price_text
from bridge.rating.usage import Usage
from bridge.secret import Secret
from tests.databases import mariadb_server

GOAL = 100
ROUNDS = 3
ROWS_A_STATEMENT = 10_000

TABLE = "mod_ictvoipbilling_tariff_benchmark_2026_11"
CREATE = f"""
CREATE TABLE {TABLE} (
    id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    Prefix VARCHAR(20) NOT NULL,
    RateValue DECIMAL(20, 10) NOT NULL,
    Increment VARCHAR(11) NOT NULL,
    status TINYINT NOT NULL DEFAULT 1,
    KEY prefix (Prefix)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4
"""
SELECT = f"SELECT Prefix, RateValue, Increment, status FROM {TABLE}"
LONGEST = "ORDER BY LENGTH(Prefix) DESC LIMIT 1"

Answer = TypeVar("Answer")


class Script:
    """A billing script with its connection."""

    def __init__(self, url: Secret) -> None:
        told = make_url(url.reveal())
        self._cursor = pymysql.connect(
            host=told.host,
            port=told.port or 3306,
            user=told.username,
            password=told.password or "",
            database=told.database,
            autocommit=True,
        ).cursor()

    def load(self, deck: Deck) -> None:
        self._cursor.execute(CREATE)
        rows = [
            (each.prefix, price_text(each.price), f"{each.increments.first_seconds}/{each.increments.step_seconds}")
            for each in deck
        ]
        for begin in range(0, len(rows), ROWS_A_STATEMENT):
            self._cursor.executemany(
                f"INSERT INTO {TABLE} (Prefix, RateValue, Increment) VALUES (%s, %s, %s)",
                rows[begin : begin + ROWS_A_STATEMENT],
            )
        self._cursor.execute(f"ANALYZE TABLE {TABLE}")

    def by_list(self, number: str) -> str:
        beginnings = ", ".join(f"'{number[:length]}'" for length in range(1, len(number) + 1))
        return self._prefix(f"{SELECT} WHERE Prefix IN ({beginnings}) {LONGEST}")

    def by_like(self, number: str) -> str:
        return self._prefix(f"{SELECT} WHERE '{number}' LIKE CONCAT(Prefix, '%') {LONGEST}")

    def _prefix(self, question: str) -> str:
        self._cursor.execute(question)
        row = self._cursor.fetchone()
        assert row is not None, "every number of the benchmark has a price"
        prefix: str = row[0]
        return prefix


def per_second(do: Callable[[], Sequence[Answer]], *, rounds: int = ROUNDS) -> tuple[float, Sequence[Answer]]:
    """Calls a second of the best round, by the clock on the wall: a database works while its client waits."""
    best, answers = 0.0, do()
    for _ in range(rounds):
        begun = time.perf_counter()
        answers = do()
        best = max(best, len(answers) / (time.perf_counter() - begun))
    return best, answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=5000, help="how many are asked by IN")
    parser.add_argument("--like", type=int, default=20, help="how many are asked by LIKE")
    wanted = parser.parse_args()

    chance = Random(1)
    deck = a_deck(chance)
    terms, usage = terms_of(deck), Usage()
    calls = [call for call in some_calls(chance, deck, NUMBERS) if rate_call(call, terms, usage).prefix]
    numbers = [call.called for call in calls]
    with mariadb_server() as server:
        script = Script(server.create("benchmark"))
        script.load(deck)
        by_list, listed = per_second(lambda: [script.by_list(each) for each in numbers[: wanted.calls]])
        by_like, liked = per_second(lambda: [script.by_like(each) for each in numbers[: wanted.like]], rounds=1)

    plain, rows = per_second(lambda: [deck.find(call.called, call.moment) for call in calls])
    charging, charges = per_second(lambda: [rate_call(call, terms, usage) for call in calls])
    columns = DeckColumns(deck)
    digits, callers = Numbers.of(numbers), Numbers.of([""] * len(calls))
    moments = np.array([microseconds(call.moment) for call in calls], np.int64)
    bulk, places = per_second(lambda: columns.find(digits, moments, callers))

    found = [row.prefix for row in rows if row]
    every = [rate.prefix for rate in deck]
    assert found == [charge.prefix for charge in charges] == [every[place] for place in places]
    assert found[: len(listed)] == listed
    assert found[: len(liked)] == liked

    print(f"{len(deck):,} prefixes, {len(calls):,} calls of {NUMBERS:,} numbers")
    print(f"{'a query with IN for each call':42} {by_list:14,.0f} calls/s")
    print(f"{'a query with LIKE for each call':42} {by_like:14,.1f} calls/s")
    for what, figure, goal in (
        ("one call at a time: its row", plain, f"   goal {GOAL} x IN"),
        ("columns of calls: their rows", bulk, f"   goal {GOAL} x IN"),
        ("one call at a time: its charge and why", charging, ""),
    ):
        print(f"{what:42} {figure:14,.0f} calls/s {figure / by_list:8,.0f} x IN {figure / by_like:10,.0f} x LIKE{goal}")


if __name__ == "__main__":
    main()
