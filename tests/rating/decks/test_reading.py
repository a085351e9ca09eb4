"""Price lists as carriers send them, and what is refused or doubted in them, with line, column and reason."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bridge.rating.decks.faults import LISTED_MAX
from bridge.rating.decks.reading import DeckReading, Instructions, read_deck
from bridge.rating.decks.sheet import LINE_BYTES_MAX, NotASheet
from bridge.rating.price import price_text
from bridge.rating.rate import Increments, Rate

VENDOR = """\
Description,Prefix,RateValue,Increment
Canada - 204 Manitoba,1204,0.01,6
Canada - 226 Ontario,1226,0.01,6
Canada - 416 Metro Toronto,1416,0.01,6
"""


HEADER = "Prefix,Description,RateValue,Increment\n"


def read(text: str | bytes, **changed: object) -> DeckReading:
    content = text if isinstance(text, bytes) else text.encode()
    return read_deck(io.BytesIO(content), Instructions(**changed))  # type: ignore[arg-type]  # of a test's own


def prices(reading: DeckReading) -> dict[str, str]:
    return {rate.prefix: price_text(rate.price) for rate in reading.rows.rates()}


def told(reading: DeckReading) -> list[str]:
    return [str(fault) for fault in reading.errors.listed]


def doubts(reading: DeckReading) -> list[str]:
    return [str(fault) for fault in reading.warnings.listed]


def test_the_vendors_smallest_list_is_read() -> None:
    reading = read(VENDOR)

    assert (reading.rows_read, reading.rows_accepted, reading.rows_refused) == (3, 3, 0)
    assert next(reading.rows.rates()) == Rate("1204", 10**8, Increments(6, 6), description="Canada - 204 Manitoba")
    assert doubts(reading) == []
    assert reading.notes == []


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_every_dialect_of_csv_is_the_same_list(delimiter: str, ending: str, encoding: str) -> None:
    rows = (
        ["Description", "Prefix", "RateValue", "Increment"],
        ["Türkei", "90", "0.02", "6"],
        ["São Tomé", "239", "1", "1"],
    )
    text = ending.join(delimiter.join(row) for row in rows)

    reading = read(text.encode(encoding))

    assert [(rate.description, rate.prefix) for rate in reading.rows.rates()] == [("Türkei", "90"), ("São Tomé", "239")]


def test_rows_before_the_header_and_remarks_are_passed_over() -> None:
    reading = read("Acme Carrier\n\nRates of June 2025;;\n# a remark\n\n" + VENDOR.replace(",", ";") + "\n# the end\n")

    assert prices(reading) == {"1204": "0.01", "1226": "0.01", "1416": "0.01"}
    assert reading.rows_read == 3


def test_a_sheet_that_names_its_delimiter_is_believed() -> None:
    assert prices(read("sep=;\nPrefix;Description;RateValue;Increment\n44;UK;0.01;60\n")) == {"44": "0.01"}


def test_decimal_commas_quotes_and_currency_signs_are_understood() -> None:
    reading = read(
        'Code;Destination;Price;Increment\n"44";"UK, fixed; all";"€0,05";"60/60"\n"+447";"UK ""mobile""";0,1234;30/6\n',
        currency="EUR",
    )

    assert prices(reading) == {"44": "0.05", "447": "0.1234"}
    assert [rate.description for rate in reading.rows.rates()] == ["UK, fixed; all", 'UK "mobile"']
    assert "prices have decimal commas" in reading.notes


def test_rows_that_say_alike_what_others_said_before_keep_their_own_words() -> None:
    reading = read("Prefix,Description,RateValue,Increment\n44,UK,1,60\n45,DK,2,60\n46,UK,2,60\n47,DK,1,60\n")

    rows = [(rate.prefix, rate.description, price_text(rate.price)) for rate in reading.rows.rates()]
    assert rows == [("44", "UK", "1"), ("45", "DK", "2"), ("46", "UK", "2"), ("47", "DK", "1")]


@pytest.mark.parametrize(
    ("cell", "text"),
    [("'+1 x", "+1 x"), ("'-x", "-x"), ("'@x", "@x"), ("'=x", "=x"), ("'x", "'x"), ("''+x", "''+x"), ("+x", "+x")],
)
def test_a_quote_that_keeps_a_text_from_being_a_formula_is_no_part_of_it(cell: str, text: str) -> None:
    [rate] = read(f"Prefix,Description,RateValue,Increment\n44,{cell},1,60\n").rows.rates()

    assert rate.description == text


