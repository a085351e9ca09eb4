"""Packages as files: what is read, what is refused and how it is told, and the way back."""

from __future__ import annotations

import contextlib
import json
import string
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rating.call import Direction
from bridge.rating.packages.file import FILE_BYTES_MAX, BadPackage, load_package, package_document, read_package
from bridge.rating.packages.package import (
    LIMITS,
    NUMBER_TYPES,
    Conference,
    Fax,
    Package,
    PackageType,
    Scope,
    Tier,
    TierMode,
)
from bridge.rating.price import price_text
from bridge.rating.rate import MINUTES, Increments
from tests.factories import the_least

SAMPLE = Path(__file__).with_name("sample_package.toml")


def a_package(**more: Any) -> Package:
    return read_package(the_least(**more))


def faults_of(**more: Any) -> list[str]:
    with pytest.raises(BadPackage) as refused:
        a_package(**more)
    return str(refused.value).splitlines()


def tiers(*spans: Any) -> dict[str, Any]:
    return {"rate_plan": "tiered", "tiers": [{"minutes": span, "per_minute": "0.02"} for span in spans]}


def cut_points(package: Package) -> list[int | None]:
    return [each.up_to_seconds for each in package.tiers]


# --- what is read ----------------------------------------------------------------------------------------------------


def test_a_package_with_everything_is_read_and_written_back() -> None:
    package = load_package(SAMPLE)

    written = json.loads(json.dumps(package_document(package)))
    assert read_package(written) == package
    assert (package.name, package.markup, package.max_call_seconds) == ("Premium VoIP", 250_000, 14_400)
    assert package.outbound is not None
    assert package.outbound.price == 290_000_000
    assert package.rewrite == ((r"^9(\d{10})$", r"1\1"),)
    assert package.filters.suppress == ("*xx", "#xx")
    assert package.limits["concurrent_calls"] == 4


def test_what_is_left_out_has_its_default() -> None:
    package = a_package()

    assert (package.rate_plan, package.tier_mode, package.no_rate_policy) == ("tariff", "graduated", "hold")
    assert (package.markup, package.adder, package.cost_decimals) == (0, 0, 6)
    assert (package.realtime, package.bill_inbound, package.fallback) == (False, False, True)
    assert (package.tariff, package.max_covered_price, package.overage_price) == (None, None, None)
    assert package.included_scope == Scope(frozenset({Direction.OUTBOUND}))


def test_an_empty_text_is_an_absent_value() -> None:
    empty = dict.fromkeys(("tariff", "inbound_tariff", "max_covered_price", "overage_per_minute", "trunk_prefix"), "")

    assert a_package(**empty) == a_package()


@pytest.mark.parametrize(
    ("kind", "written", "included"),
    [("metered", {}, 0), ("flat", {}, 0), ("unlimited", {}, None), ("hybrid", {"included_seconds_per_period": 60}, 60)],
)
def test_what_is_included_where_nothing_is_said_depends_on_the_type(
    kind: str, written: dict[str, int], included: int | None
) -> None:
    package = a_package(type=kind, **written)

    assert package.included_seconds == included


@pytest.mark.parametrize(
    ("written", "markup"), [("25", 250_000), (25, 250_000), ("-100", -1_000_000), ("0.0001", 1), ("33.3333", 333_333)]
)
def test_a_markup_is_a_surcharge_in_percent(written: object, markup: int) -> None:
    assert a_package(markup_percent=written).markup == markup


@pytest.mark.parametrize(
    ("written", "increments"),
    [
        ({}, MINUTES),
        ({"step_seconds": 6}, Increments(6, 6)),
        ({"first_seconds": 30, "step_seconds": 6}, Increments(30, 6)),
        ({"first_seconds": 30}, Increments(30, 60)),
        ({"step_seconds": 1, "min_seconds": 30, "grace_seconds": 5}, Increments(1, 1, 30, 5)),
    ],
)
def test_the_first_block_is_a_step_where_only_the_step_is_given(
    written: dict[str, int], increments: Increments
) -> None:
    package = a_package(outbound=written)

    assert package.outbound is not None
    assert package.outbound.increments == increments


def test_the_smallest_and_the_largest_that_may_be_said_are_taken() -> None:
    least = a_package(product_id=1, max_call_seconds=1, fair_use_concurrency=1, cost_decimals=0, retention_days=0)
    most = a_package(rollover_periods=3, cost_decimals=6, retention_days=3650, limits={"dids": 1_000_000})
    steps = a_package(outbound={"first_seconds": 86_400, "step_seconds": 1})

    assert (least.product_id, least.max_call_seconds, least.fair_use_concurrency, least.cost_decimals) == (1, 1, 1, 0)
    assert (most.rollover_periods, most.policies["retention_days"], most.limits["dids"]) == (3, 3650, 1_000_000)
    assert steps.outbound is not None
    assert steps.outbound.increments == Increments(86_400, 1)
    guards = {"night_from_hour": 0, "night_to_hour": 23, "calls_to_one_number_per_hour": 1, "new_and_expensive_days": 1}
    assert a_package(guards=guards).guards == guards


