"""The plain engine against the rules in fractions: the same answer, to the micro-unit."""

from __future__ import annotations

import os
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bridge.rating import tiers
from bridge.rating.charge import Charge, rate_call
from bridge.rating.usage import Usage
from tests.rating.oracle import Answer, Oracle
from tests.rating.worlds import CHANGE, World, a_world

worlds = some.integers(0, 2**32).map(lambda seed: a_world(Random(seed)))


def rated(world: World) -> tuple[list[Charge], Usage]:
    terms, usage = world.terms(), world.usage()
    calls = sorted(world.calls, key=lambda call: (call.moment, call.id))
    return [rate_call(call, terms, usage) for call in calls], usage


def an_answer(charge: Charge) -> Answer:
    source = charge.source.value if charge.source else ""
    return Answer(
        charge.call_id,
        charge.cls.value,
        source,
        charge.prefix,
        charge.billed_seconds,
        charge.free_seconds,
        charge.micro,
    )


def assert_agrees(world: World) -> int:
    oracle = Oracle(
        world.package,
        world.site,
        world.rows,
        world.inbound_rows,
        world.contracts,
        later=None if world.later_rows is None else (CHANGE, world.later_rows),
        zone=world.zone,
        granted=world.granted,
        rolled_over=sum(world.rolled_over),
    )
    charges, usage = rated(world)

    assert [an_answer(charge) for charge in charges] == oracle.rate_all(world.calls)
    assert tiers.adjustment(world.package, usage) == oracle.adjustment()
    return len(charges)


@given(worlds)
def test_a_call_costs_what_the_rules_say_in_fractions(world: World) -> None:
    assert_agrees(world)


@pytest.mark.proof
def test_a_million_calls_cost_what_the_rules_say_in_fractions() -> None:
    chance = Random(int(os.environ.get("SEED", "1")))
    rated_calls = 0
    while rated_calls < 1_000_000:
        rated_calls += assert_agrees(a_world(chance, calls=200))
