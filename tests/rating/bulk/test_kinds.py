"""Kinds of numbers, met in pieces: what was met before is known, whether a table can hold it or not."""

from __future__ import annotations

from random import Random
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from bridge.rating.bulk import kinds
from bridge.rating.bulk.kinds import KindColumns
from tests.rating.bulk.test_engine import from_a_file
from tests.rating.columns import columns_of
from tests.rating.worlds import World, a_world

worlds = some.integers(0, 2**32).map(lambda seed: from_a_file(a_world(Random(seed), calls=40)))


@pytest.mark.parametrize("few", [1, 64, 1 << 20])
@settings(deadline=None, max_examples=40)
@given(worlds, some.integers(1, 40))
def test_a_number_means_the_same_in_every_piece(few: int, world: World, size: int) -> None:
    terms, asked = world.terms(), world.terms()
    columns = KindColumns(terms)
    with patch.object(kinds, "FEW", few):
        for start in range(0, len(world.calls), size):
            calls = world.calls[start : start + size]
            found = columns.of(columns_of(calls))
            for place, call in enumerate(calls):
                meaning = asked.meaning(call)
                kind = columns.known[found.places[place]]
                assert kind.direction is call.direction
                assert kind.meaning == meaning._replace(called=kind.meaning.called, digits="", number="")
                assert kind.meaning.called.kind is meaning.called.kind
                assert (found.digits.text(place), found.numbers.text(place)) == (meaning.digits, meaning.number)
