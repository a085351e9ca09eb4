"""The columns of price lists, by the words that carriers write over them."""

from __future__ import annotations

import io

import pytest

from bridge.rating.decks.reading import DeckReading, Instructions, read_deck
from bridge.rating.decks.sheet import NotASheet

REQUIRED = {"Prefix": "44", "Description": "UK", "RateValue": "0.01", "Increment": "60"}


def read(*lines: str, **changed: object) -> DeckReading:
    return read_deck(io.BytesIO("\n".join(lines).encode()), Instructions(**changed))  # type: ignore[arg-type]  # of a test's own


def column_of(target: str, header: str, cell: str = "1") -> int | None:
    """Where a header is found to be the target, as the last of the columns that are needed."""
    others = {name: value for name, value in REQUIRED.items() if name != target}
    reading = read(";".join([*others, header]), ";".join([*others.values(), REQUIRED.get(target, cell)]))
    place = reading.columns.places.get(target)
    return None if place is None else place - len(others)


HEADERS: dict[str, list[str]] = {
    "Prefix": [
        *("Prefix", "Prefixes", "Code", "Codes", "Dial Code", "Dial Codes", "Dialing Code", "Dial Prefix"),
        *("Dialing-Prefix", "Destination Code", "Destination Prefix", "Dest. Code", "Phone Prefix", "Number Prefix"),
        *("E164 Prefix", "Breakout", "Breakouts", "Digits", "Dialed Code", "NPA-NXX"),
    ],
    "Description": [
        *("Description", "Destination", "Destination Name", "Name", "Zone", "Zone Name", "Area", "Area Name"),
        *("Location", "Route Name", "Country", "Country Name", "Network"),
    ],
    "RateValue": [
        *("Rate", "Price", "Rate per Min", "Rate/Minute", "Rate per minute (USD)", "Price per min", "Price per minute"),
        *("Price/minute", "Cost per min", "Cost per minute", "Cost", "Per Min", "Per Minute", "Rate/Min", "Price/Min"),
        *("Cost/Min", "New Rate", "New Price", "Current Rate", "Current Price", "Voice Rate", "Call Rate", "Tariff"),
        *("Rate in USD", "Rate (GBP)", "Price EUR", "Sell Rate", "Inter Rate", "Intra Rate", "Interstate"),
        *("Intrastate", "Indeterminate", "Indeterminate Rate", "IJ Rate", "Rate, US $", "Price in CHF the minute"),
        *("Rate AUD", "Rate CAD", "Rate INR", "Rate, sec", "Rate (secs)", "Price, seconds", "Rate s"),
    ],
    "RatePremium": ["Rate Premium", "Premium Rate", "Price Premium"],
    "Increment": [
        *("Increments", "Billing Increment", "Billing Increments", "Billing", "Interval", "Intervals"),
        *("Next Increment", "Next Interval", "Sub Interval", "Sub-Increment", "Subsequent Increment"),
        *("Subsequent Interval", "Charge Interval", "Charge Period", "Pulse", "Step", "Rounding", "Rounding Time"),
        *("Billing Step", "Increment (sec)", "Interval, s"),
    ],
    "FirstIncrement": [
        *("First Increment", "First Interval", "Initial Increment", "Initial Interval", "Minimum Increment"),
        *("First Block", "Initial Block"),
    ],
    "SetupFee": [
        *("Setup Fee", "Setup", "Connect Fee", "Connection Fee", "Connect Charge", "Connection Charge", "Call Setup"),
    ],
    "MinDuration": ["Min Duration", "Minimum Duration", "Min. Time", "Minimum Time"],
    "MinCost": ["Min Cost", "Minimum Cost", "Min Charge", "Minimum Charge"],
    "GraceSeconds": ["Grace Seconds", "Grace", "Grace Period"],
    "OldRate": ["Old Rate", "Old Price", "Previous Rate", "Previous Price", "Last Rate"],
    "ShortDescription": ["Short Description", "Short Name", "Short Desc."],
}


@pytest.mark.parametrize(("target", "header"), [(target, each) for target, all_ in HEADERS.items() for each in all_])
def test_a_column_is_known_by_the_words_over_it(target: str, header: str) -> None:
    assert column_of(target, header) == 0


