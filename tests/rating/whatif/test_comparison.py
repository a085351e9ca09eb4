"""What other prices would have made of the same calls: as rating them one by one says, client by client."""

from __future__ import annotations

import csv
import io
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from bridge.rating.bulk.calls import Calls
from bridge.rating.bulk.calls_file import calls_in
from bridge.rating.call import Call, CallClass, Direction
from bridge.rating.charge import Charge, rate_call
from bridge.rating.cost import cost_of
from bridge.rating.decks.deck import Deck
from bridge.rating.numbers.country_name import country_name
from bridge.rating.numbers.plan import region_of
from bridge.rating.numbers.site import site_of
from bridge.rating.packages.package import Package, PackageType, RatePlan, Tier, TierMode
from bridge.rating.rate import Rate
from bridge.rating.series import Series
from bridge.rating.terms import Terms
from bridge.rating.tiers import adjustment
from bridge.rating.usage import Usage
from bridge.rating.whatif.comparison import ADJUSTMENT, Comparison, TwoCurrencies
from bridge.rating.whatif.sums import Side
from tests.rating.bulk.test_engine import from_a_file
from tests.rating.worlds import NOON, World, a_world, some_rows

CLIENTS = ("", "7", "12", "Ann & Sons Ltd.", "Zoë")
CENT = 10**8


def as_csv(calls: Sequence[Call], clients: Sequence[str]) -> bytes:
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    table.writerow(("id", "direction", "from", "to", "start", "seconds", "answer", "client"))
    for call, client in zip(calls, clients, strict=True):
        answer = call.answer.isoformat() if call.answer else ""
        start = call.start.isoformat()
        table.writerow((call.id, call.direction, call.caller, call.called, start, call.seconds, answer, client))
    return written.getvalue().encode()


def compared(
    before: Terms,
    after: Terms,
    calls: Sequence[Call],
    clients: Sequence[str],
    *,
    largest: int = 5,
    piece: int = 1 << 20,
) -> Comparison:
    text = as_csv(calls, clients)

    def pieces(_what: str) -> Iterator[Calls]:
        return calls_in(io.BytesIO(text), "calls.csv", piece_bytes=piece)

    found = Comparison(before, after, largest=largest)
    with tempfile.TemporaryFile() as first, tempfile.TemporaryFile() as second:
        found.run(pieces, (first, second))
    return found


# --- every call by itself, in the order of its client's period --------------------------------------------------------


def one_by_one(terms: Terms, calls: Sequence[Call], clients: Sequence[str]) -> tuple[dict[str, Charge], dict[str, int]]:
    charges: dict[str, Charge] = {}
    usages: dict[str, Usage] = defaultdict(Usage)
    for call, client in sorted(zip(calls, clients, strict=True), key=lambda each: (each[0].moment, each[0].id)):
        charges[call.id] = rate_call(call, terms, usages[client])
    return charges, {client: adjustment(terms.package, usage) for client, usage in usages.items()}


def side_of(charge: Charge, call: Call, terms: Terms) -> Side:
    cost = cost_of(call, terms)
    is_bought = call.direction is Direction.OUTBOUND and call.seconds > 0
    return Side(
        charge.billed_seconds,
        charge.micro or 0,
        int(charge.micro is None and charge.cls is not CallClass.INVALID),
        cost.micro if cost else 0,
        int(cost is not None),
        int(cost is None and is_bought and charge.cls is CallClass.BILLABLE),
    )


def destination_of(call: Call, charge: Charge, deck: Series | None) -> str:
    if call.direction is Direction.INBOUND:
        return "inbound"
    if call.direction is Direction.LOCAL or not charge.number:
        return charge.cls.value
    held = deck.at(call.moment) if deck else None
    row = held.find(charge.number, call.moment) if held else None
    return (row and row.description) or (
        country_name(region_of(charge.number)) if region_of(charge.number) else "unknown"
    )


