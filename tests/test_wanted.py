"""F-10: what is wanted of a tenant is the sum of its services; and products 11-F: a hand on the PBX is respected."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.pbx.driver import Extension, Gateway, Number, Route, Tenant
from bridge.wanted import (
    NOTHING_HELD,
    Contribution,
    Held,
    Status,
    SuspendPolicy,
    held_by_hand,
    respecting,
    sum_of_limits,
    switched_off,
    tenant_from,
)

SERVICES = (1, 2, 3)
STRICTNESS = [SuspendPolicy.DIAL_RESTRICT, SuspendPolicy.GATEWAY, SuspendPolicy.EXTENSIONS, SuspendPolicy.DOMAIN]
MEMBERS = {"extensions": "number", "gateways": "name", "numbers": "e164", "routes": "name"}


def a_tenant(*owners: int | None) -> Tenant:
    """One object of each kind for each owner; None is the tenant's own."""
    return Tenant(
        "acme.example",
        marker="ours",
        extensions=tuple(Extension(f"10{place}", service_id=owner) for place, owner in enumerate(owners)),
        gateways=tuple(Gateway(f"g{place}", "sip.example", service_id=owner) for place, owner in enumerate(owners)),
        numbers=tuple(Number(f"4420794600{place:02}", service_id=owner) for place, owner in enumerate(owners)),
        routes=tuple(Route(f"r{place}", "^1", f"g{place}", service_id=owner) for place, owner in enumerate(owners)),
    )


def each_object(tenant: Tenant) -> dict[tuple[str, str], Any]:
    return {(member, getattr(one, key)): one for member, key in MEMBERS.items() for one in getattr(tenant, member)}


OWNERS = st.lists(st.sampled_from([None, *SERVICES]), max_size=5)
CONTRIBUTIONS = st.lists(
    st.builds(
        Contribution,
        service_id=st.sampled_from(SERVICES),
        status=st.sampled_from(Status),
        policy=st.sampled_from(SuspendPolicy),
        limits=st.dictionaries(st.sampled_from(["extensions", "dids", "queues"]), st.integers(0, 9)).map(
            lambda limits: tuple(sorted(limits.items()))
        ),
    ),
    max_size=3,
    unique_by=lambda each: each.service_id,
)


# --- the sum, against an oracle that asks each thing by itself -------------------------------------------------------


def should_be_on(member: str, owner: int | None, contributions: list[Contribution]) -> bool:
    """Whether one object is on, in the words of F-10."""
    alive = [each for each in contributions if each.status is not Status.TERMINATED]
    if not alive:
        return True  # the tenant is off as a whole; nothing in it needs to be
    mine = [each for each in contributions if each.service_id == owner]
    if mine and mine[0].status is Status.TERMINATED:
        return False
    if all(each.status is Status.SUSPENDED for each in alive):
        strictest = max((each.policy for each in alive), key=STRICTNESS.index)
        taken = {SuspendPolicy.GATEWAY: "gateways", SuspendPolicy.EXTENSIONS: "extensions"}.get(strictest)
        return member != taken
    if mine and mine[0].status is Status.SUSPENDED:
        strict = mine[0].policy in (SuspendPolicy.EXTENSIONS, SuspendPolicy.DOMAIN)
        return not (strict and member in ("extensions", "numbers"))
    return True


def may_dial_out(owner: int | None, contributions: list[Contribution]) -> bool:
    """Whether an extension by itself may: a service suspended among others loses its own outbound calls only."""
    alive = [each for each in contributions if each.status is not Status.TERMINATED]
    mine = [each for each in alive if each.service_id == owner and each.status is Status.SUSPENDED]
    mild = bool(mine) and mine[0].policy in (SuspendPolicy.DIAL_RESTRICT, SuspendPolicy.GATEWAY)
    return not (mild and any(each.status is Status.ACTIVE for each in alive))


