"""A file of calls read in pieces, against the csv module and `datetime` line by line."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rating.bulk.calls import Calls
from bridge.rating.bulk.calls_file import LINE_BYTES_MAX, UnreadableCalls, calls_in, csv_cell, read_calls
from bridge.rating.bulk.instants import instants_in, microseconds
from bridge.rating.bulk.texts import Texts
from bridge.rating.call import Call

HEADER = "id,direction,from,to,start,seconds"
GOOD = "a,outbound,1,2,2025-06-30T23:59:59Z,30"


def pieces(text: str | bytes, *, piece_bytes: int = 1 << 20) -> list[Calls]:
    raw = text if isinstance(text, bytes) else text.encode()
    return list(calls_in(io.BytesIO(raw), "calls.csv", piece_bytes=piece_bytes))


def calls(text: str | bytes, *, piece_bytes: int = 1 << 20) -> list[Call | str]:
    """Each line's call, or what is wrong with it."""
    return [
        piece.faults.get(place) or piece.call(place)
        for piece in pieces(text, piece_bytes=piece_bytes)
        for place in range(len(piece))
    ]


def the_call(line: str, *, header: str = HEADER) -> Call:
    (call,) = calls(f"{header}\n{line}\n")
    assert isinstance(call, Call), call
    return call


def the_fault(line: str, *, header: str = HEADER) -> str:
    (fault,) = calls(f"{header}\n{line}\n")
    assert isinstance(fault, str)
    return fault


def test_a_line_is_a_call() -> None:
    call = the_call("c-1,inbound,+1 (204) 555-0123,sip:44@x,2025-06-30T23:59:59+02:00,61")

    assert (call.id, call.direction, call.caller, call.called) == ("c-1", "inbound", "+1 (204) 555-0123", "sip:44@x")
    assert call.moment == datetime(2025, 6, 30, 21, 59, 59, tzinfo=UTC)
    assert call.seconds == 61


def test_columns_stand_in_any_order_and_what_is_not_known_is_named() -> None:
    text = "Seconds;to;note;start;FROM;direction;id;extension\n5;2;;2025-06-30T23:59:59Z;1;outbound;x,y;200\n"

    (piece,) = pieces(text)

    assert piece.call(0).extension == "200"
    assert (piece.call(0).called, piece.call(0).seconds) == ("2", 5)
    assert piece.ids.raw(0) == b'"x,y"', "as it has to be written"


def test_the_answer_decides_and_the_start_where_there_is_none() -> None:
    header = HEADER + ",answer"

    assert the_call(GOOD + ",2025-07-01T00:00:03Z", header=header).moment == datetime(2025, 7, 1, 0, 0, 3, tzinfo=UTC)
    assert the_call(GOOD + ",", header=header).moment == datetime(2025, 6, 30, 23, 59, 59, tzinfo=UTC)
    assert the_fault(GOOD + ",2025-06-30T23:59:58Z", header=header) == "answered before it started"
    assert the_fault(GOOD + ",soon", header=header).startswith("answer 'soon' is not a time")


@pytest.mark.parametrize(
    ("seconds", "read"),
    [("0", 0), ("61", 61), ("12345678", 12345678), ("999999999", 999999999), ("7.0", 7), ("7.001", 8), ("007", 7)],
)
def test_seconds_are_whole_and_what_is_begun_is_full(seconds: str, read: int) -> None:
    assert the_call(GOOD.replace(",30", f",{seconds}")).seconds == read


@pytest.mark.parametrize("seconds", ["", "-5", "-0", "+5", "1e3", "5s", "١٢", "0x10", "nan", "1 0", ".5", "1_0"])
def test_what_is_no_number_of_seconds_is_said(seconds: str) -> None:
    assert the_fault(GOOD.replace(",30", f",{seconds}")) == f"seconds {seconds!r} is not a number of seconds"


def test_more_seconds_than_anybody_talks_are_refused() -> None:
    assert the_fault(GOOD.replace(",30", ",1000000000")).endswith("is more than 999999999")
    assert the_fault(GOOD.replace(",30", "," + "9" * 5000)).endswith("is more than 999999999")


