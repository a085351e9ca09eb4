"""The reference driver keeps the promises of every driver, and some of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import BridgeError, Conflict, NotFound, NotReached, OutcomeUnknown, Refused
from bridge.pbx.comparison import differences
from bridge.pbx.driver import CallRecord, Capabilities, Check, Extension, Gateway, Number, Tenant
from bridge.pbx.memory import EVERYTHING, MemoryPbx
from tests.pbx.contract import DOMAIN, OURS, DriverContract, a_call, a_tenant


class MemoryHand:
    """The operator of a PBX in memory."""

    def __init__(self, pbx: MemoryPbx) -> None:
        self.pbx = pbx
        self.see = pbx.by_hand.see
        self.add = pbx.by_hand.add
        self.change = pbx.by_hand.change

    def ring(self, call: CallRecord) -> None:
        self.pbx.by_hand.ring(call)

    def outside_calls(self) -> int:
        return self.pbx.trouble.calls

    def fail(self, nth: int, error: BridgeError, *, after_effect: bool) -> None:
        self.pbx.trouble.fail(nth, error, after_effect=after_effect)


class TestMemory(DriverContract):
    @pytest.fixture
    def pbx(self) -> MemoryPbx:
        return MemoryPbx()

    @pytest.fixture
    def hand(self, pbx: MemoryPbx) -> MemoryHand:
        return MemoryHand(pbx)


class TestMemoryThatCanDoLittle(DriverContract):
    """The contract asks no more of a PBX than it says it can do."""

    @pytest.fixture
    def pbx(self) -> MemoryPbx:
        return MemoryPbx(
            Capabilities(dial_restrict=False, objects=frozenset({"extensions", "numbers"}), secrets_readable=False)
        )

    @pytest.fixture
    def hand(self, pbx: MemoryPbx) -> MemoryHand:
        return MemoryHand(pbx)


def test_in_an_outage_nothing_arrives_and_nothing_changes() -> None:
    pbx = MemoryPbx()
    tenant = a_tenant(EVERYTHING)
    pbx.put(tenant)
    pbx.trouble.outage = True
    for attempt in (
        lambda: pbx.find(DOMAIN),
        lambda: pbx.put(replace(tenant, enabled=False)),
        lambda: pbx.remove(tenant),
        lambda: pbx.calls(""),
        lambda: pbx.domains(),
    ):
        with pytest.raises(NotReached):
            attempt()
    failed = list(pbx.checks())
    pbx.trouble.clear()

    assert {check.status for check in failed} == {"fail"}
    assert pbx.find(DOMAIN) is not None
    assert pbx.find(DOMAIN) == pbx.by_hand.see(DOMAIN)


def test_a_number_belongs_to_one_tenant_of_a_pbx() -> None:
    pbx = MemoryPbx()
    pbx.put(Tenant("one.example.com", "m-1", numbers=(Number("442079460101"),)))
    with pytest.raises(Conflict, match=r"belongs to one\.example\.com"):
        pbx.put(Tenant("two.example.com", "m-2", numbers=(Number("442079460101"),)))


def test_a_cursor_of_another_pbx_is_refused() -> None:
    pbx = MemoryPbx()
    pbx.by_hand.ring(a_call("1"))
    for cursor in ("call-2", "call--1", "call-x", "17", "call-1 "):
        with pytest.raises(Refused):
            pbx.calls(cursor)


def test_objects_are_made_before_what_points_at_them() -> None:
    """A write that fails between two objects never leaves a route to a gateway that is not there."""
    pbx = MemoryPbx()
    tenant = a_tenant(EVERYTHING)
    for nth in range(1, 9):
        pbx.trouble.fail(nth, NotReached("cut"))
        with pytest.raises(NotReached):
            pbx.put(tenant)
        seen = pbx.by_hand.see(DOMAIN) or Tenant(DOMAIN)
        names = {each.name for each in seen.gateways}
        extensions = {each.number for each in seen.extensions}

        assert {each.gateway for each in seen.routes} <= names
        assert {each.target for each in seen.numbers} <= extensions
        pbx.by_hand.remove(DOMAIN)


def test_the_operator_may_disable_rename_and_remove() -> None:
    pbx = MemoryPbx()
    pbx.put(Tenant(DOMAIN, OURS, extensions=(Extension("101", "Ann"),)))
    pbx.by_hand.enable(DOMAIN, "101", enabled=False)
    pbx.by_hand.rename(DOMAIN, "101", name="Front desk")
    seen = pbx.by_hand.see(DOMAIN)

    assert seen is not None
    assert seen.extensions == (Extension("101", "Front desk", enabled=False),)
    with pytest.raises(NotFound):
        pbx.by_hand.enable(DOMAIN, "999", enabled=True)
    pbx.by_hand.remove(DOMAIN)
    assert pbx.by_hand.domains() == []


def test_a_check_can_be_broken_on_purpose() -> None:
    pbx = MemoryPbx()
    pbx.broken_checks["allow_list"] = Check("allow_list", "fail", 3, "203.0.113.9 is not listed", "list it")

    assert [check.name for check in pbx.checks() if check.status == "fail"] == ["allow_list"]


def test_many_threads_leave_every_tenant_whole() -> None:
    pbx = MemoryPbx()
    tenants = [Tenant(f"t{each}.example.com", f"m-{each}", extensions=(Extension("101"),)) for each in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(pbx.put, tenants * 3))

    assert [pbx.by_hand.see(each.domain) for each in tenants] == tenants


names = st.sampled_from(["101", "102", "103"])
wanted_tenants = st.builds(
    lambda extensions, gateways, outbound, limit: Tenant(
        DOMAIN,
        OURS,
        outbound=outbound,
        extensions=tuple(extensions),
        gateways=tuple(Gateway(name, "sip.example.com") for name in sorted(gateways)),
        limits=(("extensions", limit),) if limit else (),
    ),
    st.lists(
        st.builds(Extension, names, st.sampled_from(["Ann", "Bob"]), enabled=st.booleans()),
        unique_by=lambda each: each.number,
        max_size=3,
    ),
    st.sets(names, max_size=2),
    st.booleans(),
    st.integers(0, 3),
)


@settings(max_examples=150)
@given(
    st.lists(st.tuples(wanted_tenants, st.integers(1, 9), st.booleans(), st.booleans()), max_size=5),
    wanted_tenants,
)
def test_whatever_happened_before_the_last_wish_is_what_is_there(
    history: list[tuple[Tenant, int, bool, bool]], wish: Tenant
) -> None:
    """R-73, over random histories: wishes cut anywhere, before or after their effect, removals among them."""
    pbx = MemoryPbx()
    for tenant, nth, after_effect, removed in history:
        pbx.trouble.fail(nth, OutcomeUnknown("cut"), after_effect=after_effect)
        with suppress(OutcomeUnknown):
            pbx.remove(tenant) if removed else pbx.put(tenant)
        pbx.trouble.clear()
    pbx.put(wish)
    found = pbx.find(DOMAIN)

    assert found is not None
    assert differences(wish, found, EVERYTHING) == ()