@settings(max_examples=200, deadline=None)
@given(owners=OWNERS, contributions=CONTRIBUTIONS)
def test_f_10_every_object_is_as_its_owner_and_the_others_make_it(
    owners: list[int | None], contributions: list[Contribution]
) -> None:
    wanted = tenant_from(a_tenant(*owners), contributions)

    for (member, _), one in each_object(wanted).items():
        assert one.enabled is should_be_on(member, one.service_id, contributions)
    for extension in wanted.extensions:
        assert extension.outbound is may_dial_out(extension.service_id, contributions)


@settings(max_examples=200, deadline=None)
@given(owners=OWNERS, contributions=CONTRIBUTIONS)
def test_f_10_the_tenant_as_a_whole_is_restricted_only_when_all_its_services_are(
    owners: list[int | None], contributions: list[Contribution]
) -> None:
    wanted = tenant_from(a_tenant(*owners), contributions)
    alive = [each for each in contributions if each.status is not Status.TERMINATED]
    suspended = [each for each in alive if each.status is Status.SUSPENDED]
    strictest = max((each.policy for each in suspended), key=STRICTNESS.index, default=None)

    if not alive:
        assert not wanted.enabled
    elif len(suspended) < len(alive):
        assert (wanted.enabled, wanted.outbound) == (True, True)
    else:
        assert wanted.enabled is (strictest is not SuspendPolicy.DOMAIN)
        assert wanted.outbound is (strictest is not SuspendPolicy.DIAL_RESTRICT)


@settings(max_examples=100, deadline=None)
@given(owners=OWNERS, contributions=CONTRIBUTIONS)
def test_nothing_but_switches_and_limits_is_touched(
    owners: list[int | None], contributions: list[Contribution]
) -> None:
    """A suspension changes no name, no password and no target, and takes nothing away."""
    plain = a_tenant(*owners)
    wanted = tenant_from(plain, contributions)
    as_before = {
        member: tuple(
            replace(one, enabled=True, **({"outbound": True} if member == "extensions" else {}))
            for one in getattr(wanted, member)
        )
        for member in MEMBERS
    }

    assert replace(wanted, enabled=True, outbound=True, limits=(), **as_before) == plain  # type: ignore[arg-type]  # tuples of four kinds


@settings(max_examples=100, deadline=None)
@given(contributions=CONTRIBUTIONS)
def test_limits_add_up_and_one_without_a_limit_is_unlimited(contributions: list[Contribution]) -> None:
    summed = dict(sum_of_limits(contributions))

    for name in ("extensions", "dids", "queues"):
        if contributions and all(name in dict(each.limits) for each in contributions):
            assert summed[name] == sum(dict(each.limits)[name] for each in contributions)
        else:
            assert name not in summed


@settings(max_examples=50, deadline=None)
@given(owners=OWNERS, contributions=CONTRIBUTIONS, seed=st.randoms(use_true_random=False))
def test_the_order_of_services_says_nothing(
    owners: list[int | None], contributions: list[Contribution], seed: Any
) -> None:
    shuffled = list(contributions)
    seed.shuffle(shuffled)

    assert tenant_from(a_tenant(*owners), shuffled) == tenant_from(a_tenant(*owners), contributions)


# --- the hand --------------------------------------------------------------------------------------------------------


