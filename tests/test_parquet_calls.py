"""Calls from Parquet: the same calls, the same charges and the same faults as from CSV."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from bridge.calls_file import CallsFile
from bridge.errors import Refused
from bridge.parquet_calls import read_parquet
from bridge.rating.bulk.calls import Calls
from bridge.rating.bulk.calls_file import LINE_BYTES_MAX, calls_in
from bridge.rating.call import Call, Direction

START = datetime(2026, 11, 1, 10, tzinfo=UTC)
ONE: dict[str, Any] = {
    "id": "a",
    "direction": "outbound",
    "from": "",
    "to": "12045550123",
    "start": "2026-11-01T10:00:00Z",
    "seconds": "61",
}
CALL = Call("a", Direction.OUTBOUND, "", "12045550123", START, 61)


def a_file(folder: Path, columns: Mapping[str, Any], **how: Any) -> Path:
    path = folder / "calls.parquet"
    pyarrow.parquet.write_table(pyarrow.table(dict(columns)), path, **how)
    return path


def of_rows(folder: Path, *rows: Mapping[str, Any], **how: Any) -> Path:
    return a_file(folder, {name: [{**ONE, **row}[name] for row in rows] for name in {**ONE, **rows[0]}}, **how)


def read(path: Path) -> list[Call]:
    return [calls.call(place) for calls in CallsFile(path).pieces() for place in range(len(calls))]


def faults(path: Path) -> list[tuple[int, str]]:
    file = CallsFile(path)
    for _ in file.pieces():
        pass
    return file.faults


@pytest.mark.parametrize(
    "column",
    [
        {},
        {"seconds": pyarrow.array([61])},
        {"seconds": pyarrow.array([60.2])},
        {"seconds": pyarrow.array([Decimal("60.01")])},
        {"to": pyarrow.array([12045550123])},
        {"from": pyarrow.array([None], pyarrow.string())},
        {"direction": pyarrow.array(["outbound"]).dictionary_encode()},
        {"start": pyarrow.array([START], pyarrow.timestamp("ms", "UTC"))},
        {"start": pyarrow.array([START], pyarrow.timestamp("ns", "America/New_York"))},
        {"start": pyarrow.array([START.astimezone(timezone(timedelta(hours=2))).isoformat()], pyarrow.large_string())},
        {"answer": pyarrow.array([None], pyarrow.timestamp("us", "UTC"))},
        {" ID ": pyarrow.array(["a"]), "id": None},
    ],
)
def test_a_cell_is_text_or_what_it_is(tmp_path: Path, column: dict[str, Any]) -> None:
    columns = {name: [value] for name, value in ONE.items()} | column

    assert read(a_file(tmp_path, {name: cells for name, cells in columns.items() if cells is not None})) == [CALL]


def test_a_row_that_is_no_call_says_why_and_which_it_is(tmp_path: Path) -> None:
    path = of_rows(
        tmp_path,
        {"extension": "201"},
        {"seconds": "long", "extension": "201"},
        {"id": "", "extension": "201"},
        {"start": "2026-11-01T10:00:00", "extension": "201"},
        {"id": "a\nb", "extension": "201"},
        {"to": "1204\x005550123", "extension": "201"},
        {"extension": "2\r01"},
        {"start": None, "extension": "201"},
    )

    assert faults(path) == [
        (2, "seconds 'long' is not a number of seconds"),
        (3, "no id"),
        (4, "start '2026-11-01T10:00:00' has no offset from UTC"),
        (5, "a line break in it"),
        (6, "a zero byte in it"),
        (7, "a line break in it"),
        (8, "start '' is not a time such as 2025-06-30T23:59:59Z"),
    ]


def test_bytes_that_are_no_text_are_no_call(tmp_path: Path) -> None:
    text = pyarrow.array([b"a\xff", "é".encode()]).view(pyarrow.string())
    columns = {name: [value, value] for name, value in ONE.items()} | {"id": text}

    path = a_file(tmp_path, columns)

    assert faults(path) == [(1, "not UTF-8 text")]
    assert read(path)[1].id == "é"


def test_an_id_is_kept_as_a_file_of_charges_writes_it(tmp_path: Path) -> None:
    path = of_rows(tmp_path, {"id": 'a,"b'}, {"id": "c"}, {"id": "d\ne"})

    (calls,) = CallsFile(path).pieces()

    assert [calls.ids.raw(place) for place in range(3)] == [b'"a,""b"', b"c", b"d e"]


def test_rows_are_counted_over_all_pieces(tmp_path: Path) -> None:
    bad = {"seconds": "long"}
    path = of_rows(tmp_path, {}, bad, {}, {}, bad, row_group_size=2)
    told: list[int] = []

    pieces = list(read_parquet(path, piece_rows=3, told=told.append))

    assert [line for calls in pieces for line in calls.lines.values()] == [2, 5]
    assert len(pieces) > 1
    assert told == sorted(told)
    assert told[-1] == path.stat().st_size


def test_a_file_without_a_row_has_no_call(tmp_path: Path) -> None:
    assert read(a_file(tmp_path, {name: pyarrow.array([], pyarrow.string()) for name in ONE})) == []


cells = {
    "id": some.text("abc,\"' é;", min_size=1, max_size=9),
    "direction": some.sampled_from(["outbound", " Inbound", "local", "sideways", ""]),
    "from": some.sampled_from(["", "12045550100", "+44 20 7946 0000"]),
    "to": some.sampled_from(["12045550123", "0044 20 7946 0000", "sip:201@pbx.example", "911", "", "é"]),
    "start": some.sampled_from(
        ["2026-11-01T10:00:00Z", "2026-11-01 12:00:00.250+02:00", "2026-11-01T10:00:00", "soon"]
    ),
    "seconds": some.sampled_from(["61", "0", "7.5", "-1", "", "1e3", "99999999999"]),
    "extension": some.sampled_from(["", "201"]),
    "answer": some.sampled_from(["", "2026-11-01T10:00:09Z", "2026-11-01T09:00:00Z"]),
}


def as_csv(rows: Sequence[Mapping[str, str]]) -> bytes:
    written = io.StringIO()
    table = csv.DictWriter(written, cells, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return written.getvalue().encode()


def told_of(pieces: Sequence[Calls]) -> list[Any]:
    return [
        calls.faults.get(place) or (calls.call(place), calls.ids.raw(place))
        for calls in pieces
        for place in range(len(calls))
    ]


@settings(deadline=None)
@given(rows=some.lists(some.fixed_dictionaries(cells), min_size=1, max_size=9))
def test_parquet_is_judged_as_csv_is(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]]) -> None:
    path = a_file(tmp_path_factory.mktemp("calls"), {name: [row[name] for row in rows] for name in cells})

    assert told_of(list(read_parquet(path, piece_rows=4))) == told_of(list(calls_in(io.BytesIO(as_csv(rows)), "c.csv")))


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"to": None}, r"calls\.parquet names no column to; needed are id, direction, from, to, start, seconds"),
        ({"To": ["1"]}, r"calls\.parquet names the column to twice"),
        (
            {"start": [START.replace(tzinfo=None)]},
            r"calls\.parquet: the column start holds timestamp\[us\], and should hold text or times in UTC",
        ),
        ({"to": [1.2e10]}, r"calls\.parquet: the column to holds double, and should hold text or whole numbers"),
        ({"seconds": [[61]]}, r"the column seconds holds list<element: int64>, and should hold numbers"),
        ({"direction": [1]}, r"the column direction holds int64, and should hold text"),
        ({"id": [b"a"]}, r"the column id holds binary, and should hold text or whole numbers"),
        ({"id": ["a" * (LINE_BYTES_MAX + 1)]}, r"a cell of the column id is longer than 1048576 bytes"),
    ],
)
def test_a_table_that_holds_no_calls_is_refused_in_a_sentence(
    tmp_path: Path, columns: dict[str, Any], why: str
) -> None:
    mixed = {name: [value] for name, value in ONE.items()} | columns

    path = a_file(tmp_path, {name: cells for name, cells in mixed.items() if cells is not None})

    with pytest.raises(Refused, match=why):
        read(path)


@pytest.mark.parametrize("content", [b"", b"id,direction\n", b"PAR1" + bytes(64) + b"PAR1"])
def test_a_file_that_is_no_parquet_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "calls.parquet"
    path.write_bytes(content)

    with pytest.raises(Refused, match=r"calls\.parquet: not a Parquet file that can be read: \S"):
        read(path)


def test_a_damaged_page_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = of_rows(tmp_path, *[{"id": str(place)} for place in range(1000)], compression="gzip", use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[100:400] = bytes(300)
    path.write_bytes(content)

    with pytest.raises(Refused, match=r"calls\.parquet: not a Parquet file that can be read: \S"):
        read(path)


def test_a_file_that_is_not_there_is_refused_as_any_other(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"none\.parquet: cannot be read: No such file"):
        read(tmp_path / "none.parquet")


def test_without_the_extra_one_sentence_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = of_rows(tmp_path, {})
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(Refused, match=r"calls\.parquet: .* run 'pip install pyarrow' .*, or give the calls as CSV"):
        read(path)
