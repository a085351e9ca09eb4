"""What calls cost, level by level and rule by rule: the examples of the references as call sheets."""

from __future__ import annotations

import pytest

from tests.rating.sheet import check


def test_a_call_costs_its_billed_seconds_at_the_price_of_the_longest_prefix() -> None:
    check("""
        rate  1     0.01  6/6
        rate  1204  0.02  6/6
        call  12045550123  37s  0.014  billed 42s  source tariff  prefix 1204
        call  12265550123  37s  0.007  billed 42s  source tariff  prefix 1
    """)


# --- Billed seconds ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answered", "whole_minutes", "half_then_six", "six", "second", "minute_then_second", "half_then_minute"),
    [
        (0, (0, "0"), (0, "0"), (0, "0"), (0, "0"), (0, "0"), (0, "0")),
        (1, (60, "0.12"), (30, "0.06"), (6, "0.012"), (1, "0.002"), (60, "0.12"), (30, "0.06")),
        (7, (60, "0.12"), (30, "0.06"), (12, "0.024"), (7, "0.014"), (60, "0.12"), (30, "0.06")),
        (30, (60, "0.12"), (30, "0.06"), (30, "0.06"), (30, "0.06"), (60, "0.12"), (30, "0.06")),
        (31, (60, "0.12"), (36, "0.072"), (36, "0.072"), (31, "0.062"), (60, "0.12"), (90, "0.18")),
        (37, (60, "0.12"), (42, "0.084"), (42, "0.084"), (37, "0.074"), (60, "0.12"), (90, "0.18")),
        (60, (60, "0.12"), (60, "0.12"), (60, "0.12"), (60, "0.12"), (60, "0.12"), (90, "0.18")),
        (61, (120, "0.24"), (66, "0.132"), (66, "0.132"), (61, "0.122"), (61, "0.122"), (90, "0.18")),
        (121, (180, "0.36"), (126, "0.252"), (126, "0.252"), (121, "0.242"), (121, "0.242"), (150, "0.30")),
    ],
)
def test_the_first_block_is_sold_whole_and_then_whole_steps(
    answered: int,
    whole_minutes: tuple[int, str],
    half_then_six: tuple[int, str],
    six: tuple[int, str],
    second: tuple[int, str],
    minute_then_second: tuple[int, str],
    half_then_minute: tuple[int, str],
) -> None:
    sold = {
        "60/60": whole_minutes,
        "30/6": half_then_six,
        "6/6": six,
        "1/1": second,
        "60/1": minute_then_second,
        "30/60": half_then_minute,
    }
    for steps, (billed, charge) in sold.items():
        check(f"""
            rate  44  0.12  {steps}
            call  442079460000  {answered}s  {charge}  billed {billed}s
        """)


@pytest.mark.parametrize(
    ("answered", "second", "six", "minute", "half_then_six"),
    [
        (0, 0, 0, 0, 0),
        (1, 1, 6, 60, 30),
        (10, 10, 12, 60, 30),
        (12, 12, 12, 60, 30),
        (36, 36, 36, 60, 36),
        (37, 37, 42, 60, 42),
        (39, 39, 42, 60, 42),
        (61, 61, 66, 120, 66),
    ],
)
def test_seconds_are_billed_by_the_increments_of_the_row(
    answered: int, second: int, six: int, minute: int, half_then_six: int
) -> None:
    for steps, billed in {"1/1": second, "6/6": six, "60/60": minute, "30/6": half_then_six}.items():
        check(f"""
            rate  44  0.60  {steps}
            call  442079460000  {answered}s  {billed / 100:.2f}  billed {billed}s
        """)


def test_a_first_block_that_is_no_multiple_of_its_step_is_not_rounded_from_zero() -> None:
    check("""
        rate  44  0.60  60/11
        call  442079460000  560s  5.66  billed 566s
    """)


def test_time_past_the_first_block_is_sold_in_steps() -> None:
    check("""
        rate  1809  0.25  60/6
        call  18095551234   0s  0
        call  18095551234   5s  0.25
        call  18095551234  61s  0.275
    """)


