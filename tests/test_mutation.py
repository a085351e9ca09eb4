"""`make mutation` tells the truth: what it changes, and that a change is noticed or not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOM = Path(__file__).parent.parent / ".ci" / "mutation"

MODULE = '''
"""What is said is no decision."""

from __future__ import annotations

LEAST: int = 3
Way = Literal["in", "out"]


def fee(seconds: int, names: list[str]) -> str | None:
    """Nor is this."""
    if seconds <= LEAST and not names:
        return None
    for name in names:
        if name:
            break
    return f"{-seconds} s"
'''

CHANGES = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from changes import changed, changes_of
found = changes_of(Path(sys.argv[2]))
for each in found:
    changed(each)
print(json.dumps([[each.line, each.function, each.was, each.becomes] for each in found]))
"""

TRIED = """
import os, sys
sys.path[:0] = [sys.argv[1], "."]
sys.dont_write_bytecode = True
from functools import partial
from pathlib import Path
from changes import changes_of
from runs import forked, run_changed
[change] = [each for each in changes_of(Path("bridge/rating/rate.py")) if each.was == sys.argv[2]]
tests = ["tests/rating/test_rate.py::" + sys.argv[3]]
print(os.waitpid(forked(partial(run_changed, change, tests, 1.0)), 0)[1] == 0)
"""


def said(script: str, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script, str(ROOM), *words], capture_output=True, text=True, cwd=ROOM.parent.parent
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_decision_of_a_module_is_changed_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "fee.py"
    path.write_text(MODULE.lstrip())

    assert [tuple(each) for each in json.loads(said(CHANGES, str(path)))] == [
        (5, 0, "3", "4"),
        (11, 9, "seconds <= LEAST and (not names)", "seconds <= LEAST or not names"),
        (11, 9, "seconds <= LEAST", "seconds < LEAST"),
        (11, 9, "not names", "names"),
        (14, 9, "name", "not name"),
        (15, 9, "break", "continue"),
        (16, 9, "return f'{-seconds} s'", "return None"),
        (16, 9, "-seconds", "seconds"),
        (16, 9, "' s'", "'XX s'"),
    ]


@pytest.mark.parametrize(
    ("was", "test", "survives"),
    [
        ("-(-past_first // self.step_seconds)", "test_a_row_is_there_from_its_start_until_before_its_end", True),
        ("-(-past_first // self.step_seconds)", "test_minutes_are_sold_whole_where_nothing_is_said", False),
    ],
)
def test_a_change_survives_where_no_test_notices_it(was: str, test: str, survives: bool) -> None:
    assert said(TRIED, was, test) == f"{survives}\n"
