"""The shape of the code, where a linter has no word for it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CODE = sorted((ROOT / "bridge").rglob("*.py"))
ALL_PYTHON = sorted(path for room in ("bridge", "tests", "benchmarks") for path in (ROOT / room).rglob("*.py"))

MAY_ASK_THE_DATABASE = (
    *("bridge/database.py", "bridge/schema/existing.py", "bridge/schema/__init__.py", "bridge/tables.py"),
    *("bridge/store/", "bridge/whmcs/", "bridge/demo/"),
)
WHAT_OTHERS_MAY_KNOW = {"Connection", "Engine", "exc", "IntegrityError", "SQLAlchemyError", "DBAPIError"}


def where(path: Path) -> str:
    return str(path.relative_to(ROOT))


def names_from_sqlalchemy(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sqlalchemy":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "sqlalchemy")


def test_only_the_store_says_select() -> None:
    told = {
        where(path): sorted(strange)
        for path in CODE
        if not where(path).startswith(MAY_ASK_THE_DATABASE)
        and (strange := set(names_from_sqlalchemy(path)) - WHAT_OTHERS_MAY_KNOW)
    }

    assert told == {}, "move the question into bridge/store/"


IMPORT_ALL = """
import importlib, pkgutil, sys, threading

def watch(event, arguments):
    if event in ("socket.connect", "socket.bind", "subprocess.Popen", "os.mkdir", "os.remove", "sqlite3.connect"):
        sys.exit(f"{event} {arguments[:2]}")
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        sys.exit(f"opens {arguments[0]} to write")

sys.dont_write_bytecode = True
import bridge
modules = [each.name for each in pkgutil.walk_packages(bridge.__path__, "bridge.") if each.name != "bridge.__main__"]
sys.addaudithook(watch)
for name in modules:
    importlib.import_module(name)
if threading.active_count() > 1:
    sys.exit("a thread was started")
print(len(modules))
"""


def test_importing_any_module_does_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT_ALL], capture_output=True, text=True, cwd=tmp_path
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 20
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ALL_PYTHON, ids=where)
def test_an_exception_to_a_rule_has_its_reason_beside_it(path: Path) -> None:
    excuse = re.compile(
        r"#\s*(type: ignore\[[\w-]+(, ?[\w-]+)*\]|noqa: [A-Z]+\d+(, ?[A-Z]+\d+)*|fmt: \w+)(?P<reason>.*)"
    )
    bare = [
        f"line {number}"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"#\s*(type:\s*ignore|noqa)\b", line) and path != Path(__file__)
        if not (found := excuse.search(line)) or len(found["reason"].strip(" #-:;,.")) < 8
    ]

    assert bare == []


def test_no_module_is_named_for_nothing() -> None:
    nothing = re.compile(r"(^|_)(utils?|helpers?|managers?|base|common|misc)(_|$)")

    assert [where(path) for path in ALL_PYTHON if nothing.search(path.stem)] == []


def test_nothing_is_left_for_later() -> None:
    later = re.compile(r"#.*\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")

    assert [where(path) for path in ALL_PYTHON if later.search(path.read_text())] == []