def test_a_call_within_the_grace_is_free_and_a_longer_one_is_billed_whole() -> None:
    check("""
        rate  44  0.60  6/6  grace 5s
        rate  33  0.60  6/6  grace 15s
        rate  49  0.60  6/6  grace 15s  least 30s
        call  442079460000   5s  0     billed 0s   class billable
        call  442079460000   6s  0.06  billed 6s
        call  442079460000  15s  0.18  billed 18s
        call  331400000000  15s  0     billed 0s
        call  331400000000  16s  0.18  billed 18s
        # the minimum does not bring back what grace made free
        call  493012345678  15s  0     billed 0s
        call  493012345678  16s  0.30  billed 30s
    """)


def test_a_minimum_is_a_floor_under_the_billed_seconds() -> None:
    check("""
        rate  44  0.60  6/6  least 30s
        call  442079460000   0s  0     billed 0s
        call  442079460000  15s  0.30  billed 30s
        call  442079460000  31s  0.36  billed 36s
    """)


def test_a_call_of_a_day_is_one_multiplication() -> None:
    check("""
        rate  44  0.60  1/1
        call  442079460000  100000s  1000  billed 100000s
    """)


def test_seconds_zero_are_billed_zero_and_keep_their_class() -> None:
    check("""
        included_seconds_per_period = 600
        bill_inbound = false
        rate  44  0.60  1/1  setup 0.02  min 0.05
        call  442079460000  0s  0  class billable  billed 0s  free 0s
        call  18005551234   0s  0  class free
        call  911           0s  0  class emergency
        call  48221046421   0s  0  class unrated
        call  1811          0s  0  class short
        call  12            0s  0  class invalid
    """)


# --- Prices: adder, markup, setup, minimum cost, premium route --------------------------------------------------------


def test_a_tariff_is_marked_up_and_an_adder_before_the_markup() -> None:
    check("""
        markup_percent = "25"
        rate  44  0.01  60/60
        call  442079460000  60s  0.0125
    """)
    check("""
        markup_percent = "25"
        adder_per_minute = "0.005"
        rate  44  0.01  60/60
        call  442079460000  60s  0.01875
    """)


@pytest.mark.parametrize(
    ("answered", "price", "steps", "markup", "charge"),
    [
        (37, "0.01", "6/6", "0", "0.007"),
        (37, "0.01", "6/6", "25", "0.00875"),
        (600, "0.01", "6/6", "25", "0.125"),
        (120, "0.0075", "6/6", "150", "0.0375"),
        (42, "0.0123", "6/6", "35", "0.011624"),
        (42, "0.0289", "6/6", "0", "0.020230"),
        (42, "0.0289", "6/6", "35", "0.027311"),
        (560, "0.0001", "60/11", "23", "0.001160"),
        (60, "0.01", "60/60", "33.3333", "0.013333"),
        (60, "0.01", "60/60", "-100", "0"),
    ],
)
def test_everything_is_multiplied_out_before_it_is_divided_and_rounded(
    answered: int, price: str, steps: str, markup: str, charge: str
) -> None:
    check(f"""
        markup_percent = "{markup}"
        rate  44  {price}  {steps}
        call  442079460000  {answered}s  {charge}
    """)


def test_an_override_ignores_the_markup() -> None:
    check("""
        markup_percent = "25"
        outbound  0.031  60/60
        override  44  0.029
        rate  44  0.01  6/6
        call  442079460000  61s  0.058  billed 120s  source custom
    """)


def test_a_setup_fee_and_a_minimum_cost_belong_to_a_call_that_is_charged() -> None:
    check("""
        rate  44  0.10  6/6  setup 0.02  min 0.05
        call  442079460000  37s  0.09
        call  442079460000   5s  0.05
        call  442079460000   0s  0
    """)


def test_setup_and_minimum_are_marked_up_with_their_row() -> None:
    check("""
        markup_percent = "100"
        adder_per_minute = "0.01"
        rate  44  0.10  6/6  setup 0.02  min 0.05
        call  442079460000  60s  0.26
        call  442079460000   1s  0.10
    """)


