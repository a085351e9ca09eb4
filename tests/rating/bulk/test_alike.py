"""Rows that are alike, told apart by counting and by sorting."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as some

from bridge.rating.bulk.alike import FEW, alike


@given(some.lists(some.integers(0, 9)) | some.lists(some.sampled_from([0, 5, FEW - 1, FEW, 2**62])))
def test_every_row_is_like_one_of_its_code(codes: list[int]) -> None:
    ones, which = alike(np.array(codes, np.int64))

    assert sorted(codes[one] for one in ones.tolist()) == sorted(set(codes))
    assert [codes[one] for one in ones[which].tolist()] == codes
