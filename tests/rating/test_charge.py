"""What calls cost, level by level: products.md 4, 5, 6 and 7 as call sheets."""

from __future__ import annotations

from tests.rating.sheet import check


def test_a_call_costs_its_billed_seconds_at_the_price_of_the_longest_prefix() -> None:
    check("""
        rate  1     0.01  6/6
        rate  1204  0.02  6/6
        call  12045550123  37s  0.014  billed 42s  source tariff  prefix 1204
        call  12265550123  37s  0.007  billed 42s  source tariff  prefix 1
    """)


# --- products.md 4.2: adder and markup --------------------------------------------------------------------------------


def test_a_tariff_is_marked_up() -> None:
    check("""
        markup_percent = "25"
        rate  44  0.01  60/60
        call  442079460000  60s  0.0125
    """)


def test_an_adder_is_added_before_the_markup() -> None:
    check("""
        markup_percent = "25"
        adder_per_minute = "0.005"
        rate  44  0.01  60/60
        call  442079460000  60s  0.01875
    """)


def test_a_flat_package_overrides_the_provider_and_is_not_marked_up() -> None:
    check("""
        rate_plan = "flat"
        markup_percent = "25"
        outbound  0.03  60/60
        rate  44  0.20  60/60
        call  442079460000  60s  0.03  source package
    """)


# --- products.md 4.5: which prefix wins -------------------------------------------------------------------------------


def test_a_flagged_prefix_is_not_shadowed_by_a_shorter_one() -> None:
    check("""
        markup_percent = "25"
        outbound  0.029  60/60
        rate  27    0.05  60/60
        rate  2779  custom
        call  27791234567  60s  0.029  source custom  prefix 2779
        call  27111234567  60s  0.0625  source tariff  prefix 27
    """)
