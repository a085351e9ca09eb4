"""Free time: what it covers, in which order, and what becomes of it. The examples of the references as call sheets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.rating.allowance import prorated, rolled_over
from bridge.rating.charge import rate_call
from bridge.rating.usage import Usage
from tests.rating.sheet import Sheet, check

# --- Per call ---------------------------------------------------------------------------------------------------------


def test_the_first_seconds_of_every_call_may_be_free() -> None:
    check("""
        free_seconds_per_call = 60
        rate  44  0.03  6/6
        call  442079460000  150s  0.045  billed 150s  free 60s
        call  442079460000   45s  0      billed 48s   free 48s  class billable
    """)


def test_free_seconds_are_taken_after_rounding() -> None:
    check("""
        free_seconds_per_call = 5
        rate  44  0.60  6/6
        call  442079460000  15s  0.13  billed 18s  free 5s
    """)


def test_free_seconds_of_a_call_come_before_the_allowance() -> None:
    check("""
        free_seconds_per_call = 60
        included_seconds_per_period = 60
        rate  44  0.60  60/60
        call  442079460000  90s   0     billed 120s  free 120s
        call  442079460000  90s   0.60  billed 120s  free 60s
    """)


# --- Per period -------------------------------------------------------------------------------------------------------


def test_a_call_within_the_allowance_is_free() -> None:
    check("""
        included_seconds_per_period = 60000
        rate  44  0.10  60/60
        used  900m  included
        call  442079460000  50m  0     free 3000s  class billable  source tariff
        call  442079460000  50m  0     free 3000s
        call  442079460000  1m   0.10  free 0s
    """)


def test_what_lies_beyond_the_allowance_has_the_overage_price() -> None:
    check("""
        included_seconds_per_period = 60000
        overage_per_minute = "0.02"
        rate  44  0.10  60/60
        call  442079460000  1100m  2.00  billed 66000s  free 60000s
        call  442079460000  1m     0.02
    """)


def test_where_nothing_is_free_everything_in_scope_lies_beyond() -> None:
    check("""
        included_seconds_per_period = 0
        included_scope = { countries = ["GB"] }
        overage_per_minute = "0.02"
        rate  44  0.10
        rate  33  0.15
        call  442079460000  1m  0.02
        call  331400000000  1m  0.15
    """)


def test_overage_is_not_for_what_is_out_of_scope() -> None:
    check("""
        included_seconds_per_period = 6000
        included_scope = { countries = ["GB"] }
        overage_per_minute = "0.02"
        rate  44  0.10
        rate  33  0.15
        used  100m  included
        call  442079460000  1m  0.02
        call  331400000000  1m  0.15
    """)


def test_a_call_over_the_end_of_the_allowance_is_split_there() -> None:
    check("""
        included_seconds_per_period = 6000
        rate  44  0.10  60/60
        used  98m  included
        call  442079460000  8m  0.60  billed 480s  free 120s
    """)
    check("""
        included_seconds_per_period = 6000
        rate  44  0.10  60/60
        used  5970s  included
        call  442079460000  95s  0.15  billed 120s  free 30s
    """)


def test_no_setup_fee_on_a_call_that_is_covered_whole() -> None:
    check("""
        included_seconds_per_period = 120
        rate  44  0.10  60/60  setup 0.05  min 0.30
        call  442079460000  60s   0
        call  442079460000  120s  0.30  free 60s
        call  442079460000  300s  0.55  free 0s
    """)


def test_unanswered_calls_and_calls_of_grace_take_nothing() -> None:
    check("""
        included_seconds_per_period = 60
        rate  44  0.10  60/60  grace 5s
        call  442079460000  0s   0     free 0s
        call  442079460000  5s   0     free 0s
        call  442079460000  60s  0     free 60s
        call  442079460000  60s  0.10  free 0s
    """)


def test_zero_is_no_allowance_and_absent_is_without_end_where_the_package_is_unlimited() -> None:
    check("""
        type = "flat"
        included_seconds_per_period = 0
        rate  44  0.10
        call  442079460000  60s  0.10
    """)
    check("""
        type = "unlimited"
        rate  44  0.10
        call  442079460000  1000m  0  free 60000s
        call  442079460000  9000m  0
    """)


def test_beyond_fair_use_an_unlimited_package_is_charged() -> None:
    check("""
        type = "unlimited"
        fair_use_seconds = 6000
        overage_per_minute = "0.02"
        rate  44  0.10
        used  99m  included
        call  442079460000  2m  0.02  free 60s
    """)
    check("""
        type = "unlimited"
        fair_use_seconds = 6000
        rate  44  0.10
        used  100m  included
        call  442079460000  2m  0.20
    """)


def test_actual_seconds_may_be_counted_in_place_of_billed_ones() -> None:
    check("""
        included_seconds_per_period = 100
        consume = "actual"
        rate  44  0.60  60/60
        call  442079460000  61s  0     billed 120s  free 120s
        call  442079460000  61s  0.81  billed 120s  free 39s
        call  442079460000  61s  1.20  billed 120s  free 0s
    """)
    check("""
        included_seconds_per_period = 61
        consume = "actual"
        rate  44  0.60  60/60
        call  442079460000  61s  0     billed 120s  free 120s
        call  442079460000  61s  1.20  billed 120s  free 0s
    """)


def test_actual_seconds_are_counted_from_one_allowance_to_the_next() -> None:
    """Of 90 s the call gives 10 away, the bundle takes 30 and the package 50: 11 are left for the second call."""
    check("""
        included_seconds_per_period = 61
        consume = "actual"
        free_seconds_per_call = 10
        bundle  44  30s
        rate    44  0.60  60/60
        call  442079460000  90s  0     billed 120s  free 120s
        call  442079460000  60s  0.39  billed 60s   free 21s
    """)


def test_the_last_second_is_a_second() -> None:
    check("""
        included_seconds_per_period = 3
        rate  44  0.60  1/1
        call  442079460000  1s  0     free 1s
        call  442079460000  1s  0     free 1s
        call  442079460000  2s  0.01  free 1s
        call  442079460000  1s  0.01  free 0s
    """)


# --- What it covers ---------------------------------------------------------------------------------------------------


def test_f27_a_scope_names_directions_countries_kinds_and_prefixes_that_are_outside() -> None:
    check("""
        included_seconds_per_period = 6000
        included_scope = { countries = ["GB", "US"], types = ["fixed_line", "mobile"], except = ["447624"] }
        rate  1   0.10
        rate  44  0.20
        rate  33  0.30
        call  442079460000  1m  0
        call  12125551234   1m  0
        call  441481123456  1m  0.20
        call  447624123456  1m  0.20
        call  449098790000  1m  0.20
        call  18765551234   1m  0.10
        call  331400000000  1m  0.30
    """)


def test_f27_a_row_dearer_than_the_package_covers_is_outside_whatever_the_call_costs() -> None:
    check("""
        included_seconds_per_period = 6000
        max_covered_price = "0.10"
        overage_per_minute = "0.01"
        markup_percent = "100"
        override  4487  1.50
        rate  44    0.10
        rate  4487  0.50
        rate  4490  0.11
        call  442079460000  1m  0     free 60s
        call  448712345678  1m  1.50  free 0s
        call  449012345678  1m  0.22  free 0s
    """)


def test_inbound_calls_take_from_the_allowance_only_where_the_package_says_so() -> None:
    sheet = """
        bill_inbound = true
        included_seconds_per_period = 6000
        inbound  0.03
        {}
        in  442079460000  12125551234  1m  {}
    """
    check(sheet.format("# nothing", "0.03  free 0s"))
    check(sheet.format("inbound_consumes_allowance = true", "0  free 60s"))
    check(sheet.format('included_scope = { directions = ["inbound"] }', "0  free 60s"))
    check(sheet.format('included_scope = { directions = ["inbound"], countries = ["FR"] }', "0.03  free 0s"))


# --- Country bundles --------------------------------------------------------------------------------------------------


def test_a_country_has_its_own_allowance_and_its_own_price_after_it() -> None:
    check("""
        bundle  48  1000m  0.05
        rate  48  0.10
        rate  44  0.20
        call  48221046421   1000m  0     free 60000s  source package  prefix 48
        call  442079460000  1m     0.20
        call  48221046421   50m    2.50
    """)


def test_the_narrower_allowance_goes_first() -> None:
    charges = check("""
        included_seconds_per_period = 120
        bundle  48  1m  0.05
        rate  44  0.20
        call  48221046421   1m  0
        call  48221046421   1m  0
        call  442079460000  1m  0
        call  48221046421   1m  0.05
        call  442079460000  1m  0.20
    """)

    covered = [charge.explanation.document()["seconds"]["covered"] for charge in charges]
    assert [[part["allowance"] for part in parts] for parts in covered] == [
        ["bundle 48"],
        ["included"],
        ["included"],
        [],
        [],
    ]


def test_a_bundle_without_a_price_leaves_the_ordinary_one_and_may_bill_in_steps_of_its_own() -> None:
    check("""
        bundle  48     1m
        rate    48     0.60  60/60
        call  48221046421  61s  0.60  billed 120s  free 60s  source tariff
    """)
    check("""
        bundle  48  1m  0.60  6/6
        rate    48  0.10  60/60
        call  48221046421  61s  0.06  billed 66s  free 60s
    """)


def test_the_longest_prefix_says_which_bundle_it_is() -> None:
    check("""
        bundle  48,49   1m  0.05
        bundle  4860    1m  0.50
        rate  4  0.10
        call  48601234567   1m  0     prefix 4860
        call  48601234567   1m  0.50
        call  493012345678  1m  0     prefix 49
        call  48221046421   1m  0.05  prefix 48
    """)


def test_f27_a_bundle_of_1_does_not_give_jamaica_away_nor_one_of_44_what_begins_with_4487() -> None:
    check("""
        max_covered_price = "0.10"
        bundle  1,44  100m  0.05
        rate  1     0.01
        rate  1876  0.28
        rate  44    0.10
        rate  4487  0.11
        call  12125551234   1m  0     source package  free 60s
        call  442079460000  1m  0     source package  free 60s
        call  18765551234   1m  0.28  source tariff   free 0s
        call  448712345678  1m  0.11  source tariff   free 0s
    """)


def test_f27_a_row_too_dear_is_outside_of_a_bundle_and_of_its_price() -> None:
    check("""
        max_covered_price = "0.20"
        bundle  44  1m  0.05
        rate  44    0.10
        rate  4487  0.90
        call  448712345678  1m  0.90  source tariff
        call  442079460000  1m  0     source package
    """)


def test_overage_does_not_replace_the_price_of_a_bundle() -> None:
    check("""
        included_seconds_per_period = 60
        overage_per_minute = "0.02"
        bundle  48  1m  0.05
        rate  44  0.20
        call  48221046421   3m  0.05  free 120s
        call  442079460000  1m  0.02
    """)


# --- From period to period --------------------------------------------------------------------------------------------


def covered(sheet: str, usage: Usage) -> list[tuple[str, int]]:
    read = Sheet.read(sheet)
    terms = read.terms()
    documents = [rate_call(call, terms, usage).explanation.document() for call, *_ in read.calls]
    return [(part["allowance"], part["seconds"]) for each in documents for part in each["seconds"]["covered"]]


ROLLING = """
    included_seconds_per_period = 100
    rollover_periods = 2
    rate  44  0.10  1/1
    call  442079460000  130s  0
