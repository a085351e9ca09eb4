"""The decks of one tariff over time: the one that holds when a call is answered is its deck."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from bridge.rating.decks.deck import Deck

ALWAYS = datetime.min.replace(tzinfo=UTC)


class Series:
    """Each deck holds from its moment until the next one's."""

    __slots__ = ("_decks", "_since")

    def __init__(self, decks: Iterable[tuple[datetime, Deck]]) -> None:
        ordered = sorted(decks, key=lambda entry: entry[0])
        self._since = [since for since, _ in ordered]
        self._decks = [deck for _, deck in ordered]

    @classmethod
    def of(cls, deck: Deck) -> Series:
        """One deck, whenever."""
        return cls([(ALWAYS, deck)])

    def at(self, moment: datetime) -> Deck | None:
        place = bisect_right(self._since, moment)
        return self._decks[place - 1] if place else None

    def __iter__(self) -> Iterator[tuple[datetime, Deck]]:
        """Each deck with the moment it holds from, the earliest first."""
        return zip(self._since, self._decks, strict=True)

    @property
    def currencies(self) -> set[str]:
        return {deck.currency for deck in self._decks}