def test_empty_lists_of_a_scope_cover_everything() -> None:
    package = a_package(included_scope={"directions": [], "countries": [], "types": [], "except": []})

    assert package.included_scope == Scope(frozenset({Direction.OUTBOUND, Direction.INBOUND}))


def test_filters_are_a_list_or_one_text_with_commas() -> None:
    field, rows = a_package(filters={"suppress": "*xx, #xx,1800XXXXXXX"}), ["*xx", "#xx", "1800xxxxxxx"]

    assert list(field.filters.suppress) == rows
    assert a_package(filters={"suppress": rows}) == field


def test_a_special_number_costs_by_the_call_by_the_minute_or_both() -> None:
    written = {"pattern": "1300", "mode": "hybrid", "per_call": "0.20", "per_minute": "0.03", "step_seconds": 1}

    [special] = a_package(special_numbers=[written | {"kind": "regex", "priority": 0, "name": "Both"}]).special_numbers
    assert (special.per_call, special.price, special.step_seconds) == (2 * 10**9, 3 * 10**8, 1)
    assert (special.kind, special.priority, special.name, special.enabled) == ("regex", 0, "Both", True)


def test_faxes_cost_by_the_page_or_by_the_minute() -> None:
    package = a_package(fax={"per_page": "0.03"}, fax_inbound={"per_minute": "0.01", "step_seconds": 6})

    assert (package.fax, package.fax_inbound) == (Fax(3 * 10**8, 0, 60), Fax(0, 10**8, 6))


def test_a_special_number_may_hold_for_a_time() -> None:
    rule = {"pattern": "1300", "per_call": "0.35", "effective_from": "2026-01-31T00:00:00Z"}

    [special] = a_package(special_numbers=[rule]).special_numbers
    assert special.effective_from == datetime(2026, 1, 31, tzinfo=UTC)
    assert special.effective_to is None


def test_f17_a_package_says_features_and_how_many_of_everything() -> None:
    counted = ("users", "devices", "ring_groups", "ivrs", "queues", "extensions", "gateways", "dids")
    package = a_package(features={"voicemail": True, "call_recording": False}, limits=dict.fromkeys(counted, 3))

    assert package.features == {"voicemail": True, "call_recording": False}
    assert package.limits == dict.fromkeys(counted, 3)
    assert a_package(limits={"queues": 0}).limits == {"queues": 0}  # none, while nothing said is as many as one likes


def test_f29_every_key_that_the_product_needs_is_read() -> None:
    package = a_package(
        type="unlimited",
        inbound_tariff="did_2026",
        conference={"per_participant_minute": "0.02", "per_session": "0.10", "step_seconds": 6},
        fax={"per_page": "0.03", "per_minute": "0.01"},
        fair_use_seconds=60_000,
        included_scope={"directions": ["inbound"], "countries": ["GB"], "types": ["mobile"], "except": ["4487"]},
        overage_per_minute="0.04",
        usage_period="calendar_month",
        max_call_seconds=14_400,
        tax="at_usage",
        balance="bridge_wallet",
    )

    assert package.inbound_tariff == "did_2026"
    assert package.conference == Conference(price=2 * 10**8, per_session=10**9, step_seconds=6)
    assert package.fax == Fax(per_page=3 * 10**8, price=10**8, step_seconds=60)
    assert package.included_scope == Scope(
        frozenset({Direction.INBOUND}), frozenset({"GB"}), frozenset({"mobile"}), ("4487",)
    )
    assert (package.fair_use_seconds, package.overage_price, package.max_call_seconds) == (60_000, 4 * 10**8, 14_400)
    assert (package.usage_period, package.policies["tax"], package.balance) == (
        "calendar_month",
        "at_usage",
        "bridge_wallet",
    )
    assert read_package(package_document(package)) == package


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        ("usage_period", "package.usage_period is 'weekly'; it is one of anchor, calendar_month"),
        ("tax", "package.tax is 'weekly'; it is one of at_top_up, at_usage, none"),
        ("balance", "package.balance is 'weekly'; it is one of whmcs_credit, bridge_wallet"),
    ],
)
def test_f29_another_word_than_those_of_a_key_is_refused(key: str, rule: str) -> None:
    assert faults_of(**{key: "weekly"}) == [rule]