"""


def test_time_left_over_is_used_before_fresh_time() -> None:
    assert covered(ROLLING, Usage(rolled_over=(20, 50))) == [("rolled over", 70), ("included", 60)]


def test_time_is_left_over_for_as_many_periods_as_the_package_says() -> None:
    package, usage = Sheet.read(ROLLING).package(), Usage(rolled_over=(20, 50))
    usage.consumed["rolled over"] = 30

    assert rolled_over(package, usage) == (40, 100)

    assert rolled_over(package, Usage(rolled_over=(20, 50))) == (50, 100)
    usage.consumed["included"] = 130
    assert rolled_over(package, usage) == (40, 0)
    assert rolled_over(replace(package, rollover_periods=3), usage) == (0, 40, 0)
    assert rolled_over(replace(package, rollover_periods=0), usage) == ()
    assert rolled_over(replace(package, included_seconds=None), usage) == ()


def test_an_allowance_may_be_granted_at_another_size_than_the_package_says() -> None:
    """Prorated, pooled or carried over; several services pool what each of them has."""
    assert covered(ROLLING, Usage(granted={"included": 25})) == [("included", 25)]
    assert covered(ROLLING, Usage(granted={"included": 300})) == [("included", 130)]


def test_two_add_ons_of_a_kind_are_two_allowances() -> None:
    """100 and 100: of a call of 220 s 200 are covered, and 20 at 0.10 a minute are 0.0333..."""
    read = Sheet.read(ROLLING.replace("130s", "220s"))

    charge = rate_call(read.calls[0][0], read.terms(), Usage(granted={"included": 200}))

    assert (charge.free_seconds, charge.billed_seconds, charge.micro) == (200, 220, 33_333)


@pytest.mark.parametrize(("days", "granted"), [(0, 0), (1, 2000), (10, 20_000), (29, 58_000), (30, 60_000)])
def test_some_days_of_a_period_get_their_share(days: int, granted: int) -> None:
    assert prorated(60_000, days=days, of_days=30) == granted


def test_of_a_shared_allowance_one_may_use_what_the_others_leave() -> None:
    """10 s for all: 8 s by the first leave 2 for the second, whose 8 s are 2 covered and 6 charged."""
    check("""
        included_seconds_per_period = 10
        rate  44  6  1/1
        call  442079460000  8s  0    free 8s
        call  442079460000  8s  0.6  free 2s
    """)


def test_what_was_used_stays_used_when_the_package_changes_within_a_period() -> None:
    """F-26: left is the new allowance less what was used, and never below zero."""
    usage = Usage()
    usage.consumed["included"] = 150

    assert covered(ROLLING, usage) == []
    assert covered(ROLLING.replace("period = 100", "period = 200"), usage) == [("included", 50)]
