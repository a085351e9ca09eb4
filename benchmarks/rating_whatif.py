"""How many calls a second `bridge rate whatif` compares, from file to file, and how much memory that takes.

python benchmarks/rating_whatif.py [--calls 1000000]

A deck of 200,000 prefixes and another markup, 500 clients, free time for each of them: every call is rated twice and
bought twice. There is no goal for it; `rate batch`, which rates the same calls once, stands beside it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

PREFIXES = 200_000
DESTINATIONS = 300
CLIENTS = 500
NUMBERS = 50_000
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
BRIDGE = [sys.executable, "-m", "bridge", "rate"]
PACKAGE = """
[package]
name = "Benchmark"
product_id = 1
type = "hybrid"
currency = "USD"
country = "US"
markup_percent = "25"
included_seconds_per_period = 60000
"""


def a_deck(prefixes: list[str], chance: Random) -> str:
    rows = (
        f"{prefix},Somewhere {place % DESTINATIONS},0.{chance.randrange(1, 9999):04d},{chance.choice((60, 6, 1))}"
        for place, prefix in enumerate(prefixes)
    )
    return "\n".join(["Prefix,Description,RateValue,Increment", *rows, ""])


def write_calls(path: Path, prefixes: list[str], count: int, chance: Random) -> None:
    numbers = [chance.choice(prefixes).ljust(11, "5") for _ in range(NUMBERS)]
    with path.open("w", encoding="ascii") as file:
        file.write("id,direction,from,to,start,seconds,client\n")
        for place in range(count):
            day, hour, seconds = chance.randint(1, 30), chance.randrange(24), chance.randint(1, 600)
            moment = f"2026-11-{day:02d}T{hour:02d}:00:00Z"
            file.write(
                f"c{place},outbound,12125550100,+{chance.choice(numbers)},{moment},{seconds},{chance.randrange(CLIENTS)}\n"
            )


def told(what: str, command: list[str], count: int, folder: Path) -> None:
    began = time.perf_counter()
    with subprocess.Popen([*BRIDGE, *command], cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    assert process.returncode == 0, command
    print(f"{what:12} {count / seconds:10,.0f} calls/s   peak {usage.ru_maxrss / 1024:6.0f} MiB resident")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=300_000)
    count, chance = parser.parse_args().calls, Random(1)
    prefixes = [str(4_000_000 + 7 * place) for place in range(PREFIXES)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "p.toml").write_text(PACKAGE, encoding="ascii")
        (folder / "deck.csv").write_text(a_deck(prefixes, chance), encoding="ascii")
        write_calls(folder / "calls.csv", prefixes, count, chance)
        files = ["--package", "p.toml", "--tariff", "deck.csv", "--calls", "calls.csv"]
        quote = [*BRIDGE, "quote", *files[:4], "--to", "1", "--seconds", "1"]
        subprocess.run(quote, cwd=folder, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)  # keeps the deck
        told("rate batch", ["batch", *files, "--out", "charges.csv"], count, folder)
        told("rate whatif", ["whatif", *files, "--markup", "30", "--out", "changes.csv"], count, folder)


if __name__ == "__main__":
    main()
