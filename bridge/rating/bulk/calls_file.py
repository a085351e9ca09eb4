"""A file of calls, CALLS.csv: read in pieces, each into columns. A line is a call; one that is none says why.

Lines without quotes are cut up by their commas all at once; whatever is unusual in a line is read on its own, as it
would be in any other CSV file.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from bridge.rating.bulk.calls import Calls
from bridge.rating.bulk.cells import calls_of
from bridge.rating.bulk.line_breaks import in_one_line
from bridge.rating.bulk.texts import MARGIN, Ints, Texts

REQUIRED = ("id", "direction", "from", "to", "start", "seconds")
OPTIONAL = ("extension", "answer", "client")
SEPARATORS = (b",", b";", b"\t")

PIECE_BYTES = 4 << 20
LINE_BYTES_MAX = 1 << 20

_MARK = b"\xef\xbb\xbf"


class UnreadableCalls(ValueError):
    """Not a file of calls; the message is the whole sentence."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where in a line each thing stands."""

    places: dict[str, int]
    count: int
    separator: bytes
    unused: tuple[str, ...]
    """What the header names and nobody reads."""


def read_calls(
    path: Path, *, piece_bytes: int = PIECE_BYTES, told: Callable[[int], object] = lambda _: None
) -> Iterator[Calls]:
    """The calls of a file, in its order. `told` hears after each piece how many bytes are read."""
    with path.open("rb") as file:
        yield from calls_in(file, path.name, piece_bytes=piece_bytes, told=told)


def calls_in(
    file: BinaryIO, name: str, *, piece_bytes: int = PIECE_BYTES, told: Callable[[int], object] = lambda _: None
) -> Iterator[Calls]:
    columns = read_header(file, name)
    rest, line = b"", 2
    while read := file.read(piece_bytes):
        lines, newline, rest = (rest + read).rpartition(b"\n")
        if len(rest) > LINE_BYTES_MAX:
            raise UnreadableCalls(f"{name}: a line is longer than {LINE_BYTES_MAX} bytes")
        if newline:
            lines += newline
            joined, known = in_one_line(lines, columns.separator)
            if known:
                yield _calls_of(joined[:known], lines[:known], columns, line)
            line += lines.count(b"\n", 0, known)
            rest = lines[known:] + rest
        told(file.tell())
    if rest:
        lines = rest + b"\n" * (not rest.endswith(b"\n"))
        yield _calls_of(in_one_line(lines, columns.separator)[0], lines, columns, line)


def read_header(file: BinaryIO, name: str) -> Columns:
    line = file.readline(LINE_BYTES_MAX).removeprefix(_MARK)
    if not line.strip():
        raise UnreadableCalls(f"{name}: the first line is empty, and should name the columns {', '.join(REQUIRED)}")
    read = [_names(line, separator) for separator in SEPARATORS]
    names = max(read, key=lambda names: len(set(REQUIRED) & set(names)))
    separator = SEPARATORS[read.index(names)]
    unused = tuple(column for column in names if column not in (*REQUIRED, *OPTIONAL))
    return Columns(places_of(names, f"{name}: line 1"), len(names), separator, unused)


def places_of(names: list[str], where: str) -> dict[str, int]:
    """Of each column that is read its place. `where` begins the sentence that says what is wrong with them."""
    missing = [column for column in REQUIRED if column not in names]
    if missing:
        raise UnreadableCalls(f"{where} names no column {missing[0]}; needed are {', '.join(REQUIRED)}")
    known = [column for column in names if column in (*REQUIRED, *OPTIONAL)]
    twice = next((column for column in known if known.count(column) > 1), None)
    if twice:
        raise UnreadableCalls(f"{where} names the column {twice} twice")
    return {column: names.index(column) for column in known}


def _names(line: bytes, separator: bytes) -> list[str]:
    text = line.decode(errors="replace").rstrip("\r\n")
    try:
        return [cell.strip().lower() for cell in next(csv.reader([text], delimiter=separator.decode()), [])]
    except csv.Error:  # whatever it is, it names no columns
        return []


def _calls_of(joined: bytes, lines: bytes, columns: Columns, first_line: int) -> Calls:
    """`joined` are the same lines, each call in one."""
    calls = calls_of(*_cut(joined, columns))
    return replace(calls, lines=_lines_of(calls.faults, joined, lines, first_line)) if calls.faults else calls


