"""Why a call costs what it costs: the document, its sentences, and the charge computed again from it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridge.rating.charge import rate_call
from bridge.rating.explanation import recompute
from bridge.rating.telling import sentences
from bridge.rating.terms import Terms
from bridge.rating.usage import Usage
from tests.rating.sheet import Sheet, check

LONDON = """
    country = "GB"
    local_prefix = true
    markup_percent = "25"
    adder_per_minute = "0.001"
    free_seconds_per_call = 5
    included_seconds_per_period = 30
    rate  44  0.01  6/6  setup 0.01  min 0.02
    call  02079460000  37s  0.025
"""


def explained(sheet: str) -> dict[str, Any]:
    """The explanation of a sheet's last call, as it comes back from a file."""
    document: dict[str, Any] = json.loads(json.dumps(check(sheet)[-1].explanation.document()))
    return document


@pytest.mark.parametrize(
    ("special", "price"),
    [
        ("1300  0.35/call", {"setup": "0.35", "min_cost": "0"}),
        ("1300  0.05/min", {"per_minute": "0.05", "setup": "0", "min_cost": "0"}),
        ("1300  0.20/call  0.03/min", {"per_minute": "0.03", "setup": "0.2", "min_cost": "0"}),
    ],
)
def test_a_special_number_explains_its_price_by_the_call_or_by_the_minute(special: str, price: dict[str, str]) -> None:
    charge = {"1300  0.35/call": "0.35", "1300  0.05/min": "0.05"}.get(special, "0.23")
    document = explained(f"special  {special}\ncall  13005551234  60s  {charge}")

    steps = {"source": "special", "prefix": "1300", "first_seconds": 60, "step_seconds": 60}
    assert document["price"] == steps | price


def test_an_explanation_holds_everything_that_made_the_charge() -> None:
    document = explained(LONDON.replace("02079460000", "(020)79460000"))
    document["call"]["id"] = "c1"

    assert document == {
        "rules": 1,
        "program": "",
        "package": "Sheet",
        "package_version": "",
        "call": {
            "id": "c1",
            "direction": "outbound",
            "from": "12045550100",
            "to": "(020)79460000",
            "at": "2026-11-21T12:00:00+00:00",
            "seconds": 37,
        },
        "number": "442079460000",
        "steps": ["spaces and signs dropped", "national prefix 0 dropped", "country code 44 put in front"],
        "class": "billable",
        "note": "",
        "price": {
            "source": "tariff",
            "prefix": "44",
            "deck": "deck",
            "deck_state": 1,
            "base": "0.01",
            "adder": "0.001",
            "markup_percent": "25",
            "per_minute": "0.01375",
            "setup": "0.0125",
            "min_cost": "0.025",
            "first_seconds": 6,
            "step_seconds": 6,
        },
        "seconds": {
            "answered": 37,
            "billed": 42,
            "free_per_call": 5,
            "covered": [{"allowance": "included", "of": 30, "before": 0, "seconds": 30, "consumed": 30}],
            "charged": 7,
        },
        "parts": [{"seconds": 7, "per_minute": "0.01375"}],
        "unrounded": "0.025",
        "rounding": "half up, once",
        "decimals": 6,
        "charge": "0.025000",
        "currency": "USD",
    }


def test_an_explanation_is_told_in_sentences() -> None:
    assert sentences(explained(LONDON)) == [
        "02079460000 was called for 37 s (outbound, 2026-11-21T12:00:00+00:00).",
        "The number is 442079460000: national prefix 0 dropped, country code 44 put in front.",
        "The price is that of the tariff deck, 44: 0.01375 USD a minute, which is (0.01 + 0.001) + 25 %, "
        "and 0.0125 once, at least 0.025.",
        "37 s are billed as 42 s (6/6).",
        "The first 5 s of a call are free.",
        "30 s are covered by 'included' (0 s used before, of 30 s).",
        "7 s at 0.01375 a minute.",
        "0.025 is rounded half up to 6 decimals: 0.025000 USD.",
    ]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (100, "100 s are billed as 200 s (30/6, at least 200 s, nothing up to 5 s)."),
        (5, "5 s are billed as 0 s (30/6, at least 200 s, nothing up to 5 s)."),
    ],
)
def test_a_minimum_and_a_grace_are_told_with_the_seconds_that_they_made(seconds: int, told: str) -> None:
    document = explained(f"""
        country = "GB"
        rate  44  0.06  30/6  grace 5s  least 200s
        call  +442079460000  {seconds}s  {"0.2" if seconds > 5 else "0"}
    """)

    assert told in sentences(document)