def test_several_codes_in_a_cell_have_one_price() -> None:
    reading = read(
        'Prefix,Description,RateValue,Increment\n1204;1226,CA,0.01,6\n"93, 9370",AF,0.2,6\n1300-1302,X,1,6\n'
    )

    assert prices(reading) == {
        "1204": "0.01", "1226": "0.01", "93": "0.2", "9370": "0.2", "1300": "1", "1301": "1", "1302": "1",
    }  # fmt: skip
    assert reading.rows_accepted == 3


def test_a_column_of_country_codes_stands_before_one_of_area_codes() -> None:
    reading = read(
        "Country;Country Code;Area Codes;Rate;Increment\nAustralia;61;38,39;0.02;1/1\nAustralia;61;;0.01;1/1\n"
    )

    assert prices(reading) == {"61": "0.01", "6138": "0.02", "6139": "0.02"}


def test_two_columns_of_increments_are_block_and_step() -> None:
    reading = read("Prefix,Destination,Rate,First Interval,Next Interval\n44,UK,0.1,30,6\n")

    assert next(reading.rows.rates()).increments == Increments(30, 6)


@pytest.mark.parametrize(
    ("unit", "price", "a_minute"),
    [(60, "0.12", "0.12"), (1, "0.002", "0.12"), (6, "0.00137", "0.0137"), (30, "0.05", "0.1")],
)
def test_a_price_for_other_seconds_is_kept_as_one_for_a_minute(unit: int, price: str, a_minute: str) -> None:
    reading = read(f"Prefix,Description,RateValue,Increment\n44,UK,{price},6\n", unit_seconds=unit)

    assert prices(reading) == {"44": a_minute}


def test_a_header_that_says_per_second_is_believed_and_told() -> None:
    reading = read("Prefix,Description,Rate per second,Increment\n44,UK,0.001,1\n")

    assert prices(reading) == {"44": "0.06"}
    assert any("for 1 second" in note for note in reading.notes)


def test_a_price_that_no_ten_decimals_hold_is_refused_and_not_cut() -> None:
    reading = read("Prefix,Description,RateValue,Increment\n44,UK,0.01,6\n45,DK,0.1,6\n", unit_seconds=7)

    assert reading.rows_refused == 2
    assert "more than 10 decimals a minute" in told(reading)[0]


def test_rows_have_dates_of_their_own() -> None:
    reading = read(
        "Prefix,Description,RateValue,Increment,EffectiveFrom,EffectiveTo\n"
        "44,UK,0.01,60,2025-01-01,2025-06-01\n44,UK,0.02,60,2025-06-01T00:00:00+02:00,\n",
        time_zone="Europe/Berlin",
    )

    starts = [rate.effective_from for rate in reading.rows.rates()]
    assert starts == [datetime(2025, 5, 31, 22, tzinfo=UTC), datetime(2024, 12, 31, 23, tzinfo=UTC)]
    assert told(reading) == []


def test_an_ambiguous_date_is_refused_until_its_format_is_said() -> None:
    text = "Prefix,Description,RateValue,Increment,Effective Date\n44,UK,0.01,60,03/04/2025\n"

    assert "say by --date-format how dates are written" in told(read(text))[0]
    assert read(text, date_format="DD/MM/YYYY").rows_refused == 0


def test_words_of_carriers_end_or_block_a_row() -> None:
    reading = read(
        "Prefix,Description,RateValue,Increment,status\n44,UK,0.01,60,current\n53,Cuba,,60,blocked\n45,DK,1,60,deleted\n"
        "46,SE,0.5,60,0\n"
    )

    rows = {rate.prefix: rate for rate in reading.rows.rates()}
    assert sorted(rows) == ["44", "46", "53"]
    assert not rows["53"].is_priced
    assert rows["46"].is_custom
    assert reading.rows_accepted == 4
    assert ["held" in each or "ended" in each for each in doubts(reading)] == [True, True]