# --- tiers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spans",
    [
        ("0-500", "501-1000", "1000+"),
        ("0-500", "500-1000", "1000+"),
        ("0 - 500", "501 – 1000", "1001+"),
        ("1-500", "501-1000", "1001+"),
        ("500", "1000", None),
        ("0-500", "501-1000", None),
    ],
)
def test_ranges_of_minutes_are_read_as_cut_points(spans: tuple[str | None, ...]) -> None:
    """products.md 7.1: half a minute after 500 has a price, and minute 1000 has one."""
    written = [{"per_minute": "0.02"} | ({} if span is None else {"minutes": span}) for span in spans]

    package = a_package(rate_plan="tiered", tiers=written)
    assert cut_points(package) == [30_000, 60_000, None]
    assert package.tier_mode is TierMode.GRADUATED


def test_cut_points_are_minutes_up_to_which_a_price_holds() -> None:
    written = [{"up_to_minutes": 500, "per_minute": "0.02"}, {"up_to_minutes": "1000.5", "per_minute": "0.015"}]

    package = a_package(rate_plan="tiered", tiers=[*written, {"per_minute": "0.01"}])
    assert package.tiers == (Tier(30_000, 2 * 10**8), Tier(60_030, 15 * 10**7), Tier(None, 10**8))
    assert package_document(package)["tiers"] == [
        {"up_to_minutes": 500, "per_minute": "0.02"},
        {"up_to_minutes": "1000.5", "per_minute": "0.015"},
        {"per_minute": "0.01"},
    ]


def test_a_cut_point_may_be_as_far_as_anybody_calls() -> None:
    assert cut_points(a_package(**tiers("0-10000000", "10000000+"))) == [600_000_000, None]


def test_who_wrote_ranges_is_told_how_they_are_read() -> None:
    told: list[str] = []

    read_package(the_least(**tiers("0-500", "501-1000", "1000+")), note=told.append)
    assert told == [
        "package.tiers: the ranges are read as the cut points 500 and 1000: a tier ends where the next begins"
    ]


@pytest.mark.parametrize(
    ("spans", "fault"),
    [
        (("0-500", "600+"), "package.tiers[1] begins at 600: from 500 there is a gap"),
        (("0-500", "502+"), "package.tiers[1] begins at 502: from 500 there is a gap"),
        (("10-500", "500+"), "package.tiers[0] begins at 10: from 0 there is a gap"),
        (("0-500", "400-1000", "1000+"), "package.tiers[1] begins at 400 and overlaps with what ends at 500"),
        (("500", "500", "1000+"), "package.tiers[1] ends at 500, which is not after 500"),
        (("500", "400", "1000+"), "package.tiers[1] ends at 400, which is not after 500"),
        (("500-500", "500+"), "package.tiers[0] begins at 500: from 0 there is a gap"),
        (("0-0", "0+"), "package.tiers[0] ends at 0, which is not after 0"),
        (("0-500", "500+", "1000+"), "package.tiers[1] has no end, and only the last tier may have none"),
        (("0-500",), "package.tiers[0] ends at 500, and the minutes above have no price; the last has no end"),
        (
            ("0-500", "many"),
            "package.tiers[1].minutes is 'many', which is neither minutes such as 500 nor a range such",
        ),
        (("٥٠٠", "500+"), "package.tiers[0].minutes is '٥٠٠', which is neither minutes such as 500"),
        (("0.001", "1+"), "package.tiers[0].minutes is '0.001', which is not a whole number of seconds"),
        (("1e3", "1000+"), "package.tiers[0].minutes is '1e3', which is neither minutes such as 500"),
        (("100000000", "1000+"), "package.tiers[0].minutes is '100000000', which is more than 10000000 minutes"),
        ((True, "500+"), "package.tiers[0].minutes is neither whole minutes nor a range in quotes"),
        ((500.5, "500+"), "package.tiers[0].minutes is neither whole minutes nor a range in quotes"),
    ],
)
def test_tiers_with_gaps_or_overlaps_are_refused(spans: tuple[Any, ...], fault: str) -> None:
    assert any(each.startswith(fault) for each in faults_of(**tiers(*spans)))


def test_tiers_that_price_nothing_may_have_an_end() -> None:
    package = a_package(tiers=[{"up_to_minutes": 500, "per_minute": "0.02"}])

    assert cut_points(package) == [30_000]


def test_a_tier_says_its_end_once() -> None:
    written = [{"minutes": "0-500", "up_to_minutes": 500, "per_minute": "1"}]

    assert faults_of(tiers=written) == ["package.tiers[0].minutes and up_to_minutes say the same; write one of them"]


# --- what is refused -------------------------------------------------------------------------------------------------

