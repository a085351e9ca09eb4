"""F-6: one mistake must not reach every tenant."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.drift.blast import PREVIEW_MAX, Change, Limit, fingerprint_of, stopped_by


def some(count: int, action: str = "suspend", first: int = 1) -> list[Change]:
    return [Change(action, frozenset({each}), f"service {each}") for each in range(first, first + count)]


@pytest.mark.parametrize(
    ("active", "most"),
    [
        *[(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (39, 19)],
        *[(40, 20), (41, 20), (1000, 20), (1049, 20), (1050, 21), (1100, 22), (5000, 100), (100_000, 2000)],
    ],
)
def test_f6_the_larger_of_20_and_2_percent_or_half_of_fewer_than_40(active: int, most: int) -> None:
    assert Limit().most(active) == most


@given(active=st.integers(0, 20_000), touched=st.integers(0, 600))
def test_f6_counts_as_the_contract_words_it(active: int, touched: int) -> None:
    too_many = touched > Fraction(active, 2) if active < 40 else touched > max(Fraction(20), Fraction(active * 2, 100))

    assert (stopped_by(some(touched), active=active, limit=Limit()) is not None) == too_many


def test_f6_what_stops_is_told_with_counts_and_a_preview() -> None:
    stopped = stopped_by([*some(25), *some(5, "terminate", 100)], active=100, limit=Limit())

    assert stopped is not None
    assert (stopped.services, stopped.most, stopped.active) == (30, 20, 100)
    assert stopped.actions == (("suspend", 25), ("terminate", 5))
    assert len(stopped.preview) == PREVIEW_MAX
    assert stopped.preview[0] == "suspend: service 1"
    assert stopped.told == "30 services would be touched where 20 of 100 may be: 25 x suspend, 5 x terminate."


def test_a_service_that_is_touched_twice_counts_once() -> None:
    assert stopped_by([*some(20), *some(20, "repair")], active=100, limit=Limit()) is None


def test_what_was_touched_before_counts_with_it() -> None:
    assert stopped_by(some(1, first=21), active=100, limit=Limit(), before=range(1, 21)) is not None
    assert stopped_by(some(1), active=100, limit=Limit(), before=range(1, 21)) is None


def test_nothing_to_do_is_never_stopped() -> None:
    assert stopped_by([], active=0, limit=Limit(), before=range(1000)) is None


def test_a_released_batch_goes_on_and_no_other_does() -> None:
    batch = some(30)
    stopped = stopped_by(batch, active=100, limit=Limit())
    assert stopped is not None

    assert stopped_by(batch, active=100, limit=Limit(), released=stopped.fingerprint) is None
    assert stopped_by(some(31), active=100, limit=Limit(), released=stopped.fingerprint) is not None
    assert stopped_by(some(30, "terminate"), active=100, limit=Limit(), released=stopped.fingerprint) is not None


@given(st.permutations(some(6)))
def test_a_fingerprint_does_not_depend_on_the_order(batch: list[Change]) -> None:
    assert fingerprint_of(batch) == fingerprint_of(some(6))


def test_a_fingerprint_tells_what_is_done_apart() -> None:
    to_large = Change("change_package", frozenset({1}), "service 1", "product 2")
    to_small = Change("change_package", frozenset({1}), "service 1", "product 3")

    assert fingerprint_of([to_large]) != fingerprint_of([to_small])
