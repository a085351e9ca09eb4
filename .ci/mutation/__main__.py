"""Is every decision of bridge/rating proved? Changes it in one place after the other, and sees whether a test notices.

make mutation ARGS='[--all | --sample N] [--seed N] [FILE ...]'

The tests that reach the function of a change are run until one fails. A change that all of them let pass has survived,
and its line is shown. Without --all so many changes are drawn as end in about ten minutes, the same for the same seed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from random import Random

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a process that is forked has one thread

from changes import Change, changes_of
from reach import Test, asked, learn, modules
from runs import forked, run_changed

ROOT = Path(__file__).resolve().parent.parent.parent
GOAL = 0.85
SAMPLE = 300


def survivors_of(changes: Sequence[Change], tests: Sequence[Test]) -> list[Change]:
    """Several are tried at once, each in stages until one notices."""
    waiting = [(change, asked(change, tests)) for change in reversed(changes)]
    running: dict[int, tuple[Change, list[list[Test]]]] = {}
    survived, done = [], 0
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            change, stages = waiting.pop()
            if stages:
                names, seconds = [test.name for test in stages[0]], sum(test.seconds for test in stages[0])
                running[forked(partial(run_changed, change, names, seconds))] = change, stages[1:]
            else:
                done += 1
                survived.append(change)
        if running:
            child, status = os.wait()
            change, stages = running.pop(child)
            if status != 0:
                done += 1
            else:
                waiting.append((change, stages))
        if sys.stderr.isatty():
            print(f"\r{done} of {len(changes)}, {len(survived)} survived ", end="", file=sys.stderr, flush=True)
    return survived


def report(changes: Sequence[Change], survived: Sequence[Change]) -> None:
    tried, left = (Counter(str(change.path) for change in each) for each in (changes, survived))
    print(f"{'':44} {'mutants':>8} {'killed':>8} {'survived':>9}")
    for path, count in sorted(tried.items()):
        print(f"{path:44} {count:8} {count - left[path]:8} {left[path]:9}")
    print(f"{'all':44} {len(changes):8} {len(changes) - len(survived):8} {len(survived):9}")
    for change in sorted(survived, key=lambda change: (change.path, change.place)):
        print(f"survived  {change}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="every change, which takes hours")
    parser.add_argument("--sample", type=int, default=SAMPLE, help=f"how many are drawn (default {SAMPLE})")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("files", nargs="*", type=Path, help="modules, in place of all")
    wanted = parser.parse_args()
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    sys.dont_write_bytecode = True

    begun = time.monotonic()
    every = [change for path in wanted.files or modules() for change in changes_of(path)]
    drawn = every if wanted.all else Random(wanted.seed).sample(every, min(wanted.sample, len(every)))  # noqa: S311  a sample, not a secret
    tests = learn()
    print(f"{len(drawn):,} of {len(every):,} changes (seed {wanted.seed}), {len(tests):,} tests", flush=True)
    survived = survivors_of(drawn, tests)
    report(drawn, survived)
    killed = 1 - len(survived) / len(drawn)
    print(f"{killed:.1%} killed   goal {GOAL:.0%}   in {(time.monotonic() - begun) / 60:.0f} minutes")
    return 0 if killed >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