def slowly(
    before: Terms, after: Terms, calls: Sequence[Call], clients: Sequence[str]
) -> tuple[dict[tuple[str, str], tuple[int, Side, Side]], list[tuple[str, int, int]]]:
    was, was_adjusted = one_by_one(before, calls, clients)
    becomes, adjusted = one_by_one(after, calls, clients)
    lines: dict[tuple[str, str], tuple[int, Side, Side]] = defaultdict(lambda: (0, Side(), Side()))
    changes = []
    for call, client in zip(calls, clients, strict=True):
        old, new = was[call.id], becomes[call.id]
        key = client, destination_of(call, old, before.decks[Direction.OUTBOUND] or after.decks[Direction.OUTBOUND])
        count, first, second = lines[key]
        lines[key] = count + 1, first + side_of(old, call, before), second + side_of(new, call, after)
        if old.micro is not None and new.micro is not None and old.micro != new.micro:
            changes.append((call.id, old.micro, new.micro))
    for client in {*clients}:
        if was_adjusted[client] or adjusted[client]:
            lines[client, ADJUSTMENT] = 0, Side(revenue=was_adjusted[client]), Side(revenue=adjusted[client])
    changes.sort(key=lambda change: -abs(change[2] - change[1]))
    return dict(lines), changes


def lines_of(found: Comparison) -> dict[tuple[str, str], tuple[int, Side, Side]]:
    return {
        (found.client(line.client), found.destination(line.destination)): (line.calls, line.before, line.after)
        for line in found.lines()
    }


def named(world: World, chance: Random) -> World:
    """With descriptions in its deck, some of them shared and some missing."""
    if world.rows is None:
        return world
    return replace(
        world, rows=tuple(replace(row, description=chance.choice(("", "Near", "Far"))) for row in world.rows)
    )


@settings(deadline=None, max_examples=80)
@given(some.integers(0, 2**32), some.integers(300, 4000))
def test_every_sum_is_that_of_the_calls_rated_one_by_one(seed: int, piece: int) -> None:
    chance = Random(seed)
    world, other = (named(from_a_file(a_world(chance, calls=40)), chance) for _ in range(2))
    before, after = world.terms(), other.terms()
    for terms in (before, after):
        terms.cost = Series.of(Deck.of(some_rows(chance), currency="USD")) if chance.random() < 0.8 else None
    clients = [chance.choice(CLIENTS) for _ in world.calls]

    found = compared(before, after, world.calls, clients, piece=piece)

    lines, changes = slowly(before, after, world.calls, clients)
    assert lines_of(found) == lines
    assert [(each.id, each.before, each.after) for each in found.largest_changes()] == changes[:5]


# --- by hand ----------------------------------------------------------------------------------------------------------

UK, MOBILE, PARIS = "01144207946000", "011447700900123", "01133140000000"
DECK = (Rate("44", CENT, description="United Kingdom"), Rate("447", 5 * CENT, description="UK Mobile"))


def terms(*rows: Rate, cost: Sequence[Rate] | None = None, currency: str = "USD", **package: object) -> Terms:
    mine = replace(Package("any", 1, PackageType.METERED, currency, "US"), **package)  # type: ignore[arg-type]  # each test names its own keys
    deck = Series.of(Deck.of(rows, currency=currency)) if rows else None
    bought = deck if cost is None else Series.of(Deck.of(cost, currency=currency))
    return Terms(mine, site_of(mine), outbound=deck, cost=bought)


def a_call(name: str, to: str, seconds: int) -> Call:
    return Call(name, Direction.OUTBOUND, "", to, NOON, seconds)


def test_a_new_deck_is_compared_by_client_and_destination() -> None:
    calls = [a_call("a", UK, 60), a_call("b", MOBILE, 61), a_call("c", MOBILE, 60), a_call("d", PARIS, 60)]
    new = terms(Rate("44", 2 * CENT), Rate("447", 4 * CENT), Rate("33", CENT), markup=500_000)

    found = compared(terms(*DECK), new, calls, ["7", "7", "8", "8"])

    assert lines_of(found) == {
        ("7", "United Kingdom"): (1, Side(60, 10_000, 0, 10_000, 1), Side(60, 30_000, 0, 20_000, 1)),
        ("7", "UK Mobile"): (1, Side(120, 100_000, 0, 100_000, 1), Side(120, 120_000, 0, 80_000, 1)),
        ("8", "UK Mobile"): (1, Side(60, 50_000, 0, 50_000, 1), Side(60, 60_000, 0, 40_000, 1)),
        # held for want of a price, and sold by the new deck
        ("8", "France"): (1, Side(0, 0, 1, 0, 0), Side(60, 15_000, 0, 10_000, 1)),
    }
    assert found.totals() == (4, Side(240, 160_000, 1, 160_000, 3), Side(300, 225_000, 0, 150_000, 4))
    assert found.totals()[2].margin == 75_000
    assert found.currency == "USD"
    assert [(each.id, each.before, each.after) for each in found.largest_changes()] == [
        *(("a", 10_000, 30_000), ("b", 100_000, 120_000), ("c", 50_000, 60_000))
    ]


