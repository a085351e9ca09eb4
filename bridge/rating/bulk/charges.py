"""Charges as columns, in the order of their calls, and the lines of CHARGES.csv that they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bridge.rating.bulk.texts import WORD, Flags, Ints, Texts, Words, first_bytes
from bridge.rating.call import CallClass
from bridge.rating.decks.intervals import Numbers

COLUMNS = (
    "id",
    "class",
    "number",
    "rate_source",
    "prefix",
    "per_minute",
    "billed_seconds",
    "free_seconds",
    "charge",
    "note",
)
HEADER = ",".join(COLUMNS).encode() + b"\n"
CLASSES = tuple(CallClass)
"""What the column `classes` counts through."""

ID_BYTES_MAX = 64
"""Longer ids are joined to their lines one by one."""


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
            width = -(-max(map(len, self.texts)) // WORD) * WORD
            room = b"".join(text.ljust(width, b"\0") for text in self.texts)
            self._words = np.frombuffer(room, "<u8").reshape(len(self.texts), -1)
        return self._words[places]


@dataclass(frozen=True, slots=True)
class Charges:
    ids: Texts
    """As a CSV file has them."""
    classes: NDArray[np.int8]
    numbers: Numbers
    """Without a digit where there is none."""
    rates: NDArray[np.int32]
    """Places in a pool of `,source,prefix,price`."""
    billed: Ints
    free: Ints
    micro: Ints
    is_priced: Flags
    """Where not, there is no charge, and `micro` says nothing."""
    notes: NDArray[np.int32]
    """Places in a pool of `,note`."""
    beyond: Mapping[int, int] = field(default_factory=dict)
    """Amounts that no column can hold, by their row; they are written in front of its note."""

    def __len__(self) -> int:
        return len(self.classes)


def lines_of(charges: Charges, rates: Pool, notes: Pool, *, decimals: int) -> bytes:
    """Every row as its line, an amount with so many decimals.

    Each cell fills whole words, with zero bytes for what it does not need; taking those out leaves the lines.
    """
    longest = int(charges.ids.lengths.max(initial=0))
    long_ids = longest > ID_BYTES_MAX
    ids = [] if long_ids else words_of(charges.ids)
    cells = [
        *ids,
        _CLASS_WORDS[charges.classes],
        *_digits(charges.numbers),
        rates.words(charges.rates),
        *_whole(charges.billed),
        *_whole(charges.free),
        *_amount(charges.micro, charges.is_priced, decimals),
        notes.words(charges.notes),
        np.full(len(charges), ord("\n"), np.uint64),
    ]
    lines = bytes_of(cells)
    if not long_ids:
        return lines
    rest = lines.split(b"\n")
    return b"".join(charges.ids.raw(place) + rest[place] + b"\n" for place in range(len(charges)))


def joined(texts: Texts) -> bytes:
    """All of them, one behind the other."""
    if int(texts.lengths.max(initial=0)) > ID_BYTES_MAX:
        return b"".join(map(texts.raw, range(len(texts))))
    return bytes_of(words_of(texts)) if len(texts) else b""


def words_of(texts: Texts) -> list[Words]:
    return [texts.word(at) for at in range(0, int(texts.lengths.max(initial=0)), WORD)]


def bytes_of(cells: list[Words]) -> bytes:
    """Rows of words, without the zero bytes in them."""
    raw = np.column_stack(cells).astype("<u8", copy=False).view(np.uint8).ravel()
    found: bytes = raw[raw != 0].tobytes()
    return found


def _table(texts: list[bytes]) -> Words:
    return np.array([int.from_bytes(text, "little") for text in texts], np.uint64)


_COMMA = np.uint64(ord(","))
_MINUS = np.uint64(ord("-") << 8)
_POINT = np.uint64(ord("."))
_THREE = _table([f"{value:03d}".encode() for value in range(1000)])
_FOUR = _table([f"{value:04d}".encode() for value in range(10_000)])
_UP_TO_FOUR = _table([f"{value:d}".encode().rjust(4, b"\0") for value in range(10_000)])
_CLASS_WORDS = np.array(
    [np.frombuffer(f",{name}".encode().ljust(2 * WORD, b"\0"), "<u8") for name in CLASSES], np.uint64
)
_HALF = np.uint64(32)
_BYTE = np.uint64(8)


def _digits(numbers: Numbers) -> tuple[Words, Words]:
    """`,441234`: a comma and up to 15 digits."""
    high, low = np.divmod(numbers.padded, np.uint64(10**8))
    first, second = np.divmod(high, np.uint64(10**4))
    third, fourth = np.divmod(low, np.uint64(10**4))
    lengths = numbers.lengths.astype(np.int64) + 1
    ahead = _COMMA | (_THREE[first] << _BYTE) | (_FOUR[second] << _HALF)
    behind = _FOUR[third] | (_FOUR[fourth] << _HALF)
    return first_bytes(ahead, lengths), first_bytes(behind, lengths - WORD)


def _whole(values: Ints) -> tuple[Words, Words]:
    """`,30`: a comma and up to fourteen digits."""
    return _signed_whole(values, None)


def _signed_whole(values: Ints, is_negative: Flags | None) -> tuple[Words, Words]:
    """Not a negative value: the sign is said apart, as -0.5 has a whole part of 0."""
    high, low = np.divmod(values, 10**4)
    behind = np.where(high > 0, _FOUR[low], _UP_TO_FOUR[low]) << _HALF
    ahead = np.full(len(values), _COMMA)
    if is_negative is not None:
        ahead = np.where(is_negative, _COMMA | _MINUS, ahead)
    if (high > 0).any():
        higher, high = np.divmod(high, 10**4)
        behind = behind | np.where(higher > 0, _FOUR[high], np.where(high > 0, _UP_TO_FOUR[high], 0))
        for place in np.flatnonzero(higher).tolist():
            digits = f"{higher[place]:d}".encode()
            ahead[place] |= np.uint64(int.from_bytes(digits, "little") << 16)
    return ahead, behind


def _amount(micro: Ints, is_priced: Flags, decimals: int) -> tuple[Words, ...]:
    """`,1.250000`, or a comma alone."""
    is_negative = micro < 0
    whole, rest = np.divmod(np.abs(micro), 10**6)
    before = _signed_whole(whole, is_negative if is_negative.any() else None)
    thousands, ones = np.divmod(rest, 1000)
    places = _POINT | (_THREE[thousands] << _BYTE) | (_THREE[ones] << _HALF)
    behind = first_bytes(places, np.where(is_priced, decimals + 1 if decimals else 0, 0))
    ahead, digits = before
    return np.where(is_priced, ahead, _COMMA), np.where(is_priced, digits, np.uint64(0)), behind