def test_an_increment_sold_at_a_price_of_its_own_is_read_per_minute() -> None:
    """205 s at 6/6 are 35 increments; at 0.00137 each, which is 0.0137 a minute, they cost 0.04795."""
    check("""
        rate  44  0.0137  6/6
        rate  33  0.00137  6/6
        call  442079460000  205s  0.04795   billed 210s
        call  331400000000  205s  0.004795  billed 210s
    """)


def test_the_premium_route_has_its_own_price_where_the_deck_has_two() -> None:
    check("""
        route_class = "premium"
        markup_percent = "100"
        rate  1  0.01  60/60  premium 0.03
        rate  44  0.02  60/60
        call  12045550123   60s  0.06
        call  442079460000  60s  0.04
    """)
    check("""
        rate  1  0.01  60/60  premium 0.03
        call  12045550123   60s  0.01
    """)


def test_a_price_per_call_is_a_setup_fee_without_a_price_per_minute() -> None:
    check("""
        rate  44  0  1/1  setup 0.35
        call  442079460000    1s  0.35
        call  442079460000  600s  0.35
        call  442079460000    0s  0
    """)


def test_their_markup_of_250_sells_at_two_and_a_half_times_the_base_and_ours_at_three_and_a_half() -> None:
    for markup, charge in (("150", "0.025"), ("250", "0.035")):
        check(f"""
            markup_percent = "{markup}"
            rate  44  0.01
            call  442079460000  60s  {charge}
        """)


def test_all_of_a_balance_is_spent_by_the_last_step_that_it_holds() -> None:
    """1.00 less 0.05 to set up and 0.06 for the block: 74 steps of 0.012."""
    check("""
        rate  44  0.12  30/6  setup 0.05
        call  442079460000  474s  0.998
        call  442079460000  475s  1.01
        call  442079460000  500s  1.058
    """)


def test_a_price_of_zero_is_a_price() -> None:
    check("""
        outbound  0.10
        rate  44  0  60/60
        call  442079460000  60s  0  class billable  source tariff
    """)


# --- Rounding ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "charge"), [("0.004", "0"), ("0.005", "0.01"), ("0.015", "0.02"), ("0.0151", "0.02"), ("2.675", "2.68")]
)
def test_a_call_is_rounded_half_up_once(price: str, charge: str) -> None:
    check(f"""
        cost_decimals = 2
        rate  44  {price}  60/60
        call  442079460000  60s  {charge}
    """)


def test_a_thousand_small_calls_do_not_drift_by_more_than_their_places_allow() -> None:
    for decimals, each in ((4, "0.0033"), (6, "0.003333")):
        charges = check(f"""
            cost_decimals = {decimals}
            rate  44  0.01  20/20
            call  442079460000  20s  {each}
        """)
        assert (charges[0].micro or 0) * 1000 == {4: 3_300_000, 6: 3_333_000}[decimals]


def test_no_decimals_are_none() -> None:
    check("""
        currency = "JPY"
        cost_decimals = 0
        rate  81  12.3456  60/60
        call  81312345678  60s  12
    """)


def test_prices_per_second_are_never_rounded() -> None:
    check("""
        rate  44  0.05  1/1
        call  442079460000  60s  0.05
        call  442079460000  3600s  3
    """)


def test_a_price_has_room_for_large_currencies_and_small_ones() -> None:
    check("""
        currency = "VND"
        rate  84  900000000.0000000001  60/60
        rate  85  0.0000000001  60/60
        call  84912345678  60s  900000000
        call  85512345678  60s  0
    """)


# --- Levels: who decides the price ------------------------------------------------------------------------------------


def test_special_numbers_come_before_filters_and_a_contract() -> None:
    check("""
        filters = { unbilled = "1300xxxxxxx" }
        special   1300  0.35/call
        contract  1300  0.01
        rate      1     0.02
        call  13005551234  60s  0.35  source special  prefix 1300
    """)


def test_filters_come_before_a_contract() -> None:
    check("""
        filters = { suppress = "1999xxxxxxx", unbilled = "1300xxxxxxx" }
        contract  1  0.01
        call  13005551234  60s  0  class excluded  source none  billed 0s
        call  19995551234  60s  0  class suppressed
        call  14165551234  60s  0.01  source service
    """)


