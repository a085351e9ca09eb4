"""Line breaks in quotes: a call that stands in several lines of a file is put into one, and is no call.

Without that its halves would be two calls, and one of them might be sold.
"""

from __future__ import annotations

import csv

import numpy as np

SPAN_BYTES_MAX = 1 << 20
"""A quote that ends further on is one that nobody ended."""

_QUOTE, _BREAK, _RETURN = b'"', b"\n", b"\r"


def in_one_line(lines: bytes, separator: bytes) -> tuple[bytes, int]:
    """Whole lines, with a return for each break in quotes. And how far that is known: behind it a quote is open."""
    if _QUOTE not in lines:
        return lines, len(lines)
    raw = np.frombuffer(lines, np.uint8)
    ends = np.flatnonzero(raw == ord(_BREAK))
    quotes = np.bincount(np.searchsorted(ends, np.flatnonzero(raw == ord(_QUOTE))), minlength=len(ends))
    odd = np.flatnonzero(quotes % 2)  # no other line leaves a quote open
    starts, stops = np.where(odd > 0, ends[odd - 1] + 1, 0).tolist(), ends[odd].tolist()
    found: list[bytes] = []
    done = place = 0
    while place < len(odd):
        start = starts[place]
        if not _is_open(lines[start : stops[place]], separator):
            place += 1
        elif place + 1 == len(odd):
            return b"".join((*found, lines[done:])), start if len(lines) - start <= SPAN_BYTES_MAX else len(lines)
        elif _is_one_row(lines[start : stops[place + 1]], separator):
            found += [lines[done:start], lines[start : stops[place + 1]].replace(_BREAK, _RETURN)]
            done, place = stops[place + 1], place + 2
        else:
            place += 1
    return b"".join((*found, lines[done:])), len(lines)


def _is_open(line: bytes, separator: bytes) -> bool:
    """Whether a reader would go on with the next line. A quote inside a cell is a letter."""
    reader = csv.reader([line.decode(errors="replace"), ""], delimiter=separator.decode())
    try:
        next(reader)
    except csv.Error:
        return False
    return reader.line_num > 1


def _is_one_row(lines: bytes, separator: bytes) -> bool:
    if len(lines) > SPAN_BYTES_MAX:
        return False
    rows = csv.reader(lines.decode(errors="replace").split("\n"), delimiter=separator.decode(), strict=True)
    try:
        return len(list(rows)) == 1
    except csv.Error:
        return False
