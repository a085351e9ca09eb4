"""`package lint`: what has a meaning and is probably not meant (products.md 4.8, F-17, F-27)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.rating.decks.deck import Deck
from bridge.rating.packages.file import read_package
from bridge.rating.packages.finding import Finding, Severity, few
from bridge.rating.packages.lint import Abilities, Decks, lint
from bridge.rating.price import read_price
from bridge.rating.rate import Increments, Rate
from tests.factories import an_ordinary

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def a_deck(*rows: str, **changed: Any) -> Deck:
    """Rows as a clerk writes them: `1204 0.01 60/6`."""
    return Deck.of(map(a_rate, rows), **({"currency": "USD", "name": "deck"} | changed))


def a_rate(row: str) -> Rate:
    prefix, price, *rest = row.split()
    steps = [int(each) for each in rest[0].split("/")] if rest else [60, 60]
    return Rate(prefix, read_price(price), Increments(steps[0], steps[-1]), is_custom="custom" in rest)


def findings(
    *,
    tariff: Deck | None = None,
    cost: Deck | None = None,
    dids: Deck | None = None,
    abilities: Iterable[Abilities] = (),
    **package: Any,
) -> list[Finding]:
    return lint(read_package(an_ordinary(**package)), NOON, Decks(tariff, dids, cost), abilities)


def told(code: str, **asked: Any) -> Finding:
    [found] = [each for each in findings(**asked) if each.code == code]
    return found


def codes(**asked: Any) -> set[str]:
    return {each.code for each in findings(**asked)}


def test_an_ordinary_package_has_no_finding() -> None:
    deck = a_deck("1 0.01", "1900 1.50", "44 0.02", "44871 0.30", "44872 0.30")

    assert findings(markup_percent="25") == []
    assert "markup_convention" not in codes(tariff=deck, markup_percent="25")
    assert {each.severity for each in findings(tariff=deck, markup_percent="25")} <= {Severity.NOTE}


# --- alone -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markup", "factor", "surcharge"), [("120", "2.2", "20"), ("250", "3.5", "150"), (100, "2", "0")]
)
def test_a_markup_of_a_hundred_or_more_may_be_meant_as_percent_of_the_base(
    markup: object, factor: str, surcharge: str
) -> None:
    """products.md 4.3"""
    found = told("markup_convention", markup_percent=markup)

    assert found.path == "package.markup_percent"
    assert f"is {factor} times the price" in found.sentence
    assert found.sentence.endswith(f"it is {surcharge} here")


ALONE: list[tuple[str, str, dict[str, Any]]] = [
    ("unlimited_without_fair_use", "fair_use_seconds", {"type": "unlimited"}),
    ("unlimited_with_bound", "included_seconds_per_period", {"type": "unlimited", "included_seconds_per_period": 60}),
    ("realtime_with_allowance", "included_seconds_per_period", {"realtime": True, "included_seconds_per_period": 60}),
    ("unscoped_allowance", "included_scope", {"included_seconds_per_period": 60}),
    ("unscoped_allowance", "included_scope", {"type": "unlimited", "fair_use_seconds": 60}),
    ("nanp_outside_north_america", "nanp_10_digit", {"country": "GB", "nanp_10_digit": True}),
    ("national_numbers_unread", "prefix_correction", {"country": "GB"}),
    ("national_numbers_unread", "prefix_correction", {"country": "CA", "nanp_10_digit": False}),
    ("national_numbers_unread", "prefix_correction", {"country": "DK"}),
    ("gives_unrated_away", "no_rate_policy", {"no_rate_policy": "zero"}),
    ("inbound_without_price", "bill_inbound", {"bill_inbound": True}),
    ("flat_by_another_plan", "rate_plan", {"type": "flat"}),
    ("closes_emergency_calls", "suspend_policy", {"suspend_policy": "domain", "emergency_accepted_by": "Jo Brown"}),
    ("unused", "tiers", {"tiers": [{"per_minute": "1"}]}),
    (
        "unused",
        "outbound.per_minute",
        {"rate_plan": "tiered", "tiers": [{"per_minute": "1"}], "outbound": {"per_minute": "1"}},
    ),
    ("unused", "markup_percent", {"rate_plan": "flat", "outbound": {"per_minute": "1"}, "markup_percent": "25"}),
    ("unused", "max_covered_price", {"max_covered_price": "1"}),
    ("overage_from_the_start", "overage_per_minute", {"overage_per_minute": "1"}),
    ("unused", "rollover_periods", {"rollover_periods": 2}),
    ("unused", "fair_use_seconds", {"fair_use_seconds": 60}),
    ("unused", "trunk_prefix", {"trunk_prefix": "0"}),
    ("unused", "inbound.per_minute", {"inbound": {"per_minute": "1"}}),
    ("unused", "inbound_tariff", {"inbound_tariff": "dids"}),
    ("unused", "destinations[0]", {"destinations": [{"prefixes": ["48"]}]}),
    (
        "unused",
        "special_numbers[0].per_minute",
        {"special_numbers": [{"pattern": "13", "per_call": "1", "per_minute": "1"}]},
    ),
    (
        "unused",
        "special_numbers[0].per_call",
        {"special_numbers": [{"pattern": "13", "mode": "per_minute", "per_call": "1", "per_minute": "1"}]},
    ),
    ("block_no_multiple", "outbound.first_seconds", {"outbound": {"first_seconds": 30, "step_seconds": 60}}),
    (
        "block_no_multiple",
        "overrides[0].first_seconds",
        {"overrides": [{"prefix": "44", "per_minute": "1", "first_seconds": 60, "step_seconds": 11}]},
    ),
    ("duplicate_prefix", "overrides[1].prefix", {"overrides": [{"prefix": "44", "per_minute": "1"}] * 2}),
    (
        "duplicate_prefix",
        "destinations[0].prefixes",
        {
            "overrides": [{"prefix": "48", "per_minute": "1"}],
            "destinations": [{"prefixes": ["48"], "included_seconds": 60, "per_minute": "2"}],
        },
    ),
    (
        "duplicate_prefix",
        "overrides[1].prefix",
        {
            "overrides": [
                {"prefix": "44", "per_minute": "1", "direction": "inbound"},
                {"prefix": "44", "per_minute": "1", "direction": "both"},
            ]
        },
    ),
    ("override_matches_nothing", "overrides[0].prefix", {"overrides": [{"prefix": "0044", "per_minute": "1"}]}),
    (
        "bundle_matches_nothing",
        "destinations[0].prefixes",
        {"destinations": [{"prefixes": ["0048"], "included_seconds": 60}]},
    ),
]


@pytest.mark.parametrize(("code", "key", "package"), ALONE, ids=[f"{code} {key}" for code, key, _ in ALONE])
def test_what_is_found_without_a_deck(code: str, key: str, package: dict[str, Any]) -> None:
    found = told(code, **package)

    assert found.path == f"package.{key}"
    assert len(found.sentence) > 20


@pytest.mark.parametrize(
    ("code", "key", "package", "sentence"),
    [
        (
            "unlimited_with_bound",
            "included_seconds_per_period",
            {"type": "unlimited", "included_seconds_per_period": 60},
            "an unlimited package has a bound; leave it out, write fair_use_seconds, or take type hybrid",
        ),
        (
            "unlimited_without_fair_use",
            "fair_use_seconds",
            {"type": "unlimited"},
            "an unlimited package has no fair_use_seconds: one client can call around the clock",
        ),
        (
            "realtime_with_allowance",
            "included_seconds_per_period",
            {"realtime": True, "included_seconds_per_period": 60},
            "the package is billed in real time and has free time per period: calls are free until it is used up",
        ),
        (
            "unscoped_allowance",
            "included_scope",
            {"included_seconds_per_period": 60},
            "free time covers international destinations at any price; name countries in it, or set max_covered_price",
        ),
        (
            "overage_from_the_start",
            "overage_per_minute",
            {"overage_per_minute": "1"},
            "is the price of every call that free time would cover: there is no free time to go beyond",
        ),
        (
            "nanp_outside_north_america",
            "nanp_10_digit",
            {"country": "GB", "nanp_10_digit": True},
            "numbers of ten digits get a 1 in front, and GB is not in North America",
        ),
        ("gives_unrated_away", "no_rate_policy", {"no_rate_policy": "zero"}, "calls without a price are given away"),
        (
            "inbound_without_price",
            "bill_inbound",
            {"bill_inbound": True},
            "inbound calls are billed, and there is neither inbound.per_minute nor inbound_tariff: all are held",
        ),
        (
            "flat_by_another_plan",
            "rate_plan",
            {"type": "flat"},
            'the type is flat, and calls are priced by tariff; write rate_plan = "flat"',
        ),
        (
            "closes_emergency_calls",
            "suspend_policy",
            {"suspend_policy": "domain", "emergency_accepted_by": "Jo Brown"},
            "suspended by domain, nobody can call for help; Jo Brown answers for it",
        ),
        (
            "override_matches_nothing",
            "overrides[0].prefix",
            {"overrides": [{"prefix": "0044", "per_minute": "1"}]},
            "no country's calling code begins with 0044, so no number does",
        ),
        (
            "bundle_matches_nothing",
            "destinations[0].prefixes",
            {"destinations": [{"prefixes": ["0048"], "included_seconds": 60}]},
            "no country's calling code begins with 0048, so no number does",
        ),
        (
            "duplicate_prefix",
            "overrides[1].prefix",
            {"overrides": [{"prefix": "44", "per_minute": "1"}] * 2},
            "44 is there twice outbound; overrides[0] is enough",
        ),
        (
            "duplicate_prefix",
            "destinations[0].prefixes",
            {
                "overrides": [{"prefix": "48", "per_minute": "1"}],
                "destinations": [{"prefixes": ["48"], "included_seconds": 60, "per_minute": "2"}],
            },
            "48 has its price from overrides[0], and the bundle's price is never used",
        ),
        (
            "special_shadowed",
            "special_numbers[1]",
            {"special_numbers": [{"pattern": each, "per_call": "0.35"} for each in ("13", "13")]},
            "13 is never reached: special_numbers[0], 13, goes before it",
        ),
        (
            "block_no_multiple",
            "outbound.first_seconds",
            {"outbound": {"first_seconds": 60, "step_seconds": 11}},
            "a first block of 60 s is no multiple of steps of 11 s: "
            "61 s are 71 s here and may be rounded otherwise elsewhere",
        ),
    ],
)
def test_a_finding_is_a_sentence_about_its_key(code: str, key: str, package: dict[str, Any], sentence: str) -> None:
    found = told(code, **package)

    assert (found.path, found.sentence) == (f"package.{key}", sentence)


@pytest.mark.parametrize(
    ("key", "package", "sentence"),
    [
        ("tiers", {"tiers": [{"per_minute": "1"}]}, "tiers price nothing while rate_plan is not tiered"),
        (
            "outbound.per_minute",
            {"rate_plan": "tiered", "tiers": [{"per_minute": "1"}], "outbound": {"per_minute": "1"}},
            "outbound.per_minute prices nothing while rate_plan is tiered: tiers are the price",
        ),
        (
            "markup_percent",
            {"rate_plan": "flat", "outbound": {"per_minute": "1"}, "markup_percent": "25"},
            "markup_percent marks nothing up: with rate_plan flat no deck is asked",
        ),
        ("max_covered_price", {"max_covered_price": "1"}, "max_covered_price bounds nothing: there is no free time"),
        ("rollover_periods", {"rollover_periods": 2}, "rollover_periods has no free time to roll over"),
        (
            "fair_use_seconds",
            {"fair_use_seconds": 60},
            "fair_use_seconds bounds nothing: only what is unlimited has fair use",
        ),
        (
            "trunk_prefix",
            {"trunk_prefix": "0"},
            "trunk_prefix is stripped from nothing while prefix_correction is off",
        ),
        (
            "inbound.per_minute",
            {"inbound": {"per_minute": "1"}},
            "inbound.per_minute prices nothing while bill_inbound is off",
        ),
        ("inbound_tariff", {"inbound_tariff": "dids"}, "inbound_tariff prices nothing while bill_inbound is off"),
        (
            "destinations[0]",
            {"destinations": [{"prefixes": ["48", "49"]}]},
            "the bundle of 48, 49 has neither free time nor a price",
        ),
        (
            "special_numbers[0].per_minute",
            {"special_numbers": [{"pattern": "13", "per_call": "1", "per_minute": "1"}]},
            "per_minute prices nothing in flat_per_call",
        ),
        (
            "special_numbers[0].per_call",
            {"special_numbers": [{"pattern": "13", "mode": "per_minute", "per_call": "1", "per_minute": "1"}]},
            "per_call prices nothing in per_minute",
        ),
    ],
)
def test_a_key_that_says_nothing_is_told_why(key: str, package: dict[str, Any], sentence: str) -> None:
    found = told("unused", **package)

    assert (found.path, found.sentence) == (f"package.{key}", sentence)


def test_a_scope_with_countries_or_a_highest_price_is_a_scope() -> None:
    included = {"included_seconds_per_period": 60}

    assert "unscoped_allowance" not in codes(**included, included_scope={"countries": ["CA"]})
    assert "unscoped_allowance" not in codes(**included, max_covered_price="0.05")


def test_what_is_billed_at_the_end_of_the_period_may_have_free_time() -> None:
    assert "realtime_with_allowance" not in codes(included_seconds_per_period=60)
    assert "realtime_with_allowance" not in codes(realtime=True)


@pytest.mark.parametrize("steps", [(60, 60), (60, 6), (60, 1), (30, 6)])
def test_a_block_of_whole_steps_is_no_finding(steps: tuple[int, int]) -> None:
    outbound = {"first_seconds": steps[0], "step_seconds": steps[1]}

    assert "block_no_multiple" not in codes(outbound=outbound)


def test_a_block_of_a_bundle_is_looked_at_as_well() -> None:
    bundle = {"prefixes": ["44"], "included_seconds": 60, "first_seconds": 30, "step_seconds": 60}

    assert told("block_no_multiple", destinations=[bundle]).path == "package.destinations[0].first_seconds"


def test_a_finding_is_a_document() -> None:
    assert told("gives_unrated_away", no_rate_policy="zero").document() == {
        "code": "gives_unrated_away",
        "severity": "warning",
        "path": "package.no_rate_policy",
        "sentence": "calls without a price are given away",
        "rows": [],
    }


def test_a_few_of_many_are_named_and_the_others_counted() -> None:
    assert few(["1", "2", "3", "4", "5"]) == "1, 2, 3, 4, 5"
    assert few(["1", "2", "3", "4", "5", "6", "7"]) == "1, 2, 3, 4, 5 and 2 more"
    assert few(("1", "2", "3"), 2) == "1, 2 and 1 more"


def test_one_prefix_in_two_directions_is_no_duplicate() -> None:
    rules = [{"prefix": "44", "per_minute": "1", "direction": way} for way in ("inbound", "outbound")]

    assert "duplicate_prefix" not in codes(overrides=rules)


def test_a_block_that_is_no_multiple_is_told_by_what_it_makes_of_a_call() -> None:
    """rating.md 5.2"""
    found = told("block_no_multiple", outbound={"first_seconds": 30, "step_seconds": 60})

    assert "31 s are 90 s here" in found.sentence


def special(pattern: str, priority: int = 10, **more: Any) -> dict[str, Any]:
    return {"pattern": pattern, "priority": priority, "per_call": "0.35", **more}


@pytest.mark.parametrize(
    ("rules", "hidden"),
    [
        ([special("1800", 20), special("1300", 15), special("13", 10)], []),
        ([special("13", 20), special("1300", 15)], [1]),
        ([special("1300"), special("13")], []),
        ([special("13"), special("13")], [1]),
        ([special("13", 20), special("1300", 15, direction="inbound")], []),
        ([special("13", 20, direction="both"), special("1300", 15, direction="inbound")], [1]),
        ([special("13", 20, enabled=False), special("1300", 15)], []),
        ([special("13", 20, effective_to="2027-01-01T00:00:00Z"), special("1300", 15)], []),
        ([special("^13", 20, kind="regex"), special("1300", 15)], []),
        ([special("^13", 20, kind="regex"), special("^13", 15, kind="regex")], [1]),
    ],
)
def test_a_special_number_that_another_goes_before_is_never_reached(rules: list[Any], hidden: list[int]) -> None:
    found = [each.path for each in findings(special_numbers=rules) if each.code == "special_shadowed"]

    assert found == [f"package.special_numbers[{place}]" for place in hidden]


# --- with a deck -----------------------------------------------------------------------------------------------------


def test_a_deck_in_another_currency_is_an_error() -> None:
    found = told("currency_mismatch", tariff=a_deck("1 0.01", currency="EUR"))

    assert (found.severity, found.path) == (Severity.ERROR, "package.tariff")
    assert found.sentence == "the deck deck is in EUR, and the package in USD"


def test_a_deck_for_calls_the_other_way_is_an_error() -> None:
    inbound = a_deck("1 0.01", direction="inbound")

    found = told("direction_mismatch", tariff=inbound)
    assert (found.path, found.sentence) == (
        "package.tariff",
        "the deck deck is for inbound calls, and tariff for outbound ones",
    )
    assert told("direction_mismatch", tariff=a_deck("1 0.01"), dids=a_deck("1 0.01")).path == "package.inbound_tariff"
    assert "direction_mismatch" not in codes(tariff=a_deck("1 0.01"), dids=inbound, cost=a_deck("1 0.01"))


@pytest.mark.parametrize("rows", [("44 0.01", "1876 0.01"), ()])
def test_a_deck_without_the_home_country_is_an_error(rows: tuple[str, ...]) -> None:
    found = told("home_uncovered", tariff=a_deck(*rows))

    assert found.severity is Severity.ERROR
    assert found.sentence == "the deck has no row for calls at home, CA 1: they are held"


@pytest.mark.parametrize("row", ["1 0.01", "1204 0.01"])
def test_a_deck_with_a_row_of_the_home_country_covers_it(row: str) -> None:
    assert "home_uncovered" not in codes(tariff=a_deck(row))


def test_where_the_package_has_its_own_price_calls_at_home_need_no_row() -> None:
    """products.md 4.5: the vendor's flagged prefixes are the local ones."""
    own = {"outbound": {"per_minute": "0.029"}}

    found = told("home_uncovered", tariff=a_deck("44 0.01"), **own)
    assert found.severity is Severity.NOTE
    assert found.sentence == "the deck has no row for calls at home, CA 1: they cost the package's own price"
    assert told("home_uncovered", tariff=a_deck("44 0.01"), **own, fallback=False).severity is Severity.ERROR


