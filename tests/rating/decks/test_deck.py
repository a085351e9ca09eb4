"""The longest prefix that is there at a moment, against a matcher that tries every row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as some

from bridge.rating.decks.deck import Deck
from bridge.rating.rate import Band, Rate

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CENT = 10**8
MONDAY = 1440

prefixes = some.text("0129", min_size=1, max_size=6)
moments = some.integers(-3, 3).map(lambda days: NOON + timedelta(days=days))
bands = some.integers(0, 6).map(lambda day: Band(((day * MONDAY, (day + 2) % 8 * MONDAY or 7 * MONDAY),)))


@some.composite
def rates(draw: some.DrawFn) -> Rate:
    start, end = draw(some.none() | moments), draw(some.none() | moments)
    return Rate(
        draw(prefixes),
        draw(some.integers(0, 10**9)),
        effective_from=start,
        effective_to=end,
        band=draw(some.none() | bands),
        caller_prefix=draw(some.sampled_from(["", "", "", "4", "44", "1"])),
        is_custom=draw(some.booleans()),
    )


def naive(rows: list[Rate], number: str, moment: datetime, caller: str, zone: str) -> Rate | None:
    """Every row tried; the one that the rules name first wins."""
    there = moment.astimezone(ZoneInfo(zone))
    minute = there.weekday() * 1440 + there.hour * 60 + there.minute
    fitting = [
        (len(rate.prefix), len(rate.caller_prefix), rate.band is not None, since.timestamp(), place)
        for place, rate in enumerate(rows)
        if number.startswith(rate.prefix)
        and caller.startswith(rate.caller_prefix)
        and rate.is_valid(moment)
        and (rate.band is None or rate.band.holds(minute))
        for since in [rate.effective_from or datetime(1970, 1, 1, tzinfo=UTC)]
    ]
    return rows[max(fitting)[-1]] if fitting else None


@given(
    some.lists(rates(), max_size=30),
    some.text("0129", max_size=9),
    moments,
    some.sampled_from(["", "4", "4412", "12"]),
    some.sampled_from(["UTC", "America/New_York", "Asia/Kolkata"]),
)
def test_a_deck_finds_what_trying_every_row_finds(
    rows: list[Rate], number: str, moment: datetime, caller: str, zone: str
) -> None:
    deck = Deck.of(rows, currency="USD", time_zone=zone)

    assert deck.find(number, moment, caller) == naive(rows, number, moment, caller, zone)


@given(some.lists(prefixes, min_size=1, unique=True), some.text("0129", min_size=1, max_size=9), some.randoms())
def test_the_order_of_rows_says_nothing(rows: list[str], number: str, chance: some.DrawFn) -> None:
    ordered = [Rate(prefix, place) for place, prefix in enumerate(rows)]
    shuffled = list(ordered)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # it is a random.Random

    assert Deck.of(ordered, currency="USD").find(number, NOON) == Deck.of(shuffled, currency="USD").find(number, NOON)


def test_a_deck_of_many_rows_finds_each_of_its_prefixes() -> None:
    rows = [Rate(f"{number:05d}", number) for number in range(20_000)]
    deck = Deck.of(reversed(rows), currency="USD")

    assert [deck.find(f"{number:05d}77", NOON) for number in range(20_000)] == rows


def test_length_decides_and_never_price() -> None:
    deck = Deck.of([Rate("1", CENT), Rate("1234", 20 * CENT)], currency="USD")

    assert deck.find("1234567890123", NOON) == Rate("1234", 20 * CENT)


def test_a_number_shorter_than_a_prefix_does_not_match_it() -> None:
    deck = Deck.of([Rate("1204", CENT)], currency="USD")

    assert deck.find("120", NOON) is None
    assert deck.find("", NOON) is None


def test_a_leading_zero_is_a_digit() -> None:
    deck = Deck.of([Rate("0146", CENT)], currency="USD")

    assert deck.find("146555", NOON) is None
    assert deck.find("0146555", NOON) == Rate("0146", CENT)


def test_an_empty_deck_knows_no_number() -> None:
    assert Deck.of([], currency="USD").find("4420", NOON) is None


def test_a_custom_row_wins_by_its_length() -> None:
    """products.md 4.5: 27 with a price, 2779 marked as the package's own."""
    deck = Deck.of([Rate("27", 5 * CENT), Rate("2779", 9 * CENT, is_custom=True)], currency="USD")

    found = deck.find("27791234567", NOON)

    assert found is not None
    assert found.is_custom


def test_a_longer_prefix_that_expired_uncovers_a_shorter_one() -> None:
    deck = Deck.of([Rate("44", CENT), Rate("447", 5 * CENT, effective_to=NOON)], currency="USD")

    before, after = deck.find("447700900123", NOON - timedelta(seconds=1)), deck.find("447700900123", NOON)

    assert (before.prefix if before else "", after.prefix if after else "") == ("447", "44")


def test_a_row_ends_in_the_moment_its_successor_begins() -> None:
    deck = Deck.of([Rate("44", CENT, effective_to=NOON), Rate("44", 2 * CENT, effective_from=NOON)], currency="USD")

    prices = [
        found.price if (found := deck.find("4420", NOON + timedelta(seconds=after))) else None for after in (-1, 0, 1)
    ]

    assert prices == [CENT, 2 * CENT, 2 * CENT]


def test_hours_are_read_in_the_zone_of_the_deck() -> None:
    office = Band(tuple((day * 1440 + 480, day * 1440 + 1080) for day in range(5)))
    rows = [Rate("44", CENT), Rate("44", 5 * CENT, band=office)]
    summer = datetime(2026, 7, 20, 7, 30, tzinfo=UTC)  # Monday, 08:30 in London

    here, there = (Deck.of(rows, currency="GBP", time_zone=zone) for zone in ("UTC", "Europe/London"))

    assert [found.price for deck in (here, there) if (found := deck.find("4420", summer))] == [CENT, 5 * CENT]


def test_a_row_without_a_price_is_found_and_says_so() -> None:
    deck = Deck.of([Rate("44", CENT), Rate("447", 0, is_priced=False)], currency="GBP")

    found = deck.find("447700900123", NOON)

    assert found is not None
    assert not found.is_priced


@given(some.lists(rates(), max_size=20))
def test_a_deck_gives_back_the_rows_it_was_made_of(rows: list[Rate]) -> None:
    deck = Deck.of(rows, currency="USD")

    assert len(deck) == len(rows)
    assert sorted(map(repr, deck)) == sorted(map(repr, rows))