def test_what_is_odd_about_a_number_is_told_beside_what_became_of_it() -> None:
    """Without prefix correction nobody drops the 0, and so there is no price."""
    document = explained("""
        country = "GB"
        rate  44  0.01  60/60
        call  02079460000  37s  held
    """)

    assert sentences(document) == [
        "02079460000 was called for 37 s (outbound, 2026-11-21T12:00:00+00:00).",
        "The package opens no calls to this destination, which is for dial plans and changes no price.",
        "It is unrated and waits for a price: no number that its numbering plan knows; no price.",
        "Look at the number: no country code: the package reads it as written, and 442079460000 is meant; switch on "
        "nanp_10_digit, prefix_correction or local_prefix there, or let the dial plan write it in full.",
    ]


def test_the_tiers_of_a_call_and_where_the_period_stood_are_told() -> None:
    document = explained("""
        tier  500m  0.02
        tier  rest  0.015
        used  498m  tiers
        call  442079460000  5m  0.085
    """)

    assert document["seconds"]["in_tiers_before"] == 498 * 60
    assert document["parts"] == [
        {"seconds": 120, "per_minute": "0.02", "reason": "tier up to 30000 s"},
        {"seconds": 180, "per_minute": "0.015", "reason": "last tier"},
    ]
    assert "per_minute" not in document["price"]
    assert "180 s at 0.015 a minute (last tier)." in sentences(document)


def test_overage_and_the_allowance_before_it_are_told() -> None:
    document = explained("""
        type = "unlimited"
        fair_use_seconds = 6000
        overage_per_minute = "0.02"
        rate  44  0.10
        used  99m  included
        call  442079460000  2m  0.02
    """)

    assert document["parts"] == [{"seconds": 60, "per_minute": "0.02", "reason": "beyond the allowance"}]
    assert document["price"]["per_minute"] == "0.1"
    assert "60 s are covered by 'included' (5940 s used before, of 6000 s)." in sentences(document)


def test_an_allowance_without_end_is_told() -> None:
    document = explained("""
        type = "unlimited"
        rate  44  0.10
        call  442079460000  2m  0
    """)

    assert document["parts"] == []
    assert "120 s are covered by 'included' (0 s used before, without end)." in sentences(document)


@pytest.mark.parametrize(
    ("sheet", "reason"),
    [
        ("rate  44  0.02\ncall  442079460000  60s  0.02", None),
        ("included_seconds_per_period = 60\nrate  44  0.02\ncall  442079460000  90s  0.02", None),
        (
            'included_seconds_per_period = 60\nincluded_scope = { countries = ["FR"] }\n'
            "rate  44  0.02\ncall  442079460000  60s  0.02",
            "out of the scope of the allowance",
        ),
        (
            'included_seconds_per_period = 60\nmax_covered_price = "0.01"\n'
            "rate  44  0.02\ncall  442079460000  60s  0.02",
            "dearer than what an allowance covers",
        ),
        ("bundle  33  60s\nrate  44  0.02\ncall  442079460000  60s  0.02", "out of the scope of the allowance"),
        ("included_seconds_per_period = 60\nspecial  44  1/call\ncall  442079460000  60s  1", "a special number"),
    ],
)
def test_why_free_time_covers_nothing_of_a_call_is_told(sheet: str, reason: str | None) -> None:
    document = explained(sheet)

    assert document["seconds"].get("not_covered") == reason
    assert (f"No free time covers it: {reason}." in sentences(document)) is (reason is not None)


