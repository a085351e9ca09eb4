"""Runs of pytest in processes of their own, forked from one that has imported everything but what is changed."""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx  # noqa: F401  imported for those that are forked
import hypothesis.strategies
import numpy  # noqa: F401  imported for those that are forked
import phonenumbers  # noqa: F401  imported for those that are forked
import pydantic  # noqa: F401  imported for those that are forked
import pytest
import rich.progress  # noqa: F401  imported for those that are forked
import sqlalchemy  # noqa: F401  imported for those that are forked
import typer.testing  # noqa: F401  imported for those that are forked
from changes import Change, changed

MEMORY_MAX = 4 << 30
CRASHED = 70

hypothesis.settings.register_profile("mutation", derandomize=True, database=None, deadline=None)


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module as it was changed."""

    def __init__(self, change: Change) -> None:
        self._name = ".".join(change.path.with_suffix("").parts)
        self._path = change.path.resolve()
        self._code = changed(change)

    def find_spec(self, name: str, path: object, target: object = None) -> Any:
        return importlib.util.spec_from_file_location(name, self._path, loader=self) if name == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, module.__dict__)  # noqa: S102  our own code, with one change


class Only:
    """A pytest plugin that runs some tests, in this order."""

    def __init__(self, names: Iterable[str]) -> None:
        self._places = {name: place for place, name in enumerate(names)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        chosen = [item for item in items if item.nodeid in self._places]
        items[:] = sorted(chosen, key=lambda item: self._places[item.nodeid])


def run_pytest(files: Iterable[str], *plugins: object) -> int:
    hypothesis.settings.load_profile("mutation")
    arguments = ["-x", "-q", "-p", "no:cacheprovider", "--noconftest", "--no-header"]
    arguments += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    return int(pytest.main([*arguments, *files], plugins=plugins))


def run_changed(change: Change, tests: Sequence[str], seconds: float) -> int:
    """0 where no test notices. `seconds`: how long they take by themselves."""
    limit = 10 + int(10 * seconds)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    signal.alarm(10 * limit)  # what waits for ever uses no processor
    sys.meta_path.insert(0, Changed(change))
    return run_pytest(sorted({name.partition("::")[0] for name in tests}), Only(tests))


def forked(run: Callable[[], int], told: Path | None = None) -> int:
    """The id of a process that ends with the code of a run. What it says is in a file, or nowhere."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = CRASHED
    try:
        out = os.open(told or os.devnull, os.O_WRONLY | os.O_CREAT)
        os.dup2(out, 1)
        os.dup2(out, 2)
        code = run()
    finally:
        sys.stdout.flush()
        os._exit(code)