ONE_FAULT: list[tuple[dict[str, Any], str]] = [
    # required
    ({"name": ""}, "package.name is missing"),
    ({"product_id": None}, "package.product_id is missing"),
    ({"type": ""}, "package.type is missing"),
    ({"currency": ""}, "package.currency is missing"),
    ({"country": ""}, "package.country is missing"),
    # unknown keys and values
    ({"markup": "25"}, "package.markup is not known; is markup_percent meant?"),
    ({"frobnicate": 1}, "package.frobnicate is not known"),
    ({"outbound": {"permin": "1"}}, "package.outbound.permin is not known; is per_minute meant?"),
    ({"limits": {"extension": 1}}, "package.limits.extension is not known; is extensions meant?"),
    ({"guards": {"spies": 1}}, "package.guards.spies is not known"),
    ({"type": "prepaid"}, "package.type is 'prepaid'; it is one of metered, unlimited, hybrid, flat"),
    ({"type": ["metered"]}, "package.type is a list; it is one of metered, unlimited, hybrid, flat"),
    ({"rate_plan": "tarif"}, "package.rate_plan is 'tarif'; it is one of tariff, flat, tiered; is tariff meant?"),
    ({"no_rate_policy": "free"}, "package.no_rate_policy is 'free'; it is one of hold, zero, reject"),
    ({"usage_period": "week"}, "package.usage_period is 'week'; it is one of anchor, calendar_month"),
    ({"tax": "always"}, "package.tax is 'always'; it is one of at_top_up, at_usage, none"),
    # types and bounds
    ({"name": "a\nb"}, "package.name is 'a?b'; it is one line of 1 to 255 characters"),
    ({"name": 7}, "package.name is 7; it is one line of 1 to 255 characters"),
    ({"product_id": "12"}, "package.product_id is '12'; it is a whole number, without quotes"),
    ({"product_id": 0}, "package.product_id is 0; it is a whole number from 1 to 9007199254740992"),
    ({"product_id": True}, "package.product_id is true; it is a whole number, without quotes"),
    ({"realtime": "yes"}, "package.realtime is 'yes'; it is true or false, without quotes"),
    ({"cost_decimals": 7}, "package.cost_decimals is 7; it is a whole number from 0 to 6"),
    ({"cost_decimals": -1}, "package.cost_decimals is -1; it is a whole number from 0 to 6"),
    ({"rollover_periods": 4}, "package.rollover_periods is 4; it is a whole number from 0 to 3"),
    ({"max_call_seconds": 0}, "package.max_call_seconds is 0; it is a whole number from 1 to 1000000000"),
    ({"included_seconds_per_period": -1}, "package.included_seconds_per_period is -1; it is a whole number from 0 to"),
    ({"trunk_prefix": "0x"}, "package.trunk_prefix is '0x'; it is 1 to 15 digits"),
    ({"area_code": "٤١٦"}, "package.area_code is '٤١٦'; it is 1 to 15 digits"),
    ({"outbound": []}, "package.outbound is a list, not a table"),
    ({"tiers": "0-500"}, "package.tiers is the text '0-500', not a list of tables"),
    ({"tiers": ["0-500"]}, "package.tiers[0] is the text '0-500', not a table"),
    ({"outbound": {"step_seconds": 0}}, "package.outbound.step_seconds is 0; it is a whole number from 1 to 86400"),
    ({"limits": {"dids": -1}}, "package.limits.dids is -1; it is a whole number from 0 to 1000000"),
    ({"limits": {"dids": "5"}}, "package.limits.dids is '5'; it is a whole number, without quotes"),
    ({"features": {"voicemail": 1}}, "package.features.voicemail is 1; it is true or false, without quotes"),
    ({"features": {"Voice Mail": True}}, 'package.features."Voice Mail" is not a name of a-z, 0-9 and _'),
    # currencies, countries, time zones, types of numbers
    ({"currency": "EURO"}, "package.currency is 'EURO', which is no currency of ISO 4217"),
    ({"currency": "usd"}, "package.currency is 'usd', which is no currency of ISO 4217; is USD meant?"),
    ({"currency": "BTC"}, "package.currency is 'BTC', which is no currency of ISO 4217"),
    ({"country": "UK"}, "package.country is 'UK', which is no country of ISO 3166 with a numbering plan; is GB meant?"),
    ({"country": "1"}, "package.country is '1', which is no country of ISO 3166 with a numbering plan"),
    ({"time_zone": "London"}, "package.time_zone is 'London', which is no time zone known here"),
    ({"time_zone": "../../etc/passwd"}, "package.time_zone is '../../etc/passwd'; it is a time zone such as"),
    ({"included_scope": {"types": ["cell"]}}, "package.included_scope.types[0] is 'cell'; it is one of fixed_line,"),
    ({"included_scope": {"directions": ["local"]}}, "package.included_scope.directions[0] is 'local'; it is one of"),
    ({"included_scope": {"countries": ["XX"]}}, "package.included_scope.countries is 'XX', which is no country"),
    (
        {"included_scope": {"except": ["4487", "4487"]}},
        "package.included_scope.except[1] is '4487', which the list has",
    ),
    ({"included_scope": {"except": "4487"}}, "package.included_scope.except is the text '4487', not a list of texts"),
    # amounts
    ({"adder_per_minute": "0.00000000001"}, "package.adder_per_minute is '0.00000000001': more than 10 decimals"),
    ({"adder_per_minute": "1e-3"}, "package.adder_per_minute is '1e-3': not a number such as 0.0125"),
    ({"adder_per_minute": "0,01"}, "package.adder_per_minute is '0,01': not a number such as 0.0125"),
    ({"adder_per_minute": "-0.0"}, "package.adder_per_minute is '-0.0'; zero has no sign"),
    ({"adder_per_minute": "-0.01"}, "package.adder_per_minute is '-0.01'; a price is never negative"),
    ({"adder_per_minute": "٠.٠١"}, "package.adder_per_minute is '٠.٠١': not a number such as 0.0125"),
    ({"adder_per_minute": "nan"}, "package.adder_per_minute is 'nan': not a number such as 0.0125"),
    ({"adder_per_minute": "USD 1"}, "package.adder_per_minute is 'USD 1': not a number such as 0.0125"),
    ({"adder_per_minute": 0.01}, 'package.adder_per_minute is 0.01; write it in quotes, such as "0.0125"'),
    ({"adder_per_minute": True}, 'package.adder_per_minute is true; write it in quotes, such as "0.0125"'),
    ({"adder_per_minute": "1" * 13}, "package.adder_per_minute is '1111111111111': more than 12 digits before the"),
    ({"markup_percent": "0.00001"}, "package.markup_percent has more than 4 decimals"),
    ({"markup_percent": "-100.0001"}, "package.markup_percent is below -100: a call would pay its caller"),
    ({"tiers": [{}]}, "package.tiers[0].per_minute is missing"),
    ({"overrides": [{"prefix": "27"}]}, "package.overrides[0].per_minute is missing"),
    ({"overrides": [{"per_minute": "1"}]}, "package.overrides[0].prefix is missing"),
    (
        {"overrides": [{"prefix": "+27", "per_minute": "1"}]},
        "package.overrides[0].prefix is '+27'; it is 1 to 15 digits",
    ),
    ({"destinations": [{"included_seconds": 60}]}, "package.destinations[0].prefixes is missing"),
    ({"destinations": [{"prefixes": []}]}, "package.destinations[0].prefixes is empty"),
    ({"conference": {"per_session": "1"}}, "package.conference.per_participant_minute is missing"),
    ({"fax": {"step_seconds": 6}}, "package.fax has neither per_page nor per_minute"),
    # special numbers, rewriting, filters
    ({"special_numbers": [{"per_call": "1"}]}, "package.special_numbers[0].pattern is missing"),
    (
        {"special_numbers": [{"kind": "regex", "per_call": "1"}]},
        "package.special_numbers[0].pattern is missing",
    ),
    ({"special_numbers": [{"pattern": "13"}]}, "package.special_numbers[0].per_call is missing"),
    (
        {"special_numbers": [{"pattern": "13", "mode": "per_minute"}]},
        "package.special_numbers[0].per_minute is missing",
    ),
    (
        {"special_numbers": [{"pattern": "13", "mode": "hybrid", "per_call": "1"}]},
        "package.special_numbers[0].per_minute is missing",
    ),
    (
        {"special_numbers": [{"pattern": "13xx", "per_call": "1"}]},
        "package.special_numbers[0].pattern is '13xx'; it is",
    ),
    (
        {"special_numbers": [{"pattern": "13", "per_call": "1", "effective_from": "2026-01-31"}]},
        "package.special_numbers[0].effective_from is no time with an offset",
    ),
    (
        {
            "special_numbers": [
                {
                    "pattern": "13",
                    "per_call": "1",
                    "effective_from": "2026-01-31T00:00:00Z",
                    "effective_to": "2026-01-31T01:00:00+01:00",
                }
            ]
        },
        "package.special_numbers[0].effective_to is not after effective_from",
    ),
    (
        {"special_numbers": [{"pattern": "(1", "kind": "regex", "per_call": "1"}]},
        "package.special_numbers[0].pattern is '(1', which is no regular expression: missing )",
    ),
    (
        {"special_numbers": [{"pattern": "(1+)+$", "kind": "regex", "per_call": "1"}]},
        "package.special_numbers[0].pattern is '(1+)+$', which repeats a group",
    ),
    ({"rewrite": "9"}, "package.rewrite is not a list of pairs [pattern, replacement]"),
    ({"rewrite": [["9"]]}, "package.rewrite[0] is not a pair of texts [pattern, replacement]"),
    ({"rewrite": [["9", "1"], ["^9", r"\1"]]}, r"package.rewrite[1] is '^9' to '\1', which refers to group 1, and its"),
    ({"rewrite": [["^9(.)", "$1"]]}, "package.rewrite[0] is '^9(.)' to '$1', which may hold digits, and"),
    ({"filters": {"suppress": "18-00"}}, "package.filters.suppress[0] is '18-00'; it is digits with x for any digit"),
    ({"filters": {"unbilled": 1800}}, "package.filters.unbilled is 1800, not a list of texts"),
    ({"filters": {"unbilled": "1800,"}}, "package.filters.unbilled[1] is ''; it is digits with x for any digit"),
    # options
    ({"options": {"Seats": "extensions"}}, "package.options.Seats is the text 'extensions', not a table"),
    ({"options": {"Seats": {}}}, "package.options.Seats stands for either a limit or a feature"),
    ({"options": {"Seats": {"limit": "dids", "feature": "fax"}}}, "package.options.Seats stands for either a limit or"),
    ({"options": {"Seats": {"limit": "seats"}}}, "package.options.Seats.limit is 'seats'; it is one of "),
    (
        {"options": {"A b": {"limit": "dids", "how": "sub"}}},
        "package.options.\"A b\".how is 'sub'; it is one of add, r",
    ),
    # contradictions
    ({"type": "hybrid"}, "package.included_seconds_per_period is missing"),
    (
        {"type": "unlimited", "included_seconds_per_period": 0},
        "package.included_seconds_per_period is 0 in an unlimited package; leave it out",
    ),
    (
        {"type": "unlimited", "fair_use_seconds": 0},
        "package.fair_use_seconds is 0 in an unlimited package, of which nothing is left; leave it out",
    ),
    ({"rate_plan": "tiered"}, "package.tiers is missing; rate_plan tiered needs it"),
    ({"rate_plan": "flat"}, "package.outbound.per_minute is missing; rate_plan flat needs it"),
    ({"rate_plan": "flat", "outbound": {"step_seconds": 6}}, "package.outbound.per_minute is missing; rate_plan flat"),
    (
        {"overrides": [{"prefix": "27", "per_minute": "1"}, {"prefix": "27", "per_minute": "2", "direction": "both"}]},
        "package.overrides[1].prefix is 27, which another override has outbound at another price",
    ),
    (
        {"destinations": [{"prefixes": ["48"]}, {"prefixes": ["49", "48"]}]},
        "package.destinations[1].prefixes has 48, which destinations[0] has too",
    ),
    (
        {"destinations_allowed": {"block_prefixes": ["1876"], "allow_prefixes": ["1876"]}},
        "package.destinations_allowed.allow_prefixes allows 1876, which block_prefixes blocks",
    ),
    ({"suspend_policy": "domain"}, "package.suspend_policy is domain, and nobody suspended so can call for help"),
    (
        {"balance_policy": "prepaid_grace"},
        "package.balance_grace_days is for balance_policy prepaid_grace, which needs",
    ),
]


