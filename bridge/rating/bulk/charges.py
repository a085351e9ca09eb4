"""Charges as columns, in the order of their calls, and the lines of CHARGES.csv that they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bridge.rating.bulk.price_texts import PriceTexts
from bridge.rating.bulk.texts import Flags, Ints, Texts
from bridge.rating.bulk.written import (
    LONG,
    Pool,
    amount_words,
    bytes_of,
    number_words,
    text_words,
    texts_words,
    whole_words,
)
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


@dataclass(frozen=True, slots=True)
class Charges:
    ids: Texts
    """As a CSV file has them."""
    classes: NDArray[np.int8]
    numbers: Numbers
    """Without a digit where there is none."""
    prices: NDArray[np.int32]
    """Places of prices (`price_columns.py`); the first is none."""
    is_overage: Flags
    """Charged at the price beyond the allowance instead."""
    billed: Ints
    free: Ints
    micro: Ints
    has_amount: Flags
    """Where not, `micro` says nothing."""
    notes: NDArray[np.int32]
    """Places in a pool of `,note`."""
    beyond: Mapping[int, int] = field(default_factory=dict)
    """Amounts that no column can hold, by their row; they are written in front of its note."""

    def __len__(self) -> int:
        return len(self.classes)


def lines_of(charges: Charges, price_texts: PriceTexts, notes: Pool, *, decimals: int) -> bytes:
    """Every row as its line, an amount with so many decimals."""
    has_long_ids = int(charges.ids.lengths.max(initial=0)) > LONG
    cells = [
        *([] if has_long_ids else texts_words(charges.ids)),
        _CLASS_WORDS.take(charges.classes, axis=0),
        *number_words(charges.numbers),
        *price_texts.cells(charges.prices, charges.is_overage),
        *whole_words(charges.billed),
        *whole_words(charges.free),
        *amount_words(charges.micro, charges.has_amount, decimals),
        notes.words(charges.notes),
        np.full(len(charges), ord("\n"), np.uint64),
    ]
    lines = bytes_of(cells)
    if not has_long_ids:
        return lines
    rest = lines.split(b"\n")
    return b"".join(charges.ids.raw(place) + rest[place] + b"\n" for place in range(len(charges)))


_CLASS_WORDS = np.array([text_words(f",{name}".encode(), 2) for name in CLASSES], np.uint64)