def test_a_contract_comes_before_the_prefixes_of_the_package() -> None:
    check("""
        contract  44    0.01
        override  4420  0.02
        rate      44207 0.03
        call  442079460000  60s  0.01  source service  prefix 44
    """)


def test_a_prefix_of_the_package_comes_before_a_longer_one_of_the_tariff() -> None:
    """Levels first, then length: 44 at 0.010 in the package, 447 at 0.050 in the tariff."""
    check("""
        override  44   0.010
        rate      447  0.050
        call  447700900123  60s  0.010  source custom  prefix 44
    """)


def test_a_prefix_of_the_package_comes_before_its_flat_price_and_its_tiers() -> None:
    check("""
        rate_plan = "flat"
        outbound  0.03
        override  2779  0.05
        call  27791234567  60s  0.05  source custom
        call  27111234567  60s  0.03  source package
    """)
    check("""
        tier  500m  0.02
        tier  rest  0.01
        override  2779  0.05
        call  27791234567  60s  0.05  source custom
        call  27111234567  60s  0.02  source package
    """)


def test_of_two_prefixes_of_the_package_the_longer_decides() -> None:
    check("""
        override  27    0.05
        override  2779  0.03  6/6
        call  27791234567  61s  0.033  prefix 2779  billed 66s
        call  27111234567  61s  0.10   prefix 27    billed 120s
    """)


def test_a_flagged_prefix_is_not_shadowed_by_a_shorter_one() -> None:
    check("""
        markup_percent = "25"
        outbound  0.029  60/60
        rate  27    0.05  60/60
        rate  2779  custom
        call  27791234567  60s  0.029   source custom  prefix 2779
        call  27111234567  60s  0.0625  source tariff  prefix 27
    """)


def test_of_a_flagged_row_and_a_prefix_of_the_package_the_longer_decides() -> None:
    check("""
        outbound  0.029
        override  27    0.05
        override  4420  0.07
        rate  2779  custom
        rate  44    custom
        rate  33    custom
        override  33    0.09
        call  27791234567   60s  0.029  source custom  prefix 2779
        call  442079460000  60s  0.07   source custom  prefix 4420
        call  331400000000  60s  0.09   source custom  prefix 33
    """)


def test_a_flagged_row_without_a_price_of_the_package_to_go_to_has_none() -> None:
    check("""
        rate  27    0.05
        rate  2779  custom
        call  27791234567  60s  held  class unrated
    """)


def test_a_destination_that_the_tariff_does_not_know_costs_the_price_of_the_package() -> None:
    check("""
        outbound  0.029
        rate  1  0.01
        call  27791234567  60s  0.029  source fallback  prefix none
    """)


def test_the_price_of_the_package_can_be_kept_from_unknown_destinations() -> None:
    check("""
        fallback = false
        outbound  0.029
        rate  1  0.01
        call  27791234567  60s  held  class unrated
    """)


def test_a_call_without_any_price_is_held_unless_the_package_says_it_is_free() -> None:
    check("""
        rate  1  0.01
        call  27791234567  60s  held  class unrated  source none  billed 0s
    """)
    check("""
        outbound  -  6/6
        rate  1  0.01
        call  27791234567  60s  held  class unrated
    """)
    check("""
        no_rate_policy = "zero"
        rate  1  0.01
        call  27791234567  60s  0  class free  source none
    """)
    check("""
        no_rate_policy = "reject"
        rate  1  0.01
        call  27791234567  60s  held  class unrated
    """)


def test_a_row_whose_price_cannot_be_read_holds_the_call_whatever_the_package_says() -> None:
    check("""
        no_rate_policy = "zero"
        outbound  0.029
        rate  27  0.05
        rate  2779  blank
        call  27791234567  60s  held  class unrated
        call  27111234567  60s  0.05
    """)


def test_a_flat_package_overrides_the_provider_and_is_not_marked_up() -> None:
    check("""
        rate_plan = "flat"
        markup_percent = "25"
        outbound  0.03  60/60
        rate  44  0.20  60/60
        call  442079460000  60s  0.03  source package  prefix none
        call  18005551234   60s  0     class free
        call  911           60s  0     class emergency
    """)