def test_every_optional_column_of_ours_is_read() -> None:
    reading = read(
        "Prefix,Description,RateValue,Increment,ShortDescription,RatePremium,FirstIncrement,SetupFee,MinDuration,"
        "MinCost,GraceSeconds,OldRate,EffectiveFrom,EffectiveTo,Lastratechangedate,status,Hours,CallerPrefix\n"
        "44,UK,0.01,6,GB,0.02,30,0.03,10,0.04,3,0.05,2025-01-01,2026-01-01,2024-12-01,0,mon-fri 08:00-18:00,49\n"
    )

    rate = next(reading.rows.rates())
    assert rate.increments == Increments(30, 6, 10, 3)
    assert (rate.premium, rate.setup, rate.min_cost, rate.old_price) == (2 * 10**8, 3 * 10**8, 4 * 10**8, 5 * 10**8)
    assert (rate.short_description, rate.changed_on, rate.is_custom, rate.caller_prefix) == (
        "GB",
        "2024-12-01",
        True,
        "49",
    )
    assert rate.band is not None
    assert reading.rows_refused == 0


# --- the header -------------------------------------------------------------------------------------------------------


def test_headers_are_mapped_as_told() -> None:
    text = "A;B;C;D\n44;UK;0.01;60\n"

    reading = read(text, mapping={"prefix": "A", "Description": "B", "RateValue": "c", "Increment": "#4"})

    assert prices(reading) == {"44": "0.01"}


def test_a_list_without_a_header_is_mapped_by_numbers() -> None:
    mapping = {"Prefix": "#1", "Description": "#2", "RateValue": "#3", "Increment": "#4"}

    assert prices(read("44;UK;0.01;60\n45;DK;0.02;60\n", mapping=mapping)) == {"44": "0.01", "45": "0.02"}


def test_what_was_remembered_is_used_where_the_columns_are_still_there() -> None:
    text = "X,Y,Rate,Increment\n44,UK,0.01,60\n"

    reading = read(text, remembered={"Prefix": "X", "Description": "Y", "OldRate": "gone"})

    assert prices(reading) == {"44": "0.01"}


def test_what_a_list_was_read_by_reads_it_again() -> None:
    text = "Country Code;Area Code;Country;Rate;Increment\n61;38;AU;0.02;1\n"
    first = read(text)

    again = read(text, remembered=first.columns.mapping)

    assert again.columns.places == first.columns.places
    assert again.columns.guessed == ()


def test_a_guess_is_told_and_so_is_every_header_that_is_not_used() -> None:
    reading = read("Dial Code,Destination,Rate (USD),Increment,Comment,Trunk\n44,UK,0.01,60,x,y\n")

    assert "'Dial Code' is taken as the Prefix" in reading.notes
    assert "'Rate (USD)' is taken as the RateValue" in reading.notes
    assert "not used: Comment, Trunk" in reading.notes


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("Prefix,Description,Current Rate,New Rate,Increment", "may be 'Current Rate' or 'New Rate'"),
        ("NPANXX,Destination,InterRate,IntraRate,Increment", "may be 'InterRate' or 'IntraRate'"),
        ("Prefix,Code,Destination,Rate,Increment", None),
        ("Dial Code,Code,Destination,Rate,Increment", "may be 'Dial Code' or 'Code'"),
        ("Area Code,Destination,Rate,Increment", "area codes without a country code"),
        ("Prefix,Description,Increment", "no column is plainly the RateValue"),
        ("Prefix,RateValue,Increment", "no column for the Description"),
        ("Prefix,RateValue", "no column for the Description and the Increment"),
    ],
)
def test_nothing_is_guessed_between_two_columns_or_out_of_nothing(header: str, why: str | None) -> None:
    row = ",".join("1" for _ in header.split(","))
    if why is None:
        assert read(f"{header}\n{row}\n").rows_accepted == 1
        return
    with pytest.raises(NotASheet, match=why):
        read(f"{header}\n{row}\n")


def test_a_missing_increment_can_be_said_for_all_rows() -> None:
    reading = read("Prefix,Description,Rate\n44,UK,0.1\n", increment="30/6")

    assert next(reading.rows.rates()).increments == Increments(30, 6)


def test_a_mapped_column_that_is_not_there_is_named() -> None:
    with pytest.raises(NotASheet, match="no column 'Price' to be the RateValue"):
        read(VENDOR, mapping={"RateValue": "Price"})


