"""Whole tables as rows of plain values, for backup and restore: exactly what is stored, whatever it means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    LargeBinary,
    TableClause,
    Text,
    column,
    delete,
    func,
    insert,
    select,
    table,
)
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.types import TypeEngine

from bridge.errors import Refused
from bridge.schema.migrations import Table
from bridge.tables import Utc

FETCHED_AT_ONCE = 200

_KINDS: Mapping[str, TypeEngine[Any]] = {
    **dict.fromkeys(("bigint", "int", "smallint", "tinyint"), BigInteger()),
    **dict.fromkeys(("varchar", "char", "longtext"), Text()),
    **dict.fromkeys(("binary", "varbinary"), LargeBinary()),
    "datetime": Utc(),
}


def snapshot(engine: Engine) -> Engine:
    """The same database, read as it was at one moment, however long that takes and whoever writes meanwhile."""
    if engine.dialect.name == "sqlite":
        return engine.execution_options(read_only=True)
    return engine.execution_options(isolation_level="REPEATABLE READ")


def counts(tx: Connection, names: Iterable[str]) -> dict[str, int]:
    return {name: tx.execute(select(func.count()).select_from(table(name))).scalar_one() for name in names}


def read(tx: Connection, stored: Table) -> Iterator[Sequence[Any]]:
    """Every row, in the order of its key. Few are held at a time."""
    plain = _plain(stored, [each.name for each in stored.columns])
    found = select(plain).order_by(*(plain.c[name] for name in stored.primary))
    with tx.execution_options(stream_results=True, yield_per=FETCHED_AT_ONCE).execute(found) as rows:
        for row in rows:
            yield tuple(row)


def add(tx: Connection, stored: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    values = [dict(zip(columns, row, strict=True)) for row in rows]
    try:
        if values:
            tx.execute(insert(_plain(stored, columns)), values)
    except (DataError, IntegrityError) as error:
        raise Refused(f"a row of {stored.name} does not fit into this database") from error


def remove_all(tx: Connection, name: str) -> None:
    tx.execute(delete(table(name)))


def _plain(stored: Table, columns: Sequence[str]) -> TableClause:
    """The table with columns that hand through what is stored; a document stays the text that it is."""
    kinds = {each.name: _KINDS[each.kind.partition("(")[0]] for each in stored.columns}
    return table(stored.name, *(column(name, kinds[name]) for name in columns))
