"""Many prefixes at once, against trying each of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bridge.rating.decks.intervals import DIGITS, NONE, Intervals, Numbers

few_digits = st.text("0123", max_size=6)
digits = st.text("0123456789", max_size=DIGITS)
prefixes = st.lists(few_digits | digits, unique=True, max_size=40)
numbers = st.lists(few_digits | digits, max_size=40)


def the_longest(prefixes: list[str], number: str) -> int:
    fitting = [place for place, prefix in enumerate(prefixes) if number.startswith(prefix)]
    return max(fitting, key=lambda place: len(prefixes[place]), default=NONE)


def found(prefixes: list[str], numbers: list[str]) -> list[int]:
    places: list[int] = Intervals.of(Numbers.of(prefixes)).find(Numbers.of(numbers)).tolist()
    return places


@given(prefixes, numbers)
def test_the_search_finds_what_trying_every_prefix_finds(prefixes: list[str], numbers: list[str]) -> None:
    assert found(prefixes, numbers) == [the_longest(prefixes, number) for number in numbers]


@given(prefixes, st.data())
def test_numbers_at_the_edge_of_a_prefix_belong_where_their_digits_say(
    prefixes: list[str], data: st.DataObject
) -> None:
    edges = [
        (prefix + digit * (DIGITS - len(prefix)))[: data.draw(st.integers(max(0, len(prefix) - 1), DIGITS))]
        for prefix in prefixes
        for digit in "09"
    ]

    assert found(prefixes, edges) == [the_longest(prefixes, number) for number in edges]


def test_a_number_shorter_than_the_prefix_does_not_match_it() -> None:
    assert found(["440", "4"], ["44"]) == [1]
    assert found(["440"], ["44"]) == [NONE]


def test_leading_zeros_are_digits() -> None:
    assert found(["0", "00", "7"], ["007", "07", "7"]) == [1, 0, 2]


def test_the_empty_prefix_matches_everything() -> None:
    assert found(["", "1"], ["", "1", "2"]) == [0, 1, 0]


def test_without_prefixes_nothing_is_found() -> None:
    assert found([], ["1"]) == [NONE]


def test_a_part_of_a_column_is_a_column() -> None:
    column = Numbers.of(["1", "22", "333"])

    assert column[np.array([2, 0])].lengths.tolist() == [3, 1]
