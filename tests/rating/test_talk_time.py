"""How long a call may last for a balance."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bridge.rating.amount import SIXTIETHS_A_MICRO
from bridge.rating.charge import Charge, rate_call
from bridge.rating.explanation import Explanation
from bridge.rating.level import Pricing
from bridge.rating.packages.package import Package, RatePlan
from bridge.rating.talk_time import talk_seconds
from bridge.rating.usage import Usage
from tests.rating.sheet import Sheet
from tests.rating.worlds import a_world


def pricing_of(sheet: str) -> tuple[Pricing, Package]:
    read = Sheet.read(f"{sheet}\ncall  442079460000  0s  0")
    terms = read.terms()
    pricing = told(rate_call(read.calls[0][0], terms, Usage())).pricing
    assert pricing is not None
    return pricing, terms.package


@pytest.mark.parametrize(
    ("sheet", "balance", "free", "seconds"),
    [
        ("rate  44  0.12  30/6  setup 0.05", 1_000_000, 0, 474),
        ("rate  44  0.12  30/6  setup 0.05", 1_000_000, 60, 534),
        ("rate  44  0.12  30/6  setup 0.05", 110_000, 0, 30),
        ("rate  44  0.12  30/6  setup 0.05", 109_999, 0, 0),
        ("rate  44  0.12  30/6  setup 0.05", 0, 0, 0),
        ("rate  44  0.12  30/6  setup 0.05", 0, 60, 60),
        ("rate  44  0.12  30/6  setup 0.05", -1, 60, 60),
        ("rate  44  0.12  1/1", 1_000_000, 0, 500),
        ("rate  44  0.12  1/1  setup 0.05", 250_000, 0, 100),
        ("rate  44  0.12  1/1  setup 0.05", 249_999, 0, 99),
        ('overage_per_minute = "0.24"\nspecial  44  0.12/min  step 1s', 1_000_000, 0, 500),
        ('overage_per_minute = "0.24"\nbundle  44  0m  0.12  1/1', 1_000_000, 0, 500),
        ("rate  44  0.12  1/1  min 1.01", 1_000_000, 0, 0),
        ("rate  44  0.12  1/1  grace 5s", 0, 0, 5),
        ("rate  44  0.12  1/1  least 30s", 59_999, 0, 0),
        ("rate  44  0.12  1/1  least 30s", 60_000, 0, 30),
        ("rate  44  0  1/1", 0, 0, None),
        ("rate  44  0  1/1  setup 0.05", 49_999, 0, 0),
        ("rate  44  0  1/1  setup 0.05", 50_000, 0, None),
        ('overage_per_minute = "0.24"\nrate  44  0.12  1/1', 1_000_000, 0, 250),
        ("tier  500m  0.12\ntier  rest  0.24\noutbound  -  1/1", 1_000_000, 0, 250),
    ],
)
def test_a_balance_holds_whole_blocks_and_steps(sheet: str, balance: int, free: int, seconds: int | None) -> None:
    pricing, package = pricing_of(sheet)

    assert talk_seconds(pricing, package, balance, free_seconds=free) == seconds


@given(some.integers(0, 2**32), some.integers(0, 10**7))
def test_a_call_as_long_as_its_balance_holds_is_paid_and_a_second_more_would_not_be(seed: int, balance: int) -> None:
    world = a_world(Random(seed), calls=5)
    ordinary = replace(
        world.package,
        rate_plan=RatePlan.TARIFF,
        included_seconds=0,
        free_seconds_per_call=0,
        destinations=(),
        overage_price=None,
    )
    terms = replace(world, package=ordinary).terms()
    for call in world.calls:
        pricing = told(rate_call(call, terms, Usage())).pricing
        seconds = talk_seconds(pricing, ordinary, balance) if pricing else None
        if seconds is not None:
            paid, unpaid = (rate_call(replace(call, seconds=each), terms, Usage()) for each in (seconds, seconds + 1))
            assert told(paid).amount <= balance * SIXTIETHS_A_MICRO < told(unpaid).amount


def told(charge: Charge) -> Explanation:
    assert isinstance(charge.explanation, Explanation)
    return charge.explanation
