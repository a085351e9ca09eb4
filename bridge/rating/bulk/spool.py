"""Calls that wait for the end of their period: out of memory, and in again in the order they came in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from bridge.rating.bulk.calls_file import read_cell
from bridge.rating.bulk.engine import Stage, small
from bridge.rating.bulk.texts import MARGIN, Flags, Texts
from bridge.rating.bulk.written import joined
from bridge.rating.decks.intervals import Numbers


class Spool:
    """A file of columns, stage after stage. The ids come first, as they may be asked for apart from the rest."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._starts: list[int] = []
        self._asked = -1
        self._answered = Texts.of([])

    def add(self, stage: Stage) -> None:
        self._starts.append(self._file.tell())
        for column in (
            np.frombuffer(joined(stage.ids), np.uint8),
            small(stage.ids.lengths),
            np.packbits(stage.waits),
            stage.classes,
            stage.numbers.padded,
            stage.numbers.lengths,
            stage.prices,
            small(stage.billed),
            small(stage.free),
            np.packbits(stage.is_overage),
            np.packbits(stage.in_tiers),
            np.packbits(stage.is_held),
            stage.notes,
        ):
            np.save(self._file, column, allow_pickle=False)

    def stages(self) -> Iterator[Stage]:
        for start in self._starts:
            self._file.seek(start)
            ids, waits = self._ids()
            yield Stage(
                ids=ids,
                waits=waits,
                classes=self._column(),
                numbers=Numbers(self._column(), self._column()),
                prices=self._column(),
                billed=self._column().astype(np.int64),
                free=self._column().astype(np.int64),
                is_overage=self._flags(len(ids)),
                in_tiers=self._flags(len(ids)),
                is_held=self._flags(len(ids)),
                notes=self._column(),
            )

    def waiting_id(self, stage: int, place: int) -> bytes:
        """Of those of one stage that wait; as calls go by it."""
        if self._asked != stage:
            self._file.seek(self._starts[stage])
            ids, waits = self._ids()
            self._asked, self._answered = stage, ids[waits]
        return read_cell(self._answered.raw(place))

    def _ids(self) -> tuple[Texts, Flags]:
        buffer, lengths = self._column().tobytes() + MARGIN, self._column().astype(np.int64)
        return Texts(buffer, np.cumsum(lengths) - lengths, lengths), self._flags(len(lengths))

    def _flags(self, count: int) -> Flags:
        return np.unpackbits(self._column(), count=count).astype(np.bool_)

    def _column(self) -> NDArray[Any]:
        column: NDArray[Any] = np.load(self._file, allow_pickle=False)
        return column