def test_a_deck_with_half_of_the_home_country_says_which_half_is_missing() -> None:
    found = told("home_partly_uncovered", country="GB", tariff=a_deck("447 0.01"))

    start, _, end = found.sentence.partition("44")
    assert start == "the deck has no row for a fixed line number at home, such as "
    assert end.endswith(": they are held")


def test_rows_for_the_packages_own_price_need_one() -> None:
    deck = a_deck("1 0.01", "1204 0.01 60 custom")

    found = told("custom_rows_without_price", tariff=deck)
    assert (found.severity, found.path, found.rows) == (Severity.ERROR, "package.outbound.per_minute", ("1204",))
    assert found.sentence == ("the deck sends 1204 to the package's own price, and outbound.per_minute is not there")
    assert "custom_rows_without_price" not in codes(tariff=deck, outbound={"per_minute": "0.029"})


def test_rows_without_the_price_of_the_premium_route_are_sold_at_the_other() -> None:
    rows = [Rate("44", read_price("0.01"), premium=read_price("0.02")), a_rate("45 0.01"), a_rate("46 0.01 60 custom")]
    deck = Deck.of(rows, currency="USD", name="deck")

    found = told("premium_price_missing", tariff=deck, route_class="premium")

    assert (found.severity, found.path, found.rows) == (Severity.WARNING, "package.route_class", ("45",))
    assert found.sentence == (
        "1 of 3 rows have no RatePremium; they are sold at RateValue, the price of the value route: 45"
    )
    assert "premium_price_missing" not in codes(tariff=deck)
    of_premium = Deck.of(rows, currency="USD", name="deck", route_class="premium")
    assert "premium_price_missing" not in codes(tariff=of_premium, route_class="premium")