def _lines_of(faults: Iterable[int], joined: bytes, lines: bytes, first_line: int) -> dict[int, int]:
    """Where in the file each of these calls begins; empty lines are none."""
    ends = np.flatnonzero(np.frombuffer(lines, np.uint8) == ord("\n"))
    sizes = [len(line) + 1 for line in joined.split(b"\n")]
    filled = np.flatnonzero([line not in (b"", b"\r") for line in joined.split(b"\n")])
    begins = np.cumsum([0, *sizes])[filled]
    numbers = first_line + np.searchsorted(ends, begins)
    return {place: int(numbers[place]) for place in faults}


def _cut(lines: bytes, columns: Columns) -> tuple[dict[str, Texts], dict[int, str]]:
    """The cells of each column, and the lines that cannot be cut."""
    raw = np.frombuffer(lines, np.uint8)
    ends = np.flatnonzero(raw == ord("\n"))
    starts = np.concatenate((np.zeros(1, np.int64), ends[:-1] + 1))
    ends = ends - ((raw[ends - 1] == ord("\r")) & (ends > starts))
    filled = ends > starts
    starts, ends = starts[filled], ends[filled]

    separators = np.flatnonzero(raw == ord(columns.separator))
    counts = np.searchsorted(separators, ends) - np.searchsorted(separators, starts)
    odd = counts != columns.count - 1
    odd[np.searchsorted(ends, _unusual(lines, raw, columns))] = True
    inside = separators[np.repeat(~odd, counts)] if odd.any() else separators
    inside = inside.reshape(-1, columns.count - 1)
    befores = np.column_stack((starts[~odd] - 1, inside))
    afters = np.column_stack((inside, ends[~odd]))

    apart = [_read_apart(lines[starts[place] : ends[place]], columns) for place in np.flatnonzero(odd).tolist()]
    buffer = b"".join((lines, *(b"".join(line.cells.values()) for line in apart), MARGIN))
    faults = {place: line.fault for place, line in zip(np.flatnonzero(odd).tolist(), apart, strict=True) if line.fault}
    cells = {}
    for name, column in columns.places.items():
        begins, lengths = np.empty(len(starts), np.int64), np.empty(len(starts), np.int64)
        begins[~odd] = befores[:, column] + 1
        lengths[~odd] = afters[:, column] - befores[:, column] - 1
        cells[name] = Texts(buffer, begins, lengths)
    at = len(lines)
    for place, line in zip(np.flatnonzero(odd).tolist(), apart, strict=True):
        for name, cell in line.cells.items():
            cells[name].starts[place], cells[name].lengths[place] = at, len(cell)
            at += len(cell)
    return cells, faults


def _unusual(lines: bytes, raw: NDArray[np.uint8], columns: Columns) -> Ints:
    """Where there are quotes or what would need them, letters beyond ASCII, zero bytes, or returns inside a line."""
    found = [np.empty(0, np.int64)]
    if not lines.isascii():
        found.append(np.flatnonzero(raw >= 128))
    odd = b"" if columns.separator == b"," else b","
    found += [np.flatnonzero(raw == byte) for byte in b'"\0' + odd if byte in lines]
    if b"\r" in lines:
        returns = np.flatnonzero(raw == ord("\r"))
        found.append(returns[raw[returns + 1] != ord("\n")])
    return np.concatenate(found)


@dataclass(frozen=True, slots=True)
class _Line:
    cells: dict[str, bytes]
    fault: str = ""


def _read_apart(line: bytes, columns: Columns) -> _Line:
    """A line as the csv module reads it. The id is kept as it has to be written."""
    fault = ""
    text = line.decode(errors="replace")
    if "\ufffd" in text:
        fault = "not UTF-8 text"
    elif "\0" in text:
        fault = "a zero byte in it"
    text = text.replace("\0", "")
    try:
        values = next(csv.reader([text], delimiter=columns.separator.decode(), strict=True))
    except csv.Error:
        fault = fault or "a quote that does not end, or ends too early"
        values = text.replace('"', "").split(columns.separator.decode())
    if len(values) != columns.count:
        fault = fault or f"{len(values)} cells, where the header names {columns.count}"
        values += [""] * (columns.count - len(values))
    if any(mark in value for value in values for mark in "\r\n"):
        fault = fault or "a line break in it"
        values = [" ".join(filter(None, value.splitlines())) for value in values]
    cells = {name: values[place].encode() for name, place in columns.places.items()}
    return _Line(cells | {"id": csv_cell(cells["id"])}, fault)


def csv_cell(cell: bytes) -> bytes:
    """In quotes where it must be."""
    return b'"' + cell.replace(b'"', b'""') + b'"' if any(mark in cell for mark in b',"\r\n') else cell


def read_cell(cell: bytes) -> bytes:
    """What `csv_cell` wrote."""
    return cell[1:-1].replace(b'""', b'"') if cell.startswith(b'"') else cell
