"""Every sealed column, and the place each of its values is sealed for: what a rotation of the master key walks over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, LargeBinary, Row, Table, func, select, update

from bridge.store import departments as department_store
from bridge.store import keys as key_store
from bridge.store import servers as server_store
from bridge.store import services as service_store
from bridge.store.mirror import SHELVES, Shelf
from bridge.tables import departments, keys, servers, services


@dataclass(frozen=True, slots=True)
class SealedColumn:
    column: Column[bytes]
    key: Column[Any]
    place_of: Callable[[Row[Any]], str]

    @property
    def table(self) -> Table:
        return self.column.table

    @property
    def name(self) -> str:
        return f"{self.table.name}.{self.column.name}"


@dataclass(frozen=True, slots=True)
class Sealed:
    """One value, as it was read."""

    key: Any
    place: str
    value: bytes


def _on(shelf: Shelf) -> SealedColumn:
    def place(row: Row[Any]) -> str:
        return shelf.place(row.tenant_id, getattr(row, shelf.column))

    return SealedColumn(shelf.table.c.secret, shelf.table.c.id, place)


COLUMNS = (
    SealedColumn(keys.c.secret, keys.c.id, lambda row: key_store.sealed_for(row.key_id, row.created_at)),
    SealedColumn(servers.c.secret, servers.c.server_id, lambda row: server_store.place_of(row.server_id)),
    SealedColumn(departments.c.secret, departments.c.name, lambda row: department_store.place_of(row.name)),
    SealedColumn(services.c.password, services.c.service_id, lambda row: service_store.place_of(row.service_id)),
    *(_on(shelf) for shelf in SHELVES.values()),
)


def page(
    tx: Connection, column: SealedColumn, *, versions: Collection[int], limit: int, after: Any = None
) -> list[Sealed]:
    """What a column holds under these versions, by key."""
    under = _version(column.column).in_([bytes((version,)) for version in versions])
    found = select(column.table).where(column.column.is_not(None), under).order_by(column.key).limit(limit)
    rows = tx.execute(found if after is None else found.where(column.key > after))
    return [
        Sealed(getattr(row, column.key.name), column.place_of(row), bytes(getattr(row, column.column.name)))
        for row in rows
    ]


def put(tx: Connection, column: SealedColumn, old: Sealed, value: bytes) -> bool:
    """False when the row is gone, or was given another secret meanwhile: that one is under the newest version."""
    mine = (column.key == old.key) & (column.column == old.value)
    return tx.execute(update(column.table).where(mine).values({column.column: value})).rowcount == 1


def counts(tx: Connection, within: Callable[[SealedColumn], bool] = lambda _: True) -> Counter[int]:
    """How many values are under which version."""
    total: Counter[int] = Counter()
    for each in filter(within, COLUMNS):
        version = _version(each.column)
        found = select(version, func.count()).where(each.column.is_not(None)).group_by(version)
        for first, count in tx.execute(found):
            total[int.from_bytes(bytes(first), "big")] += count
    return total


def _version(column: Column[bytes]) -> ColumnElement[bytes]:
    """The first byte; of an empty value none, which counts as version 0."""
    return func.substr(column, 1, 1, type_=LargeBinary())
