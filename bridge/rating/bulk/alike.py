"""Rows of a column that are alike: one of each, and which of them every row is like."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bridge.rating.bulk.texts import Ints

FEW = 1 << 20
"""Codes below this are told apart by counting, which takes no sorting."""


def alike(codes: Ints) -> tuple[Ints, NDArray[np.intp]]:
    """The place of one row of each code, and for every row which of those has its own. No code is negative."""
    if int(codes.max(initial=0)) >= FEW:
        _, ones, which = np.unique(codes, return_index=True, return_inverse=True)
        return ones, which
    one_of = np.full(int(codes.max(initial=0)) + 1, -1, np.int64)
    one_of[codes] = np.arange(len(codes))
    found = np.flatnonzero(one_of >= 0)
    rank = np.empty(len(one_of), np.intp)
    rank[found] = np.arange(len(found))
    return one_of[found], rank[codes]