def test_a_column_is_left_out_by_mapping_it_to_nothing() -> None:
    text = "Prefix,Description,RateValue,Increment,status\n44,UK,0.01,60,0\n"

    assert not next(read(text, mapping={"status": ""}).rows.rates()).is_custom


def test_a_target_that_is_none_is_refused() -> None:
    with pytest.raises(NotASheet, match="no column 'Colour' to map to"):
        read(VENDOR, mapping={"Colour": "Prefix"})


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "column", "why"),
    [
        ("44,UK,-0.01,60", "RateValue", "is refused: below 0"),
        ("44,UK,,60", "RateValue", "is no price"),
        ("44,UK,  ,60", "RateValue", "is no price"),
        ("44,UK,free,60", "RateValue", "not a number"),
        ("44,UK,0.00000000001,60", "RateValue", "more than 10 decimals"),
        ("44,UK,0.01,0", "Increment", "step of 0"),
        ("44,UK,0.01,", "Increment", "is no increment"),
        ("44,UK,0.01,60/0", "Increment", "step of 0"),
        (",UK,0.01,60", "Prefix", "no prefix"),
        ("UK,44,0.01,60", "Prefix", "not a prefix"),
        ("44,=1+1,0.01,60", "Description", "is a formula"),
        ("44,UK,=0.01,60", "RateValue", "is a formula"),
        ('"=""44""",UK,0.01,60', "Prefix", "is a formula"),
        ("44,UK,0.01,60,more", "", "5 cells, the header has 4"),
        ("44," + "x" * 256 + ",0.01,60", "Description", "longer than 255"),
        ('44,"UK\n",0.01,60', "", "a cell runs on to line 3"),
        ('44,U"K,0.01,60', "Description", ""),
        ('44,"UK"x,0.01,60', "", "a quote is opened and not closed, or stands in the middle"),
    ],
)
def test_a_bad_row_is_refused_with_line_column_and_rule(row: str, column: str, why: str) -> None:
    reading = read(f"Prefix,Description,RateValue,Increment\n{row}\n45,DK,0.02,60\n")

    if not why:  # a quote inside an unquoted cell is only a sign
        assert reading.rows_refused == 0
        return
    assert (reading.rows_read, reading.rows_refused) == (2, 1)
    assert prices(reading) == {"45": "0.02"}
    (error,) = reading.errors.listed
    assert (error.line, error.column) == (2, column)
    assert why in error.reason


@pytest.mark.parametrize(
    ("first", "increment", "why"),
    [
        ("0", "6", "FirstIncrement is refused: a first block of 0 seconds"),
        ("30", "60/6", "FirstIncrement is another than the increment's own"),
        ("x", "6", "FirstIncrement is refused: not whole seconds"),
    ],
)
def test_a_first_block_that_is_none_or_another_is_refused(first: str, increment: str, why: str) -> None:
    reading = read(f"Prefix,Description,RateValue,Increment,FirstIncrement\n44,UK,1,{increment},{first}\n45,DK,1,6,6\n")

    [fault] = told(reading)
    assert why.split(" ", 1)[0] in fault
    assert why.split(" ", 1)[1] in fault
    assert reading.rows_accepted == 1


def test_prices_for_other_seconds_are_told() -> None:
    assert read(VENDOR, unit_seconds=6).notes == ["prices are for 6 seconds, and kept as prices a minute"]
    assert read(VENDOR, unit_seconds=1).notes == ["prices are for 1 second, and kept as prices a minute"]
    assert read(VENDOR, unit_seconds=60).notes == []


def test_a_formula_in_a_column_that_nobody_uses_is_told_by_its_own_name() -> None:
    reading = read("Code,Description,Rate,Increment,Margin\n44,UK,0.01,60,=C2*2\n45,=A1,0.01,60,\n")

    assert told(reading) == [
        "line 2, Margin: '=C2*2' is a formula; export the list as values",
        "line 3, Description: '=A1' is a formula; export the list as values",
    ]


def test_a_formula_in_a_column_without_a_name_is_told_by_its_place() -> None:
    reading = read("Code,Description,Rate,Increment,\n44,UK,0.01,60,=C2*2\n")

    assert told(reading) == ["line 2, #5: '=C2*2' is a formula; export the list as values"]


