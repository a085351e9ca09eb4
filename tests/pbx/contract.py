"""What every driver promises: the table of `bridge/pbx/driver.py`, row by row, and what failing in between must not do.

A driver's test class inherits `DriverContract` and gives two fixtures: `pbx`, the driver, and `hand`, which acts on the
PBX behind the driver's back. A driver that cannot do something says so in its capabilities and the test asks for less.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from bridge.errors import BridgeError, Conflict, NotReached, OutcomeUnknown, Refused
from bridge.pbx.comparison import differences, hash_of, unmet
from bridge.pbx.driver import CallRecord, Capabilities, Driver, Extension, Gateway, Number, Route, Tenant
from bridge.secret import Secret
from tests.canary import CANARY

OURS = "5b0e6d5e-0000-5000-8000-000000000001"
THEIRS = "5b0e6d5e-0000-5000-8000-000000000002"
DOMAIN = "acme.pbx.example.com"

BEFORE = "before its effect"
AFTER = "after its effect"


class Hand(Protocol):
    """What an operator, a telephone and bad luck do to the PBX."""

    def see(self, domain: str) -> Tenant | None: ...

    def add(self, tenant: Tenant) -> None: ...

    def change(self, domain: str, change: Callable[[Tenant], Tenant]) -> None: ...

    def ring(self, call: CallRecord) -> None: ...

    def outside_calls(self) -> int:
        """How many times the driver reached outside so far."""
        ...

    def fail(self, nth: int, error: BridgeError, *, after_effect: bool) -> None:
        """Let the nth outside call from now fail."""
        ...


def a_tenant(capabilities: Capabilities, *, domain: str = DOMAIN, marker: str | None = OURS) -> Tenant:
    """As full as the PBX can keep it."""
    keeps = capabilities.objects
    return Tenant(
        domain=domain,
        marker=marker,
        description="Acme Ltd., Zürich",
        admin_username="admin" if "administrator" in keeps else "",
        admin_password=Secret(f"{CANARY}-admin") if "administrator" in keeps else None,
        extensions=(
            Extension("101", "Ann O'Neil", 7, Secret(f"{CANARY}-101"), caller_id="442079460101"),
            Extension("102", "Bob", 7, Secret(f"{CANARY}-102"), voicemail=True),
        )
        * ("extensions" in keeps),
        gateways=(Gateway("carrier", "sip.carrier.example", 7, "acme", Secret(f"{CANARY}-gw"), register=True),)
        * ("gateways" in keeps),
        numbers=(Number("442079460101", "101", 7),) * ("numbers" in keeps),
        routes=(Route("out", r"^\+?(\d{7,15})$", "carrier", 7),) * ("routes" in keeps),
        limits=tuple((name, 10) for name in sorted(capabilities.limits)) if "limits" in keeps else (),
    )


def another_of(tenant: Tenant, capabilities: Capabilities) -> Tenant:
    """The same tenant after a day of changes of every kind: edited, added, gone, restricted."""
    extensions = (
        *(replace(each, name="Ann Smith") for each in tenant.extensions[:1]),
        *((Extension("103", "Cas", 7, Secret(f"{CANARY}-103")),) * bool(tenant.extensions)),
    )
    return replace(
        tenant,
        description="Acme plc",
        outbound=not capabilities.dial_restrict,
        extensions=extensions,
        gateways=tuple(replace(each, host="sip2.carrier.example") for each in tenant.gateways),
        numbers=(Number("442079460103", "103", 7),) * bool(tenant.numbers),
        routes=tuple(replace(each, order=50) for each in tenant.routes),
        limits=tenant.limits[1:],
    )


def a_call(call_id: str, started_at: datetime = datetime(2026, 3, 1, 9, tzinfo=UTC)) -> CallRecord:
    return CallRecord(
        call_id=call_id,
        domain=DOMAIN,
        direction="outbound",
        caller="101",
        callee="442079460999",
        started_at=started_at,
        answered_at=started_at + timedelta(seconds=4),
        ended_at=started_at + timedelta(seconds=64),
        seconds=60,
        extension="101",
        gateway="carrier",
    )


def call_id(number: int) -> str:
    return f"c0ffee00-0000-4000-8000-{number:012d}"


class DriverContract:
    @pytest.fixture
    def pbx(self) -> Driver:
        raise NotImplementedError

    @pytest.fixture
    def hand(self) -> Hand:
        raise NotImplementedError

    @pytest.fixture
    def tenant(self, pbx: Driver) -> Tenant:
        return a_tenant(pbx.capabilities)

    # --- find --------------------------------------------------------------------------------------------------------

    def test_find_of_nothing_is_none(self, pbx: Driver) -> None:
        assert pbx.find(DOMAIN) is None

    def test_find_shows_the_tenant_that_was_put(self, pbx: Driver, tenant: Tenant) -> None:
        pbx.put(tenant)
        found = pbx.find(DOMAIN)

        assert found is not None
        assert differences(tenant, found, pbx.capabilities) == ()
        assert found.marker == OURS

    def test_find_twice_is_the_same(self, pbx: Driver, tenant: Tenant) -> None:
        pbx.put(tenant)

        assert pbx.find(DOMAIN) == pbx.find(DOMAIN)

    def test_find_shows_an_unmarked_tenant_without_a_marker(self, pbx: Driver, hand: Hand) -> None:
        hand.add(a_tenant(pbx.capabilities, marker=None))
        found = pbx.find(DOMAIN)

        assert found is not None
        assert found.marker is None

    def test_find_shows_whose_a_tenant_is(self, pbx: Driver, hand: Hand) -> None:
        hand.add(a_tenant(pbx.capabilities, marker=THEIRS))
        found = pbx.find(DOMAIN)

        assert found is not None
        assert found.marker == THEIRS

    def test_find_keeps_none_of_the_bridges_own_notes(self, pbx: Driver, tenant: Tenant) -> None:
        pbx.put(tenant)
        found = pbx.find(DOMAIN)

        assert found is not None
        notes = [each.service_id for kept in (found.extensions, found.gateways) for each in kept]
        notes += [each.service_id for kept in (found.numbers, found.routes) for each in kept]
        assert set(notes) <= {None}

    # --- put ---------------------------------------------------------------------------------------------------------

    def test_put_makes_a_tenant(self, pbx: Driver, hand: Hand, tenant: Tenant) -> None:
        pbx.put(tenant)

        assert list(pbx.domains()) == [DOMAIN]
        assert hand.see(DOMAIN) is not None

    def test_put_of_what_is_already_so_changes_nothing(self, pbx: Driver, hand: Hand, tenant: Tenant) -> None:
        pbx.put(tenant)
        before, calls = hand.see(DOMAIN), hand.outside_calls()
        pbx.put(tenant)

        assert hand.see(DOMAIN) == before
        assert hand.outside_calls() - calls <= 1 + 4, "it looks, and writes nothing"

    def test_put_makes_ours_match(self, pbx: Driver, tenant: Tenant) -> None:
        pbx.put(tenant)
        changed = another_of(tenant, pbx.capabilities)
        pbx.put(changed)
        found = pbx.find(DOMAIN)

        assert found is not None
        assert differences(changed, found, pbx.capabilities) == ()

    def test_put_of_an_unmarked_tenant_is_a_conflict_unless_told_to_adopt(
        self, pbx: Driver, hand: Hand, tenant: Tenant
    ) -> None:
        hand.add(replace(tenant, marker=None))
        with pytest.raises(Conflict):
            pbx.put(tenant)

        seen = hand.see(DOMAIN)
        assert seen is not None
        assert seen.marker is None

    def test_put_adopts_an_unmarked_tenant_and_takes_nothing_away(
        self, pbx: Driver, hand: Hand, tenant: Tenant
    ) -> None:
        """What people made before the bridge came stays; it is told apart as unknown."""
        hand.add(replace(tenant, marker=None))
        pbx.put(Tenant(DOMAIN, OURS, description="adopted"), adopt=True)
        found = pbx.find(DOMAIN)

        assert found is not None
        assert found.marker == OURS
        assert found.description == "adopted"
        assert hash_of(replace(found, marker=None, description="", admin_username="")) == hash_of(
            replace(tenant, marker=None, description="", admin_username="", limits=found.limits)
        )

    @pytest.mark.parametrize("adopt", [False, True])
    def test_put_of_anothers_tenant_is_a_conflict_even_when_told_to_adopt(
        self, pbx: Driver, hand: Hand, tenant: Tenant, adopt: bool
    ) -> None:
        hand.add(replace(tenant, marker=THEIRS))
        before = hand.see(DOMAIN)
        with pytest.raises(Conflict):
            pbx.put(another_of(tenant, pbx.capabilities), adopt=adopt)

        assert hand.see(DOMAIN) == before

    def test_put_without_a_marker_is_refused(self, pbx: Driver, hand: Hand, tenant: Tenant) -> None:
        """R-17: the identifier is chosen before the first attempt."""
        with pytest.raises(Refused):
            pbx.put(replace(tenant, marker=None))

        assert hand.see(DOMAIN) is None

    def test_an_object_an_operator_changed_is_put_back(self, pbx: Driver, hand: Hand, tenant: Tenant) -> None:
        if "extensions" in pbx.capabilities.objects:
            pbx.put(tenant)
            hand.change(DOMAIN, lambda it: replace(it, extensions=(replace(it.extensions[0], name="?"),)))
            pbx.put(tenant)
            found = pbx.find(DOMAIN)

            assert found is not None
            assert differences(tenant, found, pbx.capabilities) == ()

    def test_an_extension_disabled_by_hand_and_wanted_so_stays_disabled(
        self, pbx: Driver, hand: Hand, tenant: Tenant
    ) -> None:
        """11-F: what a person disabled is wanted disabled, through a suspension and back."""
        if "extensions" in pbx.capabilities.objects:
            pbx.put(tenant)
            first, *others = tenant.extensions
            held = replace(tenant, extensions=(replace(first, enabled=False), *others))
            hand.change(DOMAIN, lambda it: replace(it, extensions=held.extensions))
            pbx.put(replace(held, enabled=False))
            pbx.put(held)
            found = pbx.find(DOMAIN)

            assert found is not None
            assert [each.enabled for each in found.extensions] == [False, True]

    def test_an_object_made_by_hand_in_our_tenant_is_left_and_unknown(
        self, pbx: Driver, hand: Hand, tenant: Tenant
    ) -> None:
        if "extensions" in pbx.capabilities.objects:
            pbx.put(tenant)
            hand.change(DOMAIN, lambda it: replace(it, extensions=(*it.extensions, Extension("199", "Door"))))
            pbx.put(replace(tenant, description="again"))
            found = pbx.find(DOMAIN)

            assert found is not None
            left = differences(replace(tenant, description="again"), found, pbx.capabilities)
            assert [(each.what, each.member) for each in left] == [("extension 199", "unknown")]
            assert unmet(left) == ()

    def test_an_object_made_by_hand_becomes_ours_once_it_is_wanted(
        self, pbx: Driver, hand: Hand, tenant: Tenant
    ) -> None:
        if "extensions" in pbx.capabilities.objects:
            pbx.put(tenant)
            door = Extension("199", "Door")
            hand.change(DOMAIN, lambda it: replace(it, extensions=(*it.extensions, door)))
            pbx.put(replace(tenant, extensions=(*tenant.extensions, door)))
            pbx.put(tenant)
            found = pbx.find(DOMAIN)

            assert found is not None
            assert [each.number for each in found.extensions] == ["101", "102"]

    def test_a_password_that_is_not_given_stays_as_it_is(self, pbx: Driver, hand: Hand, tenant: Tenant) -> None:
        pbx.put(tenant)
        before = hand.see(DOMAIN)
        silent = replace(
            tenant,
            admin_password=None,
            extensions=tuple(replace(each, password=None) for each in tenant.extensions),
            gateways=tuple(replace(each, password=None) for each in tenant.gateways),
        )
        pbx.put(silent)

        assert hand.see(DOMAIN) == before

    def test_a_new_password_is_set(self, pbx: Driver, hand: Hand, tenant: Tenant) -> None:
        if "administrator" in pbx.capabilities.objects:
            pbx.put(tenant)
            pbx.put(replace(tenant, admin_password=Secret("a-new-one-5521")))
            seen = hand.see(DOMAIN)

            assert seen is not None
            assert seen.admin_password == Secret("a-new-one-5521")

    def test_limits_are_kept_changed_and_lifted(self, pbx: Driver, tenant: Tenant) -> None:
        """A limit of 0 means none, and one that is not there means no limit."""
        for name in sorted(pbx.capabilities.limits)[:1]:
            for limits in (((name, 5),), ((name, 0),), ()):
                pbx.put(replace(tenant, limits=limits))
                found = pbx.find(DOMAIN)

                assert found is not None
                assert {each: most for each, most in found.limits if each == name} == dict(limits)

    def test_a_limit_the_pbx_does_not_enforce_stays_with_the_bridge(self, pbx: Driver, tenant: Tenant) -> None:
        wanted = replace(tenant, limits=(("minutes_per_period", 3000),))
        pbx.put(wanted)
        found = pbx.find(DOMAIN)

        assert found is not None
        assert differences(wanted, found, pbx.capabilities) == ()

    def test_what_the_pbx_cannot_do_is_refused_and_not_skipped(self, pbx: Driver, hand: Hand) -> None:
        full = a_tenant(
            Capabilities(dial_restrict=True, objects=frozenset({"extensions", "gateways", "numbers", "routes"}))
        )
        for kind in {"extensions", "gateways", "numbers", "routes"} - pbx.capabilities.objects:
            with pytest.raises(Refused, match=kind):
                pbx.put(full)
        if not pbx.capabilities.dial_restrict:
            with pytest.raises(Refused, match="outbound"):
                pbx.put(replace(a_tenant(pbx.capabilities), outbound=False))

        assert hand.see(DOMAIN) is None

    @pytest.mark.parametrize("text", ["${system rm}", "a`b", "a;b", "line\nline", "null\0", "$${x}"])
    def test_text_that_a_switch_would_act_on_is_refused(
        self, pbx: Driver, hand: Hand, tenant: Tenant, text: str
    ) -> None:
        """T-10, T-11."""
        for wanted in (
            replace(tenant, description=text),
            replace(tenant, extensions=tuple(replace(each, name=text) for each in tenant.extensions)),
            replace(tenant, extensions=tuple(replace(each, caller_id=text) for each in tenant.extensions)),
            replace(tenant, gateways=tuple(replace(each, host=text) for each in tenant.gateways)),
            replace(tenant, routes=tuple(replace(each, pattern=text) for each in tenant.routes)),
        ):
            if wanted != tenant:
                with pytest.raises(Refused):
                    pbx.put(wanted)

        assert hand.see(DOMAIN) is None

    def test_tenants_do_not_touch_each_other(self, pbx: Driver, hand: Hand, tenant: Tenant) -> None:
        """T-18."""
        pbx.put(tenant)
        before = hand.see(DOMAIN)
        other = replace(tenant, domain="other.pbx.example.com", marker=THEIRS, numbers=())
        pbx.put(other)
        pbx.put(another_of(other, pbx.capabilities))
        pbx.remove(other)

        assert hand.see(DOMAIN) == before

    # --- remove ------------------------------------------------------------------------------------------------------

    def test_remove_of_nothing_does_nothing(self, pbx: Driver, tenant: Tenant) -> None:
        pbx.remove(tenant)

        assert list(pbx.domains()) == []

    def test_remove_twice_is_as_once(self, pbx: Driver, tenant: Tenant) -> None:
        pbx.put(tenant)
        pbx.remove(tenant)
        pbx.remove(tenant)

        assert pbx.find(DOMAIN) is None

    @pytest.mark.parametrize("marker", [None, THEIRS])
    def test_remove_needs_our_marker(self, pbx: Driver, hand: Hand, tenant: Tenant, marker: str | None) -> None:
        """R-18."""
        hand.add(replace(tenant, marker=marker))
        before = hand.see(DOMAIN)
        with pytest.raises(Conflict):
            pbx.remove(tenant)

        assert hand.see(DOMAIN) == before

    @pytest.mark.parametrize("marker", [None, OURS])
    def test_remove_without_a_marker_of_our_own_is_a_conflict(
        self, pbx: Driver, hand: Hand, tenant: Tenant, marker: str | None
    ) -> None:
        hand.add(replace(tenant, marker=marker))
        with pytest.raises(Conflict):
            pbx.remove(replace(tenant, marker=None))

        assert hand.see(DOMAIN) is not None

    # --- calls -------------------------------------------------------------------------------------------------------

    def test_calls_of_a_silent_pbx_are_an_empty_page(self, pbx: Driver) -> None:
        page = pbx.calls("")

        assert page.calls == ()
        assert pbx.calls(page.after).calls == ()

    def test_calls_come_page_by_page_each_once(self, pbx: Driver, hand: Hand) -> None:
        started_at = datetime(2026, 3, 1, 9, tzinfo=UTC)
        rung = [a_call(call_id(each), started_at + timedelta(minutes=each)) for each in range(5)]
        for call in rung:
            hand.ring(call)
        seen: list[CallRecord] = []
        after = ""
        while page := pbx.calls(after, limit=2):
            if not page.calls:
                break
            seen += page.calls
            after = page.after

        assert seen == rung

    def test_the_same_cursor_gives_the_same_page_again(self, pbx: Driver, hand: Hand) -> None:
        for each in range(3):
            hand.ring(a_call(call_id(each), datetime(2026, 3, 1, 9, each, tzinfo=UTC)))
        first = pbx.calls("", limit=2)

        assert pbx.calls("", limit=2) == first
        assert pbx.calls(first.after) == pbx.calls(first.after)

    def test_calls_that_end_later_come_after_the_last_cursor(self, pbx: Driver, hand: Hand) -> None:
        hand.ring(a_call(call_id(1), datetime(2026, 3, 1, 9, tzinfo=UTC)))
        after = pbx.calls("").after
        hand.ring(a_call(call_id(2), datetime(2026, 3, 1, 10, tzinfo=UTC)))

        assert [each.call_id for each in pbx.calls(after).calls] == [call_id(2)]

    # --- trouble -----------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("when", [BEFORE, AFTER])
    @pytest.mark.parametrize("trouble", [NotReached, OutcomeUnknown])
    @pytest.mark.parametrize("workflow", ["create", "change", "adopt", "remove"])
    def test_whichever_outside_call_fails_a_repeat_ends_in_the_same_state(
        self, pbx: Driver, hand: Hand, tenant: Tenant, workflow: str, trouble: type[BridgeError], when: str
    ) -> None:
        """R-73: once counting the outside calls, then once for each of them failing."""
        changed = another_of(tenant, pbx.capabilities)

        def begin() -> None:
            seen = hand.see(DOMAIN)
            if seen is not None:
                hand.change(DOMAIN, lambda it: replace(it, marker=OURS))
                pbx.remove(replace(tenant, marker=OURS))
            if workflow == "adopt":
                hand.add(replace(changed, marker=None))
            elif workflow != "create":
                pbx.put(tenant)

        def run() -> None:
            if workflow == "remove":
                pbx.remove(tenant)
            elif workflow == "change":
                pbx.put(changed)
            else:
                pbx.put(tenant, adopt=workflow == "adopt")

        begin()
        calls = hand.outside_calls()
        run()
        calls = hand.outside_calls() - calls
        wanted = hand.see(DOMAIN)

        assert calls > 0
        for nth in range(1, calls + 1):
            begin()
            hand.fail(nth, trouble(f"outside call {nth}"), after_effect=when == AFTER)
            with pytest.raises((NotReached, OutcomeUnknown)):
                run()
            run()

            assert hand.see(DOMAIN) == wanted, f"outside call {nth} of {calls}"

    def test_a_refusal_in_the_middle_is_told_and_a_repeat_completes(
        self, pbx: Driver, hand: Hand, tenant: Tenant
    ) -> None:
        """R-72."""
        hand.fail(2, Refused("the disk is full"), after_effect=False)
        with pytest.raises(Refused, match="the disk is full"):
            pbx.put(tenant)
        pbx.put(tenant)
        found = pbx.find(DOMAIN)

        assert found is not None
        assert differences(tenant, found, pbx.capabilities) == ()

    def test_no_message_carries_a_password(self, pbx: Driver, hand: Hand, tenant: Tenant) -> None:
        """T-20."""
        told: list[str] = []
        attempts: tuple[Callable[[], None], ...] = (
            lambda: pbx.put(replace(tenant, marker=None)),
            lambda: pbx.put(replace(tenant, domain="NOT A NAME")),
            lambda: pbx.put(replace(tenant, extensions=tenant.extensions * 2, gateways=tenant.gateways * 2)),
            lambda: pbx.remove(replace(tenant, marker=THEIRS)),
            lambda: pbx.put(replace(tenant, marker=THEIRS), adopt=True),
        )
        for attempt in attempts:
            pbx.put(tenant)
            with pytest.raises(BridgeError) as caught:
                attempt()
            told.append(str(caught.value) + repr(caught.value) + repr(caught.value.facts))

        assert CANARY not in "".join(told)
        assert CANARY not in repr(pbx.find(DOMAIN))

    def test_the_checks_cover_what_only_the_driver_knows(self, pbx: Driver) -> None:
        found = {check.name: check for check in pbx.checks()}

        assert {"authentication", "authorisation", "allow_list", "clock", "call_records"} <= found.keys()
        assert {check.status for check in found.values()} == {"ok"}

    def test_a_check_that_fails_says_what_to_do(self, pbx: Driver, hand: Hand) -> None:
        hand.fail(1, NotReached("gone"), after_effect=False)
        failed = [check for check in pbx.checks() if check.status == "fail"]

        assert failed
        assert all(check.fix for check in failed)
