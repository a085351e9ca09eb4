"""Calls that wait for the end of their period: out of memory, and in again in the order they came in."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from bridge.rating.bulk.calls import DIRECTIONS, Calls
from bridge.rating.bulk.calls_file import read_cell
from bridge.rating.bulk.engine import Stage, small
from bridge.rating.bulk.period import Row, Waiting
from bridge.rating.bulk.texts import MARGIN, Flags, Texts
from bridge.rating.bulk.written import joined
from bridge.rating.decks.intervals import Numbers

WAITING = tuple(each.name for each in fields(Waiting))
_TEXTS = "ids", "callers", "called", "extensions"


class NotKept(ValueError):
    """There is no room for what waits."""


class Spool:
    """A file of columns, stage after stage. What calls of one moment go by stands apart, as few are asked for it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.ends: list[int] = []
        """How many calls wait up to each stage, and in it."""
        self._file = file
        self._starts: list[int] = []
        self._row_starts: list[int] = []
        self._asked = -1
        self._answered: tuple[list[Texts], NDArray[Any], NDArray[Any]]
        self._waiting_starts: list[int] = []
        self._waiting_sizes: dict[str, int] = defaultdict(int)
        self._waiting_types: dict[str, np.dtype[Any]] = {}

    def add(self, calls: Calls, stage: Stage, waiting: Waiting) -> None:
        """`waiting` is what of the stage waits."""
        try:
            self._write(stage, waiting)
            self._write_rows(calls, stage.waits)
            self._file.flush()
        except OSError as error:
            reason = error.strerror or "not all of it could be written"
            raise NotKept(f"calls that wait for the end of their period cannot be kept: {reason}") from None

    def _write(self, stage: Stage, waiting: Waiting) -> None:
        self._starts.append(self._file.tell())
        self._write_texts(stage.ids)
        for column in (
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
        self._waiting_starts.append(self._file.tell())
        self.ends.append(len(waiting) + (self.ends[-1] if self.ends else 0))
        for name in WAITING:
            column = getattr(waiting, name)
            np.save(self._file, column, allow_pickle=False)
            self._waiting_sizes[name] += len(column)
            self._waiting_types[name] = np.promote_types(self._waiting_types.get(name, column.dtype), column.dtype)

    def _write_rows(self, calls: Calls, waits: Flags) -> None:
        self._row_starts.append(self._file.tell())
        for name in _TEXTS:
            self._write_texts(getattr(calls, name)[waits])
        np.save(self._file, calls.directions[waits], allow_pickle=False)
        np.save(self._file, small(calls.seconds[waits]), allow_pickle=False)

    def _write_texts(self, texts: Texts) -> None:
        np.save(self._file, np.frombuffer(joined(texts), np.uint8), allow_pickle=False)
        np.save(self._file, small(texts.lengths), allow_pickle=False)

    def waiting(self) -> Waiting:
        """All that waits, one stage behind the other; each is read into its place, so that nothing is there twice."""
        columns = {name: np.empty(size, self._waiting_types[name]) for name, size in self._waiting_sizes.items()}
        filled = dict.fromkeys(WAITING, 0)
        for start in self._waiting_starts:
            self._file.seek(start)
            for name in WAITING:
                column = self._column()
                columns[name][filled[name] : filled[name] + len(column)] = column
                filled[name] += len(column)
        return Waiting(**columns)

    def stages(self) -> Iterator[Stage]:
        for start in self._starts:
            self._file.seek(start)
            ids = self._texts()
            yield Stage(
                ids=ids,
                waits=self._flags(len(ids)),
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

    def rows_of(self, places: Sequence[int]) -> list[Row]:
        """Of calls by their place among those that wait; quick where they are asked for in order."""
        return [self._row_of(place) for place in places]

    def _row_of(self, place: int) -> Row:
        stage = bisect_right(self.ends, place)
        if self._asked != stage:
            self._file.seek(self._row_starts[stage])
            self._asked = stage
            texts = [self._texts() for _ in _TEXTS]
            self._answered = texts, self._column(), self._column()
        row = place - (self.ends[stage - 1] if stage else 0)
        texts, directions, seconds = self._answered
        name, caller, called, extension = (each.raw(row) for each in texts)
        return read_cell(name), DIRECTIONS[directions[row]], caller, called, extension, int(seconds[row])

    def _texts(self) -> Texts:
        buffer, lengths = self._column().tobytes() + MARGIN, self._column().astype(np.int64)
        return Texts(buffer, np.cumsum(lengths) - lengths, lengths)

    def _flags(self, count: int) -> Flags:
        return np.unpackbits(self._column(), count=count).astype(np.bool_)

    def _column(self) -> NDArray[Any]:
        column: NDArray[Any] = np.load(self._file, allow_pickle=False)
        return column