def test_length_decides_and_never_the_price() -> None:
    check("""
        rate  1     0.01
        rate  1234  0.20
        call  1234567890123  60s  0.20
    """)


# --- Dates ------------------------------------------------------------------------------------------------------------


def test_the_whole_call_keeps_the_price_of_its_answer() -> None:
    check("""
        rate  44  0.02  1/1  to 2026-02-01
        rate  44  0.03  1/1  from 2026-02-01
        call  442079460000  120s  0.04  at 2026-01-31T23:59:30
        call  442079460000  120s  0.06  at 2026-02-01T00:00:00
    """)


def test_a_longer_prefix_that_expired_uncovers_a_shorter_one() -> None:
    check("""
        rate  44   0.01
        rate  447  0.05  to 2026-01-01
        call  447700900123  60s  0.05  at 2025-12-31T23:59:59
        call  447700900123  60s  0.01  at 2026-01-02
    """)


def test_a_row_that_names_its_hours_has_the_calls_answered_in_them() -> None:
    """Half-open: answered at 18:00 is after hours, and a call into the evening keeps the price of the day."""
    check("""
        rate  44  0.01  1/1
        rate  44  0.02  1/1  hours mon-fri,08:00-18:00
        call  442079460000  60s  0.01  at 2026-11-23T07:59:59
        call  442079460000  60s  0.02  at 2026-11-23T08:00
        call  442079460000  90s  0.03  at 2026-11-23T17:59:59
        call  442079460000  60s  0.01  at 2026-11-23T18:00
        call  442079460000  60s  0.01  at 2026-11-21T12:00
    """)


def test_hours_are_those_on_the_clock_of_the_deck_also_where_it_jumps() -> None:
    """Cheap until two at night. In spring 01:00 UTC is 02:00 in London, and one to two is not there; in autumn it is
    there twice. The whole call keeps the price of its answer, and lasts as long as it lasts."""
    check("""
        zone  Europe/London
        rate  44  0.02  1/1
        rate  44  0.01  1/1  hours 00:00-02:00
        call  442079460000  20m  0.20  at 2025-03-30T00:50
        call  442079460000  1m   0.01  at 2025-03-30T00:59:59
        call  442079460000  1m   0.02  at 2025-03-30T01:00
        call  442079460000  1m   0.01  at 2025-10-26T00:30
        call  442079460000  1m   0.01  at 2025-10-26T01:30
        call  442079460000  1m   0.02  at 2025-10-26T02:00
        call  442079460000  1m   0.02  at 2025-10-25T22:59:59
        call  442079460000  1m   0.01  at 2025-10-25T23:00
    """)


# --- Special numbers --------------------------------------------------------------------------------------------------


def test_a_special_number_is_charged_by_the_call_by_the_minute_or_both() -> None:
    check("""
        special  1300  0.35/call
        special  1301  0.05/min
        special  1302  0.20/call  0.03/min
        special  1303  0.20/call  0.03/min  step 1s
        call  13005551234    1s  0.35   billed 60s
        call  13005551234  190s  0.35   billed 240s
        call  13005551234    0s  0
        call  13015551234  190s  0.20   billed 240s
        call  13025551234  190s  0.32   billed 240s
        call  13035551234  190s  0.295  billed 190s
    """)


def test_the_highest_priority_of_the_special_numbers_counts_and_then_the_longest() -> None:
    check("""
        country = "AU"
        special  13    0.10/call  priority 10
        special  1300  0.35/call  priority 15
        special  1800  0.50/call  priority 20
        special  18    0.90/call  priority 10
        special  1345  0.70/call
        call  1300123456  60s  0.35  prefix 1300
        call  131166      60s  0.10  prefix 13    class short
        call  1800123456  60s  0.50  prefix 1800
        call  134567      60s  0.70  prefix 1345
    """)


