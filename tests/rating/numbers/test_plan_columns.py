"""Facts of a column of numbers, against asking for each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bridge.rating.decks.intervals import DIGITS, Numbers
from bridge.rating.numbers.plan import facts_of
from bridge.rating.numbers.plan_columns import PlanColumns

digits = st.text("0123456789", max_size=DIGITS)
fronts = st.sampled_from(["1", "44", "49", "39", "7", "590", "800", "44207946", "1204555", "4475", "1876", "33", "61"])
numbers = st.lists(digits | st.builds(lambda front, rest: (front + rest)[:DIGITS], fronts, digits), max_size=30)

ONE = PlanColumns()
"""Grows as it would over a file."""


@given(numbers)
def test_a_column_knows_of_numbers_what_the_plan_knows_of_each(numbers: list[str]) -> None:
    places = ONE.facts(Numbers.of(numbers))

    assert [ONE.known[place] for place in places.tolist()] == [facts_of(number) for number in numbers]
