"""Patterns of digits as one table, against the regular expressions that they are."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rating.numbers.automaton import START, Automaton, automaton, strings

digit = st.sampled_from("0123456789")
among = st.one_of(digit, st.just(r"\d"), st.sampled_from(["[13-79]", "[2-9]", "[05]"]))
times = st.sampled_from(["", "", "?", "{2}", "{1,3}"])


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = st.builds("(?:{}|{}){}".format, inner, inner, times)
    return st.lists(st.one_of(group, st.builds(str.__add__, among, times)), min_size=1, max_size=4).map("".join)


patterns = st.recursive(among, grown, max_leaves=6)
numbers = st.text("0123456789", max_size=10)


def matched(table: Automaton, number: str) -> tuple[int, ...]:
    return table.matched[state_after(table, number)]


def state_after(table: Automaton, number: str) -> int:
    state = START
    for each in number:
        state = table.step[10 * state + int(each)]
    return state


@given(st.lists(patterns, min_size=1, max_size=4), st.lists(numbers, max_size=30))
def test_a_table_matches_what_its_patterns_match(several: list[str], tried: list[str]) -> None:
    table = automaton(several)

    for number in tried:
        assert matched(table, number) == tuple(
            place for place, pattern in enumerate(several) if re.fullmatch(pattern, number)
        )


def test_a_table_is_alive_before_everything_that_it_matches() -> None:
    table = automaton(["1(?:2[34]|5)6?", "12"])

    assert [table.alive[state_after(table, number)] for number in ("", "1", "12", "123", "1236", "15", "2")] == [
        *[(0, 1), (0, 1), (0, 1)],
        *[(0,), (0,), (0,), ()],
    ]


def test_a_small_pattern_is_written_out() -> None:
    assert strings("1(?:1[02]|3{1,2})|999") == ["110", "112", "13", "133", "999"]


@pytest.mark.parametrize("pattern", ["1.2", "1*", "(1", "1)", "a", "[^1]", "^1"])
def test_a_pattern_that_says_more_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        automaton([pattern])
