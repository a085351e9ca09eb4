"""Two engines, one answer: calls by the column against calls one by one."""

from __future__ import annotations

import os
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from bridge.rating.call import Call, Direction
from bridge.rating.charge import rate_call
from bridge.rating.decks.rows import PRICE_MAX
from bridge.rating.packages.package import OwnPrice, Package, PackageType, RatePlan, Tier, TierMode
from bridge.rating.rate import Rate
from tests.rating.columns import line_of, rated_in_bulk
from tests.rating.worlds import NOON, World, a_world

worlds = some.randoms(use_true_random=False).map(a_world)


def from_a_file(world: World) -> World:
    """With what a file of calls can say of them."""
    calls = (replace(call, by_gateway=True, description="", in_conference=False) for call in world.calls)
    return replace(world, calls=tuple(calls))


def assert_agrees(world: World, *, block: int = 1 << 18) -> int:
    world = from_a_file(world)
    terms, usage, plain_usage = world.terms(), world.usage(), world.usage()
    calls = sorted(world.calls, key=lambda call: (call.moment, call.id))
    one_by_one = {call.id: line_of(rate_call(call, terms, plain_usage), terms) for call in calls}

    assert rated_in_bulk(world.calls, world.terms(), usage, block=block) == [
        one_by_one[call.id] for call in world.calls
    ]
    assert usage == plain_usage
    return len(calls)


@settings(deadline=None)
@given(worlds, some.sampled_from([1, 3, 1 << 18]))
def test_both_engines_say_the_same(world: World, block: int) -> None:
    assert_agrees(world, block=block)


@pytest.mark.proof
def test_both_engines_say_the_same_of_a_million_calls() -> None:
    chance = Random(int(os.environ.get("SEED", "1")))
    rated_calls = 0
    while rated_calls < 1_000_000:
        rated_calls += assert_agrees(a_world(chance, calls=400), block=chance.choice((1, 7, 1 << 18)))


def a_large_world(price: int, seconds: int, **package: Any) -> World:
    """One row, and calls that last."""
    world = a_world(Random(1))
    calls = tuple(
        Call(f"c{place}", Direction.OUTBOUND, "", "442079460000", NOON, length)
        for place, length in enumerate((seconds, 61, seconds, 1))
    )
    bare = Package("large", 1, PackageType.METERED, "VND", "GB")
    rows = (Rate("44", price, setup=price, min_cost=3 * price),)
    return replace(world, package=replace(bare, **package), rows=rows, inbound_rows=None, contracts=(), calls=calls)


TIERS = (Tier(60, PRICE_MAX), Tier(None, PRICE_MAX - 1))


@pytest.mark.parametrize(
    "package",
    [
        {},
        {"markup": 333_333, "adder": 1},
        {"cost_decimals": 0},
        {"overage_price": PRICE_MAX, "included_seconds": 60},
        {"rate_plan": RatePlan.TIERED, "tiers": TIERS},
        {"rate_plan": RatePlan.TIERED, "tiers": TIERS, "tier_mode": TierMode.VOLUME, "included_seconds": 90},
        {"rate_plan": RatePlan.FLAT, "outbound": OwnPrice(PRICE_MAX)},
    ],
)
@pytest.mark.parametrize("price", [10**10, 123456789 * 10**8 + 1, 2**61, PRICE_MAX])
@pytest.mark.parametrize("seconds", [3600, 10**6 + 1, 999_999_999])
def test_no_price_and_no_call_is_too_large(package: dict[str, Any], price: int, seconds: int) -> None:
    assert_agrees(a_large_world(price, seconds, **package))
