"""How long a large price list takes into force, and how much room a deck takes in memory.

python benchmarks/decks.py [--rows 500000] [--prefixes 1000000]

    first list      CSV to activated on MariaDB, nothing in force before
    next list       the same with a tenth of its prices changed: compared, and its custom flags carried over
    in memory       a deck from its CSV, and from what was kept of it; what it adds to the process

Each runs in a process of its own, so that one's memory is not another's; the server's is not counted. In brackets is
what of the time the process itself worked: more, on a busy machine, is waiting.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent.parent))

IMPORT_GOAL_SECONDS = 10
IMPORT_GOAL_MB = 300
DECK_GOAL_MB = 150
LOAD_GOAL_SECONDS = 3

INCREMENTS = ("60", "1", "30/6", "60/60", "6")


def a_list(path: Path, rows: int, *, changed: bool = False) -> None:
    """As carriers send them: neighbours are one destination, which has one name, one price and one increment."""
    chance, change = Random(20260601), Random(20260701)
    prefixes: set[int] = set()
    while len(prefixes) < rows:
        prefixes.add(int(str(chance.randrange(1, 999)) + str(chance.randrange(10 ** chance.randint(3, 6)))))
    left = place = price = 0
    with path.open("w", encoding="utf-8") as file:
        file.write("Prefix,Description,RateValue,Increment\n")
        for prefix in sorted(prefixes, key=str):
            if not left:
                left, place, price = chance.randint(1, 40), chance.randrange(8000), chance.randrange(1, 30_000)
                price += changed and change.random() < 0.1
            left -= 1
            file.write(f"{prefix},Place {place} - Mobile,{price / 10_000:.4f},{INCREMENTS[place % 5]}\n")


def imported(told: Connection, url: str, path: str) -> None:
    """The time and the peak of one import, as the command does it."""
    from bridge import tariff_import, tariff_staging
    from bridge.app import Bridge
    from bridge.asking import Asking
    from bridge.database import connect
    from bridge.deck_file import read_file
    from bridge.secret import Secret
    from bridge.settings import Settings
    from bridge.tariff_staging import Wanted
    from bridge.vault import Vault

    bridge = Bridge(settings=Settings(), engine=connect(Secret(url)), vault=Vault(bytes(32)))
    wanted = Wanted("Telnyx", "outbound", currency="USD", file_name=path)
    started, steps = time.perf_counter(), []
    how = tariff_staging.instructions(bridge, wanted)
    reading = read_file(Path(path), how)
    steps.append(("read", time.perf_counter() - started))

    def step(what: str, rows: int) -> None:
        if not rows or what != steps[-1][0]:
            steps.append((what, time.perf_counter() - started))

    answer = tariff_import.bring_in(bridge, Asking("benchmark", "tariff.import"), wanted, how, reading, progress=step)
    seconds = time.perf_counter() - started
    assert answer["activated"], answer["kept_back"]
    told.send((seconds, time.process_time(), peak_mb(), answer["diff"], steps))


def loaded(told: Connection, path: str, kept: str | None) -> None:
    """The time, what the deck adds to the process once it is there, and the peak on the way."""
    import bridge.deck_file
    from bridge.rating.decks.reading import Instructions

    gc.collect()
    before, started, working = resident_mb(), time.perf_counter(), time.process_time()
    how = Instructions(currency="USD")
    deck = bridge.deck_file.read_file(Path(path), how, kept=Path(kept) if kept else None).deck(
        currency="USD", name="benchmark", instructions=how
    )
    seconds, worked = time.perf_counter() - started, time.process_time() - working
    gc.collect()
    told.send((len(deck), seconds, worked, resident_mb() - before, peak_mb() - before))


def apart(what: Callable[..., None], *given: str | None) -> tuple:  # type: ignore[type-arg]  # of what each sends
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=what, args=(theirs, *given))
    process.start()
    theirs.close()
    answer: tuple = ours.recv()  # type: ignore[type-arg]  # see above
    process.join()
    return answer


def peak_mb() -> float:
    """Of this process alone; getrusage would tell that of its parent, where that is higher."""
    [line] = [each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--prefixes", type=int, default=1_000_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        into_force(Path(folder), asked.rows)
        in_memory(Path(folder), asked.prefixes)


def into_force(folder: Path, rows: int) -> None:
    from bridge import schema
    from bridge.database import connect
    from tests.databases import mariadb_server  # here, so that the processes that are measured go without pytest

    first, second = folder / "june.csv", folder / "july.csv"
    a_list(first, rows)
    a_list(second, rows, changed=True)
    print(f"import of {rows:,} rows to activated on MariaDB    goal {IMPORT_GOAL_SECONDS} s, {IMPORT_GOAL_MB} MB")
    with mariadb_server() as mariadb:
        url = mariadb.create("benchmark")
        engine = connect(url)
        schema.upgrade(engine)
        engine.dispose()
        for what, path in (("first list", first), ("next list", second)):
            seconds, worked, peak, diff, steps = apart(imported, url.reveal(), str(path))
            changed = f"{diff['added']:,} added, {diff['dearer']:,} dearer"
            print(f"  {what:12s} {seconds:6.1f} s ({worked:.1f} s)   peak {peak:4.0f} MB   {changed}")
            print("               " + ", ".join(f"{step} at {at:.1f} s" for step, at in steps))


def in_memory(folder: Path, prefixes: int) -> None:
    path, kept = folder / "large.csv", folder / "kept"
    a_list(path, prefixes)
    size = path.stat().st_size / 1024**2
    print(f"deck of {prefixes:,} prefixes ({size:.0f} MB of CSV)    goal {DECK_GOAL_MB} MB, {LOAD_GOAL_SECONDS} s")
    for what, place in (("CSV", None), ("CSV, and kept", str(kept)), ("kept", str(kept))):
        count, seconds, worked, added, peak = apart(loaded, str(path), place)
        assert count == prefixes
        print(f"  {what:14s} {seconds:6.2f} s ({worked:.2f} s)   {added:4.0f} MB once there, {peak:4.0f} MB on the way")


if __name__ == "__main__":
    main()
