"""A few prefixes, each with what it stands for: the longest that a number starts with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Prefixes(Generic[T]):
    """Of two entries of one prefix the first counts."""

    __slots__ = ("_entries", "_longest")

    def __init__(self, entries: Iterable[tuple[str, T]]) -> None:
        self._entries: dict[str, T] = {}
        for prefix, value in entries:
            self._entries.setdefault(prefix, value)
        self._longest = max(map(len, self._entries), default=-1)

    def find(self, number: str) -> T | None:
        for length in range(min(self._longest, len(number)), 0, -1):
            found = self._entries.get(number[:length])
            if found is not None:
                return found
        return None