class Pbx:
    """A PBX as small as can be: what was put is there; a hand may switch things; an answer may be lost half-way."""

    def __init__(self, plain: Tenant) -> None:
        self.plain = plain
        self.actual: Tenant | None = None
        self.applied: Tenant | None = None
        self.held, self.begun = NOTHING_HELD, NOTHING_HELD

    def make(self, *contributions: Contribution, fails_after: int | None = None) -> None:
        """One attempt, as a worker makes it; `fails_after` so many objects the answer is lost."""
        wanted = tenant_from(self.plain, contributions)
        held = held_by_hand(self.held, applied=self.applied, actual=self.actual, begun=self.begun)
        tenant = respecting(held, wanted)
        off = switched_off(self.begun, applied=self.applied, actual=self.actual, tenant=tenant)
        if off != NOTHING_HELD:
            self.held, self.begun = held, off
        if fails_after is not None:
            self.actual = self._partly(tenant, fails_after)
            return
        self.actual = self.applied = tenant
        self.held, self.begun = held, NOTHING_HELD

    def switch(self, member: str, key: str, *, on: bool) -> None:
        assert self.actual is not None
        things = tuple(
            replace(one, enabled=on) if getattr(one, MEMBERS[member]) == key else one
            for one in getattr(self.actual, member)
        )
        self.actual = replace(self.actual, **{member: things})  # type: ignore[arg-type]  # one of four kinds of tuple

    def on(self) -> dict[tuple[str, str], bool]:
        assert self.actual is not None
        return {key: one.enabled for key, one in each_object(self.actual).items()}

    def _partly(self, tenant: Tenant, count: int) -> Tenant:
        """Only the first so many objects were reached; the tenant's own switches come last."""
        if self.actual is None:
            return tenant
        reached = list(each_object(tenant))[:count]
        before, after = each_object(self.actual), each_object(tenant)
        mixed: dict[str, Any] = {
            member: tuple(
                after[member, name] if (member, name) in reached else before[member, name]
                for name in (getattr(one, key) for one in getattr(tenant, member))
            )
            for member, key in MEMBERS.items()
        }
        return replace(self.actual, **mixed)


def active(service_id: int = 1) -> Contribution:
    return Contribution(service_id, Status.ACTIVE)


def suspended(policy: SuspendPolicy, service_id: int = 1) -> Contribution:
    return Contribution(service_id, Status.SUSPENDED, policy)


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "shared"])
@pytest.mark.parametrize("policy", list(SuspendPolicy))
@pytest.mark.parametrize("member", list(MEMBERS))
def test_11_f_what_a_hand_switched_off_stays_off_through_suspend_and_unsuspend(
    member: str, policy: SuspendPolicy, shared: bool
) -> None:
    others = [active(2)] if shared else []
    pbx = Pbx(a_tenant(1, 1, 2))
    pbx.make(active(), *others)
    (_, key), *_ = [each for each in each_object(pbx.plain) if each[0] == member]
    pbx.switch(member, key, on=False)

    pbx.make(suspended(policy), *others)
    pbx.make(active(), *others)
    pbx.make(suspended(policy), *others)
    pbx.make(active(), *others)

    assert pbx.on() == {each: each != (member, key) for each in each_object(pbx.plain)}


@pytest.mark.parametrize("policy", list(SuspendPolicy))
@pytest.mark.parametrize("member", list(MEMBERS))
def test_11_f_what_a_hand_switched_on_again_is_free_again(member: str, policy: SuspendPolicy) -> None:
    pbx = Pbx(a_tenant(1, 1))
    pbx.make(active())
    (_, key), *_ = [each for each in each_object(pbx.plain) if each[0] == member]
    pbx.switch(member, key, on=False)
    pbx.make(active())
    pbx.switch(member, key, on=True)

    pbx.make(suspended(policy))
    pbx.make(active())

    assert all(pbx.on().values())
    assert pbx.held == NOTHING_HELD


@pytest.mark.parametrize("policy", list(SuspendPolicy))
def test_11_f_a_tenant_that_a_hand_switched_off_stays_off(policy: SuspendPolicy) -> None:
    pbx = Pbx(a_tenant(1))
    pbx.make(active())
    assert pbx.actual is not None
    pbx.actual = replace(pbx.actual, enabled=False)
    pbx.make(suspended(policy))
    pbx.make(active())
    off = pbx.actual
    pbx.actual = replace(pbx.actual, enabled=True)
    pbx.make(active())

    assert not off.enabled
    assert pbx.actual.enabled


