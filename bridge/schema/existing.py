"""Tables as the database itself tells them, in the same values as `sql/` is read into."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text

from bridge.errors import NotPrepared
from bridge.schema.migrations import Column, Key, Table

if TYPE_CHECKING:
    from sqlalchemy import BindParameter, Connection


def what_is_there(tx: Connection, names: Collection[str]) -> dict[str, Table]:
    """Those of the named tables that exist. One that is not stored in InnoDB is refused (R-66)."""
    return _there_sqlite(tx, names) if tx.dialect.name == "sqlite" else _there_mariadb(tx, names)


def _there_mariadb(tx: Connection, names: Collection[str]) -> dict[str, Table]:
    wanted = {"names": list(names)}
    columns: dict[str, list[Column]] = defaultdict(list)
    for name, *told in tx.execute(_COLUMNS, wanted):
        columns[name].append(_column_mariadb(*told))
    keys: dict[str, dict[tuple[str, bool], list[str]]] = defaultdict(lambda: defaultdict(list))
    for name, key, repeats, column in tx.execute(_KEYS, wanted):
        keys[name][key, not int(repeats)].append(column)
    for name, storage in tx.execute(_ENGINES, wanted):
        if storage != "InnoDB":
            raise NotPrepared(f"the table {name} is stored in {storage or 'a view'}; the bridge needs InnoDB")
    return {name: _table(name, columns[name], keys[name]) for name in columns}


def _column_mariadb(name: str, kind: str, nullable: str, collation: str | None, extra: str) -> Column:
    kind = re.sub(r"^((?:big|small|tiny)?int)\(\d+\)", r"\1", kind)  # a width for display, which MySQL stopped telling
    return Column(name, kind, nullable == "YES", collation or "", "auto_increment" in extra)


def _there_sqlite(tx: Connection, names: Collection[str]) -> dict[str, Table]:
    found = {}
    for name in names:
        rows = tx.execute(_SQLITE_COLUMNS, {"name": name}).all()
        keys: dict[tuple[str, bool], list[str]] = defaultdict(list)
        for key, unique, column in tx.execute(_SQLITE_KEYS, {"name": name}):
            keys[key, bool(unique)].append(column)
        primary = [column for column, _, _, place in sorted(rows, key=lambda row: row.pk) if place]
        keys["PRIMARY", True] = primary
        counted = bool(rows) and "AUTOINCREMENT" in (tx.execute(_SQLITE_SQL, {"name": name}).scalar() or "").upper()
        columns = [
            Column(column, kind.upper(), not required, counted=counted and [column] == primary)
            for column, kind, required, _ in rows
        ]
        if columns:
            found[name] = _table(name, columns, keys)
    return found


def _table(name: str, columns: Sequence[Column], keys: Mapping[tuple[str, bool], list[str]]) -> Table:
    others = frozenset(Key(key, tuple(of), unique) for (key, unique), of in keys.items() if key != "PRIMARY")
    return Table(name, tuple(columns), tuple(keys.get(("PRIMARY", True), ())), others)


_NAMES: BindParameter[str] = bindparam("names", expanding=True)
_COLUMNS = text(
    "SELECT table_name, column_name, column_type, is_nullable, collation_name, extra FROM information_schema.columns"
    " WHERE table_schema = DATABASE() AND table_name IN :names ORDER BY table_name, ordinal_position"
).bindparams(_NAMES)
_KEYS = text(
    "SELECT table_name, index_name, non_unique, column_name FROM information_schema.statistics"
    " WHERE table_schema = DATABASE() AND table_name IN :names ORDER BY table_name, index_name, seq_in_index"
).bindparams(_NAMES)
_ENGINES = text(
    "SELECT table_name, engine FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name IN :names"
).bindparams(_NAMES)
_SQLITE_COLUMNS = text('SELECT name, type, "notnull", pk FROM pragma_table_info(:name)')
_SQLITE_KEYS = text(
    'SELECT list.name, list."unique", info.name FROM pragma_index_list(:name) AS list'
    " JOIN pragma_index_info(list.name) AS info WHERE list.origin = 'c' ORDER BY list.name, info.seqno"
)
_SQLITE_SQL = text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name")