@pytest.mark.parametrize(("written", "fault"), ONE_FAULT, ids=[fault[:60] for _, fault in ONE_FAULT])
def test_what_is_wrong_is_told_with_the_path_of_its_key(written: dict[str, Any], fault: str) -> None:
    [told] = faults_of(**written)

    assert told.startswith(fault)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    faults = faults_of(currency="XYZ", markup="1", outbound={"per_minute": "free", "steps": 6}, realtime=1)

    assert [each.split(" ")[0] for each in faults] == [
        "package.currency",
        "package.realtime",
        "package.outbound.per_minute",
        "package.outbound.steps",
        "package.markup",
    ]


@pytest.mark.parametrize("policy", ["extensions", "domain"])
def test_a_suspension_that_stops_emergency_calls_needs_a_person_who_answers_for_it_f19(policy: str) -> None:
    package = a_package(suspend_policy=policy, emergency_accepted_by="Jo Brown")

    assert package.policies == {"suspend_policy": policy, "emergency_accepted_by": "Jo Brown"}
    assert faults_of(suspend_policy=policy) == [
        f"package.suspend_policy is {policy}, and nobody suspended so can call for help; take dial_restrict, or name "
        "the person who answers for it in emergency_accepted_by"
    ]


@pytest.mark.parametrize("policy", ["dial_restrict", "gateway"])
def test_a_suspension_that_leaves_emergency_calls_open_needs_nobody_f19(policy: str) -> None:
    assert a_package(suspend_policy=policy).policies == {"suspend_policy": policy}