def test_four_calls_at_a_price_per_call_come_to_four_prices() -> None:
    charges = check("""
        special  1300  0.35/call
        call  13005551234  180s  0.35
        call  13005551234  150s  0.35
        call  13005551234  120s  0.35
        call  13005551234  170s  0.35
    """)

    assert sum(charge.micro or 0 for charge in charges) == 1_400_000
    assert sum(charge.billed_seconds for charge in charges) == 11 * 60


def test_a_special_number_may_be_written_as_a_regular_expression() -> None:
    check(r"""
        special  /^1[89]00/  0.35/call
        rate  1  0.01
        call  19005551234  60s  0.35
        call  14165551900  60s  0.01
    """)


def test_a_special_number_is_known_as_it_was_dialled_and_as_it_is() -> None:
    check("""
        country = "AU"
        local_prefix = true
        special  1300   0.35/call
        special  61190  0.90/call
        call  1300123456    60s  0.35  number 611300123456
        call  1900123456    60s  0.90  number 611900123456
        call  001161190012  60s  0.90
    """)


def test_the_service_numbers_of_australia_have_one_price_a_call() -> None:
    check("""
        country = "AU"
        special  1800  0.35/call  priority 20
        special  1300  0.35/call  priority 15
        special  13    0.35/call  priority 10
        rate  61  0.05
        call  1800123456   60s   0.35  prefix 1800
        call  1300123456   190s  0.35  prefix 1300
        call  131450       60s   0.35  prefix 13
        call  61298765432  60s   0.05
    """)


def test_special_numbers_have_their_days_and_their_direction() -> None:
    check("""
        bill_inbound = true
        inbound  0.01
        rate  1  0.02
        special  1300  0.35/call  from 2026-01-01  to 2026-02-01
        special  1888  0.05/min   direction inbound
        call  13005551234  60s  0.02  at 2025-12-31T23:59:59
        call  13005551234  60s  0.35  at 2026-01-01
        call  13005551234  60s  0.02  at 2026-02-01
        in    14165550100  18885551234  60s  0.05  source special
        in    14165550100  13005551234  60s  0.01  source package  at 2026-01-01
    """)


def test_only_special_numbers_are_billed_where_the_package_says_so() -> None:
    check("""
        unmatched = "ignore"
        special  1300  0.35/call
        rate  1  0.02
        call  13005551234  60s  0.35
        call  14165551234  60s  0  class suppressed  source none
        call  48           60s  0  class suppressed
        call  911          60s  0  class emergency
    """)


def test_no_free_time_covers_a_special_number() -> None:
    check("""
        included_seconds_per_period = 6000
        free_seconds_per_call = 60
        special  1900  2.00/min
        call  19005551234  60s  2.00  free 0s
    """)


def test_an_extension_is_never_a_special_number() -> None:
    check("""
        special    13  0.10/call
        extension  1301
        call  1301  60s  0  class internal
    """)


# --- Filters and classes ----------------------------------------------------------------------------------------------


def test_the_length_of_a_filter_counts() -> None:
    check("""
        filters = { unbilled = "844xxxxxxx,1888xxxxxxx" }
        nanp_10_digit = true
        rate  1  0.02
        call  8445551234   60s  0     class excluded
        call  18445551234  60s  0     class free
        call  12045551234  60s  0.02
    """)


def test_a_filter_is_tried_on_the_number_as_dialled_and_as_it_is() -> None:
    check("""
        filters = { unbilled = "4420xxxxxxxx" }
        rate  44  0.02
        call  011442079460000  60s  0  class excluded
        call  +442079460000    60s  0  class excluded
        call  442079460000     60s  0  class excluded
        call  441619460000     60s  0.02
    """)


def test_a_word_in_brackets_is_sought_in_direction_and_description() -> None:
    check("""
        bill_inbound = true
        filters = { suppress = "[Voicemail]", unbilled = "[inbound]1888xxxxxxx" }
        inbound  0.05
        rate  1  0.02
        call  14165551234  60s  0     class suppressed  said to-voicemail
        call  14165551234  60s  0.02
        call  18885551234  60s  0     class free
        in    14165550100  18885551234  60s  0     class excluded
        in    14165550100  14165551234  60s  0.05
    """)