@pytest.mark.parametrize(
    ("start", "fault"),
    [
        ("2025-06-30T23:59:59", "has no offset from UTC"),
        ("2025-06-31T23:59:59Z", "is not a time such as 2025-06-30T23:59:59Z"),
        ("2025-02-29T00:00:00Z", "is not a time such as 2025-06-30T23:59:59Z"),
        ("2025-06-30T24:00:01Z", "is not a time such as 2025-06-30T23:59:59Z"),
        ("1751327999", "is not a time such as 2025-06-30T23:59:59Z"),
        ("", "is not a time such as 2025-06-30T23:59:59Z"),
        ("1969-12-31T23:59:59Z", "is not between 1970 and 2200"),
        ("1970-01-01T00:00:00+01:00", "is not between 1970 and 2200"),
        ("2200-01-01T00:00:00Z", "is not between 1970 and 2200"),
    ],
)
def test_what_is_no_instant_is_said(start: str, fault: str) -> None:
    assert the_fault(GOOD.replace("2025-06-30T23:59:59Z", start)) == f"start {start!r} {fault}"


def test_a_line_that_is_no_call_says_why_and_the_others_are_read() -> None:
    text = "\n".join(
        (
            HEADER,
            GOOD,
            "b,sideways,1,2,2025-06-30T23:59:59Z,30",
            "",
            "c,outbound,1,2",
            ",outbound,1,2,2025-06-30T23:59:59Z,30",
            'd"",outbound,1,2,2025-06-30T23:59:59Z,30',
            '"e,outbound,1,2,2025-06-30T23:59:59Z,30',
            "f,outbound,1,2,2025-06-30T23:59:59Z,30,more",
            GOOD,
        )
    )

    good, sideways, short, nameless, literal, open_quote, long, last = calls(text)

    assert good == last
    assert sideways == "direction 'sideways' is not one of outbound, inbound, local"
    assert short == "4 cells, where the header names 6"
    assert nameless == "no id"
    assert isinstance(literal, Call), "a quote inside a cell is a letter"
    assert literal.id == '"d"""""', literal.id
    assert open_quote == "a quote that does not end, or ends too early"
    assert long == "7 cells, where the header names 6"


AFTER = "2025-06-30T23:59:59Z"


@pytest.mark.parametrize("piece_bytes", [10, 50, 80, 1 << 20])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_break_in_quotes_makes_no_second_call(piece_bytes: int, end: str) -> None:
    """What stands behind the break has as many cells as a call."""
    text = end.join(
        (HEADER, GOOD, f'b,outbound,1,"2{end}c",x,{AFTER},30', f'"d{end}e",outbound,1,2,{AFTER},30', GOOD, "")
    )

    found = calls(text, piece_bytes=piece_bytes)

    good, last = the_call(GOOD), found[-1]
    assert (found[0], last) == (good, good)
    assert found[1:-1] == ["7 cells, where the header names 6", "a line break in it"]


def test_a_call_with_line_breaks_has_one_row_its_id_and_its_first_line() -> None:
    header = "note," + HEADER
    text = (
        f'{header}\n"x\n\ny",b,outbound,1,2,{AFTER},30\n\n'
        f',c,outbound,1,2,{AFTER},long\n"\nx","d\ne",outbound,1,2,{AFTER},3\n'
    )

    (piece,) = pieces(text)

    assert [piece.ids.text(place) for place in range(3)] == ["b", "c", "d e"]
    assert (piece.faults[0], piece.faults[2]) == ("a line break in it", "a line break in it")
    assert piece.lines == {0: 2, 1: 6, 2: 7}


def test_a_quote_that_nobody_ends_spoils_its_line_alone() -> None:
    text = f'{HEADER}\n"b,outbound,1,2,{AFTER},30\n{GOOD}\n"c,outbound,1,2,{AFTER},30\n{GOOD}\n'

    first, good, second, last = calls(text)

    assert good == last == the_call(GOOD)
    assert (first, second) == ("a quote that does not end, or ends too early",) * 2


def test_a_line_that_is_no_call_keeps_its_id() -> None:
    (piece,) = pieces(f"{HEADER}\nb,sideways,1,2,x,30\nc,outbound\n")

    assert [piece.ids.text(place) for place in (0, 1)] == ["b", "c"]