@pytest.mark.parametrize("member", list(MEMBERS))
def test_what_is_switched_on_by_hand_during_a_suspension_is_off_again_and_then_free(member: str) -> None:
    """The suspension is what WHMCS wants; the hand only said that nobody holds it."""
    policy = SuspendPolicy.GATEWAY if member == "gateways" else SuspendPolicy.EXTENSIONS
    pbx = Pbx(a_tenant(1))
    pbx.make(suspended(policy))
    (_, key), *_ = [each for each in each_object(pbx.plain) if each[0] == member]
    was_on = pbx.on()[member, key]
    pbx.switch(member, key, on=True)
    pbx.make(suspended(policy))
    again = pbx.on()[member, key]
    pbx.make(active())

    assert again is was_on
    assert all(pbx.on().values())


@pytest.mark.parametrize("reached", range(9))
@pytest.mark.parametrize("policy", list(SuspendPolicy))
def test_what_we_switched_off_in_an_attempt_that_was_lost_is_nobodys_hand(policy: SuspendPolicy, reached: int) -> None:
    pbx = Pbx(a_tenant(1, 1))
    pbx.make(active())
    pbx.switch("extensions", "101", on=False)

    pbx.make(suspended(policy), fails_after=reached)
    pbx.make(suspended(policy), fails_after=reached)
    pbx.make(suspended(policy))
    pbx.make(active())

    assert pbx.on() == {each: each != ("extensions", "101") for each in each_object(pbx.plain)}


STEPS = st.one_of(
    st.tuples(st.just("want"), st.sampled_from([None, *SuspendPolicy]), st.sampled_from([None, 0, 1, 2, 3, 5, 8])),
    st.tuples(st.sampled_from(["off", "on"]), st.integers(0, 7), st.just(None)),
)


@settings(max_examples=200, deadline=None)
@given(history=st.lists(STEPS, max_size=25))
@example(  # let go by a hand, then switched off by us in an attempt that was lost
    history=[
        ("off", 0, None),
        ("off", 1, None),
        ("want", None, None),
        ("on", 0, None),
        ("want", SuspendPolicy.EXTENSIONS, 1),
    ]
)
def test_after_any_history_an_active_service_has_all_but_what_a_hand_last_switched_off(
    history: list[tuple[str, Any, int | None]],
) -> None:
    """The oracle only remembers what was on when a hand switched it off, and what a hand switched on since.

    What a hand does and undoes between two looks nobody can see: switching on what a suspension holds off, and off
    again, leaves no trace. A hand that is at work while an answer is missing is left out for the same reason.
    """
    pbx = Pbx(a_tenant(1, 1))
    pbx.make(active())
    names = list(each_object(pbx.plain))
    off_by_hand: set[tuple[str, str]] = set()
    policy: SuspendPolicy | None = None
    left_on, known_off = pbx.on(), set[tuple[str, str]]()
    for word, what, fails_after in history:
        if word == "want":
            policy = what
            wish = active() if policy is None else suspended(policy)
            if fails_after is not None:
                pbx.make(wish, fails_after=fails_after)
            pbx.make(wish)
            left_on, known_off = pbx.on(), set(off_by_hand)
        else:
            name = names[what]
            if word == "off" and pbx.on()[name] and (left_on[name] or name in known_off):
                off_by_hand.add(name)
            elif word == "on":
                off_by_hand.discard(name)
            pbx.switch(*name, on=word == "on")
    pbx.make(active())

    assert pbx.on() == {name: name not in off_by_hand for name in names}
    assert pbx.actual is not None
    assert (pbx.actual.enabled, pbx.actual.outbound) == (True, True)


def test_a_tenant_that_is_not_there_holds_nothing() -> None:
    held = Held(tenant=True, extensions=frozenset({"100"}))

    assert held_by_hand(held, applied=a_tenant(1), actual=None) == NOTHING_HELD


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.SUSPENDED, Status.TERMINATED])
def test_a_tenant_reaches_the_numbers_for_help_of_all_its_services_f19(status: Status) -> None:
    living_here = (
        Contribution(1, Status.ACTIVE, emergency=frozenset({"999", "112"})),
        Contribution(2, status, emergency=frozenset({"911"})),
    )

    assert tenant_from(Tenant("acme.example"), living_here).emergency == {"999", "112", "911"}
