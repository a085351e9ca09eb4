"""Calls that a file holds more than once, against counting them one by one."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as some

from bridge.rating.bulk.calls_file import calls_in
from bridge.rating.bulk.repeated import Repeated
from bridge.rating.call import Call, Direction
from tests.rating.bulk.test_batch import as_csv
from tests.rating.columns import columns_of
from tests.rating.worlds import NOON

names = some.sampled_from(
    ["7", "8", "", "a,b", "one-long-id-of-a-call-1", "one-long-id-of-a-call-2", "one-long", "one-lon"]
)
pairs = some.tuples(names, some.integers(0, 3))


def a_call(name: str, second: int = 0, to: str = "442079460000") -> Call:
    return Call(name, Direction.OUTBOUND, "", to, NOON + timedelta(seconds=second), 60)


def repeated_in(*pieces: Sequence[Call], calls_max: int = 1000) -> Repeated:
    found = Repeated(calls_max)
    for _ in found.watched(columns_of(piece) for piece in pieces):
        pass
    return found


@given(some.lists(some.lists(pairs, max_size=20), max_size=6))
def test_a_call_is_repeated_whose_id_and_moment_came_before(pieces: list[list[tuple[str, int]]]) -> None:
    found = repeated_in(*([a_call(*pair) for pair in piece] for piece in pieces))

    every = [pair for piece in pieces for pair in piece]
    again = [name for place, (name, second) in enumerate(every) if (name, second) in every[:place]]
    assert found.count == len(again) == len(every) - len({*every})
    assert found.ids == list(dict.fromkeys(again))[:3]


def test_what_else_a_row_says_does_not_matter() -> None:
    found = repeated_in([a_call("7"), a_call("7", to="12045550199")], [a_call("8"), a_call("7")])

    assert str(found) == "2 calls have the id and time of an earlier one (7); the same call twice is billed twice"


def test_the_first_ids_are_named() -> None:
    calls = [a_call(name) for name in "abcd"]

    assert "(a, b, c);" in str(repeated_in(calls, calls[:3]))
    assert "(a, b, c, ...);" in str(repeated_in(calls, calls))


def test_so_many_are_remembered_at_most() -> None:
    found = repeated_in([a_call("1"), a_call("2")], [a_call("3")], [a_call("1"), a_call("3")], calls_max=2)

    assert (found.count, found.ids) == (1, ["1"])


def test_rows_that_are_no_calls_are_not_repeated() -> None:
    row = as_csv([a_call("7")]).splitlines()
    text = b"\n".join((row[0], *[row[1].replace(b"outbound", b"sideways")] * 3, b""))
    found = Repeated()

    assert [len(piece) for piece in found.watched(calls_in(io.BytesIO(text), "calls.csv"))] == [3]
    assert (found.count, found.ids) == (0, [])
