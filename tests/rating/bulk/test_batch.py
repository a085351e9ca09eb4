"""A file of calls becomes a file of charges, whatever its pieces and its order."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as some

from bridge.rating.bulk.batch import Batch, Totals
from bridge.rating.bulk.calls_file import calls_in
from bridge.rating.bulk.charges import HEADER
from bridge.rating.call import SECONDS_MAX, Call, Direction
from bridge.rating.charge import rate_call
from bridge.rating.numbers.site import site_of
from bridge.rating.packages.package import OwnPrice, Package, PackageType
from bridge.rating.tiers import adjustment
from tests.rating.bulk.test_engine import from_a_file
from tests.rating.columns import line_of
from tests.rating.worlds import NOON, World, a_world

SECOND = timedelta(seconds=1)

worlds = some.randoms(use_true_random=False).map(lambda chance: from_a_file(a_world(chance, calls=30)))


def as_csv(calls: Sequence[Call]) -> bytes:
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    table.writerow(("id", "direction", "from", "to", "start", "seconds", "answer"))
    for call in calls:
        answer = call.answer.isoformat() if call.answer else ""
        table.writerow(
            (call.id, call.direction, call.caller, call.called, call.start.isoformat(), call.seconds, answer)
        )
    return written.getvalue().encode()


def in_a_batch(world: World, calls: Sequence[Call], *, piece_bytes: int = 1 << 20) -> tuple[list[str], Totals, int]:
    with tempfile.TemporaryFile() as spool:
        batch = Batch(world.terms(), world.usage(), spool)
        pieces = calls_in(io.BytesIO(as_csv(calls)), "calls.csv", piece_bytes=piece_bytes)
        lines = b"".join(map(batch.lines, batch.charges(pieces)))
        return lines.decode().splitlines(), batch.totals, batch.adjustment


def one_by_one(world: World) -> tuple[list[str], int]:
    """In the order of the calls given."""
    terms, usage = world.terms(), world.usage()
    in_order = sorted(world.calls, key=lambda call: (call.moment, call.id))
    lines = {call.id: line_of(rate_call(call, terms, usage), terms) for call in in_order}
    return [lines[call.id] for call in world.calls], adjustment(terms.package, usage)


@settings(deadline=None, max_examples=50)
@given(worlds, some.integers(200, 3000))
def test_a_file_costs_what_its_calls_cost(world: World, piece_bytes: int) -> None:
    lines, adjusted = one_by_one(world)

    assert in_a_batch(world, world.calls, piece_bytes=piece_bytes)[::2] == (lines, adjusted)


@settings(deadline=None, max_examples=50)
@given(worlds, some.randoms(use_true_random=False))
def test_the_order_of_a_file_changes_the_order_of_its_charges_alone(world: World, chance: Random) -> None:
    shuffled = chance.sample(world.calls, len(world.calls))

    lines, totals, adjusted = in_a_batch(world, shuffled, piece_bytes=500)

    sorted_lines, same_totals, same_adjusted = in_a_batch(world, world.calls)
    assert sorted(lines) == sorted(sorted_lines)
    assert [line.split(",")[0] for line in lines] == [call.id for call in shuffled]
    assert (totals, adjusted) == (same_totals, same_adjusted)


def test_calls_of_one_moment_go_by_their_ids_also_where_those_are_quoted() -> None:
    package = Package("any", 1, PackageType.HYBRID, "USD", "US", included_seconds=120, outbound=OwnPrice(10**8))
    calls = [Call(name, Direction.OUTBOUND, "", "442079460000", NOON, 50) for name in ("b", 'a",x', "a+", 'a"')]
    world = World(package, site_of(package), None, None, (), tuple(calls))

    lines, _, _ = in_a_batch(world, calls)

    names = [row[0] for row in csv.reader(lines)]
    free = [int(row[7]) for row in csv.reader(lines)]
    assert names == [call.id for call in calls]
    assert dict(zip(names, free, strict=True)) == {'a"': 60, 'a",x': 60, "a+": 0, "b": 0}


def by_the_whole_row(call: Call) -> tuple[object, ...]:
    """As they are counted: by moment and id, and of one id by the cells behind it."""
    return call.moment, call.id, call.direction, call.caller, call.called, call.extension, call.seconds


@settings(deadline=None, max_examples=50)
@given(worlds, some.randoms(use_true_random=False))
def test_calls_of_one_id_and_one_moment_cost_the_same_in_any_order(world: World, chance: Random) -> None:
    """Exports that were joined name a call twice, and what it costs is what the plain engine says of them."""
    same = [replace(call, id="7", start=NOON, answer=None) for call in world.calls]
    terms, usage = world.terms(), world.usage()
    expected = sorted(line_of(rate_call(call, terms, usage), terms) for call in sorted(same, key=by_the_whole_row))

    for calls in (same, chance.sample(same, len(same))):
        lines, _, adjusted = in_a_batch(world, calls, piece_bytes=500)

        assert (sorted(lines), adjusted) == (expected, adjustment(terms.package, usage))


def test_the_free_time_of_two_calls_of_one_id_goes_by_the_rest_of_the_row() -> None:
    package = Package("any", 1, PackageType.HYBRID, "USD", "US", included_seconds=60, outbound=OwnPrice(10**8))
    calls = [Call("7", Direction.OUTBOUND, "", number, NOON, 60) for number in ("442079460000", "12045550199")]
    world = World(package, site_of(package), None, None, (), tuple(calls))

    for order in (calls, calls[::-1]):
        lines, _, _ = in_a_batch(world, order)

        # 1204... comes before 4420... as text
        free = {row[2]: int(row[7]) for row in csv.reader(lines)}
        assert free == {"12045550199": 60, "442079460000": 0}


def test_a_column_grows_with_the_longest_call_of_any_piece() -> None:
    """Seconds that fit into two bytes, into four, and into eight, in pieces of a line or two."""
    package = Package("any", 1, PackageType.HYBRID, "USD", "US", included_seconds=2 * 10**9, outbound=OwnPrice(10**8))
    lengths = [30, 40_000, SECONDS_MAX, SECONDS_MAX, 50, 60]
    calls = [
        Call(f"c{place}", Direction.OUTBOUND, "", "442079460000", NOON + place * SECOND, seconds)
        for place, seconds in enumerate(lengths)
    ]
    world = World(package, site_of(package), None, None, (), tuple(calls))

    lines, totals, _ = in_a_batch(world, calls, piece_bytes=60)

    # in whole minutes; of the second long call 999,959,900 s are left, and nothing of those behind it
    assert [int(row[7]) for row in csv.reader(lines)] == [60, 40_020, 1_000_000_020, 999_959_900, 0, 0]
    assert totals.free_seconds == 2 * 10**9


def test_a_file_of_charges_has_its_columns_in_order() -> None:
    assert HEADER == b"id,class,number,rate_source,prefix,per_minute,billed_seconds,free_seconds,charge,note\n"


def test_totals_add_up_whatever_they_come_to() -> None:
    world = from_a_file(a_world(Random(3), calls=200))

    lines, totals, _ = in_a_batch(world, world.calls)

    rows = list(csv.reader(lines))
    assert totals.calls == len(rows) == sum(totals.classes.values())
    assert totals.billed_seconds == sum(int(row[6]) for row in rows)
    assert totals.free_seconds == sum(int(row[7]) for row in rows)
    assert totals.micro == sum(
        int(row[8].replace(".", "").ljust(1, "0") or 0) * 10 ** (6 - world.package.cost_decimals)
        for row in rows
        if row[8]
    )