def test_premium_ranges_that_a_deck_lacks_are_sold_as_ordinary_calls() -> None:
    """rating.md 14: `44` without `4487`, `4490`, `4491`, `4498`."""
    found = told("premium_ranges_missing", country="GB", tariff=a_deck("44 0.01"))
    rows = " ".join(found.rows)

    assert found.severity is Severity.WARNING
    assert "4487" in rows
    assert "449 by 44" in rows


def test_premium_ranges_that_a_deck_has_are_not_missed() -> None:
    whole = a_deck("44 0.01", "443 0.01", "4455 0.1", "4484 0.1", "4487 0.1", "449 0.9")

    assert "premium_ranges_missing" not in codes(country="GB", tariff=whole)


def test_premium_ranges_of_countries_that_are_not_open_are_a_note() -> None:
    found = told("premium_ranges_missing", country="CA", tariff=a_deck("1 0.01", "1900 1.00", "44 0.01", "1204 0.01"))

    assert found.severity is Severity.NOTE
    assert "countries that are not open: GB" in found.sentence


def test_an_override_of_what_the_deck_does_not_have_replaces_nothing() -> None:
    deck = a_deck("1 0.01", "27 0.05", "4420 0.01")
    rules = [{"prefix": prefix, "per_minute": "0.03"} for prefix in ("2779", "44", "7279")]

    found = told("override_matches_nothing", tariff=deck, overrides=rules)
    assert found.path == "package.overrides[2].prefix"
    assert found.sentence == "the deck has nothing for 7279, so the override replaces nothing"

    inbound = {"prefix": "7279", "per_minute": "0.03", "direction": "inbound"}
    assert "override_matches_nothing" not in codes(tariff=deck, overrides=[inbound])