def test_lists_that_operators_have_name_classes_that_we_know_anyway() -> None:
    check("""
        nanp_10_digit = true
        filters = { suppress = "*xx,#xx,4443,4747,999,555,911,112,000", unbilled = "844xxxxxxx,1844xxxxxxx,[local]" }
        rate  1  0.02
        call   *97          30s  0     class suppressed
        call   4443         30s  0     class suppressed
        call   999          30s  0     class suppressed
        call   911          30s  0     class emergency
        call   8445551234   60s  0     class excluded
        call   18445551234  60s  0     class excluded
        call   84455512345  60s  held
        local  12045551234  60s  0     class excluded
        call   12045551234  60s  0.02
    """)


def test_f19_no_word_of_a_package_makes_an_emergency_call_anything_else() -> None:
    check("""
        unmatched = "ignore"
        filters = { suppress = "911,[outbound]", unbilled = "9xx" }
        destinations_allowed = { countries = ["GB"], block_prefixes = ["9"] }
        max_call_seconds = 10
        included_seconds_per_period = 600
        outbound   0.05
        rate       9    0.10
        special    911  5/call
        contract   9    0.20
        override   911  0.30
        extension  911
        call   911   60s  0  class emergency  billed 0s  free 0s  source none  number none
        call   933   60s  0  class emergency
        call   +911  60s  0  class emergency
        local  911   60s  0  class emergency
    """)


def test_feature_codes_internal_calls_and_help_cost_nothing() -> None:
    check("""
        extension  2211
        outbound  0.05
        call   *97   30s  0  class feature    billed 0s
        call   2211  30s  0  class internal   billed 0s
        call   911   30s  0  class emergency  billed 0s
        local  2212  30s  0  class internal
        local  *97   30s  0  class feature
        local  911   30s  0  class emergency
        local  14165551234  30s  0  class internal
    """)


def test_a_hidden_feature_code_is_suppressed_and_a_local_call_only_where_a_filter_names_them() -> None:
    check("""
        filters = { suppress = "*xx,#xx,911,2212,[local]2213" }
        call   *97   30s  0  class suppressed
        call   911   30s  0  class emergency
        local  *97   30s  0  class feature
        local  2212  30s  0  class internal
        local  2213  30s  0  class suppressed
        local  911   30s  0  class emergency
    """)


def test_a_short_number_has_a_special_price_or_is_held() -> None:
    """F-20: 411 costs money, and no prefix of a tariff means it."""
    check("""
        outbound  0.05
        rate      4   0.02
        override  41  0.03
        special   411  1.50/call
        call  411   30s  1.50  class short  source special  number none
        call  1811  30s  held  class short  source none
    """)


def test_what_is_no_number_is_held() -> None:
    check("""
        outbound  0.05
        call  12                30s  held  class invalid
        call  1234567890123456  30s  held  class invalid
        call  anonymous         30s  held  class invalid
    """)


def test_a_toll_free_number_of_the_plan_at_home_is_free() -> None:
    check("""
        outbound  0.05
        rate  1     0.02
        rate  1800  0.02
        rate  44    0.03
        call  18005551234   60s  0     class free  billed 0s
        call  448081570192  60s  0.03
        call  80012345678   60s  0     class free
    """)


def test_where_calls_may_go_is_a_note_and_changes_no_price() -> None:
    charges = check("""
        destinations_allowed = { countries = ["GB"] }
        rate  1   0.01
        rate  44  0.02
        rate  27  0.03
        call  12125551234   60s  0.01
        call  442079460000  60s  0.02
        call  27111234567   60s  0.03  class billable
    """)

    assert [charge.note for charge in charges] == ["", "", "not allowed"]


def test_a_call_longer_than_the_package_lets_calls_be_is_noted() -> None:
    charges = check("""
        max_call_seconds = 3600
        rate  44  0.60  1/1
        call  442079460000  3600s  36
        call  442079460000  3601s  36.01
    """)

    assert [charge.note for charge in charges] == ["not allowed", "not allowed; longer than 3600 s"]

    charges = check("""
        max_call_seconds = 3600
        filters = { unbilled = "12045550123" }
        destinations_allowed = { countries = ["CA"] }
        rate  1  0.60  1/1
        call  12045550123  3600s  0
        call  12045550123  3601s  0
        call  12125550123  3601s  36.01
    """)

    assert [charge.note for charge in charges] == [
        "filter 12045550123",
        "filter 12045550123; longer than 3600 s",
        "longer than 3600 s",
    ]


