"""What holds for every call, whatever the package: laws instead of examples."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from random import Random
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bridge.rating.call import Call, CallClass, Direction
from bridge.rating.charge import Charge, rate_call
from bridge.rating.explanation import Explanation, recompute
from bridge.rating.packages.package import Special, TierMode
from bridge.rating.price import rounded
from bridge.rating.rate import Rate
from bridge.rating.telling import sentences
from bridge.rating.usage import Usage
from tests.rating.sheet import Sheet
from tests.rating.worlds import PREFIXES, World, a_world

worlds = some.integers(0, 2**32).map(lambda seed: a_world(Random(seed)))


def rated(world: World, calls: tuple[Call, ...] | None = None) -> dict[str, Charge]:
    terms, usage = world.terms(), Usage()
    return {call.id: rate_call(call, terms, usage) for call in (world.calls if calls is None else calls)}


def explanation_of(charge: Charge) -> Explanation:
    assert isinstance(charge.explanation, Explanation)
    return charge.explanation


@given(worlds)
def test_a_charge_is_computed_again_from_its_explanation_alone(world: World) -> None:
    for charge in rated(world).values():
        document = json.loads(json.dumps(charge.explanation.document()))

        assert recompute(document) == charge.micro
        assert all(sentences(document))


@given(worlds)
def test_covered_and_charged_seconds_are_the_billed_ones(world: World) -> None:
    for charge in rated(world).values():
        told = explanation_of(charge)
        charged = sum(part.seconds for part in told.parts)

        assert charge.free_seconds == told.free_per_call + sum(part.seconds for part in told.covered)
        assert charge.free_seconds + charged == charge.billed_seconds
        if told.pricing is not None and charge.billed_seconds:
            steps = told.pricing.increments
            assert charge.billed_seconds >= told.call.seconds
            if not steps.min_seconds:
                assert charge.billed_seconds - told.call.seconds < max(steps.first_seconds, steps.step_seconds)


@given(worlds, some.integers(0, 700), some.integers(1, 700))
def test_a_longer_call_is_not_cheaper(world: World, seconds: int, more: int) -> None:
    package = replace(world.package, tier_mode=TierMode.GRADUATED)
    terms = replace(world, package=package).terms()
    for call in world.calls:
        shorter = rate_call(replace(call, seconds=seconds), terms, Usage())
        longer = rate_call(replace(call, seconds=seconds + more), terms, Usage())

        assert shorter.cls == longer.cls
        assert (shorter.micro or 0) <= (longer.micro or 0)


@given(worlds)
def test_the_same_call_in_the_same_place_costs_the_same(world: World) -> None:
    terms, usage = world.terms(), Usage()
    for call in world.calls:
        before = usage.copy()
        once, twice = rate_call(call, terms, usage), rate_call(call, terms, before)

        assert once == twice
        assert usage == before


@given(worlds)
def test_the_order_of_calls_that_share_nothing_does_not_matter(world: World) -> None:
    package = replace(world.package, included_seconds=0, destinations=(), tiers=world.package.tiers[-1:])
    world = replace(world, package=package, calls=world.calls[:4])

    amounts = [
        {key: charge.micro for key, charge in rated(world, calls).items()} for calls in permutations(world.calls)
    ]

    assert all(each == amounts[0] for each in amounts)


@given(worlds, some.sampled_from(PREFIXES), some.integers(0, 10**10))
def test_a_new_row_changes_only_numbers_that_begin_with_it(world: World, prefix: str, price: int) -> None:
    rows = tuple(row for row in world.rows or () if row.prefix != prefix)
    package = replace(world.package, included_seconds=0, destinations=(), tiers=world.package.tiers[-1:])
    world = replace(world, rows=rows, package=package)
    before, after = rated(world), rated(replace(world, rows=(*rows, Rate(prefix, price))))

    for key, charge in before.items():
        digits = explanation_of(charge).meaning.digits
        if explanation_of(charge).call.direction is not Direction.OUTBOUND or not digits.startswith(prefix):
            assert after[key].micro == charge.micro


@given(worlds)
def test_no_call_pays_its_caller_and_none_without_an_answer_costs_anything(world: World) -> None:
    for charge in rated(world).values():
        assert charge.micro is None or charge.micro >= 0
        if explanation_of(charge).call.seconds == 0:
            assert charge.billed_seconds == charge.free_seconds == charge.micro == 0
        if charge.micro is None:
            assert charge.cls in (CallClass.UNRATED, CallClass.INVALID, CallClass.SHORT)


@given(worlds)
def test_a_charge_has_no_more_decimals_than_its_package(world: World) -> None:
    unit = 10 ** (6 - world.package.cost_decimals)
    for charge in rated(world).values():
        assert (charge.micro or 0) % unit == 0


@given(some.integers(-(10**20), 10**20), some.integers(1, 10**20))
def test_a_reversal_is_exactly_the_opposite_of_its_charge(numerator: int, denominator: int) -> None:
    assert rounded(numerator, denominator) + rounded(-numerator, denominator) == 0


@pytest.mark.parametrize(
    "dialled", ["+442079460000", "00442079460000", "442079460000", "02079460000", "(020) 7946-0000"]
)
def test_a_destination_costs_the_same_however_it_is_dialled(dialled: str) -> None:
    sheet = Sheet.read("""
        country = "GB"
        local_prefix = true
        included_seconds_per_period = 60
        included_scope = { countries = ["GB"] }
        rate  44    0.05  60/60
        rate  4420  0.10  60/60
        call  442079460000  90s  0.10  number 442079460000  prefix 4420  free 60s
    """)
    sheet.calls = [(replace(call, called=dialled), *rest) for call, *rest in sheet.calls]  # type: ignore[misc]  # rows of two lengths

    sheet.check()


@given(worlds, some.integers(1, 10**6))
def test_when_a_call_was_made_changes_nothing_where_no_price_has_a_date(world: World, seconds: int) -> None:
    world = replace(
        world,
        package=replace(world.package, special_numbers=tuple(map(dateless, world.package.special_numbers))),
        rows=tuple(replace(dateless(row), band=None) for row in world.rows or ()),
        later_rows=None,
        inbound_rows=None,
    )
    later = tuple(replace(call, start=call.start + timedelta(seconds=seconds), answer=None) for call in world.calls)

    assert [charge.micro for charge in rated(world).values()] == [
        charge.micro for charge in rated(world, later).values()
    ]


Dated = TypeVar("Dated", Rate, Special)


def dateless(value: Dated) -> Dated:
    return replace(value, effective_from=None, effective_to=None)