def test_f27_rows_that_a_bundle_covers_at_three_times_its_median_are_listed() -> None:
    """Bundle `1` must not give Jamaica away."""
    deck = a_deck("1 0.01", "1204 0.02", "1416 0.02", "1506 0.02", "1876 0.25", "1809 0.06", "1900 0.061", "44 9")
    bundle = {"prefixes": ["1"], "included_seconds": 60_000}

    found = told("bundle_leak", tariff=deck, destinations=[bundle])
    assert found.path == "package.destinations[0]"
    assert [row.split()[0] for row in found.rows] == ["1876", "1900"]
    assert "bundle_leak" not in codes(tariff=deck, destinations=[bundle], max_covered_price="0.06")


def test_f27_the_median_of_an_even_number_of_rows_lies_between_the_two_in_the_middle() -> None:
    """0.01 and 0.02 in the middle: the median is 0.015, and 0.045 is three times as much and not more."""
    bundle = {"prefixes": ["44"], "included_seconds": 60}
    rows = ["4420 0.01", "4421 0.01", "4422 0.02"]

    assert "bundle_leak" not in codes(tariff=a_deck(*rows, "4423 0.045"), destinations=[bundle])
    found = told("bundle_leak", tariff=a_deck(*rows, "4423 0.0451"), destinations=[bundle])
    assert found.sentence == (
        "free time covers 1 rows that cost more than 3 times the median of what it covers: 4423 0.0451; "
        "set max_covered_price, or name them in except"
    )
    assert [row.split()[0] for row in found.rows] == ["4423"]


