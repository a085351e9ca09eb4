"""Prices that fall with use: graduated and by volume, inside calls and over a whole period."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bridge.rating.packages.package import Tier, TierMode
from bridge.rating.tiers import parts_of, price_of
from tests.rating.sheet import check

TIERS = """
    tier  500m   0.02
    tier  1000m  0.015
    tier  rest   0.01
    outbound  -  1/1
"""
VOLUME = f'tier_mode = "volume"\n{TIERS}'


@pytest.mark.parametrize(
    ("minutes", "graduated", "volume"),
    [
        ("500", "10", "10"),
        ("500.5", "10.0075", "7.5075"),
        ("501", "10.015", "7.515"),
        ("600", "11.50", "9"),
        ("1000", "17.50", "15"),
        ("1000.5", "17.505", "10.005"),
        ("1001", "17.51", "10.01"),
        ("1200", "19.50", "12"),
        ("1500", "22.50", "15"),
    ],
)
def test_the_minutes_of_a_period_cost_what_their_tiers_say(minutes: str, graduated: str, volume: str) -> None:
    check(f"{TIERS}\n call  442079460000  {minutes}m  {graduated}  source package  prefix none")
    check(f"{VOLUME}\n call  442079460000  {minutes}m  {volume}")


def test_a_call_over_a_cut_point_is_split_there() -> None:
    check(f"""
        {TIERS}
        used  498m  tiers
        call  442079460000  5m  0.085
    """)
    check(f"""
        {TIERS}
        used  498.5m  tiers
        call  442079460000  4m  0.0675
    """)


def test_a_call_that_begins_or_ends_at_a_cut_point_has_one_part() -> None:
    tiers = (Tier(500, 2), Tier(None, 1))

    parts = [parts_of(tiers, TierMode.GRADUATED, before=before, seconds=60) for before in (440, 500, 470)]

    assert [[(part.seconds, part.minute, part.reason) for part in each] for each in parts] == [
        [(60, 2_000_000, "tier up to 500 s")],
        [(60, 1_000_000, "last tier")],
        [(30, 2_000_000, "tier up to 500 s"), (30, 1_000_000, "last tier")],
    ]


def test_by_volume_a_call_has_the_price_of_the_tier_that_its_last_second_reaches() -> None:
    check(f"""
        {VOLUME}
        used  499m  tiers
        call  442079460000  1m  0.02
        call  442079460000  1s  0.00025
        call  442079460000  1m  0.015
    """)


def test_by_volume_the_rest_is_one_adjustment_when_the_period_closes() -> None:
    check(f"""
        {VOLUME}
        call  442079460000  500m  10
        call  442079460000  100m  1.50
        close  -2.50
    """)
    check(f"""
        {TIERS}
        call  442079460000  500m  10
        call  442079460000  100m  1.50
        close  0
    """)


def test_tiers_are_not_marked_up_and_outrank_the_tariff() -> None:
    check(f"""
        {TIERS}
        markup_percent = "100"
        rate  44  0.30
        call  442079460000  1m  0.02  source package
    """)


def test_free_time_takes_a_customer_into_no_tier() -> None:
    check(f"""
        {TIERS}
        included_seconds_per_period = 6000
        call  442079460000  100m  0     free 6000s
        call  442079460000  500m  10
        call  442079460000  1m    0.015
    """)


def test_a_package_in_tiers_sells_its_own_increments() -> None:
    check("""
        tier  500m  0.60
        tier  rest  0.30
        outbound  0.99  30/6
        call  442079460000  31s  0.36  billed 36s
    """)
    check("""
        tier  500m  0.60
        tier  rest  0.30
        call  442079460000  31s  0.60  billed 60s
    """)


def test_inbound_calls_are_outside_of_the_tiers() -> None:
    check(f"""
        {TIERS}
        bill_inbound = true
        inbound  0.05  60/60
        used  500m  tiers
        in    442079460000  12125551234  1m  0.05  source package
        call  442079460000  1m  0.015
    """)


def test_what_has_another_price_is_outside_of_the_tiers() -> None:
    check(f"""
        {TIERS}
        contract  44    0.05
        special   1900  2/call
        used  499m  tiers
        call  442079460000  10m  0.50  source service
        call  19005551234   10m  2     source special
        call  331400000000  1m   0.02
        call  331400000000  1m   0.015
    """)


tier_lists = some.builds(
    lambda bounds, prices: tuple(map(Tier, [*sorted(bounds), None], prices)),
    some.sets(some.integers(1, 500), max_size=4),
    some.lists(some.integers(0, 10**9), min_size=5, max_size=5),
)


@given(tier_lists, some.lists(some.integers(0, 200), max_size=12))
def test_graduated_calls_add_up_to_the_price_of_their_total(tiers: tuple[Tier, ...], calls: list[int]) -> None:
    """Before rounding; so to split a period at any call changes nothing."""
    before, total = 0, 0
    for seconds in calls:
        parts = parts_of(tiers, TierMode.GRADUATED, before=before, seconds=seconds)
        before += seconds
        total += sum(part.seconds * part.minute for part in parts)

        assert sum(part.seconds for part in parts) == seconds

    assert total == price_of(tiers, TierMode.GRADUATED, before)
    assert total == sum(second_price(tiers, second) for second in range(1, before + 1))


@given(tier_lists, some.integers(1, 2000))
def test_by_volume_every_second_has_the_price_of_the_last(tiers: tuple[Tier, ...], seconds: int) -> None:
    assert price_of(tiers, TierMode.VOLUME, seconds) == seconds * second_price(tiers, seconds)


def second_price(tiers: tuple[Tier, ...], second: int) -> int:
    """Of the n-th second of a period, in exact prices: the first tier that reaches it."""
    return next(t.price for t in tiers if t.up_to_seconds is None or second <= t.up_to_seconds) * 1_000_000
