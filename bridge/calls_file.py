"""A file of calls: read piece by piece, as often as asked for, and what is no call in it is told with its line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bridge.errors import Refused
from bridge.parquet_calls import read_parquet
from bridge.rating.bulk.calls import Calls
from bridge.rating.bulk.calls_file import UnreadableCalls, read_calls

PARQUET = ".parquet"
FAULTS_MAX = 1000
"""As many are kept; all are counted."""


class CallsFile:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.faults: list[tuple[int, str]] = []
        """Line and reason; of a Parquet file the row, counted from 1."""
        self.faults_count = 0

    def pieces(self, tell: Callable[[str], object] = lambda _how_far: None) -> Iterator[Calls]:
        """The calls in their order; `tell` hears how far it is. What is no call is known at the end."""
        faults: list[tuple[int, str]] = []
        count = 0
        try:
            size = max(1, self.path.stat().st_size)
            reader = read_parquet if self.path.suffix.lower() == PARQUET else read_calls
            for calls in reader(self.path, told=lambda read: tell(f"{min(100, read * 100 // size)} %")):
                count += len(calls.faults)
                first = sorted(calls.faults)[: FAULTS_MAX - len(faults)]
                faults += [(calls.lines[place], calls.faults[place]) for place in first]
                yield calls
        except UnreadableCalls as error:
            raise Refused(str(error)) from None
        except OSError as error:
            raise Refused(f"{self.path}: cannot be read: {error.strerror}") from None
        self.faults, self.faults_count = faults, count

    def document(self) -> dict[str, Any]:
        return {
            "errors": [{"line": line, "reason": reason} for line, reason in self.faults],
            "errors_count": self.faults_count,
        }
