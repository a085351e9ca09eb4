"""Calls as columns: what bulk rating reads, and what a file of calls is read into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bridge.rating.bulk.instants import moment_of
from bridge.rating.bulk.texts import Ints, Texts
from bridge.rating.call import Call, Direction

DIRECTIONS = tuple(Direction)
"""What the column `directions` counts through."""


@dataclass(frozen=True, slots=True)
class Calls:
    ids: Texts
    directions: NDArray[np.int8]
    callers: Texts
    called: Texts
    extensions: Texts
    moments: Ints
    """What decides the price, the answer or else the start: microseconds since 1970 in UTC."""
    seconds: Ints
    clients: Texts
    faults: Mapping[int, str] = field(default_factory=dict)
    """The rows that are no calls, each with a sentence; the other columns say nothing true of them."""
    lines: Mapping[int, int] = field(default_factory=dict)
    """Of those rows, where in their file they stand."""

    def __len__(self) -> int:
        return len(self.moments)

    def call(self, place: int) -> Call:
        """One of them, as the plain engine takes it."""
        return Call(
            id=self.ids.text(place),
            direction=DIRECTIONS[self.directions[place]],
            caller=self.callers.text(place),
            called=self.called.text(place),
            start=moment_of(int(self.moments[place])),
            seconds=int(self.seconds[place]),
            extension=self.extensions.text(place),
        )
