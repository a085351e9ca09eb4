"""Which tests reach which functions, and how long they take: they are run once with nothing changed."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import pytest
from changes import Change
from runs import forked, run_pytest

RATING = Path("bridge/rating")
TESTS = Path("tests/rating")
OUTSIDE = ("bulk/", "columns.py", "intervals.py", "__init__.py")
"""The engine by the column: the plain one is what it has to equal."""

SLOW_SECONDS = 2.0
"""Tests that take longer are not asked, so that the share told is never more than the truth."""


@dataclass(frozen=True)
class Test:
    name: str
    seconds: float
    reached: frozenset[tuple[str, int]]
    """Functions: file and first line."""

    @property
    def file(self) -> str:
        return self.name.partition("::")[0]


class Learning:
    """A pytest plugin that notes how long each test takes and which functions it enters."""

    def __init__(self) -> None:
        self.learned: list[tuple[str, float, list[tuple[str, int]]]] = []
        self._rating = str(RATING.resolve())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        entered: set[tuple[str, int]] = set()

        def note(frame: FrameType, event: str, argument: object) -> None:
            if frame.f_code.co_filename.startswith(self._rating):
                entered.add((frame.f_code.co_filename, frame.f_code.co_firstlineno))

        begun = time.process_time()
        sys.settrace(note)
        try:
            yield
        finally:
            sys.settrace(None)
            reached = [(os.path.relpath(file), line) for file, line in entered]
            self.learned.append((item.nodeid, time.process_time() - begun, reached))


def modules() -> list[Path]:
    return [path for path in sorted(RATING.rglob("*.py")) if not _is_outside(path.relative_to(RATING))]


def learn() -> list[Test]:
    files = [path for path in sorted(TESTS.rglob("test_*.py")) if not _is_outside(path.relative_to(TESTS))]
    with tempfile.TemporaryDirectory() as folder:
        told, learned = Path(folder) / "told", Path(folder) / "learned"

        def run() -> int:
            learning = Learning()
            code = run_pytest(map(str, files), learning)
            learned.write_text(json.dumps(learning.learned))
            return code

        _, status = os.waitpid(forked(run, told), 0)
        if status != 0:
            sys.exit(f"nothing is changed yet, and the tests fail:\n{told.read_text()[-4000:]}")
        tests = [
            Test(name, took, frozenset(map(tuple, reached))) for name, took, reached in json.loads(learned.read_text())
        ]
    return [test for test in tests if test.seconds < SLOW_SECONDS]


def asked(change: Change, tests: Sequence[Test]) -> list[list[Test]]:
    """Those who may notice: all of the module's own file, as what is remembered hides who asked for it; then others."""
    path = str(change.path)
    own = str(TESTS / change.path.relative_to(RATING).with_name(f"test_{change.path.name}"))

    def is_near(test: Test) -> bool:
        return not change.function or (path, change.function) in test.reached

    def distance(test: Test) -> tuple[bool, bool, float]:
        return not is_near(test), all(file != path for file, _ in test.reached), test.seconds

    stages = (
        [test for test in tests if test.file == own],
        [test for test in tests if test.file != own and is_near(test)],
    )
    return [sorted(stage, key=distance) for stage in stages if stage]


def _is_outside(path: Path) -> bool:
    return str(path).startswith(OUTSIDE[0]) or str(path).endswith(OUTSIDE[1:])
