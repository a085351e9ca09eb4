"""The catalogue of decks, and their rows as prices are found by: packed, in pieces, with every state they had.

    staged ── loading ── active ── withdrawn        what was staged and replaced is forgotten

Of the newest state all rows are kept; of each before it, what was added and removed to make the next.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from bridge.database import NOW
from bridge.tables import deck_rows, deck_states, decks

Kind = Literal["rows", "added", "removed"]
PIECE = 60_000
_PIECES_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """A deck in the catalogue, without its rows."""

    id: int
    provider: str
    series: str
    name: str
    direction: str
    currency: str
    route_class: str
    time_zone: str
    state: str
    effective_from: datetime
    table_name: str | None
    digest: str | None
    deck_state: int
    prefixes: int
    file_digest: str
    file_name: str
    reading: dict[str, Any]
    diff: dict[str, Any]
    staged_at: datetime
    staged_by: str
    activated_at: datetime | None
    activated_by: str | None
    withdrawn_at: datetime | None
    withdrawn_by: str | None


@dataclass(frozen=True, slots=True)
class Changed:
    """What began a state of a deck."""

    deck_state: int
    added: int
    removed: int
    noted_at: datetime
    noted_by: str


def get(tx: Connection, deck_id: int, *, lock: bool = False) -> Entry | None:
    asked = select(decks).where(decks.c.id == deck_id)
    row = tx.execute(asked.with_for_update() if lock else asked).one_or_none()
    return _entry(row) if row else None


def of_table(tx: Connection, name: str, *, lock: bool = False) -> Entry | None:
    asked = select(decks).where(decks.c.table_name == name)
    row = tx.execute(asked.with_for_update() if lock else asked).one_or_none()
    return _entry(row) if row else None


def listed(tx: Connection, *, provider: str | None = None, series: str | None = None) -> list[Entry]:
    """Newest first."""
    asked = select(decks).order_by(decks.c.id.desc())
    if provider is not None:
        asked = asked.where(decks.c.provider == provider)
    if series is not None:
        asked = asked.where(decks.c.series == series)
    return [_entry(row) for row in tx.execute(asked)]


def in_force(tx: Connection, series: str, moment: datetime) -> Entry | None:
    """The deck of a series that calls answered at that moment are priced by."""
    asked = (
        select(decks)
        .where(decks.c.series == series, decks.c.state == "active", decks.c.effective_from <= moment)
        .order_by(decks.c.effective_from.desc(), decks.c.id.desc())
        .limit(1)
    )
    row = tx.execute(asked).one_or_none()
    return _entry(row) if row else None


def active(tx: Connection, series: str | None = None) -> list[Entry]:
    """The decks of a series, or all, in the order in which they come into force."""
    asked = select(decks).where(decks.c.state == "active")
    if series is not None:
        asked = asked.where(decks.c.series == series)
    asked = asked.order_by(decks.c.series, decks.c.effective_from, decks.c.id)
    return [_entry(row) for row in tx.execute(asked)]


def table_names(tx: Connection, beginning: str) -> set[str]:
    asked = select(decks.c.table_name).where(decks.c.table_name.startswith(beginning, autoescape=True))
    return {name for name in tx.execute(asked).scalars() if name}


def add(tx: Connection, values: dict[str, Any]) -> int:
    """A staged deck. What was staged in its series before is replaced."""
    before = select(decks.c.id).where(decks.c.series == values["series"], decks.c.state == "staged")
    for deck_id in tx.execute(before).scalars().all():
        tx.execute(delete(deck_rows).where(deck_rows.c.deck_id == deck_id))
        tx.execute(delete(decks).where(decks.c.id == deck_id))
    done = tx.execute(insert(decks).values(**values, state="staged", deck_state=1, staged_at=NOW))
    assert done.inserted_primary_key is not None
    deck_id = done.inserted_primary_key[0]
    assert isinstance(deck_id, int)
    return deck_id


def change(tx: Connection, deck_id: int, **values: Any) -> None:
    tx.execute(update(decks).where(decks.c.id == deck_id).values(values))


def count_of_provider(tx: Connection, provider: str) -> int:
    asked = select(func.count()).select_from(decks).where(decks.c.provider == provider)
    found: int = tx.execute(asked).scalar_one()
    return found


# --- rows -------------------------------------------------------------------------------------------------------------


def keep_rows(tx: Connection, deck_id: int, deck_state: int, kind: Kind, content: bytes) -> None:
    squeezed = zlib.compress(content, 1)
    pieces = [
        {
            "deck_id": deck_id,
            "deck_state": deck_state,
            "kind": kind,
            "piece": number,
            "content": squeezed[start : start + PIECE],
        }
        for number, start in enumerate(range(0, len(squeezed), PIECE))
    ]
    for start in range(0, len(pieces), _PIECES_AT_ONCE):
        tx.execute(insert(deck_rows), pieces[start : start + _PIECES_AT_ONCE])


def rows(tx: Connection, deck_id: int, deck_state: int, kind: Kind) -> bytes | None:
    mine = (deck_rows.c.deck_id == deck_id) & (deck_rows.c.deck_state == deck_state) & (deck_rows.c.kind == kind)
    found: Sequence[bytes] = (
        tx.execute(select(deck_rows.c.content).where(mine).order_by(deck_rows.c.piece)).scalars().all()
    )
    return zlib.decompress(b"".join(found)) if found else None


def forget_rows(tx: Connection, deck_id: int, deck_state: int) -> None:
    mine = (deck_rows.c.deck_id == deck_id) & (deck_rows.c.deck_state == deck_state)
    tx.execute(delete(deck_rows).where(mine & (deck_rows.c.kind == "rows")))


def add_state(tx: Connection, deck_id: int, *, deck_state: int, added: int, removed: int, by: str) -> None:
    tx.execute(
        insert(deck_states).values(
            deck_id=deck_id, deck_state=deck_state, added=added, removed=removed, noted_at=NOW, noted_by=by[:128]
        )
    )


def states(tx: Connection, deck_id: int) -> list[Changed]:
    """Every state after the first, the newest first."""
    asked = select(deck_states).where(deck_states.c.deck_id == deck_id)
    found = tx.execute(asked.order_by(deck_states.c.deck_state.desc()))
    return [Changed(row.deck_state, row.added, row.removed, row.noted_at, row.noted_by) for row in found]


def _entry(row: Row[Any]) -> Entry:
    return Entry(**row._mapping)
