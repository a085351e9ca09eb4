"""A file of calls that is read as often as asked for, with its faults and their lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.calls_file import CallsFile
from bridge.errors import Refused

HEADER = "id,direction,from,to,start,seconds\n"
GOOD = "a,outbound,,12045550123,2026-11-01T10:00:00Z,61\n"
BAD = "b,outbound,,12045550123,2026-11-01T10:00:00Z,long\n"
WHY = "seconds 'long' is not a number of seconds"


def test_the_line_of_a_fault_counts_empty_lines_and_the_header(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_bytes((HEADER + BAD + "\n\r\n" + GOOD + BAD + BAD.rstrip()).encode())

    file = CallsFile(path)

    assert sum(map(len, file.pieces())) == 4
    assert file.faults == [(2, WHY), (6, WHY), (7, WHY)]


def test_a_fault_in_a_later_piece_has_its_line_too(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(HEADER + GOOD * 100_000 + BAD)  # more than one piece

    file = CallsFile(path)

    assert len(list(file.pieces())) > 1
    assert file.faults == [(100_002, WHY)]


def test_reading_again_counts_anew_and_tells_how_far_it_is(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(HEADER + BAD)
    told: list[object] = []
    file = CallsFile(path)

    for _ in range(2):
        assert sum(map(len, file.pieces(told.append))) == 1

    assert file.document() == {"errors": [{"line": 2, "reason": WHY}], "errors_count": 1}
    assert told == ["100 %", "100 %"]


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"calls\.csv: cannot be read: No such file"):
        list(CallsFile(tmp_path / "calls.csv").pieces())
    with pytest.raises(Refused, match="cannot be read: Is a directory"):
        list(CallsFile(tmp_path).pieces())
