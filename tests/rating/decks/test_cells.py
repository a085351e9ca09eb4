"""What a cell of a price list says."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bridge.rating.decks.cells import (
    Status,
    decimal_mark,
    read_amount,
    read_codes,
    read_increment,
    read_moment,
    read_seconds,
    read_status,
)
from bridge.rating.price import Unreadable

CENT = 10**8


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("1204", ["1204"]),
        (" +1204 ", ["1204"]),
        ("'1204", ["1204"]),
        ("1204;1226", ["1204", "1226"]),
        ("93, 9370", ["93", "9370"]),
        ("1204-1206", ["1204", "1205", "1206"]),
        ("1204 – 1206", ["1204", "1205", "1206"]),
        ("1204-1205;1226", ["1204", "1205", "1226"]),
        ("61 38,39", ["6138", "6139"]),
        ("61 38-40", ["6138", "6139", "6140"]),
        ("1 204", ["1204"]),
    ],
)
def test_a_cell_of_prefixes_says_each_of_them(text: str, codes: list[str]) -> None:
    assert read_codes(text) == codes


def test_a_country_code_stands_before_its_area_codes() -> None:
    assert read_codes("38,39", country="61") == ["6138", "6139"]
    assert read_codes("", country="+61") == ["61"]


def test_a_national_form_is_brought_to_the_international_one_where_told() -> None:
    assert read_codes("0146;0147", strip="0", prepend="44") == ["44146", "44147"]
    assert read_codes("204555", prepend="1") == ["1204555"]
    assert read_codes("00442", strip="00") == ["442"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no prefix"),
        (";", "no prefix"),
        ("+", "not a prefix"),
        ("abc", "not a prefix"),
        ("1204x", "not a prefix"),
        ("٤٤", "not a prefix"),
        ("44.0", "not a prefix"),
        ("2.012E+05", "a spreadsheet"),
        ("*", "typing error"),
        ("0146", "begins with 0"),
        ("120-1206", "different lengths"),
        ("1206-1204", "backwards"),
        ("100000-199999", "more than 10000"),
        ("1234567890123456", "longer than 15"),
        ("93 9370", "either a list or"),
    ],
)
def test_what_is_no_prefix_is_refused_with_its_rule(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read_codes(text)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0.0125", 125_000_000),
        ("0", 0),
        (" .5 ", 50 * CENT),
        ("$0.05", 5 * CENT),
        ("€ 0.05", 5 * CENT),
        ("0.05 EUR", 5 * CENT),
        ("EUR 0.05", 5 * CENT),
        ("1,000.50", 100_050 * CENT),
        ("0.0043560000", 43_560_000),
        ("0.00000000010", 1),
    ],
)
def test_an_amount_is_read_to_the_last_digit(text: str, amount: int) -> None:
    assert read_amount(text, currency="EUR") == amount


@pytest.mark.parametrize(
    ("text", "amount"), [("0,05", 5 * CENT), ("1.000,50", 100_050 * CENT), ("1,5 €", 150 * CENT), ("12", 1200 * CENT)]
)
def test_a_decimal_comma_is_a_point(text: str, amount: int) -> None:
    assert read_amount(text, "comma") == amount


@pytest.mark.parametrize(
    ("text", "mark", "why"),
    [
        ("", "point", "no price"),
        ("n/a", "point", "not a number"),
        ("-0.01", "point", "below 0"),
        ("-0", "point", "below 0"),
        ("-1", "point", "below 0"),
        ("(0.05)", "point", "below 0"),
        ("1E-7", "point", "exponent"),
        ("٠.٥", "point", "not a number"),
        ("0.00000000001", "point", "more than 10 decimals"),
        ("0,05", "point", "decimals or for thousands"),
        ("1,000", "point", "decimals or for thousands"),
        ("0.05", "comma", "decimal commas"),
        ("$0.05 USD", "point", "in USD"),
        ("£0.05", "point", "in GBP"),
        ("0.05 per minute", "point", "not a number"),
        ("1000000000", "point", "more than a deck can hold"),
        ("nan", "point", "not a number"),
        ("inf", "point", "not a number"),
    ],
)
def test_what_is_no_price_is_refused_with_its_rule(text: str, mark: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read_amount(text, "comma" if mark == "comma" else "point", "EUR")


@pytest.mark.parametrize(
    ("prices", "mark"),
    [
        (["0.05", "1", "0.1"], "point"),
        (["0,05", "1", "0,1"], "comma"),
        (["1,000.50", "2"], "point"),
        (["1.000,50"], "comma"),
        (["0,050"], "comma"),
        (["0,0125"], "comma"),
        (["€0,0125", "1,234"], "comma"),
        (["€1,234"], "point"),
        (["EUR 0,050"], "comma"),
        (["12,3456"], "comma"),
        ([], "point"),
        (["1,000"], "point"),
    ],
)
def test_the_prices_of_a_list_tell_what_stands_before_decimals(prices: list[str], mark: str) -> None:
    assert decimal_mark(prices) == mark


@pytest.mark.parametrize(
    ("text", "increment"),
    [("6", (None, 6)), ("30/6", (30, 6)), ("60-60", (60, 60)), ("1/1", (1, 1)), ("60s", (None, 60))],
)
def test_an_increment_is_a_step_or_a_block_and_a_step(text: str, increment: tuple[int | None, int]) -> None:
    assert read_increment(text) == increment


@pytest.mark.parametrize("text", ["", "0", "0/6", "6/0", "1/2/3", "x", "-6", "1.5", "90000", "٦"])
def test_a_step_of_nothing_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        read_increment(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-06-01", datetime(2025, 5, 31, 22, tzinfo=UTC)),
        ("2025-06-01 12:30", datetime(2025, 6, 1, 10, 30, tzinfo=UTC)),
        ("2025-06-01T12:30:15Z", datetime(2025, 6, 1, 12, 30, 15, tzinfo=UTC)),
        ("2025-06-01T12:30:15.250+05:30", datetime(2025, 6, 1, 7, 0, 15, 250_000, tzinfo=UTC)),
    ],
)
def test_a_date_is_an_instant_in_the_zone_of_the_deck(text: str, moment: datetime) -> None:
    assert read_moment(text, None, ZoneInfo("Europe/Berlin")) == moment


def test_other_dates_need_their_format() -> None:
    assert read_moment("03/04/2025", "DD/MM/YYYY", UTC) == datetime(2025, 4, 3, tzinfo=UTC)
    assert read_moment("03/04/2025", "%m/%d/%Y", UTC) == datetime(2025, 3, 4, tzinfo=UTC)
    assert read_moment("1 Jun 25 08:30", "DD MON YY hh:mm", UTC) == datetime(2025, 6, 1, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["03/04/2025", "45809", "2025-02-30", "2025-6-1", "tomorrow"])
def test_what_is_no_plain_date_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        read_moment(text, None, UTC)


def test_seconds_are_whole_and_at_most_a_day() -> None:
    assert read_seconds("60 sec") == 60

    for text in ("", "1.5", "-1", "86401", "10000000"):
        with pytest.raises(Unreadable):
            read_seconds(text)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("1", Status.ACTIVE),
        ("", Status.ACTIVE),
        ("0", Status.CUSTOM),
        ("Increase", Status.ACTIVE),
        ("Blocked", Status.BLOCKED),
        ("deleted", Status.DELETED),
    ],
)
def test_a_status_is_a_number_or_a_word_of_carriers(text: str, status: Status) -> None:
    assert read_status(text) is status


def test_an_unknown_status_is_refused() -> None:
    with pytest.raises(Unreadable):
        read_status("2")