def test_an_empty_cell_is_told_as_such() -> None:
    assert told(read(HEADER + "44,UK,,60,,,\n")) == ["line 2, RateValue: '' is no price"]
    assert told(read(HEADER + "44,UK,0.01, ,,,\n")) == ["line 2, Increment: ' ' is no increment"]


def test_every_fault_of_a_row_is_told() -> None:
    reading = read("Prefix,Description,RateValue,Increment\nx,UK,-1,0\n")

    assert [error.column for error in reading.errors.listed] == ["Increment", "Prefix", "RateValue"]
    assert reading.rows_refused == 1


def test_errors_carry_the_names_of_the_files_own_columns() -> None:
    (error,) = read("Code;Name;Price;Pulse\n44;UK;x;60\n45;DK;1;60\n").errors.listed

    assert error.document() == {
        "line": 2, "column": "Price", "value": "x", "reason": "is refused: not a number such as 0.0125",
    }  # fmt: skip


def test_many_errors_are_counted_and_the_first_are_told() -> None:
    rows = "".join(f"{number},X,,60\n" for number in range(1000, 1000 + LISTED_MAX + 5))
    reading = read("Prefix,Description,RateValue,Increment\n" + rows)

    assert (len(reading.errors.listed), reading.errors.count, reading.rows_refused) == (LISTED_MAX, 1005, 1005)


def test_a_quote_that_is_never_closed_swallows_no_price_silently() -> None:
    reading = read('Prefix,Description,RateValue,Increment\n44,UK,0.01,60\n45,"DK,0.02,60\n46,SE,0.03,60\n')

    assert prices(reading) == {"44": "0.01"}
    assert reading.rows_refused == 1


# --- the same prefix twice --------------------------------------------------------------------------------------------

HEADER = "Prefix,Description,RateValue,Increment,EffectiveFrom,EffectiveTo,Hours\n"


def test_one_prefix_at_two_prices_is_refused_and_says_where() -> None:
    reading = read(HEADER + "44,UK,0.01,60\n45,DK,1,60\n44,UK,0.02,60\n")

    assert told(reading) == ["line 4, Prefix: '44' is in line 2 as well, at another price for the same time"]
    assert prices(reading) == {"44": "0.01", "45": "1"}
    assert (reading.rows_accepted, reading.rows_refused) == (2, 1)


def test_one_prefix_twice_at_one_price_is_one_row_and_a_warning() -> None:
    reading = read(HEADER + "44,UK,0.01,60\n44,UK again,0.01,60\n")

    assert doubts(reading) == ["line 3, Prefix: '44' is in line 2 as well, at the same price"]
    assert len(reading.rows) == 1
    assert reading.rows_accepted == 2


def test_other_increments_for_one_prefix_are_another_price() -> None:
    assert read(HEADER + "44,UK,0.01,60\n44,UK,0.01,6\n").rows_refused == 1


def test_generations_of_a_price_stand_beside_each_other() -> None:
    reading = read(HEADER + "44,UK,0.01,60\n44,UK,0.02,60,2025-06-01\n44,UK,0.03,60,2026-06-01,2027-01-01\n")

    assert (reading.rows_refused, len(reading.rows)) == (0, 3)


def test_overlapping_dates_with_different_prices_are_refused() -> None:
    reading = read(HEADER + "44,UK,0.01,60,2025-01-01,2025-07-01\n44,UK,0.02,60,2025-06-01,2025-12-01\n")

    assert (reading.rows_refused, prices(reading)) == (1, {"44": "0.01"})


def test_hours_may_differ_in_price_and_may_not_overlap() -> None:
    rows = "44,UK,0.01,60,,,\n44,UK,0.03,60,,,mon-fri 08:00-18:00\n44,UK,0.02,60,,,sat 08:00-18:00\n"

    assert read(HEADER + rows).rows_refused == 0
    assert read(HEADER + rows + "44,UK,0.05,60,,,fri-sat 17:00-19:00\n").rows_refused == 1


def test_a_row_whose_one_prefix_is_refused_is_refused_whole() -> None:
    reading = read(HEADER + "44,UK,0.01,60\n44;45,UK,0.02,60\n")

    assert prices(reading) == {"44": "0.01"}