# --- files -----------------------------------------------------------------------------------------------------------


def load(folder: Path, text: str | bytes) -> Package:
    path = folder / "basic.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_package(path)


BASIC = '[package]\nname = "Basic"\nproduct_id = 12\ntype = "metered"\ncurrency = "USD"\ncountry = "CA"\n'


def test_a_file_of_as_many_bytes_as_may_be_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.toml"
    text = '[package]\nname = "A"\nproduct_id = 1\ntype = "flat"\ncurrency = "USD"\ncountry = "CA"\n#'
    path.write_text(text.ljust(FILE_BYTES_MAX, "x"))

    assert load_package(path).name == "A"

    path.write_text(text.ljust(FILE_BYTES_MAX + 1, "x"))
    with pytest.raises(BadPackage, match=f"is more than {FILE_BYTES_MAX} bytes"):
        load_package(path)


def test_a_byte_order_mark_is_not_part_of_a_package(tmp_path: Path) -> None:
    assert load(tmp_path, b"\xef\xbb\xbf" + BASIC.encode()) == a_package()


def test_a_fault_in_a_file_is_told_with_its_line(tmp_path: Path) -> None:
    rest = """
[[package.tiers]]
up_to_minutes = 500
per_minute = "0.02"

[[package.tiers]]
per_minute = 0.01

[package.included_scope]
countries = [
  "CA",
  "XX",
]
"""
    with pytest.raises(BadPackage) as refused:
        load(tmp_path, BASIC.replace('"USD"', '"XYZ"') + rest)

    told = [each.removeprefix(f"{tmp_path}/basic.toml: ") for each in str(refused.value).splitlines()]
    assert [each.split(" is ")[0] for each in told] == [
        "line 5: package.currency",
        "line 19: package.included_scope.countries",
        "line 13: package.tiers[1].per_minute",
    ]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"\x00\x01\x02", "is not TOML: "),
        (b"\xff\xfe", "is not UTF-8 at byte 0"),
        (BASIC.encode() * 2, "is not TOML: Cannot declare ('package',) twice (at line 7, column 9)"),
        (b"", "package is missing"),
        (b"package = 7", "line 1: package is 7, not a table"),
        (BASIC.encode() + b"[tariff]\nname = 'x'\n", "line 7: tariff is not known"),
        (b"a = " + b"[" * 100_000, "is not TOML: "),
        (b"a = " + b"1" * 5_000, "is not TOML: "),
        (b"#" * 4_000_001, "is more than 4000000 bytes"),
    ],
)
def test_what_is_no_package_file_is_refused_with_its_name(tmp_path: Path, content: bytes, fault: str) -> None:
    with pytest.raises(BadPackage) as refused:
        load(tmp_path, content)

    assert str(refused.value).startswith(f"{tmp_path}/basic.toml: {fault}")