def test_bytes_that_are_no_text_spoil_their_line_alone() -> None:
    text = f"{HEADER}\n".encode() + GOOD.encode() + b"\nb\xff,outbound,1,2,2025-06-30T23:59:59Z,30\nc\0" + GOOD.encode()

    good, spoilt, zero = calls(text)

    assert isinstance(good, Call)
    assert (spoilt, zero) == ("not UTF-8 text", "a zero byte in it")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_marks_and_line_endings_of_other_systems_are_no_part_of_a_call(ending: str, mark: str) -> None:
    assert len(calls(mark + ending.join((HEADER, GOOD, GOOD, "")))) == 2
    assert the_call(GOOD) == calls(mark + ending.join((HEADER, GOOD)))[0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "calls.csv: the first line is empty, and should name the columns"),
        ("\n" + GOOD, "calls.csv: the first line is empty, and should name the columns"),
        ("id,direction,from,to,start\n", "calls.csv: line 1 names no column seconds; needed are id, direction"),
        (HEADER + ",id\n", "calls.csv: line 1 names the column id twice"),
        ("\x7fELF\x02\x01\x01\n", "calls.csv: line 1 names no column id"),
    ],
)
def test_what_is_no_file_of_calls_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(UnreadableCalls) as refused:
        pieces(text)

    assert str(refused.value).startswith(sentence)


def test_a_line_without_an_end_is_refused() -> None:
    with pytest.raises(UnreadableCalls, match="a line is longer than"):
        pieces(HEADER + "\n" + "x" * (LINE_BYTES_MAX + 10), piece_bytes=LINE_BYTES_MAX // 2)


def test_a_file_tells_how_far_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(HEADER + "\n" + (GOOD + "\n") * 10, encoding="utf-8")
    told: list[int] = []

    read = sum(map(len, read_calls(path, piece_bytes=100, told=told.append)))

    assert read == 10
    assert told[-1] == path.stat().st_size
    assert told == sorted(told)


instants = st.datetimes(datetime(1970, 1, 3), datetime(2199, 12, 29), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis adds the zone
offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.lists(st.builds(lambda moment, zone: moment.astimezone(zone), instants, offsets)), st.booleans())
def test_times_are_read_as_the_standard_library_reads_them(moments: list[datetime], short: bool) -> None:
    written = [moment.isoformat(timespec="milliseconds" if short else "auto") for moment in moments]

    read, good = instants_in(Texts.of([text.encode() for text in written]))

    assert good.all()
    assert read.tolist() == [microseconds(datetime.fromisoformat(text)) for text in written]


@given(
    st.lists(
        st.text("0123456789-+:.TZ ", max_size=33)
        | st.from_regex(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-9:.+Z-]*", fullmatch=True)
    )
)
def test_what_reads_as_a_time_is_one(written: list[str]) -> None:
    read, good = instants_in(Texts.of([text.encode() for text in written]))

    for text, instant, is_time in zip(written, read.tolist(), good.tolist(), strict=True):
        if is_time:
            assert instant == microseconds(datetime.fromisoformat(text))


cells = st.text(max_size=12).filter(lambda text: not set(text) & set("\r\n\0\ufffd"))
plain = st.text("abc019+ ,;\"'", max_size=20)
rows = st.lists(st.tuples(plain | cells, plain | cells, plain | cells), max_size=12)


@given(rows, st.integers(1, 200), st.sampled_from([",", ";", "\t"]))
def test_lines_are_cut_as_the_csv_module_cuts_them(
    rows: list[tuple[str, str, str]], piece_bytes: int, separator: str
) -> None:
    written = io.StringIO()
    table = csv.writer(written, delimiter=separator, lineterminator="\n")
    table.writerow(HEADER.split(","))
    for name, caller, called in rows:
        table.writerow([f"n{name}", "outbound", caller, called, "2025-06-30T23:59:59Z", "1"])

    read = calls(written.getvalue(), piece_bytes=piece_bytes)

    assert [(call.id, call.caller, call.called) for call in read if isinstance(call, Call)] == [
        (csv_cell(f"n{name}".encode()).decode(), caller, called) for name, caller, called in rows
    ]
