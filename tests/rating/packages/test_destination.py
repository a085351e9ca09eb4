"""F-23: where calls may go."""

from __future__ import annotations

import pytest

from bridge.rating.packages.destination import is_allowed, opened
from bridge.rating.packages.package import Allowed

CANADA = Allowed(frozenset({"US", "GB"}), block_prefixes=("1876", "4470"), allow_prefixes=("18765", "88165"))


@pytest.mark.parametrize(
    ("number", "allowed"),
    [
        ("14165550123", True),
        ("12125550123", False),
        ("442079460000", False),
        ("18005550123", True),
        ("80012345678", True),
        ("19005550123", False),
        ("881631234567", False),
    ],
)
def test_where_nothing_is_said_the_home_country_is_open(number: str, allowed: bool) -> None:
    """What costs nothing is open too, and what costs most is not."""
    assert is_allowed(None, "CA", number) is allowed


@pytest.mark.parametrize(
    ("number", "allowed"),
    [
        ("14165550123", True),
        ("12125550123", True),
        ("442079460000", True),
        ("447700900123", True),
        ("48221046421", False),
        ("18761234567", False),
        ("18765234567", True),
        ("447012345678", False),
        ("448712345678", False),
        ("881651234567", True),
    ],
)
def test_countries_and_kinds_and_the_longest_prefix_decide(number: str, allowed: bool) -> None:
    assert is_allowed(CANADA, "CA", number) is allowed


def test_who_says_which_kinds_are_blocked_says_yes_to_the_others() -> None:
    assert is_allowed(Allowed(block_types=frozenset()), "GB", "448712345678")
    assert not is_allowed(Allowed(block_types=frozenset({"mobile"})), "GB", "447700900123")


def test_where_fixed_lines_and_mobiles_share_their_ranges_only_both_block_a_number() -> None:
    assert is_allowed(Allowed(block_types=frozenset({"mobile"})), "US", "12125550123")
    assert not is_allowed(Allowed(block_types=frozenset({"mobile", "fixed_line"})), "US", "12125550123")


def test_of_a_prefix_that_is_blocked_and_allowed_at_once_the_country_and_the_kind_decide() -> None:
    both = Allowed(block_prefixes=("1876",), allow_prefixes=("1876",))

    assert not is_allowed(both, "CA", "18765230123")
    assert is_allowed(both, "JM", "18765230123")


def test_the_home_country_is_where_the_pbx_stands() -> None:
    assert opened(CANADA, "FR").countries == {"FR", "US", "GB"}