@pytest.mark.parametrize(
    ("target", "header", "cell"),
    [
        *(("EffectiveFrom", each, "2026-01-01") for each in ("Effective Date", "Effective", "Eff. Date", "Valid From")),
        *(("EffectiveFrom", each, "2026-01-01") for each in ("Effective From", "Start Date", "Activation Date")),
        *(("EffectiveTo", each, "2027-01-01") for each in ("Effective To", "Valid To", "Valid Until", "End Date")),
        *(("EffectiveTo", each, "2027-01-01") for each in ("Expiry Date", "Expires", "Expiry")),
        *(("Lastratechangedate", each, "x") for each in ("Last Change", "Change Date", "Last Changed")),
        *(("status", each, "1") for each in ("Status", "Rate Status")),
        *(("Hours", each, "mon 08:00-18:00") for each in ("Hours", "Time of Day", "Time Band", "Time Period")),
        *(("CallerPrefix", each, "1") for each in ("Caller Prefix", "Calling Prefix", "Origin Prefix", "Origin Code")),
        ("CallerPrefix", "Origination Code", "1"),
    ],
)
def test_a_column_of_terms_is_known_by_the_words_over_it(target: str, header: str, cell: str) -> None:
    assert column_of(target, header, cell) == 0


@pytest.mark.parametrize(
    ("header", "area"), [("Country Code", "Area Code"), ("CC", "City Codes"), ("Country Prefix", "Region Code")]
)
def test_a_country_code_stands_before_area_codes(header: str, area: str) -> None:
    reading = read(f"{header};{area};Destination;Rate;Increment", "61;38;Australia;0.02;1")

    assert [rate.prefix for rate in reading.rows.rates()] == ["6138"]


@pytest.mark.parametrize("header", ["Country Code", "Country Dial Code"])
def test_a_country_code_beside_whole_prefixes_is_for_people(header: str) -> None:
    reading = read(f"{header};Dial Code;Destination;Rate;Increment", "44;447;UK Mobile;0.02;1")

    assert [rate.prefix for rate in reading.rows.rates()] == ["447"]
    assert f"not used: {header}" in reading.notes


def test_area_codes_beside_whole_prefixes_are_for_people() -> None:
    reading = read("Area Code;Prefix;Destination;Rate;Increment", "38;6138;Australia;0.02;1")

    assert [rate.prefix for rate in reading.rows.rates()] == ["6138"]


def test_a_country_code_alone_is_the_prefix() -> None:
    assert [rate.prefix for rate in read("CC;Country;Rate;Increment", "61;Australia;0.02;1").rows.rates()] == ["61"]


def test_area_codes_that_are_told_to_be_whole_are_prefixes() -> None:
    reading = read("Area Code;Country;Rate;Increment", "6138;AU;0.02;1", mapping={"AreaCode": "Area Code"})

    assert [rate.prefix for rate in reading.rows.rates()] == ["6138"]


@pytest.mark.parametrize(
    ("header", "note"),
    [
        ("Rate per sec", True),
        ("Rate/Second", True),
        ("RatePerSec", True),
        ("Price per second", True),
        ("Cost per second", True),
        ("Rate (secs)", True),
        ("Rate per minute", False),
    ],
)
def test_a_price_a_second_is_told_by_its_header(header: str, note: bool) -> None:
    reading = read(f"Prefix;Description;{header};Increment", "44;UK;0.01;1")

    [rate] = reading.rows.rates()
    assert rate.price == (60 if note else 1) * 10**8
    assert ("prices are for 1 second, and kept as prices a minute" in reading.notes) is note


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (
            ["Description;Increment", "UK;60"],
            "no column is plainly the Prefix or the RateValue; map it by --map (it has Description, Increment)",
        ),
        (["# a remark", ""], "the file has no rows"),
    ],
)
def test_what_has_no_header_is_told_so(lines: list[str], why: str) -> None:
    with pytest.raises(NotASheet) as refused:
        read(*lines)

    assert str(refused.value) == why


def test_a_prefix_that_is_mapped_by_its_number_is_whole() -> None:
    mapping = {"Prefix": "#1", "AreaCode": "#2", "Description": "#3", "RateValue": "#4", "Increment": "#5"}

    assert [rate.prefix for rate in read("6138;99;AU;0.02;1", mapping=mapping).rows.rates()] == ["6138"]


def test_a_list_that_is_mapped_by_numbers_needs_both() -> None:
    with pytest.raises(NotASheet) as refused:
        read("44;UK;0.01;60", mapping={"Prefix": "#1"})

    assert str(refused.value) == "no column is plainly the RateValue; map it by --map (it has 44, UK, 0.01, 60)"