def test_a_prefix_a_thousand_times_is_refused_in_no_time() -> None:
    rows = "".join(
        f"44,UK,0.01,60,{2000 + number // 360}-{number // 30 % 12 + 1:02d}-{number % 30 % 28 + 1:02d}\n"
        for number in range(5000)
    )

    assert read(HEADER + rows).rows_refused > 0


# --- what is doubted --------------------------------------------------------------------------------------------------


def test_a_block_that_is_no_multiple_of_the_step_is_doubted() -> None:
    assert doubts(read(HEADER + "44,UK,0.01,30/60\n")) == [
        "line 2, Increment: '30/60' has a first block that is no multiple of the step"
    ]


def test_a_dear_price_is_doubted() -> None:
    assert doubts(read(HEADER + "44,UK,10.01,60\n45,DK,10,60\n")) == [
        "line 2, RateValue: '10.01' is above 10 a minute, for prefix 44"
    ]
    rows = "".join(f"{number},X,0.01,60\n" for number in range(20, 30)) + "881,Satellite,0.51,60\n882,Y,0.5,60\n"
    assert doubts(read(HEADER + rows)) == [
        "line 12, RateValue: '0.51' is more than 50 times the median, for prefix 881"
    ]


def test_a_whole_number_as_a_prefix_is_doubted_unless_it_is_called() -> None:
    rows = HEADER + "12045550123,X,0.01,60\n447700900123,X,0.01,60\n1204,X,0.01,60\n"

    assert len(doubts(read(rows))) == 2
    assert doubts(read(rows, direction="inbound")) == []


def test_a_price_of_nothing_is_a_price() -> None:
    reading = read(HEADER + "1800,Toll free,0,60\n44,UK,0.01,60\n")

    assert (prices(reading), doubts(reading)) == ({"1800": "0", "44": "0.01"}, [])


# --- what may be read in two ways -------------------------------------------------------------------------------------


def test_two_columns_of_one_name_are_told_apart_by_their_places_alone() -> None:
    text = "Prefix,Description,RateValue,RateValue,Increment\n44,UK,0.01,0.02,60\n"

    with pytest.raises(
        NotASheet, match="2 columns are named 'RateValue'; say which by its place, such as RateValue=#3"
    ):
        read(text)
    with pytest.raises(NotASheet, match="2 columns are named 'ratevalue'"):
        read(text, mapping={"RateValue": "ratevalue"})
    second = read(text, mapping={"RateValue": "#4"})
    assert prices(second) == {"44": "0.02"}
    assert prices(read(text, remembered=second.columns.mapping)) == {"44": "0.02"}


@pytest.mark.parametrize("currency", ["USD", "EUR", "GBP", "AUD", "CAD", "CHF", "INR"])
def test_a_price_column_says_its_currency(currency: str) -> None:
    text = f"Prefix,Description,Rate ({currency}),Increment\n44,UK,0.01,60\n"

    assert prices(read(text, currency=currency)) == {"44": "0.01"}
    with pytest.raises(NotASheet, match=f"are in {currency}, and the deck is in SEK"):
        read(text, currency="SEK")


@pytest.mark.parametrize("header", ["Rate (EUR)", "Rate EUR/min", "Rate €", "Price [eur]"])
def test_a_price_column_in_another_currency_is_refused(header: str) -> None:
    text = f"Prefix,Description,{header},Increment\n44,UK,0.01,60\n"

    assert prices(read(text, currency="EUR", mapping={"RateValue": header})) == {"44": "0.01"}
    with pytest.raises(NotASheet, match="are in EUR, and the deck is in USD"):
        read(text, currency="USD", mapping={"RateValue": header})


def test_a_column_of_currencies_must_agree_with_the_deck() -> None:
    rows = "44,UK,1,60,USD\n45,DK,1,60,EUR\n46,SE,1,60,\n47,NO,1,60,euros\n"

    reading = read(f"Prefix,Description,RateValue,Increment,Currency\n{rows}", currency="USD")

    assert prices(reading) == {"44": "1", "46": "1"}
    assert told(reading) == [
        "line 3, Currency: 'EUR' is refused: in EUR, and the deck is in USD",
        "line 5, Currency: 'euros' is refused: not a currency such as USD",
    ]


