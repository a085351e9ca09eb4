"""A price list as it comes: bytes become rows of cells, and what is lost on the way is said, row by row.

The file is read twice, a piece at a time: once for what it is (encoding, digest, whether it is text at all), once for
its rows. So its size does not matter, and a cell of 100 MB is refused before it is held.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple

LINE_BYTES_MAX = 1_000_000
SAMPLE_LINES = 200
DELIMITERS = (";", ",", "\t", "|")

_PIECE = 1 << 20
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f")) + b"\x7f"
_NOT_IN_1252 = b"\x81\x8d\x8f\x90\x9d"
_KINDS = (
    (b"PK\x03\x04", "a spreadsheet or an archive"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "compressed"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


Take = Callable[[int, list[str]], bool]
"""Whether somebody took a row, by its line and its cells, before it was made one."""


class NotASheet(ValueError):
    """The file cannot be taken as a whole. The message is why, and what to do."""


class Row(NamedTuple):
    line: int
    cells: list[str]
    trouble: str = ""
    """Why these cells are not to be believed."""


class Sheet:
    """A file that was looked through. `digest` is its bytes' SHA-256."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.encoding, self.digest, self.has_formula_sign = _look_through(file)

    @property
    def encoding_name(self) -> str:
        return "Windows-1252" if self.encoding == "cp1252" else "UTF-8"

    def sample(self) -> list[str]:
        """The first lines as text."""
        with self._text() as lines:
            return [line for line, _ in zip(lines, range(SAMPLE_LINES), strict=False)]

    def rows(self, delimiter: str, take: Take | None = None) -> Iterator[Row]:
        """Every row with a cell in it; rows that begin with # are remarks. What `take` takes is no row any more."""
        with self._text() as lines:
            yield from rows_of(lines, delimiter, take)

    @contextmanager
    def _text(self) -> Iterator[io.TextIOWrapper]:
        self._file.seek(0)
        lines = io.TextIOWrapper(self._file, encoding=self.encoding, newline="")
        try:
            yield lines
        finally:
            lines.detach()  # the file stays open for who opened it


def rows_of(lines: Iterator[str], delimiter: str, take: Take | None = None) -> Iterator[Row]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    last = 0
    while True:
        try:
            for cells in reader:
                line, last = last + 1, reader.line_num
                if take is not None and last == line and take(line, cells):
                    continue
                if last > line:
                    yield Row(line, cells, f"a cell runs on to line {last}; is a quote missing?")
                elif cells and _says_something(cells):
                    yield Row(line, cells)
        except csv.Error as error:
            line, last = last + 1, reader.line_num
            yield Row(line, [], _quoting_told(str(error)))
        else:
            return


def _says_something(cells: list[str]) -> bool:
    """Whether it is a row at all: no blank line, and no remark behind a #."""
    first = cells[0]
    if not first or first.isspace():
        return bool("".join(cells).strip())
    return first[0] != "#" or first == "#"


def _quoting_told(told: str) -> str:
    if "field limit" in told:
        return f"a cell is longer than {csv.field_size_limit()} characters; is a quote missing?"
    return "a quote is opened and not closed, or stands in the middle of a cell"


def _look_through(file: BinaryIO) -> tuple[str, str, bool]:
    file.seek(0)
    digest, utf8 = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")()
    is_utf8, fits_1252, has_formula_sign, size, rest = True, True, False, 0, 0
    while piece := file.read(_PIECE):
        if not size:
            _refuse_kinds(piece)
        size += len(piece)
        digest.update(piece)
        if len(piece.translate(None, _CONTROL)) != len(piece):
            raise NotASheet("this is not text; export the price list as CSV")
        rest = _refuse_long_lines(piece, rest)
        has_formula_sign = has_formula_sign or b"=" in piece
        fits_1252 = fits_1252 and len(piece.translate(None, _NOT_IN_1252)) == len(piece)
        if is_utf8:
            try:
                utf8.decode(piece)
            except UnicodeDecodeError:
                is_utf8 = False
    if not size:
        raise NotASheet("the file is empty")
    if is_utf8:
        try:
            utf8.decode(b"", final=True)
        except UnicodeDecodeError:
            is_utf8 = False
    if not is_utf8 and not fits_1252:
        raise NotASheet("this is neither UTF-8 nor Windows-1252; export the price list as CSV in UTF-8")
    return "utf-8-sig" if is_utf8 else "cp1252", digest.hexdigest(), has_formula_sign


def _refuse_kinds(start: bytes) -> None:
    for signature, kind in _KINDS:
        if start.startswith(signature):
            raise NotASheet(f"this is {kind}; export the price list as CSV in UTF-8")


def _refuse_long_lines(piece: bytes, begun: int) -> int:
    """Answers how long the line is that goes on in the next piece."""
    lines = piece.replace(b"\r", b"\n").split(b"\n")
    if max(begun + len(lines[0]), *map(len, lines)) > LINE_BYTES_MAX:
        raise NotASheet(f"a line is longer than {LINE_BYTES_MAX} bytes")
    return len(lines[-1]) + (begun if len(lines) == 1 else 0)
