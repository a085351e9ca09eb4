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
        *(
            (text, "not a prefix: digits only, with at most a + before them")
            for text in ("+", "abc", "1204x", "٤٤", "44.0")
        ),
        ("2.012E+05", "a spreadsheet made another number of this prefix; export the column as text"),
        ("*", "a row for everything would price every typing error"),
        (
            "0146",
            "begins with 0, so it is no international prefix; mend it by --strip and --prepend",
        ),
        ("120-1206", "a range over different lengths"),
        ("1206-1204", "a range that runs backwards"),
        ("100000-110000", "a range of more than 10000 prefixes"),
        ("10000-19999;2", "more than 10000 prefixes in a cell"),
        ("1234567890123456", "longer than 15 digits"),
        ("93 9370", "either a list or a country code and its area codes; write lists with ;"),
    ],
)
def test_what_is_no_prefix_is_refused_with_its_rule(text: str, why: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read_codes(text)

    assert str(refused.value) == why


def test_a_prefix_of_which_nothing_is_left_is_none() -> None:
    with pytest.raises(Unreadable) as refused:
        read_codes("00", strip="00")

    assert str(refused.value) == "no prefix"


def test_a_cell_may_name_as_many_prefixes_as_are_allowed() -> None:
    assert len(read_codes("100000-109999")) == 10_000
    assert read_codes("1204-1204") == ["1204"]
    assert read_codes("123456789012345") == ["123456789012345"]


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
    ("sign", "currency"),
    [
        *(("€", "EUR"), ("£", "GBP"), ("₹", "INR"), ("₽", "RUB"), ("₩", "KRW"), ("₺", "TRY"), ("₴", "UAH")),
        *(("₫", "VND"), ("₪", "ILS"), ("SEK", "SEK")),
    ],
)
def test_a_sign_of_the_currency_says_nothing_and_one_of_another_is_refused(sign: str, currency: str) -> None:
    for text in (f"{sign}0.05", f"{sign} 0.05", f"0.05 {sign}", f"0.05{sign}"):
        assert read_amount(text, "point", currency) == 5 * CENT
    with pytest.raises(Unreadable, match=f"in {currency}"):
        read_amount(f"{sign}0.05", "point", "CAD")


@pytest.mark.parametrize(
    ("text", "mark", "why"),
    [
        ("", "point", "no price"),
        ("n/a", "point", "not a number"),
        ("-0.01", "point", "below 0"),
        ("-0", "point", "0 has no sign"),
        ("-0.00", "point", "0 has no sign"),
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


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "no increment"),
        ("  ", "no increment"),
        ("0", "a step of 0 seconds"),
        ("0/6", "a first block of 0 seconds"),
        ("6/0", "a step of 0 seconds"),
        ("1/2/3", "not whole seconds"),
        ("x", "not whole seconds"),
        ("-6", "not whole seconds"),
        ("6/", "not whole seconds"),
        ("1.5", "not whole seconds"),
        ("90000", "more than 86400 seconds"),
        ("٦", "not whole seconds"),
    ],
)
def test_a_step_of_nothing_is_refused_with_its_rule(text: str, rule: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read_increment(text)

    assert str(refused.value) == rule


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


@pytest.mark.parametrize(
    ("text", "date_format", "rule"),
    [
        *(
            (text, None, "not a date such as 2025-06-01; say by --date-format how dates are written")
            for text in ("03/04/2025", "45809", "2025-6-1", "tomorrow", "2025-06-01 8:30")
        ),
        ("2025-02-30", None, "a day or hour that does not exist"),
        ("2025-06-01 24:30", None, "a day or hour that does not exist"),
        ("2025-06-01", "DD/MM/YYYY", "not a date such as DD/MM/YYYY"),
        ("31/02/2025", "DD/MM/YYYY", "not a date such as DD/MM/YYYY"),
    ],
)
def test_what_is_no_plain_date_is_refused_with_its_rule(text: str, date_format: str | None, rule: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read_moment(text, date_format, UTC)

    assert str(refused.value) == rule


@pytest.mark.parametrize("text", ["", "  "])
def test_no_date_is_none(text: str) -> None:
    assert read_moment(text, None, UTC) is None
    assert read_moment(text, "DD/MM/YYYY", UTC) is None


def test_seconds_are_whole_and_at_most_a_day() -> None:
    for text in ("60", "60s", "60 sec", "60 secs", "60 Seconds", "60 sec.", " 060 "):
        assert read_seconds(text) == 60
    assert read_seconds("86400") == 86_400

    for text, rule in (("", "not whole seconds"), ("86401", "more than 86400 seconds"), ("1e3", "not whole seconds")):
        with pytest.raises(Unreadable) as refused:
            read_seconds(text)
        assert str(refused.value) == rule
    with pytest.raises(Unreadable, match="more than 86400 seconds"):
        read_seconds("0000060")


@pytest.mark.parametrize(
    ("text", "status"),
    [
        *((word, Status.ACTIVE) for word in ("", "1", "Active", "Current", "Open", "Valid", "New", "Increase")),
        *((word, Status.ACTIVE) for word in ("Increased", "Decrease", "Decreased", "Change", "Changed", "Unchanged")),
        *((word, Status.ACTIVE) for word in ("No change", "Same", "Existing", " current ")),
        *((word, Status.CUSTOM) for word in ("0", "Custom")),
        *((word, Status.BLOCKED) for word in ("Blocked", "Block", "Barred", "Closed", "Suspended")),
        *((word, Status.DELETED) for word in ("Deleted", "Delete", "Removed", "Remove", "Discontinued", "Withdrawn")),
        ("End", Status.DELETED),
    ],
)
def test_a_status_is_a_number_or_a_word_of_carriers(text: str, status: Status) -> None:
    assert read_status(text) is status


def test_an_unknown_status_is_refused() -> None:
    with pytest.raises(Unreadable) as refused:
        read_status("2")

    assert str(refused.value) == "not a status such as 1, 0, current, blocked or deleted"