def test_a_margin_is_unknown_where_the_cost_of_a_call_is() -> None:
    """The carrier's list has no 447: all its revenue would be margin."""
    calls = [a_call("a", UK, 60), a_call("b", MOBILE, 60), replace(a_call("c", MOBILE, 0), seconds=0)]
    rows = Rate("44", 2 * CENT, description="United Kingdom"), Rate("447", 5 * CENT, description="UK Mobile")
    sold = terms(*rows, cost=(Rate("4420", CENT),))

    found = compared(sold, sold, calls, ["7", "7", "8"])

    margins = {key: (after.margin, after.without_cost) for key, (_, _, after) in lines_of(found).items()}
    assert margins == {
        ("7", "United Kingdom"): (10_000, 0),
        ("7", "UK Mobile"): (None, 1),
        ("8", "UK Mobile"): (0, 0),  # nobody answered
    }
    assert (found.totals()[2].margin, found.totals()[2].cost) == (None, 10_000)


def test_what_is_no_call_does_not_wait_for_a_price() -> None:
    calls = [a_call("a", "12", 60), a_call("b", PARIS, 60)]

    found = compared(terms(*DECK), terms(*DECK), calls, ["7", "7"])

    assert found.totals() == (2, Side(unpriced=1), Side(unpriced=1))


def test_each_client_has_the_allowance_to_itself() -> None:
    calls = [a_call(f"{place}", UK, 60) for place in range(6)]
    hybrid = terms(*DECK, type=PackageType.HYBRID, included_seconds=120)

    found = compared(terms(*DECK), hybrid, calls, ["7", "7", "7", "8", "8", ""])

    after = {client: after.revenue for (client, _), (_, _, after) in lines_of(found).items()}
    assert after == {"7": 10_000, "8": 0, "": 0}


def test_what_volume_tiers_adjust_belongs_to_the_client_and_to_no_call() -> None:
    tiered = terms(rate_plan=RatePlan.TIERED, tier_mode=TierMode.VOLUME, tiers=(Tier(60, 2 * CENT), Tier(None, CENT)))
    calls = [a_call("a", UK, 60), a_call("b", UK, 60), a_call("c", UK, 60)]

    found = compared(terms(*DECK), tiered, calls, ["7", "7", "8"])

    # by volume 120 s cost 0.01 a minute; 0.02 and 0.01 were charged
    assert lines_of(found)["7", ADJUSTMENT] == (0, Side(), Side(revenue=-10_000))
    assert ("8", ADJUSTMENT) not in lines_of(found)


def test_what_went_to_no_number_goes_by_its_class() -> None:
    calls = [a_call("a", "911", 60), replace(a_call("b", "201", 60), direction=Direction.LOCAL), a_call("c", "12", 60)]

    found = compared(terms(*DECK), terms(*DECK), calls, ["7", "7", "7"])

    assert {destination for _, destination in lines_of(found)} == {"emergency", "internal", "invalid"}
    assert found.largest_changes() == []


def test_amounts_that_no_column_can_hold_are_summed_and_found_all_the_same() -> None:
    huge = 9 * 10**18  # 900 million a minute
    calls = [a_call("a", UK, 999_999_999), a_call("b", UK, 60)]

    found = compared(terms(*DECK), terms(Rate("44", huge), cost=DECK), calls, ["7", "7"])

    minutes = 16_666_667  # 999 999 999 s, rounded up to whole minutes
    [line] = found.lines()
    assert line.after.revenue == (minutes + 1) * huge // 10_000
    assert line.after.cost == line.before.cost == (minutes + 1) * 10_000
    assert [each.id for each in found.largest_changes()] == ["a", "b"]


