"""What people bring along: products.md 4.3, 5.1 and 5.4."""

from __future__ import annotations

import pytest

from bridge.rating.packages import vendor
from bridge.rating.packages.package import PackageType


@pytest.mark.parametrize(("theirs", "ours"), [("120", "20"), ("250", "150"), ("100", "0"), ("112.5", "12.5")])
def test_their_markup_is_a_percentage_of_the_base(theirs: str, ours: str) -> None:
    assert vendor.markup_percent(theirs) == ours


@pytest.mark.parametrize("theirs", ["25", "99.99", "0"])
def test_a_markup_that_sells_below_cost_is_a_question(theirs: str) -> None:
    with pytest.raises(vendor.BelowCost, match=f"a markup of {theirs} is {theirs} % of the base price there"):
        vendor.markup_percent(theirs)


@pytest.mark.parametrize(
    ("kind", "minutes", "realtime", "ours"),
    [
        ("metered", 1000, False, {"included_seconds_per_period": 60_000}),
        ("metered", 0, False, {"included_seconds_per_period": 0}),
        ("flat", 0, False, {"included_seconds_per_period": 0}),
        ("unlimited", 0, False, {}),
        ("metered", 1, True, {"free_seconds_per_call": 60}),
    ],
)
def test_their_free_minutes_mean_another_thing_by_type_and_mode(
    kind: str, minutes: int, realtime: bool, ours: dict[str, int]
) -> None:
    assert vendor.included(PackageType(kind), minutes, realtime=realtime) == ours


@pytest.mark.parametrize(("theirs", "ours"), [(0, None), (-1, None), (1, 1), (5, 5)])
def test_a_limit_of_0_is_no_limit_there(theirs: int, ours: int | None) -> None:
    assert vendor.limit(theirs) == ours