def test_a_file_that_is_not_there_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(BadPackage, match=r"basic\.toml: cannot be read: No such file or directory"):
        load_package(tmp_path / "basic.toml")


# --- the way back ----------------------------------------------------------------------------------------------------

DIGITS = st.text("0123456789", min_size=1, max_size=15)
PREFIXES = st.lists(DIGITS, max_size=3, unique=True)
AMOUNTS = st.integers(0, 10**14).map(price_text)
SECONDS = st.integers(0, 10**9)
STEPS = st.integers(1, 86_400)
LINES = st.text(string.ascii_letters + " &<>\"'\\é漢", min_size=1, max_size=30)
WAYS = st.sampled_from(["outbound", "inbound", "both"])
COUNTRIES = st.lists(st.sampled_from(["CA", "US", "GB", "PL", "IT"]), max_size=3, unique=True)
TYPES = st.lists(st.sampled_from(NUMBER_TYPES), max_size=3, unique=True)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)).map(datetime.isoformat)  # noqa: DTZ001 - hypothesis wants bounds without a zone
INCREMENTS: dict[str, Any] = {
    "first_seconds": STEPS,
    "step_seconds": STEPS,
    "min_seconds": st.integers(0, 86_400),
    "grace_seconds": st.integers(0, 86_400),
}


def table(required: dict[str, Any] | None = None, **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required or {}, optional=optional)


@st.composite
def tier_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    points = sorted(draw(st.sets(st.integers(1, 10**6), max_size=4)))
    ends: list[dict[str, Any]] = [{"up_to_minutes": point} for point in points]
    return [end | {"per_minute": draw(AMOUNTS)} for end in [*ends, {}]]


SPECIALS = table(
    {"pattern": DIGITS, "per_call": AMOUNTS, "per_minute": AMOUNTS},
    direction=WAYS,
    mode=st.sampled_from(["flat_per_call", "per_minute", "hybrid"]),
    step_seconds=STEPS,
    priority=st.integers(0, 10**9),
    name=LINES,
    enabled=st.booleans(),
    effective_from=MOMENTS,
)