def test_f27_a_scope_leaks_like_a_bundle() -> None:
    deck = a_deck("1 0.01", "1204 0.01", "44 0.01", "447 0.02", "4487 0.40", "48 2.00")
    scope = {"countries": ["GB"]}

    found = told("bundle_leak", tariff=deck, included_seconds_per_period=60, included_scope=scope)
    assert found.rows == ("4487 0.4",)
    safe = scope | {"except": ["4487"]}
    assert "bundle_leak" not in codes(tariff=deck, included_seconds_per_period=60, included_scope=safe)


def test_a_row_that_is_over_is_not_looked_at() -> None:
    old = Rate("1876", read_price("9"), effective_to=NOON - timedelta(days=1))
    deck = Deck.of([old, a_rate("1 0.01"), a_rate("1204 0.01")], currency="USD")

    assert "bundle_leak" not in codes(tariff=deck, destinations=[{"prefixes": ["1"], "included_seconds": 60}])


# --- what calls are bought at ----------------------------------------------------------------------------------------


def test_a_price_below_the_providers_is_an_error() -> None:
    found = told("below_cost", tariff=a_deck("1 0.01", "44 0.02"), cost=a_deck("1 0.01", "44 0.015", "447 0.03"))

    assert (found.severity, found.path) == (Severity.ERROR, "package.tariff")
    assert found.rows == ("447 sold at 0.02, bought at 0.03",)