# --- Inbound ----------------------------------------------------------------------------------------------------------


def test_inbound_calls_are_free_unless_the_package_bills_them() -> None:
    check("""
        inbound  0.031
        in  447700900123  14165551234  60s  0  class free  number 447700900123
    """)
    check("""
        bill_inbound = true
        inbound  0.031  60/60
        in  447700900123  14165551234  61s  0.062  class billable  source package  number 447700900123
    """)


def test_a_hidden_or_malformed_caller_does_not_hide_the_price() -> None:
    check("""
        bill_inbound = true
        inbound  0.031
        in  anonymous  14165551234  60s  0.031  number none
        in  0          14165551234  60s  0.031  number none
        in  14165550100  201        60s  0.031  number 14165550100  class billable
        in  14165550100  911        60s  0.031  class billable
    """)


def test_an_inbound_tariff_prices_by_the_called_number_and_by_the_caller_where_it_says_so() -> None:
    check("""
        bill_inbound = true
        markup_percent = "100"
        inbound  0.09
        inbound-rate  1      0.01  60/60
        inbound-rate  1      0.02  60/60  caller 447
        inbound-rate  1      0.03  60/60  caller 44
        inbound-rate  1888   0.05  60/60
        inbound-rate  1877   custom
        in  14165550100   14165551234  60s  0.02  source tariff  prefix 1
        in  447700900123  14165551234  60s  0.04
        in  442079460000  14165551234  60s  0.06
        in  anonymous     14165551234  60s  0.02
        in  447700900123  18885551234  60s  0.10  prefix 1888
        in  14165550100   18775551234  60s  0.09  source custom
        in  14165550100   442079460000  60s  0.09  source fallback
    """)


def test_a_contract_and_a_prefix_of_the_package_may_price_inbound_calls() -> None:
    check("""
        bill_inbound = true
        inbound   0.031
        contract  1416  0.01  direction inbound
        override  1888  0.05  direction both
        override  1877  0.07
        in    447700900123  14165551234  60s  0.01   source service
        in    447700900123  18885551234  60s  0.05   source custom
        in    447700900123  18775551234  60s  0.031  source package
        call  14165551234   60s  held
    """)


def test_a_flat_package_prices_inbound_calls_by_their_own_price() -> None:
    check("""
        rate_plan = "flat"
        bill_inbound = true
        outbound  0.03
        inbound   0.01
        in    447700900123  14165551234  60s  0.01  source package
        call  14165551234   60s  0.03
    """)


def test_a_forwarded_call_is_an_inbound_call_and_an_outbound_one() -> None:
    check("""
        bill_inbound = true
        inbound  0.01
        rate  44  0.02
        in    14165550100   14165551234  60s  0.01
        call  447700900123  60s  0.02
    """)


def test_a_leg_into_a_conference_may_be_left_to_the_conference() -> None:
    check("""
        conference = { per_participant_minute = "0.02", suppress_leg_charge = true }
        rate  44  0.03
        call  442079460000  60s  0     class excluded  conference yes
        call  442079460000  60s  0.03
    """)
    check("""
        conference = { per_participant_minute = "0.02" }
        rate  44  0.03
        call  442079460000  60s  0.03  conference yes
    """)


@pytest.mark.parametrize(
    ("number", "note"),
    [
        ("442079460000", ""),
        ("4402079460000", "no number that its numbering plan knows"),  # eleven digits after 44
        ("44207946", "no number that its numbering plan knows"),
    ],
)
def test_f28_what_the_numbering_plan_finds_impossible_is_noted_and_priced_by_the_deck(number: str, note: str) -> None:
    """Alike in both engines: a sheet is computed by the column too."""
    [charge] = check(f"""
        destinations_allowed = {{ countries = ["GB"] }}
        rate  44  0.01  60/60
        call  {number}  60s  0.01
    """)

    assert charge.note == note
