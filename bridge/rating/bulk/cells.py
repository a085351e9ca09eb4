"""Cells of a file, as text, become calls: the same words for what is wrong with one, whatever file it stands in."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from bridge.rating.bulk.calls import DIRECTIONS, Calls
from bridge.rating.bulk.instants import instants_in, microseconds
from bridge.rating.bulk.texts import MARGIN, Ints, Texts, whole_numbers_in
from bridge.rating.call import SECONDS_MAX, SINCE, UNTIL, read_instant

SHOWN_MAX = 40

_SECONDS = re.compile(r"(\d+)(\.\d*)?", re.ASCII)
_SINCE, _UNTIL = microseconds(SINCE), microseconds(UNTIL)


def calls_of(cells: dict[str, Texts], faults: dict[int, str]) -> Calls:
    """`cells` by the name of their column; the optional ones may be missing. `faults` are those known before."""
    count = len(cells["id"])
    none = Texts(MARGIN, np.zeros(count, np.int64), np.zeros(count, np.int64))
    for place in np.flatnonzero(cells["id"].lengths == 0).tolist():
        faults.setdefault(place, "no id")
    moments = _moments(cells["start"], "start", faults)
    if "answer" in cells:
        answers = _moments(cells["answer"], "answer", faults, otherwise=moments)
        for place in np.flatnonzero(answers < moments).tolist():
            faults.setdefault(place, "answered before it started")
        moments = answers
    return Calls(
        ids=cells["id"],
        directions=_directions(cells["direction"], faults),
        callers=cells["from"],
        called=cells["to"],
        extensions=cells.get("extension", none),
        moments=moments,
        seconds=_seconds(cells["seconds"], faults),
        clients=cells.get("client", none),
        faults=faults,
    )


def _directions(texts: Texts, faults: dict[int, str]) -> NDArray[np.int8]:
    found = np.full(len(texts), -1, np.int8)
    for place, direction in enumerate(DIRECTIONS):
        found[texts.equal(direction.encode())] = place
    for place in np.flatnonzero(found == -1).tolist():
        text = texts.text(place).strip().lower()
        if text in DIRECTIONS:
            found[place] = DIRECTIONS.index(text)
        else:
            faults.setdefault(place, f"direction {shown(texts, place)} is not one of {', '.join(DIRECTIONS)}")
    return found


def _seconds(texts: Texts, faults: dict[int, str]) -> Ints:
    """Whole seconds; what is begun is full."""
    values, good = whole_numbers_in(texts)
    for place in np.flatnonzero(~good).tolist():
        read = _SECONDS.fullmatch(texts.text(place).strip())
        if read is None:
            faults.setdefault(place, f"seconds {shown(texts, place)} is not a number of seconds")
            values[place] = 0
            continue
        whole, part = read.groups(default="")
        value = int(whole[-20:]) + (part.strip(".0") != "")
        if value > SECONDS_MAX or len(whole) > 20:
            faults.setdefault(place, f"seconds {shown(texts, place)} is more than {SECONDS_MAX}")
            value = 0
        values[place] = value
    return values


def _moments(texts: Texts, column: str, faults: dict[int, str], otherwise: Ints | None = None) -> Ints:
    """Instants; an empty cell takes the other's."""
    values, good = instants_in(texts)
    good &= (values >= _SINCE) & (values < _UNTIL)
    if otherwise is not None:
        empty = texts.lengths == 0
        values, good = np.where(empty, otherwise, values), good | empty
    for place in np.flatnonzero(~good).tolist():
        values[place] = 0
        try:
            values[place] = microseconds(read_instant(texts.text(place)))
        except ValueError as rule:
            faults.setdefault(place, f"{column} {shown(texts, place)} {rule}")
    return values


def shown(texts: Texts, place: int) -> str:
    """A cell as a sentence may quote it."""
    text = texts.text(place)
    return repr(text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…")