@pytest.mark.parametrize(
    ("path", "package"),
    [
        ("overrides[0].per_minute", {"overrides": [{"prefix": "44", "per_minute": "0.01"}]}),
        ("destinations[0].per_minute", {"destinations": [{"prefixes": ["44"], "per_minute": "0.01"}]}),
        ("outbound.per_minute", {"rate_plan": "flat", "outbound": {"per_minute": "0.01"}}),
        ("tiers", {"rate_plan": "tiered", "tiers": [{"minutes": "0-9", "per_minute": "1"}, {"per_minute": "0.01"}]}),
        ("markup_percent", {"markup_percent": "-50"}),
    ],
)
def test_every_price_of_a_package_is_compared_with_what_is_paid(path: str, package: dict[str, Any]) -> None:
    found = told("below_cost", tariff=a_deck("1 0.001", "44 0.02"), cost=a_deck("44 0.02"), **package)

    assert found.path == f"package.{path}"
    assert found.rows == ("44 sold at 0.01, bought at 0.02",)


BEYOND: dict[str, Any] = {"included_seconds_per_period": 6000, "overage_per_minute": "0.02"}


def test_f27_a_price_beyond_free_time_is_compared_wherever_free_time_reaches() -> None:
    decks: dict[str, Any] = {
        "tariff": a_deck("1 0.03", "1876 0.30", "44 0.03"),
        "cost": a_deck("1 0.01", "1876 0.25", "44 0.02"),
    }

    found = told("below_cost", **decks, **BEYOND)
    assert (found.severity, found.path) == (Severity.ERROR, "package.overage_per_minute")
    assert found.rows == ("1876 sold at 0.02, bought at 0.25",)

    scopes: list[dict[str, Any]] = [
        {"included_scope": {"except": ["1876"]}},
        {"included_scope": {"countries": ["CA", "US", "GB"]}},
        {"included_scope": {"directions": ["inbound"]}},
        {"max_covered_price": "0.29"},
        {"destinations": [{"prefixes": ["1876"], "per_minute": "0.30"}]},
    ]
    for scope in scopes:
        assert "below_cost" not in codes(**decks, **BEYOND, **scope)
    endless: dict[str, Any] = {"type": "unlimited", "overage_per_minute": "0.02"}
    assert "below_cost" not in codes(**decks, **endless)
    assert "below_cost" in codes(**decks, **endless, fair_use_seconds=60_000)
    assert "below_cost" in codes(**decks, **BEYOND, max_covered_price="0.30")
    assert "below_cost" in codes(**decks, **BEYOND, overrides=[{"prefix": "1876", "per_minute": "0.30"}])


