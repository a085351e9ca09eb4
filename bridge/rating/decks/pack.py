"""The rows of a deck as bytes and back: what a cache and a store keep, read a hundred times faster than CSV.

    MAGIC  length of the head, 8 bytes  head, JSON  columns, one after the other, little-endian

The head holds what rows share (terms, texts) and whatever else its keeper wants to know of them.
"""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bridge.rating.decks.rows import DeckRows, Terms
from bridge.rating.rate import Band, Increments

MAGIC = b"bridge deck 1\n"
_COLUMNS = ("keys", "prices", "terms", "descriptions", "shorts", "changes", "premiums", "olds")


class NotPacked(ValueError):
    """These bytes are no rows of a deck, or of another version."""


def packed(rows: DeckRows, **known: Any) -> bytes:
    head = {
        "known": known,
        "lengths": [len(getattr(rows, name)) for name in _COLUMNS],
        "terms": [_terms_document(terms) for terms in rows.terms_known],
        "texts": rows.texts,
    }
    written = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
    columns = (_little_endian(getattr(rows, name)).tobytes() for name in _COLUMNS)
    return b"".join((MAGIC, len(written).to_bytes(8, "little"), written, *columns))


def unpacked(content: bytes) -> tuple[DeckRows, Mapping[str, Any]]:
    """The rows, and what was known with them."""
    start = len(MAGIC) + 8
    if content[: len(MAGIC)] != MAGIC or len(content) < start:
        raise NotPacked("these are not the rows of a deck")
    end = start + int.from_bytes(content[len(MAGIC) : start], "little")
    try:
        head = json.loads(content[start:end])
        rows = DeckRows(terms_known=[_terms_from(terms) for terms in head["terms"]], texts=head["texts"])
        for name, length in zip(_COLUMNS, head["lengths"], strict=True):
            column = array(getattr(rows, name).typecode)
            size = length * column.itemsize
            column.frombytes(memoryview(content)[end : end + size])
            end += size
            setattr(rows, name, _little_endian(column))
        if end != len(content):
            raise NotPacked("the rows of a deck were cut short")
    except (KeyError, TypeError, ValueError) as error:
        raise NotPacked("the rows of a deck cannot be read") from error
    rows.relearn()
    return rows, head["known"]


def _little_endian(column: array[int]) -> array[int]:
    if sys.byteorder == "big":
        column = column[:]
        column.byteswap()
    return column


def _terms_document(terms: Terms) -> list[Any]:
    sold = terms.increments
    return [
        [sold.first_seconds, sold.step_seconds, sold.min_seconds, sold.grace_seconds],
        terms.setup,
        terms.min_cost,
        terms.effective_from and terms.effective_from.isoformat(),
        terms.effective_to and terms.effective_to.isoformat(),
        terms.band and terms.band.spans,
        terms.caller_prefix,
        terms.is_custom,
    ]


def _terms_from(document: list[Any]) -> Terms:
    sold, setup, min_cost, start, end, spans, caller, is_custom = document
    return Terms(
        Increments(*sold),
        setup=setup,
        min_cost=min_cost,
        effective_from=datetime.fromisoformat(start) if start else None,
        effective_to=datetime.fromisoformat(end) if end else None,
        band=Band(tuple((first, last) for first, last in spans)) if spans is not None else None,
        caller_prefix=caller,
        is_custom=is_custom,
    )