@pytest.mark.parametrize(
    ("sheet", "told"),
    [
        ("call  911  60s  0", "It is emergency and costs nothing."),
        ("call  442079460000  60s  held", "It is unrated and waits for a price: no price."),
        (
            "rate  44  blank\ncall  442079460000  60s  held",
            "It is unrated and waits for a price: the row 44 has no price.",
        ),
        ("call  12  60s  held", "It is invalid and waits for a price: 2 digits, and a number has 7 to 15."),
        ("call  1811  60s  held", "It is short and waits for a price: no price for a short number."),
        ('filters = { suppress = "*xx" }\ncall  *97  60s  0', "It is suppressed and costs nothing: filter *xx."),
        ("in  1  12125551234  60s  0", "It is free and costs nothing: inbound is not billed."),
        ("call  18005551234  60s  0", "It is free and costs nothing: toll-free."),
    ],
)
def test_a_call_without_a_price_says_why(sheet: str, told: str) -> None:
    assert sentences(explained(sheet))[-1] == told


@pytest.mark.parametrize(
    ("sheet", "told"),
    [
        (
            "special  1300  0.35/call\ncall  13005551234  60s  0.35",
            "the package's special numbers, 1300, and 0.35 once.",
        ),
        ("contract  44  0.02\ncall  442079460000  60s  0.02", "the contract of the service, 44: 0.02 USD a minute."),
        (
            "override  44  0.02\ncall  442079460000  60s  0.02",
            "the package's own price for a prefix, 44: 0.02 USD a minute.",
        ),
        ("bundle  44  0s  0.02\ncall  442079460000  60s  0.02", "the package, 44: 0.02 USD a minute."),
        ("rate  44  0.02\ncall  442079460000  60s  0.02", "the tariff deck, 44: 0.02 USD a minute."),
        (
            "outbound  0.02\ncall  442079460000  60s  0.02",
            "the package's own price, as the tariff does not know the destination: 0.02 USD a minute.",
        ),
    ],
)
def test_the_level_of_a_price_is_told(sheet: str, told: str) -> None:
    assert f"The price is that of {told}" in sentences(explained(sheet))


def test_a_deck_row_tells_its_increments_only_where_there_is_something_to_tell() -> None:
    plain, rich = (
        explained(f"rate  44  0.02  6/6 {more}\ncall  442079460000  60s  0.02")["price"]
        for more in ("", "grace 5s  least 30s")
    )

    assert {"grace_seconds", "min_seconds"} & set(plain) == set()
    assert (rich["grace_seconds"], rich["min_seconds"]) == (5, 30)


def test_what_was_rounded_is_shown_with_twelve_places() -> None:
    document = explained("""
        rate  44  0.01  1/1
        call  442079460000  20s  0.003333
    """)

    assert (document["unrounded"], document["charge"]) == ("0.003333333333", "0.003333")


def test_an_explanation_that_contradicts_itself_is_no_charge() -> None:
    document = explained("rate  44  0.02\ncall  442079460000  60s  0.02")
    document["parts"][0]["seconds"] = 61

    with pytest.raises(ValueError, match="contradicts itself"):
        recompute(document)


def test_a_charge_is_computed_from_the_explanation_and_not_copied_from_it() -> None:
    document = explained('markup_percent = "25"\nrate  44  0.02\ncall  442079460000  60s  0.025')
    document |= {"charge": "9.99", "unrounded": "9.99"}
    document["price"]["base"] = "0.04"

    assert recompute(document) == 50_000


def test_the_versions_that_made_a_charge_are_named() -> None:
    sheet = Sheet.read("call  911  60s  0")
    terms = Terms(sheet.package(), sheet.terms().site, package_version="7", program="1.2.0")

    document = rate_call(sheet.calls[0][0], terms, Usage()).explanation.document()

    assert (document["package_version"], document["program"]) == ("7", "1.2.0")


def test_an_explanation_of_an_ordinary_call_fits_into_a_kilobyte() -> None:
    assert len(json.dumps(explained(LONDON), separators=(",", ":"))) < 1000