def test_f27_a_price_beyond_free_time_is_sold_in_the_steps_of_the_ordinary_one() -> None:
    decks: dict[str, Any] = {"tariff": a_deck("44 0.03 6/6"), "cost": a_deck("44 0.02 60/60")}

    found = findings(**decks, **BEYOND | {"overage_per_minute": "0.025"})
    assert [each.path for each in found if each.code == "below_cost_by_increments"] == [
        "package.tariff",
        "package.overage_per_minute",
    ]


@pytest.mark.parametrize("key", ["overrides", "destinations"])
def test_a_price_of_the_package_is_compared_in_its_own_steps_or_else_in_those_of_the_package(key: str) -> None:
    decks: dict[str, Any] = {"tariff": a_deck("1 0.03", "44 0.03"), "cost": a_deck("44 0.02 60/60")}
    price = {"per_minute": "0.03", **({"prefix": "44"} if key == "overrides" else {"prefixes": ["44"]})}
    small = {"first_seconds": 6, "step_seconds": 6}

    assert "below_cost_by_increments" not in codes(**decks, **{key: [price]})
    assert told("below_cost_by_increments", **decks, **{key: [price | small]}).path == f"package.{key}[0].per_minute"
    assert "below_cost_by_increments" in codes(**decks, **{key: [price]}, outbound=small)


def test_a_row_for_the_packages_own_price_is_compared_by_that_price() -> None:
    deck = a_deck("1 0.01", "1204 0.03 60 custom")

    found = told("below_cost", tariff=deck, outbound={"per_minute": "0.029"})
    assert found.rows == ("1204 sold at 0.029, bought at 0.03",)


def test_adder_and_markup_are_part_of_the_price() -> None:
    decks = {"tariff": a_deck("1 0.01"), "cost": a_deck("1 0.01875")}

    assert "below_cost" not in codes(**decks, adder_per_minute="0.005", markup_percent="25")
    assert "below_cost" in codes(**decks, adder_per_minute="0.005", markup_percent="24.9999")


def test_smaller_steps_can_lose_at_a_higher_price() -> None:
    """rating.md 2: bought at 0.02 by the minute, sold at 0.03 by the second."""
    found = told("below_cost_by_increments", tariff=a_deck("1 0.03 1/1"), cost=a_deck("1 0.02 60/60"))

    assert found.severity is Severity.WARNING
    assert found.rows == ("1 at 1 s is sold for 0.0005 and bought for 0.02",)


@pytest.mark.parametrize("steps", ["60/60", "60/30", "60/1 "])
def test_steps_that_are_as_large_lose_nothing(steps: str) -> None:
    decks = {"tariff": a_deck("1 0.03 60/60"), "cost": a_deck(f"1 0.02 {steps}")}

    assert "below_cost_by_increments" not in codes(**decks)