DOCUMENTS = table(
    {
        "name": LINES,
        "product_id": st.integers(1, 2**53),
        "type": st.sampled_from(PackageType).map(str),
        "currency": st.sampled_from(["USD", "EUR", "JPY", "KWD"]),
        "country": st.sampled_from(["CA", "GB", "IT"]),
        "included_seconds_per_period": st.integers(1, 10**9),
        "outbound": table({"per_minute": AMOUNTS}, **INCREMENTS),
        "tiers": tier_lists(),
    },
    tariff=LINES,
    rate_plan=st.sampled_from(["tariff", "flat", "tiered"]),
    tier_mode=st.sampled_from(["graduated", "volume"]),
    markup_percent=st.integers(-1_000_000, 10**9).map(lambda each: price_text(each * 10**6)),
    adder_per_minute=AMOUNTS,
    nanp_10_digit=st.booleans(),
    trunk_prefix=DIGITS,
    rewrite=st.lists(st.sampled_from([[r"^9(\d+)$", r"\1"], ["^00", ""], ["^0([1-9])", r"44\g<1>"]]), max_size=2),
    time_zone=st.sampled_from(["UTC", "Europe/London", "America/St_Johns"]),
    included_scope=table(
        directions=st.lists(st.sampled_from(["outbound", "inbound"]), unique=True),
        countries=COUNTRIES,
        types=TYPES,
        except_=PREFIXES,
    ).map(lambda each: {name.rstrip("_"): value for name, value in each.items()}),
    max_covered_price=AMOUNTS,
    fair_use_seconds=st.integers(1, 10**9),
    overage_per_minute=AMOUNTS,
    usage_period=st.sampled_from(["anchor", "calendar_month"]),
    rollover_periods=st.integers(0, 3),
    pool=st.booleans(),
    consume=st.sampled_from(["billed", "actual"]),
    free_seconds_per_call=SECONDS,
    max_call_seconds=st.integers(1, 10**9),
    inbound_tariff=LINES,
    realtime=st.booleans(),
    cost_decimals=st.integers(0, 6),
    no_rate_policy=st.sampled_from(["hold", "zero", "reject"]),
    fallback=st.booleans(),
    inbound=table(per_minute=AMOUNTS, **INCREMENTS),
    destinations=st.lists(
        table({"prefixes": st.lists(DIGITS, min_size=1, max_size=2)}, included_seconds=SECONDS, per_minute=AMOUNTS),
        max_size=2,
        unique_by=lambda each: frozenset(each["prefixes"]),
    ),
    overrides=st.lists(table({"prefix": DIGITS, "per_minute": AMOUNTS}, direction=WAYS, **INCREMENTS), max_size=2),
    special_numbers=st.lists(SPECIALS, max_size=3),
    filters=table(
        suppress=st.lists(st.sampled_from(["*xx", "#xx", "[voicemail]", "[inbound]800xxxxxxx"]), unique=True)
    ),
    conference=table({"per_participant_minute": AMOUNTS}, per_session=AMOUNTS, free_seconds_per_period=SECONDS),
    fax=table({"per_page": AMOUNTS}, per_minute=AMOUNTS),
    fax_inbound=table({"per_minute": AMOUNTS}, step_seconds=STEPS),
    destinations_allowed=table(countries=COUNTRIES, block_types=TYPES, block_prefixes=PREFIXES),
    suspend_policy=st.sampled_from(["dial_restrict", "gateway"]),
    retention_days=st.integers(0, 3650),
    guards=table(night_from_hour=st.integers(0, 23), new_and_expensive_per_minute=AMOUNTS),
    options=st.dictionaries(LINES, table({"limit": st.sampled_from(sorted(LIMITS))}), max_size=2),
    features=st.dictionaries(st.sampled_from(["voicemail", "recording"]), st.booleans()),
    limits=st.dictionaries(st.sampled_from(sorted(LIMITS)), st.integers(0, 10**6)),
)


@given(DOCUMENTS)
def test_a_package_that_reads_writes_back_to_the_same_package(document: dict[str, Any]) -> None:
    try:
        package = read_package(document)
    except BadPackage:  # two prices for one prefix, a prefix in two bundles
        return

    written = json.loads(json.dumps(package_document(package)))
    assert read_package(written) == package
    assert package_document(read_package(written)) == written


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from([*package_document(load_package(SAMPLE)), "rewrite", "guards", "tax"]), JUNK)
def test_no_value_of_a_key_is_more_than_refused(name: str, value: object) -> None:
    document = package_document(load_package(SAMPLE)) | {name: value}

    with contextlib.suppress(BadPackage):
        read_package(document)