def test_amounts_that_no_column_can_hold_may_be_of_either_side() -> None:
    huge = 9 * 10**18
    calls = [a_call("a", UK, 999_999_999), a_call("b", UK, 999_999_999)]

    found = compared(terms(Rate("44", huge)), terms(*DECK), calls, ["7", "7"])

    minutes = 2 * 16_666_667
    [line] = found.lines()
    assert (line.before.revenue, line.before.cost) == (minutes * huge // 10_000, minutes * huge // 10_000)
    assert (line.after.revenue, line.after.cost) == (minutes * 10_000, minutes * 10_000)
    assert found.totals() == (2, line.before, line.after)


def test_the_largest_change_goes_first_whichever_way_it_goes() -> None:
    calls = [a_call("a", UK, 60), a_call("b", PARIS, 60), a_call("c", MOBILE, 60)]
    new = terms(Rate("44", CENT), Rate("447", CENT), Rate("33", 2 * CENT, description="France"))
    old = terms(*DECK, Rate("33", CENT, description="France"))

    found = compared(old, new, calls, ["7", "7", "7"])

    assert [found.destination(line.destination) for line in found.lines()] == ["UK Mobile", "France", "United Kingdom"]


def test_lines_go_by_what_changes_also_where_amounts_are_large() -> None:
    calls = [a_call(name, f"+{name}30123456789"[:13], 60) for name in ("49", "48", "33", "44")]
    old = {"49": 3000, "48": 0, "33": 0, "44": 0}
    new = {"49": 3001, "48": 100, "33": 4000, "44": 5000}
    decks = [[Rate(prefix, price * 100 * CENT) for prefix, price in prices.items()] for prices in (old, new)]

    found = compared(terms(*decks[0]), terms(*decks[1]), calls, [""] * 4)

    assert [line.after.revenue - line.before.revenue for line in found.lines()] == [
        *(5_000_000_000, 4_000_000_000, 100_000_000, 1_000_000)
    ]


def test_the_one_call_that_changes_most_is_found_wherever_it_stands() -> None:
    calls = [a_call("small", UK, 60), a_call("large", UK, 6000), a_call("middle", UK, 600)]

    found = compared(terms(*DECK), terms(*DECK, markup=500_000), calls, ["7", "7", "7"], largest=1)

    assert [each.id for each in found.largest_changes()] == ["large"]


def test_what_volume_tiers_adjusted_may_end_with_the_change() -> None:
    tiered = terms(rate_plan=RatePlan.TIERED, tier_mode=TierMode.VOLUME, tiers=(Tier(60, 2 * CENT), Tier(None, CENT)))

    found = compared(tiered, terms(*DECK), [a_call("a", UK, 60), a_call("b", UK, 60)], ["7", "7"])

    assert lines_of(found)["7", ADJUSTMENT] == (0, Side(revenue=-10_000), Side())


def test_a_number_without_a_row_goes_by_its_country_and_one_of_none_is_unknown() -> None:
    calls = [a_call("a", "01133140000000", 60), a_call("b", "+9990000000", 60), a_call("c", "+883510000000", 60)]

    found = compared(terms(), terms(), calls, ["7", "7", "7"])

    assert {destination for _, destination in lines_of(found)} == {"France", "unknown", "networks of no country"}


def test_a_row_without_a_description_goes_by_its_country() -> None:
    found = compared(terms(Rate("44", CENT)), terms(), [a_call("a", UK, 60)], ["7"])

    assert {destination for _, destination in lines_of(found)} == {"United Kingdom"}


def test_sides_add_up() -> None:
    assert Side(1, 2, 3, 4, 5) + Side(10, 20, 30, 40, 50) == Side(11, 22, 33, 44, 55)


def test_calls_are_bought_on_the_route_that_each_side_sells() -> None:
    bought = Series.of(Deck.of([Rate("44", CENT, premium=3 * CENT)], currency="USD"))
    before, after = terms(*DECK), terms(*DECK, route_class="premium")
    before.cost = after.cost = bought

    [line] = compared(before, after, [a_call("a", UK, 60)], ["7"]).lines()

    assert (line.before.cost, line.after.cost) == (10_000, 30_000)


def test_whoever_gives_the_calls_hears_what_for() -> None:
    heard: list[str] = []

    def pieces(what: str) -> Iterator[Calls]:
        heard.append(what)
        return calls_in(io.BytesIO(as_csv([], [])), "calls.csv")

    with tempfile.TemporaryFile() as first, tempfile.TemporaryFile() as second:
        Comparison(terms(*DECK), terms(*DECK), largest=1).run(pieces, (first, second))

    assert sorted(heard) == ["comparing", "rating as it is", "rating as it would be"]


def test_two_currencies_are_refused() -> None:
    for other in (terms(*DECK, currency="EUR"), replace_cost(terms(*DECK), "EUR")):
        with pytest.raises(TwoCurrencies, match="amounts in EUR and USD do not compare"):
            Comparison(terms(*DECK), other, largest=5)


def replace_cost(found: Terms, currency: str) -> Terms:
    found.cost = Series.of(Deck.of(DECK, currency=currency))
    return found


def test_no_calls_are_no_lines() -> None:
    found = compared(terms(*DECK), terms(), [], [])

    assert ([*found.lines()], found.totals(), found.largest_changes()) == ([], (0, Side(), Side()), [])