def test_a_setup_fee_that_is_paid_and_not_asked_for_loses_on_short_calls() -> None:
    paid = Deck.of([Rate("1", read_price("0.01"), setup=read_price("0.10"))], currency="USD")

    assert (
        "1 s is sold for 0.02 and bought for 0.11"
        in told("below_cost_by_increments", tariff=a_deck("1 0.02"), cost=paid).sentence
    )


def test_the_worst_of_many_losses_is_the_one_that_is_told() -> None:
    decks = {
        "tariff": a_deck("1 0.03 1/1", "44 0.30 1/1", "48 0.30 60/60"),
        "cost": a_deck("1 0.02", "44 0.20", "48 0.2"),
    }

    found = told("below_cost_by_increments", **decks)
    assert found.sentence.startswith("2 of 3 destinations")
    assert found.sentence.endswith("44 at 1 s is sold for 0.005 and bought for 0.2")
    assert len(found.rows) == 2


def test_what_a_longer_first_block_costs_is_lost_just_behind_it() -> None:
    decks = {"tariff": a_deck("1 0.011 1/1"), "cost": a_deck("1 0.01 6/6")}

    assert told("below_cost_by_increments", **decks).rows == ("1 at 1 s is sold for 0.0001833333 and bought for 0.001",)


def test_time_that_is_sold_with_grace_loses_up_to_it() -> None:
    free = Deck.of([Rate("1", read_price("0.02"), Increments(60, 60, grace_seconds=90))], currency="USD")

    assert told("below_cost_by_increments", tariff=free, cost=a_deck("1 0.01")).rows == (
        "1 at 61 s is sold for 0 and bought for 0.02",
    )


def test_setup_fees_and_lowest_prices_are_marked_up_with_the_rest() -> None:
    def deck(setup: str, least: str) -> Deck:
        rate = Rate("1", read_price("0.01"), setup=read_price(setup), min_cost=read_price(least))
        return Deck.of([rate], currency="USD")

    bought = deck("0.125", "0.25")
    assert codes(tariff=deck("0.1", "0.2"), cost=bought, markup_percent="25") & {"below_cost_by_increments"} == set()
    assert "below_cost_by_increments" in codes(tariff=deck("0.1", "0.1"), cost=bought, markup_percent="25")
    assert "below_cost_by_increments" in codes(tariff=deck("0", "0.2"), cost=deck("0.25", "0"), markup_percent="25")


def test_calls_go_out_and_are_sold_by_the_packages_route() -> None:
    two = Deck.of([Rate("1", read_price("0.01"), premium=read_price("0.03"))], currency="USD")
    own = {"tariff": a_deck("1 0.02"), "cost": two}

    assert "below_cost" not in codes(**own)
    assert told("below_cost", **own, route_class="premium").rows == ("1 sold at 0.02, bought at 0.03",)
    assert "below_cost" not in codes(tariff=two, cost=a_deck("1 0.02"), route_class="premium")


# --- with a PBX ------------------------------------------------------------------------------------------------------


def test_f17_a_limit_or_feature_that_a_driver_cannot_enforce_is_said() -> None:
    able = Abilities("vodia", frozenset({"concurrent_calls"}), frozenset({"voicemail"}), frozenset({"extensions"}))
    package: dict[str, Any] = {
        "limits": {"extensions": 5, "concurrent_calls": 2, "queues": 1},
        "features": {"voicemail": True, "recording": False},
    }

    assert [(each.code, each.severity, each.path) for each in findings(abilities=[able], **package)] == [
        ("limit_not_enforced", Severity.WARNING, "package.limits.queues"),
        ("feature_not_enforced", Severity.WARNING, "package.features.recording"),
        ("limit_not_enforced", Severity.NOTE, "package.limits.extensions"),
    ]
    assert [each.sentence for each in findings(abilities=[able], **package)] == [
        "the vodia driver cannot enforce queues",
        "the vodia driver cannot switch recording on or off",
        "the vodia driver does not enforce extensions; the bridge refuses what goes beyond it",
    ]


def test_the_worst_is_told_first() -> None:
    found = findings(bill_inbound=True, no_rate_policy="zero", trunk_prefix="0")

    assert [each.severity for each in found] == [Severity.ERROR, Severity.WARNING, Severity.NOTE]
