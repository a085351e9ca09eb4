"""What differs is named thing by thing; what cannot or must not be compared is left out."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.pbx.comparison import differences, hash_of, unmet
from bridge.pbx.driver import Capabilities, Difference, Extension, Number, Tenant
from bridge.pbx.memory import EVERYTHING
from bridge.secret import Secret
from tests.canary import CANARY
from tests.pbx.contract import a_tenant, another_of

FULL = a_tenant(EVERYTHING)


def test_a_tenant_differs_in_nothing_from_itself() -> None:
    assert differences(FULL, FULL, EVERYTHING) == ()


def test_the_order_of_objects_means_nothing() -> None:
    turned = replace(FULL, extensions=FULL.extensions[::-1])

    assert differences(FULL, turned, EVERYTHING) == ()
    assert hash_of(FULL) == hash_of(turned)


def test_each_difference_is_named_with_both_sides() -> None:
    changed = another_of(FULL, EVERYTHING)

    assert differences(changed, FULL, EVERYTHING) == (
        Difference("tenant", "description", "Acme plc", "Acme Ltd., Zürich"),
        Difference("tenant", "outbound", "no", "yes"),
        Difference("tenant", "limit concurrent_calls", "unlimited", "10"),
        Difference("extension 101", "name", "Ann Smith", "Ann O'Neil"),
        Difference("extension 102", "unknown"),
        Difference("extension 103", "missing"),
        Difference("gateway carrier", "host", "sip2.carrier.example", "sip.carrier.example"),
        Difference("number 442079460101", "unknown"),
        Difference("number 442079460103", "missing"),
        Difference("route out", "order", "50", "100"),
    )


def test_what_nobody_knows_is_not_for_a_put_to_take_away() -> None:
    found = (Difference("extension 102", "unknown"), Difference("extension 103", "missing"))

    assert unmet(found) == (Difference("extension 103", "missing"),)


def test_kinds_the_pbx_does_not_keep_are_left_out() -> None:
    little = Capabilities(dial_restrict=False, objects=frozenset({"numbers"}))
    empty = Tenant(FULL.domain, FULL.marker, FULL.description, numbers=FULL.numbers)

    assert differences(replace(FULL, outbound=False), empty, little) == ()


def test_limits_the_pbx_does_not_enforce_are_left_out() -> None:
    some = replace(EVERYTHING, limits=frozenset({"extensions"}))
    wanted = replace(FULL, limits=(("extensions", 5), ("minutes_per_period", 3000)))
    actual = replace(FULL, limits=(("extensions", 4), ("gateways", 1)))

    assert differences(wanted, actual, some) == (Difference("tenant", "limit extensions", "5", "4"),)


def test_passwords_are_compared_only_when_both_are_known_and_readable() -> None:
    other = replace(FULL, admin_password=Secret("another"))
    unreadable = replace(EVERYTHING, secrets_readable=False)

    assert differences(FULL, other, EVERYTHING) == (Difference("tenant", "admin_password", "***", "another"),)
    assert differences(FULL, replace(FULL, admin_password=None), EVERYTHING) == ()
    assert differences(replace(FULL, admin_password=None), FULL, EVERYTHING) == ()
    assert differences(FULL, other, unreadable) == ()


def test_no_difference_shows_a_password() -> None:
    """T-20."""
    bare = Tenant(FULL.domain, "x", admin_password=Secret(CANARY[::-1]), extensions=(Extension("101"),))
    shown = repr(differences(FULL, bare, EVERYTHING)) + repr(differences(bare, FULL, EVERYTHING))

    assert CANARY not in shown
    assert CANARY[::-1] not in shown


def test_whose_a_tenant_is_belongs_to_its_content() -> None:
    other = replace(FULL, marker="another")

    assert differences(FULL, other, EVERYTHING) == (Difference("tenant", "marker", str(FULL.marker), "another"),)
    assert hash_of(FULL) != hash_of(other)


def test_a_hash_knows_neither_passwords_nor_our_own_notes() -> None:
    bare = replace(
        FULL,
        admin_password=None,
        extensions=tuple(replace(each, password=None, service_id=None) for each in FULL.extensions),
    )

    assert hash_of(FULL) == hash_of(bare)
    assert hash_of(Extension("101", service_id=1, password=Secret("a"))) == hash_of(Extension("101"))


def test_a_hash_is_the_same_everywhere_and_for_ever() -> None:
    """Kept in the database: a release that changed it would see drift in every tenant."""
    written = b'{"e164":"442079460101","enabled":true,"target":"101"}'

    assert hash_of(Number("442079460101", "101", service_id=7)) == hashlib.sha256(written).hexdigest()


@settings(max_examples=100)
@given(st.text(max_size=10), st.booleans(), st.integers(0, 9))
def test_content_that_differs_has_another_hash(name: str, enabled: bool, order: int) -> None:
    first = replace(FULL.extensions[0], name=name, enabled=enabled)
    changed = replace(FULL, extensions=(first, *FULL.extensions[1:]))
    differs = bool(differences(FULL, changed, EVERYTHING))

    assert (hash_of(changed) != hash_of(FULL)) == differs
