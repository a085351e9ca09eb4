"""Columns written as text: every cell fills whole words of eight bytes, and zero bytes stand for nothing.

Cells side by side make lines when the zero bytes are taken out, so that each may be laid out by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bridge.rating.amount import EXACT_PLACES
from bridge.rating.bulk.texts import WORD, Flags, Ints, Texts, Words, first_bytes
from bridge.rating.decks.intervals import Numbers
from bridge.rating.price import PLACES, UNIT

LONG = 64
"""Bytes; longer texts are written one by one."""


@dataclass(slots=True)
class Pool:
    """Texts that many rows share, each known by its place."""

    texts: list[bytes] = field(default_factory=list)
    _places: dict[bytes, int] = field(default_factory=dict, repr=False)
    _words: Words = field(default_factory=lambda: np.zeros((0, 0), np.uint64), repr=False)

    def place(self, text: bytes) -> int:
        place = self._places.get(text)
        if place is None:
            place = self._places[text] = len(self.texts)
            self.texts.append(text)
        return place

    def words(self, places: NDArray[np.int32]) -> Words:
        """A row of words for each."""
        if len(self._words) < len(self.texts):
            width = max(len(text_words(text)) for text in self.texts)
            self._words = np.array([text_words(text, width) for text in self.texts], np.uint64)
        return self._words.take(places, axis=0)


def text_words(text: bytes, width: int = 0) -> Words:
    """A text in as many words as it needs, or so many."""
    width = width or -(-len(text) // WORD)
    return np.frombuffer(text.ljust(width * WORD, b"\0"), "<u8").astype(np.uint64)


def texts_words(texts: Texts) -> list[Words]:
    return [texts.word(at) for at in range(0, int(texts.lengths.max(initial=0)), WORD)]


def bytes_of(cells: list[Words]) -> bytes:
    """Rows of words, without the zero bytes in them."""
    return np.column_stack(cells).astype("<u8", copy=False).tobytes().translate(None, b"\0")


def joined(texts: Texts) -> bytes:
    """All of them, one behind the other."""
    if int(texts.lengths.max(initial=0)) > LONG:
        return b"".join(map(texts.raw, range(len(texts))))
    return bytes_of(texts_words(texts)) if texts.lengths.any() else b""


def number_words(numbers: Numbers) -> tuple[Words, Words]:
    """`,441234`: a comma and up to 15 digits."""
    high, low = _parted(numbers.padded, np.uint64(10**8))
    first, second = _parted(high, np.uint64(10**4))
    lengths = numbers.lengths.astype(np.int64) + 1
    ahead = _COMMA | (_THREE[first] << _BYTE) | (_FOUR[second] << _HALF)
    return first_bytes(ahead, lengths), first_bytes(_eight(low), lengths - WORD)


def whole_words(values: Ints, is_negative: Flags | None = None) -> list[Words]:
    """`,30`: a comma and up to fourteen digits. The sign is said apart, as -0.5 has a whole part of 0."""
    high, low = _parted(values, 10**4)
    behind = np.where(high > 0, _FOUR[low], _UP_TO_FOUR[low]) << _HALF
    if is_negative is None and int(high.max(initial=0)) < 1000:
        return [_COMMA | (_AHEAD[high] << _BYTE) | behind]
    ahead = np.full(len(values), _COMMA)
    if is_negative is not None:
        ahead = np.where(is_negative, _COMMA | _MINUS, ahead)
    higher, high = _parted(high, 10**4)
    behind = behind | np.where(higher > 0, _FOUR[high], np.where(high > 0, _UP_TO_FOUR[high], 0))
    for place in np.flatnonzero(higher).tolist():
        ahead[place] |= np.uint64(int.from_bytes(f"{higher[place]:d}".encode(), "little") << 16)
    return [ahead, behind]


def amount_words(micro: Ints, is_there: Flags, decimals: int) -> list[Words]:
    """`,1.250000`, or a comma alone."""
    is_negative = micro < 0
    whole, rest = _parted(np.abs(micro), 10**6)
    before = whole_words(whole, is_negative if is_negative.any() else None)
    thousands, ones = _parted(rest, 1000)
    places = _POINT | (_THREE[thousands] << _BYTE) | (_THREE[ones] << _HALF)
    behind = first_bytes(places, decimals + 1 if decimals else 0)
    if is_there.all():
        return [*before, behind]
    none = [_COMMA, *(np.uint64(0) for _ in before)]
    return [np.where(is_there, word, absent) for word, absent in zip((*before, behind), none, strict=True)]


def exact_words(prices: Ints, factor: int) -> list[Words]:
    """`,0.0125`: prices times a factor, which make exact prices (`amount.py`), without zeros that say nothing."""
    whole, part = _parted(prices, UNIT)
    whole, millionths = _parted(whole * factor, 10 ** (EXACT_PLACES - PLACES))
    carried, rest = _parted(millionths * UNIT + part * factor, 10**EXACT_PLACES)
    high, low = _parted(rest, 10**8)
    shown = np.zeros(len(prices), np.int64)
    for place in range(EXACT_PLACES):  # up to the last digit that is not 0
        shown[rest % 10 ** (EXACT_PLACES - place) != 0] = place + 1
    point = np.where(shown > 0, _POINT, np.uint64(0))
    return [*whole_words(whole + carried), point, first_bytes(_eight(high), shown), first_bytes(_eight(low), shown - 8)]


def close_up(cells: list[Words]) -> Words:
    """Rows of words with their zero bytes behind them, in as few words as the longest row needs."""
    raw = np.column_stack(cells).astype("<u8", copy=False).view(np.uint8)
    is_there = raw != 0
    lengths = is_there.sum(axis=1)
    width = -(-int(lengths.max(initial=1)) // WORD) * WORD
    closed = np.zeros((len(raw), width), np.uint8)
    closed[np.arange(width) < lengths[:, None]] = raw[is_there]
    return closed.view("<u8").astype(np.uint64)


N = TypeVar("N", Ints, Words)


def _parted(values: N, by: Any) -> tuple[N, N]:
    """As `divmod`, in half the time."""
    whole = values // by
    return whole, values - whole * by


def _eight(values: N) -> Words:
    high, low = _parted(values, values.dtype.type(10**4))
    return _FOUR[high] | (_FOUR[low] << _HALF)


def _table(texts: list[bytes]) -> Words:
    return np.array([int.from_bytes(text, "little") for text in texts], np.uint64)


_COMMA = np.uint64(ord(","))
_MINUS = np.uint64(ord("-") << 8)
_POINT = np.uint64(ord("."))
_THREE = _table([f"{value:03d}".encode() for value in range(1000)])
_FOUR = _table([f"{value:04d}".encode() for value in range(10_000)])
_UP_TO_FOUR = _table([f"{value:d}".encode().rjust(4, b"\0") for value in range(10_000)])
_AHEAD = _table([f"{value:d}".encode().rjust(3, b"\0") if value else b"" for value in range(1000)])
"""Of digits that others follow: without a 0 before them."""
_HALF = np.uint64(32)
_BYTE = np.uint64(8)
