"""A column of names that many rows share: each known by its place."""

from __future__ import annotations

import numpy as np

from bridge.rating.bulk.texts import WORD, Ints, Texts


class Names:
    def __init__(self) -> None:
        self.known: list[str] = []
        self._places: dict[str, int] = {}

    def place(self, name: str) -> int:
        place = self._places.get(name)
        if place is None:
            place = self._places[name] = len(self.known)
            self.known.append(name)
        return place

    def of(self, texts: Texts) -> Ints:
        """The place of each."""
        if int(texts.lengths.max(initial=0)) > WORD:
            return np.fromiter((self.place(texts.text(row)) for row in range(len(texts))), np.int64, len(texts))
        _, firsts, which = np.unique(texts.word(), return_index=True, return_inverse=True)
        places = np.array([self.place(texts.text(first)) for first in firsts.tolist()], np.int64)
        return places[which] if len(texts) else np.zeros(0, np.int64)