def test_a_database_that_writes_its_empty_values_out_says_nothing_by_them() -> None:
    """What `mariadb` and phpMyAdmin make of the vendor's tables."""
    columns = "id,ShortDescription,Description,Prefix,RateValue,RatePremium,Increment,OldRate,status,Lastratechangedate"
    rows = "1,,UK,44,0.0100,NULL,60,\\N,1,0000-00-00\n2,,DK,45,NULL,0.02,60,0.01,1,\n"

    reading = read(f"{columns}\n{rows}")

    assert [(rate.premium, rate.old_price) for rate in reading.rows.rates()] == [(None, None)]
    assert told(reading) == ["line 3, RateValue: 'NULL' is no price"]


def test_a_remark_is_none_of_the_rows_around_it_however_alike() -> None:
    text = "Comment,Prefix,Description,RateValue,Increment\nx,44,UK,0.01,60\n# x,45,UK,0.01,60\ny,46,UK,0.01,60\n"

    reading = read(text)

    assert (prices(reading), reading.rows_read) == ({"44": "0.01", "46": "0.01"}, 2)


def test_ranges_by_the_thousand_do_not_fill_the_memory() -> None:
    text = HEADER + "".join(f"{code}0000-{code}9999,x,1,60\n" for code in (441, 442, 443))

    assert len(read(text, prefixes_max=30_000).rows) == 30_000
    with pytest.raises(NotASheet, match=r"^the list has more than 29999 prefixes; are its ranges meant\?$"):
        read(text, prefixes_max=29_999)


class _Endless(io.RawIOBase):
    """A file of 100 MB in one cell, made while it is read."""

    SIZE = 100_000_000

    def __init__(self) -> None:
        self.place = self.read_bytes = 0

    def seek(self, place: int, _whence: int = 0) -> int:
        self.place = place
        return place

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        size = min(size if size >= 0 else self.SIZE, self.SIZE - self.place)
        piece = HEADER.encode()[self.place : self.place + size].ljust(size, b"x")
        self.place += size
        self.read_bytes += size
        return piece


def test_a_cell_of_a_hundred_megabytes_is_refused_before_it_is_read() -> None:
    file = _Endless()

    with pytest.raises(NotASheet, match="a line is longer than 1000000 bytes"):
        read_deck(file, Instructions())  # type: ignore[arg-type]  # of a file only what is read of it

    assert file.read_bytes < 5_000_000


def test_a_cell_of_a_hundred_thousand_lines_swallows_no_row_below_it() -> None:
    text = HEADER + '44,"' + "x" * 200 + "\n" + ("y" * 200 + "\n") * 2000 + "45,DK,0.02,60\n"

    reading = read(text)

    assert prices(reading) == {"45": "0.02"}
    assert reading.rows_read == reading.rows_accepted + reading.rows_refused
    assert any("is a quote missing?" in each for each in told(reading))


@pytest.mark.parametrize("header", ["Rate (cents)", "US Cents per minute", "¢/min", "pence"])
def test_prices_in_cents_are_not_taken_for_dollars(header: str) -> None:
    with pytest.raises(NotASheet, match="are in hundredths; bring them to whole units"):
        read(f"Prefix,Description,{header},Increment\n44,UK,1.5,60\n", mapping={"RateValue": header})


def test_a_country_code_beside_whole_prefixes_is_for_people() -> None:
    rows = "44,4420,London,0.01,60\n+44,+447,Mobile,0.05,60\n"

    reading = read(f"Country Code,Prefix,Description,RateValue,Increment\n{rows}")

    assert prices(reading) == {"447": "0.05", "4420": "0.01"}


