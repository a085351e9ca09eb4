"""A column of short texts as bytes: where each begins in one buffer, and how long it is, read eight bytes at a time.

Digits are read and written eight or four at once, so that a million of them cost what a thousand cost one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bridge.rating.decks.intervals import DIGITS, Numbers

WORD = 8
MARGIN = bytes(WORD)
"""What stands behind every buffer, so that the last word can be read whole."""

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Flags = NDArray[np.bool_]


def _word(value: int) -> np.uint64:
    return np.uint64(value)


def _bytes(value: int) -> np.uint64:
    """The same byte eight times."""
    return np.uint64(value * 0x0101010101010101)


_KEPT: Words = np.array([(1 << (8 * count)) - 1 for count in range(WORD + 1)], np.uint64)
"""The first so many bytes of a word."""

_ZEROS = _bytes(ord("0"))


@dataclass(frozen=True, slots=True)
class Texts:
    buffer: bytes
    starts: Ints
    lengths: Ints

    @classmethod
    def of(cls, texts: Sequence[bytes]) -> Texts:
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        return cls(b"".join(texts) + MARGIN, np.cumsum(lengths) - lengths, lengths)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, chosen: Flags | NDArray[np.intp] | slice) -> Texts:
        return Texts(self.buffer, self.starts[chosen], self.lengths[chosen])

    def raw(self, place: int) -> bytes:
        start = int(self.starts[place])
        return self.buffer[start : start + int(self.lengths[place])]

    def text(self, place: int) -> str:
        return self.raw(place).decode(errors="replace")

    def word(self, at: int = 0) -> Words:
        """Eight bytes of each from this one on, zeros behind its end."""
        window: Words = np.ndarray((len(self.buffer) - WORD + 1,), "<u8", self.buffer, strides=(1,))
        return first_bytes(window[np.minimum(self.starts + at, len(window) - 1)], self.lengths - at)

    def after(self, count: int | Ints) -> Texts:
        """Without the first so many bytes, of which none is shorter."""
        return Texts(self.buffer, self.starts + count, self.lengths - count)

    def equal(self, text: bytes) -> Flags:
        same: Flags = self.lengths == len(text)
        for at in range(0, len(text), WORD):
            same &= self.word(at) == _word(int.from_bytes(text[at : at + WORD], "little"))
        return same

    def begin_with(self, text: bytes) -> Flags:
        if len(text) <= WORD:
            return begin_with(self.word(), text)
        return Texts(self.buffer, self.starts, np.minimum(self.lengths, len(text))).equal(text)


def begin_with(word: Words, text: bytes) -> Flags:
    """Whether these are the first bytes; eight at most, and none of them zero."""
    found: Flags = word & _KEPT[len(text)] == _word(int.from_bytes(text, "little"))
    return found


def first_bytes(word: Words, count: Ints | int) -> Words:
    """The first so many bytes, zeros for the rest; as many as there are where more are asked for."""
    kept: Words = word & _KEPT[np.clip(count, 0, WORD)]
    return kept


def eight_digits(word: Words) -> Words:
    """What eight digits say."""
    pairs = ((word & _bytes(0x0F)) * _word(2561)) >> _word(8)
    fours = ((pairs & _word(0x00FF00FF00FF00FF)) * _word(6553601)) >> _word(16)
    all_of_it: Words = ((fours & _word(0x0000FFFF0000FFFF)) * _word(42949672960001)) >> _word(32)
    return all_of_it


def first_digits(word: Words, count: Ints | int) -> tuple[Ints, Flags]:
    """The first so many digits with zeros behind them to make eight, and whether they are `0` to `9`."""
    kept = _KEPT[count]
    filled = (word & kept) | (_ZEROS & ~kept)
    return eight_digits(filled).astype(np.int64), _are_digits(filled)


def last_digits(word: Words, count: Ints) -> tuple[Ints, Flags]:
    """The same digits with zeros before them: their value."""
    shift = ((WORD - np.clip(count, 1, WORD)) * 8).astype(np.uint64)
    filled = (word << shift) | (_ZEROS & ~(~_word(0) << shift))
    return eight_digits(filled).astype(np.int64), _are_digits(filled)


def read_form(word: Words, form: bytes) -> tuple[Ints, Flags]:
    """The digits where the form has 0, all else as 0, and whether the rest is as in the form; `_` is anything."""
    digits = _word(int.from_bytes(bytes(0xFF * (mark == ord("0")) for mark in form), "little"))
    fixed = _word(int.from_bytes(bytes(0xFF * (mark not in b"0_") for mark in form), "little"))
    filled = (word & digits) | (_ZEROS & ~digits)
    has_form = (word & fixed) == (_word(int.from_bytes(form, "little")) & fixed)
    return eight_digits(filled).astype(np.int64), has_form & _are_digits(filled)


def numbers_in(texts: Texts) -> tuple[Numbers, Flags]:
    """The digits of each, and whether it is 1 to 15 digits and nothing else."""
    high, has_high = first_digits(texts.word(), np.clip(texts.lengths, 0, WORD))
    low, has_low = first_digits(texts.word(WORD), np.clip(texts.lengths - WORD, 0, WORD))
    good = has_high & has_low & (texts.lengths >= 1) & (texts.lengths <= DIGITS)
    padded = high * 10 ** (DIGITS - WORD) + low // 10
    return Numbers(padded.astype(np.uint64), np.where(good, texts.lengths, 0).astype(np.uint8)), good


def whole_numbers_in(texts: Texts) -> tuple[Ints, Flags]:
    """The value of each, and whether it is 1 to 8 digits and nothing else."""
    values, good = last_digits(texts.word(), texts.lengths)
    return values, good & (texts.lengths >= 1) & (texts.lengths <= WORD)


def _are_digits(word: Words) -> Flags:
    high, carried = _bytes(0xF0), _bytes(0x06)
    good: Flags = ((word & high) == _ZEROS) & (((word + carried) & high) == _ZEROS)
    return good
