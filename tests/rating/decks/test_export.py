"""A deck written as CSV or as bytes comes back unchanged."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bridge.rating.decks.export import COLUMNS, export_lines
from bridge.rating.decks.hours import read_hours
from bridge.rating.decks.pack import NotPacked, packed, unpacked
from bridge.rating.decks.reading import Instructions, read_deck
from bridge.rating.decks.rows import PRICE_MAX, DeckRows
from bridge.rating.rate import Increments, Rate

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

prices = some.integers(0, 10**12)
moments = some.none() | some.integers(-5, 5).map(lambda days: NOON + timedelta(days=days, microseconds=days))
names = some.text(some.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=12).filter(
    lambda text: not text.startswith(("=", "'")) and not text.lower().startswith("sep=")
)


@some.composite
def rates(draw: some.DrawFn, prefix: str) -> Rate:
    block = draw(some.integers(1, 60))
    start = draw(moments)
    return Rate(
        prefix,
        draw(prices),
        Increments(block, draw(some.integers(1, 60)), draw(some.integers(0, 60)), draw(some.integers(0, 9))),
        draw(names),
        draw(names),
        draw(some.none() | prices),
        draw(prices),
        draw(prices),
        draw(some.none() | prices),
        draw(names),
        start,
        start + timedelta(days=3) if start and draw(some.booleans()) else None,
        draw(
            some.sampled_from([None, read_hours("mon-fri 08:00-18:00; sat 10:00-14:00"), read_hours("sun 22:00-04:00")])
        ),
        draw(some.booleans()),
        draw(some.sampled_from(["", "44", "1"])),
    )


prefixes = some.from_regex("[1-9][0-9]{0,14}", fullmatch=True)
decks = some.lists(prefixes, min_size=1, max_size=8, unique=True).flatmap(lambda each: some.tuples(*map(rates, each)))


def rows_of(rates: tuple[Rate, ...]) -> DeckRows:
    rows = DeckRows()
    for rate in rates:
        rows.add(rate)
    return rows.in_order()


@given(decks)
def test_our_export_comes_back_unchanged(rates: tuple[Rate, ...]) -> None:
    written = "".join(export_lines(rows_of(rates)))

    reading = read_deck(io.BytesIO(written.encode()), Instructions(time_zone="UTC"))

    assert reading.errors.listed == []
    assert set(reading.rows.rates()) == set(rates)
    assert reading.notes == []
    assert "".join(export_lines(reading.rows)) == written


def test_a_row_that_holds_its_calls_comes_back_holding_them() -> None:
    written = "".join(export_lines(rows_of((Rate("53", 0, is_priced=False),))))

    (rate,) = read_deck(io.BytesIO(written.encode()), Instructions()).rows.rates()

    assert not rate.is_priced


def test_the_vendors_export_comes_back_unchanged() -> None:
    """Its columns and their order, with the row number first and its status."""
    text = (
        "id,ShortDescription,Description,Prefix,RateValue,RatePremium,Increment,OldRate,status,Lastratechangedate\n"
        '1,ZA,"South Africa, all",27,0.05,0.06,60,0.04,1,2024-10-01\n2,,South Africa Mobile,2779,0.09,,6,,0,\n'
    )

    reading = read_deck(io.BytesIO(text.encode()), Instructions())

    one, two = reading.rows.rates()
    assert (one.prefix, one.description, one.short_description, one.changed_on) == (
        "27", "South Africa, all", "ZA", "2024-10-01",
    )  # fmt: skip
    assert (one.price, one.premium, one.old_price, one.is_custom) == (5 * 10**8, 6 * 10**8, 4 * 10**8, False)
    assert (two.prefix, two.premium, two.old_price, two.is_custom) == ("2779", None, None, True)
    assert reading.says_customs
    assert reading.notes == ["not used: id"]


def test_no_cell_of_an_export_is_a_formula() -> None:
    """T-13."""
    written = "".join(export_lines(rows_of((Rate("44", 1, description="=1+1"), Rate("45", 1, description="+x,@y")))))

    assert "44,'=1+1," in written
    assert '"\'+x,@y"' in written


def test_every_column_of_an_export_has_the_name_that_a_price_list_may_have() -> None:
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, 12, 30, tzinfo=UTC)
    sold = Increments(30, 6, min_seconds=12, grace_seconds=5)
    row = Rate(
        "44", 10**8, sold, "UK", "GB", 2 * 10**8, 3 * 10**8, 4 * 10**8, 5 * 10**8, "2025-12-01", start, end,
        read_hours("mon 08:00-18:00"), True, "33",
    )  # fmt: skip

    header, line = "".join(export_lines(rows_of((row,)))).splitlines()

    assert dict(zip(header.split(","), line.split(","), strict=True)) == {
        "Prefix": "44",
        "Description": "UK",
        "RateValue": "0.01",
        "Increment": "6",
        "ShortDescription": "GB",
        "RatePremium": "0.02",
        "FirstIncrement": "30",
        "SetupFee": "0.03",
        "MinDuration": "12",
        "MinCost": "0.04",
        "GraceSeconds": "5",
        "OldRate": "0.05",
        "EffectiveFrom": "2026-01-01T00:00:00Z",
        "EffectiveTo": "2027-01-01T12:30:00Z",
        "Lastratechangedate": "2025-12-01",
        "status": "0",
        "Hours": "mon 08:00-18:00",
        "CallerPrefix": "33",
    }


def test_prefixes_are_exported_as_people_sort_them() -> None:
    written = list(export_lines(rows_of(tuple(Rate(prefix, 1) for prefix in ("44", "1", "1204", "12")))))

    assert [line.split(",")[0] for line in written] == ["Prefix", "1", "12", "1204", "44"]
    assert written[0] == ",".join(COLUMNS) + "\r\n"


@given(decks)
def test_packed_rows_come_back_unchanged(rates: tuple[Rate, ...]) -> None:
    rows = rows_of(rates)

    again, known = unpacked(packed(rows, digest="abc"))

    assert again == rows
    assert list(again.rates()) == list(rows.rates())
    assert known == {"digest": "abc"}


def test_packed_rows_can_be_added_to() -> None:
    again, _ = unpacked(packed(rows_of((Rate("44", PRICE_MAX, description="UK"),))))

    again.add(Rate("45", 1, description="UK"))

    assert [rate.description for rate in again.rates()] == ["UK", "UK"]
    assert len(again.texts) == 2


@pytest.mark.parametrize("spoil", [lambda content: content[:-1], lambda content: content + b"x", lambda content: b"no"])
def test_spoilt_bytes_are_no_rows(spoil: object) -> None:
    content = packed(rows_of((Rate("44", 1),)))

    assert callable(spoil)
    with pytest.raises(NotPacked):
        unpacked(spoil(content))