def test_country_codes_that_do_not_fit_their_prefixes_are_asked_about() -> None:
    """20 alone is Egypt; behind a 44 it is London."""
    areas = "Country Code,Prefix,Description,RateValue,Increment\n44,20,London,0.01,60\n"
    whole = "CountryCode,Prefix,Description,RateValue,Increment\n44,4420,London,0.01,60\n"

    with pytest.raises(
        NotASheet, match="'Country Code' and 'Prefix' the second does not begin with the first; map the"
    ):
        read(areas)
    assert prices(read(areas, mapping={"CountryCode": "Country Code"})) == {"4420": "0.01"}
    assert prices(read(areas, mapping={"CountryCode": ""})) == {"20": "0.01"}
    with pytest.raises(NotASheet, match="'CountryCode' and 'Prefix' the second begins with the first already; map the"):
        read(whole)
    assert prices(read(whole, mapping={"CountryCode": ""})) == {"4420": "0.01"}
    assert prices(read(whole, mapping={"CountryCode": "CountryCode"})) == {"444420": "0.01"}


# --- what is no list at all -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "^the file is empty$"),
        (b"Prefix,Description,RateValue,Increment\n", "^there is not one row below the header$"),
        (b"\n\n\n", "^the file has no rows$"),
        (b"PK\x03\x04\x14\x00", "^this is a spreadsheet or an archive; export the price list as CSV in UTF-8$"),
        (b"\xd0\xcf\x11\xe0\xa1", "^this is an old spreadsheet; export the price list as CSV in UTF-8$"),
        (b"%PDF-1.7\n", "^this is a PDF; export the price list as CSV in UTF-8$"),
        (b"\xff\xfeP\x00r\x00", "^this is UTF-16; export the price list as CSV in UTF-8$"),
        (b"\xfe\xff\x00P\x00r", "^this is UTF-16; export the price list as CSV in UTF-8$"),
        (b"Prefix\x00,Rate\n", "^this is not text; export the price list as CSV$"),
        (b"\x1f\x8b\x08", "^this is compressed; export the price list as CSV in UTF-8$"),
        (
            b"\x81\x8d not 1252\n",
            "^this is neither UTF-8 nor Windows-1252; export the price list as CSV in UTF-8$",
        ),
        (b"hello\nworld\n", "no column is plainly"),
        (
            b"Prefix,Description,RateValue,Increment\n44," + b"x" * (LINE_BYTES_MAX + 1) + b",0.01,60\n",
            "a line is longer",
        ),
        (b"Prefix,Description,RateValue,Increment\n45,DK,1,6,deleted\n", None),
    ],
)
def test_what_is_no_price_list_is_refused_in_a_sentence(content: bytes, why: str | None) -> None:
    if why is None:
        assert read(content).rows_refused == 1
        return
    with pytest.raises(NotASheet, match=why):
        read(content)


def test_a_list_of_which_all_is_ended_is_none() -> None:
    with pytest.raises(NotASheet, match="no price"):
        read("Prefix,Description,RateValue,Increment,status\n45,DK,1,6,deleted\n")


@given(some.binary(max_size=400))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        reading = read(content)
    except NotASheet:
        return
    assert reading.rows_read == reading.rows_accepted + reading.rows_refused


@given(some.lists(some.lists(some.text(max_size=8), min_size=4, max_size=5), max_size=8))
def test_any_cells_are_read_or_refused_and_none_is_lost(rows: list[list[str]]) -> None:
    cells = [[cell.replace('"', "").replace("\x00", "") for cell in row] for row in rows]
    text = "Prefix,Description,RateValue,Increment,status\n" + "".join(",".join(row) + "\n" for row in cells)
    try:
        reading = read(text.encode("utf-8", "replace"))
    except NotASheet:
        return
    assert reading.rows_read == reading.rows_accepted + reading.rows_refused
    assert (reading.rows_refused == 0) == (reading.errors.count == 0)


@pytest.mark.parametrize(
    ("cells", "taken"),
    [
        (",,08:00-18:00", ["hours are taken as UTC; --time-zone says otherwise"]),
        ("2025-07-01,,", ["dates are taken as UTC; --time-zone says otherwise"]),
        (",2025-07-01 06:00,08:00-18:00", ["hours and dates are taken as UTC; --time-zone says otherwise"]),
        ("2025-07-01 06:00Z,2025-07-02T00:00+02:00,", []),
        (",,", []),
    ],
)
def test_what_is_taken_as_utc_is_told(cells: str, taken: list[str]) -> None:
    text = f"Prefix,Description,RateValue,Increment,EffectiveFrom,EffectiveTo,Hours\n44,UK,0.01,60,{cells}\n"

    assert read(text).notes == taken
    assert read(text, time_zone="UTC").notes == []
